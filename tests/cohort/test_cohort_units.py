"""Units as laboratories and pharmacies write them: levels, limits, amounts, durations, weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from defect import DOSES, ONE_SAMPLE, SAMPLES, Files, write_cohort

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError
from igkinetics.units import canonical_unit


def read(tmp_path: Path, files: Files, **arguments: str) -> Cohort:
    return read_cohort(write_cohort(tmp_path / "ward", files), **arguments)


def refusal(tmp_path: Path, files: Files, **arguments: str) -> str:
    with pytest.raises(InputError) as refused:
        read(tmp_path, files, **arguments)
    return str(refused.value)


SPELLINGS = {
    "mg/dL": ("mg/dl", "MG/DL", "mg / dL", "mg/100 mL", "mg per dL", "mg%", "mg dl-1"),
    "g/L": ("g/l", "gm/L", "G/L", "g l-1", "g·L-1", "grams/liter"),
    "mg/L": ("mg/l", "mg.L-1", "milligrams/litre"),
    "g/dL": ("gm/dL", "g/dl", "g%", "g/100 mL"),
    "mg/mL": ("mg/ml", "MG/ML", "mg/cc"),
    "ug/mL": ("µg/mL", "μg/mL", "mcg/mL", "ug/ml"),
}
LEVEL = {"mg/dL": "620", "g/L": "6.2", "mg/L": "6200", "g/dL": "0.62", "mg/mL": "6.2", "ug/mL": "6200"}


def test_one_level_in_every_unit_and_spelling_is_one_level(tmp_path: Path) -> None:
    words = [(unit, word) for unit, others in SPELLINGS.items() for word in (unit, *others)]
    rows = "".join(f"P1,{day},{LEVEL[unit]},{word}\n" for day, (unit, word) in enumerate(words))
    cohort = read(tmp_path, {"samples.csv": "patient_id,day,igg,unit\n" + rows})
    assert cohort.samples["igg"].tolist() == pytest.approx([6.2] * len(words), rel=1e-12)
    assert cohort.igg_unit == "mg/dL"
    assert cohort.problems.empty


@pytest.mark.parametrize("unit", LEVEL)
def test_the_unit_of_the_cohort_is_any_of_them(tmp_path: Path, unit: str) -> None:
    written = SPELLINGS[unit][0]
    samples = SAMPLES + f"P1,0,{LEVEL[unit]}\n"
    cohort = read(tmp_path, {"cohort.toml": f'igg_unit = "{written}"\n', "samples.csv": samples})
    assert (cohort.igg_unit, cohort.samples["igg"].tolist()) == (unit, pytest.approx([6.2]))
    again = read(tmp_path, {"cohort.toml": None, "samples.csv": samples}, igg_unit=written)
    assert again.igg_unit == unit


def test_what_is_no_unit_of_igg_stays_unknown() -> None:
    for word in ("IU/mL", "mmol/L", "vials", "g", "%", "", "mg/kg/day"):
        assert canonical_unit(word) not in LEVEL


@pytest.mark.parametrize(
    ("column", "line", "said"),
    [
        ("samples.values.unit", '"mg/L" = "mg/dL"', "mg/L is a unit of its own and is read as it is"),
        ("samples.values.unit", '"serum" = "grams"', "must mean one of mg/dL, g/L, mg/L, g/dL, mg/mL, ug/mL"),
        ("doses.values.amount_unit", '"mg" = "g"', "mg is a unit of its own"),
        ("patients.values.weight_unit", '"lbs" = "kg"', "lbs is a unit of its own"),
    ],
)
def test_words_for_units_never_convert(tmp_path: Path, column: str, line: str, said: str) -> None:
    files: Files = {"cohort.toml": f'igg_unit = "mg/dL"\n[{column}]\n{line}\n', "samples.csv": ONE_SAMPLE}
    assert said in refusal(tmp_path, files)


CENSORED = "patient_id,day,igg,comparator,censored,lower_limit\n"


def test_comparator_and_censored_say_what_a_sign_says(tmp_path: Path) -> None:
    rows = "P1,0,40,<,,\nP1,1,40,<=,-1,\nP1,2,500,=,0,\nP1,3,3000,>=,,\nP1,4,40,,-1,\nP1,5,3000,,1,\nP1,6,<40,<,,\n"
    rows += "P1,7,,<,,40\nP1,8,0,,-1,40\nP1,9,500,,,\n"
    patient = read(tmp_path, {"samples.csv": CENSORED + rows}).patient("P1")
    assert patient.sample_limit.tolist() == [-1, -1, 0, 1, -1, 1, -1, -1, -1, 0]
    assert patient.sample_igg.tolist() == pytest.approx([0.4, 0.4, 5, 30, 0.4, 30, 0.4, 0.4, 0.4, 5])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("<40,>,,", "comparator: found '>'; contradicts the rest of the row (igg '<40')"),
        ("<40,=,,", "comparator: found '='; contradicts the rest of the row (igg '<40')"),
        ("<40,,1,", "censored: found '1'; contradicts the rest of the row (igg '<40')"),
        ("40,<,0,", "censored: found '0'; contradicts the rest of the row (igg '40')"),
        ("40,about,,", "comparator: found 'about'; <, <=, =, >= or >; map other words under"),
        ("40,,2,", "censored: found '2'; -1 (below the value), 0 (measured) or 1 (above the value); map"),
        (",<,,", "igg: found ''; a number above 0 to be below or above"),
        ("0,,-1,", "igg: found '0'; a number above 0 to be below or above"),
    ],
)
def test_what_contradicts_a_sign_is_refused(tmp_path: Path, row: str, said: str) -> None:
    assert said in refusal(tmp_path, {"samples.csv": CENSORED + f"P1,0,{row}\n"})


def test_amounts_in_every_unit(tmp_path: Path) -> None:
    toml = 'igg_unit = "mg/dL"\n[doses]\nconcentration = "10 %"\n'
    rows = "P1,0,30,g\nP1,1,30000,MG\nP1,2,300,mL\nP1,3,0.4,gm/kg\nP1,4,400,mg/kg\nP1,5,4,ml/kg\nP1,6,30,Grams\n"
    files: Files = {
        "cohort.toml": toml,
        "samples.csv": ONE_SAMPLE,
        "patients.csv": "patient_id,weight_kg\nP1,75\n",
        "doses.csv": "patient_id,day,amount,amount_unit\n" + rows,
    }
    assert read(tmp_path, files).patient("P1").dose_g.tolist() == pytest.approx([30.0] * 7)
    files["cohort.toml"] = 'igg_unit = "mg/dL"\n'
    assert "found 'mL'; grams in a millilitre are needed: concentration = \"10 %\"" in refusal(tmp_path, files)


@pytest.mark.parametrize("stated", ["10 %", "10%", "100 mg/mL", "0.1 g/mL", "100 g/L", "10 g/100 mL"])
def test_a_concentration_as_it_stands_on_the_vial(tmp_path: Path, stated: str) -> None:
    toml = f'igg_unit = "mg/dL"\n[doses]\nconcentration = "{stated}"\n[doses.units]\namount = "mL"\n'
    files: Files = {"cohort.toml": toml, "samples.csv": ONE_SAMPLE, "doses.csv": "patient_id,day,amount\nP1,0,300\n"}
    assert read(tmp_path, files).patient("P1").dose_g.tolist() == pytest.approx([30.0])


@pytest.mark.parametrize("stated", ["10", "'ten'", '"10 mL"', '"10 mg/dL"', '"100 %"'])
def test_no_concentration_of_immunoglobulin(tmp_path: Path, stated: str) -> None:
    said = refusal(tmp_path, {"cohort.toml": f"[doses]\nconcentration = {stated}\n", "samples.csv": ONE_SAMPLE})
    assert "doses.concentration" in said


def test_durations_with_their_own_unit(tmp_path: Path) -> None:
    cells = ("4", "4 h", "240 min", "4hr", "4 Hours", "0.1666666666666667 days")
    rows = "".join(f"P1,{day},30,{cell}\n" for day, cell in enumerate(cells))
    cohort = read(tmp_path, {"samples.csv": ONE_SAMPLE, "doses.csv": "patient_id,day,amount_g,duration_h\n" + rows})
    assert cohort.doses["duration_day"].tolist() == pytest.approx([4 / 24] * len(cells))
    generic = "patient_id,day,amount_g,duration\nP1,0,30,240 min\n"
    cohort = read(tmp_path, {"samples.csv": ONE_SAMPLE, "doses.csv": generic})
    assert cohort.doses["duration_day"].tolist() == pytest.approx([4 / 24])
    said = refusal(tmp_path, {"samples.csv": ONE_SAMPLE, "doses.csv": generic + "P1,1,30,240\n"})
    assert "duration: found 'no unit'; its unit is needed" in said
    strange = "patient_id,day,amount_g,duration_h\nP1,0,30,4 x\n"
    said = refusal(tmp_path, {"samples.csv": ONE_SAMPLE, "doses.csv": strange})
    assert "duration_h: found '4 x'; must be a number from 0 to 31 days; a number without a unit is in h" in said


def test_an_end_in_place_of_a_duration(tmp_path: Path) -> None:
    samples = "patient_id,datetime,igg\nP1,2024-03-01,500\n"
    doses = "patient_id,datetime,end,amount_g\nP1,2024-03-04 08:00,2024-03-04 12:30,30\nP1,2024-04-04,2024-04-04,30\n"
    cohort = read(tmp_path, {"samples.csv": samples, "doses.csv": doses})
    assert cohort.doses["duration_day"].tolist() == pytest.approx([4.5 / 24, 0])
    cohort = read(
        tmp_path, {"samples.csv": ONE_SAMPLE, "doses.csv": "patient_id,day,end,amount_g\nP1,3.5,3.75,30\nP1,9,,30\n"}
    )
    assert cohort.doses["duration_day"].tolist() == pytest.approx([0.25, 0])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("3.5,3.4,", "must not be before the start"),
        ("3.5,3.75,4", "the duration in this row (4 h) says another end"),
        ("3.5,40,", "at most 31 days after the start"),
        ("3.5,2024-03-01,", "a day or a date like the start"),
    ],
)
def test_an_end_that_cannot_be_is_refused(tmp_path: Path, row: str, said: str) -> None:
    doses = f"patient_id,day,end,duration_h,amount_g\nP1,{row},30\n"
    assert said in refusal(tmp_path, {"samples.csv": ONE_SAMPLE, "doses.csv": doses})


def test_a_neonate_in_grams(tmp_path: Path) -> None:
    files: Files = {
        "cohort.toml": 'igg_unit = "mg/dL"\n[patients.units]\nweight = "g"\n',
        "samples.csv": ONE_SAMPLE,
        "patients.csv": "patient_id,weight\nP1,880\n",
        "doses.csv": DOSES.replace("_g", "_g_per_kg") + "P1,1,0.5\n",
    }
    patient = read(tmp_path, files).patient("P1")
    assert (patient.weight_kg, patient.dose_g.tolist()) == (pytest.approx(0.88), pytest.approx([0.44]))
    said = refusal(tmp_path, {**files, "patients.csv": "patient_id,weight\nP1,88\n"})
    assert said == (
        "patients.csv: 1 problem\n  line 2, patient P1, weight: found '88'; must be a number from 200 to 400000 g"
    )
