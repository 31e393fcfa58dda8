"""report.html of a scenario: regimens side by side, the search, a calendar that names the cards behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from igkinetics import text
from igkinetics.charts.dosing_chart import dosing_chart
from igkinetics.charts.scenario_charts import attainment_chart, efficiency_chart, trajectory_chart
from igkinetics.charts.svg import Chart, Draw, Figure, draw
from igkinetics.report.card_view import card_view
from igkinetics.report.environment import render_page
from igkinetics.report.scenario_patient import chart_begins, course_of
from igkinetics.report.scenario_sentences import scenario_sentences, target_words
from igkinetics.report.scenario_tables import (
    calendar_of,
    infection_view,
    model_view,
    next_dose_view,
    next_sample_view,
    outcome_view,
    protection,
    search_view,
)
from igkinetics.scenarios.output import scenario_record
from igkinetics.scenarios.result import ScenarioResult

SCALE_ABOVE: Final = 1.05
"""The levels' scale ends this far above the highest band."""


def write_scenario_report(result: ScenarioResult, path: Path, draw: Draw = draw) -> None:
    path.write_text(scenario_report(result, draw), encoding="utf-8", newline="\n")


def scenario_report(result: ScenarioResult, draw: Draw = draw) -> str:
    """The whole page as text; every name from the input is escaped."""
    scenario = result.file.scenario
    charts = {
        "trajectories": trajectory_charts(result),
        "efficiency": efficiency_charts(result),
        "heat": heat_charts(result),
    }
    figures = iter(draw([chart for group in charts.values() for chart in group]))
    drawn: dict[str, list[Figure]] = {name: [next(figures) for _ in group] for name, group in charts.items()}
    title = text.visible(scenario.title, 200) or "Dosing scenario"
    return render_page(
        "scenario.html.j2",
        title,
        scenario_record(result),
        {
            "sentences": scenario_sentences(result, "this page; the tables lie beside it")[:-1],
            "notes": list(result.notes),
            "about": result.about,
            "unit": result.columns.unit,
            "least": f"{result.columns.thresholds[0]:g} {result.columns.unit}",
            "level": text.percent(result.level),
            "scenario": scenario,
            "names": [text.visible(regimen.name, 120) for regimen in result.shown],
            "recommended": text.visible(result.recommended.name, 120) if result.recommended else "",
            "figures": drawn,
            "of_one": result.record is not None,
            "not_drawn": chart_begins(result),
            "outcomes": outcome_view(result),
            "front": protection(result),
            "models": model_view(result),
            "search": search_view(result),
            "target": target_words(result) if scenario.search is not None else "",
            "calendar": calendar_of(result),
            "infections": infection_view(result),
            "next_dose": next_dose_view(result),
            "next_sample": next_sample_view(result),
            "cards": [card_view(card_id, digest, source) for card_id, (digest, source) in result.about.cards.items()],
            "options": {"prior": "card"},
        },
    )


def trajectory_charts(result: ScenarioResult) -> list[Chart]:
    """One chart per regimen: of many patients all on one scale, of one patient with the record."""
    table = result.trajectories[result.trajectories["patient_id"] == ""]
    if table.empty:
        return []
    if (record := result.record) is not None:
        return [
            (
                f"IgG of {text.visible(record.patient_id)} under {text.visible(regimen.name)}, {result.columns.unit}",
                dosing_chart(course_of(result, record, regimen.name)),
            )
            for regimen in result.shown
        ]
    highest = SCALE_ABOVE * float(max(table["upper"].max(), max(result.columns.thresholds)))
    return [
        (
            f"IgG over time under {text.visible(regimen.name)}, {result.columns.unit}",
            trajectory_chart(
                table[table["regimen"] == regimen.name], result.columns.thresholds, highest, result.columns.unit
            ),
        )
        for regimen in result.shown
    ]


def efficiency_charts(result: ScenarioResult) -> list[Chart]:
    """Protection against grams; none for a single regimen."""
    if len(result.regimens) < 2:
        return []
    rows = [(row.name, row.grams, row.share) for row in protection(result)]
    threshold = result.columns.thresholds[0]
    title = f"Days at or above {threshold:g} {result.columns.unit} against grams of immunoglobulin"
    return [(title, efficiency_chart(rows, threshold, result.columns.unit))]


def heat_charts(result: ScenarioResult) -> list[Chart]:
    """One map of dose and interval for each route."""
    table = result.search[result.search["patient_id"] == ""] if len(result.search) else result.search
    charts: list[Chart] = []
    for route, rows in table.groupby("route", sort=False):
        which = f", {route}" if table["route"].nunique() > 1 else ""
        charts.append((f"Share of patients at target over dose and interval{which}", attainment_chart(rows)))
    return charts
