"""Reading a simulation file: every problem at once, or a sound design with its text."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from igkinetics.dosing.assay import Assay
from igkinetics.errors import InputError, call_error
from igkinetics.simulate.design import PER_PART, Design, Sections, disagreements
from igkinetics.simulate.sections import Group, Outcome, Population, Visits
from igkinetics.toml_input import CONTRADICTION, Table, parse_toml, problem_of, problems_of, read_bytes, toml_text
from igkinetics.virtual.tables import Therapy

TEXT_NAME = "design.toml"
Part = TypeVar("Part", bound=Table)


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignFile:
    """A design as read. folder: where paths in it start; None for a text without a file."""

    name: str
    text: str
    design: Design
    folder: Path | None


def read_design(source: str | Path, *, seed: int | None = None, per_part: int | None = None) -> DesignFile:
    """Read a simulation file. source: its path, or its text (any str with a line break is text).

    seed: replaces the file's own, in the text too. per_part: patients of each part of a cohort that is made in parts.
    InputError with every problem of the file.
    """
    if isinstance(source, str) and "\n" in source:
        name, content, folder = TEXT_NAME, source.encode(), None
    else:
        path = Path(source)
        name, content, folder = path.name, read_bytes(path), path.parent
    design = parse_design(content, name, per_part)
    text = toml_text(content, name)
    if seed is not None:
        text = with_seed(text, seed)
        design = parse_design(text.encode(), name, per_part)
    return DesignFile(name=name, text=text, design=design, folder=folder)


def parse_design(content: bytes, file: str, per_part: int | None = None) -> Design:
    """The design in a file's bytes. InputError with every problem."""
    raw = parse_toml(content, file)
    try:
        return Design.model_validate(raw, context={PER_PART: per_part})
    except ValidationError as error:
        problems = list(problems_of(error, raw, Design, file))
        if not any(told["type"] == CONTRADICTION and not told["loc"] for told in error.errors()):
            problems += [
                problem_of(fault, raw, file) for fault in disagreements(replace(sound_sections(raw), per_part=per_part))
            ]
        raise InputError(problems) from None


def sound_sections(raw: Mapping[str, object]) -> Sections:
    """Those parts of a faulty file that are sound in themselves."""
    tables = raw.get("group")
    groups = tables if isinstance(tables, list) else []
    outcomes = raw.get("outcomes")
    sound_groups = {index: _sound(Group, table) for index, table in enumerate(groups)}
    sound_outcomes = (
        {name: _sound(Outcome, table) for name, table in outcomes.items()} if isinstance(outcomes, dict) else {}
    )
    names = [table.get("name") for table in groups if isinstance(table, dict)]
    return Sections(
        assay=_sound(Assay, raw.get("assay", {})),
        population=_sound(Population, raw.get("population")),
        visits=_sound(Visits, raw.get("visits")),
        therapy=_sound(Therapy, raw.get("therapy")),
        groups={position: group for position, group in sound_groups.items() if group is not None},
        group_names=tuple(name for name in names if isinstance(name, str)),
        outcomes={name: outcome for name, outcome in sound_outcomes.items() if outcome is not None},
    )


def _sound(model: type[Part], table: object) -> Part | None:
    try:
        return model.model_validate(table)
    except ValidationError:
        return None


def with_seed(text: str, seed: int) -> str:
    """The text of a design with another seed. InputError unless its own is a plain line, `seed = 1`."""
    if seed < 0:
        raise call_error("seed", seed, "must be 0 or more")
    changed = re.sub(r"(?m)^(\s*seed\s*=\s*)[0-9_]+", rf"\g<1>{seed}", text, count=1)
    if tomllib.loads(changed) != {**tomllib.loads(text), "seed": seed}:
        raise call_error("seed", seed, "the design must hold its own seed on a line of its own, `seed = 1`")
    return changed
