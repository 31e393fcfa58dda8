"""`effect` as a user calls it; the sampler stands aside but for one slow test that samples in earnest."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made_posteriors import EXAMPLE, example_posterior, good_sampling
from typer.testing import CliRunner, Result

import igkinetics as igk
from igkinetics.cli.main import app
from igkinetics.effect import run as effect_run
from igkinetics.effect.output import EFFECT_OUTPUT
from igkinetics.effect.result import Sampling
from igkinetics.effect.sampling import PRIOR_WORDS


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["effect", *(str(argument) for argument in arguments)])


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sampling], None]:
    """Sampling replaced by the draws of single-patient fits, or by others."""

    def use(sampling: Sampling) -> None:
        monkeypatch.setattr(effect_run, "sample", lambda *_: sampling)

    use(good_sampling(example_posterior()))
    return use


def test_tables_report_and_five_sentences(sampled: Any, tmp_path: Path) -> None:
    out = tmp_path / "effect"
    choices = ("--threshold", 400, "--minimum-effect", 50, "--rope=-20:20", "--covariate", "weight_kg")
    done = call(EXAMPLE, "--out", out, *choices)
    assert done.exit_code == 0, done.output
    lines = done.stdout.strip().splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("Given mass balance and this model, IVIG raised the nadir of treated patients by ")
    assert lines[-1] == f"Report: {out / 'report.html'}."
    written = {path.name for path in out.iterdir()}
    assert written <= EFFECT_OUTPUT.names
    assert {"effect.csv", "patient_effects.csv", "diagnostics.csv", "report.html", "run.json"} <= written
    summary = pd.read_csv(out / "effect.csv")
    assert list(summary.columns) == [
        "estimand",
        "group",
        "threshold",
        "median",
        "lower",
        "upper",
        "level",
        "p_positive",
        "p_above_minimum",
        "rope_verdict",
        "unit",
        "status",
        "reason",
    ]
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record["command"] == "effect"
    assert record["options"]["rope"] == [-20.0, 20.0]
    assert str(EXAMPLE) not in (out / "run.json").read_text(encoding="utf-8")


def test_an_existing_folder_is_refused_before_anything_is_sampled(sampled: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept", encoding="utf-8")
    done = call(EXAMPLE, "--out", tmp_path)
    assert done.exit_code == 2
    assert "exists already" in done.stderr


@pytest.mark.parametrize(
    "arguments, named",
    [
        (("--rope", "5"), "--rope"),
        (("--rope", "20:-20"), "rope"),
        (("--sampler", "gibbs"), "sampler"),
        (("--control-regimen", "nowhere.toml"), "nowhere.toml"),
        (("--card", "nobody_2001"), "nobody_2001"),
        (("--draws", "5", "--chains", "0"), "chains"),
    ],
)
def test_what_cannot_be_carried_out_ends_with_status_2(
    sampled: Any, tmp_path: Path, arguments: tuple[str, ...], named: str
) -> None:
    done = call(EXAMPLE, "--out", tmp_path / "x", *arguments)
    assert done.exit_code == 2
    assert named in done.stderr
    assert not (tmp_path / "x").exists()


def test_a_poor_verdict_is_said_first_and_is_no_error(sampled: Any, tmp_path: Path) -> None:
    sampled(good_sampling(example_posterior(), passed=False, verdict="3 of 400 draws diverged"))
    done = call(EXAMPLE, "--out", tmp_path / "x")
    assert done.exit_code == 0
    assert done.stdout.startswith("Sampling FAILED its checks; do not rely on these numbers: 3 of 400 draws diverged.")


def test_what_was_drawn_until_an_interruption_is_written(sampled: Any, tmp_path: Path) -> None:
    from dataclasses import replace

    sampled(good_sampling(replace(example_posterior(), interrupted=True)))
    done = call(EXAMPLE, "--out", tmp_path / "x")
    assert done.exit_code == 130
    assert "Interrupted" in done.stdout
    assert json.loads((tmp_path / "x" / "run.json").read_text(encoding="utf-8"))["interrupted"] is True


def test_the_card_alone_needs_no_sampler(tmp_path: Path) -> None:
    done = call(EXAMPLE, "--out", tmp_path / "x", "--prior-only", "--draws", 100, "--chains", 2)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Before any measurement, the card says that IVIG raises the nadir of the infused by ")
    assert PRIOR_WORDS in (tmp_path / "x" / "diagnostics.csv").read_text(encoding="utf-8")


def test_priors_of_what_patients_share_can_be_printed_before_any_measurement(tmp_path: Path) -> None:
    out = tmp_path / "x"
    done = call(EXAMPLE, "--out", out, "--prior-only", "--draws", 200, "--lkj", 2, "--residual", "student_t")
    assert done.exit_code == 0, done.output
    shared = pd.read_csv(out / "population.csv").set_index("parameter")
    assert (shared["contraction"] == 0.0).all()
    assert shared["prior_source"].str.len().min() > 0
    assert shared.loc["correlation_CL_V1", "prior_source"] == "LKJ(2), as asked for"
    assert -0.75 < shared.loc["correlation_CL_V1", "lower"] < -0.4  # of Beta(4.5, 4.5) on -1 to 1: -0.60
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "heavy tails" in report
    assert "correlated with an LKJ(2) prior" in report


def test_the_card_alone_never_imports_a_sampler(tmp_path: Path) -> None:
    code = (
        "import sys; from igkinetics.cli.main import app\n"
        f"try: app({['effect', str(EXAMPLE), '--out', str(tmp_path / 'x'), '--prior-only', '--draws', '100']!r})\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "assert not {'pymc', 'pytensor', 'nutpie'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_same_posterior_gives_the_same_bytes(sampled: Any, tmp_path: Path) -> None:
    for name in ("one", "two"):
        call(EXAMPLE, "--out", tmp_path / name, "--threshold", 400)
    for name in ("effect.csv", "patient_effects.csv", "curves.parquet", "prior_posterior.csv", "predictive.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_misspelt_choice_is_answered_with_the_nearest() -> None:
    with pytest.raises(igk.InputError, match="did you mean thresholds"):
        igk.fit_effect(igk.read_cohort(EXAMPLE), igk.EffectOptions(), threshold=[400])


def test_a_cohort_that_no_model_can_be_made_of_ends_with_status_3_and_its_reasons(tmp_path: Path) -> None:
    for name, text in (
        ("patients", "patient_id,weight_kg\nA,70\nB,80\n"),
        ("samples", "patient_id,day,igg\nA,0,900\nA,30,700\n"),
    ):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    done = call(tmp_path, "--out", tmp_path / "x", "--igg-unit", "mg/dL")
    assert done.exit_code == 3
    assert "at least 2 patients with samples" in done.stderr
    assert "B: no IgG sample" in done.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_sampling_in_earnest_recovers_the_example(tmp_path: Path) -> None:
    done = call(EXAMPLE, "--out", tmp_path / "x", "--threshold", 400)
    assert done.exit_code == 0, done.output
    summary = pd.read_csv(tmp_path / "x" / "effect.csv").set_index("estimand")
    truth = pd.read_csv(EXAMPLE / "truth" / "nadir.csv").set_index("patient_id")
    change = (truth["nadir"] - truth["nadir_without_ivig"])[lambda values: values != 0].mean()
    assert summary.loc["nadir_change_att", "lower"] < change < summary.loc["nadir_change_att", "upper"]
    for name in ("clearance_ratio_under_ivig", "production_ratio_under_ivig"):
        assert summary.loc[name, "lower"] < 1.0 < summary.loc[name, "upper"]


@pytest.mark.slow
def test_a_saved_posterior_is_reported_again_without_sampling(tmp_path: Path) -> None:
    few = ("--base-only", "--draws", 200, "--tune", 200, "--chains", 2, "--threshold", 400)
    assert call(EXAMPLE, "--out", tmp_path / "one", *few).exit_code == 0
    saved = tmp_path / "one" / "posterior.nc"
    done = call(EXAMPLE, "--out", tmp_path / "two", "--base-only", "--threshold", 400, "--posterior", saved)
    assert done.exit_code == 0, done.output
    assert "Sampling" not in done.stderr
    for name in ("effect.csv", "patient_effects.csv", "diagnostics.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    other = call(EXAMPLE, "--out", tmp_path / "three", "--posterior", saved, "--covariate", "weight_kg")
    assert other.exit_code == 2
    assert "posterior.nc" in other.stderr
