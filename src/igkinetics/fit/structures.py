"""One posterior over structures and drift, each by prior weight times marginal likelihood (docs/model.md 3.6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from igkinetics.cards.prior import PatientPrior
from igkinetics.cohort.model import Patient
from igkinetics.fit.allowed_structures import PriorOf, possible_structures, why_without_weight
from igkinetics.fit.importance import Component, log_sum
from igkinetics.fit.likelihood import NORMAL, STUDENT_DF, STUDENT_T
from igkinetics.fit.minimise import Optimum, explore, first_guesses
from igkinetics.fit.posterior import Draws, draw_around, laplace_components, laplace_log_marginal
from igkinetics.fit.problem import FitProblem, build_problem
from igkinetics.fit.result import Alternative, Averaged
from igkinetics.fit.weights import DRIFT_SDS
from igkinetics.kinetics.parameters import STRUCTURES, Floats

UNLIKE_IN: Final = ("S", "CL", "V1")
UNLIKE_BY: Final = 3.0
"""In a patient unlike those of the card the prior SDs of these parameters are so many times as wide."""
UNLIKE: Final = f"a patient unlike the card's: prior SDs of {', '.join(UNLIKE_IN)} times {UNLIKE_BY:g}"
HEAVY_TAILED: Final = f"errors with heavy tails: Student's t, {STUDENT_DF:g} degrees of freedom"
DRAWN_PER_KEPT: Final = 2.0
"""Draws of another structure for each that its share of the average will keep; no more than of the fitted one ..."""
LEAST_DRAWS = 200
"""... and no fewer: they say nothing of the tail of their weights."""
NEGLIGIBLE: Final = 0.002
"""A structure of less weight is not drawn from."""
TO_BE_TRUSTED: Final = 0.01
"""A structure of more weight has to have draws that can be trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A structure beside the fitted one: its problem, optimum and prior weight; `note` says why it has none, or in what
    it differs from the fitted one where it is the same."""

    problem: FitProblem
    optimum: Optimum
    prior_weight: float
    note: str


def with_drift(problem: FitProblem, sds: tuple[float, ...], weights: tuple[float, ...]) -> FitProblem:
    """The problem whose likelihood is averaged over these SDs of the drift, with weights that add up to 1."""
    share = np.array(weights) / np.sum(weights)
    return replace(problem, drift_sds=np.array(sds), drift_log_weights=np.log(share))


def candidates(
    patient: Patient, prior_of: PriorOf, problem: FitProblem, optimum: Optimum, residual: str, weight: float
) -> list[Candidate]:
    """The other structures, each fitted from the fitted values; they share this prior weight evenly."""
    estimated: dict[str, float] = dict(zip(problem.names, optimum.x, strict=True))
    own = prior_of(patient, problem.model.split("/")[0])
    others: list[tuple[str, PatientPrior]] = []
    problems: list[FitProblem] = []
    for structure, prior in sorted(possible_structures(patient, prior_of), key=lambda pair: STRUCTURES.index(pair[0])):
        if structure == problem.model:
            continue
        production = structure.split("/")[1]
        same = (production == "constant") == problem.model.endswith("/constant")
        schedule = problem.schedule if same else None
        other = build_problem(
            patient, prior, production, residual=residual, use_prior=problem.has_prior, schedule=schedule
        )
        if problem.has_prior or other.day.size > len(other.names):
            others.append((structure, prior))
            problems.append(other)
    found = []
    notes = why_without_weight(patient, problem.model, own, others, float(problem.day[-1]))
    for other, note in zip(problems, notes, strict=True):
        best = explore(other, [warm_start(other, estimated, problem.model), first_guesses(other)[0]])
        found.append(Candidate(problem=other, optimum=best, prior_weight=0.0 if note else 1.0, note=note))
    distinct = sum(candidate.prior_weight for candidate in found)
    return [
        replace(candidate, prior_weight=weight * candidate.prior_weight / max(distinct, 1.0)) for candidate in found
    ]


def unlike_the_card(problem: FitProblem, optimum: Optimum, weight: float) -> list[Candidate]:
    """The fitted structure in a patient whom the card's prior holds too narrowly; none where nothing would change.

    Where the card's population is not this patient's, what the record says little of rests on that prior: endogenous
    IgG between doses by calendar, above all.
    """
    wider = np.where(np.isin(problem.names, UNLIKE_IN), UNLIKE_BY, 1.0)
    if np.all(wider == 1.0):
        return []
    other = replace(problem, sd=problem.sd * wider, prior_sd=problem.prior_sd * wider)
    return [Candidate(problem=other, optimum=explore(other, [*optimum.modes]), prior_weight=weight, note=UNLIKE)]


def heavy_tailed(problem: FitProblem, optimum: Optimum, weight: float) -> list[Candidate]:
    """The fitted structure with Student-t error: how far off single values lie differs between laboratories and
    records. None where the error is taken as another than normal already."""
    if problem.kind != NORMAL:
        return []
    other = replace(problem, kind=STUDENT_T)
    best = explore(other, [*optimum.modes])
    return [Candidate(problem=other, optimum=best, prior_weight=weight, note=HEAVY_TAILED)]


def warm_start(problem: FitProblem, estimated: dict[str, float], fitted_model: str) -> Floats:
    """The fitted values where they mean the same; the volume of another disposition starts at its prior."""
    same_disposition = problem.model.split("/")[0] == fitted_model.split("/")[0]
    start = problem.mu.copy()
    for i, name in enumerate(problem.names):
        if name in estimated and (same_disposition or name != "V1"):
            start[i] = estimated[name]
    return start


Around = Callable[[FitProblem, list[Component], int, np.random.Generator], Draws]
"""Draws, n or more, of a problem around these components of its Laplace approximation."""


def draw_structure(
    problem: FitProblem, optimum: Optimum, n: int, generator: np.random.Generator, around: Around = draw_around
) -> tuple[Draws, tuple[Optimum, ...]]:
    """Draws of one structure, whatever the drift; and the optimum under each of its SDs of the drift."""
    if problem.drift_sds.size == 1:
        return around(problem, laplace_components(problem, optimum), n, generator), (optimum,)
    components, optima = [], []
    for sd, log_weight in zip(problem.drift_sds, problem.drift_log_weights, strict=True):
        single, best = under_one_drift(problem, optimum, float(sd))
        optima.append(best)
        if not best.failed_tests:
            components += [
                replace(component, log_share=component.log_share + log_weight)
                for component in laplace_components(single, best)
            ]
    return around(problem, components, n, generator), tuple(optima)


def under_one_drift(problem: FitProblem, optimum: Optimum, sd: float) -> tuple[FitProblem, Optimum]:
    """The problem with a drift of this SD alone, and its optimum from that without drift."""
    single = replace(problem, drift_sds=np.array([sd]), drift_log_weights=np.zeros(1))
    return single, optimum if sd == 0.0 else explore(single, [*optimum.modes])


def minus_two_log_likelihood(problem: FitProblem, best: Optimum) -> float:
    """-2 log posterior at the optimum less the prior's part."""
    known = np.isfinite(problem.sd)
    gaps = (best.x[known] - problem.mu[known]) / problem.sd[known]
    return float(best.objective - np.sum(gaps**2 + np.log(2.0 * np.pi) + 2.0 * np.log(problem.sd[known])))


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """The fitted structure: its problem averaged over drift, draws, the optimum and prior weight of each SD of it."""

    problem: FitProblem
    draws: Draws
    optima: tuple[Optimum, ...]
    prior: tuple[float, ...]


def draw_fitted(
    problem: FitProblem,
    optimum: Optimum,
    n: int,
    generator: np.random.Generator,
    *,
    drift: tuple[float, ...],
    around: Around = draw_around,
) -> Own:
    """Draws of the fitted structure, n or more. drift: prior weight of each of DRIFT_SDS, or of the first alone."""
    drifting = with_drift(problem, DRIFT_SDS[: len(drift)], drift)
    draws, optima = draw_structure(drifting, optimum, n, generator, around)
    return Own(problem=drifting, draws=draws, optima=optima, prior=drift)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """draws: of the fitted structure. averaged: of all structures and drift. alternatives: what each weighs."""

    draws: Draws
    averaged: Averaged
    alternatives: tuple[Alternative, ...]


def averaged_posterior(
    own: Own,
    others: list[Candidate],
    n: int,
    streams: Sequence[np.random.Generator],
    around: Around = draw_around,
) -> Posterior:
    """n draws of equal weight over the fitted structure, with and without drift, and the others (none: it alone).

    Each structure has a random stream of its own, and the pooling has the last one.
    """
    log_own = float(np.log(sum(own.prior)) + own.draws.log_marginal)
    laplace = [_log(c.prior_weight) + laplace_log_marginal(c.problem, c.optimum) for c in others]
    laplace = [
        value if np.isfinite(value) and not c.optimum.failed_tests else -np.inf
        for value, c in zip(laplace, others, strict=True)
    ]
    total = float(log_sum(np.array([log_own, *laplace])))
    drawn: list[Draws | None] = []
    for value, c, stream in zip(laplace, others, streams[:-1], strict=True):
        share = float(np.exp(value - total))
        n_here = min(n, max(int(DRAWN_PER_KEPT * share * n), LEAST_DRAWS))
        matters = share > NEGLIGIBLE
        drawn.append(draw_structure(c.problem, c.optimum, n_here, stream, around)[0] if matters else None)
    scores: list[float] = [
        log_own,
        *(
            value if one is None else _log(c.prior_weight) + one.log_marginal
            for value, one, c in zip(laplace, drawn, others, strict=True)
        ),
    ]
    shares = normalised_weights(scores)
    parts = [(own.draws, float(shares[0]), own.problem.kind)]
    parts += [
        (one, float(share), c.problem.kind)
        for one, share, c in zip(drawn, shares[1:], others, strict=True)
        if one is not None
    ]
    averaged = pooled(parts, own.problem.drift_sds, n, streams[-1])
    return Posterior(draws=own.draws, averaged=averaged, alternatives=posterior_rows(own, others, shares, scores))


def normalised_weights(scores: list[float]) -> Floats:
    each = np.array(scores)
    return np.asarray(np.exp(each - log_sum(each)), dtype=float)


def _log(weight: float) -> float:
    return float(np.log(weight)) if weight > 0 else -np.inf


def pooled(parts: list[tuple[Draws, float, int]], sds: Floats, n: int, generator: np.random.Generator) -> Averaged:
    """n draws of equal weight from several structures, each with its share and its kind of error, in random order;
    sds (k,): of the drift of the first one."""
    of_drift = parts[0][0].drift_shares
    weights = np.concatenate([share * draws.weights for draws, share, _ in parts])
    kinds = np.repeat([kind for *_, kind in parts], [draws.weights.size for draws, *_ in parts]).astype(np.int8)
    found = np.searchsorted(np.cumsum(weights) / weights.sum(), (np.arange(n) + 0.5) / n)
    places = np.asarray(np.minimum(found, weights.size - 1), dtype=np.int64)
    theta = np.concatenate([draws.theta for draws, *_ in parts])[places]
    own = places < of_drift.shape[0]
    shares = np.cumsum(of_drift[places[own]], axis=1)
    level = (generator.random((shares.shape[0], 1)) > shares).sum(axis=1)
    drift_sd = np.zeros(n)
    drift_sd[own] = sds[np.minimum(level, sds.size - 1)]
    order = generator.permutation(n)
    counted = [draws for draws, share, _ in parts if share > TO_BE_TRUSTED]
    return Averaged(
        theta=theta[order],
        drift_sd=drift_sd[order],
        source=places[order],
        kind=kinds[places][order],
        method="; ".join(dict.fromkeys(draws.method for draws in counted)),
        pareto_k=worst([draws.pareto_k for draws in counted]),
        r_hat=worst([draws.r_hat for draws in counted]),
        trusted=all(draws.trusted for draws in counted),
    )


def worst(values: list[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return max(known, default=float("nan"))


def posterior_rows(own: Own, others: list[Candidate], shares: Floats, scores: list[float]) -> tuple[Alternative, ...]:
    """What each structure and SD of the drift weighs: shares of the fitted structure and the others, and their logs."""
    rows = _own_rows(own, np.asarray(shares[0] * (own.draws.weights @ own.draws.drift_shares)))
    return (*rows, *_other_rows(others, shares[1:], scores[1:]))


def _own_rows(own: Own, weights: Floats) -> list[Alternative]:
    """The fitted structure, a row for each SD of the drift; weights (k,): of each in the averaged posterior."""
    rows = []
    problem = own.problem
    for sd, best, log_weight, weight, prior_weight in zip(
        problem.drift_sds, own.optima, problem.drift_log_weights, weights, own.prior, strict=True
    ):
        share = float(weight / weights.sum())
        single = replace(problem, drift_sds=np.array([sd]), drift_log_weights=np.zeros(1))
        rows.append(
            Alternative(
                model=problem.model,
                drift_sd=float(sd),
                problem=single,
                x=best.x,
                objective=best.objective,
                minus_two_log_likelihood=minus_two_log_likelihood(single, best),
                prior_weight=prior_weight,
                log_marginal=float(own.draws.log_marginal + _log(share) - log_weight),
                weight=float(weight),
                failed_tests=best.failed_tests,
                note="",
            )
        )
    return rows


def _other_rows(others: list[Candidate], shares: Floats, scores: list[float]) -> list[Alternative]:
    return [
        Alternative(
            model=c.problem.model,
            drift_sd=0.0,
            problem=c.problem,
            x=c.optimum.x,
            objective=c.optimum.objective,
            minus_two_log_likelihood=minus_two_log_likelihood(c.problem, c.optimum),
            prior_weight=c.prior_weight,
            log_marginal=score - _log(c.prior_weight) if c.prior_weight > 0 else float("nan"),
            weight=float(share),
            failed_tests=c.optimum.failed_tests,
            note=c.note,
        )
        for c, share, score in zip(others, shares, scores, strict=True)
    ]


def unaveraged(problem: FitProblem, optimum: Optimum, others: list[Candidate], draws: Draws) -> Posterior:
    """Without a prior: draws of the fitted structure alone; the others are weighed by AICc (none where n <= p + 2)."""
    every = [Candidate(problem=problem, optimum=optimum, prior_weight=1.0, note=""), *others]
    scores = np.array([aicc_score(c.problem, c.optimum) if c.prior_weight > 0 else -np.inf for c in every])
    weights = np.exp(scores - log_sum(scores)) if np.isfinite(scores).any() else np.full(scores.size, np.nan)
    averaged = Averaged(
        theta=draws.theta,
        drift_sd=np.zeros(draws.theta.shape[0]),
        source=np.arange(draws.theta.shape[0]),
        kind=np.full(draws.theta.shape[0], problem.kind, dtype=np.int8),
        method=draws.method,
        pareto_k=draws.pareto_k,
        r_hat=draws.r_hat,
        trusted=True,
    )
    rows = _other_rows(every, weights, [float("nan")] * len(every))
    return Posterior(
        draws=draws, averaged=averaged, alternatives=tuple(replace(row, prior_weight=float("nan")) for row in rows)
    )


def aicc_score(problem: FitProblem, optimum: Optimum) -> float:
    """-AICc/2; -inf where there are too few samples for it or the fit did not converge."""
    n, p = problem.day.size, optimum.x.size
    if n <= p + 2 or optimum.failed_tests:
        return -np.inf
    return float(-0.5 * (optimum.objective + 2 * p + 2 * p * (p + 1) / (n - p - 1)))
