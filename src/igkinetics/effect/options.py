"""How the effect of IVIG is to be estimated: every choice, its default and what it may be."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from igkinetics.choices import nearest, type_problems
from igkinetics.errors import InputError, Problem
from igkinetics.fit.likelihood import RESIDUALS
from igkinetics.fit.options import DEFAULT_CARD, INTERVAL_LEVEL
from igkinetics.hierarchical.settings import Sampler
from igkinetics.kinetics.parameters import STRUCTURES
from igkinetics.units import IVIG_DAYS

SAMPLER_OF: Final[dict[str, Sampler]] = {"laplace": "laplace", "nuts": "nutpie", "nutpie": "nutpie", "pymc": "pymc"}
SAMPLERS: Final = tuple(SAMPLER_OF)
DRAWS_OF: Final[dict[Sampler, int]] = {"laplace": 500, "nutpie": 1000, "pymc": 1000}
CHECKS: Final = ("standard", "full")


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectOptions:
    """Choices of an effect analysis. InputError names every choice that cannot be carried out.

    card: id of a model card or path of a card file. thresholds, minimum_effect and rope (low, high): IgG in the
    cohort's unit; none by default. covariates: columns of the patients table. residual: distribution of the error, as
    in `fit`. lkj: eta of an LKJ prior on correlations between patients' parameters; None: independent. sampler:
    "laplace" (importance sampling around the Laplace approximation; chains where its weights fail), "nuts" (chains by
    nutpie of the base model, and with full checks of all) or "pymc" (chains by PyMC). draws, tune: per batch of
    importance sampling, by default 500, without tuning, or per chain, by default 1000 and 600. posterior: a saved
    posterior to report instead of sampling. control_regimen: a TOML file with the keys of one regimen, given to the
    controls. policies: a TOML file of policies, each given to everyone. prior_only: draw from the card, without the
    measurements. base_only: no extensions, no other models or priors, nobody left out. joint: also both ratios free at
    once. checks: "full" draws from every other model as often as from the base model, from each ratio under the second
    disposition too, and from production lost at once.
    structure: of the main model, such as one_compartment/step_loss; further ones are sampled beside it. None: two
    compartments with loss and recovery, as far as the card has numbers for them.

    >>> import igkinetics as igk
    >>> igk.EffectOptions(thresholds=(400,), minimum_effect=50, rope=(-20, 20)).draws_each
    500
    """

    card: str = DEFAULT_CARD
    structure: tuple[str, ...] = ()
    thresholds: tuple[float, ...] = ()
    minimum_effect: float | None = None
    rope: tuple[float, float] | None = None
    covariates: tuple[str, ...] = ()
    residual: str = "normal"
    lkj: float | None = None
    draws: int | None = None
    tune: int = 600
    chains: int = 4
    sampler: str = "laplace"
    posterior: str | None = None
    control_regimen: str | None = None
    policies: str | None = None
    ivig_days: float = IVIG_DAYS
    prior_only: bool = False
    base_only: bool = False
    joint: bool = False
    checks: str = "standard"
    level: float = INTERVAL_LEVEL
    seed: int = 1
    jobs: int = 2

    def __post_init__(self) -> None:
        problems = type_problems(self) or [*self._level_problems(), *self._number_problems()]
        if problems:
            raise InputError(problems)

    @property
    def draws_each(self) -> int:
        """Draws per chain or batch, as asked for or by default: those of chains hang together more."""
        return self.draws if self.draws is not None else DRAWS_OF[SAMPLER_OF[self.sampler]]

    def _level_problems(self) -> list[Problem]:
        problems = [
            _problem("thresholds", value, "an IgG level above 0, in the cohort's unit")
            for value in self.thresholds
            if not 0 < value < math.inf
        ]
        if self.minimum_effect is not None and not math.isfinite(self.minimum_effect):
            problems.append(_problem("minimum_effect", self.minimum_effect, "a change of IgG in the cohort's unit"))
        if self.rope is not None and not -math.inf < self.rope[0] < self.rope[1] < math.inf:
            problems.append(_problem("rope", "{:g}:{:g}".format(*self.rope), "two changes of IgG LOW:HIGH, LOW first"))
        if not 0 < self.level < 1:
            problems.append(_problem("level", self.level, "a fraction between 0 and 1, such as 0.95"))
        return problems

    def _number_problems(self) -> list[Problem]:
        problems = [
            _problem("structure", name, f"one of {', '.join(STRUCTURES)}{nearest(name, STRUCTURES)}")
            for name in self.structure
            if name not in STRUCTURES
        ]
        if self.residual not in RESIDUALS:
            problems.append(_problem("residual", self.residual, f"one of {', '.join(RESIDUALS)}"))
        if self.sampler not in SAMPLERS:
            problems.append(_problem("sampler", self.sampler, f"one of {', '.join(SAMPLERS)}"))
        if self.checks not in CHECKS:
            problems.append(_problem("checks", self.checks, f"one of {', '.join(CHECKS)}"))
        if self.posterior is not None and self.prior_only:
            problems.append(_problem("prior_only", "with a posterior", "left out: a saved posterior is not sampled"))
        least = {"draws": 100, "tune": 100, "chains": 1, "jobs": 1, "seed": 0}
        problems += [
            _problem(name, given, f"{lowest} or more")
            for name, lowest in least.items()
            if (given := getattr(self, name)) is not None and given < lowest
        ]
        if self.lkj is not None and not 0 < self.lkj < math.inf:
            problems.append(_problem("lkj", self.lkj, "above 0: 1 for all correlations alike, 2 or more for few"))
        if not 0 <= self.ivig_days < math.inf:
            problems.append(_problem("ivig_days", self.ivig_days, "a number of days, 0 or more"))
        return problems

    def record(self) -> dict[str, Any]:
        """The choices for the run record; files are named without their folders."""
        files = {
            name: Path(value).name if value is not None else None
            for name, value in (
                ("card", self.card),
                ("posterior", self.posterior),
                ("control_regimen", self.control_regimen),
                ("policies", self.policies),
            )
        }
        return (
            asdict(self)
            | files
            | {
                "draws": self.draws_each,
                "thresholds": list(self.thresholds),
                "covariates": list(self.covariates),
                "structure": list(self.structure),
                "rope": None if self.rope is None else list(self.rope),
            }
        )


def _problem(option: str, found: object, expected: str) -> Problem:
    return Problem(file="call", column=option, found=str(found), expected=f"must be {expected}")
