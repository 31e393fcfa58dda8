"""One lasting step of everybody's levels at one time: another laboratory, platform or calibrator.

For every candidate time, study day or date of the calendar, the score of a relative step of all later levels is asked
of the posterior. With residuals r from the mean curve, their error variance R and the step's direction d,

    U = d' R^-1 r        Var U = d' R^-1 d - Var(d' R^-1 curve), over draws of the posterior

for were the model right, residuals would have the covariance R - C (C: of the curves, between patients too). What
patients' own parameters and the population can take up is so not counted. The largest of all scores is compared with
the largest of replicates with their joint covariance.

What is found is a step that was suspected: one model beside the base one takes it as given, and pays for it as for
something seldom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from igkinetics.fit.likelihood import LOGNORMAL, STUDENT_DF, STUDENT_T
from igkinetics.fit.problem import FitProblem
from igkinetics.hierarchical.cohort_arrays import cohort_arrays
from igkinetics.hierarchical.members import problems_of
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats
from igkinetics.random_streams import numbered_stream

if TYPE_CHECKING:
    from igkinetics.hierarchical.fit import PreparedCohort, SampledCohort

LEAST_PATIENTS: Final = 8
"""With samples on both sides of a step: of fewer, one patient's illness is a step of all."""
MOST_TIMES: Final = 40
"""Candidate times of each scan."""
FEWEST_FOR_SHARED: Final = 10
"""Draws for each parameter that patients share."""
LEAST_LEFT: Final = 0.06
"""A step of which the parameters take up all but this share of what the samples say cannot be told from them."""
REPLICATES: Final = 4000
STEP_LOG_SD: Final = 0.1
"""Prior SD of the log of a step: methods and laboratories seldom differ by more than a fifth (assumption)."""
STEP_ODDS: Final = 0.01
"""Prior odds of a step at one of the times that are asked about (assumption)."""
EPOCH: Final = pd.Timestamp("1970-01-01")
CALENDAR, STUDY = "calendar date", "study day"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonStep:
    """by: CALENDAR or STUDY. time: from then on, days since EPOCH or of the record. size: log of the step, with its
    standard error. p: of the largest of all. n_patients: with samples on both sides.

    from_day: patient -> the first day, of the patient's own, that it holds; only those for whom that is known.
    """

    by: str
    time: float
    size: float
    error: float
    p: float
    n_patients: int
    from_day: Mapping[str, float]

    @property
    def when(self) -> str:
        """As a reader can look it up."""
        if self.by == CALENDAR:
            return (EPOCH + pd.Timedelta(days=self.time)).date().isoformat()
        return f"day {self.time:.4g}"

    @property
    def share(self) -> float:
        """Of the levels before."""
        return float(np.expm1(self.size))


class Measured(NamedTuple):
    """Which samples of a patient have a measured value (n,); these values (m,), their levels (draw, m) and the variance
    of their error (m,), logs of them where the error is log-normal."""

    which: np.ndarray
    values: Floats
    levels: Floats
    noise: Floats


def measured(problem: FitProblem, levels: Floats, error: Floats) -> Measured:
    """levels (draw, n), error (draw, 2): of the same draws."""
    which = problem.limit == 0
    values, levels = problem.igg[which], levels[:, which]
    variance = error[:, :1] ** 2 + (error[:, 1:] * levels) ** 2
    if problem.kind == LOGNORMAL:
        variance = np.log1p(variance / levels**2)
        values, levels = np.log(values), np.log(levels)
    if problem.kind == STUDENT_T:
        variance = variance * STUDENT_DF / (STUDENT_DF - 2.0)
    return Measured(which, values, levels, variance.mean(axis=0))


class Candidates(NamedTuple):
    """Steps that are asked about: by which clock, when (t,), from which day of each patient on (patient, t), inf where
    that is not known."""

    by: list[str]
    time: Floats
    from_day: Floats

    def at(self, places: np.ndarray) -> Candidates:
        return Candidates([self.by[place] for place in places], self.time[places], self.from_day[:, places])


def candidates(posterior: CohortPosterior, day_zero: Mapping[str, pd.Timestamp]) -> Candidates:
    """Of both clocks, those with enough patients on both sides. Dates are no clock of their own where all patients
    share their day 0."""
    days = [problem.day[problem.limit == 0] for problem in posterior.problems]
    ids = posterior.patient_ids
    zero = [(day_zero[name] - EPOCH) / pd.Timedelta(days=1) if name in day_zero else np.nan for name in ids]
    origins: Floats = np.array(zero, dtype=float)
    clocks: dict[str, Floats] = {STUDY: np.zeros(len(days))}
    if np.unique(origins[np.isfinite(origins)]).size > 1:
        clocks[CALENDAR] = origins
    by, time, columns = [], [], []
    for clock, origin in clocks.items():
        own = [day + shift for day, shift in zip(days, origin, strict=True) if day.size and np.isfinite(shift)]
        for one in tried(own):
            if sum(bool(each[0] < one <= each[-1]) for each in own) >= LEAST_PATIENTS:
                by.append(clock)
                time.append(one)
                columns.append(np.where(np.isfinite(origin), one - origin, np.inf))
    return Candidates(by, np.array(time), np.reshape(columns, (len(columns), len(days))).T)


def tried(times: Sequence[Floats]) -> list[float]:
    """Times of samples (of each patient) from which on a step may hold."""
    every = np.unique(np.concatenate(times)) if times else np.empty(0)
    if every.size > MOST_TIMES:
        every = np.unique(np.quantile(every, np.linspace(0.0, 1.0, MOST_TIMES), method="nearest"))
    return [float(one) for one in every]


class Scores(NamedTuple):
    """Of each candidate: score (t,), covariance of the scores (t, t), and what samples alone would say (t,)."""

    score: Floats
    covariance: Floats
    information: Floats

    @property
    def told(self) -> np.ndarray:
        """Which candidates the samples can tell from what parameters take up."""
        return np.flatnonzero(np.diag(self.covariance) > LEAST_LEFT * self.information)


def scores(posterior: CohortPosterior, asked: Candidates) -> Scores:
    """Patient after patient, so that no array holds all samples of all draws."""
    n = asked.time.size
    error, shared = posterior.error.reshape(-1, 2), shared_basis(posterior)
    n_draws, n_shared = shared.shape
    score, information, own_part, together = np.zeros(n), np.zeros((n, n)), np.zeros((n, n)), np.zeros((n_draws, n))
    for place, problem in enumerate(posterior.problems):
        thetas = np.ascontiguousarray(posterior.of_patient(place))
        own = measured(problem, np.add(*igg_curve(thetas, problem.schedule, problem.day)), error)
        middle = own.levels.mean(axis=0)
        size = np.ones_like(middle) if problem.kind == LOGNORMAL else middle
        step = size * (problem.day[own.which] >= asked.from_day[place][:, None])
        weighted = step / own.noise
        score += weighted @ (own.values - middle)
        information += weighted @ step.T
        curves = (own.levels - middle) @ weighted.T
        by_shared = shared.T @ curves
        own_part += (curves.T @ curves - by_shared.T @ by_shared) / (n_draws - n_shared)
        together += curves
    explained = shared.T @ together
    taken_up = explained.T @ explained / n_draws + (1.0 - n_shared / n_draws) * own_part
    if not n_shared:
        taken_up = together.T @ together / n_draws
    return Scores(score, information - taken_up, np.diag(information).copy())


def shared_basis(posterior: CohortPosterior) -> Floats:
    """Orthonormal columns (draw, k) that span what patients share; none where draws are too few to tell.

    Given what they share, patients are independent: a covariance of the sum over patients needs only each one's own,
    and that of what is explained by the shared. So the chance correlations of draws between patients do not enter.
    """
    draws = [values.reshape(-1) for values in posterior.population.values()]
    n_draws = int(np.prod(posterior.error.shape[:2]))
    columns = np.array([(one - one.mean()) / one.std() for one in draws if one.std() > 0.0]).T
    if not columns.size or n_draws < FEWEST_FOR_SHARED * columns.shape[1]:
        return np.empty((n_draws, 0))
    return np.asarray(np.linalg.qr(columns)[0])


def common_step(posterior: CohortPosterior, day_zero: Mapping[str, pd.Timestamp], seed: int) -> CommonStep | None:
    """The step of most evidence, by either clock. day_zero: date of day 0 of patients of whom it is known.

    None where no time has enough patients on both sides, or none could be told from what parameters take up.
    """
    asked = candidates(posterior, day_zero)
    if not asked.time.size:
        return None
    found = scores(posterior, asked)
    kept = found.told
    if not kept.size:
        return None
    asked, covariance = asked.at(kept), found.covariance[np.ix_(kept, kept)]
    error = np.sqrt(np.diag(covariance))
    z = found.score[kept] / error
    best = int(np.argmax(np.abs(z)))
    eigenvalues, vectors = np.linalg.eigh(covariance / np.outer(error, error))
    half = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))
    made = numbered_stream(seed, "common step").standard_normal((REPLICATES, kept.size)) @ half.T
    above = int(np.sum(np.abs(made).max(axis=1) >= abs(z[best])))
    days = asked.from_day[:, best]
    return CommonStep(
        by=asked.by[best],
        time=float(asked.time[best]),
        size=float(z[best] / error[best]),
        error=float(1.0 / error[best]),
        p=(1 + above) / (1 + REPLICATES),
        n_patients=sum(
            bool(problem.day[0] < day <= problem.day[-1])
            for problem, day in zip(posterior.problems, days, strict=True)
            if problem.day.size
        ),
        from_day={name: float(day) for name, day in zip(posterior.patient_ids, days, strict=True) if np.isfinite(day)},
    )


def remaining(posterior: CohortPosterior, step: CommonStep, size: float) -> tuple[float, float]:
    """Log of the whole step and its standard error, with its prior, by a posterior of levels divided by exp(size)."""
    days = np.array([[step.from_day.get(name, np.inf)] for name in posterior.patient_ids])
    found = scores(posterior, Candidates([step.by], np.array([step.time]), days))
    precision = max(float(found.covariance[0, 0]), LEAST_LEFT * float(found.information[0])) + STEP_LOG_SD**-2
    return size + (float(found.score[0]) - size * STEP_LOG_SD**-2) / precision, precision**-0.5


def rescaled(prepared: PreparedCohort, step: CommonStep, size: float) -> PreparedCohort:
    """The same patients and samples, all on the scale of before the step: levels from then on divided by exp(size).

    The additive error of later samples is then that of a divided value, which for steps of methods hardly differs.
    """
    members, logs = [], []
    for one in prepared.members:
        later = one.problem.day >= step.from_day.get(one.patient.patient_id, np.inf)
        log = np.where(later, size, 0.0)
        members.append(replace(one, problem=replace(one.problem, igg=one.problem.igg * np.exp(-log))))
        logs.append(log)
    arrays = cohort_arrays(problems_of(members))
    return replace(prepared, members=tuple(members), arrays=arrays, log_factor=np.concatenate(logs), odds=STEP_ODDS)


def log_jacobian(prepared: PreparedCohort) -> Floats:
    """What a log density of rescaled values lacks to be one of the values as measured (patient,)."""
    arrays = prepared.arrays
    lost = -prepared.log_factor * (arrays.limit == 0)
    return np.asarray(np.add.reduceat(lost, arrays.sample_bounds[:-1]))


def pooled(parts: Sequence[SampledCohort]) -> SampledCohort:
    """Draws of one model, sampled in parts, one after the other; it is judged by the first part, its weights by all."""
    first = parts[0]
    posteriors, traces = [one.posterior for one in parts], [one.trace for one in parts]
    statistics = {name: np.concatenate([one.statistics[name] for one in traces]) for name in first.trace.statistics}
    likelihoods = [one.log_likelihood for one in parts if one.log_likelihood is not None]
    return replace(
        first,
        trace=replace(
            first.trace,
            u=np.concatenate([one.u for one in traces]),
            z=np.concatenate([one.z for one in traces]),
            statistics=statistics,
        ),
        posterior=replace(
            first.posterior,
            theta=np.concatenate([one.theta for one in posteriors]),
            error=np.concatenate([one.error for one in posteriors]),
            population={
                name: np.concatenate([one.population[name] for one in posteriors])
                for name in first.posterior.population
            },
        ),
        log_likelihood=np.concatenate(likelihoods) if len(likelihoods) == len(parts) else None,
    )
