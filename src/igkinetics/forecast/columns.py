"""The tables of a forecast: their columns in order, each with its meaning."""

from __future__ import annotations

from typing import Final

COMMON: Final = {
    "patient_id": "the patient, as named in the data",
    "day": "day number in the patient's own time",
    "date": "the same as a date; empty where the record holds no dates",
    "policy": "doses to come: none; planned: those recorded after the day of the forecast; as_so_far: the regimen seen "
    "so far carried on",
    "threshold": "the IgG level asked for, in `unit`",
    "level": "level of the intervals in this row, as a fraction",
    "unit": "unit of IgG in this row",
}
TABLES: Final[dict[str, dict[str, str]]] = {
    "forecast": {
        "patient_id": "",
        "day": "",
        "date": "",
        "policy": "",
        "median": "median of the true level of IgG on that day",
        "lower": "lower end of its interval (of the true level, without the error of a measurement)",
        "upper": "upper end of its interval",
        "level": "",
        "unit": "",
    },
    "p_below": {
        "patient_id": "",
        "day": "",
        "date": "",
        "policy": "",
        "threshold": "",
        "p_below": "probability that the true level lies below the threshold on that day",
        "p_below_by": "probability that it has been below it since the day of the forecast, that day included",
        "unit": "",
    },
    "worklist": {
        "patient_id": "",
        "threshold": "",
        "below_now": "whether the true level is more likely below than not on the day of the forecast; without a "
        "forecast, whether the last measured value is; empty where the patient is no longer followed or has no sample",
        "p_below_horizon": "probability of being below at any time from then to the end of the horizon",
        "first_day_below": "median of the first day below; empty where it lies beyond the horizon",
        "first_day_below_lower": "lower end of its interval",
        "first_day_below_upper": "upper end of its interval; empty where it lies beyond the horizon",
        "next_sample_day": "when to measure next: the day on which P(below) first reaches --act-at, or earlier, so "
        "that the result can change an infusion; the day of the forecast where it is that high already (next_step says "
        "whether a sample is wanted then); empty where P(below) stays lower",
        "reason": "why so: when P(below) reaches --act-at, the last value, the doses to come; or why there is no "
        "forecast",
        "policy": "the doses to come that this row goes by; empty without a forecast",
        "next_step": "measure: on next_sample_day; decide: now, without another sample, which would come too late or "
        "change nothing; empty where nothing is due within the horizon or there is no forecast",
        "p_below_now": "probability of being below on the day of the forecast",
        "from_day": "the day of the forecast",
        "from_date": "the same as a date",
        "first_date_below": "first_day_below as a date",
        "next_sample_date": "next_sample_day as a date",
        "last_sample_day": "day of the last sample known",
        "last_igg": "the last value known, in `unit`; the limit, where only a limit is known",
        "last_limit": "below or above, where last_igg is a limit",
        "status": "that of the fit: fitted, prior_only, ...; followed_up: death or transplant ends the record",
        "level": "",
        "unit": "",
    },
}
"""Table -> column -> meaning ("": the common one)."""


def column_words(table: str, column: str) -> str:
    return TABLES[table][column] or COMMON[column]
