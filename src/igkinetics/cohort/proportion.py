"""Levels and windows that a command asks for, held against the record: 400 on data in g/L destroys every chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np

from igkinetics.cohort.model import Cohort
from igkinetics.errors import InputError, Problem
from igkinetics.units import G_PER_L_IN, IGG_UNITS, from_g_per_l, g_per_l

HIGHEST_IGG_G_PER_L: Final = 150.0
"""15,000 mg/dL: nothing above has been seen, even in myeloma."""
TIMES_THE_HIGHEST: Final = 10.0
SHARE_OF_THE_LOWEST: Final = 0.05
HAIRS_BREADTH: Final = 0.005
"""Of the lowest sample: a smaller difference is far below the error of any assay."""
RECORDS_BEYOND: Final = 10.0
SHORTEST_RECORD_DAY: Final = 365.0
KEEP_LEVELS: Final = 'unusual_levels = "as_given" in cohort.toml keeps it as it is'
KEEP_WINDOWS: Final = 'unusual_windows = "as_given" in cohort.toml keeps it as it is'


def refuse_out_of_proportion(
    cohort: Cohort,
    *,
    thresholds: Sequence[float] = (),
    levels: Mapping[str, float] = MappingProxyType({}),
    differences: Sequence[float] = (),
    window: tuple[float, float] | None = None,
    days: tuple[float, float] | None = None,
) -> None:
    """InputError for levels, differences of levels (in the cohort's unit) or days that cannot be meant for this record.

    levels: others by what they are, such as "fix C_base". A threshold may lie above every sample or below it, as
    thresholds do, but not by an order of magnitude. A window has to meet the samples, days only to lie near them.
    """
    named = [*(("thresholds", one) for one in thresholds), *levels.items()]
    problems = [*_levels(cohort, named), *_differences(cohort, differences)]
    problems += [] if window is None else _days(cohort, window, must_meet=True)
    problems += [] if days is None else _days(cohort, days, must_meet=False)
    if problems:
        raise InputError(problems)


def _levels(cohort: Cohort, named: Sequence[tuple[str, float]]) -> list[Problem]:
    igg = cohort.samples["igg"].to_numpy(dtype=np.float64)
    problems = []
    for what, one in named:
        level = g_per_l(float(one), cohort.igg_unit)
        if level > HIGHEST_IGG_G_PER_L:
            problems.append(_problem(cohort, what, one, "is above any IgG ever measured", igg, keep=""))
        elif igg.size and "levels" not in cohort.as_given:
            if level > TIMES_THE_HIGHEST * igg.max():
                words = f"is {level / igg.max():.3g} times the highest sample"
                problems.append(_problem(cohort, what, one, words, igg, KEEP_LEVELS))
            elif 0 < level < SHARE_OF_THE_LOWEST * igg.min():
                words = f"is {level / igg.min():.2g} of the lowest sample"
                problems.append(_problem(cohort, what, one, words, igg, KEEP_LEVELS))
    return problems


def _differences(cohort: Cohort, differences: Sequence[float]) -> list[Problem]:
    """A change of IgG is no larger than every level, and one that matters is no hair's breadth; 0 is always meant."""
    igg = cohort.samples["igg"].to_numpy(dtype=np.float64)
    if not igg.size or "levels" in cohort.as_given:
        return []
    problems = []
    for one in differences:
        size = abs(g_per_l(float(one), cohort.igg_unit))
        if np.isfinite(size) and (size > igg.max() or 0 < size < HAIRS_BREADTH * igg.min()):
            words = "is more than the highest sample" if size > igg.max() else "is a hair's breadth beside the samples"
            problems.append(_problem(cohort, "difference of IgG", one, words, igg, KEEP_LEVELS))
    return problems


def _problem(cohort: Cohort, what: str, found: float, words: str, igg: np.ndarray, keep: str) -> Problem:  # type: ignore[type-arg]
    unit = cohort.igg_unit
    lowest, highest = (from_g_per_l(float(one), unit) for one in (igg.min(), igg.max())) if igg.size else (0.0, 0.0)
    span = f" ({lowest:.3g} to {highest:.3g} {unit})" if igg.size else ""
    meant = _meant(float(found), unit, igg)
    expected = f"levels are in the cohort's unit, {unit}, and this {words}{span}{meant}"
    return Problem(file="call", column=what, found=f"{found:g}", expected=expected + (f"; {keep}" if keep else ""))


def _meant(found: float, unit: str, igg: np.ndarray) -> str:  # type: ignore[type-arg]
    """The same number read in another unit, where that lies among the samples."""
    for other in IGG_UNITS:
        level = found * G_PER_L_IN[other]
        if other != unit and igg.size and 0.3 * igg.min() <= level <= 3 * igg.max():
            return f": for {found:g} {other} write {level / G_PER_L_IN[unit]:g}"
    return ""


def _days(cohort: Cohort, window: tuple[float, float], *, must_meet: bool) -> list[Problem]:
    if "windows" in cohort.as_given or cohort.samples.empty:
        return []
    day = cohort.samples["day"].to_numpy(dtype=np.float64)
    first, last = float(day.min()), float(day.max())
    span = max(last - first, SHORTEST_RECORD_DAY)
    start, end = window
    near = first - RECORDS_BEYOND * span <= start and end <= last + RECORDS_BEYOND * span
    if near and (not must_meet or (first <= end and start <= last + span)):
        return []
    meets = "that meets" if must_meet else "near"
    expected = f"a window in days {meets} the samples (day {first:.6g} to {last:.6g}); {KEEP_WINDOWS}"
    return [Problem(file="call", column="window", found=f"{start:g}:{end:g}", expected=expected)]
