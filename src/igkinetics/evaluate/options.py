"""How forecasts are to be checked: every choice, its default and what it may be."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from igkinetics.choices import nearest, type_problems
from igkinetics.errors import InputError, Problem
from igkinetics.fit.options import AVERAGES, COHORT, RESIDUALS, FitOptions
from igkinetics.units import INTERVAL_LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateOptions:
    """Choices of a check of forecasts. InputError names every choice that cannot be carried out.

    cards: ids or paths of model cards; none: every shipped card that can be fitted. thresholds: IgG in the cohort's
    unit, of which P(below) is held against what was measured; none: not asked. average: as in FitOptions, for
    each card; the whole records are asked. draws: of each fit; there is one for every sample predicted and every card.

    >>> import igkinetics as igk
    >>> igk.EvaluateOptions(cards=("adult_b_cell_depletion",), thresholds=(400,)).draws
    400
    """

    cards: tuple[str, ...] = ()
    thresholds: tuple[float, ...] = ()
    residual: str = "normal"
    average: str = COHORT
    draws: int = 400
    seed: int = 1
    jobs: int = 2

    def __post_init__(self) -> None:
        problems = type_problems(self) or self._problems()
        if problems:
            raise InputError(problems)

    def _problems(self) -> list[Problem]:
        words = (("residual", self.residual, RESIDUALS), ("average", self.average, AVERAGES))
        found = [
            (name, value, f"one of {', '.join(known)}{nearest(value, known)}")
            for name, value, known in words
            if value not in known
        ]
        limits: list[tuple[str, object, bool, str]] = [
            *(("thresholds", one, 0 < one < math.inf, "an IgG level above 0") for one in self.thresholds),
            ("draws", self.draws, self.draws >= 100, "100 or more, or intervals mean nothing"),
            ("jobs", self.jobs, self.jobs >= 1, "1 or more"),
            ("seed", self.seed, self.seed >= 0, "0 or more"),
        ]
        found += [(name, str(value), words) for name, value, holds, words in limits if not holds]
        return [
            Problem(file="call", column=name, found=str(value), expected=f"must be {words}")
            for name, value, words in found
        ]

    def of_fit(self, card: str) -> FitOptions:
        """Choices of the fits with a card, by its id or path."""
        return FitOptions(
            card=card,
            residual=self.residual,
            average=self.average,
            draws=self.draws,
            seed=self.seed,
            jobs=self.jobs,
        )

    @property
    def level(self) -> float:
        """Intervals here have three levels, 0.5, 0.8 and 0.95; a run record names the usual one."""
        return INTERVAL_LEVEL

    def record(self) -> dict[str, Any]:
        """The choices for the run record; a card given as a file is named without its folder."""
        lists = {"cards": [Path(card).name for card in self.cards], "thresholds": list(self.thresholds)}
        return asdict(self) | lists
