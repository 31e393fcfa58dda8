"""One small cohort, prepared, compiled and sampled once for all tests of the hierarchical model."""

from __future__ import annotations

import pytest
from small_cohorts import SETTINGS, small_cohort

from igkinetics.hierarchical.fit import PreparedCohort, SampledCohort, compile_prepared, sample_prepared
from igkinetics.hierarchical.sampling import CompiledModel
from made_once import made_once


@pytest.fixture(scope="session")
def prepared() -> PreparedCohort:
    return small_cohort(7)


@pytest.fixture(scope="session")
def compiled(prepared: PreparedCohort) -> CompiledModel:
    return compile_prepared(prepared)


@pytest.fixture(scope="session")
def sampled(request: pytest.FixtureRequest, prepared: PreparedCohort) -> SampledCohort:
    """Compiled and drawn by the first process that asks."""
    return made_once(
        "sampled", lambda: sample_prepared(prepared, SETTINGS, "base", request.getfixturevalue("compiled"))
    )
