"""Cohorts fitted in chunks by compiled code: the posterior, statuses and words of the search for one patient."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from test_engines import fitted

import igkinetics as igk
from igkinetics.cards.load import list_cards, load_card
from igkinetics.cards.prior import patient_prior, reweighed
from igkinetics.cohort.model import Cohort
from igkinetics.errors import InputError
from igkinetics.fit import common_steps, courses, nadirs, unexplained
from igkinetics.fit import laplace as one_patient
from igkinetics.fit import structures as fit_structures
from igkinetics.fit.batch import checks, levels, numbers, points, weighing
from igkinetics.fit.batch.inputs import N_POINTS, even_table
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.laplace import METHOD
from igkinetics.fit.options import FitOptions
from igkinetics.fit.posterior import weighted_quantiles
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.gradient import fill_curve_with_gradient
from igkinetics.kinetics.parameters import INDEX, parameter_vector
from igkinetics.kinetics.schedule import build_schedule
from igkinetics.kinetics.together import fill_together

DESIGN = """
seed = 7
population = {{ card = "adult_b_cell_depletion", weight_kg = {{ mean = 75, sd = 15 }} }}
therapy = {{ cycles = 3, on_day = 28, off_day = 14, agent = "blinatumomab" }}
visits = {{ every_day = 21, jitter_day = 4, missed = 0.2, until_day = 180 }}
assay = {{ cv_percent = 9, lower_limit_mg_dl = 150 }}
[[group]]
name = "rule"
n = {n}
regimen = {{ rule = {{ below_mg_dl = 400, check_every_day = 14, minimum_gap_day = 21, dose_g_per_kg = 0.4 }} }}
[[group]]
name = "none"
n = {n}
regimen = {{}}
"""
ENDS = ("fitted_nadir_lower", "fitted_nadir", "fitted_nadir_upper")
CHOICES = {"engine": "batch", "intervals": "laplace", "thresholds": [300], "jobs": 1}


@cache
def simulated(n: int) -> Cohort:
    made = igk.simulate_cohort(DESIGN.format(n=n // 2))
    tables = {name: getattr(made, name) for name in ("samples", "doses", "therapy", "patients")}
    return igk.read_cohort(**tables, mapping={"igg_unit": "mg/dL", "time_origin": "as_given", "lower_limit": 150})


@cache
def awkward() -> Cohort:
    """Records of which the compiled path does not know what to say, and some of which it does."""
    days = [0, 20, 41, 62, 85, 110, 140]
    records: dict[str, list[object]] = {
        "falls": [620, 480, 390, 340, 330, 360, 410],
        "jumps": [620, 480, 390, 1900, 330, 360, 410],
        "limits": [620, 300, "<200", "<200", "<200", 210, 260],
        "one": [500],
        "above": [">3000"] * 3,
        "untreated": [700, 690, 720],
        "dies": [620, 480, 390, 340, 330],
        "under_the_skin": [620, 480, 500, 520, 540, 560, 600],
        "far_off": [2900, 2500, 2300, 2200, 2150, 2200, 2300],
    }
    samples = [(name, day, igg) for name, levels in records.items() for day, igg in zip(days, levels, strict=False)]
    therapy = [(name, 0, 80, "blinatumomab") for name in records if name != "untreated"]
    doses = [("limits", 75, 25.0, "iv"), *(("under_the_skin", day, 8.0, "sc") for day in range(21, 120, 7))]
    return igk.read_cohort(
        samples=pd.DataFrame(samples, columns=["patient_id", "day", "igg"]),
        therapy=pd.DataFrame(therapy, columns=["patient_id", "start", "stop", "agent"]),
        doses=pd.DataFrame(doses, columns=["patient_id", "day", "amount_g", "route"]),
        outcomes=pd.DataFrame([("dies", 100, "death")], columns=["patient_id", "day", "outcome"]),
        igg_unit="mg/dL",
        mapping={"unusual_levels": "as_given"},
    )


def one_by_one(cohort: Cohort, monkeypatch: pytest.MonkeyPatch, **choices: object) -> CohortFit:
    with monkeypatch.context() as patch:
        patch.setattr(FitOptions, "in_chunks", lambda *_: False)
        return igk.fit_cohort(cohort, **CHOICES | choices)


def same_columns(one: pd.DataFrame, other: pd.DataFrame, exact: list[str], close: dict[str, float]) -> None:
    pd.testing.assert_frame_equal(one[exact], other[exact])
    for name, within in close.items():
        np.testing.assert_allclose(
            one[name].astype(float), other[name].astype(float), rtol=within, atol=within, err_msg=name
        )


def held_together(batch: CohortFit, single: CohortFit) -> None:
    """Everything but what rests on points agrees to many digits; that within the noise of points."""
    said = ["patient_id", "group", "status", "reason", "model", "rows_used", "rows_set_aside"]
    same_columns(batch.patients, single.patients, said, {"objective": 1e-8})
    raw = ["patient_id", "status", "reason", "n_samples", "window_end", "raw_nadir", "step_day"]
    same_columns(batch.nadir, single.nadir, raw, {"curve_nadir": 1e-5, "curve_nadir_day": 2e-3})
    agreed = batch.patients["n_starts_agreeing"].fillna(0) == single.patients["n_starts_agreeing"].fillna(0)
    assert agreed.mean() >= 0.98
    assert (batch.nadir["nadir_position"] == single.nadir["nadir_position"]).mean() >= 0.97  # of the points' median day
    notes = ["patient_id", "model", "drift_sd", "note", "unit"]
    close = {"objective": 1e-8, "prior_weight": 1e-12, "fitted_nadir": 1e-4}
    same_columns(batch.structures, single.structures, notes, close)
    assert (batch.structures["weight"] - single.structures["weight"]).abs().mean() < 0.02
    names = ["patient_id", "parameter", "kind", "unit", "scale"]
    same_columns(batch.parameters, single.parameters, names, {"value": 1e-4, "stderr": 1e-3})
    same_columns(batch.predictions, single.predictions, ["patient_id", "day", "limit"], {"ipred": 1e-5, "iwres": 1e-4})
    same_columns(batch.curves, single.curves, ["patient_id", "day"], {"total": 1e-4, "infused": 1e-4})
    same_columns(batch.diagnostics, single.diagnostics, ["patient_id", "n_measured", "n_optima", "best_model"], {})
    same_columns(batch.conflict, single.conflict, ["parameter", "n"], {"mean_eta": 1e-4})
    several = [each.conflict[each.conflict["n"] >= 5] for each in (batch, single)]
    same_columns(*several, ["parameter"], {"expected_se": 0.1})  # of the points' SD there, of the approximation's here
    pd.testing.assert_frame_equal(batch.groups, single.groups)
    assert batch.notes == single.notes
    width = (single.nadir["fitted_nadir_upper"] - single.nadir["fitted_nadir_lower"]).astype(float)
    for name in ("fitted_nadir", "fitted_nadir_lower", "fitted_nadir_upper"):
        off = ((batch.nadir[name] - single.nadir[name]).astype(float) / width).abs()
        assert off.mean() < 0.09, name
        on_average = abs(((batch.nadir[name] - single.nadir[name]).astype(float) / width).mean())
        assert on_average < 0.04 + 0.06 / np.sqrt(len(width)), name  # few patients have the noise of few


def test_awkward_patients_read_as_they_do_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    batch, single = igk.fit_cohort(awkward(), **CHOICES), one_by_one(awkward(), monkeypatch)
    held_together(batch, single)
    assert batch.left["unexplained change"] >= 1
    assert any("weighted points, not on draws" in note for note in batch.notes)
    assert sum(batch.left.values()) <= 4
    np.testing.assert_array_equal(batch.nadir["nadir_reached"].isna(), single.nadir["nadir_reached"].isna())


def test_intervals_of_patients_dosed_by_their_levels_are_those_of_draws() -> None:
    """Their posterior is skewed: normal approximations alone put the upper end 0.3 to 0.4 widths too high."""
    batch = igk.fit_cohort(simulated(24), **CHOICES).nadir
    draws = igk.fit_cohort(simulated(24), **CHOICES | {"intervals": "draws", "draws": 1000}).nadir
    width = (draws["fitted_nadir_upper"] - draws["fitted_nadir_lower"]).astype(float)
    for name in ENDS:
        off = ((batch[name] - draws[name]).astype(float) / width)[draws["group"] == "rule"].abs()
        assert off.median() < 0.12, name
        assert off.mean() < 0.15, name


def test_threads_and_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one = igk.fit_cohort(simulated(24), **CHOICES)
    monkeypatch.setattr("igkinetics.fit.batch.whole.CHUNK", 5)
    other = igk.fit_cohort(simulated(24), **CHOICES | {"jobs": 3})
    for name in ("nadir", "parameters", "structures", "curves", "draws", "thresholds", "predictions", "laboratory"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)


def test_asking_again_gives_the_same_tables() -> None:
    batch = igk.fit_cohort(simulated(24), **CHOICES)
    pd.testing.assert_frame_equal(batch.over().nadir, batch.nadir)
    name = batch.cohort.patient_ids[0]
    assert batch.patient(name).patient.patient_id == name


@pytest.mark.slow
def test_two_hundred_patients_fit_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    batch, single = igk.fit_cohort(simulated(200), **CHOICES), one_by_one(simulated(200), monkeypatch)
    held_together(batch, single)
    assert sum(batch.left.values()) < 20


@pytest.mark.slow
def test_never_worse_than_lmfit_on_two_hundred_patients() -> None:
    batch = igk.fit_cohort(simulated(200), **CHOICES)
    lmfit = igk.fit_cohort(simulated(200), engine="lmfit", intervals="draws", draws=2000, jobs=2)
    gap = (batch.patients["objective"] - lmfit.patients["objective"]).astype(float)
    assert gap.max() < 1e-8
    assert list(batch.patients["status"]) == list(lmfit.patients["status"])
    width = (lmfit.nadir["fitted_nadir_upper"] - lmfit.nadir["fitted_nadir_lower"]).astype(float)
    for name in ENDS:
        off = ((batch.nadir[name] - lmfit.nadir[name]).astype(float) / width).abs()
        assert off.median() < 0.07, name  # as docs/guide/size.md says
        assert off.quantile(0.95) < 0.2, name


def test_constants_are_those_of_the_search_for_one_patient() -> None:
    names = ("LASTING_FROM", "NO_WORSE", "LARGEST_STEP", "LEAST_BEFORE", "LEAST_AFTER")
    assert [getattr(checks, name) for name in names] == [getattr(common_steps, name) for name in names]
    names = ("CONTRADICTED_BEYOND", "LEAST_SPREAD")
    assert [getattr(checks, name) for name in names] == [getattr(unexplained, name) for name in names]
    names = ("NODE_DAYS", "JUST_AFTER_DAY", "ONE_SIDED")
    assert [getattr(points, name) for name in names] == [getattr(courses, name) for name in names]
    assert points.RISE_SHARE == nadirs.RISE_SHARE
    names = ("WIDER", "EVENLY", "LEAST_EFFECTIVE")
    assert [getattr(weighing, name) for name in names] == [getattr(one_patient, name) for name in names]
    assert weighing.NEGLIGIBLE == fit_structures.NEGLIGIBLE


@pytest.mark.parametrize("production", ["constant", "step_loss", "gradual_loss", "loss_and_recovery"])
@pytest.mark.parametrize("disposition", ["one_compartment", "two_compartment"])
def test_curves_side_by_side_are_those_one_by_one(disposition: str, production: str) -> None:
    rng = np.random.default_rng(3)
    values = {"CL": 0.13, "V1": 3.0, "Q": 0.5, "V2": 2.5, "C_base": 6.0, "S": 0.8, "k_loss": 0.1, "k_rec": 0.01}
    rows = [{name: value * rng.lognormal(0.0, 0.1) for name, value in values.items()} for _ in range(5)]
    thetas = np.array([parameter_vector(row | {"C_init": 5.0}, disposition, production) for row in rows])
    schedule = build_schedule(
        start_day=-3.0,
        dose_day=[10.0, 33.5, 60.0, 60.0],
        dose_g=[30, 20, 25, 5],
        dose_duration_day=[0.167, 0.2, 0.0, 0.1],
        dose_is_sc=[0] * 4,
        therapy_start=[0, 42],
        therapy_stop=[28, 70],
    )
    days = np.sort(np.concatenate([np.arange(-3.0, 150.0), rng.uniform(0, 150, 9), [10.0, 33.5, 60.000001, 50.0]]))
    endogenous, total = np.empty((days.size, 5)), np.empty((days.size, 5))
    fill_together(thetas, schedule, days, endogenous, total)
    own, infused = igg_curve(thetas, schedule, days)
    np.testing.assert_allclose(endogenous.T, own, rtol=1e-12)
    np.testing.assert_allclose(total.T, own + infused, rtol=1e-12)


@pytest.mark.parametrize("production", ["constant", "step_loss", "gradual_loss", "loss_and_recovery"])
@pytest.mark.parametrize("disposition", ["one_compartment", "two_compartment"])
def test_levels_of_all_steps_at_once_are_those_step_by_step(disposition: str, production: str) -> None:
    """Also where the supply is lost at the rate of IgG itself, nearly so, and on samples of one day."""
    values = {"CL": 0.13, "V1": 3.0, "Q": 0.5, "V2": 2.5, "C_base": 6.0, "S": 0.8, "k_loss": 0.1, "k_rec": 0.01}
    schedule = build_schedule(
        start_day=-3.0,
        dose_day=[10.0, 33.5, 60.0, 60.0, 90.0],
        dose_g=[30, 20, 25, 5, 30],
        dose_duration_day=[0.167, 0.2, 0.0, 0.1, 0.17],
        dose_is_sc=[0] * 5,
        therapy_start=[0, 42, 84],
        therapy_stop=[28, 70, 112],
    )
    rng = np.random.default_rng(3)
    day = np.sort(np.concatenate([[-5.0, -3.0, 10.0, 20.0, 20.0, 60.0], rng.uniform(0, 150, 40)]))
    free = np.array([INDEX[name] for name in (*values, "C_init")])
    steps = levels.new_steps(schedule, day)
    for rates in ({}, {"k_loss": 0.13 / 3.0, "k_rec": 0.13 / 3.0 * (1.0 + 1e-6)}):
        theta = parameter_vector(values | rates | {"C_init": 5.0}, disposition, production)
        level, by_x = np.empty(day.size), np.empty((day.size, free.size))
        levels.walk_steps(theta, steps)
        levels.read_samples(theta, free, True, steps, level, by_x)
        own, infused, slopes = np.empty(day.size), np.empty(day.size), np.empty((day.size, theta.size))
        fill_curve_with_gradient(theta, schedule, day, own, infused, slopes)
        expected = slopes * np.where(np.isfinite(theta), theta, 0.0)
        expected[:, INDEX["S"]] *= 1.0 - theta[INDEX["S"]]
        expected[:, INDEX["C_base"]] += expected[:, INDEX["C_init"]]  # which follows it
        np.testing.assert_allclose(level, own + infused, rtol=1e-13)
        np.testing.assert_allclose(np.nan_to_num(by_x), expected[:, free], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("never_above", [np.inf, 0.5, -0.5])
@pytest.mark.parametrize("weight_of_one", [1.0, 60.0])
def test_quantiles_of_weighted_values(never_above: float, weight_of_one: float) -> None:
    rng = np.random.default_rng(1)
    values, weights = rng.normal(size=101), rng.exponential(size=101)
    weights[np.argsort(values)[[0, -1]]] *= weight_of_one
    weights /= weights.sum()
    values = np.where(values > never_above, np.inf, values)
    expected = weighted_quantiles(values, weights, np.array([0.05, 0.5, 0.95]))
    np.testing.assert_allclose(numbers.interval(values, weights, rng.permutation(101), 0.05), expected)
    if np.all(np.isfinite(values)):
        parts, cell = np.empty(101, dtype=np.int64), np.empty(1)
        numbers.fill_parts(weights, parts)
        room = (np.empty(101, dtype=np.int64), cell, cell.view(np.int64))
        by_bits = numbers.quantiles(values, values.view(np.int64), parts, 0.05, *room)
        np.testing.assert_allclose(by_bits, expected, rtol=1e-9, atol=1e-9)
    assert even_table(N_POINTS)[7, :7].std() == pytest.approx(1.0)


def test_a_prior_moves_to_another_weight() -> None:
    for name in list_cards():
        card = load_card(name)
        for disposition in card.structure.dispositions if card.use == "full" else ():
            for kg in (55.0, 91.3):
                try:
                    base, other = (
                        patient_prior(card, weight_kg=weight, agents=("blinatumomab",), disposition=disposition)
                        for weight in (70.0, kg)
                    )
                except InputError:
                    continue
                moved = reweighed(card, base, 70.0, kg)
                if moved is not None:
                    assert moved.typical == pytest.approx(other.typical, rel=1e-13, nan_ok=True)
                    assert moved.notes == other.notes


def test_laplace_keeps_statuses_and_comes_near_the_draws() -> None:
    drawn, laplace = (fitted("batch", intervals, draws=2000) for intervals in ("draws", "laplace"))
    columns = ["patient_id", "status", "reason", "objective"]
    pd.testing.assert_frame_equal(drawn.patients[columns], laplace.patients[columns])
    assert set(laplace.nadir["method"].dropna()) == {METHOD}
    width = (drawn.nadir["fitted_nadir_upper"] - drawn.nadir["fitted_nadir_lower"]).astype(float)
    measured = drawn.nadir["n_below_limit"] == 0
    for column in ENDS:
        off = ((laplace.nadir[column] - drawn.nadir[column]).astype(float) / width).abs()
        assert off[measured].max() < 0.2, column
        assert off.max() < 0.3, column
    weights = [found.structures.groupby("patient_id")["weight"].sum() for found in (drawn, laplace)]
    np.testing.assert_allclose(weights[1], 1.0)
