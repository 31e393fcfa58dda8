"""Cohorts in parts: the same numbers as whole, over a kill, a fault in one part, and on a cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from igkinetics.cli.main import app
from igkinetics.output.parts import Part, do_part, do_parts, is_finished

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "data" / "blina23"
CHOICES = ["--threshold", "400", "--draws", "100", "--intervals", "laplace", "--engine", "lmfit", "--jobs", "1"]
"""The search for one patient: what fits patients in chunks takes a minute to compile, and test_batch.py tests it."""
PATIENTS = 6
N_PARTS = 3


@pytest.fixture(scope="module")
def in_parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six patients of the example in three parts."""
    folder = tmp_path_factory.mktemp("in_parts")
    names = pd.read_csv(EXAMPLE / "samples.csv")["patient_id"].unique()[:PATIENTS]
    whose = {name: f"part-{n % N_PARTS + 1:04d}" for n, name in enumerate(names)}
    (folder / "cohort.toml").write_text((EXAMPLE / "cohort.toml").read_text())
    for source in EXAMPLE.glob("*.csv"):
        table = pd.read_csv(source, dtype=str, keep_default_na=False)
        if "patient_id" in table.columns:
            for part, rows in table.groupby(table["patient_id"].map(whose)):
                (folder / source.stem).mkdir(exist_ok=True)
                rows.to_parquet(folder / source.stem / f"{part}.parquet")
    return folder


def fit(cohort: Path, out: Path, *more: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["fit", str(cohort), "--out", str(out), *CHOICES, *more])
    return done.exit_code, done.output


def content(out: Path) -> dict[str, bytes]:
    """Every file but run records and pages, which hold times."""
    files = (path for path in sorted(out.rglob("*")) if path.is_file() and path.name not in ("run.json", "report.html"))
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def done(in_parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("parts") / "fit"
    status, said = fit(in_parts, out)
    assert status == 0, said
    assert f"{PATIENTS} patients in {N_PARTS} parts: {PATIENTS} fitted." in said
    return out


def test_parts_give_the_numbers_of_the_whole(done: Path, in_parts: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    cohort = tmp_path / "cohort"
    cohort.mkdir()
    (cohort / "cohort.toml").write_text((in_parts / "cohort.toml").read_text())
    for table in (path for path in in_parts.iterdir() if path.is_dir()):
        pd.read_parquet(table).to_parquet(cohort / f"{table.name}.parquet")
    assert fit(cohort, whole)[0] == 0
    fell = pd.read_csv(whole / "thresholds.csv")["first_day_below"].notna().sum()
    assert f"{fell} of {PATIENTS} fitted patients fell below 400 mg/dL." in (done / "report.html").read_text()
    for table in ("nadir", "parameters", "patients", "thresholds"):
        rows = [pd.read_csv(out / f"{table}.csv") for out in (done, whole)]
        one, other = (each.sort_values(list(each.columns[:3]), ignore_index=True) for each in rows)
        pd.testing.assert_frame_equal(one, other)
    record = json.loads((done / "run.json").read_text())
    assert len(record["inputs"]) >= N_PARTS
    assert not (done.parent / "fit.parts").exists()


def test_a_killed_run_is_taken_up_and_ends_with_the_same_bytes(done: Path, in_parts: Path, tmp_path: Path) -> None:
    out = tmp_path / "fit"
    command = [sys.executable, "-m", "igkinetics", "fit", str(in_parts), "--out", str(out), *CHOICES]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    marks = tmp_path / "fit.parts"
    deadline = time.monotonic() + 240
    while not list(marks.glob("*.done.json")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = len(list(marks.glob("*.done.json"))) if marks.exists() else 0
    status, said = fit(in_parts, out)
    assert status == 0, said
    assert not kept or f"{kept} part" in said
    assert content(out) == content(done)


def test_one_bad_part_costs_no_other(in_parts: Path, tmp_path: Path, done: Path) -> None:
    broken = tmp_path / "cohort"
    for path in in_parts.rglob("*"):
        if path.is_file():
            (broken / path.relative_to(in_parts)).parent.mkdir(parents=True, exist_ok=True)
            (broken / path.relative_to(in_parts)).write_bytes(path.read_bytes())
    samples = broken / "samples" / "part-0002.parquet"
    good = samples.read_bytes()
    pd.read_parquet(samples).assign(igg="much").to_parquet(samples)
    out = tmp_path / "fit"
    status, said = fit(broken, out)
    assert status == 2
    assert "part-0002" in said
    assert "much" in said
    assert "2 parts are finished and kept" in said
    assert not out.exists()
    samples.write_bytes(good)
    status, said = fit(broken, out)
    assert status == 0
    assert "2 parts kept from an earlier run" in said
    assert content(out) == content(done)


def test_changed_parts_are_not_kept(tmp_path: Path) -> None:
    part = Part(name="part-0001", key="a")
    assert do_part(part, lambda name, folder: (folder / "x.csv").write_text(name) and None, tmp_path) is None
    assert is_finished(tmp_path, part)
    assert not is_finished(tmp_path, Part(name="part-0001", key="b"))
    (tmp_path / "part-0001" / "x.csv").write_text("other")
    assert not is_finished(tmp_path, part)


def deadly(name: str, folder: Path) -> None:
    """Kills its own process in one part."""
    if name == "part-2":
        os.kill(os.getpid(), signal.SIGKILL)
    (folder / "x.csv").write_text(name)


def test_a_part_that_kills_its_process_is_told_and_the_others_are_done(tmp_path: Path) -> None:
    parts = [Part(name=f"part-{n}", key="") for n in (1, 2, 3)]
    found = do_parts(parts, deadly, tmp_path / "fit.parts", jobs=2)
    assert found.finished == ("part-1", "part-3")
    assert {name: fault.kind for name, fault in found.faults.items()} == {"part-2": "worker"}


def test_what_does_not_go_with_parts_is_refused(in_parts: Path, tmp_path: Path) -> None:
    out = tmp_path / "fit"
    status, said = fit(EXAMPLE, out, "--cluster", "tcp://127.0.0.1:1")
    assert status == 2
    assert "--cluster" in said
    assert "part-0001" in said
    status, said = fit(in_parts, out, "--figures")
    assert status == 2
    assert "--figures" in said
    twice = tmp_path / "twice"
    (twice / "samples").mkdir(parents=True)
    rows = pd.DataFrame({"patient_id": ["A", "B"], "day": [0, 0], "igg": [500, 400], "unit": "mg/dL"})
    for part in ("part-1", "part-2"):
        rows.to_parquet(twice / "samples" / f"{part}.parquet")
    status, said = fit(twice, out)
    assert status == 2
    assert "must have all samples in one part" in said
    assert "patient A" in said
    rows.to_csv(twice / "doses.csv", index=False)
    assert "must be in parts as samples are" in fit(twice, out)[1]


def test_a_cluster_gives_the_same_bytes(done: Path, in_parts: Path, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        out = tmp_path / "fit"
        status, said = fit(in_parts, out, "--cluster", cluster.scheduler_address)
        assert status == 0, said
    assert content(out) == content(done)
