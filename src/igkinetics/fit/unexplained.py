"""Changes that no dose or therapy explains: plasma exchange, protein loss, an unrecorded infusion, a mix-up.

Score tests at the fitted curve, with the uncertainty of the parameters taken into account: is the fit better
with a sudden gain or loss of IgG between two samples, or with one sample left out? In marginal terms the residual
has covariance J P J' + R (P the prior, R the error); at the optimum V^-1 r = R^-1 e. Found changes are added
one at a time until none is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from igkinetics.fit.problem import FitProblem
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.gradient import fill_curve_with_gradient
from igkinetics.kinetics.parameters import C_BASE, C_INIT, N_PARAMETERS, F, Floats, S
from igkinetics.kinetics.schedule import build_schedule

SCORE_LIMIT: Final = 25.0
"""Chi-square with 1 degree of freedom at which a change is called unexplained (5 standard errors)."""
WHOLE_COURSE_P: Final = 1e-7
MOST_CHANGES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change between day_before and day_after; a single odd sample has both equal. Levels g/L."""

    kind: str
    """"sudden change", "odd sample" or "whole course"."""
    day_before: float
    day_after: float
    igg_before: float
    igg_after: float
    z: float


def jacobian(problem: FitProblem, x: Floats) -> tuple[Floats, Floats]:
    """Predicted level (n,) and its derivative (n, p) in x on the estimation scale."""
    theta = problem.theta(x)
    n = problem.day.size
    endogenous, infused, slopes = np.empty(n), np.empty(n), np.empty((n, N_PARAMETERS))
    fill_curve_with_gradient(theta, problem.schedule, problem.day, endogenous, infused, slopes)
    by_x = np.empty((n, x.size))
    for i, place in enumerate(problem.free):
        chain = theta[place] * (1 - theta[place]) if place in (S, F) else theta[place]
        by_x[:, i] = slopes[:, place] * chain
        if place == C_BASE:
            by_x[:, i] += slopes[:, C_INIT] * theta[C_INIT]
    return endogenous + infused, by_x


def pulse_responses(problem: FitProblem, x: Floats) -> Floats:
    """(n_gap, n): level at each sample after 1 g put into the circulation in the middle of each gap."""
    theta = problem.theta(x)
    theta[C_BASE] = theta[C_INIT] = 0.0
    responses = []
    for before, after in zip(problem.day[:-1], problem.day[1:], strict=True):
        middle = 0.5 * (before + after)
        schedule = build_schedule(
            start_day=middle, dose_day=[middle], dose_g=[1.0], dose_duration_day=[0.0], dose_is_sc=[0]
        )
        later = problem.day > middle
        response = np.zeros(problem.day.size)
        if later.any():
            response[later] = igg_curve(theta, schedule, problem.day[later])[1]
        responses.append(response)
    return np.array(responses).reshape(-1, problem.day.size)


def unexplained_changes(problem: FitProblem, x: Floats) -> tuple[Change, ...]:
    """All changes beyond SCORE_LIMIT, in the order of their days; empty when the model explains the course.

    Censored samples take no part. x: the fitted parameters.
    """
    measured = problem.limit == 0
    if measured.sum() < 2:
        return ()
    level, by_x = jacobian(problem, x)
    precision = 1.0 / (problem.a**2 + (problem.b * level[measured]) ** 2)
    residual = (problem.igg - level)[measured]
    design = by_x[measured]
    prior = np.where(np.isfinite(problem.sd), 1.0 / problem.sd**2, 0.0)
    prior_gap = np.where(np.isfinite(problem.sd), (x - problem.mu), 0.0)
    information = np.diag(prior) + (design.T * precision) @ design
    pulses = pulse_responses(problem, x)[:, measured]
    candidates = np.vstack([pulses, np.eye(int(measured.sum()))])
    usable = np.sum(candidates**2, axis=1) > 0
    changes = _search(candidates, usable, residual, precision, design, information, measured, problem.day, problem.igg)
    if changes:
        return tuple(sorted(changes, key=lambda change: change.day_before))
    misfit = float(np.sum(precision * residual**2) + np.sum(prior * prior_gap**2))
    if chi2.sf(misfit, int(measured.sum())) < WHOLE_COURSE_P:
        return (Change(kind="whole course", day_before=float(problem.day[0]), day_after=float(problem.day[-1]),
                       igg_before=float(problem.igg[0]), igg_after=float(problem.igg[-1]),
                       z=float(np.sqrt(misfit))),)  # fmt: skip
    return ()


def _search(
    candidates: Floats, usable: npt.NDArray[np.bool_], residual: Floats, precision: Floats, design: Floats,
    information: Floats, measured: npt.NDArray[np.bool_], day: Floats, igg: Floats,
) -> list[Change]:  # fmt: skip
    """Forward selection by score; a chosen change joins the design with a flat prior. Its z is that of all together.

    candidates: first a pulse in each gap between samples, then each measured sample; day and igg of all samples.
    """
    n_gap = day.size - 1
    places = np.flatnonzero(measured)
    chosen: list[int] = []
    original, n_parameters = residual, design.shape[1]
    for _ in range(MOST_CHANGES):
        weighted = candidates * precision
        cross = weighted @ design
        spread = np.sum(weighted * candidates, axis=1) - np.sum((cross @ np.linalg.pinv(information)) * cross, axis=1)
        score = weighted @ residual
        testable = usable & (spread > 0.05 * np.sum(weighted * candidates, axis=1))
        z = np.where(testable, score / np.sqrt(np.where(testable, spread, 1.0)), 0.0)
        best = int(np.argmax(np.abs(z)))
        if z[best] ** 2 < SCORE_LIMIT:
            break
        chosen.append(best)
        usable = usable.copy()
        usable[best] = False
        joined = np.column_stack([design, candidates[best]])
        wider = np.zeros((joined.shape[1], joined.shape[1]))
        wider[:-1, :-1] = information - (design.T * precision) @ design
        wider += (joined.T * precision) @ joined
        design, information = joined, wider
        sizes = np.linalg.pinv(information)[:, n_parameters:] @ (design[:, n_parameters:].T @ (precision * original))
        residual = original - design @ sizes
    covariance = np.linalg.pinv(information)[n_parameters:, n_parameters:]
    jumps = covariance @ (design[:, n_parameters:].T @ (precision * original))
    found = []
    for place, z_joint in zip(chosen, jumps / np.sqrt(np.diag(covariance)), strict=True):
        gap = place < n_gap
        before = place if gap else int(places[place - n_gap])
        after = before + 1 if gap else before
        found.append(Change(kind="sudden change" if gap else "odd sample",
                            day_before=float(day[before]), day_after=float(day[after]),
                            igg_before=float(igg[before]), igg_after=float(igg[after]), z=float(z_joint)))  # fmt: skip
    return found
