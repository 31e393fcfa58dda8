# ruff: noqa: E501  (the cases stand a line each)
"""What further columns and elements of databases say against their rows is heard, as in any table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from databases import ADAM, DATABASES, FHIR, MIMIC, OMOP, SDTM, Files, administration, observation

from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError

IVIG = ("J06BA02", "immunoglobulins, normal human, for intravascular adm.")


def told_by(folder: Path, name: str, files: Files) -> tuple[str, int, int]:
    """(everything said, samples and doses of the cohort); -1 of each where it is refused."""
    for file, text in files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    try:
        cohort = read_cohort(folder, file_format=name)
    except InputError as error:
        return str(error), -1, -1
    said = " ".join(f"{one.column}: {one.found}; {one.expected} [{one.action}]" for one in cohort.problems.itertuples())
    return said, len(cohort.samples), len(cohort.doses)


def with_column(files: Files, file: str, name: str, cell: str, line: int = 1) -> Files:
    """A column more, filled in one line (1: the first row)."""
    rows = files[file].splitlines()
    further = [f"{row},{name if number == 0 else cell if number == line else ''}" for number, row in enumerate(rows)]
    return {**files, file: "\n".join(further) + "\n"}


def with_cell(files: Files, file: str, name: str, cell: str, line: int = 1) -> Files:
    """Another cell in a column that is there."""
    rows = [row.split(",") for row in files[file].splitlines()]
    rows[line][rows[0].index(name)] = cell
    return {**files, file: "\n".join(",".join(row) for row in rows) + "\n"}


def with_resource(file: str, resource: dict[str, object]) -> Files:
    return {**FHIR, file: FHIR[file] + json.dumps(resource) + "\n"}


def quantity(unit: str, code: str) -> dict[str, object]:
    return {"value": 6, "unit": unit, "code": code}


LATER = "2024-05-09T08:00:00"
ASIDE: list[tuple[str, str, Files, str]] = [
    ("specimen", "sdtm", with_column(SDTM, "lb.csv", "LBSPEC", "URINE"), "LBSPEC: URINE; every row is taken as a level in"),
    ("derived", "adam", with_column(ADAM, "ADPC.csv", "DTYPE", "LOCF"), "DTYPE: LOCF; a level that was measured"),
    ("average", "adam", with_column(ADAM, "ADPC.csv", "DTYPE", "AVERAGE"), "DTYPE: AVERAGE; a level that was measured"),
    ("not analysed", "adam", with_column(ADAM, "ADPC.csv", "ANL01FL", "N"), "ANL01FL: N; every row is taken as a valid"),
    ("cancelled", "omop", with_cell(OMOP, "measurement.csv", "value_source_value", "cancelled"), "value_source_value: cancelled"),
    ("fluid", "omop", with_cell(OMOP, "measurement.csv", "measurement_source_value", "IgG CSF"), "IgG CSF; a level in serum"),
    ("comment", "mimic4", with_cell(MIMIC, "hosp/labevents.csv", "comments", "cancelled"), "comments: cancelled; every row"),
    (
        "site",
        "fhir",
        with_resource("Observation.ndjson", observation("11", LATER, 5, "g/L", specimen={"display": "Cerebrospinal fluid"})),
        "specimen: Cerebrospinal fluid; every row is taken as a level in serum",
    ),
    (
        "absent",
        "fhir",
        with_resource("Observation.ndjson", observation("11", LATER, 5, "g/L", dataAbsentReason={"text": "error"})),
        "dataAbsentReason: error; a level",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "files", "said"), [row[1:] for row in ASIDE], ids=[row[0] for row in ASIDE])
def test_levels_that_are_none_are_set_aside(tmp_path: Path, name: str, files: Files, said: str) -> None:
    told, n_samples, _ = told_by(tmp_path, name, files)
    usual = told_by(tmp_path / "usual", name, DATABASES[name])[1]
    assert said in told
    assert "[row set aside]" in told
    added = name == "fhir"  # a resource more, in place of a cell
    assert n_samples == usual - (not added)


def dosed(**more: object) -> Files:
    resource = administration(*IVIG, effectivePeriod={"start": LATER}, **more)
    return with_resource("MedicationAdministration.ndjson", resource)


DOSES: list[tuple[str, str, Files, str, int]] = [
    ("frequency", "sdtm", with_column(SDTM, "cm.csv", "CMDOSFRQ", "QD"), "CMDOSFRQ: found 'QD'; every row is taken as one", -1),
    ("once", "sdtm", with_column(SDTM, "cm.csv", "CMDOSFRQ", "ONCE"), "", 1),
    ("days", "sdtm", with_cell(SDTM, "cm.csv", "CMENDTC", "2024-07-20"), "CMENDTC: found '2024-07-20'; the day of the", -1),
    ("not given", "sdtm", with_column(SDTM, "cm.csv", "CMOCCUR", "N"), "CMOCCUR: N; every row is taken as a dose", 0),
    ("reduced", "sdtm", with_column(SDTM, "cm.csv", "CMADJ", "dose reduced to 5 g"), "speaks against the row", 1),
    ("refills", "omop", with_column(OMOP, "drug_exposure.csv", "refills", "3"), "refills: found '3'; every row is", -1),
    ("stop reason", "omop", with_column(OMOP, "drug_exposure.csv", "stop_reason", "not given"), "not given; every row", 0),
    ("course", "omop", with_cell(OMOP, "drug_exposure.csv", "drug_exposure_end_datetime", "2024-03-24 14:00:00"), "lasts for days", -1),
    ("note", "fhir", dosed(note=[{"text": "infusion stopped after 5 g"}]), "note: infusion stopped after 5 g; speaks", 2),
    ("refused", "fhir", dosed(statusReason=[{"text": "refused"}]), "status_reason: refused; every row is taken as a dose", 1),
    ("two units", "fhir", dosed(dosage={"dose": quantity("g", "mg")}), "unit: found 'g and mg'; one unit", -1),
    ("nobody", "fhir", dosed(subject={"reference": "Group/g1"}), "subject: found 'Group/g1'; a reference to a patient", -1),
    ("version", "fhir", dosed(subject={"reference": "http://x/Patient/11/_history/2"}), "", 2),
    ("uuid", "fhir", dosed(subject={"reference": "urn:uuid:11"}), "", 2),
]  # fmt: skip


@pytest.mark.parametrize(("name", "files", "said", "n"), [row[1:] for row in DOSES], ids=[row[0] for row in DOSES])
def test_doses_that_are_something_else_are_told(tmp_path: Path, name: str, files: Files, said: str, n: int) -> None:
    told, _, n_doses = told_by(tmp_path, name, files)
    assert said in told
    assert n_doses == n


LEVELS: list[tuple[str, str, Files, str]] = [
    ("standard", "sdtm", with_cell(SDTM, "lb.csv", "LBSTRESN", "7.9"), "LBSTRESN: found '7.9'; the level of LBORRES"),
    ("source", "omop", with_cell(OMOP, "measurement.csv", "value_source_value", "460"), "value_source_value: found '460'"),
    (
        "unit and code",
        "fhir",
        with_resource("Observation.ndjson", observation("11", LATER, 6, "g/L", valueQuantity=quantity("mg/mL", "g/dL"))),
        "unit: found 'mg/mL and g/dL'; one unit: unit and code differ",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "files", "said"), [row[1:] for row in LEVELS], ids=[row[0] for row in LEVELS])
def test_one_level_written_twice_must_be_one(tmp_path: Path, name: str, files: Files, said: str) -> None:
    assert said in told_by(tmp_path, name, files)[0]


@pytest.mark.parametrize("text", ["BLQ", "BLOQ", "<LLOQ"])
def test_levels_below_the_limit_in_words_are_censored(tmp_path: Path, text: str) -> None:
    files = with_cell(ADAM, "ADPC.csv", "AVALC", text)
    told_by(tmp_path, "adam", files)
    one = read_cohort(tmp_path, file_format="adam").patient("11")
    assert (one.sample_igg[0], one.sample_limit[0]) == (pytest.approx(0.45), -1)
    assert "words = " in told_by(tmp_path / "no", "adam", with_cell(files, "ADPC.csv", "ALLOQ", ""))[0]


@pytest.mark.parametrize(
    "product", ["Octagam 10%", "Gamunex-C", "Hizentra", "immune globulin, human", "gamma globulin"]
)
def test_immunoglobulin_by_any_name_or_code_is_a_dose(tmp_path: Path, product: str) -> None:
    named = administration("5666", product, effectivePeriod={"start": LATER})
    assert told_by(tmp_path, "fhir", with_resource("MedicationAdministration.ndjson", named))[2] == 2
    unknown = administration("5666", "Gamaxyl", effectivePeriod={"start": LATER})
    told = told_by(tmp_path / "no", "fhir", with_resource("MedicationAdministration.ndjson", unknown))[0]
    assert "product: blinatumomab; the preset takes as no immunoglobulin 3 rows of doses: 'Gamaxyl' in 1" in told
