"""The charts of a cohort's fit, one specification each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from igkinetics import text
from igkinetics.charts.cohort_chart import cohort_chart
from igkinetics.charts.curves_chart import curves_chart
from igkinetics.charts.patient_chart import Event, patient_chart
from igkinetics.charts.svg import Chart, Spec
from igkinetics.cohort.model import FOLLOW_UP_ENDS
from igkinetics.cohort.outcomes import infections
from igkinetics.fit.columns import WITH_ESTIMATES
from igkinetics.fit.selection import MOST_DRAWN, selection

if TYPE_CHECKING:
    from igkinetics.cohort.model import Cohort, Patient
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


def patient_charts(fit: CohortFit, patients: Iterable[Patient], *, dates: bool = False) -> list[Chart]:
    """Title and specification of each patient's chart; dates: tell the calendar dates that are known."""
    events, origins = patient_events(fit.cohort), fit.cohort.day_zero if dates else {}
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
                events.get(patient.patient_id, []),
                origins.get(patient.patient_id),
            ),
        )
        for patient in patients
    ]


EVENT_WORDS: Final = {"hsct": "transplant"}


def patient_events(cohort: Cohort) -> dict[str, list[Event]]:
    """Patient -> outcomes, death and the first infusion of each named product, by day."""
    rows = cohort.outcomes[cohort.outcomes["day"].notna()]
    infected = set(infections(cohort).index)
    found = [
        (str(row["patient_id"]), event_of(float(row["day"]), str(row["outcome"]), infected=place in infected))
        for place, row in zip(rows.index, rows.to_dict("records"), strict=True)
    ]
    told = {name for name, event in found if event.label == "death"}
    deaths = cohort.patients[cohort.patients["death"].notna() & ~cohort.patients["patient_id"].isin(list(told))]
    found += [(str(row["patient_id"]), event_of(float(row["death"]), "death")) for row in deaths.to_dict("records")]
    named = cohort.doses[cohort.doses["product"].astype(str) != ""].sort_values("day", kind="stable")
    changes = named[named["product"] != named.groupby("patient_id", sort=False)["product"].shift()]
    found += [
        (str(row["patient_id"]), Event(day=float(row["day"]), label=text.visible(row["product"], 30), kind="product"))
        for row in changes.to_dict("records")
    ]
    events: dict[str, list[Event]] = {}
    for name, event in sorted(found, key=lambda pair: pair[1].day):
        events.setdefault(name, []).append(event)
    return events


def event_of(day: float, outcome: str, *, infected: bool = False) -> Event:
    """An outcome with its kind."""
    label = text.visible(EVENT_WORDS.get(outcome, outcome.replace("_", " ")), 30)
    return Event(
        day=day, label=label, kind="end" if outcome in FOLLOW_UP_ENDS else "infection" if infected else "other"
    )


KEY_WORDS: Final = (
    "Blue: fitted, with its band; orange, dashed: the patient's own; dots: measured, ring: lowest, diamond: nadir;",
    "green: infusion; yellow: therapy; cross: infection; purple, dotted: threshold; grey, dotted: squeezed above",
)


def with_key(chart: Chart) -> Spec:
    """A patient's chart that stands alone, with its title and what its marks mean."""
    title, spec = chart
    words = {"text": title, "subtitle": list(KEY_WORDS), "anchor": "start", "fontSize": 15, "subtitleFontSize": 11}
    return spec | {"title": words}


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
