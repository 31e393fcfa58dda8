"""Infusions that nobody recorded: found where levels rose by as much, given by one model beside, and paid for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_posteriors import fitted_posterior, of_truth
from test_misfit import cohort
from test_misfit_effects import spoken

from igkinetics.effect.averages import att
from igkinetics.effect.counterfactual import within_patient
from igkinetics.effect.exposure import exposures
from igkinetics.effect.misfit import SHARES, residuals, rise_row, rises_row, shares_of, unexplained_row
from igkinetics.effect.misfit_effects import reruns
from igkinetics.effect.sensitivity import paid
from igkinetics.hierarchical.fit import HierarchicalOptions, PreparedCohort, prepare_cohort
from igkinetics.hierarchical.leave_one_out import LeftOut
from igkinetics.hierarchical.suspected import (
    ODDS,
    Suspected,
    suspected_days,
    suspected_infusions,
    undosed_gaps,
    with_suspected,
)
from igkinetics.kinetics.schedule import START
from made_records import CARD, cohort_of, drawn, planned

DAYS = tuple(np.linspace(-3.0, 200.0, 16))
GIVEN = ((30.0, 28.0), (90.0, 28.0), (150.0, 28.0))


@pytest.fixture(scope="module")
def prepared() -> PreparedCohort:
    """Ten patients with three infusions each; the second of every other one is not in the record."""
    generator = np.random.default_rng(5)
    patients = []
    for k in range(10):
        patient = drawn(planned(DAYS, doses=GIVEN, patient_id=f"P{k}"), generator).patient
        kept = np.array([True, k % 2 == 0, True])
        patients.append(
            replace(
                patient,
                dose_day=patient.dose_day[kept],
                dose_g=patient.dose_g[kept],
                dose_duration_day=patient.dose_duration_day[kept],
                dose_is_sc=patient.dose_is_sc[kept],
            )
        )
    return prepare_cohort(cohort_of(patients), CARD, HierarchicalOptions(keep_all=True))


def test_what_was_not_recorded_is_suspected_and_nothing_else(prepared: PreparedCohort) -> None:
    found = suspected_infusions(prepared.members)
    assert set(found.infusions) <= {f"P{k}" for k in range(1, 10, 2)}
    assert found.n >= 4
    before = max(day for day in DAYS if day <= GIVEN[1][0])
    for each in found.infusions.values():
        np.testing.assert_allclose(each, [[before, 28.0]], atol=0.01)
    assert rises_row(found)["p"] < 1e-6
    assert found.odds == found.n / found.gaps > ODDS
    assert {name for name, each in found.likely.items() if len(each)} >= set(found.infusions)
    assert sum(map(len, found.likely.values())) >= found.n
    assert suspected_infusions([one for one in prepared.members if one.patient.dose_day.size == 3]).n == 0
    assert suspected_infusions([]) == Suspected(infusions={}, gaps=0)


def test_smaller_rises_count_where_larger_ones_are_there(prepared: PreparedCohort) -> None:
    """Nothing is likely in those whose record is whole, and nothing at all in a cohort without clear rises."""
    small = []
    for one in prepared.members:
        left_out = one.patient.dose_day.size == 2
        days, clear = suspected_days(one, undosed_gaps(one), 28.0)
        assert clear.size == days.size
        assert left_out or not days.size
        small.append(days.size)
    assert sum(small) >= suspected_infusions(prepared.members).n
    never = suspected_infusions([one for one in prepared.members if one.patient.dose_day.size == 3])
    assert (never.likely, never.odds) == ({}, ODDS)


def test_they_are_given_beside_and_do_not_decide_who_is_infused(prepared: PreparedCohort) -> None:
    patient = replace(
        prepared.members[1].patient, dose_day=np.empty(0), dose_g=np.empty(0),
        dose_duration_day=np.empty(0), dose_is_sc=np.zeros(0, dtype=bool),
    )  # fmt: skip
    theta = drawn(planned(DAYS), np.random.default_rng(1)).theta
    made, posterior = of_truth([patient, prepared.members[0].patient], [theta, theta])
    added = {"P0": np.array([[60.0, 28.0]]), "P1": np.array([[60.0, 28.0]])}
    never, infused = exposures(made, replace(posterior, suspected=added), 70.0)
    assert not never.treated
    assert never.doses.day.tolist() == [60.0]
    assert infused.in_window.tolist() == [True, True, True, False]
    assert 60.0 in infused.with_ivig()[:, START]
    assert 60.0 not in infused.without_ivig()[:, START]
    recorded = exposures(made, posterior, 70.0)[1]
    more, less = (
        next(att(within_patient(posterior, [one], (), 1), (), sign_given=True)).draws for one in (infused, recorded)
    )
    assert np.all(more >= less)
    given = with_suspected(prepared, added)
    assert [len(given.suspected[name]) for name in ("P0", "P1")] == [1, 1]
    assert given.arrays.segments.shape[0] > prepared.arrays.segments.shape[0]
    np.testing.assert_array_equal(given.arrays.igg, prepared.arrays.igg)


def test_each_costs_its_patient(prepared: PreparedCohort) -> None:
    class Model:
        prepared: PreparedCohort
        posterior = type("Ids", (), {"patient_ids": ("P0", "P1", "P2")})

    model = Model()
    model.prepared = with_suspected(prepared, {"P1": np.array([[60.0, 28.0], [100.0, 28.0]])}, 0.05)
    unseen = LeftOut(elpd=np.zeros(3), log_weights=np.zeros((1, 3)), pareto_k=np.zeros(3), draws=np.arange(1))
    assert paid(unseen, model).elpd.tolist() == [0.0, 2.0 * np.log(0.05), 0.0]  # type: ignore[arg-type]


def test_tests_beside_the_residuals() -> None:
    assert unexplained_row(0, 40)["p"] == 1.0
    assert unexplained_row(1, 40)["p"] == pytest.approx(1.0 - np.exp(-0.04))
    assert unexplained_row(2, 40)["p"] < 0.001
    assert rise_row(-1.959964, 20)["p"] == pytest.approx(0.05)
    assert rise_row(-4.0, 20)["p"] < 1e-4


def test_the_rise_per_gram_and_the_step_have_their_shares_of_the_verdict() -> None:
    tests = ["neighbours", "tails", "rises", "step", "rise per gram"]
    shares = shares_of(tests)
    assert sum(shares) == pytest.approx(1.0)
    assert shares[-2:] == [SHARES["step"], SHARES["rise per gram"]]
    assert len(set(shares[:-2])) == 1
    assert sum(shares_of(tests[3:])) == pytest.approx(1.0)
    assert shares_of(["tails"]) == [1.0]
    assert shares_of([]) == []


def test_nothing_is_sampled_again_for_them(prepared: PreparedCohort) -> None:
    made = cohort(3, "right", n=4)
    posterior = fitted_posterior(made, 60)
    scores = residuals(made, posterior, exposures(made, posterior, 70.0), 1)
    assert reruns(spoken("rises", "unexplained", "rise per gram"), scores, prepared) == {}
