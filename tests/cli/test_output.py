"""The files of a fit: whole or not at all, exactly the columns and keys of the contract, the same bytes twice."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fabricated import fabricated_fit
from igkinetics.errors import InputError
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.columns import TABLES
from igkinetics.fit.options import FitOptions
from igkinetics.fit.output import FIT_OUTPUT, write_fit
from igkinetics.output.folder import Kind, new_folder, refuse_existing

RUN_KEYS = [
    "command",
    "options",
    "level",
    "seed",
    "igg_unit",
    "thresholds",
    "inputs",
    "rows",
    "unused_columns",
    "covariates",
    "cards",
    "private_cards",
    "versions",
    "verdict",
    "interrupted",
    "started",
    "seconds",
    "files",
]
PLAIN = Kind(marker="run.json", names=frozenset({"run.json", "table.csv"}))


def written(fit: CohortFit, folder: Path) -> Path:
    folder.mkdir()
    write_fit(fit, folder)
    return folder


def test_every_table_comes_back_with_its_columns_and_values(fit: CohortFit, tmp_path: Path) -> None:
    folder = written(fit, tmp_path / "out")
    checks = ("predictions", "etas", "shrinkage", "residuals", "diagnostics", "groups")
    for table in ("parameters", "nadir", "patients", "thresholds", "structures", "conflict", *checks):
        back = pd.read_csv(folder / f"{table}.csv")
        assert tuple(back.columns) == TABLES[table]
        expected = getattr(fit, table)
        for column in expected.columns[expected.dtypes == "float64"]:
            np.testing.assert_allclose(back[column], expected[column], rtol=1e-9)
        if "patient_id" in back:
            assert list(back["patient_id"]) == list(expected["patient_id"])
    curves = pd.read_parquet(folder / "curves.parquet")
    pd.testing.assert_frame_equal(curves, fit.curves)


def test_thresholds_are_written_only_when_asked_for(tmp_path: Path) -> None:
    folder = written(fabricated_fit(thresholds=()), tmp_path / "out")
    on_request = {"thresholds.csv", "profiles.csv", "dates.csv", "tables.xlsx", "figures"}
    pages = {"report.html", "diagnostics.html"}
    assert {path.name for path in folder.iterdir()} == FIT_OUTPUT.names - on_request - pages


def test_the_run_record_has_the_keys_of_the_contract_and_no_path(tmp_path: Path) -> None:
    card = tmp_path / "own_card.toml"
    fit = fabricated_fit(card=str(card), window=(0.0, 180.0))
    record = json.loads((written(fit, tmp_path / "out") / "run.json").read_text(encoding="utf-8"))
    assert list(record) == RUN_KEYS
    assert record["options"]["card"] == "own_card.toml"
    assert record["options"]["window"] == [0, 180]
    assert record["rows"]["samples.csv"]["read"] == len(fit.cohort.samples)
    assert record["verdict"] == "4 of 8 patients fitted"
    assert record["seconds"] == fit.seconds
    assert str(tmp_path) not in json.dumps(record)


def test_the_same_fit_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (written(fabricated_fit(), tmp_path / name) for name in ("a", "b"))
    names = sorted(path.name for path in first.iterdir() if path.name != "run.json")
    assert [(first / name).read_bytes() for name in names] == [(second / name).read_bytes() for name in names]
    records = [json.loads((folder / "run.json").read_text(encoding="utf-8")) for folder in (first, second)]
    for record in records:
        del record["started"]
    assert records[0] == records[1]


def fill(folder: Path, content: str = "new") -> None:
    (folder / "run.json").write_text(content, encoding="utf-8")


def test_a_folder_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "results" / "out"
    with new_folder(target, PLAIN) as folder:
        fill(folder)
        assert not target.exists()
    assert (target / "run.json").read_text(encoding="utf-8") == "new"
    assert [path.name for path in target.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("failure", [ZeroDivisionError("a defect"), KeyboardInterrupt()])
def test_a_failing_write_leaves_nothing_behind(tmp_path: Path, failure: BaseException) -> None:
    def fail(folder: Path) -> None:
        fill(folder)
        raise failure

    with pytest.raises(type(failure)), new_folder(tmp_path / "out", PLAIN) as folder:
        fail(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_failing_write_keeps_what_it_was_to_replace(tmp_path: Path) -> None:
    with new_folder(tmp_path / "out", PLAIN) as folder:
        fill(folder, "old")
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "out", PLAIN, overwrite=True):
        raise ZeroDivisionError
    assert (tmp_path / "out" / "run.json").read_text(encoding="utf-8") == "old"
    with new_folder(tmp_path / "out", PLAIN, overwrite=True) as folder:
        fill(folder)
    assert (tmp_path / "out" / "run.json").read_text(encoding="utf-8") == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failing_rename_puts_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with new_folder(tmp_path / "out", PLAIN) as folder:
        fill(folder, "old")
    rename = Path.rename

    def fail_on_the_new(self: Path, target: Path) -> Any:
        if self.name == "new":
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_on_the_new)
    with (
        pytest.raises(InputError, match="cannot be written: no space left"),
        new_folder(tmp_path / "out", PLAIN, overwrite=True) as folder,
    ):
        fill(folder)
    assert (tmp_path / "out" / "run.json").read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("files", "overwrite", "message"),
    [
        (("run.json", "table.csv"), False, "exists already; .* overwrite=True"),
        (("run.json", "thesis.docx"), True, "holds thesis.docx, not written by this command"),
        (("table.csv",), True, "holds no run.json"),
    ],
)
def test_a_folder_that_is_not_ours_is_never_replaced(
    tmp_path: Path, files: tuple[str, ...], overwrite: bool, message: str
) -> None:
    for name in files:
        (tmp_path / name).write_text("precious", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        refuse_existing(tmp_path, PLAIN, overwrite=overwrite)
    with pytest.raises(InputError, match=message), new_folder(tmp_path, PLAIN, overwrite=overwrite):
        pytest.fail("the block must not be entered")
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == dict.fromkeys(
        files, "precious"
    )


def test_an_empty_folder_and_files_of_the_desktop_are_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".DS_Store").write_text("", encoding="utf-8")
    with new_folder(tmp_path / "out", PLAIN) as folder:
        fill(folder)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["run.json"]


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("precious", encoding="utf-8")
    with pytest.raises(InputError, match="is a file"):
        refuse_existing(tmp_path / "out", PLAIN, overwrite=True)
    with pytest.raises(InputError, match="cannot be written"), new_folder(tmp_path / "out" / "below", PLAIN):
        pytest.fail("the block must not be entered")


def test_all_choices_at_fault_are_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        FitOptions(
            prior="crad",
            residual="normal",
            structure="two_compartment/step_los",
            window=(3.0, 1.0),
            thresholds=(400.0, -1.0),
            level=95.0,
            draws=10,
            jobs=0,
            seed=-1,
        )
    problems = caught.value.problems
    assert [problem.column for problem in problems] == (
        ["prior", "structure", "window", "thresholds", "level", "draws", "jobs", "seed"]
    )
    assert "did you mean two_compartment/step_loss?" in problems[1].expected
    assert problems[3].found == "-1.0"


def test_a_table_with_other_columns_is_a_defect(fit: CohortFit) -> None:
    values = {name: getattr(fit, name) for name in fit.__dataclass_fields__}
    with pytest.raises(AssertionError, match="table nadir has the columns"):
        CohortFit(**(values | {"nadir": fit.nadir.drop(columns="reason")}))
    with pytest.raises(AssertionError, match="a row for every patient"):
        CohortFit(**(values | {"nadir": fit.nadir.iloc[:-1]}))
    with pytest.raises(AssertionError, match="unknown status"):
        CohortFit(**(values | {"patients": fit.patients.assign(status="ok")}))
