"""What a fit of one patient holds; a patient who could not be fitted is the same with a status and a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from igkinetics.cards.prior import PatientPrior
from igkinetics.cohort.model import Patient
from igkinetics.fit.minimise import Optimum
from igkinetics.fit.posterior import Draws
from igkinetics.fit.problem import FitProblem
from igkinetics.fit.unexplained import Change
from igkinetics.frozen import ByValue
from igkinetics.kinetics.parameters import Floats

Status = Literal[
    "fitted",
    "prior_only",
    "no_samples",
    "too_few_samples",
    "unexplained_change",
    "not_converged",
    "at_bound",
    "start_contradicts",
    "set_aside",
    "failed",
]
WITH_NUMBERS: tuple[Status, ...] = ("fitted", "prior_only")
"""Statuses whose fitted values are given; all others leave them empty."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alternative(ByValue):
    """One structure in the sensitivity table; problem and x (p,) give its curve."""

    model: str
    objective: float
    log_marginal: float
    problem: FitProblem
    x: Floats
    failed_tests: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatientFit:
    """Result for one patient. reason is empty exactly when status is `fitted` (checked when built).

    problem, optimum and draws are None unless there are numbers to give (statuses `fitted`, `prior_only`).
    """

    patient: Patient
    prior: PatientPrior
    status: Status
    reason: str = ""
    problem: FitProblem | None = None
    optimum: Optimum | None = None
    draws: Draws | None = None
    alternatives: tuple[Alternative, ...] = ()
    changes: tuple[Change, ...] = ()
    profiles: dict[str, tuple[float, float]] | None = None
    """Parameter -> profile-likelihood interval on its estimation scale, when asked for."""
    profile_curves: dict[str, tuple[Floats, Floats]] | None = None
    """Parameter -> values on that scale and the rise of -2 log posterior at each, when asked for."""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.status == "fitted") != (self.reason == ""):
            raise AssertionError(f"status {self.status} with reason {self.reason!r}")

    @property
    def has_numbers(self) -> bool:
        return self.draws is not None

    def fitted(self) -> tuple[FitProblem, Optimum, Draws]:
        """The parts of a fit with numbers; AssertionError for any other."""
        if self.problem is None or self.optimum is None or self.draws is None:
            raise AssertionError(f"patient {self.patient.patient_id} has status {self.status}: no fitted numbers")
        return self.problem, self.optimum, self.draws
