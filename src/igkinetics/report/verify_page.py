"""report.html of a verification: every case, and what could not be run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from igkinetics import text
from igkinetics.report.environment import render_page
from igkinetics.report.rows import Cells
from igkinetics.verification.comparison import COLUMNS
from igkinetics.verification.run import KINDS, Verification

SMALL: Final = 0.01
"""Differences below so much of the tolerance are rounding, and not shown digit by digit."""
DIGITS: Final = 6


def write_verify_report(result: Verification, path: Path) -> None:
    path.write_text(verify_report(result), encoding="utf-8", newline="\n")


def verify_report(result: Verification) -> str:
    title = "Agreement with other engines"
    return render_page(
        "verify.html.j2",
        title,
        result.record(),
        {
            "sentences": verify_sentences(result),
            "kinds": [
                {"id": kind, "title": KINDS[kind], "rows": [case_cells(row) for row in rows]}
                for kind, rows in rows_by_kind(result).items()
            ],
            "summary": summary_cells(result),
            "meanings": [(name, words) for name, words in COLUMNS.items()],
        },
    )


def rows_by_kind(result: Verification) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in result.table.to_dict("records"):
        groups.setdefault(str(row["kind"]), []).append({str(name): value for name, value in row.items()})
    return groups


def summary_cells(result: Verification) -> list[Cells]:
    """Cases and values of each kind by verdict."""
    found = []
    for kind, rows in rows_by_kind(result).items():
        verdicts = [row["verdict"] for row in rows]
        found.append(
            {
                "kind": KINDS[kind],
                "cases": str(len(rows)),
                "values": f"{sum(row['n_values'] for row in rows):,}",
                **{name: str(verdicts.count(name)) for name in ("agrees", "differs", "not run", "shown")},
                "farthest": farthest(rows),
            }
        )
    return found


def farthest(rows: Sequence[Mapping[str, Any]]) -> str:
    """The largest difference of these cases, as a share of its tolerance."""
    known = [(abs(row["difference"]), row["tolerance"]) for row in rows if text.known(row["difference"])]
    shares = [off / tolerance if tolerance > 0 else float(off > 0) for off, tolerance in known]
    if not shares:
        return ""
    return f"{100.0 * max(shares):.0f} % of its tolerance" if max(shares) >= SMALL else "below 1 % of its tolerance"


def case_cells(row: Mapping[str, Any]) -> Cells:
    """One case as the page and docs/agreement.md show it."""
    return {
        "source": row["source"],
        "case": row["case"],
        "inputs": row["inputs"],
        "expected": shown(row["expected"]),
        "found": shown(row["found"]),
        "difference": difference_text(row["difference"], row["tolerance"]),
        "tolerance": f"{row['tolerance']:.1e}" if text.known(row["tolerance"]) else "",
        "values": str(row["n_values"]),
        "verdict": row["verdict"],
        "note": row["note"],
    }


def shown(value: float) -> str:
    return f"{value:.{DIGITS}g}" if text.known(value) else ""


def difference_text(difference: float, tolerance: float) -> str:
    """Digits of mere rounding differ between machines, so they are not shown."""
    if not text.known(difference):
        return ""
    return "below 1 % of the tolerance" if abs(difference) < SMALL * tolerance else f"{difference:.1e}"


def verify_sentences(result: Verification) -> list[str]:
    counts = result.counts
    values = int(result.table.loc[result.table["verdict"].isin(["agrees", "differs"]), "n_values"].sum())
    run = counts["agrees"] + counts["differs"]
    said = [
        f"{run} cases with {values:,} values were computed anew; {counts['agrees']} agree, {counts['differs']} differ."
    ]
    if counts["differs"]:
        worst = result.table[result.table["verdict"] == "differs"].head(5)
        said.append("They differ: " + "; ".join(f"{row['case']} ({row['source']})" for row in worst.to_dict("records")))
    if counts["not run"]:
        names = result.table.loc[result.table["verdict"] == "not run", "case"]
        more = f"; and {len(names) - 5} more" if len(names) > 5 else ""
        said.append(f"Not run, with the reason beside each: {'; '.join(names.head(5))}{more}.")
    if counts["shown"]:
        said.append(f"{counts['shown']} figures of committed studies of calibration are shown, not rerun.")
    return said
