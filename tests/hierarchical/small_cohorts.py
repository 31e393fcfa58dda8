"""Small cohorts of the hierarchical model, and how they are sampled."""

from __future__ import annotations

import numpy as np

from igkinetics.cards.load import load_card
from igkinetics.hierarchical.fit import HierarchicalOptions, PreparedCohort, prepare_cohort
from igkinetics.hierarchical.sampling import SampleSettings
from made_records import cohort_of, drawn, planned

SETTINGS = SampleSettings(draws=250, tune=200, chains=2, seed=3)


def small_cohort(seed: int, size: int = 6, lkj: float | None = None) -> PreparedCohort:
    """Patients drawn from the card, every second one infused."""
    generator = np.random.default_rng(seed)
    patients = []
    for k in range(size):
        doses = [(30.0, 28.0), (58.0, 28.0)] if k % 2 else []
        patients.append(drawn(planned(doses=doses, patient_id=f"P{k}"), generator).patient)
    return prepare_cohort(cohort_of(patients), load_card("adult_b_cell_depletion"), HierarchicalOptions(lkj=lkj))
