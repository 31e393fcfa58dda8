"""`check`: read and validate a cohort, nothing else."""

from __future__ import annotations

from igkinetics.cli.options import CohortPath, FileFormat, IggUnit, OnProblem
from igkinetics.cli.reading import problems_text, read
from igkinetics.cli.status import answering


@answering
def check(
    cohort: CohortPath,
    igg_unit: IggUnit = None,
    file_format: FileFormat = None,
    on_problem: OnProblem = "stop",
) -> None:
    """Read a cohort, print what is in it and everything that is wrong with it."""
    found = read(cohort, igg_unit, file_format, on_problem)
    from igkinetics.cohort.summary import summary

    print(summary(found))
    print(problems_text(found) or "No problems.")
