"""-log likelihood of every patient by points around each mode, with its gradient (docs/model.md 10.3): for `exact`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from igkinetics.fit.likelihood import minus_two_log
from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.hierarchical.likelihood import fill_patient_terms, longest, new_room, slopes_in_error
from igkinetics.hierarchical.small_matrices import times
from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.gradient import Course, new_course
from igkinetics.kinetics.parameters import Floats
from igkinetics.population.conditional import (
    Level,
    Work,
    minus_log_likelihood,
    new_work,
    penalty,
    place,
    walk_patient,
)
from igkinetics.population.likelihood import Marginal

NEGLIGIBLE = 1e-12
"""Share of a patient's integral below which a point gives no slopes."""


class Moments(NamedTuple):
    """Per patient: mean (n, q) and covariance (n, q, q) of the random effects, as integrated; spread (n,): root of the
    sum of squared shares of the points."""

    mean: Floats
    covariance: Floats
    spread: Floats


@inner
def move(eta: Floats, root: Floats, point: Floats, moved: Floats) -> None:
    """moved = eta + root point, root lower triangular."""
    for j in range(eta.size):
        moved[j] = eta[j]
        for m in range(j + 1):
            moved[j] += root[j, m] * point[m]


@inner
def fill_moments(
    points: Floats, weights: Floats, eta: Floats, root: Floats, moved: Floats, mean: Floats, covariance: Floats
) -> None:
    """Mean (q,) and covariance (q, q) of a patient's random effects given the samples."""
    q = mean.size
    mean[:] = 0.0
    for j in range(q):
        for m in range(q):
            covariance[j, m] = 0.0
    for k in range(points.shape[0]):
        move(eta, root, points[k], moved)
        for j in range(q):
            mean[j] += weights[k] * moved[j]
    for k in range(points.shape[0]):
        move(eta, root, points[k], moved)
        for j in range(q):
            for m in range(q):
                covariance[j, m] += weights[k] * (moved[j] - mean[j]) * (moved[m] - mean[m])


@inner
def fill_mean_slopes(
    points: Floats,
    weights: Floats,
    population: Level,
    cohort: CohortArrays,
    i: int,
    root: Floats,
    work: Work,
    course: Course,
    found: Marginal,
) -> None:
    """Slopes of -log likelihood of patient i, integrated with these weights (k,) of the points."""
    first, last = cohort.sample_bounds[i], cohort.sample_bounds[i + 1]
    a, b = population.error[0], population.error[1]
    by_mu, by_omega, by_log_error = found.by_mu[i], found.by_omega[i], found.by_log_error[i]
    by_mu[:] = 0.0
    by_log_error[:] = 0.0
    for j in range(root.shape[0]):
        for m in range(root.shape[0]):
            by_omega[j, m] = 0.5 * population.precision[j, m]
    for k in range(points.shape[0]):
        if weights[k] < NEGLIGIBLE:
            continue
        move(found.eta[i], root, points[k], work.eta)
        place(population.mu[i], population.random, work.eta, work.x)
        minus_log_likelihood(work.x, population, cohort, i, work, course, work.there)
        penalty(population, work.eta, work.slope)
        for j in range(by_mu.size):
            by_mu[j] += weights[k] * work.there.gradient[j]
        for j in range(root.shape[0]):
            for m in range(root.shape[0]):
                by_omega[j, m] -= 0.5 * weights[k] * work.slope[j] * work.slope[m]
        for n in range(last - first):
            by_a, by_b = slopes_in_error(
                cohort.kind, cohort.igg[first + n], cohort.limit[first + n], work.there.level[n], a, b
            )
            by_log_error[0] += 0.5 * weights[k] * by_a * a
            by_log_error[1] += 0.5 * weights[k] * by_b * b


@inner
def fill_occasion_terms(population: Level, cohort: CohortArrays, i: int, work: Work, terms: Floats) -> None:
    """Log likelihood of each of patient i's samples at the levels that `walk_patient` left."""
    first, last = cohort.sample_bounds[i], cohort.sample_bounds[i + 1]
    for n in range(last - first):
        term, _ = minus_two_log(
            cohort.kind,
            cohort.igg[first + n],
            cohort.limit[first + n],
            work.occasions.level[n],
            population.error[0],
            population.error[1],
        )
        terms[n] = -0.5 * term


@kernel
def fill_exact(
    first: int,
    last: int,
    points: Floats,
    log_weights: Floats,
    population: Level,
    cohort: CohortArrays,
    root: Floats,
    with_slopes: bool,
    found: Marginal,
    moments: Moments,
) -> None:
    """`value` by a rule of points (k, q) around each mode, root (n, q, q) their scale, and the slopes with it.

    log_weights (k,): of the integral over the points' own space. Slopes are means over the patient's posterior of those
    of the joint density (Fisher's identity).
    """
    q = population.random.size
    work = new_work(cohort, population)
    course = new_course(cohort.segments, longest(cohort.sample_bounds))
    room, terms = new_room(cohort), np.empty(longest(cohort.sample_bounds))
    logs, pulled = np.empty(points.shape[0]), np.empty(q)
    constant = -0.5 * population.log_det_omega - 0.5 * q * np.log(2.0 * np.pi)
    for i in range(first, last):
        volume = constant
        for j in range(q):
            volume += np.log(root[i, j, j])
        n_samples = cohort.sample_bounds[i + 1] - cohort.sample_bounds[i]
        for k in range(points.shape[0]):
            move(found.eta[i], root[i], points[k], work.eta)
            place(population.mu[i], population.random, work.eta, work.x)
            if population.occasions.most > 0:
                walk_patient(work.x, population, cohort, i, work, False)
                fill_occasion_terms(population, cohort, i, work, terms)
            else:
                times(population.transform, work.x, work.kinetic)
                fill_patient_terms(work.kinetic, population.error, work.no_ratio, cohort, i, room, terms)
            value = log_weights[k] + volume - penalty(population, work.eta, pulled)
            for n in range(n_samples):
                value += terms[n]
            logs[k] = value if np.isfinite(value) else -np.inf
        highest = logs.max()
        weights = np.exp(logs - highest)
        total = weights.sum()
        found.value[i] = -highest - np.log(total)
        weights /= total
        moments.spread[i] = np.sqrt((weights * weights).sum())
        fill_moments(points, weights, found.eta[i], root[i], work.eta, moments.mean[i], moments.covariance[i])
        if with_slopes:
            fill_mean_slopes(points, weights, population, cohort, i, root[i], work, course, found)
