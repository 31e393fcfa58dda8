"""Negative controls against known truth: 0 for what was never given, 1 for what was given and not recorded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_posteriors import fitted_posterior
from test_misfit import cohort

from igkinetics.dosing.doses import Doses
from igkinetics.effect.baseline import BASELINE_COLUMNS, FLOW_COLUMNS, baseline_rows, flow_rows
from igkinetics.effect.exposure import exposures
from igkinetics.effect.negative_controls import (
    CONTROL_COLUMNS,
    CONTROLS,
    apparent_share,
    control_rows,
    earlier_doses,
    looked_at,
)
from made_records import SETTINGS, cohort_of, drawn, measured, planned, true_levels

ONE_MODEL = replace(SETTINGS, average=False, drift=False)
"""As in the hierarchical model: one structure, no drift."""


def test_silent_when_the_model_is_right() -> None:
    tables = []
    for seed in range(4):
        made = cohort(seed, "right")
        posterior = fitted_posterior(made, 300, seed, ONE_MODEL)
        tables.append(control_rows(posterior, exposures(made, posterior, 70.0), seed, 0.95))
    assert tuple(tables[0].columns) == CONTROL_COLUMNS
    assert set(tables[0]["control"]) <= set(CONTROLS)
    assert {"placebo_in_never_infused", "placebo_before_infusions"} <= set(tables[0]["control"])
    assert sum(bool(table["speaks"].any()) for table in tables) <= 1
    p = np.concatenate([table["p"].to_numpy(dtype=float) for table in tables])
    assert 0.2 < np.median(p[np.isfinite(p)]) < 0.8
    shares = [table.set_index("control").loc["placebo_in_never_infused"] for table in tables]
    assert sum(one["lower"] <= 0.0 <= one["upper"] for one in shares) >= 3


def test_doses_given_but_not_recorded_read_as_given() -> None:
    """The share of a placebo that was really there is 1: its own truth."""
    generator, days = np.random.default_rng(5), tuple(np.linspace(-3.0, 200.0, 15))
    people = []
    for k in range(24):
        doses = ((40.0, 28.0), (90.0, 28.0))
        made = drawn(planned(days, doses=doses, patient_id=f"P{k:02}"), generator)
        people.append(replace(made.patient, dose_day=np.empty(0), dose_g=np.empty(0), dose_duration_day=np.empty(0),
                              dose_is_sc=np.zeros(0, dtype=bool)))  # fmt: skip
    record = cohort_of(people)
    posterior = fitted_posterior(record, 300, 1, ONE_MODEL)
    looked = [found for one in exposures(record, posterior, 70.0) if (found := looked_at(posterior, one)) is not None]
    given = Doses(day=np.array([40.0, 90.0]), amount_g=np.full(2, 28.0), duration_day=np.full(2, 1 / 12),
                  is_sc=np.zeros(2, dtype=bool))  # fmt: skip
    share = apparent_share(looked, [[given] * len(looked)])
    assert abs(share.value - 1.0) < 4.0 * share.se + 0.15
    assert share.value > 5.0 * share.se


def test_samples_after_a_dose_that_was_not_given_are_foretold_too_high() -> None:
    """Recorded infusions of which a third arrived."""
    generator, days = np.random.default_rng(6), tuple(np.linspace(-3.0, 200.0, 29))
    people = []
    for k in range(24):
        recorded = planned(days, doses=((40.0, 40.0), (90.0, 40.0), (140.0, 40.0)), patient_id=f"P{k:02}")
        delivered = replace(recorded, dose_g=recorded.dose_g / 3.0)
        theta = drawn(delivered, generator).theta
        levels = true_levels(delivered, theta)
        people.append(replace(recorded, sample_igg=measured(levels, generator)))
    record = cohort_of(people)
    posterior = fitted_posterior(record, 300, 1, ONE_MODEL)
    table = control_rows(posterior, exposures(record, posterior, 70.0), 1, 0.95).set_index("control")
    early = [name for name in ("after_infusion_day_0_7", "after_infusion_day_7_14") if name in table.index]
    assert early
    assert (table.loc[early, "estimate"] < 0).all()


def test_placebo_doses_lie_before_the_real_ones_and_in_the_window() -> None:
    made = cohort(1, "right", n=2)
    posterior = fitted_posterior(made, 50)
    infused = next(one for one in exposures(made, posterior, 70.0) if one.treated)
    moved = earlier_doses(infused)
    np.testing.assert_allclose(moved.day, infused.doses.day[infused.doses.day >= infused.window.start + 21.0] - 21.0)


def test_who_takes_part_and_how_the_groups_began() -> None:
    made = cohort(2, "right", n=6)
    posterior = fitted_posterior(made, 50)
    people = exposures(made, posterior, 70.0)
    flow = flow_rows(made, people[1:], {people[0].patient.patient_id: "odd"}, {})
    assert tuple(flow.columns) == FLOW_COLUMNS
    counts = flow.set_index("step")["patients"]
    assert (counts["in the record"], counts["left out"], counts["in the model"]) == (6, 1, 5)
    assert counts["infused in the window"] + counts["not infused in the window"] == 5
    table = baseline_rows(made, people)
    assert tuple(table.columns) == BASELINE_COLUMNS
    rows = table.set_index("quantity")
    assert (rows.loc["samples", "n_infused"], rows.loc["samples", "n_not_infused"]) == (3, 3)
    assert rows.loc["infusions in the window", "infused"] == 3.0
    first = np.median([one.patient.sample_igg[0] * 100.0 for one in people if one.treated])
    assert rows.loc["IgG at the start", "infused"] == pytest.approx(first)
    assert "age" not in rows.index
