"""Between groups, as a cohort study does it: differences of means, per draw, with the scatter between patients.

Reference priors: mean given the values of a group ~ mean + t_(n-1) s/sqrt(n) (Box and Tiao, Bayesian Inference in
Statistical Analysis, 1973, 2.4-2.5); regression coefficients likewise, with n - p degrees of freedom. With values
that differ from draw to draw, each draw adds its own scatter, so both kinds of uncertainty are in the interval.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student_t

from igkinetics.kinetics.parameters import Floats

Mask = npt.NDArray[np.bool_]
GRID: Final = 501
"""Places of the scatter of either side that are combined, where nothing but that scatter is uncertain."""


def measured_difference(values: Floats, group: Mask, n_draws: int) -> Floats:
    """Values (n_draws,) spread as mean(group) - mean(rest) is, in ascending order; their median is the difference of
    the data itself. values (n_patient,), known; both sides need two patients (AssertionError).
    """
    if min(group.sum(), (~group).sum()) < 2:
        raise AssertionError("a mean difference needs two patients on each side")
    places = (np.arange(GRID) + 0.5) / GRID
    scatter = [
        values[side].std(ddof=1) / np.sqrt(side.sum()) * student_t.ppf(places, side.sum() - 1)
        for side in (group, ~group)
    ]
    difference = values[group].mean() - values[~group].mean()
    spread = np.quantile(np.add.outer(*scatter), (np.arange(n_draws) + 0.5) / n_draws)
    return np.asarray(difference + 0.5 * (spread - spread[::-1]))


def mean_difference(values: Floats, group: Mask, generator: np.random.Generator) -> Floats:
    """Draws (n,) of mean(group) - mean(rest). values (n, n_patient); both sides need two patients (AssertionError)."""
    if min(group.sum(), (~group).sum()) < 2:
        raise AssertionError("a mean difference needs two patients on each side")
    total = np.zeros(values.shape[0])
    for side, sign in ((group, 1.0), (~group, -1.0)):
        n = int(side.sum())
        error = values[:, side].std(axis=1, ddof=1) / np.sqrt(n)
        total += sign * (values[:, side].mean(axis=1) + error * generator.standard_t(n - 1, values.shape[0]))
    return total


def adjusted_difference(values: Floats, design: Floats, generator: np.random.Generator) -> Floats:
    """Draws (n,) of the coefficient of the design's first column. values (n, n_patient); design (n_patient, p).

    The design must have full column rank and fewer columns than rows (AssertionError).
    """
    n_patients, p = design.shape
    if n_patients <= p or np.linalg.matrix_rank(design) < p:
        raise AssertionError("the design needs more patients than columns, and no column made of others")
    inverse = np.linalg.inv(design.T @ design)
    coefficients = values @ design @ inverse
    residual = values - coefficients @ design.T
    variance = (residual**2).sum(axis=1) / (n_patients - p)
    error = np.sqrt(variance * inverse[0, 0])
    noise: Floats = generator.standard_t(n_patients - p, values.shape[0])
    return np.asarray(coefficients[:, 0] + error * noise)


def shrinkage(values: Floats) -> float:
    """Share of the variance of the patients' values that lies within patients, not between their means.

    values (n, n_patient). 0: every patient speaks for itself (or nothing varies at all); 1: nothing separates them.
    """
    within = float(values.var(axis=0).mean())
    between = float(values.mean(axis=0).var(ddof=1))
    return within / (within + between) if within > 0 else 0.0
