"""Levels that can each be read and that together are hardly measured IgG: asked about, never changed.

One value that stands far too often, logarithms, a whole cohort far above any, one sample that is there twice.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.parse.findings import Mask, for_the_first, warn
from igkinetics.cohort.parse.parsed import Parsed, time_order
from igkinetics.cohort.parse.plausible import AS_GIVEN, HIGHEST_MEDIAN, USUAL_MEDIAN
from igkinetics.cohort.parse.samples import G_PER_L_BY_CODE, commonest_unit, in_unit
from igkinetics.errors import counted
from igkinetics.units import IGG_UNITS

FEWEST_LEVELS: Final = 10
FEWEST_PATIENTS: Final = 3
FEWEST_ALIKE: Final = 4
SHARE_ALIKE: Final = 0.05
TIMES_THE_NEXT: Final = 3
"""So much oftener than the next most frequent level, one is no measurement. Rounded levels repeat all alike."""
LEAST_SPREAD: Final = 0.1
"""Standard deviation of the log of all levels; the measurement alone makes half of it, people and therapy the rest."""
MOST_OF_A_LOGARITHM: Final = float(np.log(25.0))
"""The natural logarithm of a high level in g/L; the logarithm to base 10 is lower."""
SPREAD_OF_LOGARITHMS: Final = 0.4
"""Standard deviation of the log of levels that are logarithms themselves."""
BASELINES: Final = (1.0, 100.0)
SAME_SAMPLE_DAY: Final = 65.0 / 1440.0
"""Nobody draws blood for IgG twice within the hour, but around an infusion."""
AROUND_A_DOSE_DAY: Final = 1.5
REPORTED_AGAIN_DAY: Final = 2.0
FEWEST_PAIRS: Final = 3
SHARE_OF_PAIRS: Final = 0.6
FINE_STEP: Final = 0.03
"""Levels in steps below 3 % are hardly ever the same twice."""


def check_whole_cohort(samples: Parsed) -> Parsed:
    """Ask about a level that stands far too often, levels that hardly differ, and a cohort far above any."""
    rows = _measured(samples)
    if rows.empty:
        return samples
    level = rows["igg"].to_numpy(dtype=np.float64)
    median = float(rows["igg"].groupby(rows["patient"]).median().median())  # a myeloma measured often is one patient
    if USUAL_MEDIAN[1] < median <= HIGHEST_MEDIAN:
        shown = in_unit(median, IGG_UNITS.index(commonest_unit(rows["unit_code"].to_numpy())))
        told = f"a median of {shown}; levels of a whole cohort are hardly ever so high: are they in µmol/L or IU/mL?"
        samples = _asked(samples, rows.index[:1], f"{told} If they are right, {AS_GIVEN}")
    if len(level) < FEWEST_LEVELS:
        return samples
    n_patients = rows["patient"].nunique()
    spread = float(np.std(np.log(level)))
    question, part = "", _of_a_baseline(rows, n_patients) if n_patients >= FEWEST_PATIENTS else 0.0
    if part:
        question = f"the first level of every patient is {part:g}: are they parts of a baseline?"
    elif n_patients >= FEWEST_PATIENTS and 0.0 < spread < LEAST_SPREAD:
        question = (
            "all levels of the cohort are nearly the same, as those of different people never are: are they logarithms?"
        )
    elif n_patients >= FEWEST_PATIENTS and np.max(level) <= MOST_OF_A_LOGARITHM and 0.0 < spread < SPREAD_OF_LOGARITHMS:
        question = (
            f"no level is above {np.max(level):.3g} g/L, and a whole cohort is hardly ever so low: are they "
            "logarithms, or in g/dL?"
        )
    if question and not samples.problems:  # a problem of all levels is told by check_levels
        samples = _asked(samples, rows.index[:1], f"{question} If they are right, {AS_GIVEN}")
    return samples if part else _one_value(samples, rows, level)


def _of_a_baseline(rows: pd.DataFrame, n_patients: int) -> float:
    """1 or 100, where the first level of every patient is that and most others are not; 0 for neither."""
    written = rows["igg"].to_numpy(dtype=np.float64) / G_PER_L_BY_CODE[rows["unit_code"].to_numpy(dtype=np.intp)]
    for part in BASELINES:
        alike = np.isclose(written, part)
        if alike.sum() < n_patients:
            continue
        order = time_order(rows)
        first = ~rows["patient"].iloc[order].duplicated().to_numpy()
        if alike[order][first].all() and (~alike[order][~first]).mean() > SHARE_OF_PAIRS:
            return part
    return 0.0


def _one_value(samples: Parsed, rows: pd.DataFrame, level: npt.NDArray[np.float64]) -> Parsed:
    values, first, counts = np.unique(np.round(level, 9), return_index=True, return_counts=True)
    place = int(np.argmax(counts))
    most, next_one = int(counts[place]), int(np.max(np.delete(counts, place), initial=0))
    if most < max(FEWEST_ALIKE, SHARE_ALIKE * len(level), TIMES_THE_NEXT * next_one + 1):
        return samples
    if len(values) == 1 and rows["patient"].nunique() == 1:
        return samples  # of one person they may well be as even
    cell = str(samples.table.text["igg"][rows.index[first[place]]])
    at_an_end = {0: ("lowest", "<"), len(values) - 1: ("highest", ">")}
    if len(values) == 1:
        question = "and no other level is there: a target, a threshold?"
    elif place in at_an_end:
        side, sign = at_an_end[place]
        question = f"the {side} of all, and no other in more than {next_one}: a limit of the assay, to be written as "
        question += f"{sign}{cell}?"
    else:
        question = f"and no other in more than {next_one}: a code for a missing value, or one that was filled in?"
    told = f"this level stands in {most} of {len(level)} rows, {question}"
    return _asked(samples, rows.index[first[place] : first[place] + 1], f"{told} If they are right, {AS_GIVEN}")


def check_again(samples: Parsed, doses: Parsed | None) -> Parsed:
    """Ask about one sample that is there twice: measured again within the hour, or reported again the day after."""
    rows = _measured(samples)
    rows = rows.iloc[time_order(rows)]
    patient = rows["patient"].to_numpy(dtype=np.int64)
    moment, level = (rows[name].to_numpy(dtype=np.float64) for name in ("moment", "igg"))
    gap = np.where(patient[1:] == patient[:-1], np.diff(moment), np.inf)
    soon = np.flatnonzero((gap > 0.0) & (gap <= SAME_SAMPLE_DAY))
    soon = soon[~_after_a_dose(patient[soon + 1], moment[soon + 1], doses)]
    line = samples.table.line
    if soon.size:
        before, after = rows.index[soon], rows.index[soon + 1]
        texts = for_the_first(
            len(soon),
            lambda one: (
                f"{1440.0 * gap[soon[one]]:.0f} minutes after the sample before (line {line[before[one]]}): one sample "
                "measured twice? It then counts twice; keep one"
            ),
            "within the hour after the sample before: one sample measured twice? It then counts twice; keep one",
        )
        order = np.argsort(after, kind="stable")
        found = warn(samples.rows(after), "igg", samples.table.text["igg"], texts[order])
        samples = samples.with_findings(found)
    near = np.flatnonzero((gap > SAME_SAMPLE_DAY) & (gap <= REPORTED_AGAIN_DAY))
    same = near[level[near] == level[near + 1]]
    if same.size < max(FEWEST_PAIRS, SHARE_OF_PAIRS * near.size) or not _in_fine_steps(level):
        return samples
    told = (
        f"{counted(int(same.size), 'sample')} of the {near.size} within two days of another have the very same level: "
        "one sample reported twice? It then counts twice"
    )
    return _asked(samples, rows.index[same[:1] + 1], told)


def _in_fine_steps(level: npt.NDArray[np.float64]) -> bool:
    distinct = np.unique(level)
    return len(distinct) > 1 and float(np.min(np.diff(distinct))) < FINE_STEP * float(np.median(distinct))


def _after_a_dose(patient: npt.NDArray[np.int64], moment: npt.NDArray[np.float64], doses: Parsed | None) -> Mask:
    """Whether a dose lies within AROUND_A_DOSE_DAY of these moments of these patients."""
    if doses is None or not len(moment):
        return np.zeros(len(moment), dtype=bool)
    given = doses.usable()
    own, times = given["patient"].to_numpy(dtype=np.int64), given["moment"].to_numpy(dtype=np.float64)
    wide = 2.0 * AROUND_A_DOSE_DAY + np.ptp(np.concatenate([times, moment]))
    place = np.sort(own * wide + times)
    asked = patient * wide + moment
    near: Mask = np.searchsorted(place, asked - AROUND_A_DOSE_DAY) < np.searchsorted(place, asked + AROUND_A_DOSE_DAY)
    return near


def _measured(samples: Parsed) -> pd.DataFrame:
    rows = samples.usable()
    level = rows["igg"].to_numpy(dtype=np.float64)
    return rows[(rows["limit"] == "").to_numpy(dtype=bool) & (level > 0.0)]


def _asked(samples: Parsed, first: pd.Index[int], told: str) -> Parsed:
    return samples.with_findings(warn(samples.rows(first), "igg", samples.table.text["igg"], told))
