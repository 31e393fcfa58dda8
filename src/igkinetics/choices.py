"""Options given as keywords: misspelt names and wrong types answered like wrong input, all at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_type_hints

from igkinetics.errors import InputError, Problem

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Options = TypeVar("Options", bound=DataclassInstance)

KINDS: Final[dict[Any, tuple[str, Any]]] = {
    bool: ("True or False", lambda value: isinstance(value, bool)),
    int: ("a whole number", lambda value: isinstance(value, Integral) and not isinstance(value, bool)),
    float: ("a number", lambda value: isinstance(value, Real) and not isinstance(value, bool)),
    str: ("a text", lambda value: isinstance(value, str)),
    tuple[float, ...]: ("a list of numbers", lambda value: _numbers(value)),
    tuple[str, ...]: ("a list of texts", lambda value: _texts(value)),
    dict[str, float]: ("names with their numbers, such as {'V1': 3.2}", lambda value: _named_numbers(value)),
    tuple[float, float]: ("two numbers", lambda value: _numbers(value) and len(value) == 2),
}
"""Type of an option -> in words, and whether a value is of it."""
LISTS: Final = (tuple[float, ...], tuple[str, ...])


def chosen(kind: type[Options], options: Options | None, given: Mapping[str, Any]) -> Options:
    """The options, with those given as keywords in their place. InputError names every keyword that is none."""
    known = [field.name for field in fields(kind)]
    problems = [_problem(name, given[name], _meant(name, known)) for name in given if name not in known]
    if options is not None and not isinstance(options, kind):
        expected = f"must be {kind.__name__}(...), or its choices as keywords: thresholds=[400]"
        problems.append(_problem("options", _shown(options), expected))
    hints = get_type_hints(kind)
    values = {
        name: _as_tuple(value) if "tuple" in str(hints[name]) else value
        for name, value in given.items()
        if name in known
    }
    problems += _of_wrong_type(hints, values)
    if problems:
        raise InputError(problems)
    return replace(options or kind(), **values)


def type_problems(options: DataclassInstance) -> list[Problem]:
    """Every option of a wrong type, and every list that names a value more than once: it would count twice."""
    hints = get_type_hints(type(options))
    values = {name: getattr(options, name) for name in hints}
    return _of_wrong_type(hints, values) or [
        _problem(name, ", ".join(twice), "must name each value once")
        for name, value in values.items()
        if hints[name] in LISTS and (twice := [_named(each) for each in dict.fromkeys(value) if value.count(each) > 1])
    ]


def _of_wrong_type(hints: Mapping[str, Any], values: Mapping[str, Any]) -> list[Problem]:
    problems = []
    for name, value in values.items():
        hint = hints[name]
        allowed = getattr(hint, "__args__", ()) if type(None) in getattr(hint, "__args__", ()) else (hint,)
        kinds = [KINDS[each] for each in allowed if each in KINDS]
        if kinds and not (value is None and type(None) in allowed) and not any(fits(value) for _, fits in kinds):
            words = " or ".join([*(words for words, _ in kinds), *(["None"] if type(None) in allowed else [])])
            problems.append(_problem(name, _shown(value), f"must be {words}"))
    return problems


def nearest(name: str, known: Iterable[str]) -> str:
    """ " (did you mean x?)", or nothing."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _meant(name: str, known: list[str]) -> str:
    return f"is no option{nearest(name, known)}; known: {', '.join(known)}"


def _problem(option: str, found: object, expected: str) -> Problem:
    return Problem(file="call", column=option, found=str(found), expected=expected)


def _named(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _shown(value: object) -> str:
    return f"{value} ({type(value).__name__})"


def _as_tuple(value: Any) -> Any:
    """Lists, arrays and the like as tuples of Python's own; anything else as it is, to be refused by its type."""
    if value is None or isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        return value
    return tuple(each.item() if hasattr(each, "item") else each for each in value)


def _numbers(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(each, Real) and not isinstance(each, bool) for each in value)


def _named_numbers(value: Any) -> bool:
    return isinstance(value, Mapping) and _texts(tuple(value)) and _numbers(tuple(value.values()))


def _texts(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(each, str) for each in value)
