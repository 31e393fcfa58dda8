"""What the page asks for, from what was typed: levels, days, regimens. Whatever cannot be read is refused by name."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from igkinetics.app.whatif import Plan
from igkinetics.errors import call_error

NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
SEPARATOR: Final = re.compile(r"\s*;\s*|,\s+|\s+")
MOST_LEVELS: Final = 6
LONGEST_DAYS: Final = 730.0


def levels_of(typed: str) -> tuple[float, ...]:
    """ "400, 500" as two levels, ascending; none of empty text. InputError for what is no level."""
    parts = [part for part in SEPARATOR.split(typed.strip()) if part]
    for part in parts:
        if not NUMBER.fullmatch(part) or float(part) <= 0:
            expected = "must be a level above 0, several with a blank or a semicolon between: 400, or 4.5; 5"
            raise call_error("Keep IgG above", part, expected)
    if len(parts) > MOST_LEVELS:
        raise call_error("Keep IgG above", typed, f"at most {MOST_LEVELS} levels")
    return tuple(sorted({float(part) for part in parts}))


def plan_of(levels: str, horizon: object, from_day: object) -> Plan | None:
    """The plan that all regimens share; None before a level is given. InputError for what cannot be one."""
    thresholds = levels_of(levels)
    days = number_of("for so many days", horizon)
    if not 7.0 <= days <= LONGEST_DAYS:
        raise call_error("for so many days", f"{days:g}", f"must be 7 to {LONGEST_DAYS:g} days")
    first = None if from_day is None else number_of("counted from day", from_day)
    return Plan(thresholds=thresholds, horizon_day=days, from_day=first) if thresholds else None


def regimen_of(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The keys of a regimen in a scenario file; a dose of 0 g is none."""
    dose = number_of("dose", given.get("dose_g"))
    if dose == 0:
        return {"name": name}
    keys: dict[str, Any] = {
        "name": name,
        "dose_g": dose,
        "interval_day": number_of("interval", given.get("interval_day")),
        "start_day": number_of("start", given.get("start_day")),
        "route": str(given.get("route", "iv")),
    }
    if vial := given.get("vial_g"):
        keys["vial_g"] = [number_of("vials", vial)]
    return keys


def number_of(name: str, given: object) -> float:
    """A finite number, typed or sent. InputError for anything else."""
    try:
        found = float(given) if isinstance(given, int | float | str) else math.nan
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise call_error(name, "nothing" if given is None else given, "must be a number")
    return found
