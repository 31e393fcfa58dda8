"""report.html of a fit: one file, no network, no script, readable on paper and on a telephone."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

from igkinetics import text
from igkinetics.cards.load import load_card
from igkinetics.cards.scaling import default_structure
from igkinetics.charts.cohort_chart import MOST_ROWS
from igkinetics.charts.curves_chart import MOST_CURVES
from igkinetics.charts.svg import Captioned, Draw, draw
from igkinetics.cohort.outcomes import infections, patients_with_outcomes
from igkinetics.errors import InputError
from igkinetics.fit.cohort_checks import NEAR_DAYS
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.drift_process import DRIFT_DAYS
from igkinetics.fit.output import NO_EXTRAS, Extras, date_of, run_record
from igkinetics.fit.plots import curves_spec, fitted_nadirs, nadirs_chart, patient_charts, selected_patients
from igkinetics.fit.weights import DRIFT_SDS
from igkinetics.kinetics.parameters import DEFAULT_STRUCTURE
from igkinetics.report import rows, words
from igkinetics.report.below import below_sentences
from igkinetics.report.card_view import CardView, card_view
from igkinetics.report.environment import SCRIPT as SCRIPT
from igkinetics.report.environment import SCRIPT_HASH as SCRIPT_HASH
from igkinetics.report.environment import render_page
from igkinetics.report.limits import learnt, limit_sentences, sensitivities
from igkinetics.report.patient_view import patient_views
from igkinetics.report.sentences import five_sentences, sampling_sentence

REPORT_NAME: Final = "report.html"


def write_fit_report(fit: CohortFit, path: Path, draw: Draw = draw, extras: Extras = NO_EXTRAS) -> None:
    """Write the report of `fit` to `path`; draw: what makes figures of charts."""
    path.write_text(fit_report(fit, draw, extras), encoding="utf-8", newline="\n")


def fit_report(fit: CohortFit, draw: Draw = draw, extras: Extras = NO_EXTRAS) -> str:
    """The whole page as text. Every name from the input is escaped; anchors are made from numbers."""
    calendar: rows.Calendar = partial(date_of, fit) if extras.dates else no_date
    chosen = selected_patients(fit)
    cohort = cohort_charts(fit)
    figures = draw(
        [
            *(each.chart for each in cohort),
            *patient_charts(fit, (fit.cohort.patient(name) for name in chosen), dates=extras.dates),
        ]
    )
    drawn = {
        "cohort_figures": [(figure, each.caption) for each, figure in zip(cohort, figures, strict=False)],
        "patients": patient_views(fit, chosen, figures[len(cohort) :], calendar),
        "nadirs": rows.nadir_rows(fit, chosen, calendar),
        "chips": rows.chips(fit, chosen),
        "without_chart": len(fit.patients) - len(chosen),
        "calendar_words": calendar_words(fit, extras),
    }
    title = f"IgG kinetics of {text.visible(fit.cohort.name)}"
    return render_page("fit.html.j2", title, run_record(fit, extras), page_values(fit) | drawn)


def no_date(patient_id: str, day: Any) -> str:
    return ""


def calendar_words(fit: CohortFit, extras: Extras) -> str:
    """What is said about dates, when they were asked for."""
    if not extras.dates:
        return ""
    if not fit.cohort.day_zero:
        return "Calendar dates were asked for, but the cohort is in day numbers: none is known."
    return "This report tells calendar dates, as asked for: it is not de-identified."


def structure_of_card(source: str) -> str:
    """The structure that is fitted where none was asked for; the default where the card cannot be read any more."""
    try:
        return default_structure(load_card(source))
    except InputError:
        return DEFAULT_STRUCTURE


def page_values(fit: CohortFit) -> dict[str, Any]:
    """What the template shows, apart from the patients."""
    structure = fit.options.structure or structure_of_card(next(iter(fit.options.cards)))
    return {
        "sentences": fit_sentences(fit),
        "sampling": sampling_sentence(fit),
        "infections_counted": infections_counted(fit),
        "notes": list(fit.notes),
        "counts": counts(fit),
        "unit": fit.cohort.igg_unit,
        "level": text.percent(fit.options.level),
        "groups": rows.group_rows(fit),
        "infections_known": bool(fit.groups["n_near_infection"].notna().any()),
        "near_days": text.number(NEAR_DAYS),
        "thresholds": rows.threshold_rows(fit),
        "asked_thresholds": [text.number(value) for value in fit.options.thresholds],
        "not_fitted": rows.not_fitted_rows(fit),
        "limits": limit_sentences(fit),
        "learnt": rows.learnt_rows(learnt(fit)),
        "conflict": fit.conflict.to_dict("records"),
        "sensitivity": rows.sensitivity_rows(sensitivities(fit)),
        "options": fit.options,
        "structure": structure,
        "averaged": averaged_over(fit),
        "drift_days": text.number(DRIFT_DAYS),
        "drift_sds": " or ".join(", ".join(map(text.number, DRIFT_SDS)).rsplit(", ", 1)),
        "production_words": words.PRODUCTION_WORDS[structure.split("/")[1]],
        "residual_words": words.RESIDUAL_WORDS[fit.options.residual],
        "parameter_words": words.PARAMETER_WORDS,
        "same_day": fit.cohort.same_day,
        "cards": card_views(fit),
        "problems": fit.cohort.problems.astype(object).to_dict("records"),
    }


def fit_sentences(fit: CohortFit) -> list[str]:
    """The head of the page: as at the end of the command, each threshold on a line of its own."""
    first, *others = five_sentences(fit, "this page")[:-1]
    return [*(below_sentences(fit) or [first]), *others]


def infections_counted(fit: CohortFit) -> str:
    """Why there is no count of infections; empty where there is one."""
    outcomes = fit.cohort.outcomes["outcome"].astype(str)
    if len(infections(fit.cohort)):
        return ""
    if outcomes.empty:
        return "No outcomes are recorded, so samples taken near an infection cannot be counted."
    names = text.listed(text.visible(name) for name in outcomes.unique())
    return f"None of the recorded outcomes ({names}) counts as an infection."


def counts(fit: CohortFit) -> list[tuple[str, str]]:
    """What was analysed, as pairs of term and value."""
    cohort = fit.cohort
    limits = int((cohort.samples["limit"] != "").sum())
    grams = text.number(float(cohort.doses["amount_g"].sum()), 5)
    return [
        ("Patients", str(len(cohort.patients) - len(cohort.records))),
        *([("Records", f"{len(cohort.patients)}, some patients have several")] if cohort.records else []),
        ("IgG samples", f"{len(cohort.samples)}" + (f", {limits} beyond a limit" if limits else "")),
        ("Infusions", f"{len(cohort.doses)}" + (f", {grams} g" if len(cohort.doses) else "")),
        ("Courses of therapy", str(len(cohort.therapy))),
        *outcome_counts(fit),
        ("Unit of IgG", cohort.igg_unit),
        ("Files", ", ".join(text.visible(name) for name in sorted(cohort.inputs))),
        *(
            [("Rows set aside", str(n_aside))]
            if (n_aside := sum(each.set_aside for each in cohort.rows.values()))
            else []
        ),
    ]


def outcome_counts(fit: CohortFit) -> list[tuple[str, str]]:
    """How many patients had each outcome."""
    who = patients_with_outcomes(fit.cohort.first_records())
    told = [f"{text.visible(name).replace('_', ' ')} in {len(patients)}" for name, patients in who.items()]
    return [("Outcomes (patients)", "; ".join(told))] if told else []


def cohort_charts(fit: CohortFit) -> list[Captioned]:
    """The pictures of the whole cohort, each under the name of its file; none when nobody was fitted."""
    unit = fit.cohort.igg_unit
    if fitted_nadirs(fit).empty:
        return []
    dotted = " Dotted lines are the thresholds asked for." if fit.options.thresholds else ""
    level = text.percent(fit.options.level)
    curves = (
        "All fitted courses, the middle of all draws, each with its nadir."
        if fit.n_fitted <= MOST_CURVES
        else f"{MOST_CURVES} of {fit.n_fitted} fitted curves, evenly spaced from the lowest nadir to the highest."
    )
    nadirs = (
        f"Fitted nadir of every patient with its {level} interval, lowest first. Open circles are the lowest measured "
        "values; an open triangle means measured below the limit of the assay."
        if fit.n_fitted <= MOST_ROWS
        else "Share of the patients of each group with a fitted nadir at or below a level."
    )
    return [
        Captioned(
            section="cohort-curves",
            title=f"Fitted IgG of the patients over time with their nadirs, {unit}",
            caption=curves + dotted,
            spec=curves_spec(fit),
        ),
        Captioned(
            section="cohort-nadirs",
            title=f"Fitted nadir of every patient, {unit}",
            caption=nadirs + dotted,
            spec=nadirs_chart(fit),
        ),
    ]


def card_views(fit: CohortFit) -> list[CardView]:
    sources = zip(fit.card_ids.items(), fit.options.cards, strict=True)
    return [card_view(card_id, digest, source) for (card_id, digest), source in sources]


def averaged_over(fit: CohortFit) -> str:
    """What the numbers are averaged over, in words; empty where they come from one structure without drift."""
    if fit.options.prior == "none":
        return ""
    parts = ["structures"] if fit.options.structure is None else []
    parts += ["courses that drift around the curve"] if fit.options.drift else []
    return " and ".join(parts)
