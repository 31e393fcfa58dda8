"""The files of a group comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from igkinetics.compare.run import COMPARE_COLUMNS, GroupComparison
from igkinetics.compare.tables import GROUP_COLUMNS
from igkinetics.errors import PROBLEM_COLUMNS
from igkinetics.fit.columns import TABLES
from igkinetics.fit.output import run_record
from igkinetics.output.files import RUN_RECORD, write_csv, write_json
from igkinetics.output.folder import Kind

COMPARE_OUTPUT: Final = Kind(
    marker="compare.csv",
    names=frozenset(
        {"compare.csv", "groups.csv", "nadir.csv", "nadir_common_window.csv", "problems.csv", RUN_RECORD, "report.html"}
    ),
)


def write_compare(comparison: GroupComparison, folder: Path) -> None:
    """compare.csv, groups.csv (samples and missing data), nadir.csv of the fit behind it, problems.csv, run.json.

    With a common window also its nadirs, nadir_common_window.csv.
    """
    write_csv(comparison.table, COMPARE_COLUMNS, folder / "compare.csv")
    write_csv(comparison.sampling, GROUP_COLUMNS, folder / "groups.csv")
    write_csv(comparison.fit.nadir, TABLES["nadir"], folder / "nadir.csv")
    if comparison.common is not None:
        write_csv(comparison.common.nadir, TABLES["nadir"], folder / "nadir_common_window.csv")
    write_csv(comparison.fit.cohort.problems, PROBLEM_COLUMNS, folder / "problems.csv")
    write_json(compare_record(comparison), folder / RUN_RECORD)


def compare_record(comparison: GroupComparison) -> dict[str, Any]:
    """The fit's run record with this command's name and groups."""
    record = run_record(comparison.common or comparison.fit)
    groups = [comparison.group_a, comparison.group_b]
    return record | {"command": "compare", "options": record["options"] | {"groups": groups}}
