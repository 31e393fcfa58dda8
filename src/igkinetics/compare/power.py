"""What size of effect a comparison of two groups of these sizes could have seen."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import optimize, stats

from igkinetics.compare.statistics import NONE, Floats

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
    return (float(np.sin(low / 2.0) ** 2) if low >= 0.0 else NONE,
            float(np.sin(high / 2.0) ** 2) if high <= np.pi else NONE)  # fmt: skip
