"""Reading a `cohort.toml`: syntax errors with line and column, unknown keys with the nearest name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from igkinetics.cohort.mapping.contract import (
    AMOUNT_UNITS,
    COLUMN_UNITS,
    CONTRACT,
    TABLES,
    VOLUMES,
    TableName,
    suggestion,
)
from igkinetics.cohort.mapping.keys import DosesMapping, Mapping, TableMapping
from igkinetics.errors import InputError, Problem
from igkinetics.toml_input import parse_toml, toml_text
from igkinetics.units import canonical_unit

SECTION = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?")
PLAIN_WORDS = {
    "a valid boolean": "true or false",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid string": "text",
    "a valid tuple": "a list",
    "a valid dictionary": "a table",
}
"""What pydantic calls the kinds of TOML -> what their reader calls them."""
KEY = re.compile(r"""^\s*["']?([^"'=\s]+)["']?\s*=""")
MEASURE_OF = {"unit": "igg", "amount_unit": "amount", "weight_unit": "weight"}
"""Columns of units -> the column whose unit they tell."""
UNIT_COLUMNS = frozenset(MEASURE_OF)
NONMEM_ONLY = ("amount_unit", "time_unit")
EVENT_COLUMNS: dict[TableName, tuple[str, ...]] = {"doses": ("lag",)}
"""Columns that only an event file may have beside those of the contract."""


def load_mapping(content: bytes, file: str) -> Mapping:
    """The mapping written in a cohort.toml. InputError with every problem of the file."""
    return mapping_of(parse_toml(content, file), toml_text(content, file), file)


def mapping_of(document: dict[str, Any], text: str, file: str) -> Mapping:
    """The mapping that a document holds. text: as it is written, for the lines of problems; "" where nowhere."""
    try:
        mapping = Mapping.model_validate(document)
    except ValidationError as fault:
        faults = fault.errors(include_url=False)
        raise InputError(_key_problems(faults, document, text, file)) from None
    problems = [
        Problem(file=file, line=line_of(text, path), column=".".join(path), found=found, expected=expected)
        for path, found, expected in _name_faults(mapping)
    ]
    if problems:
        raise InputError(problems)
    return mapping


def line_of(text: str, path: tuple[str, ...]) -> int | None:
    """The line on which a key stands (header or `key =`), by a plain search; None when not found."""
    section: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if heading := SECTION.match(line):
            section = tuple(part.strip().strip("\"'") for part in heading[1].split("."))
            if section == path:
                return number
        elif (key := KEY.match(line)) and (*section, *key[1].split(".")) == path:
            return number
    return line_of(text, path[:-1]) if len(path) > 1 else None


def _key_problems(faults: list[ErrorDetails], document: Any, text: str, file: str) -> list[Problem]:
    problems: dict[tuple[tuple[str, ...], str], Problem] = {}
    written = [_written_part(fault, document) for fault in faults]
    for fault in faults:
        path = tuple(str(part) for part in fault["loc"])
        named = _written_part(fault, document)
        if fault["type"].endswith("_type") and any(other and other[:-1] == named for other in written):
            continue  # of what could be a plain value or a table, what is wrong inside the table is told
        if fault["type"] == "extra_forbidden":
            found, expected = path[-1], "unknown key; " + suggestion(path[-1], _known_keys(path[:-1]))
        elif fault["type"] == "missing":
            found, expected = _shown(fault["input"]), f"the key {path[-1]!r} is needed"
        else:
            found, expected = _shown(fault["input"]), _plain(fault["msg"])
        same = problems.get((named, found))  # a value that fits none of several types has a fault for each
        if same is not None and expected not in same.expected:
            expected = f"{same.expected}, or: {expected}"
        problems[named, found] = Problem(
            file=file, line=line_of(text, named), column=".".join(named), found=found, expected=expected
        )
    return list(problems.values())


def _written_part(fault: ErrorDetails, document: Any) -> tuple[str, ...]:
    """The path of a fault as far as it stands in the file: no indices, none of pydantic's own steps."""
    named = []
    for part in fault["loc"]:
        if isinstance(part, int) and isinstance(document, list) and part < len(document):
            document = document[part]
        elif isinstance(document, dict) and part in document:
            document = document[str(part)]
            named.append(str(part))
    return tuple(named)


def _plain(message: str) -> str:
    """The message of a fault in the words of the other messages."""
    message = message.removeprefix("Value error, ")
    for start in ("Input should be ", "String should ", "Tuple should "):
        message = re.sub(f"^{start}", "must be " if "be " in start else "must ", message)
    for words, plain in PLAIN_WORDS.items():
        message = message.replace(words, plain)
    return message


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _known_keys(path: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the keys allowed in a section such as ("samples", "keep", "0")."""
    model: type[BaseModel] = Mapping
    for part in path:
        if part.isdigit() or part not in model.model_fields:
            continue
        annotation = model.model_fields[part].annotation
        candidates = [annotation, *get_args(annotation)]
        model = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), model)
    return tuple(model.model_fields)


def _name_faults(mapping: Mapping) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """(path, found, expected) of contract names, units and keys that do not fit."""
    if mapping.format != "nonmem":
        for key in NONMEM_ONLY:
            if getattr(mapping, key) is not None:
                yield (key,), str(getattr(mapping, key)), 'used only with format = "nonmem"'
    if mapping.amount_unit is not None and mapping.amount_unit not in AMOUNT_UNITS:
        yield ("amount_unit",), mapping.amount_unit, f"one of {', '.join(AMOUNT_UNITS)}"
    lower, upper = mapping.lower_limit, mapping.upper_limit
    if lower is not None and upper is not None and lower >= upper:
        yield ("lower_limit",), f"{lower:g}", f"must be below upper_limit ({upper:g})"
    zones = {name: zone for name in TABLES if (zone := mapping.table(name).time_zone) is not None}
    for name, zone in zones.items():
        if zone != next(iter(zones.values())):
            first = next(iter(zones))
            yield (name, "time_zone"), zone, f"one local clock for all tables, that of {first} ({zones[first]})"
    for name in TABLES:
        yield from _table_faults(mapping, name)
    if mapping.format not in ("tables", "nonmem"):
        known = f'the columns of format = "{mapping.format}" are known; leave this out'
        for name in ("samples", "doses", "therapy", "patients"):
            for part in ("columns", "units", "wide"):
                if getattr(mapping.table(name), part, None):
                    yield (name, part), part, known


def _table_faults(mapping: Mapping, name: TableName) -> Iterator[tuple[tuple[str, ...], str, str]]:
    section, contract = mapping.table(name), CONTRACT[name]
    for part in ("columns", "constants", "values"):
        for column in getattr(section, part):
            known = (*contract.names, *(EVENT_COLUMNS.get(name, ()) if mapping.format == "nonmem" else ()))
            if column not in known and not contract.open:
                yield (
                    (name, part, column),
                    column,
                    f"not a column of {name}; {suggestion(column, contract.names)}",
                )
    for column in section.columns.keys() & section.constants.keys():
        yield (name, "constants", column), column, "given twice: in columns and in constants"
    for column in UNIT_COLUMNS & section.values.keys():
        yield from _unit_faults(section, name, column)
    with_unit = [column for column in contract.names if column in COLUMN_UNITS]
    for column, unit in section.units.items():
        if column not in with_unit:
            yield (name, "units", column), column, f"has no unit in {name}; {suggestion(column, with_unit)}"
        elif unit not in COLUMN_UNITS[column]:
            yield (name, "units", column), unit, f"one of {', '.join(COLUMN_UNITS[column])}"
        elif unit in VOLUMES and isinstance(section, DosesMapping) and section.concentration is None:
            expected = 'grams in a millilitre are needed: concentration = "10 %" under [doses]'
            yield (name, "units", column), unit, expected


def _unit_faults(section: TableMapping, name: TableName, column: str) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Words for units that mean something else: another spelling may be named, a number is never converted so."""
    known = COLUMN_UNITS[MEASURE_OF[column]]
    for foreign, word in section.values[column].items():
        meant, written = canonical_unit(str(word)), canonical_unit(foreign)
        path, shown = (name, "values", column, foreign), f"{foreign} = {word}"
        if meant not in known:
            yield path, shown, f"must mean one of {', '.join(known)}"
        elif written in known and written != meant and known[written] != known[meant]:
            yield path, shown, f"{foreign} is a unit of its own and is read as it is: leave this line out"
