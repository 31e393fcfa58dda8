"""The worklist of a cohort, as `igkinetics forecast` makes it and its report words it."""

from __future__ import annotations

from typing import Final

from igkinetics.app.views import Message
from igkinetics.cohort.model import Cohort
from igkinetics.errors import call_error, counted
from igkinetics.forecast.options import ForecastOptions
from igkinetics.forecast.run import forecast_cohort
from igkinetics.report.forecast_page import work_rows

HEADINGS: Final = {
    "level": "Level",
    "now": "Below now",
    "p": "P(below)",
    "first": "First below",
    "sample": "Next sample",
    "policy": "Infusions to come",
    "reason": "Why",
}


def worklist_view(cohort: Cohort | None, card: str, thresholds: tuple[float, ...], horizon_day: float) -> Message:
    """A row for every patient and level, most urgent first. InputError without a cohort or a level."""
    if cohort is None:
        raise call_error("cohort", "nothing", "open one first")
    if not thresholds:
        raise call_error("Keep IgG above", "nothing", "give the level that the worklist is about")
    options = ForecastOptions(card=card, thresholds=thresholds, horizon_day=horizon_day)
    found = forecast_cohort(cohort, options)
    rows = [
        {"id": row["id"], "words": row["patient"], "cells": [str(cells[name]) for name in HEADINGS]}
        for threshold in thresholds
        for row in work_rows(found, threshold)
        for cells in [row | {"level": f"{threshold:g} {cohort.igg_unit}"}]
    ]
    return {
        "said": f"Forecast of {found.n_forecast} of {counted(len(found.patients), 'patient')}, most urgent first.",
        "caption": f"Within {horizon_day:g} days of each patient’s last sample",
        "columns": ["Patient", *HEADINGS.values()],
        "rows": rows,
    }
