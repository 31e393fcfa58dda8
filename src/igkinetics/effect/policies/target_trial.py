"""The same policies asked of the record alone: a target trial emulated by cloning, censoring and weighting.

Every patient is cloned into every policy, a clone is censored when what was recorded departs from it, and the rest are
weighted by how likely it was not to depart (docs/model.md 5.7). No kinetic model takes part, so that this and the
policies replayed through the posterior can disagree in sight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.effect.estimand_row import ESTIMATED, NOT_ESTIMATED
from igkinetics.effect.policies.adherence import OPEN, Followed, Record, followed, record_of
from igkinetics.effect.policies.policy_file import AS_RECORDED, Asked
from igkinetics.effect.policies.replay import Replayed, own_days
from igkinetics.effect.policies.weighting import (
    Intervals,
    effective,
    fitted,
    intervals_of,
    kept_to,
    over_by,
    weights_until,
)
from igkinetics.errors import counted
from igkinetics.kinetics.parameters import Floats
from igkinetics.random_streams import numbered_stream
from igkinetics.text import share_of_draws
from igkinetics.units import IggUnit, from_g_per_l

TRIAL_COLUMNS: Final = (
    "policy",
    "against",
    "estimand",
    "estimate",
    "lower",
    "upper",
    "level",
    "replayed",
    "replayed_lower",
    "replayed_upper",
    "n_patients",
    "n_uncensored",
    "effective_n",
    "unit",
    "status",
    "reason",
)
"""estimate: weighted mean of the record; replayed: the same quantity through the posterior. against empty: of one
policy, else policy minus against."""
POSITIVITY_COLUMNS: Final = (
    "policy",
    "day",
    "n_followed",
    "n_uncensored",
    "share_uncensored",
    "effective_n",
    "mean_weight",
    "largest_weight",
    "least_probability",
    "departures",
)
"""day: from the window's start, nan for each clone's own end. n_followed: clones whose window lasts that long.
mean_weight: over all clones followed, about 1 where those who kept to the policy can stand for everybody;
largest_weight: the largest share of all weights that one clone has. least_probability: of having done what the policy
asked for, the smallest that an uncensored clone met."""
BOOTSTRAPS: Final = 400
EVERY_DAY: Final = 28.0
UNLIKELY: Final = 0.05
"""A clone that had so small a chance to keep to the policy stands for many who did not."""
MOST_UNLIKELY: Final = 0.2
"""Share of the clones that may meet such a point."""
WEIGHTS_NEAR: Final = (0.75, 1 / 0.75)
"""Mean weights beyond these mean that some patients have nobody who could stand for them."""
MOST_FAILED: Final = 0.05
"""Share of bootstrap samples that may be left without a clone."""
OUTCOMES: Final = ("lowest_measured", "mean_measured")


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulated:
    """What the emulation works on. values: outcome -> per patient, g/L; clones: policy -> each patient's clone."""

    replayed: tuple[Replayed, ...]
    records: tuple[Record, ...]
    values: dict[str, Floats]
    clones: dict[str, tuple[Followed, ...]]
    intervals: Intervals

    @property
    def n(self) -> int:
        return len(self.records)

    @property
    def ends(self) -> Floats:
        return np.array([one.exposure.window.end for one in self.replayed])

    @property
    def starts(self) -> Floats:
        return np.array([one.exposure.window.start for one in self.replayed])


def emulated(replayed: Sequence[Replayed], asked: Asked) -> Emulated | None:
    """Records, clones and intervals of the patients who can take part; None when nobody can."""
    eligible = tuple(one for one in replayed if one.outcomes and can_take_part(one))
    if not eligible:
        return None
    records = tuple(record_of(one.exposure, asked.trial) for one in eligible)
    rules = {one.name: one.rule for one in asked.policies if one.rule is not None}
    people = [one.exposure for one in eligible]
    clones = {
        policy.name: tuple(
            followed(policy, who, record, asked.trial) for who, record in zip(people, records, strict=True)
        )
        for policy in asked.policies
    }
    measured = [values_in_window(one) for one in eligible]
    return Emulated(
        replayed=eligible,
        records=records,
        values={
            "lowest_measured": np.array([values.min() for values in measured]),
            "mean_measured": np.array([values.mean() for values in measured]),
        },
        clones=clones,
        intervals=intervals_of(records, people, rules, by_group=asked.trial.adjust_for_group),
    )


def can_take_part(one: Replayed) -> bool:
    """Eligible: measured in a window of some length."""
    return own_days(one.exposure).size > 0 and one.exposure.window.end > one.exposure.window.start


def values_in_window(one: Replayed) -> Floats:
    patient, window = one.exposure.patient, one.exposure.window
    return patient.sample_igg[(patient.sample_day >= window.start) & (patient.sample_day <= window.end)]


def positivity_rows(trial: Emulated) -> pd.DataFrame:
    """POSITIVITY_COLUMNS: every policy at every 28 days of follow-up and at each clone's own end."""
    coefficients = fitted(trial.intervals, np.ones(trial.intervals.patient.size))
    longest = float((trial.ends - trial.starts).max())
    rows: list[dict[str, Any]] = []
    for policy, clones in trial.clones.items():
        kept = kept_to(trial.intervals, clones, coefficients)
        for day in (*np.arange(EVERY_DAY, longest, EVERY_DAY), np.nan):
            at = trial.ends if np.isnan(day) else trial.starts + day
            there = at <= trial.ends
            weights = np.where(there, weights_until(trial.intervals, trial.records, clones, kept, at), 0.0)
            stays = int((weights > 0).sum())
            rows.append(
                {
                    "policy": policy,
                    "day": float(day),
                    "n_followed": int(there.sum()),
                    "n_uncensored": stays,
                    "share_uncensored": stays / max(1, int(there.sum())),
                    "effective_n": effective(weights),
                    "mean_weight": float(weights.sum() / max(1, there.sum())),
                    "largest_weight": float(weights.max() / weights.sum()) if stays else np.nan,
                    "least_probability": least_probability(trial, clones, kept, np.where(there, at, trial.starts)),
                    "departures": departures_of(clones, at),
                }
            )
    return pd.DataFrame(rows, columns=list(POSITIVITY_COLUMNS))


def least_probability(trial: Emulated, clones: Sequence[Followed], kept: Floats, days: Floats) -> float:
    """The smallest probability of keeping to the policy that a clone met while it still did, before these days."""
    met = met_by_clones(trial, clones, days)
    return float(kept[met].min()) if met.any() else np.nan


def met_by_clones(trial: Emulated, clones: Sequence[Followed], days: Floats) -> Any:
    """Intervals, over by these days, in which a policy asked something of a clone that had not departed before."""
    starts = np.concatenate([one.start for one in trial.records])
    asks = np.concatenate([one.asks for one in clones])
    until = np.array([one.until for one in clones])[trial.intervals.patient]
    return (asks != OPEN) & (until > starts) & over_by(trial.intervals, trial.records, days)


def departures_of(clones: Sequence[Followed], days: Floats) -> str:
    """What made clones depart by these days, most often first."""
    reasons = [one.why for one, day in zip(clones, days, strict=True) if one.until <= day]
    tally = pd.Series(reasons, dtype=object).value_counts()
    return "; ".join(f"{why}: {number}" for why, number in sorted(tally.items(), key=lambda one: (-one[1], one[0])))


def why_refused(trial: Emulated, policy: str, fewest: float) -> str:
    """Why the record cannot speak on a policy; empty when it can."""
    clones, ones = trial.clones[policy], np.ones(trial.intervals.patient.size)
    kept = kept_to(trial.intervals, clones, fitted(trial.intervals, ones))
    weights = weights_until(trial.intervals, trial.records, clones, kept, trial.ends)
    stays, n = int((weights > 0).sum()), trial.n
    if not stays:
        return f"positivity fails: nobody of {n} followed this policy to the end of the window"
    unlikely = np.unique(trial.intervals.patient[met_by_clones(trial, clones, trial.ends) & (kept < UNLIKELY)]).size
    if unlikely > MOST_UNLIKELY * n:
        return (
            f"positivity fails: {unlikely} of {counted(n, 'patient')} came to a point where hardly anybody in the "
            f"record did what this policy asks for (probability below {share_of_draws(UNLIKELY)})"
        )
    if not WEIGHTS_NEAR[0] <= (mean := float(weights.mean())) <= WEIGHTS_NEAR[1]:
        return (
            f"positivity fails: the {stays} of {counted(n, 'patient')} who followed this policy to the end of the "
            f"window stand for {mean * n:.0f} after weighting, not for all {n}: for some who departed there is nobody"
        )
    if effective(weights) < fewest:
        return (
            f"positivity fails: {stays} of {counted(n, 'patient')} followed this policy to the end of the window, "
            f"worth {effective(weights):.1f} after weighting; {fewest:g} are asked for"
        )
    return ""


def bootstrapped(trial: Emulated, seed: int) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Per policy: weights of the clones at their own end (n,), and those of bootstrap samples of patients
    (BOOTSTRAPS, n), in which the model of dosing is fitted anew."""
    generator = numbered_stream(seed, "target trial")
    n, intervals = trial.n, trial.intervals
    whole = fitted(intervals, np.ones(intervals.patient.size))
    replicates: dict[str, list[Floats]] = {name: [] for name in trial.clones}
    for _ in range(BOOTSTRAPS):
        times = np.bincount(generator.integers(0, n, n), minlength=n).astype(float)
        coefficients = fitted(intervals, times[intervals.patient], whole)
        for name, clones in trial.clones.items():
            kept = kept_to(intervals, clones, coefficients)
            replicates[name].append(times * weights_until(intervals, trial.records, clones, kept, trial.ends))
        replicates.setdefault(AS_RECORDED, []).append(times)
    point = {
        name: weights_until(intervals, trial.records, clones, kept_to(intervals, clones, whole), trial.ends)
        for name, clones in trial.clones.items()
    }
    return point | {AS_RECORDED: np.ones(n)}, {name: np.array(each) for name, each in replicates.items()}


def weighted_mean(weights: Floats, values: Floats) -> Floats:
    """Mean of values (n,) under weights (..., n); nan where all of them are 0."""
    total = weights.sum(axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray((weights @ values) / total)


def trial_rows(trial: Emulated, asked: Asked, unit: IggUnit, level: float, seed: int) -> pd.DataFrame:
    """TRIAL_COLUMNS: every policy, and every pair, beside the same quantity replayed through the posterior."""
    point, again = bootstrapped(trial, seed)
    refused = {name: why_refused(trial, name, asked.trial.fewest_effective) for name in trial.clones}
    refused |= {AS_RECORDED: ""}
    for name, weights in again.items():
        failed = float(np.mean(~weights.any(axis=1)))
        if not refused[name] and failed > MOST_FAILED:
            refused[name] = (
                f"positivity fails: {share_of_draws(failed)} of bootstrap samples hold nobody who followed it"
            )
    rows = []
    names = [*trial.clones, AS_RECORDED]
    for against, policy in [("", name) for name in names] + list(combinations(names, 2)):
        why = "; ".join(dict.fromkeys(filter(None, (refused[policy], refused.get(against, "")))))
        for outcome in OUTCOMES:
            row: dict[str, Any] = {
                "policy": policy,
                "against": against,
                "estimand": outcome,
                "level": level,
                "n_patients": trial.n,
                "n_uncensored": int((point[policy] > 0).sum()),
                "effective_n": effective(point[policy]),
                "unit": unit,
                "status": NOT_ESTIMATED if why else ESTIMATED,
                "reason": why,
                **replayed_figures(trial, policy, against, outcome, unit, level),
            }
            if not why:
                row |= recorded_figures(trial, point, again, (policy, against), outcome, unit, level)
            rows.append(row)
    return pd.DataFrame(rows, columns=list(TRIAL_COLUMNS))


def recorded_figures(
    trial: Emulated,
    point: dict[str, Floats],
    again: dict[str, Floats],
    pair: tuple[str, str],
    outcome: str,
    unit: IggUnit,
    level: float,
) -> dict[str, float]:
    """Weighted mean (or difference) of the record, and its percentile interval over bootstrap samples."""
    values = trial.values[outcome]
    estimate, draws = weighted_mean(point[pair[0]], values), weighted_mean(again[pair[0]], values)
    if pair[1]:
        estimate = estimate - weighted_mean(point[pair[1]], values)
        draws = draws - weighted_mean(again[pair[1]], values)
    tail = 0.5 * (1.0 - level)
    lower, upper = np.nanquantile(draws, [tail, 1.0 - tail])
    return {
        name: float(from_g_per_l(float(value), unit))
        for name, value in (("estimate", estimate), ("lower", lower), ("upper", upper))
    }


def replayed_figures(
    trial: Emulated, policy: str, against: str, outcome: str, unit: IggUnit, level: float
) -> dict[str, float]:
    """The same of the same patients, through the posterior."""

    def mean(name: str) -> Floats:
        return np.asarray(np.mean([getattr(one.outcomes[name], outcome) for one in trial.replayed], axis=0))

    draws = mean(policy) - mean(against) if against else mean(policy)
    tail = 0.5 * (1.0 - level)
    values = np.quantile(from_g_per_l(draws, unit), [0.5, tail, 1.0 - tail])
    return dict(zip(("replayed", "replayed_lower", "replayed_upper"), map(float, values), strict=True))
