"""The raw nadir: the lowest measured value in the window, its earliest day, and how many samples looked for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from igkinetics.cohort.model import Patient
from igkinetics.cohort.windows import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class RawNadir:
    """Levels g/L (nan without samples in the window), days. baseline: last value measured up to the window's start."""

    value: float
    day: float
    below_limit: bool
    n_samples: int
    n_below_limit: int
    baseline: float


def raw_nadir(patient: Patient, window: Window) -> RawNadir:
    """Lowest value in the closed window; a value below the limit counts as that limit and sets the flag.

    Values above an upper limit are never lowest unless nothing else was measured, and then give that limit.
    """
    if not window.exists:
        return RawNadir(value=np.nan, day=np.nan, below_limit=False, n_samples=0, n_below_limit=0, baseline=np.nan)
    inside = (patient.sample_day >= window.start) & (patient.sample_day <= window.end)
    before = (patient.sample_day <= window.start) & (patient.sample_limit == 0)
    baseline = float(patient.sample_igg[before][-1]) if before.any() else np.nan
    n_below = int(np.sum(patient.sample_limit[inside] < 0))
    if not inside.any():
        return RawNadir(value=np.nan, day=np.nan, below_limit=False, n_samples=0, n_below_limit=0, baseline=baseline)
    days, levels, limits = (values[inside] for values in (patient.sample_day, patient.sample_igg, patient.sample_limit))
    order = np.lexsort((days, limits, levels, limits > 0))  # at equal levels, "below" is lower than measured
    lowest = int(order[0])
    return RawNadir(
        value=float(levels[lowest]),
        day=float(days[lowest]),
        below_limit=bool(limits[lowest] < 0),
        n_samples=int(inside.sum()),
        n_below_limit=n_below,
        baseline=baseline,
    )
