"""Weights, heights, sexes and covariates of virtual patients, drawn batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from igkinetics.cards.model import Card
from igkinetics.kinetics.parameters import Floats
from igkinetics.random_streams import generator_of
from igkinetics.virtual.population import Population
from igkinetics.virtual.tables import Covariate, Spread
from igkinetics.virtual.typical import Column


@dataclass(frozen=True, slots=True, kw_only=True)
class Bodies:
    """Properties of n patients. weight kg, height cm (nan: not known)."""

    weight_kg: Floats
    height_cm: Floats
    is_male: npt.NDArray[np.bool_]
    covariates: dict[str, Column]


def draw_bodies(
    population: Population, limits: Mapping[str, tuple[float, float]], seed: int, batch: int, n: int
) -> Bodies:
    """Patients of a batch. limits: hard limits within which the log-normal quantities are drawn."""
    if population.weight_kg is None:
        raise AssertionError("a population of a card without weights passed its checks")
    weight = drawn(population.weight_kg, limits.get("weight_kg"), generator_of(seed, "weight", batch), n)
    height = np.full(n, np.nan)
    if population.height_cm is not None:
        height = drawn(population.height_cm, limits.get("height_cm"), generator_of(seed, "height", batch), n)
    shares = population.sex or {"female": 1.0}
    male = generator_of(seed, "sex", batch).random(n) < shares.get("male", 0.0)
    covariates: dict[str, Column] = {"weight_kg": weight}
    if population.height_cm is not None:
        covariates["height_cm"] = height
    if population.sex is not None:
        covariates["sex"] = np.where(male, "male", "female")
    for name, covariate in population.covariates.items():
        covariates[name] = drawn_covariate(covariate, limits.get(name), generator_of(seed, "covariate", batch, name), n)
    return Bodies(weight_kg=weight, height_cm=height, is_male=male, covariates=covariates)


def drawn(spread: Spread, limits: tuple[float, float] | None, generator: np.random.Generator, n: int) -> Floats:
    """n log-normal values of this mean and sd; within the limits, where there are some."""
    return spread_at(spread, limits, generator.random(n))


def spread_at(spread: Spread, limits: tuple[float, float] | None, share: Floats) -> Floats:
    """The values below which these shares of a log-normal quantity lie, of those within the limits."""
    log_sd = float(np.sqrt(np.log1p((spread.sd / spread.mean) ** 2)))
    centre = float(np.log(spread.mean) - 0.5 * log_sd**2)
    if log_sd == 0.0:
        return np.full(share.shape, spread.mean)
    low, high = (0.0, 1.0) if limits is None else share_below(spread, limits)
    return np.asarray(np.exp(centre + log_sd * ndtri(low + (high - low) * share)))


def share_below(spread: Spread, limits: tuple[float, float]) -> tuple[float, float]:
    """The share of a log-normal quantity below each of two limits."""
    log_sd = float(np.sqrt(np.log1p((spread.sd / spread.mean) ** 2)))
    if log_sd == 0.0:
        return float(spread.mean < limits[0]), float(spread.mean <= limits[1])
    centre = np.log(spread.mean) - 0.5 * log_sd**2
    low, high = (float(ndtr((np.log(limit) - centre) / log_sd)) if limit > 0 else 0.0 for limit in limits)
    return low, high


def hard_limits(cards: Iterable[Card]) -> dict[str, tuple[float, float]]:
    """The hard limits that all cards share, by covariate."""
    limits: dict[str, tuple[float, float]] = {}
    for limit in (limit for card in cards for limit in card.limits):
        if limit.hard is not None:
            low, high = limits.get(limit.covariate, limit.hard)
            limits[limit.covariate] = max(low, limit.hard[0]), min(high, limit.hard[1])
    return limits


def drawn_shares(shares: Mapping[Any, float], generator: np.random.Generator, n: int) -> npt.NDArray[np.str_]:
    """n names by their shares."""
    names = np.array(list(shares))
    return np.asarray(names[generator.choice(names.size, size=n, p=np.array(list(shares.values())))])


def drawn_covariate(
    one: Covariate, limits: tuple[float, float] | None, generator: np.random.Generator, n: int
) -> Column:
    """n values: log-normal, or categories by their shares."""
    if one.shares is not None:
        return drawn_shares(one.shares, generator, n)
    if one.mean is None or one.sd is None:
        raise AssertionError("a covariate without mean and sd passed its checks")
    return drawn(Spread(mean=one.mean, sd=one.sd), limits, generator, n)
