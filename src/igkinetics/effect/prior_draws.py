"""What the card alone says of the estimands, so that a reader sees what the data added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.cards.model import Card
from igkinetics.cards.patient_covariates import patient_covariates_of
from igkinetics.cards.prior import (
    PRIOR_PARAMETERS,
    PatientPrior,
    from_scale,
    kinetic_parameters,
    patient_prior,
)
from igkinetics.cohort.model import Cohort
from igkinetics.effect.estimand import Criteria, Estimand, effect_row
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.kinetics.parameters import Floats

PRIOR_STREAM: Final = 4
PRIOR_DRAWS: Final = 1000
LEARNT_WORDS: Final = (
    (0.05, "none: what is reported is the card"),
    (0.3, "weak: mostly the card"),
    (0.7, "moderate"),
    (1.0, "strong"),
)
"""Contraction up to which the words hold."""
PRIOR_COLUMNS: Final = (
    "estimand", "threshold", "prior_median", "prior_lower", "prior_upper", "median", "lower", "upper", "contraction",
    "evidence", "unit",
)  # fmt: skip


def prior_posterior(posterior: CohortPosterior, priors: Sequence[PatientPrior], n: int, seed: int) -> CohortPosterior:
    """The same patients and schedules with n draws of the card in place of the posterior's, as one chain.

    Typical values are drawn once per draw, from their uncertainty, and patients around them with the card's omega.
    """
    generator = np.random.default_rng([seed, PRIOR_STREAM])
    shared = generator.standard_normal((n, len(PRIOR_PARAMETERS)))
    thetas = np.stack([patient_draws(prior, shared, generator) for prior in priors], axis=1)
    error = np.broadcast_to([priors[0].additive_g_per_l, priors[0].proportional], (1, n, 2)).astype(float)
    return CohortPosterior(
        patient_ids=posterior.patient_ids, theta=thetas[None], error=error, population={},
        problems=posterior.problems, modified=posterior.modified, extension="base", interrupted=False,
    )  # fmt: skip


def patient_draws(prior: PatientPrior, shared: Floats, generator: np.random.Generator) -> Floats:
    """(n, 13): typical value moved by `shared` (n, p) times its uncertainty and by the patient's own deviation."""
    own = generator.standard_normal(shared.shape)
    values = {}
    for column, name in enumerate(PRIOR_PARAMETERS):
        deviation = prior.uncertainty[name] * shared[:, column] + prior.omega[name] * own[:, column]
        values[name] = from_scale(prior.typical[name], prior.scale[name], deviation)
    ratios = {"clearance_ratio": np.ones(shared.shape[0]), "production_ratio": np.ones(shared.shape[0])}
    return kinetic_parameters({**values, **ratios})


def card_priors(cohort: Cohort, posterior: CohortPosterior, card: Card) -> tuple[PatientPrior, ...]:
    """The card's prior of every patient of the posterior, under the disposition that was fitted."""
    patients = [cohort.patient(patient_id) for patient_id in posterior.patient_ids]
    return tuple(
        patient_prior(
            card, weight_kg=patient.weight_kg, agents=patient.agents, disposition=problem.model.split("/")[0],
            covariates=patient_covariates_of(cohort, patient.patient_id, card),
        )
        for problem, patient in zip(posterior.problems, patients, strict=True)
    )  # fmt: skip


def evidence_words(contraction: float) -> str:
    """How much the data narrowed a quantity, in words."""
    return next(words for most, words in LEARNT_WORDS if contraction <= most)


def contraction(prior: Floats, posterior: Floats) -> float:
    """1 - (posterior SD / prior SD)^2; 0 where the prior has no spread."""
    spread = float(prior.std())
    return 1.0 - float(posterior.std() / spread) ** 2 if spread > 0 else 0.0


def prior_rows(prior: Sequence[Estimand], posterior: Sequence[Estimand], criteria: Criteria) -> pd.DataFrame:
    """PRIOR_COLUMNS: estimands that both have, matched by name and threshold."""
    rows: list[dict[str, Any]] = []
    known = {(one.name, one.threshold if np.isfinite(one.threshold) else None): one for one in prior if one.estimated}
    for one in posterior:
        before = known.get((one.name, one.threshold if np.isfinite(one.threshold) else None))
        if before is None or not one.estimated:
            continue
        was, now = effect_row(before, criteria), effect_row(one, criteria)
        learnt = contraction(before.draws, one.draws)
        rows.append(
            {"estimand": one.name, "threshold": now["threshold"], "prior_median": was["median"],
             "prior_lower": was["lower"], "prior_upper": was["upper"], "median": now["median"], "lower": now["lower"],
             "upper": now["upper"], "contraction": learnt, "evidence": evidence_words(learnt), "unit": now["unit"]}
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(PRIOR_COLUMNS))
