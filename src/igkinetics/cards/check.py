"""Does a card reproduce what its publication says? Every quantity is computed by the kinetics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.cards.check_inputs import PRIOR_PREDICTIVE, inputs_given
from igkinetics.cards.dimensions import from_internal
from igkinetics.cards.expected import DIMENSION_OF_QUANTITY, Check, CheckInputs
from igkinetics.cards.model import Card, Provenance
from igkinetics.cards.prior import kinetic_parameters, patient_typical
from igkinetics.cards.prior_predictive import PredictedCohort, predicted_cohort
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.disposition import RATE, count_modes, disposition_modes
from igkinetics.kinetics.parameters import C_BASE, CL, V1, V2, Floats, Q
from igkinetics.kinetics.schedule import build_schedule
from igkinetics.units import G_PER_L_IN

DAYS_TO_STEADY_STATE: Final = 2800.0
"""More than 50 of the longest half-life of a card, whatever the dosing interval."""
PANELS: Final = 60
NODES_PER_PANEL: Final = 8
"""Gauss-Legendre on panels that are finer after a dose; exact to 1e-9 for the exponentials of a card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One check of a card. `expected` and `found` in `unit`; `tolerance` as an absolute width in it."""

    card_id: str
    quantity: str
    inputs: str
    unit: str
    expected: float
    found: float
    tolerance: float
    ok: bool
    origin: str


def check_card(card: Card) -> list[CheckResult]:
    """All checks of a card, in its order. The virtual cohort, where there is one, is drawn once."""
    wanted = any(check.quantity in PRIOR_PREDICTIVE for check in card.checks)
    cohort = predicted_cohort(card, card.prior_predictive) if wanted and card.prior_predictive else None
    return [check_result(card, check, cohort) for check in card.checks]


def check_result(card: Card, check: Check, cohort: PredictedCohort | None) -> CheckResult:
    value = from_internal(compute(card, check, cohort), check.unit, DIMENSION_OF_QUANTITY[check.quantity])
    relative = check.tolerance.kind == "relative"
    tolerance = check.tolerance.value * (abs(check.expected) if relative else 1.0)
    return CheckResult(
        card_id=card.id,
        quantity=check.quantity,
        inputs=inputs_text(check.inputs),
        unit=check.unit,
        expected=check.expected,
        found=value,
        tolerance=tolerance,
        ok=bool(abs(value - check.expected) <= tolerance),
        origin=origin_text(card.provenance[check.provenance]),
    )


def inputs_text(inputs: CheckInputs) -> str:
    """`weight_kg 70, deficiency secondary`"""
    given = inputs_given(inputs)
    given.pop("covariates", None)
    named = {**given, **inputs.covariates}
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in named.items()
    )


def origin_text(provenance: Provenance) -> str:
    """Kind, citations and place (or arithmetic, or reason) of a number."""
    text = provenance.place or provenance.arithmetic or provenance.reason
    cited = f" [{', '.join(provenance.citations)}]" if provenance.citations else ""
    return f"{provenance.kind}{cited}: {text}"


def compute(card: Card, check: Check, cohort: PredictedCohort | None) -> float:
    """The quantity in g, L, day."""
    inputs = check.inputs
    if cohort is not None and check.quantity in PRIOR_PREDICTIVE:
        at_most = (inputs.at_most_mg_dl or 0.0) * G_PER_L_IN["mg/dL"]
        return cohort.quantity(check.quantity, at_most)
    return OF_A_TYPICAL_PATIENT[check.quantity](typical_vector(card, inputs), inputs)


def typical_vector(card: Card, inputs: CheckInputs) -> Floats:
    """The kinetics' vector (13,) of the typical patient a check is about."""
    disposition = inputs.disposition or card.structure.dispositions[0]
    _, typical, _ = patient_typical(card, inputs.weight_kg or 0.0, (), disposition, inputs.covariates)
    return kinetic_parameters(typical)


def needed(value: float | None) -> float:
    """An input that loading has made sure of."""
    if value is None:
        raise AssertionError("a check without its inputs has been loaded")
    return value


def dose_of(inputs: CheckInputs) -> float:
    return needed(inputs.dose_g_per_kg) * needed(inputs.weight_kg)


def auc_after_first_dose(theta: Floats, inputs: CheckInputs) -> float:
    """Total IgG after a bolus on day 0, integrated over one interval, g*day/L."""
    schedule = build_schedule(
        start_day=0.0, dose_day=[0.0], dose_g=[dose_of(inputs)], dose_duration_day=[0.0], dose_is_sc=[False]
    )
    day, weight = quadrature(0.0, needed(inputs.interval_day))
    endogenous, infused = igg_curve(theta, schedule, day)
    return float(weight @ (endogenous + infused))


def infused_at_steady_state(theta: Floats, inputs: CheckInputs, day_after_last: Floats) -> Floats:
    """Infused IgG, g/L, at days after the last of many doses given at once."""
    interval = needed(inputs.interval_day)
    dose_day = interval * np.arange(np.ceil(DAYS_TO_STEADY_STATE / interval))
    schedule = build_schedule(
        start_day=0.0,
        dose_day=dose_day,
        dose_g=np.full(dose_day.shape, dose_of(inputs)),
        dose_duration_day=np.zeros(dose_day.shape),
        dose_is_sc=np.full(dose_day.shape, inputs.route == "sc"),
    )
    return igg_curve(theta, schedule, dose_day[-1] + day_after_last)[1]


def infused_auc_at_steady_state(theta: Floats, inputs: CheckInputs) -> float:
    """Infused IgG over one interval at steady state, g*day/L."""
    day, weight = quadrature(0.0, needed(inputs.interval_day))
    return float(weight @ infused_at_steady_state(theta, inputs, day))


def trough_gain_at_steady_state(theta: Floats, inputs: CheckInputs) -> float:
    """Infused IgG just before the next dose at steady state, g/L."""
    return float(infused_at_steady_state(theta, inputs, np.array([needed(inputs.interval_day)]))[0])


def production_per_volume(theta: Floats, inputs: CheckInputs) -> float:
    """Production that holds C_base, over the volume of serum that holds it: CL C_base / V1, g/L/day."""
    return float(theta[CL] * theta[C_BASE] / theta[V1])


def half_lives(theta: Floats) -> tuple[float, float]:
    """Distribution and terminal half-life, day; without exchange both are the one there is."""
    modes = np.zeros((2, 5))
    disposition_modes(theta[CL], theta[V1], theta[Q], theta[V2], modes)
    rates = modes[: count_modes(theta[Q]), RATE]
    return float(np.log(2) / rates.max()), float(np.log(2) / rates.min())


def quadrature(start: float, end: float) -> tuple[Floats, Floats]:
    """Nodes (ascending, inside the interval) and weights; panels grow from the start."""
    edges = start + (end - start) * np.linspace(0.0, 1.0, PANELS + 1) ** 2
    node, weight = np.polynomial.legendre.leggauss(NODES_PER_PANEL)
    half = np.diff(edges)[:, None] / 2
    middle = (edges[:-1, None] + edges[1:, None]) / 2
    return (middle + half * node).ravel(), (half * weight).ravel()


OF_A_TYPICAL_PATIENT: Final[dict[str, Callable[[Floats, CheckInputs], float]]] = {
    "auc_after_first_dose": auc_after_first_dose,
    "infused_auc_at_steady_state": infused_auc_at_steady_state,
    "trough_gain_at_steady_state": trough_gain_at_steady_state,
    "production_per_volume": production_per_volume,
    "distribution_half_life": lambda theta, inputs: half_lives(theta)[0],
    "terminal_half_life": lambda theta, inputs: half_lives(theta)[1],
}
