"""A patient's random effects given the population: mode, information, and what the kernels work in.

x = mu + Z eta on the scales of docs/model.md 3.1, eta ~ Normal(0, Omega), Z places the q random effects among the p
parameters. kinetic = transform x are the logs and logits that the kinetics take (log CL = log k + log V where the rate
is the parameter). Where parameters vary between occasions too, x holds their changes behind the p (occasion_walk).
Everything here is of one patient, and makes no array.
"""

from __future__ import annotations

from math import log, log1p, sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from igkinetics.fit.likelihood import (
    LOGNORMAL,
    STUDENT_DF,
    STUDENT_T,
    log_normal_cdf,
    log_t4_cdf,
    minus_two_log,
)
from igkinetics.fit.objective import slope_on_scale
from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.hierarchical.likelihood import N_RATIOS, longest, patient_theta
from igkinetics.hierarchical.small_matrices import dot, factorise, invert, log_diagonal, squared, times
from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.copying import copy_table
from igkinetics.kinetics.gradient import Course, add_gradient_of, walk
from igkinetics.kinetics.parameters import N_PARAMETERS, Floats
from igkinetics.population.occasion_walk import (
    OccasionRoom,
    Occasions,
    fill_occasion_slopes,
    fill_occasion_thetas,
    new_occasion_room,
    walk_occasions,
)

Integers = npt.NDArray[np.int64]
MOST_STEPS = 60
MOST_HALVINGS = 25
SETTLED, ROUGHLY_SETTLED = 1e-20, 1e-12
"""Predicted gain of a step (in -log likelihood) at which the mode is reached: log|H| feels the mode to first order."""
NEARLY = 1e-9
"""Predicted gain below which a step is taken as it is: values no longer tell the two points apart."""
SLOW = 0.1
"""Share of the last step's gain above which a curvature that was known before is no longer believed."""
STEP = 1e-4
"""Of central differences, on the estimation scales."""
H, LOWER, INVERSE_LOWER, INVERSE, TRIAL = range(5)
N_MATRICES = 5


class Level(NamedTuple):
    """What the population says, the same for all patients but for `mu` (n, p).

    precision (q, q): of the random effects; error (2,): a in g/L, b; random (q,): columns of x that vary; transform
    (p, p). Where there are occasions, mu and x are longer than p.
    """

    mu: Floats
    precision: Floats
    log_det_omega: float
    error: Floats
    random: Integers
    transform: Floats
    occasions: Occasions


class Curve(NamedTuple):
    """A patient's levels (m,) at some x, their slopes (m, p) in it, and the slope (p,) of -log likelihood."""

    level: Floats
    slopes: Floats
    gradient: Floats


class Work(NamedTuple):
    """Room for one patient at a time."""

    theta: Floats
    by_theta: Floats
    kinetic: Floats
    kinetic_slopes: Floats
    no_ratio: Floats
    x: Floats
    moved: Floats
    eta: Floats
    slope: Floats
    step: Floats
    matrices: Floats
    here: Curve
    there: Curve
    occasions: OccasionRoom


@kernel
def new_work(cohort: CohortArrays, population: Level) -> Work:
    """Room for any patient of the cohort."""
    x, m = cohort.used.shape[1], longest(cohort.sample_bounds)
    p, q = population.transform.shape[0], population.random.size
    return Work(
        np.zeros(N_PARAMETERS),
        np.zeros(N_PARAMETERS),
        np.zeros(p),
        np.zeros(p),
        np.zeros(N_RATIOS),
        np.zeros(x),
        np.zeros(x),
        np.zeros(q),
        np.zeros(q),
        np.zeros(q),
        np.zeros((N_MATRICES, q, q)),
        Curve(np.zeros(m), np.zeros((m, x)), np.zeros(x)),
        Curve(np.zeros(m), np.zeros((m, x)), np.zeros(x)),
        new_occasion_room(population.occasions.most, m),
    )


@inner
def place(mu: Floats, random: Integers, eta: Floats, x: Floats) -> None:
    """x = mu + Z eta."""
    for k in range(mu.size):
        x[k] = mu[k]
    for j in range(random.size):
        x[random[j]] += eta[j]


@inner
def fill_course(
    x: Floats, population: Level, cohort: CohortArrays, i: int, work: Work, course: Course, curve: Curve
) -> None:
    """Levels of patient i's samples at x (p,) and their slopes in it, into the curve."""
    first, last = cohort.sample_bounds[i], cohort.sample_bounds[i + 1]
    schedule = cohort.segments[cohort.segment_bounds[i] : cohort.segment_bounds[i + 1]]
    theta, transform = work.theta, population.transform
    times(transform, x, work.kinetic)
    patient_theta(work.kinetic, work.no_ratio, cohort.used[i], cohort.places, cohort.fixed[i], theta)
    walk(theta, schedule, cohort.day[first:last], course)
    for n in range(last - first):
        curve.level[n] = course.endogenous[n] + course.infused[n]
        work.by_theta[:] = 0.0
        add_gradient_of(theta, course, course.epoch[n], course.responses[n], work.by_theta)
        for k in range(x.size):
            used = cohort.used[i, k] != 0
            work.kinetic_slopes[k] = slope_on_scale(cohort.places[k], work.by_theta, theta) if used else 0.0
        for k in range(x.size):
            value = 0.0
            for row in range(x.size):
                value += work.kinetic_slopes[row] * transform[row, k]
            curve.slopes[n, k] = value


@inner
def walk_patient(x: Floats, population: Level, cohort: CohortArrays, i: int, work: Work, with_slopes: bool) -> None:
    """Levels of patient i's samples, whose parameters vary between occasions, into work.occasions."""
    first, last = cohort.sample_bounds[i], cohort.sample_bounds[i + 1]
    segments = slice(cohort.segment_bounds[i], cohort.segment_bounds[i + 1])
    room, used, transform = work.occasions, cohort.used[i], population.transform
    times(transform, x, work.kinetic)  # of the first p
    patient_theta(work.kinetic, work.no_ratio, used, cohort.places, cohort.fixed[i], work.theta)
    fill_occasion_thetas(work.theta, x, transform, used, cohort.places, population.occasions, room.thetas)
    walk_occasions(
        cohort.segments[segments], population.occasions.segment[segments], cohort.day[first:last], room, with_slopes
    )


@inner
def minus_log_likelihood(
    x: Floats, population: Level, cohort: CohortArrays, i: int, work: Work, course: Course, curve: Curve
) -> float:
    """-log likelihood of patient i's samples at x; fills the curve."""
    first, last = cohort.sample_bounds[i], cohort.sample_bounds[i + 1]
    error = population.error
    if population.occasions.most > 0:
        walk_patient(x, population, cohort, i, work, True)
        for n in range(last - first):
            curve.level[n] = work.occasions.level[n]
            fill_occasion_slopes(
                n,
                work.occasions,
                population.transform,
                cohort.used[i],
                cohort.places,
                population.occasions,
                curve.slopes[n],
            )
    else:
        fill_course(x, population, cohort, i, work, course, curve)
    curve.gradient[:] = 0.0
    total = 0.0
    for n in range(last - first):
        term, slope = minus_two_log(
            cohort.kind, cohort.igg[first + n], cohort.limit[first + n], curve.level[n], error[0], error[1]
        )
        total += 0.5 * term
        for k in range(x.size):
            curve.gradient[k] += 0.5 * slope * curve.slopes[n, k]
    return total


@inner
def expected_curvature(kind: int, y: float, limit: int, c: float, a: float, b: float) -> float:
    """Fisher information of a measured value about its level c, the variance's dependence on c included.

    Of a value beyond a limit, the second derivative of its -log probability (none below 0).
    """
    if limit != 0:
        return max(censored_curvature(kind, y, limit, c, a, b), 0.0)
    if kind == LOGNORMAL:
        cv2 = b * b + a * a / (c * c)
        variance = log1p(cv2)
        relative = -2.0 * a * a / (c * c * c) / (1.0 + cv2) / variance
        return 1.0 / (variance * c * c) + 0.5 * relative * relative
    variance = a * a + b * b * c * c
    relative = 2.0 * b * b * c / variance
    if kind == STUDENT_T:
        heavy = STUDENT_DF + 3.0
        return (STUDENT_DF + 1.0) / heavy / variance + 0.5 * STUDENT_DF / heavy * relative * relative
    return 1.0 / variance + 0.5 * relative * relative


@inner
def censored_curvature(kind: int, y: float, limit: int, c: float, a: float, b: float) -> float:
    """Second derivative in the level c of -log of the probability of lying beyond y: of -log F(side z(c))."""
    if kind == LOGNORMAL:
        one_plus = 1.0 + b * b + a * a / (c * c)
        variance, by_c = log(one_plus), -2.0 * a * a / (c * c * c) / one_plus
        twice = 6.0 * a * a / (c * c * c * c) / one_plus - by_c * by_c
        distance, slope, bend = log(y) - log(c), -1.0 / c, 1.0 / (c * c)
    else:
        variance, by_c, twice = a * a + b * b * c * c, 2.0 * b * b * c, 2.0 * b * b
        distance, slope, bend = y - c, -1.0, 0.0
    sd, relative = sqrt(variance), 0.5 * by_c / variance
    z = distance / sd
    z_slope = slope / sd - z * relative
    z_bend = bend / sd - (slope / sd + z_slope) * relative - z * (0.5 * twice / variance - 2.0 * relative * relative)
    side = -float(limit)
    x = side * z
    if kind == STUDENT_T:
        _, ratio = log_t4_cdf(x)
        falls = (STUDENT_DF + 1.0) * x / (STUDENT_DF + x * x) + ratio
    else:
        _, ratio = log_normal_cdf(x)
        falls = x + ratio
    return ratio * (falls * z_slope * z_slope - side * z_bend)


@inner
def fill_information(
    population: Level, a: float, b: float, cohort: CohortArrays, i: int, curve: Curve, information: Floats
) -> None:
    """H (q, q) = Z'J' W J Z + Omega^-1 with W the expected curvature at each sample: FOCEI's information."""
    random = population.random
    first, last = cohort.sample_bounds[i], cohort.sample_bounds[i + 1]
    q = random.size
    for j in range(q):
        for k in range(q):
            information[j, k] = population.precision[j, k]
    for n in range(last - first):
        weight = expected_curvature(cohort.kind, cohort.igg[first + n], cohort.limit[first + n], curve.level[n], a, b)
        for j in range(q):
            for k in range(j + 1):
                information[j, k] += weight * curve.slopes[n, random[j]] * curve.slopes[n, random[k]]
    for j in range(q):
        for k in range(j):
            information[k, j] = information[j, k]


@inner
def half_log_det(matrix: Floats, lower: Floats) -> float:
    """Half the log determinant; fills the Cholesky factor (nan where there is none)."""
    factorise(matrix, lower)
    return log_diagonal(lower)


@inner
def fill_inverse(lower: Floats, inverse_lower: Floats, inverse: Floats) -> None:
    """Inverse of lower lower'."""
    invert(lower, inverse_lower)
    squared(inverse_lower, inverse)


@inner
def penalty(population: Level, eta: Floats, pulled: Floats) -> float:
    """eta' Omega^-1 eta / 2; fills Omega^-1 eta."""
    times(population.precision, eta, pulled)
    return 0.5 * dot(eta, pulled)


@inner
def joint(
    mu: Floats, eta: Floats, population: Level, cohort: CohortArrays, i: int, work: Work, course: Course
) -> float:
    """-log joint density of patient i's samples and random effects, without constants; fills work.here and .slope."""
    place(mu, population.random, eta, work.x)
    value = minus_log_likelihood(work.x, population, cohort, i, work, course, work.here)
    return value + penalty(population, eta, work.slope)


@inner
def find_mode(
    mu: Floats,
    population: Level,
    cohort: CohortArrays,
    i: int,
    work: Work,
    course: Course,
    eta: Floats,
    curvature: Floats,
    rough: bool,
) -> float:
    """Move eta (q,) to the conditional mode; returns -log joint density without constants.

    By Newton's method with the curvature (q, q) of a population near this one, where that is positive definite and
    serves; else by Fisher scoring. Leaves the curve and information at the mode in `work`. A rough search takes at
    least one step with that curvature: differences between populations that are close see the modes move.
    """
    random, trial = population.random, work.eta
    information, lower = work.matrices[H], work.matrices[LOWER]
    inverse_lower, inverse = work.matrices[INVERSE_LOWER], work.matrices[INVERSE]
    a, b = population.error[0], population.error[1]
    copy_table(curvature, work.matrices[TRIAL])
    known = bool(np.isfinite(half_log_det(work.matrices[TRIAL], lower)))
    if known:
        fill_inverse(lower, inverse_lower, inverse)
    value, last_gain = joint(mu, eta, population, cohort, i, work, course), np.inf
    for count in range(MOST_STEPS):
        if not known:
            fill_information(population, a, b, cohort, i, work.here, information)
            half_log_det(information, lower)
            fill_inverse(lower, inverse_lower, inverse)
        for j in range(random.size):
            work.slope[j] += work.here.gradient[random[j]]
        times(inverse, work.slope, work.step)
        gain = dot(work.slope, work.step)
        if not gain > (ROUGHLY_SETTLED if rough else SETTLED) and not (rough and known and count == 0):
            break
        length, new = 1.0, np.inf
        for _ in range(MOST_HALVINGS):
            for j in range(random.size):
                trial[j] = eta[j] - length * work.step[j]
            new = joint(mu, trial, population, cohort, i, work, course)
            if new <= value - 1e-4 * length * gain or (gain < NEARLY and new < value + NEARLY):
                break
            length *= 0.5
        if new < value + NEARLY:
            value = new
            for j in range(random.size):
                eta[j] = trial[j]
        else:
            value = joint(mu, eta, population, cohort, i, work, course)
            if not known:
                break
        known = known and length == 1.0 and gain < SLOW * last_gain
        last_gain = gain
    place(mu, random, eta, work.x)
    fill_information(population, a, b, cohort, i, work.here, information)
    half_log_det(information, lower)
    fill_inverse(lower, inverse_lower, inverse)
    return value
