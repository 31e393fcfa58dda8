"""The prior of one patient: spreads, weight, agents, covariates, draws."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from igkinetics.cards.load import load_card
from igkinetics.cards.model import Card
from igkinetics.cards.prior import (
    PRIOR_PARAMETERS,
    PatientPrior,
    draw_parameters,
    kinetic_parameters,
    omega_uncertainty,
    patient_prior,
)
from igkinetics.errors import InputError
from igkinetics.kinetics.parameters import INDEX, PARAMETERS


@pytest.fixture(scope="module")
def default() -> Card:
    return load_card("adult_b_cell_depletion")


@pytest.fixture(scope="module")
def tiny() -> Card:
    return load_card(Path(__file__).with_name("tiny.toml"))


def blinatumomab(card: Card, **changes: object) -> PatientPrior:
    return patient_prior(card, **{"weight_kg": 70.0, "agents": ("blinatumomab",), **changes})  # type: ignore[arg-type]


def test_typical_values_at_the_reference_weight(default: Card) -> None:
    expected = {
        "CL": 0.155,
        "V1": 3.2,
        "Q": 0.55,
        "V2": 2.0,
        "ka": 0.40,
        "F": 0.69,
        "C_base": 6.0,
        "C_init_ratio": 1.0,
        "S": 1 / (1 + math.exp(-0.2)),
        "k_loss": math.log(2) / 8,
        "k_rec": math.log(2) / 90,
        "clearance_ratio": 1.0,
        "production_ratio": 1.0,
    }
    prior = blinatumomab(default)
    assert prior.typical == pytest.approx(expected, rel=1e-12)
    assert (prior.additive_g_per_l, prior.proportional) == (0.20, 0.09)
    assert prior.production == "from_model"
    assert prior.notes == ()
    assert {name for name, scale in prior.scale.items() if scale == "logit"} == {"S", "F"}


@pytest.mark.parametrize(
    "name, sd",
    [
        ("C_base", 0.41),
        ("C_init_ratio", 0.15),
        ("CL", 0.38),
        ("V1", 0.29),
        ("Q", 0.0),
        ("V2", 0.0),
        ("S", 0.99),
        ("k_loss", 0.57),
        ("k_rec", 0.71),
        ("ka", 0.58),
        ("F", 0.0),
        ("clearance_ratio", 0.15),
        ("production_ratio", 0.15),
    ],
)
def test_prior_sd_of_one_patient(default: Card, name: str, sd: float) -> None:
    prior = blinatumomab(default)
    assert prior.sd(name) == pytest.approx(sd, abs=0.005)
    assert prior.sd(name) ** 2 == pytest.approx(prior.omega[name] ** 2 + prior.uncertainty[name] ** 2)


@pytest.mark.parametrize(
    "agent, typical, uncertainty, sd",
    [
        ("blinatumomab", 0.5498, 0.85, 0.986),
        ("teclistamab", 0.9002, 0.8, 0.943),
        ("rituximab", 0.1545, 0.8, 0.943),
        ("", 0.5498, 1.4, 1.487),
        ("prednisone", 0.5498, 1.4, 1.487),
    ],
)
def test_s_follows_the_class_of_agent(default: Card, agent: str, typical: float, uncertainty: float, sd: float) -> None:
    prior = blinatumomab(default, agents=(agent,))
    assert prior.typical["S"] == pytest.approx(typical, abs=5e-5)
    assert prior.uncertainty["S"] == uncertainty
    assert prior.sd("S") == pytest.approx(sd, abs=5e-4)


def test_weight_scales_flows_and_volumes_alike(default: Card) -> None:
    light, heavy = blinatumomab(default, weight_kg=50.0), blinatumomab(default, weight_kg=100.0)
    for name in ("CL", "Q", "V1", "V2"):
        assert heavy.typical[name] / light.typical[name] == pytest.approx(2**0.75)
    for name in ("C_base", "S", "k_loss", "ka", "F"):
        assert heavy.typical[name] == light.typical[name]
    one = blinatumomab(default, weight_kg=35.0, disposition="one_compartment")
    assert one.typical["V1"] == pytest.approx(5.0 * 0.5**0.75)


def test_one_compartment_takes_its_own_volume(default: Card) -> None:
    prior = blinatumomab(default, disposition="one_compartment")
    assert (prior.typical["V1"], prior.typical["Q"]) == (5.0, 0.0)
    assert prior.sd("V1") == pytest.approx(math.hypot(0.25, 0.15))
    assert prior.sd("Q") == prior.sd("V2") == 0.0


def test_unknown_weight_is_said(default: Card) -> None:
    prior = blinatumomab(default, weight_kg=math.nan)
    assert prior.typical["CL"] == 0.155
    assert prior.notes == ("weight_kg unknown: adult_b_cell_depletion uses 70 kg",)


def test_limits_of_the_domain(default: Card) -> None:
    (note,) = blinatumomab(default, weight_kg=140.0).notes
    assert note.startswith("weight_kg 140 is outside the soft domain of adult_b_cell_depletion: ")
    (note,) = blinatumomab(default, covariates={"age_y": 9.0}).notes
    assert note.startswith("age_y 9 is outside the soft domain")
    with pytest.raises(InputError, match="weight_kg: found '3'; must lie between 10 and 250 for adult_b_cell"):
        blinatumomab(default, weight_kg=3.0)
    with pytest.raises(InputError, match="weight_kg: found '-5'; must be more than 0"):
        blinatumomab(default, weight_kg=-5.0)


def test_a_disposition_without_numbers_is_refused() -> None:
    with pytest.raises(InputError, match="structure: found 'one_compartment'; must be two_compartment for cheng"):
        patient_prior(load_card("cheng_2026"), weight_kg=20.0, agents=(), disposition="one_compartment")


def test_typical_values_alone_make_no_prior(tiny: Card) -> None:
    card = tiny.model_copy(update={"use": "typical_only"})
    with pytest.raises(InputError, match="must have use = full: this card has typical values only"):
        patient_prior(card, weight_kg=70.0, agents=(), disposition="one_compartment")


def test_all_forms_of_covariate_effects(tiny: Card) -> None:
    prior = patient_prior(
        tiny,
        weight_kg=35.0,
        agents=(),
        disposition="one_compartment",
        covariates={"age_y": 70.0, "group": "b", "unheard_of": 3.0},
    )
    assert prior.typical["CL"] == pytest.approx(0.2 * 0.5**0.75 * math.exp(-0.2) * 1.5)
    assert prior.typical["V1"] == pytest.approx(4.0 * 0.5**0.75)
    with pytest.raises(InputError, match="group: found 'c'; must be one of a, b"):
        patient_prior(tiny, weight_kg=70.0, agents=(), disposition="one_compartment", covariates={"group": "c"})


def test_a_missing_category_takes_the_cards_reference_and_is_said() -> None:
    card = load_card("tortorici_2019")
    absent = patient_prior(card, weight_kg=70.0, agents=())
    primary = patient_prior(card, weight_kg=70.0, agents=(), covariates={"deficiency": "primary"})
    secondary = patient_prior(card, weight_kg=70.0, agents=(), covariates={"deficiency": "secondary"})
    assert absent.typical == pytest.approx(primary.typical, nan_ok=True)
    assert "deficiency unknown: tortorici_2019 uses primary" in absent.notes
    assert secondary.typical["V1"] == pytest.approx(8.75 * (70 / 72) ** 1.1, rel=1e-5)
    assert secondary.typical["CL"] == primary.typical["CL"] == pytest.approx(0.152 * (70 / 72) ** 0.796)


def test_a_card_of_constant_endogenous_igg() -> None:
    prior = patient_prior(load_card("cheng_2026"), weight_kg=70.0, agents=("blinatumomab",))
    assert prior.production == "constant"
    assert (prior.typical["S"], prior.typical["k_loss"], prior.typical["k_rec"]) == (0.0, 0.0, 0.0)
    assert math.isnan(prior.typical["ka"])
    assert math.isnan(prior.typical["F"])
    assert all(prior.sd(name) == 0 for name in ("S", "k_loss", "k_rec", "ka", "F"))
    assert prior.omega["CL"] == pytest.approx(math.sqrt(math.log(1 + 0.427**2)))
    assert "cheng_2026 reports no uncertainty of its typical CL, V1, Q, V2, C_base: taken as known" in prior.notes


def test_every_omega_has_its_own_uncertainty(default: Card) -> None:
    for parameter in default.parameters.given().values():
        assert omega_uncertainty(parameter) == (0.4 if parameter.omega else None)


def test_draws_have_the_spread_of_the_prior(default: Card) -> None:
    prior = blinatumomab(default)
    together = draw_parameters(prior, np.random.default_rng(3), 20_000, with_uncertainty=True)
    patients = draw_parameters(prior, np.random.default_rng(3), 20_000, with_uncertainty=False)
    assert tuple(together) == PRIOR_PARAMETERS
    for name in PRIOR_PARAMETERS:
        for drawn, sd in ((together[name], prior.sd(name)), (patients[name], prior.omega[name])):
            on_scale = np.log(drawn / (1 - drawn)) if prior.scale[name] == "logit" else np.log(drawn)
            centre = prior.typical[name]
            expected = math.log(centre / (1 - centre)) if prior.scale[name] == "logit" else math.log(centre)
            assert on_scale.std() == pytest.approx(sd, rel=0.03, abs=1e-12)
            assert on_scale.mean() == pytest.approx(expected, abs=0.04 * sd + 1e-12)


def test_fixed_parameters_leave_the_stream_as_it_was(default: Card) -> None:
    two = draw_parameters(blinatumomab(default), np.random.default_rng(5), 10, with_uncertainty=True)
    one = draw_parameters(
        blinatumomab(default, disposition="one_compartment"), np.random.default_rng(5), 10, with_uncertainty=True
    )
    np.testing.assert_array_equal(two["S"], one["S"])
    np.testing.assert_array_equal(one["Q"], 0.0)


def test_kinetic_vectors_in_the_kinetics_order(default: Card) -> None:
    prior = blinatumomab(default)
    vector = kinetic_parameters({**prior.typical, "C_init_ratio": 1.2})
    assert vector.shape == (13,)
    assert vector[INDEX["C_init"]] == pytest.approx(7.2)
    assert [vector[INDEX[name]] for name in PARAMETERS if name != "C_init"] == [
        prior.typical[name] for name in PARAMETERS if name != "C_init"
    ]
    drawn = draw_parameters(prior, np.random.default_rng(1), 7, with_uncertainty=False)
    vectors = kinetic_parameters(drawn)
    assert vectors.shape == (7, 13)
    np.testing.assert_allclose(vectors[:, INDEX["C_init"]], drawn["C_base"] * drawn["C_init_ratio"])
    np.testing.assert_array_equal(vectors[:, INDEX["k_rec"]], drawn["k_rec"])
