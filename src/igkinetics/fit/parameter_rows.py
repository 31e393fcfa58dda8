"""Rows of one patient in parameters.csv: what was estimated, what was held, what follows from both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from igkinetics.cards.prior import PatientPrior
from igkinetics.cohort.model import Patient
from igkinetics.fit.bounds import AtBound, alike_words, bound_words
from igkinetics.fit.cohort_checks import contraction
from igkinetics.fit.problem import PRIOR_NAME, FitProblem
from igkinetics.fit.result import PatientFit
from igkinetics.kinetics.disposition import fill_half_lives
from igkinetics.kinetics.parameters import C_BASE, C_INIT, INDEX, PARAMETER_UNITS, PARAMETERS, Floats, needed_parameters
from igkinetics.scales import from_scale, scale_of
from igkinetics.units import IggUnit, from_g_per_l

MOSTLY_PRIOR_BELOW: Final = 0.3
"""Contraction below which an estimate is labelled "mostly prior" (docs/model.md 3)."""


NOTHING_LEARNT_BELOW: Final = 0.05


def half_lives(thetas: Floats) -> Floats:
    """(n, 2) of thetas (n, 13): half-life ln 2 (V1 + V2)/CL, from clearance and steady-state volume, and terminal
    half-life, of the slowest disposition rate; days. One compartment (Q = 0): both are ln 2 V1/CL.
    """
    found = np.empty((thetas.shape[0], 2))
    fill_half_lives(thetas, found)
    return found


def contraction_note(value: float) -> str:
    """The plain label of a contraction; empty where the data speak."""
    if np.isnan(value) or value >= MOSTLY_PRIOR_BELOW:
        return ""
    return "prior: these data say nothing on it" if value < NOTHING_LEARNT_BELOW else "mostly prior"


def parameter_rows(fit: PatientFit, igg_unit: IggUnit, level: float) -> list[dict[str, Any]]:
    """Every quantity of one fitted patient, natural units; stderr by the delta method from the curvature."""
    problem, optimum, draws = fit.fitted()
    theta = problem.theta(optimum.x)
    covariance: Floats = np.linalg.inv(0.5 * optimum.hessian).astype(float)
    learnt = contraction(fit) if problem.has_prior else dict.fromkeys(problem.names, float("nan"))
    common = {"patient_id": fit.patient.patient_id, "model": problem.model, "level": level}
    rows = []
    for i, name in enumerate(problem.names):
        lower, upper = draws.interval(draws.theta[:, INDEX[name]], level)
        note = "; ".join(filter(None, [contraction_note(learnt[name]), given_note(fit, name)]))
        if fit.profiles is not None and name != "C_init":
            scale = fit.prior.scale[PRIOR_NAME.get(name, name)]
            ends = fit.profiles[name]
            lower, upper = (from_scale(end, scale) if np.isfinite(end) else np.nan for end in ends)
            note = "; ".join(filter(None, [note, profile_note(*ends)]))
        scale = fit.prior.scale[PRIOR_NAME.get(name, name)]
        in_unit = _converter(name, igg_unit)
        rows.append(
            {
                **common,
                "parameter": name,
                "kind": "estimated",
                "value": in_unit(theta[INDEX[name]]),
                "stderr": in_unit(natural_stderr(problem, theta, covariance, i)),
                "lower": in_unit(lower),
                "upper": in_unit(upper),
                "unit": unit_of(name, igg_unit),
                "scale": scale,
                "contraction": learnt[name],
                "note": note,
            }
        )
    rows += [_bound_row(fit, bound, common, igg_unit) for bound in fit.at_bound]
    rows += _fixed_rows(fit, theta, common, igg_unit)
    return rows + _derived_rows(fit, theta, common, level)


def given_note(fit: PatientFit, name: str) -> str:
    """That an estimate depends on the value at which another parameter is held."""
    held = [one.name for one in fit.alike if name in one.others]
    held += ["V1"] if name == "CL" and "V1" in fit.prior.held and "V1" not in fit.fitted()[0].names else []
    return f"given {' and '.join(held)}" if held else ""


def _bound_row(fit: PatientFit, bound: AtBound, common: dict[str, Any], igg_unit: IggUnit) -> dict[str, Any]:
    """A parameter at the end of its scale: no standard error, and an interval with one end."""
    scale = scale_of(bound.name)
    lower, upper = (from_scale(end, scale) for end in (fit.profiles or {})[bound.name])
    in_unit = _converter(bound.name, igg_unit)
    return {
        **common,
        "parameter": bound.name,
        "kind": "estimated",
        "value": np.nan if bound.runs_away else finite(in_unit(bound.value)),
        "stderr": np.nan,
        "lower": in_unit(lower) if lower > 0 or scale == "logit" else np.nan,
        "upper": finite(in_unit(upper)),
        "unit": unit_of(bound.name, igg_unit),
        "scale": scale,
        "contraction": np.nan,
        "note": f"{bound_words(bound)}; profile-likelihood interval with one end",
    }


def profile_note(lower: float, upper: float) -> str:
    """That an interval is a profile's, and which of its ends the data do not limit."""
    sides = [side for side, end in (("below", lower), ("above", upper)) if not np.isfinite(end)]
    return "profile-likelihood interval" + (f", not limited {' and '.join(sides)}" if sides else "")


def natural_stderr(problem: FitProblem, theta: Floats, covariance: Floats, i: int) -> float:
    """Standard error of parameter i on its natural scale: |d theta/dx| times that of x; C_init = C_base * ratio."""
    name = problem.names[i]
    if name in ("S", "F"):
        return float(theta[INDEX[name]] * (1 - theta[INDEX[name]]) * np.sqrt(covariance[i, i]))
    slope = np.zeros(len(problem.names))
    slope[i] = theta[INDEX[name]]
    if name == "C_init" and "C_base" in problem.names:
        slope[problem.names.index("C_base")] = theta[C_INIT]
    return float(np.sqrt(slope @ covariance @ slope))


def fixed_parameters(
    patient: Patient,
    prior: PatientPrior,
    estimated: tuple[str, ...],
    model: str,
    theta: Floats,
    why: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Parameters that a fit read but did not estimate, each with what is said of it. why: those held, in words."""
    used = {"CL", "V1", "C_base", "C_init", *(("Q", "V2") if theta[INDEX["Q"]] > 0 else ())}
    used |= {"ka", "F"} if patient.dose_is_sc.any() else set()
    used |= {"S"} if "S" in estimated else set()
    why = prior.held if why is None else why
    used |= why.keys() & {*needed_parameters(*model.split("/")), "C_init", "ka", "F"}
    card = f"fixed by card {prior.card_id}"
    return {name: why.get(name, card) for name in PARAMETERS if name in used and name not in estimated}


def _fixed_rows(fit: PatientFit, theta: Floats, common: dict[str, Any], igg_unit: IggUnit) -> list[dict[str, Any]]:
    problem, _, _ = fit.fitted()
    why = dict(fit.prior.held) | {one.name: alike_words(one) for one in fit.alike}
    words = fixed_parameters(fit.patient, fit.prior, problem.names, problem.model, theta, why)
    at_bound = {one.name for one in fit.at_bound}
    return [
        {
            **common,
            "parameter": name,
            "kind": "fixed",
            "value": finite(_converter(name, igg_unit)(theta[INDEX[name]])),
            "stderr": np.nan,
            "lower": np.nan,
            "upper": np.nan,
            "unit": unit_of(name, igg_unit),
            "scale": "",
            "contraction": np.nan,
            "note": note,
        }
        for name, note in words.items()
        if name not in at_bound
    ]


HALF_LIVES: Final = {"half_life": "ln 2 (V1 + V2)/CL", "terminal_half_life": "slowest disposition rate"}
"""Derived from the estimates -> how."""


def _derived_rows(fit: PatientFit, theta: Floats, common: dict[str, Any], level: float) -> list[dict[str, Any]]:
    _, _, draws = fit.fitted()
    best = half_lives(theta[None, :])[0]
    each = half_lives(draws.theta)
    rows = []
    unknown = "CL" in {*(one.name for one in fit.alike), *(one.name for one in fit.at_bound)}
    for j, (name, how) in enumerate(HALF_LIVES.items()):
        lower, upper = (np.nan, np.nan) if unknown else draws.interval(each[:, j], level)
        rows.append(
            {
                **common,
                "parameter": name,
                "kind": "derived",
                "value": float(best[j]),
                "stderr": np.nan,
                "lower": lower,
                "upper": upper,
                "unit": "day",
                "scale": "",
                "contraction": np.nan,
                "note": how + (", of the CL that is held" if unknown else ""),
            }
        )
    return rows


def finite(value: float) -> float:
    """A number for a table: nan for an infinite one."""
    return value if np.isfinite(value) else np.nan


def unit_of(name: str, igg_unit: IggUnit) -> str:
    """Of a parameter, or of what is derived from several."""
    if name in HALF_LIVES:
        return "day"
    return igg_unit if INDEX[name] in (C_BASE, C_INIT) else PARAMETER_UNITS[name]


def _converter(name: str, igg_unit: IggUnit) -> Any:
    return (lambda value: from_g_per_l(value, igg_unit)) if INDEX[name] in (C_BASE, C_INIT) else float
