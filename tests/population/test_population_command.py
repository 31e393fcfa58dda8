"""`population` through the command: variation between occasions with every other option, and what cannot be done."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from igkinetics.cli.main import app

CARD = """title = "Doses alone"
structure = { endogenous = "none" }
[parameters]
CL = { value = 0.2, unit = "L/day", omega = 0.3 }
V = { value = 5.0, unit = "L", omega = 0.25 }
[residual_error]
proportional = 0.08
"""
WITHIN = 0.3
N = 24


def called(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["population", *map(str, arguments)])


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 patients, a dose every 28 days, four samples after each of three; CL changes with each dose."""
    folder = tmp_path_factory.mktemp("record")
    generator = np.random.default_rng(8)
    samples, doses, people, by_day = [], [], [], []
    for k in range(N):
        name = f"P{k:02d}"
        volume, own = 5 * np.exp(0.25 * generator.standard_normal()), 0.2 * np.exp(0.3 * generator.standard_normal())
        amount = 0.0
        for number in range(3):
            amount += 40.0
            rate = own * np.exp(WITHIN * generator.standard_normal()) / volume
            for after in (1.0, 9.0, 18.0, 27.0):
                level = amount / volume * np.exp(-rate * after) * np.exp(0.08 * generator.standard_normal())
                samples.append((name, 28.0 * number + after, level))
            amount *= np.exp(-28.0 * rate)
            doses.append((name, 28.0 * number, 40.0, 0.0, "iv"))
            by_day.append((name, 28.0 * number, f"visit {number}"))
        people.append((name, "ab"[k % 2], 60.0 + k))
    tables = {
        "samples": pd.DataFrame(samples, columns=["patient_id", "day", "igg"]),
        "doses": pd.DataFrame(doses, columns=["patient_id", "day", "amount_g", "duration_h", "route"]),
        "patients": pd.DataFrame(people, columns=["patient_id", "arm", "weight_kg"]),
        "covariates": pd.DataFrame(by_day, columns=["patient_id", "day", "visit"]),
    }
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    (folder / "cohort.toml").write_text('igg_unit = "g/L"\ntime_origin = "as_given"\nunusual_levels = "as_given"\n')
    (folder / "card.toml").write_text(CARD)
    return folder


@pytest.fixture(scope="module")
def varied(record: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "iov"
    words = ["--iov", "CL", "--occasion", "visit", "--correlated", "--test-covariate", "arm", "--covariate"]
    words += ["V1:weight_kg", "--beside", "occasion=56", "--beside", "residual=lognormal", "--simulations", "200"]
    done = called(record, "--card", record / "card.toml", "--out", out, *words)
    assert done.exit_code == 0, done.output
    return out


def test_variation_between_occasions_is_found(varied: Path) -> None:
    table = pd.read_csv(varied / "population.csv").set_index("parameter")
    row = table.loc["omega_iov_CL"]
    assert row["kind"] == "omega_iov"
    assert row["lower"] < WITHIN < row["upper"]
    assert row["estimate"] == pytest.approx(WITHIN, rel=0.3)
    assert 0 < row["rse_percent"] < 30
    assert "corr_V1_CL" in table.index
    assert "V1:weight_kg" in table.index


def test_every_occasion_has_its_change_and_shrinkage(varied: Path) -> None:
    etas = pd.read_csv(varied / "etas.csv")
    within = etas[etas["occasion"].notna()]
    assert len(within) == 3 * N
    assert set(within["occasion"]) == {"visit 0", "visit 1", "visit 2"}
    factor = within["individual"] / within["typical"]
    np.testing.assert_allclose(np.log(factor), within["eta"], atol=1e-5)
    shrinkage = pd.read_csv(varied / "shrinkage.csv").set_index("quantity")
    assert shrinkage.loc["iov_CL", "n"] == 3 * N
    assert 0 < shrinkage.loc["iov_CL", "shrinkage_sd"] < 0.4


def test_simulations_vary_between_occasions_too(varied: Path) -> None:
    rows = pd.read_csv(varied / "vpc.csv")
    middle = rows[(rows["kind"] == "vpc") & (rows["percentile"] == 50)]
    assert ((middle["observed"] > middle["lower"]) & (middle["observed"] < middle["upper"])).mean() > 0.7
    residuals = pd.read_parquet(varied / "residuals.parquet")
    for name in ("cwres", "npde"):
        assert residuals[name].mean() == pytest.approx(0, abs=0.15)
        assert residuals[name].std() == pytest.approx(1, abs=0.15)


def test_what_was_asked_and_found_stands_in_the_record_card_and_page(varied: Path) -> None:
    options = json.loads((varied / "run.json").read_text())["options"]
    assert (options["iov"], options["occasion"]) == (["CL"], "visit")
    assert "Variation between occasions of one patient (CL)" in (varied / "population.toml").read_text()
    assert "omega_iov_CL" in (varied / "report.html").read_text()
    models = pd.read_csv(varied / "models.csv").set_index("model")
    assert models.loc["occasion=56", "aic"] > models.loc["base", "aic"]


def test_a_model_with_occasions_is_set_beside_one_without(record: Path, tmp_path: Path) -> None:
    words = ["--occasion", "dose", "--beside", "iov=CL", "--simulations", "100", "--jobs", "1"]
    done = called(record, "--card", record / "card.toml", "--out", tmp_path / "out", *words)
    assert done.exit_code == 0, done.output
    models = pd.read_csv(tmp_path / "out" / "models.csv").set_index("model")
    assert models.loc["iov=CL", "df"] == 1
    assert models.loc["iov=CL", "p"] < 1e-6
    assert models.loc["iov=CL", "minus_two_log_change"] > 30


def test_a_scenario_runs_for_virtual_patients_of_the_population(varied: Path, tmp_path: Path) -> None:
    """At steady state a dose every 28 days leaves an average level of dose / CL / 28 in the typical patient."""
    words = 'title = "Every four weeks"\nhorizon_day = 400\nthresholds = [5]\nunit = "g/L"\nseed = 1\n[population]\n'
    words += f'card = "{varied / "population.toml"}"\nn = 300\nweight_kg = {{ mean = 75, sd = 10 }}\n[[regimen]]\n'
    words += 'name = "40 g"\ndose_g = 40\ninterval_day = 28\nstart_day = 0\n'
    (tmp_path / "scenario.toml").write_text(words)
    done = CliRunner().invoke(app, ["scenario", str(tmp_path / "scenario.toml"), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    rows = pd.read_csv(tmp_path / "out" / "outcomes.csv").set_index("outcome")
    clearance = pd.read_csv(varied / "population.csv").set_index("parameter").loc["CL", "estimate"]
    assert rows.loc["auc_tau", "median"] == pytest.approx(40.0 / clearance, rel=0.15)
    assert json.loads((tmp_path / "out" / "run.json").read_text())["private_cards"] == {
        "population": "private, unchecked"
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--iov", "CL"], "--occasion: found ''; must be a number of days, dose, therapy or a column's name"),
        (["--occasion", "28"], "--occasion: found '28'; must be left out, or iov given"),
        (
            ["--iov", "CLL", "--occasion", "28"],
            "must be one of CL, k, V1, C_base, S (did you mean CL?)",
        ),
        (["--iov", "CL", "--iov", "CL", "--occasion", "28"], "--iov: found 'CL'; must name each value once"),
        (["--iov", "S", "--occasion", "28"], "--iov: found 'S'; must be one of this model's parameters: CL, V1"),
        (["--iov", "k", "--occasion", "28"], "--iov: found 'k'; must be one of this model's parameters: CL, V1"),
        (["--iov", "CL", "--occasion", "-3"], "must be a number of days above 0"),
        (["--iov", "CL", "--occasion", "nan"], "must be a number of days above 0"),
        (["--iov", "CL", "--occasion", "vist"], "a number of days, dose, therapy, visit (did you mean visit?)"),
        (["--iov", "CL", "--occasion", "1"], "must make at most 30 occasions"),
        (["--iov", "CL", "--occasion", "500"], "must make two occasions with samples"),
        (["--iov", "CL", "--occasion", "therapy"], "must make two occasions with samples"),
        (["--beside", "iov=CL"], "--occasion: found ''"),
        (["--structure", "one_compartment/steploss"], "did you mean one_compartment/step_loss?"),
        (["--structure", "two_compartment/constant"], "must be one_compartment for card"),
        (["--residual", "gamma"], "must be one of normal, lognormal, student_t"),
        (["--method", "foce"], "must be one of focei, exact"),
        (["--fix", "CL", "--estimate", "CL"], "must not be both estimated and fixed"),
        (["--no-random", "CL", "--no-random", "V1"], "leaves nothing that varies"),
        (["--fix", "S"], "--fix: found 'S'; must be one of this model's parameters: CL, V1"),
        (["--estimate", "k_loss"], "--estimate: found 'k_loss'; must be one of this model's parameters"),
        (["--no-random", "ka"], "--no-random: found 'ka'; must be one of this model's parameters"),
        (["--fix", "k"], "--fix: found 'k'; must be one of this model's parameters: CL, V1"),
        (["--covariate", "CL"], "must be PARAMETER:COVARIATE"),
        (["--covariate", "CL:arm:power"], "cannot be a power"),
        (
            ["--covariate", "CL:arm", "--covariate", "CL:arm"],
            "must name each value once",
        ),
        (["--covariate", "CL:weigt_kg"], "did you mean weight_kg?"),
        (["--test-covariate", "visit"], "--test-covariate"),
        (["--beside", "structure=nothing"], "must be one of"),
        (["--simulations", "5"], "must be 100 or more"),
        (["--level", "95"], "must be a fraction between 0 and 1"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(record: Path, tmp_path: Path, words: list[str], said: str) -> None:
    done = called(record, "--card", record / "card.toml", "--out", tmp_path / "out", *words)
    assert done.exit_code == 2, done.output
    assert said in " ".join(done.output.split())
    assert "Traceback" not in done.output
    assert not (tmp_path / "out").exists()


def test_an_effect_beside_the_cards_own_and_records_after_a_reset_are_told(tmp_path: Path) -> None:
    """A coefficient beyond the card's exponent is no exponent; NONMEM keeps one set of etas over EVID 3 and 4."""
    generator = np.random.default_rng(4)
    rows = []
    for k in range(1, 7):
        for start, evid in ((0.0, 1), (60.0, 4)):
            rows.append((k, start, 30.0, 0.0, evid, 50 + 8 * k))
            for after in (1.0, 10.0, 25.0):
                level = 6.0 * np.exp(-0.03 * after + 0.1 * generator.standard_normal())
                rows.append((k, start + after, 0.0, round(level, 3), 0, 50 + 8 * k))
    pd.DataFrame(rows, columns=["ID", "TIME", "AMT", "DV", "EVID", "WT"]).to_csv(tmp_path / "events.csv", index=False)
    (tmp_path / "cohort.toml").write_text(
        'format = "nonmem"\nigg_unit = "g/L"\namount_unit = "g"\ntime_unit = "day"\nunusual_levels = "as_given"\n'
        '[patients.columns]\nweight_kg = "WT"\n'
    )
    own = '[[covariate_effects]]\ncovariate = "weight_kg"\nparameters = ["CL"]\nreference = 70\nexponent = 0.75\n'
    (tmp_path / "card.toml").write_text(CARD + own)
    common = (tmp_path, "--card", tmp_path / "card.toml", "--simulations", 100)
    done = called(*common, "--covariate", "CL:weight_kg", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "12 records of 6 patients, 36 samples" in done.output
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "6 records of 12 follow a reset (EVID 3 or 4) and have random effects of their own" in page
    assert "CL:weight_kg comes on top of the card&#39;s own effect of weight_kg on CL" in page
    refused = called(*common, "--structure", "two_compartment/constant", "--out", tmp_path / "no")
    assert "--structure: found 'two_compartment'; must be one_compartment" in refused.output
