"""What the patients of a cohort say together: what each group brings, covariates, conflict with the card, and what
residuals and etas say of model and prior, beside what they should say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.special import ndtri

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.outcomes import infections
from igkinetics.fit.columns import TABLES, WITH_ESTIMATES
from igkinetics.fit.problem import PRIOR_NAME
from igkinetics.fit.result import PatientFit

NEAR_DAYS: Final = 7.0
"""A sample within so many days before or after the start of an infection counts as near it."""


def groups_table(cohort: Cohort, patients: pd.DataFrame) -> pd.DataFrame:
    """One row per group in their order, "" for those without one. patients: the table of that name."""
    infected = infections(cohort)
    near = near_infection(cohort.samples, infected)
    rows = []
    for group, members in patients.groupby("group", sort=False):
        ids = set(members["patient_id"])
        own = cohort.samples["patient_id"].isin(ids)
        counts = cohort.samples.loc[own, "patient_id"].value_counts().reindex(list(ids), fill_value=0)
        row: dict[str, Any] = {
            "group": str(group),
            "n_patients": len(members),
            "n_samples": int(own.sum()),
            "n_infused": len(ids & set(cohort.doses["patient_id"])),
            "n_fitted": int((members["status"].isin(WITH_ESTIMATES)).sum()),
            "samples_median": float(counts.median()),
            "samples_least": int(counts.min()),
            "samples_most": int(counts.max()),
        }
        if len(infected):
            n_near = int(near[own.to_numpy()].sum())
            row |= {
                "n_infections": int(infected["patient_id"].isin(ids).sum()),
                "n_near_infection": n_near,
                "share_near_infection": n_near / row["n_samples"] if row["n_samples"] else np.nan,
                "near_days": NEAR_DAYS,
            }
        rows.append(row)
    return pd.DataFrame(rows, columns=list(TABLES["groups"]))


def near_infection(samples: pd.DataFrame, infected: pd.DataFrame) -> Any:
    """Which samples lie within NEAR_DAYS of an infection (a row of `infected`) of the same patient."""
    near = np.zeros(len(samples), dtype=bool)
    days = samples["day"].to_numpy(dtype=float)
    for name, rows in infected.groupby("patient_id", sort=False):
        own = np.flatnonzero((samples["patient_id"] == name).to_numpy())
        gaps = np.abs(days[own][:, None] - rows["day"].to_numpy(dtype=float)[None, :])
        near[own] = (gaps <= NEAR_DAYS).any(axis=1)
    return near


LABELS: Final = {"weight_kg": "weight (kg)", "height_cm": "height (cm)", "age_y": "age (year)"}
NOT_COVARIATES: Final = ("patient_id", "birth", "death")
MOST_CATEGORIES: Final = 6
LEAST_KNOWN: Final = 3
"""Fewer patients with a known value show nothing."""


def covariates(cohort: Cohort) -> dict[str, dict[str, Any]]:
    """Label -> {patient: number or text}, for every covariate with two or more different values.

    A text with more than MOST_CATEGORIES different values is left out. The agent is that of the first course.
    """
    table = cohort.patients.set_index("patient_id").drop(columns=[c for c in NOT_COVARIATES if c != "patient_id"])
    if len(cohort.therapy):
        table = table.assign(agent=cohort.therapy.groupby("patient_id")["agent"].first().reindex(table.index))
    found = {}
    for name in table.columns:
        values = known_values(table[name])
        numeric = all(isinstance(value, float) for value in values.values())
        n_different = len(set(values.values()))
        if len(values) >= LEAST_KNOWN and n_different >= 2 and (numeric or n_different <= MOST_CATEGORIES):
            found[LABELS.get(str(name), str(name))] = values
    return found


def known_values(column: pd.Series[Any]) -> dict[str, Any]:
    """Patient -> value where one is known: floats if all of them are numbers, else texts."""
    known = column[column.notna() & (column.astype(str) != "")]
    numbers = pd.to_numeric(known, errors="coerce")
    if numbers.notna().all():
        return {str(name): float(value) for name, value in numbers.items()}
    return {str(name): str(value) for name, value in known.items()}


FLAG_BEYOND: Final = 3.0
LEAST_CONFLICT: Final = 0.2
"""Prior SDs. Best values of a curved model are off by a little, which a thousand patients would show."""


def contraction(fit: PatientFit) -> dict[str, float]:
    """1 - (posterior SD / prior SD)^2 per estimated parameter: 0 nothing learnt, 1 all learnt."""
    problem, _, draws = fit.fitted()
    return dict(zip(problem.names, 1.0 - (draws.sd() / problem.prior_sd) ** 2, strict=True))


Learnt = dict[str, list[tuple[float, float, float, float]]]
"""Parameter -> of each patient eta, contraction, prior SD, and of it the card's own uncertainty."""


def learnt_of(fits: Sequence[PatientFit]) -> Learnt:
    """Of every fit with a prior and estimates of its own."""
    gathered: Learnt = {}
    for fit in fits:
        if fit.status not in WITH_ESTIMATES:
            continue
        problem, optimum, _ = fit.fitted()
        if not problem.has_prior:
            continue
        learnt = contraction(fit)
        for i, name in enumerate(problem.names):
            shared = fit.prior.uncertainty[PRIOR_NAME.get(name, name)]
            eta = float(optimum.x[i] - problem.mu[i])
            gathered.setdefault(name, []).append((eta, learnt[name], float(problem.prior_sd[i]), shared))
    return gathered


def prior_conflict(gathered: Learnt) -> pd.DataFrame:
    """Mean eta (MAP minus typical, estimation scale) per parameter over its expected standard error.

    A patient's eta varies by contraction * prior variance; the card's own uncertainty is shared by all patients,
    so it does not average out. Fits without a prior take no part: nothing draws their etas to it.
    Columns: parameter, mean_eta, expected_se, ratio, n, flagged (|ratio| > 3 and |mean_eta| > 0.2 prior SD).
    """
    rows = []
    for name, found in gathered.items():
        eta, learnt, sd, shared = np.array(found).T
        share = np.clip(learnt, 0.0, 1.0)
        n = eta.size
        common = np.sum(share * shared) ** 2 - np.sum((share * shared) ** 2)
        expected = float(np.sqrt(np.sum(share * sd**2) + common) / n)
        ratio = float(eta.mean() / expected) if expected > 0 else np.nan
        flagged = bool(abs(ratio) > FLAG_BEYOND and abs(eta.mean()) > LEAST_CONFLICT * sd.mean())
        rows.append((name, float(eta.mean()), expected, ratio, n, flagged))
    return pd.DataFrame(rows, columns=["parameter", "mean_eta", "expected_se", "ratio", "n", "flagged"])


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
    known = etas[(etas["status"].isin(WITH_ESTIMATES)) & etas["prior_sd"].notna()]
    for parameter, group in known.groupby("parameter", sort=False):
        reference = float(np.sqrt(np.mean(group["prior_sd"].astype(float) ** 2)))
        note = "on the logit scale" if (group["scale"] == "logit").all() else "on the log scale"
        rows.append(_shrinkage_row(str(parameter), group["eta"] / group["prior_sd"], reference, note))
    iwres = predictions.loc[predictions["status"].isin(WITH_ESTIMATES), "iwres"].dropna()
    if len(iwres):
        rows.append(_shrinkage_row("IWRES", iwres, 1.0, "of residuals (epsilon shrinkage)"))
    return pd.DataFrame(rows, columns=list(TABLES["shrinkage"]))


def _shrinkage_row(quantity: str, scaled: Any, reference: float, note: str) -> dict[str, Any]:
    """scaled: values over their reference SD."""
    spread = float(np.std(np.asarray(scaled, dtype=float), ddof=1)) if len(scaled) > 1 else np.nan
    return {
        "quantity": quantity,
        "n": len(scaled),
        "sd": spread * reference,
        "reference_sd": reference,
        "shrinkage_sd": 1.0 - spread,
        "shrinkage_variance": 1.0 - spread**2,
        "note": note,
    }


def residual_checks(predictions: pd.DataFrame, level: float) -> pd.DataFrame:
    """Mean, spread, tails and lag-1 autocorrelation of IWRES, each with its jackknife interval over patients.

    expected: under the model, to first order; curves bend towards their samples, so it is below 1 for the spread and
    not 0 for the autocorrelation.
    """
    rows = predictions[(predictions["status"].isin(WITH_ESTIMATES)) & predictions["iwres"].notna()]
    if rows.empty:
        return pd.DataFrame(columns=list(TABLES["residuals"]))
    each = patient_sums(rows)
    total = each.sum(skipna=False)  # nothing is expected where a patient's expectation is not known
    of_all = {"n": int(total["n"]), "level": level}
    found = [
        {
            "quantity": "iwres_mean",
            **_with_interval(each, mean, level),
            "expected": 0.0,
            **of_all,
            "note": "mean of IWRES",
        },
        {
            "quantity": "iwres_sd",
            **_with_interval(each, spread, level),
            **of_all,
            "expected": np.sqrt(total["expected_squares"] / total["n"]),
            "note": "root mean square of IWRES",
        },
        {
            "quantity": "iwres_beyond_2",
            **_of_share(_with_interval(each, share_beyond, level)),
            **of_all,
            "expected": np.nan,
            "note": "share of IWRES below -2 or above 2",
        },
    ]
    if total["pairs"] > 0:
        expected = total["expected_products"] / total["expected_pair_squares"]
        found.append(
            {
                "quantity": "iwres_lag_1",
                **_with_interval(each, autocorrelation, level),
                "level": level,
                "expected": expected,
                "n": int(total["pairs"]),
                "note": "autocorrelation of IWRES, each sample with the one before",
            }
        )
    return pd.DataFrame(found, columns=list(TABLES["residuals"]))


def patient_sums(rows: pd.DataFrame) -> pd.DataFrame:
    """What each patient adds to the sums of the statistics below, a row per patient; rows of one lie together."""
    owner, _ = pd.factorize(rows["patient_id"])
    r = rows["iwres"].to_numpy(dtype=float)
    variance = rows["iwres_expected_sd"].to_numpy(dtype=float) ** 2
    product = rows["iwres_expected_product"].to_numpy(dtype=float)
    n = int(owner[-1]) + 1
    pair = np.append(False, owner[1:] == owner[:-1])
    before = np.append(np.nan, r[:-1])
    variance_before = np.append(np.nan, variance[:-1])

    def over_patients(values: Any) -> Any:
        return np.bincount(owner, values, n)

    def over_pairs(values: Any) -> Any:
        return np.bincount(owner[pair], values[pair], n)

    return pd.DataFrame(
        {
            "n": over_patients(np.ones(r.size)),
            "r": over_patients(r),
            "squares": over_patients(r**2),
            "beyond": over_patients(np.abs(r) > 2),
            "pairs": over_pairs(np.ones(r.size)),
            "products": over_pairs(r * before),
            "pair_squares": 0.5 * over_pairs(r**2 + before**2),
            "expected_squares": over_patients(variance),
            "expected_products": over_pairs(product),
            "expected_pair_squares": 0.5 * over_pairs(variance + variance_before),
        }
    )


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
