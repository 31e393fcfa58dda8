"""How a cohort is to be fitted: every choice, its default and what it may be."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from igkinetics.choices import nearest, type_problems
from igkinetics.errors import InputError, Problem
from igkinetics.units import INTERVAL_LEVEL as INTERVAL_LEVEL

if TYPE_CHECKING:
    from igkinetics.fit.weights import AverageWeights

DEFAULT_CARD: Final = "adult_b_cell_depletion"

STACK: Final = "stack"
"""In place of a card: several, mixed by their weights."""
PRIORS: Final = ("card", "none")
RESIDUALS: Final = ("normal", "lognormal", "student_t")
ENGINES: Final = ("auto", "lmfit", "batch")
INTERVALS: Final = ("draws", "laplace")
COHORT, ALONE = "cohort", "alone"
AVERAGES: Final = (COHORT, ALONE)
AVERAGED: Final = ("no_drift", "drift_0.25", "drift_0.4", "unlike_card", "heavy_tails", "other_structures")
"""What the average is over: the fitted structure without drift and with each SD of it, in a patient unlike those of the
card, and with heavy-tailed errors; and all other structures."""
SUM_TO: Final = 1e-6
MOST_CROSS_CHECKED: Final = 300
"""Patients up to whom "auto" lets lmfit fit each of them once more."""


FIXABLE: Final = ("CL", "V1", "Q", "V2", "ka", "F", "C_base", "C_init", "C_init_ratio", "S", "k_loss", "k_rec")
RANGES: Final = {
    "S": "from 0 to 1",
    "F": "above 0, at most 1",
    "k_loss": "0 or above (inf: lost at once)",
    "k_rec": "0 or above",
    "Q": "0 or above",
    "C_base": "0 or above",
    "C_init": "0 or above",
}
"""Others are above 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """Choices of a per-patient fit. InputError names every choice that cannot be carried out.

    card: id of a model card or path of a card file, or "stack": those of `weights` (card -> weight), mixed.
    prior: "card", "none", or a card file (such as the population.toml that `population` writes), then the card.
    structure: disposition/production, one of kinetics.parameters.STRUCTURES, alone; None means the default there,
    averaged with the other structures.
    fix: parameters held at values, as the parameters table shows them: C_base and C_init in the cohort's unit, others
    in L, L/day, 1/day. Volumes and Q hold for the disposition of `structure`; the other keeps the card's.
    drift: averaged, too, over a drift of the course around the curve.
    average: whose records say how much structures and drift weigh in advance: the "cohort"'s, which move the assumed
    weights, or those of each patient "alone". average_weights: these weights, as the run record of a fit names them.
    window: days (first, last) replacing each patient's own window. thresholds: IgG in the cohort's unit.
    draws: per patient; bands of curves rest on 400 of them, and the file
    of draws holds all of them, thinned beyond 2,000 of a patient and two million in all. level: of every interval, as a
    fraction. jobs: patients fitted at a time.
    engine: "lmfit" fits each patient by the compiled optimiser and by lmfit, "batch" by the first alone; "auto" is
    lmfit up to 300 patients, then batch. intervals: "draws" of the posterior, or "laplace": points made from
    its normal approximation around each optimum and weighed by it, at most 400 of a patient, for registries.

    >>> import igkinetics as igk
    >>> igk.FitOptions(thresholds=(400,), window=(0, 120)).structure is None
    True
    """

    card: str = DEFAULT_CARD
    weights: dict[str, float] = field(default_factory=dict)
    prior: str = "card"
    structure: str | None = None
    drift: bool = True
    average: str = COHORT
    average_weights: dict[str, float] = field(default_factory=dict)
    residual: str = "normal"
    window: tuple[float, float] | None = None
    thresholds: tuple[float, ...] = ()
    draws: int = 2000
    profile: bool = False
    fix: dict[str, float] = field(default_factory=dict)
    engine: str = "auto"
    intervals: str = "draws"
    level: float = INTERVAL_LEVEL
    seed: int = 1
    jobs: int = 2

    def __post_init__(self) -> None:
        if isinstance(self.prior, str) and self.prior.endswith(".toml") and self.card in (DEFAULT_CARD, self.prior):
            object.__setattr__(self, "card", self.prior)
            object.__setattr__(self, "prior", "card")
        problems = type_problems(self) or [
            *self._choice_problems(),
            *self._number_problems(),
            *fixed_problems(self.fix, self.structure),
            *stack_problems(self.card, self.weights),
            *self._stack_problems(),
            *self._laplace_problems(),
        ]
        if problems:
            raise InputError(problems)

    def _choice_problems(self) -> list[Problem]:
        from igkinetics.kinetics.parameters import STRUCTURES  # here, for help must not wait for numpy

        choices = [
            ("prior", self.prior, PRIORS),
            ("residual", self.residual, RESIDUALS),
            ("engine", self.engine, ENGINES),
            ("intervals", self.intervals, INTERVALS),
            ("average", self.average, AVERAGES),
        ]
        if self.prior.endswith(".toml"):
            return [_problem("prior", self.prior, f"left out beside another card: {self.card} gives the prior already")]
        if self.structure is not None:
            choices.append(("structure", self.structure, STRUCTURES))
        return [_unknown(name, value, known) for name, value, known in choices if value not in known]

    def _number_problems(self) -> list[Problem]:
        problems = []
        if self.window is not None and not -math.inf < self.window[0] < self.window[1] < math.inf:
            problems.append(_problem("window", "{:g}:{:g}".format(*self.window), "two days A:B, A before B"))
        problems += [
            _problem("thresholds", value, "an IgG level above 0, in the cohort's unit")
            for value in self.thresholds
            if not 0 < value < math.inf
        ]
        problems += average_problems(self.average_weights)
        if not 0 < self.level < 1:
            problems.append(_problem("level", self.level, "a fraction between 0 and 1, such as 0.95"))
        if self.draws < 100:
            problems.append(_problem("draws", self.draws, "100 or more, or intervals mean nothing"))
        if self.jobs < 1:
            problems.append(_problem("jobs", self.jobs, "1 or more"))
        if self.seed < 0:
            problems.append(_problem("seed", self.seed, "0 or more"))
        return problems

    def _stack_problems(self) -> list[Problem]:
        if self.card == STACK and self.prior == "none":
            return [_problem("prior", self.prior, "card: a stack mixes what several cards say")]
        return []

    def _laplace_problems(self) -> list[Problem]:
        if self.intervals == "laplace" and self.prior == "none":
            words = "draws with prior=none: a likelihood alone may have no normal approximation"
            return [_problem("intervals", self.intervals, words)]
        return []

    def cross_checked(self, n_patients: int) -> bool:
        """Whether lmfit fits every patient of a cohort of this size once more."""
        return self.engine == "lmfit" or (self.engine == "auto" and n_patients <= MOST_CROSS_CHECKED)

    def in_chunks(self, n_patients: int) -> bool:
        """Whether a cohort of this size is fitted in chunks by compiled code (see fit/batch); a patient alone, as in
        the app, is not."""
        plain = self.prior == "card" and self.structure is None and self.residual == "normal" and self.card != STACK
        several = self.intervals == "laplace" or n_patients > 1
        return several and plain and not self.cross_checked(n_patients) and not self.profile and not self.fix

    @property
    def prior_weights(self) -> AverageWeights:
        """Of the average over structures and drift."""
        from igkinetics.fit.weights import FIT, named  # here, for help must not wait for numpy

        return named(self.average_weights) if self.average_weights else FIT

    @property
    def cards(self) -> dict[str, float]:
        """Every card with its share of the draws."""
        return shares_of(self.card, self.weights)

    def record(self) -> dict[str, Any]:
        """The choices for the run record; a card given as a file is named without its folder."""
        weights = {Path(card).name: weight for card, weight in self.weights.items()}
        return asdict(self) | {"card": Path(self.card).name, "weights": weights, "thresholds": list(self.thresholds)}


def average_problems(weights: dict[str, float]) -> list[Problem]:
    """What is wrong with weights of the average that were given."""
    if not weights:
        return []
    if weights.keys() != {*AVERAGED}:
        return [_problem("average_weights", ", ".join(weights), f"weights of {', '.join(AVERAGED)}, and of no other")]
    if min(weights.values()) > 0 and abs(sum(weights.values()) - 1.0) < SUM_TO:
        return []
    found = ", ".join(f"{name} {weight:g}" for name, weight in weights.items())
    return [_problem("average_weights", found, "numbers above 0 that add up to 1")]


def shares_of(card: str, weights: dict[str, float]) -> dict[str, float]:
    """Card -> share, one or those of a stack; none with a share of 0."""
    if card != STACK:
        return {card: 1.0}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items() if weight > 0}


def stack_problems(card: str, weights: dict[str, float]) -> list[Problem]:
    """What is wrong with the weights of a stack, or with a stack without any."""
    if (card == STACK) != bool(weights):
        words = 'given with card="stack": the weights of `evaluate`, card -> weight'
        return [_problem("weights", weights or "none", words)]
    found = [
        _problem(f"weights {name}", weight, "0 or more")
        for name, weight in weights.items()
        if not 0 <= weight < math.inf
    ]
    if weights and not found and not sum(weights.values()) > 0:
        found.append(_problem("weights", "0 in all", "above 0 for one card at least"))
    return found


def fixed_problems(fix: dict[str, float], structure: str | None) -> list[Problem]:
    """What is wrong with parameters to be fixed: unknown, without a part in the structure, or out of their range."""
    from igkinetics.kinetics.parameters import STRUCTURES, needed_parameters

    problems = []
    read = needed_parameters(*structure.split("/")) if structure in STRUCTURES and structure is not None else FIXABLE
    for name, value in fix.items():
        if name not in FIXABLE:
            problems.append(_problem(f"fix {name}", value, f"one of {', '.join(FIXABLE)}{_nearest_parameter(name)}"))
        elif name not in (*read, "C_init", "C_init_ratio", "ka", "F"):
            problems.append(_problem(f"fix {name}", f"{value:g}", f"part of the structure: {structure} has no {name}"))
        elif not _allowed(name, value):
            problems.append(_problem(f"fix {name}", f"{value:g}", RANGES.get(name, "above 0")))
    if {"C_init", "C_init_ratio"} <= fix.keys():
        problems.append(_problem("fix", "C_init, C_init_ratio", "one of the two: the ratio is C_init over C_base"))
    return problems


def _nearest_parameter(name: str) -> str:
    """Names are so short that one letter in two may be wrong, or in the other case."""
    asked = name.lower()
    closeness = {
        known: (SequenceMatcher(a=asked, b=known.lower()).ratio(), known.lower()[:1] == asked[:1]) for known in FIXABLE
    }
    best = max(FIXABLE, key=closeness.__getitem__)
    return f" (did you mean {best}?)" if closeness[best][0] >= 0.5 else ""


def _allowed(name: str, value: float) -> bool:
    if name in ("S", "F"):
        return (0 if name == "S" else 1e-9) <= value <= 1
    if name == "k_loss" and value == math.inf:
        return True
    return (value >= 0 if name in RANGES else value > 0) and math.isfinite(value)


def _problem(option: str, found: object, expected: str) -> Problem:
    return Problem(file="call", column=option, found=str(found), expected=f"must be {expected}")


def _unknown(option: str, found: str, known: tuple[str, ...]) -> Problem:
    return _problem(option, found, f"one of {', '.join(known)}{nearest(found, known)}")
