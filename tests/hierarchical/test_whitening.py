"""The whitened log density: against the plain sum, central differences and a PyMC model that shares no equation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from igkinetics.hierarchical.cohort_arrays import CohortArrays, cohort_arrays
from igkinetics.hierarchical.likelihood import log_likelihood
from igkinetics.hierarchical.whitening import fill_log_density, fill_points
from made_records import drawn, planned, problem_of
from scripts import script

ERROR, RATIO = np.array([0.25, 0.08]), np.array([0.1, -0.15])
STEP = 1e-5


def somewhere(seed: int) -> tuple[CohortArrays, list[np.ndarray], np.ndarray, np.ndarray]:
    """A cohort of three, the differentiable arguments, H and h."""
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
    linear = generator.standard_normal((n, 3, p))
    linear[:, 0] += np.einsum("ijk,ik->ij", information, mu)
    root = np.tril(0.05 * generator.standard_normal((p, p)), -1) + np.diag(generator.uniform(0.1, 0.4, p))
    z = generator.standard_normal((n, p))
    return arrays, [z, mu, root, ERROR.copy(), RATIO.copy()], information, linear


def density(
    arrays: CohortArrays, at: list[np.ndarray], information: np.ndarray, linear: np.ndarray
) -> tuple[float, list[np.ndarray]]:
    filled = [np.empty_like(one) for one in at]
    return fill_log_density(*at, 0, information, linear, *arrays, *filled), filled


def points(at: list[np.ndarray], information: np.ndarray, linear: np.ndarray) -> np.ndarray:
    x = np.empty_like(at[0])
    fill_points(at[0], at[1], at[2], at[4], information, linear, x)
    return x


def test_it_is_likelihood_times_normal_times_jacobian() -> None:
    arrays, at, information, linear = somewhere(1)
    x = points(at, information, linear)
    expected = log_likelihood(x, ERROR, 0, arrays, RATIO)[0]
    omega = at[2] @ at[2].T
    for row, mean in zip(x, at[1], strict=True):
        expected += stats.multivariate_normal(mean, omega).logpdf(row)
    for i in range(x.shape[0]):
        columns = []
        for j in range(x.shape[1]):
            moved = [one.copy() for one in at]
            moved[0][i, j] += 1.0  # x is affine in z: a step of any length gives the slope
            columns.append(points(moved, information, linear)[i] - x[i])
        expected += np.linalg.slogdet(np.array(columns))[1]
    assert density(arrays, at, information, linear)[0] == pytest.approx(expected, rel=1e-11)


def test_any_whitening_gives_the_same_density_of_the_parameters() -> None:
    arrays, at, information, linear = somewhere(2)
    x = points(at, information, linear)
    value = density(arrays, at, information, linear)[0]
    lower = np.linalg.cholesky(information + np.linalg.inv(at[2] @ at[2].T))
    per_x = value + np.log(np.diagonal(lower, axis1=1, axis2=2)).sum()
    bare_lower = np.linalg.cholesky(np.linalg.inv(at[2] @ at[2].T))
    same_x = [np.einsum("kj,ik->ij", bare_lower, x - at[1]), *at[1:]]  # what z is when H = 0
    bare = density(arrays, same_x, np.zeros_like(information), np.zeros_like(linear))[0]
    bare += x.shape[0] * np.log(np.diag(bare_lower)).sum()
    assert bare == pytest.approx(per_x, rel=1e-10)


@pytest.mark.parametrize("which", range(5))
def test_gradient_is_that_of_central_differences(which: int) -> None:
    arrays, at, information, linear = somewhere(3)
    gradient = density(arrays, at, information, linear)[1][which]
    for place in np.ndindex(*at[which].shape):
        if which == 2 and place[1] > place[0]:
            assert gradient[place] == 0.0
            continue
        ends = []
        for sign in (1.0, -1.0):
            moved = [one.copy() for one in at]
            moved[which][place] += sign * STEP
            ends.append(density(arrays, moved, information, linear)[0])
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
    ours = log_density_of(population, prepared.arrays, 0, np.zeros((n, p, p)), np.zeros((n, 3, p)))(eta, phi)[0]
    # without information H the map is x = mu + omega z: z is eta, and log Normal(x) + log|dx/dz| = log Normal(eta)
    assert ours == pytest.approx(float(plain), rel=1e-9)
