"""A step common to many patients: scores with mean 0 where there is none, said where there is one and not elsewhere."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.special import log_ndtr, logsumexp

import igkinetics as igk
from igkinetics.cards.load import load_card
from igkinetics.cohort.model import Cohort
from igkinetics.fit.batch import lines, run
from igkinetics.fit.common_steps import largest_by_chance, linear, steady_draws
from igkinetics.fit.options import FitOptions
from igkinetics.kinetics.curves import igg_curve

DESIGN = """
seed = {seed}
population = {{ card = "adult_b_cell_depletion", weight_kg = {{ mean = 75, sd = 15 }} }}
therapy = {{ cycles = 4, on_day = 28, off_day = 14, agent = "blinatumomab" }}
visits = {{ every_day = 21, jitter_day = 4, until_day = 200 }}
assay = {{ cv_percent = 9 }}
[[group]]
name = "rule"
n = {n}
regimen = {{ rule = {{ below_mg_dl = 400, check_every_day = 14, minimum_gap_day = 21, dose_g_per_kg = 0.4 }} }}
"""
MADE = {"igg_unit": "mg/dL", "time_origin": "as_given"}
LARGE = {"engine": "batch", "intervals": "laplace", "average": "alone"}


@cache
def simulated(n: int, seed: int, step: float = 0.0) -> Cohort:
    """Levels from day 80 on are larger by `step`."""
    made = igk.simulate_cohort(DESIGN.format(n=n, seed=seed))
    factor = np.where(made.samples["day"] >= 80, 1.0 + step, 1.0)
    samples = made.samples.assign(igg=made.samples["igg"].astype(float) * factor)
    return igk.read_cohort(
        samples=samples, doses=made.doses, therapy=made.therapy, patients=made.patients, mapping=MADE
    )


def test_no_step_is_told_where_there_is_none_however_many_patients() -> None:
    for n, seed in ((60, 1), (60, 2), (60, 3), (600, 4)):
        assert igk.fit_cohort(simulated(n, seed), **LARGE).laboratory.empty, seed


def test_a_step_is_told_with_its_day_and_size() -> None:
    found = igk.fit_cohort(simulated(150, 5, 0.12), **LARGE).laboratory.iloc[0]
    assert found["by"] == "study day"
    assert abs(found["day"] - 80.0) < 10.0
    assert found["step_lower"] < 0.12 < found["step_upper"]


def a_record() -> Cohort:
    samples = {"patient_id": ["A"] * 6, "day": [0, 25, 60, 90, 110, 140], "igg": [700, 520, "<300", 320, 420, 450]}
    therapy = {"patient_id": ["A"], "start": [0], "stop": [60], "agent": ["blinatumomab"]}
    return igk.read_cohort(samples=samples, therapy=therapy, igg_unit="mg/dL")


def test_the_mean_score_is_the_slope_of_the_marginal_likelihood() -> None:
    """Of a step in the levels from the fourth sample on, their errors as they were: 400,000 draws from the prior."""
    cohort = a_record()
    options = FitOptions(**LARGE, jobs=1)
    entrant = run.Taking(cohort, load_card(options.card), options).entrant(0, cohort.patient("A"))
    assert entrant is not None
    chunk = run.fitted_chunk([entrant], options, cohort.igg_unit)
    chunk.how.seeds[0] = 3
    records, priors = chunk.records, chunk.priors
    free = priors.free[0, 0, : priors.p[0, 0]]
    rng = np.random.default_rng(5)
    x = priors.mu[0, 0, : free.size] + priors.sd[0, 0, : free.size] * rng.standard_normal((400_000, free.size))
    level = np.add(*igg_curve(lines.natural(x, free, priors.fixed[0, 0]), records.schedule, records.day))
    spread = np.sqrt(priors.a**2 + (priors.b * level) ** 2)

    def log_marginal(step: float) -> float:
        moved = level * np.where(np.arange(6) >= 3, 1.0 + step, 1.0)
        gap = (records.igg - moved) / spread
        terms = np.where(records.limit == 0, -0.5 * gap**2 - np.log(spread), log_ndtr(-records.limit * gap))
        return float(logsumexp(terms.sum(axis=1)))

    slope = (log_marginal(1e-4) - log_marginal(-1e-4)) / 2e-4
    of_points = []
    for seed in range(20):
        chunk.how.seeds[0] = seed
        drawn, levels = lines.steady_points(0, chunk)
        of_points.append(lines.mean_scores(levels, records.igg, (priors.a, priors.b), drawn.weights)[3:].sum())
    error = np.std(of_points) / np.sqrt(20)
    assert np.mean(of_points) == pytest.approx(slope, abs=4.0 * error + 0.05)
    own = igk.fit_cohort(cohort, engine="lmfit", draws=4000).fits[0]
    line = linear(own, steady_draws(own))
    assert line is not None
    assert float(line.level[2:] @ line.pull[2:]) == pytest.approx(slope, abs=0.4)


def test_the_largest_by_chance_is_that_of_signs_drawn_one_by_one() -> None:
    rng = np.random.default_rng(2)
    score = rng.normal(size=(30, 7))
    score /= np.sqrt(np.sum(score**2, axis=0))
    plain = [np.max(np.abs(rng.choice([-1.0, 1.0], 30) @ score)) for _ in range(4000)]
    shares = (0.1, 0.5, 0.9, 0.98)
    np.testing.assert_allclose(
        np.quantile(largest_by_chance(score, rng), shares), np.quantile(plain, shares), atol=0.12
    )


def test_few_draws_without_drift_leave_the_best_curve() -> None:
    fit = igk.fit_cohort(a_record(), engine="lmfit", draws=1000).fits[0]
    assert fit.draws is not None
    shares = np.where(np.arange(fit.draws.weights.size) < 3, 1e-3, 0.0)[:, None]
    assert steady_draws(fit) is not None
    assert steady_draws(replace(fit, draws=replace(fit.draws, drift_shares=shares))) is None
