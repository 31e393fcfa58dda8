"""On which days IgG is measured: planned visits, moved and missed; checks of a dosing rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from igkinetics.dosing.doses import check_days
from igkinetics.dosing.regimen import Rule
from igkinetics.kinetics.parameters import Floats
from igkinetics.random_streams import Streams
from igkinetics.simulate.sections import Visits
from igkinetics.units import DAY_DECIMALS

Kind = Literal["check", "visit", "illness"]
KINDS: Final[tuple[Kind, ...]] = ("check", "visit", "illness")
"""In the order in which one measurement stands for another of the same moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A measurement to be made: day, why, and its standard normal noise, settled beforehand."""

    day: float
    kind: Kind
    z: float


def planned_days(visits: Visits) -> Floats:
    """Days as planned, ascending."""
    if visits.days is not None:
        return np.array(visits.days, dtype=float)
    if visits.every_day is None or visits.until_day is None:
        raise AssertionError("visits without days passed their checks")
    number = int(np.floor((visits.until_day - visits.start_day) / visits.every_day + 1e-9)) + 1
    return visits.start_day + visits.every_day * np.arange(number, dtype=np.float64)


def scheduled_visits(visits: Visits, streams: Streams) -> list[Measurement]:
    """The visits that are held, on the days on which they are."""
    planned = planned_days(visits)
    moved = planned + visits.jitter_day * streams.of("jitter").uniform(-1, 1, planned.size)
    held = streams.of("missed").random(planned.size) >= visits.missed
    noise = streams.of("visit noise").standard_normal(planned.size)
    days = np.round(moved, DAY_DECIMALS) + 0.0
    return [
        Measurement(day=float(day), kind="visit", z=float(z))
        for day, z, kept in zip(days, noise, held, strict=True)
        if kept
    ]


def rule_checks(rule: Rule | None, end_day: float, streams: Streams) -> list[Measurement]:
    """The measurements of a rule with a calendar of its own, up to end_day."""
    if rule is None or rule.check_every_day is None:
        return []
    days = check_days(rule, -np.inf, np.nextafter(end_day, np.inf))
    noise = streams.of("check noise").standard_normal(days.size)
    return [Measurement(day=float(day), kind="check", z=float(z)) for day, z in zip(days, noise, strict=True)]
