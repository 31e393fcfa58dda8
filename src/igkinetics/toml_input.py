"""Files of settings (TOML): read with line and column, nothing unknown, nothing converted, all faults told at once."""

from __future__ import annotations

import re
import tomllib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from igkinetics.errors import InputError, Problem

CONTRADICTION = "contradiction"

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Name = Annotated[str, Field(min_length=1, pattern=r"^\S(.*\S)?$")]


class Table(BaseModel):
    """A table of a design file: unknown keys are refused, text is no number, no value is infinite or nan."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Fault(NamedTuple):
    """A rule between keys that does not hold: the key (its path below the table), what it holds, the rule."""

    key: tuple[str | int, ...]
    found: str
    expected: str


def refuse(faults: Iterable[Fault]) -> None:
    """Raise all faults as one pydantic error, which `toml_file` takes apart again; nothing without one."""
    listed = list(faults)
    if listed:
        keys = [".".join(map(str, fault.key)) for fault in listed]
        text = "; ".join(
            f"{key}: found {fault.found!r}; {fault.expected}" for key, fault in zip(keys, listed, strict=True)
        )
        raise PydanticCustomError(CONTRADICTION, "{text}", {"text": text, "faults": listed})


def suggestion(unknown: str, known: Sequence[str]) -> str:
    """What to write instead of an unknown name: the nearest known one, else all of them."""
    near = get_close_matches(unknown, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(dict.fromkeys(known)) or 'none'}"


Key = tuple[str | int, ...]

EXPECTED = {
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be {ge:g} or more",
    "less_than": "must be below {lt:g}",
    "less_than_equal": "must be {le:g} or less",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "string_type": "must be text in quotes",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must not be empty, nor begin or end with a space",
    "literal_error": "must be {expected}",
    "model_type": "must be a table, {{ key = value }}",
    "dict_type": "must be a table, {{ key = value }}",
    "list_type": "must be a list, [ ... ]",
    "too_short": "must not be empty",
}


def problems_of(
    error: ValidationError, raw: Mapping[str, object], model: type[BaseModel], file: str
) -> Iterator[Problem]:
    """Each of pydantic's errors as a problem: key, found, expected, nearest known name."""
    for detail in error.errors():
        for fault in _faults(detail, model):
            yield problem_of(fault, raw, file)


def problem_of(fault: Fault, raw: Mapping[str, object], file: str) -> Problem:
    return Problem(file=file, column=key_text(fault.key, raw), found=fault.found, expected=fault.expected)


def _faults(detail: ErrorDetails, model: type[BaseModel]) -> Iterator[Fault]:
    place, kind, context = detail["loc"], detail["type"], detail.get("ctx", {})
    if kind == CONTRADICTION:
        for fault in context["faults"]:
            yield Fault((*place, *fault.key), fault.found, fault.expected)
    elif kind == "extra_forbidden":
        known = known_keys(model, place[:-1])
        yield Fault(place, str(place[-1]), f"unknown key; {suggestion(str(place[-1]), known)}")
    elif kind == "missing":
        yield Fault(place, "", "needed")
    else:
        expected = EXPECTED[kind].format(**context) if kind in EXPECTED else detail["msg"]
        yield Fault(place, shown(detail["input"]), expected)


def shown(value: object) -> str:
    """A value as it stands in the file, roughly."""
    if isinstance(value, bool):
        return str(value).lower()
    return "{}" if value == {} else str(value)


def key_text(key: Key, raw: Mapping[str, object]) -> str:
    """`group[IVIG].n`: a path in the file; tables of a list by their name, or counted from 1 without one."""
    text, here = "", typing.cast(object, raw)
    for part in key:
        if isinstance(part, int):
            here = here[part] if isinstance(here, Sequence) and part < len(here) else None
            name = here.get("name") if isinstance(here, Mapping) else None
            text += f"[{name if isinstance(name, str) and name else part + 1}]"
        else:
            here = here.get(part) if isinstance(here, Mapping) else None
            text += f".{part}" if text else part
    return text


def known_keys(model: type[BaseModel], place: Key) -> tuple[str, ...]:
    """The keys of the table at this place of a model; none where there is no table."""
    here: object = model
    for part in place:
        inside = _without_none(here)
        fields = getattr(inside, "model_fields", None)
        here = fields[part].annotation if fields is not None else typing.get_args(inside)[-1]
    return tuple(getattr(_without_none(here), "model_fields", ()))


def _without_none(annotation: object) -> object:
    """X of `X | None`; any other annotation as it is."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return next(choice for choice in typing.get_args(annotation) if choice is not type(None))
    return annotation


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or "not readable"
        problem = Problem(file=path.name, found=reason, expected="must be a readable file")
        raise InputError([problem]) from None


def toml_text(content: bytes, file: str) -> str:
    """The text of a TOML file: UTF-8, with or without a byte order mark, whatever its line ends."""
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{content[error.start]:02x}"
        raise InputError([Problem(file=file, line=line, found=found, expected="must be UTF-8 text")]) from None


def parse_toml(content: bytes, file: str) -> dict[str, Any]:
    """The file's tables. Syntax errors carry line and column."""
    text = toml_text(content, file)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError([_syntax_problem(str(error), text, file)]) from None


def _syntax_problem(message: str, text: str, file: str) -> Problem:
    """The line at fault as it stands there; tomllib tells the place at the end of its message."""
    place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    expected = f"not TOML: {message[: place.start()] if place else message}"
    lines = text.splitlines()
    if place is None or place[1] is None:
        return Problem(file=file, line=len(lines), column="end of file", found="", expected=expected)
    line = int(place[1])
    text = lines[line - 1] if line <= len(lines) else ""
    return Problem(file=file, line=line, column=f"column {place[2]}", found=text, expected=expected)
