"""How likely it was to keep to a policy, given what the prescriber saw: inverse-probability-of-censoring weights.

A pooled logistic regression over all intervals of all records: was a course of infusions begun? From recent measured
IgG, whether a rule calls for one, time, the last infusion, the interval's length and the group. A clone's weight is one
over the product of the probabilities of having done what the policy asked for (Hernan and Robins, Causal Inference:
What If, chapter 21).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from igkinetics.dosing.regimen import Rule
from igkinetics.effect.exposure import Exposure
from igkinetics.effect.policies.adherence import GIVE, OPEN, Followed, Record
from igkinetics.kinetics.parameters import Floats

PENALTY_SD: Final = 2.5
"""Of the normal prior of each coefficient per SD of its covariate: keeps a perfectly separated record finite."""
RECENT_DAY: Final = 28.0
MOST_GROUPS: Final = 5
"""Groups beyond so many are not adjusted for: too few intervals in each."""
STEPS: Final = 50
TOLERANCE: Final = 1e-9
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """All intervals of all records, one after the other: design (n, p), the first column of ones; infused (n,) 0 or 1;
    patient (n,): place of the record. names (p,): the covariates."""

    design: Floats
    infused: Floats
    patient: Rows
    names: tuple[str, ...]


def intervals_of(
    records: Sequence[Record], people: Sequence[Exposure], rules: Mapping[str, Rule], *, by_group: bool
) -> Intervals:
    """rules: of policies, by name. by_group: whether groups are adjusted for."""
    patient = np.concatenate([np.full(one.start.size, index) for index, one in enumerate(records)])
    start = np.concatenate([one.start - who.window.start for one, who in zip(records, people, strict=True)])
    length = np.concatenate([one.end - one.start for one in records])
    igg = np.concatenate([one.igg for one in records])
    since = np.concatenate([one.since_last for one in records])
    level = np.log(np.where(np.isnan(igg), np.nanmean(igg) if np.isfinite(igg).any() else 1.0, np.maximum(igg, 0.01)))
    columns = {
        "recent measured IgG (log)": level,
        "days from the window's start": start,
        f"infused within the last {RECENT_DAY:g} days": (since <= RECENT_DAY).astype(float),
        "length of the interval (log)": np.log(np.maximum(length, 0.1)),
    }
    columns |= {
        f"due by “{name}”": np.concatenate(
            [one.due(rule, who.window.start) for one, who in zip(records, people, strict=True)]
        ).astype(float)
        for name, rule in rules.items()
    }
    groups = sorted({who.patient.group for who in people})
    if by_group and 1 < len(groups) <= MOST_GROUPS:
        mine = np.array([who.patient.group for who in people], dtype=object)[patient]
        columns |= {f"group {name}": (mine == name).astype(float) for name in groups[1:]}
    varied = {name: values for name, values in columns.items() if np.ptp(values) > 0}
    scaled = [(values - values.mean()) / values.std() for values in varied.values()]
    return Intervals(
        design=np.column_stack([np.ones(patient.size), *scaled]),
        infused=np.concatenate([one.infused for one in records]).astype(float),
        patient=patient,
        names=("intercept", *varied),
    )


def fitted(intervals: Intervals, times: Floats, start: Floats | None = None) -> Floats:
    """Coefficients (p,) of the penalised logistic regression; times (n,): how often each interval counts."""
    design, p = intervals.design, intervals.design.shape[1]
    penalty = np.full(p, 1.0 / PENALTY_SD**2)
    penalty[0] = 1e-4
    coefficients = np.zeros(p) if start is None else start.copy()
    for _ in range(STEPS):
        chance = expit(design @ coefficients)
        slope = design.T @ (times * (intervals.infused - chance)) - penalty * coefficients
        curvature = (design * (times * chance * (1.0 - chance))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, slope)
        size = np.abs(step).max()
        coefficients = coefficients + step * min(1.0, 3.0 / size) if size > 0 else coefficients
        if size < TOLERANCE:
            break
    return np.asarray(coefficients)


def kept_to(intervals: Intervals, clones: Sequence[Followed], coefficients: Floats) -> Floats:
    """(n,): probability of having done what a policy asked for in each interval; 1 where it left that open."""
    chance = expit(intervals.design @ coefficients)
    asks = np.concatenate([one.asks for one in clones])
    return np.where(asks == OPEN, 1.0, np.where(asks == GIVE, chance, 1.0 - chance))


def weights_until(
    intervals: Intervals, records: Sequence[Record], clones: Sequence[Followed], kept: Floats, days: Floats
) -> Floats:
    """A weight per clone by its own day (n_patient,): 0 where censored by then. Intervals that are over by that day
    count, both for the weight and for being censored."""
    log_kept = np.where(over_by(intervals, records, days), np.log(np.maximum(kept, 1e-12)), 0.0)
    total = np.bincount(intervals.patient, weights=log_kept, minlength=len(clones))
    known = [one.end[one.end <= day].max(initial=-np.inf) for one, day in zip(records, days, strict=True)]
    stays = np.array([one.until > day for one, day in zip(clones, known, strict=True)])
    return np.where(stays, np.exp(-total), 0.0)


def over_by(intervals: Intervals, records: Sequence[Record], days: Floats) -> npt.NDArray[np.bool_]:
    """(n,): intervals that are over by each patient's day."""
    return np.asarray(np.concatenate([one.end for one in records]) <= days[intervals.patient])


def effective(weights: Floats) -> float:
    """Kish's effective number of patients."""
    return float(weights.sum() ** 2 / np.square(weights).sum()) if weights.any() else 0.0
