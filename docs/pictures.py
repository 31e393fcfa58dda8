"""Draws the pictures of the README from the example cohort: python docs/pictures.py, from the project's folder."""

from __future__ import annotations

import json
from pathlib import Path

import vl_convert

from igkinetics.charts.converter import VEGA_LITE
from igkinetics.cohort.read import read_cohort
from igkinetics.study.fit_cohort import fit_cohort
from igkinetics.study.options import FitOptions
from igkinetics.study.plots import patient_charts

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


if __name__ == "__main__":
    main()
