"""Draws the pictures of the README from the example cohort: python docs/pictures.py, from the project's folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import vl_convert

from igkinetics.charts.converter import VEGA_LITE
from igkinetics.cohort.read import read_cohort
from igkinetics.fit.cohort import fit_cohort
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.options import FitOptions
from igkinetics.fit.plots import patient_charts
from igkinetics.report.fit_page import write_fit_report

PATIENT = "IVIG-12"
"""A long course with infusions and a nadir between them."""
PIXELS_PER_UNIT = 1.6
HERE = Path(__file__).resolve().parent


def main() -> None:
    fit = fit_cohort(read_cohort(HERE.parent / "data" / "blina23"), FitOptions(thresholds=(400.0,)))
    patient = next(patient for patient in fit.cohort.each_patient() if patient.patient_id == PATIENT)
    ((_, chart),) = patient_charts(fit, [patient])
    text = json.dumps(chart | {"background": "white"})
    png = vl_convert.vegalite_to_png(text, vl_version=VEGA_LITE, scale=PIXELS_PER_UNIT)
    (HERE / "patient.png").write_bytes(png)
    report_picture(fit)


def report_picture(fit: CohortFit) -> None:
    """From the report's pictures of the cohort on, in Debian's Chromium."""
    sys.path.insert(0, str(HERE.parent / "tests" / "browser"))
    from webdriver import browser

    with TemporaryDirectory() as scratch, browser(Path(scratch)) as window:
        page = Path(scratch) / "report.html"
        write_fit_report(fit, page)
        window.view(width=1180, height=630)
        window.open(page)
        window.script("document.querySelector('#cohort figure').scrollIntoView()")
        (HERE / "report.png").write_bytes(window.screenshot())


if __name__ == "__main__":
    main()
