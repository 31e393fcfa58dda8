"""Times that can be read and are probably not what they are taken for: asked about, never changed.

Day numbers that are years, hours or weeks; a date of the year before or after.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.findings import Mask, warn
from igkinetics.cohort.parse.parsed import Parsed, time_order

FIRST_YEAR, LAST_YEAR = 1950.0, 2100.0
HOURS: Final = 24.0
FEWEST_DAYS: Final = 3
"""So many different days are all multiples of 24 by no chance."""
BESIDE_DAYS: Final = 35.0
"""A dose further from the samples of its patient tells nothing of them."""
FASTEST_HALF_LIFE_DAY: Final = 10.0
"""IgG halves in three weeks where none is made, and in eleven days where its clearance is doubled."""
A_FALL, A_SLIP = 1.5, 20.0
SAMPLES_OF_A_FALL: Final = 3
WEEK: Final = 7.0
SHORT_GAP_DAY: Final = 6.0
FEWEST_DOSES: Final = 3
EARLY_PART: Final = 0.3
FAR_DAY: Final = 1000.0
FEWEST_COURSES: Final = 3
FEWEST_CYCLES: Final = 2
SHORT_COURSE_DAY: Final = 120.0
TIMES_ALIKE: Final = 2.0
LONG_COURSE_DAY: Final = 60.0
"""Shorter courses have a planned end, and a sample on it."""
MOST_STOPS: Final = 0.8
A_YEAR: Final = (365.0, 366.0)
HISTORY_DAYS: Final = 60.0
LONGEST_STEP_DAY: Final = 150.0
"""Between the rows around a date that would fit there in another year."""


def check_days(samples: Parsed) -> Parsed:
    """Ask about day numbers of samples that read like years or hours."""
    day = _day_numbers(samples)
    if day is None:
        return samples
    if bool(((day >= FIRST_YEAR) & (day <= LAST_YEAR) & (day == np.floor(day))).all()):
        return _asked(samples, "a day number, as all others here, and they read like years: are they years?")
    if len(np.unique(day[day != 0])) >= FEWEST_DAYS and _all_hours(day):
        return _asked(samples, "a day number, and all here are multiples of 24: are they hours?")
    return samples


def check_falls(samples: Parsed, doses: Parsed | None, aside: pd.Index[int]) -> Parsed:
    """Ask about days in a cohort whose IgG falls faster than any, before a dose could have raised it.

    aside: rows whose level is wrong itself.
    """
    if _day_numbers(samples) is None:
        return samples
    rows = samples.usable()
    rows = rows.drop(index=aside) if len(aside) else rows
    rows = rows[(rows["limit"] == "").to_numpy(dtype=bool) & rows["igg"].notna().to_numpy(dtype=bool)]
    if doses is not None:
        first = doses.usable().groupby("patient")["moment"].min().reindex(rows["patient"]).to_numpy(dtype=np.float64)
        rows = rows[~(rows["moment"].to_numpy(dtype=np.float64) > first)]
    half_life = _half_lives(rows.iloc[time_order(rows)])
    if half_life.size == 0 or np.median(half_life) >= FASTEST_HALF_LIFE_DAY:
        return samples
    told = (
        f"IgG halves in {np.median(half_life):.2g} days, in the median of {half_life.size} whose level falls with no "
        "dose before, and in some 21 days where none is made: are days in another unit, such as weeks, or is IgG lost?"
    )
    return _asked(samples, told)


def _half_lives(rows: pd.DataFrame) -> Floats:
    """Days in which IgG halves from the highest sample to the lowest after it, of patients in whom it falls clearly.

    rows: by patient and moment.
    """
    patient = rows["patient"].to_numpy()
    place = pd.Series(np.arange(len(rows)), index=patient)
    level = pd.Series(rows["igg"].to_numpy(dtype=np.float64), index=patient)
    top = place.to_numpy()[level.reset_index(drop=True).groupby(patient).idxmax().to_numpy()]
    start = pd.Series(top, index=patient[top]).reindex(patient).to_numpy()
    after = level.where(place.to_numpy() >= start).reset_index(drop=True)
    bottom = after.groupby(patient).idxmin().to_numpy()
    times = level.to_numpy()[top] / level.to_numpy()[bottom]
    moment = rows["moment"].to_numpy(dtype=np.float64)
    days = moment[bottom] - moment[top]
    clear = (times >= A_FALL) & (times < A_SLIP) & (bottom - top + 1 >= SAMPLES_OF_A_FALL) & (days > 0)
    fall: Floats = np.log(2.0) * days[clear] / np.log(times[clear])
    return fall


def check_unit_of_days(doses: Parsed, samples: Parsed) -> Parsed:
    """Ask about day numbers of doses that fit those of the samples better as hours, or as weeks."""
    day = _day_numbers(doses)
    if day is None or _day_numbers(samples) is None:
        return doses
    rows = doses.usable()
    patient = rows["patient"]
    moment = samples.usable().groupby("patient")["moment"]
    first, last = (ends.reindex(patient).to_numpy(dtype=np.float64) for ends in (moment.min(), moment.max()))
    known = ~np.isnan(first)

    def share_beside(times: float) -> float:
        beside = (times * day >= first - BESIDE_DAYS) & (times * day <= last + BESIDE_DAYS)
        return float(beside[known].mean()) if known.any() else 0.0

    if share_beside(1.0) < 0.5 and share_beside(1.0 / HOURS) > 0.9 and _all_hours(day):
        return _asked(doses, "a day number, and as hours these doses lie among the samples: are they hours?")
    gap = rows["moment"].sort_values().groupby(patient).diff()
    many = gap[patient.map(patient.value_counts()) >= FEWEST_DOSES].dropna()
    early = day <= first + EARLY_PART * (last - first)
    if (
        len(many)
        and 2.0 <= many.median() <= SHORT_GAP_DAY
        and bool(early[known].all())
        and share_beside(WEEK) > 0.9
        and bool((gap.dropna() == np.floor(gap.dropna())).all())
    ):
        told = f"doses {many.median():g} days apart, and as weeks they lie among all samples: are they weeks?"
        return _asked(doses, told)
    return doses


def check_origin_of_therapy(therapy: Parsed, samples: Parsed) -> Parsed:
    """Ask about day numbers of therapies that all end long before the first samples: the tables count from other days.

    A history of therapy lies at negative days, before samples that begin about day 0.
    """
    sampled = _day_numbers(samples)
    rows = therapy.usable()
    if sampled is None or rows.empty or therapy.times[0].is_date.any() or float(sampled.min()) < FAR_DAY:
        return therapy
    first = samples.usable().groupby("patient")["moment"].min().reindex(rows["patient"]).to_numpy(dtype=np.float64)
    stop = rows["stop"].to_numpy(dtype=np.float64)
    ended = np.where(np.isinf(stop), rows["start"].to_numpy(dtype=np.float64), stop)
    if np.isnan(first).all() or not bool((first - ended)[~np.isnan(first)].min() > FAR_DAY):
        return therapy
    told = f"all therapies end more than {FAR_DAY:.0f} days before their patient's first sample: "
    return _asked(therapy, told + "do the days of both tables count from one day?")


def check_numbers_of_cycles(therapy: Parsed) -> Parsed:
    """Ask about starts that are 1, 2, 3 in every patient: numbers of cycles in the place of days."""
    rows = therapy.usable()
    if rows.empty or therapy.times[0].is_date.any():
        return therapy
    start = rows.sort_values(["patient", "start"], kind="stable")["start"].astype(np.float64)
    own = start.groupby(rows["patient"])
    several = own.transform("size") >= FEWEST_CYCLES
    if rows["patient"].nunique() < 2 or not several.all() or not bool((start == own.cumcount() + 1.0).all()):
        return therapy
    return _asked(therapy, "a day number, and the starts of every patient are 1, 2, ...: are they numbers of cycles?")


def check_lengths_of_courses(therapy: Parsed) -> Parsed:
    """Ask about courses that are a year longer than those of their agent: a stop in the wrong year."""
    rows = therapy.usable()
    stop = therapy.table.column("stop")
    if stop is None:
        return therapy
    days = (rows["stop"] - rows["start"]).astype(np.float64)
    days = days[np.isfinite(days)]
    agent = rows["agent"].reindex(days.index)
    usual = days.groupby(agent).transform("median")
    many = days.groupby(agent).transform("size") >= FEWEST_COURSES
    rest = days - A_YEAR[0]
    off = many & (usual <= SHORT_COURSE_DAY) & (rest >= usual / TIMES_ALIKE) & (rest <= usual * TIMES_ALIKE + 1.0)
    told = [
        f"a course of {one:.0f} days, and {mean:.0f} in the median of this agent: is the year of the stop right?"
        for one, mean in zip(days[off], usual[off], strict=True)
    ]
    return therapy.with_findings(warn(therapy.rows(days.index[off]), "stop", stop, told))


def check_cut_off(therapy: Parsed, samples: Parsed) -> Parsed:
    """Ask about stops that are the end of the record: one date for many patients, or the days of their last samples."""
    rows = therapy.usable()
    cells = therapy.table.column("stop")
    if cells is None or rows.empty:
        return therapy
    rows = rows.sort_values(["patient", "start"], kind="stable")
    rows = rows[~rows["patient"].duplicated(keep="last").to_numpy() & np.isfinite(rows["stop"].to_numpy())]
    start, stop = (rows[name].to_numpy(dtype=np.float64) for name in ("start", "stop"))
    if len(rows) < FEWEST_COURSES or np.ptp(np.floor(stop) - np.floor(start)) == 0.0:
        return therapy
    last = samples.usable().groupby("patient")["moment"].max().reindex(rows["patient"]).to_numpy(dtype=np.float64)
    ended = (np.floor(stop) == np.floor(last)) & (stop - start > LONG_COURSE_DAY)
    date, count = np.unique(np.floor(stop), return_counts=True)
    together = therapy.times[0].is_date.any() and np.ptp(start) > LONG_COURSE_DAY
    if together and count.max() >= max(FEWEST_COURSES, MOST_STOPS * len(rows)):
        off = np.floor(stop) == date[int(np.argmax(count))]
        what = f"the last stop of {int(off.sum())} of {len(rows)} patients is this date, whenever they began"
    elif ended.sum() >= max(FEWEST_COURSES, MOST_STOPS * len(rows)):
        off, what = (
            ended,
            f"the last stop of {int(ended.sum())} of {len(rows)} patients is the day of their last sample",
        )
    else:
        return therapy
    told = f"{what}: is it the end of the record? Leave stop empty while therapy, or the want of B cells, goes on"
    return therapy.with_findings(warn(therapy.rows(rows.index[off][:1]), "stop", cells, told))


def check_wrong_years(events: Parsed) -> Parsed:
    """Ask about dates that break the order of their patient's rows and fit there a year later or before."""
    rows = events.usable()
    if rows.empty or not events.times[0].is_date.any():
        return events
    by_patient = np.argsort(rows["patient"].to_numpy(), kind="stable")
    patient = rows["patient"].to_numpy()[by_patient]
    moment = rows["moment"].to_numpy(dtype=np.float64)[by_patient]
    same = patient[1:] == patient[:-1]
    falls = same & (np.diff(moment) < 0)
    if not falls.any():
        return events
    before, after = np.full(len(moment), np.nan), np.full(len(moment), np.nan)
    before[1:][same], after[:-1][same] = moment[:-1][same], moment[1:][same]
    later, earlier = (_fits(moment, before, after, sign) for sign in (1.0, -1.0))
    n_falls = pd.Series(np.append(falls, False)).groupby(patient).transform("sum").to_numpy()
    off = (later | earlier) & (n_falls == 1)
    off &= ~pd.Series(off).groupby(patient).cumsum().gt(1).to_numpy()
    order = np.sort(by_patient[off])
    shown = pd.Series(np.where(later, "after", "before"), index=by_patient)[order]
    column = events.times[0].column
    told = [f"earlier than the row above or later than the one below, and in order a year {side}" for side in shown]
    texts = [f"{one}: is the year right?" for one in told]
    return events.with_findings(warn(events.rows(rows.index[order]), column, events.table.text[column], texts))


def check_other_years(events: Parsed, samples: Parsed) -> Parsed:
    """Ask about a table whose dates lie nowhere near those of the samples, and in another year among them."""
    rows = events.usable()
    if rows.empty or not events.times[0].is_date.any() or not samples.times[0].is_date.any():
        return events
    moment = samples.usable().groupby("patient")["moment"]
    first, last = (ends.reindex(rows["patient"]).to_numpy(dtype=np.float64) for ends in (moment.min(), moment.max()))
    start, stop = (rows[name].to_numpy(dtype=np.float64) for name in _ends_of(events))

    def share_beside(years: float) -> float:
        moved = 365.25 * years
        beside = (stop + moved >= first - BESIDE_DAYS) & (start + moved <= last + BESIDE_DAYS)
        return float(beside[~np.isnan(first)].mean()) if (~np.isnan(first)).any() else 1.0

    if share_beside(0.0) > 0.0:
        return events
    for years, side in ((1.0, "later"), (-1.0, "earlier")):
        if share_beside(years) == 1.0 and not _is_history(events, start, first):
            told = (
                f"no date of this table is near the samples, and a year {side} all lie among them: is the year right?"
            )
            return _asked(events, told)
    return events


def _ends_of(events: Parsed) -> tuple[str, str]:
    return ("start", "stop") if events.table.name == "therapy" else ("moment", "moment")


def _is_history(events: Parsed, start: Floats, first: Floats) -> bool:
    """Whether therapies ended long before the first samples at quite different distances, as a history does."""
    return (
        events.table.name == "therapy" and len(start) >= FEWEST_DOSES and float(np.nanstd(first - start)) > HISTORY_DAYS
    )


def _fits(moment: Floats, before: Floats, after: Floats, sign: float) -> Mask:
    """Rows out of order that fit between their neighbours with a year added (or taken away)."""
    out = (moment < before) | (moment > after)
    fitting = np.zeros(len(moment), dtype=bool)
    low = np.where(np.isnan(before), after - LONGEST_STEP_DAY, before)
    high = np.where(np.isnan(after), before + LONGEST_STEP_DAY, after)
    for year in A_YEAR:
        moved = moment + sign * year
        fitting |= (moved >= low) & (moved <= high)
    fits: Mask = out & fitting & (high - low <= LONGEST_STEP_DAY)
    return fits


def _day_numbers(events: Parsed) -> Floats | None:
    """The moments in use, where they are day numbers; None for dates or nothing."""
    rows = events.usable()
    if rows.empty or events.times[0].is_date.any():
        return None
    return rows["moment"].to_numpy(dtype=np.float64)


def _all_hours(day: Floats) -> bool:
    return bool((day % HOURS == 0).all()) and bool((day != 0).any())


def _asked(events: Parsed, told: str) -> Parsed:
    """With a question at the first row in use."""
    column = events.times[0].column
    first = events.usable().index[:1]
    return events.with_findings(warn(events.rows(first), column, events.table.text[column], told))
