"""Log likelihood of a whole cohort with its gradient in every patient's parameters and in the residual error.

The kinetics and the likelihood of one value are those of the single-patient fit; here they are summed over patients,
and a and b of the residual error (docs/model.md 2) are free.
"""

from __future__ import annotations

from math import log1p, sqrt
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
from igkinetics.fit.objective import natural_value, slope_on_scale
from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.copying import copy_vector
from igkinetics.kinetics.curves import CURVE_ROOM, fill_curve
from igkinetics.kinetics.gradient import Course, add_weighted_gradient, new_course, walk
from igkinetics.kinetics.parameters import (
    C_BASE,
    C_INIT,
    CL,
    CLEARANCE_RATIO,
    N_PARAMETERS,
    PRODUCTION_RATIO,
    V1,
    V2,
    Floats,
    Q,
)

Integers = npt.NDArray[np.int64]
N_RATIOS = 3
NO_RATIO = np.zeros(N_RATIOS)
"""Log ratios of 1: immunoglobulin changes neither clearance nor production, and every recorded gram arrives."""
RECOVERY = 2
"""Place of the log of the share of the recorded grams that arrives."""
BY_RECOVERY = np.array([CL, V1, Q, V2])
"""Parameters that only their ratio to a dose makes visible: doses times r are these divided by r."""


class SlopeRoom(NamedTuple):
    """Room for one patient's curve with its gradient at a time: parameters and derivatives in them (13,), a course."""

    theta: Floats
    by_theta: Floats
    course: Course


class CurveRoom(NamedTuple):
    """Room for one patient's curve at a time: parameters (13,), levels of the most samples, and what it works in."""

    theta: Floats
    endogenous: Floats
    infused: Floats
    scratch: Floats


@inner
def slopes_in_error(kind: int, y: float, limit: int, c: float, a: float, b: float) -> tuple[float, float]:
    """Derivatives in a and in b of fit.likelihood.minus_two_log, same arguments."""
    if kind == LOGNORMAL:
        cv2 = b * b + a * a / (c * c)
        variance = log1p(cv2)
        by_a = 2.0 * a / (c * c) / (1.0 + cv2)
        by_b = 2.0 * b / (1.0 + cv2)
        z = (np.log(y) - np.log(c)) / sqrt(variance)
    else:
        variance = a * a + b * b * c * c
        by_a = 2.0 * a
        by_b = 2.0 * b * c * c
        z = (y - c) / sqrt(variance)
    z_slope = -0.5 * z / variance
    if limit != 0:
        side = -float(limit)
        _, slope = log_t4_cdf(side * z) if kind == STUDENT_T else log_normal_cdf(side * z)
        by_variance = -2.0 * slope * side * z_slope
    elif kind == STUDENT_T:
        by_variance = (STUDENT_DF + 1.0) * 2.0 * z * z_slope / (STUDENT_DF + z * z) + 1.0 / variance
    else:
        by_variance = 2.0 * z * z_slope + 1.0 / variance
    return by_variance * by_a, by_variance * by_b


@inner
def patient_theta(x: Floats, log_ratio: Floats, used: Integers, places: Integers, fixed: Floats, theta: Floats) -> None:
    """Natural parameters (13,) of a row x (p,) of the cohort's matrix; C_init * C_base as in the fit.

    log_ratio (3,): the logs of the clearance and production ratios under immunoglobulin and of the dose recovery, the
    same for everyone. CL, V1, Q and V2 are then the apparent ones, per recorded gram.
    """
    copy_vector(fixed, theta)
    for i in range(x.size):
        if used[i]:
            theta[places[i]] = natural_value(places[i], x[i])
    theta[C_INIT] *= theta[C_BASE]
    theta[CLEARANCE_RATIO] *= np.exp(log_ratio[0])
    theta[PRODUCTION_RATIO] *= np.exp(log_ratio[1])
    if log_ratio[RECOVERY] != 0.0:
        for i in range(BY_RECOVERY.size):
            theta[BY_RECOVERY[i]] *= np.exp(-log_ratio[RECOVERY])


@kernel
def longest(bounds: Integers) -> int:
    """The size of the largest block between bounds (n + 1)."""
    most = 0
    for i in range(bounds.size - 1):
        most = max(most, bounds[i + 1] - bounds[i])
    return most


@kernel
def new_room(cohort: CohortArrays) -> CurveRoom:
    """Room for any patient of the cohort."""
    most = longest(cohort.sample_bounds)
    return CurveRoom(np.empty(N_PARAMETERS), np.empty(most), np.empty(most), np.empty(CURVE_ROOM))


@kernel
def new_slope_room(cohort: CohortArrays) -> SlopeRoom:
    """Room for the gradient of any patient of the cohort."""
    course = new_course(cohort.segments, longest(cohort.sample_bounds))
    return SlopeRoom(np.empty(N_PARAMETERS), np.empty(N_PARAMETERS), course)


@inner
def patient_log_likelihood(
    x: Floats,
    error: Floats,
    log_ratio: Floats,
    cohort: CohortArrays,
    i: int,
    room: SlopeRoom,
    by_x: Floats,
    by_error: Floats,
    by_ratio: Floats,
) -> float:
    """Log likelihood of patient i's samples at x (p,); fills by_x (p,), adds to by_error (2,) and by_ratio (3,)."""
    theta, by_theta, course = room
    first, last = cohort.sample_bounds[i], cohort.sample_bounds[i + 1]
    schedule = cohort.segments[cohort.segment_bounds[i] : cohort.segment_bounds[i + 1]]
    patient_theta(x, log_ratio, cohort.used[i], cohort.places, cohort.fixed[i], theta)
    walk(theta, schedule, cohort.day[first:last], course)
    total = 0.0
    for k in range(last - first):
        igg, limit = cohort.igg[first + k], cohort.limit[first + k]
        level = course.endogenous[k] + course.infused[k]
        term, slope = minus_two_log(cohort.kind, igg, limit, level, error[0], error[1])
        by_a, by_b = slopes_in_error(cohort.kind, igg, limit, level, error[0], error[1])
        total -= 0.5 * term
        by_error[0] -= 0.5 * by_a
        by_error[1] -= 0.5 * by_b
        course.weights[k] = -0.5 * slope
    by_theta[:] = 0.0
    add_weighted_gradient(theta, course, last - first, by_theta)
    for k in range(x.size):
        by_x[k] = slope_on_scale(cohort.places[k], by_theta, theta) if cohort.used[i, k] else 0.0
    by_ratio[0] += by_theta[CLEARANCE_RATIO] * theta[CLEARANCE_RATIO]
    by_ratio[1] += by_theta[PRODUCTION_RATIO] * theta[PRODUCTION_RATIO]
    for k in range(BY_RECOVERY.size):
        by_ratio[RECOVERY] -= by_theta[BY_RECOVERY[k]] * theta[BY_RECOVERY[k]]
    return total


@kernel
def fill_log_likelihood(
    x: Floats,
    error: Floats,
    log_ratio: Floats,
    cohort: CohortArrays,
    by_x: Floats,
    by_error: Floats,
    by_ratio: Floats,
) -> float:
    """Log likelihood at x (n, p), error (a g/L, b), log ratios (clearance, production, recovery) of all patients.

    Fills by_x (n, p), by_error (2,), by_ratio (3,). Not finite where a parameter has run out of the range of
    floating-point numbers; the sampler refuses such a point.
    """
    room = new_slope_room(cohort)
    total = 0.0
    by_error[:] = 0.0
    by_ratio[:] = 0.0
    for i in range(x.shape[0]):
        total += patient_log_likelihood(x[i], error, log_ratio, cohort, i, room, by_x[i], by_error, by_ratio)
    return total


@inner
def fill_patient_terms(
    x: Floats, error: Floats, log_ratio: Floats, cohort: CohortArrays, i: int, room: CurveRoom, terms: Floats
) -> None:
    """Log likelihood of each of patient i's samples at x (p,), without gradient, from the start of terms on."""
    first, last = cohort.sample_bounds[i], cohort.sample_bounds[i + 1]
    schedule = cohort.segments[cohort.segment_bounds[i] : cohort.segment_bounds[i + 1]]
    patient_theta(x, log_ratio, cohort.used[i], cohort.places, cohort.fixed[i], room.theta)
    fill_curve(room.theta, schedule, cohort.day[first:last], room.endogenous, room.infused, room.scratch)
    for k in range(last - first):
        level = room.endogenous[k] + room.infused[k]
        term, _ = minus_two_log(cohort.kind, cohort.igg[first + k], cohort.limit[first + k], level, error[0], error[1])
        terms[k] = -0.5 * term


@kernel
def fill_terms(x: Floats, error: Floats, log_ratio: Floats, cohort: CohortArrays, terms: Floats) -> None:
    """Log likelihood of every sample at x (n, p), without gradient, into terms (n_samples,): for LOO."""
    room = new_room(cohort)
    for i in range(x.shape[0]):
        fill_patient_terms(x[i], error, log_ratio, cohort, i, room, terms[cohort.sample_bounds[i] :])


def log_likelihood(
    x: Floats, error: Floats, cohort: CohortArrays, log_ratio: Floats = NO_RATIO
) -> tuple[float, Floats, Floats, Floats]:
    """Log likelihood at x (n, p) on estimation scales, error (a in g/L, b), log ratios (3,).

    With the gradients (n, p), (2,) and (3,).
    """
    assert_shape(x, cohort)
    by_x, by_error, by_ratio = np.empty_like(x), np.empty(2), np.empty(log_ratio.size)
    total = fill_log_likelihood(x, error, log_ratio, cohort, by_x, by_error, by_ratio)
    return total, by_x, by_error, by_ratio


def terms_of(x: Floats, error: Floats, cohort: CohortArrays, log_ratio: Floats = NO_RATIO) -> Floats:
    """Log likelihood of every sample (n_samples,), patients end to end."""
    assert_shape(x, cohort)
    terms = np.empty(cohort.day.size)
    fill_terms(x, error, log_ratio, cohort, terms)
    return terms


def assert_shape(x: Floats, cohort: CohortArrays) -> None:
    """AssertionError unless x has a row per patient and a column per parameter: kernels do not look."""
    if x.shape != cohort.used.shape:
        raise AssertionError(f"x has the shape {x.shape}, not {cohort.used.shape}")
