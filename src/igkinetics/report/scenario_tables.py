"""The tables of a scenario as its page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from igkinetics import text
from igkinetics.charts.scenario_charts import pareto
from igkinetics.report.scenario_patient import when
from igkinetics.report.scenario_sentences import dose_words, outcome_row, span_words
from igkinetics.scenarios.result import ScenarioResult
from igkinetics.units import IGG_UNITS

OUTCOME_WORDS = {
    "nadir": "Nadir, from the first dose on",
    "nadir_day": "Day of the nadir",
    "nadir_all": "Lowest of all days",
    "trough": "Trough, the lowest just before a dose",
    "trough_last": "Trough of the last interval",
    "peak": "Peak of the last interval",
    "mean_igg": "Mean over all days",
    "auc_tau": "Area of the last interval",
    "auc_tau_infused": "The same, infused IgG alone",
    "p_nadir_at_least": "Nadir at or above",
    "p_trough_at_least": "Trough at or above",
    "days_below": "Days below",
    "grams": "Grams",
    "infusions": "Infusions",
    "cost": "Cost",
}
ASKED_FIRST: Final = {
    name: place
    for place, name in enumerate(
        (
            "days_below",
            "p_nadir_at_least",
            "p_trough_at_least",
            "nadir",
            "trough",
            "mean_igg",
            "grams",
            "infusions",
            "cost",
        )
    )
}
"""Outcome -> its place among the first rows of the page's table; the others follow in the order of outcomes.csv."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """A regimen on the efficiency chart: place from 1, mean grams, mean share of days at or above the threshold."""

    place: int
    name: str
    grams: float
    share: float
    on_front: bool


def protection(result: ScenarioResult) -> list[Protection]:
    """Every regimen's grams and protection, with whether another gives more for less."""
    scenario = result.file.scenario
    days = scenario.horizon_day
    points = []
    for regimen in result.shown:
        grams = float(outcome_row(result, regimen.name, "grams")["mean"])
        below = float(outcome_row(result, regimen.name, "days_below")["mean"])
        points.append((text.visible(regimen.name, 120), grams, 1 - below / days))
    fronts = pareto([(grams, share) for _, grams, share in points])
    return [
        Protection(place=place, name=name, grams=grams, share=share, on_front=front)
        for place, ((name, grams, share), front) in enumerate(zip(points, fronts, strict=True), 1)
    ]


def outcome_words(row: dict[Any, Any]) -> str:
    threshold = f" {row['threshold']:g} {row['threshold_unit']}" if text.known(row["threshold"]) else ""
    unit = f" ({row['unit']})" if row["unit"] not in ("1", "price", "g") and not threshold else ""
    return f"{OUTCOME_WORDS[row['outcome']]}{threshold}{unit}"


def value_words(value: Any, row: dict[Any, Any]) -> str:
    """A value of an outcome: shares in percent, levels whole, other numbers to three digits or whole."""
    if not text.known(value):
        return text.UNKNOWN
    if row["outcome"].startswith("p_"):
        return text.share(value, 1)
    if row["unit"] == "g/L":
        return text.level(value, "g/L")
    return text.number(value if abs(value) < 100 else round(value))


def outcome_view(result: ScenarioResult) -> list[dict[str, Any]]:
    """A row per outcome, what is asked first in front, a cell per regimen: mean with its interval, the spread between
    patients, and what holds of this regimen alone."""
    rows = []
    by_regimen = [
        result.outcomes[result.outcomes["regimen"] == regimen.name].to_dict("records") for regimen in result.shown
    ]
    for same in zip(*by_regimen, strict=True):
        each = list(same)
        one = result.about.is_one
        spans = {span_words(row) for row in each} - {""}
        noted_alike = len({row["note"] for row in each}) == 1
        cells = [
            (cell_of_one(row) if one else cell(row, with_spread=True))
            | {"days": span_words(row) if len(spans) > 1 else "", "note": "" if noted_alike else note_words(row)}
            for row in each
        ]
        rows.append(
            {
                "outcome": outcome_words(each[0]),
                "days": spans.pop() if len(spans) == 1 else "",
                "cells": cells,
                "note": note_words(each[0]) if noted_alike else "",
                "place": ASKED_FIRST.get(each[0]["outcome"], len(ASKED_FIRST)),
            }
        )
    return sorted(rows, key=lambda row: row["place"])


def note_words(row: dict[Any, Any]) -> str:
    """What holds of a row, in the words of the page."""
    return str(row["note"]).replace("mean_igg", "the mean")


def cell_of_one(row: dict[Any, Any]) -> dict[str, str]:
    """Of one patient: a level as median and range of the draws, as its sentences have it; anything else as its mean."""
    if row["unit"] not in IGG_UNITS:
        return cell(row, with_spread=False)
    interval = ""
    if text.known(row["lower"]):
        interval = f"{value_words(row['lower'], row)} to {value_words(row['upper'], row)}"
    return {"mean": value_words(row["median"], row), "interval": interval, "spread": ""}


def cell(row: dict[Any, Any], *, with_spread: bool) -> dict[str, str]:
    """Mean, its interval, and the spread between patients; a share has none, nor has what is the same for all."""
    spread = ""
    spreads = with_spread and not row["outcome"].startswith("p_") and text.known(row["lower"])
    if spreads and row["lower"] != row["upper"]:
        spread = f"patients {value_words(row['lower'], row)} to {value_words(row['upper'], row)}"
    interval = ""
    if text.known(row["mean_lower"]) and row["mean_lower"] != row["mean_upper"]:
        interval = f"{value_words(row['mean_lower'], row)} to {value_words(row['mean_upper'], row)}"
    return {"mean": value_words(row["mean"], row), "interval": interval, "spread": spread}


def model_view(result: ScenarioResult) -> list[dict[str, Any]]:
    """Of several models: each one's mean, the spread between them and within, for the outcomes that matter most."""
    table = result.models
    shown = table[table["outcome"].isin(["nadir", "trough", "mean_igg", "p_nadir_at_least", "days_below"])]
    rows = []
    for _, each in shown.groupby(["regimen", "outcome", "threshold"], sort=False, dropna=False):
        records = each.to_dict("records")
        first = records[0]
        between, within = float(first["sd_between_models"]), float(first["sd_within_models"])
        rows.append(
            {
                "regimen": text.visible(first["regimen"], 120),
                "outcome": outcome_words(first),
                "models": [f"{row['model']}: {value_words(row['mean'], row)}" for row in records],
                "between": value_words(between, first),
                "within": value_words(within, first),
            }
        )
    return rows


def search_view(result: ScenarioResult) -> list[dict[str, Any]]:
    """Candidates of the population, fewest grams first."""
    if not len(result.search):
        return []
    table = result.search.sort_values("grams", kind="stable")
    if result.about.is_one:
        table = table[table["patient_id"] == ""]  # the population is that one patient
    return [
        {
            "patient": text.visible(row["patient_id"]),
            "dose": dose_words(row),
            "interval": f"{row['interval_day']:g}",
            "route": row["route"],
            "vial": row["vials"] or row["vial_g"] or text.UNKNOWN,
            "share": text.share(row["probability"], 1),
            "error": f"± {100 * row['probability_error']:.1f}" if text.known(row["probability_error"]) else "",
            "meets": "yes" if row["meets_target"] else "no",
            "sure": "" if row["decided"] else "too close to tell",
            "grams": text.number(round(row["grams"])),
            "infusions": f"{row['infusions']:.0f}",
            "cost": text.number(row["cost"]),
            "cheapest": bool(row["cheapest"]),
            "best_for": "" if np.isnan(row["cheapest_for_share"]) else text.share(row["cheapest_for_share"], 1),
        }
        for row in table.to_dict("records")
    ]


def days_words(value: float) -> str:
    return "beyond the horizon" if np.isinf(value) else f"{value:.0f}"


def next_dose_view(result: ScenarioResult) -> list[dict[str, Any]]:
    """What one dose on the day the regimens start would do."""
    return [
        {
            "dose": f"{row['dose_g_per_kg']:.2f}" if text.known(row["dose_g_per_kg"]) else text.UNKNOWN,
            "grams": f"{round(row['dose_g'], 1):g}",
            "vials": row["vials"] or text.UNKNOWN,
            "threshold": f"{row['threshold']:g}",
            "median": days_words(row["days_above_median"]),
            "interval": f"{days_words(row['days_above_lower'])} to {days_words(row['days_above_upper'])}",
            "shares": [text.share_of_draws(row[f"p_day_{day}"]) for day in (7, 14, 21, 28, 42)],
        }
        for row in result.next_dose.to_dict("records")
    ]


def next_sample_view(result: ScenarioResult) -> list[dict[str, Any]]:
    """The day that would tell most, for each regimen."""
    best = result.next_sample[result.next_sample["best"].astype(bool)]
    return [
        {
            "regimen": text.visible(row["regimen"], 120),
            "day": when(result, row["day"]),
            "dose": when(result, row["dose_day"]),
            "trough": when(result, row["trough_day"]),
            "now": text.level(row["sd_now"], row["unit"]),
            "then": text.level(row["expected_sd"], row["unit"]),
            "narrowing": text.share(row["narrowing"]),
        }
        for row in best.to_dict("records")
    ]


def infection_view(result: ScenarioResult) -> list[dict[str, Any]]:
    """Expected infections, with the evidence they rest on."""
    rows = []
    for row in result.infections.to_dict("records"):
        known = text.known(row["lower"])
        what = (
            "events a patient and year"
            if row["quantity"] == "events_per_patient_year"
            else f"rate over that at a trough of {row['reference']:g} {row['reference_unit']}"
        )
        rows.append(
            {
                "regimen": text.visible(row["regimen"], 120),
                "infection": f"{row['infection']}, {what}",
                "value": f"{row['value']:.3f}",
                "source": row["source"],
                "evidence": row["evidence"],
                "interval": f"{row['lower']:.3f} to {row['upper']:.3f}" if known else "interval not reported",
                "outside": text.share(row["share_outside_studied"], 1),
            }
        )
    return rows


MOST_DOSES: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarView:
    """One regimen. lines: what is given when; total: grams within the horizon, or why it is not known."""

    name: str
    lines: tuple[str, ...]
    total: str


def calendar_of(result: ScenarioResult) -> list[CalendarView]:
    """One view per regimen, the recommended one first, of the first patient in the table."""
    table = result.calendar
    first = table["patient_id"].iloc[0] if len(table) else ""
    own = dict(iter(table[table["patient_id"] == first].groupby("regimen", sort=False)))
    return [view(regimen.name, own[regimen.name].to_dict("records")) for regimen in result.shown if regimen.name in own]


def view(regimen: str, rows: list[dict[Any, Any]]) -> CalendarView:
    name = text.visible(regimen, 120)
    if not text.known(rows[0]["day"]):  # a rule, or no immunoglobulin
        row = rows[0]
        dose = f"{row['amount_g']:g} g{vials(row)} " if row["amount_g"] else ""
        return CalendarView(name=name, lines=(dose + row["note"],), total="as measured" if dose else "0 g")
    lines = [given_words(row) for row in rows[:MOST_DOSES]]
    if len(rows) > MOST_DOSES:
        lines.append(f"and {len(rows) - MOST_DOSES} more, the last on day {rows[-1]['day']:g}")
    return CalendarView(name=name, lines=tuple(lines), total=f"{sum(row['amount_g'] for row in rows):g} g")


def vials(row: dict[Any, Any]) -> str:
    return f" ({row['vials']})" if row["vials"] else ""


def given_words(row: dict[Any, Any]) -> str:
    """ "day 28 (2024-06-07): 30 g (12 x 2.5 g)" """
    when = f"day {row['day']:g}" + (f" ({row['date']})" if row["date"] else "")
    note = ", loading dose" if row["note"].startswith("loading dose") else ""
    return f"{when}: {row['amount_g']:g} g{vials(row)}{note}"
