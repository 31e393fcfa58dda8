"""NONMEM event files: each row becomes a sample, a dose or neither, under the names of the contract.

EVID 0 observation, 1 dose, 2 other event (neither), 3 reset, 4 reset and dose. A reset sets all amounts to zero, which
no list of doses can say, so what follows one is the record of another patient, `ID:2`. CENS and LIMIT are read as
Monolix and nlmixr2 define them: CENS 1 lies below DV, CENS -1 above it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.contract import TableName, suggestion
from igkinetics.cohort.mapping.draft_events import item_hint
from igkinetics.cohort.mapping.keys import Mapping, TableMapping
from igkinetics.cohort.model import Floats
from igkinetics.cohort.nonmem.rules import dose_faults, observation_faults, order_faults, told
from igkinetics.cohort.parse.cells import numbers
from igkinetics.cohort.parse.columns import MappedRows, holds, map_columns
from igkinetics.cohort.parse.findings import Mask
from igkinetics.cohort.source.raw import RawRows
from igkinetics.errors import InputError, Problem

ITEMS: Final = (
    "TIME", "AMT", "RATE", "DUR", "DV", "EVID", "MDV", "CENS", "LIMIT", "LLOQ", "BLQ", "II", "ADDL", "SS", "CMT",
)  # fmt: skip
NOT_COVARIATES: Final = (*ITEMS, "OCC", "C")
MISSING: Final = "."
WEIGHT_NAMES: Final = ("WT", "WEIGHT", "BW")


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """The columns of an event file as numbers (nan: absent or empty), and the id of each row's record."""

    raw: RawRows
    record: pd.Series[str]
    value: dict[str, Floats]
    unreadable: dict[str, Mask]

    def __getitem__(self, item: str) -> Floats:
        return self.value[item]

    def given(self, item: str) -> Mask:
        """Filled with a number other than 0."""
        filled: Mask = ~np.isnan(self.value[item]) & (self.value[item] != 0)
        return filled


def check_settings(mapping: Mapping) -> None:
    """InputError unless the units that no event file holds are stated."""
    units = (("igg_unit", "mg/dL"), ("amount_unit", "g"), ("time_unit", "day"))
    problems = [
        Problem(file="call", column=key, found="nothing",
                expected=f'needed with format = "nonmem": {key} = "{example}" in cohort.toml')
        for key, example in units if getattr(mapping, key) is None
    ]  # fmt: skip
    if problems:
        raise InputError(problems)


def with_units(mapping: Mapping) -> Mapping:
    """The mapping with the units of an event file where the tables look for them."""
    time, amount = mapping.time_unit or "day", mapping.amount_unit or "g"
    samples = mapping.samples.model_copy(update={"units": {**mapping.samples.units, "day": time}})
    units = {**mapping.doses.units, "day": time, "amount": amount, "duration": time}
    return mapping.model_copy(update={"samples": samples, "doses": mapping.doses.model_copy(update={"units": units})})


def split_events(raw: RawRows, mapping: Mapping) -> dict[TableName, MappedRows]:
    """Samples, doses and (where there are covariates) patients of one event file."""
    raw = replace(raw, cells=_without_dots(raw.cells, mapping.samples))
    names = _names(raw, mapping)
    present = tuple(raw.cells.columns)
    absent = [
        Problem(file=raw.file, column=item, found=", ".join(present),
                expected=f"a column {item} is needed; {item_hint(item, present) or suggestion(item, present)}")
        for item in ("ID", "TIME", "DV") if item not in names
    ]  # fmt: skip
    if absent:
        nothing = np.zeros(len(raw.cells), dtype=bool)
        return {"samples": _mapped(raw, pd.DataFrame(index=raw.cells.index), ~nothing, nothing, (), tuple(absent))}
    events = _events(raw, names, mapping.samples)
    is_dose, is_sample, kind_faults = _kinds(events)
    is_sample &= _kept(raw, mapping.samples)
    is_dose &= _kept(raw, mapping.doses)
    sample_faults = kind_faults + order_faults(events) + observation_faults(events, is_sample, mapping)
    faults = dose_faults(events, is_dose, is_sample, mapping.time_unit or "day")
    bad_sample, bad_dose = (_rows_of(raw, found) for found in (sample_faults, faults))
    samples = _mapped(raw, _sample_cells(events, names), is_sample | bad_sample, bad_sample, sample_faults)
    once = replace(raw, problems=(), empty=raw.empty[:0])
    doses = _mapped(once, _dose_cells(events, names, mapping.doses), is_dose, bad_dose, faults)
    tables: dict[TableName, MappedRows] = {"samples": samples, "doses": _translated(doses, mapping.doses)}
    people = _patients(events, names, mapping)
    return tables if people is None else {**tables, "patients": people}


def _without_dots(cells: pd.DataFrame, settings: TableMapping) -> pd.DataFrame:
    words = [word for word in (*settings.missing, MISSING) if word]
    columns = {name: cells[name].where(~cells[name].str.strip().isin(words), "") for name in cells.columns}
    return pd.DataFrame(columns, index=cells.index)


def _names(raw: RawRows, mapping: Mapping) -> dict[str, str]:
    """The column of the file for each item: as mapped, else of that name, capitals ignored."""
    by_upper = {name.strip().upper(): name for name in reversed(raw.cells.columns)}
    names = {item: by_upper[item] for item in ("ID", *ITEMS) if item in by_upper}
    wanted = {
        "ID": mapping.samples.columns.get("patient_id"), "TIME": mapping.samples.columns.get("day"),
        "DV": mapping.samples.columns.get("igg"), "AMT": mapping.doses.columns.get("amount"),
    }  # fmt: skip
    return names | {item: name for item, name in wanted.items() if isinstance(name, str) and name in raw.cells.columns}


def _events(raw: RawRows, names: dict[str, str], settings: TableMapping) -> Events:
    value, unreadable = {}, {}
    for item in ITEMS:
        nothing = np.zeros(len(raw.cells), dtype=bool)
        value[item], unreadable[item] = np.full(len(raw.cells), np.nan), nothing
        if item in names:
            value[item], unreadable[item] = numbers(raw.cells[names[item]], settings.decimal)
    owner = raw.cells[names["ID"]].str.strip()
    whose = {number: str(one) for number, one in settings.values.get("patient_id", {}).items()}
    owner = owner.where(~owner.isin(list(whose)), owner.map(whose)) if whose else owner
    reset = np.isin(value["EVID"], (3.0, 4.0))
    counted = pd.Series(reset & owner.duplicated().to_numpy(dtype=bool)).groupby(owner.to_numpy()).cumsum() + 1
    record = owner.where((counted == 1).to_numpy(), owner + ":" + counted.astype(str).to_numpy())
    return Events(raw=raw, record=record, value=value, unreadable=unreadable)


def _kinds(events: Events) -> tuple[Mask, Mask, list[Problem]]:
    """(doses, samples, problems): by EVID, else a dose has an amount or rate; MDV 1 is no sample."""
    evid = events["EVID"]
    implied = np.where(events.given("AMT") | events.given("RATE"), 1.0, np.where(events["MDV"] == 1, 2.0, 0.0))
    kind = np.where(np.isnan(evid), implied, evid)
    strange = ~np.isin(kind, (0.0, 1.0, 2.0, 3.0, 4.0)) | events.unreadable["EVID"]
    faults = told(events, strange, "EVID", "0, 1, 2, 3 or 4")
    kind = np.where(strange, 2.0, kind)
    mixed = (kind == 0) & events.given("AMT")
    faults += told(events, mixed, "AMT", "no amount in an observation (EVID 0)")
    return np.isin(kind, (1.0, 4.0)), (kind == 0) & (events["MDV"] != 1), faults


def _kept(raw: RawRows, settings: TableMapping) -> Mask:
    kept = np.ones(len(raw.cells), dtype=bool)
    for rule in settings.keep:
        if rule.column in raw.cells.columns:
            kept &= holds(rule, raw.cells[rule.column], settings.missing)
    return kept


def _rows_of(raw: RawRows, faults: list[Problem]) -> Mask:
    lines = [fault.line for fault in faults if fault.severity == "error" and fault.line is not None]
    return np.isin(raw.line, lines)


def _sample_cells(events: Events, names: dict[str, str]) -> pd.DataFrame:
    cells = events.raw.cells
    igg = cells[names["DV"]].str.strip()
    limit = events["LLOQ"]
    below = (events["CENS"] == 1) | (events["BLQ"] == 1)
    no_value = below & ~((events["DV"] > 0) & (events["BLQ"] != 1)) & (limit > 0)
    igg = igg.where(~no_value, _words(limit, igg.index))
    sign = np.where(below, "<", np.where(events["CENS"] == -1, ">", ""))
    text = {"patient_id": events.record, "day": cells[names["TIME"]], "igg": pd.Series(sign, igg.index, str) + igg}
    if "LLOQ" in names:
        text["lower_limit"] = cells[names["LLOQ"]]
    return pd.DataFrame(text, index=cells.index)


def _words(values: Floats, index: pd.Index[int]) -> pd.Series[str]:
    """Numbers as text that gives exactly them back."""
    return pd.Series([repr(float(one)) for one in values], index=index, dtype=str)


def _dose_cells(events: Events, names: dict[str, str], settings: TableMapping) -> pd.DataFrame:
    cells = events.raw.cells
    duration = np.where(events.given("RATE"), events["AMT"] / np.where(events.given("RATE"), events["RATE"], 1.0), 0.0)
    duration = np.where(events.given("DUR"), events["DUR"], duration)
    text = {
        "patient_id": events.record,
        "day": cells[names["TIME"]],
        "amount": cells[names["AMT"]] if "AMT" in names else pd.Series("", index=cells.index, dtype=str),
        "duration": _words(duration, cells.index),
        **{item: _words(events[item], cells.index) for item in ("II", "ADDL", "SS")},
    }
    route = settings.columns.get("route")
    if isinstance(route, str) and route in cells.columns:
        text["route"] = cells[route].str.strip()
    return pd.DataFrame(text, index=cells.index)


def _translated(doses: MappedRows, settings: TableMapping) -> MappedRows:
    text = doses.text.assign(route=settings.constants["route"]) if "route" in settings.constants else doses.text
    for name in ("route",) if "route" in text.columns else ():
        words = {foreign: str(word) for foreign, word in settings.values.get(name, {}).items()}
        text = text.assign(**{name: text[name].where(~text[name].isin(list(words)), text[name].map(words))})
    return replace(doses, text=text)


def _patients(events: Events, names: dict[str, str], mapping: Mapping) -> MappedRows | None:
    """One row for each patient and set of covariates: every column that is no item of the event file."""
    others = [
        name for name in events.raw.cells.columns
        if name not in names.values() and name.strip().upper() not in NOT_COVARIATES
        and name != mapping.doses.columns.get("route")
    ]  # fmt: skip
    if not others:
        return None
    cells = events.raw.cells[others].assign(patient_id=events.record)
    settings = mapping.patients.model_copy(update={"missing": (*mapping.patients.missing, MISSING)})
    rows = replace(events.raw, cells=cells, problems=(), n_unread=0, empty=events.raw.empty[:0])
    mapped = map_columns(rows, "patients", settings)
    mapped_names = mapping.patients.columns.values()
    weights = [name for name in others if name.upper() in WEIGHT_NAMES and name not in mapped_names]
    warnings = [
        Problem(file=events.raw.file, column=name, found=name, severity="warning", action="kept as a covariate",
                expected=f'if this is the weight in kg, write weight_kg = "{name}" under [patients.columns]')
        for name in weights
    ]  # fmt: skip
    first = ~cells.duplicated().to_numpy(dtype=bool)
    return replace(mapped, kept=mapped.kept & first, row_problems=tuple(warnings))


def _mapped(
    raw: RawRows, text: pd.DataFrame, kept: Mask, bad: Mask, faults: object, columns: tuple[Problem, ...] = ()
) -> MappedRows:
    problems = tuple(faults) if isinstance(faults, list | tuple) else ()
    return MappedRows(
        raw=raw, text=text, written={}, kept=kept, empty=bad & kept,
        row_problems=(*raw.problems, *problems), column_problems=columns, empty_lines=raw.empty,
    )  # fmt: skip
