"""A lasting step of all levels: another laboratory, another method. In one patient, and in many at one calendar date or
study day.

One patient's change may be illness; the same relative change in many at one time is the measurement's. For every
candidate time the score of a step of all later levels is asked of each fitted curve, with the uncertainty of its
parameters taken into account (docs/model.md 3.5). A shift common to all patients in each parameter is allowed for:
another population than the card's is no step. Under no step a patient's scores are as likely as their negatives, so the
largest of them all, over the spread between patients, is compared with what it becomes when the signs of whole patients
are drawn at random: P needs no assumption on error, drift or correlation. By study day a model that misses all patients
alike looks like a step too, so that P has to be smaller there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.special import ndtri

from igkinetics.cohort.model import Cohort
from igkinetics.fit.columns import TABLES
from igkinetics.fit.result import PatientFit
from igkinetics.fit.unexplained import jacobian
from igkinetics.kinetics.parameters import N_PARAMETERS, Floats
from igkinetics.random_streams import Streams

CALLED_BELOW: Final = {"calendar date": 0.02, "study day": 0.01}
"""P of each of the two scans below which a step is named."""
LEAST_PATIENTS: Final = 8
"""With samples on both sides; of fewer, signs drawn at random can tell nothing at that P."""
LASTING_FROM: Final = 3.0
"""Standard errors from which a lasting step of one patient is told: chance gave one of its places so much in none of 90
patients of 6 to 14 samples. A step down is told from loss of production only where samples are many."""
NO_WORSE: Final = 0.75
"""A stretch that ends may have no more than so many standard errors more."""
LEAST_BEFORE, LEAST_AFTER = 2, 3
"""Samples on either side of a lasting step."""
MOST_TIMES: Final = 60
SIGN_DRAWS: Final = 4000
SIGNS_AT_ONCE: Final = 4_000_000
"""Bounds memory where patients are many."""
EPOCH: Final = pd.Timestamp("1970-01-01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """One fit as a straight line: days (n,), level, residual W e, M = W - W J C J' W.

    design (n, N_PARAMETERS): what may be common to all patients without a step.
    """

    day: Floats
    level: Floats
    pull: Floats
    information: Floats
    design: Floats


def linear(fit: PatientFit) -> Linear | None:
    """None for a patient without a fitted curve through two measured levels or more."""
    if fit.problem is None or fit.optimum is None:
        return None
    problem, x = fit.problem, fit.optimum.x
    level, by_x = jacobian(problem, x)
    used = problem.limit == 0
    if used.sum() < 2:
        return None
    level, by_x = level[used], by_x[used]
    weight = 1.0 / (problem.a**2 + (problem.b * level) ** 2)
    prior = np.diag(np.where(np.isfinite(problem.sd), 1.0 / problem.sd**2, 0.0))
    weighted = by_x * weight[:, None]
    covariance = np.linalg.pinv(by_x.T @ weighted + prior)
    design = np.zeros((level.size, N_PARAMETERS))
    design[:, problem.free] = by_x * np.where(np.isfinite(problem.sd), 1.0, 0.0)
    return Linear(
        day=problem.day[used],
        level=level,
        pull=weight * (problem.igg[used] - level),
        information=np.diag(weight) - weighted @ covariance @ weighted.T,
        design=design,
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


def scan(lines: Sequence[Linear], offsets: Floats, generator: np.random.Generator) -> Scan | None:
    """The step of most evidence. offsets (patient,): what turns a patient's days into the common time.

    None where no time has enough patients on both sides.
    """
    times = [line.day + offset for line, offset in zip(lines, offsets, strict=True)]
    every = np.unique(np.concatenate(times)) if times else np.empty(0)
    if every.size > MOST_TIMES:
        every = np.unique(np.quantile(every, np.linspace(0.0, 1.0, MOST_TIMES), method="nearest"))
    both = np.array([(own[0] < every) & (every <= own[-1]) for own in times]).reshape(len(times), every.size)
    every, both = every[both.sum(axis=0) >= LEAST_PATIENTS], both[:, both.sum(axis=0) >= LEAST_PATIENTS]
    if not every.size:
        return None
    score, spread, shift = np.zeros(both.shape), np.zeros(both.shape), np.zeros((*both.shape, N_PARAMETERS))
    common, pulled = np.zeros((N_PARAMETERS, N_PARAMETERS)), np.zeros((len(lines), N_PARAMETERS))
    for place, (line, own) in enumerate(zip(lines, times, strict=True)):
        steps = line.level * (own >= every[:, None])
        informed = steps @ line.information
        score[place] = steps @ line.pull
        spread[place] = np.sum(informed * steps, axis=1)
        shift[place] = informed @ line.design
        common += line.design.T @ line.information @ line.design
        pulled[place] = line.design.T @ line.pull
    back = shift.sum(axis=0) @ np.linalg.pinv(common, hermitian=True)
    score -= pulled @ back.T
    left = spread.sum(axis=0) - np.einsum("tp,tp->t", back, shift.sum(axis=0))
    known = left > 0.02 * spread.sum(axis=0)
    if not known.any():
        return None
    every, score, both, left = every[known], score[:, known], both[:, known], left[known]
    root = np.sqrt(np.sum(score**2, axis=0))
    z = np.abs(score.sum(axis=0)) / root
    best = int(np.argmax(z))
    at_once = max(SIGNS_AT_ONCE // len(lines), 1)
    drawn = [min(at_once, SIGN_DRAWS - first) for first in range(0, SIGN_DRAWS, at_once)]
    signs = (generator.choice([-1.0, 1.0], (n, len(lines))) for n in drawn)
    largest = np.concatenate([np.max(np.abs(each @ score) / root, axis=1) for each in signs])
    return Scan(
        time=float(every[best]),
        size=float(score[:, best].sum() / left[best]),
        error=float(root[best] / left[best]),
        p=float((1 + np.sum(largest >= z[best])) / (SIGN_DRAWS + 1)),
        n_patients=int(both[:, best].sum()),
    )


def lines_of(fits: Sequence[PatientFit]) -> dict[str, Linear]:
    """Patient -> the fit as a straight line, where there is one."""
    return {fit.patient.patient_id: line for fit in fits if (line := linear(fit)) is not None}


def common_steps(cohort: Cohort, lines: Mapping[str, Linear], level: float, seed: int) -> pd.DataFrame:
    """The table `laboratory`: at most one row, of the clearer of the two scans."""
    dated = {name: line for name, line in lines.items() if name in cohort.day_zero}
    origins = np.array([(cohort.day_zero[name] - EPOCH) / pd.Timedelta(days=1) for name in dated])
    streams = Streams(seed=seed)
    scans = [
        ("study day", scan(list(lines.values()), np.zeros(len(lines)), streams.of("common steps", "day"))),
        ("calendar date", scan(list(dated.values()), origins, streams.of("common steps", "date"))),
    ]
    called = [(by, one) for by, one in scans if one is not None and one.p < CALLED_BELOW[by]]
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
