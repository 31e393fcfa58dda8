"""One case of another engine beside ours: what was expected, what was found, and whether that agrees."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from igkinetics.resources import resource_folder

Verdict = Literal["agrees", "differs", "not run", "shown"]
NONE: Final = math.nan
COLUMNS: Final[dict[str, str]] = {
    "source": "who printed the expected values, with version and file where there is one",
    "case": "name of the case",
    "inputs": "model, doses and what else the case is made of; where several values were compared, the one in this row",
    "expected": "value of the source",
    "found": "value of this package; of several values of a case the one that lies farthest off, by its tolerance",
    "difference": "found - expected",
    "tolerance": "largest difference that counts as agreement",
    "verdict": "agrees, differs, not run (the reason is in note), or shown (a committed study, not rerun)",
    "kind": "what is compared",
    "n_values": "values compared in this row",
    "note": "why a case was not run; what to know of the comparison",
}
"""Column of verify.csv -> meaning."""


class Point(NamedTuple):
    """One value: where it lies within its case, what the source says, what we say, how far apart they may be."""

    place: str
    expected: float
    found: float
    tolerance: float

    @property
    def distance(self) -> float:
        """In tolerances; inf where it cannot be told."""
        off = abs(self.found - self.expected)
        if math.isnan(off):
            return math.inf
        return off / self.tolerance if self.tolerance > 0 else (0.0 if off == 0 else math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A row of verify.csv."""

    source: str
    case: str
    inputs: str
    verdict: Verdict
    kind: str = ""
    expected: float = NONE
    found: float = NONE
    tolerance: float = NONE
    n_values: int = 0
    note: str = ""

    @property
    def difference(self) -> float:
        return self.found - self.expected


def compared(source: str, case: str, inputs: str, points: Iterable[Point], note: str = "") -> Comparison:
    """The case by its worst value."""
    every = list(points)
    worst = max(every, key=lambda point: point.distance)
    place = f"; {worst.place}" if worst.place else ""
    return Comparison(
        source=source,
        case=case,
        inputs=f"{inputs}{place}",
        verdict="agrees" if worst.distance <= 1.0 else "differs",
        expected=worst.expected,
        found=worst.found,
        tolerance=worst.tolerance,
        n_values=len(every),
        note=note,
    )


def not_run(source: str, case: str, inputs: str, reason: str, expected: float = NONE) -> Comparison:
    """A case that cannot be reproduced here."""
    return Comparison(source=source, case=case, inputs=inputs, verdict="not run", expected=expected, note=reason)


def printed_to(value: float, digits: int) -> float:
    """Half a unit of the last of so many significant digits of a printed value."""
    if value == 0.0:
        return 1e-12
    return 0.5 * 10.0 ** (math.floor(math.log10(abs(value))) - digits + 1) * (1.0 + 1e-9)


def cases_folder() -> Path:
    """Where the cases of other engines lie; its README says where each is from."""
    return resource_folder("data") / "verify"


def json_cases(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((cases_folder() / name).read_text(encoding="utf-8"))
    return found


def named(values: dict[str, float]) -> str:
    """`CL 6, V1 25`"""
    return ", ".join(f"{name} {value:g}" for name, value in values.items())
