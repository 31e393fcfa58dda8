"""report.html of individual dosing: what was found for this patient, every regimen tried, calendar and next sample."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics import text
from igkinetics.charts.dosing_chart import DosingCourse, dosing_chart, not_drawn
from igkinetics.charts.svg import Chart, Draw, draw
from igkinetics.dose.output import SHEET_NAME, dose_record
from igkinetics.dose.result import DoseResult
from igkinetics.dose.run import NO_DOSE
from igkinetics.report.card_view import card_view
from igkinetics.report.environment import render_page
from igkinetics.report.sentences import STATUS_WORDS, not_drawn_words
from igkinetics.units import from_g_per_l

Row = Mapping[Any, Any]
MOST_RANKS: Final = 60
"""Rows of the page's tables of regimens; dose.csv holds all."""
FIRST_RANKS: Final = 10
"""Of them in sight; the others are folded."""
QUANTITY_WORDS: Final = {
    "trough": "every trough (the level just before a dose)",
    "nadir": "the nadir from the first dose on",
    "trough_last": "the last trough",
}
NO_SAMPLE: Final = "Next sample: none could still change a dose within the horizon."
FAR_ABOVE: Final = 1.3
"""The last trough over the first from which on it is told that the first decides."""


def write_dose_report(result: DoseResult, path: Path, draw: Draw = draw) -> None:
    path.write_text(dose_report(result, draw), encoding="utf-8", newline="\n")


def dose_report(result: DoseResult, draw: Draw = draw) -> str:
    """The whole page as text; every name from the input is escaped."""
    ranks = [rank_cells(row, result) for row in result.dose.head(MOST_RANKS).to_dict("records")]
    return render_page(
        "dose.html.j2",
        f"Which dose for {text.visible(result.patient_id)}",
        dose_record(result),
        {
            "sentences": dose_sentences(result),
            "notes": result.notes,
            "unit": result.unit,
            "level": text.percent(result.options.level),
            "horizon": result.options.horizon,
            "target": target_words(result),
            "below": f"{result.plan.limits[0]:g} {result.unit}",
            "meets": result.meets,
            "best": result.best.name,
            "figures": draw(dose_charts(result)),
            "not_drawn": chart_begins(result),
            "ranks": ranks[:FIRST_RANKS],
            "more_ranks": ranks[FIRST_RANKS:],
            "n_ranks": len(result.dose),
            "has_cost": result.options.price is not None,
            "has_weight": not np.isnan(result.facts.weight_kg),
            "forecast": forecast_rows(result),
            "calendar": calendar_view(result),
            "sample": next_sample_words(result),
            "sheet": SHEET_NAME,
            "cards": [card_view(card_id, digest, source) for card_id, (digest, source) in result.about.cards.items()],
            "options": {"prior": "card"},
        },
    )


def dose_sentences(result: DoseResult) -> list[str]:
    """The fewest grams first, and what they do; then this patient now, without a dose, others, the next sample."""
    sentences = [best_sentence(result), *fit_sentences(result)]
    sentences += [reach_sentence(result), first_trough_sentence(result), others_sentence(result)]
    sentences += [now_sentence(result), undosed_sentence(result), next_sample_words(result), guideline_sentence(result)]
    return [sentence for sentence in sentences if sentence]


def fit_sentences(result: DoseResult) -> list[str]:
    """What keeps the answer from resting on this patient's own data; nothing where the fit is a fit."""
    return [f"Beware: {STATUS_WORDS[fit.status]} ({fit.reason})." for fit in result.fits.fits if fit.reason]


def who(result: DoseResult) -> str:
    """ "P07 (75 kg)" """
    weight = result.facts.weight_kg
    known = "weight not known" if np.isnan(weight) else f"{weight:g} kg"
    return f"{text.visible(result.patient_id)} ({known})"


def now_sentence(result: DoseResult) -> str:
    """ "Last sample 4.10 g/L on 2024-06-01 (day 112); last dose 30 g on 2024-05-04 (day 84)." """
    patient, unit = result.facts.patient, result.unit
    limit = {-1: "below ", 0: "", 1: "above "}[int(patient.sample_limit[-1])]
    level = text.level(from_g_per_l(float(patient.sample_igg[-1]), result.plan.unit), unit)
    dosed = "no dose recorded"
    if patient.dose_day.size:
        dosed = f"last dose {patient.dose_g[-1]:g} g on {result.when(float(patient.dose_day[-1]))}"
    return f"Last sample {limit}{level} {unit} on {result.when(result.facts.last_sample)}; {dosed}."


def undosed_sentence(result: DoseResult) -> str:
    last = result.forecast[result.forecast["policy"] == NO_DOSE].iloc[-1]
    return (
        f"Without another dose IgG lies below {result.plan.limits[0]:g} {result.unit} on {result.when(last['day'])} in "
        f"{text.share_of_draws(last['p_below'])} of draws (median {text.level(last['median'], result.unit)}, "
        f"{text.level_interval(last['lower'], last['upper'], result.unit)} {result.unit})."
    )


def target_words(result: DoseResult) -> str:
    """ "every trough (the level just before a dose) at or above 5 g/L in 90 % of draws" """
    target, limits = result.plan.target, result.plan.limits
    levels = f"at or above {limits[0]:g} {result.unit}"
    if len(limits) > 1:
        levels = f"between {limits[0]:g} and {limits[1]:g} {result.unit}"
    return f"{QUANTITY_WORDS[target.quantity]} {levels} in {text.percent(target.probability)} of draws"


def regimen_words(row: Row) -> str:
    """ "30 g (3 x 10 g) iv every 28 days" """
    vials = f" ({row['vials']})" if row["vials"] else ""
    return f"{row['amount_g']:g} g{vials} {row['route']} every {row['interval_day']:g} days"


def start_words(row: Row, result: DoseResult) -> str:
    """ "2024-06-07", or "day 112" """
    return str(row["start"]) if "-" in str(row["start"])[1:] else f"day {round(float(row['start']), 1):g}"


def best_sentence(result: DoseResult) -> str:
    """The fewest grams that meet the target, or what comes closest."""
    row = result.dose.iloc[0].to_dict()
    regimen = f"{regimen_words(row)}, the first on {start_words(row, result)}"
    tried = f"{len(result.dose)} regimens tried"
    if result.meets:
        return f"{who(result)}: {regimen}, takes the fewest grams of {tried} for {target_words(result)}."
    return f"{who(result)}: none of {tried} reaches {target_words(result)}; the closest is {regimen}."


def reach_sentence(result: DoseResult) -> str:
    """How surely it reaches the target, the levels, and what it takes."""
    row, unit = result.dose.iloc[0].to_dict(), result.unit
    close = "" if result.decided else f", too close to {text.percent(result.options.probability)} to tell from it"
    cost = f", cost {text.number(row['cost'])}" if text.known(row["cost"]) else ""
    return (
        f"The target is reached in {text.share_of_draws(round(row['p_target'], 4))} of draws{close}; lowest trough "
        f"{text.level(row['trough'], unit)}, nadir {text.level(row['nadir'], unit)} {unit} (medians), "
        f"{row['days_below']:.1f} of {result.options.horizon:g} days below {result.plan.limits[0]:g} {unit}; "
        f"{row['grams_per_28_days']:.4g} g in 28 days{cost}."
    )


def troughs(result: DoseResult) -> pd.DataFrame:
    """The forecast under the regimen of rank 1 just before each dose after the first."""
    own = result.forecast[result.forecast["policy"] == result.best.name]
    return own[own["day"].isin(result.calendar["day"].iloc[1:])]


def first_trough_sentence(result: DoseResult) -> str:
    """Which trough the dose is for, where later ones lie far above it: a larger first dose could save grams."""
    before = troughs(result)
    if result.plan.target.quantity != "trough" or len(before) < 2:
        return ""
    first, last = before.iloc[0], before.iloc[-1]
    if first["p_below"] < before["p_below"].max() or last["median"] < FAR_ABOVE * first["median"]:
        return ""
    levels = [text.level(row["median"], result.unit) for row in (first, last)]
    return (
        f"The first trough decides the dose: {levels[0]} {result.unit} on {result.when(first['day'])} (median; below "
        f"{result.plan.limits[0]:g} in {text.share_of_draws(first['p_below'])} of draws), where the last, on "
        f"{result.when(last['day'])}, is {levels[1]} {result.unit}: after a larger first dose fewer grams would do "
        "(a scenario can give a loading dose)."
    )


def others_sentence(result: DoseResult) -> str:
    """The next in rank that meet the target too, of another interval or route first."""
    table = result.dose.iloc[1:]
    table = table[table["p_target"] >= result.options.probability]
    others = table.drop_duplicates(["interval_day", "route"])[:3]
    own = (result.best.interval_day, result.best.route)
    shown = [row for row in others.to_dict("records") if (row["interval_day"], row["route"]) != own]
    if not shown:
        return ""
    words = [
        f"{regimen_words(row)} ({text.share_of_draws(row['p_target'])}, {row['grams_per_28_days']:.4g} g in 28 days)"
        for row in shown
    ]
    return f"Fewest grams of others: {'; '.join(words)}."


def guideline_sentence(result: DoseResult) -> str:
    guideline = result.plan.guideline
    if guideline is None:
        return ""
    return f"Guideline {result.options.guideline}: {guideline.rule} Source: {guideline.source}."


def next_sample_words(result: DoseResult) -> str:
    """ "Next sample on day 204, before the dose on day 205: it narrows the forecast of the trough ..." """
    best = result.next_sample[result.next_sample["best"].astype(bool)].to_dict("records")
    if not best:
        return NO_SAMPLE
    row = best[0]
    return (
        f"Next sample on {result.when(row['day'])}, before the dose on {result.when(row['dose_day'])}: it is expected "
        f"to narrow the forecast of the trough on {result.when(row['trough_day'])} by "
        f"{text.share(row['narrowing'])}, and changes which regimen ranks first with a probability of "
        f"{text.fraction(row['p_change'])}."
    )


def dose_charts(result: DoseResult) -> list[Chart]:
    """Without another dose, and under the regimen of rank 1."""
    return [
        (f"IgG of {text.visible(result.patient_id)}, {name}, {result.unit}", dosing_chart(course_of(result, name)))
        for name in (result.best.name, NO_DOSE)
    ]


def course_of(result: DoseResult, regimen: str) -> DosingCourse:
    """What the chart of one regimen shows."""
    patient, facts = result.facts.patient, result.facts
    forecast = result.forecast[result.forecast["policy"] == regimen]
    curves = result.fits.curves
    planned = result.calendar[["day", "amount_g"]].to_numpy(dtype=float) if regimen != NO_DOSE else np.empty((0, 2))
    return DosingCourse(
        samples=np.column_stack([patient.sample_day, patient.sample_igg, patient.sample_limit]),
        doses=np.column_stack([patient.dose_day, patient.dose_g]),
        therapy=np.column_stack([patient.therapy_start, patient.therapy_stop]),
        planned=planned,
        forecast=forecast,
        past=past_of(curves, result) if len(curves) else curves,
        limits=result.plan.limits,
        today=facts.last_sample,
        unit=result.plan.unit,
        day_zero=facts.zero_moment,
    )


def chart_begins(result: DoseResult) -> str:
    """What of the record the charts leave out; "" for nothing."""
    first, samples, doses = not_drawn(course_of(result, result.best.name))
    return not_drawn_words(result.when(first), samples, doses)


def past_of(curves: Any, result: DoseResult) -> Any:
    """The fitted course up to the last sample, in the unit of the result."""
    own = curves[(curves["day"] <= result.facts.last_sample) & curves["lower"].notna()]
    factor = from_g_per_l(1.0, result.plan.unit) / from_g_per_l(1.0, result.cohort.igg_unit)
    return own.assign(**{name: own[name] * factor for name in ("median", "lower", "upper")})


def rank_cells(row: Row, result: DoseResult) -> dict[str, str]:
    weight = result.facts.weight_kg
    return {
        "rank": f"{row['rank']}",
        "amount": f"{row['amount_g']:g}",
        "vials": row["vials"] or text.UNKNOWN,
        "per_kg": text.UNKNOWN if np.isnan(weight) else f"{row['amount_g'] / weight:.2f}",
        "interval": f"{row['interval_day']:g}",
        "route": row["route"],
        "start": start_words(row, result),
        "p_target": text.share_of_draws(round(row["p_target"], 4)) if text.known(row["p_target"]) else text.UNKNOWN,
        "meets": "yes" if row["p_target"] >= result.options.probability else "no",
        "trough": text.level(row["trough"], result.unit),
        "nadir": text.level(row["nadir"], result.unit),
        "days_below": f"{row['days_below']:.1f}",
        "grams": f"{row['grams_per_28_days']:.4g}",
        "cost": text.number(row["cost"]),
    }


def forecast_rows(result: DoseResult) -> list[dict[str, Any]]:
    """Now, before each dose and at the end: the level and the chance of being below, undosed and under the best."""
    last = result.facts.last_sample
    planned = result.calendar["day"].to_numpy(dtype=float)
    days = np.unique([last, *planned[planned > last], last + result.options.horizon])
    named = dict(iter(result.forecast.groupby("policy", sort=False)))
    rows = []
    for day in days.tolist():
        each = {name: table.iloc[(table["day"] - day).abs().argmin()] for name, table in named.items()}
        rows.append({"day": result.when(day), "cells": [forecast_cell(row, result.unit) for row in each.values()]})
    return rows


def forecast_cell(row: Any, unit: str) -> dict[str, str]:
    return {
        "level": text.level(row["median"], unit),
        "interval": text.level_interval(row["lower"], row["upper"], unit),
        "below": text.share_of_draws(row["p_below"]),
    }


def calendar_view(result: DoseResult) -> list[dict[str, str]]:
    return [
        {
            "when": result.when(row["day"]),
            "grams": f"{row['amount_g']:g} g",
            "vials": row["vials"] or text.UNKNOWN,
            "route": row["route"],
            "note": row["note"],
        }
        for row in result.calendar.to_dict("records")
    ]
