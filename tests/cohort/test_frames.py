"""Data frames are read by the rules that files are read by."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

import igkinetics as igk
from igkinetics.cohort.check import SUMMARY_COLUMNS
from igkinetics.resources import resource_folder

TABLES = ("samples", "doses", "therapy", "patients", "outcomes")
SAMPLES = pd.DataFrame({"patient_id": ["A", "A", "B"], "day": [0, 30.5, 0], "igg": [620, "<40", 500.25]})


def test_frames_give_what_the_same_files_give() -> None:
    folder = resource_folder("data") / "blina23"
    from_files = igk.read_cohort(folder)
    frames = {name: pd.read_csv(folder / f"{name}.csv") for name in TABLES}
    in_memory = igk.read_cohort(**frames, igg_unit=from_files.igg_unit)
    for name in TABLES:
        ours, theirs = (getattr(one, name).drop(columns="line", errors="ignore") for one in (in_memory, from_files))
        pd.testing.assert_frame_equal(ours, theirs)


@pytest.mark.parametrize(
    "given",
    [
        SAMPLES.to_dict("list"),
        SAMPLES.set_index(["patient_id", "day"]),
        SAMPLES.astype({"patient_id": "category"}),
        SAMPLES.convert_dtypes(),
        SAMPLES.assign(patient_id=SAMPLES["patient_id"], note=[None, pd.NA, np.nan]),
    ],
    ids=["columns", "index", "category", "nullable", "missing"],
)
def test_any_table_of_these_samples_is_the_same_cohort(given: Any) -> None:
    cohort = igk.read_cohort(samples=given, igg_unit="mg/dL")
    assert cohort.samples["day"].tolist() == [0.0, 30.5, 0.0]
    assert cohort.samples["igg"].tolist() == pytest.approx([6.2, 0.4, 5.0025])
    assert cohort.samples["limit"].tolist() == ["", "below", ""]


def test_dates_ids_and_a_mapping_are_those_of_a_file() -> None:
    samples = pd.DataFrame(
        {
            "MRN": [7, 7, 12],
            "when": pd.to_datetime(["2024-01-01 06:00", "2024-01-03 18:00", "2024-02-01 00:00"]),
            "IgG": [6.2, 5.5, 4.1],
            "ward": ["x", "y", "z"],
        }
    )
    mapping = {
        "igg_unit": "g/L",
        "samples": {"columns": {"patient_id": "MRN", "datetime": "when", "igg": "IgG"}},
    }
    cohort = igk.read_cohort(samples=samples, mapping=mapping)
    assert cohort.samples["patient_id"].tolist() == ["7", "7", "12"]
    assert cohort.samples["day"].tolist() == [0.0, 2.5, 0.0]
    assert cohort.samples["igg"].tolist() == [6.2, 5.5, 4.1]
    assert cohort.unused_columns == {"samples (data frame)": ("ward",)}
    assert list(cohort.inputs) == ["samples (data frame)"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "give a path, or data frames"),
        ({"path": "somewhere", "samples": SAMPLES}, "give a path, or data frames"),
        ({"path": "somewhere", "mapping": {}}, "goes with data frames"),
        ({"samples": [1, 2]}, "must be a data frame"),
        ({"samples": {"patient_id": ["A"], "day": [1, 2]}}, "must be a data frame"),
        ({"doses": SAMPLES}, "a data frame of samples is needed"),
        ({"samples": SAMPLES}, "the unit of IgG is never guessed"),
        ({"samples": SAMPLES, "igg_unit": "mg/dL", "mapping": {"sampels": {}}}, "did you mean 'samples'"),
        ({"samples": SAMPLES, "igg_unit": "mg/dL", "mapping": {"format": "nonmem"}}, "read from files"),
        ({"samples": SAMPLES.assign(igg=-1), "igg_unit": "mg/dL"}, "must be above 0"),
        ({"samples": SAMPLES.assign(units="g/L"), "igg_unit": "mg/dL"}, "units"),
    ],
)
def test_what_is_no_cohort_is_refused_in_words(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(igk.InputError, match=re.escape(expected)):
        igk.read_cohort(**given)


def test_check_says_what_the_command_says() -> None:
    cohort = igk.read_cohort(samples=SAMPLES, igg_unit="mg/dL")
    check = cohort.check()
    assert tuple(check.summary.columns) == SUMMARY_COLUMNS
    assert "samples (data frame): 3 read = 0 filtered + 3 used + 0 set aside" in str(check)
    assert str(check).endswith("No problems.")
    assert "<table" in check._repr_html_()
    doubtful = igk.read_cohort(
        samples=SAMPLES, doses={"patient_id": ["C"], "day": [3], "amount_g": [30]}, igg_unit="mg/dL"
    )
    assert "this patient has no samples" in str(doubtful.check())
