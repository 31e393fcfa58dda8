"""Rows of parameters.csv: estimated, fixed and derived quantities of one patient (DESIGN 3.3)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from igkinetics.fit.conflict import contraction
from igkinetics.fit.problem import PRIOR_NAME, FitProblem, from_scale
from igkinetics.fit.result import PatientFit
from igkinetics.kinetics.disposition import fill_half_lives
from igkinetics.kinetics.parameters import C_BASE, C_INIT, INDEX, PARAMETER_UNITS, PARAMETERS, Floats
from igkinetics.units import IggUnit, from_g_per_l

MOSTLY_PRIOR_BELOW: Final = 0.3
"""Contraction below which an estimate is labelled "mostly prior" (DESIGN 2.3)."""
NOTHING_LEARNT_BELOW: Final = 0.05
GOOD_PARETO_K: Final = 0.7


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
        note = contraction_note(learnt[name])
        if fit.profiles is not None and name != "C_init":
            scale = fit.prior.scale[PRIOR_NAME.get(name, name)]
            lower, upper = (from_scale(end, scale) for end in fit.profiles[name])
            note = "; ".join(filter(None, [note, "profile-likelihood interval"]))
        scale = fit.prior.scale[PRIOR_NAME.get(name, name)]
        in_unit = _converter(name, igg_unit)
        rows.append({**common, "parameter": name, "kind": "estimated", "value": in_unit(theta[INDEX[name]]),
                     "stderr": in_unit(natural_stderr(problem, theta, covariance, i)), "lower": in_unit(lower),
                     "upper": in_unit(upper), "unit": _unit(name, igg_unit), "scale": scale,
                     "contraction": learnt[name], "note": note})  # fmt: skip
    rows += _fixed_rows(fit, theta, common, igg_unit)
    return rows + _derived_rows(fit, theta, common, level)


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


def _fixed_rows(fit: PatientFit, theta: Floats, common: dict[str, Any], igg_unit: IggUnit) -> list[dict[str, Any]]:
    problem, _, _ = fit.fitted()
    used = {"CL", "V1", "C_base", "C_init", *(("Q", "V2") if theta[INDEX["Q"]] > 0 else ())}
    used |= {"ka", "F"} if fit.patient.dose_is_sc.any() else set()
    used |= {"S"} if "S" in problem.names else set()
    rows = []
    for name in PARAMETERS:
        if name in used and name not in problem.names:
            value = _converter(name, igg_unit)(theta[INDEX[name]])
            rows.append({**common, "parameter": name, "kind": "fixed", "value": value, "stderr": np.nan,
                         "lower": np.nan, "upper": np.nan, "unit": _unit(name, igg_unit), "scale": "",
                         "contraction": np.nan, "note": f"fixed by card {fit.prior.card_id}"})  # fmt: skip
    return rows


def _derived_rows(fit: PatientFit, theta: Floats, common: dict[str, Any], level: float) -> list[dict[str, Any]]:
    _, _, draws = fit.fitted()
    best = half_lives(theta[None, :])[0]
    each = half_lives(draws.theta)
    rows = []
    for j, name in enumerate(("half_life", "terminal_half_life")):
        lower, upper = draws.interval(each[:, j], level)
        rows.append({**common, "parameter": name, "kind": "derived", "value": float(best[j]), "stderr": np.nan,
                     "lower": lower, "upper": upper, "unit": "day", "scale": "", "contraction": np.nan,
                     "note": "ln 2 (V1 + V2)/CL" if j == 0 else "slowest disposition rate"})  # fmt: skip
    return rows


def _unit(name: str, igg_unit: IggUnit) -> str:
    return igg_unit if INDEX[name] in (C_BASE, C_INIT) else PARAMETER_UNITS[name]


def _converter(name: str, igg_unit: IggUnit) -> Any:
    return (lambda value: from_g_per_l(value, igg_unit)) if INDEX[name] in (C_BASE, C_INIT) else float
