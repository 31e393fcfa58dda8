"""Minimising one problem: several starts with lmfit, a Newton polish, named convergence tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.fit.engine import explore_starts, newton_polish, settle_modes
from igkinetics.fit.problem import FitProblem
from igkinetics.frozen import ByValue
from igkinetics.kinetics.parameters import CL, K_LOSS, V1, V2, Floats, Q

GRADIENT_TOLERANCE: Final = 1e-3
AGREE_WITHIN: Final = 0.01
"""Two starts agree when their -2 log posteriors differ by less."""
DECREMENT_TOLERANCE: Final = 1e-6
"""g' H^-1 g / 2 at the optimum: the improvement that a further Newton step would promise."""
MOST_ITERATIONS: Final = 300
NOT_FINITE: Final = 1e10
"""What a line search is told where the model is not finite: it turns back."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Optimum(ByValue):
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
    if {"k_loss", "CL"} <= place.keys():
        swapped = informed.copy()
        theta = problem.theta(informed)
        turnover = theta[CL] / (theta[V1] + (theta[V2] if theta[Q] > 0 else 0.0))
        swapped[place["k_loss"]] = np.log(turnover)
        swapped[place["CL"]] += np.clip(np.log(theta[K_LOSS] / turnover), -2.0, 2.0)
        guesses.append(swapped)
    if "S" in place:
        for shift in (-1.5, 1.5):
            moved = informed.copy()
            moved[place["S"]] += shift
            guesses.append(moved)
    return guesses


def minimise(problem: FitProblem, guesses: list[Floats]) -> Optimum:
    """The fit: every guess explored by the compiled optimiser, the best of them fitted again with lmfit.

    lmfit starts at the guess that led to the lowest value, not at the minimum found, so two optimisers of
    different make must agree; the lower of both is polished and kept.
    """
    found, values = explored(problem, guesses)
    lowest = int(np.argmin(values))
    x, value = by_lmfit(problem, guesses[lowest], inverse_curvature(problem, found[lowest]))
    return settled(problem, np.vstack([found, x]), np.append(values, value if np.isfinite(value) else np.inf))


def inverse_curvature(problem: FitProblem, x: Floats) -> Floats:
    """Inverse Hessian (p, p) at x; that of the prior where it is not positive definite."""
    hessian = problem.hessian(x)
    if np.all(np.isfinite(hessian)) and np.linalg.eigvalsh(hessian)[0] > 0:
        inverse = np.linalg.inv(hessian)
        return np.asarray(0.5 * (inverse + inverse.T), dtype=float)
    return np.diag(0.5 * problem.prior_sd**2)


def explore(problem: FitProblem, guesses: list[Floats]) -> Optimum:
    """The same by the compiled optimiser alone: for structures beside the fitted one and for large cohorts."""
    return settled(problem, *explored(problem, guesses))


def explored(problem: FitProblem, guesses: list[Floats]) -> tuple[Floats, Floats]:
    """The minimum that each guess leads to (s, p), and its value (s,): inf where nothing finite was met."""
    starts = np.array(guesses)
    found, values = np.empty_like(starts), np.empty(len(guesses))
    explore_starts(starts, problem.prior_sd, problem.target, found, values)
    return found, values


def best_of(problem: FitProblem, found: list[tuple[Floats, float]]) -> Optimum:
    """The lowest of several minima (x, value), polished, with its curvature and the convergence tests."""
    values = np.array([value if np.isfinite(value) else np.inf for _, value in found])
    return settled(problem, np.array([x for x, _ in found]), values)


def settled(problem: FitProblem, found: Floats, values: Floats) -> Optimum:
    """The same of minima (s, p) with their values (s,), inf where none was met."""
    p = found.shape[1]
    modes, heights, curvature = np.empty_like(found), np.empty(values.size), np.empty((p + 1, p))
    n_modes, value = settle_modes(found, values, problem.prior_sd, problem.target, modes, heights, curvature)
    gradient, hessian = curvature[0], curvature[1:]
    kept = tuple(modes[:n_modes])
    return Optimum(
        x=kept[0],
        objective=float(value),
        gradient=gradient,
        hessian=hessian,
        modes=kept,
        n_starts=values.size,
        n_agreeing=int(np.sum(values - value < AGREE_WITHIN)),
        failed_tests=failed_convergence_tests(value, gradient, hessian),
    )


def by_lmfit(problem: FitProblem, guess: Floats, metric: Floats) -> tuple[Floats, float]:
    """BFGS with the kernels' gradient, through lmfit; parameters are unbounded. Returns x and its value.

    metric (p, p): a first guess at the inverse Hessian, which gives steps their size.
    """
    import lmfit  # here: it takes a second to load, and much is done without it

    parameters = lmfit.Parameters()
    for name, start in zip(problem.names, guess, strict=True):
        parameters.add(name, value=float(start))
    last: dict[bytes, tuple[float, Floats]] = {}

    def evaluate(values: lmfit.Parameters) -> tuple[float, Floats]:
        x = np.fromiter((parameter.value for parameter in values.values()), dtype=float, count=len(values))
        key = x.tobytes()
        if key not in last:  # value and gradient are asked for one after the other
            last.clear()
            last[key] = problem.value_and_gradient(x)
        return last[key]

    def objective(values: lmfit.Parameters) -> float:
        value = evaluate(values)[0]
        return value if np.isfinite(value) else NOT_FINITE

    def gradient(values: lmfit.Parameters) -> Floats:
        value, slope = evaluate(values)
        return slope if np.isfinite(value) else np.zeros_like(slope)

    minimiser = lmfit.Minimizer(objective, parameters, nan_policy="propagate")
    options = {"gtol": GRADIENT_TOLERANCE, "maxiter": MOST_ITERATIONS, "hess_inv0": metric}
    result = minimiser.scalar_minimize(method="BFGS", jac=gradient, options=options)
    x = np.asarray(result.x, dtype=float)
    return x, problem.value_and_gradient(x)[0]


def polish(problem: FitProblem, x: Floats) -> tuple[Floats, float]:
    """Newton steps while they lower the objective: brings the gradient to rounding level."""
    polished = x.copy()
    return polished, float(newton_polish(polished, problem.target))


def newton_decrement(gradient: Floats, hessian: Floats) -> float:
    """g' H^-1 g / 2; inf where the Hessian is not positive definite."""
    if not np.all(np.isfinite(hessian)):
        return float(np.inf)
    return decrement_of(gradient, *np.linalg.eigh(hessian))


def decrement_of(gradient: Floats, eigenvalues: Floats, vectors: Floats) -> float:
    """The same from the Hessian's eigenvalues, ascending, and their vectors."""
    return float(0.5 * np.sum((vectors.T @ gradient) ** 2 / eigenvalues)) if eigenvalues[0] > 0 else float(np.inf)


def failed_convergence_tests(value: float, gradient: Floats, hessian: Floats) -> tuple[str, ...]:
    """Names of the tests that fail: finite, curvature (positive definite), gradient (no further gain)."""
    if not (np.isfinite(value) and np.all(np.isfinite(gradient)) and np.all(np.isfinite(hessian))):
        return ("finite",)
    eigenvalues, vectors = np.linalg.eigh(hessian)
    if eigenvalues[0] <= 1e-10 * eigenvalues[-1]:
        return ("curvature",)
    return () if decrement_of(gradient, eigenvalues, vectors) < DECREMENT_TOLERANCE else ("gradient",)
