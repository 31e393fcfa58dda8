"""How a forecast is to be made: every choice, its default and what it may be."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from igkinetics.choices import nearest, type_problems
from igkinetics.errors import InputError, Problem
from igkinetics.fit.options import (
    AVERAGES,
    COHORT,
    DEFAULT_CARD,
    RESIDUALS,
    FitOptions,
    average_problems,
    shares_of,
    stack_problems,
)
from igkinetics.units import INTERVAL_LEVEL

NONE, PLANNED, AS_SO_FAR = "none", "planned", "as_so_far"
POLICIES: Final = (NONE, PLANNED, AS_SO_FAR)
AUTO: Final = "auto"
THERAPIES: Final = ("known", "recorded")
DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
LONGEST_HORIZON_DAY: Final = 730.0
HORIZONS: Final = f"1 to {LONGEST_HORIZON_DAY:g} days"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastOptions:
    """Choices of a forecast. InputError names every choice that cannot be carried out.

    thresholds: IgG in the cohort's unit; a forecast needs one at least. horizon_day: days ahead. until: the
    record up to this day, or date (2024-06-07), is known; None: each patient's up to the last sample. patients: these
    alone; none: all.
    therapy: with `until`, "known" (courses begun by then; one still going on goes on) or "recorded" (also what the
    record says of later days). policy: of the worklist, one of POLICIES, or "auto": as planned where doses are
    recorded after the day of the forecast, else as so far, else none. act_at: P(below) at which the next sample is
    due; lead_day: it is taken so many days or more before an infusion, so that its result can still change the dose.
    card: id or path of a model card, or "stack": those of `weights` (card -> weight), mixed. average, average_weights:
    as in FitOptions.

    >>> import igkinetics as igk
    >>> igk.ForecastOptions(thresholds=(400,), horizon_day=28).policy
    'auto'
    """

    card: str = DEFAULT_CARD
    weights: dict[str, float] = field(default_factory=dict)
    thresholds: tuple[float, ...] = ()
    horizon_day: float = 28.0
    until: float | str | None = None
    patients: tuple[str, ...] = ()
    therapy: str = "known"
    policy: str = AUTO
    act_at: float = 0.1
    lead_day: float = 1.0
    residual: str = "normal"
    average: str = COHORT
    average_weights: dict[str, float] = field(default_factory=dict)
    draws: int = 2000
    level: float = INTERVAL_LEVEL
    seed: int = 1
    jobs: int = 2

    def __post_init__(self) -> None:
        problems = type_problems(self) or [*self._words(), *self._numbers(), *stack_problems(self.card, self.weights)]
        if problems:
            raise InputError(problems)

    def _words(self) -> list[Problem]:
        choices = (
            ("therapy", self.therapy, THERAPIES),
            ("policy", self.policy, (AUTO, *POLICIES)),
            ("residual", self.residual, RESIDUALS),
            ("average", self.average, AVERAGES),
        )
        found = [
            problem(name, value, f"one of {', '.join(known)}{nearest(value, known)}")
            for name, value, known in choices
            if value not in known
        ]
        if isinstance(self.until, str) and not is_date(self.until):
            found.append(problem("until", self.until, "a day number, or a date such as 2024-06-07"))
        return found

    def _numbers(self) -> list[Problem]:
        found = []
        if isinstance(self.until, float | int) and not math.isfinite(self.until):
            found.append(problem("until", self.until, "a day number, or a date such as 2024-06-07"))
        limits = [
            *(("thresholds", one, 0 < one < math.inf, "an IgG level above 0") for one in self.thresholds),
            ("horizon_day", self.horizon_day, 1 <= self.horizon_day <= LONGEST_HORIZON_DAY, HORIZONS),
            ("act_at", self.act_at, 0 < self.act_at < 1, "a probability between 0 and 1, such as 0.1"),
            ("lead_day", self.lead_day, 0 <= self.lead_day < math.inf, "days, 0 or more"),
            ("level", self.level, 0 < self.level < 1, "a fraction between 0 and 1, such as 0.95"),
            ("draws", self.draws, self.draws >= 100, "100 or more, or intervals mean nothing"),
            ("jobs", self.jobs, self.jobs >= 1, "1 or more"),
            ("seed", self.seed, self.seed >= 0, "0 or more"),
        ]
        found += average_problems(self.average_weights)
        return [*found, *(problem(name, value, words) for name, value, holds, words in limits if not holds)]

    def of_fit(self) -> FitOptions:
        """Choices of the fits that a forecast rests on."""
        return FitOptions(
            card=self.card,
            weights=self.weights,
            residual=self.residual,
            average=self.average,
            average_weights=self.average_weights,
            draws=self.draws,
            level=self.level,
            seed=self.seed,
            jobs=self.jobs,
        )

    def record(self) -> dict[str, Any]:
        """The choices for the run record; a card given as a file is named without its folder."""
        weights = {Path(card).name: weight for card, weight in self.weights.items()}
        lists = {name: list(getattr(self, name)) for name in ("thresholds", "patients")}
        return asdict(self) | lists | {"card": Path(self.card).name, "weights": weights}

    @property
    def cards(self) -> dict[str, float]:
        """Every card with its share of the draws."""
        return shares_of(self.card, self.weights)


def problem(option: str, found: object, expected: str) -> Problem:
    return Problem(file="call", column=option, found=str(found), expected=f"must be {expected}")


def day_or_date(text: str | None) -> float | str | None:
    """What a command was given for `until`: a number where it is one; what is neither is refused by ForecastOptions."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def is_date(text: str) -> bool:
    from datetime import date

    try:
        return bool(DATE.fullmatch(text)) and bool(date.fromisoformat(text))
    except ValueError:
        return False
