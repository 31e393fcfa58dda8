"""Names, order, units and structures of the linear family (docs/model.md 1).

One vector of 13 numbers holds every linear model: Q = 0 is one compartment; S = 0 constant production;
k_loss = inf with k_rec = 0 step loss; k_rec = 0 gradual loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

PARAMETERS: Final = (
    "CL",
    "V1",
    "Q",
    "V2",
    "ka",
    "F",
    "C_base",
    "C_init",
    "S",
    "k_loss",
    "k_rec",
    "clearance_ratio",
    "production_ratio",
)
INDEX: Final[dict[str, int]] = {name: place for place, name in enumerate(PARAMETERS)}
PARAMETER_UNITS: Final[dict[str, str]] = {
    "CL": "L/day",
    "V1": "L",
    "Q": "L/day",
    "V2": "L",
    "ka": "1/day",
    "F": "1",
    "C_base": "g/L",
    "C_init": "g/L",
    "S": "1",
    "k_loss": "1/day",
    "k_rec": "1/day",
    "clearance_ratio": "1",
    "production_ratio": "1",
}

CL, V1, Q, V2, KA, F, C_BASE, C_INIT, S, K_LOSS, K_REC, CLEARANCE_RATIO, PRODUCTION_RATIO = range(13)
N_PARAMETERS: Final = 13

DISPOSITIONS: Final = ("one_compartment", "two_compartment")
PRODUCTIONS: Final = ("constant", "step_loss", "gradual_loss", "loss_and_recovery")
STRUCTURES: Final = tuple(f"{d}/{p}" for d in reversed(DISPOSITIONS) for p in reversed(PRODUCTIONS))
DEFAULT_STRUCTURE: Final = "two_compartment/loss_and_recovery"


def needed_parameters(disposition: str, production: str) -> tuple[str, ...]:
    """The parameters that a structure reads, apart from C_init and those of subcutaneous doses."""
    names = ["CL", "V1", "C_base"]
    names += ["Q", "V2"] if disposition == "two_compartment" else []
    names += {
        "constant": [],
        "step_loss": ["S"],
        "gradual_loss": ["S", "k_loss"],
        "loss_and_recovery": ["S", "k_loss", "k_rec"],
    }[production]
    return tuple(names)


def parameter_vector(values: Mapping[str, float], disposition: str, production: str) -> Floats:
    """The 13-vector of a structure. values: natural units; missing ones that the structure needs: KeyError.

    C_init defaults to C_base (steady state), ratios to 1, ka and F to nan (no subcutaneous dose can be given).
    """
    vector = np.array([np.nan, np.nan, 0, 1, np.nan, np.nan, np.nan, np.nan, 0, 0, 0, 1, 1], dtype=float)
    for name in needed_parameters(disposition, production):
        vector[INDEX[name]] = values[name]
    vector[C_INIT] = values.get("C_init", values["C_base"])
    for name in ("ka", "F", "clearance_ratio", "production_ratio"):
        vector[INDEX[name]] = values.get(name, vector[INDEX[name]])
    if production == "step_loss":
        vector[K_LOSS] = np.inf
    return vector
