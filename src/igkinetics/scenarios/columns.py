"""What the columns of a scenario's tables mean."""

from __future__ import annotations

from typing import Final

from igkinetics.output.meanings import meaning

COMMON: Final = {
    "patient_id": "the patient, as named in the data; empty for the population",
    "unit": "unit of the values in this row",
    "level": "level of the intervals in this row, as a fraction",
    "note": "what is to be known about this row",
    "day": "day number, day 0 being that of the scenario",
    "threshold": "the IgG level asked for",
    "regimen": "name of the regimen",
    "outcome": "what is told of each patient",
    "threshold_unit": "unit of the threshold",
    "reference_unit": "unit of the reference",
    "mean": "over patients, or over draws of one patient",
    "median": "middle of the values",
    "dose_g_per_kg": "dose in g per kg",
    "dose_g": "dose in g",
    "amount_g": "grams of one dose",
    "interval_day": "days between doses",
    "vial_g": "vial sizes that doses are rounded to, g, mixed; empty: none",
    "vials": "number and size of the vials of one dose; empty where patients get different ones",
    "route": "iv or sc",
    "grams": "grams in the horizon, mean over patients",
    "infusions": "doses in the horizon, mean over patients",
    "cost": "grams times the price",
}
"""Column -> meaning, in every table that has it unless told otherwise below."""
OWN: Final = {
    "outcomes": {
        "outcome": "what is told of each patient: see docs/model.md, Scenarios",
        "threshold": "in threshold_unit",
        "mean": "over patients (and draws)",
        "median": "of the patients",
        "lower": "lower end of the spread between patients",
        "upper": "upper end of the spread between patients",
        "mean_lower": "lower end of the interval of the mean",
        "mean_upper": "upper end of the interval of the mean",
        "interval_start": "first day that the row covers",
        "interval_end": "last day that the row covers",
        "share_known": "share of the patients who have a value",
    },
    "differences": {
        "against": "the regimen subtracted, patient by patient",
        "mean_difference": "mean over patients; empty where the two cover different days",
        "monte_carlo_error": "standard error from the number of virtual patients",
    },
    "models": {
        "model": "the card, or cards, behind these patients",
        "weight": "weight among the models",
        "sd_between_models": "standard deviation of the models' means",
        "sd_within_models": "standard deviation of patients within a model",
    },
    "trajectories": {
        "median": "of the patients",
        "endogenous": "median of the patients' own IgG",
        "infused": "median of infused IgG",
    },
    "infections": {
        "infection": "kind of infection",
        "quantity": "events a patient and year, or the rate over that at the reference",
        "reference": "trough that a ratio refers to, in reference_unit",
        "value": "mean over patients",
        "share_outside_studied": "share of patients whose trough lies outside those studied",
        "evidence": "what the relation rests on",
        "source": "publication",
    },
    "search": {
        "quantity": "nadir, trough or trough_last",
        "at_least": "lower limit of the target, in `unit`",
        "at_most": "upper limit of the target; empty: none",
        "from_day": "first day that the quantity covers",
        "to_day": "last day that the quantity covers",
        "probability_wanted": "share of patients that must meet it",
        "probability": "share that does",
        "probability_error": "Monte Carlo standard error of it",
        "meets_target": "whether probability reaches probability_wanted",
        "decided": "whether it lies beyond two errors of it",
        "cheapest": "fewest grams of those that meet the target",
        "cheapest_for_share": "share of patients for whom it is the cheapest that keeps their own level at the target",
    },
    "calendar": {
        "date": "calendar date (ISO 8601), where known",
        "vials": "number and size of vials",
        "day": "day of the dose; empty for a rule and for no immunoglobulin",
    },
    "next_dose": {
        "days_above_median": "days until IgG falls below the threshold; inf: not within the horizon",
        **{
            f"p_day_{day}": f"probability of being at or above the threshold {day} days after the dose"
            for day in (7, 14, 21, 28, 42)
        },
    },
    "next_sample": {
        "date": "calendar date (ISO 8601) of a sample on `day`, where known",
        "dose_day": "day of the first dose that the result can still change",
        "trough_day": "day of the trough that this dose decides",
        "sd_now": "standard deviation of that forecast",
        "expected_sd": "what it is expected to be after one sample on `day`",
        "narrowing": "share by which it shrinks",
        "best": "whether no other of these days narrows it more",
    },
}
"""Table -> column -> meaning."""


def column_words(table: str, column: str) -> str:
    """The meaning of a column; KeyError for one that nobody has explained."""
    return meaning(COMMON, OWN.get(table, {}), column)
