"""What pydantic found wrong with a design file, as problems: key, found, expected, with the nearest name."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from igkinetics.errors import Problem
from igkinetics.simulate.keys import CONTRADICTION, Fault, suggestion

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
