"""Local times that a change of the clock skipped or repeated."""

from __future__ import annotations

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.findings import Finding, Mask, Table, refuse, warn


def clock_changes(table: Table, column: str, moment: Floats, clock: Mask, zone: str) -> list[Finding]:
    """An error for a time that the local clock never showed, a warning for one that it showed twice.

    moment: days since 1970-01-01 on the local clock, nan where there is none; clock: with a time of day.
    """
    rows = np.flatnonzero(clock & ~np.isnan(moment))
    local = pd.DatetimeIndex(pd.to_datetime(np.round(moment[rows] * 86_400.0), unit="s"))
    skipped, repeated = np.zeros(len(moment), dtype=bool), np.zeros(len(moment), dtype=bool)
    skipped[rows] = local.tz_localize(zone, ambiguous=np.zeros(len(rows), dtype=bool), nonexistent="NaT").isna()
    known = ~skipped[rows]
    repeated[rows[known]] = local[known].tz_localize(zone, ambiguous="NaT").isna()
    # an offset from UTC in the cell says which of the two it was
    cells = table.text[column]
    with_offset = cells.str.contains(r"(?:Z|[+-]\d{2}:?\d{2})\s*$", regex=True).to_numpy(dtype=bool)
    never = f"the clocks in {zone} skipped this time; a clock without summer time needs its own time_zone"
    twice = f"the clocks in {zone} showed this time twice: one hour is not known"
    return refuse(skipped, column, cells, never) + warn(repeated & ~with_offset, column, cells, twice)
