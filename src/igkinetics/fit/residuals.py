"""What a fit leaves over at each sample, and what it should leave over if the model were right.

PRED is the curve at the card's typical values for this patient, IPRED the fitted curve. IWRES is the residual over
the standard deviation of the error at IPRED (log-normal error: of logarithms).

A curve bends towards its own samples, so even under the right model IWRES spread by less than 1 and neighbours are not
independent. In marginal terms the residual at the optimum is R V^-1 times the prior predictive error, V = J P J' + R (P
the prior's variance, R the error's), so standardised residuals have covariance R^1/2 V^-1 R^1/2 =
I - W^1/2 J C J' W^1/2 with W = R^-1 and C = (J' W J + P^-1)^-1, to first order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from igkinetics.fit.likelihood import LOGNORMAL, STUDENT_T
from igkinetics.fit.problem import FitProblem
from igkinetics.fit.unexplained import jacobian
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Residuals:
    """Arrays (n,) over the samples used, in g/L and days; nan where a value lies beyond a limit."""

    day: Floats
    observed: Floats
    limit: npt.NDArray[np.int8]
    pred: Floats
    ipred: Floats
    iwres: Floats
    expected_sd: Floats
    """Standard deviation that IWRES would have under the model (nan for heavy-tailed error)."""
    expected_product: Floats
    """Mean that IWRES times that of the measured sample before would have; nan for the first."""


def residuals(problem: FitProblem, x: Floats) -> Residuals:
    """At the fitted x (p,)."""
    measured = problem.limit == 0
    ipred, by_x = jacobian(problem, x)
    pred = np.add(*igg_curve(problem.theta(problem.mu), problem.schedule, problem.day))
    if problem.kind == LOGNORMAL:
        sd = np.sqrt(np.log1p(problem.b**2 + (problem.a / ipred) ** 2))
        distance, slope = np.log(problem.igg) - np.log(ipred), by_x / ipred[:, None]
    else:
        sd = np.sqrt(problem.a**2 + (problem.b * ipred) ** 2)
        distance, slope = problem.igg - ipred, by_x
    covariance = expected_covariance(problem, slope[measured] / sd[measured, None])
    expected_sd, expected_product = (np.full(problem.day.size, np.nan) for _ in range(2))
    if problem.kind != STUDENT_T:
        expected_sd[measured] = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        expected_product[np.flatnonzero(measured)[1:]] = np.diag(covariance, k=1)
    return Residuals(
        day=problem.day,
        observed=problem.igg,
        limit=problem.limit,
        pred=pred,
        ipred=ipred,
        iwres=np.where(measured, distance / sd, np.nan),
        expected_sd=expected_sd,
        expected_product=expected_product,
    )


def expected_covariance(problem: FitProblem, design: Floats) -> Floats:
    """Covariance (m, m) of IWRES under the model, to first order. design (m, p): slopes over the error's SD."""
    prior = np.diag(np.where(np.isfinite(problem.sd), 1.0 / problem.sd**2, 0.0))
    covariance = np.linalg.pinv(design.T @ design + prior)
    return np.asarray(np.eye(design.shape[0]) - design @ covariance @ design.T)
