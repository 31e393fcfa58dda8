"""What must not matter: the unit in which a table is written, the order of its rows, days or dates."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from igkinetics.cohort.model import Cohort, Patient
from igkinetics.cohort.read import read_cohort

Sample = tuple[str, int, int, str]
OTHER_UNITS = """
igg_unit = "g/L"
unusual_levels = "as_given"
[doses.units]
amount_g = "mg"
duration_h = "min"
[samples.units]
day = "h"
"""
START = datetime(2024, 3, 1)

patients = st.sampled_from(["P1", "P2", "P3"])
samples = st.lists(
    st.tuples(patients, st.integers(-20, 200), st.integers(40, 2000), st.sampled_from(["", "<", ">"])),
    min_size=1,
    max_size=25,
    unique_by=lambda row: row[:2],
)
doses = st.lists(
    st.tuples(patients, st.integers(-20, 200), st.integers(5, 80), st.integers(0, 12)),
    max_size=10,
    unique_by=lambda row: row[:2],
)
few = settings(max_examples=10, deadline=None)


def table(header: str, rows: list[str]) -> str:
    return "\n".join([header, *rows]) + "\n"


def read(files: dict[str, str]) -> Cohort:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_text(content)
        return read_cohort(folder)


def as_days(rows: list[Sample], given_doses: list[tuple[str, int, int, int]]) -> dict[str, str]:
    return {
        "cohort.toml": 'igg_unit = "mg/dL"\nunusual_levels = "as_given"\n',
        "samples.csv": table("patient_id,day,igg", [f"{p},{day},{sign}{igg}" for p, day, igg, sign in rows]),
        "doses.csv": table(
            "patient_id,day,amount_g,duration_h", [f"{p},{day},{g},{h}" for p, day, g, h in given_doses]
        ),
    }


def same(first: Patient, second: Patient, *, shift: float = 0.0) -> None:
    np.testing.assert_allclose(first.sample_day, second.sample_day + shift, atol=1e-9)
    np.testing.assert_allclose(first.sample_igg, second.sample_igg, rtol=1e-12)
    np.testing.assert_array_equal(first.sample_limit, second.sample_limit)
    np.testing.assert_allclose(first.dose_day, second.dose_day + shift, atol=1e-9)
    np.testing.assert_allclose(first.dose_g, second.dose_g, rtol=1e-12)
    np.testing.assert_allclose(first.dose_duration_day, second.dose_duration_day, rtol=1e-12)


@few
@given(samples, doses)
def test_units_change_nothing(rows: list[Sample], given_doses: list[tuple[str, int, int, int]]) -> None:
    one = read(as_days(rows, given_doses))
    other = read(
        {
            "cohort.toml": OTHER_UNITS,
            "samples.csv": table(
                "patient_id,day,igg", [f"{p},{24 * day},{sign}{igg / 100!r}" for p, day, igg, sign in rows]
            ),
            "doses.csv": table(
                "patient_id,day,amount_g,duration_h",
                [f"{p},{day},{1000 * g},{60 * h}" for p, day, g, h in given_doses],
            ),
        }
    )
    for patient in one.patient_ids:
        same(one.patient(patient), other.patient(patient))


@few
@given(samples, doses, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(
    rows: list[Sample], given_doses: list[tuple[str, int, int, int]], random: np.random.Generator
) -> None:
    one = read(as_days(rows, given_doses))
    shuffled, shuffled_doses = list(rows), list(given_doses)
    random.shuffle(shuffled)
    random.shuffle(shuffled_doses)
    other = read(as_days(shuffled, shuffled_doses))
    assert sorted(one.patient_ids) == sorted(other.patient_ids)
    for patient in one.patient_ids:
        same(one.patient(patient), other.patient(patient))
    lines = dict(
        zip(
            other.samples["line"],
            zip(other.samples["patient_id"], other.samples["day"], strict=True),
            strict=True,
        )
    )
    assert lines == {number: (p, float(day)) for number, (p, day, _, _) in enumerate(shuffled, start=2)}


@few
@given(samples, doses)
def test_dates_and_days_give_the_same_cohort(rows: list[Sample], given_doses: list[tuple[str, int, int, int]]) -> None:
    one = read(as_days(rows, given_doses))
    date = {day: (START + timedelta(days=day)).date().isoformat() for day in range(-20, 201)}
    other = read(
        {
            "cohort.toml": 'igg_unit = "mg/dL"\nunusual_levels = "as_given"\n',
            "samples.csv": table(
                "patient_id,datetime,igg", [f"{p},{date[day]},{sign}{igg}" for p, day, igg, sign in rows]
            ),
            "doses.csv": table(
                "patient_id,datetime,amount_g,duration_h",
                [f"{p},{date[day]},{g},{h}" for p, day, g, h in given_doses],
            ),
        }
    )
    for patient in one.patient_ids:
        first, second = one.patient(patient), other.patient(patient)
        days = first.sample_day if first.sample_day.size else first.dose_day
        same(first, second, shift=days[0])


cells = st.sampled_from(
    ["P1", "P2", "", "0", "7", "7.5", "-3", "500", "<40", "<", "x", "NA", "2024-01-01", "1e9", '"a\nb"']
)


@few
@given(
    st.lists(st.lists(cells, min_size=2, max_size=4), max_size=12),
    st.lists(st.lists(cells, min_size=3, max_size=3), max_size=6),
)
def test_every_row_is_accounted_for_whatever_it_holds(sample_rows: list[list[str]], dose_rows: list[list[str]]) -> None:
    files = {
        "cohort.toml": 'igg_unit = "mg/dL"\nunusual_levels = "as_given"\n',
        "samples.csv": table("patient_id,day,igg", ["P9,1,500", *(",".join(row) for row in sample_rows)]),
        "doses.csv": table("patient_id,day,amount_g", ["P9,3,40", *(",".join(row) for row in dose_rows)]),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_text(content)
        cohort = read_cohort(folder, on_problem="skip")
    assert cohort.rows["samples.csv"].read == 1 + len(sample_rows)
    assert cohort.rows["doses.csv"].read == 1 + len(dose_rows)
    assert cohort.rows["samples.csv"].used == len(cohort.samples)
    assert cohort.rows["doses.csv"].used == len(cohort.doses)
    assert np.isfinite(cohort.samples[["day", "igg"]].to_numpy()).all()
