"""Which patients of a large cohort are drawn one by one: a stated choice, not the first in the file."""

from __future__ import annotations

import zlib
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.study.plots import fitted_nadirs
from igkinetics.study.result import CohortFit

MOST_DRAWN: Final = 60
"""Patients that get a part of the report of their own; a chart takes some 20 ms and 20 kB."""
LOWEST, WORST, RANDOM = "lowest nadir", "worst fit", "chosen at random"
UNEXPLAINED: Final = ("unexplained_change", "not_converged", "at_bound")
"""Not fitted though there were samples: worse than any fit."""


def selected_patients(fit: CohortFit, most: int = MOST_DRAWN) -> dict[str, str]:
    """Patient -> why drawn, "" for all of a cohort of `most` or fewer (in its order).

    Else a third each: lowest fitted nadirs; worst fits (first those that the model cannot explain, then the largest
    spread of residuals); and others at random by the fit's seed.
    """
    everyone = list(fit.cohort.patient_ids)
    if len(everyone) <= most:
        return dict.fromkeys(everyone, "")
    third = most // 3
    chosen = dict.fromkeys(fitted_nadirs(fit)["patient_id"].head(third), LOWEST)
    worst = [name for name in worst_fits(fit) if name not in chosen]
    chosen |= dict.fromkeys(worst[:third], WORST)
    rest = [name for name in everyone if name not in chosen]
    generator = np.random.default_rng([fit.options.seed, zlib.crc32(b"selection")])
    n_random = min(most - len(chosen), len(rest))
    places = np.sort(generator.choice(len(rest), size=n_random, replace=False))
    return chosen | {rest[place]: RANDOM for place in places}


def worst_fits(fit: CohortFit) -> list[str]:
    """Patients that the model cannot explain, then the fitted ones by falling spread of IWRES."""
    unexplained = fit.patients.loc[fit.patients["status"].isin(UNEXPLAINED), "patient_id"]
    spread = pd.to_numeric(fit.diagnostics["iwres_sd"])
    order = fit.diagnostics.assign(spread=spread)[spread.notna()].sort_values("spread", ascending=False, kind="stable")
    return [*unexplained, *order["patient_id"]]
