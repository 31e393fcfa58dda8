"""Without a prior: what a record cannot say, and estimates that lie at a bound (docs/model.md 3.8).

A likelihood need not have its maximum inside: S may be best at 0 or 1, loss at once, recovery never. Such a parameter
is set to its bound and the others are estimated; its interval is one-sided, by the profile. Parameters between which
the likelihood does not decide are named, and one of them is held at the card's typical value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from igkinetics.cards.prior import PatientPrior
from igkinetics.cohort.model import Patient
from igkinetics.fit.chains import run_chains
from igkinetics.fit.importance import GOOD_PARETO_K, METHOD, Component, cholesky, sample_in_rounds
from igkinetics.fit.minimise import Optimum, explore, first_guesses
from igkinetics.fit.posterior import Draws
from igkinetics.fit.problem import FitProblem
from igkinetics.fit.profile import held_at
from igkinetics.kinetics.parameters import PARAMETER_UNITS, Floats
from igkinetics.scales import SHARES, from_scale, scale_of, to_scale

BOUND_DISTANCE: Final = 7.0
"""An estimate exp(7), about 1,100-fold, off the card's typical value (or as far in logit) has run away."""
FLAT: Final = 3.5
"""A standard error, on the scale of estimation, from which the data are said not to limit a parameter."""
SUSPECT: Final = 1.5
"""A standard error from which its bounds are tried."""
AS_GOOD: Final = 0.005
"""Of -2 log likelihood: a bound that costs no more is the optimum."""
ALLOWED: Final = 0.5
"""Of -2 log likelihood: what holding a parameter at the card's value may cost where the data are said to be silent."""
FLATTEST: Final = 1e-4
"""Curvature below which a direction counts as flat altogether."""
DRAWN_WITHIN: Final = 4.0
"""Draws stay within so much of the card's typical value (55-fold), or 2 beyond the estimate where that lies farther."""
LEAST_DRAWS: Final = 1500
"""Of the rounds, however few are kept: the likelihood alone has awkward shapes."""
FAR_OUT: Final = 1e6
"""-2 log likelihood of draws beyond."""
IDLE_WITHOUT_SHARE: Final = ("k_loss", "k_rec")
HELD_FIRST: Final = ("C_init", "k_rec", "k_loss", "ka", "F", "V1", "S", "CL", "C_base")
"""Of parameters that cannot be told apart the first is held."""
MEMBER: Final = 0.3
"""Share of a flat direction from which a parameter belongs to it."""
TELLS_APART: Final = 3.84
"""By so much -2 log likelihood has to fall for samples before therapy to tell C_init from C_base."""
RIDGE: Final = 0.25
"""Precision lent to flat directions, on estimation scales, where a curvature has to be inverted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtBound:
    """A parameter whose likelihood is highest at an end of its scale. x: where its profile starts."""

    name: str
    value: float
    x: float
    above: bool

    @property
    def runs_away(self) -> bool:
        """Whether the value is no limit of the model, only where the search has stopped."""
        return not (np.isinf(self.value) or self.value == 0.0 or self.name in SHARES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """A parameter held at a natural value: the data do not tell it from the others named (none: they say nothing)."""

    name: str
    value: float
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Identified:
    """What can be estimated: `problem` with its optimum inside; `open_problem`, in which those at a bound are free."""

    problem: FitProblem
    optimum: Optimum
    open_problem: FitProblem
    at_bound: tuple[AtBound, ...]
    alike: tuple[Alike, ...]

    def open_optimum(self) -> Optimum:
        """The optimum in the open problem, with a curvature that can be inverted."""
        known = dict(zip(self.problem.names, self.optimum.x, strict=True)) | {one.name: one.x for one in self.at_bound}
        x = np.array([known[name] for name in self.open_problem.names])
        hessian = self.open_problem.hessian(x)
        hessian = np.where(np.isfinite(hessian), hessian, 0.0)
        values, vectors = np.linalg.eigh(hessian)
        positive = (vectors * np.maximum(values, 0.0)) @ vectors.T + 2.0 * RIDGE * np.eye(x.size)
        return replace(self.optimum, x=x, hessian=positive, modes=(x,))

    def start_of(self, problem: FitProblem, x: Floats) -> Floats:
        """Where the search of the whole problem starts again, from x of the open one."""
        known = dict(zip(self.open_problem.names, x, strict=True))
        known |= {one.name: to_scale(one.value, scale_of(one.name)) for one in self.alike}
        return np.array([known[name] for name in problem.names])


def what_no_sample_shows(patient: Patient, prior: PatientPrior) -> dict[str, tuple[float, str]]:
    """Parameters on which a record of this kind says nothing, whatever its levels: value to hold each at, and why."""
    days = patient.sample_day[patient.sample_day <= patient.follow_up_end]
    last = float(days[-1]) if days.size else -np.inf
    found: dict[str, tuple[float, str]] = {}
    if not np.any(patient.dose_day < last):
        found["V1"] = (prior.typical["V1"], "no infusion before the last sample, and so levels show CL/V1 alone")
    started = patient.therapy_start < last
    if started.any() and patient.therapy_stop[0] >= last:
        found["k_rec"] = (0.0, "therapy does not pause before the last sample")
    elif not started.any():
        why = "no therapy before the last sample"
        found |= {name: (prior.typical[name], why) for name in ("S", "k_loss", "k_rec")}
    return {name: value for name, value in found.items() if name not in prior.held and prior.sd(name) > 0}


def guide(patient: Patient, prior: PatientPrior, *, start_apart: bool) -> PatientPrior:
    """The prior as a guide alone: what no sample can show is held, and C_init keeps near C_base unless start_apart."""
    for name, (value, why) in what_no_sample_shows(patient, prior).items():
        prior = prior.held_at({name: value}, why)
    return replace(prior, kept=frozenset() if start_apart or "C_base" in prior.held else frozenset({"C_init"}))


def before_therapy(patient: Patient) -> int:
    """How many samples lie before therapy."""
    return int(np.sum(patient.sample_day < min([np.inf, *patient.therapy_start[:1]])))


def starts_apart(together: FitProblem, apart: FitProblem) -> bool:
    """Whether samples tell C_init from C_base: the likelihood of the two apart is much higher."""
    near, free = (explore(problem, first_guesses(problem)) for problem in (together, apart))
    place = together.names.index("C_init")
    of_spread = float(np.log(2.0 * np.pi * together.sd[place] ** 2))
    return bool(near.objective - of_spread - free.objective > TELLS_APART)


def identified(problem: FitProblem, guesses: list[Floats]) -> Identified:
    """The problem reduced until its optimum lies inside and the data limit every parameter left."""
    open_problem = problem
    at_bound: list[AtBound] = []
    alike: list[Alike] = []
    optimum = explore(problem, guesses)
    while len(problem.names) > 1:
        known = dict(zip(problem.names, optimum.x, strict=True))
        errors = standard_errors(optimum)
        found = at_a_bound(problem, optimum, errors)
        if found is not None:
            bound, problem, optimum = found
            at_bound.append(bound)
            idle = IDLE_WITHOUT_SHARE if (bound.name, bound.value) == ("S", 0.0) else ()
            dropped = [Alike(name=name, value=typical(problem, name), others=()) for name in idle if name in known]
        elif flat := flat_direction(problem, optimum, errors):
            first = min(flat, key=HELD_FIRST.index)
            value = value_to_hold(problem, optimum, first)
            dropped = [Alike(name=first, value=value, others=tuple(name for name in flat if name != first))]
        else:
            break
        for one in dropped:
            alike.append(one)
            problem, open_problem = without(problem, one.name, one.value), without(open_problem, one.name, one.value)
        start = np.array([known[name] for name in problem.names])
        optimum = explore(problem, [start, *first_guesses(problem)])
    return Identified(
        problem=problem, optimum=optimum, open_problem=open_problem, at_bound=tuple(at_bound), alike=tuple(alike)
    )


def without(problem: FitProblem, name: str, value: float) -> FitProblem:
    return held_at(problem, problem.names.index(name), value)


def typical(problem: FitProblem, name: str) -> float:
    """The card's value of an estimated parameter, natural; of C_init its ratio to C_base."""
    return from_scale(float(problem.mu[problem.names.index(name)]), scale_of(name))


def value_to_hold(problem: FitProblem, optimum: Optimum, name: str) -> float:
    """The card's value where the data allow it, else the one found, no farther off than BOUND_DISTANCE."""
    value = typical(problem, name)
    reduced = without(problem, name, value)
    start = np.delete(optimum.x, problem.names.index(name))
    if explore(reduced, [start, *first_guesses(reduced)]).objective < optimum.objective + ALLOWED:
        return value
    place = problem.names.index(name)
    off = np.clip(optimum.x[place] - problem.mu[place], -BOUND_DISTANCE, BOUND_DISTANCE)
    return from_scale(float(problem.mu[place] + off), scale_of(name))


def standard_errors(optimum: Optimum) -> Floats:
    """On the scales of estimation; infinite where the curvature is not finite, large where it is flat."""
    if "finite" in optimum.failed_tests:
        return np.full(optimum.x.size, np.inf)
    values, vectors = np.linalg.eigh(0.5 * optimum.hessian)
    return np.sqrt((vectors**2) @ (1.0 / np.maximum(values, FLATTEST)))


def at_a_bound(problem: FitProblem, optimum: Optimum, errors: Floats) -> tuple[AtBound, FitProblem, Optimum] | None:
    """The first parameter whose bound is as good as the optimum, and the problem and optimum with it set there.

    A parameter of which both ends are as good is not at a bound: the data say nothing on it.
    """
    for index, name in enumerate(problem.names):
        off = float(optimum.x[index] - problem.mu[index])
        if abs(off) < BOUND_DISTANCE and errors[index] < SUSPECT and not optimum.failed_tests:
            continue
        tried = []
        for side in (-1.0, 1.0):
            value = end_of_scale(problem, index, side)
            reduced = held_at(problem, index, value)
            start = np.delete(optimum.x, index)
            best = explore(reduced, [start, *first_guesses(reduced)])
            edge = float(problem.mu[index] + side * BOUND_DISTANCE)
            tried.append(
                (
                    best.objective - optimum.objective,
                    AtBound(name=name, value=value, x=edge, above=side > 0),
                    reduced,
                    best,
                )
            )
        as_good = [one for one in tried if one[0] < AS_GOOD]
        if len(as_good) == 1:
            return as_good[0][1:]
        if not as_good and abs(off) > BOUND_DISTANCE:
            value = from_scale(float(optimum.x[index]), scale_of(name))
            reduced = held_at(problem, index, value)
            best = explore(reduced, [np.delete(optimum.x, index)])
            return AtBound(name=name, value=value, x=float(optimum.x[index]), above=off > 0), reduced, best
    return None


def end_of_scale(problem: FitProblem, index: int, side: float) -> float:
    """The end on one side of a parameter's scale: the model's own limit, else a value that lies as far off as any."""
    name = problem.names[index]
    if name in SHARES:
        return 0.0 if side < 0 else 1.0
    if name == "k_loss" and side > 0:
        return np.inf
    if name == "k_rec" and side < 0:
        return 0.0
    return float(np.exp(problem.mu[index] + side * BOUND_DISTANCE))


def flat_direction(problem: FitProblem, optimum: Optimum, errors: Floats) -> tuple[str, ...]:
    """Parameters that make up the flattest direction of the likelihood; none where the data limit each of them."""
    if np.max(errors) < FLAT:
        return ()
    if "finite" in optimum.failed_tests:
        return problem.names
    _, vectors = np.linalg.eigh(optimum.hessian)
    flattest = np.abs(vectors[:, 0])
    return tuple(name for name, share in zip(problem.names, flattest, strict=True) if share > MEMBER)


def draws_of_likelihood(found: Identified, n: int, generator: np.random.Generator) -> Draws:
    """n draws of equal weight in proportion to the likelihood: flat in logs within DRAWN_WITHIN, in S and F themselves.

    Parameters at a bound are drawn too, so that intervals of levels hold what a one-sided interval leaves open.
    """
    problem, optimum = found.open_problem, found.open_optimum()
    shares = np.array([name in SHARES for name in problem.names])
    off = optimum.x - problem.mu
    ends = np.array([name in {one.name for one in found.at_bound} for name in problem.names])
    reach = np.maximum(DRAWN_WITHIN, np.where(ends, 0.0, np.abs(off) + 2.0))

    def target(x: Floats) -> Floats:
        z = x[:, shares]
        values = problem.values(x) + 2.0 * np.sum(np.logaddexp(0.0, z) + np.logaddexp(0.0, -z), axis=1)
        beyond = np.any(np.abs(x - problem.mu) > reach, axis=1)
        return np.where(beyond | np.isnan(values), FAR_OUT, values)

    first = []
    for depth in (1.0, 0.5):
        centre = np.where(ends, problem.mu + np.sign(off) * depth * DRAWN_WITHIN, optimum.x)
        inner = inside(found, centre, ends)
        values, vectors = np.linalg.eigh(problem.hessian(inner))
        root = vectors / np.sqrt(np.maximum(0.5 * values, RIDGE))
        first.append(Component(centre=inner, root=cholesky(root @ root.T), log_share=0.0))
    tried = max(n, LEAST_DRAWS)
    with np.errstate(divide="ignore", invalid="ignore"):  # a tail of weights of 0 has no shape: k is nan then
        sampled = sample_in_rounds(target, first, tried, generator)
        chained = run_chains(target, sampled, tried, generator) if not sampled.pareto_k <= GOOD_PARETO_K else None
    x = sampled.x if chained is None else chained.x
    shares_of_weight = np.cumsum(sampled.weights) if chained is None else np.arange(1, tried + 1) / tried
    kept = np.minimum(np.searchsorted(shares_of_weight, (np.arange(n) + 0.5) / n), x.shape[0] - 1)
    estimated = [problem.names.index(name) for name in found.problem.names]
    own = generator.permutation(kept)
    return Draws(
        x=x[own][:, estimated],
        theta=problem.thetas(x[own]),
        weights=np.full(n, 1.0 / n),
        pareto_k=sampled.pareto_k if chained is None else float("nan"),
        log_marginal=float("nan"),
        method=METHOD if chained is None else "Markov chains",
        drift_shares=np.ones((n, 1)),
        best=x[[int(np.nanargmin(problem.values(x)))]],
        r_hat=float("nan") if chained is None else chained.r_hat,
        trusted=chained is None or chained.trusted,
    )


def inside(found: Identified, x: Floats, ends: npt.NDArray[np.bool_]) -> Floats:
    """x with the parameters at a bound as they are, and all others estimated again beside them."""
    problem = found.open_problem
    for index in np.flatnonzero(ends)[::-1]:
        problem = held_at(problem, int(index), from_scale(float(x[index]), scale_of(problem.names[index])))
    best = x.copy()
    if not ends.all():
        best[~ends] = problem.minimum_from(x[~ends])[0]
    return best


def said_of_bounds(at_bound: tuple[AtBound, ...], alike: tuple[Alike, ...]) -> str:
    """In words: what lies at a bound, and what the data do not tell apart; empty when every parameter is estimated."""
    words = [f"{one.name} {bound_words(one)}" for one in at_bound]
    words += [alike_words(one) for one in alike]
    return "; ".join(words)


def bound_words(one: AtBound) -> str:
    if one.runs_away:
        return f"runs towards {'infinity' if one.above else '0'}"
    return "at its bound: infinite" if np.isinf(one.value) else f"at its bound {one.value:g}"


def alike_words(one: Alike) -> str:
    unit = PARAMETER_UNITS[one.name] if one.name != "C_init" else "1"
    held = f"held at {one.value:.3g}" + (f" {unit}" if unit != "1" else "")
    if one.name == "C_init":
        return "C_init and C_base cannot be told apart: C_init held at C_base; fix one, --fix C_init=LEVEL"
    if one.others:
        names = " and ".join([one.name, *one.others])
        return f"{names} cannot be told apart: {one.name} {held}; fix one, --fix {one.name}=VALUE"
    return f"the data do not limit {one.name}: {held} (--fix {one.name}=VALUE)"
