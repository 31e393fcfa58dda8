"""The frozen Cohort out of checked tables: removed rows taken out, days, order, courses, row accounting."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from igkinetics.cohort.contract import TABLES, TableName
from igkinetics.cohort.courses import merge_courses
from igkinetics.cohort.findings import Mask, removed_patients, removed_rows
from igkinetics.cohort.mapping import Mapping
from igkinetics.cohort.model import (
    DOSE_COLUMNS,
    OUTCOME_COLUMNS,
    PATIENT_COLUMNS,
    SAMPLE_COLUMNS,
    THERAPY_COLUMNS,
    RowCount,
)
from igkinetics.cohort.parsed import Tables
from igkinetics.cohort.timeline import days, effective_dose_moments, midnight_notes, origins
from igkinetics.cohort.times import TimeKind

NO_SAMPLES_FRAME = pd.DataFrame(columns=["patient_id", "moment", "date_only", "igg", "limit", "line"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """The tables of a Cohort and what is said about them."""

    samples: pd.DataFrame
    doses: pd.DataFrame
    therapy: pd.DataFrame
    patients: pd.DataFrame
    outcomes: pd.DataFrame
    rows: dict[str, RowCount]
    set_aside_patients: dict[str, str]
    notes: tuple[str, ...]


def assemble(tables: Tables, mapping: Mapping, kind: TimeKind) -> Assembled:
    """Build the tables. Every row still holding a nan has been removed by its finding."""
    patients = all_patients(tables)
    aside: dict[str, str] = {}
    for parsed in tables.values():
        aside = {**removed_patients(parsed.table, parsed.findings), **aside}
    removed = {name: _removed(tables, name, aside) for name in tables}
    origin, notes = origins(tables, patients, kind, mapping.time_origin)
    notes = [note for parsed in tables.values() for note in parsed.notes] + notes + midnight_notes(tables)
    samples = _events(tables, removed, "samples", patients)
    doses = _events(tables, removed, "doses", patients)
    outcomes = _events(tables, removed, "outcomes", patients)
    if not doses.empty:
        moments, moved = effective_dose_moments(doses, samples, kind, mapping.same_day)
        notes += _same_day_notes(doses, samples, moved, mapping)
        doses = doses.assign(moment=moments)
    samples, doses, outcomes = (_on_days(frame, origin) for frame in (samples, doses, outcomes))
    therapy, therapy_notes = _courses(tables, removed, patients, origin)
    notes += therapy_notes + _incomplete_notes(tables, aside)
    further = [
        name for name in outcomes.columns if name not in (*OUTCOME_COLUMNS, "moment", "date_only", "line")
    ]
    return Assembled(
        samples=samples.reindex(columns=list(SAMPLE_COLUMNS)),
        doses=doses.reindex(columns=list(DOSE_COLUMNS)),
        therapy=therapy,
        patients=_patients(tables, removed, patients, origin),
        outcomes=outcomes.reindex(columns=[*OUTCOME_COLUMNS, *further]),
        rows=_row_counts(tables, removed),
        set_aside_patients=aside,
        notes=tuple(notes),
    )


def all_patients(tables: Tables) -> list[str]:
    """Everyone in any row of any file, as they first appear: patients, samples, doses, therapy, outcomes."""
    order: tuple[TableName, ...] = ("patients", "samples", "doses", "therapy", "outcomes")
    ids = [tables[name].frame["patient_id"] for name in order if name in tables]
    return [str(one) for one in pd.concat(ids).unique() if one != ""] if ids else []


def _removed(tables: Tables, name: TableName, aside: dict[str, str]) -> Mask:
    parsed = tables[name]
    by_patient = parsed.frame["patient_id"].isin(list(aside)).to_numpy(dtype=bool)
    return removed_rows(parsed.table, parsed.findings) | by_patient


def _events(
    tables: Tables, removed: dict[TableName, Mask], name: TableName, patients: list[str]
) -> pd.DataFrame:
    """The rows in use, with their lines, sorted by patient and moment (equal moments keep their order)."""
    if name not in tables:
        return pd.DataFrame({"patient_id": pd.Series(dtype=str), "moment": pd.Series(dtype=np.float64)})
    parsed = tables[name]
    frame = pd.concat([parsed.frame, parsed.extra], axis=1).assign(line=parsed.table.line)[~removed[name]]
    position = pd.Index(patients).get_indexer(pd.Index(frame["patient_id"]))
    return frame.iloc[np.lexsort((frame["moment"], position))].reset_index(drop=True)


def _on_days(frame: pd.DataFrame, origin: pd.Series[float]) -> pd.DataFrame:
    """With a column day. A moved dose can change places, so the order is made again."""
    day = days(frame["moment"].to_numpy(dtype=np.float64), frame["patient_id"], origin)
    position = pd.factorize(frame["patient_id"])[0]
    return frame.assign(day=day).iloc[np.lexsort((day, position))].reset_index(drop=True)


def _same_day_notes(doses: pd.DataFrame, samples: pd.DataFrame, moved: Mask, mapping: Mapping) -> list[str]:
    dates = np.floor(samples["moment"]) if not samples.empty else pd.Series(dtype=np.float64)
    sampled = pd.MultiIndex.from_arrays([samples["patient_id"], dates])
    dosed = pd.MultiIndex.from_arrays([doses["patient_id"], np.floor(doses["moment"])])
    n_shared = int((dosed.isin(sampled) & doses["date_only"].to_numpy(dtype=bool)).sum())
    if n_shared == 0 and not moved.any():
        return []
    if mapping.same_day == "sample_first":
        return [
            f"{n_shared} doses known only by their date, on a date with a sample: the sample counts first"
        ]
    return [f"{int(moved.sum())} doses on the date of a sample end just before it (same_day = dose_first)"]


def _courses(
    tables: Tables, removed: dict[TableName, Mask], patients: list[str], origin: pd.Series[float]
) -> tuple[pd.DataFrame, list[str]]:
    if "therapy" not in tables:
        return pd.DataFrame(
            {
                name: pd.Series(dtype=str if name in ("patient_id", "agent") else np.float64)
                for name in THERAPY_COLUMNS
            }
        ), []
    parsed = tables["therapy"]
    frame = parsed.frame.assign(line=parsed.table.line)[~removed["therapy"]]
    position = pd.Index(patients).get_indexer(pd.Index(frame["patient_id"]))
    frame = frame.iloc[np.argsort(position, kind="stable")].reset_index(drop=True)
    frame = frame.assign(
        start=days(frame["start"].to_numpy(dtype=np.float64), frame["patient_id"], origin),
        stop=days(frame["stop"].to_numpy(dtype=np.float64), frame["patient_id"], origin),
    )
    courses, n_joined = merge_courses(frame[list(THERAPY_COLUMNS)])
    notes = [f"therapy: {n_joined} rows joined to another that they touch or overlap"] if n_joined else []
    return courses, notes


def _patients(
    tables: Tables, removed: dict[TableName, Mask], patients: list[str], origin: pd.Series[float]
) -> pd.DataFrame:
    """One row for everyone; empty where nothing is known."""
    if "patients" in tables:
        parsed = tables["patients"]
        known = pd.concat([parsed.frame, parsed.extra], axis=1)[~removed["patients"]]
    else:
        known = pd.DataFrame(columns=["patient_id"])
    further = [name for name in known.columns if name not in (*PATIENT_COLUMNS, "death_date_only")]
    table = known.set_index("patient_id").reindex(patients).reindex(columns=[*PATIENT_COLUMNS[1:], *further])
    for name in ("group", "sex"):
        table[name] = table[name].astype(object).where(table[name].notna(), "").astype(str)
    for name in ("weight_kg", "height_cm", "age_y", "birth", "death"):
        table[name] = table[name].astype(np.float64)
    for name in ("birth", "death"):
        table[name] = table[name] - origin.reindex(patients)
    return table.rename_axis("patient_id").reset_index()


def _row_counts(tables: Tables, removed: dict[TableName, Mask]) -> dict[str, RowCount]:
    """For each file; a file that serves several tables is counted for each of them."""
    files = Counter(file for parsed in tables.values() for file in parsed.table.files)
    counts = {}
    for name in TABLES:
        if name not in tables:
            continue
        table = tables[name].table
        for code, file in enumerate(table.files):
            here = table.file_code == code
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
                f"{name}: rows set aside, so the record is incomplete for {len(ids)} patients: {shown}"
            )
    return notes
