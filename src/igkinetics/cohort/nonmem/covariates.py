"""Covariates of an event file: columns that are no item and have one value for each patient."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.mapping.keys import Mapping, PatientsMapping
from igkinetics.cohort.nonmem.clock import as_text, distinct_numbers
from igkinetics.cohort.nonmem.items import NOT_COVARIATES, WEIGHT_NAMES
from igkinetics.cohort.parse.columns import MappedRows, map_columns
from igkinetics.cohort.parse.findings import Mask
from igkinetics.errors import Problem, Severity, counted
from igkinetics.units import WEIGHT_IN_KG

if TYPE_CHECKING:
    from igkinetics.cohort.nonmem.events import Events

Codes = npt.NDArray[np.intp]
WEIGHTS: Final = ("weight_kg", "weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """A column of the file, compared with the patients: one value each, or else where it first differs."""

    first: Codes
    """For each patient the row of the value that counts; -1 without any."""
    varies: Codes
    """The first row that differs, of each patient with such a row."""


def patients_of_events(events: Events, mapping: Mapping) -> MappedRows | None:
    """A row for each patient; None where no column is a covariate or mapped."""
    settings = mapping.patients
    mapped = {foreign: name for name, foreign in settings.columns.items() if isinstance(foreign, str)}
    ruled = {rule.column for one in (mapping.samples, mapping.doses) for rule in one.keep}
    used = set(events.columns.values()) | ruled
    by_name = [name for name in events.raw.cells.columns if name not in used or name in mapped]
    person, _ = pd.factorize(events.person)
    warnings: list[Problem] = []
    columns = {}
    for name in by_name:
        column = _compared(events.raw.cells[name], person, settings)
        never = name not in mapped and name.strip().upper() in NOT_COVARIATES
        told = _told_if_varying(events, name, column, mapped.get(name), never, settings)
        warnings += told
        if name in mapped or not (never or (column.varies.size and settings.repeated == "error")):
            columns[name] = column.first
    if not columns and not mapped and not warnings:
        return None
    return _rows(events, columns, person, settings, tuple(warnings))


def _compared(cells: pd.Series[str], person: Codes, settings: PatientsMapping) -> _Column:
    """Which cell counts for each patient (the first filled one, or the last), and where others differ from it."""
    text = cells.str.strip()
    missing = [*settings.missing, "."]
    filled = np.flatnonzero(~text.isin(missing).to_numpy(dtype=bool))
    value, _ = pd.factorize(text)
    first, last = np.full(person.max(initial=-1) + 1, -1), np.full(person.max(initial=-1) + 1, -1)
    first[person[filled[::-1]]] = filled[::-1]
    last[person[filled]] = filled
    other = filled[value[filled] != value[first[person[filled]]]]
    if other.size:
        number, _ = distinct_numbers(text, settings.decimal)
        other = other[~(number[other] == number[first[person[other]]])]
    _, once = np.unique(person[other], return_index=True)
    return _Column(first=last if settings.repeated == "last" else first, varies=other[once])


def _told_if_varying(
    events: Events, name: str, column: _Column, contract: str | None, never: bool, settings: PatientsMapping
) -> list[Problem]:
    """One problem for a column that varies within a patient."""
    if not column.varies.size:
        return []
    row = int(column.varies.min())
    who = f"varies within {counted(len(column.varies), 'patient')} (first in this row)"
    stated = settings.repeated
    severity: Severity = "warning"
    action = "not used"
    if contract in WEIGHTS:
        rule = "last" if stated == "last" else "first"
        action = f"{rule} value used"
        expected = f"{who}: doses by weight use the weight of their row, and the kinetics the {rule} of each patient"
    elif contract is not None and stated == "error":
        severity, action = "error", "refused"
        one = f"{contract} has one value for each patient"
        expected = f'{who}: {one}; write repeated = "first" or "last" under [patients]'
    elif stated != "error" and not never:
        action = f"{stated} value used"
        expected = f'{who}: each patient\'s {stated} value counts (repeated = "{stated}")'
    else:
        expected = f"{who}, so it is no covariate of a patient"
        if name.strip().upper() in WEIGHT_NAMES:
            expected += f'; if it is the weight in kg, write weight_kg = "{name}" under [patients.columns]'
        elif name.strip().upper() == "FLAG":
            expected += "; if it says what was measured or which rows to leave out, choose by [[samples.keep]]"
    return [
        Problem(
            file=events.raw.file,
            line=int(events.raw.line[row]),
            patient_id=str(events.person.iloc[row]),
            column=name,
            found=str(events.raw.cells[name].iloc[row]).strip(),
            expected=expected,
            severity=severity,
            action=action,
        )
    ]


def _rows(
    events: Events, columns: dict[str, Codes], person: Codes, settings: PatientsMapping, problems: tuple[Problem, ...]
) -> MappedRows:
    """Each patient's values in the first row of that patient; the other rows are counted as filtered."""
    n_rows = len(person)
    _, starts = np.unique(person, return_index=True)
    cells = {"patient_id": events.person}
    for name, first in columns.items():
        source = events.raw.cells[name].to_numpy()
        value = np.full(n_rows, "", dtype=object)
        value[starts] = np.where(first >= 0, source[first], "")
        cells[name] = pd.Series(value, dtype=str)
    rows = replace(events.raw, cells=pd.DataFrame(cells), problems=(), n_unread=0, empty=events.raw.empty[:0])
    settings = settings.model_copy(update={"missing": (*settings.missing, "."), "keep": ()})
    mapped = map_columns(rows, "patients", settings)
    kept: Mask = np.zeros(n_rows, dtype=bool)
    kept[starts] = True
    return replace(mapped, kept=kept, row_problems=problems)


def weights_of_events(events: Events, mapping: Mapping, is_dose: Mask) -> tuple[pd.DataFrame, Mask] | None:
    """(cells of a table of weights, the rows that count); None unless somebody's weight changes.

    Each row's weight is the patient's last known one, else the next one; where rows of one time differ, that of the
    dose counts.
    """
    settings = mapping.patients
    name = next((settings.columns[one] for one in WEIGHTS if one in settings.columns), None)
    if not isinstance(name, str) or name not in events.raw.cells.columns:
        return None
    person, _ = pd.factorize(events.person)
    if not _compared(events.raw.cells[name], person, settings).varies.size:
        return None
    unit = settings.units.get("weight_kg" if "weight_kg" in settings.columns else "weight", "kg")
    value = pd.Series(distinct_numbers(events.raw.cells[name], settings.decimal)[0] * WEIGHT_IN_KG[unit])
    known = value.where(value > 0).groupby(person)
    weight = np.asarray(known.ffill().fillna(known.bfill()), dtype=np.float64)
    rows = pd.DataFrame({"record": events.record.to_numpy(), "day": events.days, "dose": is_dose, "weight": weight})
    rows = rows[rows["day"].notna() & rows["weight"].notna()].sort_values("dose", kind="stable")
    kept = np.zeros(len(weight), dtype=bool)
    kept[rows.index[~rows.duplicated(["record", "day"], keep="last")]] = True
    cells = {
        "patient_id": events.record,
        ("datetime" if events.is_date else "day"): events.moments.text if events.is_date else as_text(events.days),
        "weight_kg": as_text(weight),
    }
    if events.starts_record.any():
        cells["person"] = events.person
    return pd.DataFrame(cells, index=events.raw.cells.index), kept
