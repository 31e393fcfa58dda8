"""report.html of a population fit, for pharmacometricians."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from igkinetics import text
from igkinetics.cards.private import private_sentences
from igkinetics.charts.diagnostic_charts import eta_chart
from igkinetics.charts.goodness_charts import check_chart, goodness_chart
from igkinetics.charts.svg import Chart, draw
from igkinetics.errors import counted
from igkinetics.fit.cohort_checks import covariates
from igkinetics.population.output import population_record
from igkinetics.population.run import PopulationFit
from igkinetics.report.card_view import card_view
from igkinetics.report.environment import render_page
from igkinetics.report.rows import Cells

Captioned = tuple[str, str, Chart]
"""Section, caption and chart."""
LIKELIHOOD_WORDS: Final = {
    "n_patients": "Patients",
    "n_samples": "Samples",
    "n_parameters": "Parameters",
    "minus_two_log_likelihood": "−2 log likelihood, integrated",
    "minus_two_log_likelihood_focei": "−2 log likelihood, FOCEI",
    "minus_two_log_likelihood_laplace": "−2 log likelihood, Laplace",
    "ofv_focei": "OFV, FOCEI",
    "aic": "AIC",
    "bic": "BIC",
    "condition_number": "Condition number",
    "gain_left": "Gain left",
    "n_evaluations": "Evaluations",
}
METHOD_WORDS: Final = {
    "focei": "Laplace's approximation at the conditional modes with the expected information (FOCEI in NONMEM's sense)",
    "exact": "the likelihood integrated over each patient's random effects, started from FOCEI's maximum",
}


def write_population_report(fit: PopulationFit, path: Path) -> None:
    path.write_text(population_report(fit), encoding="utf-8", newline="\n")


def population_report(fit: PopulationFit) -> str:
    """The whole page as text; every name from the input is escaped."""
    charts = [*goodness_charts(fit), *check_charts(fit), *covariate_charts(fit)]
    figures = draw([chart for _, _, chart in charts])
    by_section: dict[str, list[tuple[Any, str]]] = {"goodness": [], "checks": [], "etas": []}
    for (section, caption, _), figure in zip(charts, figures, strict=True):
        by_section[section].append((figure, caption))
    card = fit.prepared.card
    title = f"Population of {text.visible(fit.cohort.name)}"
    return render_page(
        "population.html.j2",
        title,
        population_record(fit),
        {
            "sentences": population_sentences(fit),
            "notes": fit.notes,
            "method": METHOD_WORDS[fit.options.method],
            "structure": fit.prepared.structure,
            "level": text.percent(fit.options.level),
            "parameters": parameter_rows(fit),
            "likelihood": likelihood_rows(fit),
            "shrinkage": shrinkage_rows(fit),
            "tests": test_rows(fit),
            "models": model_rows(fit),
            "figures": by_section,
            "options": {"prior": "card"},
            "cards": [card_view(card.id, card.sha256, fit.options.card)],
        },
    )


def number(value: Any, digits: int = 4) -> str:
    """So many significant digits, or a dash."""
    return text.number(value, digits)


def parameter_rows(fit: PopulationFit) -> list[Cells]:
    return [
        {
            "parameter": text.visible(row["parameter"]),
            "kind": row["kind"],
            "estimate": f"{number(row['estimate'])} {row['unit'].removeprefix('1')}".strip()
            if row["unit"] == "1"
            else f"{number(row['estimate'])} {row['unit']}",
            "se": number(row["se"], 3),
            "robust": number(row["se_robust"], 3),
            "rse": number(row["rse_percent"], 3),
            "interval": f"{number(row['lower'])} to {number(row['upper'])}"
            if text.known(row["lower"])
            else text.UNKNOWN,
            "card": number(row["card_value"]),
            "note": text.visible(row["note"], 200),
        }
        for row in fit.population.to_dict("records")
    ]


def likelihood_rows(fit: PopulationFit) -> list[Cells]:
    return [
        {
            "quantity": LIKELIHOOD_WORDS.get(row["quantity"], row["quantity"]),
            "value": number(row["value"], 8),
            "note": row["note"],
        }
        for row in fit.likelihood.to_dict("records")
    ]


def model_rows(fit: PopulationFit) -> list[Cells]:
    """The models beside each other; nothing where only the base was fitted."""
    if len(fit.models) < 2:
        return []
    return [
        {
            "model": text.visible(row["model"]),
            "n": number(row["n_parameters"]),
            **{
                name: number(row[name], 7)
                for name in ("minus_two_log_likelihood", "minus_two_log_likelihood_focei", "aic", "bic")
            },
            **{name: number(row[name]) for name in ("minus_two_log_change", "df")},
            "p": number(row["p"], 2),
            "note": text.visible(row["note"], 200),
        }
        for row in fit.models.to_dict("records")
    ]


def shrinkage_rows(fit: PopulationFit) -> list[Cells]:
    return [
        {
            "quantity": text.visible(row["quantity"]),
            "n": str(row["n"]),
            "omega": number(row["omega"], 3),
            "sd": number(row["sd"], 3),
            **{
                name: text.share(row[name])
                for name in ("shrinkage_sd", "shrinkage_variance", "shrinkage_sd_prior", "shrinkage_variance_prior")
            },
        }
        for row in fit.shrinkage.to_dict("records")
    ]


def test_rows(fit: PopulationFit) -> list[Cells]:
    return [
        {
            "parameter": text.visible(row["parameter"]),
            "covariate": text.visible(row["covariate"]),
            "form": row["form"],
            "coefficient": number(row["coefficient"], 3),
            "change": number(row["minus_two_log_change"], 3),
            "df": number(row["df"]),
            "p": number(row["p"], 2),
            "p_holm": number(row["p_holm"], 2),
            "reason": text.visible(row["reason"], 200),
        }
        for row in fit.covariates.to_dict("records")
    ]


def goodness_charts(fit: PopulationFit) -> list[Captioned]:
    rows, unit = fit.residuals, fit.cohort.igg_unit
    observed, day = f"Observed ({unit})", "Time (day)"
    pred, ipred = f"PRED ({unit})", f"IPRED ({unit})"
    measured = rows[rows["limit"] == ""]
    drawn = [
        ("pred", "observed", (pred, observed), True, "Observed against PRED, the level at typical values."),
        ("ipred", "observed", (ipred, observed), True, "Observed against IPRED, the level at the conditional mode."),
        ("ipred", "iwres", (ipred, "IWRES"), False, "IWRES against IPRED."),
        ("day", "cwres", (day, "CWRES"), False, "CWRES against time."),
        ("pred", "cwres", (pred, "CWRES"), False, "CWRES against PRED."),
        ("day", "npde", (day, "NPDE"), False, "NPDE against time."),
        ("pred", "npde", (pred, "NPDE"), False, "NPDE against PRED."),
    ]
    return [
        (
            "goodness",
            caption,
            (f"{titles[1]} against {titles[0]}", goodness_chart(measured, x, y, titles, identity=line)),
        )
        for x, y, titles, line, caption in drawn
    ]


def check_charts(fit: PopulationFit) -> list[Captioned]:
    captions = {
        "vpc": "Visual predictive check: percentiles 5, 50 and 95 of the record (dots) and of simulations of its own "
        f"doses and days (line: their median; box: {text.percent(fit.options.level)} of them).",
        "pcvpc": "The same, corrected for what is predicted for each sample.",
        "share_below": "Share of samples below the lower limit, in the record and in simulations.",
    }
    return [
        ("checks", captions[kind], (captions[kind], check_chart(rows, kind, fit.cohort.igg_unit)))
        for kind in captions
        if len(rows := fit.vpc[fit.vpc["kind"] == kind])
    ]


def covariate_charts(fit: PopulationFit) -> list[Captioned]:
    members = set(fit.prepared.patient_ids)
    found = []
    for label, values in covariates(fit.cohort).items():
        own = {name: value for name, value in values.items() if name in members}
        if len(set(own.values())) > 1:
            name = text.visible(label)
            etas = fit.etas[fit.etas["occasion"] == ""]
            found.append(("etas", f"Etas against {name}.", (f"Etas against {name}", eta_chart(etas, label, own))))
    return found


def who(fit: PopulationFit) -> str:
    """Patients, and their records where a reset began further ones."""
    records = fit.cohort.records
    patients = {records.get(name, name) for name in fit.prepared.patient_ids}
    n = len(fit.prepared.members)
    told = counted(len(patients), "patient")
    return told if n == len(patients) else f"{counted(n, 'record')} of {told}"


def population_sentences(fit: PopulationFit) -> list[str]:
    """For the end of the command and the head of the page."""
    of = fit.likelihood.set_index("quantity")["value"]
    worst = fit.shrinkage[fit.shrinkage["quantity"] != "epsilon"].sort_values("shrinkage_sd").iloc[-1]
    typical = fit.population[fit.population["kind"] == "typical"]
    said = [
        f"−2 log likelihood {of['minus_two_log_likelihood']:.3f} (integrated), "
        f"{of['minus_two_log_likelihood_focei']:.3f} by FOCEI; OFV {of['ofv_focei']:.3f}; no prior has a part in them.",
        f"Most shrinkage: {worst['quantity']}, {text.share(worst['shrinkage_sd'])} on the SD scale.",
    ]
    values = ", ".join(
        f"{row['parameter']} {number(row['estimate'], 3)} {row['unit']}".removesuffix(" 1")
        + (f" (RSE {number(row['rse_percent'], 2)} %)" if text.known(row["rse_percent"]) else "")
        for row in typical.to_dict("records")
    )
    said = [
        f"Typical, for the cohort's median patient: {values}." if values else "No typical value was estimated.",
        f"{who(fit)}, {counted(fit.prepared.arrays.day.size, 'sample')}, {fit.prepared.structure}; {fit.verdict}.",
        *said,
    ]
    if not fit.maximum.converged:
        said.insert(
            0, "The fit did not converge: its numbers are no estimates, and the model asks more than the data tell."
        )
    if fit.prepared.left_out:
        said.append(f"Left out: {counted(len(fit.prepared.left_out), 'patient')}.")
    return [*said, *private_sentences(fit.card_ids)]
