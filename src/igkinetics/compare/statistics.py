"""Statistics of two independent groups: shift of medians, risks, times to an event, what a design can detect.

Arrays in, frozen numbers out; scipy does the statistics. Intervals are two-sided at `level`; nan where a sample is too
small for an interval of that level. Differences are group a minus group b.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
Method = Literal["asymptotic", "exact"]
NONE: Final = float("nan")
MOST_EXACT_PAIRS: Final = 2500
"""Up to so many pairs of patients the rank tests are exact; beyond, normal approximations differ by less than 0.001."""
JEFFREYS: Final = 0.5
"""Both parameters of the Beta prior of a risk (Brown, Cai, DasGupta, Statist Sci 2001;16:101)."""
GRID: Final = 1000
"""Quantiles of each posterior risk whose differences are formed; the interval ends are good to about 0.001."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A value with the ends of its interval."""

    value: float
    lower: float
    upper: float


UNKNOWN: Final = Interval(value=NONE, lower=NONE, upper=NONE)


def median(values: Floats, level: float) -> Interval:
    """Sample median with its exact (binomial, distribution-free) interval."""
    if values.size == 0:
        return UNKNOWN
    ends: Any = stats.quantile_test(values, q=float(np.median(values)), p=0.5).confidence_interval(level)
    return Interval(value=float(np.median(values)), lower=float(ends.low), upper=float(ends.high))


def shift(a: Floats, b: Floats, level: float) -> tuple[Interval, float]:
    """Hodges-Lehmann shift a - b with the interval that inverts the Mann-Whitney test, and that test's P.

    P has the normal approximation with ties and beyond MOST_EXACT_PAIRS; the interval takes the ranks as untied.
    """
    if a.size == 0 or b.size == 0:
        return UNKNOWN, NONE
    pairs = np.sort(np.subtract.outer(a, b).ravel())
    tied = np.unique(np.concatenate([a, b])).size < a.size + b.size
    method: Method = "asymptotic" if tied or pairs.size > MOST_EXACT_PAIRS else "exact"
    p = float(stats.mannwhitneyu(a, b, method=method).pvalue)
    rank = lowest_accepted_rank(a.size, b.size, level)
    lower, upper = (pairs[rank - 1], pairs[-rank]) if rank else (NONE, NONE)
    return Interval(value=float(np.median(pairs)), lower=float(lower), upper=float(upper)), p


def lowest_accepted_rank(n_a: int, n_b: int, level: float) -> int:
    """Smallest u with P(U <= u) >= (1 - level)/2 under equal groups; 0: no interval of this level exists."""
    method: Method = "exact" if n_a * n_b <= MOST_EXACT_PAIRS else "asymptotic"
    below, above = -1, n_a * n_b
    while above - below > 1:
        middle = (above + below) // 2
        a, b = ranked_with_u(middle, n_a, n_b)
        probability = float(stats.mannwhitneyu(a, b, method=method, alternative="less").pvalue)
        below, above = (below, middle) if probability >= 0.5 * (1.0 - level) else (middle, above)
    return above


def ranked_with_u(u: int, n_a: int, n_b: int) -> tuple[Floats, Floats]:
    """Two samples without ties whose Mann-Whitney statistic, the pairs with a above b, is u."""
    b = np.arange(n_b, dtype=float)
    whole, rest = divmod(u, n_b)
    a = -1.0 - np.arange(n_a, dtype=float)
    a[:whole] = n_b + np.arange(whole)
    if rest:
        a[whole] = rest - 0.5
    return a, b


def risk(count: int, n: int, level: float) -> Interval:
    """A proportion with its exact (Clopper-Pearson) interval."""
    if n == 0:
        return UNKNOWN
    ends = stats.binomtest(count, n).proportion_ci(level, method="exact")
    return Interval(value=count / n, lower=float(ends.low), upper=float(ends.high))


def fisher(count_a: int, n_a: int, count_b: int, n_b: int) -> float:
    """Two-sided P of Fisher's exact test."""
    if n_a == 0 or n_b == 0:
        return NONE
    return float(stats.fisher_exact(np.array([[count_a, n_a - count_a], [count_b, n_b - count_b]])).pvalue)


def risk_difference(count_a: int, n_a: int, count_b: int, n_b: int, level: float) -> tuple[Interval, float]:
    """Posterior median and interval of risk a - risk b under Jeffreys priors; probability that it is above 0."""
    if n_a == 0 or n_b == 0:
        return UNKNOWN, NONE
    places = (np.arange(GRID) + 0.5) / GRID
    risks = [stats.beta.ppf(places, JEFFREYS + k, JEFFREYS + n - k) for k, n in ((count_a, n_a), (count_b, n_b))]
    differences = np.subtract.outer(*risks)
    tail = 0.5 * (1.0 - level)
    lower, middle, upper = np.quantile(differences, [tail, 0.5, 1.0 - tail])
    return Interval(value=float(middle), lower=float(lower), upper=float(upper)), float(np.mean(differences > 0))


def median_time(day: Floats, happened: npt.NDArray[np.bool_], level: float) -> Interval:
    """Kaplan-Meier median of times, right-censored where not `happened`, with the log-log interval of the curve
    read at one half (Brookmeyer and Crowley, Biometrics 1982;38:29); nan where the curve stays above it.
    """
    if not happened.any():
        return UNKNOWN
    curve = stats.ecdf(stats.CensoredData.right_censored(day, ~happened)).sf
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # where the curve is 1 or 0 it has no log-log interval
        band: Any = curve.confidence_interval(level, method="log-log")

    def crossing(heights: Floats) -> float:
        at = np.flatnonzero(heights <= 0.5 + 1e-12)
        return float(curve.quantiles[at[0]]) if at.size else NONE

    low, high = np.asarray(band.low.probabilities), np.asarray(band.high.probabilities)
    at_zero = np.asarray(curve.probabilities) == 0.0
    return Interval(
        value=crossing(np.asarray(curve.probabilities)),
        lower=crossing(np.where(np.isnan(low), np.where(at_zero, 0.0, 1.0), low)),
        upper=crossing(np.where(np.isnan(high), 1.0, high)),
    )


def log_rank(
    day_a: Floats, happened_a: npt.NDArray[np.bool_], day_b: Floats, happened_b: npt.NDArray[np.bool_]
) -> float:
    """Two-sided P of the log-rank test; nan without an event or without one of the groups."""
    if day_a.size == 0 or day_b.size == 0 or not (happened_a.any() or happened_b.any()):
        return NONE
    a, b = (stats.CensoredData.right_censored(day, ~happened)
            for day, happened in ((day_a, happened_a), (day_b, happened_b)))  # fmt: skip
    with np.errstate(divide="ignore", invalid="ignore"):  # everybody at once: no variance, P is nan
        return float(stats.logrank(a, b).pvalue)
