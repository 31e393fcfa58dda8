"""What the laboratory reports of a true level: noise, the limits of the assay, whole units.

One meaning for records and for rules: a rule of dosing sees what the laboratory would have reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import acos, cos, erfc, exp, hypot, log1p, sqrt

import numpy as np
from pydantic import model_validator

from igkinetics.dosing.plausible import odd_percent
from igkinetics.kinetics.compile import inner
from igkinetics.toml_input import Fault, Key, NotNegative, Positive, Table, refuse


class Assay(Table):
    """How IgG is measured, mg/dL.

    cv_percent: purely proportional noise; absent: the card's residual error. resolution_mg_dl: values are reported as
    whole multiples of it. Beyond a limit the limit itself is reported (`<40`).
    """

    cv_percent: NotNegative | None = None
    """Coefficient of variation, percent; without it the card's residual error."""
    lower_limit_mg_dl: Positive | None = None
    """Below it, `<limit` is reported."""
    upper_limit_mg_dl: Positive | None = None
    """Above it, `>limit` is reported."""
    resolution_mg_dl: Positive = 1.0
    """Values are reported as whole multiples of it."""

    @model_validator(mode="after")
    def _holds(self) -> Assay:
        lower, upper = self.lower_limit_mg_dl, self.upper_limit_mg_dl
        refuse(odd_percent(("cv_percent",), self.cv_percent))
        if lower is not None and upper is not None and upper <= lower:
            expected = f"must be above lower_limit_mg_dl, {lower:g}"
            refuse([Fault(("upper_limit_mg_dl",), f"{upper:g}", expected)])
        return self

    @property
    def limits_mg_dl(self) -> tuple[float, float]:
        """Infinite where there is none."""
        lower, upper = self.lower_limit_mg_dl, self.upper_limit_mg_dl
        return -float("inf") if lower is None else lower, float("inf") if upper is None else upper


def beyond_limits(assay: Assay, below_mg_dl: float, key: Key) -> Iterator[Fault]:
    """A fault where an assay could not tell whether a level lies below that of a rule."""
    lower, upper = assay.lower_limit_mg_dl, assay.upper_limit_mg_dl
    if lower is not None and below_mg_dl <= lower:
        yield Fault(key, f"{below_mg_dl:g}", f"must be above assay.lower_limit_mg_dl, {lower:g}")
    if upper is not None and below_mg_dl > upper:
        yield Fault(key, f"{below_mg_dl:g}", f"must be at most assay.upper_limit_mg_dl, {upper:g}")


NORMAL, LOGNORMAL, STUDENT_T = 0.0, 1.0, 2.0
"""Residual models, as fit.likelihood numbers them."""


@inner
def t4_deviate(z: float) -> float:
    """The deviate of Student's t with 4 degrees of freedom at the probability of a standard normal z.

    Source: the quantile in closed form (Shaw 2006); tests/scenarios/test_individual.py checks it with scipy.
    """
    p = 0.5 * erfc(abs(z) / sqrt(2.0))
    if p == 0.5:
        return 0.0
    root = min(1.0, sqrt(4.0 * p * (1.0 - p)))
    size = 2.0 * sqrt(cos(acos(root) / 3.0) / root - 1.0)
    return size if z > 0.0 else -size


@inner
def measured(level: float, additive: float, proportional: float, residual: float, z: float) -> float:
    """A level as measured at this standard normal deviate, by the residual models of `fit`; additive in its unit.

    Normal: SD sqrt(additive^2 + (proportional level)^2).
    """
    if residual == LOGNORMAL:
        return level * exp(sqrt(log1p(proportional**2 + (additive / level) ** 2)) * z)
    return level + hypot(additive, proportional * level) * (t4_deviate(z) if residual == STUDENT_T else z)


@inner
def reported(value: float, lower: float, upper: float, resolution: float) -> float:
    """A measured value as it is reported: a limit where it lies beyond it, else a multiple of the resolution."""
    if value < lower:
        return lower
    if value > upper:
        return upper
    return float(np.rint(value / resolution) * resolution)
