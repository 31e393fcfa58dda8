"""Reading a cohort for a command, and telling what was wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from igkinetics.cli.status import tell

if TYPE_CHECKING:
    from igkinetics.cohort.model import Cohort

MOST_TOLD: Final = 20


def read(path: Path, igg_unit: str | None, file_format: str | None, on_problem: str) -> Cohort:
    """The cohort; InputError with everything that is wrong."""
    from igkinetics.cohort.read import read_cohort

    return read_cohort(path, igg_unit=igg_unit, file_format=file_format, on_problem=on_problem)


def read_and_tell(path: Path, igg_unit: str | None, file_format: str | None, on_problem: str) -> Cohort:
    """The same, with the first problems of a cohort read all the same on stderr; problems.csv of the output has all."""
    cohort = read(path, igg_unit, file_format, on_problem)
    if problems := problems_text(cohort, MOST_TOLD):
        tell(problems)
    return cohort


def problems_text(cohort: Cohort, most: int | None = None) -> str:
    """The problems of a cohort that was read all the same, at most so many; empty when there are none."""
    from igkinetics.errors import Problem, describe_problems

    rows = cohort.problems.astype(object).where(cohort.problems.notna(), None).to_dict("records")
    problems = [
        Problem(**{str(key): value for key, value in row.items()} | {"line": _whole(row["line"])}) for row in rows
    ]
    return describe_problems(problems) if most is None else describe_problems(problems, most)


def _whole(line: object) -> int | None:
    return None if line is None else int(str(line).removesuffix(".0"))
