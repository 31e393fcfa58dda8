"""Doses, levels and errors that a file probably means in another unit: refused by their key.

`unusual_doses = "as_given"` keeps doses that are meant; no level of IgG or error of an assay lies outside its bounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from igkinetics.limits import (
    HIGHEST_DOSE_G,
    HIGHEST_DOSE_G_PER_KG,
    LEVELS_OF_IGG_MG_DL,
    LONGEST_INTERVAL_DAY,
    LOWEST_DOSE_G,
    LOWEST_DOSE_G_PER_KG,
)
from igkinetics.toml_input import Fault, Key

FOUR_WEEKS: Final = 28.0
MOST_G_PER_KG: Final = 2.5
MOST_G: Final = 200.0
"""In four weeks, over and over: immunomodulation, the most that is given so, takes 2 g/kg (of 80 kg)."""
SHORTEST_DAY: Final = 0.5
"""A shorter interval is refused for its number of doses, or is meant."""
LARGEST_VIAL_G: Final = 100.0
LONGEST_HOURS: Final = 72.0
LEAST_PERCENT: Final = 0.5
"""No assay of IgG is so exact; below it a fraction was written for a percentage."""
KEEP: Final = 'unusual_doses = "as_given" beside it keeps it'


def odd_dose(key: Key, g_per_kg: float | None, g: float | None, keep: str = KEEP) -> Iterator[Fault]:
    """A fault for a dose that is no use of immunoglobulin in its unit. key: of the amount that is given. keep: how."""
    for amount, unit, low, high, other in (
        (g_per_kg, "g/kg", LOWEST_DOSE_G_PER_KG, HIGHEST_DOSE_G_PER_KG, "mg/kg"),
        (g, "g", LOWEST_DOSE_G, HIGHEST_DOSE_G, "mg"),
    ):
        if amount is not None and not low <= amount <= high:
            rule = f"a dose of immunoglobulin is {low:g} to {high:g} {unit}: is it in {unit}, not in {other}? {keep}"
            yield Fault(key, f"{amount:g}", rule.rstrip())


def rule_for_weight(g: float, kg: float, whose: str = "") -> str:
    """What is said of a dose in g that for this weight was probably meant in g/kg."""
    return f"is {g / kg:.2g} g/kg at {whose}{kg:g} kg: is it in g, not in g/kg?"


def odd_repeat(key: Key, interval_day: float | None, g_per_kg: float | None, g: float | None) -> Iterator[Fault]:
    """A fault for doses that come so often that four weeks of them are no use of immunoglobulin."""
    if interval_day is None or interval_day < SHORTEST_DAY:
        return
    if interval_day > LONGEST_INTERVAL_DAY:
        yield Fault(key, f"{interval_day:g}", f"an interval is at most {LONGEST_INTERVAL_DAY:g} days: in days? {KEEP}")
    times = max(FOUR_WEEKS / interval_day, 1.0)
    for amount, unit, most in ((g_per_kg, "g/kg", MOST_G_PER_KG), (g, "g", MOST_G)):
        if amount is not None and times > 1.0 and times * amount > most:
            rule = f"gives {times * amount:.3g} {unit} in four weeks, more than {most:g}: is it in days? {KEEP}"
            yield Fault(key, f"{interval_day:g}", rule)


def odd_infusion(duration_h: float, vial_g: list[float] | None) -> Iterator[Fault]:
    """Faults for an infusion of days, and for a vial that holds more than any."""
    if duration_h > LONGEST_HOURS:
        yield Fault(("duration_h",), f"{duration_h:g}", f"must be at most {LONGEST_HOURS:g} h: is it in hours? {KEEP}")
    if vial_g and vial_g[-1] > LARGEST_VIAL_G:
        yield Fault(("vial_g",), f"{vial_g[-1]:g}", f"no vial holds more than {LARGEST_VIAL_G:g} g: is it in g? {KEEP}")


def odd_level(key: Key, level_mg_dl: float) -> Iterator[Fault]:
    """A fault for a level that no serum has."""
    low, high = LEVELS_OF_IGG_MG_DL
    if not low <= level_mg_dl <= high:
        rule = f"levels of IgG lie between {low:g} and {high:g} mg/dL: is it in another unit?"
        yield Fault(key, f"{level_mg_dl:g} mg/dL", rule)


def odd_percent(key: Key, percent: float | None) -> Iterator[Fault]:
    """A fault for an error that was written as a fraction."""
    if percent is not None and 0 < percent < LEAST_PERCENT:
        yield Fault(key, f"{percent:g}", f"is in percent: write {100 * percent:g}, or 0 for none")
