"""What pydantic found wrong with a card, as Problems: file, key, found, expected, with the nearest name."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from igkinetics.cards.covariates import CategoryEffect, ExponentialEffect, PowerEffect
from igkinetics.cards.model import CardFile
from igkinetics.cards.private import SHORT_KEYS
from igkinetics.errors import Problem

UNION_TAGS: Final = frozenset(
    str(effect.model_fields["form"].annotation.__args__[0])  # type: ignore[union-attr]
    for effect in (PowerEffect, ExponentialEffect, CategoryEffect)
)


def card_problems(error: ValidationError, file: str, *, private: bool = False) -> list[Problem]:
    """Every defect pydantic found, in the order of the card's keys. private: short keys are known too."""
    return [
        Problem(file=file, column=key_path(found["loc"]), found=found_text(found), expected=expected(found, private))
        for found in error.errors()
    ]


def key_path(location: tuple[int | str, ...]) -> str:
    """`covariate_effects[2].exponent`: entries of a list are counted from 1; union tags are left out."""
    path, after_index = "", False
    for part in location:
        if isinstance(part, int):
            path, after_index = f"{path}[{part + 1}]", True
            continue
        tag = part.startswith("<") or (after_index and part in UNION_TAGS)
        after_index = False
        if not tag:
            path = f"{path}.{part}" if path else part
    return path.removesuffix(".[key]")


def found_text(found: Any) -> str:
    if found["type"] == "missing":
        return ""
    value = found["input"]
    return "a table" if isinstance(value, dict) else str(value)


def expected(found: Any, private: bool) -> str:
    """The rule, in words."""
    kind, context = str(found["type"]), found.get("ctx", {})
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        short = SHORT_KEYS if private and len(found["loc"]) == 3 and found["loc"][0] == "parameters" else ()
        return unknown_key(str(found["loc"][-1]), [*short, *known_keys(found["loc"])])
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        return f"must match {context['pattern']}"
    if kind == "union_tag_not_found":
        return f"needs the key {str(context['discriminator']).strip(chr(39))}"
    if kind == "union_tag_invalid":
        return f"must be one of {context['expected_tags']}"
    message = str(found["msg"]).replace("Input should", "must")
    return message[0].lower() + message[1:]


def unknown_key(key: str, known: list[str]) -> str:
    return f"unknown key; {did_you_mean(key, known)}known here: {', '.join(known)}"


def did_you_mean(name: str, known: list[str] | tuple[str, ...]) -> str:
    """ "did you mean 'x'? " or nothing; case does not matter."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    return f"did you mean {by_folded[near[0]]!r}? " if near else ""


def known_keys(location: tuple[int | str, ...]) -> list[str]:
    """Keys allowed in the table that holds the last part of the location."""
    models: list[type[BaseModel]] = [CardFile]
    for part in location[:-1]:
        if isinstance(part, str):
            models = list(inner_models(models, part)) or models
    return list(dict.fromkeys(name for model in models for name in model.model_fields))


def inner_models(models: list[type[BaseModel]], part: str) -> Iterator[type[BaseModel]]:
    """Models the field (or variant of a union) named `part` can hold; none for a key of a mapping."""
    for model in models:
        if part in model.model_fields:
            yield from models_in(model.model_fields[part].annotation)
        elif "form" in model.model_fields and part in get_args(model.model_fields["form"].annotation):
            yield model


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)
