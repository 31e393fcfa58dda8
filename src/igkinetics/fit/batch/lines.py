"""Fits of a chunk as straight lines, with the mean scores of their posteriors: what a common step is looked for in."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

import numpy as np
from scipy.special import log_ndtr

from igkinetics.fit.batch.fitted import Fitted
from igkinetics.fit.batch.inputs import LOGITS
from igkinetics.fit.batch.run import Chunk
from igkinetics.fit.common_steps import LEAST_EFFECTIVE, Linear, Steady, mean_scores
from igkinetics.fit.mixture import PROPOSAL_DF
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import C_BASE, C_INIT, N_PARAMETERS, Floats

N_POINTS: Final = 128
"""Of each patient, from the t distribution around the optimum."""


def lines_in(fitted: Fitted, asked: Collection[str]) -> dict[str, Linear]:
    return dict(each_line(fitted, asked))


def each_line(fitted: Fitted, asked: Collection[str]) -> Iterator[tuple[str, Linear]]:
    """Every fit of those asked, with two measured levels or more, as a straight line."""
    chunk = fitted.chunk
    found, records, priors = chunk.found, chunk.records, chunk.priors
    for row, name in zip(fitted.rows, fitted.ids, strict=True):
        first, last = records.sample_at[row], records.sample_at[row + 1]
        measured = records.limit[first:last] == 0
        if name not in asked or measured.sum() < 2:
            continue
        begin, n = found.information_at[row], last - first
        information = found.information[begin : begin + n * n].reshape(n, n)
        free = priors.free[row, 0, : priors.p[row, 0]]
        mu, sd = priors.mu[row, 0, : free.size], priors.sd[row, 0, : free.size]
        with np.errstate(over="ignore", invalid="ignore"):  # in points so far off that they weigh nothing
            drawn, levels = steady_points(row, chunk)
        scores = mean_scores(levels, records.igg[first:last], (priors.a, priors.b), drawn.weights)
        pulled, precision = np.zeros(N_PARAMETERS), np.zeros(N_PARAMETERS)
        precision[free] = 1.0 / sd**2
        pulled[free] = (drawn.weights @ drawn.x - mu) / sd**2
        level = found.samples[first:last, 1]
        yield (
            str(name),
            Linear(
                day=records.day[first:last][measured],
                level=level[measured],
                pull=(scores / level)[measured],
                information=information[np.ix_(measured, measured)],
                design=found.design[first:last][measured],
                pulled=pulled,
                precision=precision,
            ),
        )


def steady_points(row: int, chunk: Chunk) -> tuple[Steady, Floats]:
    """Weighted points from the posterior of one patient under the fitted structure without drift, by importance
    sampling around its optimum, with their levels at the samples (m, n); the optimum alone where weights fail."""
    found, records, priors = chunk.found, chunk.records, chunk.priors
    free = priors.free[row, 0, : priors.p[row, 0]]
    best, p = found.slot_x[row, 0, : free.size], free.size
    generator = np.random.default_rng(int(chunk.how.seeds[row]))
    away = (
        generator.standard_normal((N_POINTS, p))
        / np.sqrt(generator.chisquare(PROPOSAL_DF, N_POINTS) / PROPOSAL_DF)[:, None]
    )
    away[0] = 0.0
    x = best + away @ root_of_inverse(0.5 * found.hessian[row, :p, :p])
    theta = natural(x, free, priors.fixed[row, 0])
    samples = slice(records.sample_at[row], records.sample_at[row + 1])
    schedule = records.schedule[records.schedule_at[row] : records.schedule_at[row + 1]]
    levels = np.add(*igg_curve(theta, schedule, records.day[samples]))
    spread = np.sqrt(priors.a**2 + (priors.b * levels) ** 2)
    gap, limit = (records.igg[samples] - levels) / spread, records.limit[samples]
    terms, beyond = -0.5 * gap**2 - np.log(spread), limit != 0
    terms[:, beyond] = log_ndtr(-limit[beyond] * gap[:, beyond])
    to_prior = (x - priors.mu[row, 0, :p]) / priors.sd[row, 0, :p]
    proposed = -0.5 * (PROPOSAL_DF + p) * np.log1p(np.sum(away**2, axis=1) / PROPOSAL_DF)
    logs = np.nan_to_num(terms.sum(axis=1) - 0.5 * np.sum(to_prior**2, axis=1) - proposed, nan=-np.inf)
    weights = np.exp(logs - np.max(logs))
    weights /= weights.sum()
    if not 1.0 / np.sum(weights**2) >= LEAST_EFFECTIVE:
        return Steady(theta[:1], x[:1], np.ones(1)), levels[:1]
    kept = weights > 0.0
    return Steady(theta[kept], x[kept], weights[kept]), levels[kept]


def root_of_inverse(information: Floats) -> Floats:
    """L^-1, with information = L L'; 0 where that is not positive definite, so that all points are one."""
    try:
        return np.asarray(np.linalg.inv(np.linalg.cholesky(information)))
    except np.linalg.LinAlgError:
        return np.zeros_like(information)


def natural(x: Floats, free: np.ndarray, fixed: Floats) -> Floats:
    """Parameter vectors (m, 13) at x (m, p), as fill_theta makes one; C_init is a ratio to C_base there."""
    theta = np.tile(fixed, (x.shape[0], 1))
    theta[:, free] = np.where(LOGITS[free], 1.0 / (1.0 + np.exp(-x)), np.exp(x))
    theta[:, C_INIT] *= theta[:, C_BASE]
    return theta
