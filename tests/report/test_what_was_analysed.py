"""What the fit report says of the cohort and of the method is what the cohort and the code hold."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import igkinetics as igk
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.structures import DRIFT_SDS
from igkinetics.report.fit_page import outcome_counts, page_values


@pytest.mark.parametrize("outcomes", [None, {"patient_id": ["A"], "day": [79], "outcome": ["death"]}])
def test_a_death_in_the_patients_table_is_an_outcome(outcomes: dict[str, list[object]] | None) -> None:
    cohort = igk.read_cohort(
        samples={"patient_id": ["A", "A", "B"], "day": [0, 60, 0], "igg": [600, 500, 700]},
        patients={"patient_id": ["A", "B"], "death": [79, None], "transplant": [None, 40]},
        outcomes=outcomes,
        igg_unit="mg/dL",
    )
    ((_, told),) = outcome_counts(SimpleNamespace(cohort=cohort))  # type: ignore[arg-type]
    assert set(told.split("; ")) == {"death in 1", "hsct in 1"}


def test_the_drift_told_is_the_drift_fitted(fit: CohortFit) -> None:
    assert page_values(fit)["drift_sds"] == f"{DRIFT_SDS[0]:g}, {DRIFT_SDS[1]:g} or {DRIFT_SDS[2]:g}"
