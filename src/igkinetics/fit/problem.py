"""One patient's fitting problem: data, schedule, prior and structure, ready for the kernels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from igkinetics.cards.prior import PatientPrior
from igkinetics.cohort.model import Patient
from igkinetics.errors import call_error
from igkinetics.fit.drift import DriftPrior, Record
from igkinetics.fit.engine import bfgs
from igkinetics.fit.importance import log_sum
from igkinetics.fit.likelihood import RESIDUALS
from igkinetics.fit.objective import (
    Integers,
    Target,
    fill_hessian,
    fill_theta,
    fill_thetas,
    objective,
)
from igkinetics.fit.terms import objective_terms
from igkinetics.kinetics.parameters import INDEX, N_PARAMETERS, PARAMETERS, Floats, needed_parameters, parameter_vector
from igkinetics.kinetics.schedule import Schedule, build_schedule
from igkinetics.scales import SHARES, to_scale

PRIOR_NAME: Final = {"C_init": "C_init_ratio"}
"""Estimated as a ratio to C_base; the card gives it under this name."""


def _own(x: Floats) -> Floats:
    """x as compiled code takes it: contiguous, and such as can be written."""
    ready = x.flags.c_contiguous and x.flags.writeable and x.dtype == float
    return x if ready else np.require(x, float, ("C", "W"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FitProblem:
    """Everything the objective needs. mu, sd (p,) on estimation scales; sd inf where there is no prior."""

    model: str
    names: tuple[str, ...]
    free: Integers
    fixed: Floats
    mu: Floats
    sd: Floats
    prior_sd: Floats
    """The card's one-patient prior SD, also where `prior="none"` makes sd infinite."""
    schedule: Schedule
    day: Floats
    igg: Floats
    limit: npt.NDArray[np.int8]
    kind: int
    a: float
    b: float
    drift_sds: Floats = field(default_factory=lambda: np.zeros(1))
    """What the SD of the drift around the curve may be (k,), over which the likelihood is averaged; 0 is none."""
    drift_log_weights: Floats = field(default_factory=lambda: np.zeros(1))

    @property
    def record(self) -> Record:
        """The samples with their residual error."""
        return Record(self.kind, self.day, self.igg, self.limit, self.a, self.b)

    @property
    def target(self) -> Target:
        """The problem as the kernels take it."""
        drift = DriftPrior(self.drift_sds, self.drift_log_weights)
        return Target(self.free, self.fixed, self.mu, self.sd, self.schedule, self.record, drift)

    def value_and_gradient(self, x: Floats) -> tuple[float, Floats]:
        """-2 log posterior and its gradient (p,) at x (p,)."""
        gradient = np.empty(x.size)
        return objective(_own(x), self.target, gradient), gradient

    def terms(self, xs: Floats) -> Floats:
        """-2 log posterior of each row of xs (n, p) under each SD of the drift (n, k)."""
        terms = np.empty((xs.shape[0], self.drift_sds.size))
        objective_terms(_own(xs), self.target, terms)
        return terms

    def averaged(self, terms: Floats) -> Floats:
        """-2 log posterior (n,), averaged over the SDs of the drift, from that under each (n, k)."""
        if terms.shape[1] == 1:
            return terms[:, 0]
        with np.errstate(invalid="ignore"):  # nan where no term is finite
            return -2.0 * log_sum((self.drift_log_weights - 0.5 * terms).T)

    def shares(self, terms: Floats) -> Floats:
        """Posterior share (n, k) of each SD of the drift, from the same."""
        logs = (self.drift_log_weights - 0.5 * terms).T
        return np.asarray(np.exp(logs - log_sum(logs)).T)

    def values(self, xs: Floats) -> Floats:
        """-2 log posterior of each row of xs (n, p)."""
        return self.averaged(self.terms(xs))

    def hessian(self, x: Floats) -> Floats:
        """Hessian (p, p) of -2 log posterior."""
        hessian = np.empty((x.size, x.size))
        fill_hessian(_own(x), self.target, hessian)
        return hessian

    def minimum_from(self, start: Floats) -> tuple[Floats, float]:
        """Local minimum of -2 log posterior reached by the compiled optimiser, and its value."""
        x = np.empty(start.size)
        value = bfgs(_own(start), self.prior_sd, self.target, x)
        return x, value

    def theta(self, x: Floats) -> Floats:
        """Natural parameters (13,) at x."""
        theta = np.empty(N_PARAMETERS)
        fill_theta(_own(x), self.free, self.fixed, theta)
        return theta

    def thetas(self, xs: Floats) -> Floats:
        """Natural parameters (n, 13) of xs (n, p)."""
        thetas = np.empty((xs.shape[0], N_PARAMETERS))
        fill_thetas(_own(xs), self.free, self.fixed, thetas)
        return thetas

    @property
    def has_prior(self) -> bool:
        return bool(np.all(np.isfinite(self.sd)))

    def without_drift(self) -> FitProblem:
        return replace(self, drift_sds=np.zeros(1), drift_log_weights=np.zeros(1))

    def without_prior(self) -> FitProblem:
        return replace(self, sd=np.full_like(self.sd, np.inf))


def patient_schedule(
    patient: Patient,
    *,
    ignore_therapy: bool,
    doses: npt.NDArray[np.bool_] | None = None,
    modified: tuple[float, float] | None = None,
) -> Schedule:
    """The patient's segments. doses: which rows to give (all when None); a card may ignore therapy.

    modified: the days in which the ratios under immunoglobulin act.
    """
    given = np.ones(patient.dose_day.size, dtype=bool) if doses is None else doses
    none = np.empty(0)
    return build_schedule(
        start_day=patient.start_day,
        dose_day=patient.dose_day[given],
        dose_g=patient.dose_g[given],
        dose_duration_day=patient.dose_duration_day[given],
        dose_is_sc=patient.dose_is_sc[given],
        therapy_start=none if ignore_therapy else patient.therapy_start,
        therapy_stop=none if ignore_therapy else patient.therapy_stop,
        modified=modified,
    )


def estimated_names(prior: PatientPrior, disposition: str, production: str, *, subcutaneous: bool) -> tuple[str, ...]:
    """Parameters that a structure needs and that the card does not fix, in the order of the 13-vector."""
    names = [*needed_parameters(disposition, production), "C_init", *(("ka", "F") if subcutaneous else ())]
    free = [name for name in PARAMETERS if name in names and prior.sd(PRIOR_NAME.get(name, name)) > 0]
    return tuple(free)


def build_problem(
    patient: Patient,
    prior: PatientPrior,
    production: str,
    *,
    residual: str = "normal",
    use_prior: bool = True,
    schedule: Schedule | None = None,
) -> FitProblem:
    """The problem of one patient under prior.disposition and `production`. Units g, g/L, day.

    InputError for a card whose S or F has its spread on another scale than the logit, or whose clearance varies with
    the volume (k_deg): parameters are independent here.
    """
    disposition = prior.disposition
    if prior.clearance_follows_volume and prior.own_sd("V1") > 0:
        rule = "gives k_deg and a spread of V, so that clearance and volume vary together: fits need CL in its place"
        raise call_error("card", prior.card_id, rule)
    subcutaneous = bool(patient.dose_is_sc.any())
    names = estimated_names(prior, disposition, production, subcutaneous=subcutaneous)
    values = {name: value for name, value in prior.typical.items() if not np.isnan(value)}
    fixed = parameter_vector(values, disposition, production)
    fixed[INDEX["C_init"]] = prior.typical["C_init_ratio"] if prior.initial_level is None else -prior.initial_level
    card_names = [PRIOR_NAME.get(name, name) for name in names]
    for name in SHARES:
        if name in names and prior.scale[name] != "logit":
            raise call_error("card", prior.card_id, f"must give the spread of {name} on the logit scale to be fitted")
    prior_sd = np.array([prior.sd(name) for name in card_names])
    used = (
        np.ones(patient.sample_day.size, dtype=bool)
        if np.isinf(patient.follow_up_end)
        else (patient.sample_day <= patient.follow_up_end)
    )
    ignored = production == "constant"
    return FitProblem(
        model=f"{disposition}/{production}",
        names=names,
        free=np.array([INDEX[name] for name in names], dtype=np.int64),
        fixed=fixed,
        mu=np.array([to_scale(prior.typical[name], prior.scale[name]) for name in card_names]),
        sd=np.where([use_prior or name in prior.kept for name in names], prior_sd, np.inf),
        prior_sd=prior_sd,
        schedule=patient_schedule(patient, ignore_therapy=ignored) if schedule is None else schedule,
        day=patient.sample_day[used],
        igg=patient.sample_igg[used],
        limit=patient.sample_limit[used],
        kind=RESIDUALS[residual],
        a=prior.additive_g_per_l,
        b=prior.proportional,
    )
