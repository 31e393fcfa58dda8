"""What the card alone says beside what the data made of it: estimands, and everything that patients share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.effect.estimand_row import Criteria, Estimand, effect_row, interval
from igkinetics.effect.exposure import Exposure
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.kinetics.parameters import PARAMETER_UNITS, Floats
from igkinetics.units import IggUnit, from_g_per_l

PRIOR_DRAWS: Final = 1000
LEARNT_WORDS: Final = (
    (0.05, "none: what is reported is the card"),
    (0.3, "weak: mostly the card"),
    (0.7, "moderate"),
    (1.0, "strong"),
)
"""Contraction up to which the words hold."""
PRIOR_COLUMNS: Final = (
    "estimand",
    "threshold",
    "prior_median",
    "prior_lower",
    "prior_upper",
    "median",
    "lower",
    "upper",
    "contraction",
    "evidence",
    "unit",
)
POPULATION_COLUMNS: Final = (
    "parameter",
    "prior_median",
    "prior_lower",
    "prior_upper",
    "prior_source",
    "median",
    "lower",
    "upper",
    "level",
    "contraction",
    "unit",
)
"""Typical values at the card's reference covariates, SDs between patients (omega_), correlations (correlation_) on
estimation scales, coefficients of covariates (parameter:covariate), and the residual error a, b."""
LEVELS: Final = ("C_base", "C_init", "a")


CONTRADICTS: Final = "the data contradict the card"
SILENT: Final = "none: no measured value follows an infusion"
BY_LIMITS: Final = "indirect: only values beyond their limit follow an infusion"
ALONE: Final = "moderate at most: one infused patient alone speaks"
MOST_CONFLICT: Final = 2.5
"""Standard errors between what the card says and what the data made of it: beyond, they contradict each other."""


def evidence_words(contraction: float, conflict: float, speaking: int, limited: int = 0) -> str:
    """How much the data narrowed a quantity, in words. speaking: infused patients with a measured value after it;
    limited: with any value after it."""
    if speaking == 0:
        return BY_LIMITS if limited else SILENT
    if abs(conflict) > MOST_CONFLICT:
        return CONTRADICTS
    most, words = next((most, words) for most, words in LEARNT_WORDS if contraction <= most)
    return ALONE if speaking == 1 and most == LEARNT_WORDS[-1][0] else words


def conflict(prior: Floats, posterior: Floats) -> float:
    """How far the posterior lies from the prior in standard errors of what the data were to say; 0 without spread.

    Were the prior right, the posterior mean would scatter around the prior's with variance prior - posterior.
    """
    before, after = (
        (own_scale(prior), own_scale(posterior)) if np.all(prior > 0) and np.all(posterior > 0) else (prior, posterior)
    )
    expected = max(float(before.var() - after.var()), 0.1 * float(before.var()))
    return float(after.mean() - before.mean()) / np.sqrt(expected) if expected > 0 else 0.0


def speaking(people: Sequence[Exposure], posterior: CohortPosterior, *, limited: bool = False) -> int:
    """Infused patients of whom a measured value follows the first infusion of the window; limited: or one that is known
    to lie beyond a limit only."""
    n_speaking = 0
    for one in people:
        if one.treated:
            problem, first = posterior.problems[one.place], one.doses.day[one.in_window].min()
            n_speaking += bool(np.any((limited | (problem.limit == 0)) & (problem.day > first)))
    return n_speaking


def contraction(prior: Floats, posterior: Floats) -> float:
    """1 - (posterior SD / prior SD)^2; 0 where the prior has no spread."""
    spread = float(prior.std())
    return 1.0 - float(posterior.std() / spread) ** 2 if spread > 0 else 0.0


def prior_rows(
    prior: Sequence[Estimand], posterior: Sequence[Estimand], criteria: Criteria, speaking: int, limited: int = 0
) -> pd.DataFrame:
    """PRIOR_COLUMNS: estimands that both have, matched by name and threshold. speaking, limited: see evidence_words."""
    rows: list[dict[str, Any]] = []
    known = {(one.name, one.threshold if np.isfinite(one.threshold) else None): one for one in prior if one.estimated}
    for one in posterior:
        before = known.get((one.name, one.threshold if np.isfinite(one.threshold) else None))
        if before is None or not one.estimated:
            continue
        was, now = effect_row(before, criteria), effect_row(one, criteria)
        learnt = contraction(before.draws, one.draws)
        rows.append(
            {
                "estimand": one.name,
                "threshold": now["threshold"],
                "prior_median": was["median"],
                "prior_lower": was["lower"],
                "prior_upper": was["upper"],
                "median": now["median"],
                "lower": now["lower"],
                "upper": now["upper"],
                "contraction": learnt,
                "evidence": evidence_words(learnt, conflict(before.draws, one.draws), speaking, limited),
                "unit": now["unit"],
            }
        )
    return pd.DataFrame(rows, columns=list(PRIOR_COLUMNS))


def population_rows(
    prior: CohortPosterior, posterior: CohortPosterior, sources: Mapping[str, str], unit: IggUnit, level: float
) -> pd.DataFrame:
    """POPULATION_COLUMNS, a row per parameter that both have; levels in the cohort's unit."""
    rows = []
    for name, draws in posterior.population.items():
        if name not in prior.population:
            continue
        before, after = (as_shown(name, one.reshape(-1), unit) for one in (prior.population[name], draws))
        median, lower, upper = interval(after, level)
        was, was_lower, was_upper = interval(before, level)
        rows.append(
            (
                name,
                was,
                was_lower,
                was_upper,
                sources.get(name, ""),
                median,
                lower,
                upper,
                level,
                contraction(own_scale(before), own_scale(after)),
                shown_unit(name, unit),
            )
        )
    return pd.DataFrame(rows, columns=list(POPULATION_COLUMNS))


def as_shown(name: str, draws: Floats, unit: IggUnit) -> Floats:
    return from_g_per_l(draws, unit) if name in LEVELS else draws


def shown_unit(name: str, unit: IggUnit) -> str:
    """C_base and a: the cohort's unit; other typical values: their own; all else has none."""
    return unit if name in LEVELS else PARAMETER_UNITS.get(name, "1")


def own_scale(draws: Floats) -> Floats:
    """Logarithms of what cannot be below 0: half and double are alike."""
    return np.log(draws) if np.all(draws > 0) else draws
