"""Published dosing rules as data (`data/guidelines/*.toml`), each with its source; they name doses, targets or both."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, ValidationError, model_validator

from igkinetics.cards.body_size import WeightBasis
from igkinetics.choices import nearest
from igkinetics.errors import InputError, call_error
from igkinetics.provenance import sha256_of_bytes
from igkinetics.resources import resource_folder
from igkinetics.toml_input import Fault, Name, Positive, Table, parse_toml, problems_of, read_bytes, refuse

SUFFIX: Final = ".toml"


class GuidelineDose(Table):
    """Doses that a guideline names."""

    route: Literal["iv", "sc"]
    """Into a vein or under the skin."""
    dose_g_per_kg: list[Positive] = Field(min_length=1)
    """One dose, or the two ends of a range, g/kg."""
    weight: WeightBasis
    """The weight that g/kg refers to."""
    interval_day: list[Positive] = Field(min_length=1)
    """Days between doses."""


class GuidelineTarget(Table):
    """The lowest trough that a guideline aims at: a number, or what every laboratory states for itself."""

    at_least_mg_dl: Positive | None = None
    """Lowest trough, mg/dL."""
    from_laboratory: Name | None = None
    """What it is where it has no number of its own."""

    @model_validator(mode="after")
    def _holds(self) -> GuidelineTarget:
        if (self.at_least_mg_dl is None) == (self.from_laboratory is None):
            refuse([Fault(("at_least_mg_dl",), "", "give either 'at_least_mg_dl' or 'from_laboratory'")])
        return self


class GuidelineStart(Table):
    """A level below which immunoglobulin is considered at all."""

    below_mg_dl: Positive
    """Level, mg/dL."""
    when: Name
    """What else has to hold."""


class Guideline(Table):
    """One published rule."""

    title: Name
    """Its name."""
    population: Name
    """For whom it is."""
    source: Name
    """Where every number is from."""
    rule: Name
    """What it says, in words."""
    for_children: bool = False
    """Whether it is for children."""
    dose: list[GuidelineDose] = Field(default_factory=list)
    """Doses to try."""
    target: GuidelineTarget | None = None
    """What the trough is to reach."""
    start: list[GuidelineStart] = Field(default_factory=list)
    """When immunoglobulin is considered at all."""


def list_guidelines() -> tuple[str, ...]:
    """Ids of the guidelines that are here, sorted."""
    return tuple(sorted(path.stem for path in resource_folder("data").joinpath("guidelines").glob(f"*{SUFFIX}")))


def load_guideline(id_or_path: str) -> tuple[Guideline, str]:
    """A guideline by its id, or a file by its path (text that ends in .toml), and its SHA-256. InputError for every
    defect, and for an id nobody has."""
    if id_or_path.endswith(SUFFIX):
        path = Path(id_or_path)
    elif id_or_path in (known := list_guidelines()):
        path = resource_folder("data") / "guidelines" / f"{id_or_path}{SUFFIX}"
    else:
        meant = nearest(id_or_path, known)
        raise call_error("guideline", id_or_path, f"must be one of {', '.join(known)}, or a .toml file{meant}")
    content = read_bytes(path)
    raw: dict[str, Any] = parse_toml(content, path.name)
    try:
        return Guideline.model_validate(raw), sha256_of_bytes(content)
    except ValidationError as error:
        raise InputError(problems_of(error, raw, Guideline, path.name)) from None


def guidelines_text() -> str:
    """Every guideline with its rule and source, for a terminal."""
    lines = []
    for name in list_guidelines():
        guideline, _ = load_guideline(name)
        lines += [f"{name}: {guideline.title}", f"  {guideline.rule}", f"  Source: {guideline.source}.", ""]
    return "\n".join(lines[:-1])
