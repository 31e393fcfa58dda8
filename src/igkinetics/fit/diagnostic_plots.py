"""The charts of those who check a fit, one specification each with title and caption."""

from __future__ import annotations

from typing import Final

import pandas as pd
from scipy.stats import chi2

from igkinetics import text
from igkinetics.charts.diagnostic_charts import (
    MOST_PATIENTS,
    MOST_POINTS,
    agreement_chart,
    eta_chart,
    pareto_chart,
    profile_chart,
    residual_chart,
    weights_chart,
)
from igkinetics.charts.svg import Captioned
from igkinetics.fit.cohort_checks import covariates
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.columns import WITH_ESTIMATES
from igkinetics.fit.importance import GOOD_PARETO_K

MOST_PROFILED: Final = 60
"""Patients whose profiles are drawn; profiles.csv holds all."""


def diagnostic_charts(fit: CohortFit) -> list[Captioned]:
    """In the order of the page; none when nobody was fitted."""
    predictions = fit.predictions[fit.predictions["status"].isin(WITH_ESTIMATES)]
    if predictions.empty:
        return []
    found = [*residual_charts(fit, predictions), *covariate_charts(fit), *quality_charts(fit)]
    return [*found, *profile_charts(fit)]


def residual_charts(fit: CohortFit, predictions: pd.DataFrame) -> list[Captioned]:
    unit = fit.cohort.igg_unit
    drawn = f" {MOST_POINTS} of {len(predictions)} samples, evenly spaced." if len(predictions) > MOST_POINTS else ""
    hollow = " Hollow: beyond a limit of the assay." if (predictions["limit"] != "").any() else ""
    smooth = " Black: a smooth through the points. Dashed: 2 standard deviations of the error." + drawn
    agreement = {
        "pred": "Observed against PRED, the curve at the card's typical values for each patient.",
        "ipred": "Observed against IPRED, each patient's fitted curve.",
    }
    residual = {
        "day": ("IWRES against time", "IWRES against time."),
        "ipred": (f"IWRES against IPRED, {unit}", "IWRES against IPRED."),
        "previous": (
            "IWRES against that of the sample before",
            "IWRES against that of the same patient's measured sample before.",
        ),
    }
    return [
        *(
            Captioned(
                section="agreement",
                title=f"Observed IgG against {name.upper()}, {unit}",
                caption=said + hollow + drawn,
                spec=agreement_chart(predictions, name, unit),
            )
            for name, said in agreement.items()
        ),
        *(
            Captioned(
                section="residuals", title=title, caption=said + smooth, spec=residual_chart(predictions, name, unit)
            )
            for name, (title, said) in residual.items()
        ),
    ]


def covariate_charts(fit: CohortFit) -> list[Captioned]:
    """One chart per covariate, a panel per parameter."""
    etas = fit.etas[fit.etas["status"].isin(WITH_ESTIMATES)]
    fitted = set(etas["patient_id"])
    found = []
    for label, values in covariates(fit.cohort).items():
        own = {name: value for name, value in values.items() if name in fitted}
        if len(set(own.values())) < 2:
            continue
        shown = f" {MOST_PATIENTS} or fewer of {len(own)} patients, evenly spaced." if len(own) > MOST_PATIENTS else ""
        name = text.visible(label)
        caption = f"Etas against {name} with the straight line (or mean) through them.{shown}"
        found.append(
            Captioned(section="etas", title=f"Etas against {name}", caption=caption, spec=eta_chart(etas, label, own))
        )
    return found


def structure_weights(fit: CohortFit) -> pd.DataFrame:
    """Columns model, n (patients with this structure), mean_weight, n_best; over patients that were fitted."""
    fitted = set(fit.patients.loc[fit.patients["status"].isin(WITH_ESTIMATES), "patient_id"])
    rows = fit.structures[fit.structures["patient_id"].isin(fitted) & fit.structures["weight"].notna()]
    if rows.empty:
        return pd.DataFrame(columns=["model", "n", "mean_weight", "n_best"])
    named = rows["model"].where(rows["drift_sd"] == 0, "drift around " + rows["model"])
    rows = rows.assign(model=named).groupby(["patient_id", "model"], sort=False)[["weight"]].sum().reset_index()
    best = rows.loc[rows.groupby("patient_id", sort=False)["weight"].idxmax(), "model"].value_counts()
    by_model = rows.groupby("model", sort=False)["weight"]
    # a patient without a structure (no therapy: no loss) gives it the weight 0
    found = pd.DataFrame({"n": by_model.size(), "mean_weight": by_model.sum() / rows["patient_id"].nunique()})
    found["n_best"] = best.reindex(found.index, fill_value=0)
    return found.sort_values("mean_weight", ascending=False, kind="stable").reset_index()


def quality_charts(fit: CohortFit) -> list[Captioned]:
    fitted = fit.diagnostics[fit.diagnostics["status"].isin(WITH_ESTIMATES)]
    weights = structure_weights(fit)
    found = []
    if fitted["pareto_k"].notna().any():
        caption = f"Pareto k of every patient; beyond {GOOD_PARETO_K} (dashed) the intervals are rough."
        found.append(
            Captioned(
                section="optimum",
                title="Number of patients by Pareto k",
                caption=caption,
                spec=pareto_chart(fitted, GOOD_PARETO_K),
            )
        )
    if len(weights):
        found.append(
            Captioned(
                section="structures",
                title="Mean weight of each model structure",
                caption="Mean weight of each structure over the fitted patients.",
                spec=weights_chart(weights),
            )
        )
    return found


def profile_charts(fit: CohortFit) -> list[Captioned]:
    """One chart per patient, when profiles were asked for."""
    rise = float(chi2.ppf(fit.options.level, 1))
    caption = (
        "Rise of -2 log posterior with one parameter held and all others fitted again (blue); what the standard error "
        f"alone says (orange, dashed); where a {text.percent(fit.options.level)} interval ends (dotted)."
    )
    groups = list(fit.profiles.groupby("patient_id", sort=False))[:MOST_PROFILED]
    return [
        Captioned(
            section="profiles",
            title=f"Likelihood profiles of patient {text.visible(name)}",
            caption=caption,
            spec=profile_chart(rows, rise),
        )
        for name, rows in groups
    ]
