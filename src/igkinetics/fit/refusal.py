"""Why no model of a card is tried for a patient; asked alike by single fits and by the hierarchical model."""

from __future__ import annotations

import numpy as np

from igkinetics.cards.model import Card
from igkinetics.cohort.model import Cohort, Patient


def why_card_refused(card: Card) -> str:
    """Empty when a record of IgG can be fitted with this card at all."""
    if card.use != "full" or card.residual_error is None:
        return "must have use = full: this card has typical values only, and says nothing of how patients differ"
    if card.structure.endogenous == "none" and card.residual_error.additive_g_per_l == 0:
        return (
            "must hold endogenous IgG or an additive error: under this card IgG is 0 before the first infusion, "
            "measured without error"
        )
    return ""


def why_refused(cohort: Cohort, patient: Patient, card: Card, residual: str) -> str:
    """Empty when a fit can be tried: set aside in reading, beyond the card's routes, or a level without a logarithm.

    Limits of the card's domain are told by its prior.
    """
    if patient.patient_id in cohort.set_aside_patients:
        return cohort.set_aside_patients[patient.patient_id]
    if patient.dose_is_sc.any() and "sc" not in card.structure.routes:
        return f"has subcutaneous doses, for which card {card.id} holds no absorption"
    if residual == "lognormal" and np.any(patient.sample_igg <= 0):
        return "a level of 0 has no logarithm: give its limit of quantification, or another residual error"
    return ""
