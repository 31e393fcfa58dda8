"""One patient's part of the report: a chart, what it shows in words, and the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from igkinetics import text
from igkinetics.charts.svg import Figure
from igkinetics.cohort.model import Patient
from igkinetics.errors import counted
from igkinetics.report.limits import mostly_prior
from igkinetics.report.rows import Cells, day_with_interval, level_with_interval, parameter_rows, raw_level, reached
from igkinetics.report.sentences import STATUS_WORDS
from igkinetics.study.plots import nadir_of_each
from igkinetics.study.result import CohortFit

MOST_CHARTS: Final = 100
"""Patients that get a part of their own; a chart takes some 30 ms and 20 kB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientView:
    """number: place in the cohort, from 1; the anchor of the page is made from it, never from the name."""

    number: int
    name: str
    group: str
    warning: str
    figure: Figure
    facts: tuple[tuple[str, str], ...]
    parameters: tuple[Cells, ...]


def shown_patients(fit: CohortFit) -> list[Patient]:
    """The first MOST_CHARTS patients, in the cohort's order."""
    return list(islice(fit.cohort.each_patient(), MOST_CHARTS))


def patient_views(fit: CohortFit, patients: list[Patient], figures: list[Figure]) -> list[PatientView]:
    """One part of the report for each patient, with the figure drawn of the chart below."""
    nadirs = nadir_of_each(fit)
    resting = mostly_prior(fit)
    return [
        PatientView(
            number=place,
            name=text.visible(patient.patient_id),
            group=text.visible(patient.group),
            warning=warning(nadirs[patient.patient_id]),
            figure=figure,
            facts=tuple(facts(patient, nadirs[patient.patient_id], patient.patient_id in resting)),
            parameters=tuple(parameter_rows(fit, patient.patient_id)),
        )
        for place, (patient, figure) in enumerate(zip(patients, figures, strict=True), start=1)
    ]


def warning(nadir: Mapping[Any, Any]) -> str:
    """Why this patient is not fitted; empty for one who is."""
    if nadir["status"] == "fitted":
        return ""
    reason = f": {text.visible(nadir['reason'], most=400)}" if text.known(nadir["reason"]) else ""
    words = STATUS_WORDS[nadir["status"]]
    return f"Not fitted ({words}){reason}."


def facts(patient: Patient, nadir: Mapping[Any, Any], rests_on_prior: bool) -> list[tuple[str, str]]:
    """What the chart shows, as pairs of term and value; levels with their unit."""
    unit = nadir["unit"]
    lowest = f"{raw_level(nadir)} {unit} on day {text.day(nadir['raw_nadir_day'])}"
    found = [("Lowest measured", lowest if text.known(nadir["raw_nadir"]) else "no sample in the window")]
    if text.known(nadir["fitted_nadir"]):
        mark = ", mostly prior" if rests_on_prior else ""
        found += [
            ("Fitted nadir", f"{level_with_interval(nadir, 'fitted_nadir')} {unit}"),
            ("Day of nadir", f"{day_with_interval(nadir, 'fitted_nadir_day')}; {reached(nadir)}"),
            ("Endogenous nadir", f"{level_with_interval(nadir, 'endogenous_nadir')} {unit}{mark}"),
            ("Lowest reading expected", f"{text.level(nadir['expected_raw_nadir'], unit)} {unit}"),
        ]
    return [*found, ("Infusions", infusions(patient)), ("Therapy", therapy(patient))]


def infusions(patient: Patient) -> str:
    if patient.dose_day.size == 0:
        return "none recorded"
    grams = text.number(float(patient.dose_g.sum()), 4)
    days = f"day {text.day(patient.dose_day[0])}"
    if patient.dose_day.size > 1:
        days = f"days {text.day_interval(patient.dose_day[0], patient.dose_day[-1])}"
    return f"{patient.dose_day.size}, {grams} g in all, {days}"


def therapy(patient: Patient) -> str:
    """Agents and first to last day; "ongoing" when a therapy has no stop."""
    if patient.therapy_start.size == 0:
        return "none recorded; production taken as constant"
    agents = text.listed(sorted({text.visible(agent) for agent in patient.agents if agent})) or "agent not named"
    stop = float(patient.therapy_stop[-1])
    until = f"to {text.day(stop)}" if stop < float("inf") else "on, ongoing"
    periods = counted(int(patient.therapy_start.size), "period")
    return f"{agents}; {periods}, from day {text.day(patient.therapy_start[0])} {until}"


def without_chart(fit: CohortFit) -> int:
    """Patients beyond MOST_CHARTS."""
    return max(0, len(fit.patients) - MOST_CHARTS)

