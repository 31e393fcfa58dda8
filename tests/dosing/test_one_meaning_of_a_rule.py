"""A rule means the same in a simulated cohort and in a scenario: the same doses for the same curve and noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import igkinetics as igk
from igkinetics.dosing.cases import Cases
from igkinetics.dosing.many import dosed
from igkinetics.dosing.regimen import Dosing
from igkinetics.dosing.rule_kernel import rule_doses
from igkinetics.errors import InputError
from igkinetics.simulate.course import Course, follow
from igkinetics.simulate.plan import plan_course
from igkinetics.simulate.read_design import read_design
from igkinetics.simulate.run import cards_of, draw_cohort

UNTIL = 140.0
DESIGN = """\
seed = 3
[population]
card = "adult_b_cell_depletion"
weight_kg = {{ mean = 70, sd = 14 }}
[therapy]
cycles = 3
on_day = 28
off_day = 14
agent = "blinatumomab"
[visits]
every_day = 14
until_day = {until}
[assay]
{assay}
[[group]]
name = "treated"
n = 12
regimen = {{ {how}rule = {{ {rule} }} }}
"""
RULES = {
    "usual": "below_mg_dl = 450, check_every_day = 7, minimum_gap_day = 21, dose_g_per_kg = 0.3",
    "odd days": "below_mg_dl = 500, check_every_day = 6.30049, minimum_gap_day = 18.9, dose_g = 20, start_day = 2.5, "
    "stop_day = 110",
    "delay": "below_mg_dl = 600, check_every_day = 3.5, minimum_gap_day = 10.5, dose_g = 12.5, delay_day = 2.3333",
    "own noise": "below_mg_dl = 450, check_every_day = 7, minimum_gap_day = 0, dose_g = 9, assay_cv_percent = 15",
}
ASSAYS = {"card's error": "lower_limit_mg_dl = 40", "stated": "cv_percent = 8\nresolution_mg_dl = 10"}
HOWS = {"at once": "", "infusion": "duration_h = 60, ", "vials": "vial_g = 5, "}


def courses_of(text: str) -> list[Course]:
    file = read_design(text)
    cards = cards_of(file.design.population, file.folder)
    return [follow(plan_course(file.design, patient)) for patient in draw_cohort(file.design, cards)]


def doses_in_a_scenario(course: Course) -> tuple[list[float], list[float]]:
    """The same patient, noise and rule through the scenario's arrays."""
    plan, patient = course.plan, course.plan.patient
    therapy = np.column_stack([patient.therapy_start, patient.therapy_stop])
    zero = np.zeros(1, dtype=np.int64)
    case = Cases(
        thetas=patient.parameters[None],
        start_day=np.zeros(1),
        therapy=therapy[None],
        history=np.empty((1, 0, 4)),
        error=np.array([[patient.additive_g_per_l, patient.proportional]]),
        weight_kg=np.array([patient.weight_kg]),
        height_cm=np.array([np.nan]),
        is_male=np.array([False]),
        patient=zero,
        draw=zero,
        model=zero,
        noise=zero,
        drift_day=np.empty((1, 0)),
        factor=np.empty((1, 0)),
    )
    regimen = Dosing(name="rule", **patient.group.regimen.model_dump(exclude={"name"}))  # type: ignore[union-attr]
    given = dosed(regimen, case, 0.0, float(np.nextafter(plan.end_day, np.inf)), plan.design.assay)
    noise = patient.streams.of("check noise").standard_normal(given.check_day.size)
    day = rule_doses(
        case.thetas[0],
        0.0,
        therapy,
        case.history[0],
        given.amount[0, 0],
        given.rule,
        case.error[0],
        given.check_day,
        noise,
        np.ones(noise.size),
    )
    return day.tolist(), [float(given.amount[0, 0])] * day.size


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("assay", ASSAYS)
@pytest.mark.parametrize("how", HOWS)
def test_simulate_and_scenario_give_the_same_doses(rule: str, assay: str, how: str) -> None:
    courses = courses_of(DESIGN.format(until=UNTIL, assay=ASSAYS[assay], how=HOWS[how], rule=RULES[rule]))
    for course in courses:
        assert (course.doses.day.tolist(), course.doses.amount_g.tolist()) == doses_in_a_scenario(course)
    assert sum(course.doses.day.size for course in courses) > 10


ONE_LEVEL = {"card": "tortorici_2019", "n": 5, "weight_kg": 70}


def infusions(assay: dict[str, Any] | None, below: float) -> float:
    """By weekly checks without noise of a patient who is at 400 mg/dL for ever (the card's own IgG is a constant)."""
    rule = {"below_mg_dl": below, "check_every_day": 7, "minimum_gap_day": 365, "dose_g": 10.0, "assay_cv_percent": 0}
    found = igk.simulate_regimens(
        ONE_LEVEL, [{"name": "rule", "rule": rule}], horizon_day=28, thresholds=[400], seed=1, assay=assay
    )
    rows = found.outcomes[found.outcomes["outcome"] == "infusions"]
    return float(rows["mean"].iloc[0])


def test_a_rule_of_a_scenario_sees_what_the_laboratory_reports() -> None:
    """400 mg/dL is reported as 400 in whole mg/dL, as 400 in steps of 50, as 450 in steps of 150."""
    assert infusions(None, 400.0) == 0.0
    assert infusions(None, 400.4) == 1.0
    assert infusions({"resolution_mg_dl": 50.0}, 400.4) == 1.0
    assert infusions({"resolution_mg_dl": 150.0}, 400.4) == 0.0


def test_a_limit_that_hides_the_level_of_a_rule_is_refused() -> None:
    with pytest.raises(InputError, match=r"must be above assay\.lower_limit_mg_dl, 400"):
        infusions({"lower_limit_mg_dl": 400.0}, 300.0)
