"""The doses to come under each policy: none, those recorded, or the regimen seen so far carried on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.errors import counted
from igkinetics.forecast.options import AS_SO_FAR, AUTO, NONE, PLANNED
from igkinetics.kinetics.parameters import Floats
from igkinetics.text import number

LAST_DOSES: Final = 4
"""The regimen so far is told by the last doses, at most so many."""
MOST_UNEVEN: Final = 2.0
"""Longest over shortest interval beyond which no regimen can be told."""
STOPPED_AFTER: Final = 2.0
"""Intervals without a dose after which the regimen has stopped."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Regimen:
    """doses (k, 4) to come: day, g, duration in days, is_sc. says: what they are, in words.

    why_not: why a policy has no doses to give; then it is not given at all.
    """

    policy: str
    doses: Floats
    says: str
    why_not: str = ""


def regimens(given: Floats, later: Floats, from_day: float, end_day: float) -> dict[str, Regimen]:
    """Policy -> what is given from from_day to end_day. given, later (k, 4): doses before and after from_day."""
    nothing = np.empty((0, 4))
    planned = later[later[:, 0] <= end_day]
    grams = number(float(planned[:, 1].sum()), 4)
    ahead = f"{counted(len(planned), 'infusion')}, {grams} g, within the horizon"
    return {
        NONE: Regimen(policy=NONE, doses=nothing, says="no more infusions"),
        PLANNED: Regimen(
            policy=PLANNED,
            doses=planned,
            says=ahead if len(planned) else "no infusion within the horizon",
            why_not="" if len(later) else "no infusion is recorded after the day of the forecast",
        ),
        AS_SO_FAR: carried_on(given, from_day, end_day),
    }


def carried_on(given: Floats, from_day: float, end_day: float) -> Regimen:
    """The median grams at the median interval of the last doses, from the last one on; one that is due is given at
    once. Not where fewer than two doses, uneven intervals or a long gap tell no regimen."""
    last = given[-LAST_DOSES:]
    gaps = np.diff(last[:, 0])
    why_not = ""
    if not len(given):
        why_not = "no infusion so far"
    elif gaps.size == 0:
        why_not = "one infusion so far tells no interval"
    elif gaps.min() <= 0 or gaps.max() > MOST_UNEVEN * gaps.min():
        why_not = (
            f"the last infusions lie {number(gaps.min())} to {number(gaps.max())} days apart: no regimen to carry on"
        )
    elif from_day - last[-1, 0] > STOPPED_AFTER * np.median(gaps):
        since, between = number(from_day - last[-1, 0]), number(float(np.median(gaps)))
        why_not = f"the last infusion was {since} days ago, the interval before {between}: the regimen has stopped"
    if why_not:
        return Regimen(policy=AS_SO_FAR, doses=np.empty((0, 4)), says="", why_not=why_not)
    every, grams, duration = (float(np.median(values)) for values in (gaps, last[:, 1], last[:, 2]))
    first = max(float(last[-1, 0]) + every, from_day)
    n = max(0, int(np.floor((end_day - first) / every + 1e-9)) + 1)
    days = first + every * np.arange(n)
    doses = np.column_stack([days, *(np.full(n, value) for value in (grams, duration, last[-1, 3]))])
    said = f"{number(grams)} g every {number(every)} days, the median of the last {len(last)} infusions"
    return Regimen(policy=AS_SO_FAR, doses=doses, says=said)


def worklist_policy(available: dict[str, Regimen], asked: str) -> Regimen:
    """The policy that a worklist goes by; that asked for where it can be given, else the next in the order of AUTO."""
    order = (PLANNED, AS_SO_FAR, NONE) if asked == AUTO else (asked, NONE)
    return next(available[policy] for policy in order if not available[policy].why_not)
