"""The interval of a mean over patients: what draws of the population level do to it, and how few the patients are.

How a mean depends on the population level is fitted to patients at different levels (virtual/uncertainty): shares on
the scale of log odds, other means on that of logarithms, as a second-degree polynomial of the level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import expit, logit, ndtri

from igkinetics.dosing.cases import Uncertain
from igkinetics.fit.posterior import weighted_quantiles
from igkinetics.kinetics.parameters import Floats
from igkinetics.parallel import Workers
from igkinetics.scenarios.tally import Tally

PRODUCTS_UP_TO: Final = 8
"""Directions up to which the polynomial has products of two of them; beyond, squares alone."""
STEPS: Final = 25
SETTLED: Final = 0.02
"""Newton's steps end with the first below this: the next would be some thousandths."""
SPREAD_OF_SLOPES: Final = 3.0
"""Coefficients are drawn towards 0 as by a normal prior of this SD: it counts only where hardly any patient differs."""
WIDEST: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedMeans:
    """What draws of the population level do to means, on the scale of log odds where is_share (column), else of
    logarithms.

    by_draw (model, draw, column): how far each draw moves the mean; level (model, column): the mean itself, as fitted,
    which is worth that of n (model) patients.
    """

    by_draw: Floats
    level: Floats
    n: Floats
    is_share: tuple[bool, ...]

    def levels(self, tally: Tally, column: int) -> Floats:
        """(model, draw): the means moved. The mean itself is known from all patients and from the fit, each by its
        number of patients."""
        means, known = tally.means[:, column], tally.n[:, column]
        moved, fitted_level = self.by_draw[:, :, column], self.level[:, column]
        part = self.n / (self.n + known)
        if self.is_share[column]:
            own = odds_of(means, known)
            return np.asarray(expit((own + part * (fitted_level - own))[:, None] + moved))
        own = np.log(np.where(means > 0.0, means, 1.0))
        apart = np.where((means > 0.0) & np.isfinite(fitted_level), fitted_level - own, 0.0)
        return np.asarray(means[:, None] * np.exp((part * apart)[:, None] + moved))


def moved_means(values: Floats, uncertain: Uncertain, is_share: Sequence[bool], crew: Workers) -> MovedMeans:
    """values (case, column) of the cases of the uncertain population; nan is none. Threads share the columns."""
    models = [
        moved_by_model(values[uncertain.cases.model == number], at_cases, at_draws, uncertain.averaged, is_share, crew)
        for number, (at_cases, at_draws) in enumerate(zip(uncertain.at_cases, uncertain.at_draws, strict=True))
    ]
    by_draw, level, n = zip(*models, strict=True)
    return MovedMeans(by_draw=np.array(by_draw), level=np.array(level), n=np.array(n), is_share=tuple(is_share))


def moved_by_model(
    values: Floats, at_cases: Floats, at_draws: Floats, averaged: bool, is_share: Sequence[bool], crew: Workers
) -> tuple[Floats, Floats, float]:
    """by_draw (draw, column), level (column) and n of MovedMeans, for one model."""
    design, draws = polynomial(at_cases), polynomial(at_draws)
    main = draws.mean(axis=0) if averaged else polynomial(np.zeros((1, at_draws.shape[1])))[0]
    moves, levels = np.empty((len(draws), len(is_share))), np.empty(len(is_share))

    def work(part: slice) -> None:
        for column in range(*part.indices(len(is_share))):
            fit = fitted(design, values[:, column], is_share=is_share[column])
            link = fit.over(draws)
            if not averaged:
                levels[column] = fit.offset + float(main @ fit.slopes)
            elif is_share[column]:
                levels[column] = logit(expit(link).mean())
            else:
                levels[column] = np.log(np.exp(link).mean())
            moves[:, column] = link - levels[column]

    crew.over(len(is_share), 1, work)
    return moves, levels, 1.0 / float(main @ np.linalg.solve(design.T @ design, main))


def polynomial(at: Floats) -> Floats:
    """(n, term): 1, each direction, squares, and products of two where there are few directions."""
    n = at.shape[1]
    first, second = np.triu_indices(n) if n <= PRODUCTS_UP_TO else (np.arange(n), np.arange(n))
    return np.concatenate([np.ones((len(at), 1)), at, at[:, first] * at[:, second]], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The link of a mean as offset + design @ slopes, with the covariance of the slopes."""

    offset: float
    slopes: Floats
    covariance: Floats

    def over(self, draws: Floats) -> Floats:
        """(draw): the link under draws (draw, term), without the scatter that the fit's own error adds to it."""
        link, centred = draws @ self.slopes, draws - draws.mean(axis=0)
        middle, found = float(link.mean()), float(link.var())
        own = float(np.einsum("ij,ij->", centred @ self.covariance, centred)) / len(draws)
        share = np.sqrt(max(0.0, 1.0 - own / found)) if found > 0.0 else 0.0
        return np.asarray(self.offset + middle + share * (link - middle))


def fitted(design: Floats, values: Floats, *, is_share: bool) -> Fitted:
    """By iterated weighted least squares; flat where no two values differ."""
    known = ~np.isnan(values)
    x, y = (design, values) if known.all() else (design[known], values[known])
    slopes, terms = np.zeros(design.shape[1]), design.shape[1]
    if y.size == 0 or y.min() == y.max():
        same = np.full(1, y[0] if y.size else 0.5)
        flat = float(odds_of(same, np.full(1, float(y.size)))[0]) if is_share else float(np.log(same[0] or 1.0))
        return Fitted(offset=flat, slopes=slopes, covariance=np.zeros((terms, terms)))
    offset = 0.0 if is_share else float(np.log(y.mean()))
    y = y if is_share else y / y.mean()
    slopes[0] = float(logit(y.mean())) if is_share else 0.0
    prior = np.eye(terms) / SPREAD_OF_SLOPES**2
    prior[0, 0] = 0.0
    for _ in range(STEPS):
        linear = np.clip(x @ slopes, -WIDEST, WIDEST)
        mean = expit(linear) if is_share else np.exp(linear)
        weight = mean * (1.0 - mean) if is_share else mean
        information = (x.T * weight) @ x + prior
        step = np.linalg.solve(information, x.T @ (y - mean) - prior @ slopes)
        slopes = slopes + step * min(1.0, 4.0 / np.abs(step).max())
        if np.abs(step).max() < SETTLED:
            break
    scatter = 1.0 if is_share else float(np.mean((y - mean) ** 2 / mean))
    return Fitted(offset=offset, slopes=slopes, covariance=np.asarray(scatter * np.linalg.inv(information)))


def odds_of(share: Floats, n: Floats) -> Floats:
    """Log odds of a share among n, finite at 0 and 1 (half a patient is added on either side)."""
    return np.asarray(logit((share * n + 0.5) / (n + 1.0)))


def mean_interval(
    tally: Tally, draws: Floats | None, weights: Floats, column: int, level: float, *, is_own: bool
) -> tuple[float, float, float, float]:
    """Mean over patients and models, the ends of its interval, its Monte Carlo error.

    The interval holds what draws of the parameters do to the mean and, in quadrature, the error of a finite number of
    virtual patients; means of several models enter by their weights. draws (model, draw): the mean under each draw of
    the population level; None: as tallied. is_own: the patients are the population itself.
    """
    shares = weights / weights.sum()
    mean = float(shares @ tally.means[:, column])
    error = 0.0 if is_own else float(np.sqrt(np.sum((shares * tally.errors[:, column]) ** 2)))
    draws = tally.by_draw[:, :, column] if draws is None else draws
    each = np.repeat(shares / draws.shape[1], draws.shape[1])
    tail = (1.0 - level) / 2.0
    known = ~np.isnan(draws.reshape(-1))  # a draw under which no patient has a value says nothing
    if not known.any() or np.isnan(mean):
        return mean, np.nan, np.nan, error
    ends = weighted_quantiles(draws.reshape(-1)[known], each[known], np.array([tail, 1.0 - tail])) - mean
    sampling = error * float(ndtri(1.0 - tail))
    lower, upper = -np.hypot(min(ends[0], 0.0), sampling), np.hypot(max(ends[1], 0.0), sampling)
    return mean, mean + float(lower), mean + float(upper), error
