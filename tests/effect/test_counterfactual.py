"""Counterfactuals against truths: nothing given, superposition, ODE differences, signs, order, identical patients."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_posteriors import of_truth

from igkinetics.cohort.model import Cohort
from igkinetics.dosing.regimen import Regimen
from igkinetics.effect.averages import atc, att
from igkinetics.effect.counterfactual import Change, donor_doses, in_controls, thinned, within_patient
from igkinetics.effect.exposure import Exposure, exposures
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import CLEARANCE_RATIO, Floats
from made_records import planned

sys.path.insert(0, str(Path(__file__).parents[1] / "kinetics"))
from numerical_ode import ode_levels
from treatments import Dose, Treatment, vector

DAYS = (-3.0, 10.0, 40.0, 80.0, 120.0, 168.0)
DOSES = ((12.0, 28.0), (54.0, 25.0), (95.0, 28.0))
THRESHOLDS = (4.0, 5.0)


def changes_of(cohort: Cohort, posterior: CohortPosterior) -> tuple[Change, ...]:
    return within_patient(posterior, exposures(cohort, posterior, 70.0), THRESHOLDS, 1)


def one_patient(theta: Floats, doses: tuple[tuple[float, float], ...], **options: object) -> Change:
    cohort, posterior = of_truth([planned(DAYS, doses=doses)], [theta], **options)
    (change,) = changes_of(cohort, posterior)
    return change


def truth(
    theta: Floats,
    doses: tuple[tuple[float, float], ...],
    modified: tuple[float, float] | None = None,
    further: tuple[tuple[float, float], ...] = (),
) -> Floats:
    """Levels on a fine grid over the window, by the ODE solver of the tests."""
    treatment = Treatment(
        start_day=-3.0,
        doses=tuple(Dose(day=day, amount_g=grams, duration_day=1.0 / 12.0) for day, grams in doses),
        therapy=((0.0, 28.0), (42.0, 70.0), (84.0, 112.0)),
        modified=modified,
        further=further,
    )
    return np.add(*ode_levels(theta, treatment, GRID))


AFTER = np.array([0.0, 1 / 24, 1 / 12, 0.2, 0.4, 0.6, 0.8, 1.1, 1.4, 1.8, 2.3, 2.9, 3.5])
STEP = 0.25
GRID = np.unique(np.concatenate([[-3.0], np.arange(0.0, 168.1, STEP), *(day + AFTER for day, _ in DOSES)]))
"""Dense after infusions, where levels fall fast."""


def test_an_infusion_on_the_last_day_changes_nothing() -> None:
    change = one_patient(vector(), ((168.0, 28.0),))
    assert change.exposure.treated
    for measure in ("nadir", "nadir_day", "days_below", "mean_igg"):
        np.testing.assert_allclose(change.difference(measure), 0.0, atol=1e-12)


def test_an_infusion_before_the_window_is_kept_and_makes_nobody_treated() -> None:
    change = one_patient(vector(), ((-1.0, 28.0),))
    assert not change.exposure.treated
    np.testing.assert_array_equal(change.difference("mean_igg"), 0.0)
    bare = one_patient(vector(), ())
    assert np.all(change.actual.mean_igg > bare.actual.mean_igg + 0.5)


def test_changes_agree_with_differences_of_two_numerical_solutions() -> None:
    theta = vector()
    change = one_patient(theta, DOSES)
    given, removed = truth(theta, DOSES)[1:], truth(theta, ())[1:]
    days = GRID[1:]
    assert change.difference("nadir")[0] == pytest.approx(given.min() - removed.min(), abs=2e-3)
    day_change = days[given.argmin()] - days[removed.argmin()]
    assert change.difference("nadir_day")[0] == pytest.approx(day_change, abs=2 * STEP)
    for place, threshold in enumerate(THRESHOLDS):
        below = [np.sum(np.gradient(days)[levels < threshold]) for levels in (given, removed)]
        assert change.difference("days_below")[0, place] == pytest.approx(below[0] - below[1], abs=1.0)
    mean = [np.trapezoid(levels, days) / 168.0 for levels in (given, removed)]
    assert change.difference("mean_igg")[0] == pytest.approx(mean[0] - mean[1], rel=2e-3)


def test_ratios_act_only_where_there_is_an_infusion() -> None:
    """Clearance 1.4 under IVIG: removing the infusions also removes the faster clearance of endogenous IgG."""
    theta = vector(clearance_ratio=1.4, production_ratio=0.9)
    change = one_patient(theta, DOSES, extension="joint")
    given, removed = truth(theta, DOSES, (12.0, 95.0 + 35.0))[1:], truth(theta, ())[1:]
    assert change.with_ivig.nadir[0] == pytest.approx(given.min(), abs=2e-3)
    assert change.without_ivig.nadir[0] == pytest.approx(removed.min(), abs=2e-3)
    base = one_patient(replace_ratio(theta), DOSES)
    assert change.difference("nadir")[0] < base.difference("nadir")[0] - 0.1
    kept = one_patient(theta, ((-2.0, 5.0), *DOSES), extension="joint")
    alone = truth(theta, ((-2.0, 5.0),), (-2.0, -2.0 + 35.0))[1:]
    assert kept.without_ivig.nadir[0] == pytest.approx(alone.min(), abs=2e-3)


def test_ratios_that_pause_act_after_each_infusion_that_is_given() -> None:
    theta = vector(clearance_ratio=1.4, production_ratio=0.9)
    doses = ((-2.0, 5.0), *DOSES)
    cohort, posterior = of_truth([planned(DAYS, doses=doses)], [theta], extension="joint")
    (change,) = changes_of(cohort, replace(posterior, pausing=True))
    after_each = tuple((day, day + 35.0) for day, _ in doses)
    given, removed = truth(theta, doses, None, after_each)[1:], truth(theta, doses[:1], None, after_each[:1])[1:]
    assert change.with_ivig.nadir[0] == pytest.approx(given.min(), abs=2e-3)
    assert change.without_ivig.nadir[0] == pytest.approx(removed.min(), abs=2e-3)
    (throughout,) = changes_of(cohort, posterior)
    assert abs(throughout.with_ivig.nadir[0] - given.min()) > 0.02


def replace_ratio(theta: Floats) -> Floats:
    changed = theta.copy()
    changed[CLEARANCE_RATIO:] = 1.0
    return changed


def test_the_change_of_the_mean_is_the_area_of_the_infused_over_the_window() -> None:
    """Superposition: in the base model removing a dose removes exactly its own curve."""
    theta = vector()
    change = one_patient(theta, DOSES)
    days = np.unique(np.concatenate([np.linspace(0.0, 168.0, 200_001), [day + 1 / 12 for day, _ in DOSES]]))
    _, infused = igg_curve(theta, change.exposure.with_ivig(), days)
    area = float(np.sum(0.5 * (infused[1:] + infused[:-1]) * np.diff(days)))
    np.testing.assert_allclose(change.difference("mean_igg"), area / 168.0, rtol=1e-6)


def test_more_igg_never_lowers_a_nadir_and_twice_the_dose_doubles_the_mean() -> None:
    small, large = (one_patient(vector(), tuple((day, k * grams) for day, grams in DOSES)) for k in (1.0, 2.0))
    assert np.all(small.difference("nadir") > 0)
    assert np.all(small.difference("days_below") < 0)
    np.testing.assert_allclose(large.difference("mean_igg"), 2 * small.difference("mean_igg"), rtol=1e-12)


def mixed_cohort(order: tuple[int, ...] = (0, 1, 2, 3)) -> tuple[Cohort, CohortPosterior]:
    plans = [
        planned(DAYS, doses=DOSES, patient_id="A"),
        planned(DAYS, doses=((30.0, 40.0),), patient_id="B"),
        planned(DAYS, patient_id="C"),
        replace(planned((-3.0, 20.0, 100.0), patient_id="D"), weight_kg=50.0),
    ]
    thetas = [vector(), vector(CL=0.2, C_base=8.0), vector(S=0.3), vector(V1=2.5, C_base=5.0)]
    return of_truth([plans[place] for place in order], [thetas[place] for place in order])


def test_shuffling_the_patients_changes_no_average() -> None:
    found = []
    for order in ((0, 1, 2, 3), (3, 1, 0, 2)):
        cohort, posterior = mixed_cohort(order)
        people = exposures(cohort, posterior, 70.0)
        estimands = [
            *att(within_patient(posterior, people, THRESHOLDS, 1), THRESHOLDS, sign_given=True),
            *atc(in_controls(posterior, people, THRESHOLDS, 1), THRESHOLDS, sign_given=True),
        ]
        found.append([one.draws[0] for one in estimands])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)
    assert len(found[0]) == 10


def test_the_average_over_the_treated_is_the_mean_of_their_own_changes() -> None:
    cohort, posterior = mixed_cohort()
    changes = changes_of(cohort, posterior)
    nadir = next(one for one in att(changes, THRESHOLDS, sign_given=True) if one.name == "nadir_change_att")
    each = [change.difference("nadir") for change in changes if change.exposure.patient.patient_id in ("A", "B")]
    np.testing.assert_allclose(nadir.draws, np.mean(each, axis=0), rtol=1e-14)
    assert each[0][0] != pytest.approx(each[1][0], rel=0.1)


def test_a_control_like_the_treated_gains_what_the_treated_gained() -> None:
    twins = [planned(DAYS, doses=DOSES, patient_id="A"), planned(DAYS, patient_id="C")]
    cohort, posterior = of_truth(twins, [vector(), vector()])
    people = exposures(cohort, posterior, 70.0)
    treated = {one.name: one.draws for one in att(changes_of(cohort, posterior), (), sign_given=True) if one.estimated}
    controls = {
        one.name: one.draws for one in atc(in_controls(posterior, people, (), 1), (), sign_given=True) if one.estimated
    }
    for name in ("nadir_change", "mean_igg_change", "nadir_day_change"):
        np.testing.assert_allclose(controls[f"{name}_atc"], treated[f"{name}_att"], rtol=1e-12)


def test_a_control_receives_grams_for_its_own_weight_on_days_of_its_own_window() -> None:
    cohort, posterior = mixed_cohort()
    donor, *_, control = exposures(cohort, posterior, 70.0)
    shifted: Exposure = replace(control, window=replace(control.window, start=5.0))
    doses = donor_doses(donor, shifted)
    np.testing.assert_allclose(doses.amount_g, [28.0 * 50 / 70, 25.0 * 50 / 70, 28.0 * 50 / 70])
    np.testing.assert_allclose(doses.day, [17.0, 59.0, 100.0])


def test_controls_under_a_regimen() -> None:
    cohort, posterior = mixed_cohort()
    people = exposures(cohort, posterior, 70.0)
    regimen = Regimen(dose_g_per_kg=0.4, interval_day=28.0, start_day=7.0)
    found = in_controls(posterior, people, (), 1, regimen).changes["nadir"][0]
    each = []
    for name, theta in (("C", vector(S=0.3)), ("D", vector(V1=2.5, C_base=5.0))):
        patient = cohort.patient(name)
        doses = tuple((day, 0.4 * patient.weight_kg) for day in np.arange(7.0, patient.sample_day[-1], 28.0))
        record = replace(planned(patient.sample_day, doses=doses), dose_duration_day=np.zeros(len(doses)))
        (change,) = changes_of(*of_truth([record], [theta]))
        each.append(change.difference("nadir")[0])
    assert found == pytest.approx(np.mean(each), rel=1e-12)


def test_who_cannot_be_averaged_over_is_said() -> None:
    cohort, posterior = of_truth([planned(DAYS, doses=DOSES)], [vector()])
    people = exposures(cohort, posterior, 70.0)
    assert "nobody to average over" in in_controls(posterior, people, (), 1).reason
    cohort, posterior = of_truth([planned(DAYS)], [vector()])
    people = exposures(cohort, posterior, 70.0)
    assert "no control regimen says" in in_controls(posterior, people, (), 1).reason
    changes = changes_of(cohort, posterior)
    assert all("nobody was infused" in one.reason for one in att(changes, (4.0,), sign_given=True))


def test_large_cohorts_are_thinned_evenly_and_say_so() -> None:
    cohort, posterior = mixed_cohort()
    donors = [one for one in exposures(cohort, posterior, 70.0) if one.treated]
    draws, kept, note = thinned(4000, 100, donors)
    assert (draws[0], draws[-1], draws.size, len(kept)) == (0, 3999, 500, 2)
    assert note == "evenly thinned: 500 of 4000 draws"
    assert thinned(4000, 5, donors)[2] == ""
    _, kept, note = thinned(4000, 500, donors * 60)
    assert len(kept) == 1
    assert note == "evenly thinned: 400 of 4000 draws and 1 of 120 schedules"
