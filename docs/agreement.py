"""Writes docs/agreement.md: what `igkinetics verify` finds, case by case.

Run: python docs/agreement.py (some minutes, most of them compiling). tests/verify holds the page to the cases.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from igkinetics.report.verify_page import case_cells, rows_by_kind, summary_cells, verify_sentences
from igkinetics.verification.run import KINDS, Verification, verify

PAGE: Final = Path(__file__).with_name("agreement.md")
HEAD: Final = """# Agreement with other engines

<!-- Written by docs/agreement.py from the cases; edit the code. -->

`igkinetics verify --out DIR` computes every case on this page anew on your machine and writes `verify.csv` and a
report; its exit status is 1 when a case differs. `igk.verify()` does the same in Python. Where a case has several
values, the one that lies farthest off (by its tolerance) is shown. The cases with their sources lie in `data/verify`.
"""
COLUMNS: Final = (
    "case",
    "inputs",
    "expected",
    "found",
    "difference",
    "tolerance",
    "values",
    "verdict",
    "source",
    "note",
)


def page(result: Verification) -> str:
    lines = [HEAD, *(f"- {sentence}" for sentence in verify_sentences(result)), ""]
    names = ("kind", "cases", "values", "agrees", "differs", "not run", "shown")
    lines += markdown(names, [[row[name] for name in names] for row in summary_cells(result)])
    for kind in rows_by_kind(result):
        lines += section(kind, result)
    return "\n".join(lines).rstrip("\n") + "\n"


def section(kind: str, result: Verification) -> list[str]:
    """The cases of one kind."""
    rows = [case_cells(row) for row in rows_by_kind(result)[kind]]
    return [f"## {KINDS[kind]}", "", *markdown(COLUMNS, [[row[name] for name in COLUMNS] for row in rows])]


def markdown(head: tuple[str, ...], rows: list[list[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    lines += [f"| {' | '.join(cell(value) for value in row)} |" for row in rows]
    return [*lines, ""]


def cell(value: str) -> str:
    return re.sub(r"([|*_<>\[\]])", r"\\\1", re.sub(r"\s+", " ", value)).strip()


if __name__ == "__main__":
    PAGE.write_text(page(verify()), encoding="utf-8")
