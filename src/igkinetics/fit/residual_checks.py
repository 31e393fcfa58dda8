"""What the residuals and etas of a whole cohort say of model and prior, beside what they should say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.special import ndtri

from igkinetics.fit.columns import TABLES

Sums = Any
"""Sums by name: of all patients as a Series, or, leaving out one patient each, a DataFrame."""
LEAST_PATIENTS: Final = 5
"""Fewer give no interval that would mean anything."""


def shrinkage_table(etas: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """How far the etas are drawn together, per parameter: 1 - SD(eta)/prior SD, and 1 - var(eta)/prior variance.

    The reference is the prior SD that the fits used (between patients and uncertainty of the typical value together);
    where it differs between patients, etas are scaled by their own. A last row is for IWRES, whose reference is 1.
    """
    rows = []
    known = etas[(etas["status"] == "fitted") & etas["prior_sd"].notna()]
    for parameter, group in known.groupby("parameter", sort=False):
        reference = float(np.sqrt(np.mean(group["prior_sd"].astype(float) ** 2)))
        note = "on the logit scale" if (group["scale"] == "logit").all() else "on the log scale"
        rows.append(_shrinkage_row(str(parameter), group["eta"] / group["prior_sd"], reference, note))
    iwres = predictions.loc[predictions["status"] == "fitted", "iwres"].dropna()
    if len(iwres):
        rows.append(_shrinkage_row("IWRES", iwres, 1.0, "of residuals (epsilon shrinkage)"))
    return pd.DataFrame(rows, columns=list(TABLES["shrinkage"]))


def _shrinkage_row(quantity: str, scaled: Any, reference: float, note: str) -> dict[str, Any]:
    """scaled: values over their reference SD."""
    spread = float(np.std(np.asarray(scaled, dtype=float), ddof=1)) if len(scaled) > 1 else np.nan
    return {"quantity": quantity, "n": len(scaled), "sd": spread * reference, "reference_sd": reference,
            "shrinkage_sd": 1.0 - spread, "shrinkage_variance": 1.0 - spread**2, "note": note}  # fmt: skip


def residual_checks(predictions: pd.DataFrame, level: float) -> pd.DataFrame:
    """Mean, spread, tails and lag-1 autocorrelation of IWRES, each with its jackknife interval over patients.

    expected: under the model, to first order; curves bend towards their samples, so it is below 1 for the spread and
    not 0 for the autocorrelation.
    """
    rows = predictions[(predictions["status"] == "fitted") & predictions["iwres"].notna()]
    if rows.empty:
        return pd.DataFrame(columns=list(TABLES["residuals"]))
    each = pd.DataFrame([patient_sums(group) for _, group in rows.groupby("patient_id", sort=False)])
    total = each.sum(skipna=False)  # nothing is expected where a patient's expectation is not known
    of_all = {"n": int(total["n"]), "level": level}
    found = [
        {"quantity": "iwres_mean", **_with_interval(each, mean, level), "expected": 0.0, **of_all,
         "note": "mean of IWRES"},
        {"quantity": "iwres_sd", **_with_interval(each, spread, level), **of_all,
         "expected": np.sqrt(total["expected_squares"] / total["n"]), "note": "root mean square of IWRES"},
        {"quantity": "iwres_beyond_2", **_of_share(_with_interval(each, share_beyond, level)), **of_all,
         "expected": np.nan, "note": "share of IWRES below -2 or above 2"},
    ]  # fmt: skip
    if total["pairs"] > 0:
        expected = total["expected_products"] / total["expected_pair_squares"]
        found.append({"quantity": "iwres_lag_1", **_with_interval(each, autocorrelation, level), "level": level,
                      "expected": expected, "n": int(total["pairs"]),
                      "note": "autocorrelation of IWRES, each sample with the one before"})  # fmt: skip
    return pd.DataFrame(found, columns=list(TABLES["residuals"]))


def patient_sums(rows: pd.DataFrame) -> dict[str, float]:
    """What one patient adds to the sums of the statistics below."""
    r = rows["iwres"].to_numpy(dtype=float)
    variance = rows["iwres_expected_sd"].to_numpy(dtype=float) ** 2
    product = rows["iwres_expected_product"].to_numpy(dtype=float)[1:]
    return {
        "n": r.size,
        "r": r.sum(),
        "squares": np.sum(r**2),
        "beyond": np.sum(np.abs(r) > 2),
        "pairs": r.size - 1,
        "products": np.sum(r[1:] * r[:-1]),
        "pair_squares": 0.5 * np.sum(r[1:] ** 2 + r[:-1] ** 2),
        "expected_squares": variance.sum(),
        "expected_products": product.sum(),
        "expected_pair_squares": 0.5 * np.sum(variance[1:] + variance[:-1]),
    }


def mean(sums: Sums) -> Any:
    return sums["r"] / sums["n"]


def spread(sums: Sums) -> Any:
    return (sums["squares"] / sums["n"]) ** 0.5


def share_beyond(sums: Sums) -> Any:
    return sums["beyond"] / sums["n"]


def autocorrelation(sums: Sums) -> Any:
    return sums["products"] / sums["pair_squares"]


def _with_interval(each: pd.DataFrame, statistic: Callable[[Sums], Any], level: float) -> dict[str, float]:
    """The statistic of all, with a normal interval by the delete-one-patient error. each: a row per patient."""
    total, n = each.sum(skipna=False), len(each)
    value = float(statistic(total))
    if n < LEAST_PATIENTS:
        return {"value": value, "lower": np.nan, "upper": np.nan}
    without = statistic(total - each)
    error = float(np.sqrt((n - 1) / n * np.sum((without - without.mean()) ** 2)))
    reach = float(ndtri(0.5 + level / 2)) * error
    return {"value": value, "lower": value - reach, "upper": value + reach}


def _of_share(found: dict[str, float]) -> dict[str, float]:
    """A share lies between 0 and 1, so its interval ends there."""
    ends = {"lower": np.clip(found["lower"], 0.0, 1.0), "upper": np.clip(found["upper"], 0.0, 1.0)}
    return found | {name: float(end) for name, end in ends.items()}
