"""What a card says of a cohort nobody has seen: virtual patients under therapy, without immunoglobulin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from igkinetics.cards.expected import PriorPredictive
from igkinetics.cards.model import Card
from igkinetics.cards.prior import draw_parameters, kinetic_parameters, patient_prior
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import build_schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedCohort:
    """Levels of the virtual patients, g/L."""

    pre_therapy: Floats
    """(n,), measured on day 0."""
    later: Floats
    """(n, n_visit), measured at the visits after the first cycle."""
    nadir: Floats
    """(n,), lowest point of the true curve, by day."""

    def quantity(self, name: str, at_most_g_per_l: float) -> float:
        """A quantity of expected.DIMENSION_OF_QUANTITY; g/L, or a share."""
        values = {"pre_therapy": self.pre_therapy, "later": self.later, "nadir": self.nadir}
        group, _, statistic = name.partition("_mean") if name.endswith("_mean") else name.partition("_share")
        levels = values[group]
        return float(np.mean(levels <= at_most_g_per_l)) if statistic else float(np.mean(levels))


def predicted_cohort(card: Card, design: PriorPredictive) -> PredictedCohort:
    """Virtual patients of the design; the same seed gives the same cohort.

    Typical values and deviations are drawn anew for each patient. Days count from the start of therapy.
    """
    rng = np.random.default_rng(design.seed)
    prior = patient_prior(card, weight_kg=design.weight_kg, agents=(design.agent,))
    drawn = draw_parameters(prior, rng, design.n_patients, with_uncertainty=True)
    starts = (design.on_day + design.off_day) * np.arange(design.cycles)
    schedule = build_schedule(start_day=0.0, therapy_start=starts, therapy_stop=starts + design.on_day)
    visits = np.arange(design.later_from_day, design.until_day + 1e-9, design.visit_every_day)
    every_day = np.arange(0.0, design.until_day + 1e-9)
    days, place = np.unique(np.concatenate([every_day, visits]), return_inverse=True)
    level, _ = igg_curve(kinetic_parameters(drawn), schedule, days)
    seen = level[:, np.concatenate([place[:1], place[every_day.size :]])]
    sd = np.hypot(prior.additive_g_per_l, prior.proportional * seen)
    measured = seen + sd * rng.standard_normal(seen.shape)
    return PredictedCohort(pre_therapy=measured[:, 0], later=measured[:, 1:], nadir=level.min(axis=1))
