"""The exact minimum and the time below thresholds against a fine grid with local refinement."""

from __future__ import annotations

import numpy as np
import pytest
from awkward_patients import PATIENTS, TREATMENT
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar
from treatments import HORIZON_DAY, Dose, Treatment, random_parameters, random_treatments, vector

from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.extremes import lowest, lowest_of_many
from igkinetics.kinetics.parameters import INDEX, Floats
from igkinetics.kinetics.schedule import build_schedule
from igkinetics.kinetics.turning import exponential_roots

GRID = 1500
ROUNDING = 1e-12  # of a level, relative


def levels(parameters: Floats, treatment: Treatment, days: Floats) -> tuple[Floats, Floats]:
    """Total and endogenous; at a bolus the level before it."""
    endogenous, infused = igg_curve(parameters, treatment.schedule(), days)
    return endogenous + infused, endogenous


def fine_grid(treatment: Treatment, window: tuple[float, float], n: int = GRID) -> Floats:
    events = [day for day in treatment.event_days() if window[0] <= day <= window[1]]
    near = [day + after for day in events for after in (1e-7, 1e-5, 1e-3, 0.02) if day + after <= window[1]]
    return np.unique(np.concatenate([np.linspace(*window, n), events, near]))


def refined_minimum(parameters: Floats, treatment: Treatment, days: Floats, part: int) -> float:
    """Lowest grid value, then scipy's bounded search on either side of the five lowest grid days."""
    on_grid = levels(parameters, treatment, days)[part]
    best = float(on_grid.min())

    def level(day: float) -> float:
        return float(levels(parameters, treatment, np.array([day]))[part][0])

    inner = np.flatnonzero((on_grid[1:-1] <= on_grid[:-2]) & (on_grid[1:-1] <= on_grid[2:])) + 1
    for k in inner[np.argsort(on_grid[inner])][:5]:
        bounds = (float(days[k - 1]), float(days[k + 1]))
        best = min(best, minimize_scalar(level, bounds=bounds, method="bounded", options={"xatol": 1e-9}).fun)
    return best


def assert_lowest_is_true(parameters: Floats, treatment: Treatment, window: tuple[float, float]) -> None:
    found = lowest(parameters, treatment.schedule(), *window)
    days = fine_grid(treatment, window)
    answers = ((found.total, found.total_day), (found.endogenous, found.endogenous_day))
    for part, (value, day) in enumerate(answers):
        on_grid = levels(parameters, treatment, days)[part]
        assert value <= refined_minimum(parameters, treatment, days, part) * (1 + ROUNDING), "not the lowest"
        assert window[0] <= day <= window[1]
        around = np.maximum([np.nextafter(day, -np.inf), day, np.nextafter(day, np.inf)], treatment.start_day)
        there = levels(parameters, treatment, around)[part]  # the day itself is rounded
        assert there.min() * (1 - ROUNDING) <= value <= there.max() * (1 + ROUNDING), "not the level of its day"
        assert np.all(on_grid[days < day] >= value * (1 - ROUNDING)), "not the earliest"


def windows(treatment: Treatment) -> st.SearchStrategy[tuple[float, float]]:
    """Start and end anywhere, and at events."""
    events = st.sampled_from(treatment.event_days())
    day = st.one_of(events, st.floats(treatment.start_day, HORIZON_DAY + 100.0))
    exact = day.map(lambda value: round(value, 9))  # no record knows a fraction of a millisecond
    return st.tuples(exact, exact).map(lambda pair: (min(pair), max(pair)))


@given(random_parameters(), random_treatments(), st.data())
@settings(max_examples=120)
def test_lowest_of_random_patients(parameters: Floats, treatment: Treatment, data: st.DataObject) -> None:
    assert_lowest_is_true(parameters, treatment, data.draw(windows(treatment)))


@pytest.mark.parametrize("window", [(-3.0, 400.0), (2.0, 20.0), (20.0, 41.0), (28.0, 42.0), (65.0, 300.0)])
@pytest.mark.parametrize("patient", PATIENTS)
def test_lowest_at_awkward_rates(patient: str, window: tuple[float, float]) -> None:
    assert_lowest_is_true(PATIENTS[patient], TREATMENT, window)


def test_window_of_one_instant_is_the_level_there() -> None:
    found = lowest(vector(), TREATMENT.schedule(), 33.0, 33.0)
    total, endogenous = levels(vector(), TREATMENT, np.array([33.0]))
    assert (found.total, found.total_day) == (pytest.approx(total[0], rel=1e-14), 33.0)
    assert (found.endogenous, found.endogenous_day) == (pytest.approx(endogenous[0], rel=1e-14), 33.0)


@pytest.mark.parametrize("start", [0.0, 20.0], ids=["start of the state", "later"])
def test_a_bolus_at_the_window_start_counts_after_the_level_before_it(start: float) -> None:
    """The trough just before the bolus belongs to the closed window, and is the lowest here."""
    treatment = Treatment(doses=(Dose(day=start, amount_g=30.0),), therapy=((0.0, np.inf),))
    found = lowest(vector(), treatment.schedule(), start, start + 3.0)
    before = levels(vector(), treatment, np.array([start]))[0][0]
    assert (found.total, found.total_day) == (pytest.approx(before, rel=1e-14), start)


@pytest.mark.parametrize("start", [0.0, 20.0], ids=["start of the state", "later"])
def test_the_level_before_a_bolus_is_the_first_day_below(start: float) -> None:
    """Below only before the bolus: a first day, and no time."""
    treatment = Treatment(doses=(Dose(day=start, amount_g=30.0),), therapy=((0.0, np.inf),))
    before = levels(vector(), treatment, np.array([start]))[0][0]
    _, below = lowest_of_many(vector()[None, :], treatment.schedule(), start, start + 3.0, [before + 0.1])
    assert tuple(below[0, 0]) == (start, 0.0)


def test_curves_of_all_kinds_in_one_call_are_those_of_each_alone() -> None:
    """Every kind after every other one: none may see what another left in the room that they share."""
    names = list(PATIENTS)
    order = [name for k in range(1, len(names)) for i in range(len(names)) for name in (names[i], names[i - k])]
    together = np.array([PATIENTS[name] for name in order])
    schedule, days = TREATMENT.schedule(), np.arange(-3.0, 120.0, 1.3)
    alone = {name: lowest_of_many(PATIENTS[name][None, :], schedule, 2.0, 90.0, [4.0]) for name in names}
    lows, below = lowest_of_many(together, schedule, 2.0, 90.0, [4.0])
    np.testing.assert_array_equal(lows, np.concatenate([alone[name][0] for name in order]))
    np.testing.assert_array_equal(below, np.concatenate([alone[name][1] for name in order]))
    curves = {name: igg_curve(PATIENTS[name], schedule, days) for name in names}
    for part, each in enumerate(igg_curve(together, schedule, days)):
        np.testing.assert_array_equal(each, np.array([curves[name][part] for name in order]))


def test_the_earliest_of_equal_minima() -> None:
    """A flat curve: its first day."""
    found = lowest(vector(C_init=6.0, S=0.0), Treatment().schedule(), 10.0, 90.0)
    assert found.total == pytest.approx(6.0, rel=1e-14)


def test_two_cycles_have_two_troughs_and_the_lower_is_found() -> None:
    treatment = Treatment(therapy=((0.0, 28.0), (42.0, 70.0)))
    first = lowest(vector(k_rec=0.2), treatment.schedule(), 0.0, 50.0)
    both = lowest(vector(k_rec=0.2), treatment.schedule(), 0.0, 200.0)
    assert 28.0 < first.total_day < 50.0
    assert 70.0 < both.total_day < 100.0
    assert both.total < first.total


@given(random_parameters(), random_treatments(), st.data(), st.floats(0.5, 12.0))
@settings(max_examples=100)
def test_days_below_a_threshold(
    parameters: Floats, treatment: Treatment, data: st.DataObject, threshold: float
) -> None:
    window = data.draw(windows(treatment))
    _, below = lowest_of_many(parameters[None, :], treatment.schedule(), *window, [threshold])
    first, length = below[0, 0]
    days = fine_grid(treatment, window, n=6000)
    total = levels(parameters, treatment, days)[0]
    clearly_below = total < threshold * (1 - 1e-9)
    possibly_below = total <= threshold * (1 + 1e-9)
    spacing = np.max(np.diff(days), initial=0.0)
    changes = np.count_nonzero(np.diff(possibly_below.astype(int))) + len(treatment.doses) + 1
    widths = np.diff(days)
    assert length >= np.sum(widths[clearly_below[:-1] & clearly_below[1:]]) - changes * spacing
    assert length <= np.sum(widths[possibly_below[:-1] | possibly_below[1:]]) + changes * spacing
    if np.any(clearly_below):
        assert first <= days[clearly_below][0] + 1e-8
    if not np.isnan(first):
        assert np.all(~clearly_below[days < first - 1e-8])
        assert levels(parameters, treatment, np.array([first]))[0][0] <= threshold * (1 + 1e-7)


def test_days_below_in_closed_form() -> None:
    """One compartment, step loss: the curve falls through T at ln((6 - p)/(T - p))/k, p the plateau."""
    k, plateau, threshold = 0.155 / 3.2, 6.0 * 0.45, 4.0
    parameters = vector(Q=0.0, k_loss=np.inf, k_rec=0.0, C_init=6.0)
    schedule = Treatment(therapy=((10.0, np.inf),)).schedule()
    day = 10.0 + np.log((6.0 - plateau) / (threshold - plateau)) / k
    _, below = lowest_of_many(parameters[None, :], schedule, 0.0, 200.0, [threshold, 2.0, 7.0])
    assert below[0, 0] == pytest.approx([day, 200.0 - day], abs=2e-9)
    assert np.isnan(below[0, 1, 0])
    assert below[0, 1, 1] == 0.0
    assert tuple(below[0, 2]) == (0.0, 200.0)


def roots_of(coefficients: list[float], rates: list[float], length: float) -> list[float]:
    roots = np.empty(4)
    n = exponential_roots(np.array(coefficients), np.array(rates), len(rates), length, roots, np.empty((5, 4)))
    return [float(root) for root in roots[:n]]


def test_roots_of_an_exponential_sum_that_were_put_there() -> None:
    """(x - a)(x - b)(x - c) with x = exp(-t): a cubic with roots at t = 0.5, 1 and 2."""
    cubic = np.poly(np.exp([-0.5, -1.0, -2.0]))[::-1]
    assert roots_of(list(cubic), [0.0, 1.0, 2.0, 3.0], 10.0) == pytest.approx([0.5, 1.0, 2.0], rel=1e-10)
    assert roots_of(list(cubic), [0.0, 1.0, 2.0, 3.0], 1.5) == pytest.approx([0.5, 1.0], rel=1e-10)
    assert roots_of([1.0, 1.0, 1.0], [0.1, 0.2, 0.3], 100.0) == []


def test_a_term_of_size_zero_hides_no_root() -> None:
    assert roots_of([1.0, 0.0, -2.0], [0.1, 0.2, 0.3], 100.0) == pytest.approx([np.log(2.0) / 0.2], rel=1e-12)


@pytest.mark.parametrize("window", [(0.0, 200.0), (13.7, 88.0), (28.0, 56.0), (30.5, 30.5)])
def test_many_minima_side_by_side_are_those_found_one_by_one(window: tuple[float, float]) -> None:
    """All structures in one block: infinite loss, no exchange, no therapy effect, equal rates."""
    schedule = build_schedule(
        start_day=0.0,
        dose_day=[14.0, 42.0, 70.0],
        dose_g=[30.0, 25.0, 0.4],
        dose_duration_day=[0.2, 0.0, 0.2],
        dose_is_sc=[0, 0, 0],
        therapy_start=[0.0, 42.0],
        therapy_stop=[28.0, 70.0],
    )
    generator = np.random.default_rng(5)
    thetas = np.tile([0.12, 3.0, 0.4, 3.0, 0.2, 0.6, 8.0, 8.0, 0.7, 0.05, 0.02, 1.0, 1.0], (300, 1))
    thetas[:, :11] *= np.exp(0.5 * generator.standard_normal((300, 11)))
    thetas[:, INDEX["S"]] = generator.random(300)
    thetas[::3, INDEX["k_loss"]] = np.inf
    thetas[::5, INDEX["Q"]] = 0.0
    thetas[::7, INDEX["S"]] = 0.0
    thetas[::11, INDEX["k_rec"]] = thetas[::11, INDEX["CL"]] / thetas[::11, INDEX["V1"]]
    found, below = lowest_of_many(thetas, schedule, *window, [4.0])
    for theta, own, own_below in zip(thetas, found, below, strict=True):
        alone, alone_below = lowest_of_many(theta[None, :], schedule, *window, [4.0])
        assert_allclose(own[::2], alone[0, ::2], rtol=1e-12)
        assert_allclose(own[1::2], alone[0, 1::2], atol=1e-4)
        assert_allclose(own_below, alone_below[0], atol=1e-6)
