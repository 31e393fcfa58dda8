"""The check by group with new patients: right under the true model, wrong under another, silent where it misleads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_posteriors import example_cohort, example_effect, example_posterior, good_sampling, of_truth

from igkinetics.cohort.model import Cohort
from igkinetics.effect.options import EffectOptions
from igkinetics.effect.tables import effect_of
from igkinetics.effect.visual_check import SAMPLES_PER_BIN, VPC_COLUMNS, bins, vpc_rows
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.kinetics.parameters import C_BASE, C_INIT
from made_records import CARD, drawn, planned


def truth_and_new() -> tuple[Cohort, CohortPosterior]:
    """60 patients of the card infused every 28 days, and 300 draws of other patients of the same card."""
    generator = np.random.default_rng(5)
    doses = [(20.0 + 28.0 * k, 28.0) for k in range(5)]
    made = [drawn(planned(doses=doses, patient_id=f"P{k:02}"), generator) for k in range(60)]
    made = [replace(one, patient=replace(one.patient, group="AB"[k % 2])) for k, one in enumerate(made)]
    cohort, posterior = of_truth([one.patient for one in made], [one.theta for one in made], n=1)
    others = [np.array([drawn(planned(doses=doses), generator).theta for _ in range(60)]) for _ in range(300)]
    error = np.broadcast_to(posterior.error[:, :1], (1, 300, 2))
    return cohort, replace(posterior, theta=np.array(others)[None], error=error, population={})


COHORT, NEW = truth_and_new()


def inside(new: CohortPosterior) -> np.ndarray:
    table = vpc_rows(COHORT, new, 1, 0.95)
    assert tuple(table.columns) == VPC_COLUMNS
    assert set(table["group"]) == {"A", "B"}
    return table["observed"].between(table["lower"], table["upper"]).to_numpy()


def test_measured_percentiles_lie_in_the_boxes_of_the_true_model() -> None:
    assert inside(NEW).mean() >= 0.85


def test_and_outside_those_of_a_wrong_one() -> None:
    higher = NEW.theta.copy()
    higher[..., [C_BASE, C_INIT]] *= 1.6
    assert inside(replace(NEW, theta=higher)).mean() < 0.5


def test_nothing_is_shown_where_dosing_may_have_followed_igg() -> None:
    assert vpc_rows(COHORT, None, 1, 0.95).empty
    asked: list[CohortPosterior] = []

    def new() -> CohortPosterior:
        asked.append(example_posterior())
        return asked[-1]

    sampling = good_sampling(example_posterior(), new=new)  # the example is dosed because IgG fell
    assert effect_of(example_cohort(), sampling, CARD, EffectOptions()).vpc.empty
    assert not asked
    assert example_effect().vpc.empty


def test_a_percentile_that_is_only_a_limit_has_no_value() -> None:
    problems = [replace(one, limit=np.where(one.igg < 4.0, -1, 0).astype(np.int8)) for one in NEW.problems]
    table = vpc_rows(COHORT, replace(NEW, problems=tuple(problems)), 1, 0.95)
    low = table[table["percentile"] == 10]
    assert low["observed"].isna().any()
    assert not table.loc[table["percentile"] == 90, "observed"].isna().all()
    assert (table["lower"] <= table["median"]).all()


@pytest.mark.parametrize(("n", "expected"), [(3, 1), (SAMPLES_PER_BIN * 3, 3), (1000, 8)])
def test_bins_hold_every_sample_once(n: int, expected: int) -> None:
    day = np.random.default_rng(1).uniform(0.0, 100.0, n)
    found = bins(day)
    assert len(found) == expected
    np.testing.assert_array_equal(np.sum(found, axis=0), 1)
    same = bins(np.repeat([1.0, 2.0], 200))
    np.testing.assert_array_equal(np.sum(same, axis=0), 1)
