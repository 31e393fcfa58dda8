"""FHIR NDJSON: Observation -> samples, MedicationAdministration -> doses and therapy, Patient -> patients.

One resource a line; a file may hold any resources. R4 and R5 names of the same element are both read.
MedicationStatement and MedicationRequest say what was planned or told, not what was given: they are not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.presets.concepts import agent_of, judge
from igkinetics.cohort.presets.doses import UNITS, amount_faults, amount_unit, duration_hours, route_word, span_fault
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
from igkinetics.cohort.source.raw import ROWS_AT_A_TIME, RawRows
from igkinetics.errors import Problem
from igkinetics.units import IGG_UNITS, canonical_unit

Resource = dict[str, Any]
FINAL: Final = ("final", "amended", "corrected")
VOID: Final = ("entered-in-error", "cancelled", "not-done")
"""Statuses of what was taken back or never happened: set aside, and told."""
SEPARATOR: Final = "\x1f"


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


def read_ndjson(path: Path, file: str) -> Iterator[RawRows]:
    """The lines of a file in parts, at least one; a line that is no resource is told."""
    rows: list[dict[str, str]] = []
    lines: list[int] = []
    problems: list[Problem] = []
    first = True
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                resource = json.loads(line)
                if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
                    raise ValueError("no resourceType")
                for one in _with_components(resource):
                    rows.append(_flat(one))
                    lines.append(number)
            except (ValueError, RecursionError) as fault:
                found = line[:100].decode("utf-8", "replace").strip()
                problems.append(
                    Problem(file=file, line=number, found=found, expected=f"a FHIR resource a line ({fault})")
                )
            if len(rows) >= ROWS_AT_A_TIME:
                yield _part(file, rows, lines, problems)
                rows, lines, problems, first = [], [], [], False
    if rows or problems or first:
        yield _part(file, rows, lines, problems)


def _part(file: str, rows: list[dict[str, str]], lines: list[int], problems: list[Problem]) -> RawRows:
    cells = pd.DataFrame(rows, columns=list(FIELDS), dtype=str).fillna("")
    line = np.array(lines, dtype=np.intp)
    return RawRows(file=file, cells=cells, line=line, n_unread=len(problems), problems=tuple(problems))


READ: Final[dict[str, frozenset[str]]] = {
    "Observation": frozenset(
        {"code", "subject", "status", "valueQuantity", "valueString", "dataAbsentReason", "component", "specimen"}
        | {"bodySite", "note"}
    ),
    "MedicationAdministration": frozenset({"subject", "status", "dosage", "statusReason", "note"}),
    "Patient": frozenset({"gender", "birthDate", "deceasedDateTime", "deceasedBoolean"}),
    "Medication": frozenset({"code"}),
}
"""Elements of each resource that are read, beside times and medications, which start as ALSO_READ has it."""
ALSO_READ: Final = ("effective", "occurence", "occurrence", "medication", "_")
HOUSEKEEPING: Final = frozenset({"resourceType", "id", "meta", "text", "language", "identifier"})
READ_OF_DOSAGE: Final = frozenset({"dose", "route"})
MODIFIER: Final = "modifierExtension"


def _with_components(resource: Resource) -> Iterator[Resource]:
    """The resource, and each component of a panel (IgG, IgA and IgM under one code) as an observation of its own."""
    yield resource
    components = resource.get("component") if resource["resourceType"] == "Observation" else None
    for component in components if isinstance(components, list) else ():
        if isinstance(component, dict):
            values = {
                name: one for name, one in component.items() if name == "code" or name.startswith(("value", "data"))
            }
            own = {name: one for name, one in resource.items() if not name.startswith(("value", "data", "component"))}
            yield {**own, **values}


def _unread(resource: Resource) -> list[str]:
    """The elements of a resource that nothing uses, as `Observation.note`; of a resource that is not read its type."""
    kind = str(resource["resourceType"])
    if kind not in READ:
        return [kind]
    names = [
        name
        for name in resource
        if name not in READ[kind] | HOUSEKEEPING | {MODIFIER} and not (kind != "Patient" and name.startswith(ALSO_READ))
    ]
    dosage = _at(resource, "dosage") if kind == "MedicationAdministration" else None
    names += [f"dosage.{name}" for name in (dosage if isinstance(dosage, dict) else {}) if name not in READ_OF_DOSAGE]
    return [f"{kind}.{name}" for name in names]


def elements_not_read(cells: pd.DataFrame) -> list[str]:
    """Each element, or type of resource, of these rows that nothing uses, once."""
    return [name for some in cells["unread"].unique() for name in str(some).split(SEPARATOR) if name]


FIELDS: Final = (
    "unread",
    "modifier",
    "resourceType",
    "id",
    "status",
    "subject",
    "codes",
    "text",
    "time",
    "start",
    "end",
    "value",
    "unit",
    "comparator",
    "word",
    "absent",
    "route",
    "reference",
    "gender",
    "birth",
    "death",
    "deceased",
    "unit_in_words",
    "specimen",
    "note",
    "status_reason",
)
MEANINGS: Final = {"SPECIMEN": "specimen", "NOTE": "note", "STATUS_REASON": "status"}
"""Fields that may say something against their row -> the words they stand for."""


def _flat(resource: Resource) -> dict[str, str]:
    """What is needed of a resource, as text; "" where it is not there."""
    kind = resource["resourceType"]
    concept = (
        _at(resource, "code")
        or _at(resource, "medicationCodeableConcept")
        or _at(resource, "medication", "concept")
        or {}
    )
    dose = _at(resource, "dosage", "dose") or {}
    quantity = _at(resource, "valueQuantity") or dose
    period = (
        _at(resource, "effectivePeriod") or _at(resource, "occurencePeriod") or _at(resource, "occurrencePeriod") or {}
    )
    reference = _at(resource, "medicationReference", "reference") or _at(
        resource, "medication", "reference", "reference"
    )
    time = next(
        (
            resource[name]
            for name in ("effectiveDateTime", "effectiveInstant", "occurenceDateTime", "occurrenceDateTime")
            if name in resource
        ),
        "",
    )
    owner = _at(resource, "subject", "reference") or (f"Patient/{resource.get('id', '')}" if kind == "Patient" else "")
    row = {
        "unread": SEPARATOR.join(_unread(resource)),
        "modifier": _text(MODIFIER in resource or MODIFIER in (_at(resource, "dosage") or {})),
        "resourceType": kind,
        "id": resource.get("id"),
        "status": resource.get("status"),
        "subject": _person(str(owner)),
        "codes": SEPARATOR.join(_codes(concept)),
        "text": _at(concept, "text"),
        "time": time,
        "start": _at(period, "start"),
        "end": _at(period, "end"),
        "value": _at(quantity, "value"),
        "comparator": _at(quantity, "comparator"),
        "unit": _at(quantity, "code") or _at(quantity, "unit"),
        "word": resource.get("valueString"),
        "absent": " ".join(_names(_at(resource, "dataAbsentReason") or {})),
        "route": next(iter(_names(_at(resource, "dosage", "route") or {})), ""),
        "reference": reference,
        "gender": resource.get("gender"),
        "birth": resource.get("birthDate"),
        "death": resource.get("deceasedDateTime"),
        "deceased": resource.get("deceasedBoolean"),
        "unit_in_words": _at(quantity, "unit"),
        "specimen": _specimen(resource),
        "note": "; ".join(_text(_at(one, "text")) for one in _listed(resource.get("note"))),
        "status_reason": "; ".join(name for one in _listed(resource.get("statusReason")) for name in _names(one)[:1]),
    }
    return {name: _text(value) for name, value in row.items()}


def _person(reference: str) -> str:
    """The id of a patient in a reference, also to a version of it or by a UUID; any other reference as it is."""
    named = re.search(r"(?:^|/)Patient/([^/]+)", reference)
    return named.group(1) if named else reference.removeprefix("urn:uuid:").rstrip("/")


def _specimen(resource: Resource) -> str:
    """What was sampled, in words: of the specimen, else of the site."""
    site = next(iter(_names(_at(resource, "bodySite") or {})), "")
    words = _at(resource, "specimen", "display") or _at(resource, "specimen", "type", "text") or site
    return _text(words)


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(value: object) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _at(resource: object, *path: str) -> Any:
    for name in path:
        resource = resource.get(name) if isinstance(resource, dict) else None
    return resource


def _codes(concept: Resource) -> list[str]:
    """system|code|display of every coding."""
    codings = concept.get("coding") if isinstance(concept, dict) else None
    return [
        "|".join(_text(one.get(name)).replace("|", "/") for name in ("system", "code", "display"))
        for one in codings or ()
        if isinstance(one, dict)
    ]


def _names(concept: Resource) -> list[str]:
    text = _text(_at(concept, "text"))
    return [*([text] if text else []), *(code.rsplit("|", 1)[1] or code.split("|")[1] for code in _codes(concept))]


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
