"""Odd values and what would explain them: units, order on a day, two in a row, a step common to many patients."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from igkinetics.cohort.model import Patient
from igkinetics.fit.common_steps import Scan, lasting_step, linear, scan
from igkinetics.fit.minimise import explore, first_guesses
from igkinetics.fit.patient import fit_patient
from igkinetics.fit.result import PatientFit
from made_records import SETTINGS, drawn, measured, planned, prior_of, problem_of, record

TRUE = drawn(planned(), np.random.default_rng(2))
FLAT = {float(day): 6.0 for day in range(0, 150, 15)}


def fitted(patient: Patient) -> PatientFit:
    return fit_patient(patient, prior_of, replace(SETTINGS, draws=100))


def with_factors(factors: dict[int, float]) -> Patient:
    levels = TRUE.levels.copy()
    for place, factor in factors.items():
        levels[place] *= factor
    return replace(TRUE.patient, sample_igg=levels)


def beyond(places: list[int], value: float, limit: int) -> Patient:
    levels, limits = TRUE.levels.copy(), np.zeros(TRUE.levels.size, dtype=np.int8)
    levels[places], limits[places] = value, limit
    return replace(TRUE.patient, sample_igg=levels, sample_limit=limits)


@pytest.mark.parametrize(
    ("patient", "said"),
    [
        (with_factors({7: 4.0, 8: 4.0}), "days 98.5 and 113: 1068 and 994.4 mg/dL fit no curve through the others"),
        (with_factors({7: 0.25, 8: 0.25}), "days 98.5 and 113: 66.77 and 62.15 mg/dL fit no curve"),
        (beyond([7, 8], 0.4, -1), "days 98.5 and 113: <40 and <40 mg/dL fit no curve"),
        (beyond([7, 8], 30.0, 1), "days 98.5 and 113: >3000 and >3000 mg/dL fit no curve"),
        (beyond([7], 30.0, 1), "day 98.5: >3000 mg/dL fits no curve"),
        (beyond([14], 0.4, -1), "day 185.5 to 200 (14.5 days): 368.1 -> <40 mg/dL, lower than"),
    ],
)
def test_two_odd_samples_in_a_row_and_values_beyond_limits_are_named_as_such(patient: Patient, said: str) -> None:
    found = fitted(patient)
    assert found.status == "unexplained_change"
    assert found.reason.startswith(said)
    assert "would fit" not in found.reason
    left_out = "fit no curve" in said or "fits no curve" in said
    assert ("nothing is odd: mistyped, or" in found.reason) == left_out


def test_one_sample_of_another_patient_puts_no_unit_in_doubt() -> None:
    """A tenth of high levels lies where the card knows baselines, so the whole record would fit in another unit too."""
    levels = dict.fromkeys(FLAT, 11.0) | {75.0: 2.4}
    found = fitted(record(samples=sorted(levels.items())))
    assert found.reason.endswith("without it nothing is odd: mistyped, or a sample of another patient?")


def test_a_step_larger_than_methods_differ_is_no_laboratory(monkeypatch: pytest.MonkeyPatch) -> None:
    days = [*range(0, 100, 10), *range(100, 200, 10)]
    step = record(samples=[(float(day), 6.0 if day < 100 else 7.6) for day in days])
    found = lasting_step(fitted(step))
    assert found is not None
    assert 0.1 < found.size < 0.5
    monkeypatch.setattr("igkinetics.fit.common_steps.LARGEST_STEP", 0.05)
    assert lasting_step(fitted(step)) is None


@pytest.mark.parametrize(
    ("factors", "said"),
    [
        ({7: 10.0}, "day 98.5 x 0.1 would fit the rest: is the unit right there?"),
        ({0: 0.01}, "day -3 x 100 would fit the rest"),
        ({14: 10.0}, "day 200 x 0.1 would fit the rest"),
        ({4: 0.1, 9: 0.1}, "day 55 x 10, day 127.5 x 10 would fit the rest"),
        (dict.fromkeys(range(15), 100.0), "everything x 0.01 would fit: is the unit right?"),
    ],
)
def test_a_slip_of_the_unit_is_asked_about_where_it_lies(factors: dict[int, float], said: str) -> None:
    """Of one sample, of some, of the record; a small unit, where every level drowns in the error, explains nothing."""
    found = fitted(with_factors(factors))
    assert found.status == "unexplained_change"
    assert said in found.reason


@pytest.mark.parametrize("factor", [10.0, 0.1, 0.01])
def test_a_whole_record_in_another_unit_is_asked_about_though_it_can_be_fitted(factor: float) -> None:
    found = fitted(with_factors(dict.fromkeys(range(15), factor)))
    assert any(f"everything x {1 / factor:g} would fit" in note for note in found.notes)


@pytest.mark.parametrize(
    ("levels", "doses", "said"),
    [
        ({60.0: 14.4, 75.0: 8.0, 90.0: 7.1, 105.0: 6.7}, {60.0: 30.0}, "day 60: 30 g was given that day; was the"),
        (
            {45.0: 14.5, 60.0: 8.2, 75.0: 16.0, 90.0: 9.2, 105.0: 8.0, 120.0: 7.2, 135.0: 6.7},
            {45.0: 30.0, 75.0: 30.0},
            "days 45, 75: immunoglobulin was given on each; were these samples after it?",
        ),
        (
            {60.0: 14.4, 75.0: 8.0, 90.0: 7.1, 105.0: 6.7},
            {61.0: 30.0},
            "day 60: 30 g is recorded on day 61; was it given before?",
        ),
    ],
)
def test_samples_shortly_before_a_dose_are_tried_after_it(
    levels: dict[float, float], doses: dict[float, float], said: str
) -> None:
    patient = record(
        samples=sorted((FLAT | levels).items()), doses=[(day + 1e-4, dose) for day, dose in doses.items()], therapy=()
    )
    assert said in fitted(patient).reason


def scanned(seed: int, step: float) -> Scan:
    """Forty patients, seen every 14 days, whose levels change by a share from one calendar date on."""
    generator = np.random.default_rng(seed)
    lines, offsets = [], []
    for _ in range(40):
        true, offset = drawn(planned(np.arange(-3.0, 200.0, 14.0)), generator), float(generator.uniform(0.0, 400.0))
        levels = np.where(true.patient.sample_day + offset >= 300.0, 1.0 + step, 1.0) * true.levels
        problem = problem_of(replace(true.patient, sample_igg=measured(levels, generator)))
        fit: Any = SimpleNamespace(problem=problem, optimum=explore(problem, first_guesses(problem)[:2]))
        line = linear(fit)
        assert line is not None
        lines.append(line)
        offsets.append(offset)
    found = scan(lines, np.array(offsets), np.random.default_rng(1))
    assert found is not None
    return found


def test_a_step_at_one_calendar_date_is_found_and_none_where_there_is_none() -> None:
    found = scanned(1, 0.35)
    assert found.p < 0.02
    assert abs(found.time - 300.0) < 30.0
    assert abs(found.size - 0.35) < 2.5 * found.error
    assert found.n_patients >= 8
    assert scanned(1, 0.0).p > 0.02
