"""`igk.forecast_cohort`: where every patient's IgG goes next, and who is to be looked at first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from igkinetics.cards.load import load_card
from igkinetics.cards.model import Card
from igkinetics.choices import chosen
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.cohort.proportion import refuse_out_of_proportion
from igkinetics.errors import call_error, told_error
from igkinetics.fit.cohort import INTERRUPTED, fit_notes, fit_of
from igkinetics.fit.learning import learnt_for_forecast
from igkinetics.fit.options import STACK
from igkinetics.fit.refusal import why_card_refused
from igkinetics.fit.result import PatientFit
from igkinetics.forecast.columns import TABLES
from igkinetics.forecast.cut import Cut, cut_record, wanted
from igkinetics.forecast.options import ForecastOptions
from igkinetics.forecast.outlook import outlook_of
from igkinetics.forecast.patient import (
    PatientForecast,
    below,
    ended,
    forecast_patient,
    quantiles,
    without_forecast,
    worklist_row,
)
from igkinetics.forecast.result import CohortForecast
from igkinetics.parallel import Progress, as_far_as_reached
from igkinetics.text import known, listed, number
from igkinetics.units import from_g_per_l, g_per_l

Rows = list[dict[str, Any]]
Cards = Sequence[tuple[Card, float]]
"""Each card with its share of the draws."""


def forecast_cohort(
    cohort: Cohort, options: ForecastOptions | None = None, progress: Progress | None = None, **choices: Any
) -> CohortForecast:
    """Forecast every patient: `forecast_cohort(cohort, thresholds=[400], horizon_day=28)`.

    choices: those of ForecastOptions, which see; given beside `options`, they take the place of its own. Order of
    patients and number of jobs change no number; with average="alone" nor do the other patients. InputError for choices
    that cannot be carried out. Levels are true ones, in the cohort's unit (docs/model.md 3.7).

    >>> import igkinetics as igk
    >>> samples = {"patient_id": ["A"] * 4, "day": [0, 20, 45, 80], "igg": [620, 480, 390, 410]}
    >>> therapy = {"patient_id": ["A"], "start": [0], "stop": [90], "agent": ["blinatumomab"]}
    >>> cohort = igk.read_cohort(samples=samples, therapy=therapy, igg_unit="mg/dL")
    >>> ahead = igk.forecast_cohort(cohort, thresholds=[400], horizon_day=28)
    >>> ahead.worklist[["patient_id", "threshold", "policy"]].values.tolist()
    [['A', 400, 'none']]
    """
    options = chosen(ForecastOptions, options, choices)
    if not isinstance(cohort, Cohort):
        raise call_error("cohort", type(cohort).__name__, "must be a cohort, as read by igk.read_cohort")
    if not options.thresholds:
        raise call_error("thresholds", "none", "must be at least one IgG level, in the cohort's unit")
    began, started = time.perf_counter(), datetime.now(UTC)
    refuse_out_of_proportion(cohort, thresholds=options.thresholds, days=days_asked(options))
    cards = [(load_card(name), share) for name, share in options.cards.items()]
    for card, _ in cards:
        if why := why_card_refused(card):
            raise call_error("card", card.id, why)
    cut = cut_record(cohort, options)
    options, learnt = with_weights_of(cut.cohort, options)
    names = wanted(cohort, options)
    tasks = [partial(forecast_of, cut, cut.cohort.patient(name), cards, options) for name in names]
    reached = as_far_as_reached(tasks, options.jobs, progress)
    found = [
        reached.results[place]
        if place in reached.results
        else without(cut, cut.cohort.patient(name), "set_aside", INTERRUPTED)
        for place, name in enumerate(names)
    ]
    return CohortForecast(
        cohort=cut.cohort,
        options=options,
        **tables_of(found, cut.cohort, options),
        patients={one.patient.patient_id: one for one in found},
        card_ids={card.id: card.sha256 for card, _ in cards},
        notes=(*cut.cohort.notes, *learnt, *assumptions(options, found)),
        started=started,
        seconds=time.perf_counter() - began,
        interrupted=reached.interrupted,
    )


def days_asked(options: ForecastOptions) -> tuple[float, float] | None:
    """From the day of the forecast to its horizon, where that is a day number."""
    if options.until is None or isinstance(options.until, str):
        return None
    return float(options.until), float(options.until) + options.horizon_day


def forecast_of(cut: Cut, patient: Patient, cards: Cards, options: ForecastOptions) -> PatientForecast:
    """One patient's forecast, or why there is none; an error of ours is told too, for it must not cost all others
    theirs."""
    from_day, day_zero = cut.from_day[patient.patient_id], cut.cohort.day_zero.get(patient.patient_id)
    if patient.patient_id in cut.cohort.set_aside_patients:
        return without(cut, patient, "set_aside", cut.cohort.set_aside_patients[patient.patient_id])
    if why := ended(patient, day_zero):
        return without(cut, patient, "followed_up", why)
    if not patient.sample_day.size:
        return without(cut, patient, "no_samples", "no IgG sample by the day of the forecast")
    try:
        fits = fits_of(cut.cohort, patient, cards, options)
        with_numbers = [(fit, share) for fit, share in fits if fit.has_numbers]
        if not with_numbers:
            return without(cut, patient, fits[0][0].status, fits[0][0].reason)
        whole = sum(share for _, share in with_numbers)
        shares = [(fit, share / whole) for fit, share in with_numbers]
        end_day = from_day + options.horizon_day
        outlook = outlook_of(shares, from_day, end_day, options.draws, options.seed)
        first = max(shares, key=lambda each: each[1])[0]
        reasons = [first.reason, left_out(fits)]
        later = cut.later[patient.patient_id]
        said = "; ".join(filter(None, reasons))
        return forecast_patient(outlook, later, options, first, said, day_zero)
    except Exception as error:  # noqa: BLE001 (told in the row and on stderr; the command ends with exit status 1)
        return without(cut, patient, "failed", told_error(error))


def without(cut: Cut, patient: Patient, status: str, reason: str) -> PatientForecast:
    name = patient.patient_id
    return without_forecast(patient, cut.from_day[name], status, reason, cut.cohort.day_zero.get(name))


def fits_of(cohort: Cohort, patient: Patient, cards: Cards, options: ForecastOptions) -> list[tuple[PatientFit, float]]:
    """The patient fitted with each card, each with its share of the forecast."""
    return [(fit_of(cohort, patient, card, options.of_fit()), share) for card, share in cards]


def with_weights_of(cohort: Cohort, options: ForecastOptions) -> tuple[ForecastOptions, list[str]]:
    """The options with the prior weights of a forecast, moved by this cohort's records where asked for; and what is to
    be said of them."""
    found, said = learnt_for_forecast(cohort, options.of_fit())
    return replace(options, average_weights=found.average_weights), said


def left_out(fits: Sequence[tuple[PatientFit, float]]) -> str:
    """Which cards of a stack gave no numbers for this patient."""
    without = [f"{fit.prior.card_id}: {fit.reason}" for fit, _ in fits if not fit.has_numbers]
    return f"left out of the stack: {listed(without)}" if without else ""


def assumptions(options: ForecastOptions, found: Sequence[PatientForecast]) -> list[str]:
    """What the forecast takes for granted, said once; notes of single patients with whom they concern."""
    said = [f"horizon: {number(options.horizon_day, 5)} days from the day of each patient's forecast"]
    if options.until is None:
        said.append("each patient is forecast from the last sample on; an infusion of that day counts as given")
        said.append("therapy as recorded; one without a stop goes on")
    elif options.therapy == "known":
        said.append(f"the record up to {when(options.until)} is known: samples, infusions, outcomes and therapy")
        said.append("therapy that was going on then is taken to go on; courses that started later are not known")
    else:
        said.append(f"samples, infusions and outcomes up to {when(options.until)} are known")
        said.append("therapy as the record tells it, later days too (--therapy recorded)")
    if options.until is not None and any(len(one.regimens) and not one.regimens["planned"].why_not for one in found):
        said.append("as planned: what was given after that day, which nobody may have known then")
    if options.card == STACK:
        mixed = ", ".join(f"{name} {share:.2f}" for name, share in options.cards.items())
        said.append(f"draws of several cards, mixed: {mixed}")
    return [*said, *fit_notes([one for one in found if one.outlook is not None])]


def when(until: float | str) -> str:
    return until if isinstance(until, str) else f"day {until:g}"


def tables_of(found: Sequence[PatientForecast], cohort: Cohort, options: ForecastOptions) -> dict[str, pd.DataFrame]:
    """Every table, IgG in the cohort's unit."""
    rows: dict[str, Rows] = {"forecast": [], "p_below": []}
    for one in found:
        for policy in one.paths:
            rows["forecast"] += level_rows(one, policy, cohort, options)
            rows["p_below"] += below_rows(one, policy, cohort, options)
    work = [worklist_row(one, threshold, options, cohort.igg_unit) for one in found for threshold in options.thresholds]
    tables = {name: with_dates(pd.DataFrame(each), name, cohort) for name, each in rows.items()}
    return tables | {"worklist": ranked(with_dates(pd.DataFrame(work), "worklist", cohort))}


def level_rows(one: PatientForecast, policy: str, cohort: Cohort, options: ForecastOptions) -> Rows:
    middle, lower, upper = (
        from_g_per_l(each, cohort.igg_unit) for each in quantiles(one.paths[policy].total, options.level)
    )
    return [
        {
            "patient_id": one.patient.patient_id,
            "day": float(day),
            "policy": policy,
            "median": middle[place],
            "lower": lower[place],
            "upper": upper[place],
            "level": options.level,
            "unit": cohort.igg_unit,
        }
        for place, day in enumerate(one.days)
    ]


def below_rows(one: PatientForecast, policy: str, cohort: Cohort, options: ForecastOptions) -> Rows:
    rows: Rows = []
    for threshold in options.thresholds:
        found = below(one.days, one.paths[policy].total, g_per_l(threshold, cohort.igg_unit), options.level)
        rows += [
            {
                "patient_id": one.patient.patient_id,
                "day": float(day),
                "policy": policy,
                "threshold": threshold,
                "p_below": found.p[place],
                "p_below_by": found.p_by[place],
                "unit": cohort.igg_unit,
            }
            for place, day in enumerate(one.days)
        ]
    return rows


DATES = {"date": "day", "from_date": "from_day", "first_date_below": "first_day_below"}
DATES |= {"next_sample_date": "next_sample_day"}
"""Column of dates -> that of days."""


def with_dates(table: pd.DataFrame, name: str, cohort: Cohort) -> pd.DataFrame:
    """The table with all its columns in order, dates beside days where the patient's record has them."""
    table = table.reindex(columns=list(TABLES[name]))
    for column, day_column in DATES.items():
        if column in table:
            days = zip(table["patient_id"], table[day_column], strict=True)
            table[column] = [date_of(cohort, patient_id, day) for patient_id, day in days]
    return table


def date_of(cohort: Cohort, patient_id: str, day: Any) -> str:
    """A day of this patient as a date (ISO 8601); empty where the day or the patient's day 0 is not known."""
    origin = cohort.day_zero.get(patient_id)
    if origin is None or not known(day):
        return ""
    return (origin + pd.Timedelta(days=float(day))).round("s").date().isoformat()


def ranked(worklist: pd.DataFrame) -> pd.DataFrame:
    """Most urgent first."""
    order = urgency(worklist)
    return worklist.loc[order.sort_values(list(order.columns), kind="stable").index].reset_index(drop=True)


def urgency(worklist: pd.DataFrame) -> pd.DataFrame:
    """What a worklist is sorted by: one threshold after the other from the lowest; below now (by P now, then by P
    within the horizon), then by P within the horizon, then those without a forecast who are followed, then the
    others."""
    p = worklist["p_below_horizon"].astype(float)
    low = np.array([value is True or value == 1.0 for value in worklist["below_now"]], dtype=bool)
    followed = worklist["status"] != "followed_up"
    return pd.DataFrame(
        {
            "threshold": worklist["threshold"],
            "low": ~low,
            "none": p.isna() & ~low,
            "gone": ~followed,
            "now": -worklist["p_below_now"].astype(float).fillna(0.0).where(low, 0.0),
            "p": -p.fillna(0.0),
            "first": worklist["first_day_below"].astype(float) - worklist["from_day"].astype(float),
        }
    )
