"""What stands in a record of a true level: what the laboratory reports, with the mark of a limit."""

from __future__ import annotations

from dataclasses import dataclass

from igkinetics.dosing.assay import NORMAL, Assay, measured, reported
from igkinetics.errors import call_error
from igkinetics.units import from_g_per_l


@dataclass(frozen=True, slots=True)
class Noise:
    """SD of a measurement of level C: sqrt(a^2 + (b C)^2)."""

    additive_mg_dl: float
    proportional: float

    def measured(self, level_mg_dl: float, z: float) -> float:
        """The level as measured at this standard normal deviate, mg/dL, before limits and rounding."""
        return float(measured(level_mg_dl, self.additive_mg_dl, self.proportional, NORMAL, z))


@dataclass(frozen=True, slots=True)
class Reading:
    """A reported value, mg/dL; beyond a limit the limit itself, and which (-1, 0: none, 1)."""

    igg_mg_dl: float
    limit: int

    def __str__(self) -> str:
        return f"{('', '>', '<')[self.limit]}{self.igg_mg_dl:.9g}"


def noise_of(cv_percent: float | None, additive_g_per_l: float, proportional: float) -> Noise:
    """Purely proportional noise of this CV, or without one the residual error given (a card's)."""
    if cv_percent is None:
        return Noise(from_g_per_l(additive_g_per_l, "mg/dL"), proportional)
    return Noise(0.0, cv_percent / 100)


def reading(measured_mg_dl: float, assay: Assay) -> Reading:
    """What is reported. InputError for a value below the resolution of an assay without a lower limit."""
    lower, upper = assay.limits_mg_dl
    value = float(reported(measured_mg_dl, lower, upper, assay.resolution_mg_dl))
    limit = (measured_mg_dl > upper) - (measured_mg_dl < lower)
    if limit == 0 and value < assay.resolution_mg_dl:
        expected = f"needed: a measurement came out at {measured_mg_dl:.3g} mg/dL"
        raise call_error("assay.lower_limit_mg_dl", "", expected)
    return Reading(value, limit)
