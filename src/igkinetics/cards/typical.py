"""`models typical`: one patient's typical parameters by a card, with units."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cards.check import half_lives
from igkinetics.cards.model import Card
from igkinetics.cards.patient_covariates import as_number, covariate_inputs
from igkinetics.cards.prior import kinetic_parameters, patient_typical
from igkinetics.cards.scaling import default_structure
from igkinetics.choices import nearest
from igkinetics.errors import InputError, Problem
from igkinetics.kinetics.parameters import PARAMETER_UNITS

COLUMNS: Final = ("parameter", "value", "unit", "omega", "scale", "note")
LN2: Final = math.log(2.0)


def typical_table(
    card: Card,
    *,
    weight_kg: float = math.nan,
    covariates: Mapping[str, str | float] | None = None,
    agents: tuple[str, ...] = (),
    disposition: str = "",
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """COLUMNS, a row per parameter and half-life, and notes. InputError for covariates that the card does not use."""
    given = dict(covariates or {})
    known = [name for name in covariate_inputs(card) if name != "weight_kg"]
    known += [limit.covariate for limit in card.limits if limit.covariate not in (*known, "weight_kg")]
    problems = [
        Problem(
            file="call",
            column="covariate",
            found=name,
            expected=f"must be one that {card.id} uses: {', '.join(known) or 'none beside the weight'}"
            f"{nearest(name, known)}",
        )
        for name in given
        if name not in known
    ]
    if problems:
        raise InputError(problems)
    chosen = disposition or default_structure(card).split("/")[0]
    levels = {name for name, covariate in card.covariates.items() if covariate.levels}
    values = {name: value if name in levels else as_number(str(value)) for name, value in given.items()}
    parameters, typical, notes = patient_typical(card, weight_kg, agents, chosen, values)
    rows: list[tuple[str, float, str, float, str, str]] = []
    for name, parameter in parameters.items():
        ratio = name == "C_init_ratio"
        note = f"half-life {LN2 / typical[name]:.4g} day" if name in ("k_loss", "k_rec") and typical[name] > 0 else ""
        own = "1" if ratio else PARAMETER_UNITS[name]
        rows.append((name, typical[name], own, parameter.omega, parameter.scale, note))
    theta = kinetic_parameters(typical)
    distribution, terminal = half_lives(theta)
    if chosen == "two_compartment":
        rows.append(("distribution_half_life", distribution, "day", np.nan, "", "derived"))
    rows.append(("terminal_half_life", terminal, "day", np.nan, "", "derived"))
    return pd.DataFrame(rows, columns=list(COLUMNS)), (f"{card.id}: {chosen}", *notes)
