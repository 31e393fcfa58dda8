"""What a fit of one patient holds; a patient who could not be fitted is the same with a status and a reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from igkinetics.cards.prior import PatientPrior
from igkinetics.cohort.model import Patient
from igkinetics.fit.bounds import Alike, AtBound
from igkinetics.fit.columns import Status as Status
from igkinetics.fit.minimise import Optimum
from igkinetics.fit.posterior import Draws
from igkinetics.fit.problem import FitProblem
from igkinetics.fit.unexplained import Change
from igkinetics.frozen import ByValue
from igkinetics.kinetics.parameters import Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alternative(ByValue):
    """One structure, or the fitted one with one SD of the drift; problem and x (p,) give its best curve.

    weight: of the averaged posterior. objective: -2 log posterior; without the prior's part it can be compared between
    structures. note: why a structure has no weight.
    """

    model: str
    drift_sd: float
    objective: float
    minus_two_log_likelihood: float
    prior_weight: float
    log_marginal: float
    weight: float
    problem: FitProblem
    x: Floats
    failed_tests: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Averaged(ByValue):
    """Draws of equal weight over structures and drift, in random order: theta (n, 13), SD of the drift of each (n,).

    source (n,): which weighted draw each is; those of much weight stand there more than once. kind (n,): how
    measurements of each draw scatter, of RESIDUALS in `likelihood.py`. pareto_k and r_hat are the worst of any
    structure that matters; nan where its draws came the other way.
    """

    theta: Floats
    drift_sd: Floats
    source: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int8]
    method: str
    pareto_k: float
    r_hat: float
    trusted: bool

    @property
    def drift_weight(self) -> float:
        return float(np.mean(self.drift_sd > 0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatientFit:
    """Result for one patient. reason is empty exactly when status is `fitted` (checked when built).

    problem, optimum, draws and averaged are None unless there are numbers to give (statuses `fitted`, `at_bound` and
    `prior_only`); with `unexplained_change` problem and optimum are those of the fit that does not explain the record.
    """

    patient: Patient
    prior: PatientPrior
    status: Status
    reason: str = ""
    problem: FitProblem | None = None
    optimum: Optimum | None = None
    draws: Draws | None = None
    """Of the fitted structure, whatever the drift."""
    averaged: Averaged | None = None
    """Of all structures and drift: what every level, day and band comes from."""
    alternatives: tuple[Alternative, ...] = ()
    changes: tuple[Change, ...] = ()
    profiles: dict[str, tuple[float, float]] | None = None
    """Parameter -> profile-likelihood interval on its estimation scale, when asked for."""
    profile_curves: dict[str, tuple[Floats, Floats]] | None = None
    """Parameter -> values on that scale and the rise of -2 log posterior at each, when asked for."""
    at_bound: tuple[AtBound, ...] = ()
    """Without a prior: parameters at the end of their scale, which `problem` holds there."""
    alike: tuple[Alike, ...] = ()
    """Without a prior: parameters held because the data do not tell them from others."""
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

    def all_draws(self) -> Averaged:
        """The averaged posterior of a fit with numbers."""
        if self.averaged is None:
            raise AssertionError(f"patient {self.patient.patient_id} has status {self.status}: no fitted numbers")
        return self.averaged
