"""FHIR resources of NDJSON files as rows of text, with the elements that nothing reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.cohort.source.raw import ROWS_AT_A_TIME, RawRows
from igkinetics.errors import Problem

Resource = dict[str, Any]
SEPARATOR: Final = "\x1f"


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
