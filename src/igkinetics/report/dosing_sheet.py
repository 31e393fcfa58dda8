"""sheet.html: one page to print, sign and file: samples, forecast, grams and dates, the next sample, a line to sign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from igkinetics import text
from igkinetics.charts.dosing_chart import dosing_chart
from igkinetics.charts.svg import Chart, Draw, draw
from igkinetics.cohort.model import LIMIT_SIGNS
from igkinetics.dose.output import dose_record
from igkinetics.dose.result import DoseResult
from igkinetics.report.dose_page import (
    QUANTITY_WORDS,
    calendar_view,
    chart_begins,
    course_of,
    fit_sentences,
    next_sample_words,
    regimen_words,
    target_words,
)
from igkinetics.report.environment import render_page
from igkinetics.units import from_g_per_l

MOST_SAMPLES: Final = 8
MOST_DOSES: Final = 14
NOT_MET: Final = "No regimen that was tried reaches the target; this one comes closest."


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What the page holds. facts: term and words; samples and doses: when, what; warning: "" where all is well."""

    title: str
    facts: tuple[tuple[str, str], ...]
    chart: Chart
    caption: str
    samples: tuple[tuple[str, str], ...]
    samples_left_out: int
    advice: str
    warning: str
    doses: tuple[dict[str, str], ...]
    doses_left_out: int
    next_sample: str
    cards: tuple[str, ...]
    record: Mapping[str, Any]


def write_dose_sheet(result: DoseResult, path: Path, draw: Draw = draw) -> None:
    path.write_text(sheet_page(sheet_of_dose(result), draw), encoding="utf-8", newline="\n")


def sheet_page(sheet: Sheet, draw: Draw = draw) -> str:
    """The whole page as text; every name from the input is escaped."""
    (figure,) = draw([sheet.chart])
    return render_page("sheet.html.j2", sheet.title, sheet.record, {"sheet": sheet, "figure": figure})


def sheet_of_dose(result: DoseResult) -> Sheet:
    """The sheet of the regimen of rank 1."""
    patient, unit = result.facts.patient, result.unit
    row = result.dose.iloc[0].to_dict()
    weight = weight_words(result)
    samples = [
        (result.when(day), f"{LIMIT_SIGNS[int(limit)]}{text.level(from_g_per_l(igg, result.plan.unit), unit)} {unit}")
        for day, igg, limit in zip(patient.sample_day, patient.sample_igg, patient.sample_limit, strict=True)
    ]
    doses = calendar_view(result)
    name = text.visible(result.patient_id)
    quantity = QUANTITY_WORDS[result.plan.target.quantity].partition(" (")[0]
    return Sheet(
        title=f"Immunoglobulin for {name}",
        facts=(
            ("Patient", name),
            ("Weight", weight),
            ("Last sample", " on ".join(reversed(samples[-1]))),
            ("Last dose", last_dose_words(result)),
            ("Target", target_words(result)),
        ),
        chart=(f"IgG of {name} under {result.best.name}, {unit}", dosing_chart(course_of(result, result.best.name))),
        caption=f"Samples, doses (ticks) and, right of the line, the forecast with the band that holds "
        f"{text.percent(result.options.level)} of the draws (cut at the top); {unit}. {chart_begins(result)}",
        samples=tuple(samples[-MOST_SAMPLES:]),
        samples_left_out=max(0, len(samples) - MOST_SAMPLES),
        advice=f"{regimen_words(row)}: {quantity} within the target in "
        f"{text.share_of_draws(round(row['p_target'], 4))} of draws, lowest trough "
        f"{text.level(row['trough'], unit)} {unit} (median)",
        warning=" ".join([*([] if result.meets else [NOT_MET]), *fit_sentences(result)]),
        doses=tuple(doses[:MOST_DOSES]),
        doses_left_out=max(0, len(doses) - MOST_DOSES),
        next_sample=next_sample_words(result),
        cards=tuple(f"{card_id} (SHA-256 {digest[:12]})" for card_id, (digest, _) in result.about.cards.items()),
        record=dose_record(result),
    )


def weight_words(result: DoseResult) -> str:
    """ "72 kg", with the day where weights are known by day."""
    facts = result.facts
    if np.isnan(facts.weight_kg):
        return text.UNKNOWN
    weighed = f" on {result.when(facts.weighed)}" if np.isfinite(facts.weighed) else ""
    return f"{facts.weight_kg:g} kg{weighed}"


def last_dose_words(result: DoseResult) -> str:
    patient: Any = result.facts.patient
    if not patient.dose_day.size:
        return "none recorded"
    return f"{patient.dose_g[-1]:g} g on {result.when(float(patient.dose_day[-1]))}"
