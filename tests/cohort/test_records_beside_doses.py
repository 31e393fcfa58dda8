"""Doses, levels, weights and stops that can each be read, and that together are not what they are taken for.

Each was read without a word before; beside each stands its like that is right, of which nothing is said.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from defect import told

import igkinetics as igk
from igkinetics.resources import resource_folder

Rows = list[list[object]]
LEVELS = {
    "A": (820, 655, 522, 455, 612, 548, 476),
    "B": (1010, 873, 702, 590, 497, 430, 662),
    "C": (688, 571, 463, 380, 330, 702, 551),
}
DAYS = {"A": (0, 14, 28, 43, 57, 84, 112), "B": (-2, 13, 30, 45, 60, 88, 100), "C": (-1, 15, 27, 41, 63, 76, 109)}
GIVEN = {"A": 50, "B": 95, "C": 70}
"""Each infusion lies before the one rise of its patient."""
START = {"A": "2024-03-04", "B": "2024-04-16", "C": "2024-06-21"}
LAST = {patient: days[-1] for patient, days in DAYS.items()}


def table(rows: Rows) -> str:
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


def samples(levels=LEVELS, *, later: int = 0) -> str:  # type: ignore[no-untyped-def]
    rows: Rows = [["patient_id", "day", "igg"]]
    rows += [[one, day + later, igg] for one in levels for day, igg in zip(DAYS[one], levels[one], strict=True)]
    return table(rows)


def doses(*further: str, grams=(30, 35, 27.5), cells: tuple[object, ...] = (), moved=(0, 0, 0), again=None) -> str:  # type: ignore[no-untyped-def]
    """One dose of each patient; again: how many days later the same stands there once more."""
    rows: Rows = [["patient_id", "day", "amount_g", *further]]
    for patient, amount, by in zip("ABC", grams, moved, strict=True):
        days = [GIVEN[patient] + by, *([] if again is None else [GIVEN[patient] + by + again])]
        rows += [[patient, day, amount, *cells] for day in days]
    return table(rows)


def many(kg: tuple[int, ...], grams: tuple[float, ...]) -> dict[str, str]:
    """Patients of these weights, with a dose of so many grams each."""
    ids = [f"P{number}" for number in range(len(kg))]
    given: Rows = [
        ["patient_id", "day", "amount_g"],
        *([one, 5, amount] for one, amount in zip(ids, grams, strict=True)),
    ]
    bodies: Rows = [["patient_id", "weight_kg"], *([one, each] for one, each in zip(ids, kg, strict=True))]
    sampled: Rows = [["patient_id", "day", "igg"], *([one, 0, 350 + 71 * place] for place, one in enumerate(ids))]
    return {"samples.csv": table(sampled), "doses.csv": table(given), "patients.csv": table(bodies)}


PATIENTS = "patient_id,weight_kg\nA,75\nB,88\nC,68\n"
WITHOUT = {one: tuple(round(levels[0] * 0.99**day) for day in DAYS[one]) for one, levels in LEVELS.items()}
"""IgG that falls as if nothing had been infused."""
AS_WIDE = (18, 22, 25, 35, 44, 51, 63, 74, 79, 86)
KINDS = [
    ("doses among the samples", {"doses.csv": doses()}, ""),
    ("counted from another day", {"doses.csv": doses(moved=(-200, -200, -200))}, "do both tables count from one day?"),
    (
        "samples counted from another day",
        {"samples.csv": samples(later=400), "doses.csv": doses()},
        "count from one day?",
    ),
    ("each from a day of its own", {"doses.csv": doses(moved=(300, 210, 140))}, "no dose within 35 days"),
    ("a history of one", {"doses.csv": doses(moved=(-200, 0, 0))}, ""),
    ("a history and doses since", {"doses.csv": doses() + "A,-200,30\nB,-200,30\nC,-200,30\n"}, ""),
    ("moved among the samples", {"doses.csv": doses(moved=(-25, -25, -25))}, "IgG rises where none was given"),
    ("moved before the first sample", {"doses.csv": doses(moved=(-60, -60, -60))}, "IgG rises where none was given"),
    ("two moved", {"doses.csv": doses(moved=(0, -25, -25))}, ""),
    ("IgG without what was infused", {"samples.csv": samples(WITHOUT), "doses.csv": doses()}, "with what was infused?"),
    ("no level near an infusion", {"samples.csv": samples(WITHOUT), "doses.csv": doses(moved=(-16, 0, 26))}, ""),
    ("under the skin", {"samples.csv": samples(WITHOUT), "doses.csv": doses("route", cells=("sc",))}, ""),
    ("order and administration", {"doses.csv": doses(again=1)}, "is it an order and its administration"),
    ("hours apart", {"doses.csv": doses(again=0.25)}, "is it an order and its administration"),
    ("1 g/kg on two days", {"doses.csv": doses(grams=(75, 88, 68), again=1), "patients.csv": PATIENTS}, ""),
    (
        "in two tables",
        {
            "orders.csv": doses(grams=(75, 88, 68)),
            "given.csv": doses(grams=(75, 88, 68), moved=(1, 1, 1)),
            "patients.csv": PATIENTS,
            "cohort.toml": 'igg_unit = "mg/dL"\n[doses]\nfiles = ["orders.csv", "given.csv"]\n',
        },
        "is it an order and its administration",
    ),
    ("weekly", {"doses.csv": doses(again=7)}, ""),
    ("two of four", {"doses.csv": doses() + "A,51,30\nB,96,35\n"}, ""),
    (
        "a course in hours",
        {
            "doses.csv": doses("duration_h", grams=(150, 176, 136), cells=(5,)),
            "patients.csv": PATIENTS,
        },
        "2 g/kg in 5 h (and in 2 more doses), a whole course",
    ),
    (
        "a course in hours, no weight",
        {"doses.csv": doses("duration_h", grams=(150, 160, 140), cells=(2,))},
        "(at 80 kg)",
    ),
    (
        "a course in a day",
        {
            "doses.csv": doses("duration_h", grams=(150, 176, 136), cells=(12,)),
            "patients.csv": PATIENTS,
        },
        "",
    ),
    ("0.4 g/kg in five hours", {"doses.csv": doses("duration_h", cells=(5,)), "patients.csv": PATIENTS}, ""),
    ("minutes as hours", {"doses.csv": doses("duration_h", cells=(0.05,))}, "faster than immunoglobulin is infused"),
    ("a fast one", {"doses.csv": doses("duration_h", cells=(0.75,))}, ""),
    ("a pump under the skin", {"doses.csv": doses("duration_h", "route", grams=(10, 10, 12), cells=(0.1, "sc"))}, ""),
    ("a rate", {"doses.csv": doses("rate_ml_h", cells=(120,))}, "by this column it ran in at a rate"),
    ("a rate in German", {"doses.csv": doses("Infusionsgeschwindigkeit", cells=(90,))}, "ran in at a rate"),
    ("a rate in the cell", {"doses.csv": doses("pump", cells=("120 mL/h",))}, "ran in at a rate"),
    ("a rate beside hours", {"doses.csv": doses("rate_ml_h", "duration_h", cells=(120, 4))}, ""),
    ("a rate under the skin", {"doses.csv": doses("rate_ml_h", "route", grams=(10, 10, 12), cells=(30, "sc"))}, ""),
    ("a heart rate", {"doses.csv": doses("heart_rate", cells=(80,))}, ""),
    ("no rate", {"doses.csv": doses("rate_ml_h", cells=(0,))}, ""),
    ("ages as weights", many(AS_WIDE, (30, 30, 27.5, 30, 35, 30, 30, 32.5, 30, 30)), "are they ages?"),
    ("weights", many(AS_WIDE, tuple(0.4 * one for one in AS_WIDE)), ""),
    ("one dose for all adults", many((52, 55, 58, 63, 70, 74, 81, 88, 93, 99), (30,) * 10), ""),
    (
        "ages beside weights",
        {
            "patients.csv": "patient_id,weight_kg,Alter\nA,75,75\nB,23,23\nC,68,68\n",
        },
        "each is the age in this column",
    ),
    (
        "ages beside other weights",
        {"patients.csv": "patient_id,weight_kg,Alter\nA,75,75\nB,88,23\nC,68,68\n"},
        "looks like age_y",
    ),
]


@pytest.mark.parametrize(("files", "expected"), [case[1:] for case in KINDS], ids=[case[0] for case in KINDS])
def test_what_is_odd_beside_doses_is_asked_about(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    said = told(tmp_path, {"samples.csv": samples(), **files})
    assert expected in said
    assert expected or not said, said
    assert said.count("?") <= 2, f"one fault is told once: {said}"


def test_a_weight_that_is_the_age_by_birth_is_asked_about(tmp_path: Path) -> None:
    dated = "patient_id,datetime,igg\n" + "".join(
        f"{one},2024-0{place}-03,{500 + 9 * place}\n" for place, one in enumerate("ABC", 1)
    )
    born = "patient_id,weight_kg,birth\nA,75,1949-01-09\nB,23,2000-05-01\nC,68,1955-11-30\n"
    assert "their age by the date of birth" in told(tmp_path / "ages", {"samples.csv": dated, "patients.csv": born})
    other = born.replace("23,2000", "61,2000")
    assert told(tmp_path / "weights", {"samples.csv": dated, "patients.csv": other}) == ""


def therapy(stops: dict[str, str] | dict[str, int], agent: str, *, day: str = "0") -> str:
    return "patient_id,start,stop,agent\n" + "".join(f"{one},{day},{stop},{agent}\n" for one, stop in stops.items())


STOPS = [
    ("last samples", therapy(LAST, "teclistamab"), "the last stop of 3 of 3 patients is the day of their last sample"),
    ("stops before", therapy({"A": 90, "B": 75, "C": 80}, "teclistamab"), ""),
    ("one of them", therapy({"A": 112, "B": 75, "C": 80}, "teclistamab"), ""),
    ("planned courses", therapy({"A": 70, "B": 70, "C": 70}, "teclistamab"), ""),
    ("going on", therapy(dict.fromkeys("ABC", ""), "teclistamab"), ""),
]


@pytest.mark.parametrize(("courses", "expected"), [one[1:] for one in STOPS], ids=[one[0] for one in STOPS])
def test_stops_at_the_end_of_the_record_are_asked_about(tmp_path: Path, courses: str, expected: str) -> None:
    said = told(tmp_path, {"samples.csv": samples(), "therapy.csv": courses})
    assert expected in said
    assert expected or not said, said


def test_stops_on_one_date_are_asked_about(tmp_path: Path) -> None:
    dated = "patient_id,datetime,igg\n" + "".join(
        f"{one},{START[one]},{600 + place}\n{one},2024-08-1{place},{480 + place}\n" for place, one in enumerate("ABC")
    )
    rows = "patient_id,start,stop,agent\n" + "".join(f"{one},{START[one]},2024-09-30,CAR-T\n" for one in "ABC")
    said = told(tmp_path / "one date", {"samples.csv": dated, "therapy.csv": rows})
    assert "the last stop of 3 of 3 patients is this date, whenever they began: is it the end of the record?" in said
    for month, one in (("07", "A"), ("08", "B")):
        rows = rows.replace(f"{START[one]},2024-09", f"{START[one]},2024-{month}")
    assert told(tmp_path / "dates of their own", {"samples.csv": dated, "therapy.csv": rows}) == ""


@pytest.mark.parametrize("moved", [0.0, -13.0, 20.0])
def test_the_example_is_asked_about_only_where_its_doses_are_moved(moved: float) -> None:
    folder = resource_folder("data") / "blina23"
    tables = {name: pd.read_csv(folder / f"{name}.csv") for name in ("samples", "doses", "therapy", "patients")}
    tables["doses"]["day"] += moved
    cohort = igk.read_cohort(**tables, igg_unit="mg/dL")
    said = cohort.problems["expected"].str.contains("do doses and samples count from one day").any()
    assert bool(said) == (moved != 0.0)
    assert moved or cohort.problems.empty
