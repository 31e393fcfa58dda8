"""What the options ask of the fit of one patient: its settings, and the card's prior for it."""

from __future__ import annotations

from typing import Final

from igkinetics.cards.model import Card
from igkinetics.cards.patient_covariates import patient_covariates_of
from igkinetics.cards.prior import PatientPrior, patient_prior
from igkinetics.cards.scaling import default_structure
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.fit.allowed_structures import PriorOf
from igkinetics.fit.laplace import MOST_POINTS, points_around
from igkinetics.fit.options import FitOptions
from igkinetics.fit.patient import FitSettings
from igkinetics.fit.posterior import draw_around
from igkinetics.units import g_per_l

FIXED_BY_CALL: Final = "fixed by the call"
LEVELS: Final = ("C_base", "C_init")
OF_DISPOSITION: Final = ("V1", "V2", "Q")
"""Parameters that mean something else in the other disposition."""


def settings_of(cohort: Cohort, card: Card, options: FitOptions) -> FitSettings:
    few = options.intervals == "laplace"
    return FitSettings(
        structure=options.structure or default_structure(card),
        use_prior=options.prior == "card",
        residual=options.residual,
        draws=min(options.draws, MOST_POINTS) if few else options.draws,
        level=options.level,
        seed=options.seed,
        profile=options.profile,
        igg_unit=cohort.igg_unit,
        average=options.structure is None,
        drift=options.drift,
        weights=options.prior_weights,
        cross_checked=options.cross_checked(cohort.n_patients),
        around=points_around if few else draw_around,
    )


def prior_lookup(cohort: Cohort, patient: Patient, card: Card, options: FitOptions) -> PriorOf:
    """The card's prior for this patient, or for one made of it, in either disposition; InputError from it, or from
    here, where the card refuses the patient."""
    covariates = patient_covariates_of(cohort, patient.patient_id, card)

    known: dict[str, PatientPrior] = {}

    def prior_of(who: Patient, disposition: str) -> PatientPrior:
        if who is patient and disposition in known:
            return known[disposition]
        prior = patient_prior(
            card, weight_kg=who.weight_kg, agents=who.agents, disposition=disposition, covariates=covariates
        )
        prior = prior.held_at(fixed_values(cohort, card, options, disposition), FIXED_BY_CALL)
        if who is patient:
            known[disposition] = prior
        return prior

    return prior_of


def fixed_values(cohort: Cohort, card: Card, options: FitOptions, disposition: str) -> dict[str, float]:
    """What the options fix in this disposition, g/L for levels."""
    fitted = (options.structure or default_structure(card)).split("/")[0]
    return {
        name: g_per_l(value, cohort.igg_unit) if name in LEVELS else float(value)
        for name, value in options.fix.items()
        if name not in OF_DISPOSITION or disposition == fitted
    }
