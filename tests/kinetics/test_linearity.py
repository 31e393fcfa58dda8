"""What holds for every linear system: superposition, proportionality, causality, and no trace of the book-keeping."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from treatments import HORIZON_DAY, Dose, Treatment, days_of, random_parameters, random_treatments

from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import C_BASE, C_INIT, INDEX, Floats
from igkinetics.kinetics.schedule import START

RELATIVE = {"rtol": 1e-11, "atol": 1e-20}


@given(random_parameters(), random_treatments())
@settings(max_examples=60)
def test_doses_superpose(parameters: Floats, treatment: Treatment) -> None:
    days = days_of(treatment)
    endogenous, infused = igg_curve(parameters, treatment.schedule(), days)
    alone = replace(treatment, doses=())
    expected, nothing = igg_curve(parameters, alone.schedule(), days)
    np.testing.assert_array_equal(nothing, 0.0)
    np.testing.assert_allclose(endogenous, expected, **RELATIVE)
    each = [igg_curve(parameters, replace(treatment, doses=(dose,)).schedule(), days)[1] for dose in treatment.doses]
    np.testing.assert_allclose(infused, np.sum(each, axis=0) if each else 0.0, **RELATIVE)


@given(random_parameters(), random_treatments(), st.floats(0.1, 10.0))
@settings(max_examples=60)
def test_infused_is_proportional_to_dose_and_endogenous_to_baseline(
    parameters: Floats, treatment: Treatment, factor: float
) -> None:
    days = days_of(treatment)
    endogenous, infused = igg_curve(parameters, treatment.schedule(), days)
    more = replace(treatment, doses=tuple(replace(d, amount_g=factor * d.amount_g) for d in treatment.doses))
    scaled = parameters.copy()
    scaled[[C_BASE, C_INIT]] *= factor
    scaled_endogenous, scaled_infused = igg_curve(scaled, more.schedule(), days)
    np.testing.assert_allclose(scaled_endogenous, factor * endogenous, **RELATIVE)
    np.testing.assert_allclose(scaled_infused, factor * infused, **RELATIVE)


@given(random_parameters(), random_treatments(), st.floats(0.5, 2.0))
@settings(max_examples=40)
def test_volumes_clearances_and_bioavailability_scale_together(
    parameters: Floats, treatment: Treatment, factor: float
) -> None:
    """docs/model.md 5: CL, V1, Q, V2 and the amount absorbed are identified up to one factor."""
    days = days_of(treatment)
    scaled = parameters.copy()
    scaled[[INDEX[name] for name in ("CL", "V1", "Q", "V2", "F")]] *= factor
    more = replace(
        treatment,
        doses=tuple(d if d.subcutaneous else replace(d, amount_g=factor * d.amount_g) for d in treatment.doses),
    )
    expected = igg_curve(parameters, treatment.schedule(), days)
    np.testing.assert_allclose(igg_curve(scaled, more.schedule(), days), expected, **RELATIVE)


@given(random_parameters(), random_treatments())
@settings(max_examples=60)
def test_nothing_infused_up_to_the_first_dose_and_everything_later(parameters: Floats, treatment: Treatment) -> None:
    days = days_of(treatment)
    _, infused = igg_curve(parameters, treatment.schedule(), days)
    first = min((dose.day for dose in treatment.doses), default=np.inf)
    np.testing.assert_array_equal(infused[days <= first], 0.0)
    soon_after = (days > first + 1e-9) & (days < first + 20.0)  # a level an instant later rounds to 0
    assert np.all(infused[soon_after] > 0.0)


@given(random_parameters(), random_treatments(), st.floats(0.0, HORIZON_DAY))
@settings(max_examples=60)
def test_what_comes_later_changes_nothing_before(parameters: Floats, treatment: Treatment, day: float) -> None:
    days = days_of(treatment)
    earlier = days <= max(day, treatment.start_day)
    cut = replace(
        treatment,
        doses=tuple(dose for dose in treatment.doses if dose.day < day),
        therapy=tuple(interval for interval in treatment.therapy if interval[0] < day),
    )
    expected = igg_curve(parameters, treatment.schedule(), days[earlier])
    np.testing.assert_allclose(igg_curve(parameters, cut.schedule(), days[earlier]), expected, **RELATIVE)


@given(random_parameters(), random_treatments(), st.lists(st.floats(0.0, HORIZON_DAY + 60.0), min_size=1, max_size=5))
@settings(max_examples=60)
def test_stopping_half_way_changes_nothing(parameters: Floats, treatment: Treatment, stops: list[float]) -> None:
    """Segments split where nothing happens."""
    schedule = treatment.schedule()
    days = days_of(treatment)
    expected = igg_curve(parameters, schedule, days)
    for stop in stops:
        place = int(np.searchsorted(schedule[:, START], stop, side="right"))
        if schedule[place - 1, START] < stop:
            added = schedule[place - 1].copy()
            added[[3, 4]] = 0.0  # the boluses stay at the segment's own start
            added[START] = stop
            schedule = np.insert(schedule, place, added, axis=0)
    np.testing.assert_allclose(igg_curve(parameters, schedule, days), expected, **RELATIVE)


@given(random_parameters(), random_treatments(), st.integers(-4096, 4096))
@settings(max_examples=60)
def test_the_calendar_does_not_matter(parameters: Floats, treatment: Treatment, by_day: int) -> None:
    """Days are rounded when shifted; an infusion of a second is left out, its length would be rounded too."""
    kept = replace(treatment, doses=tuple(d for d in treatment.doses if not 0.0 < d.duration_day < 1e-3))
    days = np.linspace(kept.start_day, HORIZON_DAY + 60.0, 37)
    days = days[[all(abs(day - event) > 0.01 for event in kept.event_days()) for day in days]]
    expected = igg_curve(parameters, kept.schedule(), days)
    moved = kept.shifted(float(by_day))
    np.testing.assert_allclose(igg_curve(parameters, moved.schedule(), days + by_day), expected, rtol=1e-9, atol=1e-12)


def test_one_infusion_given_in_two_halves_is_the_same_infusion() -> None:
    """Doses that overlap add up, and a split dose is no other dose."""
    days = np.linspace(0.0, 60.0, 121)
    parameters = np.array([0.155, 3.2, 0.55, 2.0, 0.4, 0.69, 6.0, 6.0, 0.5, 0.08, 0.01, 1.0, 1.0])
    whole = Treatment(doses=(Dose(day=3.0, amount_g=28.0, duration_day=2.0),))
    one_after_the_other = Treatment(
        doses=(Dose(day=3.0, amount_g=14.0, duration_day=1.0), Dose(day=4.0, amount_g=14.0, duration_day=1.0))
    )
    side_by_side = Treatment(doses=(Dose(day=3.0, amount_g=14.0, duration_day=2.0),) * 2)
    expected = igg_curve(parameters, whole.schedule(), days)
    np.testing.assert_allclose(igg_curve(parameters, one_after_the_other.schedule(), days), expected, rtol=1e-13)
    np.testing.assert_allclose(igg_curve(parameters, side_by_side.schedule(), days), expected, rtol=1e-13)
