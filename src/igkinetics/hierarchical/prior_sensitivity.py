"""What half and double the width of the population priors would do, without sampling again where possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd
from arviz_stats.base import array_stats
from scipy.special import logsumexp

from igkinetics.hierarchical.fit import SampledCohort
from igkinetics.hierarchical.leave_one_out import GOOD_PARETO_K, weighted_interval
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.reading import phi_of
from igkinetics.kinetics.parameters import Floats

SCALES: Final = (0.5, 1.0, 2.0)
SENSITIVITY_COLUMNS: Final = ("quantity", "prior_scale", "median", "lower", "upper", "level", "method", "pareto_k")

Quantities = Mapping[str, Floats]
"""Name -> draws (n,), chains one after the other."""
Refit = Callable[[Population], Quantities]
"""Samples the model again with other priors and gives the same quantities."""


def rescaled(population: Population, scale: float) -> Population:
    """The population model with the SD of every normal prior multiplied; an LKJ prior stays as asked for."""
    sd = population.prior_sd.copy()
    sd[: population.n_normal] *= scale
    return replace(population, prior_sd=sd)


def reweighting(phi: Floats, population: Population, scale: float) -> tuple[Floats, float]:
    """Normalised log weights (n,) that turn draws phi (n, k) into those of the rescaled prior; Pareto k."""
    active = population.active_normal
    squared = ((phi[:, active] - population.prior_mean[active]) / population.prior_sd[active]) ** 2
    raw = 0.5 * squared.sum(axis=1) * (1.0 - scale**-2.0)
    smoothed, shape = array_stats.psislw(-raw)  # it takes log likelihoods: the negative of log ratios
    smoothed = np.asarray(smoothed)
    return smoothed - logsumexp(smoothed), float(shape)


def prior_sensitivity(sampled: SampledCohort, quantities: Quantities, level: float, refit: Refit) -> pd.DataFrame:
    """Each quantity at half, as given and double prior width: by reweighting, or by a refit where that fails."""
    phi = phi_of(sampled.trace.u.reshape(-1, sampled.trace.u.shape[-1]), sampled.whitening)
    rows = []
    for scale in SCALES:
        log_weights, shape = (
            reweighting(phi, sampled.population, scale)
            if scale != 1.0
            else (np.full(phi.shape[0], -np.log(phi.shape[0])), np.nan)
        )
        method, values = "as sampled" if scale == 1.0 else "reweighted", quantities
        if shape > GOOD_PARETO_K:
            method, values = "sampled again", refit(rescaled(sampled.population, scale))
            log_weights = np.full(next(iter(values.values())).size, -np.log(next(iter(values.values())).size))
        for name, draws in values.items():
            median, lower, upper = weighted_interval(draws, log_weights, level)
            rows.append(
                {
                    "quantity": name,
                    "prior_scale": scale,
                    "median": median,
                    "lower": lower,
                    "upper": upper,
                    "level": level,
                    "method": method,
                    "pareto_k": shape,
                }
            )
    return pd.DataFrame(rows, columns=list(SENSITIVITY_COLUMNS))
