"""One patient's record as rows that can be typed, and back: every edit is read by the rules that files are read by."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.cohort.export import fewest_digits
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import call_error
from igkinetics.units import G_PER_L_IN, TIME_IN_DAY

DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
SIGNS: Final = {"below": "<", "above": ">", "": ""}
TYPED: Final[dict[str, tuple[str, ...]]] = {
    "samples": ("day", "igg"),
    "doses": ("day", "amount_g", "duration_h", "route"),
    "therapy": ("start", "stop", "agent"),
}
"""Table -> the columns that can be typed, in their order."""
DAYS: Final = ("day", "start", "stop")
OF_PATIENTS: Final = ("samples", "doses", "therapy", "patients", "outcomes", "covariates", "weights")
MOST_ROWS: Final = 5000
"""Rows of one typed table."""
MOST_LETTERS: Final = 200
"""Letters of one typed cell."""
Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A patient's record as text: rows of the columns of TYPED; weight_kg is empty where it is not known."""

    patient_id: str
    weight_kg: str
    samples: Rows
    doses: Rows = ()
    therapy: Rows = ()


def record_from(given: Mapping[str, Any]) -> Record:
    """What a page sent, as a record: rows without anything in them left out. InputError for what is no record."""
    tables: dict[str, Rows] = {}
    for table, columns in TYPED.items():
        rows = given.get(table, [])
        if not isinstance(rows, list | tuple) or len(rows) > MOST_ROWS:
            raise call_error(table, type(rows).__name__, f"must be a list of at most {MOST_ROWS} rows")
        filled = [tuple(str(cell).strip() for cell in row) for row in rows if any(str(cell).strip() for cell in row)]
        if any(len(row) != len(columns) or max(map(len, row)) > MOST_LETTERS for row in filled):
            raise call_error(table, "a row", f"must hold {', '.join(columns)}, each of at most {MOST_LETTERS} letters")
        tables[table] = tuple(filled)
    name, weight = (str(given.get(key, "")).strip()[:MOST_LETTERS] for key in ("patient_id", "weight_kg"))
    return Record(patient_id=name, weight_kg=weight, **tables)


def record_of(cohort: Cohort, patient_id: str) -> Record:
    """The record of one patient as text that reads back as the same numbers."""
    own = cohort.only(patient_id)
    factor, hour = G_PER_L_IN[cohort.igg_unit], TIME_IN_DAY["h"]
    igg = own.samples["igg"].to_numpy(dtype=np.float64)
    levels = fewest_digits(igg / factor, lambda level: level * factor == igg)
    duration = own.doses["duration_day"].to_numpy(dtype=np.float64)
    hours = fewest_digits(duration / hour, lambda each: each * hour == duration)
    samples = zip(own.samples["day"], own.samples["limit"], levels, strict=True)
    doses = zip(own.doses["day"], own.doses["amount_g"], hours, own.doses["route"], strict=True)
    therapy = zip(own.therapy["start"], own.therapy["stop"], own.therapy["agent"], strict=True)
    return Record(
        patient_id=patient_id,
        weight_kg=written(own.patients["weight_kg"].iloc[0]),
        samples=tuple((written(day), SIGNS[limit] + written(level)) for day, limit, level in samples),
        doses=tuple((written(day), written(grams), written(each), str(route)) for day, grams, each, route in doses),
        therapy=tuple((written(start), written(stop), str(agent)) for start, stop, agent in therapy),
    )


def written(value: float) -> str:
    """A number as it is typed: whole ones without a point; nothing where it is not known or never comes."""
    if not np.isfinite(value):
        return ""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def cohort_of(record: Record, like: Cohort | None, igg_unit: str) -> Cohort:
    """The record as a cohort of one patient. like: the cohort it belongs to, whose other facts about the patient hold.

    InputError with everything that is wrong, as for files.
    """
    if not record.patient_id:
        raise call_error("patient", "nothing", "give the patient a name")
    known = like is not None and record.patient_id in like.patient_ids
    tables: dict[str, Any] = {}
    for table, columns in TYPED.items():
        rows = in_days(getattr(record, table), columns, like, record.patient_id)
        frame = pd.DataFrame(rows, columns=list(columns), dtype=str)
        if "day" in columns and frame["day"].str.fullmatch(DATE).any():
            frame = frame.rename(columns={"day": "datetime"})
        frame.insert(0, "patient_id", record.patient_id)
        if table == "samples" or len(frame):
            tables[table] = frame
    tables["patients"] = pd.DataFrame({"patient_id": [record.patient_id]})
    mapping: dict[str, Any] = {"igg_unit": igg_unit}
    if like is not None:
        mapping |= {"same_day": like.same_day} | {f"unusual_{name}": "as_given" for name in like.as_given}
    if record.doses:
        mapping["same_dose"] = "sum"
    if like is not None and known:
        mapping["time_origin"] = "as_given"
        tables |= other_facts(like.only(record.patient_id), as_weighed=record.weight_kg)
    if record.weight_kg or not known:
        tables["patients"] = tables["patients"].assign(weight_kg=[record.weight_kg])
    own = read_cohort(**tables, mapping=mapping)
    zero = like.day_zero if like is not None and known else own.day_zero
    return replace(own, name=like.name if like is not None else own.name, day_zero=dict(zero))


def other_facts(own: Cohort, as_weighed: str) -> dict[str, pd.DataFrame]:
    """What a cohort of one patient knows beside the tables that are typed; weights by day where none was typed."""
    people = own.patients.dropna(axis="columns", how="all")
    people = people.loc[:, [name == "patient_id" or bool((people[name] != "").any()) for name in people.columns]]
    facts = {"patients": people}
    same_weight = as_weighed == written(own.patients["weight_kg"].iloc[0])
    for name in ("outcomes", "covariates", *(["weights"] if same_weight else [])):
        table = getattr(own, name).drop(columns="line", errors="ignore")
        if len(table):
            facts[name] = table
    return facts


def in_days(rows: Rows, columns: Sequence[str], like: Cohort | None, patient_id: str) -> list[list[str]]:
    """The rows with dates as days of the patient's own time line, where that is known."""
    zero = like.day_zero.get(patient_id) if like is not None else None
    if zero is None:
        return [list(row) for row in rows]
    return [
        [day_of(cell, zero) if name in DAYS else cell for name, cell in zip(columns, row, strict=True)] for row in rows
    ]


def day_of(cell: str, zero: pd.Timestamp) -> str:
    """A date as a day counted from `zero`; anything else as it is."""
    if not DATE.fullmatch(cell):
        return cell
    try:
        return written((pd.Timestamp(cell) - zero) / pd.Timedelta(days=1))
    except ValueError:  # no such date: told by the reader
        return cell


def merged(cohort: Cohort, edited: Mapping[str, Cohort]) -> Cohort:
    """The cohort with these patients' records in place of theirs; new patients come last."""
    if not edited:
        return cohort
    tables = {}
    for name in OF_PATIENTS:
        table = getattr(cohort, name)
        rest = table[~table["patient_id"].isin(list(edited))]
        parts = [part for part in (rest, *(getattr(own, name) for own in edited.values())) if len(part)]
        joined = pd.concat(parts, ignore_index=True) if parts else table.iloc[:0]
        tables[name] = joined.reindex(columns=list(dict.fromkeys([*table.columns, *joined.columns])))
    order = {name: place for place, name in enumerate(dict.fromkeys([*cohort.patient_ids, *edited]))}
    people = tables["patients"]
    tables["patients"] = people.iloc[people["patient_id"].map(order).argsort(kind="stable")].reset_index(drop=True)
    zero = {name: at for own in edited.values() for name, at in own.day_zero.items()}
    return replace(cohort, **tables, day_zero={**cohort.day_zero, **zero})
