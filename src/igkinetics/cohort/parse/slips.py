"""Levels that are a digit or a decimal point off, beside the samples around them. Asked about, never changed."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.findings import Mask, warn
from igkinetics.cohort.parse.parsed import Parsed, time_order

TIMES_BESIDE: Final = 5.0
"""So many times the samples on both sides, a level is alone."""
TIMES_AT_AN_END: Final = 7.0
MOST_TIMES: Final = 50.0
"""From here on check_unit_slips asks about the unit."""
FALL_HALF_LIFE_DAY: Final = 8.0
"""IgG that is not washed out or lost halves in no less."""
RISE_G_PER_L_DAY: Final = 1.0
"""More than twice what a healthy person makes."""
HIGHEST_BY_A_DOSE: Final = 50.0
"""g/L: more than 2 g/kg raises anybody to."""


def slipped(samples: Parsed, doses: Parsed | None) -> pd.Series[float]:
    """How many times the levels around them those are that no dose, production or loss explains, by row."""
    rows = samples.usable()
    measured = (rows["limit"] == "").to_numpy(dtype=bool) & (rows["igg"] > 0).to_numpy(dtype=bool)
    rows = rows[measured]
    nothing = pd.Series(dtype=np.float64)
    if len(rows) < 3:
        return nothing
    patient, level = rows["patient"].to_numpy(), rows["igg"].to_numpy(dtype=np.float64)
    n_patients = int(patient.max()) + 1
    lowest, highest = np.full(n_patients, np.inf), np.zeros(n_patients)
    np.minimum.at(lowest, patient, level)
    np.maximum.at(highest, patient, level)
    wide = (highest >= TIMES_BESIDE * lowest)[patient]
    if not wide.any():
        return nothing
    rows = rows[wide]
    rows = rows.iloc[time_order(rows)]
    beside = _Beside(rows, doses)
    times = beside.times()
    off = beside.too_high(times) | beside.too_low(times)
    return pd.Series(times[off], index=rows.index[off])


def check_slips(samples: Parsed, doses: Parsed | None) -> tuple[Parsed, pd.Index[int]]:
    """(samples with a question at each level that is off, those rows)."""
    off = slipped(samples, doses).sort_index()
    if off.empty:
        return samples, pd.Index([], dtype=np.int64)
    told = [
        f"{one:.3g} times the samples around it" if one >= 1 else f"1/{1 / one:.3g} of the samples around it"
        for one in off
    ]
    texts = [f"{one}, which no dose and no loss explains: is a digit or the decimal point wrong?" for one in told]
    return samples.with_findings(warn(samples.rows(off.index), "igg", samples.table.text["igg"], texts)), off.index


class _Beside:
    """Each level with the two around it; at an end of a record the two next to it."""

    def __init__(self, rows: pd.DataFrame, doses: Parsed | None) -> None:
        self.patient = rows["patient"].to_numpy()
        self.level = rows["igg"].to_numpy(dtype=np.float64)
        self.day = rows["moment"].to_numpy(dtype=np.float64)
        self.before, self.after = self._shifted(self.level, 1), self._shifted(self.level, -1)
        self.since, self.until = self.day - self._shifted(self.day, 1), self._shifted(self.day, -1) - self.day
        self.inner = ~np.isnan(self.before) & ~np.isnan(self.after)
        self.dosed = self._dosed(doses)

    def _shifted(self, values: Floats, by: int) -> Floats:
        shifted: Floats = pd.Series(values).groupby(self.patient).shift(by).to_numpy(dtype=np.float64)
        return shifted

    def _dosed(self, doses: Parsed | None) -> Mask:
        """Whether the patient got a dose after the sample before, and not after this one."""
        if doses is None:
            return np.zeros(len(self.level), dtype=bool)
        given = doses.usable()[["patient", "moment"]].astype(np.float64).sort_values("moment")
        asked = pd.DataFrame({"patient": self.patient.astype(np.float64), "moment": self.day + 1.0})
        asked["row"] = np.arange(len(asked))
        known = given.assign(last=given["moment"])
        joined = pd.merge_asof(asked.sort_values("moment"), known, on="moment", by="patient").sort_values("row")
        last = joined["last"].to_numpy(dtype=np.float64)
        dosed: Mask = last >= self.day - np.nan_to_num(self.since, nan=30.0) - 1.0
        return dosed

    def times(self) -> Floats:
        """This level over the nearer of its two neighbours; nan for a patient with less than three."""
        before = np.where(np.isnan(self.before), self._shifted(self.level, -2), self.before)
        after = np.where(np.isnan(self.after), self._shifted(self.level, 2), self.after)
        above = self.level / np.maximum(before, after)
        below = self.level / np.minimum(before, after)
        times: Floats = np.where(above >= 1, above, np.where(below <= 1, below, 1.0))
        return np.where(np.isnan(above), np.nan, times)

    def too_high(self, times: Floats) -> Mask:
        """Far above both, risen faster than by production, or fallen faster than IgG is broken down."""
        enough = times >= np.where(self.inner, TIMES_BESIDE, TIMES_AT_AN_END)
        rise = (self.level - self.before) / self.since > RISE_G_PER_L_DAY
        fall = self.until < FALL_HALF_LIFE_DAY * np.log2(self.level / self.after)
        unexplained = np.where(np.isnan(self.before), fall & ~self.dosed, rise & ~self.dosed)
        far: Mask = (
            enough & (times < MOST_TIMES) & (unexplained | (self.level > HIGHEST_BY_A_DOSE) | (fall & self.inner))
        )
        return far

    def too_low(self, times: Floats) -> Mask:
        """Far below both, and fallen faster than IgG is broken down."""
        enough = 1.0 / times >= np.where(self.inner, TIMES_BESIDE, TIMES_AT_AN_END)
        fall = self.since < FALL_HALF_LIFE_DAY * np.log2(self.before / self.level)
        low: Mask = enough & (1.0 / times < MOST_TIMES) & fall
        return low
