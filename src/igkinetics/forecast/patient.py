"""The forecast of one patient: levels under each policy, and what a worklist says of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics import text
from igkinetics.cohort.model import LIMIT_SIGNS, LIMIT_WORDS, Patient
from igkinetics.cohort.windows import end_words
from igkinetics.fit.forecast import Paths
from igkinetics.fit.result import PatientFit
from igkinetics.forecast.options import AS_SO_FAR, PLANNED, ForecastOptions
from igkinetics.forecast.outlook import Outlook, first_below
from igkinetics.forecast.regimen import Regimen, regimens, worklist_policy
from igkinetics.kinetics.parameters import Floats
from igkinetics.units import IggUnit, from_g_per_l, g_per_l


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatientForecast:
    """patient: as known on from_day. outlook: None without a forecast, and `reason` says why.

    days (m,): when levels are given; paths: policy -> levels, for each policy that can be given.
    """

    patient: Patient
    from_day: float
    status: str
    reason: str = ""
    outlook: Outlook | None = None
    regimens: dict[str, Regimen] = field(default_factory=dict)
    chosen: Regimen | None = None
    """The policy that the worklist goes by."""
    days: Floats = field(default_factory=lambda: np.empty(0))
    paths: dict[str, Paths] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    day_zero: pd.Timestamp | None = None
    """What days count from, where the record holds dates."""

    def when(self, day: float) -> str:
        """A day in words: its date where there is one."""
        return when(day, self.day_zero)


def when(day: float, day_zero: pd.Timestamp | None) -> str:
    if day_zero is None:
        return f"day {text.day(day)}"
    return (day_zero + pd.Timedelta(days=day)).round("s").date().isoformat()


def without_forecast(
    patient: Patient, from_day: float, status: str, reason: str, day_zero: pd.Timestamp | None
) -> PatientForecast:
    return PatientForecast(patient=patient, from_day=from_day, status=status, reason=reason, day_zero=day_zero)


def ended(patient: Patient, day_zero: pd.Timestamp | None) -> str:
    """Why a patient is no longer to be forecast; empty for one who is followed."""
    if np.isinf(patient.follow_up_end):
        return ""
    return f"{end_words(patient)} on {when(patient.follow_up_end, day_zero)}"


def forecast_patient(
    outlook: Outlook,
    later: Floats,
    options: ForecastOptions,
    fit: PatientFit,
    reason: str,
    day_zero: pd.Timestamp | None,
) -> PatientForecast:
    """Every policy that can be given, over the same days. later (k, 4): doses recorded after its day. fit: whose
    status and notes it carries."""
    available = regimens(outlook.given, later, outlook.from_day, outlook.end_day)
    given = {policy: one for policy, one in available.items() if not one.why_not}
    days = outlook.days(*(one.doses for one in given.values()))
    return PatientForecast(
        patient=outlook.patient,
        from_day=outlook.from_day,
        status=fit.status,
        reason=reason,
        outlook=outlook,
        regimens=available,
        chosen=worklist_policy(available, options.policy),
        days=days,
        paths={policy: outlook.paths(one.doses, days) for policy, one in given.items()},
        notes=fit.notes,
        day_zero=day_zero,
    )


def quantiles(levels: Floats, level: float) -> tuple[Floats, Floats, Floats]:
    """Median, lower and upper end (m,) of draws of equal weight (n, m)."""
    tail = 0.5 * (1.0 - level)
    lower, middle, upper = np.quantile(levels, [tail, 0.5, 1.0 - tail], axis=0, method="hazen")
    return middle, lower, upper


@dataclass(frozen=True, slots=True, kw_only=True)
class Below:
    """One threshold under one policy: probabilities by day (m,), and the first day below with its interval (inf:
    beyond the horizon)."""

    p: Floats
    p_by: Floats
    first: float
    first_lower: float
    first_upper: float


def below(days: Floats, levels: Floats, threshold: float, level: float) -> Below:
    """threshold: g/L, as the levels (n, m) at the days (m,)."""
    first = first_below(days, levels, threshold)
    tail = 0.5 * (1.0 - level)
    places = [0.5, tail, 1.0 - tail]
    middle, lower, upper = (float(value) for value in np.quantile(first, places, method="inverted_cdf"))
    return Below(
        p=np.mean(levels < threshold, axis=0),
        p_by=np.array([np.mean(first <= day) for day in days]),
        first=middle,
        first_lower=lower,
        first_upper=upper,
    )


MEASURE: Final = "measure"
DECIDE: Final = "decide"


def next_step(one: PatientForecast, p: Floats, options: ForecastOptions) -> tuple[str, float, str]:
    """What to do next for one threshold (MEASURE, DECIDE without another sample, "": nothing within the horizon), on
    which day (nan for nothing), and why."""
    if one.chosen is None:
        raise AssertionError("a patient without a forecast has no next sample")
    reached = np.flatnonzero(p >= options.act_at)
    at, horizon = f"{options.act_at:g}", f"{options.horizon_day:g} days"
    if not reached.size:
        return "", np.nan, f"P(below) stays under {at} for {horizon}"
    crossing = float(one.days[reached[0]])
    if reached[0] == 0:
        step, told = MEASURE, "measure now"
        if p[0] > 1.0 - options.act_at:
            step, told = DECIDE, "decide now, a sample would hardly change that"
        elif one.from_day - one.patient.sample_day[-1] < 1.0:
            step, told = DECIDE, "sampled that day: decide now"
        return step, one.from_day, f"P(below) is {text.fraction(p[0])} already: {told}"
    day = one.from_day + np.floor(crossing - one.from_day)
    words = f"P(below) reaches {at} on {one.when(crossing)}"
    next_doses = one.chosen.doses[one.chosen.doses[:, 0] > one.from_day, 0]
    soon = next_doses[(next_doses > day - 1e-9) & (next_doses < day + options.lead_day)]
    if soon.size and soon[0] - options.lead_day < day:
        day = max(one.from_day, float(soon[0]) - options.lead_day)
        words += f"; {days_words(options.lead_day)} before the infusion of {one.when(float(soon[0]))}"
    return MEASURE, day, words


def days_words(days: float) -> str:
    """ "1 day", "1.5 days" """
    return f"{text.number(days)} {'day' if days == 1.0 else 'days'}"


def worklist_row(one: PatientForecast, threshold: float, options: ForecastOptions, unit: IggUnit) -> dict[str, Any]:
    """WORKLIST columns of one patient and threshold (in the cohort's unit), dates aside."""
    last = last_value(one.patient, unit)
    row: dict[str, Any] = {
        "patient_id": one.patient.patient_id,
        "threshold": threshold,
        "from_day": one.from_day,
        "status": one.status,
        "level": options.level,
        "unit": unit,
        **last,
    }
    measured = measured_words(one, last, unit)
    if one.outlook is None or one.chosen is None:
        gone = one.status == "followed_up" or not measured
        below_now = (
            None if gone else bool(last["last_igg"] < threshold or (last["sign"] < 0 and last["last_igg"] <= threshold))
        )
        return row | {"below_now": below_now, "reason": "; ".join(filter(None, (one.reason, measured)))}
    found = below(one.days, one.paths[one.chosen.policy].total, g_per_l(threshold, unit), options.level)
    step, sample_day, why = next_step(one, found.p, options)
    days = {"first_day_below": found.first, "first_day_below_lower": found.first_lower}
    days |= {"first_day_below_upper": found.first_upper, "next_sample_day": sample_day}
    return row | {
        "below_now": bool(found.p[0] >= 0.5),
        "p_below_now": float(found.p[0]),
        "p_below_horizon": float(found.p_by[-1]),
        **{name: day if np.isfinite(day) else np.nan for name, day in days.items()},
        "next_step": step,
        "policy": one.chosen.policy,
        "reason": "; ".join(filter(None, (why, measured, policy_words(one), one.reason))),
    }


def measured_words(one: PatientForecast, last: dict[str, Any], unit: IggUnit) -> str:
    """The last value known, and what was infused from that day on; empty without a sample."""
    patient = one.patient
    if not patient.sample_day.size:
        return ""
    value = f"{LIMIT_SIGNS[last['sign']]}{text.level(last['last_igg'], unit)} {unit}"
    then = given_since(patient)
    return f"last value {value} on {one.when(last['last_sample_day'])}{then}"


def given_since(patient: Patient) -> str:
    """ ", then 25 g": what was given from the day of the last sample on; "" for nothing."""
    since = patient.dose_day >= patient.sample_day[-1]
    return f", then {text.number(float(patient.dose_g[since].sum()), 4)} g" if since.any() else ""


def policy_words(one: PatientForecast) -> str:
    """The doses to come that the worklist goes by, in words, and why they are not those of an earlier choice."""
    if one.chosen is None:
        return ""
    words = {PLANNED: "as planned: ", AS_SO_FAR: "as so far: "}.get(one.chosen.policy, "")
    so_far = one.regimens[AS_SO_FAR].why_not
    assumed = f" assumed ({so_far})" if not words and so_far and len(one.outlook.given if one.outlook else ()) else ""
    return f"{words}{one.chosen.says}{assumed}"


def last_value(patient: Patient, unit: IggUnit) -> dict[str, Any]:
    """The last sample known: day, value in the unit, and which limit the value is."""
    if not patient.sample_day.size:
        return {"last_sample_day": np.nan, "last_igg": np.nan, "last_limit": "", "sign": 0}
    sign = int(patient.sample_limit[-1])
    return {
        "last_sample_day": float(patient.sample_day[-1]),
        "last_igg": from_g_per_l(float(patient.sample_igg[-1]), unit),
        "last_limit": LIMIT_WORDS[sign],
        "sign": sign,
    }
