"""diagnostics.html of a fit, for those who check it: residuals, etas, shrinkage, how each optimum was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from igkinetics import text
from igkinetics.charts.svg import Captioned, Draw, Figure, draw
from igkinetics.errors import counted
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.diagnostic_plots import MOST_PROFILED, diagnostic_charts, structure_weights
from igkinetics.fit.importance import GOOD_PARETO_K
from igkinetics.fit.output import run_record
from igkinetics.report import words
from igkinetics.report.environment import render_page
from igkinetics.report.rows import Cells
from igkinetics.report.sentences import STATUS_WORDS

DIAGNOSTICS_NAME: Final = "diagnostics.html"
CHECK_WORDS: Final = {
    "iwres_mean": "mean",
    "iwres_sd": "root mean square",
    "iwres_beyond_2": "share beyond 2 standard deviations",
    "iwres_lag_1": "autocorrelation with the sample before",
}
"""quantity of residuals.csv -> words."""


def write_diagnostics(fit: CohortFit, path: Path, draw: Draw = draw) -> None:
    """Write the diagnostics of `fit` to `path`; draw: what makes figures of charts."""
    path.write_text(diagnostics_page(fit, draw), encoding="utf-8", newline="\n")


def diagnostics_page(fit: CohortFit, draw: Draw = draw) -> str:
    """The whole page as text."""
    charts = diagnostic_charts(fit)
    figures = draw([each.chart for each in charts])
    title = f"Diagnostics of {text.visible(fit.cohort.name)}"
    return render_page(
        "diagnostics.html.j2",
        title,
        run_record(fit),
        {
            "figures": by_section(charts, figures),
            "anybody": bool(charts),
            "sentences": diagnostics_sentences(fit),
            "unit": fit.cohort.igg_unit,
            "level": text.percent(fit.options.level),
            "options": fit.options,
            "good_pareto_k": GOOD_PARETO_K,
            "cross_checked": fit.options.cross_checked(fit.cohort.n_patients),
            "laplace": fit.options.intervals == "laplace",
            "residual_words": words.RESIDUAL_WORDS[fit.options.residual],
            "parameter_words": words.PARAMETER_WORDS | {"IWRES": "residuals"},
            "checks": check_rows(fit),
            "shrinkage": shrinkage_rows(fit),
            "weights": weight_rows(fit),
            "patients": patient_rows(fit),
            "profiled": int(fit.profiles["patient_id"].nunique()),
            "most_profiled": MOST_PROFILED,
        },
    )


def diagnostics_sentences(fit: CohortFit) -> list[str]:
    """Whether residuals, optima and draws are as they should be, in a sentence each; none where nobody was fitted."""
    if fit.diagnostics.empty:
        return []
    said = [residuals_sentence(row) for row in fit.residuals.to_dict("records") if row["quantity"] == "iwres_sd"]
    rows = fit.diagnostics
    apart = rows[rows["n_starts_agreeing"] < rows["n_starts"]]
    rough = rows[rows["pareto_k"].astype(float) > GOOD_PARETO_K]
    optimum = (
        f"Every start of every fit ended at the same optimum ({counted(len(rows), 'patient')})."
        if apart.empty
        else f"Not every start ended at the same optimum in {len(apart)} of {len(rows)}: {names(apart)}."
    )
    draws = (
        f"Weighted draws follow the posterior in all (Pareto k at most {GOOD_PARETO_K})."
        if rough.empty
        else f"Intervals are rough (Pareto k above {GOOD_PARETO_K}) in {names(rough)}."
    )
    return [*said, optimum, draws]


def names(rows: pd.DataFrame) -> str:
    return text.listed((text.visible(name) for name in rows["patient_id"]), 8)


def residuals_sentence(row: Mapping[Any, Any]) -> str:
    """The spread of the residuals beside what it should be."""
    found, expected = text.number(row["value"], 2), text.number(row["expected"], 2)
    if not text.known(row["expected"]):
        return f"Residuals (IWRES) spread by {found}."
    if not text.known(row["lower"]):
        return f"Residuals (IWRES) spread by {found}, expected {expected}."
    inside = row["lower"] <= row["expected"] <= row["upper"]
    ends = f"{text.number(row['lower'], 2)} to {text.number(row['upper'], 2)}"
    verdict = (
        "as they should"
        if inside
        else "more than they should"
        if row["value"] > row["expected"]
        else "less than they should"
    )
    return f"Residuals (IWRES) spread {verdict}: by {found} ({ends}), expected {expected}."


def by_section(charts: Sequence[Captioned], figures: Sequence[Figure]) -> dict[str, list[tuple[Figure, str]]]:
    """Section -> figures with their captions."""
    found: dict[str, list[tuple[Figure, str]]] = {
        name: [] for name in ("agreement", "residuals", "etas", "optimum", "structures", "profiles")
    }
    for each, figure in zip(charts, figures, strict=True):
        found[each.section].append((figure, each.caption))
    return found


def check_rows(fit: CohortFit) -> list[Cells]:
    """Statistics of IWRES, each beside what it would be were the model right."""
    return [
        {
            "quantity": CHECK_WORDS[row["quantity"]],
            "n": str(row["n"]),
            "value": text.number(row["value"], 2),
            "interval": f"{text.number(row['lower'], 2)} to {text.number(row['upper'], 2)}"
            if text.known(row["lower"])
            else text.UNKNOWN,
            "expected": text.number(row["expected"], 2),
        }
        for row in fit.residuals.to_dict("records")
    ]


def shrinkage_rows(fit: CohortFit) -> list[Cells]:
    return [
        {
            "quantity": row["quantity"],
            "n": str(row["n"]),
            "sd": text.number(row["sd"], 2),
            "reference": text.number(row["reference_sd"], 2),
            "sd_scale": share(row["shrinkage_sd"]),
            "variance_scale": share(row["shrinkage_variance"]),
            "note": row["note"],
        }
        for row in fit.shrinkage.to_dict("records")
    ]


def share(value: Any) -> str:
    """A share as whole percent."""
    return text.share(value)


def weight_rows(fit: CohortFit) -> list[Cells]:
    return [
        {
            "model": row["model"],
            "n": str(row["n"]),
            "weight": text.fraction(row["mean_weight"]),
            "best": str(row["n_best"]),
        }
        for row in structure_weights(fit).to_dict("records")
    ]


def patient_rows(fit: CohortFit) -> list[Cells]:
    """A row for every patient with numbers."""
    return [
        {
            "patient": text.visible(row["patient_id"]),
            "status": STATUS_WORDS[row["status"]],
            "measured": str(row["n_measured"]),
            "beyond": str(row["n_beyond_limit"]),
            "mean": text.number(row["iwres_mean"], 2),
            "sd": text.number(row["iwres_sd"], 2),
            "largest": text.number(row["iwres_largest"], 2),
            "largest_day": text.day(row["iwres_largest_day"]),
            "objective": text.number(row["objective"], 4),
            "pareto_k": text.number(row["pareto_k"], 2),
            "rough": "rough" if text.known(row["pareto_k"]) and row["pareto_k"] > GOOD_PARETO_K else "",
            "agreeing": f"{int(row['n_starts_agreeing'])} of {int(row['n_starts'])}",
            "optima": str(row["n_optima"]),
            "weight": text.fraction(row["model_weight"]),
            "best": row["best_model"] if text.known(row["best_model"]) else text.UNKNOWN,
            "best_weight": text.fraction(row["best_weight"]),
        }
        for row in fit.diagnostics.to_dict("records")
    ]
