"""What a card says about one patient before any measurement, and draws from it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from igkinetics.cards.agents import production_share
from igkinetics.cards.covariates import Limit
from igkinetics.cards.model import Card
from igkinetics.cards.parts import BetweenPatients, Parameter, reported_sd, sd_of
from igkinetics.cards.patient_covariates import patient_covariates_of
from igkinetics.cards.residual import ResidualError
from igkinetics.cards.scaling import (
    effect_factor,
    outside,
    patient_covariates,
    supported_disposition,
    typical_parameters,
)
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.errors import call_error
from igkinetics.kinetics.parameters import PARAMETERS, Floats
from igkinetics.scales import shifted

PRIOR_PARAMETERS: Final = tuple("C_init_ratio" if name == "C_init" else name for name in PARAMETERS)
"""The kinetics' names, the initial level as its ratio to C_base."""
WHEN_ABSENT: Final[dict[str, float]] = {
    "ka": math.nan,
    "F": math.nan,
    "C_base": 0.0,
    "C_init_ratio": 1.0,
    "S": 0.0,
    "k_loss": 0.0,
    "k_rec": 0.0,
    "clearance_ratio": 1.0,
    "production_ratio": 1.0,
}
"""What a card without the parameter means, fixed: no subcutaneous dose can be given (nan, as in the
kinetics); no endogenous IgG; start at C_base; endogenous IgG constant; nothing changes under immunoglobulin."""
CLEARANCE, VOLUME = PRIOR_PARAMETERS.index("CL"), PRIOR_PARAMETERS.index("V1")
SCALE_WHEN_ABSENT: Final[dict[str, str]] = {"F": "logit", "S": "logit"}
"""All others: log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientPrior:
    """Typical values, scales and spreads for one patient. g, L, day.

    A parameter with omega = uncertainty = 0 is fixed and may lie outside its scale (Q = 0, S = 0, ka = nan).
    """

    card_id: str
    disposition: str
    typical: dict[str, float]
    scale: dict[str, str]
    """ "log" or "logit" """
    omega: dict[str, float]
    """Between-patient SD on that scale; 0 = none."""
    uncertainty: dict[str, float]
    """SD of the typical value on that scale; 0 = fixed."""
    omega_uncertainty: dict[str, float | None]
    """SD of the log of omega; 0: stated as fixed; None: the card does not report it."""
    error_uncertainty: tuple[float | None, float | None]
    """The same of the additive and the proportional residual error."""
    clearance_follows_volume: bool = False
    """The card gives k_deg, and CL = k_deg V: the spreads under CL are then those of k_deg, and log CL is moved by what
    log V1 is moved by as well."""
    additive_g_per_l: float
    proportional: float
    production: str
    """ "from_model", or "constant": the card's endogenous IgG is a constant and ignores therapy."""
    notes: tuple[str, ...]
    initial_level: float | None = None
    """C_init in g/L where it is given outright, and not as its ratio to C_base."""
    kept: frozenset[str] = frozenset()
    """Estimated parameters (the kinetics' names) whose spread belongs to the model, also where no prior is used."""
    held: Mapping[str, str] = field(default_factory=dict)
    """Parameters that are not the card's to give (the kinetics' names) -> why each is held at its typical value."""

    def held_at(self, values: Mapping[str, float], why: str) -> PatientPrior:
        """The same with parameters held at values, by the kinetics' names, or C_init_ratio; g, L, g/L, day."""
        typical, omega, uncertainty = dict(self.typical), dict(self.omega), dict(self.uncertainty)
        for name, value in values.items():
            own = "C_init_ratio" if name == "C_init" else name
            omega[own] = uncertainty[own] = 0.0
            if name != "C_init":
                typical[own] = value
        return replace(
            self,
            typical=typical,
            omega=omega,
            uncertainty=uncertainty,
            initial_level=values.get("C_init", self.initial_level),
            held={**self.held, **{name.removesuffix("_ratio"): why for name in values}},
        )

    def sd(self, name: str) -> float:
        """Prior SD of one patient's value on the parameter's scale."""
        carried = self.own_sd("V1") if name == "CL" and self.clearance_follows_volume else 0.0
        return math.hypot(self.own_sd(name), carried)

    def own_sd(self, name: str) -> float:
        """The same without what another parameter carries into it."""
        return math.hypot(self.omega[name], self.uncertainty[name])

    def moved(self, deviations: Floats) -> Floats:
        """What each parameter is moved by, given what each number of the card is moved by: both (..., parameter), in
        the order of PRIOR_PARAMETERS, on estimation scales. So k_deg = CL/V1 varies as the card says, whatever V does.
        """
        if not self.clearance_follows_volume:
            return deviations
        moved = np.array(deviations)
        moved[..., CLEARANCE] += deviations[..., VOLUME]
        return moved


def residual_error_of(card: Card) -> ResidualError:
    """The card's residual error. InputError for a card of typical values only, with which nobody can be fitted."""
    if card.use != "full" or card.residual_error is None:
        raise call_error("card", card.id, "must have use = full: this card has typical values only")
    return card.residual_error


def patient_prior(
    card: Card,
    *,
    weight_kg: float,
    agents: tuple[str, ...],
    disposition: str = "two_compartment",
    covariates: Mapping[str, float | str] | None = None,
) -> PatientPrior:
    """The card's prior for a patient of this weight (nan: unknown) under these therapies.

    covariates: others the card may use; unknown ones are ignored, missing ones take the card's value.
    Raises InputError for a card of typical values only, a disposition without numbers, and hard limits.
    """
    error = residual_error_of(card)
    parameters, typical, notes = patient_typical(card, weight_kg, agents, disposition, covariates or {})
    unreported = [name for name, found in parameters.items() if found.uncertainty == "not_reported"]
    if unreported:
        names = ", ".join(unreported)
        notes += (f"{card.id} reports no uncertainty of its typical {names}: taken as known",)
    if card.structure.endogenous == "none":
        notes += (f"{card.id} holds no endogenous IgG: every level is taken to be infused IgG alone",)
    scale = {name: SCALE_WHEN_ABSENT.get(name, "log") for name in PRIOR_PARAMETERS}
    none = dict.fromkeys(PRIOR_PARAMETERS, 0.0)
    return PatientPrior(
        card_id=card.id,
        disposition=disposition,
        typical=typical,
        scale=scale | {name: parameter.scale for name, parameter in parameters.items()},
        omega=none | {name: parameter.omega for name, parameter in parameters.items()},
        uncertainty=none | {name: sd_of(parameter.uncertainty) for name, parameter in parameters.items()},
        omega_uncertainty=dict.fromkeys(PRIOR_PARAMETERS)
        | {name: omega_uncertainty(parameter) for name, parameter in parameters.items()},
        error_uncertainty=error.uncertainties,
        clearance_follows_volume="k_deg" in card.parameters.given(),
        additive_g_per_l=error.additive_g_per_l,
        proportional=error.proportional_sd,
        production="from_model" if card.structure.endogenous == "turnover" else "constant",
        notes=notes,
        held=dict.fromkeys(held_by_absence(card), f"{card.id} has no such rate"),
    )


def reweighed(card: Card, prior: PatientPrior, from_kg: float, to_kg: float) -> PatientPrior | None:
    """The prior of a patient of one weight for another who differs in nothing else; None where more than a factor may
    depend on the weight: an unknown one, one at which the card says something, or a covariate computed from it."""
    limits = [limit for limit in card.limits if limit.covariate == "weight_kg"]
    if any(covariate.computed_by for covariate in card.covariates.values()) or not all(
        0.0 < weight < math.inf and not outside(weight, limit) for weight in (from_kg, to_kg) for limit in ends(limits)
    ):
        return None
    typical, single = dict(prior.typical), prior.disposition == "one_compartment"  # whose volume is the card's V
    for effect in card.covariate_effects:
        if effect.covariate == "weight_kg":
            factor = effect_factor(effect, {"weight_kg": to_kg}) / effect_factor(effect, {"weight_kg": from_kg})
            for name in effect.parameters:
                if name == "k_deg":
                    return None
                own = name if not single else "V1" if name == "V" else "" if name in ("V1", "Q", "V2") else name
                if own in typical:
                    typical[own] *= factor
    return replace(prior, typical=typical)


def ends(limits: Sequence[Limit]) -> list[tuple[float, float] | None]:
    """Every domain of these limits, and the one without any."""
    return [None, *(domain for limit in limits for domain in (limit.hard, limit.soft))]


def prior_of_record(card: Card, cohort: Cohort, patient: Patient, disposition: str) -> PatientPrior:
    """The card's prior for a patient of a cohort, by weight, agents and covariates; InputError as `patient_prior`."""
    return patient_prior(
        card,
        weight_kg=patient.weight_kg,
        agents=patient.agents,
        disposition=disposition,
        covariates=patient_covariates_of(cohort, patient.patient_id, card),
    )


def patient_typical(
    card: Card,
    weight_kg: float,
    agents: tuple[str, ...],
    disposition: str,
    covariates: Mapping[str, float | str],
) -> tuple[dict[str, Parameter], dict[str, float], tuple[str, ...]]:
    """The card's parameters under the kinetics' names, all their typical values in g, L, day, and notes."""
    supported_disposition(card, disposition)
    used, notes = patient_covariates(card, {**covariates, "weight_kg": weight_kg})
    parameters = dict(card.parameters.given())
    values = typical_parameters(card, used)
    if card.structure.endogenous == "turnover":
        share, share_notes = production_share(card, agents)
        parameters["S"], values["S"], notes = share, share.natural, notes + share_notes
    if "k_deg" in parameters:  # only in cards of one compartment, whose V it turns into a clearance
        parameters["CL"], values["CL"] = parameters.pop("k_deg"), values["k_deg"] * values["V"]
    if disposition == "one_compartment":
        for name in ("Q", "V2"):
            parameters.pop(name, None)
        parameters["V1"] = parameters.pop("V")
        values |= {"V1": values["V"], "Q": 0.0, "V2": 1.0}  # without exchange V2 plays no part
    absent = {**WHEN_ABSENT, **held_by_absence(card)}
    typical = {name: values.get(name, absent.get(name, math.nan)) for name in PRIOR_PARAMETERS}
    return {name: parameters[name] for name in PRIOR_PARAMETERS if name in parameters}, typical, notes


def held_by_absence(card: Card) -> dict[str, float]:
    """What a card with turnover means where it gives no rate: the supply is lost at once, and does not recover."""
    if card.structure.endogenous != "turnover":
        return {}
    given = card.parameters.given()
    return {name: value for name, value in (("k_loss", math.inf), ("k_rec", 0.0)) if name not in given}


def draw_parameters(
    prior: PatientPrior, rng: np.random.Generator, n: int, *, with_uncertainty: bool
) -> dict[str, Floats]:
    """n patients of the prior, natural units, each parameter (n,).

    with_uncertainty False: patients of the typical card (omega alone); True: each with its own draw of the
    typical values as well, the one-patient prior. The stream is used the same way whatever is fixed.
    """
    sds = np.array([prior.own_sd(name) if with_uncertainty else prior.omega[name] for name in PRIOR_PARAMETERS])
    moved = prior.moved(sds * rng.standard_normal((n, len(PRIOR_PARAMETERS))))
    return {
        name: shifted(prior.typical[name], prior.scale[name], moved[:, column])
        for column, name in enumerate(PRIOR_PARAMETERS)
    }


def kinetic_parameters(values: Mapping[str, float | Floats]) -> Floats:
    """The kinetics' vectors (..., 13) from natural values by name; C_init = C_base * C_init_ratio."""
    named = {**values, "C_init": np.multiply(values["C_base"], values["C_init_ratio"])}
    return np.stack(np.broadcast_arrays(*(named[name] for name in PARAMETERS)), axis=-1).astype(float)


def omega_uncertainty(parameter: Parameter) -> float | None:
    """SD of the log of a parameter's between-patient SD; None when none is reported, 0 when it is fixed."""
    between = parameter.between_patients
    return reported_sd(between.uncertainty) if isinstance(between, BetweenPatients) else None
