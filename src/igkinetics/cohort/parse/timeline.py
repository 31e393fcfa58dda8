"""One time line for each patient: whether a cohort is in days or dates, where day 0 is, same-day order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.contract import TABLES
from igkinetics.cohort.mapping.keys import TimeOrigin
from igkinetics.cohort.model import Floats, SameDay
from igkinetics.cohort.parse.findings import Mask
from igkinetics.cohort.parse.parsed import Tables, by_date, lookup, whole_table
from igkinetics.cohort.parse.times import TimeKind, wrong_kind
from igkinetics.errors import Problem, counted


def time_kind(tables: Tables) -> TimeKind:
    """Days or dates: what the samples are in, else what most cells of the cohort are."""
    samples = tables.get("samples")
    if samples is not None and (time := samples.times[0]).column in samples.table.text.columns:
        return "dates" if time.column == "datetime" else "days"
    n_dates = sum(int(time.is_date.sum()) for one in tables.values() for time in one.times)
    n_given = sum(int((~np.isnan(time.moment)).sum()) for one in tables.values() for time in one.times)
    return "dates" if 2 * n_dates > n_given else "days"


def check_one_kind(tables: Tables, kind: TimeKind, asked: TimeOrigin | None) -> tuple[Tables, list[Problem]]:
    """Findings for start, stop, birth and death of the other kind; a problem for a whole column of it."""
    checked, problems = dict(tables), _origin_problem(kind, asked)
    other = "datetime" if kind == "days" else "day"
    for name in TABLES:
        if name not in tables:
            continue
        parsed = tables[name]
        if parsed.times[0].column == other and other in parsed.table.text.columns:
            problems.append(
                whole_table(
                    parsed.table,
                    other,
                    other,
                    f"the samples are in {kind}, so this table is too; a mix of days and dates is an error",
                )
            )
        elif parsed.times[0].column not in ("day", "datetime"):
            more = [finding for time in parsed.times for finding in wrong_kind(parsed.table, time, kind)]
            if name == "patients":  # the row also holds the group and the weight
                more = [replace(finding, removes="patient") for finding in more]
            checked[name] = parsed.with_findings(more)
    return checked, problems


def _origin_problem(kind: TimeKind, asked: TimeOrigin | None) -> list[Problem]:
    if kind == "dates" and asked == "as_given":
        expected = "dates need an origin: therapy, first_sample or first_dose"
        return [Problem(file="cohort.toml", column="time_origin", found=asked, expected=expected)]
    return []


def midnight_notes(tables: Tables) -> list[str]:
    return [
        f"{name}: every time of day in {time.column} is midnight, so these are taken as dates without a time"
        for name, parsed in tables.items()
        for time in parsed.times
        if time.midnight_only
    ]


def first_moments(tables: Tables, name: str, column: str) -> pd.Series[float]:
    """The earliest moment of each patient in a table, by position of the patient."""
    parsed = next((parsed for table, parsed in tables.items() if table == name), None)
    if parsed is None:
        return pd.Series(dtype=np.float64)
    return parsed.usable().groupby("patient")[column].min().dropna()


def origins(
    tables: Tables, n_patients: int, kind: TimeKind, asked: TimeOrigin | None
) -> tuple[pd.Series[float], list[str]]:
    """The moment of day 0 for each patient, and how it was chosen.

    Day numbers are kept as given unless an origin is asked for. Where a patient lacks the event, the first
    sample counts, else the first dose, else the first therapy, else the first outcome.
    """
    patients = pd.RangeIndex(n_patients)
    if asked == "as_given" or (kind == "days" and asked is None):
        return pd.Series(0.0, index=patients), []
    chosen = asked or "therapy"
    order = {"therapy": "therapy", "first_sample": "samples", "first_dose": "doses"}
    starts = {
        "therapy": first_moments(tables, "therapy", "start"),
        "samples": first_moments(tables, "samples", "moment"),
        "doses": first_moments(tables, "doses", "moment"),
        "outcomes": first_moments(tables, "outcomes", "moment"),
    }
    primary = order[chosen]
    origin = starts[primary].reindex(patients)
    n_without = int(origin.isna().sum())
    for name in ("samples", "doses", "therapy", "outcomes"):
        origin = origin.fillna(starts[name].reindex(patients))
    words = {"therapy": "therapy start", "samples": "first sample", "doses": "first dose"}
    notes = [f"day 0 is each patient's {words[primary].replace('therapy start', 'first therapy start')}"]
    if n_without and primary != "samples":
        notes[0] += f"; the first sample for {counted(n_without, 'patient')} without one"
    return origin, notes


def days(moment: Floats, patients: pd.Series[int], origin: pd.Series[float]) -> Floats:
    """Moments as days of each row's patient."""
    start = lookup(patients, origin)
    return np.where(np.isinf(moment), moment, moment - start)


def effective_dose_moments(
    doses: pd.DataFrame, samples: pd.DataFrame, kind: TimeKind, same_day: SameDay
) -> tuple[Floats, Mask]:
    """(moments, moved): doses known only by their date, behind or before the samples of that date.

    sample_first: not before the last sample of the date. dose_first: the infusion ends just before the first
    one, so that the sample sees the level at the end of the infusion. In day numbers, a whole number stands
    for a date, and only samples with the same whole number belong to it.
    """
    moment = doses["moment"].to_numpy(dtype=np.float64)
    if doses.empty or samples.empty:
        return moment, np.zeros(len(doses), dtype=bool)
    relevant = samples[samples["patient"].isin(doses["patient"].unique())]
    relevant = relevant if kind == "dates" else relevant[relevant["date_only"]]
    by_patient_and_date = relevant.groupby(by_date(relevant["patient"], relevant["moment"]))
    bounds = by_patient_and_date.agg(first=("moment", "min"), last=("moment", "max"), date_only=("date_only", "any"))
    bounds_of_doses = bounds.reindex(by_date(doses["patient"], doses["moment"]))
    date_only = doses["date_only"].to_numpy(dtype=bool)
    if same_day == "sample_first":
        last = bounds_of_doses["last"].to_numpy(dtype=np.float64)
        moved = date_only & (last > moment)
        return np.where(moved, last, moment), moved
    first = bounds_of_doses["first"].to_numpy(dtype=np.float64)
    by_date_alone = date_only | (bounds_of_doses["date_only"] == True).to_numpy(dtype=bool)  # noqa: E712  (nan: no sample)
    moved = by_date_alone & ~np.isnan(first)
    duration = doses["duration_day"].to_numpy(dtype=np.float64)
    before = _ending_before(np.where(moved, first, moment), duration)
    return np.where(moved, before, moment), moved


def _ending_before(end: Floats, duration: Floats) -> Floats:
    """Starts of infusions that end just before `end`, also in floating-point arithmetic."""
    start = np.nextafter(end, -np.inf) - duration
    late = start + duration >= end
    while late.any():
        start = np.where(late, np.nextafter(start, -np.inf), start)
        late = start + duration >= end
    return start
