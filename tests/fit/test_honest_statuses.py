"""A number that cannot be meant is not given: statuses, and what is said beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from igkinetics.cards.load import load_card
from igkinetics.cards.prior import patient_prior
from igkinetics.cli.main import app
from igkinetics.cohort.model import Patient
from igkinetics.cohort.windows import nadir_window
from igkinetics.fit import cohort as cohort_fits
from igkinetics.fit import patient as patient_fits
from igkinetics.fit.cohort import fit_cohort
from igkinetics.fit.cohort_checks import residual_checks
from igkinetics.fit.minimise import explore, first_guesses
from igkinetics.fit.nadirs import fitted_nadir
from igkinetics.fit.options import FitOptions
from igkinetics.fit.patient import fit_patient, settle
from igkinetics.fit.problem import FitProblem
from igkinetics.fit.profile import LowerOptimumError, profile_interval
from igkinetics.fit.result import PatientFit
from igkinetics.fit.trouble import describe_change
from made_records import SETTINGS, cohort_of, drawn, planned, prior_of, problem_of, record

TREATED = [(0.0, 28.0), (42.0, 70.0)]
BEFORE = [(0.0, 6.2), (14.0, 5.9), (28.0, 6.0), (42.0, 5.6)]


def fitted(patient: Patient, **settings: Any) -> PatientFit:
    return fit_patient(patient, prior_of, replace(SETTINGS, draws=200, **settings))


def with_card(patient: Patient, card: str) -> PatientFit:
    loaded = load_card(card)

    def prior(who: Patient, disposition: str) -> Any:
        return patient_prior(loaded, weight_kg=who.weight_kg, agents=who.agents, disposition=disposition)

    return fit_patient(patient, prior, replace(SETTINGS, draws=200))


@pytest.mark.parametrize(
    ("samples", "limits", "said"),
    [
        ([*BEFORE, (56.0, 0.4)], [0, 0, 0, 0, -1], "560 -> <40 mg/dL"),
        ([(0.0, 6.2), (14.0, 0.4), (28.0, 6.0)], [0, -1, 0], "day 14: <40 mg/dL fits no curve"),
        ([*BEFORE, (56.0, 0.4), (70.0, 0.4)], [0, 0, 0, 0, -1, -1], "<40 mg/dL"),
        ([*BEFORE[:2], (20.0, 0.4), (24.0, 0.4), *BEFORE[2:]], [0, 0, -1, -1, 0, 0], "<40 mg/dL"),
        ([*BEFORE, (56.0, 30.0)], [0, 0, 0, 0, 1], ">3000 mg/dL"),
        ([(0.0, 6.2), (14.0, 30.0), (28.0, 6.0)], [0, 1, 0], "day 14: >3000 mg/dL fits no curve"),
    ],
)
def test_a_value_beyond_its_limit_that_the_rest_contradicts_is_found(
    samples: list[tuple[float, float]], limits: list[int], said: str
) -> None:
    found = fitted(record(samples=samples, limits=limits, therapy=()))
    assert found.status == "unexplained_change"
    assert said in found.reason
    told = [change for change in found.changes if change.limit_after]
    assert told, found.changes
    assert "nan" not in found.reason


def test_a_value_beyond_its_limit_that_the_curve_nears_changes_nothing() -> None:
    """Measured as 3.0 or known to lie below 3.2: neither is odd."""
    samples = [(0.0, 6.0), (30.0, 4.6), (60.0, 3.6), (90.0, 3.2)]
    assert fitted(record(samples=samples, limits=[0, 0, 0, -1])).status == "fitted"
    assert fitted(record(samples=samples)).status == "fitted"


def test_a_card_that_fixes_the_start_is_refused_to_patients_already_infused() -> None:
    """Troughs of 7.5 g/L from the first sample on, under a card that starts everybody at 4 g/L."""
    days = np.arange(0.0, 150.0, 28.0)
    samples = sorted([(day, 7.6) for day in days] + [(day + 7, 11.8) for day in days])
    doses = [(day + 0.1, 30.0) for day in days]
    found = with_card(record(samples=samples, doses=doses, therapy=()), "tortorici_2019")
    assert found.status == "start_contradicts"
    assert "760 mg/dL on day 0" in found.reason
    assert "400 mg/dL" in found.reason
    assert not found.has_numbers
    below = record(samples=[(0.0, 0.4), (20.0, 4.0)], limits=[-1, 0], doses=[(1.0, 20.0)], therapy=())
    low = with_card(below, "tortorici_2019")
    assert low.status == "start_contradicts"
    near = with_card(record(samples=[(0.0, 4.4), *samples[1:]], doses=doses, therapy=()), "tortorici_2019")
    assert near.status != "start_contradicts"


def test_a_flat_curve_is_lowest_on_its_first_day_and_never_reached() -> None:
    found = with_card(record(samples=[(0.0, 4.2), (40.0, 3.9), (90.0, 4.1)], therapy=()), "tortorici_2019")
    nadir = fitted_nadir(found, nadir_window(found.patient), 3.9, (), 0.95, 1)
    assert (nadir.day.value, nadir.position, nadir.reached) == (0.0, "start", False)
    assert nadir.endogenous_day == 0.0


def test_an_optimum_that_is_none_is_asked_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores at a point that is no optimum mean nothing (and may not be finite)."""

    def never(*_: Any) -> Any:
        raise AssertionError("asked for changes at an optimum that failed its tests")

    problem = problem_of(drawn(planned(), np.random.default_rng(1)).patient)
    optimum = replace(explore(problem, first_guesses(problem)), failed_tests=("finite",))
    monkeypatch.setattr(patient_fits, "minimise", lambda *_: optimum)
    monkeypatch.setattr("igkinetics.fit.trouble.unexplained_changes", never)
    assert fitted(drawn(planned(), np.random.default_rng(1)).patient).status == "not_converged"


def two_valleys(patient: Patient) -> tuple[FitProblem, Any, Any]:
    """A problem, its optimum, and a false one beside it that claims to be lower than it is."""
    problem = problem_of(patient)
    optimum = explore(problem, first_guesses(problem))
    aside = optimum.x.copy()
    aside[0] += 1.0
    value, gradient = problem.value_and_gradient(aside)
    return problem, optimum, replace(optimum, x=aside, objective=value, gradient=gradient, modes=(aside,))


def test_a_profile_that_meets_a_lower_point_says_so() -> None:
    problem, optimum, false = two_valleys(drawn(planned(), np.random.default_rng(2)).patient)
    with pytest.raises(LowerOptimumError) as met:
        profile_interval(problem, false, 1, 0.95)
    assert met.value.gain > 0.01
    assert problem.value_and_gradient(met.value.x)[0] == pytest.approx(false.objective - met.value.gain, abs=1e-6)
    assert problem.value_and_gradient(met.value.x)[0] >= optimum.objective - 1e-9


@pytest.mark.parametrize("profile", [False, True])
def test_a_lower_optimum_met_on_the_way_becomes_the_fit(profile: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = drawn(planned(), np.random.default_rng(2)).patient
    problem, optimum, false = two_valleys(patient)
    false = replace(false, modes=(false.x, optimum.x))
    found = [false, optimum]
    monkeypatch.setattr(patient_fits, "minimise", lambda *_: found.pop(0))
    monkeypatch.setattr(patient_fits, "what_failed", lambda *_: None)
    monkeypatch.setattr(patient_fits, "what_changed", lambda *_: None)
    settled = settle(problem, patient, prior_of, replace(SETTINGS, draws=200, profile=profile))
    assert isinstance(settled, patient_fits.Settled)
    assert settled.lower == 1
    assert settled.optimum.objective == optimum.objective


def test_one_patients_unexpected_error_costs_nobody_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def breaks(patient: Patient, *rest: Any) -> PatientFit:
        if patient.patient_id == "two":
            raise ZeroDivisionError("by a hair")
        return fit_patient(patient, *rest)

    monkeypatch.setattr(cohort_fits, "fit_patient", breaks)
    people = [drawn(planned(patient_id=name), np.random.default_rng(4)).patient for name in ("one", "two", "three")]
    fits = fit_cohort(cohort_of(people), FitOptions(draws=100))
    assert list(fits.patients["status"]) == ["fitted", "failed", "fitted"]
    assert fits.patients["reason"][1].startswith("ZeroDivisionError: by a hair (test_honest_statuses.py, line ")
    assert list(fits.nadir["status"]) == ["fitted", "failed", "fitted"]
    assert "1 failed" in fits.verdict
    rows = "\n".join(f"{name},{day},{600 - 3 * day}" for name in ("one", "two") for day in range(0, 90, 15))
    (tmp_path / "samples.csv").write_text(f"patient_id,day,igg\n{rows}\n", encoding="utf-8")
    arguments = ["fit", str(tmp_path / "samples.csv"), "--igg-unit", "mg/dL", "--draws", "100", "--out"]
    done = CliRunner().invoke(app, [*arguments, str(tmp_path / "out")])
    assert done.exit_code == 1
    assert "1 of 2 patients failed" in done.stderr
    assert "patient two: ZeroDivisionError: by a hair" in done.stderr
    assert list(pd.read_csv(tmp_path / "out" / "nadir.csv")["status"]) == ["fitted", "failed"]
    assert "an error of the software" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_heavy_tails_expect_no_spread_of_residuals() -> None:
    """Not known is not 0."""
    rows = [
        {
            "patient_id": str(i),
            "iwres": value,
            "iwres_expected_sd": np.nan,
            "iwres_expected_product": np.nan,
            "status": "fitted",
        }
        for i in range(6)
        for value in (0.5, -0.4, 0.9)
    ]
    found = residual_checks(pd.DataFrame(rows), 0.95).set_index("quantity")
    assert np.isnan(found.loc["iwres_sd", "expected"])
    assert np.isnan(found.loc["iwres_lag_1", "expected"])
    assert found.loc["iwres_sd", "value"] > 0


def test_two_records_are_the_same_when_all_they_hold_is_and_neither_can_be_written() -> None:
    one, other = (record(samples=BEFORE, doses=[(3.0, 30.0)]) for _ in range(2))
    assert one == other
    assert one != replace(one, sample_igg=one.sample_igg + 0.1)
    assert one != "one"
    assert cohort_of([one]) == cohort_of([other])
    assert cohort_of([one]) != cohort_of([replace(one, weight_kg=71.0)])
    for name in ("sample_day", "sample_igg", "dose_g", "therapy_start"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(one, name)[:1] = 0.0
    found = fitted(one)
    problem, optimum, draws = found.fitted()
    for array in (optimum.x, optimum.hessian, draws.theta, draws.weights, found.alternatives[0].x):
        with pytest.raises(ValueError, match="read-only"):
            array[:1] = 0.0
    assert optimum == optimum
    assert problem.theta(optimum.x)[0] > 0  # kernels take what cannot be written


def test_a_change_is_described_with_its_limits() -> None:
    change = fitted(record(samples=[*BEFORE, (56.0, 0.4)], limits=[0, 0, 0, 0, -1], therapy=())).changes[0]
    assert describe_change(change, "g/L").startswith("day 42 to 56 (14 days): 5.6 -> <0.4 g/L, lower than")
