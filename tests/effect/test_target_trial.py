"""The emulated target trial: departures day by day, weights against shares counted by hand, and known contrasts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_posteriors import of_truth

from igkinetics.cards.prior import draw_parameters, kinetic_parameters
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.dosing.assay import Assay
from igkinetics.dosing.regimen import Rule
from igkinetics.effect.exposure import Exposure, exposures
from igkinetics.effect.policies.adherence import GIVE, OPEN, WITHHOLD, Followed, courses, followed, record_of
from igkinetics.effect.policies.policy_file import AS_RECORDED, Asked, Policy, TargetTrial
from igkinetics.effect.policies.replay import Replayed, replay
from igkinetics.effect.policies.target_trial import (
    Emulated,
    emulated,
    positivity_rows,
    trial_rows,
    weighted_mean,
)
from igkinetics.effect.policies.weighting import Intervals, effective, fitted, kept_to, weights_until
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats
from made_records import measured, prior_of, record, schedule_of

sys.path.insert(0, str(Path(__file__).parents[1] / "kinetics"))
from treatments import vector

GAP = 28.0
TRIAL = TargetTrial(grace_day=7.0)
NEVER = Policy(name="never")
MONTHLY = Policy(name="monthly", dose_g_per_kg=0.4, interval_day=28.0)
RULE = Policy(
    name="below 400",
    rule=Rule(below_mg_dl=400.0, check="visits", minimum_gap_day=GAP, dose_g_per_kg=0.4),
)
VISITS = ((0.0, 6.0), (14.0, 3.9), (28.0, 5.0), (42.0, 3.8), (56.0, 4.5))


def exposure(*doses: tuple[float, float], samples: Sequence[tuple[float, float]] = VISITS) -> Exposure:
    """A patient of 70 kg: 28 g are 0.4 g/kg."""
    cohort, posterior = of_truth([record("A", samples=samples, doses=doses)], [vector()])
    return exposures(cohort, posterior, 70.0)[0]


def clone(policy: Policy, one: Exposure) -> Followed:
    return followed(policy, one, record_of(one, TRIAL), TRIAL)


@pytest.mark.parametrize(
    ("policy", "doses", "asks", "until", "why"),
    [
        (NEVER, (), [WITHHOLD] * 4, np.inf, ""),
        (NEVER, ((20.0, 28.0),), [WITHHOLD] * 4, 20.0, "does not give"),
        (RULE, ((14.0, 28.0), (45.0, 28.0)), [WITHHOLD, GIVE, WITHHOLD, GIVE], np.inf, ""),
        (RULE, ((14.0, 28.0),), [WITHHOLD, GIVE, WITHHOLD, GIVE], 49.0, "was not given"),
        (RULE, ((14.0, 28.0), (29.0, 28.0)), [WITHHOLD, GIVE, WITHHOLD, WITHHOLD], 29.0, "does not give"),
        (RULE, ((14.0, 60.0), (42.0, 28.0)), [WITHHOLD, GIVE, WITHHOLD, GIVE], 14.0, "an amount other"),
        (RULE, ((14.0, 14.0), (15.0, 14.0), (42.0, 28.0)), [WITHHOLD, GIVE, WITHHOLD, GIVE], np.inf, ""),
        (MONTHLY, ((0.0, 28.0), (30.0, 28.0)), [GIVE, OPEN, GIVE, WITHHOLD], np.inf, ""),
        (MONTHLY, ((0.0, 28.0),), [GIVE, OPEN, GIVE, WITHHOLD], 35.0, "was not given"),
        (MONTHLY, ((0.0, 28.0), (12.0, 28.0)), [GIVE, OPEN, GIVE, WITHHOLD], 12.0, "does not give"),
    ],
)
def test_a_clone_departs_on_the_day_and_for_the_reason(
    policy: Policy, doses: tuple[tuple[float, float], ...], asks: list[int], until: float, why: str
) -> None:
    found = clone(policy, exposure(*doses))
    assert found.asks.tolist() == asks
    assert found.until == until
    assert why in found.why


def test_a_grace_period_that_outlasts_the_interval_leaves_it_open() -> None:
    close = ((0.0, 6.0), (14.0, 3.9), (17.0, 3.9), (28.0, 5.0))
    assert clone(RULE, exposure((18.0, 28.0), samples=close)).asks.tolist() == [WITHHOLD, OPEN, GIVE]
    assert clone(RULE, exposure((15.0, 28.0), samples=close)).asks.tolist() == [WITHHOLD, OPEN, WITHHOLD]
    at_the_end = ((0.0, 6.0), (14.0, 3.9), (17.0, 3.9))
    assert clone(RULE, exposure(samples=at_the_end)).until == np.inf


def test_an_infusion_before_the_window_counts_for_the_gap() -> None:
    one = exposure((-3.0, 28.0), samples=((0.0, 3.0), (14.0, 3.0), (30.0, 3.0), (44.0, 6.0)))
    assert clone(RULE, one).asks.tolist() == [WITHHOLD, WITHHOLD, GIVE]


def test_infusions_of_a_course_are_one() -> None:
    day, grams = courses(np.array([0.0, 1.0, 2.0, 20.0]), np.array([10.0, 10.0, 8.0, 28.0]), 7.0)
    assert day.tolist() == [0.0, 20.0]
    assert grams.tolist() == [28.0, 28.0]


def test_probabilities_of_a_saturated_model_are_the_shares_counted() -> None:
    rng = np.random.default_rng(1)
    group = rng.integers(0, 2, 4000).astype(float)
    infused = (rng.random(4000) < np.where(group == 1, 0.3, 0.8)).astype(float)
    scaled = (group - group.mean()) / group.std()
    intervals = Intervals(
        design=np.column_stack([np.ones(4000), scaled]),
        infused=infused,
        patient=np.arange(4000),
        names=("intercept", "group"),
    )
    clones = [Followed(asks=np.array([GIVE if k % 2 else WITHHOLD]), until=np.inf, why="") for k in range(4000)]
    kept = kept_to(intervals, clones, fitted(intervals, np.ones(4000)))
    for value in (0.0, 1.0):
        share = infused[group == value].mean()
        given, withheld = (kept[(group == value) & (np.arange(4000) % 2 == odd)] for odd in (1, 0))
        assert given == pytest.approx(share, abs=2e-3)
        assert withheld == pytest.approx(1 - share, abs=2e-3)


def test_effective_patients() -> None:
    assert effective(np.ones(7)) == pytest.approx(7.0)
    assert effective(np.array([1.0, 0.0, 0.0])) == pytest.approx(1.0)
    assert effective(np.zeros(3)) == 0.0


def prescribed(number: int, generator: np.random.Generator, *, follows: float) -> tuple[Patient, Floats]:
    """A patient whose prescriber infuses 0.4 g/kg with probability `follows` when a value is below 4 g/L, 28 days
    apart, and seldom (4 %) otherwise: what the record says explains who is infused."""
    patient = record(f"P{number:03d}", samples=[(day, 1.0) for day in (-3.0, *np.arange(0.0, 80.0, 14.0))])
    values = draw_parameters(prior_of(patient), generator, 1, with_uncertainty=False)
    ratios = {"clearance_ratio": np.ones(1), "production_ratio": np.ones(1)}
    theta = np.asarray(kinetic_parameters({**values, **ratios})[0])
    for place, day in enumerate(patient.sample_day):
        level = np.add(*igg_curve(theta, schedule_of(patient), np.array([day])))
        igg = patient.sample_igg.copy()
        igg[place] = measured(level, generator)[0]
        patient = replace(patient, sample_igg=igg)
        last = patient.dose_day.max(initial=-np.inf)
        chance = (follows if patient.sample_igg[place] < 4.0 else 0.04) if day - last >= GAP and day >= 0 else 0.0
        if generator.random() < chance:
            patient = with_dose(patient, day)
    return patient, theta


def with_dose(patient: Patient, day: float) -> Patient:
    days = np.append(patient.dose_day, day)
    return replace(
        patient,
        dose_day=days,
        dose_g=np.full(days.size, 28.0),
        dose_duration_day=np.zeros(days.size),
        dose_is_sc=np.zeros(days.size, dtype=bool),
    )


def world(n: int, follows: float, *policies: Policy) -> tuple[Cohort, Asked, tuple[Replayed, ...]]:
    """n patients with a posterior that holds the truth: what is replayed is the true mean, up to noise."""
    generator = np.random.default_rng(7)
    people = [prescribed(k, generator, follows=follows) for k in range(n)]
    cohort, posterior = of_truth([one for one, _ in people], [theta for _, theta in people], n=40)
    asked = Asked(name="", policies=policies, assay=Assay(), trial=TargetTrial(grace_day=3.0))
    replayed = replay(posterior, exposures(cohort, posterior, 70.0), asked, (4.0,), residual="normal", seed=1, jobs=2)
    return cohort, asked, replayed


@pytest.fixture(scope="session")
def trial() -> tuple[Emulated, pd.DataFrame]:
    """300 patients of whom half were infused whenever IgG was low."""
    _, asked, replayed = world(300, 0.5, NEVER, RULE)
    found = emulated(replayed, asked)
    assert found is not None
    return found, trial_rows(found, asked, "mg/dL", 0.95, 1)


@pytest.mark.parametrize("outcome", ["lowest_measured", "mean_measured"])
def test_the_emulated_contrast_is_the_true_one(trial: tuple[Emulated, pd.DataFrame], outcome: str) -> None:
    found, table = trial
    row = table[(table["policy"] == "below 400") & (table["against"] == "never")].set_index("estimand").loc[outcome]
    assert row["status"] == "estimated"
    assert row["lower"] <= row["replayed"] <= row["upper"]
    assert row["upper"] - row["lower"] < 2.0 * abs(row["replayed"])
    unweighted = [
        weighted_mean(np.array([one.until == np.inf for one in found.clones[name]], dtype=float), found.values[outcome])
        for name in ("below 400", "never")
    ]
    assert 100 * float(unweighted[0] - unweighted[1]) < row["lower"]  # those never infused are those who stay high
    recorded = table[(table["policy"] == AS_RECORDED) & (table["against"] == "")].set_index("estimand").loc[outcome]
    assert recorded["lower"] <= recorded["replayed"] <= recorded["upper"]


def test_weights_make_up_for_those_who_departed(trial: tuple[Emulated, pd.DataFrame]) -> None:
    """The weighted clones stand for everybody: their weights sum to the number of patients, within chance."""
    found, _ = trial
    coefficients = fitted(found.intervals, np.ones(found.intervals.patient.size))
    for clones in found.clones.values():
        kept = kept_to(found.intervals, clones, coefficients)
        weights = weights_until(found.intervals, found.records, clones, kept, found.ends)
        assert weights.sum() == pytest.approx(300.0, rel=0.2)
    table = positivity_rows(found)
    for _, rows in table.groupby("policy"):
        shares = rows["share_uncensored"].to_numpy()
        assert np.all(np.diff(shares) <= 1e-12)
        assert rows["n_followed"].iloc[0] == 300


def test_where_nobody_could_differ_the_record_is_refused_in_words() -> None:
    """Whoever is low is infused: nothing in the record says what would have become of them without."""
    _, asked, replayed = world(40, 1.0, NEVER, MONTHLY, RULE)
    found = emulated(replayed, asked)
    assert found is not None
    table = trial_rows(found, asked, "mg/dL", 0.95, 1).set_index(["policy", "against", "estimand"])
    monthly = table.loc[("monthly", "", "lowest_measured")]
    assert monthly["status"] == "not_estimated"
    assert monthly["reason"].startswith("positivity fails")
    never = table.loc[("never", "", "lowest_measured")]
    assert never["status"] == "not_estimated"
    assert never["reason"].startswith("positivity fails")
    assert np.isfinite(never["replayed"])
    assert table.loc[(AS_RECORDED, "", "lowest_measured"), "status"] == "estimated"
    assert table.loc[("monthly", "never", "lowest_measured"), "reason"].count("positivity fails") == 2
