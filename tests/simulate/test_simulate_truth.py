"""The truth files against a fine grid, from nothing but the written record and parameters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import PARAMETERS, Floats
from igkinetics.kinetics.schedule import build_schedule
from igkinetics.simulate.run import simulate_cohort
from igkinetics.simulate.simulated import SimulatedCohort

RULE = "rule = { below_mg_dl = 450, check = 'visits', minimum_gap_day = 21, dose_g_per_kg = 0.5 }, duration_h = 5"
REGIMEN = "dose_g_per_kg = 0.4, interval_day = 28, start_day = 7, stop_day = 100"
EARLY = "dose_g_per_kg = 0.4, interval_day = 28, start_day = -21, stop_day = 100"
ONE_COMPARTMENT = ("sd = 14 }", 'sd = 14 }\ndisposition = "one_compartment"')


def fine_curve(
    simulated: SimulatedCohort, patient_id: str, day: Floats, kept: Callable[[pd.Series], pd.Series]
) -> tuple[Floats, Floats]:
    """Endogenous and total mg/dL, from the tables alone; doses for which kept(day) holds."""
    rows = {
        name: table[table["patient_id"] == patient_id]
        for name, table in (
            ("samples", simulated.samples),
            ("doses", simulated.doses),
            ("therapy", simulated.therapy),
            ("parameters", simulated.truth_parameters),
        )
    }
    values = rows["parameters"].set_index("parameter")["value"].reindex(PARAMETERS).to_numpy(copy=True)
    values[[PARAMETERS.index("C_base"), PARAMETERS.index("C_init")]] /= 100
    start = min(0.0, *rows["samples"]["day"], *rows["doses"]["day"], *rows["therapy"]["start"])
    doses = rows["doses"][kept(rows["doses"]["day"])]
    schedule = build_schedule(
        start_day=start,
        dose_day=doses["day"],
        dose_g=doses["amount_g"],
        dose_duration_day=doses["duration_h"] / 24,
        dose_is_sc=doses["route"] == "sc",
        therapy_start=rows["therapy"]["start"],
        therapy_stop=rows["therapy"]["stop"].fillna(np.inf),
    )
    endogenous, infused = igg_curve(values, schedule, day)
    return 100 * endogenous, 100 * (endogenous + infused)


@pytest.mark.parametrize(
    "changes",
    [
        (),
        ((REGIMEN, RULE),),
        ((REGIMEN, EARLY), ("until_day = 140", "until_day = 140\njitter_day = 3\nmissed = 0.2")),
        (ONE_COMPARTMENT, (REGIMEN, REGIMEN + ", route = 'sc'")),
    ],
)
def test_nadirs_are_the_minima_of_a_fine_grid(design: Callable[..., str], changes: tuple[tuple[str, str], ...]) -> None:
    simulated = simulate_cohort(design(*changes, ("n = 4", "n = 2")))
    for row in simulated.truth_nadir.itertuples():
        days = simulated.samples.loc[simulated.samples["patient_id"] == row.patient_id, "day"]
        grid = np.unique(np.append(np.arange(0, days.max(), 0.002), days.max()))
        endogenous, total = fine_curve(simulated, row.patient_id, grid, lambda day: day > -np.inf)
        _, without = fine_curve(simulated, row.patient_id, grid, lambda day: day < 0)
        assert_allclose(
            [row.nadir, row.endogenous_nadir, row.nadir_without_ivig],
            [total.min(), endogenous.min(), without.min()],
            rtol=2e-6,
        )
        assert row.nadir <= total.min() + 1e-5
        assert_allclose(np.interp(row.nadir_day, grid, total), row.nadir, rtol=1e-5)
        assert row.nadir_without_ivig <= row.nadir + 1e-9


def test_immunoglobulin_before_therapy_is_kept_in_the_world_without(design: Callable[..., str]) -> None:
    with_early = simulate_cohort(design((REGIMEN, EARLY))).truth_nadir.set_index("patient_id")
    only_early = simulate_cohort(design((REGIMEN, EARLY.replace("100", "0")))).truth_nadir.set_index("patient_id")
    assert_allclose(with_early["nadir_without_ivig"], only_early["nadir"], rtol=1e-9)
    treated = with_early[with_early.index.str.startswith("treated")]
    assert (treated["nadir_without_ivig"] > treated["endogenous_nadir"] + 1).all()


def test_curves_agree_with_the_noise_free_samples(design: Callable[..., str]) -> None:
    simulated = simulate_cohort(design(("cv_percent = 8", "cv_percent = 0"), (REGIMEN, RULE)))
    curves = simulated.truth_curves.merge(simulated.samples, on=["patient_id", "day"])
    assert len(curves) == len(simulated.samples)
    assert_allclose(curves["total"], curves["igg"].astype(float), atol=0.5)
    assert_allclose(curves["total"], curves["endogenous"] + curves["infused"], atol=2e-3)
