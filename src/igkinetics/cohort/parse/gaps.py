"""Long gaps between a patient's samples: nothing is known of the IgG in between, which the reader should know."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.parse.findings import warn
from igkinetics.cohort.parse.parsed import Parsed, time_order

LONG_GAP_DAY: Final = 90.0
"""Some four half-lives of IgG: the sample before tells little about the one after."""
TIMES_THE_USUAL: Final = 3.0
FEWEST_GAPS: Final = 3
"""With fewer gaps a patient has no usual one, and the cohort's counts; with fewer in the cohort none does."""


def check_gaps(samples: Parsed) -> Parsed:
    """Warn of samples more than LONG_GAP_DAY, and more than TIMES_THE_USUAL the usual gap, after the one before."""
    rows = samples.usable()
    order = time_order(rows)
    patient, moment = rows["patient"].to_numpy()[order], rows["moment"].to_numpy(dtype=np.float64)[order]
    within = patient[1:] == patient[:-1]
    gap = np.where(within, np.diff(moment), 0.0)
    if not (gap > LONG_GAP_DAY).any():
        return samples
    some = gap > 0
    gaps = pd.Series(gap[some]).groupby(patient[1:][some])
    common = float(np.median(gap[some])) if some.sum() >= FEWEST_GAPS else 0.0
    own = gaps.median().where(gaps.size() >= FEWEST_GAPS, common).reindex(patient[1:]).to_numpy(dtype=np.float64)
    place = np.flatnonzero((gap > LONG_GAP_DAY) & (gap > TIMES_THE_USUAL * own))
    after = pd.Series(place, index=rows.index[order[place + 1]]).sort_index()
    line = samples.table.line[rows.index[order].to_numpy()]
    expected = [
        f"{gap[one]:.0f} days after the sample before (line {line[one]}): IgG in between is not known"
        for one in after
    ]
    column = samples.times[0].column
    return samples.with_findings(warn(samples.rows(after.index), column, samples.table.text[column], expected))
