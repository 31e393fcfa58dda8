"""For one patient: what a next dose would do, and which day's sample would tell most of what can still be changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from igkinetics.dosing.doses import AMOUNT_DECIMALS
from igkinetics.dosing.many import dosed
from igkinetics.dosing.regimen import Dosing
from igkinetics.dosing.vials import vials_words, whole_vials
from igkinetics.fit.courses import JUST_AFTER_DAY, time_below
from igkinetics.fit.likelihood import LOGNORMAL, STUDENT_DF, STUDENT_T
from igkinetics.fit.posterior import weighted_quantiles
from igkinetics.fit.records import Member
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.extremes import lowest_of_many
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import Schedule, build_schedule
from igkinetics.scenarios.engine import Setting
from igkinetics.scenarios.posterior_patients import PosteriorPatients
from igkinetics.scenarios.scenario import Search
from igkinetics.scenarios.search import doses_of
from igkinetics.units import from_g_per_l

LOG_T4_OVER_NORMAL: Final = float(np.log(0.375) + 0.5 * np.log(2.0 * np.pi))
"""Constants of the density of Student's t with 4 degrees of freedom over that of the normal distribution."""
NEXT_DOSE_COLUMNS: Final = (
    "patient_id",
    "day",
    "dose_g_per_kg",
    "dose_g",
    "vials",
    "route",
    "threshold",
    "days_above_median",
    "days_above_lower",
    "days_above_upper",
    "p_day_7",
    "p_day_14",
    "p_day_21",
    "p_day_28",
    "p_day_42",
    "level",
    "unit",
    "threshold_unit",
)
"""One dose on `day` and none after it: days until IgG falls below the threshold (inf: not within the horizon), and the
probability of being at or above it so many days after the dose."""
NEXT_SAMPLE_COLUMNS: Final = (
    "regimen",
    "patient_id",
    "day",
    "date",
    "dose_day",
    "trough_day",
    "sd_now",
    "expected_sd",
    "narrowing",
    "best",
    "unit",
)
"""dose_day: of the first dose that the result can still change; trough_day: of the trough that this dose decides.
sd_now: SD of the forecast of that trough; expected_sd: what it is expected to be after one sample on `day`; narrowing:
the share by which it shrinks."""
DOSES_G_PER_KG: Final = (0.0, 0.2, 0.4, 0.6, 0.8)
"""Doses looked at unless a search names others."""
DAYS_AFTER: Final = (7.0, 14.0, 21.0, 28.0, 42.0)
MOST_DAYS: Final = 120
"""Days of a possible sample that are looked at, evenly spaced."""
RESULT_AFTER_DAY: Final = 1.0
"""A sample is taken so long before the dose that its result may change."""


def schedule_with(one: Member, regimen: Dosing, day: Floats, amount: Floats) -> Schedule:
    """The doses that stay, then these."""
    earlier, n = one.doses, day.size
    return build_schedule(
        start_day=one.start_day,
        dose_day=[*earlier[:, 0], *day],
        dose_g=[*earlier[:, 1], *amount],
        dose_duration_day=[*earlier[:, 2], *[regimen.duration_day] * n],
        dose_is_sc=[*earlier[:, 3], *[float(regimen.route == "sc")] * n],
        therapy_start=one.therapy[:, 0],
        therapy_stop=one.therapy[:, 1],
    )


def next_dose_rows(
    patients: PosteriorPatients, setting: Setting, search: Search | None, level: float
) -> Iterator[dict[str, Any]]:
    """Options for a dose on the day the regimens start."""
    one, from_day = patients.members[0], setting.from_day
    how = Dosing(
        name="next",
        route=search.route[0] if search else "iv",
        duration_h=search.duration_h if search else 0.0,
        vial_g=search.vial_g if search else None,
        unusual_doses="as_given",
    )
    tail = (1.0 - level) / 2.0
    equal = np.full(len(one.thetas), 1.0 / len(one.thetas))
    for dose, grams in options(search, one.weight_kg):
        schedule = schedule_with(one, how, np.array([from_day]), np.array([grams]))
        first_below = first_days_below(one, schedule, from_day, setting)
        later = levels_of(one, schedule, from_day + np.array(DAYS_AFTER))
        for k, threshold in enumerate(setting.columns.thresholds):
            days = np.where(np.isnan(first_below[:, k]), np.inf, first_below[:, k] - from_day)
            median, lower, upper = weighted_quantiles(days, equal, np.array([0.5, tail, 1.0 - tail]))
            shares = (later >= setting.columns.thresholds_g_per_l[k]).mean(axis=0)
            yield {
                "patient_id": one.patient_id,
                "day": from_day,
                "dose_g_per_kg": dose,
                "dose_g": grams,
                "vials": vials_words(grams, how.vial_g) if grams else "",
                "route": how.route,
                "threshold": threshold,
                "days_above_median": float(median),
                "days_above_lower": float(lower),
                "days_above_upper": float(upper),
                **{f"p_day_{day:g}": float(share) for day, share in zip(DAYS_AFTER, shares, strict=True)},
                "level": level,
                "unit": "day",
                "threshold_unit": setting.columns.unit,
            }


def levels_of(one: Member, schedule: Schedule, days: Floats) -> Floats:
    """Total IgG of every draw (n, m), g/L, drift included, at ascending days."""
    return np.asarray(np.add(*igg_curve(one.thetas, schedule, days)) * one.factor_at(days))


def first_days_below(one: Member, schedule: Schedule, from_day: float, setting: Setting) -> Floats:
    """When each draw falls below each threshold after a dose on from_day (n, m), nan for never; exact without drift,
    else from day to day."""
    after = np.nextafter(from_day, np.inf)
    thresholds = setting.columns.thresholds_g_per_l
    if not one.drift_day.size:
        return lowest_of_many(one.thetas, schedule, after, setting.horizon_day, thresholds)[1][:, :, 0]
    days = np.append(np.arange(from_day + 1.0, setting.horizon_day), setting.horizon_day)
    days = np.concatenate([[from_day + JUST_AFTER_DAY], days])
    levels = levels_of(one, schedule, days)
    return np.column_stack([time_below(days, levels, threshold)[0] for threshold in thresholds])


def options(search: Search | None, weight_kg: float) -> list[tuple[float, float]]:
    """Doses to look at, g/kg and g, in whole vials where a search has them, each once: those of the search, else
    DOSES_G_PER_KG; without a weight only doses in g."""
    if search is not None and search.dose_g is not None:
        grams = np.array(doses_of(search))
    elif np.isnan(weight_kg):
        return []
    else:
        per_kg = np.array(doses_of(search) if search is not None else DOSES_G_PER_KG)
        grams = np.round(per_kg * weight_kg, AMOUNT_DECIMALS)
    if search is not None and search.vial_g is not None:
        grams = whole_vials(grams, search.vial_g)
    return [(float(amount / weight_kg), float(amount)) for amount in np.unique(grams)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """What a sample can still change under a regimen: the dose of a day, and with it the trough of another."""

    dose_day: float
    trough_day: float


def still_open(regimen: Dosing, dose_day: Floats, setting: Setting) -> Open | None:
    """The first dose before which a sample can be taken and its result be known; None where its trough lies beyond the
    horizon, or where there is no such dose."""
    later = dose_day[dose_day >= setting.from_day + 2 * RESULT_AFTER_DAY]
    if not later.size or regimen.interval_day is None:
        return None
    trough_day = later[1] if later.size > 1 else later[0] + regimen.interval_day
    return Open(dose_day=float(later[0]), trough_day=float(trough_day)) if trough_day <= setting.horizon_day else None


def next_sample_rows(
    patients: PosteriorPatients, setting: Setting, regimens: Sequence[Dosing]
) -> Iterator[dict[str, Any]]:
    """Under each calendar regimen, what a sample on each day is expected to tell of the first trough that it can still
    change: taken before a dose that is not yet given."""
    one, case = patients.members[0], patients.batch(0)
    for regimen in regimens:
        if regimen.rule is not None or regimen.gives_nothing:
            continue
        plan = dosed(regimen, case, setting.from_day, setting.horizon_day)
        decision = still_open(regimen, plan.day, setting)
        if decision is not None:
            schedule = schedule_with(one, regimen, plan.day, plan.amount[0])
            yield from sample_rows(patients, regimen.name, schedule, decision, setting)


def sample_rows(
    patients: PosteriorPatients, regimen: str, schedule: Schedule, decision: Open, setting: Setting
) -> Iterator[dict[str, Any]]:
    """A row for each day on which a sample can be taken."""
    one, unit = patients.members[0], setting.columns.unit
    days = sample_days(setting.from_day, decision)
    levels = levels_of(one, schedule, np.append(days, decision.trough_day))
    trough, candidates = levels[:, -1], levels[:, :-1]
    expected = np.array([expected_sd(candidates[:, j], trough, one.error) for j in range(days.size)])
    for j, day in enumerate(days):
        yield {
            "regimen": regimen,
            "patient_id": one.patient_id,
            "day": float(day),
            "date": patients.about.days_from.date_of(float(day)),
            "dose_day": decision.dose_day,
            "trough_day": decision.trough_day,
            "sd_now": from_g_per_l(float(trough.std()), unit),
            "expected_sd": from_g_per_l(expected[j], unit),
            "narrowing": 1.0 - expected[j] / float(trough.std()),
            "best": j == int(expected.argmin()),
            "unit": unit,
        }


def sample_days(from_day: float, decision: Open) -> Floats:
    """Whole days after from_day on which a sample can be taken, MOST_DAYS at most."""
    last = np.floor(decision.dose_day - RESULT_AFTER_DAY - from_day)
    steps = np.linspace(1.0, last, min(MOST_DAYS, int(last))).round()
    return np.asarray(from_day + np.unique(steps))


def expected_sd(level: Floats, target: Floats, error: Floats) -> float:
    """Expected SD of a target (n) after one measurement of a level (n), over equally weighted draws of both.

    error (n, 3), see Cases. A draw's measurement lies at the middle of one of nine equally likely slices of its
    error; of all of them NODES equally likely ones are taken, and the draws weighted by how likely each is to them.
    Root of the expected posterior variance.
    """
    weight = weights_given(level, error)
    mean = weight @ target
    variance = weight @ target**2 - mean**2
    return float(np.sqrt(max(variance.mean(), 0.0)))


def weights_given(level: Floats, error: Floats) -> Floats:
    """(NODES, n): how likely each draw of a level is, given each of NODES equally likely measurements of it."""
    every = np.sort(measurements(level[:, None], error, MIDDLES[None, :]).reshape(-1))
    taken = every[((np.arange(NODES) + 0.5) / NODES * every.size).astype(int)]
    log_weight = log_density(taken[:, None], level, error)
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def measurements(level: Floats, error: Floats, z: Floats) -> Floats:
    """What is measured of a level (n, 1) at standard normal deviates z (1, m): by the residual model of the fit."""
    a, b, residual = error[:, :1], error[:, 1:2], error[:, 2:3]
    if residual[0, 0] == LOGNORMAL:  # then of all draws
        return np.asarray(level * np.exp(np.sqrt(np.log1p(b**2 + (a / level) ** 2)) * z))
    deviate = np.where(residual == STUDENT_T, stdtrit(STUDENT_DF, ndtr(z)), z)
    return np.asarray(level + np.hypot(a, b * level) * deviate)


def log_density(value: Floats, level: Floats, error: Floats) -> Floats:
    """Log density (m, n), up to a constant, of a measured value (m, 1) under each level (n)."""
    a, b, residual = error[:, 0], error[:, 1], error[:, 2]
    if residual[0] == LOGNORMAL:  # then of all draws
        sd = np.sqrt(np.log1p(b**2 + (a / level) ** 2))
        return np.asarray(-0.5 * (np.log(value / level) / sd) ** 2 - np.log(sd))
    sd = np.hypot(a, b * level)
    square = ((value - level) / sd) ** 2
    heavy = LOG_T4_OVER_NORMAL - 0.5 * (STUDENT_DF + 1.0) * np.log1p(square / STUDENT_DF)
    return np.asarray(np.where(residual == STUDENT_T, heavy, -0.5 * square) - np.log(sd))


def standard_middles(n: int) -> Floats:
    """Middles of n equally likely slices of a standard normal, scaled to variance 1."""
    middle = ndtri((np.arange(n) + 0.5) / n)
    return np.asarray(middle / middle.std())


MIDDLES: Final = standard_middles(9)
NODES: Final = 400
"""Measurements, equally likely, over which the expectation is taken."""
