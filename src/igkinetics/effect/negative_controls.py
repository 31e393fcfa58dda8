"""Negative controls: what infusions that were never given seem to do, and how each dose's samples are foretold.

A placebo infusion is one that nobody received, on a stated day. Its apparent share r is the share of its grams that the
samples seem to show: 0 when the model is right, 1 for a real infusion. In the model with level + r g(t), g the mean
infused IgG of the placebo, r is the generalised least-squares estimate given everything else. With residuals e from the
posterior mean curve, error variances R and posterior covariance C of the curve (V^-1 (y - prior mean) = R^-1 e and
V^-1 = R^-1 - R^-1 C R^-1 for a linear model; as in `misfit.py`)

    r = g'R^-1 e / (g'R^-1 g - g'R^-1 C R^-1 g),    SE(r) = (g'R^-1 g - g'R^-1 C R^-1 g)^-1/2

where the last term is the variance over draws of g'R^-1 times the curve, so that what all patients share is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from igkinetics.dosing.doses import Doses
from igkinetics.effect.counterfactual import donor_doses, joined
from igkinetics.effect.exposure import Exposure
from igkinetics.fit.likelihood import LOGNORMAL, STUDENT_DF, STUDENT_T
from igkinetics.fit.problem import FitProblem
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import INDEX, Floats
from igkinetics.random_streams import numbered_stream
from igkinetics.scales import scale_of, to_scale

CONTROL_COLUMNS: Final = (
    "control",
    "quantity",
    "estimate",
    "lower",
    "upper",
    "expected",
    "p",
    "n",
    "patients",
    "level",
    "speaks",
    "note",
)
"""control: see CONTROLS. quantity: apparent share of a gram, or mean standardised error of a prediction. n: infusions,
or samples foretold. speaks: P below 5 % over the number of controls."""
CONTROLS: Final = (
    "placebo_in_never_infused",
    "placebo_before_infusions",
    "after_infusion_day_0_7",
    "after_infusion_day_7_14",
    "after_infusion_day_14_28",
    "after_infusion_day_28_56",
)
SHARE: Final = "apparent share of a gram"
ERROR: Final = "standardised error of the prediction"
FAMILY_P: Final = 0.05
PLACEBO_DRAWS: Final = 20
"""Allotments of the infused patients' schedules to those never infused, averaged."""
EARLIER_DAYS: Final = 21.0
"""How long before each recorded infusion the placebo lies."""
MOST_CURVE_DRAWS: Final = 1000
FORETOLD_DRAWS: Final = 300
FEWEST: Final = 5
"""Patients, or samples, without which a control says nothing."""
LEAST_SD: Final = 1e-3
AFTER_EDGES: Final = (0.0, 7.0, 14.0, 28.0, 56.0)


class Looked(NamedTuple):
    """One patient's measured samples. e, variance (m,) of residuals and error; levels (n, m); thetas (n, 13); day (m,);
    slope (m,): of the residual's scale in the level (1; 1/level under log-normal error)."""

    exposure: Exposure
    e: Floats
    variance: Floats
    levels: Floats
    thetas: Floats
    day: Floats
    slope: Floats


@dataclass(frozen=True, slots=True)
class Share:
    """An apparent share with its standard error."""

    value: float
    se: float
    n: int
    patients: int


def control_rows(posterior: CohortPosterior, people: Sequence[Exposure], seed: int, level: float) -> pd.DataFrame:
    """CONTROL_COLUMNS: a row per control that this cohort has patients and samples for."""
    looked = [control for one in people if (control := looked_at(posterior, one)) is not None]
    infused = [one for one in looked if one.exposure.treated]
    never = [one for one in looked if not one.exposure.doses.day.size]
    rows: list[dict[str, Any]] = []
    generator = numbered_stream(seed, "negative controls")
    if len(never) >= FEWEST and infused:
        rows.append(share_row("placebo_in_never_infused", in_never_infused(never, infused, generator), level))
    if len(infused) >= FEWEST:
        earlier = [earlier_doses(one.exposure) for one in infused]
        rows.append(share_row("placebo_before_infusions", apparent_share(infused, [earlier]), level))
        rows += foretold_rows(posterior, people, seed, level)
    table = pd.DataFrame(rows, columns=list(CONTROL_COLUMNS))
    return table.assign(speaks=table["p"].to_numpy(dtype=float) < FAMILY_P / max(len(table), 1))


def looked_at(posterior: CohortPosterior, one: Exposure) -> Looked | None:
    """The measured samples of one patient; None without any."""
    problem = posterior.problems[one.place]
    measured = problem.limit == 0
    n_draws = int(np.prod(posterior.error.shape[:2]))
    if not measured.any() or n_draws < 2:
        return None
    draws = np.unique(np.linspace(0, n_draws - 1, min(n_draws, MOST_CURVE_DRAWS)).round().astype(int))
    thetas = np.ascontiguousarray(posterior.of_patient(one.place)[draws])
    day = problem.day[measured]
    levels = np.add(*igg_curve(thetas, problem.schedule, day))
    error = posterior.error.reshape(-1, 2)[draws]
    variance, slope = error_of(problem, levels, error)
    values, curve = problem.igg[measured], levels
    if problem.kind == LOGNORMAL:
        values, curve = np.log(values), np.log(levels)
    return Looked(one, values - curve.mean(axis=0), variance, curve, thetas, day, slope)


def error_of(problem: FitProblem, levels: Floats, error: Floats) -> tuple[Floats, Floats]:
    """Variance (m,) of the error of values at levels (n, m), and what a small change of level does to a residual."""
    variance = error[:, :1] ** 2 + (error[:, 1:] * levels) ** 2
    slope = np.ones(levels.shape[1])
    if problem.kind == LOGNORMAL:
        variance, slope = np.log1p(variance / levels**2), 1.0 / levels.mean(axis=0)
    if problem.kind == STUDENT_T:
        variance = variance * STUDENT_DF / (STUDENT_DF - 2.0)
    return variance.mean(axis=0), slope


def earlier_doses(one: Exposure) -> Doses:
    """The window's infusions, EARLIER_DAYS before they were given; those that would lie before the window left out."""
    doses = one.doses.given(one.in_window & (one.doses.day - EARLIER_DAYS >= one.window.start))
    return Doses(day=doses.day - EARLIER_DAYS, amount_g=doses.amount_g, duration_day=doses.duration_day,
                 is_sc=doses.is_sc)  # fmt: skip


def in_never_infused(never: Sequence[Looked], infused: Sequence[Looked], generator: np.random.Generator) -> Share:
    """Each of the never infused under the schedule of an infused one, allotted anew so many times."""
    donors = [one.exposure for one in infused]
    chosen = [generator.integers(len(donors), size=len(never)) for _ in range(PLACEBO_DRAWS)]
    return apparent_share(
        never,
        [[donor_doses(donors[k], one.exposure) for k, one in zip(each, never, strict=True)] for each in chosen],
    )


def apparent_share(people: Sequence[Looked], schedules: Sequence[Sequence[Doses]]) -> Share:
    """The mean over schedules (one list of doses per patient each) of the apparent share of a gram."""
    estimates, given = [], 0
    weights = [np.zeros(one.e.size) for one in people]
    for doses in schedules:
        shown = [placebo_level(one, each) * one.slope for one, each in zip(people, doses, strict=True)]
        pulls = [g / one.variance for g, one in zip(shown, people, strict=True)]
        seen = sum(float(pull @ g) for pull, g in zip(pulls, shown, strict=True))
        known = float(np.var(sum(one.levels @ pull for one, pull in zip(people, pulls, strict=True))))
        if seen - known <= 1e-3 * seen:  # nothing of it can be told apart from what is estimated already
            continue
        estimates.append(sum(float(pull @ one.e) for pull, one in zip(pulls, people, strict=True)) / (seen - known))
        for weight, pull in zip(weights, pulls, strict=True):
            weight += pull / (seen - known)
        given += sum(each.day.size for each in doses)
    if not estimates:
        return Share(np.nan, np.nan, 0, len(people))
    n = len(estimates)
    # the estimate is w'e, and residuals of a right model have the covariance R - C
    own = sum(float((weight / n) ** 2 @ one.variance) for weight, one in zip(weights, people, strict=True))
    curve = sum(one.levels @ (weight / n) for weight, one in zip(weights, people, strict=True))
    return Share(
        float(np.mean(estimates)), float(np.sqrt(max(own - float(np.var(curve)), 0.0))), given // n, len(people)
    )


def placebo_level(one: Looked, doses: Doses) -> Floats:
    """Mean over draws of the infused IgG (m,), g/L, that these doses alone would give at the samples."""
    if not doses.day.size:
        return np.zeros(one.day.size)
    exposure = one.exposure
    real = exposure.earlier if exposure.treated else Doses.none()
    return np.asarray(
        igg_curve(one.thetas, exposure.schedule(joined(real, doses)), one.day)[1].mean(axis=0)
        - igg_curve(one.thetas, exposure.schedule(real), one.day)[1].mean(axis=0)
    )


def share_row(control: str, share: Share, level: float) -> dict[str, Any]:
    """The row of an apparent share; 0 is expected."""
    reach = stats.norm.ppf(0.5 * (1.0 + level))
    z = share.value / share.se if share.se > 0 else np.nan
    return {
        "control": control,
        "quantity": SHARE,
        "estimate": share.value,
        "lower": share.value - reach * share.se,
        "upper": share.value + reach * share.se,
        "expected": 0.0,
        "p": float(2.0 * stats.norm.sf(abs(z))) if np.isfinite(z) else np.nan,
        "n": share.n,
        "patients": share.patients,
        "level": level,
        "note": "" if np.isfinite(z) else "cannot be told apart from what else is estimated",
    }


def foretold_rows(
    posterior: CohortPosterior, people: Sequence[Exposure], seed: int, level: float
) -> list[dict[str, Any]]:
    """The samples between an infusion and the next, foretold from those before it: by days since the infusion."""
    generator = numbered_stream(seed, "foretold")
    off = deviations(posterior)
    predictions = [foretold(posterior, one, off, generator) for one in people if one.treated]
    rows = []
    for first, last in pairwise(AFTER_EDGES):
        each = [z[(since > first) & (since <= last)] for since, z in predictions]
        means = np.array([z.mean() for z in each if z.size])
        if means.size < FEWEST:
            continue
        se = float(means.std(ddof=1) / np.sqrt(means.size))
        reach = float(stats.t.ppf(0.5 * (1.0 + level), means.size - 1)) * se
        estimate = float(means.mean())
        rows.append(
            {
                "control": f"after_infusion_day_{first:g}_{last:g}",
                "quantity": ERROR,
                "estimate": estimate,
                "lower": estimate - reach,
                "upper": estimate + reach,
                "expected": 0.0,
                "p": float(2.0 * stats.t.sf(abs(estimate) / se, means.size - 1)) if se > 0 else np.nan,
                "n": int(sum(z.size for z in each)),
                "patients": int(means.size),
                "level": level,
                "note": "",
            }
        )
    return rows


def foretold(
    posterior: CohortPosterior, one: Exposure, off: Sequence[dict[str, float]], generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """Days since the infusion and standardised errors of every sample between an infusion and the next."""
    problem = posterior.problems[one.place]
    since, errors = [np.empty(0)], [np.empty(0)]
    days = one.doses.day[one.in_window]
    for day, following in zip(days, np.append(days[1:], np.inf), strict=True):
        ahead = (problem.day > day) & (problem.day <= min(following, day + AFTER_EDGES[-1])) & (problem.limit == 0)
        if not ahead.any():
            continue
        before = problem.day <= day
        levels, error = foretold_levels(posterior, one, off, before, problem.day[ahead], generator)
        variance, _ = error_of(problem, levels, error)
        values = problem.igg[ahead]
        if problem.kind == LOGNORMAL:
            values, levels = np.log(values), np.log(levels)
        since.append(problem.day[ahead] - day)
        errors.append((values - levels.mean(axis=0)) / np.sqrt(variance + levels.var(axis=0)))
    return np.concatenate(since), np.concatenate(errors)


def foretold_levels(
    posterior: CohortPosterior,
    one: Exposure,
    off: Sequence[dict[str, float]],
    before: np.ndarray,
    days: Floats,
    generator: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Levels (n, days) from the samples `before` alone, typical values as the other patients have them; a, b (n, 2).

    The patient's own parameters by the Laplace approximation around their mode.
    """
    problem = posterior.problems[one.place]
    error = np.median(posterior.error.reshape(-1, 2), axis=0)
    mu, sd = shared(posterior, one.place, off)
    kept = FitProblem(
        **{name: getattr(problem, name) for name in ("model", "names", "free", "fixed", "schedule", "kind")},
        mu=mu, sd=sd, prior_sd=sd, day=problem.day[before], igg=problem.igg[before], limit=problem.limit[before],
        a=float(error[0]), b=float(error[1]),
    )  # fmt: skip
    x, _ = kept.minimum_from(mu)
    covariance = np.linalg.inv(0.5 * kept.hessian(x))
    draws = generator.multivariate_normal(x, 0.5 * (covariance + covariance.T), FORETOLD_DRAWS)
    levels = np.add(*igg_curve(kept.thetas(draws), problem.schedule, days))
    return levels, np.tile(error, (FORETOLD_DRAWS, 1))


def deviations(posterior: CohortPosterior) -> list[dict[str, float]]:
    """How far each patient's parameters lie from the card's typical ones for that patient, posterior means."""
    deviations_of_all = []
    for index, problem in enumerate(posterior.problems):
        thetas = posterior.of_patient(index)
        own = {name: thetas[:, INDEX[name]] for name in problem.names}
        if "C_init" in own:
            own["C_init"] = thetas[:, INDEX["C_init"]] / thetas[:, INDEX["C_base"]]
        deviations_of_all.append(
            {
                name: float(np.mean(to_scale(own[name], scale_of(name)))) - mu
                for name, mu in zip(problem.names, problem.mu, strict=True)
            }
        )
    return deviations_of_all


def shared(posterior: CohortPosterior, index: int, off: Sequence[dict[str, float]]) -> tuple[Floats, Floats]:
    """Typical values and SDs between patients of one patient's parameters, as all others have them, on their scales."""
    problem = posterior.problems[index]
    mu, sd = problem.mu.copy(), problem.prior_sd.copy()
    for k, name in enumerate(problem.names):
        others = [each[name] for other, each in enumerate(off) if other != index and name in each]
        mu[k] += float(np.mean(others)) if others else 0.0
        if f"omega_{name}" in posterior.population:
            sd[k] = max(float(np.median(posterior.population[f"omega_{name}"])), LEAST_SD)
    return mu, sd
