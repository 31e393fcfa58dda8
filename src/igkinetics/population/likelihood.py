"""-log marginal likelihood of every patient by Laplace's method at the conditional mode, with its gradient.

docs/model.md 10.2. With the expected information of the samples as curvature this is FOCEI in NONMEM's sense (first
order, conditional, with interaction); with the full second derivative it is NONMEM's LAPLACE. The gradient is that of
the first, mode and curvature moving with the population: the mode by the implicit function theorem, the curvature's
slopes by central differences of exact first derivatives. On the way to a maximum (`rough`) the differences are
one-sided: half the work, and slopes within about a hundred thousandth; values are the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from igkinetics.fit.likelihood import minus_two_log
from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.hierarchical.likelihood import longest, slopes_in_error
from igkinetics.hierarchical.small_matrices import dot, log_diagonal, times
from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.gradient import Course, new_course
from igkinetics.kinetics.parameters import Floats
from igkinetics.parallel import workers
from igkinetics.population.conditional import (
    INVERSE,
    INVERSE_LOWER,
    LOWER,
    STEP,
    TRIAL,
    Level,
    Work,
    fill_information,
    fill_inverse,
    find_mode,
    half_log_det,
    minus_log_likelihood,
    new_work,
)

ROUGH_STEP = 1e-5
"""Of one-sided differences, on the estimation scales."""


class Marginal(NamedTuple):
    """Per patient (n, ...): eta (q): mode, moved in place from where it was. value: FOCEI's -log likelihood.

    laplace: the same with the full second derivative; mode_value: -log likelihood of the samples at the mode.
    by_mu (p), by_omega (q, q), by_log_error (2): slopes of value. information, curvature (q, q): expected and full.
    """

    eta: Floats
    value: Floats
    laplace: Floats
    mode_value: Floats
    by_mu: Floats
    by_omega: Floats
    by_log_error: Floats
    information: Floats
    curvature: Floats


def new_marginal(n: int, p: int, q: int) -> Marginal:
    shapes = ((n, q), (n,), (n,), (n,), (n, p), (n, q, q), (n, 2), (n, q, q), (n, q, q))
    return Marginal(*(np.zeros(shape) for shape in shapes))


@inner
def fill_second_derivatives(
    population: Level,
    cohort: CohortArrays,
    i: int,
    work: Work,
    course: Course,
    log_det: float,
    rough: bool,
    hessian: Floats,
    by_log_det: Floats,
) -> None:
    """Hessian (p, p) of -log likelihood and slopes (p,) of log|H|/2, in x, at the mode that `work` is left at.

    log_det: log|H|/2 there, from which one-sided differences are taken.
    """
    p = by_log_det.size
    a, b = population.error[0], population.error[1]
    trial, lower = work.matrices[TRIAL], work.matrices[INVERSE_LOWER]  # both free once H is inverted
    step, width = (ROUGH_STEP, ROUGH_STEP) if rough else (STEP, 2.0 * STEP)
    for k in range(p):
        by_log_det[k] = 0.0
        for m in range(p):
            hessian[k, m] = 0.0
            work.moved[m] = work.x[m]
        if cohort.used[i, k] == 0:
            continue
        if rough:
            by_log_det[k] -= log_det
            for m in range(p):
                hessian[k, m] -= work.here.gradient[m]
        for sign in (1.0, -1.0):
            if sign < 0.0 and rough:
                continue
            work.moved[k] = work.x[k] + sign * step
            minus_log_likelihood(work.moved, population, cohort, i, work, course, work.there)
            fill_information(population, a, b, cohort, i, work.there, trial)
            by_log_det[k] += sign * half_log_det(trial, lower)
            for m in range(p):
                hessian[k, m] += sign * work.there.gradient[m]
        by_log_det[k] /= width
        for m in range(p):
            hessian[k, m] /= width
    for k in range(p):
        for m in range(k):
            hessian[k, m] = hessian[m, k] = 0.5 * (hessian[k, m] + hessian[m, k])


@inner
def fill_error_slopes(
    population: Level,
    cohort: CohortArrays,
    i: int,
    work: Work,
    turned: Floats,
    log_det: float,
    rough: bool,
    slopes: Floats,
) -> None:
    """Slopes of the marginal value in log a and log b. turned (q,) = (full curvature)^-1 Z' slopes of log|H|/2.

    log_det: log|H|/2 at the mode, from which one-sided differences are taken.
    """
    first, last = cohort.sample_bounds[i], cohort.sample_bounds[i + 1]
    random, level = population.random, work.here.level
    trial, lower = work.matrices[TRIAL], work.matrices[INVERSE_LOWER]
    step, width = (ROUGH_STEP, ROUGH_STEP) if rough else (STEP, 2.0 * STEP)
    slopes[:] = 0.0
    for n in range(last - first):
        by_a, by_b = slopes_in_error(
            cohort.kind,
            cohort.igg[first + n],
            cohort.limit[first + n],
            level[n],
            population.error[0],
            population.error[1],
        )
        slopes[0] += 0.5 * by_a * population.error[0]
        slopes[1] += 0.5 * by_b * population.error[1]
    for e in range(2):
        if population.error[e] == 0.0:
            slopes[e] = 0.0
            continue
        change = 0.0
        if rough:
            change -= log_det
            for j in range(random.size):
                change += work.here.gradient[random[j]] * turned[j]
        for sign in (1.0, -1.0):
            if sign < 0.0 and rough:
                continue
            a, b = population.error[0], population.error[1]
            if e == 0:
                a *= np.exp(sign * step)
            else:
                b *= np.exp(sign * step)
            fill_information(population, a, b, cohort, i, work.here, trial)
            change += sign * half_log_det(trial, lower)
            for n in range(last - first):
                _, slope = minus_two_log(cohort.kind, cohort.igg[first + n], cohort.limit[first + n], level[n], a, b)
                for j in range(random.size):
                    change -= sign * 0.5 * slope * work.here.slopes[n, random[j]] * turned[j]
        slopes[e] += change / width


@inner
def fill_omega_slopes(
    population: Level, eta: Floats, turned: Floats, inverse: Floats, work: Work, slopes: Floats
) -> None:
    """Slopes (q, q), symmetric, of the marginal value in Omega. inverse: of the information; turned as above."""
    q = eta.size
    precision, half = population.precision, work.matrices[TRIAL]
    pulled, pulled_turned = work.slope, work.step
    times(precision, eta, pulled)
    times(precision, turned, pulled_turned)
    for m in range(q):
        for k in range(q):
            value = 0.0
            for r in range(q):
                value += inverse[m, r] * precision[r, k]
            half[m, k] = value
    for j in range(q):
        for k in range(q):
            shrunk = 0.0
            for m in range(q):
                shrunk += precision[j, m] * half[m, k]
            slopes[j, k] = 0.5 * (precision[j, k] - pulled[j] * pulled[k] - shrunk)
            slopes[j, k] += 0.5 * (pulled_turned[j] * pulled[k] + pulled[j] * pulled_turned[k])


@inner
def finish_mode(population: Level, eta: Floats, work: Work, turned: Floats, value: Floats) -> None:
    """A last step with the full curvature; the value (1,), which the mode moves through log|H| alone, follows.

    turned (q,): (full curvature)^-1 Z' slopes of log|H|/2; its product with the slope at eta is what is gained.
    """
    times(population.precision, eta, work.slope)
    for j in range(eta.size):
        work.slope[j] += work.here.gradient[population.random[j]]
    value[0] -= dot(work.slope, turned)
    times(work.matrices[INVERSE], work.slope, work.step)
    for j in range(eta.size):
        eta[j] -= work.step[j]


@kernel
def fill_marginal(
    first: int, last: int, population: Level, cohort: CohortArrays, with_slopes: bool, rough: bool, found: Marginal
) -> None:
    """Fill `found` for patients first ... last - 1, each from the eta and curvature that are there."""
    p, q = population.mu.shape[1], population.random.size
    work = new_work(cohort, population)
    course = new_course(cohort.segments, longest(cohort.sample_bounds))
    hessian, by_log_det = np.zeros((p, p)), np.zeros(p)
    own, turned = np.zeros(q), np.zeros(q)
    for i in range(first, last):
        eta = found.eta[i]
        value = find_mode(population.mu[i], population, cohort, i, work, course, eta, found.curvature[i], rough)
        found.information[i] = work.matrices[0]
        times(population.precision, eta, own)
        found.mode_value[i] = value - 0.5 * dot(eta, own)
        log_det = log_diagonal(work.matrices[LOWER])
        found.value[i] = value + 0.5 * population.log_det_omega + log_det
        if not with_slopes:
            continue
        inverse = work.matrices[INVERSE].copy()
        fill_second_derivatives(population, cohort, i, work, course, log_det, rough, hessian, by_log_det)
        for j in range(q):
            own[j] = by_log_det[population.random[j]]
            for k in range(q):
                found.curvature[i, j, k] = (
                    hessian[population.random[j], population.random[k]] + population.precision[j, k]
                )
        work.matrices[TRIAL][:] = found.curvature[i]
        full_log_det = half_log_det(work.matrices[TRIAL], work.matrices[LOWER])
        if not np.isfinite(full_log_det):  # not a maximum in every direction: the expected information stands in
            found.curvature[i] = found.information[i]
            work.matrices[TRIAL][:] = found.curvature[i]
            full_log_det = half_log_det(work.matrices[TRIAL], work.matrices[LOWER])
        fill_inverse(work.matrices[LOWER], work.matrices[INVERSE_LOWER], work.matrices[INVERSE])
        found.laplace[i] = value + 0.5 * population.log_det_omega + full_log_det
        times(work.matrices[INVERSE], own, turned)
        finish_mode(population, eta, work, turned, found.value[i : i + 1])
        for k in range(p):
            moved = 0.0
            for j in range(q):
                moved += hessian[k, population.random[j]] * turned[j]
            found.by_mu[i, k] = work.here.gradient[k] + by_log_det[k] - moved
        fill_omega_slopes(population, eta, turned, inverse, work, found.by_omega[i])
        fill_error_slopes(population, cohort, i, work, turned, log_det, rough, found.by_log_error[i])


def marginal(
    population: Level, cohort: CohortArrays, found: Marginal, *, slopes: bool, jobs: int, rough: bool = False
) -> Marginal:
    """`found` filled for all patients, in threads; patients are independent, so the number of jobs changes nothing."""
    n = cohort.n_patients
    if jobs == 1:
        fill_marginal(0, n, population, cohort, slopes, rough, found)
        return found
    with workers(jobs) as crew:
        crew.over(
            n,
            max(1, -(-n // (4 * jobs))),
            lambda part: fill_marginal(part.start, part.stop, population, cohort, slopes, rough, found),
        )
    return found
