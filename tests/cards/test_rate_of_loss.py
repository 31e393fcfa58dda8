"""A card that gives k_deg: the variability of k_deg is that of CL/V, whatever V does, wherever patients are drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from igkinetics.cards.load import load_card
from igkinetics.cards.model import Card
from igkinetics.cards.prior import draw_parameters, patient_prior
from igkinetics.dosing.cases import About
from igkinetics.errors import InputError
from igkinetics.fit.problem import build_problem
from igkinetics.kinetics.parameters import CL, V1, Floats
from igkinetics.random_streams import Streams
from igkinetics.simulate.virtual_patient import true_parameters
from igkinetics.virtual.patients import VirtualPatients, model_of
from igkinetics.virtual.population import Population
from made_records import planned

OMEGA_K, OMEGA_V, N = 0.01, 0.39, 4000
CLEARANCE = """[parameters.CL]
value = 200.0
unit = "mL/day"
scale = "log"
provenance = "table"
uncertainty = { sd = 0.1, provenance = "guess" }
between_patients = { kind = "cv_percent", value = 30.0, provenance = "table", uncertainty = "not_reported" }
"""


def card_with_rate(folder: Path, *, uncertainty: str = '"fixed"', omega_v: float = OMEGA_V) -> Card:
    """tiny.toml with k_deg 0.05/day (SD between patients 0.01) in place of CL, and a volume that varies."""
    text = Path(__file__).with_name("tiny.toml").read_text(encoding="utf-8")
    assert CLEARANCE in text
    varies = '{{ kind = "log_sd", value = {}, provenance = "table", uncertainty = "not_reported" }}'
    text = text.replace(
        CLEARANCE,
        CLEARANCE.replace("CL]", "k_deg]")
        .replace("200.0", "0.05")
        .replace("mL/day", "1/day")
        .replace('{ sd = 0.1, provenance = "guess" }', uncertainty)
        .replace('kind = "cv_percent", value = 30.0', f'kind = "log_sd", value = {OMEGA_K}'),
    )
    volume = text.index("[parameters.V]")
    between = varies.format(omega_v) if omega_v else '"none"'
    text = text[:volume] + text[volume:].replace('between_patients = "none"', f"between_patients = {between}", 1)
    text = text.replace('parameters = ["CL", "V"]', 'parameters = ["V"]').replace('["CL"]', '["k_deg"]')
    path = folder / "tiny.toml"
    path.write_text(text, encoding="utf-8")
    return load_card(path)


def covariance(clearance: Floats, volume: Floats) -> np.ndarray:
    return np.cov(np.log(clearance), np.log(volume))


def drawn_of_prior(card: Card, n: int) -> Floats:
    prior = patient_prior(card, weight_kg=70.0, agents=(), disposition="one_compartment")
    found = draw_parameters(prior, np.random.default_rng(1), n, with_uncertainty=False)
    return np.stack([found["CL"], found["V1"]])


def drawn_of_scenario(card: Card, n: int) -> Floats:
    population = Population.model_validate({"card": "tiny", "n": n, "weight_kg": 70.0})
    model = model_of(card, None, 1.0, (), population)
    about = About(
        kind="card", says="", uncertainty="", n_patients=n, n_draws=1, model_names=("tiny",), model_weights=(1.0,)
    )
    patients = VirtualPatients(models=(model,), population=population, therapy=None, seed=1, limits={}, about=about)
    batches = [patients.batch(place).thetas for place in range(patients.n_batches)]
    return np.concatenate(batches)[:, [CL, V1]].T


def drawn_of_simulation(card: Card, n: int) -> Floats:
    prior = patient_prior(card, weight_kg=70.0, agents=(), disposition="one_compartment")
    found = [true_parameters(prior, "fixed", Streams(1, "A", place)) for place in range(n)]
    return np.array(found)[:, [CL, V1]].T


@pytest.mark.parametrize("draw", [drawn_of_prior, drawn_of_scenario, drawn_of_simulation])
def test_the_rate_of_loss_varies_as_stated_and_clearance_goes_with_the_volume(
    draw: Callable[[Card, int], Floats], tmp_path: Path
) -> None:
    clearance, volume = draw(card_with_rate(tmp_path), N)
    assert np.median(clearance / volume) == pytest.approx(0.05, rel=1e-3)
    assert np.log(clearance / volume).std() == pytest.approx(OMEGA_K, rel=0.05)
    found = covariance(clearance, volume)
    expected = [[OMEGA_K**2 + OMEGA_V**2, OMEGA_V**2], [OMEGA_V**2, OMEGA_V**2]]
    np.testing.assert_allclose(found, expected, rtol=0.06)


def test_typical_values_drawn_for_a_cohort_keep_the_rate_too(tmp_path: Path) -> None:
    """The uncertainty of the typical k_deg is that of the typical CL/V."""
    card = card_with_rate(tmp_path, uncertainty='{ sd = 0.02, provenance = "guess" }')
    prior = patient_prior(card, weight_kg=70.0, agents=(), disposition="one_compartment")
    found = np.array([true_parameters(prior, "drawn", Streams(seed, "A", 0)) for seed in range(600)])
    rate = np.log(found[:, CL] / found[:, V1])
    assert rate.std() == pytest.approx(np.hypot(0.02, OMEGA_K), rel=0.1)
    assert prior.sd("CL") == pytest.approx(np.sqrt(0.02**2 + OMEGA_K**2 + OMEGA_V**2))


def test_a_fit_that_takes_clearance_and_volume_as_independent_refuses_such_a_card(tmp_path: Path) -> None:
    patient = planned()
    prior = patient_prior(card_with_rate(tmp_path), weight_kg=70.0, agents=(), disposition="one_compartment")
    with pytest.raises(InputError, match="clearance and volume vary together"):
        build_problem(patient, prior, "loss_and_recovery")
    plain = card_with_rate(tmp_path, omega_v=0.0)
    prior = patient_prior(plain, weight_kg=70.0, agents=(), disposition="one_compartment")
    assert build_problem(patient, prior, "loss_and_recovery").prior_sd[0] == pytest.approx(OMEGA_K)
