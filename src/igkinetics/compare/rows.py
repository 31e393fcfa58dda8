"""Rows of compare.csv: one variable of two groups with its test and what the design could have seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from igkinetics import text
from igkinetics.compare import statistics as group_tests
from igkinetics.compare.groups import Floats, Times
from igkinetics.compare.power import POWER, detectable_hazard_ratio, detectable_risks, detectable_shift


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
            notes.append(f"sampling alone moves the raw nadir by {shifts[0]:+.3g} and {shifts[1]:+.3g} {unit}, their "
                         f"difference by {shifts[0] - shifts[1]:+.3g}")  # fmt: skip
    if variable == "fitted_nadir":
        notes.append("fitted nadirs are drawn towards the card's prior, more where samples are few")
    return {
        "variable": variable, "n_a": a.size, "n_b": b.size, **_of(group_tests.median(a, level), "_a"),
        **_of(group_tests.median(b, level), "_b"), **_of(shift), "test": "Mann-Whitney", "p": p, "unit": own_unit,
        "note": "; ".join(notes),
    }  # fmt: skip


def time_row(variable: str, a: Times, b: Times, level: float) -> dict[str, Any]:
    """Kaplan-Meier medians and log-rank test of the time to the first value below a threshold."""
    notes = ["first measured value below, days from the window's start; the fall itself lies between two samples"]
    if a.n_at_start or b.n_at_start:
        notes.append(f"below at the first sample in the window: {a.n_at_start} and {b.n_at_start}")
    n_events = int(a.happened.sum() + b.happened.sum())
    ratio = detectable_hazard_ratio(n_events, a.day.size, b.day.size, level)
    if np.isfinite(ratio):
        words = f"only a hazard ratio of {ratio:.2g} or more, or of {1 / ratio:.2g} or less"
        notes.append(f"with {n_events} falls, {words}, would have been seen with {percent(POWER)} probability")
    return {
        "variable": variable, "n_a": a.day.size, "n_b": b.day.size, "count_a": int(a.happened.sum()),
        "count_b": int(b.happened.sum()), **_of(group_tests.median_time(a.day, a.happened, level), "_a"),
        **_of(group_tests.median_time(b.day, b.happened, level), "_b"), "test": "log-rank",
        "p": group_tests.log_rank(a.day, a.happened, b.day, b.happened), "unit": "day", "note": "; ".join(notes),
    }  # fmt: skip


def outcome_row(outcome: str, a: tuple[int, int], b: tuple[int, int], level: float) -> dict[str, Any]:
    """Proportions with exact intervals, Fisher's test, Bayesian risk difference. a, b: (patients with it, patients)."""
    difference, above = group_tests.risk_difference(*a, *b, level)
    notes = [f"estimate: posterior median of the risk difference, Jeffreys priors; P(above 0) {in_words(above)}"]
    if a[1] and b[1]:
        risk_b = b[0] / b[1]
        low, high = detectable_risks(a[1], b[1], risk_b, level)
        seen = [words for risk, words in ((low, f"at or below {percent(low)}"), (high, f"at or above {percent(high)}"))
                if np.isfinite(risk)]  # fmt: skip
        words = f"only a risk {' or '.join(seen)}" if seen else "no risk whatever"
        notes.append(f"against {percent(risk_b)}, {words} would have been seen with {percent(POWER)} probability")
    return {
        "variable": outcome, "n_a": a[1], "n_b": b[1], "count_a": a[0], "count_b": b[0],
        **_of(group_tests.risk(*a, level), "_a"), **_of(group_tests.risk(*b, level), "_b"), **_of(difference),
        "test": "Fisher exact", "p": group_tests.fisher(*a, *b), "unit": "1", "note": "; ".join(notes),
    }  # fmt: skip
