"""Which structures a card and a record allow, and which of them the record cannot tell apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from igkinetics.cards.prior import PatientPrior
from igkinetics.cohort.model import Patient
from igkinetics.errors import InputError
from igkinetics.kinetics.parameters import DISPOSITIONS, STRUCTURES

PriorOf = Callable[[Patient, str], PatientPrior]
"""Patient and disposition -> the card's prior for this patient."""


def possible_production(patient: Patient, prior: PatientPrior, production: str) -> tuple[str, list[str]]:
    """The production form this patient can have, and what is to be said about it."""
    if prior.production == "constant" and production != "constant":
        said = f"card {prior.card_id} keeps endogenous IgG constant"
        return "constant", [f"{said}: therapy is ignored"] if patient.therapy_start.size else [said]
    if patient.therapy_start.size == 0 and production != "constant":
        return "constant", ["no therapy rows: fitted with constant production"]
    return production, []


def possible_structures(patient: Patient, prior_of: PriorOf) -> Iterator[tuple[str, PatientPrior]]:
    """Each structure that the card has numbers for and this patient's record allows, with its prior."""
    for disposition in DISPOSITIONS:
        try:
            prior = prior_of(patient, disposition)
        except InputError:  # the card has no numbers for this disposition
            continue
        for structure in STRUCTURES:
            wanted, production = structure.split("/")
            if wanted == disposition and possible_production(patient, prior, production)[0] == production:
                yield structure, prior


IMPLIED: Final[dict[str, dict[str, float]]] = {
    "constant": {"S": 0.0},
    "step_loss": {"k_loss": np.inf, "k_rec": 0.0},
    "gradual_loss": {"k_rec": 0.0},
    "loss_and_recovery": {},
}
"""What a form of production says of parameters that it does not estimate."""


def with_held(production: str, prior: PatientPrior) -> str:
    """The form of production that this one becomes by parameters that are held: without recovery, gradual loss."""
    known = {name: prior.typical[name] for name in prior.held if name in prior.typical} | IMPLIED[production]
    for simpler in ("constant", "step_loss", "gradual_loss"):
        if all(known.get(name) == value for name, value in IMPLIED[simpler].items()):
            return simpler
    return production


def contradicted(production: str, prior: PatientPrior) -> str:
    """A parameter that is held at another value than this form of production says; empty when none is."""
    others = (name for name, value in IMPLIED[production].items() if prior.typical[name] != value)
    return next((name for name in others if name in prior.held), "")


def seen_as(patient: Patient, structure: str, last_day: float, prior: PatientPrior) -> str:
    """A name that structures share which this record, up to its last day, cannot tell apart by their equations."""
    disposition, production = structure.split("/")
    production = with_held(production, prior)
    started = patient.therapy_start < last_day
    if not started.any():
        return f"{disposition}/without therapy"
    if production in ("gradual_loss", "loss_and_recovery") and patient.therapy_stop[0] >= last_day:
        return f"{disposition}/loss without recovery"
    return f"{disposition}/{production}"


def why_without_weight(
    patient: Patient, fitted_model: str, own: PatientPrior, others: Sequence[tuple[str, PatientPrior]], last_day: float
) -> list[str]:
    """Of each other structure with its prior, why it has no weight beside the fitted one; empty where it has one. own:
    the prior of the fitted one."""
    counted = {seen_as(patient, fitted_model, last_day, own): fitted_model}
    notes = []
    for structure, prior in others:
        production = structure.split("/")[1]
        key = seen_as(patient, structure, last_day, prior)
        if key in counted:
            notes.append(f"the same as {counted[key]} for this record: counted once")
        elif name := contradicted(production, prior):
            notes.append(f"contradicts {name} = {prior.typical[name]:g}, which is held: for comparison")
        elif production == "constant" and prior.production != "constant" and patient.therapy_start.size:
            notes.append("no loss under therapy: for comparison")
        else:
            counted[key] = structure
            notes.append("")
    return notes
