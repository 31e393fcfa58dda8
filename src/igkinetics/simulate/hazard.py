"""Events at a rate that follows true IgG, day by day."""

from __future__ import annotations

import numpy as np

from igkinetics.errors import call_error
from igkinetics.kinetics.parameters import Floats
from igkinetics.limits import MOST_EVENTS
from igkinetics.simulate.sections import Rate
from igkinetics.units import DAY_DECIMALS

DAYS_PER_YEAR = 365.25
REFERENCE_MG_DL = 500.0
STEP_MG_DL = 100.0


def daily_grid(start_day: float, end_day: float) -> Floats:
    """The days start, start + 1, ... before end_day: each begins a piece of constant hazard."""
    return start_day + np.arange(max(0, int(np.ceil(end_day - start_day))), dtype=np.float64)


def hazard_per_day(rate: Rate, igg_mg_dl: Floats) -> Floats:
    """Hazard at these true levels, 1/day."""
    steps = (igg_mg_dl - REFERENCE_MG_DL) / STEP_MG_DL
    return np.asarray(rate.per_year_at_500 / DAYS_PER_YEAR * rate.rate_ratio_per_100_mg_dl**steps)


def event_days(grid_day: Floats, hazard: Floats, end_day: float, generator: np.random.Generator) -> Floats:
    """Days of all events, ascending. hazard: constant from each day of the grid to the next, or end_day.

    Events fall where the cumulative hazard passes sums of unit exponentials. So the same generator under a
    hazard that is altered from some day on gives the same events before that day. InputError beyond MOST_EVENTS.
    """
    if grid_day.size == 0:
        return np.empty(0)
    edges = np.append(grid_day, end_day)
    cumulative = np.concatenate([[0.0], np.cumsum(hazard * np.diff(edges))])
    if not cumulative[-1] <= MOST_EVENTS:
        expected = f"asks for {cumulative[-1]:.3g} events of one patient; at most {MOST_EVENTS:,}"
        raise call_error("per_year_at_500", "", expected)
    days = []
    passed = float(generator.exponential())
    while passed < cumulative[-1]:
        piece = int(np.searchsorted(cumulative, passed, side="right")) - 1
        days.append(edges[piece] + (passed - cumulative[piece]) / hazard[piece])
        passed += float(generator.exponential())
    return np.round(np.array(days), DAY_DECIMALS)
