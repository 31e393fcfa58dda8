"""What a misfit does to each estimand: the model sampled again without what speaks, or with heavy-tailed error."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.effect.misfit import Residuals, suspects
from igkinetics.fit.likelihood import STUDENT_T
from igkinetics.hierarchical.cohort_arrays import cohort_arrays
from igkinetics.hierarchical.fit import PreparedCohort
from igkinetics.hierarchical.members import problems_of

WITHOUT: Final[dict[str, str]] = {
    "neighbours": "without the patients whose residuals go together",
    "patients": "without the patients whose residuals go together",
    "study day": "without the stretch of study days furthest off",
    "calendar": "without the stretch of the calendar furthest off",
    "since infusion": "without the samples at the time since an infusion that is furthest off",
}
"""Test between groups -> what is left out when it speaks."""
HEAVY_TAILS: Final = "Student-t error"
HEAVY: Final = ("tails", "spread")
FEWEST_LEFT: Final = 2
"""Patients with samples that have to be left."""


def reruns(misfit: pd.DataFrame, scores: Residuals | None, prepared: PreparedCohort) -> dict[str, PreparedCohort]:
    """What to sample again: a cohort for each test that speaks, by what was changed; each change once."""
    asked: dict[str, PreparedCohort] = {}
    if scores is None:
        return asked
    for test in misfit.loc[misfit["speaks"].astype(bool), "test"]:
        if test in HEAVY:
            if prepared.arrays.kind != STUDENT_T:
                asked.setdefault(HEAVY_TAILS, with_heavy_tails(prepared))
            continue
        if test not in WITHOUT:  # everybody in, and the dose recovery, stand beside already
            continue
        mask = suspects(scores, test)
        fewer = without_samples(prepared, scores, mask)
        if fewer is not None:
            n, patients = int(mask.sum()), int(np.unique(scores.patient[mask]).size)
            asked.setdefault(f"{WITHOUT[test]} ({n} samples of {patients} patients)", fewer)
    return asked


def with_heavy_tails(prepared: PreparedCohort) -> PreparedCohort:
    """The same with Student-t error."""
    members = tuple(replace(one, problem=replace(one.problem, kind=STUDENT_T)) for one in prepared.members)
    return replace(prepared, members=members, arrays=cohort_arrays(problems_of(members)))


def without_samples(prepared: PreparedCohort, scores: Residuals, mask: np.ndarray) -> PreparedCohort | None:
    """The same patients without these samples; None when hardly anybody would be left."""
    members = []
    for index, member in enumerate(prepared.members):
        kept = np.ones(member.problem.day.size, dtype=bool)
        kept[scores.sample[mask & (scores.patient == index)]] = False
        problem = member.problem
        problem = replace(problem, day=problem.day[kept], igg=problem.igg[kept], limit=problem.limit[kept])
        members.append(replace(member, problem=problem))
    if sum(one.problem.day.size > 0 for one in members) < FEWEST_LEFT:
        return None
    return replace(prepared, members=tuple(members), arrays=cohort_arrays(problems_of(members)))
