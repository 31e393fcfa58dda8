"""Why `compare` and `effect` give different differences of one cohort: by label or by infusions, of pairs or of means.

The lowest measured IgG of the same patients in the same windows, told apart three times. The first is what
`compare` reports, the last what `effect` reports as the naive difference; what lies between them is the statistic,
then who counts as infused.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.windows import nadir_window
from igkinetics.compare.statistics import shift
from igkinetics.fit.nadirs import raw_nadir
from igkinetics.kinetics.parameters import Floats


class ThreeWays(NamedTuple):
    """Differences of the lowest measured IgG, g/L; nan where a side is empty. of_pairs, of_means: first label minus
    second; of_infused: ever minus never infused in the window, whatever the label."""

    of_pairs: float
    of_means: float
    of_infused: float


def three_ways(cohort: Cohort, labels: tuple[str, str], ids: Collection[str] | None = None) -> ThreeWays:
    """Of these patients; None: of all, with their first records."""
    values, groups, infused = [], [], []
    for patient in cohort.first_records().each_patient():
        window = nadir_window(patient)
        lowest = raw_nadir(patient, window).value
        if np.isnan(lowest) or (ids is not None and patient.patient_id not in ids):
            continue
        values.append(lowest)
        groups.append(patient.group)
        infused.append(bool(np.any((patient.dose_day >= window.start) & (patient.dose_day <= window.end))))
    igg, label, ever = np.array(values, dtype=float), np.array(groups, dtype=str), np.array(infused, dtype=bool)
    a, b = igg[label == labels[0]], igg[label == labels[1]]
    return ThreeWays(shift(a, b, 0.95)[0].value, difference_of_means(a, b), difference_of_means(igg[ever], igg[~ever]))


def difference_of_means(a: Floats, b: Floats) -> float:
    """a minus b; nan where one of them is empty."""
    return float(a.mean() - b.mean()) if a.size and b.size else np.nan
