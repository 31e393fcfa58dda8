"""How a population is to be fitted: every choice, its default and what it may be."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from igkinetics.choices import nearest, type_problems
from igkinetics.errors import InputError, Problem
from igkinetics.fit.options import DEFAULT_CARD, RESIDUALS
from igkinetics.units import INTERVAL_LEVEL

METHODS: Final = ("focei", "exact")
VARIABLE: Final = ("CL", "k", "V1", "C_base", "S")
"""Parameters that may vary between occasions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationOptions:
    """Choices of a population fit by maximum likelihood. InputError names every choice that cannot be carried out.

    card: id or path of the card that gives structure, covariate effects, what varies, and where the search starts.
    method: "focei" (Laplace's approximation with the expected information), or "exact" (then the integral itself).
    correlated: Omega with covariances. rate: k = CL/V in place of CL. estimate, fix: parameters whose typical value is
    estimated, or held at the card's; no_random: those that shall not vary. covariate: effects such as "CL:sex" or
    "V1:age_y:exponential"; test_covariate: columns tried on every parameter, one at a time.
    beside: other models of the same patients, each a change of this one: "correlated", "residual=lognormal",
    "structure=one_compartment/step_loss", "no_random=S", "covariate=CL:sex"; "search" stands for several.
    iov: parameters that vary between occasions too; occasion: what begins one, a number of days, "dose", "therapy"
    (each course), or a column of the covariates table.

    >>> from igkinetics.population.options import PopulationOptions
    >>> PopulationOptions(correlated=True).method
    'focei'
    """

    card: str = DEFAULT_CARD
    structure: str | None = None
    method: str = "focei"
    residual: str = "normal"
    correlated: bool = False
    rate: bool = False
    estimate: tuple[str, ...] = ()
    fix: tuple[str, ...] = ()
    no_random: tuple[str, ...] = ()
    covariate: tuple[str, ...] = ()
    test_covariate: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    iov: tuple[str, ...] = ()
    occasion: str = ""
    simulations: int = 500
    level: float = INTERVAL_LEVEL
    seed: int = 1
    jobs: int = 2

    def __post_init__(self) -> None:
        problems = type_problems(self) or [*self._problems()]
        if problems:
            raise InputError(problems)

    def _problems(self) -> list[Problem]:
        from igkinetics.kinetics.parameters import PARAMETERS, STRUCTURES  # here, for help must not wait for numpy

        found = []
        choices = [("method", self.method, METHODS), ("residual", self.residual, RESIDUALS)]
        if self.structure is not None:
            choices.append(("structure", self.structure, STRUCTURES))
        known = (*PARAMETERS[:11], "k")
        choices += [
            (option, name, known) for option in ("estimate", "fix", "no_random") for name in getattr(self, option)
        ]
        for option, value, allowed in choices:
            if value not in allowed:
                expected = f"must be one of {', '.join(allowed)}{nearest(value, allowed)}"
                found.append(Problem(file="call", column=option, found=value, expected=expected))
        found += [
            _problem("iov", name, f"one of {', '.join(VARIABLE)}{nearest(name, VARIABLE)}")
            for name in self.iov
            if name not in VARIABLE
        ]
        found += self._occasion_problems()
        for name in set(self.estimate) & set(self.fix):
            expected = "must not be both estimated and fixed"
            found.append(Problem(file="call", column="estimate, fix", found=name, expected=expected))
        limits = [("simulations", self.simulations >= 100, "100 or more"), ("jobs", self.jobs >= 1, "1 or more")]
        limits += [("seed", self.seed >= 0, "0 or more"), ("level", 0 < self.level < 1, "a fraction between 0 and 1")]
        found += [
            Problem(file="call", column=name, found=str(getattr(self, name)), expected=f"must be {expected}")
            for name, holds, expected in limits
            if not holds
        ]
        return found

    def _occasion_problems(self) -> list[Problem]:
        needed = bool(self.iov) or any(text.startswith("iov=") for text in self.beside)
        if needed and not self.occasion:
            return [
                _problem("occasion", "", "a number of days, dose, therapy or a column's name, for iov needs occasions")
            ]
        if self.occasion and not needed:
            return [_problem("occasion", self.occasion, "left out, or iov given: which parameter varies between them?")]
        try:
            days = float(self.occasion or 1.0)
        except ValueError:
            return []
        return [] if 0 < days < math.inf else [_problem("occasion", self.occasion, "a number of days above 0")]

    @property
    def thresholds(self) -> tuple[float, ...]:
        return ()

    def record(self) -> dict[str, Any]:
        """The choices for the run record; a card given as a file is named without its folder."""
        return asdict(self) | {"card": Path(self.card).name}


def _problem(option: str, found: str, expected: str) -> Problem:
    return Problem(file="call", column=option, found=found, expected=f"must be {expected}")
