"""A lasting step of all levels: another laboratory, another method. In one patient, and in many at one calendar date or
study day.

One patient's change may be illness; the same relative change in many at one time is the measurement's. For every
candidate time the score of a step of all later levels is asked of each patient's posterior (docs/model.md 3.10): its
mean over draws is 0 on average where there is no step, which the score at the best curve is not. A shift common to all
patients in each parameter is allowed for: another population than the card's is no step. Under no step a patient's
scores are as likely as their negatives, so the largest of them all, over the spread between patients, is compared with
what it becomes when the signs of whole patients are drawn at random: P needs no assumption on error, drift or
correlation. A model that misses all patients alike looks like a step too, so that P has to be small.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from igkinetics.cohort.model import Cohort
from igkinetics.fit.columns import TABLES
from igkinetics.fit.result import PatientFit
from igkinetics.fit.unexplained import jacobian
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import N_PARAMETERS, Floats
from igkinetics.random_streams import Streams, picked

CALLED_BELOW: Final = 0.02
"""P of a scan below which a step is named ..."""
LEAST_CALLED: Final = 0.04
"""... if it is as large: in 4,000 patients of the model itself, its curvature alone makes one of 3 %."""
LEAST_PATIENTS: Final = 8
"""With samples on both sides; of fewer, signs drawn at random can tell nothing at that P."""
MOST_SCANNED: Final = 1000
"""Patients asked: what so many do not show is no step that matters."""
LEAST_ON_A_SIDE: Final = 3
"""Samples of such a patient on either side. A step after everybody's first sample or two is another initial level."""
LEAST_EFFECTIVE: Final = 20
"""Draws without drift on which the mean score of a patient rests; of fewer, the best curve is asked."""
LASTING_FROM: Final = 3.0
"""Standard errors from which a lasting step of one patient is told: of 1,500 simulated patients without one, 1 % have
it with some ten samples each, 3 % with some 25. A step down is told from loss of production only where samples are
many."""
NO_WORSE: Final = 0.75
"""A stretch that ends may have no more than so many standard errors more."""
LEAST_BEFORE, LEAST_AFTER = 2, 3
"""Samples on either side of a lasting step."""
SMALLEST_STEP: Final = 0.01
"""A share so small is none: no model fits better. P is of what lies beyond it."""
LEAST_LEFT: Final = 0.02
"""A step of which a shift of the parameters takes up all but this share cannot be told from one."""
MOST_TIMES: Final = 60
SIGN_DRAWS: Final = 4000
SIGNS_AT_ONCE: Final = 4_000_000
"""Bounds memory where patients are many."""
NO_LEVEL: Final = 1e-12
"""g/L: below it no share of a level says anything."""
ROUNDING: Final = 1e-9
"""Of few patients many draws give the very sum that was found."""
EPOCH: Final = pd.Timestamp("1970-01-01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """One fit as a straight line: days (n,), level, mean of W e, M = W - W J C J' W.

    design (n, N_PARAMETERS): what may be common to all patients without a step. pulled (N_PARAMETERS,): the score of a
    shift of each parameter's typical value; precision (N_PARAMETERS,): 1 / variance of its prior, 0 without one.
    """

    day: Floats
    level: Floats
    pull: Floats
    information: Floats
    design: Floats
    pulled: Floats
    precision: Floats


class Steady(NamedTuple):
    """Draws from one patient's posterior under the fitted structure without drift: natural parameters theta (m, 13),
    those on estimation scales x (m, p), weights (m,) that add up to 1."""

    theta: Floats
    x: Floats
    weights: Floats


def mean_scores(level: Floats, igg: Floats, error: tuple[float, float], weights: Floats) -> Floats:
    """Mean over draws of level x W e (n,): the score of each sample's share in a step. level (m, n), weights (m,).

    Fisher's identity: the score of what all draws have in common is the mean of the draws' scores. Where the prior and
    the error are right its mean over records is 0, however curved the model; at the best curve it is not.
    """
    return np.asarray(weights @ (level * (igg - level) / (error[0] ** 2 + (error[1] * level) ** 2)))


def steady_draws(fit: PatientFit) -> Steady | None:
    """None where too few draws are left without drift."""
    if fit.draws is None:
        return None
    weights = fit.draws.weights * fit.draws.drift_shares[:, 0]
    if not weights.sum() ** 2 >= LEAST_EFFECTIVE * np.sum(weights**2) > 0.0:
        return None
    return Steady(fit.draws.theta, fit.draws.x, weights / weights.sum())


def linear(fit: PatientFit, drawn: Steady | None = None) -> Linear | None:
    """At the best curve, with the scores of these draws where there are any; None for a patient without a fitted curve
    through two measured levels or more."""
    if fit.problem is None or fit.optimum is None:
        return None
    problem, x = fit.problem, fit.optimum.x
    level, by_x = jacobian(problem, x)
    used = problem.limit == 0
    if used.sum() < 2:
        return None
    level, by_x = level[used], by_x[used]
    weight = 1.0 / (problem.a**2 + (problem.b * level) ** 2)
    known = np.where(np.isfinite(problem.sd), 1.0 / problem.sd**2, 0.0)
    weighted = by_x * weight[:, None]
    covariance = np.linalg.pinv(by_x.T @ weighted + np.diag(known))
    drawn = drawn or Steady(problem.theta(x)[None, :], x[None, :], np.ones(1))
    design, pulled, precision = np.zeros((level.size, N_PARAMETERS)), np.zeros(N_PARAMETERS), np.zeros(N_PARAMETERS)
    design[:, problem.free] = by_x * (known > 0.0)
    precision[problem.free] = known
    pulled[problem.free] = known * np.where(known > 0.0, drawn.weights @ drawn.x - problem.mu, 0.0)
    day, igg = problem.day[used], problem.igg[used]
    levels = np.add(*igg_curve(np.ascontiguousarray(drawn.theta), problem.schedule, day))
    return Linear(
        day=day,
        level=level,
        pull=mean_scores(levels, igg, (problem.a, problem.b), drawn.weights) / np.maximum(level, NO_LEVEL),
        information=np.diag(weight) - weighted @ covariance @ weighted.T,
        design=design,
        pulled=pulled,
        precision=precision,
    )


LARGEST_STEP: Final = 0.6
"""More than methods or laboratories differ by, as a share: an illness, or a step that no straight line describes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastingStep:
    """All levels of one patient from this day on lie so much (a share) off those of the model before it."""

    day: float
    size: float


def lasting_step(fit: PatientFit) -> LastingStep | None:
    """The lasting step of most evidence in one patient; None where the data do not tell one from chance, tell a stretch
    that ends from it no worse (then it is an illness as well as another laboratory), or show more than methods differ
    by."""
    line = linear(fit) if fit.problem is not None and fit.problem.has_prior else None
    if line is None or line.day.size < LEAST_BEFORE + LEAST_AFTER:
        return None
    n = line.day.size
    stretches = np.array([(first, end) for first in range(1, n) for end in range(first + 2, n + 1)])
    changed = (np.arange(n) >= stretches[:, :1]) & (np.arange(n) < stretches[:, 1:])
    steps = changed * line.level
    score, spread = steps @ line.pull, np.einsum("sn,nm,sm->s", steps, line.information, steps)
    known = spread > 0.02 * (steps**2 @ np.diag(line.information))
    z = np.where(known, score / np.sqrt(np.where(known, spread, 1.0)), 0.0)
    lasting = (stretches[:, 1] == n) & (stretches[:, 0] >= LEAST_BEFORE) & (stretches[:, 0] <= n - LEAST_AFTER)
    best = int(np.argmax(np.abs(z) * lasting))
    if not lasting[best] or abs(z[best]) < LASTING_FROM or abs(z[best]) < np.abs(z).max() - NO_WORSE:
        return None
    size = float(score[best] / spread[best])
    if abs(size) > LARGEST_STEP:
        return None
    return LastingStep(day=float(line.day[stretches[best, 0]]), size=size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The largest step found: from which time on, its relative size with standard error, P, patients on both sides."""

    time: float
    size: float
    error: float
    p: float
    n_patients: int

    @property
    def named(self) -> bool:
        return self.p < CALLED_BELOW and LEAST_CALLED <= abs(self.size) <= LARGEST_STEP


def scan(lines: Sequence[Linear], offsets: Floats, generator: np.random.Generator) -> Scan | None:
    """The step of most evidence. offsets (patient,): what turns a patient's days into the common time.

    None where no time has enough patients on both sides.
    """
    times = [line.day + offset for line, offset in zip(lines, offsets, strict=True)]
    every = np.unique(np.concatenate(times)) if times else np.empty(0)
    if every.size > MOST_TIMES:
        every = np.unique(np.quantile(every, np.linspace(0.0, 1.0, MOST_TIMES), method="nearest"))
    both = on_both_sides(times, every, LEAST_ON_A_SIDE)
    enough = both.sum(axis=0) >= LEAST_PATIENTS
    every, both = every[enough], both[:, enough]
    if not every.size:
        return None
    score, left, information = told_by(lines, times, every)
    known = left > LEAST_LEFT * information
    if not known.any():
        return None
    every, score, both, left = every[known], score[:, known], both[:, known], left[known]
    root = np.sqrt(np.sum(score**2, axis=0))
    z = np.maximum(np.abs(score.sum(axis=0)) - SMALLEST_STEP * left, 0.0) / root
    best = int(np.argmax(z))
    largest = largest_by_chance(score / root, generator)
    return Scan(
        time=float(every[best]),
        size=float(score[:, best].sum() / left[best]),
        error=float(root[best] / left[best]),
        p=float((1 + np.sum(largest >= z[best] * (1.0 - ROUNDING))) / (SIGN_DRAWS + 1)),
        n_patients=int(both[:, best].sum()),
    )


def on_both_sides(times: Sequence[Floats], every: Floats, least: int) -> npt.NDArray[np.bool_]:
    """Which patients have so many samples before each time and from it on (patient, time)."""
    inner = [(own[least - 1], own[-least]) if own.size >= 2 * least else (np.inf, -np.inf) for own in times]
    return np.array([(first < every) & (every <= last) for first, last in inner]).reshape(len(times), every.size)


def told_by(lines: Sequence[Linear], times: Sequence[Floats], every: Floats) -> tuple[Floats, Floats, Floats]:
    """Scores (patient, time) of a step at every time, 0 of patients without samples on both sides; what is left of
    their information (time,) when a shift of each parameter, common to all, is allowed for, and all of it (time,).

    Each of the others says little, but in a registry they are so many that what a curve misses of them would outweigh.
    """
    score, spread = np.zeros((len(lines), every.size)), np.zeros(every.size)
    shift = np.zeros((every.size, N_PARAMETERS))
    precision = np.mean([line.precision for line in lines], axis=0)  # a shift is hardly beyond patients' own SD
    common = np.tile(np.diag(precision), (every.size, 1, 1))
    asked = on_both_sides(times, every, 1)
    for line, own, at, scored in zip(lines, times, asked, score, strict=True):
        steps = line.level * (own >= every[at, None])
        informed = steps @ line.information
        scored[at] = steps @ line.pull
        spread[at] += np.sum(informed * steps, axis=1)
        shift[at] += informed @ line.design
        common[at] += line.design.T @ line.information @ line.design
    back = np.einsum("tp,tpq->tq", shift, np.linalg.pinv(common, hermitian=True))
    score -= asked * (np.array([line.pulled for line in lines]) @ back.T)
    return score, spread - np.einsum("tp,tp->t", back, shift), spread


def largest_by_chance(score: Floats, generator: np.random.Generator) -> Floats:
    """The largest sum of each of SIGN_DRAWS draws of signs, one sign a patient; score (patient, time)."""
    n, all_with_plus = score.shape[0], score.sum(axis=0)
    at_once = max(SIGNS_AT_ONCE // n, 1)
    largest = []
    for first in range(0, SIGN_DRAWS, at_once):
        drawn = min(at_once, SIGN_DRAWS - first)
        bits = np.unpackbits(np.frombuffer(generator.bytes(-(-drawn * n // 8)), np.uint8), count=drawn * n)
        with_plus = bits.reshape(drawn, n).astype(float) @ score
        largest.append(np.max(np.abs(2.0 * with_plus - all_with_plus), axis=1))
    return np.concatenate(largest)


def lines_of(fits: Sequence[PatientFit]) -> dict[str, Linear]:
    """Patient -> the fit as a straight line, where there is one."""
    return {fit.patient.patient_id: line for fit in fits if (line := linear(fit, steady_draws(fit))) is not None}


def scanned(patient_ids: Iterable[str]) -> list[str]:
    """Who of a cohort is asked about a common step."""
    return picked(patient_ids, MOST_SCANNED)


def common_steps(cohort: Cohort, lines: Mapping[str, Linear], level: float, seed: int) -> pd.DataFrame:
    """The table `laboratory`: at most one row, of the clearer of the two scans."""
    lines = {name: lines[name] for name in scanned(cohort.patient_ids) if name in lines}
    dated = {name: line for name, line in lines.items() if name in cohort.day_zero}
    origins = np.array([(cohort.day_zero[name] - EPOCH) / pd.Timedelta(days=1) for name in dated])
    streams = Streams(seed=seed)
    clocks = {"study day": (lines, np.zeros(len(lines)), "day"), "calendar date": (dated, origins, "date")}
    scans = [
        (by, scan(list(own.values()), at, streams.of("common steps", stream)))
        for by, (own, at, stream) in clocks.items()
    ]
    called = [(by, one) for by, one in scans if one is not None and one.named]
    rows: list[dict[str, Any]] = []
    if called:
        by, one = max(called, key=lambda pair: abs(pair[1].size) / pair[1].error)
        reach = float(ndtri(0.5 + level / 2)) * one.error
        on_date = by == "calendar date"
        rows.append(
            {
                "by": by,
                "day": np.nan if on_date else one.time,
                "date": (EPOCH + pd.Timedelta(days=one.time)).date().isoformat() if on_date else "",
                "n_patients": one.n_patients,
                "step": one.size,
                "step_lower": one.size - reach,
                "step_upper": one.size + reach,
                "level": level,
                "p": one.p,
            }
        )
    return pd.DataFrame(rows, columns=list(TABLES["laboratory"]))
