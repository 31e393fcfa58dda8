"""The base of every table of a design file: nothing unknown, nothing converted, all faults told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

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
        text = "; ".join(f"{key}: found {fault.found!r}; {fault.expected}"
                         for key, fault in zip(keys, listed, strict=True))
        raise PydanticCustomError(CONTRADICTION, "{text}", {"text": text, "faults": listed})


def suggestion(unknown: str, known: Sequence[str]) -> str:
    """What to write instead of an unknown name: the nearest known one, else all of them."""
    near = get_close_matches(unknown, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(dict.fromkeys(known)) or 'none'}"
