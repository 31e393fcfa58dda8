"""Options that several commands share, with the words help says about them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from igkinetics.errors import InputError, Problem, call_error

CohortPath = Annotated[
    Path,
    typer.Argument(metavar="COHORT", help="A folder of tables, a cohort.toml, a workbook or one CSV of samples."),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write; it must not exist.")]
OutOrNone = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Folder to write; without it the answer is only printed.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a folder that this command wrote earlier.")]
IggUnit = Annotated[
    str | None, typer.Option("--igg-unit", metavar="UNIT", help="Unit of IgG: mg/dL or g/L, if no file says it.")
]
FileFormat = Annotated[
    str | None, typer.Option("--format", metavar="FORMAT", help="Format of the cohort, if not its own tables.")
]
OnProblem = Annotated[
    str,
    typer.Option("--on-problem", metavar="stop|skip", help="Refuse rows at fault, or set them aside and say so."),
]

CardOrStack = Annotated[
    str, typer.Option(metavar="ID|FILE|stack", help="Model card that gives the prior, or several mixed by --weights.")
]
Weights = Annotated[Path | None, typer.Option(metavar="DIR|FILE", help="For --card stack: what `evaluate` wrote.")]
Residual = Annotated[
    str, typer.Option(metavar="normal|lognormal|student_t", help="How measurements scatter around the curve.")
]
Average = Annotated[
    str,
    typer.Option(
        metavar="cohort|alone",
        help="Whether the records of a cohort of 30 or more move what structures and drift weigh in advance.",
    ),
]
Fix = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Hold a parameter (CL V1 Q V2 ka F C_base C_init S k_loss k_rec) at a value in the units of "
        "parameters.csv: C_base, C_init in the cohort's unit, others L, L/day, 1/day; repeatable.",
    ),
]
Level = Annotated[float, typer.Option(metavar="SHARE", help="Level of every interval.")]


def fixed_of(given: Sequence[str]) -> dict[str, float]:
    """Parameters held at values, each given as NAME=VALUE. InputError for what cannot be read, all at once."""
    found: dict[str, float] = {}
    problems = []
    for each in given:
        name, equals, value = (part.strip() for part in each.partition("="))
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (name and equals) or math.isnan(number):
            problems.append(Problem(file="call", column="--fix", found=each, expected="must be NAME=VALUE, as V1=3.2"))
        elif name in found:
            problems.append(Problem(file="call", column="--fix", found=each, expected=f"{name} is fixed twice"))
        else:
            found[name] = number
    if problems:
        raise InputError(problems)
    return found


def days_of(window: str | None) -> tuple[float, float] | None:
    """The window "A:B" as two days. InputError when it is not two numbers."""
    if window is None:
        return None
    first, colon, last = window.partition(":")
    try:
        days = (float(first), float(last)) if colon else None
    except ValueError:
        days = None
    if days is None:
        raise call_error("window", window, "must be two days A:B, such as 0:180")
    return days
