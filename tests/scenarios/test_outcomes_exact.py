"""Outcomes of one curve against a fine grid of the same curve, whose own truth is in tests/kinetics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from igkinetics.dosing.cases import Cases
from igkinetics.dosing.many import dosed
from igkinetics.dosing.regimen import Dosing
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats, parameter_vector
from igkinetics.kinetics.schedule import build_schedule
from igkinetics.parallel import workers
from igkinetics.scenarios.engine import Setting, simulate
from igkinetics.scenarios.outcomes import Columns

HORIZON = 200.0
THERAPY = np.array([[10.0, 38.0], [52.0, 80.0]])
REGIMENS = [
    Dosing(name="bolus", dose_g_per_kg=0.4, interval_day=28.0, loading_g_per_kg=0.8),
    Dosing(name="infusion", dose_g=30.0, interval_day=21.0, start_day=5.0, duration_h=6.0),
    Dosing(name="under the skin", dose_g_per_kg=0.1, interval_day=7.0, route="sc"),
    Dosing(name="stopped", dose_g_per_kg=0.5, interval_day=28.0, stop_day=60.0),
    Dosing(name="none"),
]


def random_theta(generator: np.random.Generator, disposition: str) -> Floats:
    scale = np.exp(0.3 * generator.standard_normal(9))
    values = {
        "CL": 0.155,
        "V1": 3.2,
        "Q": 0.55,
        "V2": 2.0,
        "ka": 0.4,
        "C_base": 6.0,
        "k_loss": 0.09,
        "k_rec": 0.008,
        "C_init": 5.5,
    }
    moved = {name: value * factor for (name, value), factor in zip(values.items(), scale, strict=True)}
    return parameter_vector({**moved, "F": 0.69, "S": 0.6}, disposition, "loss_and_recovery")


def cases_of(thetas: Floats) -> Cases:
    n = len(thetas)
    zero = np.zeros(n, dtype=np.int64)
    return Cases(
        thetas=thetas,
        start_day=np.zeros(n),
        therapy=np.repeat(THERAPY[None], n, axis=0),
        history=np.empty((n, 0, 4)),
        error=np.full((n, 2), 0.1),
        weight_kg=np.linspace(60.0, 90.0, n),
        height_cm=np.full(n, 170.0),
        is_male=np.ones(n, dtype=bool),
        patient=np.arange(n),
        draw=zero,
        model=zero,
        noise=np.arange(n),
        drift_day=np.empty((n, 0)),
        factor=np.empty((n, 0)),
    )


@pytest.mark.parametrize("disposition", ["one_compartment", "two_compartment"])
@pytest.mark.parametrize("regimen", REGIMENS, ids=lambda regimen: regimen.name)
@pytest.mark.parametrize("drifts", [False, True], ids=["kinetic", "drifting"])
def test_outcomes_are_those_of_a_fine_grid(regimen: Dosing, disposition: str, *, drifts: bool) -> None:
    """A drifting curve is looked at day by day, so its outcomes are near those of the grid, not equal to them."""
    generator = np.random.default_rng(5)
    cases = cases_of(np.array([random_theta(generator, disposition) for _ in range(4)]))
    nodes = np.linspace(0.0, HORIZON, 12)
    factor = 1.0 + 0.3 * generator.standard_normal((4, nodes.size)) if drifts else np.ones((4, nodes.size))
    if drifts:
        cases = replace(cases, drift_day=np.tile(nodes, (4, 1)), factor=factor)
    level, day, spent, size = (5e-3, 1.01, 0.3, 2e-3) if drifts else (1e-6, 0.05, 0.05, 2e-5)
    columns = Columns(thresholds=(350.0, 600.0), unit="mg/dL", price_per_g=2.0)
    setting = Setting(from_day=0.0, horizon_day=HORIZON, columns=columns, day=np.arange(HORIZON + 1), seed=1)
    with workers(1) as crew:
        simulated = simulate(regimen, cases, np.empty((4, 0)), setting, crew)
    plan = dosed(regimen, cases, 0.0, HORIZON)
    place = {(one.name, one.threshold): k for k, one in enumerate(columns.all)}
    names = {one.name: k for k, one in enumerate(columns.all)}
    start, end = setting.windows(regimen).interval
    for i in range(4):
        schedule = build_schedule(
            start_day=0.0,
            dose_day=plan.day,
            dose_g=plan.amount[i],
            dose_duration_day=np.full(plan.day.size, regimen.duration_day),
            dose_is_sc=np.full(plan.day.size, regimen.route == "sc"),
            therapy_start=THERAPY[:, 0],
            therapy_stop=THERAPY[:, 1],
        )
        after = plan.day + np.maximum(regimen.duration_day, 1e-9)
        grid = np.unique(np.concatenate([np.linspace(0.0, HORIZON, 80001), plan.day, after[after < HORIZON]]))
        endogenous, infused = (
            part * np.interp(grid, nodes, factor[i]) for part in igg_curve(cases.thetas[i], schedule, grid)
        )
        total = 100 * (endogenous + infused)
        found = simulated.values[i]
        from_first = grid >= (plan.day[0] if plan.day.size else 0.0)
        assert_allclose(found[names["nadir_all"]], total.min(), rtol=level)
        assert_allclose(found[names["nadir"]], total[from_first].min(), rtol=level)
        assert_allclose(found[names["nadir_day"]], grid[from_first][total[from_first].argmin()], atol=day)
        within = (grid >= start) & (grid <= end)
        jumps = plan.day.size > 0 and regimen.route == "iv" and regimen.duration_day == 0
        past = (grid > start) & (grid <= end) if jumps else within
        assert_allclose(found[names["peak"]], total[within].max(), rtol=level)
        troughs = total[np.isin(grid, plan.day[1:])]
        lowest = troughs.min() if troughs.size else np.nan
        assert_allclose(found[names["trough"]], lowest, rtol=1e-6)
        assert_allclose(found[names["trough_last"]], troughs[-1] if troughs.size else np.nan, rtol=1e-6)
        assert_allclose(found[names["auc_tau"]], area(total[past] / 100, grid[past]), rtol=size)
        assert_allclose(found[names["auc_tau_infused"]], area(infused[past], grid[past]), rtol=size, atol=1e-12)
        for threshold in columns.thresholds:
            share = np.mean((total[:-1] < threshold) & (np.diff(grid) > 1e-6))
            below = share * (grid.size - 1) * HORIZON / 80000
            assert_allclose(found[place["days_below", threshold]], below, atol=spent)
            reached = float(lowest >= threshold) if troughs.size else np.nan
            assert_allclose(found[place["p_trough_at_least", threshold]], reached)
        assert_allclose(found[names["grams"]], plan.amount[i].sum())
        assert found[names["infusions"]] == plan.day.size
        assert_allclose(found[names["cost"]], 2.0 * plan.amount[i].sum())
        assert_allclose(
            simulated.endogenous[i], np.interp(setting.day, grid, endogenous), rtol=1e-7 if drifts else 1e-9
        )


def area(level: Floats, day: Floats) -> float:
    """By the trapezium rule, on which the exact areas do not rest."""
    return float(np.sum(0.5 * (level[1:] + level[:-1]) * np.diff(day)))


@pytest.mark.parametrize("route,F", [("iv", 1.0), ("sc", 0.69)])
def test_the_infused_area_at_steady_state_is_dose_over_clearance(route: str, F: float) -> None:
    generator = np.random.default_rng(8)
    cases = cases_of(np.array([random_theta(generator, "two_compartment") for _ in range(5)]))
    regimen = Dosing(name="a", dose_g=28.0, interval_day=28.0, route=route)
    columns = Columns(thresholds=(400.0,), unit="mg/dL", price_per_g=None)
    setting = Setting(from_day=0.0, horizon_day=28.0 * 130, columns=columns, day=np.empty(0), seed=1)
    with workers(1) as crew:
        found = simulate(regimen, cases, np.empty((5, 0)), setting, crew).values
    place = [one.name for one in columns.all].index("auc_tau_infused")
    assert_allclose(found[:, place], F * 28.0 / cases.thetas[:, 0], rtol=1e-6)


def test_no_interval_completes_within_a_short_horizon() -> None:
    cases = cases_of(np.array([random_theta(np.random.default_rng(1), "two_compartment")]))
    columns = Columns(thresholds=(400.0,), unit="mg/dL", price_per_g=None)
    setting = Setting(from_day=0.0, horizon_day=20.0, columns=columns, day=np.empty(0), seed=1)
    with workers(1) as crew:
        found = simulate(REGIMENS[0], cases, np.empty((1, 0)), setting, crew).values[0]
    missing = {one.name for one, value in zip(columns.all, found, strict=True) if np.isnan(value)}
    assert missing == {"trough", "trough_last", "p_trough_at_least"}
