"""MIMIC-IV: labevents -> samples, inputevents -> doses, weights and therapy, patients -> patients.

Items are found by their labels in d_labitems and d_items of the same release, not by numbers. Prescriptions are orders
and are not read. Neither is emar, which is told: one administration is several of its events (started, stopped, not
given) and several rows of emar_detail, some of which hold what was due. Dates are shifted by patient; the
distances between them are kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.presets.concepts import agent_named, says
from igkinetics.cohort.presets.doses import amount_faults, amount_unit, duration_hours
from igkinetics.cohort.presets.preset import (
    Fault,
    PresetTable,
    Rows,
    column,
    first_filled,
    mapped,
    read_whole,
    stated_rows,
    truth,
    what_columns_say,
)
from igkinetics.cohort.source.raw import RawRows
from igkinetics.errors import InputError, Problem

VOID: Final = ("rewritten",)
"""Statuses of infusions that another row replaces."""


def tables(folder: Path, mapping: Mapping) -> list[PresetTable]:
    """How the tables of a release become those of the contract."""
    tests, items = (read_whole(folder, mapping.samples, name) for name in ("d_labitems", "d_items"))
    blood = column(tests, "fluid").str.lower().isin(["", "blood"])
    igg = set(column(tests, "itemid")[blood & truth(column(tests, "label"), lambda label: says("igg", label))])
    label = dict(zip(column(items, "itemid"), column(items, "label"), strict=True))
    measured: set[str] = set()
    return [
        PresetTable(table="samples", stems=("labevents",), convert=lambda raw: _samples(raw, mapping, igg, measured)),
        PresetTable(table="doses", stems=("inputevents",), convert=lambda raw: _doses(raw, mapping, label, measured)),
        PresetTable(table="therapy", stems=("inputevents",), convert=lambda raw: _therapy(raw, label, measured)),
        PresetTable(table="patients", stems=("patients",), convert=lambda raw: _patients(raw, measured)),
        PresetTable(table="weights", stems=("inputevents",), convert=lambda raw: _weights(raw, label, measured)),
    ]


def _samples(raw: RawRows, mapping: Mapping, igg: set[str], measured: set[str]) -> RawRows:
    cells = raw.cells
    stated = stated_rows(raw, mapping.samples)
    if stated is None and not igg:
        expected = 'd_labitems with a label that is IgG in blood; or state the item: [[samples.keep]] column = "itemid"'
        raise InputError([Problem(file=raw.file, column="itemid", found="no item of IgG", expected=expected)])
    wanted = column(cells, "itemid").isin(list(igg)).to_numpy(dtype=bool) if stated is None else stated
    person = column(cells, "subject_id")
    value = column(cells, "value").replace({"___": ""})
    level = value.where(value.str.contains(r"\d", regex=True), first_filled(column(cells, "valuenum"), value))
    columns = {
        "patient_id": person,
        "datetime": column(cells, "charttime"),
        "igg": level,
        "unit": column(cells, "valueuom"),
    }
    measured.update(person[wanted])
    rows = Rows(raw, columns, wanted)
    rows.faults += what_columns_say(raw, wanted, "samples", {"COMMENTS": "comment"}, only=True)
    return rows.finished()


def _doses(raw: RawRows, mapping: Mapping, label: dict[str, str], measured: set[str]) -> RawRows:
    cells = raw.cells
    person, name = column(cells, "subject_id"), mapped(column(cells, "itemid"), lambda one: label.get(one, ""))
    stated = stated_rows(raw, mapping.doses)
    wanted = truth(name, lambda text: says("immunoglobulin", text)) if stated is None else stated
    written, status = column(cells, "amountuom"), column(cells, "statusdescription")
    unit, start = amount_unit(written), column(cells, "starttime")
    columns = {
        "patient_id": person,
        "datetime": start,
        "amount": column(cells, "amount"),
        "amount_unit": unit,
        "duration_h": duration_hours(start, column(cells, "endtime")),
        "product": name,
    }
    rows = Rows(raw, columns, wanted & person.isin(list(measured)).to_numpy(dtype=bool))
    void = truth(status, lambda text: text.lower() in VOID)
    rows.faults += [
        Fault(
            void,
            "statusdescription",
            status,
            "an infusion that counts; another row replaces it",
            action="row set aside",
        ),
        *amount_faults(unit, written, "amountuom"),
    ]
    return rows.finished()


def _therapy(raw: RawRows, label: dict[str, str], measured: set[str]) -> RawRows:
    cells = raw.cells
    person = column(cells, "subject_id")
    agent = mapped(column(cells, "itemid"), lambda one: agent_named(label.get(one, "")))
    start, end = column(cells, "starttime"), column(cells, "endtime")
    stop = end.where(end.str.slice(0, 10) > start.str.slice(0, 10), "")
    wanted = (agent != "").to_numpy(dtype=bool) & person.isin(list(measured)).to_numpy(dtype=bool)
    return Rows(raw, {"patient_id": person, "start": start, "stop": stop, "agent": agent}, wanted).finished()


def _weights(raw: RawRows, label: dict[str, str], measured: set[str]) -> RawRows:
    """The weight by which an infusion of immunoglobulin was dosed, once for each patient and time."""
    cells = raw.cells
    columns: dict[str, pd.Series[str]] = {
        "patient_id": column(cells, "subject_id"),
        "datetime": column(cells, "starttime"),
        "weight_kg": column(cells, "patientweight"),
    }
    name = mapped(column(cells, "itemid"), lambda one: label.get(one, ""))
    wanted = truth(name, lambda text: says("immunoglobulin", text)) & (columns["weight_kg"] != "").to_numpy(dtype=bool)
    wanted &= ~truth(column(cells, "statusdescription"), lambda text: text.lower() in VOID)
    wanted &= columns["patient_id"].isin(list(measured)).to_numpy(dtype=bool)
    rows = pd.DataFrame(columns)[wanted]
    wanted[rows.index[rows.duplicated()]] = False
    return Rows(raw, columns, wanted).finished()


def _patients(raw: RawRows, measured: set[str]) -> RawRows:
    cells = raw.cells
    person = column(cells, "subject_id")
    columns: dict[str, pd.Series[str]] = {
        "patient_id": person,
        "sex": column(cells, "gender"),
        "age_y": column(cells, "anchor_age"),
        "death": column(cells, "dod"),
    }
    return Rows(raw, columns, person.isin(list(measured)).to_numpy(dtype=bool)).finished()
