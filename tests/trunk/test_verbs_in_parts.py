"""Every verb on parts: the numbers of the whole, over a kill and a fault in one part, through the command.

What keeps finished parts is the same for all of them; tests/fit/test_parts.py tries it further, on a cluster too.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from igkinetics.cli.main import app
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError
from igkinetics.output.by_parts import ByParts, done_by_parts
from igkinetics.output.folder import Kind
from igkinetics.output.parts import Part

EXAMPLE = Path(__file__).resolve().parents[2] / "data" / "blina23"
N_PARTS = 3
FORECAST = ["--threshold", "400", "--threshold", "600", "--draws", "100", "--jobs", "1"]


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.output


def content(out: Path) -> dict[str, bytes]:
    """Every file but run records and pages, which hold times."""
    files = (path for path in sorted(out.rglob("*")) if path.is_file() and path.name not in ("run.json", "report.html"))
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def killed_in_the_middle(arguments: list[str], out: Path) -> None:
    """Run a command in a process of its own, and kill it once a part is finished."""
    process = multiprocessing.get_context("fork").Process(target=run, args=arguments)
    process.start()
    marks = out.with_name(f"{out.name}.parts")
    deadline = time.monotonic() + 120
    while not list(marks.glob("*.done.json")) and process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.002)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()


@pytest.fixture(scope="module")
def cohorts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Six patients of the example whole, and in three parts."""
    whole, parts = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("parts")
    names = pd.read_csv(EXAMPLE / "samples.csv")["patient_id"].unique()[: 2 * N_PARTS]
    whose = {name: f"part-{n // 2 + 1:04d}" for n, name in enumerate(names)}
    for source in (*EXAMPLE.glob("*.csv"), EXAMPLE / "cohort.toml"):
        if source.suffix == ".toml":
            for folder in (whole, parts):
                (folder / source.name).write_bytes(source.read_bytes())
            continue
        table = pd.read_csv(source, dtype=str, keep_default_na=False)
        table = table[table["patient_id"].isin(names)]
        table.to_csv(whole / source.name, index=False)
        (parts / source.stem).mkdir()
        for part, rows in table.groupby(table["patient_id"].map(whose)):
            rows.to_parquet(parts / source.stem / f"{part}.parquet")
    return whole, parts


def test_a_disk_that_is_full_in_the_end_costs_no_part(tmp_path: Path) -> None:
    def full(folders: list[Path], whole: Path, seconds: float) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def do(part: str, folder: Path) -> None:
        (folder / "x.csv").write_text(part, encoding="utf-8")

    kind = Kind(marker="run.json", names=frozenset())
    work = ByParts(kind=kind, parts=(Part(name="part-1", key=""),), do=do, join=full)
    with pytest.raises(InputError, match=r"no space left on device; all parts are finished and kept in out\.parts"):
        done_by_parts(work, tmp_path / "out", jobs=1)
    again = done_by_parts(replace(work, join=lambda folders, whole, seconds: len(folders)), tmp_path / "out", jobs=1)
    assert (again.done.kept, again.totals) == (("part-1",), 1)


@pytest.fixture(scope="module")
def forecast(cohorts: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("forecast") / "parts"
    status, said = run("forecast", str(cohorts[1]), "--out", str(out), *FORECAST)
    assert status == 0, said
    assert "Forecast of 4 of 6 patients in 3 parts, 28 days ahead" in said
    assert "of 4 patients (most urgent: " in said
    return out


def test_a_forecast_in_parts_is_that_of_the_whole(forecast: Path, cohorts: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "whole"
    assert run("forecast", str(cohorts[0]), "--out", str(out), *FORECAST)[0] == 0
    assert (out / "worklist.csv").read_bytes() == (forecast / "worklist.csv").read_bytes()
    days = [pd.read_csv(path) for path in sorted(forecast.glob("parts/*/forecast.csv"))]
    pd.testing.assert_frame_equal(pd.concat(days, ignore_index=True), pd.read_csv(out / "forecast.csv"))
    page = (forecast / "report.html").read_text(encoding="utf-8")
    assert "Forecast of 4 of 6 patients in 3 parts" in page
    assert "not a medical device" in page
    listed = pd.read_csv(forecast / "parts.csv")
    assert listed["patients"].tolist() == [2, 2, 2]
    assert listed["forecast"].sum() == 4


def test_a_killed_forecast_is_taken_up(forecast: Path, cohorts: tuple[Path, Path], tmp_path: Path) -> None:
    arguments = ["forecast", str(cohorts[1]), "--out", str(tmp_path / "out"), *FORECAST]
    killed_in_the_middle(arguments, tmp_path / "out")
    status, said = run(*arguments)
    assert status == 0, said
    assert "kept from an earlier run" in said
    assert content(tmp_path / "out") == content(forecast)


def test_what_a_forecast_is_asked_for_goes_with_parts_too(cohorts: tuple[Path, Path], tmp_path: Path) -> None:
    """One patient, a day before anybody else's first sample, a day as a date; who is unknown is refused."""
    asked = ["forecast", str(cohorts[1]), *FORECAST, "--patient", "IVIG-03", "--until", "60", "--policy", "none"]
    status, said = run(*asked, "--out", str(tmp_path / "one"))
    assert status == 0, said
    assert "Forecast of 1 of 1 patient in 1 part" in said
    assert pd.read_csv(tmp_path / "one" / "worklist.csv")["patient_id"].unique().tolist() == ["IVIG-03"]
    status, said = run("forecast", str(cohorts[1]), *FORECAST, "--patient", "P99", "--out", str(tmp_path / "two"))
    assert (status, "--patient" in said, "must be a patient" in said) == (2, True, True)
    status, said = run("forecast", str(cohorts[1]), *FORECAST, "--until", "-900", "--out", str(tmp_path / "none"))
    assert status == 3
    assert "Without a forecast: 6 no samples" in said
    status, said = run("forecast", str(cohorts[1]), *FORECAST, "--until", "2024-01-01", "--out", str(tmp_path / "no"))
    assert status == 2
    assert said.count("this cohort holds no dates") == 1
    assert "part-0001, part-0002 and part-0003: " in said
    status, said = run("forecast", str(cohorts[0]), *FORECAST, "--cluster", "tcp://1", "--out", str(tmp_path / "three"))
    assert (status, "--cluster" in said, "part-0001" in said) == (2, True, True)


def test_a_bad_part_costs_no_other_forecast(forecast: Path, cohorts: tuple[Path, Path], tmp_path: Path) -> None:
    samples = cohorts[1] / "samples" / "part-0002.parquet"
    good = samples.read_bytes()
    arguments = ["forecast", str(cohorts[1]), "--out", str(tmp_path / "out"), *FORECAST]
    try:
        pd.read_parquet(samples).assign(igg="much").to_parquet(samples)
        status, said = run(*arguments)
    finally:
        samples.write_bytes(good)
    assert status == 2
    assert "part-0002" in said
    assert "2 parts are finished and kept" in said
    assert not (tmp_path / "out").exists()
    status, said = run(*arguments)
    assert status == 0
    assert "2 parts kept from an earlier run" in said
    assert content(tmp_path / "out") == content(forecast)


DESIGN = """seed = 1
population = { card = "adult_b_cell_depletion", weight_kg = { mean = 75, sd = 15 } }
therapy = { cycles = 3, fewest_cycles = 1, on_day = 28, off_day = 14, agent = "blinatumomab" }
visits = { every_day = 14, jitter_day = 2, missed = 0.1, until_day = 120 }
assay = { cv_percent = 8, lower_limit_mg_dl = 40 }
group = [
  { name = "IVIG", n = 7, regimen = { dose_g_per_kg = 0.4, interval_day = 28 } },
  { name = "control", n = 4 },
]
[outcomes.infection]
rate = { per_year_at_500 = 2.0, rate_ratio_per_100_mg_dl = 0.8 }
"""


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("design") / "design.toml"
    path.write_text(DESIGN, encoding="utf-8")
    return path


def test_a_cohort_simulated_in_parts_is_the_one_made_at_once(design: Path, tmp_path: Path) -> None:
    """Its tables, its truth, and over a kill the same bytes; `fit` and the others read it as one in parts."""
    assert run("simulate", str(design), "--out", str(tmp_path / "whole"))[0] == 0
    in_parts = ["simulate", str(design), "--per-part", "3", "--jobs", "1"]
    status, said = run(*in_parts, "--out", str(tmp_path / "parts"))
    assert status == 0, said
    assert "11 patients in 4 parts" in said
    one, other = (read_cohort(tmp_path / name) for name in ("whole", "parts"))
    for table in ("samples", "doses", "therapy", "patients", "outcomes"):
        tables = [getattr(cohort, table).drop(columns=["file", "line"], errors="ignore") for cohort in (one, other)]
        pd.testing.assert_frame_equal(*tables, check_categorical=False)
    assert one.igg_unit == other.igg_unit
    for name in ("parameters", "nadir", "curves"):
        truth = tmp_path / "whole" / "truth" / f"{name}.csv"
        whole = pd.read_csv(truth) if truth.is_file() else pd.read_parquet(truth.with_suffix(".parquet"))
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "parts" / "truth" / name), whole, check_dtype=False)
    killed_in_the_middle([*in_parts, "--out", str(tmp_path / "again")], tmp_path / "again")
    assert run(*in_parts, "--out", str(tmp_path / "again"))[0] == 0
    assert content(tmp_path / "again") == content(tmp_path / "parts")


def test_what_does_not_go_with_a_simulation_in_parts_is_refused(design: Path, tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "out")]
    status, said = run("simulate", str(design), *out, "--cluster", "tcp://1")
    assert (status, "--cluster" in said, "--per-part" in said) == (2, True, True)
    status, said = run("simulate", str(design), *out, "--per-part", "0")
    assert (status, "--per-part" in said) == (2, True)
    large = tmp_path / "large.toml"
    large.write_text(DESIGN.replace("n = 7", "n = 200_000"), encoding="utf-8")
    status, said = run("simulate", str(large), *out)
    assert (status, "--per-part 10000" in said) == (2, True)
    large.write_text(DESIGN.split("rate")[0] + "counts = { IVIG = 2, control = 1 }\n", encoding="utf-8")
    status, said = run("simulate", str(large), *out, "--per-part", "3")
    assert (status, "outcomes.infection.counts" in said, "give a rate" in said) == (2, True, True)


SCENARIO = """seed = 1
horizon_day = 84
thresholds_mg_dl = [400]
population = { fit = "FIT" }
[[regimen]]
name = "none"
[[regimen]]
name = "monthly"
dose_g_per_kg = 0.4
interval_day = 28
[[regimen]]
name = "rule"
rule = { below_mg_dl = 500, check_every_day = 14, minimum_gap_day = 21, dose_g_per_kg = 0.4 }
"""


@pytest.fixture(scope="module")
def fits(cohorts: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The cohorts fitted, whole and in parts."""
    outs = tmp_path_factory.mktemp("fits")
    for cohort, name in zip(cohorts, ("whole", "parts"), strict=True):
        choices = ["--draws", "100", "--jobs", "1", "--engine", "lmfit"]
        status, said = run("fit", str(cohort), "--out", str(outs / name), *choices)
        assert status == 0, said
    return outs / "whole", outs / "parts"


def scenario_file(folder: Path, fit: Path, text: str = SCENARIO) -> Path:
    path = folder / f"{fit.name}.toml"
    path.write_text(text.replace("FIT", str(fit)), encoding="utf-8")
    return path


def test_a_scenario_of_a_fit_in_parts_is_that_of_the_whole(fits: tuple[Path, Path], tmp_path: Path) -> None:
    """All patients, whole and in parts, and over a kill; one and some of them."""
    whole, parts = (scenario_file(tmp_path, fit) for fit in fits)
    assert run("scenario", str(whole), "--out", str(tmp_path / "whole"), "--jobs", "1")[0] == 0
    in_parts = ["scenario", str(parts), "--jobs", "1"]
    status, said = run(*in_parts, "--out", str(tmp_path / "parts"))
    assert status == 0, said
    assert "6 patients of the fit in parts" in said
    assert "In 3 parts." in said
    for table in ("outcomes", "differences", "patient_outcomes"):
        order = ["regimen", "patient_id"] if table == "patient_outcomes" else ["regimen"]
        one, other = (
            pd.read_csv(tmp_path / name / f"{table}.csv").sort_values(order, kind="stable", ignore_index=True)
            for name in ("whole", "parts")
        )
        pd.testing.assert_frame_equal(one, other, rtol=1e-9)
    curves = [pd.read_parquet(tmp_path / name / "trajectories.parquet") for name in ("whole", "parts")]
    everyone = curves[0][curves[0]["patient_id"] == ""]
    pd.testing.assert_frame_equal(everyone.reset_index(drop=True), curves[1])
    assert (tmp_path / "parts" / "report.html").is_file()
    assert not list((tmp_path / "parts").rglob("*.npz"))
    killed_in_the_middle([*in_parts, "--out", str(tmp_path / "again")], tmp_path / "again")
    status, said = run(*in_parts, "--out", str(tmp_path / "again"))
    assert status == 0, said
    assert "kept from an earlier run" in said
    assert content(tmp_path / "again") == content(tmp_path / "parts")


def test_one_and_some_patients_of_a_fit_in_parts(fits: tuple[Path, Path], tmp_path: Path) -> None:
    one = scenario_file(tmp_path, fits[1], SCENARIO.replace('"FIT"', '"FIT", patient = "IVIG-05"'))
    status, said = run("scenario", str(one), "--out", str(tmp_path / "one"))
    assert status == 0, said
    assert "IVIG-05 (" in said
    some = scenario_file(tmp_path, fits[1], SCENARIO.replace('"FIT"', '"FIT", patients = ["IVIG-05", "IVIG-02"]'))
    status, said = run("scenario", str(some), "--out", str(tmp_path / "some"), "--jobs", "1")
    assert status == 0, said
    assert "2 patients of the fit" in said
    assert set(pd.read_csv(tmp_path / "some" / "patient_outcomes.csv")["patient_id"]) == {"IVIG-05", "IVIG-02"}


@pytest.mark.parametrize(
    ("change", "more", "says"),
    [
        (('"FIT"', '"FIT", patients = ["P99"]'), [], "population.patients: found 'P99'"),
        (('"FIT"', '"FIT", patient = "P99"'), [], "must be a patient of"),
        (('"FIT"', '"FIT", patients = ["A"], patient = "A"'), [], "give either 'patient' or 'patients'"),
        (
            ("[[regimen]]", '[search]\ndose_g = [10, 20]\ninterval_day = [28]\n'
             'target = { quantity = "trough", at_least_mg_dl = 500, probability = 0.9 }\n[[regimen]]'),
            [],
            "write the candidates as regimens",
        ),
        (('fit = "FIT"', "card = 'adult_b_cell_depletion', weight_kg = 70"), ["--cluster", "tcp://1"], "--cluster"),
    ],
)  # fmt: skip
def test_what_does_not_go_with_a_fit_in_parts_is_refused(
    fits: tuple[Path, Path], tmp_path: Path, change: tuple[str, str], more: list[str], says: str
) -> None:
    file = scenario_file(tmp_path, fits[1], SCENARIO.replace(*change, 1))
    status, said = run("scenario", str(file), "--out", str(tmp_path / "out"), *more)
    assert status == 2, said
    assert says in said


def test_a_cluster_gives_the_same_bytes(
    cohorts: tuple[Path, Path], design: Path, fits: tuple[Path, Path], forecast: Path, tmp_path: Path
) -> None:
    """All three others on a Dask cluster, beside what this machine gives."""
    distributed = pytest.importorskip("distributed")
    regimens = scenario_file(tmp_path, fits[1])
    commands = {
        "forecast": ["forecast", str(cohorts[1]), *FORECAST],
        "simulate": ["simulate", str(design), "--per-part", "3", "--jobs", "1"],
        "scenario": ["scenario", str(regimens), "--jobs", "1"],
    }
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        for name, arguments in commands.items():
            status, said = run(*arguments, "--out", str(tmp_path / name), "--cluster", cluster.scheduler_address)
            assert status == 0, said
    for name in ("simulate", "scenario"):
        assert run(*commands[name], "--out", str(tmp_path / "here" / name))[0] == 0
        assert content(tmp_path / name) == content(tmp_path / "here" / name)
    assert content(tmp_path / "forecast") == content(forecast)
