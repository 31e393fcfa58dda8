"""How a cohort is to be fitted: every choice, its default and what it may be."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from igkinetics.choices import nearest, type_problems
from igkinetics.errors import InputError, Problem
from igkinetics.units import INTERVAL_LEVEL as INTERVAL_LEVEL

DEFAULT_CARD: Final = "adult_b_cell_depletion"

PRIORS: Final = ("card", "none")
RESIDUALS: Final = ("normal", "lognormal", "student_t")


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """Choices of a per-patient fit. InputError names every choice that cannot be carried out.

    card: id of a model card or path of a card file. structure: disposition/production, one of
    kinetics.parameters.STRUCTURES, alone; None means the default there, averaged with the other structures.
    drift: averaged, too, over a drift of the course around the curve.
    window: days (first, last) replacing each patient's own window. thresholds: IgG in the cohort's unit.
    draws: per patient; bands of curves rest on 400 of them, and the file
    of draws holds all of them, thinned beyond 2,000 of a patient and two million in all. level: of every interval, as a
    fraction. jobs: patients fitted at a time.
    """

    card: str = DEFAULT_CARD
    prior: str = "card"
    structure: str | None = None
    drift: bool = True
    residual: str = "normal"
    window: tuple[float, float] | None = None
    thresholds: tuple[float, ...] = ()
    draws: int = 2000
    profile: bool = False
    level: float = INTERVAL_LEVEL
    seed: int = 1
    jobs: int = 2

    def __post_init__(self) -> None:
        problems = type_problems(self) or [*self._choice_problems(), *self._number_problems()]
        if problems:
            raise InputError(problems)

    def _choice_problems(self) -> list[Problem]:
        from igkinetics.kinetics.parameters import STRUCTURES  # here, for help must not wait for numpy

        choices = [("prior", self.prior, PRIORS), ("residual", self.residual, RESIDUALS)]
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
        if not 0 < self.level < 1:
            problems.append(_problem("level", self.level, "a fraction between 0 and 1, such as 0.95"))
        if self.draws < 100:
            problems.append(_problem("draws", self.draws, "100 or more, or intervals mean nothing"))
        if self.jobs < 1:
            problems.append(_problem("jobs", self.jobs, "1 or more"))
        if self.seed < 0:
            problems.append(_problem("seed", self.seed, "0 or more"))
        return problems

    def record(self) -> dict[str, Any]:
        """The choices for the run record; a card given as a file is named without its folder."""
        return asdict(self) | {"card": Path(self.card).name, "thresholds": list(self.thresholds)}


def _problem(option: str, found: object, expected: str) -> Problem:
    return Problem(file="call", column=option, found=str(found), expected=f"must be {expected}")


def _unknown(option: str, found: str, known: tuple[str, ...]) -> Problem:
    return _problem(option, found, f"one of {', '.join(known)}{nearest(found, known)}")
