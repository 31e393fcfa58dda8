"""Areas, half-lives, clearance and a likelihood that PKNCA's own tests print."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from igkinetics.noncompartmental import areas
from igkinetics.noncompartmental.areas import BelowLimit, Floats, Method, Slope
from igkinetics.noncompartmental.parameters import Value, infinite_values
from igkinetics.noncompartmental.profiles import Profile
from igkinetics.verification.comparison import Comparison, Point, compared, json_cases

EXACT: Final = 1e-12
PRINTED: Final = 1e-6
"""Relative, where the case states no tolerance: PKNCA prints seven digits of half-lives."""


def comparisons() -> Iterator[Comparison]:
    for case in json_cases("nca_cases.json"):
        yield compared(case["source"], case["id"], inputs_of(case["input"]), points_of(case))


def inputs_of(given: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in given.items())


def points_of(case: dict[str, Any]) -> Iterator[Point]:
    """Each value of a case."""
    name, given = case["id"], case["input"]
    if name in DERIVED:
        yield near(name, case["expected"], derived(name, given), EXACT)
    elif name == "tobit_negative_log_likelihood":
        yield near("-log likelihood", case["value"], tobit(given), EXACT)
    elif name.startswith("half_life"):
        line = line_of(name, *profile(given))
        found = {
            "lambda_z": line.rate,
            "half_life": line.half_life,
            "clast_pred": line.level(line.last_day),
            "span_ratio": line.span,
        }
        expected = case["expected"] if isinstance(case["expected"], dict) else {"half_life": case["expected"]}
        for quantity, value in expected.items():
            yield near(quantity, value, found[quantity], case.get("tolerance_rel", PRINTED))
    else:
        yield near("area", case["expected"], area(given), EXACT)


def near(place: str, expected: float, found: float, relative: float) -> Point:
    return Point(place, float(expected), found, relative * abs(expected))


def profile(given: dict[str, Any]) -> tuple[Floats, Floats]:
    return np.array(given["time"], dtype=float), np.array(given["conc"], dtype=float)


def area(given: dict[str, Any]) -> float:
    """The area that a case asks for."""
    rule = BelowLimit(**given["blq"]) if isinstance(given.get("blq"), dict) else BelowLimit(middle="keep")
    day, level = areas.without_below(*profile(given), rule)
    method: Method = "linear" if given["method"] == "linear" else "linear_up_log_down"
    if given["type"] == "all":
        return areas.area_of_all(day, level, method)
    to_last, _ = areas.area_to_last(day, level, method)
    last = areas.last_measured(level)
    return to_last + (
        areas.beyond_last(day[last], level[last], given["lambda_z"])[0] if given["type"] == "inf" else 0.0
    )


def line_of(name: str, day: Floats, level: Floats) -> Slope:
    """The terminal line, through all points or those after the peak, as the case asks."""
    if name != "half_life_without_peak":
        return areas.log_line(day, level)
    slope = areas.terminal_slope(day, level)
    assert isinstance(slope, Slope)
    return slope


def tobit(given: dict[str, Any]) -> float:
    """-log likelihood of a line; a text such as `<0.3` is a value below that limit."""
    below = np.array([isinstance(value, str) for value in given["conc"]])
    level = np.array([float(str(value).removeprefix("<")) for value in given["conc"]])
    day = np.array(given["time"], dtype=float)
    return areas.tobit_minus_log_likelihood(given["log_c0"], given["lambda_z"], given["sd_of_log"], day, level, below)


DERIVED: Final = {
    "clearance": "clearance",
    "auc_extrapolated_percent": "auc_extrapolated",
    "mrt_iv_infusion": "mean_residence_time",
}


def derived(name: str, given: dict[str, Any]) -> float:
    """What follows from areas, for a profile that has these: half of what is not stated lies beyond the last level."""
    total = float(given["aucinf"] if "aucinf" in given else given["auc"])
    to_last = given.get("auclast", 0.5 * total)
    rate = 1.0
    beyond = total - to_last
    moment_beyond = beyond / rate  # of an exponential that begins at time 0
    found = {
        "tlast": Value(0.0),
        "clast": Value(beyond * rate),
        "clast_predicted": Value(beyond * rate),
        "auc_last": Value(to_last),
        "aumc_last": Value(given.get("aumc", 1.0) - moment_beyond),
    }
    none = np.empty(0)
    whole = Profile(
        patient_id="",
        name="dose 1",
        start=0.0,
        end=0.0,
        day=none,
        level=none,
        limit=none,
        n_above_limit=0,
        dose_g=given.get("dose", 1.0),
        infusion_day=given.get("duration", 0.0),
        subcutaneous=False,
        closed=False,
    )
    slope = Slope(rate=rate, intercept=0.0, n_points=3, first_day=0.0, last_day=0.0, r2=1.0, adjusted_r2=1.0)
    return dict(infinite_values(whole, found, slope, ""))[DERIVED[name]].value
