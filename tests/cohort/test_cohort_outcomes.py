"""Death, transplant and infections under every name that people give them."""

from __future__ import annotations

from pathlib import Path

import pytest
from defect import SAMPLES, Files, warnings_of, write_cohort

from igkinetics.cohort.check import summary
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.outcomes import infections, looks_like_an_end, meaning
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError

OUTCOMES = "patient_id,day,outcome\n"
TRANSPLANTS = (
    "hsct",
    "HSCT",
    "transplant",
    "Transplantation",
    "alloHSCT",
    "allo-SCT",
    "Allo SCT",
    "SCT",
    "BMT",
    "HCT",
    "alloHCT",
    "stem cell transplant",
    "Stem-Cell Transplantation",
    "bone marrow transplant",
    "autoSCT",
    "auto-HSCT",
    "haplo HSCT",
    "allogeneic stem cell transplant",
    "Allogeneic hematopoietic stem cell transplantation",
    "ASCT",
    "allogeneic_transplant",
)
DEATHS = ("death", "Death", "died", "Deceased", "exitus", "Exitus letalis", "expired", "all-cause death", "dead", "Tod")
OTHERS = (
    "infection_death",
    "renal transplant",
    "transplant planned",
    "no transplant",
    "death of donor",
    "bmt referral",
)


def read(tmp_path: Path, files: Files) -> Cohort:
    return read_cohort(write_cohort(tmp_path / "ward", files))


def of_outcome(tmp_path: Path, name: str) -> Cohort:
    samples = SAMPLES + "P1,0,500\nP1,40,450\n"
    return read(tmp_path, {"samples.csv": samples, "outcomes.csv": OUTCOMES + f"P1,50,{name}\n"})


@pytest.mark.parametrize("name", TRANSPLANTS)
def test_a_transplant_by_any_name_ends_follow_up(tmp_path: Path, name: str) -> None:
    cohort = of_outcome(tmp_path, name)
    assert (cohort.patient("P1").follow_up_end, cohort.patient("P1").end_reason) == (50.0, "hsct")
    assert cohort.problems.empty
    told = [note for note in cohort.notes if f"{name!r} (1 row) is read as hsct, which ends follow-up" in note]
    assert len(told) == (name.lower() != "hsct")


@pytest.mark.parametrize("name", DEATHS)
def test_a_death_by_any_name_ends_follow_up(tmp_path: Path, name: str) -> None:
    patient = of_outcome(tmp_path, name).patient("P1")
    assert (patient.follow_up_end, patient.end_reason) == (50.0, "death")


@pytest.mark.parametrize("name", OTHERS)
def test_what_only_looks_like_an_end_is_a_warning(tmp_path: Path, name: str) -> None:
    cohort = of_outcome(tmp_path, name)
    assert cohort.patient("P1").end_reason == ""
    reserved = looks_like_an_end(name)
    assert meaning(name) == name
    (warning,) = warnings_of(cohort)
    assert f'"{name}" = "{reserved}" under [outcomes.values.outcome]' in warning


def test_what_looks_like_a_death_beside_a_death_is_no_warning(tmp_path: Path) -> None:
    rows = "P1,50,infection_death\nP1,50,death\n"
    cohort = read(tmp_path, {"samples.csv": SAMPLES + "P1,0,500\n", "outcomes.csv": OUTCOMES + rows})
    assert cohort.problems.empty


def test_the_answer_to_the_warning(tmp_path: Path) -> None:
    toml = 'igg_unit = "mg/dL"\n[outcomes.values.outcome]\n"BMT day 0" = "hsct"\n'
    rows = OUTCOMES + "P1,50,BMT day 0\n"
    cohort = read(tmp_path, {"cohort.toml": toml, "samples.csv": SAMPLES + "P1,0,500\n", "outcomes.csv": rows})
    assert cohort.patient("P1").end_reason == "hsct"


def test_a_transplant_in_the_patients_table(tmp_path: Path) -> None:
    files: Files = {
        "samples.csv": SAMPLES + "P1,0,500\nP1,60,480\nP2,0,500\n",
        "patients.csv": "patient_id,transplant\nP1,50\nP2,\n",
    }
    cohort = read(tmp_path, files)
    patient = cohort.patient("P1")
    assert (patient.follow_up_end, patient.end_reason, patient.sample_day.tolist()) == (50.0, "hsct", [0.0])
    assert warnings_of(cohort) == [
        "samples.csv: line 3, patient P1, day: found '60'; after transplant (day 50): follow-up has ended "
        "[row set aside]"
    ]
    assert cohort.outcomes[["patient_id", "day", "outcome"]].to_numpy().tolist() == [["P1", 50.0, "hsct"]]
    assert cohort.patient("P2").end_reason == ""
    assert "transplant" not in cohort.patients.columns
    with pytest.raises(InputError, match="the patients table says day 50"):
        read(tmp_path, {**files, "outcomes.csv": OUTCOMES + "P1,40,allo-SCT\n"})
    files["outcomes.csv"] = OUTCOMES + "P1,50,BMT\nP1,90,BMT\n"
    assert read(tmp_path, files).patient("P1").follow_up_end == 50


def test_dates_of_transplant(tmp_path: Path) -> None:
    files: Files = {
        "samples.csv": "patient_id,datetime,igg\nP1,2024-03-01,500\nP1,2024-03-31,450\n",
        "patients.csv": "patient_id,transplant\nP1,2024-03-31\n",
    }
    assert read(tmp_path, files).patient("P1").follow_up_end == 30.0


INFECTIONS = (
    ("infection", True),
    ("Serious infection", True),
    ("Pneumonia", True),
    ("sepsis", True),
    ("infection_free", False),
    ("infection_death", False),
    ("no infection", False),
    ("infection prophylaxis", False),
    ("icu", False),
    ("disinfection", False),
)


def test_infections_are_those_listed(tmp_path: Path) -> None:
    rows = "".join(f"P1,{day},{name}\n" for day, (name, _) in enumerate(INFECTIONS))
    files: Files = {"samples.csv": SAMPLES + "P1,0,500\n", "outcomes.csv": OUTCOMES + rows}
    cohort = read(tmp_path, files)
    assert set(infections(cohort)["outcome"]) == {name for name, counts in INFECTIONS if counts}
    (note,) = [note for note in cohort.notes if "not counted as infection" in note]
    assert "'infection_free', 'no infection', 'infection prophylaxis', 'disinfection'" in note
    assert "infection" in summary(cohort)["quantity"].tolist()
    toml = 'igg_unit = "mg/dL"\n[outcomes.classes]\ninfection = ["ICU", "sepsis"]\n'
    assert set(infections(read(tmp_path, {**files, "cohort.toml": toml}))["outcome"]) == {"icu", "sepsis"}
    with pytest.raises(InputError, match="found 'flu'; no row has this outcome"):
        read(tmp_path, {**files, "cohort.toml": toml.replace("ICU", "flu")})


@pytest.mark.parametrize(
    ("name", "reserved"),
    [
        *(
            (name, "hsct")
            for name in (
                "allogene Stammzelltransplantation",
                "KMT",
                "greffe de moelle osseuse",
                "Allogreffe",
                "greffe de CSH",
                "trasplante de médula ósea",
                "Trasplante alogénico",
                "trapianto di midollo osseo",
                "trapianto allogenico",
                "2nd HSCT",
                "matched unrelated donor transplant",
                "haplo-SCT",
                "cord blood transplant",
            )
        ),
        *((name, "death") for name in ("Éxitus", "décédé", "Todesfall", "muerto", "deceduta")),
    ],
)
def test_ends_of_follow_up_in_other_languages(name: str, reserved: str) -> None:
    assert meaning(name) == reserved


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("TMO", "hsct"),
        ("renal transplant", "hsct"),
        ("stem cell boost", "hsct"),
        ("fatal infection", "death"),
        ("transplant-related mortality", "death"),
        ("first", ""),
        ("donor", ""),
        ("CAR-T", ""),
        ("GvHD", ""),
    ],
)
def test_what_only_looks_like_an_end_is_no_end(name: str, like: str) -> None:
    assert (meaning(name), looks_like_an_end(name)) == (name, like)
