"""Draws moved to another model of the same patients: as they were if nothing changed, else those of a full rerun."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest

from igkinetics.cohort.model import Cohort
from igkinetics.effect.counterfactual import within_patient
from igkinetics.effect.exposure import Exposure, exposures
from igkinetics.effect.tipping import (
    HALF,
    TIPPING_COLUMNS,
    Assumption,
    assumptions,
    effect_there,
    moved_by,
    tipping_row,
    tipping_rows,
    weighted_mean,
)
from igkinetics.hierarchical.fit import PreparedCohort, SampledCohort, sample_prepared
from igkinetics.hierarchical.moved import judged_weights, moved, with_members
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.hierarchical.sampling import CompiledModel, SampleSettings
from igkinetics.kinetics.parameters import Floats
from made_records import cohort_of


def records(prepared: PreparedCohort) -> Cohort:
    return cohort_of([member.patient for member in prepared.members])


def effect_of(posterior: CohortPosterior, infused: Sequence[Exposure]) -> Floats:
    return np.mean([one.difference("nadir") for one in within_patient(posterior, infused, (), 1)], axis=0)


def named(people: Sequence[Exposure], name: str) -> Assumption:
    return next(one for one in assumptions(people) if one.name == name)


def test_where_nothing_changes_the_draws_stay(sampled: SampledCohort) -> None:
    found = moved(sampled, sampled.prepared, sampled.population, 10_000)
    np.testing.assert_allclose(
        found.posterior.theta[0], sampled.posterior.theta.reshape(-1, *found.posterior.theta.shape[2:]), rtol=5e-3
    )
    assert found.weighted
    assert np.ptp(found.log_weights) < 0.2


def test_an_assumption_broken_by_nothing_leaves_the_effect(sampled: SampledCohort) -> None:
    people = exposures(records(sampled.prepared), sampled.posterior, 70.0)
    reported = effect_of(sampled.posterior, [one for one in people if one.treated]).mean()
    for assumption in assumptions(people):
        if not assumption.why_not and assumption.name != "ivig_before_day_0":  # the record begins earlier there
            draws, found = effect_there(sampled, people, 1, assumption, assumption.none)
            assert weighted_mean(draws, found) == pytest.approx(reported, rel=0.05), assumption.name


@pytest.mark.slow
def test_the_tipping_point_is_that_of_a_full_rerun(sampled: SampledCohort, compiled: CompiledModel) -> None:
    """At the amount found, chains of the model with the records put right give half the effect too."""
    people = exposures(records(sampled.prepared), sampled.posterior, 70.0)
    reported = float(effect_of(sampled.posterior, [one for one in people if one.treated]).mean())
    assumption = named(people, "sampled_when_low")
    found = tipping_row(partial(effect_there, sampled, people, 1, assumption), assumption, HALF * reported, "g/L", 0.95)
    amount = float(found["amount"])
    altered = {one.place: assumption.alter(one, amount, sampled.posterior.problems[one.place].day) for one in people}
    moved_there, infused = moved_by(sampled, people, assumption, amount)
    members = []
    for place, member in enumerate(sampled.prepared.members):
        problem = moved_there.posterior.problems[place]
        assert np.allclose(problem.igg, member.problem.igg * altered[place].factor)
        members.append(
            type(member)(**{name: getattr(member, name) for name in member.__dataclass_fields__} | {"problem": problem})
        )
    ready = with_members(sampled.prepared, tuple(members))
    again = sample_prepared(ready, SampleSettings(draws=400, tune=300, chains=2, seed=9), compiled=compiled)
    rerun = effect_of(again.posterior, infused)
    assert float(found["nadir_change_att"]) == pytest.approx(float(rerun.mean()), abs=max(0.6 * rerun.std(), 0.1))
    if found["halves"]:
        assert rerun.mean() == pytest.approx(HALF * reported, abs=max(rerun.std(), 0.25 * reported))
    else:
        assert rerun.mean() > HALF * reported - rerun.std()


def test_a_row_for_each_assumption(sampled: SampledCohort) -> None:
    people = exposures(records(sampled.prepared), sampled.posterior, 70.0)
    table = tipping_rows(sampled, people, "mg/dL", 0.95, 2).set_index("assumption")
    assert ("assumption", *table.columns) == TIPPING_COLUMNS
    assert table.loc["faster_loss_before_death", "method"] == "not asked: no infused patient died"
    asked = table.drop(index="faster_loss_before_death")
    assert asked["nadir_change_att"].notna().all()
    faster = asked.loc["clearance_raised_by_ivig"]
    assert faster["nadir_change_att"] < faster["as_reported"]
    nobody = tipping_rows(sampled, [one for one in people if not one.treated], "mg/dL", 0.95, 1)
    assert nobody.empty


def test_weights_that_cannot_be_believed_are_not_used() -> None:
    generator = np.random.default_rng(3)
    kept, k, used = judged_weights(0.1 * generator.standard_normal(400))
    assert used
    assert k < 0.7
    assert np.exp(kept).sum() == pytest.approx(1.0)
    alike, k, used = judged_weights(20.0 * generator.standard_normal(400))
    assert not used
    assert k > 0.7
    assert np.ptp(alike) == 0.0
