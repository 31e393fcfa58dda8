"""The population's maximum: from the card's values by steps with the patients' scores, then Newton steps.

Where the scores' steps do not settle (few patients, a start far away), a quasi-Newton method with bounds goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.optimize import minimize

from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.kinetics.parameters import Floats
from igkinetics.population.exact import lay_points
from igkinetics.population.likelihood import Marginal, marginal, new_marginal
from igkinetics.population.model import PopulationModel

FARTHEST: Final = 7.0
"""A typical value may lie so many units of its log or logit from where it starts."""
OMEGA_BOUNDS: Final = (0.005, 5.0)
ERROR_FACTOR: Final = 50.0
"""The residual errors may fall or rise by so much; an additive error of which the data show none ends there."""
PAIR_BOUND: Final = 50.0
MOST_ITERATIONS: Final = 500
STEP: Final = 1e-4
"""Of one-sided differences of the gradient, in units of each part's rough standard error."""
FAR_OFF: Final = 1e12
"""-log likelihood where it is not finite."""
MOST_SCORED: Final = 30
SCORED: Final = 1e-5
"""Gain that a step with the scores predicts, below which the Hessian takes over."""
DAMPING: Final = (1e-3, 1e-9, 1e6)
"""Of steps with the scores, in units of each part's rough standard error: the first, the least and the most."""
NEWTON_STEPS: Final = 5
SETTLED: Final = 1e-4
"""Gain predicted by a Newton step, in -log likelihood, below which the maximum is reached."""
NOTHING_LEFT: Final = 1e-9
"""Gain below which not even one more step with the same Hessian is taken."""
SETTLED_EXACT: Final = 1e-3
"""The same where the likelihood is integrated by points."""
MOST_REFINEMENTS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Maximum:
    """phi (k,) with -log likelihood `value` (FOCEI), its Hessian (k, k) and each patient's scores (n, k) there.

    at_bound: labels of parts that ended at a bound. gain: what one more Newton step would gain. message: of the
    optimiser.
    """

    phi: Floats
    value: float
    hessian: Floats
    scores: Floats
    found: Marginal
    at_bound: tuple[str, ...]
    gain: float
    n_evaluations: int
    message: str
    settled: float = SETTLED

    @property
    def converged(self) -> bool:
        """Nothing more to gain, in a point that curves upwards in every free direction."""
        return bool(self.gain < self.settled)


class Objective:
    """-log marginal likelihood of phi; remembers the patients' modes, from which the next evaluation starts."""

    def __init__(self, model: PopulationModel, cohort: CohortArrays, jobs: int) -> None:
        self.model, self.cohort, self.jobs = model, cohort, jobs
        self.found = new_marginal(model.offset.shape[0], model.n_x, model.n_effects)
        self.scores = np.zeros((model.offset.shape[0], len(model.labels)))
        self.n_evaluations = 0

    def __call__(self, phi: Floats, *, rough: bool = False) -> tuple[float, Floats]:
        """Value and gradient (k,), the sum of `scores` (n, k). rough: as in `likelihood`."""
        self.n_evaluations += 1
        before = self.found.eta.copy()
        with np.errstate(over="ignore", invalid="ignore"):
            marginal(self.model.level(phi), self.cohort, self.found, slopes=True, jobs=self.jobs, rough=rough)
            self.scores = self.model.scores(phi, self.found)
            value, slopes = float(self.found.value.sum()), self.scores.sum(axis=0)
        if not (np.isfinite(value) and np.all(np.isfinite(slopes))):
            self.found.eta[:] = before
            return FAR_OFF, np.zeros_like(phi)
        return value, slopes


def start_of(model: PopulationModel, omega: Floats) -> Floats:
    """phi at the card's numbers: no shift, its omegas (q,), no correlations, its error."""
    return np.concatenate(
        [
            np.zeros(model.n_coefficients),
            np.log(omega),
            np.zeros(len(model.pairs)),
            np.log(model.error[model.error_free]),
        ]
    )


def rough_errors(model: PopulationModel, start: Floats) -> Floats:
    """About the standard error of each part of phi: the unit of a step."""
    n, q = model.offset.shape[0], model.random.size
    _, log_omega, numbers, log_error = model.split(start)
    spread = np.full(len(model.names), 0.3)
    spread[model.random] = np.exp(log_omega[:q])
    size = np.sqrt(np.einsum("npk,npk->k", model.design, model.design))
    along = np.sqrt(np.einsum("npk,p->k", model.design**2, spread**2)) / np.maximum(size, 1e-12)
    n_samples = max(2 * n, 10)
    return np.concatenate(
        [
            along / np.maximum(size, 1e-12),
            np.full(log_omega.size, 1.0 / np.sqrt(2.0 * n)),
            np.full(numbers.size, 1.0 / np.sqrt(n)),
            np.full(log_error.size, 1.0 / np.sqrt(2.0 * n_samples)),
        ]
    )


def bounds_of(model: PopulationModel, start: Floats) -> tuple[Floats, Floats]:
    """Lower and upper ends of each part of phi."""
    beta, log_omega, numbers, log_error = model.split(start)
    wide = np.log(ERROR_FACTOR)
    lower = [beta - FARTHEST, np.full(log_omega.size, np.log(OMEGA_BOUNDS[0])), np.full(numbers.size, -PAIR_BOUND)]
    upper = [beta + FARTHEST, np.full(log_omega.size, np.log(OMEGA_BOUNDS[1])), np.full(numbers.size, PAIR_BOUND)]
    return np.concatenate([*lower, log_error - wide]), np.concatenate([*upper, log_error + wide])


def maximise(model: PopulationModel, cohort: CohortArrays, start: Floats, jobs: int) -> Maximum:
    """The maximum of the FOCEI likelihood, from `start`."""
    objective = Objective(model, cohort, jobs)
    unit, ends = rough_errors(model, start), bounds_of(model, start)
    phi, gain = scored(objective, start, unit, ends)
    message = "steps with the patients' scores settled"
    if not gain < SCORED:
        phi, message = searched(objective, phi, unit, ends)
    return polished(objective, phi, unit, ends, message)


def scored(objective: Objective, start: Floats, unit: Floats, ends: tuple[Floats, Floats]) -> tuple[Floats, float]:
    """phi after steps with the sum of the scores' outer products for a Hessian (BHHH), and what the last one foresaw.

    The curvature seen along the last step is worked in; damping as of Levenberg and Marquardt keeps steps short where
    the scores say little.
    """
    phi, (damping, least, most) = np.clip(start, *ends), DAMPING
    value, slopes = objective(phi, rough=True)
    metric, gain = objective.scores.T @ objective.scores, np.inf
    for _ in range(MOST_SCORED):
        free = ~pushed_out(phi, slopes, ends)
        step = newton_step(metric + damping * np.diag(unit**-2.0), slopes, free)
        gain = float(0.5 * slopes @ step)
        moved = np.clip(phi - step, *ends) if np.isfinite(gain) else phi
        new_value, new_slopes = objective(moved, rough=True) if np.isfinite(gain) else (FAR_OFF, slopes)
        if not new_value < value + NOTHING_LEFT:
            damping = max(10.0 * damping, DAMPING[0])
            if damping > most:
                return phi, np.inf
            continue
        metric = with_curvature(objective.scores.T @ objective.scores, moved - phi, new_slopes - slopes)
        phi, value, slopes, damping = moved, new_value, new_slopes, max(0.1 * damping, least)
        if gain < SCORED:
            break
    return phi, gain


def pushed_out(phi: Floats, slopes: Floats, ends: tuple[Floats, Floats]) -> np.ndarray:
    """Parts that lie at a bound beyond which the value would still fall."""
    lower, upper = ends
    near = 1e-6 * (upper - lower)
    return ((phi <= lower + near) & (slopes > 0.0)) | ((phi >= upper - near) & (slopes < 0.0))


def with_curvature(metric: Floats, step: Floats, change: Floats) -> Floats:
    """The metric (k, k) that along the last step has the curvature seen there (BFGS); as it is where that was none."""
    along = metric @ step
    seen, believed = float(step @ change), float(step @ along)
    if not (seen > 0.0 and believed > 0.0):
        return metric
    return metric - np.outer(along, along) / believed + np.outer(change, change) / seen


def searched(objective: Objective, phi: Floats, unit: Floats, ends: tuple[Floats, Floats]) -> tuple[Floats, str]:
    """phi by a quasi-Newton method with bounds, and what the optimiser says."""
    lower, upper = ends

    def scaled(u: Floats) -> tuple[float, Floats]:
        value, slopes = objective(u * unit)
        return value, slopes * unit

    done = minimize(
        scaled,
        phi / unit,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(lower / unit, upper / unit, strict=True)),
        options={"maxiter": MOST_ITERATIONS, "maxfun": 4 * MOST_ITERATIONS, "maxcor": 25, "ftol": 1e-13, "gtol": 1e-4},
    )
    return done.x * unit, str(done.message)


def refined(model: PopulationModel, cohort: CohortArrays, maximum: Maximum, *, seed: int, jobs: int) -> Maximum:
    """The maximum of the likelihood integrated by quadrature or sampling, by steps with FOCEI's Hessian.

    The same points at every step. value, scores and gain are then of that likelihood.
    """
    objective = Objective(model, cohort, jobs)
    objective.found.eta[:] = maximum.found.eta
    objective(maximum.phi)
    points = lay_points(model.level(maximum.phi), cohort, objective.found, seed=seed, jobs=jobs)
    fixed = np.array([label in maximum.at_bound for label in model.labels])

    def integrated(phi: Floats) -> tuple[float, Floats]:
        filled = objective.found._replace(value=np.empty_like(objective.found.value))
        points.fill(model.level(phi), cohort, filled, slopes=True, jobs=jobs)
        return float(filled.value.sum()), model.scores(phi, filled)

    phi = maximum.phi.copy()
    value, scores = integrated(phi)
    gain = np.inf
    for _ in range(MOST_REFINEMENTS):
        slopes = scores.sum(axis=0)
        step = newton_step(maximum.hessian, slopes, ~fixed)
        gain = float(0.5 * slopes @ step)
        if not gain > SETTLED_EXACT:
            break
        new_value, new_scores = integrated(phi - step)
        if not new_value < value:
            step *= 0.3
            new_value, new_scores = integrated(phi - step)
            if not new_value < value:
                break
        phi, value, scores = phi - step, new_value, new_scores
    objective(phi)  # modes and curvature at the new maximum
    return replace(
        maximum,
        phi=phi,
        value=value,
        scores=scores,
        found=objective.found,
        gain=gain,
        n_evaluations=maximum.n_evaluations + objective.n_evaluations,
        settled=SETTLED_EXACT,
    )


def polished(objective: Objective, phi: Floats, unit: Floats, ends: tuple[Floats, Floats], message: str) -> Maximum:
    """Newton steps in the parts that are at no bound, with the Hessian from differences of the gradient."""
    lower, upper = ends
    near = 1e-6 * (upper - lower)
    inside = (phi > lower + near) & (phi < upper - near)
    for _ in range(NEWTON_STEPS):
        value, slopes = objective(phi, rough=True)
        hessian = hessian_of(objective, phi, slopes, unit)
        step = newton_step(hessian, slopes, inside)
        gain = foreseen(slopes, step)
        if not np.isfinite(gain):
            break
        moved = np.clip(phi - step, lower, upper)
        if not gain < SETTLED and not objective(moved, rough=True)[0] < value:
            break
        phi = moved
        if gain < SETTLED:
            break
    value, slopes = objective(phi)
    for _ in range(NEWTON_STEPS):
        step = newton_step(hessian, slopes, inside)
        gain = foreseen(slopes, step)
        if not NOTHING_LEFT < gain < SETTLED:
            break
        moved = np.clip(phi - step, lower, upper)
        new_value, new_slopes = objective(moved)
        if not new_value < value:
            objective(phi)
            break
        phi, value, slopes = moved, new_value, new_slopes
    labels = np.array(objective.model.labels)
    return Maximum(
        phi=phi,
        value=value,
        hessian=hessian,
        scores=objective.scores,
        found=objective.found,
        at_bound=tuple(labels[~inside]),
        gain=gain,
        n_evaluations=objective.n_evaluations,
        message=message,
    )


def foreseen(slopes: Floats, step: Floats) -> float:
    """What a step would gain in -log likelihood; infinite where the Hessian does not curve upwards."""
    gain = float(0.5 * slopes @ step)
    return gain if 0.0 <= gain < np.inf else np.inf


def newton_step(hessian: Floats, slopes: Floats, inside: np.ndarray) -> Floats:
    """Step to subtract; nan where the Hessian of the free parts is not positive definite."""
    step = np.zeros_like(slopes)
    free = np.ix_(inside, inside)
    try:
        np.linalg.cholesky(hessian[free])
    except np.linalg.LinAlgError:
        return np.full_like(slopes, np.nan)
    step[inside] = np.linalg.solve(hessian[free], slopes[inside])
    return step


def hessian_of(objective: Objective, phi: Floats, slopes: Floats, unit: Floats) -> Floats:
    """Second derivatives (k, k) by one-sided differences from the rough gradient, right after its evaluation at phi."""
    hessian = np.empty((phi.size, phi.size))
    eta = objective.found.eta
    centre = eta.copy()
    for place in range(phi.size):
        moved = np.zeros_like(phi)
        moved[place] = STEP * unit[place]
        hessian[place] = (objective(phi + moved, rough=True)[1] - slopes) / moved[place]
        eta[:] = centre
    return 0.5 * (hessian + hessian.T)
