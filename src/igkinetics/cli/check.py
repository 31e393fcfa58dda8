"""`check`: read and validate a cohort, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from igkinetics.cli.options import CohortPath, FileFormat, IggUnit, OnProblem
from igkinetics.cli.reading import problems_text, read
from igkinetics.cli.status import answering
from igkinetics.errors import InputError

if TYPE_CHECKING:
    from igkinetics.cohort.model import Cohort


@answering
def check(
    cohort: CohortPath,
    igg_unit: IggUnit = None,
    file_format: FileFormat = None,
    on_problem: OnProblem = "stop",
) -> None:
    """Say what is in a cohort and what is wrong."""
    try:
        found = read(cohort, igg_unit, file_format, on_problem)
    except InputError as error:
        offer_draft(cohort, error)
        raise
    print("\n".join(summary_lines(found)))
    print(problems_text(found) or "No problems.")


def offer_draft(path: Path, error: InputError) -> None:
    """A draft of cohort.toml on stdout when columns or tables were not found under their names."""
    from igkinetics.cohort.mapping.draft import draft_mapping

    foreign = [one for one in error.problems if one.line is None and one.file != "call" and one.found != "no unit"]
    if foreign:
        print(draft_mapping(path), end="")


def summary_lines(cohort: Cohort) -> list[str]:
    """What the cohort holds, a line for each quantity under its topic."""
    from igkinetics.cohort.check import summary
    from igkinetics.text import visible

    lines = [f"Cohort {visible(cohort.name)}, IgG in {cohort.igg_unit}"]
    for topic, rows in summary(cohort).groupby("topic", sort=False):
        lines.append(f"{topic}")
        for quantity, value, unit in zip(rows["quantity"], rows["value"], rows["unit"], strict=True):
            own_unit = {"unknown": "", "1": unit.removesuffix("s")}.get(value, unit)
            amount = f"{value} {own_unit}".strip()
            lines.append("  " + visible(": ".join(filter(None, (quantity, amount))), most=400))
    return lines
