"""Fixtures that several folders of tests share."""

from __future__ import annotations

import pytest

from fabricated import fabricated_fit
from igkinetics.fit.cohort_result import CohortFit


@pytest.fixture(scope="session")
def fit() -> CohortFit:
    """A fabricated fit of eight patients, with hostile names and patients who could not be fitted."""
    return fabricated_fit()
