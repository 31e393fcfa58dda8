"""Cells that lost digits on their way, years of other calendars, levels on another scale, samples that were spoilt.

Each was read without a word before; beside each stands its like that is right, of which nothing is said.
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from defect import DOSES, SAMPLES, told, warnings_of, write_cohort

from igkinetics.cohort.read import read_cohort

LEVELS = (820, 655, 522, 455, 612, 548, 476, 1010, 873, 702, 590, 497, 430, 662)
G_PER_L = 'igg_unit = "g/L"\n'


def samples(level, *, further: str = "", cell: str = "", where: int = 5) -> str:  # type: ignore[no-untyped-def]
    """Three patients; level(place, mg/dL): what stands there; cell: of one row alone."""
    rows = [f"patient_id,day,igg{further}"]
    for place, one in enumerate(LEVELS):
        beside = f",{cell if place == where else ''}" if further else ""
        rows.append(f"{'ABC'[place // 5]},{14 * (place % 5)},{level(place, one)}{beside}")
    return "\n".join(rows) + "\n"


def plain(place: int, one: int) -> int:
    return one


def short(place: int, one: float) -> str:
    return f"{one:.0E}"


def mixed(place: int, one: int) -> str:
    return "1E+03" if place == 7 else str(one)


def comma(place: int, one: int) -> str:
    return f"{one // 100},{one // 10 % 10}"


SCALES = [
    (
        "natural logarithms",
        samples(lambda n, one: f"{math.log(one / 100):.3f}"),
        G_PER_L,
        "are they logarithms, or in g/dL?",
    ),
    ("logarithms to base 10", samples(lambda n, one: f"{math.log10(one / 50):.3f}"), G_PER_L, "are they logarithms"),
    ("g/dL", samples(lambda n, one: f"{1.5 * one / 1000:.2f}"), G_PER_L, "or in g/dL?"),
    ("low levels, as given", samples(lambda n, one: f"{one / 350:.2f}"), G_PER_L + 'unusual_levels = "as_given"\n', ""),
    ("low levels and higher ones", samples(lambda n, one: f"{one / (350 if n < 9 else 150):.2f}"), G_PER_L, ""),
    (
        "parts of a baseline",
        samples(lambda n, one: f"{one / LEVELS[n - n % 5]:.2f}"),
        G_PER_L,
        "are they parts of a baseline?",
    ),
    ("percent of a baseline", samples(lambda n, one: round(100 * one / LEVELS[n - n % 5])), "", "parts of a baseline?"),
    ("whole g/L", samples(lambda n, one: round(one / 100)), G_PER_L, ""),
    ("short powers of ten", samples(short), "", "a spreadsheet has dropped the other digits"),
    ("powers of ten with digits", samples(lambda n, one: f"{one:.2E}"), "", ""),
    ("one short one among whole numbers", samples(mixed), "", ""),
    ("hundreds", samples(lambda n, one: 100 * round(one / 100)), "", ""),
]


@pytest.mark.parametrize(("rows", "mapping", "expected"), [one[1:] for one in SCALES], ids=[one[0] for one in SCALES])
def test_levels_on_another_scale_are_asked_about(tmp_path: Path, rows: str, mapping: str, expected: str) -> None:
    files = {"samples.csv": rows, "cohort.toml": mapping or 'igg_unit = "mg/dL"\n'}
    said = told(tmp_path, files)
    assert expected in said
    assert expected or not said, said


def test_short_amounts_and_weights_are_asked_about(tmp_path: Path) -> None:
    given = DOSES + "P1,1,3E+01\nP1,10,3E+01\nP1,20,2E+01\n"
    assert "amount_g: found '3E+01'; one digit and a power of ten, as in 3 of 3 rows" in told(
        tmp_path / "doses", {"doses.csv": given}
    )
    weighed = "patient_id,weight_kg\nP1,8E+01\nP2,7E+01\nP3,6E+01\n"
    assert "weight_kg: found '8E+01'" in told(tmp_path / "weights", {"patients.csv": weighed})


CUT = [
    (
        "levels",
        {"samples.csv": samples(comma, further="")[:17] + "," + samples(comma)[17:], "cohort.toml": G_PER_L},
        "igg is",
    ),
    (
        "levels before a note",
        {"samples.csv": samples(comma).replace("igg", "igg,note"), "cohort.toml": G_PER_L},
        "igg is",
    ),
    ("doses", {"doses.csv": "patient_id,day,amount_g,\nP1,5,30,\nP1,20,27,5\n"}, "amount_g is"),
    ("weights", {"patients.csv": "patient_id,weight_kg,\nP1,75,5\n"}, "weight_kg is"),
    (
        "in more cells than headings",
        {"samples.csv": samples(comma), "cohort.toml": G_PER_L},
        "3 cells as in the header",
    ),
    ("a number of its own", {"doses.csv": "patient_id,day,amount_g,batch\nP1,5,30,7\nP1,20,25,5\n"}, ""),
    ("decimals that are there", {"doses.csv": "patient_id,day,amount_g,\nP1,5,30.5,7\nP1,20,27.5,5\n"}, ""),
    ("ids without a name", {"doses.csv": "patient_id,day,amount_g,\nP1,5,30,1207\nP1,20,25,1208\n"}, ""),
    ("footnotes", {"samples.csv": samples(plain, further=",note", cell="2")}, ""),
    (
        "ignored",
        {
            "patients.csv": "patient_id,weight_kg,\nP1,75,5\n",
            "cohort.toml": 'igg_unit = "mg/dL"\n[patients]\nignore = [""]\n',
        },
        "",
    ),
]


@pytest.mark.parametrize(("files", "expected"), [one[1:] for one in CUT], ids=[one[0] for one in CUT])
def test_decimals_cut_off_at_a_comma_are_refused(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    said = told(tmp_path, files)
    assert expected in said
    assert said.startswith("REFUSED") if expected else not said, said


def dated(year: int, *, form: str = "{:04d}-{:02d}-{:02d}", last: int | None = None) -> dict[str, str]:
    """All tables with dates of this year; last: of the last of them."""

    def on(month: int, day: int) -> str:
        return form.format(*((year, month, day) if form.startswith("{:04d") else (day, month, year % 100)))

    return {
        "samples.csv": f"patient_id,datetime,igg\nP1,{on(3, 1)},650\nP1,{on(3, 15)},600\nP1,{on(4, 2)},700\n",
        "doses.csv": f"patient_id,datetime,amount_g\nP1,{on(3, 20)},30\n",
        "therapy.csv": f"patient_id,start,stop,agent\nP1,{on(3, 1)},{on(3, 29)},blinatumomab\n",
    }


SHORT_YEAR = "".join(f'[{name}]\ndatetime_format = "%d/%m/%y"\n' for name in ("samples", "doses", "therapy"))
YEARS = [
    (dated(2566), "", "is it a Buddhist year?"),
    (dated(1402), "", "is it a Persian or Hijri year?"),
    (dated(1445), "", "is it a Persian or Hijri year?"),
    (dated(1066), "", "is it right, and of this calendar?"),
    (dated(2566, form="{:02d}/{:02d}/{:02d}"), SHORT_YEAR, "read as the year 2066"),
    (dated(2023), "", ""),
    (dated(1983), "", ""),
    (dated(2187), "", ""),
    (dated(2023, form="{:02d}/{:02d}/{:02d}"), SHORT_YEAR, ""),
    (dated(1998, form="{:02d}/{:02d}/{:02d}"), SHORT_YEAR, ""),
]


@pytest.mark.parametrize(("files", "mapping", "expected"), YEARS)
def test_years_of_another_calendar_are_asked_about(
    tmp_path: Path, files: dict[str, str], mapping: str, expected: str
) -> None:
    cohort = read_cohort(write_cohort(tmp_path / "ward", {**files, "cohort.toml": f'igg_unit = "mg/dL"\n{mapping}'}))
    said = warnings_of(cohort)
    assert len(said) == (4 if expected else 0)  # of samples, doses, starts and stops, once each
    assert all(expected in one for one in said)


DISTURBED = {
    "HIL": ("H3", "2+"),
    "Hämolyse": ("stark",),
    "haemolysis": ("+++",),
    "hemolysis index": ("4",),
    "H-index": ("3",),
    "lipemia": ("moderate",),
    "Icterus": ("yes",),
    "interference": ("icteric",),
    "Interferenz": ("lipämisch",),
    "sample quality": ("HEM",),
    "remark": ("LIP",),
    "comment": ("haemolysed",),
    "Bemerkung": ("ICT 2",),
    "note": ("lipaemic",),
}
NOT_DISTURBED = {
    "HIL": ("0",),
    "haemolysis": ("none", "no", "negative"),
    "hemolysis index": ("12",),
    "remark": ("not haemolysed",),
    "ward": ("HEM",),
    "site": ("H",),
    "sample index": ("3",),
    "sample quality": ("good",),
}
SPOILT = [(heading, cell, True) for heading, cells in DISTURBED.items() for cell in cells]
SPOILT += [(heading, cell, False) for heading, cells in NOT_DISTURBED.items() for cell in cells]


@pytest.mark.parametrize(("heading", "cell", "asked"), SPOILT)
def test_samples_whose_look_may_disturb_the_assay_are_asked_about(
    tmp_path: Path, heading: str, cell: str, asked: bool
) -> None:
    said = told(tmp_path, {"samples.csv": samples(plain, further=f",{heading}", cell=cell)})
    assert ("speaks against the row, which is used all the same" in said) == asked
    assert asked or not said, said


PARTS = (
    "endogenous IgG",
    "IgG_endo",
    "IgG minus IVIG",
    "own IgG",
    "IgG endogen",
    "IgG ohne IVIG",
    "IgG sans perfusion",
    "exogenous IgG",
)


@pytest.mark.parametrize("heading", PARTS)
def test_igg_without_what_was_infused_is_not_total_igg(tmp_path: Path, heading: str) -> None:
    rows = samples(plain)
    mapping = f'igg_unit = "mg/dL"\n[samples.columns]\nigg = "{heading}"\n'
    said = told(tmp_path / "named", {"samples.csv": rows.replace("igg", heading, 1), "cohort.toml": mapping})
    assert "the heading says another analyte than total IgG in serum" in said
    drafted = told(tmp_path / "drafted", {"samples.csv": rows.replace("igg", heading, 1)})
    assert f'igg = "{heading}"' not in drafted
    both = {"samples.csv": samples(plain, further=f",{heading}", cell="300"), "doses.csv": DOSES + "A,33,30\n"}
    beside = told(tmp_path / "beside", both)
    assert beside == ""


def test_igg_of_the_own_laboratory_is_total_igg(tmp_path: Path) -> None:
    mapping = 'igg_unit = "mg/dL"\n[samples.columns]\nigg = "IgG own lab"\n'
    files = {"samples.csv": samples(plain).replace("igg", "IgG own lab", 1), "cohort.toml": mapping}
    assert told(tmp_path, files) == ""


def test_rows_of_endogenous_igg_are_refused_beside_total_igg(tmp_path: Path) -> None:
    rows = SAMPLES.replace("igg", "igg,type") + "P1,0,620,total\nP1,14,540,endogenous\nP1,30,480,total\n"
    assert 'none_of = ["endogenous"]' in told(tmp_path, {"samples.csv": rows})
