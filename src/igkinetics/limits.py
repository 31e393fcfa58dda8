"""Bounds of what a file or call may hold: how much work it asks for, and the sizes that doses and levels have.

A number beyond a bound is refused by its key, before anything starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field

from igkinetics.toml_input import Fault, Key

MOST_DAYS: Final = 36_525.0
"""Days of one simulated record: a hundred years."""
Day = Annotated[float, Field(ge=-MOST_DAYS, le=MOST_DAYS)]
"""A day in a file."""
LEVELS_OF_IGG_MG_DL: Final = (20.0, 6000.0)
"""A threshold, target or rule outside them was meant in another unit."""
LOWEST_DOSE_G, HIGHEST_DOSE_G = 0.25, 300.0
LOWEST_DOSE_G_PER_KG, HIGHEST_DOSE_G_PER_KG = 0.012, 3.0
"""A dose outside them was meant in another unit; subcutaneous replacement given every day is above the lowest."""
LOWEST_INFUSION_G: Final = 1.0
"""Into a vein nobody gets less, but a newborn child; 0.4 is a dose in g/kg."""
LONGEST_INTERVAL_DAY: Final = 120.0
"""Some five half-lives of IgG: nothing of the dose before is left."""
MOST_EVENTS: Final = 20_000
"""Doses, checks or visits of one patient under one regimen: a hundred years of two a week, and more."""
MOST_VIRTUAL_PATIENTS: Final = 5_000_000
"""Patients of a scenario, each under every regimen."""
MOST_SIMULATED_PATIENTS: Final = 100_000
"""Patients of a simulated cohort, whose records are all kept."""
MOST_PATIENT_DAYS: Final = 20_000_000
"""Days of all curves of a simulated cohort together: a row of truth/curves.parquet each, about 60 bytes in memory."""


def at_most(key: Key, found: object, number: float, most: float, what: str) -> Iterator[Fault]:
    """A fault unless `number` is at most `most`. found: what the file holds; what: `doses`, `visits`, ..."""
    if not number <= most:
        told = f"{number:,.0f}" if number < 1e15 else f"{number:.3g}"
        yield Fault(
            key,
            f"{found:g}" if isinstance(found, float) else str(found),
            f"asks for {told} {what}; at most {most:,.0f}",
        )


def number_of_steps(start: float, end: float, every: float) -> float:
    """How many steps of `every` days from start on lie before or at the end; 0 when it comes first."""
    return max(0.0, (end - start) / every + 1.0)
