"""Doses by a rule against a plain simulation, one check after the other, each from the whole curve anew."""

from __future__ import annotations

import numpy as np
import pytest
from test_outcomes_exact import THERAPY, cases_of, random_theta

from igkinetics.dosing.assay import Assay
from igkinetics.dosing.many import dosed
from igkinetics.dosing.regimen import Dosing
from igkinetics.dosing.rule_kernel import rule_doses
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import build_schedule

HORIZON = 300.0
RULES = [
    {"below_mg_dl": 450.0, "check_every_day": 7.0, "minimum_gap_day": 21.0, "assay_cv_percent": 7.0, "dose_g": 25.0},
    {"below_mg_dl": 600.0, "check_every_day": 5.0, "minimum_gap_day": 0.0, "dose_g": 10.0, "delay_day": 2.0},
    {
        "below_mg_dl": 500.0,
        "check_every_day": 10.0003,
        "minimum_gap_day": 21.0,
        "assay_cv_percent": 0.0,
        "dose_g": 30.0,
        "start_day": 3.0,
        "stop_day": 200.0,
    },
]


def by_hand(theta: Floats, regimen: Dosing, earlier: Floats, noise: Floats, error: Floats) -> list[float]:
    """Check, look at the curve so far, dose, go on."""
    rule = regimen.rule
    assert rule is not None
    assert rule.check_every_day is not None
    days: list[float] = []
    for k in range(noise.size):
        day = round(rule.start_day + k * rule.check_every_day, 3)
        if day >= min(HORIZON, np.inf if rule.stop_day is None else rule.stop_day):
            break
        given = np.array([*earlier[:, 0], *days])
        amounts = np.array([*earlier[:, 1], *[rule.dose_g] * len(days)])
        durations = np.array([*earlier[:, 2], *[regimen.duration_day] * len(days)])
        under_skin = np.array([*earlier[:, 3], *[float(regimen.route == "sc")] * len(days)])
        schedule = build_schedule(
            start_day=-5.0,
            dose_day=given,
            dose_g=amounts,
            dose_duration_day=durations,
            dose_is_sc=under_skin,
            therapy_start=THERAPY[:, 0],
            therapy_stop=THERAPY[:, 1],
        )
        level = float(np.add(*igg_curve(theta, schedule, np.array([day])))[0])
        a, b = error if rule.assay_cv_percent is None else (0.0, rule.assay_cv_percent / 100)
        read = level + np.hypot(a, b * level) * noise[k]
        dose_day = round(day + rule.delay_day, 3)
        far_enough = given.size == 0 or round(dose_day - given.max(), 3) >= rule.minimum_gap_day
        if 5 * round(100 * read / 5) < rule.below_mg_dl and far_enough and dose_day < HORIZON:
            days.append(dose_day)
    return days


@pytest.mark.parametrize("rule", RULES, ids=["noise", "card's error, delay", "start and stop"])
@pytest.mark.parametrize("how", [{"route": "iv"}, {"route": "iv", "duration_h": 60.0}, {"route": "sc"}])
def test_a_rule_doses_as_a_simulation_step_by_step_does(rule: dict[str, float], how: dict[str, object]) -> None:
    generator = np.random.default_rng(3)
    regimen = Dosing(name="rule", rule=rule, **how)
    seen = set()
    for _ in range(12):
        theta = random_theta(generator, "two_compartment")
        cases = cases_of(theta[None])
        plan = dosed(regimen, cases, 0.0, HORIZON, Assay(resolution_mg_dl=5.0))
        noise, error = generator.standard_normal(plan.n_checks), np.array([0.2, 0.09])
        earlier = np.array([[-3.0, 20.0, 0.0, 0.0]])
        found = rule_doses(
            theta,
            -5.0,
            THERAPY,
            earlier,
            1.0 * plan.amount[0, 0],
            plan.rule,
            error,
            plan.check_day,
            noise,
            np.ones(noise.size),
        )
        expected = by_hand(theta, regimen, earlier, noise, error)
        assert found.tolist() == pytest.approx(expected, abs=1e-9)
        seen.add(len(expected))
    assert len(seen) > 2
