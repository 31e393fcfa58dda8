"""Without a prior: numbers where the data hold them, bounds and what cannot be told apart named; parameters fixed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from typer.testing import CliRunner

from igkinetics.charts.svg import Chart, Draw, Figure
from igkinetics.cli.main import app
from igkinetics.cohort.model import Patient
from igkinetics.errors import InputError
from igkinetics.fit.allowed_structures import seen_as
from igkinetics.fit.bounds import guide, identified
from igkinetics.fit.cohort import fit_cohort
from igkinetics.fit.minimise import first_guesses
from igkinetics.fit.patient import fit_patient
from igkinetics.fit.problem import FitProblem, build_problem
from igkinetics.fit.result import PatientFit
from igkinetics.kinetics.extremes import lowest
from igkinetics.kinetics.parameters import INDEX
from made_records import SETTINGS as WITH_PRIOR
from made_records import Drawn, cohort_of, drawn, measured, planned, prior_of, record, schedule_of, true_levels

SETTINGS = replace(WITH_PRIOR, use_prior=False, draws=300)
CALENDAR = tuple((float(day), 30.0) for day in range(14, 190, 28))


@pytest.fixture(autouse=True)
def _no_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def converter(png: bool = False) -> Iterator[Draw]:
        def written(charts: Sequence[Chart], png: bool = False) -> list[Figure]:
            return [Figure(title=title, svg="<svg></svg>") for title, _ in charts]

        yield written

    monkeypatch.setattr("igkinetics.charts.svg.converter_process", converter)


def made(seed: int, doses: Sequence[tuple[float, float]] = (), *, n: int = 10, patient_id: str = "P01") -> Drawn:
    generator = np.random.default_rng(seed)
    days = np.sort(np.append(-3.0, generator.uniform(0.0, 200.0, n - 1)))
    return drawn(planned(days, doses=doses, patient_id=patient_id), generator)


PEOPLE = tuple(
    made(seed, doses, n=n, patient_id=f"P{seed}")
    for seed, doses, n in ((1, (), 6), (2, CALENDAR, 9), (3, ((60.0, 30.0), (95.0, 30.0)), 13))
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    people = [one.patient for one in PEOPLE]
    tables = {
        "samples": [
            (p.patient_id, d, 100 * y) for p in people for d, y in zip(p.sample_day, p.sample_igg, strict=True)
        ],
        "doses": [(p.patient_id, d, g) for p in people for d, g in zip(p.dose_day, p.dose_g, strict=True)],
        "therapy": [(p.patient_id, a, b) for p in people for a, b in zip(p.therapy_start, p.therapy_stop, strict=True)],
        "patients": [(p.patient_id, 70) for p in people],
    }
    columns = {"samples": "day igg", "doses": "day amount_g", "therapy": "start stop", "patients": "weight_kg"}
    for name, rows in tables.items():
        pd.DataFrame(rows, columns=["patient_id", *columns[name].split()]).to_csv(folder / f"{name}.csv", index=False)
    (folder / "cohort.toml").write_text('igg_unit = "mg/dL"\nunusual_levels = "as_given"\n', encoding="utf-8")
    return folder


def command(folder: Path, out: Path, *options: str) -> Any:
    return CliRunner().invoke(app, ["fit", str(folder), "--out", str(out), "--draws", "200", *options])


def test_without_a_prior_every_patient_of_six_samples_or_more_has_numbers(folder: Path, tmp_path: Path) -> None:
    done = command(folder, tmp_path / "out", "--prior", "none")
    assert done.exit_code == 0, done.stderr
    assert "3 fitted" in done.stdout
    nadir = pd.read_csv(tmp_path / "out" / "nadir.csv").set_index("patient_id")
    assert set(nadir["status"]) <= {"fitted", "at_bound"}
    for one in PEOPLE:
        row = nadir.loc[one.patient.patient_id]
        true = 100.0 * lowest(one.theta, schedule_of(one.patient), row["window_start"], row["window_end"]).total
        assert row["fitted_nadir_lower"] < true < row["fitted_nadir_upper"]
    parameters = pd.read_csv(tmp_path / "out" / "parameters.csv")
    for one in PEOPLE:
        rows = parameters[parameters["patient_id"] == one.patient.patient_id].set_index("parameter")
        base = rows.loc["C_base"]
        assert base["lower"] < 100.0 * one.theta[INDEX["C_base"]] < base["upper"]
        assert {"CL", "V1", "S", "k_loss", "k_rec", "C_init"} <= set(rows.index)


def fitted(patient: Patient, **changes: Any) -> PatientFit:
    return fit_patient(patient, prior_of, replace(SETTINGS, **changes))


WITH_THERAPY = made(1).theta.copy()
WITH_THERAPY[[INDEX["CL"], INDEX["V1"], INDEX["C_base"], INDEX["C_init"]]] = 0.2, 3.2, 6.0, 6.0
WITH_THERAPY[[INDEX["k_loss"], INDEX["k_rec"], INDEX["S"]]] = 0.1, 0.01, 1.0


def test_a_share_at_its_bound_is_said_with_the_others_and_an_interval_with_one_end() -> None:
    """All production depends on B cells: the likelihood is highest at S = 1."""
    plan = record(samples=[(day, 1.0) for day in np.linspace(-4.0, 160.0, 14)], therapy=[(0.0, np.inf)])
    levels = measured(true_levels(plan, WITH_THERAPY), np.random.default_rng(6))
    patient = replace(plan, sample_igg=levels, therapy_stop=np.array([170.0]))
    fits = fit_cohort(cohort_of([patient]), prior="none", draws=300)
    row = fits.patients.iloc[0]
    assert (row["status"], row["reason"]) == ("at_bound", "S at its bound 1")
    rows = fits.parameters.set_index("parameter")
    assert rows.loc["S", "value"] == 1.0
    assert 0.6 < rows.loc["S", "lower"] < 1.0
    assert rows.loc["S", "upper"] == 1.0
    assert rows.loc["C_base", "lower"] < 600.0 < rows.loc["C_base", "upper"]
    assert fits.nadir["fitted_nadir"].notna().all()


def test_the_bound_is_where_another_optimiser_ends() -> None:
    """scipy on the natural scale, with bounds, against the problem that is reduced at its bound."""
    for seed in (2, 7):
        patient = made(seed, CALENDAR, n=12).patient
        problem = build_problem(patient, guide(patient, prior_of(patient), start_apart=False), "loss_and_recovery",
                                use_prior=False)  # fmt: skip
        found = identified(problem, first_guesses(problem))
        bounded = [(mu - 9.0, mu + 9.0) for mu in problem.mu]
        other = min(
            minimize(problem.value_and_gradient, start, jac=True, method="L-BFGS-B", bounds=bounded).fun
            for start in first_guesses(problem)
        )
        assert found.optimum.objective < other + 0.05


def test_what_no_sample_can_show_is_held_and_said() -> None:
    fit = fitted(record(samples=[(day, 6.0 * np.exp(-day / 90) + 0.1 * (-1) ** int(day)) for day in range(0, 90, 9)],
                        therapy=[(0.0, np.inf)]))  # fmt: skip
    assert {"V1", "k_rec"} <= set(fit.prior.held)
    assert any(note.startswith("V1: no infusion before the last sample") for note in fit.notes)
    assert any(note.startswith("k_rec: therapy does not pause") for note in fit.notes)
    assert "V1" not in fit.fitted()[0].names


def test_samples_before_therapy_tell_the_start_from_the_baseline() -> None:
    theta = WITH_THERAPY.copy()
    theta[[INDEX["C_init"], INDEX["S"]]] = 14.0, 0.5
    plan = record(samples=[(day, 1.0) for day in np.linspace(-90.0, 160.0, 20)], therapy=[(0.0, 40.0)])
    patient = replace(plan, sample_igg=measured(true_levels(plan, theta), np.random.default_rng(5), a=0.1, b=0.03))
    fit = fitted(patient)
    assert "samples before therapy tell C_init from C_base: both are estimated" in fit.notes
    problem, optimum, _ = fit.fitted()
    assert problem.theta(optimum.x)[INDEX["C_init"]] == pytest.approx(14.0, rel=0.15)
    assert not np.isfinite(problem.sd[problem.names.index("C_init")])


def test_parameters_are_fixed_by_the_command(folder: Path, tmp_path: Path) -> None:
    fixed = {"S": 0.55, "V1": 3.2, "C_init": 620.0}
    options = [part for name, value in fixed.items() for part in ("--fix", f"{name}={value}")]
    done = command(folder, tmp_path / "out", "--prior", "none", "--structure", "two_compartment/gradual_loss", *options)
    assert done.exit_code in (0, 3), done.stderr
    assert json.loads((tmp_path / "out" / "run.json").read_text())["options"]["fix"] == fixed
    done = command(folder, tmp_path / "card", *options)
    assert done.exit_code == 0, done.stderr
    rows = pd.read_csv(tmp_path / "card" / "parameters.csv")
    for name, value in fixed.items():
        of_name = rows[rows["parameter"] == name]
        assert (of_name["kind"] == "fixed").all()
        assert np.allclose(of_name["value"], value)
        assert (of_name["note"] == "fixed by the call").all()
    assert "fixed by the call in every patient" in (tmp_path / "card" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--fix", "Vl=3"], "did you mean V1?"),
        (["--fix", "s=1"], "did you mean S?"),
        (["--fix", "V1"], "must be NAME=VALUE"),
        (["--fix", "V1=3", "--fix", "V1=4"], "V1 is fixed twice"),
        (["--fix", "S=1.2"], "must be from 0 to 1"),
        (["--fix", "CL=-1"], "must be above 0"),
        (["--fix", "C_init=600", "--fix", "C_init_ratio=1"], "one of the two"),
        (["--structure", "one_compartment/step_loss", "--fix", "k_rec=0.1"], "one_compartment/step_loss has no k_rec"),
    ],
)
def test_what_cannot_be_fixed_is_refused(options: list[str], said: str, folder: Path, tmp_path: Path) -> None:
    done = command(folder, tmp_path / "out", *options)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_fixed_level_out_of_proportion_is_asked_about() -> None:
    cohort = cohort_of([PEOPLE[0].patient])
    with pytest.raises(InputError, match="fix C_base: found '6'; levels are in the cohort's unit, mg/dL"):
        fit_cohort(cohort, fix={"C_base": 6.0})


@pytest.mark.parametrize(("name", "value"), [("CL", 155.0), ("V1", 3200.0), ("V2", 0.05), ("Q", 700.0)])
def test_a_clearance_or_volume_in_another_unit_is_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=f"fix {name}: found '{value:g}'; is in L.*, and adult_b_cell_depletion has"):
        fit_cohort(cohort_of([PEOPLE[0].patient]), fix={name: value})


def problem_with(values: dict[str, float], production: str = "loss_and_recovery") -> tuple[Patient, FitProblem]:
    patient = made(3, CALENDAR).patient
    return patient, build_problem(patient, prior_of(patient).held_at(values, "fixed by the call"), production)


@pytest.mark.parametrize("values", [{"C_init": 9.0}, {"C_init": 9.0, "S": 1.0}, {"k_loss": np.inf}, {"k_rec": 0.0}])
def test_the_gradient_holds_beside_what_is_fixed(values: dict[str, float]) -> None:
    """A fixed level at the start does not move with C_base, unlike the ratio."""
    _, problem = problem_with(values)
    x = problem.mu + 0.1
    _, gradient = problem.value_and_gradient(x)
    for i in range(x.size):
        step = np.zeros(x.size)
        step[i] = 1e-5
        slope = (problem.values((x + step)[None])[0] - problem.values((x - step)[None])[0]) / 2e-5
        assert gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-6)
    for name, value in values.items():
        assert problem.theta(x)[INDEX[name]] == value


def test_structures_that_a_fixed_value_makes_equal_count_once_and_those_it_contradicts_not_at_all() -> None:
    patient = made(3, CALENDAR).patient
    prior = prior_of(patient).held_at({"k_rec": 0.0}, "fixed by the call")
    assert seen_as(patient, "two_compartment/loss_and_recovery", 150.0, prior) == "two_compartment/gradual_loss"
    rows = fit_cohort(cohort_of([patient]), draws=200, fix={"k_rec": 0.01}).structures.set_index("model")
    for name in ("two_compartment/gradual_loss", "one_compartment/step_loss"):
        assert "contradicts k_rec = 0.01" in rows.loc[name, "note"]
        assert rows.loc[name, "weight"] == 0.0


def test_nothing_is_left_to_estimate() -> None:
    patient = replace(made(1).patient, therapy_start=np.empty(0), therapy_stop=np.empty(0), agents=(), agent_start=np.empty(0))  # fmt: skip # noqa: E501
    values = {"CL": 0.2, "V1": 3.0, "C_base": 600.0, "C_init": 600.0}
    row = fit_cohort(cohort_of([patient]), draws=200, fix=values).patients.iloc[0]
    assert (row["status"], row["reason"]) == ("set_aside", "every parameter is fixed: nothing to estimate")
