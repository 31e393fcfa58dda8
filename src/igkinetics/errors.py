"""What can be wrong with an input, told completely: file, line, patient, column, found, expected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]
PROBLEM_COLUMNS = ("file", "line", "patient_id", "column", "found", "expected", "severity", "action")
LINES_NAMED = 5
FOUND_LIMIT = 120  # characters of a found value that are repeated in a message


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
        found = self.found if len(self.found) <= FOUND_LIMIT else self.found[:FOUND_LIMIT] + "..."
        where = ", ".join(place) or "file"
        return f"{where}: found {found!r}; {self.expected}"


class InputError(Exception):
    """The input or the call is at fault. Carries every problem found, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(describe_problems(self.problems))


class NobodyFittedError(InputError):
    """The input can be read, and no model of it can be fitted."""


def describe_problems(problems: Iterable[Problem]) -> str:
    """All problems, grouped by file, in the order of the lines."""
    by_file: dict[str, list[Problem]] = {}
    for problem in problems:
        by_file.setdefault(problem.file, []).append(problem)
    lines = []
    for file, found in by_file.items():
        lines.append(f"{file}: {counted(len(found), 'problem')}")
        ordered = sorted(found, key=lambda problem: -1 if problem.line is None else problem.line)
        lines += [f"  {'warning: ' if problem.severity == 'warning' else ''}{problem}" for problem in ordered]
    return "\n".join(lines)


def call_error(option: str, found: object, expected: str) -> InputError:
    """A call that cannot be carried out: the option (or argument), what it was, what it may be."""
    return InputError([Problem(file="call", column=option, found=str(found), expected=expected)])


def counted(number: int, thing: str) -> str:
    """`1 row`, `2 rows`: a count with its noun."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def also(lines: Iterable[int]) -> str:
    """The end of a message that holds for several lines: those after the first."""
    rest = [int(one) for one in lines][1:]
    if not rest:
        return ""
    shown = ", ".join(str(one) for one in rest[:LINES_NAMED])
    more = f" and {len(rest) - LINES_NAMED} more" if len(rest) > LINES_NAMED else ""
    return f" (also line{'s' if len(rest) > 1 else ''} {shown}{more})"
