"""Can each check of a card be computed: are its inputs there, and only those?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from igkinetics.cards.expected import CheckInputs
from igkinetics.cards.model import Card
from igkinetics.cards.patient_covariates import covariate_inputs
from igkinetics.cards.references import Defect, must_be_in

OPTIONAL: Final = ("disposition", "covariates")
DOSED: Final = ("infused_auc_at_steady_state", "trough_gain_at_steady_state")
"""Also computed for subcutaneous doses; `route` absent: intravenous."""
NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "auc_after_first_dose": ("weight_kg", "dose_g_per_kg", "interval_day"),
    "infused_auc_at_steady_state": ("weight_kg", "dose_g_per_kg", "interval_day"),
    "distribution_half_life": ("weight_kg",),
    "terminal_half_life": ("weight_kg",),
    "trough_gain_at_steady_state": ("weight_kg", "dose_g_per_kg", "interval_day"),
    "production_per_volume": ("weight_kg",),
    "pre_therapy_mean": (),
    "pre_therapy_share_at_most": ("at_most_mg_dl",),
    "later_mean": (),
    "later_share_at_most": ("at_most_mg_dl",),
    "nadir_mean": (),
}
PRIOR_PREDICTIVE: Final = frozenset(
    ("pre_therapy_mean", "pre_therapy_share_at_most", "later_mean", "later_share_at_most", "nadir_mean")
)
"""Computed on the virtual cohort of [prior_predictive]."""


def check_defects(card: Card) -> Iterator[Defect]:
    """Inputs missing or not used, and a virtual cohort that is missing, useless or ends before it begins."""
    for index, check in enumerate(card.checks, 1):
        key = f"checks[{index}].inputs"
        needed = NEEDED[check.quantity]
        given = inputs_given(check.inputs)
        for name in needed:
            if name not in given:
                yield f"{key}.{name}", "", f"is required for {check.quantity}"
        for name in given:
            optional = name in OPTIONAL or (name == "route" and check.quantity in DOSED)
            if name not in needed and (not optional or check.quantity in PRIOR_PREDICTIVE):
                yield f"{key}.{name}", str(given[name]), f"is not used by {check.quantity}"
        if check.inputs.disposition not in (None, *card.structure.dispositions):
            rule = f"must be one of the card's dispositions: {', '.join(card.structure.dispositions)}"
            yield f"{key}.disposition", str(check.inputs.disposition), rule
        if check.inputs.route not in (None, *card.structure.routes):
            rule = f"must be one of the card's routes: {', '.join(card.structure.routes)}"
            yield f"{key}.route", str(check.inputs.route), rule
        known = covariate_inputs(card)
        for name in check.inputs.covariates:
            if name not in known:
                yield f"{key}.covariates", name, must_be_in("[covariates]", name, known)
    yield from prior_predictive_defects(card)


def inputs_given(inputs: CheckInputs) -> dict[str, object]:
    return {name: value for name, value in inputs if value is not None and value != {}}


def prior_predictive_defects(card: Card) -> Iterator[Defect]:
    wanted = [check.quantity for check in card.checks if check.quantity in PRIOR_PREDICTIVE]
    design = card.prior_predictive
    if design is None:
        if wanted:
            yield "prior_predictive", "", f"is required for {', '.join(dict.fromkeys(wanted))}"
        return
    if not wanted:
        yield "prior_predictive", "a table", "is used by no check"
    if card.structure.endogenous != "turnover" or card.use != "full":
        yield "prior_predictive", "a table", "needs use full and endogenous turnover"
    if design.later_from_day >= design.until_day:
        yield "prior_predictive.later_from_day", f"{design.later_from_day:g}", "must be before until_day"
