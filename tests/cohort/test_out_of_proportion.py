"""Levels, thresholds, windows and ids that are probably not meant so: asked about, with the key that answers."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from defect import SAMPLES, Files, warnings_of, write_cohort

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.proportion import refuse_out_of_proportion
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError, Problem, describe_problems

KEPT = 'igg_unit = "mg/dL"\nunusual_levels = "as_given"\n'


def read(tmp_path: Path, files: Files) -> Cohort:
    return read_cohort(write_cohort(tmp_path / "ward", files))


def refusal(tmp_path: Path, files: Files) -> str:
    with pytest.raises(InputError) as refused:
        read(tmp_path, files)
    return str(refused.value)


def samples_of(levels: dict[str, list[float]]) -> str:
    return SAMPLES + "".join(
        f"{patient},{7 * number},{level}\n" for patient, some in levels.items() for number, level in enumerate(some)
    )


@pytest.mark.parametrize(
    ("unit", "levels", "said"),
    [
        ("mg/dL", [6.2, 5.8, 5.5], "levels of a whole cohort are never so low: if they are in g/L, write igg_unit"),
        ("g/L", [0.62, 0.58, 0.3], "never so low: if they are in g/dL, write igg_unit"),
        ("g/L", [62, 58, 55], "never so high: is the unit right?"),
        ("mg/dL", [6200, 5800, 5500], 'never so high: if they are in mg/L, write igg_unit = "mg/L"'),
        ("mg/L", [620, 580, 490], "never so low: if they are in mg/dL"),
    ],
)
def test_a_cohort_in_another_unit_is_asked_about(tmp_path: Path, unit: str, levels: list[float], said: str) -> None:
    files: Files = {"cohort.toml": f'igg_unit = "{unit}"\n', "samples.csv": samples_of({"P1": levels})}
    assert said in refusal(tmp_path, files)
    files["cohort.toml"] = f'igg_unit = "{unit}"\nunusual_levels = "as_given"\n'
    assert len(read(tmp_path, files).samples) == 3


USUAL = {"P1": [620.0, 580, 410], "P2": [700.0, 300, 520], "P3": [800.0, 500, 490]}


def test_one_patient_in_another_unit_is_asked_about(tmp_path: Path) -> None:
    files: Files = {"samples.csv": samples_of({**USUAL, "P4": [6.1, 5.2, 4.4]})}
    said = refusal(tmp_path, files)
    assert "line 11, patient P4, igg: found '6.1'" in said
    assert "the median of this patient is 1/98.1 of the cohort's: in another unit?" in said
    assert 'unusual_levels = "as_given"' in said
    assert len(read(tmp_path, {**files, "cohort.toml": KEPT}).samples) == 12
    skipped = read_cohort(write_cohort(tmp_path / "ward", files), on_problem="skip")
    assert list(skipped.set_aside_patients) == ["P4"]


@pytest.mark.parametrize(
    ("levels", "n_warnings"),
    [
        ([3000.0, 900, 2900], 0),
        ([20.0, 22, 25], 1),
        ([6000.0, 6500, 5900], 1),
        ([150.0, 120, 110], 0),
        ([1500.0, 1400, 1200], 0),
    ],
)
def test_extreme_patients_are_read(tmp_path: Path, levels: list[float], n_warnings: int) -> None:
    cohort = read(tmp_path, {"samples.csv": samples_of({**USUAL, "P4": levels})})
    assert len(cohort.samples) == 12
    assert sum("is the unit right?" in warning for warning in warnings_of(cohort)) == n_warnings


def cohort_in(tmp_path: Path, unit: str, more: str = "") -> Cohort:
    factor = {"mg/dL": 1.0, "g/L": 0.01}[unit]
    levels = {patient: [level * factor for level in some] for patient, some in USUAL.items()}
    return read(tmp_path, {"cohort.toml": f'igg_unit = "{unit}"\n{more}', "samples.csv": samples_of(levels)})


@pytest.mark.parametrize(
    ("unit", "threshold", "said"),
    [
        ("g/L", 400.0, "is above any IgG ever measured (3 to 8 g/L): for 400 mg/dL write 4"),
        ("g/L", 120.0, "is 15 times the highest sample"),
        ("mg/dL", 4.0, "is 0.013 of the lowest sample (300 to 800 mg/dL): for 4 g/L write 400"),
        ("mg/dL", 9000.0, "is 11.2 times the highest sample"),
    ],
)
def test_a_threshold_out_of_proportion(tmp_path: Path, unit: str, threshold: float, said: str) -> None:
    cohort = cohort_in(tmp_path, unit)
    with pytest.raises(InputError) as refused:
        refuse_out_of_proportion(cohort, thresholds=(threshold,))
    assert f"thresholds: found '{threshold:g}'; levels are in the cohort's unit, {unit}, and this {said}" in str(
        refused.value
    )
    if threshold != 400:
        kept = cohort_in(tmp_path, unit, 'unusual_levels = "as_given"\n')
        refuse_out_of_proportion(kept, thresholds=(threshold,))


def test_usual_thresholds_and_windows_pass(tmp_path: Path) -> None:
    for unit, thresholds in (("g/L", (1, 4, 5, 20)), ("mg/dL", (40, 400, 500, 2000))):
        refuse_out_of_proportion(cohort_in(tmp_path, unit), thresholds=thresholds, window=(-30, 730))


@pytest.mark.parametrize(
    ("unit", "difference", "said"),
    [
        ("g/L", 100.0, r"is more than the highest sample \(3 to 8 g/L\)"),
        ("g/L", 50.0, r"is more than the highest sample"),
        ("g/L", -0.002, "is a hair's breadth beside the samples"),
        ("mg/dL", 0.5, r"is a hair's breadth beside the samples \(300 to 800 mg/dL\)"),
    ],
)
def test_differences_out_of_proportion(tmp_path: Path, unit: str, difference: float, said: str) -> None:
    with pytest.raises(InputError, match=f"difference of IgG: found '{difference:g}'.*{said}"):
        refuse_out_of_proportion(cohort_in(tmp_path, unit), differences=(0.0, difference))
    kept = cohort_in(tmp_path, unit, 'unusual_levels = "as_given"\n')
    refuse_out_of_proportion(kept, differences=(difference,))


def test_usual_differences_pass(tmp_path: Path) -> None:
    for unit, some in (("g/L", (-0.2, 0.0, 0.1, 0.5)), ("mg/dL", (-20.0, 0.0, 10.0, 50.0))):
        refuse_out_of_proportion(cohort_in(tmp_path, unit), differences=some)


@pytest.mark.parametrize("window", [(0, 100_000), (-50, -10), (2000, 2100)])
def test_windows_away_from_the_samples(tmp_path: Path, window: tuple[float, float]) -> None:
    asked = "window: found '{:g}:{:g}'; a window in days that meets the samples".format(*window)
    with pytest.raises(InputError, match=asked):
        refuse_out_of_proportion(cohort_in(tmp_path, "g/L"), window=window)
    kept = cohort_in(tmp_path, "g/L", 'unusual_windows = "as_given"\n')
    refuse_out_of_proportion(kept, window=window)


@pytest.mark.parametrize(
    ("first", "second"),
    [("7", "007"), ("7", "7.0"), ("P1", "p1"), ("P1", "P 1"), ("P-01", "P01"), ("P1", "P01"), ("A 7", "a7")],
)
def test_ids_that_differ_only_in_form_are_named(tmp_path: Path, first: str, second: str) -> None:
    cohort = read(tmp_path, {"samples.csv": SAMPLES + f"{first},0,500\n{second},7,480\n"})
    (warning,) = warnings_of(cohort)
    assert repr(first) in warning
    assert repr(second) in warning
    assert "ids that differ only in form are different patients here" in warning


@pytest.mark.parametrize(("first", "second"), [("7", "70"), ("1-1", "11"), ("P1", "P2"), ("1.01", "1.1")])
def test_ids_that_differ_in_content_are_not(tmp_path: Path, first: str, second: str) -> None:
    assert read(tmp_path, {"samples.csv": SAMPLES + f"{first},0,500\n{second},7,480\n"}).problems.empty


def test_one_fault_in_many_rows_is_one_line(tmp_path: Path) -> None:
    rows = "".join(f"P{day},{day},QNS\n" for day in range(80))
    said = refusal(tmp_path, {"samples.csv": SAMPLES + "P1,0,500\n" + rows})
    assert said.count("\n") == 1
    assert "igg" in said
    assert "found 'QNS'; must be a number, <LIMIT or >LIMIT" in said
    assert "line 3" in said.replace("lines", "line")


def test_messages_stay_short_whatever_the_input() -> None:
    text = "x" * 5000
    many = [
        Problem(file="f.csv", line=row, patient_id=f"P{row}", column=f"c{row}", found=text, expected=text)
        for row in range(5000)
    ]
    said = describe_problems(many)
    assert len(said) < 1_000_000
    assert said.endswith("... and 4700 further faults")


@pytest.mark.parametrize("names", [("patient_id", "day", "igg", "igg"), ("patient_id", "day", "igg", "x", "x")])
def test_a_parquet_table_with_a_column_twice(tmp_path: Path, names: tuple[str, ...]) -> None:
    columns = [pa.array(["P1", "P1"]), pa.array([0, 7]), pa.array([500.0, 480.0]), pa.array([1, 2]), pa.array([3, 4])]
    folder = write_cohort(tmp_path / "ward", {})
    pyarrow.parquet.write_table(pa.table(columns[: len(names)], names=list(names)), folder / "samples.parquet")
    if "x" in names:
        assert read_cohort(folder).unused_columns == {"samples.parquet": ("x",)}
    else:
        with pytest.raises(InputError) as refused:
            read_cohort(folder)
        assert str(refused.value) == "samples.parquet: 1 problem\n  igg: found 'igg'; a column name that occurs once"
