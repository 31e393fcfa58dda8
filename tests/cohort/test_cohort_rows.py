"""`on_problem="skip"` sets aside exactly what is concerned, and every row of every file is accounted for."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from defect import DOSES, MAPPING, ONE_SAMPLE, SAMPLES, THERAPY, Files, warnings_of, write_cohort
from test_cohort_defects import DEFECTS

from igkinetics.cohort.model import Cohort, RowCount
from igkinetics.cohort.parse.cells import numbers
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError

ORDERS = "patient_id,start,stop,drug,amount\nP1,0,28,blinatumomab,\nP1,3,,IVIG,40\nP1,4,,saline,1\n"


def skip(tmp_path: Path, files: Files) -> Cohort:
    return read_cohort(write_cohort(tmp_path / "ward", files), on_problem="skip")


def test_only_the_bad_sample_is_set_aside(tmp_path: Path) -> None:
    cohort = skip(tmp_path, {"samples.csv": SAMPLES + "P1,0,500\nP1,7,abc\nP1,x,y\nP1,14,300\nP1,20\n"})
    assert cohort.patient("P1").sample_day.tolist() == [0.0, 14.0]
    assert cohort.rows["samples.csv"] == RowCount(read=5, used=2, set_aside=3)
    assert set(cohort.problems["action"]) == {"row set aside"}
    assert cohort.problems["line"].tolist() == [6, 4, 3, 4]
    assert cohort.set_aside_patients == {}


def test_contradicting_samples_are_all_set_aside(tmp_path: Path) -> None:
    cohort = skip(tmp_path, {"samples.csv": SAMPLES + "P1,0,500\nP1,7,300\nP1,7,310\n"})
    assert cohort.patient("P1").sample_day.tolist() == [0.0]


def test_rows_after_death_are_set_aside(tmp_path: Path) -> None:
    cohort = skip(
        tmp_path,
        {"samples.csv": SAMPLES + "P1,0,500\nP1,51,300\n", "patients.csv": "patient_id,death\nP1,50\n"},
    )
    assert cohort.patient("P1").sample_day.tolist() == [0.0]


@pytest.mark.parametrize(
    "files",
    [
        {"patients.csv": "patient_id,weight_kg,death\nP1,70,soon\nP2,60,\n"},
        {"patients.csv": "patient_id,weight_kg\nP1,0.07\nP2,60\n"},
        {"patients.csv": "patient_id,weight_kg\nP1,70\nP1,71\n"},
        {"outcomes.csv": "patient_id,day,outcome\nP1,soon,death\n"},
        {"outcomes.csv": "patient_id,day,outcome\nP1,soon,hsct\n"},
        {"outcomes.csv": "patient_id,day,outcome\nP1,50,death\nP1,51,death\n"},
    ],
)
def test_a_patient_whose_rows_cannot_be_told_apart_is_set_aside(tmp_path: Path, files: Files) -> None:
    samples = SAMPLES + "P1,0,500\nP1,60,300\nP2,0,400\n"
    cohort = skip(tmp_path, {"samples.csv": samples, "doses.csv": DOSES + "P1,3,40\n", **files})
    assert list(cohort.set_aside_patients) == ["P1"]
    assert sorted(cohort.patient_ids) == ["P1", "P2"]
    assert cohort.patient("P1").sample_day.size == cohort.patient("P1").dose_day.size == 0
    assert cohort.rows["samples.csv"] == RowCount(read=3, used=1, set_aside=2)
    assert cohort.rows["doses.csv"] == RowCount(read=1, set_aside=1)
    assert set(cohort.problems["action"]) == {"patient set aside"}


def test_a_bad_outcome_that_ends_nothing_costs_its_row_only(tmp_path: Path) -> None:
    cohort = skip(tmp_path, {"samples.csv": ONE_SAMPLE, "outcomes.csv": "patient_id,day,outcome\nP1,soon,infection\n"})
    assert cohort.set_aside_patients == {}
    assert cohort.patient("P1").sample_day.size == 1


def test_incomplete_doses_and_therapy_are_noted(tmp_path: Path) -> None:
    cohort = skip(
        tmp_path,
        {
            "samples.csv": ONE_SAMPLE,
            "doses.csv": DOSES + "P1,3,40\nP1,31,x\n",
            "therapy.csv": THERAPY + "P1,9,5,b\n",
        },
    )
    assert cohort.patient("P1").dose_day.tolist() == [3.0]
    assert "doses: rows set aside, so the record is incomplete for 1 patient: P1" in cohort.notes
    assert "therapy: rows set aside, so the record is incomplete for 1 patient: P1" in cohort.notes


def test_a_weight_set_aside_takes_the_doses_per_kg_with_it(tmp_path: Path) -> None:
    cohort = skip(tmp_path, {"samples.csv": ONE_SAMPLE, "doses.csv": "patient_id,day,amount_g_per_kg\nP1,3,0.4\n"})
    assert cohort.doses.empty
    assert cohort.rows["doses.csv"] == RowCount(read=1, set_aside=1)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_skipping_never_loses_a_row(tmp_path: Path, defect: object) -> None:
    """Each defective cohort is either refused as a whole or read with all its rows accounted for."""
    folder = write_cohort(tmp_path / "ward", defect.files)  # type: ignore[attr-defined]
    try:
        cohort = read_cohort(folder, on_problem="skip")
    except InputError as refused:
        assert any(problem.action == "refused" for problem in refused.problems)  # noqa: PT017
        return
    for file, count in cohort.rows.items():
        table = file.removesuffix(".csv")
        assert count.used == len(getattr(cohort, table)) or table in ("therapy", "patients")
        assert count.read == count.filtered + count.used + count.set_aside
    assert not cohort.samples.drop(columns="line").isna().any(axis=None)
    assert not cohort.doses.drop(columns="line").isna().any(axis=None)
    assert warnings_of(cohort)


def test_every_patient_of_every_file_has_a_row(tmp_path: Path) -> None:
    cohort = skip(
        tmp_path,
        {
            "samples.csv": SAMPLES + "P2,0,500\nP1,0,x\n",
            "doses.csv": DOSES + "P3,0,40\n",
            "therapy.csv": THERAPY + "P4,0,28,b\n",
            "patients.csv": "patient_id,group\nP5,IVIG\n",
            "outcomes.csv": "patient_id,day,outcome\nP6,3,infection\n",
        },
    )
    assert cohort.patient_ids == ("P5", "P2", "P1", "P3", "P4", "P6")
    assert cohort.patients["group"].tolist() == ["IVIG", "", "", "", "", ""]
    assert [patient.sample_day.size for patient in cohort.each_patient()] == [0, 1, 0, 0, 0, 0]


def test_a_file_that_serves_two_tables_is_counted_for_each(tmp_path: Path) -> None:
    mapping = 'igg_unit = "mg/dL"\n'
    for table, columns in (("doses", 'day = "start"\namount_g = "amount"'), ("therapy", 'agent = "drug"')):
        drug = "IVIG" if table == "doses" else "blinatumomab"
        mapping += f'[{table}]\nfiles = "orders.csv"\n[{table}.columns]\n{columns}\n'
        mapping += f'[[{table}.keep]]\ncolumn = "drug"\nequals = "{drug}"\n'
    cohort = skip(
        tmp_path,
        {
            "cohort.toml": mapping,
            "samples.csv": ONE_SAMPLE,
            "orders.csv": ORDERS,
        },
    )
    assert cohort.rows["orders.csv (doses)"] == RowCount(read=3, filtered=2, used=1)
    assert cohort.rows["orders.csv (therapy)"] == RowCount(read=3, filtered=2, used=1)
    assert cohort.patient("P1").therapy_stop.tolist() == [28.0]


def test_accounting_that_does_not_add_up_cannot_be_built() -> None:
    with pytest.raises(AssertionError, match="add up"):
        RowCount(read=3, used=1)


def test_signs_of_a_limit_in_any_of_their_forms(tmp_path: Path) -> None:
    cells = ("<40", "<=40", "≤40", "< 40", ">3000", ">=3000", "≥3000")
    rows = "".join(f"P1,{day},{cell}\n" for day, cell in enumerate(cells))
    cohort = read_cohort(write_cohort(tmp_path / "ward", {"samples.csv": SAMPLES + rows}))
    assert cohort.samples["limit"].tolist() == ["below"] * 4 + ["above"] * 3
    assert cohort.samples["igg"].tolist() == [0.4] * 4 + [30.0] * 3


@pytest.mark.parametrize("key", ['same_dose = "sum"\n', '[doses]\nsame_dose = "sum"\n'])
def test_identical_vials_are_summed_where_the_mapping_says_so(tmp_path: Path, key: str) -> None:
    doses = DOSES + "P1,3,10\nP1,3,10\nP1,3,10\n"
    files: Files = {"samples.csv": ONE_SAMPLE, "doses.csv": doses}
    once = read_cohort(write_cohort(tmp_path / "ward", files))
    assert once.patient("P1").dose_g.tolist() == [10.0]
    assert all("so left out; if both were given" in one for one in warnings_of(once))
    both = read_cohort(write_cohort(tmp_path / "ward", {**files, "cohort.toml": MAPPING + key}))
    assert both.patient("P1").dose_g.tolist() == [10.0, 10.0, 10.0]
    assert 'doses: 2 rows the same as an earlier one, given as well (same_dose = "sum")' in both.notes
    assert warnings_of(both) == []


def test_same_dose_is_said_once(tmp_path: Path) -> None:
    files: Files = {"samples.csv": ONE_SAMPLE, "cohort.toml": 'same_dose = "one"\n[doses]\nsame_dose = "sum"\n'}
    with pytest.raises(InputError, match='same_dose reads "one" here and "sum" under'):
        read_cohort(write_cohort(tmp_path / "ward", files))


FAULTY = {
    "the same word": lambda row: f"P{row // 20},{row % 20},abc",
    "many words": lambda row: f"P{row // 20},{row % 20},x{row}",
    "no day": lambda row: f"P{row // 20},d{row},500",
    "contradictions": lambda row: f"P{row // 20},{row // 2 % 10},{500 + row}",
    "short rows": lambda row: f"P{row // 20},{row % 20}",
}


@pytest.mark.parametrize("fault", FAULTY)
def test_what_is_said_of_many_faulty_rows_costs_little(tmp_path: Path, fault: str) -> None:
    """Over reading as many sound rows, in processor time: 2 s for a million are 0.1 s here; the rest is the machine."""
    n_rows = 50_000
    used, said = [], ""
    for name, form in (("sound", lambda row: f"P{row // 20},{row % 20},500"), ("faulty", FAULTY[fault])):
        folder = write_cohort(
            tmp_path / name, {"samples.csv": SAMPLES + "".join(f"{form(k)}\n" for k in range(n_rows))}
        )
        started = time.process_time()
        try:
            read_cohort(folder)
        except InputError as refused:
            said = str(refused)
        used.append(time.process_time() - started)
    assert 0 < len(said) < 5_000
    assert used[1] - used[0] < 0.6


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_text_of_two_bytes_a_letter_is_named(tmp_path: Path, encoding: str) -> None:
    folder = write_cohort(tmp_path / "ward", {"samples.csv": (SAMPLES + "P1,0,500\n").encode(encoding)})
    with pytest.raises(InputError, match=f'state it: encoding = "{encoding}" under .samples. in cohort.toml'):
        read_cohort(folder)


def test_ids_that_look_alike_are_named(tmp_path: Path) -> None:
    ids = ("Ｐ1", "P1", "P_1", "P.1", "P/1", "p01")
    rows = "".join(f"{one},{day},500\n" for day, one in enumerate(ids))
    cohort = read_cohort(write_cohort(tmp_path / "ward", {"samples.csv": SAMPLES + rows}))
    (warning,) = warnings_of(cohort)
    assert all(repr(one) in warning for one in ids)


@pytest.mark.parametrize(
    "cell", ["5", " 5.25 ", "1e3", "+7", ".5", "0x1F", "1_000", "inf", "nan", "1e999", "1,301", "٣"]
)
def test_a_cell_reads_the_same_beside_numbers_and_beside_words(cell: str) -> None:
    """A column that is all numbers is read by another parser than one that is not."""
    alone, beside = numbers(pd.Series([cell, "6"], dtype=str)), numbers(pd.Series([cell, "word"], dtype=str))
    np.testing.assert_array_equal(alone[0][0], beside[0][0])
    assert alone[1][0] == beside[1][0] == np.isnan(alone[0][0])
