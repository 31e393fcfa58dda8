"""What a card must reproduce: figures with inputs, tolerance and origin. cards.check computes them."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, ValidationInfo, field_validator

from igkinetics.cards.parts import Disposition, Key, Number, Positive, Strict, Text, WholeNumber, unit_of

DIMENSION_OF_QUANTITY: Final[dict[str, str]] = {
    "auc_after_first_dose": "area under the curve",
    "infused_auc_at_steady_state": "area under the curve",
    "distribution_half_life": "time",
    "terminal_half_life": "time",
    "trough_gain_at_steady_state": "concentration",
    "production_per_volume": "concentration per time",
    "pre_therapy_mean": "concentration",
    "pre_therapy_share_at_most": "pure number",
    "later_mean": "concentration",
    "later_share_at_most": "pure number",
    "nadir_mean": "concentration",
}
"""What a check can compute, and its dimension."""

Quantity = Literal[
    "auc_after_first_dose",
    "infused_auc_at_steady_state",
    "distribution_half_life",
    "terminal_half_life",
    "trough_gain_at_steady_state",
    "production_per_volume",
    "pre_therapy_mean",
    "pre_therapy_share_at_most",
    "later_mean",
    "later_share_at_most",
    "nadir_mean",
]


class PriorPredictive(Strict):
    """Virtual cohort without immunoglobulin that the prior predictive checks are computed on."""

    weight_kg: Positive
    agent: Text
    cycles: WholeNumber
    on_day: Positive
    off_day: Positive
    visit_every_day: Positive
    later_from_day: Positive
    until_day: Positive
    n_patients: WholeNumber
    seed: WholeNumber
    reason: Text


class CheckInputs(Strict):
    weight_kg: Positive | None = None
    disposition: Disposition | None = None
    route: Literal["iv", "sc"] | None = None
    dose_g_per_kg: Positive | None = None
    interval_day: Positive | None = None
    at_most_mg_dl: Positive | None = None
    covariates: dict[str, float | str] = Field(default_factory=dict)


class Tolerance(Strict):
    kind: Literal["relative", "absolute"]
    value: Positive
    reason: Text


class Check(Strict):
    """A published (or independently derived) figure that the card must reproduce."""

    quantity: Quantity
    inputs: CheckInputs
    expected: Number
    unit: str
    tolerance: Tolerance
    provenance: Key

    @field_validator("unit")
    @classmethod
    def _unit_has_the_dimension(cls, unit: str, info: ValidationInfo) -> str:
        quantity = info.data.get("quantity")
        return unit if quantity is None else unit_of(unit, DIMENSION_OF_QUANTITY[quantity])
