"""What the laboratory reports of a true level: noise, limits, whole mg/dL."""

from __future__ import annotations

import math
from dataclasses import dataclass

from igkinetics.errors import call_error
from igkinetics.simulate.sections import Assay
from igkinetics.units import from_g_per_l


@dataclass(frozen=True, slots=True)
class Noise:
    """SD of a measurement of level C: sqrt(a^2 + (b C)^2)."""

    additive_mg_dl: float
    proportional: float

    def measured(self, level_mg_dl: float, z: float) -> float:
        """The level as measured at this standard normal deviate, mg/dL, before limits and rounding."""
        return float(level_mg_dl + math.hypot(self.additive_mg_dl, self.proportional * level_mg_dl) * z)


@dataclass(frozen=True, slots=True)
class Reading:
    """A reported value, whole mg/dL; beyond a limit the limit itself, and which (-1, 0: none, 1)."""

    igg_mg_dl: float
    limit: int

    def __str__(self) -> str:
        return f"{('', '>', '<')[self.limit]}{self.igg_mg_dl:g}"


def noise_of(cv_percent: float | None, additive_g_per_l: float, proportional: float) -> Noise:
    """Purely proportional noise of this CV, or without one the residual error given (a card's)."""
    if cv_percent is None:
        return Noise(from_g_per_l(additive_g_per_l, "mg/dL"), proportional)
    return Noise(0.0, cv_percent / 100)


def reading(measured_mg_dl: float, assay: Assay) -> Reading:
    """What is reported. InputError for a value below 1 mg/dL of an assay without a lower limit."""
    if assay.lower_limit_mg_dl is not None and measured_mg_dl < assay.lower_limit_mg_dl:
        return Reading(assay.lower_limit_mg_dl, -1)
    if assay.upper_limit_mg_dl is not None and measured_mg_dl > assay.upper_limit_mg_dl:
        return Reading(assay.upper_limit_mg_dl, 1)
    whole = float(round(measured_mg_dl))
    if whole < 1:
        expected = f"needed: a measurement came out at {measured_mg_dl:.3g} mg/dL"
        raise call_error("assay.lower_limit_mg_dl", "", expected)
    return Reading(whole, 0)
