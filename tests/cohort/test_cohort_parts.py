"""A large table is read in parts; how large they are changes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from defect import write_cohort

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.parse import assemble
from igkinetics.cohort.read import read_cohort
from igkinetics.cohort.source import raw, textfile
from igkinetics.errors import InputError

UNIT = 'igg_unit = "mg/dL"\n'
STRANGE = {3: "x", 17: "<40", 18: "", 55: "-3", 56: "999999", 90: "NA", 120: ">3000", 121: "< 35"}


def text_of(n_rows: int = 200, time: str = "day", ragged: bool = False) -> str:
    """Samples with defects here and there; dates have a time of day in one row only."""
    generator = np.random.default_rng(1)
    lines = []
    for row in range(n_rows):
        date = f"2024-01-{1 + row % 20:02d}T{'08:30' if row == 150 else '00:00'}"
        day = date if time == "datetime" else str(7 * (row % 20))
        igg = STRANGE.get(row, str(round(600 * np.exp(0.3 * generator.standard_normal()))))
        patient = "" if row == 77 else f"P{row // 20}"
        lines.append(f"{patient},{day},{igg},{'mg/dL' if row % 7 else ''}")
    lines[45] = lines[44]
    if ragged:
        lines[30:31] = ["P1,1", "", ",,,", '"P1\n",3,500,']
    return f"patient_id,{time},igg,unit\n" + "\n".join(lines) + "\n"


def both(folder: Path, monkeypatch: pytest.MonkeyPatch, on_problem: str = "skip") -> tuple[Cohort, Cohort]:
    whole = read_cohort(folder, on_problem=on_problem)
    for module in (raw, textfile, assemble):
        monkeypatch.setattr(module, "ROWS_AT_A_TIME", 7)
    monkeypatch.setattr(textfile, "BYTES_AT_A_TIME", 200)
    return whole, read_cohort(folder, on_problem=on_problem)


def the_same(one: Cohort, other: Cohort) -> None:
    for name in ("samples", "doses", "therapy", "patients", "outcomes"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)
    order = ["file", "line", "column", "expected"]
    tables = [cohort.problems.sort_values(order).reset_index(drop=True) for cohort in (one, other)]
    pd.testing.assert_frame_equal(*tables)
    assert one.rows == other.rows
    assert one.notes == other.notes
    assert one.igg_unit == other.igg_unit


@pytest.mark.parametrize("time", ["day", "datetime"])
@pytest.mark.parametrize("ragged", [False, True])
def test_parts_of_a_text_file_are_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, time: str, ragged: bool
) -> None:
    folder = write_cohort(tmp_path / "ward", {"cohort.toml": UNIT, "samples.csv": text_of(time=time, ragged=ragged)})
    whole, parts = both(folder, monkeypatch)
    the_same(whole, parts)
    assert len(whole.problems) > 6


def test_parts_of_several_files_are_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second file has no column of units, and is in another encoding."""
    files = {"cohort.toml": UNIT + '[samples]\nfiles = ["*.csv"]\nencoding = "utf-16"\n'}
    folder = write_cohort(tmp_path / "ward", files)
    (folder / "a.csv").write_text(text_of(100), encoding="utf-16")
    (folder / "b.csv").write_text("patient_id,day,igg\n" + "Q1,0,500\nQ1,9,480\nQ1,9,480\n" * 9, encoding="utf-16")
    whole, parts = both(folder, monkeypatch)
    the_same(whole, parts)
    assert whole.rows["b.csv"].read == 27


def test_parts_of_a_parquet_file_are_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_cohort(tmp_path / "ward", {"cohort.toml": UNIT, "samples.csv": text_of(time="datetime")})
    table = pd.read_csv(folder / "samples.csv", dtype=str, keep_default_na=False)
    table.to_parquet(folder / "samples.parquet")
    (folder / "samples.csv").unlink()
    the_same(*both(folder, monkeypatch))


@pytest.mark.parametrize("uneven", [False, True])
def test_the_same_fault_in_many_parts_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uneven: bool
) -> None:
    faults = {0: "x", 1: "-3", 2: "1e999", 3: "<0", 4: ">9999999"}
    rows = [f"P{row // 10},{row % 10},{faults.get(row % 8, '500')}" for row in range(400)]
    rows += ["P1,1", "P1,1,1,1"] * 50 if uneven else []
    folder = write_cohort(
        tmp_path / "ward", {"cohort.toml": UNIT, "samples.csv": "patient_id,day,igg\n" + "\n".join(rows)}
    )
    whole, parts = both(folder, monkeypatch)
    the_same(whole, parts)
    errors = parts.problems[parts.problems["severity"] == "error"]
    assert errors["expected"].str.contains("and 44 more").sum() == len(faults) + 2 * uneven


def test_a_file_in_days_beside_one_in_dates_is_refused(tmp_path: Path) -> None:
    files = {
        "cohort.toml": UNIT + '[samples]\nfiles = ["a.csv", "b.csv"]\n',
        "a.csv": "patient_id,day,igg\nP1,0,500\n",
        "b.csv": "patient_id,datetime,igg\nP1,2024-01-01,500\n",
    }
    with pytest.raises(InputError) as refused:
        read_cohort(write_cohort(tmp_path / "ward", files))
    expected = "the samples of a.csv have day; a mix of days and dates is an error"
    assert str(refused.value) == f"b.csv: 1 problem\n  datetime: found 'datetime'; {expected}"


def test_most_texts_unlike_or_alike_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns whose texts are kept once, and columns that stay plain text, and both in one."""
    from igkinetics.cohort.source import sample_parts as growing

    monkeypatch.setattr(growing, "SMALLEST", 4)
    parts = [["a"] * 8, ["a", "b", "b", "c", "a", "b", "a", "c"], ["d", "e", "f", "g", "h"], ["a", "a", "a", "a", "i"]]
    for some in (parts, parts[:2], parts[2:], parts[::-1]):
        column = growing.GrowingText()
        for cells in some:
            column.extend(pd.Series(cells, dtype=str))
        assert list(column.series()) == [cell for cells in some for cell in cells]
