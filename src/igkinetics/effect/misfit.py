"""Does the model fit: tests with power against illness, platforms, a wrong structure, missing or odd doses and samples.

Residuals are those of the measured values from the posterior mean curve. Were the model right, a patient's would be
normal with covariance R - C, where R is the residual error and C the posterior covariance of the curve at the samples
(the marginal covariance V = R + P of a linear model gives R V^-1 R = R - C for y - posterior mean). So replicates of
all residuals can be drawn as they would look after a fit of their own, and every statistic has its own reference: the
share of replicates with a larger one is its P. What patients share counts as known, which matters little beyond ten of
them.

Four tests look at what residuals cannot show one by one: a step of everybody's levels at one time; patients whose
course nothing recorded explains, who are not in the model at all; single rises as large as a dose without an infusion;
and a rise per gram that the card does not expect, which the fit took up in its parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from scipy.special import ndtr, pdtrc

from igkinetics.cohort.model import Cohort
from igkinetics.effect.exposure import Exposure
from igkinetics.fit.problem import FitProblem
from igkinetics.hierarchical.common_step import CommonStep, measured
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.hierarchical.suspected import CHANCE, Suspected
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats
from igkinetics.random_streams import numbered_stream

MISFIT_COLUMNS: Final = ("test", "statistic", "expected", "p", "n", "speaks", "think_of")
REPLICATES: Final = 2000
MOST_CURVE_DRAWS: Final = 1000
FAMILY_P: Final = 0.05
"""Chance that any test speaks although the model is right (Bonferroni)."""
SHARES: Final = {"rise per gram": 0.4, "step": 0.2}
"""Of that chance, what tests may take that alone see what they look for: doses that were not given in full, a change of
laboratory. The others share the rest."""
LONGEST_GAP_DAY: Final = 60.0
"""Between two samples that still count as neighbours."""
FEWEST_PAIRS, FEWEST_IN_BIN, MOST_BINS = 10, 8, 6
LEAST_VARIANCE: Final = 0.05
"""A sample whose residual keeps less than this share of its error says nothing: the curve goes through it."""
INFUSION_EDGES: Final = (0.0, 7.0, 14.0, 28.0, 56.0, np.inf)
"""Days since the last infusion."""
FAR: Final = 2.5
UNEXPLAINED_CHANCE: Final = 0.001
"""That a patient who follows the model is left out for a course that nothing explains: none of about 1,900 simulated
ones was (tests/calibration/effect_kinds_base.csv), which bounds it by 0.0016."""
THINK_OF: Final = {
    "neighbours": "illness, steroids or protein loss for weeks; a loss or recovery of another shape than the model's",
    "patients": "single patients whose course does not follow the model for weeks",
    "study day": "a loss or recovery of another shape: delayed, stepwise, saturable, or by slow plasma cells",
    "calendar": "another laboratory platform or calibrator from some date on",
    "step": "another laboratory, platform or calibrator from then on",
    "since infusion": "infusions not recorded or not given in full; a wrong distribution of infused IgG",
    "rises": "infusions not recorded; a loss of IgG that ended at once; mixed-up samples",
    "unexplained": "infusions not recorded, plasma exchange, protein loss, mixed-up records",
    "rise per gram": "doses not given in full or not recorded, a clearance or production that changes with IVIG, other "
    "weights, or a card that does not fit these patients",
    "tails": "mixed-up samples, typing errors, interference: heavy tails (Student-t error)",
    "spread": "residual error that differs between patients or levels",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Residuals:
    """Standardised residuals of measured values, patient after patient, and replicates of them (REPLICATES, n).

    patient (n,): place; sample: place among that patient's; day: from the window's start; date: days of the calendar,
    nan when unknown; since: days since the last infusion, nan without one.
    """

    z: Floats
    replicated: Floats
    patient: np.ndarray
    sample: np.ndarray
    day: Floats
    date: Floats
    since: Floats


def patient_residuals(
    problem: FitProblem, levels: Floats, error: Floats, generator: np.random.Generator
) -> tuple[np.ndarray, Floats, Floats]:
    """Which samples can speak (m,), their standardised residuals (m,) and replicates (REPLICATES, m)."""
    which, values, levels, noise = measured(problem, levels, error)
    curve = np.atleast_2d(np.cov(levels.T)) if values.size > 1 else np.array([[levels.var()]])
    root = np.sqrt(noise)
    left = np.eye(values.size) - curve / np.outer(root, root)
    eigenvalues, vectors = np.linalg.eigh(0.5 * (left + left.T))
    half = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))
    kept = np.sum(half**2, axis=1)
    speaks = kept > LEAST_VARIANCE
    scale = np.sqrt(np.where(speaks, kept, 1.0))
    z = (values - levels.mean(axis=0)) / root / scale
    made = generator.standard_normal((REPLICATES, values.size)) @ half.T / scale
    return np.flatnonzero(which)[speaks], z[speaks], made[:, speaks]


def residuals(cohort: Cohort, posterior: CohortPosterior, people: Sequence[Exposure], seed: int) -> Residuals | None:
    """Of everybody with a window and measured values; None when there are none."""
    generator = numbered_stream(seed, "misfit")
    n_draws = int(np.prod(posterior.error.shape[:2]))
    draws = np.unique(np.linspace(0, n_draws - 1, min(n_draws, MOST_CURVE_DRAWS)).round().astype(int))
    error = posterior.error.reshape(-1, 2)[draws]
    parts: list[tuple[Floats, ...]] = []
    made: list[Floats] = []
    for one in people:
        problem = posterior.problems[one.place]
        if draws.size < 2 or not np.any(problem.limit == 0):
            continue
        thetas = np.ascontiguousarray(posterior.of_patient(one.place)[draws])
        levels = np.add(*igg_curve(thetas, problem.schedule, problem.day))
        which, z, replicated = patient_residuals(problem, levels, error, generator)
        day = problem.day[which]
        zero = cohort.day_zero.get(one.patient.patient_id)
        date = np.full(day.size, np.nan) if zero is None else day + zero.toordinal()
        parts.append((z, np.full(z.size, one.place), which, day - one.window.start, date, days_since(one, day)))
        made.append(replicated)
    if not parts or not any(part[0].size for part in parts):
        return None
    z, patient, sample, start, date, since = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Residuals(
        z=z, replicated=np.concatenate(made, axis=1), patient=patient, sample=sample, day=start, date=date, since=since
    )


def days_since(one: Exposure, day: Floats) -> Floats:
    """Days since the last infusion before each day; nan without one."""
    index = np.searchsorted(one.doses.day, day, side="left") - 1
    last = one.doses.day[np.maximum(index, 0)] if one.doses.day.size else np.full(day.size, np.nan)
    return np.where(index >= 0, day - last, np.nan)


def misfit_rows(
    cohort: Cohort,
    posterior: CohortPosterior,
    people: Sequence[Exposure],
    seed: int,
    beside: Sequence[Mapping[str, object]] = (),
) -> pd.DataFrame:
    """MISFIT_COLUMNS of a posterior; beside: see misfit_table."""
    return misfit_table(residuals(cohort, posterior, people, seed), beside)


def misfit_table(scores: Residuals | None, beside: Sequence[Mapping[str, object]] = ()) -> pd.DataFrame:
    """MISFIT_COLUMNS: a row per test that this cohort has the samples for, and those that look beside the residuals."""
    rows = [] if scores is None else [*tests(scores), *map(dict, beside)]
    shares = shares_of([str(row["test"]) for row in rows])
    for row, share in zip(rows, shares, strict=True):
        row["speaks"] = float(str(row["p"])) < FAMILY_P * share
    return pd.DataFrame(rows, columns=list(MISFIT_COLUMNS))


def shares_of(tests: Sequence[str]) -> list[float]:
    """What each of these tests may take of FAMILY_P: its share, or evenly what is left; they add up to 1."""
    own = {test: SHARES[test] for test in tests if test in SHARES}
    others = len(tests) - len(own)
    left = 1.0 - sum(own.values())
    if not others:
        return [own[test] / sum(own.values()) for test in tests]
    return [own.get(test, left / others) for test in tests]


def unexplained_row(unexplained: int, patients: int) -> dict[str, object]:
    """The test of patients left out for a course that nothing recorded explains. patients: all of them."""
    return counted_row("unexplained", unexplained, UNEXPLAINED_CHANCE * patients, patients)


def rises_row(suspected: Suspected) -> dict[str, object]:
    """The test of rises as large as a dose in gaps without an infusion."""
    return counted_row("rises", suspected.n, CHANCE * suspected.gaps, suspected.gaps)


def step_row(step: CommonStep) -> dict[str, object]:
    """The test of a step that all levels make at one time, by the calendar or by study days."""
    row = told("step", step.share, 0.0, step.p, step.n_patients)
    size = f"all levels from {step.when} on about {100 * step.share:+.0f} %".replace("-", "−")
    return row | {"think_of": f"{THINK_OF['step']} ({size})"}


def counted_row(name: str, count: int, expected: float, n: int) -> dict[str, object]:
    """A test of a count that is Poisson."""
    return told(name, float(count), expected, float(pdtrc(count - 1, expected)) if count else 1.0, n)


def rise_row(conflict: float, speaking: int) -> dict[str, object]:
    """The test of the rise per gram against the card's. conflict: see learnt.conflict; speaking: infused who tell."""
    return told("rise per gram", conflict, 0.0, float(2.0 * ndtr(-abs(conflict))), speaking)


def told(name: str, statistic: float, expected: float, p: float, n: int) -> dict[str, object]:
    return {
        "test": name, "statistic": statistic, "expected": expected, "p": p, "n": n, "think_of": THINK_OF[name],
    }  # fmt: skip


def tests(scores: Residuals) -> list[dict[str, object]]:
    """Each statistic of the residuals beside the same of the replicates."""
    near = neighbouring(scores)
    rows = []
    if near.sum() >= FEWEST_PAIRS:
        rows.append(compared("neighbours", lambda z: neighbours(z, near), scores, int(near.sum()), two_sided=True))
        first, limit = scores.patient[:-1][near], limits_of_patients(scores, near)
        rows.append(
            compared("patients", lambda z: share_beyond(z, near, first, limit), scores, int(np.unique(first).size))
        )
    for name in ("study day", "calendar", "since infusion"):
        groups = groups_of(scores, name)
        if len(groups) > 1:
            n = int(sum(group.sum() for group in groups))
            rows.append(compared(name, lambda z, groups=groups: between_bins(z, groups), scores, n))  # type: ignore[misc]
    rows.append(
        compared(
            "tails",
            lambda z: np.mean(np.maximum(np.abs(z) - FAR, 0.0), axis=-1),
            scores,
            scores.z.size,
        )
    )
    rows.append(compared("spread", lambda z: np.mean(z**2, axis=-1), scores, scores.z.size, two_sided=True))
    return rows


def neighbouring(scores: Residuals) -> np.ndarray:
    """Which residuals (n - 1,) have the next one of the same patient close behind."""
    same = np.diff(scores.patient) == 0
    return np.asarray(same & (np.diff(scores.day) <= LONGEST_GAP_DAY) & (np.diff(scores.day) > 0))


def groups_of(scores: Residuals, test: str) -> list[np.ndarray]:
    """Masks of the bins of a test between bins."""
    axis = {
        "study day": scores.day,
        "calendar": scores.date,
        "since infusion": scores.since,
    }[test]
    return bins(axis, INFUSION_EDGES if test == "since infusion" else None)


def limits_of_patients(scores: Residuals, near: np.ndarray) -> Floats:
    return patient_limits(scores.replicated, near, scores.patient[:-1][near])


def suspects(scores: Residuals, test: str) -> np.ndarray:
    """The residuals (n,) behind a test: the bin furthest off, or the patients whose neighbours go together most."""
    if test in ("neighbours", "patients"):
        near = neighbouring(scores)
        first = scores.patient[:-1][near]
        products = patient_products(scores.z, near, first)
        beyond = products > limits_of_patients(scores, near)
        chosen = beyond if beyond.any() else products == products.max()
        return np.asarray(np.isin(scores.patient, np.unique(first)[chosen]))
    if test in ("study day", "calendar", "since infusion"):
        groups = groups_of(scores, test)
        return groups[int(np.argmax([group.sum() * scores.z[group].mean() ** 2 for group in groups]))]
    return np.zeros(scores.z.size, dtype=bool)


def compared(
    name: str, statistic: Callable[[Floats], Floats], scores: Residuals, n: int, *, two_sided: bool = False
) -> dict[str, object]:
    """The statistic, its median over replicates, and the share of replicates at least as extreme (never 0)."""
    value, made = float(statistic(scores.z)), statistic(scores.replicated)
    above = (1 + np.sum(made >= value)) / (1 + made.size)
    below = (1 + np.sum(made <= value)) / (1 + made.size)
    p = float(min(1.0, 2.0 * min(above, below))) if two_sided else float(above)
    return told(name, value, float(np.median(made)), p, n)


def neighbours(z: Floats, near: np.ndarray) -> Floats:
    """Lag-1 autocorrelation within patients, pooled. z (..., n)."""
    return np.asarray(np.mean((z[..., 1:] * z[..., :-1])[..., near], axis=-1) / np.mean(z**2, axis=-1))


def patient_products(z: Floats, near: np.ndarray, first: np.ndarray) -> Floats:
    """Mean product of neighbours of each patient (..., patients)."""
    products = (z[..., 1:] * z[..., :-1])[..., near]
    return np.stack([products[..., first == who].mean(axis=-1) for who in np.unique(first)], axis=-1)


def patient_limits(replicated: Floats, near: np.ndarray, first: np.ndarray) -> Floats:
    """The product that a patient exceeds in one of a hundred replicates (patients,)."""
    return np.asarray(np.quantile(patient_products(replicated, near, first), 0.99, axis=0))


def share_beyond(z: Floats, near: np.ndarray, first: np.ndarray, limit: Floats) -> Floats:
    """Share of patients whose neighbours go together beyond their limit."""
    return np.asarray(np.mean(patient_products(z, near, first) > limit, axis=-1))


def bins(values: Floats, edges: tuple[float, ...] | None) -> list[np.ndarray]:
    """Masks of bins of values with about equally many, or between edges; those with enough values."""
    known = np.isfinite(values)
    if edges is None:
        n = int(np.clip(known.sum() // (3 * FEWEST_IN_BIN), 1, MOST_BINS))
        inner = np.unique(np.quantile(values[known], np.linspace(0, 1, n + 1)[1:-1])) if known.any() else np.empty(0)
    else:
        inner = np.array(edges[1:-1])
    which = np.where(known, np.searchsorted(inner, values, side="left"), -1)
    groups = [which == k for k in range(inner.size + 1)]
    return [group for group in groups if group.sum() >= FEWEST_IN_BIN]


def between_bins(z: Floats, groups: Sequence[np.ndarray]) -> Floats:
    """Sum over bins of n times the squared mean residual."""
    return np.asarray(np.sum([group.sum() * z[..., group].mean(axis=-1) ** 2 for group in groups], axis=0))
