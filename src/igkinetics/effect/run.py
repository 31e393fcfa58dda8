"""From a cohort to the effect of IVIG in it: sampling, estimands, policies."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from threadpoolctl import threadpool_limits

from igkinetics.cards.load import load_card
from igkinetics.cards.model import Card
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.proportion import refuse_out_of_proportion
from igkinetics.effect.beside import Tell
from igkinetics.effect.control_regimen import read_control_regimen
from igkinetics.effect.exposure import exposures
from igkinetics.effect.options import EffectOptions
from igkinetics.effect.policies.policy_file import Asked, read_policies
from igkinetics.effect.policies.result import policy_effects
from igkinetics.effect.result import CohortEffect
from igkinetics.effect.sampling import sample
from igkinetics.effect.tables import card_weight, effect_of
from igkinetics.provenance import sha256_of_file


def run_effect(cohort: Cohort, options: EffectOptions, tell: Tell | None) -> CohortEffect:
    """Sample, then every table. InputError when a choice, the card or the cohort is at fault."""
    began = time.perf_counter()
    card = load_card(options.card)
    differences = [one for one in (options.minimum_effect, *(options.rope or ())) if one is not None]
    refuse_out_of_proportion(cohort, thresholds=options.thresholds, differences=differences)
    regimen = None if options.control_regimen is None else read_control_regimen(options.control_regimen, cohort)
    asked = None if options.policies is None else read_policies(options.policies, cohort, card)
    with threadpool_limits(1, "blas"):  # matrices are small, and patients run side by side already
        sampling = sample(cohort, card, options, tell)
        effect = effect_of(cohort, sampling, card, options, regimen=regimen, began=began)
    files = [Path(path) for path in (options.control_regimen, options.policies) if path is not None]
    effect = replace(effect, files_read={path.name: sha256_of_file(path) for path in files})
    return effect if asked is None else replace(with_policies(effect, card, asked), seconds=time.perf_counter() - began)


def with_policies(effect: CohortEffect, card: Card, asked: Asked) -> CohortEffect:
    """The same analysis with everybody under each of these policies beside it."""
    cohort, options, posterior = effect.cohort, effect.options, effect.sampling.posterior
    people = exposures(cohort, posterior, card_weight(card), options.ivig_days)
    return replace(effect, policies=policy_effects(cohort, posterior, people, asked, options, effect.sampling.left_out))
