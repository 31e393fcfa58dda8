"""Minimising one problem: several starts with lmfit, a Newton polish, named convergence tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import lmfit
import numpy as np

from igkinetics.fit.problem import FitProblem
from igkinetics.kinetics.parameters import Floats

GRADIENT_TOLERANCE: Final = 1e-5
AGREE_WITHIN: Final = 0.01
"""Two starts agree when their -2 log posteriors differ by less."""
DECREMENT_TOLERANCE: Final = 1e-6
"""g' H^-1 g / 2 at the optimum: the improvement that a further Newton step would promise."""
MOST_ITERATIONS: Final = 300
NEWTON_STEPS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimum:
    """The best of several starts. hessian is that of -2 log posterior."""

    x: Floats
    objective: float
    gradient: Floats
    hessian: Floats
    modes: tuple[Floats, ...]
    """Distinct local optima found, best first (the best included)."""
    n_starts: int
    n_agreeing: int
    failed_tests: tuple[str, ...]
    """Names among: gradient (not flat), curvature (not a minimum), finite. Empty when converged."""


def first_guesses(problem: FitProblem) -> list[Floats]:
    """Starts: the prior's centre, levels read off the data, k_loss and CL/V1 swapped, little and much loss."""
    centre = problem.mu.copy()
    place = {name: i for i, name in enumerate(problem.names)}
    levels = problem.igg[problem.limit == 0]
    informed = centre.copy()
    if levels.size and "C_base" in place:
        informed[place["C_base"]] = np.log(max(levels[0], 1e-3))
    guesses = [informed, centre]
    if "k_loss" in place:
        swapped = informed.copy()
        theta = problem.theta(informed)
        turnover = theta[0] / (theta[1] + (theta[3] if theta[2] > 0 else 0.0))
        swapped[place["k_loss"]] = np.log(turnover)
        swapped[place["CL"]] += np.clip(np.log(theta[9] / turnover), -2.0, 2.0)
        guesses.append(swapped)
    if "S" in place:
        for shift in (-1.5, 1.5):
            moved = informed.copy()
            moved[place["S"]] += shift
            guesses.append(moved)
    return guesses


def minimise(problem: FitProblem, guesses: list[Floats]) -> Optimum:
    """Fit from every guess; the best optimum with what the others found."""
    found = [polish(problem, lmfit_minimum(problem, guess)) for guess in guesses]
    values = np.array([problem.value_and_gradient(x)[0] for x in found])
    values = np.where(np.isfinite(values), values, np.inf)
    order = np.argsort(values, kind="stable")
    best = found[order[0]]
    value, gradient = problem.value_and_gradient(best)
    hessian = problem.hessian(best)
    return Optimum(
        x=best,
        objective=value,
        gradient=gradient,
        hessian=hessian,
        modes=distinct([found[k] for k in order if np.isfinite(values[k])], problem),
        n_starts=len(guesses),
        n_agreeing=int(np.sum(values - values[order[0]] < AGREE_WITHIN)),
        failed_tests=failed_convergence_tests(value, gradient, hessian),
    )


def lmfit_minimum(problem: FitProblem, guess: Floats) -> Floats:
    """BFGS with the kernels' gradient, through lmfit; parameters are unbounded."""
    parameters = lmfit.Parameters()
    for name, value in zip(problem.names, guess, strict=True):
        parameters.add(name, value=float(value))

    def vector(values: lmfit.Parameters) -> Floats:
        return np.fromiter((parameter.value for parameter in values.values()), dtype=float, count=len(values))

    def objective(values: lmfit.Parameters) -> float:
        value = problem.value_and_gradient(vector(values))[0]
        return value if np.isfinite(value) else 1e10  # a line search that left the finite region turns back

    def gradient(values: lmfit.Parameters) -> Floats:
        return np.nan_to_num(problem.value_and_gradient(vector(values))[1])

    minimiser = lmfit.Minimizer(objective, parameters, nan_policy="propagate")
    options = {"gtol": GRADIENT_TOLERANCE, "maxiter": MOST_ITERATIONS}
    result = minimiser.scalar_minimize(method="BFGS", jac=gradient, options=options)
    return np.asarray(result.x, dtype=float)


def polish(problem: FitProblem, x: Floats) -> Floats:
    """Newton steps while they lower the objective: brings the gradient to rounding level."""
    value, gradient = problem.value_and_gradient(x)
    for _ in range(NEWTON_STEPS):
        if not np.isfinite(value) or newton_decrement(gradient, hessian := problem.hessian(x)) < 1e-14:
            return x
        try:
            step = np.linalg.solve(hessian, gradient)
        except np.linalg.LinAlgError:
            return x
        new_value, new_gradient = problem.value_and_gradient(x - step)
        if not new_value <= value:
            return x
        x, value, gradient = x - step, new_value, new_gradient
    return x


def newton_decrement(gradient: Floats, hessian: Floats) -> float:
    """g' H^-1 g / 2; inf where the Hessian is not positive definite."""
    if not np.all(np.isfinite(hessian)):
        return float(np.inf)
    eigenvalues, vectors = np.linalg.eigh(hessian)
    if eigenvalues[0] <= 0:
        return float(np.inf)
    return float(0.5 * np.sum((vectors.T @ gradient) ** 2 / eigenvalues))


def failed_convergence_tests(value: float, gradient: Floats, hessian: Floats) -> tuple[str, ...]:
    """Names of the tests that fail: finite, curvature (positive definite), gradient (no further gain)."""
    if not (np.isfinite(value) and np.all(np.isfinite(gradient)) and np.all(np.isfinite(hessian))):
        return ("finite",)
    eigenvalues = np.linalg.eigvalsh(hessian)
    if eigenvalues[0] <= 1e-10 * eigenvalues[-1]:
        return ("curvature",)
    return () if newton_decrement(gradient, hessian) < DECREMENT_TOLERANCE else ("gradient",)


def distinct(candidates: list[Floats], problem: FitProblem) -> tuple[Floats, ...]:
    """Local optima that differ by more than a tenth of a prior SD in some parameter, in the given order."""
    kept: list[Floats] = []
    for x in candidates:
        if all(np.max(np.abs(x - other) / problem.prior_sd) > 0.1 for other in kept):
            kept.append(x)
    return tuple(kept)
