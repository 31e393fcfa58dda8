"""What can be wrong with an input, told completely: file, line, patient, column, found, expected."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Severity = Literal["error", "warning"]
PROBLEM_COLUMNS = ("file", "line", "patient_id", "column", "found", "expected", "severity", "action")
LINES_NAMED = 5
FOUND_LIMIT = 120  # characters of a found value that are repeated in a message
EXPECTED_LIMIT = 2000
GROUPED_FROM = 6
"""So many rows of a file with one fault in one column are told in one line."""
SHOWN_OF_A_GROUP = 3
MOST_LINES = 300
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One defect of an input.

    line: physical line of a text file (header = 1), row number of a Parquet file, None for a whole file.
    action: what was done about it, e.g. "refused", "row set aside", "used".
    """

    file: str
    found: str
    expected: str
    line: int | None = None
    patient_id: str = ""
    column: str = ""
    severity: Severity = "error"
    action: str = "refused"

    def __str__(self) -> str:
        place = [f"line {self.line}"] if self.line is not None else []
        place += [f"patient {self.patient_id}"] if self.patient_id else []
        place += [self.column] if self.column else []
        where = ", ".join(place) or "file"
        return f"{where}: found {_shortened(self.found, FOUND_LIMIT)!r}; {_shortened(self.expected, EXPECTED_LIMIT)}"


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "..."


class InputError(Exception):
    """The input or the call is at fault. Carries every problem found, not only the first.

    problems: a tuple of Problem, each with file, line, patient_id, column, found, expected, severity and action.

    >>> import igkinetics as igk
    >>> try:
    ...     igk.read_cohort(samples={"patient_id": ["A"], "day": ["soon"], "igg": [620]}, igg_unit="mg/dL")
    ... except igk.InputError as error:
    ...     print([(problem.patient_id, problem.column, problem.found) for problem in error.problems])
    [('A', 'day', 'soon')]
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(describe_problems(self.problems))


class NobodyFittedError(InputError):
    """The input can be read, and no model of it can be fitted."""


def describe_problems(problems: Iterable[Problem], most: int = MOST_LINES) -> str:
    """All problems, grouped by file, in the order of the lines; one fault in many rows is one line, of at most so many.

    Faults are one when severity, column and what is expected agree, numbers in it aside.
    """
    by_file: dict[str, list[Problem]] = {}
    for problem in problems:
        by_file.setdefault(problem.file, []).append(problem)
    lines, n_left_out = [], 0
    for file, found in by_file.items():
        lines.append(f"{file}: {counted(len(found), 'problem')}")
        ordered = sorted(found, key=lambda problem: -1 if problem.line is None else problem.line)
        groups: dict[tuple[str, str, str], list[Problem]] = {}
        for problem in ordered:
            key = (problem.severity, problem.column, NUMBER.sub("#", problem.expected))
            groups.setdefault(key, []).append(problem)
        large = {id(one) for group in groups.values() if len(group) >= GROUPED_FROM for one in group[1:]}
        for problem in ordered:
            if id(problem) in large:
                continue
            if len(lines) >= most + len(by_file):
                n_left_out += 1
                continue
            key = (problem.severity, problem.column, NUMBER.sub("#", problem.expected))
            text = str(problem) if len(groups[key]) < GROUPED_FROM else _of_many_rows(groups[key])
            lines.append(f"  {'warning: ' if problem.severity == 'warning' else ''}{text}")
    more = [f"... and {counted(n_left_out, 'further fault')}"] if n_left_out else []
    return "\n".join([*lines, *more])


def _of_many_rows(group: Sequence[Problem]) -> str:
    """One line for the same fault in many rows: the first of them, how many there are, what some of them hold."""
    first = group[0]
    numbered = [str(one.line) for one in group[:SHOWN_OF_A_GROUP] if one.line is not None]
    place = [f"lines {', '.join(numbered)}, ..."] if numbered else []
    patients = dict.fromkeys(one.patient_id for one in group if one.patient_id)
    if patients:
        shown = ", ".join(_shortened(patient, FOUND_LIMIT) for patient in list(patients)[:SHOWN_OF_A_GROUP])
        place.append(f"patient {shown}" if len(patients) == 1 else f"{len(patients)} patients ({shown}, ...)")
    place += [first.column] if first.column else []
    cells = list(dict.fromkeys(one.found for one in group))
    found = ", ".join(repr(_shortened(cell, FOUND_LIMIT)) for cell in cells[:SHOWN_OF_A_GROUP])
    found += ", ..." if len(cells) > SHOWN_OF_A_GROUP else ""
    where = ", ".join(place) or "file"
    return f"{where} ({counted(len(group), 'row')}): found {found}; {_shortened(first.expected, EXPECTED_LIMIT)}"


def call_error(option: str, found: object, expected: str) -> InputError:
    """A call that cannot be carried out: the option (or argument), what it was, what it may be."""
    return InputError([Problem(file="call", column=option, found=str(found), expected=expected)])


def told_error(error: Exception) -> str:
    """An error of ours in one line: what it says, and where it came up."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(last.filename).name}, line {last.lineno})"


def counted(number: int, thing: str) -> str:
    """`1 row`, `2 rows`: a count with its noun."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def also(lines: Sequence[int] | npt.NDArray[np.integer]) -> str:
    """The end of a message that holds for several lines: those after the first."""
    first = [int(one) for one in lines[1 : LINES_NAMED + 1]]
    if not first:
        return ""
    n_more = len(lines) - 1 - len(first)
    more = f" and {n_more} more" if n_more else ""
    return f" (also line{'s' if len(lines) > 2 else ''} {', '.join(map(str, first))}{more})"
