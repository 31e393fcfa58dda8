# ruff: noqa: E501  (the files stand here as they are)
"""Presets: the same patients out of five databases, and what each refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from databases import ADAM, DATABASES, FHIR, IGA, MIMIC, OMOP, SDTM, Files, administration, observation

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.presets.concepts import agent_of, concepts, judge
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError


def write(folder: Path, files: Files) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def read(folder: Path, name: str, files: Files | None = None, **arguments: str) -> Cohort:
    return read_cohort(write(folder, DATABASES[name] if files is None else files), file_format=name, **arguments)


def refusal(folder: Path, name: str, files: Files) -> str:
    with pytest.raises(InputError) as refused:
        read(folder, name, files)
    return str(refused.value)


@pytest.mark.parametrize("name", DATABASES)
def test_every_database_gives_the_same_patients(tmp_path: Path, name: str) -> None:
    cohort = read(tmp_path, name)
    assert sorted(cohort.patient_ids) == ["11", "12"]
    one = cohort.patient("11")
    assert one.sample_igg.tolist() == pytest.approx([6.4, 0.45, 5.1])
    assert one.sample_limit.tolist() == [0, -1, 0]
    first = one.sample_day[0]
    assert (one.sample_day - first).tolist() == pytest.approx([0.0, 14.0, 42.0])
    assert one.dose_g.tolist() == [28.0]
    assert (one.dose_day - first).tolist() == pytest.approx([19 + 2 / 24])
    assert one.dose_duration_day.tolist() == pytest.approx([4 / 24])
    assert one.dose_is_sc.tolist() == [False]
    assert one.agents == ("blinatumomab",)
    assert (one.therapy_stop - one.therapy_start).tolist() == pytest.approx([28.0])
    assert one.end_reason == "death"
    assert cohort.patient("12").sample_igg.tolist() == pytest.approx([7.0])
    assert all(count.read == count.filtered + count.used + count.set_aside for count in cohort.rows.values())


@pytest.mark.parametrize("name", DATABASES)
def test_the_format_may_stand_in_the_mapping(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path, {**DATABASES[name], "cohort.toml": f'format = "{name}"\n'})
    assert len(read_cohort(folder).samples) == 4
    (folder / "cohort.toml").write_text(f'format = "{name}"\n[samples.columns]\nigg = "x"\n')
    with pytest.raises(InputError, match=r"samples.columns: found 'columns'; the columns of format"):
        read_cohort(folder)


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "expected"),
    [
        ("omop", "measurement.csv", "640,104,", "640,999,", "unit"),
        ("omop", "measurement.csv", ",103,45", ",999,45", "operator_concept_id: found '999'; <, <=, =, >= or >"),
        ("omop", "concept.csv", "101,IgG [Mass/volume] in Serum or Plasma", "101,Glucose", "and the name is not"),
        ("omop", "drug_exposure.csv", "IVIG 10 %,g", "IVIG 10 %,vial", "nobody can say the grams of a vial or piece"),
        ("omop", "drug_exposure.csv", "IVIG 10 %,g", "IVIG 10 %,", "the unit of the quantity: g, mg, mL or g/kg"),
        (
            "omop",
            "drug_exposure.csv",
            "205,28,204,IVIG",
            "206,28,204,IVIG",
            "found 'EHR prescription'; an administration",
        ),
        ("fhir", "Observation.ndjson", '"value": 640, "unit": "mg/dL"', '"value": 640, "unit": "U"', "unit"),
        ("fhir", "Observation.ndjson", '"status": "corrected"', '"status": "preliminary"', "this one may still change"),
        ("fhir", "Observation.ndjson", '"display": "IgG', '"display": "Glucose', "and the display is not"),
        (
            "fhir",
            "MedicationAdministration.ndjson",
            '"unit": "g", "code": "g"',
            '"unit": "vial"',
            "the grams of a vial",
        ),
        (
            "fhir",
            "Observation.ndjson",
            '{"resourceType": "Observation", "status": "final"',
            "{",
            "a FHIR resource a line",
        ),
        (
            "fhir",
            "Patient.ndjson",
            '"deceasedDateTime": "2024-06-01"',
            '"deceasedBoolean": true',
            "the date of the death",
        ),
        ("sdtm", "cm.csv", "IVIG,28,g", "IVIG,28,VIAL", "the grams of a vial"),
        ("sdtm", "dm.csv", "Y,2024-06-01", "Y,", "the date of the death that DTHFL says"),
        ("mimic4", "hosp/d_labitems.csv", "Immunoglobulin G,Blood", "Glucose,Blood", "no item of IgG"),
        ("mimic4", "icu/inputevents.csv", "28,grams,70,Fin", "2,bag,70,Fin", "the grams of a vial"),
        ("adam", "ADPC.csv", "IGG,Immunoglobulin G", "XAN,Xanomeline", "state which rows are: [[samples.keep]]"),
    ],
)
def test_what_cannot_be_told_is_refused(
    tmp_path: Path, name: str, file: str, old: str, new: str, expected: str
) -> None:
    files = DATABASES[name]
    assert old in files[file]
    changed = files[file].replace(old, new)
    if expected == "unit" and name == "omop":
        changed = changed.replace("IGG,mg/dL,640", "IGG,U/L,640")
    if expected == "unit" and name == "fhir":
        changed = changed.replace('"unit": "U", "system": "http://unitsofmeasure.org", "code": "mg/dL"', '"unit": "U"')
    assert expected in refusal(tmp_path, name, {**files, file: changed})


def test_what_was_taken_back_is_set_aside_and_told(tmp_path: Path) -> None:
    import json

    wrong = observation("11", "2024-03-08T08:00:00", 9999, "mg/dL", status="entered-in-error")
    absent = observation("11", "2024-03-09T08:00:00", 0, "mg/dL", dataAbsentReason={"text": "haemolysed"})
    del absent["valueQuantity"]
    not_given = administration("J06BA02", "immunoglobulins, normal human", status="not-done")
    files = {
        **FHIR,
        "Observation.ndjson": FHIR["Observation.ndjson"] + json.dumps(wrong) + "\n" + json.dumps(absent) + "\n",
        "MedicationAdministration.ndjson": FHIR["MedicationAdministration.ndjson"] + json.dumps(not_given) + "\n",
    }
    cohort = read(tmp_path, "fhir", files)
    assert len(cohort.samples) == 4
    assert len(cohort.doses) == 1
    assert {"entered-in-error", "not-done", "haemolysed"} <= set(cohort.problems["found"])


def test_statements_and_orders_are_not_read_and_named(tmp_path: Path) -> None:
    cohort = read(tmp_path, "fhir", {**FHIR, "MedicationStatement.ndjson": '{"resourceType": "MedicationStatement"}\n'})
    assert "MedicationStatement.ndjson" in set(cohort.problems["file"])
    cohort = read(tmp_path / "m", "mimic4", {**MIMIC, "hosp/prescriptions.csv": "subject_id,drug\n11,IVIG\n"})
    assert "hosp/prescriptions.csv" in set(cohort.problems["file"]) or "prescriptions.csv" in set(
        cohort.problems["file"]
    )


def test_the_sign_in_the_source_is_not_lost(tmp_path: Path) -> None:
    files = {**OMOP, "measurement.csv": OMOP["measurement.csv"].replace(",103,45,", ",0,45,")}
    cohort = read(tmp_path, "omop", files)
    assert cohort.patient("11").sample_limit.tolist() == [0, -1, 0]
    assert "used as the source has it" in set(cohort.problems["action"])


def test_without_concepts_only_names_count_and_that_is_said(tmp_path: Path) -> None:
    files = {name: text for name, text in OMOP.items() if not name.startswith("concept")}
    files["measurement.csv"] = files["measurement.csv"].replace(",103,45,", ",0,45,")
    cohort = read(tmp_path, "omop", files, igg_unit="g/L", on_problem="skip")
    assert "concept" in set(cohort.problems["file"])
    assert len(cohort.patient("11").sample_igg) == 3


def test_stated_rows_replace_the_list(tmp_path: Path) -> None:
    rule = 'format = "adam"\n[[samples.keep]]\ncolumn = "PARAMCD"\nequals = "IGA"\n'
    cohort = read_cohort(write(tmp_path, {**ADAM, "cohort.toml": rule}))
    assert cohort.samples["igg"].tolist() == pytest.approx([0.9])


def test_a_rule_on_one_domain_of_sdtm_says_nothing_of_the_other(tmp_path: Path) -> None:
    """EXTRT is no variable of CM, whose immunoglobulin is found by its name as without the rule."""
    rule = 'format = "sdtm"\n[[doses.keep]]\ncolumn = "EXTRT"\nequals = "STUDY IG"\n'
    exposure = SDTM["ex.csv"] + "S,11,STUDY IG,10,g,INTRAVENOUS,2024-04-01T10:00:00,2024-04-01T12:00:00\n"
    cohort = read_cohort(write(tmp_path, {**SDTM, "ex.csv": exposure, "cohort.toml": rule}))
    assert sorted(cohort.doses["amount_g"]) == [10.0, 28.0]
    alone = {name: text for name, text in SDTM.items() if name != "ex.csv"}
    with pytest.raises(InputError, match="keep: found 'EXTRT'; keep needs this column"):
        read_cohort(write(tmp_path / "no EX", {**alone, "cohort.toml": rule}))


def test_elements_of_resources_that_are_not_read_are_named(tmp_path: Path) -> None:
    import json

    note = observation(
        "11", "2024-03-09T08:00:00", 600, "mg/dL", interpretation=[{"text": "low"}], device={"display": "x"}
    )
    files = {**FHIR, "Observation.ndjson": FHIR["Observation.ndjson"] + json.dumps(note) + "\n"}
    files["Encounter.ndjson"] = '{"resourceType": "Encounter"}\n'
    unused = read(tmp_path, "fhir", files).unused_columns
    assert {"Observation.interpretation", "Observation.device"} <= set(unused["Observation.ndjson"])
    assert unused["Encounter.ndjson"] == ("Encounter",)
    turned = {**note, "modifierExtension": [{"url": "http://x", "valueBoolean": True}]}
    files["Observation.ndjson"] = FHIR["Observation.ndjson"] + json.dumps(turned) + "\n"
    assert "modifierExtension: found 'modifierExtension'; a resource without one" in refusal(
        tmp_path / "turned", "fhir", files
    )


def test_igg_within_a_panel_is_read(tmp_path: Path) -> None:
    import json

    one = observation("11", "2024-05-09T08:00:00", 480, "mg/dL")
    component = {name: one.pop(name) for name in ("code", "valueQuantity")}
    panel = {**one, "code": {"text": "Immunoglobulins"}, "component": [component, {**component, "code": IGA}]}
    files = {**FHIR, "Observation.ndjson": FHIR["Observation.ndjson"] + json.dumps(panel) + "\n"}
    assert sorted(read(tmp_path, "fhir", files).patient("11").sample_igg) == pytest.approx([0.45, 4.8, 5.1, 6.4])


def test_study_days_have_no_zero(tmp_path: Path) -> None:
    table = "USUBJID,LBTESTCD,LBTEST,LBORRES,LBORRESU,LBDY\n1,IGG,Immunoglobulin G,640,mg/dL,-1\n1,IGG,Immunoglobulin G,512,mg/dL,1\n"
    cohort = read(tmp_path, "sdtm", {"lb.csv": table})
    assert cohort.samples["day"].tolist() == [-1.0, 0.0]


def test_adnca_doses_are_those_that_levels_refer_to(tmp_path: Path) -> None:
    head = "USUBJID,PARAM,AFRLT,ARRLT,RRLTU,AVAL,AVALU,DOSETRT,DOSEA,DOSEU,ROUTE,ADOSEDUR,ATPTREF\n"
    row = "1,Immunoglobulin G,{0},{1},Hours,{2},g/L,IVIG,30,g,INTRAVENOUS DRIP,3,{3}\n"
    levels = [(-1, -1, 5.0, "DOSE 1"), (48, 48, 9.0, "DOSE 1"), (671, -1, 5.5, "DOSE 2"), (720, 48, 9.5, "DOSE 2")]
    cohort = read(tmp_path, "adam", {"adnca.csv": head + "".join(row.format(*one) for one in levels)})
    one = cohort.patient("1")
    assert one.dose_day.tolist() == pytest.approx([0.0, 28.0])
    assert one.dose_g.tolist() == [30.0, 30.0]
    assert one.dose_duration_day.tolist() == pytest.approx([0.125, 0.125])
    assert one.sample_day.tolist() == pytest.approx([-1 / 24, 2.0, 671 / 24, 30.0])


def test_sas_transport_files_are_read(tmp_path: Path) -> None:
    """A transport file of one character and one numeric variable, written by its published layout."""
    from transport import transport_file

    rows = [
        ("11", "IGG", "Immunoglobulin G", "640", "mg/dL", "2024-03-01"),
        ("11", "IGA", "Immunoglobulin A", "90", "mg/dL", "2024-03-01"),
    ]
    names = ("USUBJID", "LBTESTCD", "LBTEST", "LBORRES", "LBORRESU", "LBDTC")
    (tmp_path / "lb.xpt").write_bytes(transport_file("LB", names, rows))
    cohort = read_cohort(tmp_path, file_format="sdtm")
    assert cohort.samples["igg"].tolist() == [6.4]


@pytest.mark.parametrize("one", concepts(), ids=lambda one: one.code)
def test_a_code_of_the_list_needs_its_own_name(one) -> None:  # type: ignore[no-untyped-def]
    assert judge(one.list, one.vocabulary, one.code, one.name) == "yes"
    assert judge(one.list, one.vocabulary, one.code, "Glucose") == "contradiction"
    assert judge(one.list, "SNOMED", one.code, "Glucose") == "no"
    assert judge(one.list, "SNOMED", one.code, one.name) == "yes"  # by its name
    assert all(judge(one.list, one.vocabulary, older, one.name) == "yes" for older in one.older)


def test_immunoglobulins_against_one_thing_are_no_replacement() -> None:
    assert judge("immunoglobulin", "", "", "Hepatitis B immunoglobulin") == "no"
    assert judge("immunoglobulin", "", "", "anti-thymocyte globulin (rabbit)") == "no"
    assert judge("immunoglobulin", "", "", "immunoglobulin, human normal 10 %") == "yes"
    assert agent_of("ATC", "L01XC19", "") == agent_of("", "", "Blincyto (blinatumomab)") == "blinatumomab"


def test_a_folder_without_the_files_says_which_are_looked_for(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match='format = "omop" looks for measurement'):
        read_cohort(tmp_path, file_format="omop")


def test_iga_is_no_igg() -> None:
    coding = IGA["coding"][0]
    assert judge("igg", coding["system"], coding["code"], coding["display"]) == "no"
    assert np.all([SDTM, MIMIC])


UNUSED = {
    "omop": {"measurement.csv": ("measurement_id",), "person.csv": ("year_of_birth",)},
    "fhir": {},
    "sdtm": {"lb.csv": ("STUDYID",)},
    "mimic4": {"hosp/labevents.csv": ("labevent_id", "storetime", "comments")},
    "adam": {"adsl.csv": ("TRTSDT",)},
}


@pytest.mark.parametrize("name", DATABASES)
def test_columns_that_a_preset_does_not_ask_for_are_listed(tmp_path: Path, name: str) -> None:
    cohort = read(tmp_path, name)
    assert UNUSED[name].items() <= cohort.unused_columns.items()
    assert not any("is a row of the cohort" in names for names in cohort.unused_columns.values())
    assert list(cohort.patients.columns[8:]) == []


@pytest.mark.parametrize(
    ("name", "entry", "said"),
    [
        ("sdtm", '[[therapy.keep]]\ncolumn = "EXTRT"\nequals = "X"\n', "therapy.keep: found 'EXTRT'; matches nothing"),
        ("omop", '[[doses.keep]]\ncolumn = "drug_source_value"\nequals = "X"\n', "rows of doses that the rules leave"),
        ("omop", '[samples.values.unit]\n"XX" = "mg/dL"\n', "samples.values.unit: found 'XX'; matches nothing"),
        ("mimic4", '[samples]\nignore = ["nothing"]\n', "samples.ignore: found 'nothing'; matches nothing"),
        ("fhir", '[outcomes.values.outcome]\n"zz" = "death"\n', "outcomes.values: found 'no such file'; matches"),
    ],
)
def test_an_entry_that_matches_nothing_is_an_error(tmp_path: Path, name: str, entry: str, said: str) -> None:
    assert said in refusal(tmp_path, name, {**DATABASES[name], "cohort.toml": f'format = "{name}"\n{entry}'})


def test_a_table_of_the_contract_is_read_in_place_of_the_databases_own(tmp_path: Path) -> None:
    doses = "patient_id,datetime,amount_g\n11,2024-03-21 10:00,15\n"
    cohort = read(tmp_path, "mimic4", {**MIMIC, "doses.csv": doses, "hosp/emar.csv": "emar_id\n1\n"})
    assert cohort.doses["amount_g"].tolist() == [15]
    told = {row.file: row.action for row in cohort.problems.itertuples()}
    assert told["icu/inputevents.csv"] == "not read for doses"
    assert told["emar.csv"] == "not read"
    assert cohort.patient("11").agents == ("blinatumomab",)


def test_the_weight_beside_an_infusion_is_the_patients(tmp_path: Path) -> None:
    assert read(tmp_path, "mimic4").patient("11").weight_kg == 70.0
