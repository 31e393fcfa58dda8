"""The compiled optimiser: BFGS with the analytic gradient, one patient or one start at a time, without Python.

It explores starts and structures for the single-patient fit, and is the engine for large cohorts. The first
metric is the prior's (x in units of prior SD), so a step has the right size from the beginning. What it finds is
polished by Newton steps.
Source: Nocedal and Wright, Numerical Optimization, 2nd ed., algorithm 6.1, with backtracking.
"""

from __future__ import annotations

import numpy as np

from igkinetics.fit.objective import Target, fill_hessian, objective
from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.parameters import Floats

MOST_ITERATIONS = 200
MOST_HALVINGS = 30
ARMIJO = 1e-4
LONGEST_STEP = 3.0
"""In prior SDs: a first step from far off may not jump over the region where the model is finite."""
TOLERANCE = 1e-10
"""Predicted gain (g' H g) at which the search ends."""
DECREMENT_GOAL = 1e-14
NEWTON_STEPS = 8
APART = 0.1
"""Prior SDs, in some parameter, between optima that count as two."""


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


@kernel
def newton_step(gradient: Floats, hessian: Floats, step: Floats) -> float:
    """Fill step (p,) with H^-1 g; returns g' H^-1 g / 2, what it promises: inf where H is not positive definite, nan
    where there is no step."""
    step[:] = 0.0
    if not np.all(np.isfinite(hessian)):
        return np.nan
    eigenvalues, vectors = np.linalg.eigh(hessian)
    if np.min(np.abs(eigenvalues)) <= 1e-14 * np.max(np.abs(eigenvalues)):
        return np.nan
    decrement = 0.0
    for k in range(eigenvalues.size):
        along = np.dot(vectors[:, k].copy(), gradient)
        step += along / eigenvalues[k] * vectors[:, k]
        decrement += 0.5 * along * along / eigenvalues[k]
    return decrement if eigenvalues[0] > 0.0 else np.inf


@kernel
def newton_polish(x: Floats, target: Target) -> float:
    """Newton steps from x (p,), in place, while they lower the objective: the gradient gets to rounding level."""
    p = x.size
    gradient, new_gradient = np.empty(p), np.empty(p)
    hessian, step = np.empty((p, p)), np.empty(p)
    value = objective(x, target, gradient)
    for _ in range(NEWTON_STEPS):
        if not np.isfinite(value):
            break
        fill_hessian(x, target, hessian)
        decrement = newton_step(gradient, hessian, step)
        if np.isnan(decrement) or decrement < DECREMENT_GOAL:
            break
        new_value = objective(x - step, target, new_gradient)
        if not new_value <= value:
            break
        x -= step
        value = new_value
        gradient[:] = new_gradient
        if np.isfinite(decrement) and newton_step(gradient, hessian, step) < DECREMENT_GOAL:
            break  # the curvature hardly changes in such a step
    return value


@kernel
def explore_starts(starts: Floats, scale: Floats, target: Target, found: Floats, values: Floats) -> None:
    """A minimum from each start (s, p), into found (s, p), with its value (s,): inf where nothing finite was met."""
    for k in range(starts.shape[0]):
        value = bfgs(starts[k], scale, target, found[k])
        values[k] = value if np.isfinite(value) else np.inf


@kernel
def keep_distinct(found: Floats, values: Floats, scale: Floats, modes: Floats) -> int:
    """The minima (s, p) that differ, the lowest first, into modes (s, p); returns how many. Values that are not finite
    are left out, unless no other is there."""
    kept = 0
    for k in np.argsort(values, kind="mergesort"):
        if not np.isfinite(values[k]) and kept > 0:
            break
        differs = True
        for j in range(kept):
            apart = 0.0
            for i in range(scale.size):
                apart = max(apart, abs(found[k, i] - modes[j, i]) / scale[i])
            if not apart > APART:
                differs = False
                break
        if differs:
            modes[kept] = found[k]
            kept += 1
        if not np.isfinite(values[k]):
            break
    return kept


@kernel
def settle_modes(
    found: Floats, values: Floats, scale: Floats, target: Target, modes: Floats, heights: Floats, curvature: Floats
) -> tuple[int, float]:
    """The distinct minima, polished, the lowest first: modes (s, p) with their heights (s,). Fills gradient and Hessian
    of the lowest into curvature (p + 1, p); returns how many modes there are, and the lowest value."""
    first = np.empty(found.shape)
    n_first = keep_distinct(found, values, scale, first)
    polished = np.empty(n_first)
    for k in range(n_first):
        polished[k] = newton_polish(first[k], target)
    order = np.where(np.isnan(polished), np.inf, polished)
    n_modes = keep_distinct(first[:n_first], order, scale, modes)
    for k in range(n_modes):
        heights[k] = objective(modes[k], target, curvature[0])
    value = objective(modes[0], target, curvature[0])
    fill_hessian(modes[0], target, curvature[1:])
    return n_modes, value
