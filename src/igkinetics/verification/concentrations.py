"""Concentrations and areas that pmxTools, PKPDsim and Torsten print in their own tests. Units as in the source."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from igkinetics.kinetics.areas import areas_of_many
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import INDEX, Floats, parameter_vector
from igkinetics.kinetics.schedule import Schedule, build_schedule
from igkinetics.verification.comparison import Comparison, Point, compared, json_cases, named, printed_to


def comparisons() -> Iterator[Comparison]:
    for case in json_cases("concentration_cases.json"):
        yield compared(case["source"], case["id"], inputs_of(case), points_of(case), case.get("note", ""))


def points_of(case: dict[str, Any]) -> Iterator[Point]:
    """Each printed value: a level at a time, or the area between two."""
    doses = doses_of(case)
    schedule = schedule_of(case, doses)
    theta = parameters_of(case)
    times = np.array(case["times"])
    if case["kind"] == "concentration":
        after_boluses = np.where(np.isin(times, doses[immediate(doses), 0]), np.nextafter(times, np.inf), times)
        found = igg_curve(theta, schedule, after_boluses)[1]
        places = [f"level at {time:g}" for time in times]
    else:
        ends = pairwise(times)
        found = np.array([areas_of_many(theta[None, :], schedule, start, end)[0, 1] for start, end in ends])
        places = [f"area up to {time:g}" for time in times[1:]]
    for place, expected, value in zip(places, case["expected"], found, strict=True):
        digits = case.get("significant_digits")
        tolerance = printed_to(expected, digits) if digits else case["tolerance_abs"]
        yield Point(place, expected, float(value), tolerance)


def parameters_of(case: dict[str, Any]) -> Floats:
    """The kinetics' vector (13,): no endogenous IgG; a change of clearance is its ratio."""
    given = {"ka": np.nan, "F": 1.0, "C_base": 0.0} | case["parameters"]
    given["ka"] = given.pop("KA", np.nan)
    theta = parameter_vector(given, "two_compartment" if "Q" in given else "one_compartment", "constant")
    if "change" in case:
        theta[INDEX["clearance_ratio"]] = case["change"]["CL"] / given["CL"]
    return theta


def doses_of(case: dict[str, Any]) -> Floats:
    """(n, 4): time, amount, duration, 1 for the absorption compartment. A steady state is written out dose by dose."""
    steady = case.get("steady_state")
    if steady is None:
        given = [(dose["time"], dose["amount"], dose["duration"], dose["route"]) for dose in case["doses"]]
    else:
        number = np.arange(1 - steady["doses_written_out"], steady.get("further_doses", 0) + 1)
        times = steady["last_dose_time"] + steady["interval"] * number
        given = [(time, steady["amount"], steady["duration"], steady["route"]) for time in times]
    return np.array([(time, amount, duration, route == "absorption") for time, amount, duration, route in given], float)


def immediate(doses: Floats) -> Any:
    """Boluses into the blood: these sources see a level at their moment with the dose in it."""
    return (doses[:, 2] == 0) & (doses[:, 3] == 0)


def schedule_of(case: dict[str, Any], doses: Floats) -> Schedule:
    return build_schedule(
        start_day=min(0.0, float(doses[:, 0].min())),
        dose_day=doses[:, 0],
        dose_g=doses[:, 1],
        dose_duration_day=doses[:, 2],
        dose_is_sc=doses[:, 3] != 0,
        modified=(case["change"]["time"], np.inf) if "change" in case else None,
    )


def inputs_of(case: dict[str, Any]) -> str:
    """Parameters and doses in one line."""
    if steady := case.get("steady_state"):
        doses = f"{steady['amount']:g} {steady['route']} every {steady['interval']:g}, steady state"
    else:
        first = case["doses"][0]
        more = f", {len(case['doses'])} doses" if len(case["doses"]) > 1 else ""
        during = f" over {first['duration']:g}" if first["duration"] else ""
        doses = f"{first['amount']:g} {first['route']}{during} at {first['time']:g}{more}"
    change = f"; CL {case['change']['CL']:g} after {case['change']['time']:g}" if "change" in case else ""
    return f"{named(case['parameters'])}; {doses}{change}"
