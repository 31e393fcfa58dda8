"""What the data say of the rise per gram: contradiction is said, one patient is never strong, silence is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_posteriors import example_cohort, example_effect, example_posterior, example_sampling, good_sampling

from igkinetics.effect.estimands import EVIDENCE
from igkinetics.effect.exposure import exposures
from igkinetics.effect.learnt import ALONE, BY_LIMITS, CONTRADICTS, SILENT, conflict, evidence_words, speaking
from igkinetics.effect.options import EffectOptions
from igkinetics.effect.tables import effect_of
from igkinetics.kinetics.parameters import CL, V1, V2, Q
from igkinetics.report.effect_sentences import verdict_sentence
from made_records import CARD


def test_evidence_in_words() -> None:
    assert evidence_words(0.9, 0.5, 10) == "strong"
    assert evidence_words(0.9, -4.0, 10) == CONTRADICTS
    assert evidence_words(0.9, 0.5, 1) == ALONE
    assert evidence_words(0.5, 0.5, 1) == "moderate"
    assert evidence_words(0.9, -4.0, 0) == SILENT
    assert evidence_words(0.9, -4.0, 0, limited=3) == BY_LIMITS


def test_a_conflict_counts_in_standard_errors_of_what_the_data_were_to_say() -> None:
    """Normal prior N(0, 1), n = 3 values with SD 1 and mean 4: posterior N(3, 1/4), and 3 / sqrt(1 - 1/4) = 3.46."""
    generator = np.random.default_rng(1)
    prior = generator.standard_normal(200_000)
    posterior = 3.0 + 0.5 * generator.standard_normal(200_000)
    assert conflict(prior, posterior) == pytest.approx(3.0 / np.sqrt(0.75), rel=0.01)
    assert conflict(np.ones(5), np.ones(5)) == 0.0


def test_doses_that_raise_igg_by_half_contradict_the_card() -> None:
    """The example with all volumes and clearances doubled: as if half of every dose had been delivered."""
    posterior = example_posterior()
    theta = posterior.theta.copy()
    theta[..., [CL, V1, V2, Q]] *= 2.0
    sampling = replace(example_sampling(), posterior=replace(posterior, theta=theta))
    found = effect_of(example_cohort(), sampling, CARD, EffectOptions())
    row = found.prior.set_index("estimand").loc[EVIDENCE]
    assert row["evidence"] == CONTRADICTS
    said = verdict_sentence(found)
    assert "on the rise per gram the data contradict the card" in said
    assert "strong" not in said
    assert example_effect().prior.set_index("estimand").loc[EVIDENCE, "evidence"] == "strong"


def test_only_measured_values_after_an_infusion_speak() -> None:
    cohort, posterior = example_cohort(), example_posterior()
    people = exposures(cohort, posterior, 70.0)
    assert speaking(people, posterior) == 14
    censored = tuple(replace(one, limit=np.full(one.day.size, -1, dtype=np.int8)) for one in posterior.problems)
    assert speaking(people, replace(posterior, problems=censored)) == 0
    sampling = replace(example_sampling(), posterior=replace(posterior, problems=censored))
    prior = replace(sampling, prior=replace(sampling.prior, problems=censored))  # type: ignore[type-var]
    row = effect_of(cohort, prior, CARD, EffectOptions()).prior.set_index("estimand").loc[EVIDENCE]
    assert row["evidence"] == BY_LIMITS
    assert good_sampling(posterior).passed
