"""What a dose does to the level: rise per 0.1 g/kg, half-life of infused IgG, apparent recovery; per draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from igkinetics.effect.estimands import RISE_DAYS
from igkinetics.effect.exposure import Exposure
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.kinetics.disposition import fill_half_lives, fill_unit_responses
from igkinetics.kinetics.parameters import CL, CLEARANCE_RATIO, V1, Floats, Q

UNIT_DOSE_G_PER_KG: Final = 0.1


def under_own_clearance(thetas: Floats) -> Floats:
    """thetas (n, 13) with the clearance that holds under IVIG."""
    changed = thetas.copy()
    changed[:, CL] *= thetas[:, CLEARANCE_RATIO]
    return changed


def unit_rise(thetas: Floats, weight_kg: float) -> Floats:
    """Rise (n, 4), g/L, at RISE_DAYS after a bolus of 0.1 g/kg: dose/V1 (w1 exp(-l1 t) + w2 exp(-l2 t))."""
    responses = np.empty((thetas.shape[0], len(RISE_DAYS)))
    fill_unit_responses(under_own_clearance(thetas), np.array(RISE_DAYS), responses)
    return UNIT_DOSE_G_PER_KG * weight_kg * responses


def mean_rise(posterior: CohortPosterior, treated: Sequence[Exposure]) -> Floats:
    """(n, 4), g/L: mean over patients of the unit response times the weight."""
    each = [unit_rise(posterior.of_patient(one.place), one.weight_kg) for one in treated]
    return np.asarray(np.mean(each, axis=0))


def infused_half_life(posterior: CohortPosterior, treated: Sequence[Exposure]) -> Floats:
    """(n,), days: mean over patients of the half-life of the slow phase, in which infused IgG is lost."""
    each = []
    for one in treated:
        half_lives = np.empty((int(np.prod(posterior.error.shape[:2])), 2))
        fill_half_lives(under_own_clearance(posterior.of_patient(one.place)), half_lives)
        each.append(half_lives[:, 1])
    return np.asarray(np.mean(each, axis=0))


def apparent_recovery(posterior: CohortPosterior, treated: Sequence[Exposure]) -> Floats:
    """(n,): the card's volume V1 per kg over this cohort's, geometric mean over patients.

    Above 1: doses raise these patients' levels more than the card's volume says. Weight cancels, for the card's
    volume is that of the same patient. nan where the volume is fixed for everybody.
    """
    logs = [
        problem.mu[problem.names.index("V1")] - np.log(posterior.of_patient(one.place)[:, V1])
        for one in treated
        if "V1" in (problem := posterior.problems[one.place]).names
    ]
    if not logs:
        return np.full(int(np.prod(posterior.error.shape[:2])), np.nan)
    return np.asarray(np.exp(np.mean(logs, axis=0)))


def one_compartment(posterior: CohortPosterior, treated: Sequence[Exposure]) -> bool:
    """Whether the model has no second compartment (Q = 0)."""
    return all(posterior.theta[0, 0, one.place, Q] == 0.0 for one in treated)
