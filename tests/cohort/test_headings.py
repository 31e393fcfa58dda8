"""Headings of real exports: what they mean, what they must not mean, and the page that shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from igkinetics.cohort.mapping.headings import likeliest, rank, read_heading
from scripts import script

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_headings_is_what_the_code_does() -> None:
    headings = script("docs/headings.py")
    assert (DOCS / "headings.md").read_text(encoding="utf-8") == headings.page()
    assert sum(len(names) for table in headings.HEADINGS.values() for names in table.values()) >= 60
    assert len(headings.WORDS) >= 30


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("patient_id", "Medical Record Number"),
        ("patient_id", "Patientennummer"),
        ("datetime", "Probenahmedatum"),
        ("datetime", "Blood draw date"),
        ("datetime", "Blutentnahme am"),
        ("igg", "IgG [Mass/volume] in Serum or Plasma"),
        ("igg", "S-IgG"),
        ("igg", "IgG result"),
        ("unit", "Result units"),
        ("datetime", "IgG date"),
    ],
)
def test_a_heading_says_its_column(name: str, heading: str) -> None:
    assert rank("samples", name, heading) is not None


@pytest.mark.parametrize(
    "heading", ["IgG2", "IgG subclass 3", "Anti-HBs IgG", "IgG/albumin ratio", "DIG", "IVIG", "labevent_id", "Ref. low"]
)
def test_what_is_no_total_igg_in_serum_is_not_taken_for_it(heading: str) -> None:
    assert rank("samples", "igg", heading) is None


def test_of_several_times_that_of_the_sample_is_taken() -> None:
    times = ["storetime", "Order date", "Result date", "charttime"]
    assert likeliest("samples", "datetime", times) == "charttime"
    assert likeliest("doses", "datetime", ["endtime", "starttime", "patientweight"]) == "starttime"
    assert likeliest("doses", "patient_id", ["patientweight", "subject_id"]) == "subject_id"


def test_a_slip_of_the_pen_is_understood_and_a_mere_likeness_is_not() -> None:
    assert likeliest("samples", "patient_id", ["patient_idd", "day"]) == "patient_idd"
    assert likeliest("samples", "igg", ["DIG", "AGE"]) is None


def test_the_unit_of_a_heading_is_told_apart() -> None:
    headings = ("IgG (mg/dL)", "igg_g_l", "Dose [g/kg]", "Weight, kg", "Immunoglobulin G")
    assert [read_heading(one).unit for one in headings] == ["mg/dL", "g/L", "g/kg", "kg", ""]
