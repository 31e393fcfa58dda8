"""Every form of population under every form of regimen, with and without a search, through the command.

No traceback, no infinity, no warning, and every missing value says why. Damaged or foreign folders: one line each.
"""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from igkinetics.cli.main import app

POPULATIONS = {
    "card": 'card = "adult_b_cell_depletion"\nn = 12\nweight_kg = { mean = 75, sd = 15 }',
    "models": 'models = [{ card = "adult_b_cell_depletion", weight = 2 }, { card = "zhang_2020", weight = 1, '
    'endogenous_card = "adult_b_cell_depletion" }]\nn = 12\nweight_kg = 70',
    "effect": 'effect = "EFFECT"\npatients = ["IVIG-01", "control-02"]',
    "effect replayed": 'effect = "EFFECT"\npatients = ["IVIG-01"]\nfrom_day = 0',
    "effect, new": 'effect = "EFFECT"\nnew = 12\nweight_kg = 70',
    "fit": 'fit = "FIT"\npatient = "IVIG-01"',
    "fit from a day": 'fit = "FIT"\npatient = "control-02"\nfrom_day = 30',
}
THERAPY = '[therapy]\ncycles = 2\non_day = 28\noff_day = 14\nagent = "blinatumomab"\n'
REGIMENS = """
[[regimen]]
name = "none"
[[regimen]]
name = "calendar"
dose_g_per_kg = 0.4
interval_day = 28
start_day = 3
duration_h = 4
[[regimen]]
name = "loading"
dose_g = 20
interval_day = 21
loading_g_per_kg = 0.8
[[regimen]]
name = "stop"
dose_g = 30
interval_day = 14
stop_day = 40
vial_g = 5
[[regimen]]
name = "single"
dose_g = 30
interval_day = 500
unusual_doses = "as_given"
[[regimen]]
name = "sc"
dose_g_per_kg = 0.1
interval_day = 7
route = "sc"
[[regimen]]
name = "rule"
rule = { below_mg_dl = 400, check_every_day = 7, minimum_gap_day = 21, dose_g_per_kg = 0.4 }
[[regimen]]
name = "rule that never doses"
rule = { below_mg_dl = 20, check_every_day = 7, minimum_gap_day = 21, assay_cv_percent = 7, dose_g = 5 }
"""
SEARCH = """
[search]
target = { quantity = "nadir", at_least_mg_dl = 300, at_most_mg_dl = 3000, probability = 0.5, days = [10, 80] }
dose_g = [10, 30]
dose_step_g = 20
interval_day = [28, 90]
vial_g = [5]
route = ["iv", "sc"]
"""


def scenario(population: str, search: str, folders: tuple[Path, Path], place: Path) -> tuple[Result, Path]:
    fit, effect = folders
    patients = POPULATIONS[population].replace("EFFECT", str(effect)).replace("FIT", str(fit))
    therapy = THERAPY if population in ("card", "models", "effect, new") else ""
    path = place / "scenario.toml"
    head = "horizon_day = 90\nthresholds_mg_dl = [300, 500]\nprice_per_g = 80\nseed = 1\n"
    path.write_text(f"{head}[population]\n{patients}\n{therapy}{REGIMENS}{search}", encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done = CliRunner().invoke(app, ["scenario", str(path), "--out", str(place / "out")], catch_exceptions=False)
    return done, place / "out"


@pytest.mark.parametrize("search", ["", SEARCH], ids=["no search", "search"])
@pytest.mark.parametrize("population", POPULATIONS)
def test_population_regimen_search(population: str, search: str, folder: Path, effect: Path, tmp_path: Path) -> None:
    done, out = scenario(population, search, (folder, effect), tmp_path)
    assert done.exit_code == 0, done.output
    assert "Warning" not in done.stderr
    for file in [*out.glob("*.csv"), *out.glob("*.parquet")]:
        table = pd.read_csv(file) if file.suffix == ".csv" else pd.read_parquet(file)
        numbers = table.select_dtypes("number")
        if file.name != "next_dose.csv":  # inf there: not below the threshold within the horizon
            assert not np.isinf(numbers).any().any(), file.name
    outcomes = pd.read_csv(out / "outcomes.csv")
    assert outcomes.loc[outcomes["mean"].isna(), "note"].notna().all()
    known = outcomes[outcomes["mean"].notna()]
    assert (known["mean_lower"] <= known["mean"] + 1e-9).all()
    assert (known["mean"] <= known["mean_upper"] + 1e-9).all()
    by = outcomes.pivot_table(index=["regimen", "threshold"], columns="outcome", values="mean", dropna=False)
    levels = outcomes[outcomes["threshold"].isna()].pivot_table(index="regimen", columns="outcome", values="mean")
    assert (levels["nadir_all"] <= levels["nadir"] + 1e-9).all()
    assert (levels["nadir_all"] <= levels["mean_igg"]).all()
    assert (levels["trough"] <= levels["trough_last"] + 1e-9)[levels["trough"].notna()].all()
    assert by["days_below"].dropna().between(0, 90).all()
    differences = pd.read_csv(out / "differences.csv")
    assert differences.loc[differences["mean_difference"].isna(), "note"].notna().all()
    assert len(pd.read_csv(out / "calendar.csv")) > 8
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Traceback" not in page
    assert ">nan<" not in page
    if search:
        tried = pd.read_csv(out / "search.csv")
        assert set(tried["route"]) == {"iv", "sc"}
        assert tried["probability"].between(0, 1).all()
        assert set(tried["to_day"]) == {80.0}


DAMAGE = {
    "draws truncated": ("fit", "draws.parquet", lambda content: content[: len(content) // 2]),
    "draws empty": ("fit", "draws.parquet", lambda _: b""),
    "events foreign": ("fit", "events.parquet", lambda _: b"PAR1 of another program"),
    "run.json truncated": ("fit", "run.json", lambda content: content[:40]),
    "run.json of another command": ("fit", "run.json", lambda content: content.replace(b'"fit"', b'"compare"')),
    "run.json of an old version": ("fit", "run.json", lambda content: content.replace(b'"files"', b'"papers"')),
    "posterior truncated": ("effect", "posterior.nc", lambda content: content[: len(content) // 3]),
    "posterior foreign": ("effect", "posterior.nc", lambda _: b"CDF\\x01"),
    "events of another cohort": ("effect", "events.parquet", lambda content: content + b" "),
    "effect run.json is a list": ("effect", "run.json", lambda _: b"[]"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_or_foreign_file_is_refused_in_one_line(
    name: str, folder: Path, effect: Path, tmp_path: Path
) -> None:
    form, file, harm = DAMAGE[name]
    copies = []
    for source in (folder, effect):
        copies.append(tmp_path / source.name)
        shutil.copytree(source, copies[-1])
    victim = copies[0 if form == "fit" else 1] / file
    victim.write_bytes(harm(victim.read_bytes()))
    done, out = scenario(form, "", (copies[0], copies[1]), tmp_path)
    assert done.exit_code == 2, done.output
    told = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(told) <= 2, told
    assert f"population.{form}" in done.stderr
    assert not out.exists()
