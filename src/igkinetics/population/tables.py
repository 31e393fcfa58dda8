"""Every table of a population fit: columns declared once, rows made of the maximum."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Cohort
from igkinetics.kinetics.parameters import PARAMETER_UNITS, Floats
from igkinetics.population.beside import COLUMNS as MODEL_COLUMNS
from igkinetics.population.covariance import Quantity, Uncertainty, quantities
from igkinetics.population.exact import Exact
from igkinetics.population.maximise import Maximum
from igkinetics.population.prepare import Prepared
from igkinetics.population.residuals import Residuals
from igkinetics.scales import from_scale
from igkinetics.units import IggUnit, from_g_per_l

COLUMNS: Final[dict[str, dict[str, str]]] = {
    "population": {
        "parameter": "a typical value, omega_X (SD between patients on the scale of X), omega_iov_X (SD between "
        "occasions of a patient), corr_X_Y, a, b, or X:covariate",
        "kind": "typical, covariate, omega, omega_iov, correlation, error; fixed: held at the card's",
        "estimate": "maximum-likelihood estimate, in `unit`; typical values are those of the cohort's median patient",
        "se": "standard error from the Hessian (R), by the delta method; empty at a bound",
        "se_robust": "the same from R^-1 S R^-1",
        "rse_percent": "se over the estimate",
        "lower": "end of the interval, symmetric on `scale`",
        "upper": "end of the interval",
        "level": "level of the interval",
        "unit": "unit of the estimate",
        "scale": "on which it was estimated: log, logit, tanh or none",
        "card_value": "of the card that the search started from",
        "note": "what is to be known about this row",
    },
    "likelihood": {
        "quantity": "what the value is",
        "value": "the value; levels enter in the cohort's unit",
        "note": "constants and method",
    },
    "etas": {
        "patient_id": "the patient, as named in the data",
        "group": "the patient's group",
        "parameter": "name of the parameter",
        "occasion": "empty: the patient's; else the occasion whose change from that the row holds",
        "eta": "empirical Bayes estimate: the conditional mode, on the parameter's scale",
        "eta_se": "SD of the random effect given the samples, from the curvature at the mode",
        "typical": "the patient's typical value, covariates included; of an occasion, the patient's own value",
        "individual": "the patient's value at the mode, of an occasion that in it",
        "unit": "unit of the values",
        "scale": "log or logit",
    },
    "shrinkage": {
        "quantity": "a parameter, iov_X (its changes between occasions), or epsilon (IWRES)",
        "n": "patients, patients' occasions, or samples, behind the row",
        "sd": "SD of the etas around 0, or of IWRES",
        "omega": "SD between patients, or occasions, in the fit (epsilon: 1)",
        "shrinkage_sd": "1 - sd / omega",
        "shrinkage_variance": "1 - sd^2 / omega^2",
        "one_patient_sd": "SD of one patient's prior: omega and the standard error of the typical value together",
        "shrinkage_sd_prior": "1 - sd / one_patient_sd",
        "shrinkage_variance_prior": "1 - sd^2 / one_patient_sd^2",
    },
    "residuals": {
        "patient_id": "the patient, as named in the data",
        "group": "the patient's group",
        "day": "day number in the patient's own time",
        "observed": "measured IgG; the limit, where only a limit is known",
        "limit": "empty (measured), below or above",
        "pred": "level at the patient's typical values",
        "ipred": "level at the conditional mode",
        "iwres": "observed less ipred, over the SD of the error",
        "cwres": "conditional weighted residual (FOCE linearisation at the mode)",
        "npde": "normalised prediction distribution error, decorrelated",
        "unit": "unit of the levels",
    },
    "covariates": {
        "parameter": "parameter moved",
        "covariate": "column of the patients table",
        "form": "power (of the ratio to the reference), exponential (of the difference), category (per level)",
        "reference": "median, or commonest level",
        "coefficient": "estimate, on the parameter's scale; of a category with several levels, each",
        "se": "its standard error",
        "minus_two_log_change": "fall of -2 log likelihood when it is added (FOCEI)",
        "df": "coefficients added",
        "p": "likelihood-ratio test",
        "p_holm": "the same, corrected for all rows of this table (Holm)",
        "reason": "why there is none",
    },
    "models": MODEL_COLUMNS,
}
"""Table -> its columns with their meaning. vpc.csv: vpc.COLUMNS."""
MOST_LOG_SE: Final = 2.0
"""Standard error of a logarithm beyond which an interval would span more than three orders of magnitude."""


def unit_of(name: str, igg_unit: IggUnit) -> str:
    """Unit of a typical value."""
    if name == "k":
        return "1/day"
    if name == "C_init":
        return "1"
    if name.startswith("S_"):
        return "1"
    unit = PARAMETER_UNITS[name]
    return igg_unit if unit == "g/L" else unit


def in_unit(name: str, value: float, igg_unit: IggUnit) -> float:
    """A typical value, or an additive error, in the cohort's unit."""
    return from_g_per_l(value, igg_unit) if name in ("C_base", "a") else value


def population_table(
    prepared: Prepared, maximum: Maximum, uncertainty: Uncertainty, level: float, igg_unit: IggUnit
) -> tuple[pd.DataFrame, list[Quantity]]:
    found = quantities(prepared, maximum.phi, uncertainty, level)
    rows = [quantity_row(prepared, one, maximum, level, igg_unit) for one in found]
    known = {one.name for one in found}
    rows += held_rows(prepared, known, level, igg_unit)
    return pd.DataFrame(rows, columns=list(COLUMNS["population"])), found


def quantity_row(
    prepared: Prepared, one: Quantity, maximum: Maximum, level: float, igg_unit: IggUnit
) -> dict[str, Any]:
    notes = []
    at_bound = one.name in maximum.at_bound or one.name.removeprefix("corr_") in maximum.at_bound
    if at_bound:
        spread = one.name.removeprefix("omega_")
        without = f" (--no-random {spread} leaves it out)" if spread in prepared.model.random_names else ""
        notes.append(f"at a bound of the search: no standard error{without}")
    elif not np.isfinite(one.se):
        notes.append("the likelihood does not curve in every direction: no standard error")
    if one.name == "C_init":
        notes.append("ratio to C_base")
    if one.kind == "covariate":
        effect = next(effect for effect in prepared.effects if effect.label == one.name)
        notes.append(
            f"{effect.form}, reference {effect.reference}" + (f", level {effect.level}" if effect.level else "")
        )
        unit = "1"
    elif one.kind == "typical":
        unit = unit_of(one.name, igg_unit)
    else:
        unit = igg_unit if one.name == "a" else "1"
    values = {
        key: in_unit(one.name, getattr(one, key), igg_unit)
        for key in ("estimate", "se", "se_robust", "lower", "upper", "card_value")
    }
    if one.scale == "log" and one.se > MOST_LOG_SE * one.estimate:
        notes.append("the data hardly speak to it: no interval")
        values |= {"lower": np.nan, "upper": np.nan}
    return {
        "parameter": one.name,
        "kind": one.kind,
        **values,
        "rse_percent": 100.0 * one.se / abs(one.estimate) if one.estimate else np.nan,
        "level": level,
        "unit": unit,
        "scale": one.scale,
        "note": "; ".join(notes),
    }


def held_rows(prepared: Prepared, known: set[str], level: float, igg_unit: IggUnit) -> list[dict[str, Any]]:
    """Typical values that the model needs and that stay at the card's."""
    first = prepared.members[0]
    estimated = {name.partition("_")[0] if name.startswith("S_") else name for name in known}
    rows = []
    for name, value in first.prior.typical.items():
        own = "C_init" if name == "C_init_ratio" else name
        needed = np.isfinite(value) and own not in estimated and value > 0
        if own in ("clearance_ratio", "production_ratio") or not needed or (own == "CL" and "k" in estimated):
            continue
        if own in ("ka", "F") and not any(member.patient.dose_is_sc.any() for member in prepared.members):
            continue
        if own == "C_init" and first.prior.typical["C_base"] == 0:
            continue
        if first.prior.disposition == "one_compartment" and own in ("Q", "V2"):
            continue
        values = dict.fromkeys(("se", "se_robust", "rse_percent", "lower", "upper"), np.nan)
        shown = in_unit(own, value, igg_unit)
        rows.append(
            {"parameter": own, "kind": "fixed", "estimate": shown, **values, "level": level}
            | {"unit": unit_of(own, igg_unit), "scale": "", "card_value": shown}
            | {"note": "held at the card's, of the first patient" + ("; ratio to C_base" if own == "C_init" else "")}
        )
    return rows


def likelihood_table(
    cohort: Cohort, prepared: Prepared, maximum: Maximum, exact: Exact, uncertainty: Uncertainty, method: str
) -> pd.DataFrame:
    """-2 log likelihoods of the levels in the cohort's unit; no prior has a part in any of them."""
    arrays = prepared.arrays
    n_measured = int((arrays.limit == 0).sum())
    shift = 2.0 * n_measured * np.log(from_g_per_l(1.0, cohort.igg_unit))
    focei = 2.0 * float(maximum.found.value.sum()) + shift
    laplace = 2.0 * float(maximum.found.laplace.sum()) + shift
    integrated = -2.0 * exact.total + shift
    constant = n_measured * np.log(2.0 * np.pi)
    k = len(prepared.model.labels) - len(maximum.at_bound)
    n = arrays.n_patients
    rows = [
        ("n_patients", n, f"{len(prepared.left_out)} left out"),
        ("n_samples", arrays.day.size, f"{arrays.day.size - n_measured} beyond a limit"),
        ("n_parameters", k, "estimated, at no bound"),
        ("minus_two_log_likelihood", integrated, f"{exact.rule}; numerical error about {2 * exact.error:.2g}"),
        (
            "minus_two_log_likelihood_focei",
            focei,
            "Laplace, expected information at the modes: FOCEI in NONMEM's sense",
        ),
        ("minus_two_log_likelihood_laplace", laplace, "Laplace, full second derivative: LAPLACE in NONMEM's sense"),
        ("ofv_focei", focei - constant, f"without {constant:.4f} = log(2 pi) for each of {n_measured} measured values"),
        ("aic", integrated + 2 * k, "of the integrated likelihood"),
        ("bic", integrated + k * np.log(n), "of the integrated likelihood; log of the number of patients"),
        ("condition_number", uncertainty.condition, "of the correlations of the estimates"),
        ("gain_left", maximum.gain, "of log likelihood, that one more Newton step foresees"),
        ("n_evaluations", maximum.n_evaluations, f"of the {method} likelihood with its gradient"),
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS["likelihood"]))
    return table.assign(value=table["value"].astype(float))


def eta_table(prepared: Prepared, mu: Floats, maximum: Maximum, igg_unit: IggUnit) -> pd.DataFrame:
    """A row per patient and parameter that varies and that the patient has."""
    model, found = prepared.model, maximum.found
    sd = np.sqrt(np.diagonal(np.linalg.inv(found.curvature), axis1=1, axis2=2))
    rows = []
    for i, member in enumerate(prepared.members):
        for j, place in enumerate(model.random):
            name = model.names[place]
            kinetic = "CL" if name == "k" else name
            if kinetic not in member.problem.names:
                continue
            scale = "logit" if name in ("S", "F") else "log"
            typical = float(mu[i, place])
            values = [from_scale(value, scale) for value in (typical, typical + float(found.eta[i, j]))]
            rows.append(
                {
                    "patient_id": member.patient.patient_id,
                    "group": member.patient.group,
                    "parameter": name,
                    "occasion": "",
                    "eta": float(found.eta[i, j]),
                    "eta_se": float(sd[i, j]),
                    "typical": in_unit(name, values[0], igg_unit),
                    "individual": in_unit(name, values[1], igg_unit),
                    "unit": unit_of(name, igg_unit),
                    "scale": scale,
                }
            )
        rows += occasion_rows(prepared, i, mu, found.eta[i], sd[i], igg_unit)
    return pd.DataFrame(rows, columns=list(COLUMNS["etas"]))


def occasion_rows(
    prepared: Prepared, i: int, mu: Floats, eta: Floats, sd: Floats, igg_unit: IggUnit
) -> list[dict[str, Any]]:
    """Of patient i: each occasion's change, and the value in it, of each parameter that varies between occasions."""
    model, member = prepared.model, prepared.members[i]
    columns, q = model.occasions.columns, model.random.size
    rows = []
    for number, occasion in enumerate(prepared.occasions[i].names if prepared.occasions else ()):
        for j, column in enumerate(columns):
            name, place = model.names[column], q + number * columns.size + j
            if ("CL" if name == "k" else name) not in member.problem.names:
                continue
            scale = "logit" if name == "S" else "log"
            own = float(mu[i, column] + eta[:q][model.random == column].sum())
            values = [from_scale(value, scale) for value in (own, own + float(eta[place]))]
            rows.append(
                {
                    "patient_id": member.patient.patient_id,
                    "group": member.patient.group,
                    "parameter": name,
                    "occasion": occasion,
                    "eta": float(eta[place]),
                    "eta_se": float(sd[place]),
                    "typical": in_unit(name, values[0], igg_unit),
                    "individual": in_unit(name, values[1], igg_unit),
                    "unit": unit_of(name, igg_unit),
                    "scale": scale,
                }
            )
    return rows


def shrinkage_table(etas: pd.DataFrame, found: list[Quantity], residuals: Residuals) -> pd.DataFrame:
    """By omega, as publications give it, and by one patient's prior; the last row is epsilon's."""
    of_name = {one.name: one for one in found}
    rows = []
    within = etas["occasion"] != ""
    for name, own in etas[~within].groupby("parameter", sort=False):
        omega = of_name[f"omega_{name}"].estimate
        of_class = (one for label, one in of_name.items() if name == "S" and label.startswith("S_"))
        typical = of_name.get(str(name), next(of_class, None))
        width = 0.0
        if typical is not None and np.isfinite(typical.se):
            value = typical.estimate
            width = typical.se / (value * (1.0 - value) if typical.scale == "logit" else value)
        rows.append(shrinkage_row(str(name), len(own), float(np.sqrt(np.mean(own["eta"] ** 2))), omega, width))
    for name, own in etas[within].groupby("parameter", sort=False):
        omega = of_name[f"omega_iov_{name}"].estimate
        rows.append(shrinkage_row(f"iov_{name}", len(own), float(np.sqrt(np.mean(own["eta"] ** 2))), omega, 0.0))
    iwres = residuals.iwres[np.isfinite(residuals.iwres)]
    rows.append(shrinkage_row("epsilon", iwres.size, float(np.sqrt(np.mean(iwres**2))), 1.0, 0.0))
    return pd.DataFrame(rows, columns=list(COLUMNS["shrinkage"]))


def shrinkage_row(name: str, n: int, sd: float, omega: float, uncertainty: float) -> dict[str, Any]:
    prior = float(np.hypot(omega, uncertainty))
    return {
        "quantity": name,
        "n": n,
        "sd": sd,
        "omega": omega,
        "shrinkage_sd": 1.0 - sd / omega,
        "shrinkage_variance": 1.0 - (sd / omega) ** 2,
        "one_patient_sd": prior,
        "shrinkage_sd_prior": 1.0 - sd / prior,
        "shrinkage_variance_prior": 1.0 - (sd / prior) ** 2,
    }


def residual_table(prepared: Prepared, residuals: Residuals, igg_unit: IggUnit) -> pd.DataFrame:
    arrays = prepared.arrays
    counts = np.diff(arrays.sample_bounds)
    members = prepared.members
    levels = {
        name: from_g_per_l(values, igg_unit)
        for name, values in (("observed", arrays.igg), ("pred", residuals.pred), ("ipred", residuals.ipred))
    }
    return pd.DataFrame(
        {
            "patient_id": np.repeat([member.patient.patient_id for member in members], counts),
            "group": np.repeat([member.patient.group for member in members], counts),
            "day": arrays.day,
            "limit": np.select([arrays.limit < 0, arrays.limit > 0], ["below", "above"], ""),
            "iwres": residuals.iwres,
            "cwres": residuals.cwres,
            "npde": residuals.npde,
            "unit": igg_unit,
            **levels,
        }
    )[list(COLUMNS["residuals"])]
