"""Non-compartmental parameters of one profile, each with how it was found or why it is missing (docs/model.md 9)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import numpy as np

from igkinetics.errors import counted
from igkinetics.noncompartmental.areas import (
    BelowLimit,
    Method,
    Slope,
    area_of_all,
    area_to_last,
    beyond_last,
    last_measured,
    segments,
    terminal_slope,
    tobit_slope,
    without_below,
)
from igkinetics.noncompartmental.profiles import Floats, Profile

Baseline = Literal["total", "zero", "predose", "before_first_dose"]
BASELINES: Final[dict[Baseline, str]] = {
    "total": "levels as measured, the patient's own IgG among them",
    "zero": "levels as measured, taken to be infused alone",
    "predose": "levels less the profile's own level just before its dose",
    "before_first_dose": "levels less the mean of those measured up to the first dose of the record",
}
"""What was done about the patient's own IgG -> in words."""
HalfLife = Literal["least_squares", "tobit"]
HALF_LIVES: Final[tuple[HalfLife, ...]] = ("least_squares", "tobit")
LEAST_SPAN: Final = 2.0
"""Half-lives that the points of a slope should cover."""
MOST_EXTRAPOLATED: Final = 20.0
"""Percent of an area beyond the last measured level that is passed over in silence."""
WASHED_OUT_DAY: Final = 150.0
"""Days after which an earlier dose hardly counts in the level before the next one: five half-lives of a month."""

PARAMETERS: Final[dict[str, tuple[str, str]]] = {
    "dose": ("g", "what was given at the profile's start"),
    "n_measured": ("1", "levels used, those below their limit included"),
    "n_below_limit": ("1", "of them below their limit"),
    "c_start": ("igg", "level just before the dose, or the first of the record"),
    "cmax": ("igg", "highest measured level"),
    "tmax": ("day", "when, in days from the profile's start; the first time on ties"),
    "cmin": ("igg", "lowest measured level"),
    "tmin": ("day", "when, in days from the profile's start; the first time on ties"),
    "c_end": ("igg", "level just before the next dose"),
    "clast": ("igg", "last measured level"),
    "tlast": ("day", "when, in days from the profile's start"),
    "auc_last": ("area", "area up to the last measured level"),
    "auc_all": ("area", "area up to the first value below the limit after it"),
    "auc_tau": ("area", "area from this dose to the next"),
    "c_average": ("igg", "area over the days it covers: to the next dose, or to the last measured level"),
    "fluctuation": ("percent", "(cmax - cmin) / c_average within the dosing interval"),
    "aumc_last": ("moment", "area under the first moment up to the last measured level"),
    "lambda_z": ("1/day", "rate of the terminal decline"),
    "half_life": ("day", "ln 2 / lambda_z"),
    "lambda_z_points": ("1", "levels on the terminal line"),
    "lambda_z_first": ("day", "the first of them, in days from the profile's start"),
    "lambda_z_r2": ("1", "R2 of the terminal line"),
    "lambda_z_adjusted_r2": ("1", "adjusted R2 of the terminal line"),
    "lambda_z_span": ("1", "half-lives that its points cover"),
    "clast_predicted": ("igg", "level on the terminal line at tlast"),
    "auc_inf": ("area", "auc_last and clast / lambda_z"),
    "auc_inf_predicted": ("area", "the same from clast_predicted"),
    "auc_extrapolated": ("percent", "share of auc_inf beyond the last measured level"),
    "aumc_inf": ("moment", "area under the first moment to infinity"),
    "mean_residence_time": ("day", "aumc_inf / auc_inf, less half the infusion"),
    "clearance": ("L/day", "dose / auc_inf"),
    "clearance_tau": ("L/day", "dose / auc_tau, at steady state"),
    "volume_z": ("L", "clearance / lambda_z"),
    "volume_steady_state": ("L", "clearance times mean residence time"),
}
"""Parameter -> its unit (igg, area and moment follow the cohort's unit), and what it is."""


class Value(NamedTuple):
    """method: how it was found; reason: why it is missing, empty when it is not. Levels in g/L."""

    value: float
    method: str = ""
    reason: str = ""


def missing(reason: str) -> Value:
    return Value(np.nan, "", reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The choices that areas and slopes depend on."""

    area: Method = "linear_up_log_down"
    below: BelowLimit = field(default_factory=BelowLimit)
    half_life: HalfLife = "least_squares"
    baseline: Baseline = "total"


def parameters_of(profile: Profile, rules: Rules, why_no_baseline: str = "") -> dict[str, Value]:
    """Every parameter of PARAMETERS. why_no_baseline: the baseline that was to be subtracted is not known."""
    if why_no_baseline:
        return {name: missing(why_no_baseline) for name in PARAMETERS}
    found = dict.fromkeys(PARAMETERS, missing("")) | dict(counts(profile))
    day, level = without_below(profile.since_start, profile.level, rules.below)
    measured = level > 0
    if not measured.any():
        why = f"no measured level above 0 between days {profile.start:g} and {profile.end:g}"
        return {
            name: value if name in ("dose", "n_measured", "n_below_limit") else missing(why)
            for name, value in found.items()
        }
    found |= dict(levels(profile, day, level))
    slope = slope_of(profile, rules)
    found |= dict(slopes(slope, float(day[last_measured(level)])))
    found |= dict(areas(profile, rules, day, level, slope))
    found |= dict(to_infinity(profile, rules, found, slope))
    return found


def counts(profile: Profile) -> Iterator[tuple[str, Value]]:
    yield "dose", missing("the whole record is no single dose") if profile.is_record else Value(profile.dose_g)
    yield "n_measured", Value(profile.day.size)
    yield "n_below_limit", Value(profile.n_below_limit)


def levels(profile: Profile, day: Floats, level: Floats) -> Iterator[tuple[str, Value]]:
    """Highest, lowest, first and last levels."""
    measured = level > 0
    high, low = int(np.argmax(level)), int(np.argmin(np.where(measured, level, np.inf)))
    last = last_measured(level)
    at_start, at_end = day == 0.0, day == profile.end - profile.start
    if profile.n_above_limit:
        why = f"{counted(profile.n_above_limit, 'value')} above the upper limit: the highest level is not known"
        yield from (("cmax", missing(why)), ("tmax", missing(why)))
    else:
        yield from (("cmax", Value(level[high])), ("tmax", Value(day[high])))
    if (profile.level == 0).any():
        yield from (("cmin", missing(why_no_lowest(profile))), ("tmin", missing(why_no_lowest(profile))))
    else:
        yield from (("cmin", Value(level[low])), ("tmin", Value(day[low])))
    yield "c_start", Value(level[at_start][0]) if at_start.any() else missing("no sample at the profile's start")
    if not profile.closed:
        yield "c_end", missing("no further dose")
    else:
        yield "c_end", Value(level[at_end][0]) if at_end.any() else missing("no sample just before the next dose")
    yield from (("clast", Value(level[last])), ("tlast", Value(day[last])))


def why_no_lowest(profile: Profile) -> str:
    """Levels of 0 stand for values whose size is not known."""
    if np.isfinite(profile.baseline):
        return "levels at or below the baseline: the lowest is not known"
    return "values below the limit: the lowest level is not known"


def slope_of(profile: Profile, rules: Rules) -> Slope | str:
    """The terminal decline of the levels left, or why there is none."""
    if why := why_baseline_falls(profile, rules):
        return why
    line = terminal_slope(profile.since_start, profile.level)
    below = np.isfinite(profile.limit) & (profile.limit > 0)
    if isinstance(line, str) or rules.half_life == "least_squares":
        return line
    used = (profile.level > 0) | below
    level = np.where(below, profile.limit, profile.level)
    return tobit_slope(line, profile.since_start[used], level[used], below[used])


def follows_a_dose(profile: Profile) -> bool:
    """Whether an earlier dose still counts in the levels of this profile."""
    return profile.start - profile.last_dose_day < WASHED_OUT_DAY


def why_baseline_falls(profile: Profile, rules: Rules) -> str:
    """Why the level before a dose is no constant to subtract from what comes after; empty where it is one."""
    if rules.baseline != "predose" or not follows_a_dose(profile):
        return ""
    return (
        f"the level before this dose holds what the dose on day {profile.last_dose_day:g} left, which falls too: less "
        "that level, half-life and areas would be too short; baseline before_first_dose leaves it in"
    )


def slopes(slope: Slope | str, last_day: float) -> Iterator[tuple[str, Value]]:
    names = [name for name in PARAMETERS if name.startswith(("lambda_z", "half_life", "clast_predicted"))]
    if isinstance(slope, str):
        yield from ((name, missing(slope)) for name in names)
        return
    how = f"log-linear over {slope.n_points} levels from day {slope.first_day:g} of the profile"
    short = f"; they cover {slope.span:.1f} half-lives, fewer than {LEAST_SPAN:g}" if slope.span < LEAST_SPAN else ""
    yield "lambda_z", Value(slope.rate, how + short)
    yield "half_life", Value(slope.half_life, how + short)
    yield "lambda_z_points", Value(slope.n_points)
    yield "lambda_z_first", Value(slope.first_day)
    for name, value in (("lambda_z_r2", slope.r2), ("lambda_z_adjusted_r2", slope.adjusted_r2)):
        yield name, Value(value) if np.isfinite(value) else missing("a line by maximum likelihood has no R2")
    yield "lambda_z_span", Value(slope.span)
    yield "clast_predicted", Value(slope.level(last_day))


def areas(
    profile: Profile, rules: Rules, day: Floats, level: Floats, slope: Slope | str
) -> Iterator[tuple[str, Value]]:
    """Areas within the profile."""
    names = ("auc_last", "auc_all", "auc_tau", "c_average", "aumc_last", "fluctuation")
    why = ""
    if profile.n_above_limit:
        why = f"{counted(profile.n_above_limit, 'value')} above the upper limit: the area under it is not known"
    elif day[0] > 0:
        why = f"the first sample was taken {day[0]:g} days after the start: the area before it is not known"
    if why:
        yield from ((name, missing(why)) for name in names)
        return
    how = rules.area.replace("_", " ")
    to_last, moment = area_to_last(day, level, rules.area)
    last = float(day[last_measured(level)])
    yield "auc_last", Value(to_last, how)
    yield "aumc_last", Value(moment, how)
    yield "auc_all", Value(area_of_all(day, level, rules.area), how)
    tau = area_of_interval(profile, rules, day, level, slope)
    yield "auc_tau", tau
    length = profile.end - profile.start
    if not tau.reason:
        average = Value(tau.value / length, f"auc_tau over {length:g} days")
    elif last > 0:
        average = Value(to_last / last, f"auc_last over {last:g} days")
    else:
        average = missing("a single level covers no days")
    yield "c_average", average
    if tau.reason or (profile.level == 0).any():
        yield "fluctuation", missing(tau.reason or why_no_lowest(profile))
    else:
        yield "fluctuation", Value(100.0 * (level.max() - level.min()) / average.value)


def area_of_interval(profile: Profile, rules: Rules, day: Floats, level: Floats, slope: Slope | str) -> Value:
    """Area from this dose to the next; along the terminal slope where the last measured level comes before."""
    length = profile.end - profile.start
    if not profile.closed:
        return missing("the whole record is no dosing interval" if profile.is_record else "no further dose")
    how = rules.area.replace("_", " ")
    if day[-1] == length:
        return Value(float(segments(day, level, rules.area)[0].sum()), how)
    if isinstance(slope, str):
        return missing(f"the last sample was taken {length - day[-1]:g} days before the next dose, and {slope}")
    last = last_measured(level)
    area, _ = area_to_last(day, level, rules.area)
    beyond = beyond_last(day[last], level[last], slope.rate)[0] * -np.expm1(-slope.rate * (length - day[last]))
    share = 100.0 * beyond / (area + beyond)
    return Value(area + beyond, f"{how}; {share:.0f} % along the terminal slope after day {day[last]:g}")


def to_infinity(
    profile: Profile, rules: Rules, found: dict[str, Value], slope: Slope | str
) -> Iterator[tuple[str, Value]]:
    """What needs the area of this dose alone, to infinity or over a steady interval."""
    names = (
        "auc_inf",
        "auc_inf_predicted",
        "auc_extrapolated",
        "aumc_inf",
        "mean_residence_time",
        "volume_z",
        "volume_steady_state",
        "clearance",
        "clearance_tau",
    )
    why = ""
    if profile.is_record:
        why = "the whole record is no single dose"
    elif rules.baseline == "total":
        why = "total IgG tends to the patient's own level, not to 0; choose a baseline to subtract"
    why = why or why_baseline_falls(profile, rules)
    if why:
        yield from ((name, missing(why)) for name in names)
        return
    tau, fraction = found["auc_tau"], "of F: the dose was subcutaneous" if profile.subcutaneous else ""
    yield "clearance_tau", Value(profile.dose_g / tau.value, fraction) if not tau.reason else missing(tau.reason)
    why = found["auc_last"].reason or (slope if isinstance(slope, str) else "")
    if why or isinstance(slope, str):
        yield from ((name, missing(why)) for name in names if name != "clearance_tau")
        return
    yield from infinite_values(profile, found, slope, fraction)


def infinite_values(
    profile: Profile, found: dict[str, Value], slope: Slope, fraction: str
) -> Iterator[tuple[str, Value]]:
    """Areas to infinity, clearance and volumes, of a profile with a terminal slope."""
    last, clast = found["tlast"].value, found["clast"].value
    area, moment = beyond_last(last, clast, slope.rate)
    auc, aumc = found["auc_last"].value + area, found["aumc_last"].value + moment
    share = 100.0 * area / auc
    much = f"{share:.0f} % beyond the last measured level" if share > MOST_EXTRAPOLATED else ""
    yield "auc_inf", Value(auc, much)
    predicted = beyond_last(last, found["clast_predicted"].value, slope.rate)[0]
    yield "auc_inf_predicted", Value(found["auc_last"].value + predicted, much)
    yield "auc_extrapolated", Value(share)
    yield "aumc_inf", Value(aumc, much)
    if follows_a_dose(profile):
        why = (
            f"the area to infinity holds what the dose on day {profile.last_dose_day:g} left too, so it is not that of "
            "this dose (at steady state clearance_tau is the clearance)"
        )
        single_dose = ("mean_residence_time", "clearance", "volume_z", "volume_steady_state")
        yield from ((name, missing(why)) for name in single_dose)
        return
    residence = aumc / auc - 0.5 * profile.infusion_day
    yield "mean_residence_time", Value(residence, "with absorption: the dose was subcutaneous" if fraction else much)
    clearance = profile.dose_g / auc
    said = "; ".join(filter(None, (fraction, much)))
    yield "clearance", Value(clearance, said)
    yield "volume_z", Value(clearance / slope.rate, said)
    yield "volume_steady_state", Value(clearance * residence, said)
