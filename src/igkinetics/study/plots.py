"""The charts of a cohort's fit, one specification each: for the report, for `--figures` and for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from igkinetics import text
from igkinetics.charts.cohort_chart import cohort_chart
from igkinetics.charts.curves_chart import curves_chart
from igkinetics.charts.patient_chart import patient_chart
from igkinetics.charts.svg import Chart, Spec

if TYPE_CHECKING:
    from igkinetics.cohort.model import Patient
    from igkinetics.study.result import CohortFit


def fitted_nadirs(fit: CohortFit) -> pd.DataFrame:
    """Rows of the nadir table with status `fitted`, lowest fitted nadir first."""
    rows = fit.nadir[(fit.nadir["status"] == "fitted") & fit.nadir["fitted_nadir"].notna()]
    return rows.sort_values("fitted_nadir", kind="stable")


def nadir_of_each(fit: CohortFit) -> dict[str, Mapping[Any, Any]]:
    """Patient -> row of nadir.csv."""
    return {str(row["patient_id"]): row for row in fit.nadir.to_dict("records")}


def nadirs_chart(fit: CohortFit) -> Spec:
    """Every fitted nadir with its interval."""
    return cohort_chart(fitted_nadirs(fit), fit.options.thresholds, fit.cohort.igg_unit)


def curves_spec(fit: CohortFit) -> Spec:
    """Every fitted curve with its nadir."""
    return curves_chart(fit.curves, fitted_nadirs(fit), fit.options.thresholds, fit.cohort.igg_unit)


def patient_charts(fit: CohortFit, patients: Iterable[Patient]) -> list[Chart]:
    """Title and specification of each patient's chart."""
    nadirs = nadir_of_each(fit)
    curves = dict(iter(fit.curves.groupby("patient_id", sort=False)))
    unit, thresholds = fit.cohort.igg_unit, fit.options.thresholds
    return [
        (
            f"IgG of patient {text.visible(patient.patient_id)} over time, {unit}",
            patient_chart(
                patient,
                curves.get(patient.patient_id, fit.curves.iloc[:0]),
                nadirs[patient.patient_id],
                thresholds,
                unit,
            ),
        )
        for patient in patients
    ]


def as_altair(spec: Spec) -> Any:
    """The Altair chart of a specification, to be shown, changed or saved; its class depends on the layers."""
    import altair  # here, for importing it takes half a second that a fit does not need

    return altair.Chart.from_dict(spec)
