"""Against other engines and against integrals taken by brute force.

population_200_*.csv: 200 patients simulated from C = C0((1-S) + S exp(-kt)) + sum of D/V exp(-k(t - td)), log C with
Normal error. Their exact maximum, by nine-node quadrature independent of this package: log likelihood of log C
935.65525 at log k -3.53327, log V 1.63262, log C0 2.20825, logit S 0.63024, SD 0.23033, 0.21674, 0.28378, 0.67114,
sigma 0.100417. nlmixr2's FOCEI reaches 932.5414 by its own approximation. pheno_reference.csv: NONMEM's etas, variances
and objective of 59 infants (FOCEI), sum 586.276056; its omegas and error in pheno.toml follow from these.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad

import igkinetics as igk
from igkinetics.cards.load import load_card
from igkinetics.cohort.model import Cohort
from igkinetics.fit.likelihood import LOGNORMAL, NORMAL, STUDENT_T, minus_two_log
from igkinetics.population.conditional import Level, censored_curvature
from igkinetics.population.exact import exact_log_likelihood, importance, lay_points
from igkinetics.population.maximise import Objective, start_of
from igkinetics.population.options import PopulationOptions
from igkinetics.population.prepare import Prepared, prepare
from igkinetics.population.residuals import levels_at
from igkinetics.population.run import PopulationFit
from igkinetics.verification.comparison import cases_folder
from igkinetics.verification.populations import WANG_EXACT, one_rate_constant

CASES = cases_folder()

NONMEM_OFV = 586.276056
EXACT, EXACT_AT = 935.65525, {"k": -3.53327, "V1": 1.63262, "C_base": 2.20825, "S_unknown": 0.63024}
EXACT_SD = {"k": 0.23033, "V1": 0.21674, "C_base": 0.28378, "S": 0.67114}


def prepared_pheno(pheno: Cohort) -> Prepared:
    options = PopulationOptions(card=str(CASES / "pheno.toml"))
    return prepare(pheno, load_card(options.card), options)


def log_levels(fit: PopulationFit) -> float:
    """Sum of log levels: what turns a density of levels into one of their logarithms."""
    return float(np.log(fit.prepared.arrays.igg).sum())


def of(fit: PopulationFit, quantity: str) -> float:
    return float(fit.likelihood.set_index("quantity").loc[quantity, "value"])


def test_objective_and_etas_of_nonmem_at_its_estimates(pheno: Cohort) -> None:
    prepared = prepared_pheno(pheno)
    objective = Objective(prepared.model, prepared.arrays, 1)
    value, _ = objective(start_of(prepared.model, prepared.omega))
    n = prepared.arrays.day.size
    ofv = 2 * value + 2 * n * np.log(1000.0) - n * np.log(2 * np.pi)
    assert ofv == pytest.approx(NONMEM_OFV, abs=0.01)
    printed = pd.read_csv(CASES / "pheno_reference.csv")
    np.testing.assert_allclose(objective.found.eta, printed[["eta_CL_nonmem", "eta_V_nonmem"]], atol=2e-5)
    variances = np.linalg.inv(objective.found.information)
    np.testing.assert_allclose(variances[:, 0, 0], printed["var_CL"], rtol=1e-4)
    np.testing.assert_allclose(variances[:, 0, 1], printed["cov"], rtol=2e-3, atol=1e-6)


def test_own_estimates_are_no_worse_than_those_of_nonmem(pheno_fit: PopulationFit) -> None:
    assert of(pheno_fit, "ofv_focei") <= NONMEM_OFV + 1e-3
    assert pheno_fit.verdict == "converged"
    found = pheno_fit.population.set_index("parameter")["estimate"]
    assert found["omega_CL"] == pytest.approx(np.sqrt(0.0293507), rel=0.02)
    assert found["b"] == pytest.approx(np.sqrt(0.013241), rel=0.02)


def test_the_gradient_is_that_of_the_approximation(pheno: Cohort) -> None:
    options = PopulationOptions(card=str(CASES / "pheno.toml"), correlated=True, covariate=("CL:LOW",))
    prepared = prepare(pheno, load_card(options.card), options)
    objective = Objective(prepared.model, prepared.arrays, 1)
    phi = start_of(prepared.model, prepared.omega) + 0.1
    _, slopes = objective(phi)
    for place in range(phi.size):
        moved = np.zeros_like(phi)
        moved[place] = 1e-4
        up, down = objective(phi + moved)[0], objective(phi - moved)[0]
        assert slopes[place] == pytest.approx((up - down) / 2e-4, abs=2e-4, rel=1e-5)


def test_on_the_way_values_are_the_same_and_slopes_nearly(pheno: Cohort) -> None:
    prepared = prepared_pheno(pheno)
    phi = start_of(prepared.model, prepared.omega) + 0.1
    precise = Objective(prepared.model, prepared.arrays, 1)
    value, slopes = precise(phi)
    rough = Objective(prepared.model, prepared.arrays, 1)
    rough(phi - 0.02, rough=True)
    rough_value, rough_slopes = rough(phi, rough=True)
    assert rough_value == pytest.approx(value, abs=1e-7)
    np.testing.assert_allclose(rough_slopes, slopes, rtol=1e-4, atol=1e-3)
    after_rough, _ = rough(phi)
    assert after_rough == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("limit", [-1, 1])
@pytest.mark.parametrize("kind", [NORMAL, LOGNORMAL, STUDENT_T])
def test_curvature_of_a_censored_value_is_the_second_derivative(kind: int, limit: int) -> None:
    a, b, y, width = 0.2, 0.09, 3.0, 1e-5
    for c in (0.8, 2.9, 3.4, 7.0):
        up, down = (minus_two_log(kind, y, limit, c + side * width, a, b)[1] for side in (1.0, -1.0))
        found = censored_curvature(kind, y, limit, c, a, b)
        assert found == pytest.approx(0.25 * (up - down) / width, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("error", list(WANG_EXACT))
def test_the_example_of_wang_2007(error: str) -> None:
    rows = list(one_rate_constant(error))
    assert [row.verdict for row in rows] == ["agrees"] * 3
    assert [row.n_values for row in rows] == [10, 11, 1]


def test_200_patients_by_focei_and_by_the_integral(decay_fit: PopulationFit) -> None:
    logs = log_levels(decay_fit)
    assert -0.5 * of(decay_fit, "minus_two_log_likelihood_focei") + logs > 932.5414
    assert -0.5 * of(decay_fit, "minus_two_log_likelihood") + logs == pytest.approx(935.28, abs=0.1)
    found = decay_fit.population.set_index("parameter")["estimate"]
    for name, value in EXACT_AT.items():
        natural = 1 / (1 + np.exp(-value)) if name == "S_unknown" else np.exp(value)
        assert found[name] == pytest.approx(natural, rel=0.03)


@pytest.mark.slow
def test_200_patients_reach_the_exact_maximum(decay: Cohort) -> None:
    fit = igk.fit_population(
        decay,
        card=str(CASES / "decay.toml"),
        structure="one_compartment/step_loss",
        residual="lognormal",
        method="exact",
        simulations=100,
    )
    assert -0.5 * of(fit, "minus_two_log_likelihood") + log_levels(fit) == pytest.approx(EXACT, abs=0.05)
    found = fit.population.set_index("parameter")["estimate"]
    for name, value in EXACT_SD.items():
        assert found[f"omega_{name}"] == pytest.approx(value, rel=0.01)


def test_the_integral_over_one_effect_is_that_by_brute_force(pheno: Cohort) -> None:
    options = PopulationOptions(card=str(CASES / "pheno.toml"), no_random=("V1",))
    prepared = prepare(pheno, load_card(options.card), options)
    model, arrays = prepared.model, prepared.arrays
    phi = start_of(model, prepared.omega)
    objective = Objective(model, arrays, 1)
    objective(phi)
    level = model.level(phi)
    exact = exact_log_likelihood(level, arrays, objective.found, seed=1, jobs=1)
    assert exact.error < 1e-6
    for patient in (0, 7, 30):
        rows = slice(arrays.sample_bounds[patient], arrays.sample_bounds[patient + 1])
        peak = exact.log_likelihood[patient]
        density = partial(relative_density, level, prepared, patient, rows, peak)
        integral, _ = quad(density, -2, 2, limit=200)
        assert peak + np.log(integral) == pytest.approx(peak, abs=1e-7)


def relative_density(level: Level, prepared: Prepared, patient: int, rows: slice, peak: float, eta: float) -> float:
    return float(np.exp(joint(level, prepared, patient, rows, eta) - peak))


def joint(level: Level, prepared: Prepared, patient: int, rows: slice, eta: float) -> float:
    """log density of one patient's samples and random effect, by its definition."""
    moved = np.zeros((1, prepared.arrays.n_patients, 1))
    moved[0, patient, 0] = eta
    levels = levels_at(level, prepared.arrays, moved)
    sd = level.error[1] * levels[0, rows]
    z = (prepared.arrays.igg[rows] - levels[0, rows]) / sd
    own = -0.5 * (eta**2 * level.precision[0, 0] + level.log_det_omega + np.log(2 * np.pi))
    return float(own - 0.5 * np.sum(z**2) - np.sum(np.log(sd)) - 0.5 * sd.size * np.log(2 * np.pi))


def test_sampling_and_quadrature_agree(pheno: Cohort) -> None:
    prepared = prepared_pheno(pheno)
    phi = start_of(prepared.model, prepared.omega)
    objective = Objective(prepared.model, prepared.arrays, 1)
    objective(phi)
    level = prepared.model.level(phi)
    exact = exact_log_likelihood(level, prepared.arrays, objective.found, seed=1, jobs=1)
    points = lay_points(level, prepared.arrays, objective.found, seed=3, jobs=1)
    sampled = objective.found._replace(value=objective.found.value.copy())
    replace(points, rule=importance(2, 5)).fill(level, prepared.arrays, sampled, slopes=False, jobs=1)
    assert -sampled.value.sum() == pytest.approx(exact.total, abs=0.02)
    assert exact.error < 1e-3
