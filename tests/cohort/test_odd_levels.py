"""Records whose every cell can be read, and that together are not what they are taken for, are asked about.

Each was read without a word before; beside each stands its like that is right, of which nothing is said.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from defect import told

Rows = list[list[object]]
LEVELS = {
    "A": (820, 655, 522, 455, 612, 548, 476),
    "B": (1010, 873, 702, 590, 497, 430, 662),
    "C": (688, 571, 463, 380, 330, 705, 551),
}
DAYS = (0, 14, 28, 43, 61, 84, 112)


def samples(*further: str, level=lambda level: level, cell=lambda patient, place: [], again=None) -> str:  # type: ignore[no-untyped-def]
    """A cohort of three; again: (days later, times the level, cells), of a second row for each sample."""
    rows: Rows = [["patient_id", "day", "igg", *further]]
    for patient, levels in LEVELS.items():
        for place, (day, one) in enumerate(zip(DAYS, levels, strict=True)):
            rows.append([patient, day, level(one), *cell(patient, place)])
            if again is not None:
                later, times, cells = again
                rows.append([patient, day + later, round(times * one), *cells])
    return table(rows)


def table(rows: Rows) -> str:
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


def patients(*further: str, kg: tuple[float, ...] = (75, 88, 68), cells: tuple[tuple[object, ...], ...] = ()) -> str:
    rows = [[patient, weight, *cell] for patient, weight, cell in zip("ABC", kg, cells or ((),) * 3, strict=True)]
    return table([["patient_id", "weight_kg", *further], *rows])


def doses(*grams: float, further: str = "", cell: object = "") -> str:
    rows = [[patient, 50, one, *([cell] if further else [])] for patient, one in zip("ABC", grams, strict=True)]
    return table([["patient_id", "day", "amount_g", *([further] if further else [])], *rows])


def courses(stop: str, *, further: str = "") -> str:
    """Three courses of which the first stops on this day."""
    ends = zip("ABC", (stop, "28", "30"), strict=True)
    cell = ",30" if further else ""
    rows = "".join(f"{patient},0,{end},blinatumomab{cell}\n" for patient, end in ends)
    return f"patient_id,start,stop,agent{further}\n{rows}"


AS_GIVEN = 'igg_unit = "mg/dL"\nunusual_levels = "as_given"\n'
IN_G_PER_L = 'igg_unit = "g/L"\n'
KINDS = [
    ("a limit", {"samples.csv": samples(level=lambda one: max(one, 500))}, "to be written as <500"),
    ("an upper limit", {"samples.csv": samples(level=lambda one: min(one, 600))}, "to be written as >600"),
    (
        "a code",
        {"samples.csv": samples(level=lambda one: 888 if 500 < one < 650 else one)},
        "a code for a missing value",
    ),
    ("a target", {"samples.csv": samples(level=lambda one: 500)}, "a target, a threshold?"),
    (
        "a limit that is right",
        {"samples.csv": samples(level=lambda one: max(one, 500)), "cohort.toml": AS_GIVEN},
        "",
    ),
    ("coarse levels", {"samples.csv": samples(level=lambda one: round(one / 100)), "cohort.toml": IN_G_PER_L}, ""),
    (
        "logarithms",
        {"samples.csv": samples(level=lambda one: f"{2 + (one / 1000 - 0.5) / 5:.3f}"), "cohort.toml": IN_G_PER_L},
        "are they logarithms?",
    ),
    (
        "µmol/L",
        {"samples.csv": samples(level=lambda one: f"{one / 15:.1f}"), "cohort.toml": IN_G_PER_L},
        "are they in µmol/L or IU/mL?",
    ),
    ("run twice", {"samples.csv": samples(again=(0.01, 1.04, ()))}, "one sample measured twice?"),
    ("run twice in a day", {"samples.csv": samples(again=(0.3, 1.04, ()))}, ""),
    (
        "before and after a short infusion",
        {
            "samples.csv": "patient_id,day,igg\nA,0,620\nA,14,540\nA,14.04,900\n",
            "doses.csv": "patient_id,day,amount_g,duration_h\nA,14.01,30,0.5\n",
        },
        "",
    ),
    ("reported twice", {"samples.csv": samples(again=(1, 1, ()))}, "one sample reported twice?"),
    ("measured on two days", {"samples.csv": samples(again=(1, 1.02, ()))}, ""),
    (
        "reported twice, in whole g/L",
        {"samples.csv": samples(level=lambda one: round(one / 100), again=(1, 0.01, ())), "cohort.toml": IN_G_PER_L},
        "",
    ),
    (
        "two analytes by local codes",
        {"samples.csv": samples("code", cell=lambda *_: ["GIGG"], again=(3, 0.3, ["GIGA"]))},
        'none_of = ["GIGA"]',
    ),
    ("two tubes", {"samples.csv": samples("tube", cell=lambda *_: ["S1"], again=(3, 0.95, ["S2"]))}, ""),
    ("rests by visit", {"samples.csv": samples("visit", cell=lambda *_: ["a"], again=(3, 0.6, ["b"]))}, ""),
    ("a final level", {"samples.csv": samples("igg_final", cell=lambda *_: [900])}, "these levels differ from it"),
    ("a copied column", {"samples.csv": samples("igg.1", cell=lambda *_: [900])}, "these levels differ from it"),
    (
        "one with a myeloma",
        {
            "samples.csv": "patient_id,day,igg\n"
            + "".join(f"A,{n},{3300 + n}\n" for n in range(9))
            + "B,0,620\nC,0,540\n"
        },
        "",
    ),
    (
        "an age against a birth",
        {
            "samples.csv": "patient_id,datetime,igg\nA,2024-03-01,620\nA,2024-03-15,540\n",
            "patients.csv": "patient_id,age_y,birth\nA,60,2015-02-03\n",
        },
        "born 9 years before the first sample",
    ),
    (
        "an age at diagnosis",
        {
            "samples.csv": "patient_id,datetime,igg\nA,2024-03-01,620\nA,2024-03-15,540\n",
            "patients.csv": "patient_id,age_y,birth\nA,57,1964-02-03\n",
        },
        "",
    ),
    ("high flags", {"samples.csv": samples("flag", cell=lambda *_: ["H"])}, "this flag says the reverse"),
    ("low flags", {"samples.csv": samples("flag", cell=lambda *_: ["L"])}, "this flag says the reverse"),
    ("flags", {"samples.csv": samples("flag", cell=lambda p, n: ["L" if LEVELS[p][n] < 700 else ""])}, ""),
    ("pounds", {"patients.csv": patients(kg=(165, 194, 150))}, "are they in lb?"),
    ("a heavy patient", {"patients.csv": patients(kg=(165, 75, 68))}, ""),
    (
        "pounds of children, by height",
        {"patients.csv": patients("height_cm", kg=(88, 110, 95), cells=((140,), (145,), (142,)))},
        "are weights in lb?",
    ),
    ("ages", {"patients.csv": patients("age_y", cells=((75,), (88,), (68,)))}, "one column in the place of the other?"),
    ("an age alike", {"patients.csv": patients("age_y", cells=((75,), (60,), (68,)))}, ""),
    (
        "another index",
        {"patients.csv": patients("height_cm", "BMI", cells=((175, 38), (180, 27.2), (170, 23.5)))},
        "by this column and the height they are others",
    ),
    (
        "its index",
        {"patients.csv": patients("height_cm", "BMI", cells=((175, 24.5), (180, 27.2), (170, 23.5)))},
        "",
    ),
    (
        "another arm",
        {"patients.csv": patients("group", "actual_arm", cells=(("X", "X"), ("X", "Y"), ("Y", "Y")))},
        "places these patients in another",
    ),
    (
        "another classification",
        {"patients.csv": patients("group", "treatment", cells=(("X", "a"), ("X", "b"), ("Y", "a")))},
        "",
    ),
    (
        "weights by day in pounds",
        {"patients.csv": patients(), "weights.csv": "patient_id,day,weight_kg\nA,0,165\nB,0,194\nC,0,69\n"},
        "75 kg in the patients table",
    ),
    (
        "a child that grows",
        {"patients.csv": patients(kg=(20, 88, 68)), "weights.csv": "patient_id,day,weight_kg\nA,0,20\nA,900,34\n"},
        "",
    ),
    ("vials", {"patients.csv": patients(), "doses.csv": doses(3, 4, 3)}, "in vials?"),
    ("small doses", {"patients.csv": patients(kg=(10, 12, 9)), "doses.csv": doses(3, 4, 3)}, ""),
    ("vials of a size", {"doses.csv": doses(3, 4, 3.5, further="vial_size_g", cell=10)}, "does it count vials?"),
    ("grams in vials", {"doses.csv": doses(30, 40, 35, further="vial_size_g", cell=10)}, ""),
    (
        "days from another origin",
        {
            "samples.csv": "patient_id,day,igg\nA,23439,620\nA,23453,540\n",
            "therapy.csv": "patient_id,start,stop,agent\nA,0,28,blinatumomab\n",
        },
        "do the days of both tables count from one day?",
    ),
    (
        "a therapy of long ago",
        {
            "samples.csv": "patient_id,day,igg\nA,0,620\nA,14,540\n",
            "therapy.csv": "patient_id,start,stop,agent\nA,-2000,-1800,blinatumomab\n",
        },
        "",
    ),
    ("a stop in the next year", {"therapy.csv": courses("393")}, "a course of 393 days, and 30 in the median"),
    (
        "numbers of cycles",
        {"therapy.csv": table([["patient_id", "start", "stop"], *([p, n, n + 1] for p in "ABC" for n in (1, 2, 3))])},
        "are they numbers of cycles?",
    ),
    (
        "two courses from day 1",
        {"therapy.csv": table([["patient_id", "start", "stop"], *([p, n, n + 1] for p in "ABC" for n in (1, 29))])},
        "",
    ),
    ("a long course", {"therapy.csv": courses("200")}, ""),
    ("infusions among therapies", {"therapy.csv": courses("28", further=",ivig_g")}, "speaks of infusions"),
    (
        "an adjusted weight",
        {
            "patients.csv": patients(),
            "doses.csv": "patient_id,day,amount_g_per_kg,Dosierungsgewicht\nA,50,0.4,60\n",
        },
        "found 60 kg here, 75 kg there",
    ),
    (
        "infusions among the rows left out",
        {
            "samples.csv": samples("Type", cell=lambda patient, n: ["IVIG (g)" if n == 4 else "IgG"]),
            "cohort.toml": 'igg_unit = "mg/dL"\n[[samples.keep]]\ncolumn = "Type"\none_of = ["IgG"]\n',
        },
        "speaks of infusions, and the cohort has no doses",
    ),
    (
        "other analytes among the rows left out",
        {
            "samples.csv": samples("Type", cell=lambda patient, n: ["Immunoglobulin A" if n == 4 else "IgG"]),
            "cohort.toml": 'igg_unit = "mg/dL"\n[[samples.keep]]\ncolumn = "Type"\none_of = ["IgG"]\n',
        },
        "",
    ),
    ("gamma globulins", {"samples.csv": samples("Gammaglobulines (g/L)", cell=lambda *_: ["9.1"])}, ""),
]


@pytest.mark.parametrize(("files", "expected"), [case[1:] for case in KINDS], ids=[case[0] for case in KINDS])
def test_what_is_odd_together_is_asked_about(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    said = told(tmp_path, {"samples.csv": samples(), **files})
    assert expected in said
    assert expected or not said, said


HEADINGS = [
    ("samples", "igg", "IgG IU/mL", "says another measure"),
    ("samples", "igg", "IgG (% of normal)", "says another measure"),
    ("samples", "igg", "IgG µmol/L", "says another measure"),
    ("samples", "igg", "log10 IgG", "says another measure"),
    ("doses", "amount_g", "Vials (10 g)", "counts vials"),
    ("doses", "amount_g", "Anzahl Flaschen", "counts vials"),
]


@pytest.mark.parametrize(("name_of_table", "name", "heading", "expected"), HEADINGS)
def test_a_heading_of_another_measure_is_refused(
    tmp_path: Path, name_of_table: str, name: str, heading: str, expected: str
) -> None:
    files = {"samples.csv": samples(), "doses.csv": doses(30, 40, 35)}
    files[f"{name_of_table}.csv"] = files[f"{name_of_table}.csv"].replace(name, heading, 1)
    unit = 'igg = "mg/dL"' if name == "igg" else f'{name} = "g"'
    mapping = f'igg_unit = "mg/dL"\n[{name_of_table}.columns]\n{name} = "{heading}"\n'
    said = told(tmp_path, {**files, "cohort.toml": mapping})
    assert said.startswith("REFUSED")
    assert expected in said
    assert f"write {unit} under [{name_of_table}.units]" in said
    settled = told(tmp_path / "settled", {**files, "cohort.toml": f"{mapping}[{name_of_table}.units]\n{unit}\n"})
    assert settled == ""
