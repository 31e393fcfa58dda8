"""Options that several commands share, with the words help says about them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from igkinetics.errors import call_error

CohortPath = Annotated[
    Path,
    typer.Argument(metavar="COHORT", help="A folder of tables, a cohort.toml, a workbook or one CSV of samples."),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write; it must not exist.")]
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

Residual = Annotated[
    str, typer.Option(metavar="normal|lognormal|student_t", help="How measurements scatter around the curve.")
]
Level = Annotated[float, typer.Option(metavar="SHARE", help="Level of every interval.")]


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
        raise call_error("--window", window, "must be two days A:B, such as 0:180")
    return days
