"""Foreign tables through cohort.toml: names, joined columns, units, constants, values, filters, formats."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from defect import DOSES, ONE_SAMPLE, SAMPLES, Files, write_cohort

from igkinetics.cohort.mapping.keys import Keep
from igkinetics.cohort.model import Cohort, RowCount
from igkinetics.cohort.parse.columns import holds
from igkinetics.cohort.read import read_cohort

HOSPITAL = """
igg_unit = "mg/dL"
[samples]
files = ["lab-*.txt"]
delimiter = ";"
decimal = ","
encoding = "cp1252"
skip_lines = 2
missing = ["", "k.A."]
datetime_format = ["%d.%m.%Y %H:%M", "%d.%m.%Y"]
[samples.columns]
patient_id = "Fallnummer"
datetime = ["Datum", "Uhrzeit"]
igg = "Ergebnis"
unit = "Einheit"
[samples.values.unit]
"g/l Serum" = "g/L"
[[samples.keep]]
column = "Analyt"
one_of = ["IgG", "IgG gesamt"]
[[samples.keep]]
column = "Ergebnis"
none_of = ["storniert"]
[patients]
constants = { group = "ward 3" }
units = { weight_kg = "lb" }
"""
LAB = (
    "Labor Nord\r\nStand 1.4.2024\r\nFallnummer;Datum;Uhrzeit;Analyt;Ergebnis;Einheit;Kürzel\r\n"
    "77;01.03.2024;08:30;IgG;4,5;g/l Serum;Ä\r\n77;01.03.2024;08:30;IgA;0,9;g/l Serum;Ä\r\n"
    "77;03.03.2024;k.A.;IgG gesamt;<40;mg/dL;\r\n77;05.03.2024;09:00;IgG;storniert;;\r\n"
)


def read(tmp_path: Path, files: Files, **arguments: str) -> Cohort:
    return read_cohort(write_cohort(tmp_path / "ward", files), **arguments)


def test_a_hospital_export_is_read_by_its_mapping(tmp_path: Path) -> None:
    cohort = read(
        tmp_path,
        {
            "cohort.toml": HOSPITAL,
            "lab-1.txt": LAB.encode("cp1252"),
            "patients.csv": "patient_id,weight_kg,bcma_dose\n77,154.32358,0.5\n78,,\n",
        },
    )
    assert cohort.rows["lab-1.txt"] == RowCount(read=4, filtered=2, used=2)
    patient = cohort.patient("77")
    assert patient.sample_day.tolist() == pytest.approx([0.0, 1 + 15.5 / 24])
    assert patient.sample_igg.tolist() == pytest.approx([4.5, 0.4])
    assert patient.sample_limit.tolist() == [0, -1]
    assert cohort.samples["line"].tolist() == [4, 6]
    assert patient.weight_kg == pytest.approx(70.0, rel=1e-6)
    assert cohort.patients["group"].tolist() == ["ward 3", "ward 3"]
    assert cohort.patients["bcma_dose"].tolist()[0] == 0.5
    assert cohort.patient_ids == ("77", "78")


def test_several_files_are_one_table(tmp_path: Path) -> None:
    cohort = read(
        tmp_path,
        {
            "cohort.toml": 'igg_unit = "mg/dL"\n[samples]\nfiles = ["b.csv", "a*.csv", "*.csv"]\n',
            "a1.csv": SAMPLES + "P1,0,500\n",
            "a2.csv": "igg,patient_id,day\n400,P1,7\n",
            "b.csv": SAMPLES + "P2,0,300\n",
        },
    )
    assert list(cohort.rows) == ["b.csv", "a1.csv", "a2.csv"]
    assert cohort.patient("P1").sample_igg.tolist() == pytest.approx([5.0, 4.0])


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ({"equals": 50950}, [True, True, False, False, False]),
        ({"equals": "50950"}, [True, False, False, False, False]),
        ({"one_of": [50950, "IgG"]}, [True, True, False, True, False]),
        ({"none_of": ["IgG", ""]}, [True, True, True, False, False]),
        ({"contains": "50"}, [True, True, False, False, False]),
        ({"matches": "^[0-9]+$"}, [True, False, True, False, False]),
        ({"at_least": 100}, [True, True, False, False, False]),
        ({"at_most": 100}, [False, False, True, False, False]),
        ({"empty": True}, [False, False, False, False, True]),
        ({"empty": False}, [True, True, True, True, False]),
    ],
)
def test_keep_rules(rule: dict[str, object], kept: list[bool]) -> None:
    cells = pd.Series(["50950", "50950.0", "7", "IgG", " NA "], dtype=str)
    if rule == {"none_of": ["IgG", ""]}:
        cells = pd.Series(["50950", "50950.0", "7", "IgG", ""], dtype=str)
    assert holds(Keep(column="x", **rule), cells, ("", "NA")).tolist() == kept


def test_true_and_false_are_words(tmp_path: Path) -> None:
    cells = pd.Series(["True", "false", "1"], dtype=str)
    assert holds(Keep(column="x", equals=True), cells, ()).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("columns", "row", "mapping", "grams", "days"),
    [
        ("amount_g,duration_h", "40,6", "", 40.0, 0.25),
        ("amount_g,duration_h", "40000,90", 'amount_g = "mg"\nduration_h = "min"\n', 40.0, 0.0625),
        ("amount_g_per_kg,duration_h", "0.5,", "", 40.0, 0.0),
        ("amount_g_per_kg", "500", 'amount_g_per_kg = "mg/kg"\n', 40.0, 0.0),
        ("amount,amount_unit", "40000,MG", "", 40.0, 0.0),
        ("amount,amount_unit", "500,mg/kg", "", 40.0, 0.0),
        ("amount,duration", "0.5,1", 'amount = "g/kg"\nduration = "day"\n', 40.0, 1.0),
        ("amount_g,amount_g_per_kg", ",0.5", "", 40.0, 0.0),
        ("amount_g,amount_g_per_kg", "30,0.4", "", 30.0, 0.0),
    ],
)
def test_amounts_and_durations_in_every_unit(
    tmp_path: Path, columns: str, row: str, mapping: str, grams: float, days: float
) -> None:
    units = f"[doses.units]\n{mapping}" if mapping else ""
    cohort = read(
        tmp_path,
        {
            "cohort.toml": f'igg_unit = "mg/dL"\n{units}',
            "samples.csv": ONE_SAMPLE,
            "doses.csv": f"patient_id,day,{columns}\nP1,3,{row}\n",
            "patients.csv": "patient_id,weight_kg\nP1,80\n",
        },
    )
    patient = cohort.patient("P1")
    assert patient.dose_g.tolist() == pytest.approx([grams])
    assert patient.dose_duration_day.tolist() == pytest.approx([days])


@pytest.mark.parametrize("unit", ["kg", "g", "lb"])
def test_weights_in_every_unit(tmp_path: Path, unit: str) -> None:
    in_unit = {"kg": 70.0, "g": 70_000.0, "lb": 154.3235835294}[unit]
    patients = f"patient_id,weight,weight_unit\nP1,{in_unit},{unit}\n"
    cohort = read(tmp_path, {"samples.csv": ONE_SAMPLE, "patients.csv": patients})
    assert cohort.patient("P1").weight_kg == pytest.approx(70.0)


def test_what_is_assumed_is_noted(tmp_path: Path) -> None:
    cohort = read(
        tmp_path,
        {
            "samples.csv": ONE_SAMPLE,
            "doses.csv": DOSES + "P1,3,40\n",
            "therapy.csv": "patient_id,start,stop\nP1,0,\n",
        },
    )
    assert cohort.notes == (
        "doses: 1 without a route, taken as iv",
        "doses: 1 without a duration, given as a bolus (duration 0)",
        "therapy: 1 row without a stop, taken as ongoing",
    )
    assert cohort.therapy["stop"].tolist() == [float("inf")]


@pytest.mark.parametrize(
    ("lasts", "stops"),
    [("180", [180.0, 230.0, 28.0]), ("{ rituximab = 180 }", [180.0, float("inf"), 28.0])],
)
def test_rows_without_a_stop_last_as_stated(tmp_path: Path, lasts: str, stops: list[float]) -> None:
    cohort = read(
        tmp_path,
        {
            "cohort.toml": f'igg_unit = "mg/dL"\n[therapy]\nlasts_day = {lasts}\n',
            "samples.csv": ONE_SAMPLE,
            "therapy.csv": "patient_id,start,stop,agent\nP1,0,,rituximab\nP2,50,,car-t\nP3,0,28,rituximab\n",
        },
    )
    assert cohort.therapy["stop"].tolist() == stops


@pytest.mark.parametrize(("rule", "weight"), [("first", 70.0), ("last", 75.0)])
def test_repeated_patients(tmp_path: Path, rule: str, weight: float) -> None:
    cohort = read(
        tmp_path,
        {
            "cohort.toml": f'igg_unit = "mg/dL"\n[patients]\nrepeated = "{rule}"\n',
            "samples.csv": ONE_SAMPLE,
            "patients.csv": "patient_id,weight_kg\nP1,70\nP1,72\nP1,75\n",
        },
    )
    assert cohort.patient("P1").weight_kg == weight
    assert cohort.rows["patients.csv"] == RowCount(read=3, used=1, set_aside=2)
    assert cohort.problems.empty


@pytest.mark.parametrize(
    ("files", "arguments", "unit", "level"),
    [
        ({"cohort.toml": None, "samples.csv": ONE_SAMPLE}, {"igg_unit": "mg/dL"}, "mg/dL", 5.0),
        ({"cohort.toml": 'igg_unit = "g/L"', "samples.csv": SAMPLES + "P1,0,5\n"}, {}, "g/L", 5.0),
        (
            {
                "cohort.toml": None,
                "samples.csv": "patient_id,day,igg,unit\nP1,0,5,g/l\nP1,1,400,MG/DL\nP1,2,4,g/L\n",
            },
            {},
            "g/L",
            5.0,
        ),
        (
            {
                "cohort.toml": 'igg_unit = "mg/dL"',
                "samples.csv": "patient_id,day,igg,unit\nP1,0,5,g/L\nP1,1,400,\n",
            },
            {},
            "mg/dL",
            5.0,
        ),
        (
            {
                "cohort.toml": 'igg_unit = "mg/dL"\n[samples.units]\nigg = "g/L"',
                "samples.csv": SAMPLES + "P1,0,5\n",
            },
            {},
            "mg/dL",
            5.0,
        ),
    ],
)
def test_where_the_unit_comes_from(
    tmp_path: Path, files: Files, arguments: dict[str, str], unit: str, level: float
) -> None:
    cohort = read(tmp_path, files, **arguments)
    assert cohort.igg_unit == unit
    assert cohort.samples["igg"].iloc[0] == pytest.approx(level)


def test_one_samples_file_is_a_cohort(tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_text(ONE_SAMPLE)
    cohort = read_cohort(tmp_path / "export.csv", igg_unit="mg/dL")
    assert (cohort.name, cohort.patient_ids, list(cohort.inputs)) == ("export", ("P1",), ["export.csv"])
    assert cohort.patient("P1").sample_igg.tolist() == pytest.approx([5.0])


def test_parquet_gives_what_csv_gives(tmp_path: Path) -> None:
    samples = pd.DataFrame(
        {
            "patient_id": [7, 7, 8],
            "datetime": pd.to_datetime(["2024-03-01 08:30", "2024-03-09 10:00", "2024-03-01 11:00"]),
            "igg": [512.25, 0.1 + 0.2, 300.0],
        }
    )
    doses = pd.DataFrame({"patient_id": [7, 8], "amount_g": [40.0, 30.0], "duration_h": [6.0, None]})
    doses["datetime"] = pd.to_datetime(["2024-03-02", "2024-03-03"]).date
    folders = []
    for suffix in ("csv", "parquet"):
        folder = write_cohort(tmp_path / suffix, {})
        for name, table in (("samples", samples), ("doses", doses)):
            path = folder / f"{name}.{suffix}"
            table.to_csv(path, index=False) if suffix == "csv" else table.to_parquet(path)
        folders.append(folder)
    first, second = (read_cohort(folder) for folder in folders)
    pd.testing.assert_frame_equal(
        first.samples.drop(columns="line"), second.samples.drop(columns="line"), check_exact=True
    )
    pd.testing.assert_frame_equal(first.doses.drop(columns="line"), second.doses.drop(columns="line"), check_exact=True)
    assert second.samples["line"].tolist() == [1, 2, 3]
    assert first.samples["igg"].iloc[1] == (0.1 + 0.2) * 0.01


def test_a_contract_name_not_in_the_mapping_is_found_by_itself(tmp_path: Path) -> None:
    cohort = read(
        tmp_path,
        {
            "cohort.toml": 'igg_unit = "mg/dL"\n[samples.columns]\nigg = "value"\nday = "since_start"\n',
            "samples.csv": "patient_id,since_start,datetime,value\nP1,3,2024-01-01,500\n",
        },
    )
    assert cohort.patient("P1").sample_day.tolist() == [3.0]


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(tmp_path: Path) -> None:
    cohort = read(tmp_path, {"samples.csv": b"\xef\xbb\xbf" + (SAMPLES + "P1,0,500\n").replace("\n", "\r\n").encode()})
    assert cohort.samples["line"].tolist() == [2]


@pytest.mark.parametrize("last_line_end", ["\n", ""])
def test_lines_are_physical_lines(tmp_path: Path, last_line_end: str) -> None:
    text = (
        'patient_id,comment,day,igg\nP1,"one\ntwo ""quoted""\nthree",0,500\n\nP1,,7,400\nP1,"a\nb",9,300'
        + last_line_end
    )
    cohort = read(tmp_path, {"samples.csv": text})
    assert cohort.samples["line"].tolist() == [2, 6, 7]
    assert cohort.rows["samples.csv"] == RowCount(read=3, used=3)
