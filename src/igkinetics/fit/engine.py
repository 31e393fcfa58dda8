"""The compiled optimiser: BFGS with the analytic gradient, one patient or one start at a time, without Python.

It explores starts and structures for the single-patient fit, and is the engine for large cohorts. The first
metric is the prior's (x in units of prior SD), so a step has the right size from the beginning.
Source: Nocedal and Wright, Numerical Optimization, 2nd ed., algorithm 6.1, with backtracking.
"""

from __future__ import annotations

import numpy as np

from igkinetics.fit.objective import Target, objective
from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.parameters import Floats

MOST_ITERATIONS = 200
MOST_HALVINGS = 30
ARMIJO = 1e-4
LONGEST_STEP = 3.0
"""In prior SDs: a first step from far off may not jump over the region where the model is finite."""
TOLERANCE = 1e-10
"""Predicted gain (g' H g) at which the search ends."""


@kernel
def bfgs(start: Floats, scale: Floats, target: Target, x: Floats) -> float:
    """Minimum of -2 log posterior from `start` (p,) into x (p,); returns its value (inf: nothing finite met).

    scale (p,): prior SD, the unit of a step.
    """
    p = start.size
    x[:] = start
    gradient = np.empty(p)
    new_gradient = np.empty(p)
    inverse = np.diag(0.5 * scale * scale)
    fresh = True
    value = objective(x, target, gradient)
    if not np.isfinite(value):
        return np.inf
    for _ in range(MOST_ITERATIONS):
        step = -(inverse @ gradient)
        slope = np.dot(step, gradient)
        if slope > -TOLERANCE:
            if fresh:
                return value
            inverse = np.diag(0.5 * scale * scale)  # start the metric afresh before believing it
            fresh = True
            continue
        longest = np.max(np.abs(step) / scale)
        length = min(1.0, LONGEST_STEP / longest)
        new_value = np.inf
        for _ in range(MOST_HALVINGS):
            new_value = objective(x + length * step, target, new_gradient)
            if new_value <= value + ARMIJO * length * slope:
                break
            length *= 0.5
        if not new_value < value:
            if fresh:
                return value
            inverse = np.diag(0.5 * scale * scale)
            fresh = True
            continue
        update_inverse(inverse, length * step, new_gradient - gradient)
        fresh = False
        x += length * step
        value = new_value
        gradient[:] = new_gradient
    return value


@kernel
def update_inverse(inverse: Floats, moved: Floats, turned: Floats) -> None:
    """BFGS update of the inverse Hessian in place; skipped where the curvature is not positive."""
    curvature = np.dot(moved, turned)
    if curvature <= 1e-12 * np.sqrt(np.dot(moved, moved) * np.dot(turned, turned)):
        return
    pushed = inverse @ turned
    factor = (1.0 + np.dot(turned, pushed) / curvature) / curvature
    for i in range(moved.size):
        for j in range(moved.size):
            inverse[i, j] += factor * moved[i] * moved[j] - (pushed[i] * moved[j] + moved[i] * pushed[j]) / curvature
