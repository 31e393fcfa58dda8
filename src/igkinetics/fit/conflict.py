"""Do the patients of a cohort, taken together, contradict the card? (DESIGN 2.3)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.fit.problem import PRIOR_NAME
from igkinetics.fit.result import PatientFit

FLAG_BEYOND: Final = 3.0


def contraction(fit: PatientFit) -> dict[str, float]:
    """1 - (posterior SD / prior SD)^2 per estimated parameter: 0 nothing learnt, 1 all learnt."""
    problem, _, draws = fit.fitted()
    return dict(zip(problem.names, 1.0 - (draws.sd() / problem.prior_sd) ** 2, strict=True))


def prior_conflict(fits: Sequence[PatientFit]) -> pd.DataFrame:
    """Mean eta (MAP minus typical, estimation scale) per parameter over its expected standard error.

    A patient's eta varies by contraction * prior variance; the card's own uncertainty is shared by all patients,
    so it does not average out. Fits without a prior take no part: nothing draws their etas to it.
    Columns: parameter, mean_eta, expected_se, ratio, n, flagged (|ratio| > 3).
    """
    gathered: dict[str, list[tuple[float, float, float, float]]] = {}
    for fit in fits:
        if fit.status != "fitted":
            continue
        problem, optimum, _ = fit.fitted()
        if not problem.has_prior:
            continue
        learnt = contraction(fit)
        for i, name in enumerate(problem.names):
            shared = fit.prior.uncertainty[PRIOR_NAME.get(name, name)]
            share = min(max(learnt[name], 0.0), 1.0)
            eta = float(optimum.x[i] - problem.mu[i])
            gathered.setdefault(name, []).append((eta, share, float(problem.prior_sd[i]), shared))
    rows = []
    for name, found in gathered.items():
        eta, share, sd, shared = np.array(found).T
        n = eta.size
        common = np.sum(share * shared) ** 2 - np.sum((share * shared) ** 2)
        expected = float(np.sqrt(np.sum(share * sd**2) + common) / n)
        ratio = float(eta.mean() / expected) if expected > 0 else np.nan
        rows.append((name, float(eta.mean()), expected, ratio, n, bool(abs(ratio) > FLAG_BEYOND)))
    return pd.DataFrame(rows, columns=["parameter", "mean_eta", "expected_se", "ratio", "n", "flagged"])
