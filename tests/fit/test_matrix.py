"""Every choice of `fit` with every other, through the command, on records that are good, few and awkward.

What must hold of all: no traceback, nothing on stderr, no infinity in any file or chart, a status for every patient.
What each combination gives stands in the tables below: a change of status is a change of behaviour, and is to be meant.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from igkinetics.cards.load import list_cards
from igkinetics.charts.svg import Chart, Draw, Figure
from igkinetics.cli.main import app
from igkinetics.kinetics.parameters import STRUCTURES

ROOT = Path(__file__).resolve().parents[2]
FALLING = [(day, round(600 * np.exp(-day / 90) + 150 + 20 * np.sin(day))) for day in range(-3, 180, 20)]
"""Day and mg/dL: a well-sampled patient."""
THERAPY = [(0, 28), (42, 70)]
SAMPLES: dict[str, list[tuple[float, object]]] = {
    "one sample": [(10, 480)],
    "two samples": [(0, 600), (30, 450)],
    "all below": [(0, "<40"), (14, "<40"), (40, "<40")],
    "all above": [(0, ">3000"), (14, ">3000"), (40, ">3000")],
    "all equal": [(day, 500) for day in range(0, 120, 15)],
    "no therapy": FALLING,
    "never ends": [(day, level + 1) for day, level in FALLING],
    "ten doses": [(day, level + 2) for day, level in FALLING],
    "no doses": [(day, level + 3) for day, level in FALLING],
    "huge": [(day, 15.0 * level) for day, level in FALLING],
    "tiny": [(day, 1) for day, _ in FALLING],
    "one and a limit": [(0, 600), (30, "<40")],
    "before therapy": [(-30, 600), (-10, 590)],
    "no samples": [],
}
"""Patient -> day and IgG, mg/dL."""
DOSES = {
    "ten doses": [(30.0, 5.0 + i / 10) for i in range(10)],
    "never ends": [(30.0, 30.0), (58.0, 30.0)],
    "one sample": [(12.0, 30.0)],
}


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("awkward")
    rows = [(name, day, value) for name, samples in SAMPLES.items() for day, value in samples]
    pd.DataFrame(rows, columns=["patient_id", "day", "igg"]).to_csv(folder / "samples.csv", index=False)
    doses = [(name, day, grams) for name, given in DOSES.items() for day, grams in given]
    pd.DataFrame(doses, columns=["patient_id", "day", "amount_g"]).to_csv(folder / "doses.csv", index=False)
    therapy = [
        (name, start, stop)
        for name in SAMPLES
        if name not in ("no therapy", "never ends", "no samples")
        for start, stop in THERAPY
    ] + [("never ends", 0, None)]
    pd.DataFrame(therapy, columns=["patient_id", "start", "stop"]).astype(object).to_csv(
        folder / "therapy.csv", index=False
    )
    pd.DataFrame({"patient_id": list(SAMPLES), "weight_kg": 70}).to_csv(folder / "patients.csv", index=False)
    mapping = 'igg_unit = "mg/dL"\nunusual_levels = "as_given"\n'
    (folder / "cohort.toml").write_text(mapping, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three patients of the example: infused, never infused, and one whom nothing but the prior holds."""
    folder = tmp_path_factory.mktemp("example")
    for name in ("samples", "doses", "therapy", "patients", "outcomes"):
        table = pd.read_csv(ROOT / "data" / "blina23" / f"{name}.csv", dtype=str)
        kept = table[table["patient_id"].isin(["IVIG-01", "IVIG-03", "control-02"])]
        kept.to_csv(folder / f"{name}.csv", index=False)
    (folder / "cohort.toml").write_text('igg_unit = "mg/dL"\n', encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def _no_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts are written as JSON, where infinity has no place, and not drawn."""

    @contextmanager
    def converter(png: bool = False) -> Iterator[Draw]:
        def written(charts: Sequence[Chart], png: bool = False) -> list[Figure]:
            return [
                Figure(title=title, svg=f"<svg>{len(json.dumps(spec, allow_nan=False))}</svg>")
                for title, spec in charts
            ]

        yield written

    monkeypatch.setattr("igkinetics.charts.svg.converter_process", converter)


def statuses(cohort: Path, out: Path, *options: str, status: int = 0) -> dict[str, str]:
    """Patient -> status of a `fit` that must end quietly, with finite numbers in every file."""
    arguments = ["fit", str(cohort), "--out", str(out), "--draws", "100", *options]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        done = CliRunner().invoke(app, arguments)
    assert [str(each.message) for each in told] == []
    told_there = [line for line in done.stderr.splitlines() if "compiling its kernels" not in line]
    assert (done.exit_code, told_there) == (status, []), (done.stderr, done.exception)
    for path in sorted(out.iterdir()):
        if path.suffix in (".csv", ".parquet"):
            table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
            numbers = table.select_dtypes("number").drop(columns=["stop_day", "k_loss"], errors="ignore")
            assert not np.isinf(numbers.to_numpy(dtype=float)).any(), path.name
        elif path.suffix == ".html":
            assert not {"nan", "inf", "NaN", "Infinity"} & set(path.read_text(encoding="utf-8").split()), path.name
    found = pd.read_csv(out / "patients.csv", keep_default_na=False)
    assert (found["reason"].astype(bool) == (found["status"] != "fitted")).all()
    return dict(zip(found["patient_id"], found["status"], strict=True))


FITTED, PRIOR, FEW, NONE = "fitted", "prior_only", "too_few_samples", "no_samples"
ODD, BOUND, START, LOST = "unexplained_change", "at_bound", "start_contradicts", "not_converged"
AWKWARD = {
    "": (PRIOR, FITTED, PRIOR, PRIOR, FITTED, FITTED, FITTED, ODD, FITTED, ODD, FITTED, FITTED, FITTED, NONE),
    "--residual student_t": (
        PRIOR,
        FITTED,
        PRIOR,
        PRIOR,
        FITTED,
        ODD,
        FITTED,
        ODD,
        FITTED,
        ODD,
        ODD,
        ODD,
        FITTED,
        NONE,
    ),
    "--residual lognormal --threshold 400": (
        PRIOR,
        FITTED,
        PRIOR,
        PRIOR,
        FITTED,
        ODD,
        FITTED,
        ODD,
        FITTED,
        ODD,
        ODD,
        FITTED,
        FITTED,
        NONE,
    ),
    "--prior none": (FEW, FEW, FEW, FEW, BOUND, FITTED, BOUND, LOST, BOUND, BOUND, BOUND, FEW, BOUND, NONE),
    "--card tortorici_2019": (
        PRIOR,
        FITTED,
        START,
        START,
        FITTED,
        FITTED,
        START,
        START,
        START,
        START,
        START,
        FITTED,
        FITTED,
        NONE,
    ),
    "--window -500:500 --structure one_compartment/step_loss": (
        PRIOR,
        FITTED,
        PRIOR,
        PRIOR,
        FITTED,
        FITTED,
        FITTED,
        ODD,
        FITTED,
        FITTED,
        FITTED,
        FITTED,
        FITTED,
        NONE,
    ),
    "--prior none --structure one_compartment/constant --residual student_t --profile": (
        FEW,
        BOUND,
        FEW,
        FEW,
        BOUND,
        FITTED,
        ODD,
        ODD,
        FITTED,
        ODD,
        BOUND,
        ODD,
        BOUND,
        NONE,
    ),
}
"""Options -> status of each patient of SAMPLES, in that order."""
EXAMPLE = {
    "--prior none": (BOUND, FITTED, BOUND),
    "--prior none --residual student_t --profile": (BOUND, FITTED, BOUND),
    "--prior none --residual lognormal --structure two_compartment/gradual_loss": (BOUND, FITTED, FITTED),
    "--prior none --structure one_compartment/constant --profile": (FITTED, FITTED, ODD),
    "--prior none --structure two_compartment/step_loss --card li_2022": ("set_aside",) * 3,
    "--profile": (FITTED, FITTED, FITTED),
    "--profile --residual lognormal --structure one_compartment/loss_and_recovery": (FITTED, FITTED, FITTED),
    "--residual student_t --structure two_compartment/step_loss --profile": (FITTED, FITTED, FITTED),
    "--card tortorici_2019 --profile": (FITTED, START, START),
    "--structure two_compartment/constant --residual student_t": (FITTED, FITTED, ODD),
}
"""Options -> status of an infused patient, of one whom only the prior holds, and of one never infused."""
REFUSED = {
    "--card dumas_2019 --structure one_compartment/constant": "must have use = full: this card has typical values only",
    "--card zhang_2020 --structure one_compartment/step_loss": "must be two_compartment for zhang_2020",
}
"""Options -> what the one line on stderr says."""


def exit_status(found: Sequence[str]) -> int:
    return 0 if {FITTED, BOUND} & set(found) else 3


@pytest.mark.parametrize("options", AWKWARD)
def test_awkward_records(options: str, awkward: Path, tmp_path: Path) -> None:
    expected = AWKWARD[options]
    found = statuses(awkward, tmp_path / "out", *options.split(), status=exit_status(expected))
    assert found == dict(zip(SAMPLES, expected, strict=True))


@pytest.mark.parametrize("options", EXAMPLE)
def test_the_example(options: str, example: Path, tmp_path: Path) -> None:
    expected = EXAMPLE[options]
    found = statuses(example, tmp_path / "out", *options.split(), status=exit_status(expected))
    assert tuple(found.values()) == expected


@pytest.mark.parametrize("options", REFUSED)
def test_what_cannot_be_done_is_refused_in_one_line(options: str, example: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["fit", str(example), "--out", str(tmp_path / "out"), *options.split()])
    assert done.exit_code == 2
    assert REFUSED[options] in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert not (tmp_path / "out").exists()


def test_every_structure_has_its_place_in_the_tables() -> None:
    every = [options for options in (*AWKWARD, *EXAMPLE) if "--structure" in options]
    asked = {options.split("--structure ")[1].split()[0] for options in every}
    assert asked | {"two_compartment/loss_and_recovery", "one_compartment/gradual_loss"} == set(STRUCTURES)


@pytest.mark.parametrize("verb", ["fit", "compare"])
@pytest.mark.parametrize("card", list_cards())
def test_every_card_for_two_patients(card: str, verb: str, tmp_path: Path) -> None:
    """Numbers, a status, or one refusal that names the card: never a defect of ours."""
    for name in ("samples", "doses", "therapy", "patients"):
        table = pd.read_csv(ROOT / "data" / "blina23" / f"{name}.csv", dtype=str)
        table[table["patient_id"].isin(["IVIG-01", "control-02"])].to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "cohort.toml").write_text('igg_unit = "mg/dL"\n', encoding="utf-8")
    draws = ["--draws", "100"] if verb == "fit" else []
    done = CliRunner().invoke(app, [verb, str(tmp_path), "--out", str(tmp_path / "out"), "--card", card, *draws])
    assert done.exit_code in (0, 2, 3), done.exception
    assert "Traceback" not in done.stderr
    if done.exit_code == 2:
        assert card in done.stderr
    else:
        assert (tmp_path / "out" / "report.html").is_file()
