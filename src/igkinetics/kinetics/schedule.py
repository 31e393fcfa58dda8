"""What is done to a patient, as a table of segments between events; holds no parameter."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.parameters import Floats

Schedule = Floats
"""(n_segment, 7): a segment lasts from its start to the next one's, the last for ever. Boluses fall at its start."""

START, IV_RATE, SC_RATE, IV_BOLUS, SC_BOLUS, ON_THERAPY, MODIFIED = range(7)
COLUMNS: Final = 7


def build_schedule(
    *,
    start_day: float,
    dose_day: npt.ArrayLike = (),
    dose_g: npt.ArrayLike = (),
    dose_duration_day: npt.ArrayLike = (),
    dose_is_sc: npt.ArrayLike = (),
    therapy_start: npt.ArrayLike = (),
    therapy_stop: npt.ArrayLike = (),
    modified: tuple[float, float] | None = None,
) -> Schedule:
    """Segments from start_day on. Days, g; therapy intervals [start, stop) disjoint, stop may be inf.

    modified: the interval in which clearance_ratio and production_ratio act. Doses that overlap add up.
    Nothing may lie before start_day (checked where data enter; here an AssertionError).
    """
    doses = np.column_stack(
        [np.asarray(column, dtype=float).reshape(-1) for column in (dose_day, dose_g, dose_duration_day, dose_is_sc)]
    )
    therapy = np.column_stack([np.asarray(column, dtype=float).reshape(-1) for column in (therapy_start, therapy_stop)])
    window = np.array(modified if modified is not None else (np.inf, np.inf), dtype=float)
    earliest = min([start_day, *doses[:, 0], *therapy[:, 0]])
    if earliest < start_day:
        raise AssertionError(f"an event on day {earliest} lies before the start of the state, day {start_day}")
    return assemble_segments(float(start_day), doses, therapy, window)


@kernel
def assemble_segments(start_day: float, doses: Floats, therapy: Floats, window: Floats) -> Schedule:
    """doses (n, 4): day, g, duration, is_sc; therapy (m, 2): start, stop; window (2,)."""
    n_dose = doses.shape[0]
    n_therapy = therapy.shape[0]
    times = np.full(1 + 2 * n_dose + 2 * n_therapy + 2, np.inf)
    times[0] = start_day
    ends = doses[:, 0] + doses[:, 2]
    times[1 : 1 + n_dose] = doses[:, 0]
    times[1 + n_dose : 1 + 2 * n_dose] = ends
    times[1 + 2 * n_dose : 1 + 2 * n_dose + n_therapy] = therapy[:, 0]
    times[1 + 2 * n_dose + n_therapy : 1 + 2 * n_dose + 2 * n_therapy] = therapy[:, 1]
    times[-2:] = np.maximum(window, start_day)
    times = np.unique(times)
    starts = times[times < np.inf]
    table = np.zeros((starts.size, COLUMNS))
    table[:, START] = starts
    for i in range(n_dose):
        first = np.searchsorted(starts, doses[i, 0])
        length = ends[i] - doses[i, 0]  # as representable at this day: the amount given is conserved exactly
        subcutaneous = doses[i, 3] != 0.0
        if length <= 0.0:
            table[first, SC_BOLUS if subcutaneous else IV_BOLUS] += doses[i, 1]
        else:
            last = np.searchsorted(starts, ends[i])
            table[first:last, SC_RATE if subcutaneous else IV_RATE] += doses[i, 1] / length
    for i in range(n_therapy):
        for k in range(starts.size):
            if therapy[i, 0] <= starts[k] < therapy[i, 1]:
                table[k, ON_THERAPY] = 1.0
    for k in range(starts.size):
        if window[0] <= starts[k] < window[1]:
            table[k, MODIFIED] = 1.0
    return table
