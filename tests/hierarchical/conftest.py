"""One small cohort, prepared, compiled and sampled once for all tests of the hierarchical model."""

from __future__ import annotations

import numpy as np
import pytest

from igkinetics.cards.load import load_card
from igkinetics.hierarchical.fit import (
    HierarchicalOptions,
    PreparedCohort,
    SampledCohort,
    compile_prepared,
    prepare_cohort,
    sample_prepared,
)
from igkinetics.hierarchical.sampling import CompiledModel, SampleSettings
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


@pytest.fixture(scope="session")
def prepared() -> PreparedCohort:
    return small_cohort(7)


@pytest.fixture(scope="session")
def compiled(prepared: PreparedCohort) -> CompiledModel:
    return compile_prepared(prepared)


@pytest.fixture(scope="session")
def sampled(prepared: PreparedCohort, compiled: CompiledModel) -> SampledCohort:
    return sample_prepared(prepared, SETTINGS, "base", compiled)
