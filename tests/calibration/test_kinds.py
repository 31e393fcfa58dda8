"""The cohorts of `wrong_worlds.py` depart from the model in the way they say, and in no other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kinds_study import BASE_TABLE, COLUMNS, QUANTITIES, TABLE, kind_row, summary
from wrong_worlds import KINDS, THRESHOLD_G_PER_L, cohort_of, true_att, write_cohort

from igkinetics.cohort.read import read_cohort
from igkinetics.effect.fit import fit_effect
from igkinetics.effect.sensitivity import AVERAGED
from igkinetics.kinetics.curves import igg_curve


@pytest.mark.parametrize("kind", ["right", "underdosed", "unrecorded", "ivig_before"])
def test_record_and_truth(kind: str, tmp_path: Path) -> None:
    subjects = cohort_of(kind, 1, size=10)
    infused = [one for one in subjects if one.record.dose_day.size]
    assert infused
    recorded = np.concatenate([one.record.dose_g for one in infused]).sum()
    given = np.concatenate([one.given.dose_g for one in infused]).sum()
    share = {"right": 1.0, "underdosed": 0.6}.get(kind)
    assert share is None or given == pytest.approx(share * recorded)
    if kind == "unrecorded":
        assert sum(one.given.dose_day.size - one.record.dose_day.size for one in subjects) > 0
    if kind == "ivig_before":
        assert all(one.given.dose_day[0] == -14.0 < one.record.dose_day[0] for one in infused)
    change = true_att(subjects, [one.record.patient_id for one in subjects])
    assert change[0] >= 0
    assert change[1] > 0
    assert change[2] <= 0
    write_cohort(subjects, tmp_path)
    read = read_cohort(tmp_path)
    assert len(read.patient_ids) == 10
    assert read.problems.empty


def test_ratios_act_when_the_kind_says() -> None:
    assert all(one.modified(np.array([10.0])) == [] for one in cohort_of("right", 0, size=3))
    (one, *_) = (one for one in cohort_of("clearance_under_ivig", 0, size=10) if one.given.dose_day.size)
    days = one.given.dose_day
    assert one.modified(days) == [(day, day + 35.0) for day in days]
    assert one.modified(np.empty(0)) == []
    (other, *_) = (one for one in cohort_of("clearance_from_first_dose", 0, size=10) if one.given.dose_day.size)
    assert other.modified(np.array([10.0, 90.0])) == [(10.0, np.inf)]
    ill = cohort_of("illness", 0, size=3)[0]
    assert ill.modified(np.empty(0)) == [(ill.ill_from, ill.ill_from + 45.0)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "saturable_loss"])
def test_every_sample_is_drawn_from_the_curve_that_counts_as_the_truth(kind: str) -> None:
    """No dose changes what was before it: levels from all doses are those from the doses given by then."""
    for one in cohort_of(kind, 3, size=8):
        days = one.given.sample_day
        everything = np.ones(one.given.dose_day.size, dtype=bool)
        then = [
            float(np.add(*igg_curve(one.theta, one.schedule(one.given.dose_day < day), np.array([day])))[0])
            for day in days
        ]
        np.testing.assert_allclose(np.add(*igg_curve(one.theta, one.schedule(everything), days)), then, rtol=1e-9)


REMADE = ("clearance_under_ivig", "production_under_ivig")
"""Kinds whose samples once came from no one curve; cohorts of before are in no table."""


def test_the_base_model_alone_does_what_the_guide_says() -> None:
    """docs/guide/trust.md; so few cohorts a kind bound only what is far off."""
    table = summary(pd.read_csv(BASE_TABLE)).set_index("kind")
    assert set(table.index) == set(KINDS) - {"platform_by_date", *REMADE}
    assert table["cohorts"].min() >= 7
    held = table[[f"{name}_coverage" for name in QUANTITIES]]
    assert held.loc["right"].min() == 1.0
    assert held.loc[["bcma", "other_population", "delayed_loss", "saturable_loss", "heavy_tails"]].min(axis=None) > 0.8
    assert (table.loc[["illness", "illness_in_infused", "platform"], "misfit"] == 1.0).all()
    assert table.loc["right", "misfit"] <= 1 / 9
    assert table.loc["underdosed", "contradicts_card"] >= 6 / 7


def test_the_average_over_models_holds_what_the_base_model_misses() -> None:
    """The same page: cohorts of kinds in which the base model fails, and of the right one, on seeds of their own."""
    rows = pd.read_csv(TABLE)
    rows = rows[rows["p_step"].isna()]  # of before all levels were asked for a step
    both = rows[rows["averaged"].astype(bool)]
    held = {
        which: int(sum(both[f"{name}{which}_covered"].astype(bool).sum() for name in QUANTITIES))
        for which in ("", "_averaged")
    }
    assert set(both["kind"]) == set(KINDS) - {"platform_by_date", *REMADE}
    assert len(both) == 22
    assert held == {"": 52, "_averaged": 60}
    assert rows["passed"].astype(bool).all()
    spoke = rows.groupby("kind")["misfit"].agg(["sum", "size"])
    told = {"underdosed": [6, 7], "unrecorded": [7, 8], "right": [0, 9], "platform": [0, 3]}
    assert {kind: spoke.loc[kind].tolist() for kind in told} == told
    right = both[both["kind"] == "right"]
    for name in QUANTITIES:
        assert right[f"{name}_averaged_covered"].astype(bool).all()
        alone, averaged = (right[f"{name}{which}_upper"] - right[f"{name}{which}_lower"] for which in ("", "_averaged"))
        assert (averaged < 1.35 * alone).all()


SPOKE = {
    "platform": [6, 7],
    "platform_by_date": [0, 3],
    "illness": [1, 1],
    "underdosed": [2, 2],
    "unrecorded": [3, 3],
    "right": [0, 5],
}
"""Kind -> cohorts in which the verdict spoke, and all."""
HELD = (2, {"": 4, "_averaged": 6})
"""Cohorts with an average, and how many of their six intervals held the truth: of the base model, and averaged."""


def test_the_verdict_and_the_average_since_a_step_of_all_levels_is_asked_for() -> None:
    """The same page: cohorts on seeds of their own, with the tests of fit of today."""
    rows = pd.read_csv(TABLE)
    rows = rows[rows["p_step"].notna() & rows["n_models"].isna()]  # of before ratios could pause
    once = rows.sort_values("averaged", ascending=False, kind="stable").drop_duplicates(["kind", "cohort"])
    spoke = once.groupby("kind")["misfit"].agg(["sum", "size"])
    assert {kind: spoke.loc[kind].tolist() for kind in SPOKE} == SPOKE
    assert set(spoke.index) == set(SPOKE)
    both = rows[rows["averaged"].astype(bool)]
    held = {
        which: int(sum(both[f"{name}{which}_covered"].astype(bool).sum() for name in QUANTITIES))
        for which in ("", "_averaged")
    }
    assert (len(both), held) == HELD


STAND_IN = 700
"""From this cohort on ratios that pause stand in for those that act from the first infusion on; before, beside them."""
PAUSED = {
    "clearance_under_ivig": 3,
    "production_under_ivig": 3,
    "right": 2,
    **dict.fromkeys(("clearance_from_first_dose", "illness", "illness_in_infused", "platform"), 1),
    **dict.fromkeys(("step_loss", "underdosed", "unrecorded"), 1),
}
PAUSED_HELD = {"": [10, 7, 12], "_averaged": [15, 14, 15]}
"""Of the intervals of nadir, mean IgG and days below, how many held the truth: of the base model, and averaged."""
SILENT = {"right": 2, "production_under_ivig": 2, "step_loss": 1}
"""Cohorts of which no test of the fit speaks."""


def test_the_average_since_ratios_may_pause() -> None:
    """The same page: whole rows on seeds that chose nothing; the sampling failed in none."""
    rows = pd.read_csv(TABLE)
    rows = rows[rows["n_models"].notna() & (rows["cohort"] < STAND_IN)]
    assert rows.groupby("kind").size().to_dict() == PAUSED
    assert rows[["averaged", "passed"]].astype(bool).all(axis=None)
    for which, held in PAUSED_HELD.items():
        assert [int(rows[f"{name}{which}_covered"].astype(bool).sum()) for name in QUANTITIES] == held
    for name in QUANTITIES:
        alone, averaged = (rows[f"{name}{which}_upper"] - rows[f"{name}{which}_lower"] for which in ("", "_averaged"))
        assert (averaged[rows["kind"] == "right"] < 1.35 * alone[rows["kind"] == "right"]).all()
    assert rows[~rows["misfit"].astype(bool)]["kind"].value_counts().to_dict() == SILENT
    lower, upper = (rows[rows["kind"] == "right"][f"clearance_ratio_{end}"] for end in ("lower", "upper"))
    assert ((lower < 1.0) & (upper > 1.0)).all()


REPLACED_HELD = {"": [4, 3, 4], "_averaged": [6, 6, 6]}
"""As PAUSED_HELD, of two cohorts each of three kinds."""
WIDEST_RIGHT = {700: 1.66, 701: 1.17}
"""Cohort of the right kind -> interval averaged over models, at most, in widths of the base model's."""


def test_the_average_since_ratios_that_pause_stand_in() -> None:
    """The same page: seeds from 700 on, none of which was seen when the models were chosen."""
    rows = pd.read_csv(TABLE)
    rows = rows[rows["n_models"].notna() & (rows["cohort"] >= STAND_IN)]
    kinds = ("clearance_under_ivig", "clearance_from_first_dose", "right")
    assert rows.groupby("kind").size().to_dict() == dict.fromkeys(kinds, 2)
    assert rows[["averaged", "passed"]].astype(bool).all(axis=None)
    assert set(rows["n_models"]) == {10, 11}
    for which, held in REPLACED_HELD.items():
        assert [int(rows[f"{name}{which}_covered"].astype(bool).sum()) for name in QUANTITIES] == held
    for _, row in rows[rows["kind"] == "right"].iterrows():
        for name in QUANTITIES:
            alone, averaged = (row[f"{name}{which}_upper"] - row[f"{name}{which}_lower"] for which in ("", "_averaged"))
            assert averaged < WIDEST_RIGHT[row["cohort"]] * alone
    silent = rows[~rows["misfit"].astype(bool)]["kind"].value_counts().to_dict()
    assert silent == {"right": 2, "clearance_under_ivig": 1}


def test_the_summary_counts() -> None:
    row = dict.fromkeys(COLUMNS, 1.0) | {"kind": "right", "passed": True, "misfit": False, "evidence": "strong"}
    row |= {"cohort": 0, "averaged": True}
    row |= {f"{name}_covered": True for name in ("nadir", "mean_igg", "days_below")}
    other = row | {"cohort": 1, "averaged": False, "misfit": True, "nadir_covered": False, "passed": False}
    other |= {"att_r_hat": 1.001, "att_ess": 900.0}
    again = other | {"cohort": 0, "averaged": False}
    (found,) = summary(pd.DataFrame([again, row, other])).to_dict("records")
    assert (found["averaged"], found["cohorts"], found["nadir_coverage"], found["misfit"]) == (1, 2, 0.5, 0.5)
    assert (found["failed"], found["failed_though_att_fine"]) == (0.5, 0.5)
    assert found["what"] == KINDS["right"]


@pytest.mark.slow
def test_a_row_holds_what_a_default_run_says(tmp_path: Path) -> None:
    """The study computes less than `effect`; what it does compute is the same."""
    row = kind_row("right", 0, size=8)
    write_cohort(cohort_of("right", 0, 8), tmp_path)
    effect = fit_effect(read_cohort(tmp_path), thresholds=(THRESHOLD_G_PER_L,), seed=1, jobs=1)
    averaged = effect.sensitivity[AVERAGED].set_index("quantity")
    for name, estimand in QUANTITIES.items():
        assert row[f"{name}_median"] == pytest.approx(effect.estimand(estimand)["median"])
        full = next(one for one in averaged.index if one.startswith(estimand))
        assert row[f"{name}_averaged_lower"] == pytest.approx(averaged.loc[full, "lower"])
        assert row[f"{name}_averaged_upper"] == pytest.approx(averaged.loc[full, "upper"])
    assert row["misfit"] == effect.misfit["speaks"].any()
    assert row["sampler"] == effect.sampling.sampler
