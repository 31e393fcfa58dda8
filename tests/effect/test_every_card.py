"""Every model card with `effect`: a model whose log density and gradient are numbers, or a refusal that says why."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from made_posteriors import example_cohort

from igkinetics.cards.load import list_cards, load_card
from igkinetics.cards.model import Card
from igkinetics.cards.prior import draw_parameters, kinetic_parameters, patient_prior
from igkinetics.cohort.model import Cohort
from igkinetics.effect.beside import Beside, asked_structures, prepared_for
from igkinetics.effect.fit import fit_effect
from igkinetics.effect.options import EffectOptions
from igkinetics.errors import InputError, NobodyFittedError
from igkinetics.hierarchical.fit import PreparedCohort
from igkinetics.hierarchical.laplace import log_density_of, whiten
from igkinetics.hierarchical.model import build_model
from igkinetics.kinetics.parameters import KA
from made_records import cohort_of, measured, planned, true_levels


def cohort_from(card: Card) -> Cohort:
    """Three patients drawn from the card itself, infused three times, without therapy; with height and sex."""
    generator = np.random.default_rng(3)
    doses = ((20.0, 28.0), (55.0, 28.0), (90.0, 28.0))
    disposition = card.structure.dispositions[0]
    body = {"height_cm": 172.0, "sex": "male"}
    people = []
    for k in range(3):
        plan = replace(
            planned(doses=doses, patient_id=f"P{k}"),
            therapy_start=np.empty(0),
            therapy_stop=np.empty(0),
            agents=(),
            agent_start=np.empty(0),
        )
        prior = patient_prior(card, weight_kg=70.0, agents=(), disposition=disposition, covariates=body)
        values = draw_parameters(prior, generator, 1, with_uncertainty=False)
        theta = kinetic_parameters({**values, "clearance_ratio": 1.0, "production_ratio": 1.0})[0]
        a, b = prior.additive_g_per_l, prior.proportional
        people.append(replace(plan, sample_igg=measured(true_levels(plan, theta), generator, a=a, b=b)))
    made = cohort_of(people)
    return replace(made, patients=made.patients.assign(**body))


def at_start(prepared: PreparedCohort) -> tuple[float, np.ndarray, np.ndarray]:
    """Log density and gradients where chains start, by the kernel; the graph's `pm.Data` are built too."""
    population = prepared.population("base")
    whitening = whiten(prepared.members, population, prepared.arrays)
    build_model(population, prepared.arrays, whitening)
    density = log_density_of(population, prepared.arrays, whitening.coordinates)
    return density(np.zeros_like(population.offset), whitening.centre)


REFUSED = {name: "typical values only" for name in list_cards() if load_card(name).use != "full"}
REFUSED["davda_2014"] = "must hold endogenous IgG or an additive error"


@pytest.mark.parametrize("name", list_cards())
def test_a_card_gives_a_model_or_says_why_not(name: str) -> None:
    card = load_card(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if name in REFUSED:
            with pytest.raises(InputError, match=REFUSED[name]) as refused:
                prepared_for(example_cohort(), card, EffectOptions(card=name))
            assert len(refused.value.problems) == 1
            return
        prepared = prepared_for(cohort_from(card), card, EffectOptions(card=name))
        value, by_z, by_phi = at_start(prepared)
    assert len(prepared.members) == 3, prepared.left_out
    assert np.isfinite(value)
    assert np.all(np.isfinite(by_z))
    assert np.all(np.isfinite(by_phi))


@pytest.mark.parametrize("name", ["tortorici_2019", pytest.param("valenzuela_2025", marks=pytest.mark.slow)])
def test_the_compiled_model_of_a_card_for_infusions_alone_gives_the_same_numbers(name: str) -> None:
    """Without ka and F, the same density from PyMC's graph as from the kernel."""
    card = load_card(name)
    prepared = prepared_for(cohort_from(card), card, EffectOptions(card=name))
    value, *_ = at_start(prepared)
    population = prepared.population("base")
    whitening = whiten(prepared.members, population, prepared.arrays)
    model = build_model(population, prepared.arrays, whitening)
    point = {"u": np.zeros(population.prior_mean.size), "z": np.zeros_like(population.offset)}
    found = float(model.compile_logp(mode="FAST_COMPILE")(point))
    sd = population.prior_sd[population.active_normal]
    assert value == pytest.approx(found - np.log(sd).sum() - 0.5 * sd.size * np.log(2.0 * np.pi), rel=1e-10)
    assert np.isnan(prepared.arrays.fixed[:, KA]).all()


def test_a_card_that_leaves_nobody_says_each_reason_once() -> None:
    with pytest.raises(NobodyFittedError) as refused:
        prepared_for(example_cohort(), load_card("li_2022"), EffectOptions(card="li_2022"))
    (problem,) = refused.value.problems
    assert problem.expected.count("height_cm") == 1
    assert "IVIG-01, IVIG-02, IVIG-03 and 20 more: " in problem.expected


@pytest.mark.slow
def test_a_card_for_infusions_alone_samples_to_the_end() -> None:
    card = load_card("valenzuela_2025")
    effect = fit_effect(cohort_from(card), card=card.id, draws=150, tune=150, chains=2, base_only=True)
    assert effect.estimand("nadir_change_att")["status"] == "estimated"
    assert np.isfinite(effect.summary["median"].dropna()).all()


def test_the_main_model_takes_the_structure_asked_for_and_others_stand_beside_it() -> None:
    asked = ("one_compartment/step_loss", "two_compartment/gradual_loss")
    options = EffectOptions(structure=asked)
    card = load_card(options.card)
    cohort = example_cohort()
    prepared = prepared_for(cohort, card, options)
    assert {member.problem.model for member in prepared.members} == {asked[0]}
    value, by_z, by_phi = at_start(prepared)
    assert np.isfinite(value)
    assert np.all(np.isfinite(by_z))
    assert np.all(np.isfinite(by_phi))
    sampled = []
    beside = Beside(settings=None, say=sampled.append)  # type: ignore[arg-type]
    others = asked_structures(cohort, card, prepared, beside, options)
    assert list(others) == [asked[1]]
    records = others[asked[1]].args[1]  # type: ignore[attr-defined]
    assert {member.problem.model for member in records.members} == {asked[1]}
    assert list(records.arrays.igg) == list(prepared.arrays.igg)
    assert "k_loss" in records.arrays.names
    assert "k_loss" not in prepared.arrays.names


def test_a_structure_that_the_card_or_nobody_knows_is_refused() -> None:
    with pytest.raises(InputError, match=r"did you mean one_compartment/step_loss\?"):
        EffectOptions(structure=("one_compartment/steploss",))
    with pytest.raises(InputError, match="name each value once"):
        EffectOptions(structure=("one_compartment/step_loss", "one_compartment/step_loss"))
    with pytest.raises(InputError, match="must be two_compartment for cheng_2026"):
        prepared_for(
            example_cohort(),
            load_card("cheng_2026"),
            EffectOptions(card="cheng_2026", structure=("one_compartment/step_loss",)),
        )
