"""Rows that can be read and are probably not what they are taken for are asked about, and their like is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from defect import DOSES, SAMPLES, Files, warnings_of, write_cohort

from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError

THREE = SAMPLES + "P1,0,620\nP1,14,540\nP1,30,480\nP1,120,500\n"
THERAPY = "patient_id,start,stop,agent"
PATIENTS = "patient_id,weight_kg,age_y"
DOSED = DOSES.strip()
KG_70 = {"patients.csv": "patient_id,weight_kg\nP1,70\n"}


def told(folder: Path, files: Files) -> str:
    folder.mkdir(exist_ok=True)
    try:
        return " ".join(warnings_of(read_cohort(write_cohort(folder / "ward", {"samples.csv": THREE, **files}))))
    except InputError as error:
        return str(error)


def doses(*rows: tuple[float, float]) -> str:
    return DOSES + "".join(f"P1,{day:g},{grams:g}\n" for day, grams in rows)


CASES: list[tuple[Files, str]] = [
    ({"therapy.csv": f"{THERAPY}\nP1,0,28,IVIG\n"}, "infusions of immunoglobulin belong in doses"),
    ({"therapy.csv": f"{THERAPY}\nP1,0,28,Privigen 10%\n"}, "infusions of immunoglobulin belong in doses"),
    ({"therapy.csv": f"{THERAPY}\nP1,0,28,methotrexate\nP1,40,60,methotrexate\n"}, "2 rows taken as depletion"),
    ({"therapy.csv": f"{THERAPY}\nP1,0,28,Blincyto\nP1,40,90,anti-CD19 CAR-T\nP1,95,99,\n"}, ""),
    ({"therapy.csv": f"{THERAPY},status\nP1,0,28,blinatumomab,planned\n"}, "taken as a therapy that was given"),
    ({"therapy.csv": f"{THERAPY},status\nP1,0,28,blinatumomab,completed\n"}, ""),
    ({"therapy.csv": f"{THERAPY},cycles\nP1,0,28,blinatumomab,5\n"}, "write a row for each course"),
    ({"therapy.csv": f"{THERAPY},cycle\nP1,0,28,blinatumomab,2\n"}, ""),
    ({"therapy.csv": f"{THERAPY},discontinued\nP1,0,28,blinatumomab,day 9\n"}, "the day on which it ended as stop"),
    ({"therapy.csv": f"{THERAPY},discontinued\nP1,0,28,blinatumomab,no\n"}, ""),
    ({"therapy.csv": f"{THERAPY}\nP1,0,ongoing,blinatumomab\n"}, "left empty while the therapy goes on"),
    ({"patients.csv": "patient_id,paraprotein\nP1,IgG kappa\n"}, "total IgG then holds the paraprotein"),
    ({"patients.csv": "patient_id,paraprotein\nP1,IgA lambda\n"}, ""),
    ({"patients.csv": f"{PATIENTS}\nP1,12,24\n"}, "years in months"),
    ({"patients.csv": f"{PATIENTS}\nP1,70,2\n"}, "is the weight in kg"),
    ({"patients.csv": f"{PATIENTS}\nP1,12,2\n"}, ""),
    ({"weights.csv": "patient_id,day,weight_kg\nP1,0,70\nP1,10,7\n"}, "70 kg 10 days before"),
    ({"weights.csv": "patient_id,day,weight_kg\nP1,0,70\nP1,10,60\nP1,300,30\n"}, ""),
    ({"doses.csv": doses(*((day, 30) for day in range(30)))}, "330 g within 28 days"),
    ({"doses.csv": doses((0, 140), (1, 139)), **KG_70}, ""),
    ({"doses.csv": doses((0, 150), (1, 149)), **KG_70}, "299 g within 28 days"),
    ({"doses.csv": doses(*((28 * n, 30 * (n + 1)) for n in range(4)))}, "running totals"),
    ({"doses.csv": doses(*((28 * n, 30 * (n + 1)) for n in range(3)))}, ""),
    ({"doses.csv": doses((0, 28), (28, 28), (56, 28), (56, 84))}, "the sum of all the doses before"),
    ({"doses.csv": doses((0, 28), (28, 28), (56, 28), (84, 56))}, ""),
    ({"doses.csv": doses((0, 28), (28, 28), (56, 56))}, ""),
    ({"samples.csv": SAMPLES + "P1,2023,620\nP1,2024,540\n"}, "are they years?"),
    ({"samples.csv": SAMPLES + "P1,1990,620\nP1,2020.5,540\n"}, ""),
    ({"outcomes.csv": "patient_id,day,outcome\nP1,10,Plasma exchange\n"}, "takes IgG away"),
    ({"outcomes.csv": "patient_id,day,outcome\nP1,10,pneumonia\n"}, ""),
    ({"therapy.csv": f"{THERAPY}\nP1,0,9999,blinatumomab\n"}, "9879 days after this patient's last sample"),
    ({"therapy.csv": f"{THERAPY}\nP1,-3000,-2000,blinatumomab\n"}, ""),
    ({"patients.csv": "patient_id,weight_kg,height_cm\nP1,170,70\n"}, "70 cm and 170 kg are not of one person"),
    ({"patients.csv": "patient_id,weight_kg,height_cm\nP1,3.4,51\nP2,180,165\n"}, ""),
    ({"doses.csv": f"{DOSED},duration_h\nP1,1,30,240\n"}, "an infusion of more than a day"),
    ({"doses.csv": f"{DOSED},duration_h\nP1,1,30,24\n"}, ""),
    ({"doses.csv": f"{DOSED},product\nP1,1,8,Hizentra 20%\n"}, "given under the skin, and the dose is taken as iv"),
    ({"doses.csv": f"{DOSED},product,route\nP1,1,8,Hizentra 20%,iv\n"}, "write route = sc where it was"),
    ({"doses.csv": f"{DOSED},product,route\nP1,1,8,Hizentra 20%,sc\n"}, ""),
    ({"doses.csv": doses(*((7 * n, 8) for n in range(6)))}, "small doses every week or so"),
    ({"doses.csv": doses(*((7 * n, 8) for n in range(3)))}, ""),
    ({"doses.csv": doses(*((14 * n, 15) for n in range(6)))}, ""),
    ({"doses.csv": f"{DOSED},route\n" + "".join(f"P1,{7 * n},8,iv\n" for n in range(6))}, ""),
    ({"samples.csv": THREE + THREE.removeprefix(SAMPLES).replace("P1", "X9")}, "one person under two ids?"),
    ({"samples.csv": THREE + THREE.removeprefix(SAMPLES).replace("P1", "X9").replace("540", "541")}, ""),
    ({"samples.csv": SAMPLES + "P1,0,6.2 g/L\nP1,9,5.4 g/L\n"}, "their units in a column unit"),
    ({"doses.csv": doses((1, 300))}, "more than 160 g in one dose, and no weight is known: in mL?"),
    ({"doses.csv": doses((1, 160))}, ""),
    ({"doses.csv": doses((1, 0.4), (20, 30), (50, 30)), **KG_70}, "less than any dose"),
    ({"patients.csv": f"{PATIENTS}\nP1,154,6\n"}, "is the weight in kg"),
    ({"patients.csv": "patient_id,death\nP1,0\n"}, "0 and 1 read like no and yes"),
    ({"patients.csv": "patient_id,death\nP1,9999\n"}, "9879 days after this patient's last sample"),
    ({"samples.csv": SAMPLES + "P1,0,620\nP1,9,9999\n"}, "reads like a code for a missing value"),
    ({"samples.csv": SAMPLES + "P1,0,620 mg/dL\n"}, '"620 mg/dL" = "620"'),
]


@pytest.mark.parametrize(("files", "said"), CASES)
def test_what_is_improbable_is_told(tmp_path: Path, files: Files, said: str) -> None:
    found = told(tmp_path, files)
    assert said in found
    assert bool(said) == bool(found)


def test_grams_within_four_weeks_are_those_of_each_patient_alone(tmp_path: Path) -> None:
    samples = THREE + THREE.removeprefix(SAMPLES).replace("P1", "P2").replace("540", "541")
    rows = "".join(f"{who},{day},160\n" for who in ("P1", "P2") for day in (0, 27))
    assert told(tmp_path, {"samples.csv": samples, "doses.csv": DOSES + rows}) == ""
    rows += "P2,27.5,1\n"
    assert told(tmp_path / "more", {"samples.csv": samples, "doses.csv": DOSES + rows}).count("321 g within") == 1


def test_groups_that_differ_in_capitals_are_one(tmp_path: Path) -> None:
    patients = "patient_id,group\nP1,IVIG\nP2,ivig \nP3,control\n"
    samples = THREE + "P2,0,500\nP3,0,500\n"
    cohort = read_cohort(write_cohort(tmp_path / "ward", {"samples.csv": samples, "patients.csv": patients}))
    assert cohort.patients["group"].tolist() == ["IVIG", "IVIG", "control"]
    assert "patients: IVIG, ivig are one group, IVIG" in cohort.notes
