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
    from igkinetics.cohort.check import problems_text

    cohort = read(path, igg_unit, file_format, on_problem)
    if problems := problems_text(cohort.problems, MOST_TOLD):
        tell(problems)
    return cohort
