"""The worklist of a cohort, as `igkinetics forecast` makes it."""

from __future__ import annotations

from igkinetics.app.views import Message
from igkinetics.cohort.model import Cohort
from igkinetics.errors import call_error


def worklist_view(cohort: Cohort | None, card: str, thresholds: tuple[float, ...], horizon_day: float) -> Message:
    """A row for every patient and level, most urgent first."""
    if cohort is None:
        raise call_error("cohort", "nothing", "open one first")
    if not thresholds:
        raise call_error("Keep IgG above", "nothing", "give the level that the worklist is about")
    return {"said": "", "rows": [], "columns": [], "caption": ""}
