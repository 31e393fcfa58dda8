"""`--figures`: every chart as a file of its own, SVG and PNG, with a list of what each shows."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from igkinetics.charts.svg import Chart, Draw
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.diagnostic_plots import diagnostic_charts
from igkinetics.fit.plots import patient_charts, with_key
from igkinetics.output.files import write_csv
from igkinetics.report.fit_page import cohort_charts

FIGURES: Final = "figures"
LIST_COLUMNS: Final = ("figure", "patient_id", "title", "failure")


def named_charts(fit: CohortFit) -> list[tuple[str, str, Chart]]:
    """File name without its ending, patient and chart; every patient's, not only those drawn in the report.

    Names are made of numbers, the place in the cohort, never of what the data call a patient.
    """
    patients = patient_charts(fit, fit.cohort.each_patient())
    return [
        *((each.section, "", each.chart) for each in cohort_charts(fit)),
        *(
            (f"patient-{index:04d}", patient_id, (chart[0], with_key(chart)))
            for index, (patient_id, chart) in enumerate(zip(fit.cohort.patient_ids, patients, strict=True), start=1)
        ),
        *((f"diagnostics-{place:02d}", "", each.chart) for place, each in enumerate(diagnostic_charts(fit), start=1)),
    ]


def write_figures(fit: CohortFit, folder: Path, draw: Draw) -> None:
    """Into the new `folder`; draw: one that makes PNG too. A chart that could not be drawn says why in list.csv."""
    folder.mkdir()
    named = named_charts(fit)
    rows = []
    for (name, patient_id, _), figure in zip(named, draw([chart for _, _, chart in named]), strict=True):
        if not figure.failure:
            (folder / f"{name}.svg").write_text(figure.svg, encoding="utf-8", newline="\n")
            (folder / f"{name}.png").write_bytes(figure.png)
        rows.append((name, patient_id, figure.title, figure.failure))
    write_csv(pd.DataFrame(rows, columns=list(LIST_COLUMNS)), LIST_COLUMNS, folder / "list.csv")
