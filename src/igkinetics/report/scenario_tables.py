"""The tables of a scenario as its page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from igkinetics import text
from igkinetics.charts.scenario_charts import pareto
from igkinetics.report.scenario_sentences import outcome_row
from igkinetics.scenarios.result import ScenarioResult

OUTCOME_WORDS = {
    "nadir": "Nadir", "nadir_day": "Day of the nadir", "trough": "Trough", "peak": "Peak",
    "auc": "Area under the curve", "auc_infused": "Area, infused IgG alone", "p_trough_at_least": "Trough at or above",
    "days_below": "Days below", "grams": "Grams", "infusions": "Infusions", "cost": "Cost",
}  # fmt: skip


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
    days = scenario.horizon_day - result.about.from_day
    found = []
    for regimen in scenario.regimen:
        grams = float(outcome_row(result, regimen.name, "grams")["mean"])
        below = float(outcome_row(result, regimen.name, "days_below")["mean"])
        found.append((text.visible(regimen.name, 120), grams, 1 - below / days))
    fronts = pareto([(grams, share) for _, grams, share in found])
    return [Protection(place=place, name=name, grams=grams, share=share, on_front=front)
            for place, ((name, grams, share), front) in enumerate(zip(found, fronts, strict=True), 1)]  # fmt: skip


def outcome_words(row: dict[Any, Any]) -> str:
    threshold = f" {row['threshold_mg_dl']:g} mg/dL" if text.known(row["threshold_mg_dl"]) else ""
    unit = f" ({row['unit']})" if row["unit"] not in ("1", "price", "g") and not threshold else ""
    return f"{OUTCOME_WORDS[row['outcome']]}{threshold}{unit}"


def value_words(value: Any, row: dict[Any, Any]) -> str:
    """A value of an outcome: shares in percent, levels whole, other numbers to three digits or whole."""
    if not text.known(value):
        return text.UNKNOWN
    if row["outcome"].startswith("p_"):
        return text.share(value, 1)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}"


def outcome_view(result: ScenarioResult) -> list[dict[str, Any]]:
    """A row per outcome, a cell per regimen: mean with its interval, and the spread between patients."""
    rows = []
    table = result.outcomes.to_dict("records")
    names = [regimen.name for regimen in result.file.scenario.regimen]
    width = len(table) // max(len(names), 1)
    for k in range(width if names else 0):
        each = [table[place * width + k] for place in range(len(names))]
        one = len(result.about.patient_ids) == 1
        rows.append({"outcome": outcome_words(each[0]), "cells": [cell(row, with_spread=not one) for row in each]})
    return rows


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
    shown = table[table["outcome"].isin(["nadir", "trough", "p_trough_at_least", "days_below"])]
    rows = []
    for _, each in shown.groupby(["regimen", "outcome", "threshold_mg_dl"], sort=False, dropna=False):
        records = each.to_dict("records")
        first = records[0]
        between, within = float(first["sd_between_models"]), float(first["sd_within_models"])
        rows.append({
            "regimen": text.visible(first["regimen"], 120), "outcome": outcome_words(first),
            "models": [f"{row['model']}: {value_words(row['mean'], row)}" for row in records],
            "between": value_words(between, first), "within": value_words(within, first),
        })  # fmt: skip
    return rows


def search_view(result: ScenarioResult) -> list[dict[str, Any]]:
    """Candidates of the population, fewest grams first."""
    if not len(result.search):
        return []
    table = result.search.sort_values("grams", kind="stable")
    if len(result.about.patient_ids) == 1:
        table = table[table["patient_id"] == ""]  # the population is that one patient
    return [
        {
            "patient": text.visible(row["patient_id"]), "dose": f"{row['dose_g_per_kg']:g}",
            "interval": f"{row['interval_day']:g}",
            "vial": f"{row['vial_g']:g}" if text.known(row["vial_g"]) else text.UNKNOWN,
            "share": text.share(row["probability"], 1),
            "error": f"± {100 * row['probability_error']:.1f}" if text.known(row["probability_error"]) else "",
            "meets": "yes" if row["meets_target"] else "no",
            "sure": "" if row["decided"] else "too close to tell", "grams": f"{row['grams']:.0f}",
            "infusions": f"{row['infusions']:.0f}",
            "cost": f"{row['cost']:.0f}" if text.known(row["cost"]) else text.UNKNOWN,
            "cheapest": bool(row["cheapest"]),
            "best_for": "" if np.isnan(row["cheapest_for_share"]) else text.share(row["cheapest_for_share"], 1),
        }
        for row in table.to_dict("records")
    ]  # fmt: skip


def days_words(value: float) -> str:
    return "beyond the horizon" if np.isinf(value) else f"{value:.0f}"


def next_dose_view(result: ScenarioResult) -> list[dict[str, Any]]:
    """What one dose on the day the regimens start would do."""
    return [
        {
            "dose": f"{row['dose_g_per_kg']:g}", "grams": f"{row['dose_g']:.1f}",
            "threshold": f"{row['threshold_mg_dl']:g}", "median": days_words(row["days_above_median"]),
            "interval": f"{days_words(row['days_above_lower'])} to {days_words(row['days_above_upper'])}",
            "shares": [text.share_of_draws(row[f"p_day_{day}"]) for day in (7, 14, 21, 28, 42)],
        }
        for row in result.next_dose.to_dict("records")
    ]  # fmt: skip


def next_sample_view(result: ScenarioResult) -> list[dict[str, Any]]:
    """The day that would tell most, for each regimen."""
    best = result.next_sample[result.next_sample["best"].astype(bool)]
    return [
        {
            "regimen": text.visible(row["regimen"], 120), "day": f"{row['day']:.0f}",
            "trough": f"{row['trough_day']:.0f}",
            "now": f"{row['sd_now']:.0f}", "then": f"{row['expected_sd']:.0f}",
            "narrowing": text.share(row["narrowing"]),
        }
        for row in best.to_dict("records")
    ]  # fmt: skip


def infection_view(result: ScenarioResult) -> list[dict[str, Any]]:
    """Expected infections, with the evidence they rest on."""
    rows = []
    for row in result.infections.to_dict("records"):
        known = text.known(row["lower"])
        what = ("events a patient and year" if row["quantity"] == "events_per_patient_year"
                else f"rate over that at a trough of {row['reference_mg_dl']:g} mg/dL")  # fmt: skip
        rows.append({
            "regimen": text.visible(row["regimen"], 120), "infection": f"{row['infection']}, {what}",
            "value": f"{row['value']:.3f}", "source": row["source"], "evidence": row["evidence"],
            "interval": f"{row['lower']:.3f} to {row['upper']:.3f}" if known else "interval not reported",
            "outside": text.share(row["share_outside_studied"], 1),
        })  # fmt: skip
    return rows
