"""Standard errors of what a reader asks for: typical values, spreads, correlations, errors (docs/model.md 10.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import norm

from igkinetics.kinetics.parameters import Floats
from igkinetics.population.maximise import Maximum
from igkinetics.population.model import PopulationModel
from igkinetics.population.prepare import Prepared, reference_offset
from igkinetics.scales import SHARES

STEP: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A number of the population. scale: on which its interval is symmetric (log, logit, tanh or none)."""

    name: str
    kind: str
    scale: str
    estimate: float
    se: float
    se_robust: float
    lower: float
    upper: float
    card_value: float


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Covariance of phi: from the Hessian R, and robust, R^-1 S R^-1 with S the products of scores. nan: at a bound.

    condition: of the correlations of R^-1.
    """

    covariance: Floats
    robust: Floats
    condition: float


def uncertainty_of(model: PopulationModel, maximum: Maximum) -> Uncertainty:
    """nan throughout where the likelihood does not curve in every free direction."""
    free = np.array([label not in maximum.at_bound for label in model.labels])
    size = free.size
    covariance, robust = np.full((size, size), np.nan), np.full((size, size), np.nan)
    block = np.ix_(free, free)
    hessian = maximum.hessian[block]
    if not np.all(np.isfinite(hessian)) or np.linalg.eigvalsh(hessian).min() <= 0:
        return Uncertainty(covariance, robust, np.inf)
    inverse = np.linalg.inv(hessian)
    scores = maximum.scores[:, free]
    covariance[block] = inverse
    robust[block] = inverse @ (scores.T @ scores) @ inverse
    sd = np.sqrt(np.diag(inverse))
    values = np.linalg.eigvalsh(inverse / np.outer(sd, sd))
    return Uncertainty(covariance, robust, float(values.max() / values.min()))


def natural(value: float, scale: str) -> float:
    """From the scale of the interval; inf beyond the largest number."""
    if scale == "log":
        with np.errstate(over="ignore"):
            return float(np.exp(value))
    if scale == "logit":
        return float(1.0 / (1.0 + np.exp(-value)))
    return float(np.tanh(value)) if scale == "tanh" else value


def slope_of(value: float, scale: str) -> float:
    """Derivative of the natural value there."""
    if scale == "log":
        return float(np.exp(value))
    if scale == "logit":
        share = natural(value, scale)
        return share * (1.0 - share)
    return float(1.0 - np.tanh(value) ** 2) if scale == "tanh" else 1.0


def shares_scale(name: str) -> str:
    """The scale of a typical value, by its name; S_cd19 and the like are shares."""
    return "logit" if name in SHARES or name.startswith("S_") else "log"


def described(prepared: Prepared) -> list[tuple[str, str, str, float]]:
    """Name, kind, scale and the card's value on that scale, of every quantity, in the order of `values_on_scales`."""
    model = prepared.model
    found = []
    for label in model.coefficients:
        if ":" in label:
            found.append((label, "covariate", "none", np.nan))
        else:
            found.append((label, "typical", shares_scale(label), class_offset(prepared, label)))
    names = model.random_names
    found += [
        (f"omega_{name}", "omega", "log", float(np.log(omega)))
        for name, omega in zip(names, prepared.omega, strict=False)
    ]
    found += [(f"omega_iov_{name}", "omega_iov", "log", np.nan) for name in model.occasion_names]
    found += [(f"corr_{names[row]}_{names[column]}", "correlation", "tanh", 0.0) for row, column in model.pairs]
    errors = zip("ab", model.error, model.error_free, strict=True)
    return [*found, *((name, "error", "log", float(np.log(value))) for name, value, free in errors if free)]


def class_offset(prepared: Prepared, label: str) -> float:
    """The card's typical value on its scale: of the class of agents where S has several, else of the median patient."""
    if label in prepared.model.names:
        return reference_offset(prepared, label)
    place = prepared.model.coefficients.index(label)
    column = prepared.model.design[:, :, place]
    return float(np.median(prepared.model.offset[column != 0]))


def values_on_scales(prepared: Prepared, phi: Floats, starts: Floats) -> Floats:
    """Every quantity on the scale of its interval; starts: the card's values of those that phi moves."""
    model = prepared.model
    beta, log_omega, _, log_error = model.split(phi)
    typical = np.array(
        [0.0 if ":" in label else start for label, start in zip(model.coefficients, starts, strict=False)]
    )
    root = model.parts(phi).root
    omega = root @ root.T
    sd = np.sqrt(np.diag(omega))
    correlations = [np.arctanh(omega[row, column] / (sd[row] * sd[column])) for row, column in model.pairs]
    return np.concatenate([typical + beta, log_omega, correlations, log_error])


def quantities(prepared: Prepared, phi: Floats, uncertainty: Uncertainty, level: float) -> list[Quantity]:
    """Estimates with standard errors by the delta method, and intervals on the scale of each."""
    about = described(prepared)
    starts = np.array([start for *_, start in about])
    centre = values_on_scales(prepared, phi, starts)
    slopes = np.empty((centre.size, phi.size))
    for place in range(phi.size):
        moved = np.zeros_like(phi)
        moved[place] = STEP
        up, down = (values_on_scales(prepared, phi + sign * moved, starts) for sign in (1.0, -1.0))
        slopes[:, place] = (up - down) / (2.0 * STEP)
    errors = [sd_along(slopes, matrix) for matrix in (uncertainty.covariance, uncertainty.robust)]
    z = float(norm.ppf(0.5 + level / 2))
    return [
        Quantity(
            name=name,
            kind=kind,
            scale=scale,
            estimate=natural(value, scale),
            se=slope_of(value, scale) * own,
            se_robust=slope_of(value, scale) * robust,
            lower=natural(value - z * own, scale),
            upper=natural(value + z * own, scale),
            card_value=natural(start, scale),
        )
        for (name, kind, scale, start), value, own, robust in zip(about, centre, errors[0], errors[1], strict=True)
    ]


def sd_along(slopes: Floats, covariance: Floats) -> Floats:
    """SD of each row of slopes (m, k) times phi; nan where it needs a part of phi that has none."""
    known = np.isfinite(np.diag(covariance))
    filled = np.where(np.outer(known, known), covariance, 0.0)
    variance = np.einsum("mk,kl,ml->m", slopes, filled, slopes)
    needs_unknown = (np.abs(slopes[:, ~known]) > 1e-8).any(axis=1)
    return np.where(needs_unknown, np.nan, np.sqrt(np.maximum(variance, 0.0)))
