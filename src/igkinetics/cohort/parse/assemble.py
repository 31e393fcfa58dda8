"""The frozen Cohort out of checked tables: removed rows taken out, days, order, courses, row accounting."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from igkinetics.cohort.courses import merge_courses
from igkinetics.cohort.mapping.contract import TABLES, TableName
from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.model import (
    DOSE_COLUMNS,
    OUTCOME_COLUMNS,
    PATIENT_COLUMNS,
    SAMPLE_COLUMNS,
    THERAPY_COLUMNS,
    WEIGHT_COLUMNS,
    RowCount,
)
from igkinetics.cohort.nonmem.records import COPY
from igkinetics.cohort.nonmem.steady_state import implied_doses
from igkinetics.cohort.parse.covariates import covariate_notes, covariate_table
from igkinetics.cohort.parse.findings import Mask, removed_patients, removed_rows
from igkinetics.cohort.parse.parsed import Tables, by_date, lookup, time_order
from igkinetics.cohort.parse.timeline import days, effective_dose_moments, midnight_notes, origins
from igkinetics.cohort.parse.times import TimeKind
from igkinetics.cohort.parse.weights import one_weight, weights_at
from igkinetics.cohort.source.raw import ROWS_AT_A_TIME
from igkinetics.errors import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """The tables of a Cohort and what is said about them."""

    samples: pd.DataFrame
    doses: pd.DataFrame
    therapy: pd.DataFrame
    patients: pd.DataFrame
    outcomes: pd.DataFrame
    covariates: pd.DataFrame
    weights: pd.DataFrame
    rows: dict[str, RowCount]
    set_aside_patients: dict[str, str]
    notes: tuple[str, ...]
    day_zero: dict[str, pd.Timestamp]


def assemble(tables: Tables, patients: list[str], mapping: Mapping, kind: TimeKind) -> Assembled:
    """Build the tables. Every row still holding a nan has been removed by its finding."""
    aside: dict[str, str] = {}
    for parsed in tables.values():
        aside = {**removed_patients(parsed.table, parsed.findings), **aside}
    removed = {name: _removed(tables, name, aside) for name in tables}
    origin, notes = origins(tables, len(patients), kind, mapping.time_origin)
    notes = [note for parsed in tables.values() for note in parsed.notes] + notes + midnight_notes(tables)
    notes += covariate_notes(tables)
    samples = _events(tables, removed, "samples")
    doses = _events(tables, removed, "doses")
    outcomes = _events(tables, removed, "outcomes")
    if not doses.empty and mapping.format == "tables":
        moments, moved = effective_dose_moments(doses, samples, kind, mapping.same_day)
        notes += _same_day_notes(doses, samples, moved, mapping)
        doses = _sorted(doses.assign(moment=moments))
    covariates = _events(tables, removed, "covariates")
    samples, doses, outcomes, covariates = (_on_days(frame, origin) for frame in (samples, doses, outcomes, covariates))
    if "interval_day" in doses and not doses.empty:
        doses, implied_notes = implied_doses(doses, samples)
        doses = _by_weight_of_their_day(doses, tables, origin)
        notes += implied_notes
    therapy, therapy_notes = _courses(tables, removed, origin)
    notes += therapy_notes + _incomplete_notes(tables, aside)
    return Assembled(
        samples=_plain(samples.reindex(columns=list(SAMPLE_COLUMNS)).reset_index(drop=True)),
        doses=doses.reindex(columns=list(DOSE_COLUMNS)).reset_index(drop=True),
        therapy=therapy,
        patients=_patients(tables, removed, patients, origin),
        outcomes=_with_transplants(_outcomes(tables, outcomes), tables, removed, origin),
        covariates=covariate_table(tables, covariates),
        weights=_weights(tables, removed, origin),
        rows=_row_counts(tables, removed),
        set_aside_patients=aside,
        notes=tuple(notes),
        day_zero=_day_zero(patients, origin) if kind == "dates" else {},
    )


def _by_weight_of_their_day(doses: pd.DataFrame, tables: Tables, origin: pd.Series[float]) -> pd.DataFrame:
    """Doses in g/kg that one row implies, in grams by the weight of the day on which each was given."""
    implied = doses["implied"].to_numpy(dtype=bool) & doses["amount_g_per_kg"].notna().to_numpy()
    if "weights" not in tables or not implied.any():
        return doses
    moments = doses["day"].to_numpy(dtype=np.float64) + lookup(doses["patient"], origin)
    weight = weights_at(doses.assign(moment=moments), tables["weights"])
    grams = np.where(implied & ~np.isnan(weight), doses["amount_g_per_kg"] * weight, doses["amount_g"])
    return doses.assign(amount_g=grams)


def _weights(tables: Tables, removed: dict[TableName, Mask], origin: pd.Series[float]) -> pd.DataFrame:
    """The weights by day; none where the patients table holds the only ones."""
    table = _on_days(_events(tables, removed, "weights"), origin).reindex(columns=list(WEIGHT_COLUMNS))
    known = table["day"].notna() & table["weight_kg"].notna()
    return table[known].astype({"patient_id": str, "weight_kg": float}).reset_index(drop=True)


def _day_zero(patients: list[str], origin: pd.Series[float]) -> dict[str, pd.Timestamp]:
    """The moment that each patient's days count from; nobody whose record holds no date."""
    known = origin.dropna()
    seconds = np.round(known.to_numpy(dtype=np.float64) * 86_400.0).astype(np.int64)
    moments = pd.DatetimeIndex(seconds.astype("datetime64[s]").astype("datetime64[us]"))  # ns would end in 2262
    return {patients[index]: moment for index, moment in zip(known.index, moments, strict=True)}


def _removed(tables: Tables, name: TableName, aside: dict[str, str]) -> Mask:
    parsed = tables[name]
    removed = removed_rows(parsed.table, parsed.findings)
    return removed | parsed.frame["patient_id"].isin(list(aside)).to_numpy(dtype=bool) if aside else removed


def _events(tables: Tables, removed: dict[TableName, Mask], name: TableName) -> pd.DataFrame:
    """The rows in use, with their lines, sorted by patient and moment (equal moments keep their order)."""
    if name not in tables:
        return pd.DataFrame(
            {
                "patient_id": pd.Series(dtype=str),
                "patient": pd.Series(dtype=np.int64),
                "moment": pd.Series(dtype=np.float64),
                "date_only": pd.Series(dtype=bool),
            }
        )
    parsed = tables[name]
    frame = parsed.frame.assign(line=parsed.table.line)
    return _sorted(frame[~removed[name]] if removed[name].any() else frame)


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    """The index stays the row of the table."""
    order = time_order(frame)
    return frame if bool((order[1:] > order[:-1]).all()) else frame.iloc[order]


def _plain(samples: pd.DataFrame) -> pd.DataFrame:
    """Columns of text as such, not as codes; some rows at a time, for each is for a moment in memory several times."""
    starts = range(0, max(len(samples), 1), ROWS_AT_A_TIME)
    return samples.assign(
        **{
            name: pd.concat([samples[name].iloc[start : start + ROWS_AT_A_TIME].astype(str) for start in starts])
            for name in ("patient_id", "limit")
        }
    )


def _on_days(frame: pd.DataFrame, origin: pd.Series[float]) -> pd.DataFrame:
    return frame.assign(day=days(frame["moment"].to_numpy(dtype=np.float64), frame["patient"], origin))


def _same_day_notes(doses: pd.DataFrame, samples: pd.DataFrame, moved: Mask, mapping: Mapping) -> list[str]:
    sampled = by_date(samples["patient"], samples["moment"])
    shared = pd.Series(by_date(doses["patient"], doses["moment"])).isin(sampled).to_numpy(dtype=bool)
    n_shared = int((shared & doses["date_only"].to_numpy(dtype=bool)).sum())
    if n_shared == 0 and not moved.any():
        return []
    if mapping.same_day == "sample_first":
        return [f"{counted(n_shared, 'dose')} known only by date, on a date with a sample: the sample counts first"]
    n_moved = counted(int(moved.sum()), "dose")
    return [f"{n_moved} on the date of a sample: ending just before it (same_day = dose_first)"]


def _courses(
    tables: Tables, removed: dict[TableName, Mask], origin: pd.Series[float]
) -> tuple[pd.DataFrame, list[str]]:
    if "therapy" not in tables:
        return pd.DataFrame(
            {name: pd.Series(dtype=str if name in ("patient_id", "agent") else np.float64) for name in THERAPY_COLUMNS}
        ), []
    parsed = tables["therapy"]
    frame = parsed.frame.assign(line=parsed.table.line)[~removed["therapy"]]
    frame = frame.assign(
        start=days(frame["start"].to_numpy(dtype=np.float64), frame["patient"], origin),
        stop=days(frame["stop"].to_numpy(dtype=np.float64), frame["patient"], origin),
    )
    courses, n_joined = merge_courses(frame)
    notes = [f"therapy: {counted(n_joined, 'row')} joined to another, touched or overlapped"] if n_joined else []
    return courses[list(THERAPY_COLUMNS)], notes


def _outcomes(tables: Tables, events: pd.DataFrame) -> pd.DataFrame:
    """With the further columns of the table."""
    table = events.reindex(columns=list(OUTCOME_COLUMNS))
    if "outcomes" in tables:
        table = pd.concat([table, tables["outcomes"].extra.loc[events.index]], axis=1)
    return table.reset_index(drop=True)


def _with_transplants(
    outcomes: pd.DataFrame, tables: Tables, removed: dict[TableName, Mask], origin: pd.Series[float]
) -> pd.DataFrame:
    """The outcomes with a row `hsct` for each transplant that the patients table alone tells."""
    if "patients" not in tables:
        return outcomes
    frame = tables["patients"].frame[~removed["patients"]]
    frame = frame[frame["transplant"].notna()].drop_duplicates("patient")
    known = set(outcomes.loc[outcomes["outcome"] == "hsct", "patient_id"])
    frame = frame[~frame["patient_id"].isin(known)]
    if frame.empty:
        return outcomes
    day = days(frame["transplant"].to_numpy(dtype=np.float64), frame["patient"], origin)
    told = pd.DataFrame({"patient_id": frame["patient_id"], "day": day, "outcome": "hsct"})
    return pd.concat([outcomes, told], ignore_index=True)


def _patients(
    tables: Tables, removed: dict[TableName, Mask], patients: list[str], origin: pd.Series[float]
) -> pd.DataFrame:
    """One row for everyone; empty where nothing is known."""
    names = list(PATIENT_COLUMNS[1:])
    table = pd.DataFrame(index=pd.RangeIndex(len(patients)), columns=names)
    if "patients" in tables:
        parsed, used = tables["patients"], ~removed["patients"]
        known = pd.concat([parsed.frame[names], parsed.extra], axis=1)[used]
        table = known.set_axis(parsed.frame["patient"][used], axis=0).reindex(table.index)
    for name in ("group", "sex"):
        table[name] = table[name].astype(object).where(table[name].notna(), "").astype(str)
    for name in ("weight_kg", "height_cm", "age_y", "birth", "death"):
        table[name] = table[name].astype(np.float64)
    table["weight_kg"] = one_weight(tables).reindex(table.index).astype(np.float64)
    for name in ("birth", "death"):
        table[name] = table[name] - origin
    table.insert(0, "patient_id", pd.Series(patients, dtype=str))
    return table.reset_index(drop=True)


def _row_counts(tables: Tables, removed: dict[TableName, Mask]) -> dict[str, RowCount]:
    """For each file; a file that serves several tables is counted for each of them."""
    files = Counter(file for parsed in tables.values() for file in parsed.table.files)
    counts = {}
    for name in TABLES:
        if name not in tables:
            continue
        table, frame = tables[name].table, tables[name].frame
        own = ~frame[COPY].to_numpy(dtype=bool) if COPY in frame else np.ones(len(frame), dtype=bool)
        for code, file in enumerate(table.files):
            here = (table.file_code == code) & own
            counts[file if files[file] == 1 else f"{file} ({name})"] = RowCount(
                read=table.n_read[code],
                filtered=table.n_filtered[code],
                used=int((here & ~removed[name]).sum()),
                set_aside=table.n_unread[code] + int((here & removed[name]).sum()),
            )
    return counts


def _incomplete_notes(tables: Tables, aside: dict[str, str]) -> list[str]:
    """Patients whose doses or therapy are incomplete because rows were set aside for an error."""
    notes = []
    for name in ("doses", "therapy"):
        if name not in tables:
            continue
        parsed = tables[name]
        errors = removed_rows(parsed.table, [one for one in parsed.findings if not one.warning])
        ids = [one for one in parsed.frame["patient_id"][errors].unique() if one and one not in aside]
        if ids:
            shown = ", ".join(ids[:10]) + (", ..." if len(ids) > 10 else "")
            notes.append(
                f"{name}: rows set aside, so the record is incomplete for {counted(len(ids), 'patient')}: {shown}"
            )
    return notes
