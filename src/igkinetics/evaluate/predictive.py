"""The predictive distribution of one measurement: a mixture over draws of the level, each with the error of the assay
(docs/model.md 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr, logsumexp, ndtr, ndtri
from scipy.stats import t as student_t

from igkinetics.fit.likelihood import LOGNORMAL, STUDENT_DF, STUDENT_T
from igkinetics.kinetics.parameters import Floats

SLICES: Final = 25
"""Equally likely slices of the error of each draw, by whose middles quantiles are taken."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictive:
    """levels (n,): draws of equal weight of the true level, g/L; a (g/L), b: error; kind (n,): how measurements of each
    draw scatter, of RESIDUALS in `likelihood.py`."""

    levels: Floats
    a: float
    b: float
    kind: npt.NDArray[np.int8]

    def _sd(self) -> Floats:
        """Of the error of each draw: of the level, or of its logarithm under log-normal error."""
        spread = np.hypot(self.a, self.b * self.levels)
        return np.where(self.kind == LOGNORMAL, np.sqrt(np.log1p((spread / self.levels) ** 2)), spread)

    def _distance(self, value: float) -> Floats:
        """Standard deviations from each draw to a value."""
        logs = np.log(value) - np.log(self.levels) if value > 0 else np.full(self.levels.size, -np.inf)
        return np.asarray(np.where(self.kind == LOGNORMAL, logs, value - self.levels) / self._sd())

    def p_below(self, value: float) -> float:
        """Probability that a measurement lies below this value (g/L)."""
        z = self._distance(value)
        return float(np.mean(np.where(self.kind == STUDENT_T, student_t.cdf(z, STUDENT_DF), ndtr(z))))

    def log_score(self, value: float, limit: int) -> float:
        """Log density (per g/L) of a measured value; of one beyond a limit (-1 below, +1 above) log probability."""
        z = self._distance(value)
        heavy = self.kind == STUDENT_T
        if limit:
            logs = np.where(heavy, student_t.logcdf(-limit * z, STUDENT_DF), log_ndtr(-limit * z))
        else:
            logs = np.where(heavy, student_t.logpdf(z, STUDENT_DF), -0.5 * (z**2 + np.log(2.0 * np.pi)))
            logs = logs - np.log(self._sd()) - np.where(self.kind == LOGNORMAL, np.log(value), 0.0)
        return float(logsumexp(logs) - np.log(self.levels.size))

    def quantiles(self, shares: Floats) -> Floats:
        """Values (g/L), none below 0, below which measurements lie with these probabilities."""
        middles = (np.arange(SLICES) + 0.5) / SLICES
        kind, level = self.kind[:, None], self.levels[:, None]
        error = self._sd()[:, None] * np.where(kind == STUDENT_T, student_t.ppf(middles, STUDENT_DF), ndtri(middles))
        every = level * np.exp(np.where(kind == LOGNORMAL, error, 0.0)) + np.where(kind == LOGNORMAL, 0.0, error)
        return np.asarray(np.quantile(np.maximum(every, 0.0), shares, method="hazen"))

    def pit(self, value: float, limit: int, uniform: float) -> float:
        """Where a measurement lies among those predicted, between 0 and 1; beyond a limit at a random place there
        (uniform: between 0 and 1), so that it is uniform if the prediction is right."""
        p = self.p_below(value)
        if limit < 0:
            return uniform * p
        return p + uniform * (1.0 - p) if limit > 0 else p
