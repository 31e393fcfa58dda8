"""The whole library: mass balance of every linear card, domains, what a card has to say of itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from igkinetics.cards.caveats import card_caveats
from igkinetics.cards.check import check_card, half_lives, infused_auc_at_steady_state
from igkinetics.cards.describe import cards_table, describe_card
from igkinetics.cards.expected import CheckInputs
from igkinetics.cards.load import list_cards, load_card
from igkinetics.cards.model import Card
from igkinetics.cards.patient_covariates import computed_columns
from igkinetics.cards.prior import draw_parameters, kinetic_parameters, patient_prior, patient_typical
from igkinetics.errors import InputError
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import INDEX
from igkinetics.kinetics.schedule import build_schedule

FULL = {
    "adult_b_cell_depletion",
    "cheng_2026",
    "davda_2014",
    "li_2022",
    "lledo_garcia_2022",
    "luo_2020",
    "navarro_mora_2022",
    "tortorici_2019",
    "tortorici_2021",
    "valenzuela_2025",
    "zhang_2020",
}
LIMITED = {"dumas_2019", "landersdorfer_2013", "lee_2021", "li_2024a", "tegenge_2020"}
ROUTES = [
    (card_id, disposition, route)
    for card_id in list_cards()
    for disposition in load_card(card_id).structure.dispositions
    for route in load_card(card_id).structure.routes
]


def weight_of(card: Card) -> float:
    return 1.08 if card.id == "tegenge_2020" else 70.0


def typical(card: Card, weight_kg: float, disposition: str = "", **covariates: float | str) -> dict[str, float]:
    given = {"height_cm": 170.0, "sex": "male", **covariates}
    return patient_typical(card, weight_kg, (), disposition or card.structure.dispositions[0], given)[1]


def test_the_library_is_complete_and_says_which_cards_are_limited() -> None:
    uses = cards_table().set_index("id")["use"]
    assert {name for name, use in uses.items() if use == "full"} == FULL
    assert {name for name, use in uses.items() if use == "typical_only"} == LIMITED


@pytest.mark.parametrize(("card_id", "disposition", "route"), ROUTES)
def test_steady_state_auc_is_what_is_absorbed_over_clearance(card_id: str, disposition: str, route: str) -> None:
    """AUCtau = F dose / CL for each linear card, by the kinetics and a quadrature, at two weights and intervals."""
    card = load_card(card_id)
    for share, interval in ((1.0, 28.0), (0.8, 7.0)):
        weight = share * weight_of(card)
        values = typical(card, weight, disposition)
        inputs = CheckInputs(weight_kg=weight, dose_g_per_kg=0.4, interval_day=interval, route=route)
        absorbed = 0.4 * weight * (values["F"] if route == "sc" else 1.0)
        found = infused_auc_at_steady_state(kinetic_parameters(values), inputs)
        assert found == pytest.approx(absorbed / values["CL"], rel=1e-6)


@pytest.mark.parametrize("card_id", sorted(FULL | LIMITED))
def test_typical_disposition_agrees_with_an_ode_solver(card_id: str) -> None:
    """A bolus under the card's typical values; the rates are written here from the card's parameters."""
    card = load_card(card_id)
    weight = weight_of(card)
    values = typical(card, weight)
    q_in, q_out = values["Q"] / values["V1"], values["Q"] / values["V2"]
    dose = 0.5 * weight

    def rates(day: float, state: np.ndarray) -> list[float]:
        one, two = state
        return [-(values["CL"] / values["V1"] + q_in) * one + q_out * two, q_in * one - q_out * two]

    days = np.array([0.5, 3.0, 14.0, 60.0])
    solved = solve_ivp(rates, (0, 60), [dose, 0.0], t_eval=days, rtol=1e-10, atol=1e-14, method="LSODA")
    schedule = build_schedule(start_day=0.0, dose_day=[0.0], dose_g=[dose], dose_duration_day=[0.0], dose_is_sc=[False])
    endogenous, infused = igg_curve(kinetic_parameters(values), schedule, days)
    np.testing.assert_allclose(infused, solved.y[0] / values["V1"], rtol=1e-6)
    np.testing.assert_allclose(endogenous, values["C_base"], rtol=1e-12)


@pytest.mark.parametrize("card_id", ["zhang_2020", "luo_2020", "landersdorfer_2013"])
def test_cards_without_weight_on_exchange_refuse_small_patients(card_id: str) -> None:
    card = load_card(card_id)
    with pytest.raises(InputError, match=rf"weight_kg: found '39.9'; must lie between 40 and 200 for {card_id}"):
        typical(card, 39.9)
    assert typical(card, 40.0)["CL"] > 0
    # why: what the same equations would have said of a child of 20 kg (Zhang: 93 days, published comparison)
    values = typical(card.model_copy(update={"limits": ()}), 20.0)
    terminal = half_lives(kinetic_parameters(values))[1]
    assert terminal == pytest.approx({"zhang_2020": 93.0, "luo_2020": 80.0, "landersdorfer_2013": 46.4}[card_id], abs=1)


def test_lean_body_mass_is_computed_where_it_is_not_given() -> None:
    card = load_card("li_2022")
    man = typical(card, 70.0)
    assert man["CL"] == pytest.approx(0.183 * (54.68 / 47) ** 0.75)
    assert man["V2"] == pytest.approx(1.40 * 54.68 / 47)
    woman = typical(card, 70.0, sex="F", height_cm=160.0)
    assert woman["V1"] == pytest.approx(3.01 * (0.252 * 70 + 0.473 * 160 - 48.3) / 47)
    assert typical(card, 70.0, lean_body_mass_kg=47.0)["CL"] == pytest.approx(0.183)
    facilitated = typical(card, 70.0, subcutaneous_form="facilitated")
    assert (man["F"], facilitated["F"]) == (pytest.approx(0.705), pytest.approx(0.794, abs=1e-6))


def test_a_known_weight_without_height_and_sex_is_refused_and_an_unknown_one_is_said() -> None:
    card = load_card("li_2022")
    with pytest.raises(InputError) as refused:
        patient_typical(card, 70.0, (), "two_compartment", {"sex": "unknown"})
    text = str(refused.value)
    assert "height_cm: found ''; must be a number: needed by li_2022 for lean body mass" in text
    assert "sex: found 'unknown'; must be female or male: needed by li_2022" in text
    _, values, notes = patient_typical(card, math.nan, (), "two_compartment", {})
    assert values["CL"] == pytest.approx(0.183)
    assert "lean_body_mass_kg unknown: li_2022 uses 47 kg" in notes


def test_lean_masses_of_many_are_those_of_each() -> None:
    card = load_card("li_2022")
    columns = {
        "weight_kg": np.array([70.0, 50.0, 95.0]),
        "height_cm": np.array([170.0, 160.0, 182.0]),
        "sex": np.array(["male", "female", "male"]),
    }
    lean = computed_columns(card, columns)["lean_body_mass_kg"]
    for place, (weight, height, sex) in enumerate(zip(*columns.values(), strict=True)):
        one = typical(card, float(weight), height_cm=float(height), sex=str(sex))
        assert one["V1"] == pytest.approx(3.01 * lean[place] / 47, rel=1e-12)
    assert computed_columns(card, {**columns, "lean_body_mass_kg": lean}) == {}
    assert computed_columns(card, {"weight_kg": columns["weight_kg"]}) == {}
    assert computed_columns(load_card("luo_2020"), columns) == {}


def test_an_unphysiological_exponent_is_kept_within_the_masses_studied() -> None:
    card = load_card("li_2024a")
    with pytest.raises(InputError, match=r"lean_body_mass_kg: found '87.5755'; must lie between 30 and 85"):
        typical(card, 140.0, height_cm=186.5)
    _, _, notes = patient_typical(card, 105.0, (), "one_compartment", {"height_cm": 190.0, "sex": "male"})
    assert any("lean_body_mass_kg 74.265 is outside the soft domain" in note for note in notes)


@pytest.mark.parametrize(
    ("card_id", "half_life", "base"), [("lledo_garcia_2022", 19.04, 9.88), ("valenzuela_2025", 19.42, 11.4)]
)
def test_turnover_cards_return_to_their_level_by_their_own_rate(card_id: str, half_life: float, base: float) -> None:
    """dG/dt = k_deg (C_base - G), whatever the assumed volume: half the way back takes one half-life."""
    card = load_card(card_id)
    values = typical(card, 70.0)
    assert values["CL"] / values["V1"] == pytest.approx(math.log(2) / half_life, rel=1e-3)
    theta = kinetic_parameters({**values, "C_init_ratio": 0.4})
    endogenous, _ = igg_curve(theta, build_schedule(start_day=0.0), np.array([0.0, half_life]))
    np.testing.assert_allclose(endogenous, [0.4 * base, 0.7 * base], rtol=1e-3)
    prior = patient_prior(card, weight_kg=70.0, agents=("blinatumomab",), disposition="one_compartment")
    assert (prior.production, prior.typical["S"]) == ("constant", 0.0)


def test_the_net_loss_of_two_published_parameters() -> None:
    """Loss without recycling minus recycling, and its spread by simulation of the two published ones."""
    rng = np.random.default_rng(4)
    loss = 0.217 * np.exp(math.sqrt(math.log1p(0.169**2)) * rng.standard_normal(200_000))
    recycling = 5.08 * np.exp(math.sqrt(math.log1p(0.263**2)) * rng.standard_normal(200_000))
    net = np.log(loss - loss * recycling / (1 + recycling))
    prior = patient_prior(load_card("valenzuela_2025"), weight_kg=70.0, agents=(), disposition="one_compartment")
    assert math.log(prior.typical["CL"] / prior.typical["V1"]) == pytest.approx(np.median(net), abs=0.002)
    assert prior.omega["CL"] == pytest.approx(net.std(), rel=0.02)


def test_a_card_without_endogenous_igg_starts_and_stays_at_nothing() -> None:
    card = load_card("davda_2014")
    drawn = draw_parameters(
        patient_prior(card, weight_kg=80.0, agents=()), np.random.default_rng(1), 50, with_uncertainty=False
    )
    thetas = kinetic_parameters(drawn)
    endogenous, _ = igg_curve(thetas, build_schedule(start_day=0.0), np.array([0.0, 30.0]))
    assert not endogenous.any()
    assert np.ptp(thetas[:, INDEX["CL"]]) > 0


@pytest.mark.parametrize(("card_id", "cv"), [("zhang_2020", 32.36), ("luo_2020", 24.0)])
def test_bioavailability_keeps_its_published_spread_below_one(card_id: str, cv: float) -> None:
    prior = patient_prior(load_card(card_id), weight_kg=70.0, agents=())
    drawn = draw_parameters(prior, np.random.default_rng(2), 100_000, with_uncertainty=False)["F"]
    assert drawn.max() < 1
    assert np.quantile(drawn, 0.5) == pytest.approx(prior.typical["F"], rel=0.01)
    centre = np.quantile(drawn, [0.45, 0.55])  # the slope at the typical value is that of the published log-normal
    slope = math.log(centre[1] / centre[0]) / (2 * 0.12566)
    assert slope == pytest.approx(math.sqrt(math.log1p((cv / 100) ** 2)), rel=0.05)


@pytest.mark.parametrize("card_id", list_cards())
def test_every_card_is_described_with_its_defects_and_its_endogenous_igg(card_id: str) -> None:
    card = load_card(card_id)
    text, caveats = " ".join(describe_card(card).split()), card_caveats(card)
    for defect in card.known_defects:
        assert defect in text
        assert f"Known defect: {defect}" in caveats
    assert set(card.doubts) <= set(caveats)
    said = any("therapy" in line for line in caveats) or card.structure.endogenous == "none"
    assert said or card.structure.endogenous == "turnover"
    assert len([line for line in caveats if line.startswith("Domain: ")]) == len(card.limits)


def test_limited_cards_make_no_virtual_patients() -> None:
    for card_id in sorted(LIMITED):
        card = load_card(card_id)
        with pytest.raises(InputError, match="typical values only"):
            patient_prior(card, weight_kg=weight_of(card), agents=(), disposition=card.structure.dispositions[0])


@pytest.mark.parametrize(
    ("card_id", "expected"), [("landersdorfer_2013", 197.13), ("tortorici_2019", 188.43), ("li_2022", 136.60)]
)
def test_the_other_engine_is_among_the_checks(card_id: str, expected: float) -> None:
    """28 g every 28 days, 70 kg and 170 cm; within the 0.03 % of that engine's trapezoids."""
    found = [result for result in check_card(load_card(card_id)) if result.quantity == "infused_auc_at_steady_state"]
    assert min(abs(result.found / expected - 1) for result in found) < 5e-4
    assert any(round(result.expected, 2) == expected for result in found)
