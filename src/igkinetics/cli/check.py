"""`check`: read and validate a cohort, nothing else; for foreign tables, a draft of how they map."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from igkinetics.cli.options import CohortPath, FileFormat, IggUnit, OnProblem
from igkinetics.cli.reading import read
from igkinetics.cli.status import answering
from igkinetics.errors import InputError, counted


@answering
def check(
    cohort: CohortPath,
    igg_unit: IggUnit = None,
    file_format: FileFormat = None,
    on_problem: OnProblem = "stop",
    write_mapping: Annotated[
        bool,
        typer.Option("--write-mapping", help="Write the draft of cohort.toml beside the tables, never over a file."),
    ] = False,
) -> None:
    """Say what is in a cohort and what is wrong."""
    from igkinetics.cohort.mapping.locate import has_mapping_beside

    try:
        found = read(cohort, igg_unit, file_format, on_problem)
    except InputError as error:
        answered = has_mapping_beside(cohort) and not write_mapping  # the problems say that it lies there
        draft = "" if answered else draft_for(cohort, error, file_format)
        print(draft, end="")
        if draft and write_mapping:
            print(written(cohort, draft))
            return
        raise
    print(found.check())
    if write_mapping:
        print("No cohort.toml written: the cohort can be read as it is.")


def draft_for(path: Path, error: InputError, file_format: str | None) -> str:
    """A draft of cohort.toml where tables, columns or headers were not found under their names; else empty."""
    from igkinetics.cohort.mapping.draft import draft_mapping, stated_keys

    keys = stated_keys(path) | ({} if file_format is None else {"format": file_format})
    if keys.get("format", "tables") not in ("tables", "nonmem"):
        return ""  # a preset knows its own columns
    foreign = [
        problem
        for problem in error.problems
        if not problem.patient_id
        and problem.file != "call"
        and problem.found != "no unit"
        and (problem.line is None or not problem.column)
    ]
    return draft_mapping(path, keys) if foreign else ""


def written(path: Path, draft: str) -> str:
    """Write a draft beside the tables. InputError where there is none to write, or a cohort.toml lies there already."""
    from igkinetics.cohort.mapping.draft import CHOOSE, GUESS, write_draft

    place = write_draft(path, draft)
    lines = draft.splitlines()[draft.count("\n", 0, draft.find("\n[")) :]
    guesses, choices = (counted(sum(mark in line for line in lines), "line") for mark in (GUESS, CHOOSE))
    todo = f"To check: {guesses} marked GUESS, {choices} marked CHOOSE."
    return f"Written: {place}. {todo} Next: igkinetics check {place.parent}"
