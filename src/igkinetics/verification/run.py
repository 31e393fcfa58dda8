"""`verify`: agreement with other engines, published figures and exact solutions, computed anew on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pandas as pd

from igkinetics.choices import nearest
from igkinetics.errors import InputError, Problem
from igkinetics.output.answer import Answer
from igkinetics.output.files import RUN_RECORD, write_csv, write_json
from igkinetics.output.folder import Kind
from igkinetics.provenance import package_versions
from igkinetics.verification.comparison import COLUMNS, Comparison, not_run

VERIFY_OUTPUT: Final = Kind(marker="verify.csv", names=frozenset({"verify.csv", RUN_RECORD, "report.html"}))
KINDS: Final[dict[str, str]] = {
    "reference_solutions": "Exact solutions of the equations",
    "concentrations": "Concentrations of pmxTools, PKPDsim and Torsten",
    "event_records": "Event records of NONMEM",
    "conditional_modes": "Conditional modes (MAP) of NONMEM, mapbayr and Monolix",
    "populations": "Populations: NONMEM and quadrature",
    "profiles": "Non-compartmental analysis of PKNCA",
    "statistics": "Statistics of R",
    "card_checks": "Model cards against their publications",
    "calibration": "Studies of calibration (committed, not rerun)",
}
"""Module of this room -> what its cases are."""


@dataclass(frozen=True, kw_only=True)
class Verification(Answer):
    """table: a row of comparison.COLUMNS per case."""

    TABLES_OF = ("table",)
    FOLDER = "igkinetics.verification.run:VERIFY_OUTPUT"
    FILES = "igkinetics.verification.run:write_verification"
    PAGE = "igkinetics.report.verify_page:write_verify_report"

    table: pd.DataFrame
    started: datetime
    seconds: float

    @property
    def counts(self) -> dict[str, int]:
        """Cases by verdict."""
        found = self.table["verdict"].value_counts()
        return {verdict: int(found.get(verdict, 0)) for verdict in ("agrees", "differs", "not run", "shown")}

    @property
    def agrees(self) -> bool:
        """No case differs."""
        return self.counts["differs"] == 0

    def record(self) -> dict[str, Any]:
        return {
            "command": "verify",
            "kinds": list(dict.fromkeys(self.table["kind"])),
            "verdict": self.counts,
            "versions": package_versions(),
            "started": self.started.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
        }


def verify(*, only: tuple[str, ...] | list[str] = ()) -> Verification:
    """Every case of KINDS, or those of `only`: `verify(only=["profiles"])`. InputError for a kind that there is not.

    >>> import igkinetics as igk
    >>> igk.verify(only=["profiles"]).table["verdict"].unique().tolist()
    ['agrees']
    """
    problems = [
        Problem(
            file="call", column="only", found=str(kind), expected=f"must be {', '.join(KINDS)}{nearest(kind, KINDS)}"
        )
        for kind in only
        if kind not in KINDS
    ]
    if problems:
        raise InputError(problems)
    began, started = time.perf_counter(), datetime.now(UTC)
    rows = [
        {name: getattr(row, name) for name in COLUMNS}
        for kind in KINDS
        if kind in only or not only
        for row in cases_of(kind)
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return Verification(table=table, started=started, seconds=time.perf_counter() - began)


def cases_of(kind: str) -> Iterator[Comparison]:
    """The cases of one module; data that are missing are a case that was not run."""
    try:
        for row in import_module(f"igkinetics.verification.{kind}").comparisons():
            yield replace(row, kind=kind)
    except FileNotFoundError as error:
        missing = not_run(KINDS[kind], "all further cases", "", f"{Path(error.filename or str(error)).name} is missing")
        yield replace(missing, kind=kind)


def write_verification(result: Verification, folder: Path) -> None:
    """verify.csv and run.json into a folder that exists."""
    write_csv(result.table, tuple(COLUMNS), folder / "verify.csv")
    write_json(result.record(), folder / RUN_RECORD)
