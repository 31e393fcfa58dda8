"""Statistics of two independent groups: shift of medians, risks, times to an event, what a design can detect.

Arrays in, frozen numbers out; scipy does the statistics. Intervals are two-sided at `level`; nan where a sample is too
small for an interval of that level. Differences are group a minus group b."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

Floats = npt.NDArray[np.float64]
Method = Literal["asymptotic", "exact"]
NONE: Final = float("nan")
MOST_EXACT_PAIRS: Final = 2500
"""Up to so many pairs of patients the rank tests are exact; beyond, normal approximations differ by less than 0.001."""
JEFFREYS: Final = 0.5
"""Both parameters of the Beta prior of a risk (Brown, Cai, DasGupta, Statist Sci 2001;16:101)."""
HALF: Final = 1e-12
"""A survival curve within this distance of one half stands at one half."""
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

    A curve that runs flat at exactly one half gives the middle of that stretch, as the median of an even number of
    values and R's `survfit` do (other programs take its last day); where it never leaves one half, the first day of it.

    >>> median_time(np.array([20.0, 30.0, 41.0, 80.0, 90.0, 95.0]), np.full(6, True), 0.95).value
    60.5
    """
    if not happened.any():
        return UNKNOWN
    curve = stats.ecdf(stats.CensoredData.right_censored(day, ~happened)).sf
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # where the curve is 1 or 0 it has no log-log interval
        band: Any = curve.confidence_interval(level, method="log-log")

    def crossing(heights: Floats) -> float:
        at = np.flatnonzero(heights <= 0.5 + HALF)
        if not at.size:
            return NONE
        first = float(curve.quantiles[at[0]])
        falls_on = np.flatnonzero(heights < 0.5 - HALF)
        flat = heights[at[0]] >= 0.5 - HALF and falls_on.size
        return 0.5 * (first + float(curve.quantiles[falls_on[0]])) if flat else first

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
    a, b = (
        stats.CensoredData.right_censored(day, ~happened)
        for day, happened in ((day_a, happened_a), (day_b, happened_b))
    )
    with np.errstate(divide="ignore", invalid="ignore"):  # everybody at once: no variance, P is nan
        return float(stats.logrank(a, b).pvalue)


POWER: Final = 0.8
MOST_TABLES: Final = 1_000_000
"""Beyond, Fisher's test is as good as its normal approximation."""
EQUALLY_LIKELY: Final = 1.0 + 1e-9
"""Two tables within this factor are equally likely, but for rounding."""
MANN_WHITNEY_EFFICIENCY: Final = 3.0 / np.pi
"""Of the Mann-Whitney test against the t test for normal values (Hodges and Lehmann, Ann Math Stat 1956;27:324)."""


def detectable_shift(a: Floats, b: Floats, level: float) -> float:
    """Smallest shift between normal groups, with the pooled spread of a and b, that a two-sided test at 1 - level
    sees with POWER; in the unit of the values. nan when a spread cannot be had.
    """
    freedom = a.size + b.size - 2
    if a.size < 2 or b.size < 2:
        return NONE
    pooled = np.sqrt((np.var(a, ddof=1) * (a.size - 1) + np.var(b, ddof=1) * (b.size - 1)) / freedom)
    size = a.size * b.size / (a.size + b.size) * MANN_WHITNEY_EFFICIENCY
    limit = stats.t.ppf(0.5 * (1.0 + level), freedom)

    def lacking(standardised: float) -> float:
        moved = standardised * np.sqrt(size)
        return float(stats.nct.sf(limit, freedom, moved) + stats.nct.cdf(-limit, freedom, moved)) - POWER

    largest = limit / np.sqrt(size)
    while lacking(largest) < 0.0:
        largest *= 1.5
    return float(pooled * optimize.brentq(lacking, 0.0, largest))


def significant_tables(n_a: int, n_b: int, alpha: float) -> Floats:
    """(n_a + 1, n_b + 1): 1 where Fisher's two-sided P of so many events in a and in b lies below alpha."""
    seen = np.zeros((n_a + 1, n_b + 1))
    for total in range(n_a + n_b + 1):
        in_a = np.arange(max(0, total - n_b), min(n_a, total) + 1)
        chance = stats.hypergeom.pmf(in_a, n_a + n_b, total, n_a)
        order = np.argsort(chance)
        no_likelier = np.searchsorted(chance[order], chance * EQUALLY_LIKELY, side="right")
        seen[in_a, total - in_a] = np.cumsum(chance[order])[no_likelier - 1] < alpha
    return seen


def power_of_fisher(n_a: int, risk_a: float, n_b: int, risk_b: float, seen: Floats) -> float:
    """Probability that Fisher's test is significant; seen (n_a + 1, n_b + 1): 1 where that table is."""
    chance_a = stats.binom.pmf(np.arange(n_a + 1), n_a, risk_a)
    chance_b = stats.binom.pmf(np.arange(n_b + 1), n_b, risk_b)
    return float(chance_a @ seen @ chance_b)


def detectable_hazard_ratio(n_events: int, n_a: int, n_b: int, level: float) -> float:
    """Smallest ratio above 1 that a two-sided log-rank test at 1 - level sees with probability POWER; nan: no events.

    ln HR = (z_alpha + z_power) / sqrt(events x share a x share b) (Schoenfeld, Biometrika 1981;68:316).
    """
    if n_events == 0 or n_a == 0 or n_b == 0:
        return NONE
    z = stats.norm.ppf(0.5 + 0.5 * level) + stats.norm.ppf(POWER)
    return float(np.exp(z * (n_a + n_b) / np.sqrt(float(n_events) * n_a * n_b)))


def detectable_risks(n_a: int, n_b: int, risk_b: float, level: float) -> tuple[float, float]:
    """The nearest risks of group a below and above risk_b that would be seen with POWER; nan where none would.

    By Fisher's test, all tables enumerated; beyond MOST_TABLES by the arcsine approximation.
    """
    if n_a == 0 or n_b == 0:
        return NONE, NONE
    if n_a * n_b > MOST_TABLES:
        return arcsine_risks(n_a, n_b, risk_b, level)
    seen = significant_tables(n_a, n_b, 1.0 - level)

    def nearest(end: float) -> float:
        def lacking(risk_a: float) -> float:
            return power_of_fisher(n_a, risk_a, n_b, risk_b, seen) - POWER

        return float(optimize.brentq(lacking, risk_b, end)) if lacking(end) >= 0.0 else NONE

    return nearest(0.0), nearest(1.0)


def arcsine_risks(n_a: int, n_b: int, risk_b: float, level: float) -> tuple[float, float]:
    """The same by the normal approximation on the scale 2 arcsin sqrt(risk) (Cohen 1988)."""
    distance = (stats.norm.ppf(0.5 * (1.0 + level)) + stats.norm.ppf(POWER)) * np.sqrt(1.0 / n_a + 1.0 / n_b)
    centre = 2.0 * np.arcsin(np.sqrt(risk_b))
    low, high = centre - distance, centre + distance
    return (
        float(np.sin(low / 2.0) ** 2) if low >= 0.0 else NONE,
        float(np.sin(high / 2.0) ** 2) if high <= np.pi else NONE,
    )
