"""`effect` under every sampler, with structures, cards and errors that differ, as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from igkinetics.cli.main import app
from igkinetics.hierarchical.importance import MOST_PARETO_K


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five patients, three of them infused once or twice."""
    folder = tmp_path_factory.mktemp("record")
    generator = np.random.default_rng(8)
    days = np.array([0, 20, 40, 60, 90, 120])
    samples, doses = [], []
    for k in range(5):
        levels = 620.0 * np.exp(0.2 * generator.standard_normal()) * (0.55 + 0.45 * np.exp(-0.04 * days))
        given = [[], [25], [25, 60]][k % 3]
        for day in given:
            levels = levels + np.where(days > day, 230.0 * np.exp(-0.03 * (days - day)), 0.0)
            doses.append((f"P{k}", day, 28.0))
        samples += [(f"P{k}", day, round(one * np.exp(0.08 * generator.standard_normal())))
                    for day, one in zip(days, levels, strict=True)]  # fmt: skip
    pd.DataFrame(samples, columns=["patient_id", "day", "igg"]).to_csv(folder / "samples.csv", index=False)
    pd.DataFrame(doses, columns=["patient_id", "day", "amount_g"]).to_csv(folder / "doses.csv", index=False)
    pd.DataFrame({"patient_id": [f"P{k}" for k in range(5)], "start": 0, "stop": 60, "agent": "blinatumomab"}).to_csv(
        folder / "therapy.csv", index=False
    )
    pd.DataFrame({"patient_id": [f"P{k}" for k in range(5)], "weight_kg": [60, 72, 80, 68, 75]}).to_csv(
        folder / "patients.csv", index=False
    )
    return folder


@pytest.mark.parametrize(
    ("choices", "card"),
    [
        pytest.param(["--draws", "250"], "adult_b_cell_depletion", id="default"),
        pytest.param(
            ["--sampler", "laplace", "--residual", "student_t", "--covariate", "weight_kg"],
            "adult_b_cell_depletion",
            id="student",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ["--sampler", "laplace", "--lkj", "2"], "adult_b_cell_depletion", id="correlated", marks=pytest.mark.slow
        ),
        pytest.param(["--sampler", "laplace"], "tortorici_2019", id="other-card", marks=pytest.mark.slow),
        pytest.param(
            ["--sampler", "nuts", "--tune", "150"], "adult_b_cell_depletion", id="nuts", marks=pytest.mark.slow
        ),
        pytest.param(["--sampler", "nutpie", "--tune", "150"], "tortorici_2019", id="nutpie", marks=pytest.mark.slow),
    ],
)
def test_a_sampler_with_a_structure_and_a_card(record: Path, tmp_path: Path, choices: list[str], card: str) -> None:
    out = tmp_path / "out"
    call = ["effect", str(record), "--igg-unit", "mg/dL", "--out", str(out), "--card", card, "--base-only",
            "--chains", "2", "--threshold", "400", *([] if "--draws" in choices else ["--draws", "100"])]  # fmt: skip
    done = CliRunner().invoke(app, [*call, *choices])
    assert done.exit_code == 0, done.output
    told = json.loads((out / "run.json").read_text(encoding="utf-8"))
    asked = choices[choices.index("--sampler") + 1] if "--sampler" in choices else "laplace"
    assert told["options"]["sampler"] == asked
    (base,) = pd.read_csv(out / "extensions.csv").query("model == 'base'").to_dict("records")
    values = pd.read_csv(out / "diagnostics.csv").set_index("parameter")["value"]
    if base["sampler"] == "laplace":
        assert asked == "laplace"
        assert float(values["pareto_k"]) <= MOST_PARETO_K
    else:
        assert base["sampler"].startswith("nuts")
        assert int(values["divergences"]) >= 0
    effect = pd.read_csv(out / "effect.csv").set_index("estimand")
    assert effect.loc["nadir_change_att", "lower"] > 0
