"""What a fit leaves for later commands: read as written, and refused in one line when it is anything else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from igkinetics.errors import InputError
from igkinetics.fit.cohort import fit_cohort
from igkinetics.fit.options import FitOptions
from igkinetics.fit.output import write_fit
from igkinetics.fit.records import (
    DRAW_COLUMNS,
    DRAWS_FILE,
    EVENTS_FILE,
    FEWEST_KEPT_DRAWS,
    MOST_KEPT_DRAWS,
    kept_draws,
    left_by,
    members_of,
)
from igkinetics.kinetics.parameters import PARAMETERS
from made_records import cohort_of, drawn, planned

FILES = (DRAWS_FILE, EVENTS_FILE)


def written(folder: Path, seed: int) -> Path:
    people = [drawn(planned(patient_id=name), np.random.default_rng(seed)).patient for name in ("one", "two")]
    folder.mkdir()
    write_fit(fit_cohort(cohort_of(people), FitOptions(draws=150)), folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("left") / "fit", 1)


def cut_short(fit: Path, name: str) -> None:
    (fit / name).write_bytes((fit / name).read_bytes()[:-40])


def of_another_cohort(fit: Path, name: str) -> None:
    shutil.copy(written(fit.parent / "other", 2) / name, fit / name)


def with_a_column_less(fit: Path, name: str) -> None:
    pd.read_parquet(fit / name).iloc[:, :-1].to_parquet(fit / name)


def no_table(fit: Path, name: str) -> None:
    (fit / name).write_text("patient_id,draw\n", encoding="utf-8")


def record_cut_short(fit: Path, name: str) -> None:
    cut_short(fit, "run.json")


def record_of_another_command(fit: Path, name: str) -> None:
    record = json.loads((fit / "run.json").read_text(encoding="utf-8"))
    (fit / "run.json").write_text(json.dumps(record | {"command": "effect"}), encoding="utf-8")


def record_of_an_earlier_version(fit: Path, name: str) -> None:
    record = json.loads((fit / "run.json").read_text(encoding="utf-8"))
    del record["files"]
    (fit / "run.json").write_text(json.dumps(record), encoding="utf-8")


def record_is_a_list(fit: Path, name: str) -> None:
    (fit / "run.json").write_text("[1, 2]", encoding="utf-8")


DAMAGE: dict[Callable[[Path, str], None], str] = {
    cut_short: "{} is damaged, of another run, or was changed",
    of_another_cohort: "{} is damaged, of another run, or was changed",
    with_a_column_less: "{} is damaged, of another run, or was changed",
    no_table: "{} is damaged, of another run, or was changed",
    record_cut_short: "its run.json is damaged",
    record_is_a_list: "its run.json is damaged",
    record_of_another_command: "must be a folder written by `fit`, not by `effect`",
    record_of_an_earlier_version: "must be a folder written by `fit` of this version",
}


def test_what_was_written_is_read_again(folder: Path) -> None:
    left = left_by("fit", folder, FILES)
    draws = left.table(DRAWS_FILE, DRAW_COLUMNS)
    assert draws.groupby("patient_id").size().to_dict() == {"one": 150, "two": 150}
    assert set(draws["residual"]) <= {"normal", "student_t"}
    thetas = draws[draws["patient_id"] == "two"][list(PARAMETERS)].to_numpy()
    (member,) = members_of(left, {"two": (thetas, np.ones((150, 2)))})
    assert member.patient_id == "two"
    assert member.thetas.shape == (150, 13)
    with pytest.raises(InputError, match=r"found 'three'; must be patients whose records stand in events.parquet"):
        members_of(left, {"three": (thetas, np.ones((150, 2)))})


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", DAMAGE, ids=lambda each: each.__name__)
def test_anything_else_is_refused_in_one_line(
    damage: Callable[[Path, str], None], name: str, folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "fit"
    shutil.copytree(folder, copy)
    damage(copy, name)
    with pytest.raises(InputError) as refused:
        left_by("fit", copy, FILES)
    (problem,) = refused.value.problems
    assert DAMAGE[damage].format(name) in str(problem)
    assert "\n" not in str(problem)


def test_a_table_with_other_columns_is_refused(folder: Path) -> None:
    left = left_by("fit", folder, FILES)
    with pytest.raises(InputError, match="must be a table with nothing"):
        left.table(DRAWS_FILE, ("nothing", "like", "it"))
    with pytest.raises(InputError, match="must be a table with"):
        left.table("run.json", DRAW_COLUMNS)


def test_every_draw_is_kept_within_stated_limits() -> None:
    assert kept_draws(150, 2) == 150
    assert kept_draws(2000, 23) == 2000
    assert kept_draws(9000, 23) == MOST_KEPT_DRAWS
    assert kept_draws(2000, 4000) == 500
    assert kept_draws(2000, 1_000_000) == FEWEST_KEPT_DRAWS
    assert kept_draws(100, 0) == 100
