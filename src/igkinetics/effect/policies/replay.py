"""Every patient under every policy, per draw of the posterior: the rule replayed on measured IgG (docs/model.md 5.6).

A policy takes the place of what was given from the window's start on; earlier infusions, therapy and the window stay.
All policies meet the same draws and the same noise of measurements, so that their differences are their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import numpy as np
from scipy.special import ndtr
from scipy.stats import t as student

from igkinetics.dosing.assay import Assay
from igkinetics.dosing.case_kernel import Answers, CaseArrays, DosePlan, simulate_cases
from igkinetics.dosing.case_kernel import Asked as AskedOfCases
from igkinetics.dosing.doses import Body, Doses, check_days, rule_amounts, rule_numbers
from igkinetics.dosing.outcome_kernel import GRAMS, INFUSIONS, MEAN, N_FOUND, NADIR, NADIR_DAY
from igkinetics.effect.control_regimen import regimen_doses, weight_known
from igkinetics.effect.exposure import Exposure
from igkinetics.effect.policies.policy_file import AS_RECORDED, Asked, Policy
from igkinetics.fit.likelihood import LOGNORMAL, RESIDUALS, STUDENT_DF, STUDENT_T
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import KA, Floats
from igkinetics.parallel import Progress, in_order
from igkinetics.random_streams import of_patient
from igkinetics.units import DAY_DECIMALS

MOST_CURVES: Final = 250_000
"""Curves of all patients under all policies; beyond, draws are thinned evenly, which the table says."""
FEWEST_DRAWS: Final = 400
Quantity = Literal[
    "nadir", "nadir_day", "days_below", "mean_igg", "grams", "infusions", "lowest_measured", "mean_measured"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """One patient under one policy, per draw (n,); days_below (n, m). g/L, days from the record's day 0, g.

    lowest_measured, mean_measured: of what would have been measured on the patient's own days in the window, nan
    without any. grams, infusions: given before the window's end.
    """

    nadir: Floats
    nadir_day: Floats
    days_below: Floats
    mean_igg: Floats
    grams: Floats
    infusions: Floats
    lowest_measured: Floats
    mean_measured: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One patient: policy -> outcomes; without numbers, and then `reason` says why."""

    exposure: Exposure
    outcomes: dict[str, Outcomes]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Standard normal deviates of measurements: at the patient's own days (n, samples), at checks (n, checks)."""

    own: Floats
    checks: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """One patient's draws: thetas (n, 13), error (n, 3: a, b, residual model), noise."""

    thetas: Floats
    error: Floats
    noise: Noise


def replay(
    posterior: CohortPosterior,
    people: Sequence[Exposure],
    asked: Asked,
    thresholds: tuple[float, ...],
    *,
    residual: str,
    seed: int,
    jobs: int,
    progress: Progress | None = None,
) -> tuple[Replayed, ...]:
    """Each patient as recorded and under every policy. thresholds: g/L."""
    kept = kept_draws(posterior, len(people), len(asked.policies) + 1)
    error = posterior.error.reshape(-1, 2)[kept]
    errors = np.column_stack([error, np.full(len(error), float(RESIDUALS[residual]))])

    def one(exposure: Exposure) -> Replayed:
        if reason := why_not(exposure, asked.policies, posterior):
            return Replayed(exposure=exposure, outcomes={}, reason=reason)
        thetas = np.ascontiguousarray(posterior.of_patient(exposure.place)[kept])
        draws = Draws(thetas=thetas, error=errors, noise=noise_of(exposure, asked.policies, len(kept), seed))
        given = {AS_RECORDED: under_record(exposure, draws, thresholds)}
        given |= {one.name: under_policy(exposure, one, asked.assay, draws, thresholds) for one in asked.policies}
        return Replayed(exposure=exposure, outcomes=given)

    return tuple(in_order([partial(one, exposure) for exposure in people], jobs, progress))


def kept_draws(posterior: CohortPosterior, n_people: int, n_policies: int) -> np.ndarray:
    """Places of the draws to use."""
    n_draws = int(np.prod(posterior.error.shape[:2]))
    most = min(n_draws, max(FEWEST_DRAWS, MOST_CURVES // max(1, n_people * n_policies)))
    return np.linspace(0, n_draws - 1, most).round().astype(np.int64)


def why_not(exposure: Exposure, policies: Sequence[Policy], posterior: CohortPosterior) -> str:
    """Empty when every policy can be given to this patient."""
    for policy in policies:
        if per_kg(policy) and not weight_known(policy, exposure):
            return f"the {policy.weight} weight is unknown and the card has none to use: no dose per kg"
        if policy.route == "sc" and np.isnan(posterior.theta[0, 0, exposure.place, KA]):
            return "subcutaneous doses, for which the card holds no absorption"
    return ""


def per_kg(policy: Policy) -> bool:
    of_rule = None if policy.rule is None else policy.rule.dose_g_per_kg
    return any(dose is not None for dose in (policy.dose_g_per_kg, policy.loading_g_per_kg, of_rule))


def noise_of(exposure: Exposure, policies: Sequence[Policy], n: int, seed: int) -> Noise:
    """The same for every policy: a function of the seed and the patient alone."""
    most = max((days_of_checks(exposure, one).size for one in policies if one.rule is not None), default=0)
    name = exposure.patient.patient_id
    return Noise(
        own=of_patient(seed, name, "policies", 0).standard_normal((own_days(exposure).size, n)).T,
        checks=of_patient(seed, name, "policies", 1).standard_normal((most, n)).T,
    )


def own_days(exposure: Exposure) -> Floats:
    """The days of the window on which the patient was measured."""
    days, window = exposure.patient.sample_day, exposure.window
    return days[(days >= window.start) & (days <= window.end)]


def days_of_checks(exposure: Exposure, policy: Policy) -> Floats:
    """Days of the checks of a policy's rule, ascending, all before the window's end, no earlier than their moment."""
    rule, window = policy.rule, exposure.window
    if rule is None:
        return np.empty(0)
    if rule.check_every_day is not None:
        days = window.start + check_days(rule, 0.0, window.end - window.start)
    else:
        since = own_days(exposure) - window.start
        last = np.inf if rule.stop_day is None else rule.stop_day
        days = window.start + since[(since >= rule.start_day) & (since < last)]
    return days[days < window.end] if days.size else days


def at_decimals(days: Floats) -> Floats:
    """Days as a rule's doses hold them, none earlier than it was."""
    scale = 10.0**DAY_DECIMALS
    return np.asarray(np.ceil(np.round(days * scale, 6)) / scale)


def under_record(exposure: Exposure, draws: Draws, thresholds: tuple[float, ...]) -> Outcomes:
    """As recorded."""
    window, doses = exposure.window, exposure.doses
    counted = (doses.day >= window.start) & (doses.day < window.end)
    n = len(draws.thetas)
    grams = np.full(n, float(doses.amount_g[counted].sum()))
    outcomes = outcomes_of(exposure, exposure.doses, no_doses(n), draws, thresholds)
    return with_amounts(outcomes, grams, np.full(n, float(counted.sum())))


def under_policy(
    exposure: Exposure, policy: Policy, assay: Assay, draws: Draws, thresholds: tuple[float, ...]
) -> Outcomes:
    """Under one policy from the window's start on."""
    n = len(draws.thetas)
    if policy.gives_nothing or exposure.window.start == exposure.window.end:
        plan = no_doses(n)
    elif policy.rule is None:
        doses = regimen_doses(policy, exposure)
        plan = no_doses(n)._replace(day=doses.day, amount=np.repeat(doses.amount_g[None], n, axis=0))
    else:
        body = Body.of(exposure.weight_kg, exposure.height_cm, exposure.sex == "male")
        days = days_of_checks(exposure, policy)
        noise = draws.noise.checks
        if policy.rule.check == "visits":
            noise = draws.noise.own[:, np.isin(own_days(exposure), days)]
        plan = no_doses(n)._replace(
            amount=np.repeat(rule_amounts(policy, body)[None], n, axis=0),
            rule=rule_numbers(policy, assay, exposure.window.end),
            check_day=at_decimals(days),
            noise=np.ascontiguousarray(noise[:, : days.size]),
        )
    plan = plan._replace(duration_day=policy.duration_day, is_sc=float(policy.route == "sc"))
    return outcomes_of(exposure, exposure.earlier, plan, draws, thresholds)


def no_doses(n: int) -> DosePlan:
    none = np.empty(0)
    return DosePlan(none, np.empty((n, 0)), 0.0, 0.0, none, none, np.empty((n, 0)))


def outcomes_of(
    exposure: Exposure, known: Doses, plan: DosePlan, draws: Draws, thresholds: tuple[float, ...]
) -> Outcomes:
    """Exact outcomes over the window of every draw: known doses, and those of the plan."""
    window, n = exposure.window, len(draws.thetas)
    days = own_days(exposure)
    if window.start == window.end:
        return at_one_moment(exposure, draws, thresholds)
    unused = np.nan
    marks = np.array([*(window.start, window.end) * 2, unused, unused, unused, unused, 0.0])
    answers = Answers(
        np.empty((n, N_FOUND)), np.empty((n, len(thresholds))), np.empty((n, days.size)), np.empty((n, days.size))
    )
    simulate_cases(
        cases_of(exposure, known, draws),
        plan,
        AskedOfCases(marks, np.empty(0), np.array(thresholds, dtype=float), days),
        answers,
    )
    outcomes = answers.outcomes
    readings = measured(answers.endogenous + answers.infused, draws.error, draws.noise.own, exposure)
    return Outcomes(
        nadir=outcomes[:, NADIR],
        nadir_day=outcomes[:, NADIR_DAY],
        days_below=answers.below,
        mean_igg=outcomes[:, MEAN],
        grams=outcomes[:, GRAMS],
        infusions=outcomes[:, INFUSIONS],
        lowest_measured=readings.min(axis=1) if days.size else np.full(n, np.nan),
        mean_measured=readings.mean(axis=1) if days.size else np.full(n, np.nan),
    )


def cases_of(exposure: Exposure, known: Doses, draws: Draws) -> CaseArrays:
    """The patient's draws with therapy and known doses."""
    n, patient = len(draws.thetas), exposure.patient
    courses = np.column_stack([patient.therapy_start, patient.therapy_stop])
    if exposure.ignore_therapy:
        courses = courses[:0]
    history = np.column_stack([known.day, known.amount_g, known.duration_day, known.is_sc.astype(float)])
    return CaseArrays(
        draws.thetas,
        np.full(n, patient.start_day),
        np.repeat(courses[None], n, axis=0),
        np.repeat(history[None], n, axis=0),
        draws.error,
        np.empty((n, 0)),
        np.empty((n, 0)),
    )


def at_one_moment(exposure: Exposure, draws: Draws, thresholds: tuple[float, ...]) -> Outcomes:
    """A window of one moment: the level there, to which no policy has anything to add."""
    start = exposure.window.start
    level = np.add(*igg_curve(draws.thetas, exposure.without_ivig(), np.array([start])))
    n, own = len(level), own_days(exposure).size
    reading = measured(np.repeat(level, own, axis=1), draws.error, draws.noise.own, exposure)
    none = np.zeros(n)
    return Outcomes(
        nadir=level[:, 0],
        nadir_day=np.full(n, start),
        days_below=np.zeros((n, len(thresholds))),
        mean_igg=level[:, 0],
        grams=none,
        infusions=none,
        lowest_measured=reading.min(axis=1) if own else np.full(n, np.nan),
        mean_measured=reading.mean(axis=1) if own else np.full(n, np.nan),
    )


def with_amounts(outcomes: Outcomes, grams: Floats, infusions: Floats) -> Outcomes:
    values = {name: getattr(outcomes, name) for name in Outcomes.__slots__}
    return Outcomes(**(values | {"grams": grams, "infusions": infusions}))


def measured(level: Floats, error: Floats, z: Floats, exposure: Exposure) -> Floats:
    """Measurements (n, days) at these deviates by the residual model of the fit; none below 0 nor below the lowest
    limit that the patient's record met."""
    a, b, kind = error[:, :1], error[:, 1:2], int(error[0, 2]) if len(error) else 0
    spread = np.hypot(a, b * level)
    if kind == LOGNORMAL:
        value = level * np.exp(np.sqrt(np.log1p((spread / level) ** 2)) * z)
    else:
        value = level + spread * (student.ppf(ndtr(z), STUDENT_DF) if kind == STUDENT_T else z)
    limits = exposure.patient.sample_igg[exposure.patient.sample_limit < 0]
    return np.asarray(np.maximum(value, limits.max() if limits.size else 0.0))
