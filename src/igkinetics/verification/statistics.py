"""Two-group statistics that R 4.2.2 prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from igkinetics.compare.statistics import fisher, log_rank, risk, shift
from igkinetics.units import INTERVAL_LEVEL
from igkinetics.verification.comparison import Comparison, Point, compared, json_cases, not_run, printed_to

DIGITS: Final = 10
NOT_HERE: Final = {
    "rate": "compare has no test of Poisson rates",
    "odds_ratio": "compare gives risks and their difference, no odds ratio",
    "chi2": "compare gives P of the log-rank test, which the statistic decides",
}


def comparisons() -> Iterator[Comparison]:
    for case in json_cases("statistics_cases.json"):
        name, given, source = case["id"], case["input"], case["source"]
        if name.startswith("poisson"):
            yield not_run(source, name, str(given), NOT_HERE["rate"])
            continue
        note = NOT_HERE["odds_ratio"] if name.startswith("fisher") else ""
        if name == "logrank_aml":
            note = NOT_HERE["chi2"]
        yield compared(source, name, inputs_of(name, given), points_of(name, given, case["expected"]), note)


def inputs_of(name: str, given: Any) -> str:
    if name == "logrank_aml":
        return f"{len(given['maintained'])} and {len(given['nonmaintained'])} patients, survival in weeks"
    return str(given)


def points_of(name: str, given: Any, expected: Any) -> Iterator[Point]:
    if name == "logrank_aml":
        groups = [np.array(given[group], dtype=float) for group in ("maintained", "nonmaintained")]
        days = [group[:, 0] for group in groups]
        events = [group[:, 1] == 1 for group in groups]
        yield point("P", expected["p"], log_rank(days[0], events[0], days[1], events[1]))
    elif name == "mann_whitney_permeability":
        interval, p = shift(np.array(given["x"]), np.array(given["y"]), INTERVAL_LEVEL)
        found = {"p_exact": p, "shift": interval.value, "lower": interval.lower, "upper": interval.upper}
        yield from (point(key, expected[key], value) for key, value in found.items())
    elif name.startswith("fisher"):
        (a, not_a), (b, not_b) = given
        yield point("P", expected["p"], fisher(a, a + not_a, b, b + not_b))
    else:
        for (count, n), ends in zip(given, expected, strict=True):
            interval = risk(count, n, INTERVAL_LEVEL)
            for end, value in zip(ends, (interval.lower, interval.upper), strict=True):
                yield point(f"{count} of {n}", end, value)


def point(place: str, expected: float, found: float) -> Point:
    """R printed ten digits."""
    return Point(place, expected, found, printed_to(expected, DIGITS))
