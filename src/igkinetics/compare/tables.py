"""Rows of compare.csv and groups.csv: a variable of two groups with its test, and what each group brings to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics import text
from igkinetics.cohort.windows import nadir_window
from igkinetics.compare import statistics as group_tests
from igkinetics.compare.statistics import POWER, detectable_hazard_ratio, detectable_risks, detectable_shift
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.columns import WITH_ESTIMATES

Floats = npt.NDArray[np.float64]
GROUP_COLUMNS: Final = (
    "group",
    "n_patients",
    "n_infused",
    "n_with_raw_nadir",
    "n_fitted",
    "n_reached",
    "samples_median",
    "samples_least",
    "samples_most",
    "sampling_shift",
    "unit",
)
"""samples: per patient, in the window. sampling_shift: mean of expected raw minus fitted nadir, what noise and the days
of sampling alone do to a raw nadir."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Days from the window's start to the first value below a threshold, or to the last sample in the window where
    `happened` is false. n_at_start: below at the first sample already.
    """

    day: Floats
    happened: npt.NDArray[np.bool_]
    n_at_start: int


def in_words(probability: float) -> str:
    """ "= 0.64", "> 0.99"."""
    shown = text.fraction(probability)
    return shown if shown[0] in "<>" else f"= {shown}"


def percent(share: float) -> str:
    """A share in whole percent."""
    return text.share(share)


def _of(interval: group_tests.Interval, suffix: str = "") -> dict[str, float]:
    value = f"value{suffix}" if suffix else "estimate"
    return {value: interval.value, f"lower{suffix}": interval.lower, f"upper{suffix}": interval.upper}


def measured_row(
    variable: str, a: Floats, b: Floats, unit: str, level: float, sampling: pd.DataFrame
) -> dict[str, Any]:
    """Medians, Hodges-Lehmann shift and Mann-Whitney test of a level or a number of days."""
    in_days = variable.startswith("days")
    shift, p = group_tests.shift(a, b, level)
    seen = detectable_shift(a, b, level)
    own_unit = "day" if in_days else unit
    seen_unit = "days" if in_days else unit
    notes = ["medians; shift by Hodges-Lehmann"]
    if np.isfinite(seen):
        notes.append(f"a shift of {seen:.3g} {seen_unit} would have been seen with {percent(POWER)} probability")
    if in_days or variable == "fitted_nadir":
        reached = [f"{row.n_reached} of {row.n_fitted}" for row in sampling.itertuples()]
        descriptive = "descriptive: " if in_days else ""
        notes.append(f"{descriptive}the fitted nadir was reached in {reached[0]} and {reached[1]}")
    if variable == "raw_nadir":
        shifts = sampling["sampling_shift"].to_numpy(dtype=float)
        if np.isfinite(shifts).all():
            notes.append(
                f"sampling alone moves the raw nadir by {shifts[0]:+.3g} and {shifts[1]:+.3g} {unit}, their "
                f"difference by {shifts[0] - shifts[1]:+.3g}"
            )
    if variable == "fitted_nadir":
        notes.append("fitted nadirs are drawn towards the card's prior, more where samples are few")
    return {
        "variable": variable,
        "n_a": a.size,
        "n_b": b.size,
        **_of(group_tests.median(a, level), "_a"),
        **_of(group_tests.median(b, level), "_b"),
        **_of(shift),
        "test": "Mann-Whitney",
        "p": p,
        "unit": own_unit,
        "note": "; ".join(notes),
    }


def time_row(variable: str, a: Times, b: Times, level: float) -> dict[str, Any]:
    """Kaplan-Meier medians and log-rank test of the time to the first value below a threshold."""
    notes = [
        "first measured value below, days from the window's start; the fall itself lies between two samples; medians "
        "are the middle of the stretch where a Kaplan-Meier curve runs flat at one half"
    ]
    if a.n_at_start or b.n_at_start:
        notes.append(f"below at the first sample in the window: {a.n_at_start} and {b.n_at_start}")
    n_events = int(a.happened.sum() + b.happened.sum())
    ratio = detectable_hazard_ratio(n_events, a.day.size, b.day.size, level)
    if np.isfinite(ratio):
        words = f"only a hazard ratio of {ratio:.2g} or more, or of {1 / ratio:.2g} or less"
        notes.append(f"with {n_events} falls, {words}, would have been seen with {percent(POWER)} probability")
    return {
        "variable": variable,
        "n_a": a.day.size,
        "n_b": b.day.size,
        "count_a": int(a.happened.sum()),
        "count_b": int(b.happened.sum()),
        **_of(group_tests.median_time(a.day, a.happened, level), "_a"),
        **_of(group_tests.median_time(b.day, b.happened, level), "_b"),
        "test": "log-rank",
        "p": group_tests.log_rank(a.day, a.happened, b.day, b.happened),
        "unit": "day",
        "note": "; ".join(notes),
    }


def outcome_row(outcome: str, a: tuple[int, int], b: tuple[int, int], level: float) -> dict[str, Any]:
    """Proportions with exact intervals, Fisher's test, Bayesian risk difference. a, b: (patients with it, patients)."""
    difference, above = group_tests.risk_difference(*a, *b, level)
    notes = [f"estimate: posterior median of the risk difference, Jeffreys priors; P(above 0) {in_words(above)}"]
    if a[1] and b[1]:
        risk_b = b[0] / b[1]
        low, high = detectable_risks(a[1], b[1], risk_b, level)
        seen = [
            words
            for risk, words in ((low, f"at or below {percent(low)}"), (high, f"at or above {percent(high)}"))
            if np.isfinite(risk)
        ]
        words = f"only a risk {' or '.join(seen)}" if seen else "no risk whatever"
        notes.append(f"against {percent(risk_b)}, {words} would have been seen with {percent(POWER)} probability")
    return {
        "variable": outcome,
        "n_a": a[1],
        "n_b": b[1],
        "count_a": a[0],
        "count_b": b[0],
        **_of(group_tests.risk(*a, level), "_a"),
        **_of(group_tests.risk(*b, level), "_b"),
        **_of(difference),
        "test": "Fisher exact",
        "p": group_tests.fisher(*a, *b),
        "unit": "1",
        "note": "; ".join(notes),
    }


def first_below(fit: CohortFit, group: str, threshold_g_per_l: float) -> Times:
    """Measured values of the group's patients who have any in their window; a value "<L" with L at or below the
    threshold is below it, one with a higher L cannot be told and is passed over.
    """
    days, happened, at_start = [], [], 0
    for patient in fit.cohort.each_patient():
        window = nadir_window(patient, fit.options.window)
        if patient.group != group or not window.exists:
            continue
        inside = (patient.sample_day >= window.start) & (patient.sample_day <= window.end)
        if not inside.any():
            continue
        day, igg, limit = (values[inside] for values in (patient.sample_day, patient.sample_igg, patient.sample_limit))
        below = np.where(limit == 0, igg < threshold_g_per_l, (limit < 0) & (igg <= threshold_g_per_l))
        happened.append(bool(below.any()))
        days.append(float(day[np.argmax(below)] if below.any() else day[-1]) - window.start)
        at_start += int(below[0])
    return Times(day=np.array(days), happened=np.array(happened, dtype=bool), n_at_start=at_start)


def sampling_table(fit: CohortFit, groups: tuple[str, str]) -> pd.DataFrame:
    """One row per group, GROUP_COLUMNS."""
    return pd.DataFrame([group_row(fit, group) for group in groups], columns=list(GROUP_COLUMNS))


def group_row(fit: CohortFit, group: str) -> dict[str, Any]:
    nadir = fit.nadir[fit.nadir["group"] == group]
    fitted = nadir[nadir["status"].isin(WITH_ESTIMATES)]
    samples = nadir["n_samples"].astype(float)
    return {
        "group": group,
        "n_patients": len(nadir),
        "n_infused": int(nadir["patient_id"].isin(fit.cohort.doses["patient_id"]).sum()),
        "n_with_raw_nadir": int(nadir["raw_nadir"].notna().sum()),
        "n_fitted": len(fitted),
        "n_reached": int((fitted["nadir_reached"] == True).sum()),  # noqa: E712  (None: not known)
        "samples_median": samples.median(),
        "samples_least": samples.min(),
        "samples_most": samples.max(),
        "sampling_shift": (fitted["expected_raw_nadir"].astype(float) - fitted["fitted_nadir"].astype(float)).mean(),
        "unit": fit.cohort.igg_unit,
    }


def limit_notes(nadir: pd.DataFrame, groups: tuple[str, str]) -> Iterator[str]:
    """How many of a group's lowest values are known only to lie below a limit, where any are."""
    for group in groups:
        values, hidden = lowest_of(nadir, group)
        if hidden.any():
            known = "; its median may be lower" if median_is_hidden(values, hidden) else ""
            yield f"{int(hidden.sum())} of {len(values)} in {group} lie below their limit and count as the limit{known}"


def lowest_of(nadir: pd.DataFrame, group: str) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The lowest measured values of a group, and which of them are known only to lie below a limit."""
    own = nadir[(nadir["group"] == group) & nadir["raw_nadir"].notna()]
    return own["raw_nadir"].to_numpy(dtype=np.float64), own["raw_nadir_below_limit"].to_numpy(dtype=bool)


def median_is_hidden(values: Floats, hidden: npt.NDArray[np.bool_]) -> bool:
    """Whether the true median may lie below that of the values, some of which count as their limit."""
    return bool(hidden[values >= np.median(values)].any() or 2 * hidden.sum() >= len(values))
