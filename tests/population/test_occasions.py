"""Variation between occasions, against closed forms, integrals by brute force and an ODE."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp
from scipy.stats import multivariate_normal

import igkinetics as igk
from igkinetics.cards.load import load_card
from igkinetics.cohort.model import Cohort
from igkinetics.population.exact import exact_log_likelihood
from igkinetics.population.maximise import Objective, start_of
from igkinetics.population.options import PopulationOptions
from igkinetics.population.prepare import Prepared, prepare
from igkinetics.population.residuals import levels_at, residuals_of, simulated

DOSES = """title = "Doses alone"
structure = { endogenous = "none" }
[parameters]
CL = { value = 0.2, unit = "L/day", omega = 0.3 }
V = { value = 5.0, unit = "L", omega = 0.25 }
[residual_error]
additive = { value = 0.05, unit = "g/L" }
proportional = 0.1
"""
WHOLE = """title = "Everything"
[parameters]
CL = { value = 0.16, unit = "L/day", omega = 0.3 }
V1 = { value = 3.2, unit = "L", omega = 0.25 }
Q = { value = 0.5, unit = "L/day", omega = 0.2 }
V2 = { value = 2.0, unit = "L", fixed = true }
ka = { value = 0.4, unit = "1/day", omega = 0.3 }
F = { value = 0.7, fixed = true }
C_base = { value = 6.0, unit = "g/L", omega = 0.4 }
S = { value = 0.55, omega = 0.6 }
k_loss = { value = 0.08, unit = "1/day", omega = 0.3 }
k_rec = { value = 0.01, unit = "1/day", omega = 0.3 }
[residual_error]
additive = { value = 0.2, unit = "g/L" }
proportional = 0.09
"""
MAPPING = {"igg_unit": "g/L", "unusual_levels": "as_given", "time_origin": "as_given"}
LOG_ERROR = float(np.sqrt(np.log1p(0.1**2)))


def card_file(folder: Path, words: str) -> str:
    file = folder / "card.toml"
    file.write_text(words, encoding="utf-8")
    return str(file)


def prepared_of(cohort: Cohort, **choices: object) -> Prepared:
    options = PopulationOptions(**choices)  # type: ignore[arg-type]
    return prepare(cohort, load_card(options.card), options)


def dosed(levels: dict[str, list[float]], days: list[float], doses: list[tuple[float, float]]) -> Cohort:
    """The same days and boluses for everybody."""
    samples = [(name, day, level) for name, own in levels.items() for day, level in zip(days, own, strict=True)]
    given = [(name, day, grams, 0.0, "iv") for name in levels for day, grams in doses]
    return igk.read_cohort(
        samples=pd.DataFrame(samples, columns=["patient_id", "day", "igg"]),
        doses=pd.DataFrame(given, columns=["patient_id", "day", "amount_g", "duration_h", "route"]),
        mapping=MAPPING,
    )


def evaluated(prepared: Prepared, phi: np.ndarray) -> tuple[Objective, float]:
    objective = Objective(prepared.model, prepared.arrays, 1)
    value, _ = objective(phi)
    return objective, value


def test_a_linear_gaussian_model_has_its_closed_form(tmp_path: Path) -> None:
    """log C = log A(t) - log V with k known: volumes that vary between and within patients add normal numbers."""
    days, first, second = [1.0, 9.0, 20.0, 31.0, 45.0, 58.0], 0.0, 30.0
    generator = np.random.default_rng(4)
    amount = np.array([40 * np.exp(-0.04 * day) + (day > second) * 40 * np.exp(-0.04 * (day - second)) for day in days])
    levels = {
        f"P{k}": list(amount / 5 * np.exp(0.3 * generator.standard_normal(6) + 0.3 * generator.standard_normal()))
        for k in range(4)
    }
    cohort = dosed(levels, days, [(first, 40.0), (second, 40.0)])
    words = DOSES.replace('additive = { value = 0.05, unit = "g/L" }\n', "")
    choices = {"card": card_file(tmp_path, words), "residual": "lognormal", "rate": True, "no_random": ("k",)}
    prepared = prepared_of(cohort, **choices, estimate=("k",), iov=("V1",), occasion="dose")
    assert prepared.model.labels[-4:] == ("V1", "omega_V1", "omega_iov_V1", "b")
    between, within = 0.25, 0.4
    phi = start_of(prepared.model, np.array([between, within]))
    objective, value = evaluated(prepared, phi)
    occasion = np.array([0, 0, 0, 1, 1, 1])
    covariance = between**2 + within**2 * (occasion[:, None] == occasion) + LOG_ERROR**2 * np.eye(6)
    expected = 0.0
    for own in levels.values():
        logs = np.log(own)
        expected -= multivariate_normal.logpdf(logs, np.log(amount / 5), covariance) - logs.sum()
    assert value == pytest.approx(expected, abs=1e-6)
    level = prepared.model.level(phi)
    exact = exact_log_likelihood(level, prepared.arrays, objective.found, seed=1, jobs=1)
    assert -exact.total == pytest.approx(expected, abs=1e-6)


def test_the_integral_over_two_occasions_is_that_by_brute_force(tmp_path: Path) -> None:
    """CL differs between patients and between two periods of 20 days; V is known: three random effects."""
    days = [2.0, 11.0, 19.0, 27.0, 38.0]
    levels = {"A": [7.4, 6.2, 4.4, 4.1, 3.4], "B": [7.9, 5.1, 3.5, 2.0, 1.0]}
    cohort = dosed(levels, days, [(0.0, 40.0)])
    choices = {"card": card_file(tmp_path, DOSES), "no_random": ("V1",), "iov": ("CL",), "occasion": "20"}
    prepared = prepared_of(cohort, **choices)
    between, within = 0.3, 0.35
    phi = start_of(prepared.model, np.array([between, within]))
    objective, _ = evaluated(prepared, phi)
    exact = exact_log_likelihood(prepared.model.level(phi), prepared.arrays, objective.found, seed=1, jobs=1)
    step = 0.04
    eta = np.arange(-1.6, 1.6 + step / 2, step)
    grid = np.arange(-1.8, 1.8 + step / 2, step)
    e, one, two = np.meshgrid(eta, grid, grid, indexing="ij", sparse=True)
    for place, own in enumerate(levels.values()):
        log_joint = -0.5 * ((e / between) ** 2 + (one / within) ** 2 + (two / within) ** 2)
        log_joint = log_joint - 1.5 * np.log(2 * np.pi) - np.log(between * within**2)
        for day, level in zip(days, own, strict=True):
            gone = 0.04 * np.exp(e) * (np.exp(one) * min(day, 20.0) + np.exp(two) * max(day - 20.0, 0.0))
            curve = 8.0 * np.exp(-gone)
            variance = 0.05**2 + (0.1 * curve) ** 2
            log_joint = log_joint - 0.5 * ((level - curve) ** 2 / variance + np.log(2 * np.pi * variance))
        peak = log_joint.max()
        integral = peak + np.log(np.exp(log_joint - peak).sum() * step**3)
        assert exact.log_likelihood[place] == pytest.approx(integral, abs=1e-5)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Two compartments, loss and recovery, infusions and doses under the skin; four parameters vary by a column."""
    samples, doses, covariates, therapy = [], [], [], []
    generator = np.random.default_rng(2)
    for name in "ABC":
        days = np.array([*np.sort(generator.uniform(-20, 140, 8)).round(2), 150.0])
        samples += [(name, day, 5.0 + generator.standard_normal()) for day in days]
        doses += [(name, 15.0, 30.0, 4.0, "iv"), (name, 50.0, 20.0, 0.0, "sc"), (name, 90.3, 30.0, 24.0, "iv")]
        covariates += [(name, -20.0, "calm"), (name, 30.0, "fever"), (name, 90.8, "calm"), (name, 120.0, "late")]
        therapy.append((name, 0.0, 70.0, "blinatumomab"))
    covariates = covariates[:-1]  # C has no late occasion
    cohort = igk.read_cohort(
        samples=pd.DataFrame(samples, columns=["patient_id", "day", "igg"]),
        doses=pd.DataFrame(doses, columns=["patient_id", "day", "amount_g", "duration_h", "route"]),
        therapy=pd.DataFrame(therapy, columns=["patient_id", "start", "stop", "agent"]),
        covariates=pd.DataFrame(covariates, columns=["patient_id", "day", "state"]),
        mapping=MAPPING,
    )
    card = card_file(tmp_path_factory.mktemp("card"), WHOLE)
    iov = ("CL", "V1", "C_base", "S")
    return prepared_of(cohort, card=card, iov=iov, occasion="state", correlated=True)


def test_an_occasion_is_its_value_wherever_it_stands(whole: Prepared) -> None:
    first, _, third = whole.occasions
    assert first.names == ("calm", "fever", "late")
    assert list(first.number) == [0, 1, 0, 2]
    assert list(first.begins) == [-np.inf, 30.0, 90.8, 120.0]
    assert third.names == ("calm", "fever")
    assert list(first.at(np.array([-30.0, 30.0, 100.0, 130.0]))) == [0, 1, 0, 2]


def test_levels_are_those_of_the_equations_with_parameters_that_change(whole: Prepared) -> None:
    """Against an ODE solver: production keeps the patient's CL; amounts are continuous."""
    model, arrays = whole.model, whole.arrays
    level = model.level(start_of(model, whole.omega))
    generator = np.random.default_rng(5)
    eta = 0.3 * generator.standard_normal((1, 3, model.n_effects))
    found = levels_at(level, arrays, eta)[0]
    for i in range(3):
        x = level.mu[i].copy()
        x[level.random] += eta[0, i]
        rows = slice(arrays.sample_bounds[i], arrays.sample_bounds[i + 1])
        expected = by_solver(whole, i, dict(zip(model.names, x, strict=False)), x[len(model.names) :].reshape(-1, 4))
        np.testing.assert_allclose(found[rows], expected, rtol=1e-7)


def by_solver(whole: Prepared, i: int, x: dict[str, float], moved: np.ndarray) -> list[float]:
    """Levels at patient i's samples; moved (o, 4): changes of CL, V1, C_base, S."""
    problem, occasions = whole.members[i].problem, whole.occasions[i]
    cl, v1, q, ka = (np.exp(x[name]) for name in ("CL", "V1", "Q", "ka"))
    base, loss, recovery = (np.exp(x[name]) for name in ("C_base", "k_loss", "k_rec"))
    start = base * np.exp(x.get("C_init", 0.0))
    v2, f, schedule = 2.0, 0.7, problem.schedule
    first = moved[occasions.number[0]]
    state = np.array([start * v1 * np.exp(first[1]), start * v2, 0.0, 1.0])
    levels = [start] * int(np.sum(problem.day <= schedule[0, 0]))
    for k, segment in enumerate(schedule):
        state[0] += segment[3]
        state[2] += segment[4]
        by_cl, by_v1, by_base, by_s = moved[occasions.at(np.array([segment[0]]))[0]]
        share = 1.0 / (1.0 + np.exp(-x["S"] - by_s))
        volume = v1 * np.exp(by_v1)

        def change(_: float, y: np.ndarray) -> list[float]:
            production = cl * base * np.exp(by_base) * (1 - share + share * y[3])  # noqa: B023
            out = cl * np.exp(by_cl) / volume * y[0]  # noqa: B023
            exchange = q / volume * y[0] - q / v2 * y[1]  # noqa: B023
            absorbed = ka * y[2]
            supply = -loss * y[3] if segment[5] else recovery * (1 - y[3])  # noqa: B023
            central = production - out - exchange + f * absorbed + segment[1]  # noqa: B023
            return [central, exchange, segment[2] - absorbed, supply]  # noqa: B023

        end = schedule[k + 1, 0] if k + 1 < len(schedule) else problem.day[-1]
        wanted = problem.day[(problem.day > segment[0]) & (problem.day <= end)]
        stops = np.union1d(wanted, [end])
        if end <= segment[0]:
            break
        solved = solve_ivp(change, (segment[0], end), state, t_eval=stops, rtol=1e-10, atol=1e-12, method="DOP853")
        levels += [solved.y[0][np.searchsorted(stops, day)] / volume for day in wanted]
        state = solved.y[:, -1].copy()
    return levels


def test_slopes_are_those_of_the_likelihood(whole: Prepared) -> None:
    phi = start_of(whole.model, whole.omega) + 0.05
    objective, _ = evaluated(whole, phi)
    _, slopes = objective(phi)
    for place in range(phi.size):
        moved = np.zeros_like(phi)
        moved[place] = 1e-4
        up, down = objective(phi + moved)[0], objective(phi - moved)[0]
        assert slopes[place] == pytest.approx((up - down) / 2e-4, abs=3e-4, rel=2e-5), whole.model.labels[place]


def test_one_occasion_for_all_but_one_patient_changes_nothing_for_them(tmp_path: Path) -> None:
    """An effect of an occasion that a patient has not adds nothing to the patient's likelihood."""
    days = [2.0, 11.0, 19.0, 27.0, 38.0]
    levels = {"A": [7.4, 6.2, 4.4, 4.1, 3.4], "B": [7.9, 5.1, 3.5, 2.0, 1.0]}
    cohort = dosed(levels, days, [(0.0, 40.0)])
    card = card_file(tmp_path, DOSES)
    plain = prepared_of(cohort, card=card)
    nearly = prepared_of(cohort, card=card, iov=("CL",), occasion="20")
    small = start_of(nearly.model, np.array([*plain.omega, 0.005]))
    objective, value = evaluated(nearly, small)
    _, expected = evaluated(plain, start_of(plain.model, plain.omega))
    assert value == pytest.approx(expected, abs=2e-3)
    level = nearly.model.level(small)
    omega = nearly.model.parts(small).omega
    draws = simulated(level, nearly.arrays, omega, 100, 1)
    rows = residuals_of(level, nearly.arrays, omega, objective.found.eta, draws)
    assert np.isfinite(rows.cwres).all()
