"""Whether infusions look given by the calendar or because IgG fell: what decides which predictive check is honest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.effect.exposure import Exposure

FEWEST_INTERVALS: Final = 2
REGULAR_WITHIN: Final = 0.15
"""Intervals between a patient's infusions that differ from their median by less than this share look regular."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dosing:
    """by_calendar: every patient infused, at regular intervals. words: what was seen, and what follows."""

    by_calendar: bool
    words: str


def dosing_seen(people: Sequence[Exposure]) -> Dosing:
    """Judged from the days of infusions alone: it cannot prove that nobody looked at IgG."""
    treated = [one for one in people if one.treated]
    if not treated:
        return Dosing(by_calendar=True, words="Nobody was infused in the window, so dosing cannot have followed IgG.")
    regular = [is_regular(one) for one in treated]
    everybody = len(treated) == len(people)
    if everybody and all(regular):
        return Dosing(by_calendar=True, words="Everybody was infused at regular intervals, as by a calendar.")
    seen = f"{len(treated)} of {len(people)} patients were infused, {sum(regular)} of them at regular intervals"
    return Dosing(by_calendar=False, words=f"{seen}: infusions may have been given because IgG fell.")


def is_regular(one: Exposure) -> bool:
    """At least three infusions in the window, their intervals alike."""
    gaps = np.diff(one.doses.day[one.in_window])
    if gaps.size < FEWEST_INTERVALS:
        return False
    return bool(np.all(np.abs(gaps / np.median(gaps) - 1.0) <= REGULAR_WITHIN))
