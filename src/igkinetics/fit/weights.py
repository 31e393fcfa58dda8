"""Prior weights of the average over structures and drift: as assumed, and as a cohort moves them (docs/model 3.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.fit.options import AVERAGED
from igkinetics.kinetics.parameters import Floats

DRIFT_SDS: Final = (0.0, 0.25, 0.4)
"""What the SD of the drift may be under the fitted structure, as a share of the level."""
N_DRIFT, UNLIKE_AT, HEAVY_AT, OTHERS_AT = 3, 3, 4, 5
COUNTS_AS: Final = 20.0
"""Patients of whom the assumed weights would be the outcome: a cohort of fewer moves them little."""
STEADY_AT_LEAST: Final = 0.05
SMALL: Final = 1e-7
MOST_ROUNDS: Final = 5000
HUNDRED: Final = 100.0
"""Weights are whole hundredths, so that one patient more or less rarely changes anybody else's numbers."""


@dataclass(frozen=True, slots=True)
class AverageWeights:
    """Prior weights that add up to 1: of the fitted structure with each SD of the drift (the first: without), of the
    same in a patient unlike those of the card, and with heavy-tailed errors, and of all other structures together."""

    drift: tuple[float, ...]
    unlike: float
    heavy: float
    others: float

    @property
    def by_name(self) -> dict[str, float]:
        """AVERAGED with their weights."""
        return dict(zip(AVERAGED, (*self.drift, self.unlike, self.heavy, self.others), strict=True))


def named(by_name: Mapping[str, float]) -> AverageWeights:
    """From AVERAGED with their weights."""
    each = [float(by_name[name]) for name in AVERAGED]
    return AverageWeights(tuple(each[:N_DRIFT]), *each[N_DRIFT:])


FIT: Final = AverageWeights((0.18, 0.20, 0.25), 0.23, 0.07, 0.07)
"""Of one patient: a nadir looks back over a record in which something may have happened."""
FIT_AT_LEAST: Final = (0.0, 0.8, 0.8, 1.0, 0.8, 0.8)
"""Shares of these that no cohort takes away: departures too small for single records to show (a laboratory that reads
10 % higher from some day on) move nadirs all the same."""
FORECAST: Final = AverageWeights((0.274, 0.07, 0.05), 0.35, 0.15, 0.106)
"""Of a forecast, which looks ahead some weeks from the last sample: less drift, and more heavy tails, on which the
place of one new value rests."""


def moved_by(evidence: Floats, assumed: AverageWeights, at_least: Sequence[float]) -> AverageWeights:
    """The weights that make the evidence (n, 6) of a cohort's patients most likely, beside COUNTS_AS patients of whom
    the assumed ones are the outcome; none below its share `at_least` (6,; or none) of the assumed.

    evidence: log marginal likelihood of each component, nan where a patient cannot have it or says nothing of it.
    The order of patients changes nothing. Source: the EM algorithm for mixing proportions with a Dirichlet prior.
    """
    start = np.array([*assumed.by_name.values()])
    known = evidence[np.isfinite(evidence).any(axis=1)]
    known = known[np.lexsort(known.T)]
    weights = start.copy()
    likelihood = np.exp(known - np.nanmax(known, axis=1, keepdims=True)) if known.size else known
    for _ in range(MOST_ROUNDS):
        told = np.where(np.isnan(likelihood), 0.0, likelihood) * weights
        of_told = np.where(np.isnan(likelihood), 0.0, weights).sum(axis=1, keepdims=True)
        told = np.where(np.isnan(likelihood), weights, told / told.sum(axis=1, keepdims=True) * of_told)
        new = (told.sum(axis=0) + COUNTS_AS * start) / (len(known) + COUNTS_AS)
        done = np.abs(new - weights).max() < SMALL
        weights = new
        if done:
            break
    weights = np.maximum(weights, np.array(at_least) * start) if at_least else weights
    weights[0] = max(1.0 - weights[1:].sum(), min(STEADY_AT_LEAST, weights[0]))
    return named(dict(zip(AVERAGED, rounded(weights / weights.sum()), strict=True)))


def rounded(weights: Floats) -> Floats:
    """To hundredths that add up to 1, none below one; those that rounding down costs most are rounded up."""
    hundredths = weights * HUNDRED
    whole = np.maximum(np.floor(hundredths), 1.0)
    left = round(float(HUNDRED - whole.sum()))
    whole[np.argsort(whole - hundredths, kind="stable")[: max(left, 0)]] += 1.0
    whole[np.argmax(whole)] += min(left, 0)
    return whole / HUNDRED
