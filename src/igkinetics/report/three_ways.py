"""Why the differences of `compare` and `effect` are not one, in numbers; both pages say it, and link to the other."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from igkinetics import text
from igkinetics.cohort.model import Cohort
from igkinetics.compare.three_ways import three_ways
from igkinetics.output.files import RUN_RECORD
from igkinetics.output.folder import HIDDEN
from igkinetics.report.fit_page import REPORT_NAME
from igkinetics.units import from_g_per_l


def three_ways_words(cohort: Cohort, labels: tuple[str, str], ids: Collection[str] | None = None) -> str:
    """Why the differences of `compare` and `effect` are not one: the same patients, told apart three times."""
    found = three_ways(cohort, labels, ids)
    unit = cohort.igg_unit
    of_pairs, of_means, of_infused = (signed(from_g_per_l(value, unit), unit) for value in found)
    a, b = (text.visible(label) for label in labels)
    return (
        f"The lowest measured IgG of the same patients, told apart three times: {a} minus {b}, typical difference of a "
        f"pair, as compare gives it, {of_pairs}; {a} minus {b}, difference of means, {of_means}; ever minus never "
        f"infused in the window, difference of means, as effect gives it, {of_infused} {unit}."
    )


def signed(difference: float, unit: str) -> str:
    """A difference of levels with its sign."""
    if not text.known(difference):
        return text.UNKNOWN
    shown = text.level(abs(difference), unit)
    return shown if float(shown) == 0 else ("+" if difference > 0 else "−") + shown


def page_beside(page: Path, command: str, record: Mapping[str, Any]) -> str:
    """Link from a page to that of another command in a folder beside, of the same input; empty where there is none.

    A page may stand in a hidden folder that is being filled (`output/folder.py`).
    """
    parent = page.resolve().parent.parent
    parent = parent.parent if HIDDEN in parent.name else parent
    found = []
    for file in parent.glob(f"*/{RUN_RECORD}"):
        try:
            other = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # no record of ours, or one that nobody may read
            continue
        same = isinstance(other, dict) and other.get("command") == command and other.get("inputs") == record["inputs"]
        if same and (file.parent / REPORT_NAME).is_file():
            found.append((str(other.get("started")), f"../{file.parent.name}/{REPORT_NAME}"))
    return max(found, default=("", ""))[1]
