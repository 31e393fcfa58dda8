"""No column, key or row without a word: what nothing uses is listed, and what contradicts an assumption is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from defect import DOSES, ONE_SAMPLE, SAMPLES, Files, warnings_of, write_cohort

from igkinetics.cohort.check import summary
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError


def read(tmp_path: Path, files: Files) -> Cohort:
    return read_cohort(write_cohort(tmp_path / "ward", files))


def refusal(tmp_path: Path, files: Files) -> str:
    with pytest.raises(InputError) as refused:
        read(tmp_path, files)
    return str(refused.value)


def test_every_unused_column_is_listed(tmp_path: Path) -> None:
    files: Files = {
        "samples.csv": "patient_id,day,igg,analyser,ward\nP1,0,500,A,3\n",
        "doses.csv": "patient_id,day,amount_g,nurse\nP1,1,30,N\n",
        "therapy.csv": "patient_id,start,stop,remark\nP1,0,28,r\n",
        "patients.csv": "patient_id,weight_kg,bcma_dose\nP1,70,1\n",
    }
    cohort = read(tmp_path, files)
    assert cohort.unused_columns == {
        "samples.csv": ("analyser", "ward"),
        "doses.csv": ("nurse",),
        "therapy.csv": ("remark",),
    }
    assert cohort.problems.empty
    told = summary(cohort).set_index("quantity")["value"]
    assert told["samples.csv, not used"] == "analyser, ward"
    assert told["patients, kept beside the contract's"] == "bcma_dose"


SAMPLE_HEADS = {
    "units": "unit",
    "Unit": "unit",
    "UNITS": "unit",
    "result unit": "unit",
    "LLOQ": "lower_limit",
    "ULOQ": "upper_limit",
    "qualifier": "comparator",
    "Operator": "comparator",
    "cens": "censored",
    "BLQ": "censored",
}
DOSE_HEADS = {
    "Route": "route",
    "route of administration": "route",
    "duration_hr": "duration_h",
    "Duration (h)": "duration_h",
    "End time": "end",
    "Drug": "product",
    "dose unit": "amount_unit",
}
PATIENT_HEADS = {
    "Weight_kg": "weight_kg",
    "Group": "group",
    "Arm": "group",
    "Sex": "sex",
    "AGE": "age_y",
    "Height_cm": "height_cm",
    "Date of death": "death",
    "transplant date": "transplant",
    "HSCT date": "transplant",
    "DOB": "birth",
}


@pytest.mark.parametrize(
    ("table", "heading", "meaning"),
    [
        *(("samples", heading, meaning) for heading, meaning in SAMPLE_HEADS.items()),
        *(("doses", heading, meaning) for heading, meaning in DOSE_HEADS.items()),
        *(("patients", heading, meaning) for heading, meaning in PATIENT_HEADS.items()),
        ("therapy", "Drug", "agent"),
    ],
)
def test_what_looks_like_a_column_of_the_contract_is_a_warning(
    tmp_path: Path, table: str, heading: str, meaning: str
) -> None:
    files: Files = {
        "samples.csv": ONE_SAMPLE,
        "doses.csv": DOSES + "P1,1,30\n",
        "patients.csv": "patient_id\nP1\n",
        "therapy.csv": "patient_id,start,stop\nP1,0,28\n",
    }
    head, row = str(files[f"{table}.csv"]).splitlines()
    files[f"{table}.csv"] = f"{head},{heading}\n{row},\n"
    cohort = read(tmp_path, files)
    (warning,) = warnings_of(cohort)
    assert f"{heading}: found '{heading}'; looks like {meaning} and is " in warning
    assert f'{meaning} = "{heading}" under [{table}.columns]' in warning
    assert heading in cohort.unused_columns.get(f"{table}.csv", ()) or heading in cohort.patients.columns
    files["cohort.toml"] = f'igg_unit = "mg/dL"\n[{table}]\nignore = ["{heading}"]\n'
    assert read(tmp_path, files).problems.empty


CONTRADICTIONS = (
    ("samples", "units", "g/L", "igg is in mg/dL", 'unit = "units" under [samples.columns]'),
    ("samples", "Unit", "g/dL", "igg is in mg/dL", 'unit = "Unit" under [samples.columns]'),
    ("samples", "qualifier", "<", "a level without a sign was measured", 'comparator = "qualifier"'),
    ("samples", "BLQ", "1", "a level without a sign was measured", 'censored = "BLQ"'),
    ("samples", "LLOQ", "600", "a level is used as it is", 'lower_limit = "LLOQ"'),
    ("doses", "Route", "sc", "every dose is taken as iv", 'route = "Route"'),
    ("doses", "ROUTE", "Subcutaneous", "every dose is taken as iv", 'route = "ROUTE"'),
    ("doses", "duration_hr", "2", "every dose is given as a bolus", 'duration_h = "duration_hr"'),
    ("doses", "duration_min", "120", "every dose is given as a bolus", 'duration = "min" under [doses.units]'),
    ("doses", "units", "g/kg", "amount_g is in g", 'amount_unit = "units"'),
    ("patients", "HSCT date", "2024-05-01", "follow-up goes on", 'transplant = "HSCT date"'),
    ("patients", "Date of death", "97", "follow-up goes on", 'death = "Date of death"'),
)


@pytest.mark.parametrize(("table", "heading", "cell", "assumed", "write"), CONTRADICTIONS)
def test_what_contradicts_an_assumption_is_refused(
    tmp_path: Path, table: str, heading: str, cell: str, assumed: str, write: str
) -> None:
    files: Files = {
        "samples.csv": ONE_SAMPLE,
        "doses.csv": DOSES + "P1,1,30\n",
        "patients.csv": "patient_id\nP1\n",
    }
    head, row = str(files[f"{table}.csv"]).splitlines()
    files[f"{table}.csv"] = f"{head},{heading}\n{row},{cell}\n"
    said = refusal(tmp_path, files)
    assert f"line 2, {heading}: found '1 row: \\'{cell}\\''" in said or f"found \"1 row: '{cell}'\"" in said
    assert assumed in said
    assert write in said
    files["cohort.toml"] = f'igg_unit = "mg/dL"\n[{table}]\nignore = ["{heading}"]\n'
    assert read(tmp_path, files).problems.empty


def test_a_column_that_agrees_is_no_error(tmp_path: Path) -> None:
    samples = "patient_id,day,igg,units,qualifier,BLQ,LLOQ\nP1,0,500,mg/dl,=,0,40\nP1,9,<40,MG/DL,<,1,40\n"
    doses = "patient_id,day,amount_g,Route,duration_hr\nP1,1,30,IV,0\n"
    cohort = read(tmp_path, {"samples.csv": samples, "doses.csv": doses})
    assert (cohort.problems["severity"] == "warning").all()
    assert len(cohort.problems) == 6


def test_a_column_in_a_later_part_of_a_large_file_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("igkinetics.cohort.source.textfile.BYTES_AT_A_TIME", 400)
    rows = "".join(f"P1,{day},500,{'g/L' if day > 60 else 'mg/dL'}\n" for day in range(100))
    said = refusal(tmp_path, {"samples.csv": "patient_id,day,igg,units\n" + rows})
    assert "line 63, units: found \"39 rows: 'g/L'\"; igg is in mg/dL" in said
    assert said.startswith("samples.csv: 1 problem\n")


ENTRIES = (
    ('[samples.columns]\nunit = "uom"\n', "unit: found 'uom'; no such column"),
    ('[samples.units]\nigg = "mg/dL"\n[doses.units]\nduration = "h"\n', "doses.units.duration: found 'h'; matches"),
    ('[doses.values.route]\n"IVPB" = "iv"\n', "doses.values.route: found 'route'; matches nothing: no file of this"),
    ('[outcomes.values.outcome]\n"inf" = "infection"\n', "outcomes.values: found 'no such file'; matches nothing"),
    ('[doses.values.patient_id]\n"p9" = "P1"\n', "doses.values.patient_id: found 'p9'; matches nothing: no cell"),
    ('[therapy.constants]\nagent = "blinatumomab"\n', "therapy.constants: found 'no such file'; matches nothing"),
    ('[[doses.keep]]\ncolumn = "amount_g"\nequals = 40\n', "found 'amount_g equals 40'; matches nothing: holds for no"),
    ('[doses]\nignore = ["Route"]\n', "doses.ignore: found 'Route'; matches nothing"),
    ("[doses.constants]\namount_g = 20\n", "amount_g: found '30'; constants says amount_g = \"20\"; take it out"),
)


@pytest.mark.parametrize(("entry", "said"), ENTRIES)
def test_an_entry_that_matches_nothing_is_an_error(tmp_path: Path, entry: str, said: str) -> None:
    files: Files = {
        "cohort.toml": 'igg_unit = "mg/dL"\n' + entry,
        "samples.csv": ONE_SAMPLE,
        "doses.csv": DOSES + "P1,1,30\n",
    }
    assert said in refusal(tmp_path, files)


def test_a_word_that_no_cell_has_is_an_error_though_others_are_met(tmp_path: Path) -> None:
    toml = 'igg_unit = "mg/dL"\n[doses.values.route]\n"IVPB" = "iv"\n"SUBQ" = "sc"\n'
    doses = "patient_id,day,amount_g,route\nP1,1,30,IVPB\n"
    said = refusal(tmp_path, {"cohort.toml": toml, "samples.csv": ONE_SAMPLE, "doses.csv": doses})
    assert "doses.values.route: found 'SUBQ'; matches nothing: no cell of this column reads so; other cells do" in said


@pytest.mark.parametrize("header", ["Patient_ID,Day,IgG", "PATIENT_ID,DAY,IGG", "patient id,day,Igg"])
def test_the_names_of_the_contract_in_another_case(tmp_path: Path, header: str) -> None:
    said = refusal(tmp_path, {"samples.csv": f"{header}\nP1,0,500\n"})
    for name, heading in zip(("patient_id", "day", "igg"), header.split(","), strict=True):
        assert name == heading or f'write {name} = "{heading}" under [samples.columns]' in said


def test_the_columns_of_mimic_are_suggested(tmp_path: Path) -> None:
    files: Files = {
        "samples.csv": "labevent_id,subject_id,itemid,charttime,storetime,valuenum\n"
        "1,10001,50951,2180-03-01 08:30:00,2180-03-01 12:00:00,620\n",
        "doses.csv": "subject_id,starttime,endtime,amount,amountuom,patientweight\n"
        "10001,2180-03-16 10:00:00,2180-03-16 14:30:00,30,g,70\n",
    }
    said = refusal(tmp_path, files)
    for right in ('patient_id = "subject_id"', 'datetime = "charttime"', 'datetime = "starttime"'):
        assert right in said
    for wrong in ('= "labevent_id"', '= "storetime"', '= "endtime"\' under', '= "patientweight"'):
        assert wrong not in said


SAMPLE_ROWS = SAMPLES + "P1,0,500\nP1,40,450\n"


def test_g_per_kg_uses_the_weight_of_its_day(tmp_path: Path) -> None:
    files: Files = {
        "samples.csv": SAMPLE_ROWS,
        "doses.csv": "patient_id,day,amount_g_per_kg\nP1,-5,0.4\nP1,1,0.4\nP1,20,0.4\nP1,21,0.4\nP1,90,0.4\n",
        "weights.csv": "patient_id,day,weight_kg\nP1,20.5,12\nP1,0,10\nP1,60,20\n",
    }
    cohort = read(tmp_path, files)
    assert cohort.doses["amount_g"].tolist() == pytest.approx([4, 4, 4.8, 4.8, 8])
    assert cohort.patient("P1").weight_kg == 10
    assert any("5 doses in g/kg given by the patient's weight of that day" in note for note in cohort.notes)
    assert any("kinetics use one weight" in note for note in cohort.notes)
    assert cohort.rows["weights.csv"].used == 3
    files["patients.csv"] = "patient_id,weight_kg\nP1,11\n"
    assert read(tmp_path, files).patient("P1").weight_kg == 11


def test_weights_by_day_in_the_patients_table(tmp_path: Path) -> None:
    files: Files = {
        "samples.csv": SAMPLE_ROWS,
        "doses.csv": "patient_id,day,amount_g_per_kg\nP1,1,0.4\nP1,30,0.4\n",
        "patients.csv": "patient_id,day,weight_kg,group\nP1,0,10,A\nP1,28,20,A\n",
    }
    cohort = read(tmp_path, files)
    assert cohort.doses["amount_g"].tolist() == pytest.approx([4, 8])
    assert (cohort.patient("P1").weight_kg, cohort.patient("P1").group) == (10, "A")
    files["patients.csv"] = "patient_id,day,weight_kg,group\nP1,0,10,A\nP1,28,20,B\n"
    assert "one row per patient and day that differ in weight only" in refusal(tmp_path, files)


def test_weights_that_cannot_be(tmp_path: Path) -> None:
    weights = "patient_id,day,weight\nP1,0,10000\nP1,1,\nP1,2,10000\nP1,2,12000\n"
    toml = 'igg_unit = "mg/dL"\n[weights.units]\nweight = "g"\n'
    said = refusal(tmp_path, {"cohort.toml": toml, "samples.csv": ONE_SAMPLE, "weights.csv": weights})
    assert "line 3, patient P1, weight: found ''; a weight is needed" in said
    assert "line 4, patient P1, patient_id: found 'P1'; one weight per patient and time; line 5 has another" in said


FIXED_UNITS = (
    ("doses", "patient_id,day,amount_g,amount_unit\nP1,1,30,mg\n", "amount_unit: found 'mg'; g, as amount_g says"),
    (
        "doses",
        "patient_id,day,amount_g,infusion end\nP1,1,30,1.2\n",
        "every dose is given as a bolus (duration 0), which",
    ),
    ("patients", "patient_id,weight_kg,weight_unit\nP1,154,lb\n", "weight_unit: found 'lb'; kg, as weight_kg says"),
    (
        "patients",
        "patient_id,weight_kg,Gewicht Einheit\nP1,154,lb\n",
        "weight_kg is in kg, which this column contradicts",
    ),
    ("weights", "patient_id,day,weight_kg,unit\nP1,0,154,lb\n", "weight_kg is in kg, which this column contradicts"),
)


@pytest.mark.parametrize(("table", "rows", "said"), FIXED_UNITS)
def test_what_stands_beside_a_column_in_a_fixed_unit_must_agree(
    tmp_path: Path, table: str, rows: str, said: str
) -> None:
    assert said in refusal(tmp_path, {"samples.csv": SAMPLE_ROWS, f"{table}.csv": rows})
