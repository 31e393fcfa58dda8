"""Engines and kinds of intervals: one posterior, the same statuses, whoever finds the optimum."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import gammaln
from scipy.stats import gamma

import igkinetics as igk
from igkinetics.cohort.model import Cohort
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.importance import Component
from igkinetics.fit.laplace import points, weighed
from igkinetics.fit.options import MOST_CROSS_CHECKED, FitOptions
from igkinetics.fit.posterior import weighted_quantiles

ROOT = Path(__file__).resolve().parents[2]
DRAWS = 400


@cache
def cohort() -> Cohort:
    """Good, few, odd and censored records of the example and by hand."""
    days = [0, 20, 41, 62, 85, 110, 140]
    falling = [620, 480, 390, 340, 330, 360, 410]
    records: dict[str, list[object]] = {
        "falls": falling,
        "jumps": [620, 480, 390, 1900, 330, 360, 410],
        "limits": [620, 300, "<200", "<200", "<200", 210, 260],
        "one": [500],
        "above": [">3000"] * 3,
    }
    samples = [(name, day, igg) for name, levels in records.items() for day, igg in zip(days, levels, strict=False)]
    therapy = [(name, 0, 80, "blinatumomab") for name in records]
    doses = [("limits", 75, 25.0)]
    return igk.read_cohort(
        samples=pd.DataFrame(samples, columns=["patient_id", "day", "igg"]),
        therapy=pd.DataFrame(therapy, columns=["patient_id", "start", "stop", "agent"]),
        doses=pd.DataFrame(doses, columns=["patient_id", "day", "amount_g"]),
        igg_unit="mg/dL",
    )


@cache
def fitted(
    engine: str, intervals: str, structure: str | None = None, residual: str = "normal", draws: int = DRAWS
) -> CohortFit:
    choices = {"structure": structure, "residual": residual, "draws": draws, "thresholds": [300], "jobs": 1}
    return igk.fit_cohort(cohort(), engine=engine, intervals=intervals, **choices)


@pytest.mark.parametrize(
    ("structure", "residual"), [(None, "normal"), ("one_compartment/step_loss", "lognormal"), (None, "student_t")]
)
def test_engines_agree_on_every_status_and_objective(structure: str | None, residual: str) -> None:
    one, other = (fitted(engine, "draws", structure, residual) for engine in ("lmfit", "batch"))
    columns = ["patient_id", "status", "reason", "rows_used", "model"]
    pd.testing.assert_frame_equal(one.patients[columns], other.patients[columns])
    lmfit, batch = (found.patients["objective"].to_numpy(dtype=float) for found in (one, other))
    np.testing.assert_allclose(batch, lmfit, atol=1e-8, rtol=0)
    assert np.all((batch <= lmfit + 1e-8) | np.isnan(lmfit))


def test_engines_draw_the_same_intervals() -> None:
    one, other = (fitted(engine, "draws", draws=2000).nadir for engine in ("lmfit", "batch"))
    width = (one["fitted_nadir_upper"] - one["fitted_nadir_lower"]).astype(float)
    for column in ("fitted_nadir", "fitted_nadir_lower", "fitted_nadir_upper", "endogenous_nadir"):
        off = (other[column] - one[column]).astype(float).abs() / width
        assert off.max() < 0.08, column
    assert (other["drift"] - one["drift"]).abs().max() < 0.06


def test_an_optimum_of_too_little_mass_for_points_is_left_out() -> None:
    parts = [Component(centre=np.full(2, at), root=np.eye(2), log_share=log) for at, log in ((0.0, 0.0), (9.0, -20.0))]
    x = points(parts, 9, np.random.default_rng(1))
    np.testing.assert_allclose(x.mean(axis=0), 0.0, atol=1e-12)


def test_weights_correct_the_normal_approximation_of_a_skewed_density() -> None:
    """Log of a gamma variable of shape 3, beside a normal one: quantiles and integral are known."""
    shape = 3.0
    part = Component(centre=np.array([np.log(shape), 0.0]), root=np.diag([shape**-0.5, 1.0]), log_share=0.0)
    x = points([part], 400, np.random.default_rng(1))
    minus_two_log = -2.0 * (shape * x[:, 0] - np.exp(x[:, 0]) - 0.5 * x[:, 1] ** 2)
    weights, log_integral = weighed(x, [part], minus_two_log)
    assert log_integral == pytest.approx(gammaln(shape) + 0.5 * np.log(2 * np.pi), abs=0.02)
    levels = np.array([0.025, 0.5, 0.975])
    found, plain = (weighted_quantiles(x[:, 0], each, levels) for each in (weights, np.full(400, 1 / 400)))
    true = np.log(gamma.ppf(levels, shape))
    assert np.abs(found - true).max() < 0.1
    assert np.abs(plain - true).max() > 0.25


def test_auto_checks_small_cohorts_with_lmfit_and_large_ones_not() -> None:
    assert FitOptions().cross_checked(MOST_CROSS_CHECKED)
    assert not FitOptions().cross_checked(MOST_CROSS_CHECKED + 1)
    assert FitOptions(engine="lmfit").cross_checked(10**6)
    assert not FitOptions(engine="batch").cross_checked(1)


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"engine": "bach"}, "batch"),
        ({"intervals": "normal"}, "draws, laplace"),
        ({"intervals": "laplace", "prior": "none"}, "draws with prior=none"),
    ],
)
def test_unknown_choices_are_refused(choices: dict[str, str], said: str) -> None:
    with pytest.raises(igk.InputError, match=said):
        FitOptions(**choices)  # type: ignore[arg-type]
