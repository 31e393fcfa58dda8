"""Why a patient's numbers are not given: too little to fit, a start that the card rules out, no convergence, changes
that nothing explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.cards.prior import PatientPrior
from igkinetics.cohort.model import LIMIT_SIGNS, Patient
from igkinetics.errors import counted
from igkinetics.fit.columns import Status
from igkinetics.fit.minimise import Optimum
from igkinetics.fit.problem import FitProblem
from igkinetics.fit.remedies import questions
from igkinetics.fit.unexplained import ODD_PAIR, Change, unexplained_changes
from igkinetics.kinetics.curves import igg_curve
from igkinetics.units import IggUnit, from_g_per_l

START_LIMIT: Final = 3.0
"""Standard errors between the first levels and a fixed start beyond which the card cannot be this patient's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a patient's numbers are not given."""

    status: Status
    reason: str
    changes: tuple[Change, ...] = ()
    at: tuple[FitProblem, Optimum] | None = None
    """The fit that does not explain the record: no numbers are given of it."""


def nothing_free(problem: FitProblem) -> Trouble | None:
    if problem.names:
        return None
    return Trouble(status="set_aside", reason="every parameter is fixed: nothing to estimate")


def too_little(problem: FitProblem, *, use_prior: bool) -> Trouble | None:
    """Status and reason when there is nothing, or without a prior too little, to fit."""
    n = problem.day.size
    if n == 0:
        return Trouble(status="no_samples", reason="no IgG sample within follow-up")
    unknown = [name for name, sd in zip(problem.names, problem.sd, strict=True) if use_prior or np.isinf(sd)]
    needed = len(unknown)
    if not use_prior and n < needed:
        found = f"{counted(n, 'sample')} for {needed} free parameters ({', '.join(unknown)})"
        return Trouble(status="too_few_samples", reason=f"{found}; without a prior {needed} are needed")
    if not use_prior and np.all(problem.limit != 0):
        return Trouble(status="too_few_samples", reason=f"all {n} values lie beyond a limit of the assay")
    return None


def contradicted_start(problem: FitProblem, patient: Patient, prior: PatientPrior, unit: IggUnit) -> Trouble | None:
    """Where a card fixes the level at the start: levels before any dose or therapy that it cannot have begun with.

    Their mean distance from the card's curve, over its standard error. A value beyond a limit counts where it
    contradicts the curve, as if measured at the limit.
    """
    if {"C_base", "C_init"} & set(problem.names):
        return None
    early = problem.day <= min([np.inf, *patient.dose_day[:1], *patient.therapy_start[:1]])
    level = np.add(*igg_curve(problem.theta(problem.mu), problem.schedule, problem.day[early]))
    limit, distance = problem.limit[early], problem.igg[early] - level
    told = (limit == 0) | (limit * distance > 0)
    if not told.any():
        return None
    variance = problem.a**2 + (problem.b * level) ** 2
    weighed = told & (variance > 0.0)
    weight = 1.0 / variance[weighed]
    if np.any(distance[told & ~weighed]):  # a card that knows no error at a level of 0
        z = float(np.copysign(np.inf, distance[told][0]))
    else:
        z = float(np.sum(weight * distance[weighed]) / np.sqrt(np.sum(weight))) if weight.size else 0.0
    if abs(z) <= START_LIMIT:
        return None
    first = int(np.flatnonzero(told)[0])
    levels = f"{level_words(problem.igg[early][first], limit[first], unit)} on day {problem.day[early][first]:.4g}"
    if told.sum() > 1:
        levels += f" and {counted(int(told.sum()) - 1, 'more level')} before any dose or therapy"
    where = "above" if z > 0 else "below"
    how_far = f"{abs(z):.1f} standard errors {where}" if np.isfinite(z) else where
    return Trouble(
        status="start_contradicts",
        reason=f"{levels}: {how_far} the {level_words(level[told][0], 0, unit)} at which "
        f"card {prior.card_id} starts every patient (fixed). Add the doses given before the record, or fit with a card "
        "that estimates the start",
    )


def what_failed(optimum: Optimum) -> Trouble | None:
    """Nothing else may be asked of an optimum that fails a test: curvature and scores mean nothing there."""
    if not optimum.failed_tests:
        return None
    return Trouble(status="not_converged", reason=f"convergence tests failed: {', '.join(optimum.failed_tests)}")


def what_changed(problem: FitProblem, patient: Patient, optimum: Optimum, unit: IggUnit) -> Trouble | None:
    """Changes that neither doses nor therapy explain, and what would."""
    changes = unexplained_changes(problem, optimum.x)
    if not changes:
        return None
    said = [describe_change(change, unit) for change in changes]
    words = "; ".join(said + questions(problem, patient, optimum.x, changes))
    return Trouble(status="unexplained_change", reason=words, changes=changes, at=(problem, optimum))


def not_to_be_trusted(r_hat: float) -> Trouble:
    return Trouble(status="not_converged", reason=f"draws of the posterior not to be trusted: R-hat {r_hat:.3f}")


def few_measured(measured: int, n: int) -> tuple[Status, str]:
    """`fitted`, or `prior_only` where so few of the n values are measured levels."""
    if measured >= 2 or (measured == 1 and n >= 2):
        return "fitted", ""
    what = "1 sample" if measured else f"{n} values, all beyond a limit of the assay"
    return "prior_only", f"{what}: the curve is the card's prior, moved by it; read nothing else into it"


def level_words(igg: float, limit: int, unit: IggUnit) -> str:
    """ "530 mg/dL", "<40 mg/dL"."""
    return f"{LIMIT_SIGNS[int(limit)]}{from_g_per_l(float(igg), unit):.4g} {unit}"


def describe_change(change: Change, unit: IggUnit) -> str:
    """In words, with days and levels in the cohort's unit."""
    after = level_words(change.igg_after, change.limit_after, unit)
    if change.kind == "odd sample":
        return f"day {change.day_before:.4g}: {after} fits no curve through the others (z = {change.z:.1f})"
    if change.kind == ODD_PAIR:
        first = level_words(change.igg_before, change.limit_before, unit).removesuffix(f" {unit}")
        days = f"days {change.day_before:.4g} and {change.day_after:.4g}"
        return f"{days}: {first} and {after} fit no curve through the others (z = {change.z:.1f})"
    if change.kind == "whole course":
        return (
            f"days {change.day_before:.4g} to {change.day_after:.4g}: the whole course contradicts model and card "
            f"(distance {change.z:.1f})"
        )
    before = level_words(change.igg_before, change.limit_before, unit).removesuffix(f" {unit}")
    side = "higher" if change.z > 0 else "lower"
    return (
        f"day {change.day_before:.4g} to {change.day_after:.4g} ({change.day_after - change.day_before:.3g} days): "
        f"{before} -> {after}, {side} than recorded doses and therapy explain (z = {change.z:.1f})"
    )
