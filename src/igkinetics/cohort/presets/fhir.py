"""FHIR NDJSON: Observation -> samples, MedicationAdministration -> doses and therapy, Patient -> patients.

One resource a line; a file may hold any resources. R4 and R5 names of the same element are both read.
MedicationStatement and MedicationRequest say what was planned or told, not what was given: they are not read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pandas as pd

from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.presets.concepts import agent_of, judge
from igkinetics.cohort.presets.doses import UNITS, amount_faults, amount_unit, duration_hours, route_word, span_fault
from igkinetics.cohort.presets.fhir_resources import MODIFIER, SEPARATOR, read_ndjson
from igkinetics.cohort.presets.preset import (
    Fault,
    PresetTable,
    Rows,
    first_filled,
    mapped,
    stated_rows,
    truth,
    what_columns_say,
)
from igkinetics.cohort.source.raw import RawRows
from igkinetics.units import IGG_UNITS, canonical_unit

FINAL: Final = ("final", "amended", "corrected")
VOID: Final = ("entered-in-error", "cancelled", "not-done")
"""Statuses of what was taken back or never happened: set aside, and told."""


def tables(folder: Path, mapping: Mapping) -> list[PresetTable]:
    """How resources become the tables of the contract."""
    stems = tuple(sorted({path.stem for path in folder.glob("**/*") if path.suffix.lower() == ".ndjson"}))
    drugs = _medications(folder)
    return [
        PresetTable(table="samples", stems=stems, convert=lambda raw: _samples(raw, mapping)),
        PresetTable(table="doses", stems=stems, convert=lambda raw: _doses(raw, mapping, drugs)),
        PresetTable(table="therapy", stems=stems, convert=lambda raw: _therapy(raw, drugs)),
        PresetTable(table="patients", stems=stems, convert=_patients),
    ]


MEANINGS: Final = {"SPECIMEN": "specimen", "NOTE": "note", "STATUS_REASON": "status"}
"""Fields that may say something against their row -> the words they stand for."""


def _verdict(wanted: Any, concept: str) -> str:
    """yes, no or contradiction for codings and text joined by SEPARATOR, the text last."""
    *codings, text = concept.split(SEPARATOR)
    verdicts = [judge(wanted, *(coding.split("|"))) for coding in codings if coding]
    if not verdicts or wanted != "igg":
        verdicts.append(judge(wanted, "", "", text))
    return "contradiction" if "contradiction" in verdicts else "yes" if "yes" in verdicts else "no"


def _of_kind(raw: RawRows, kind: str) -> Any:
    return (raw.cells["resourceType"] == kind).to_numpy(dtype=bool)


def _samples(raw: RawRows, mapping: Mapping) -> RawRows:
    cells, status = raw.cells, raw.cells["status"]
    verdict = mapped(cells["codes"] + SEPARATOR + cells["text"], lambda concept: _verdict("igg", concept))
    stated = stated_rows(raw, mapping.samples)
    chosen = (verdict != "no").to_numpy(dtype=bool) if stated is None else stated
    value = first_filled(cells["value"], cells["word"])
    time = first_filled(cells["time"], cells["start"])
    columns = {
        "patient_id": cells["subject"],
        "datetime": time,
        "igg": cells["comparator"] + value,
        "unit": cells["unit"],
    }
    rows = Rows(raw, columns, chosen & _of_kind(raw, "Observation"))
    rows.faults += [
        *_status_faults(status, FINAL),
        _modified(cells),
        *what_columns_say(raw, rows.wanted, "samples", MEANINGS, only=True),
        _two_units(cells, lambda unit: canonical_unit(unit) if canonical_unit(unit) in IGG_UNITS else ""),
        _nobody(cells),
        Fault(
            (verdict == "contradiction").to_numpy(dtype=bool),
            "code",
            cells["codes"],
            "the code is that of IgG and the display is not: one of them is wrong",
        ),
        Fault(
            (cells["absent"] != "").to_numpy(dtype=bool),
            "dataAbsentReason",
            cells["absent"],
            "a level; the record says why there is none",
            action="row set aside",
        ),
    ]
    return rows.finished()


def _status_faults(status: pd.Series[str], used: tuple[str, ...]) -> list[Fault]:
    void = truth(status, lambda one: one in VOID)
    open_status = truth(status, lambda one: one not in (*used, *VOID))
    return [
        Fault(void, "status", status, "what counts; this was taken back or never happened", action="row set aside"),
        Fault(open_status, "status", status, f"{' or '.join(used)}; this one may still change"),
    ]


def _two_units(cells: pd.DataFrame, known: Callable[[str], str]) -> Fault:
    """Quantities whose code and unit are two different units. known: the name of a unit; "" for any other word."""
    code, words = mapped(cells["unit"], known), mapped(cells["unit_in_words"], known)
    differ = ((code != "") & (words != "") & (code != words)).to_numpy(dtype=bool)
    return Fault(differ, "unit", cells["unit_in_words"] + " and " + cells["unit"], "one unit: unit and code differ")


def _nobody(cells: pd.DataFrame) -> Fault:
    """Rows whose subject is no patient."""
    other = cells["subject"].str.contains("[/#]", regex=True).to_numpy(dtype=bool)
    return Fault(other, "subject", cells["subject"], "a reference to a patient (Patient/...)")


def _modified(cells: pd.DataFrame) -> Fault:
    modified = (cells["modifier"] == "true").to_numpy(dtype=bool)
    found = pd.Series(MODIFIER, index=cells.index, dtype=str)
    return Fault(
        modified, MODIFIER, found, "a resource without one: it may turn the meaning round, and is not known here"
    )


def _drug(cells: pd.DataFrame, drugs: dict[str, str]) -> pd.Series[str]:
    """Codings and text of the medication, also of one that is only referred to."""
    own = cells["codes"] + SEPARATOR + cells["text"]
    told = mapped(cells["reference"], lambda one: drugs.get(one.rsplit("/", 1)[-1].lstrip("#"), ""))
    return own.where(own != SEPARATOR, told.where(told != "", SEPARATOR))


def _doses(raw: RawRows, mapping: Mapping, drugs: dict[str, str]) -> RawRows:
    cells = raw.cells
    drug = _drug(cells, drugs)
    verdict = mapped(drug, lambda concept: _verdict("immunoglobulin", concept))
    stated = stated_rows(raw, mapping.doses)
    chosen = (verdict != "no").to_numpy(dtype=bool) if stated is None else stated
    unit = amount_unit(cells["unit"])
    name = mapped(
        drug, lambda concept: concept.rsplit(SEPARATOR, 1)[-1] or concept.split(SEPARATOR)[0].rsplit("|", 1)[-1]
    )
    columns = {
        "patient_id": cells["subject"],
        "datetime": first_filled(cells["time"], cells["start"]),
        "amount": cells["value"],
        "amount_unit": unit,
        "duration_h": duration_hours(cells["start"], cells["end"]),
        "route": mapped(cells["route"], route_word),
        "product": name.where(_of_kind(raw, "MedicationAdministration"), ""),
    }
    rows = Rows(raw, columns, chosen & _of_kind(raw, "MedicationAdministration"))
    rows.faults += [
        *_status_faults(cells["status"], ("completed",)),
        _modified(cells),
        *what_columns_say(raw, rows.wanted, "doses", MEANINGS, only=True),
        _two_units(cells, lambda unit: UNITS.get(unit.strip().lower(), "")),
        _nobody(cells),
        span_fault(first_filled(cells["start"], cells["time"]), cells["end"], "occurrencePeriod.end"),
        Fault(
            (verdict == "contradiction").to_numpy(dtype=bool),
            "medication",
            cells["codes"],
            "the code is that of immunoglobulin and the display is not: one of them is wrong",
        ),
        *amount_faults(unit, cells["unit"], "dosage.dose"),
    ]
    return rows.finished()


def _therapy(raw: RawRows, drugs: dict[str, str]) -> RawRows:
    cells = raw.cells
    agent = mapped(_drug(cells, drugs), _agent)
    start = first_filled(cells["start"], cells["time"])
    stop = cells["end"].where(cells["end"].str.slice(0, 10) > start.str.slice(0, 10), "")
    wanted = (agent != "").to_numpy(dtype=bool) & _of_kind(raw, "MedicationAdministration")
    rows = Rows(raw, {"patient_id": cells["subject"], "start": start, "stop": stop, "agent": agent}, wanted)
    rows.faults += _status_faults(cells["status"], ("completed", "in-progress"))
    return rows.finished()


def _agent(concept: str) -> str:
    *codings, text = concept.split(SEPARATOR)
    named = [agent_of(*coding.split("|")) for coding in codings if coding] + [agent_of("", "", text)]
    return next((agent for agent in named if agent), "")


def _patients(raw: RawRows) -> RawRows:
    cells = raw.cells
    columns = {
        "patient_id": cells["subject"],
        "sex": cells["gender"],
        "birth": cells["birth"],
        "death": cells["death"].str.slice(0, 19),
    }
    rows = Rows(raw, columns, _of_kind(raw, "Patient"))
    undated = ((cells["deceased"] == "true") & (cells["death"] == "")).to_numpy(dtype=bool)
    rows.faults.append(
        Fault(
            undated,
            "deceasedBoolean",
            cells["deceased"],
            "the date of the death (deceasedDateTime): follow-up ends there",
        )
    )
    return rows.finished()


def _medications(folder: Path) -> dict[str, str]:
    """Id of a Medication -> its codings and text, for administrations that only refer to it."""
    medications: dict[str, str] = {}
    for path in sorted(folder.glob("**/*")):
        if path.suffix.lower() == ".ndjson":
            for part in read_ndjson(path, path.name):
                some = part.cells[part.cells["resourceType"] == "Medication"]
                medications.update(zip(some["id"], some["codes"] + SEPARATOR + some["text"], strict=True))
    return medications
