"""Changes that no dose or therapy explains: plasma exchange, protein loss, an unrecorded infusion, a mix-up.

Score tests at the fitted curve, with the uncertainty of the parameters taken into account: is the fit better
with a sudden gain or loss of IgG between two samples, or with one sample left out? In marginal terms the residual
has covariance J P J' + R (P the prior, R the error); at the optimum V^-1 r = R^-1 e. Found changes are added
one at a time until none is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.special import chdtrc

from igkinetics.fit.likelihood import STUDENT_T
from igkinetics.fit.minimise import explore, first_guesses
from igkinetics.fit.problem import FitProblem
from igkinetics.kinetics.disposition import fill_unit_responses
from igkinetics.kinetics.gradient import fill_curve_with_gradient
from igkinetics.kinetics.parameters import C_BASE, C_INIT, N_PARAMETERS, Floats
from igkinetics.scales import scale_of, slope

SCORE_LIMIT: Final = 25.0
"""Chi-square with 1 degree of freedom at which a change is called unexplained (5 standard errors)."""
WHOLE_COURSE_P: Final = 1e-7
ODD_SAMPLE: Final = "odd sample"
"""Kind of a change at a single sample."""
WHOLE_COURSE: Final = "whole course"
ODD_PAIR: Final = "two odd samples"
"""Kind of a change at two samples in a row."""
LEAST_Z: Final = 2.5
"""A change that the others found after it leave with a smaller z is taken back."""
MOST_CHANGES: Final = 8
"""Of one record; a record with as many is one that no curve fits, and more would tell no more."""
CONTRADICTED_BEYOND: Final = 2.0
"""Standard deviations between curve and limit from which a value beyond a limit counts as one measured at the limit:
that far off, the probability of lying beyond it falls as fast as a density."""
TINY: Final = 1e-300
LEAST_SPREAD: Final = 0.05
"""A change whose effect the parameters can imitate to all but this share cannot be told from them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change between day_before and day_after; a single odd sample has both equal. Levels g/L."""

    kind: str
    """"sudden change", "odd sample", "two odd samples" or "whole course"."""
    day_before: float
    day_after: float
    igg_before: float
    igg_after: float
    z: float
    limit_before: int = 0
    limit_after: int = 0
    """0: a measured level, -1: known only to lie below igg_before (igg_after), +1: above."""


def jacobian(problem: FitProblem, x: Floats) -> tuple[Floats, Floats]:
    """Predicted level (n,) and its derivative (n, p) in x on the estimation scale."""
    theta = problem.theta(x)
    n = problem.day.size
    endogenous, infused, slopes = np.empty(n), np.empty(n), np.empty((n, N_PARAMETERS))
    fill_curve_with_gradient(theta, problem.schedule, problem.day, endogenous, infused, slopes)
    by_x = np.empty((n, x.size))
    for i, place in enumerate(problem.free):
        chain = slope(theta[place], scale_of(problem.names[i]))
        by_x[:, i] = slopes[:, place] * chain
        if place == C_BASE and problem.fixed[C_INIT] >= 0.0:
            by_x[:, i] += slopes[:, C_INIT] * theta[C_INIT]
    return endogenous + infused, by_x


def pulse_responses(problem: FitProblem, x: Floats) -> Floats:
    """(n_gap, n): level at each sample after 1 g put into the circulation in the middle of each gap."""
    middle = 0.5 * (problem.day[:-1] + problem.day[1:])
    since = problem.day - middle[:, None]
    responses = np.empty((1, since.size))
    fill_unit_responses(problem.theta(x)[None, :], np.maximum(since, 0.0).ravel(), responses)
    return np.where(since > 0.0, responses.reshape(since.shape), 0.0)


def unexplained_changes(problem: FitProblem, x: Floats) -> tuple[Change, ...]:
    """All changes beyond SCORE_LIMIT, in the order of their days; empty when the model explains the course.

    Values beyond a limit take part where the curve contradicts them (see CONTRADICTED_BEYOND). x: the fitted
    parameters. Whether there is a change is judged at the fit; which one it is, at a fit with heavy-tailed error, which
    one odd sample or jump does not bend towards itself.
    """
    at = Linearised(problem, x)
    if not np.any(problem.limit == 0) or at.residual.size < 2:
        return ()
    found = at.changes()
    if found:
        robust = robust_fit(problem, x)
        if robust is not None:
            found = Linearised(problem, robust).changes() or found
        return tuple(sorted(found, key=lambda change: change.day_before))
    return whole_course(problem, at)


def robust_fit(problem: FitProblem, x: Floats) -> Floats | None:
    """The optimum with heavy-tailed error, which odd samples hardly bend; None where it is not finite."""
    found = explore(replace(problem, kind=STUDENT_T), [x, *first_guesses(problem)])
    return None if "finite" in found.failed_tests else found.x


def whole_course(problem: FitProblem, at: Linearised) -> tuple[Change, ...]:
    """One change for all days when residuals and prior together lie beyond chance; else none."""
    misfit = float(np.sum(at.precision * at.residual**2) + np.sum(at.prior * at.prior_gap**2))
    if chdtrc(at.residual.size, misfit) >= WHOLE_COURSE_P:
        return ()
    return (
        Change(
            kind=WHOLE_COURSE,
            day_before=float(problem.day[0]),
            day_after=float(problem.day[-1]),
            igg_before=float(problem.igg[0]),
            igg_after=float(problem.igg[-1]),
            limit_before=int(problem.limit[0]),
            limit_after=int(problem.limit[-1]),
            z=float(np.sqrt(misfit)),
        ),
    )


def pairs(level: Floats) -> Floats:
    """(n - 3, n): a common relative change of two samples in a row. At either end it could as well be a lasting one."""
    rows = np.zeros((max(level.size - 3, 0), level.size))
    for row in range(rows.shape[0]):
        rows[row, row + 1 : row + 3] = level[row + 1 : row + 3]
    return rows


class Linearised:
    """The model as a straight line in its parameters around x, for measured samples and contradicted limits."""

    def __init__(self, problem: FitProblem, x: Floats) -> None:
        self.problem = problem
        level, by_x = jacobian(problem, x)
        variance = problem.a**2 + (problem.b * level) ** 2
        wrong_side = problem.limit * (problem.igg - level) > CONTRADICTED_BEYOND * np.sqrt(variance)
        self.used = (problem.limit == 0) | wrong_side
        self.residual = (problem.igg - level)[self.used]
        self.precision = 1.0 / variance[self.used]
        self.design = by_x[self.used]
        known = np.isfinite(problem.sd)
        self.prior = np.where(known, 1.0 / problem.sd**2, 0.0)
        self.prior_gap = np.where(known, x - problem.mu, 0.0)
        pulses = pulse_responses(problem, x)[:, self.used]
        self.candidates = np.vstack([pulses, np.eye(self.residual.size), pairs(level[self.used])])
        """First a pulse in each gap between samples, then each sample used, then each two in a row of them."""

    def solve(self, chosen: list[int]) -> tuple[Floats, Floats, Floats, Floats]:
        """Optimum with free sizes of the chosen changes: residual, design, covariance, z of each chosen."""
        extra = self.candidates[chosen].T
        design = np.column_stack([self.design, extra])
        pull = np.append(self.prior * self.prior_gap, np.zeros(len(chosen)))
        information = np.diag(np.append(self.prior, np.zeros(len(chosen)))) + (design.T * self.precision) @ design
        covariance = np.linalg.pinv(information)
        moved = covariance @ (design.T @ (self.precision * self.residual) - pull)
        n = self.prior.size
        errors = np.sqrt(np.maximum(np.diag(covariance)[n:], TINY))
        return self.residual - design @ moved, design, covariance, moved[n:] / errors

    def changes(self) -> list[Change]:
        """Forward selection by score; a chosen change gets a free size. Each z is that of all together."""
        weight = np.sum(self.candidates**2 * self.precision, axis=1)
        usable = weight > 0
        chosen: list[int] = []
        residual, design, covariance, z_chosen = self.solve(chosen)
        while len(chosen) < MOST_CHANGES:
            weighted = self.candidates * self.precision
            cross = weighted @ design
            spread = weight - np.sum((cross @ covariance) * cross, axis=1)
            testable = usable & (spread > LEAST_SPREAD * weight)
            z = np.where(testable, weighted @ residual / np.sqrt(np.where(testable, spread, 1.0)), 0.0)
            best = int(np.argmax(np.abs(z).round(6)))  # a change before the last sample and that sample, odd, are one
            if z[best] ** 2 < SCORE_LIMIT:
                break
            chosen.append(best)
            usable[best] = False
            residual, design, covariance, z_chosen = self.solve(chosen)
        told = [(place, float(z)) for place, z in zip(chosen, z_chosen, strict=True)]
        clear = [(place, z) for place, z in told if abs(z) >= LEAST_Z]
        return [self.described(place, z) for place, z in clear or told]

    def described(self, place: int, z: float) -> Change:
        day, igg, limit = self.problem.day, self.problem.igg, self.problem.limit
        n_gap = day.size - 1
        gap = place < n_gap
        used = np.flatnonzero(self.used)
        pair = place - n_gap - used.size
        kind = "sudden change" if gap else ODD_SAMPLE if pair < 0 else ODD_PAIR
        if pair >= 0:
            before, after = int(used[pair + 1]), int(used[pair + 2])
        else:
            before = place if gap else int(used[place - n_gap])
            after = before + 1 if gap else before
        return Change(
            kind=kind,
            day_before=float(day[before]),
            day_after=float(day[after]),
            igg_before=float(igg[before]),
            igg_after=float(igg[after]),
            limit_before=int(limit[before]),
            limit_after=int(limit[after]),
            z=z,
        )
