"""What the patients table says of one patient that the model card can use: height, sex, age, any other covariate."""

from __future__ import annotations

from igkinetics.cards.computed_covariates import Value, covariate_inputs
from igkinetics.cards.model import Card
from igkinetics.cohort.model import Cohort


def patient_covariates_of(cohort: Cohort, patient_id: str, card: Card) -> dict[str, Value]:
    """By the card's names, without the weight; what is not in the table or empty is left out.

    A covariate that the card takes as a number is one here too where its cell reads as a number.
    """
    wanted = dict.fromkeys((*covariate_inputs(card), *(limit.covariate for limit in card.limits)))
    table = cohort.patients
    rows = table[table["patient_id"] == patient_id]
    found: dict[str, Value] = {}
    for name in wanted:
        if name == "weight_kg" or name not in table.columns or rows.empty:
            continue
        text = str(rows.iloc[0][name]).strip()
        if text.casefold() in ("", "nan", "none", "<na>"):
            continue
        levels = name in card.covariates and card.covariates[name].levels
        found[name] = text if levels else as_number(text)
    return found


def as_number(text: str) -> Value:
    try:
        return float(text)
    except ValueError:
        return text
