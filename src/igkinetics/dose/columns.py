"""What the columns of the tables of individual dosing mean."""

from __future__ import annotations

from typing import Final

from igkinetics.scenarios import columns as scenario_columns
from igkinetics.scenarios.individual import NEXT_SAMPLE_COLUMNS as OF_SCENARIO

DOSE_COLUMNS: Final[dict[str, str]] = {
    "rank": "1 for the fewest grams in 28 days of those that meet the target, then the others, the likeliest first",
    "amount_g": "grams of one dose, in whole vials where sizes are given",
    "vials": "number and size of the vials of one dose",
    "interval_day": "days between doses",
    "route": "iv or sc",
    "start": "first dose: its date, or its day in the record where no date is known",
    "p_target": "share of draws in which the quantity asked for (of troughs every one) lies within the target",
    "trough": "lowest level just before a dose, over all intervals within the horizon, median of the draws; "
    "in the unit of the target (run.json: igg_unit)",
    "nadir": "lowest level from the first dose on, median of the draws, in the same unit",
    "days_below": "days below the target's lower limit from the last sample to the horizon, mean of the draws",
    "grams_per_28_days": "grams of one dose times 28, divided by the interval",
    "cost": "grams_per_28_days times the price; empty without a price",
}
"""Column of dose.csv -> meaning."""
NEXT_SAMPLE_COLUMNS: Final = (*OF_SCENARIO[:-2], "p_change", *OF_SCENARIO[-2:])
"""Those of a scenario, with `p_change` before `best` and `unit`."""
FORECAST_COLUMNS: Final = (
    "patient_id",
    "day",
    "date",
    "policy",
    "median",
    "lower",
    "upper",
    "p_below",
    "level",
    "unit",
)
OWN: Final[dict[str, dict[str, str]]] = {
    "dose": DOSE_COLUMNS,
    "next_sample": {
        "day": "day of the patient's record",
        "p_change": "probability that the result changes which regimen ranks first",
    },
    "forecast": {
        "policy": "the regimen of rank 1, or `no further dose`",
        "day": "day of the patient's record",
        "date": "its calendar date (ISO 8601), where known",
        "median": "of the draws",
        "p_below": "share of draws below the target's lower limit",
    },
    "calendar": {"day": "day of the patient's record"},
}


def column_words(table: str, column: str) -> str:
    """The meaning of a column; KeyError for one that nobody has explained."""
    return OWN.get(table, {}).get(column) or scenario_columns.column_words(table, column)
