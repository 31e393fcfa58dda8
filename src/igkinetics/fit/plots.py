"""The charts of a cohort's fit, one specification each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from igkinetics import text
from igkinetics.charts.cohort_chart import cohort_chart
from igkinetics.charts.curves_chart import curves_chart
from igkinetics.charts.patient_chart import patient_chart
from igkinetics.charts.svg import Chart, Spec
from igkinetics.fit.columns import WITH_ESTIMATES
from igkinetics.fit.selection import MOST_DRAWN, selection

if TYPE_CHECKING:
    from igkinetics.cohort.model import Patient
    from igkinetics.fit.cohort_result import CohortFit


def fitted_nadirs(fit: CohortFit) -> pd.DataFrame:
    """Rows of the nadir table with status `fitted`, lowest fitted nadir first."""
    rows = fit.nadir[(fit.nadir["status"].isin(WITH_ESTIMATES)) & fit.nadir["fitted_nadir"].notna()]
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


UNEXPLAINED: Final = ("unexplained_change", "start_contradicts", "not_converged", "failed")
"""Not fitted though there were samples: worse than any fit."""


def selected_patients(fit: CohortFit, most: int = MOST_DRAWN) -> dict[str, str]:
    """Patient -> why drawn in the report; of a small cohort all."""
    lowest = list(fitted_nadirs(fit)["patient_id"])
    return selection(fit.cohort.patient_ids, lowest, worst_fits(fit), seed=fit.options.seed, most=most)


def worst_fits(fit: CohortFit) -> list[str]:
    """Patients that the model cannot explain, then the fitted ones by falling spread of IWRES."""
    unexplained = fit.patients.loc[fit.patients["status"].isin(UNEXPLAINED), "patient_id"]
    spread = pd.to_numeric(fit.diagnostics["iwres_sd"])
    order = fit.diagnostics.assign(spread=spread)[spread.notna()].sort_values("spread", ascending=False, kind="stable")
    return [*unexplained, *order["patient_id"]]
