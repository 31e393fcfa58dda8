"""Draws of large cohorts, made by compiled rounds over all structures at once: those of the search for one patient."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp
from test_batch import ENDS, awkward, one_by_one, same_columns, simulated

import igkinetics as igk
from igkinetics.cards.load import load_card
from igkinetics.cohort.model import Cohort
from igkinetics.fit import importance, profile
from igkinetics.fit.batch import drawing, points, rounds, run
from igkinetics.fit.batch.layout import MOST_SLOTS, WEIGHT
from igkinetics.fit.batch.slots import slot_of, target_of
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.drift import Record, drift_value
from igkinetics.fit.likelihood import STUDENT_T, minus_two_log
from igkinetics.fit.mixture import PROPOSAL_DF
from igkinetics.fit.objective import fill_theta
from igkinetics.fit.options import FitOptions
from igkinetics.kinetics.parameters import INDEX
from igkinetics.kinetics.together import fill_together

CHOICES = {"engine": "batch", "intervals": "draws", "thresholds": [300], "jobs": 1}


@cache
def drawn(draws: int = 2000) -> CohortFit:
    return igk.fit_cohort(simulated(24), **CHOICES, draws=draws)


def off_in_widths(one: pd.DataFrame, other: pd.DataFrame, name: str, low: str, high: str) -> pd.Series:
    width = (other[high] - other[low]).astype(float)
    return ((one[name] - other[name]).astype(float) / width).dropna()


def held_together(chunks: CohortFit, single: CohortFit) -> None:
    """Statuses, words and optima are the same, intervals within the noise of draws."""
    said = ["patient_id", "group", "status", "reason", "model", "method", "rows_used", "rows_set_aside"]
    same_columns(chunks.patients, single.patients, said, {"objective": 1e-8})
    same_columns(chunks.structures, single.structures, ["patient_id", "model", "drift_sd", "note"], {"objective": 1e-8})
    assert (chunks.structures["weight"] - single.structures["weight"]).abs().mean() < 0.015
    assert chunks.patients["pareto_k"].max() <= importance.GOOD_PARETO_K
    for name in ENDS:
        off = off_in_widths(chunks.nadir, single.nadir, name, ENDS[0], ENDS[2])
        assert off.abs().mean() < 0.05, name
        assert abs(off.mean()) < 0.02 + 0.05 / np.sqrt(off.size), name
    for name in ("lower", "upper"):
        off = off_in_widths(chunks.parameters, single.parameters, name, "lower", "upper")
        assert off.abs().mean() < 0.06, name
        assert abs(off.mean()) < 0.03, name
    learnt = (chunks.parameters["contraction"] - single.parameters["contraction"]).dropna()
    assert learnt.abs().mean() < 0.05
    assert chunks.notes == single.notes


def test_draws_in_chunks_are_those_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    single = one_by_one(simulated(24), monkeypatch, **CHOICES, draws=2000)
    assert drawn().left == {}
    held_together(drawn(), single)
    days = [fit.thresholds["days_below"].astype(float) for fit in (drawn(), single)]
    assert (days[0] - days[1]).abs().mean() < 1.5


def test_awkward_patients_read_as_they_do_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = igk.fit_cohort(awkward(), **CHOICES, draws=2000)
    held_together(chunks, one_by_one(awkward(), monkeypatch, **CHOICES, draws=2000))
    assert chunks.left["unexplained change"] >= 1


@pytest.mark.parametrize(("draws", "per_chunk"), [(2000, 5), (5000, 128)])
def test_chunks_and_threads_change_nothing(draws: int, per_chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("igkinetics.fit.batch.whole.CHUNK", per_chunk)
    other = igk.fit_cohort(simulated(24), **CHOICES | {"jobs": 3}, draws=draws)
    for name in ("nadir", "parameters", "structures", "curves", "draws", "thresholds"):
        pd.testing.assert_frame_equal(getattr(drawn(draws), name), getattr(other, name), check_exact=True)


def test_every_patient_has_as_many_equal_draws_as_asked_for() -> None:
    table = drawn().draws
    assert set(table.groupby("patient_id").size()) == {2000}
    drift = table.groupby("patient_id")["drift_sd"].apply(lambda sds: float((sds > 0).mean()))
    np.testing.assert_allclose(drift - drawn().patients.set_index("patient_id")["drift"], 0.0, atol=1e-9)
    weights = drawn().structures
    told = weights[weights["drift_sd"] > 0].groupby("patient_id")["weight"].sum()
    np.testing.assert_allclose(drift - told, 0.0, atol=0.04)
    lower, upper = (table.groupby("patient_id")["C_base"].quantile(share) for share in (0.025, 0.975))
    rows = drawn().parameters
    rows = rows[rows["parameter"] == "C_base"].set_index("patient_id")
    assert (upper - lower).corr(rows["upper"] - rows["lower"]) > 0.8  # of all structures there, of the fitted one here


@pytest.mark.parametrize("intervals", ["draws", "laplace"])
def test_a_cohort_of_which_nobody_says_anything_of_the_prior(intervals: str) -> None:
    """One measured level each: no estimates of their own, and so nothing for the tables of the whole cohort."""
    samples = {"patient_id": ["A", "B"], "day": [0, 3], "igg": [620, 540]}
    therapy = {"patient_id": ["A", "B"], "start": [0, 0], "stop": [40, 40], "agent": ["blinatumomab"] * 2}
    cohort = igk.read_cohort(samples=samples, therapy=therapy, igg_unit="mg/dL")
    found = igk.fit_cohort(cohort, engine="batch", intervals=intervals, draws=400, jobs=1)
    assert list(found.patients["status"]) == ["prior_only"] * 2
    assert found.conflict.empty


def test_a_patient_alone_has_the_draws_of_a_small_cohort() -> None:
    """As the app fits the patient that is open, without lmfit's check."""
    assert not FitOptions(engine="batch").in_chunks(1)
    assert FitOptions(engine="batch").in_chunks(2)
    assert FitOptions(engine="batch", intervals="laplace").in_chunks(1)


def test_thresholds_asked_for_again_leave_the_nadirs() -> None:
    again = drawn().over(thresholds=[500])
    columns = ["patient_id", *ENDS, "fitted_nadir_day"]
    pd.testing.assert_frame_equal(again.nadir[columns], drawn().nadir[columns])


def test_constants_are_those_of_the_draws_of_one_patient() -> None:
    names = ("AIM", "GOOD_PARETO_K")
    assert [getattr(drawing, name) for name in names] == [getattr(importance, name) for name in names]
    assert rounds.PRIOR_SHARE == importance.PRIOR_SHARE
    assert drawing.LOWER_BY == profile.LOWER_BY
    assert PROPOSAL_DF == 5.0  # the chi-squares of place_draws_of are made for it


def record_of(kind: int) -> tuple[Record, np.ndarray]:
    rng = np.random.default_rng(4)
    day = np.sort(rng.uniform(0.0, 150.0, 20))
    levels = rng.uniform(2.0, 8.0, (20, 7))
    limit = np.zeros(20, dtype=np.int8)
    limit[3], limit[9] = -1, 1
    return Record(kind, day, levels[:, 0] * rng.lognormal(0.0, 0.15, 20), limit, 0.2, 0.09), levels


@pytest.mark.parametrize("sd", [0.25, 0.4])
def test_the_drift_of_many_is_that_of_each(sd: float) -> None:
    record, levels = record_of(0)
    values = np.empty(7)
    drawing.fill_drift_values(record, levels, sd, values)
    each = [drift_value(record, np.ascontiguousarray(levels[:, k]), sd) for k in range(7)]
    np.testing.assert_allclose(values, each, rtol=1e-12)


def test_heavy_tails_of_many_are_those_of_each() -> None:
    record, levels = record_of(STUDENT_T)
    values = np.empty(7)
    points.fill_steady(record, np.arange(20), levels, np.full(7, STUDENT_T, dtype=np.int8), values)
    each = [
        sum(
            minus_two_log(STUDENT_T, y, limit, c, record.a, record.b)[0]
            for y, limit, c in zip(record.igg, record.limit, levels[:, k], strict=True)
        )
        for k in range(7)
    ]
    np.testing.assert_allclose(values, each, rtol=1e-12)


def test_no_group_has_too_few_draws() -> None:
    shares = rounds.raised(np.array([0.9, 0.0, 0.099, 0.001]))
    np.testing.assert_allclose(shares, [0.9, 0.0, 0.099, rounds.LEAST_SHARE])


def test_resampled_draws_keep_their_weights() -> None:
    rng = np.random.default_rng(2)
    weights = rng.exponential(size=2000) ** 3
    weights /= weights.sum()
    x = rng.normal(size=(2000, 2))
    mean = weights @ x
    kept = rounds.resampled(weights, 600, x)
    assert kept < 600
    assert weights[:kept].sum() == pytest.approx(1.0)
    np.testing.assert_allclose(weights[:kept] @ x[:kept], mean, atol=0.1)


def evidence(cohort: Cohort, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights of all slots of one patient by rounds, and by plain draws from the prior of each slot."""
    options = FitOptions(engine="batch", draws=draws, average="alone", jobs=1)
    name = cohort.patient_ids[0]
    entrant = run.Taking(cohort, load_card(options.card), options).entrant(0, cohort.patient(name))
    assert entrant is not None
    chunk = run.fitted_chunk([entrant], options, cohort.igg_unit)
    rng = np.random.default_rng(8)
    masses = np.full(MOST_SLOTS, -np.inf)
    for slot in range(MOST_SLOTS):
        own = slot_of(slot, 0, chunk.priors, chunk.how)
        if own.structure < 0 or own.prior_weight <= 0:
            continue
        target = target_of(0, own, chunk.records, chunk.priors)
        x = target.mu + target.sd * rng.standard_normal((200_000, target.mu.size))
        thetas = np.empty((len(x), len(INDEX)))
        for k in range(len(x)):
            fill_theta(x[k], target.free, target.fixed, thetas[k])
        levels, values = np.empty((2, target.record.day.size, len(x))), np.empty(len(x))
        fill_together(thetas, target.schedule, target.record.day, levels[0], levels[1])
        if own.drift_sd > 0:
            drawing.fill_drift_values(target.record, levels[1], own.drift_sd, values)
        else:
            kinds = np.full(len(x), own.kind, dtype=np.int8)
            points.fill_steady(target.record, np.arange(target.record.day.size), levels[1], kinds, values)
        masses[slot] = np.log(own.prior_weight) + logsumexp(-0.5 * values) - np.log(len(x))
    weights = np.nan_to_num(chunk.found.slots[0, :, WEIGHT])
    return weights, np.exp(masses - logsumexp(masses))


def test_weights_of_structures_are_those_of_draws_from_the_prior() -> None:
    """The marginal likelihood of each as the plain mean over its prior, of which nothing is adapted."""
    samples = {"patient_id": ["A"] * 4, "day": [0, 25, 60, 110], "igg": [700, 520, 330, 420]}
    therapy = {"patient_id": ["A"], "start": [0], "stop": [60], "agent": ["blinatumomab"]}
    cohort = igk.read_cohort(samples=samples, therapy=therapy, igg_unit="mg/dL")
    rounds_say, prior_says = evidence(cohort, 8000)
    np.testing.assert_allclose(rounds_say, prior_says, atol=0.025)
