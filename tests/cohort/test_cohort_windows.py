"""Courses of therapy, intervals of depletion, the nadir window, and the summary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from defect import DOSES, SAMPLES, THERAPY, Files, write_cohort
from hypothesis import given
from hypothesis import strategies as st

from igkinetics.cohort.check import summary
from igkinetics.cohort.courses import depletion_intervals
from igkinetics.cohort.model import Patient
from igkinetics.cohort.read import read_cohort
from igkinetics.cohort.windows import nadir_window


def patient(tmp_path: Path, files: Files) -> Patient:
    return read_cohort(write_cohort(tmp_path / "ward", files)).patient("P1")


FIVE_SAMPLES = SAMPLES + "".join(f"P1,{day},500\n" for day in (-7, 0, 30, 60, 90))


def test_rows_of_one_agent_that_touch_or_overlap_are_one_course(tmp_path: Path) -> None:
    rows = "P1,42,70,blina\nP1,0,28,blina\nP1,28,35,blina\nP1,60,90,blina\nP2,5,9,blina\n"
    cohort = read_cohort(write_cohort(tmp_path / "ward", {"samples.csv": FIVE_SAMPLES, "therapy.csv": THERAPY + rows}))
    assert cohort.therapy[["patient_id", "start", "stop", "line"]].to_numpy().tolist() == [
        ["P1", 0.0, 35.0, 3],
        ["P1", 42.0, 90.0, 2],
        ["P2", 5.0, 9.0, 6],
    ]
    assert "therapy: 2 rows joined to another, touched or overlapped" in cohort.notes
    assert cohort.rows["therapy.csv"].used == 5


def test_agents_stay_apart_and_depletion_is_their_union(tmp_path: Path) -> None:
    one = patient(tmp_path, {"samples.csv": FIVE_SAMPLES, "therapy.csv": THERAPY + "P1,20,,car-t\nP1,0,28,blina\n"})
    assert one.agents == ("blina", "car-t")
    assert one.agent_start.tolist() == [0.0, 20.0]
    assert one.therapy_start.tolist() == [0.0]
    assert one.therapy_stop.tolist() == [np.inf]


intervals = st.lists(st.tuples(st.integers(-50, 200), st.integers(1, 60)), max_size=12)


@given(intervals)
def test_depletion_intervals_cover_the_same_days(rows: list[tuple[int, int]]) -> None:
    start = np.array([first for first, _ in rows], dtype=float)
    stop = np.array([first + length for first, length in rows], dtype=float)
    merged_start, merged_stop = depletion_intervals(start, stop)
    day = np.arange(-60, 270) + 0.5
    inside = ((day[:, None] >= start) & (day[:, None] < stop)).any(axis=1)
    merged = ((day[:, None] >= merged_start) & (day[:, None] < merged_stop)).any(axis=1)
    np.testing.assert_array_equal(inside, merged)
    assert (merged_start[1:] > merged_stop[:-1]).all()


BLINA = THERAPY + "P1,0,28,blina\nP1,42,70,blina\n"


@pytest.mark.parametrize(
    ("files", "start", "end", "reason"),
    [
        ({}, -7.0, 90.0, "first to last sample, no therapy recorded"),
        ({"therapy.csv": BLINA}, 0.0, 90.0, "first therapy start to last sample"),
        ({"therapy.csv": BLINA + "P1,100,,car-t\n"}, 0.0, 90.0, "first therapy start to last sample"),
        (
            {"therapy.csv": BLINA + "P1,75,,car-t\n"},
            0.0,
            75.0,
            "first therapy start to last sample, cut at start of car-t",
        ),
        ({"therapy.csv": BLINA + "P1,75,80,Blina\n"}, 0.0, 90.0, "first therapy start to last sample"),
        ({"therapy.csv": BLINA + "P1,75,80,\n"}, 0.0, 90.0, "first therapy start to last sample"),
        ({"therapy.csv": BLINA + "P1,0,80,rituximab\n"}, 0.0, 90.0, "first therapy start to last sample"),
        (
            {"therapy.csv": BLINA, "outcomes.csv": "patient_id,day,outcome\nP1,65,hsct\n"},
            0.0,
            60.0,
            "first therapy start to last sample",
        ),
        (
            {"therapy.csv": BLINA, "patients.csv": "patient_id,death\nP1,95\n"},
            0.0,
            90.0,
            "first therapy start to last sample",
        ),
    ],
)
def test_the_nadir_window(tmp_path: Path, files: Files, start: float, end: float, reason: str) -> None:
    window = nadir_window(patient(tmp_path, {"samples.csv": FIVE_SAMPLES, **files}))
    assert (window.start, window.end, window.reason) == (start, end, reason)
    assert window.exists


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"samples.csv": SAMPLES + "P2,0,500\n", "doses.csv": DOSES + "P1,0,40\n"}, "no samples"),
        (
            {"samples.csv": SAMPLES + "P1,-7,500\n", "therapy.csv": BLINA},
            "no sample on or after the first therapy start",
        ),
    ],
)
def test_no_window(tmp_path: Path, files: Files, reason: str) -> None:
    window = nadir_window(patient(tmp_path, files))
    assert not window.exists
    assert np.isnan([window.start, window.end]).all()
    assert window.reason == reason


def test_a_window_that_is_asked_for_may_go_beyond_the_data_but_not_beyond_death(tmp_path: Path) -> None:
    alive = patient(tmp_path, {"samples.csv": FIVE_SAMPLES, "therapy.csv": BLINA + "P1,75,,car-t\n"})
    dead = patient(
        tmp_path,
        {"samples.csv": FIVE_SAMPLES, "patients.csv": "patient_id,death\nP1,95\n", "therapy.csv": BLINA},
    )
    assert (nadir_window(alive, (-10.0, 180.0)).start, nadir_window(alive, (-10.0, 180.0)).end) == (
        -10.0,
        180.0,
    )
    cut = nadir_window(dead, (10.0, 180.0))
    assert (cut.start, cut.end, cut.reason) == (10.0, 95.0, "as asked, cut at death")
    assert nadir_window(dead, (100.0, 180.0)).reason == "death before the window asked for"
    with pytest.raises(ValueError, match="from an earlier to a later day"):
        nadir_window(alive, (180.0, 10.0))


def test_the_summary_counts_what_is_there(tmp_path: Path) -> None:
    cohort = read_cohort(
        write_cohort(
            tmp_path / "ward",
            {
                "samples.csv": SAMPLES + "P1,0,500\nP1,10,<40\nP2,0,700\n",
                "doses.csv": DOSES + "P1,3,40\nP1,9,20\n",
                "patients.csv": "patient_id,group,weight_kg,death\nP1,IVIG,80,50\nP2,control,,\n",
                "therapy.csv": THERAPY + "P1,0,,b\n",
                "outcomes.csv": "patient_id,day,outcome\nP1,3,infection\nP1,9,infection\nP1,50,death\n",
            },
        )
    )
    table = summary(cohort).set_index(["topic", "quantity"])["value"]
    assert table["samples", "samples per patient"] == "1.5 (1 to 2)"
    assert table["samples", "below the lower limit"] == "1 (33.3%)"
    assert table["samples", "IgG"] == "500 (40 to 700)"
    assert table["doses", "amount per weight"] == "0.375 (0.25 to 0.5)"
    assert table["outcomes", "infection"] == "1"
    assert table["outcomes", "death"] == "1"
    assert table["therapy", "ongoing"] == "1"
    assert table["patients", "weight unknown"] == "1"
