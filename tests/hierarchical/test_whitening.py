"""The whitened log density: against the plain sum, central differences and a PyMC model that shares no equation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar

from igkinetics.hierarchical.cohort_arrays import CohortArrays, cohort_arrays
from igkinetics.hierarchical.coordinates import Coordinates, bend_of, no_coordinates
from igkinetics.hierarchical.likelihood import log_likelihood
from igkinetics.hierarchical.population import Parts
from igkinetics.hierarchical.whitening import MOST_BEND, fill_log_density, fill_points
from made_records import drawn, planned, problem_of
from scripts import script

ERROR, RATIO = np.array([0.25, 0.08]), np.array([0.1, -0.15, -0.4])
STEP = 1e-5


def somewhere(seed: int) -> tuple[CohortArrays, list[np.ndarray], Coordinates]:
    """A cohort of three, the differentiable arguments, and coordinates that nothing was made for."""
    generator = np.random.default_rng(seed)
    problems = []
    for k in range(3):
        patient = drawn(planned(doses=[(30.0, 28.0), (58.0, 28.0)], patient_id=f"P{k}"), generator).patient
        problems.append(problem_of(patient))
        problems[-1].schedule[problems[-1].schedule[:, 0] >= 30.0, 6] = 1.0  # the ratios act from the first infusion on
    arrays = cohort_arrays(problems)
    n, p = arrays.used.shape
    mu = np.array([[dict(zip(one.names, one.mu, strict=True))[name] for name in arrays.names] for one in problems])
    factor = generator.standard_normal((n, p, p))
    information = factor @ factor.transpose(0, 2, 1)
    linear = generator.standard_normal((n, 4, p))
    linear[:, 0] += np.einsum("ijk,ik->ij", information, mu)
    root = np.tril(0.05 * generator.standard_normal((p, p)), -1) + np.diag(generator.uniform(0.1, 0.4, p))
    ridge = np.stack([mu + 0.1 * generator.standard_normal((n, p)), generator.standard_normal((n, p))], axis=1)
    bend = np.array([bend_across(direction, generator) for direction in ridge[:, 1]])
    z = generator.standard_normal((n, p))
    return arrays, [z, mu, root, ERROR.copy(), RATIO.copy()], Coordinates(information, linear, ridge, bend)


def bend_across(direction: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A symmetric matrix that gives 0 along the direction."""
    across = np.eye(direction.size) - np.outer(direction, direction) / (direction @ direction)
    factor = 0.3 * generator.standard_normal((direction.size, direction.size))
    return np.asarray(across @ (factor + factor.T) @ across)


def density(arrays: CohortArrays, at: list[np.ndarray], coordinates: Coordinates) -> tuple[float, list[np.ndarray]]:
    by_z, *by = [np.empty_like(array) for array in at]
    return fill_log_density(at[0], Parts(*at[1:]), coordinates, arrays, by_z, Parts(*by)), [by_z, *by]


def points(at: list[np.ndarray], coordinates: Coordinates) -> np.ndarray:
    x = np.empty_like(at[0])
    fill_points(at[0], Parts(*at[1:]), coordinates, x)
    return x


def test_it_is_likelihood_times_normal_times_jacobian() -> None:
    arrays, at, coordinates = somewhere(1)
    x = points(at, coordinates)
    expected = log_likelihood(x, ERROR, arrays, RATIO)[0]
    omega = at[2] @ at[2].T
    for row, mean in zip(x, at[1], strict=True):
        expected += stats.multivariate_normal(mean, omega).logpdf(row)
    for i in range(x.shape[0]):
        columns = []
        for j in range(x.shape[1]):
            ends = {}
            for step in (1e-3, -1e-3, 5e-4, -5e-4):
                moved = [one.copy() for one in at]
                moved[0][i, j] += step
                ends[step] = points(moved, coordinates)[i]
            wide, near = ((ends[step] - ends[-step]) / (2.0 * step) for step in (1e-3, 5e-4))
            columns.append((4.0 * near - wide) / 3.0)
        expected += np.linalg.slogdet(np.array(columns))[1]
    assert density(arrays, at, coordinates)[0] == pytest.approx(expected, rel=1e-10)


def test_any_whitening_gives_the_same_density_of_the_parameters() -> None:
    arrays, at, coordinates = somewhere(2)
    x = points(at, coordinates)
    value = density(arrays, at, coordinates)[0]
    lower = np.linalg.cholesky(coordinates.information + np.linalg.inv(at[2] @ at[2].T))
    per_x = value + np.log(np.diagonal(lower, axis1=1, axis2=2)).sum()
    bare_lower = np.linalg.cholesky(np.linalg.inv(at[2] @ at[2].T))
    same_x = [np.einsum("kj,ik->ij", bare_lower, x - at[1]), *at[1:]]  # what z is when H = 0 and nothing is bent
    bare = density(arrays, same_x, no_coordinates(*x.shape))[0]
    bare += x.shape[0] * np.log(np.diag(bare_lower)).sum()
    assert bare == pytest.approx(per_x, rel=1e-10)


def test_a_bend_has_an_end() -> None:
    _, at, coordinates = somewhere(6)
    far = [1e3 * at[0], *at[1:]]
    straight = points(far, coordinates._replace(bend=np.zeros_like(coordinates.bend)))
    bent = points(far, coordinates) - straight
    steps = np.linalg.norm(bent, axis=1) / np.linalg.norm(coordinates.ridge[:, 1], axis=1)
    assert np.all((steps > 0.99 * MOST_BEND) & (steps <= (1.0 + 1e-9) * MOST_BEND))


def test_the_bend_follows_the_curved_ridge_of_a_patient() -> None:
    """Along the direction known best, the mode given the rest moves as the parabola says, to third order."""
    problem = problem_of(drawn(planned(doses=[(30.0, 28.0)]), np.random.default_rng(4)).patient)
    x, _ = problem.minimum_from(problem.mu)
    direction, bend = bend_of(problem, x, problem.sd)
    assert np.abs(bend @ direction).max() < 1e-10 * np.abs(bend).max()
    hessian = 0.5 * problem.hessian(x)
    other = np.random.default_rng(5).standard_normal(x.size) * problem.sd
    other -= direction * (direction @ hessian @ other) / (direction @ hessian @ direction)
    left = []
    for size in (0.2, 0.1):
        y = x + size * other
        mode = minimize_scalar(lambda c, y=y: problem.value_and_gradient(y + c * direction)[0], tol=1e-12).x
        expected = 0.5 * size**2 * other @ bend @ other
        assert abs(mode - expected) < 0.2 * abs(expected)
        left.append(abs(mode - expected))
    assert left[1] < left[0] / 6.0  # 8 for a third order remainder


@pytest.mark.parametrize("which", range(5))
def test_gradient_is_that_of_central_differences(which: int) -> None:
    arrays, at, coordinates = somewhere(3)
    gradient = density(arrays, at, coordinates)[1][which]
    for place in np.ndindex(*at[which].shape):
        if which == 2 and place[1] > place[0]:
            assert gradient[place] == 0.0
            continue
        ends = []
        for sign in (1.0, -1.0):
            moved = [one.copy() for one in at]
            moved[which][place] += sign * STEP
            ends.append(density(arrays, moved, coordinates)[0])
        assert gradient[place] == pytest.approx((ends[0] - ends[1]) / (2.0 * STEP), rel=2e-6, abs=2e-5)


def test_a_plain_pymc_model_has_the_same_log_density() -> None:
    """Written without our equations, non-centred: at the same point the two differ by the change of variables alone."""
    from igkinetics import read_cohort
    from igkinetics.cards.load import load_card
    from igkinetics.hierarchical.fit import HierarchicalOptions, prepare_cohort
    from igkinetics.hierarchical.laplace import log_density_of
    from igkinetics.resources import resource_folder

    cohort = read_cohort(resource_folder("data") / "blina23")
    prepared = prepare_cohort(cohort, load_card("adult_b_cell_depletion"), HierarchicalOptions())
    population = prepared.population("base")
    n, p = population.offset.shape
    generator = np.random.default_rng(5)
    eta = 0.5 * generator.standard_normal((n, p))
    phi = population.prior_mean + 0.5 * population.prior_sd * generator.standard_normal(population.prior_mean.size)
    model = script("benchmarks/plain_model.py").plain_model(prepared)
    plain = model.compile_logp(mode="FAST_COMPILE")({"phi": phi[population.active], "eta": eta})
    ours = log_density_of(population, prepared.arrays, no_coordinates(n, p))(eta, phi)[0]
    # without information H the map is x = mu + omega z: z is eta, and log Normal(x) + log|dx/dz| = log Normal(eta)
    assert ours == pytest.approx(float(plain), rel=1e-9)
