"""One patient's part of the report: a chart, what it shows in words, and the parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from igkinetics import text
from igkinetics.charts.patient_chart import Event
from igkinetics.charts.svg import Figure
from igkinetics.cohort.model import Patient
from igkinetics.errors import counted
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.columns import WITH_ESTIMATES
from igkinetics.fit.plots import nadir_of_each, patient_events
from igkinetics.report.limits import MOST_OF_THE_WEIGHT, mostly_prior, off_by, up_to
from igkinetics.report.rows import (
    Calendar,
    Cells,
    day_with_interval,
    in_brackets,
    level_with_interval,
    parameter_rows,
    raw_level,
    reached,
)
from igkinetics.report.sentences import STATUS_WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientView:
    """number: place in the cohort, from 1; the anchor of the page is made from it, never from the name."""

    number: int
    name: str
    group: str
    chosen: str
    """Why drawn, where not everybody is."""
    warning: str
    figure: Figure
    in_short: str
    """Nadir, day and whether it was reached, in a line."""
    facts: tuple[tuple[str, str], ...]
    parameters: tuple[Cells, ...]


def patient_views(
    fit: CohortFit, chosen: Mapping[str, str], figures: Sequence[Figure], calendar: Calendar
) -> list[PatientView]:
    """One part of the report for each patient chosen (patient -> why), with the figure drawn of the chart."""
    nadirs, sampling = nadir_of_each(fit), {str(row["patient_id"]): row for row in fit.sampling.to_dict("records")}
    resting = mostly_prior(fit)
    place = {name: number for number, name in enumerate(fit.cohort.patient_ids, start=1)}
    events = patient_events(fit.cohort)
    parameters = dict(iter(fit.parameters.groupby("patient_id", sort=False)))
    return [
        PatientView(
            number=place[name],
            name=text.visible(name),
            group=text.visible(nadirs[name]["group"]),
            chosen=why,
            warning=warning(nadirs[name]),
            figure=figure,
            in_short=in_short(nadirs[name], calendar),
            facts=tuple(
                facts(
                    fit.cohort.patient(name),
                    nadirs[name],
                    sampling.get(name, {}),
                    name in resting,
                    calendar,
                    events_words(events.get(name, ()), name, calendar),
                )
            ),
            parameters=tuple(parameter_rows(parameters[name])) if name in parameters else (),
        )
        for (name, why), figure in zip(chosen.items(), figures, strict=True)
    ]


def in_short(nadir: Mapping[Any, Any], calendar: Calendar) -> str:
    """ "Nadir 271 (234 to 311) mg/dL on day 54 (46 to 65); reached." """
    unit, name = nadir["unit"], nadir["patient_id"]
    if not text.known(nadir["fitted_nadir"]):
        return ""
    date = calendar(name, nadir["fitted_nadir_day"])
    dated = f", {date}" if date else ""
    return (
        f"Nadir {level_with_interval(nadir, 'fitted_nadir')} {unit} on day "
        f"{day_with_interval(nadir, 'fitted_nadir_day')}{dated}; {reached(nadir)}."
    )


def warning(nadir: Mapping[Any, Any]) -> str:
    """Why this patient is not fitted; empty for one who is."""
    if nadir["status"] in WITH_ESTIMATES:
        return ""
    reason = f": {text.visible(nadir['reason'], most=400)}" if text.known(nadir["reason"]) else ""
    words = STATUS_WORDS[nadir["status"]]
    return f"Not fitted ({words}){reason}" + ("" if reason.endswith("?") else ".")


def facts(
    patient: Patient,
    nadir: Mapping[Any, Any],
    sampling: Mapping[Any, Any],
    rests_on_prior: bool,
    calendar: Calendar,
    events_told: str = "",
) -> list[tuple[str, str]]:
    """What the chart shows, as pairs of term and value; levels with their unit. sampling: empty without a curve."""
    unit, name = nadir["unit"], patient.patient_id
    raw_date, date = (in_brackets(calendar(name, nadir[f"{key}_nadir_day"])) for key in ("raw", "fitted"))
    lowest = f"{raw_level(nadir)} {unit} on day {text.day(nadir['raw_nadir_day'])}{raw_date}"
    facts = [("Lowest measured", lowest if text.known(nadir["raw_nadir"]) else "no sample in the window")]
    if text.known(nadir["fitted_nadir"]):
        mark = ", mostly prior" if rests_on_prior else ""
        facts += [
            ("Fitted nadir", f"{level_with_interval(nadir, 'fitted_nadir')} {unit}"),
            ("Day of nadir", f"{day_with_interval(nadir, 'fitted_nadir_day')}{date}; {reached(nadir)}"),
            ("Single best curve", single_curve(nadir)),
            ("Endogenous nadir", f"{level_with_interval(nadir, 'endogenous_nadir')} {unit}{mark}"),
        ]
    if text.known(nadir["drift"]) and nadir["drift"] > 0:
        facts.append(("Drift", drift(nadir)))
    if text.known(nadir["step_day"]):
        facts.append(("Lasting change", lasting_step(nadir)))
    if sampling:
        expected = f"{level_with_interval(sampling, 'expected_raw_nadir')} {unit}"
        facts.append(("Lowest reading expected", f"{expected}{fits(sampling, nadir)}"))
    facts += [("Infusions", infusions(patient)), ("Therapy", therapy(patient))]
    return [*facts, ("Events", events_told)] if events_told else facts


def events_words(events: Sequence[Event], name: str, calendar: Calendar) -> str:
    """Outcomes and products with their days."""
    return "; ".join(
        f"{event.label} day {text.day(event.day)}{in_brackets(calendar(name, event.day))}" for event in events
    )


def single_curve(nadir: Mapping[Any, Any]) -> str:
    level = f"{text.level(nadir['curve_nadir'], nadir['unit'])} {nadir['unit']}"
    return f"{level} on day {text.day(nadir['curve_nadir_day'])}"


def drift(nadir: Mapping[Any, Any]) -> str:
    """How much weight courses have that drift around the curve; when and how far, where it is most of the weight."""
    share = f"{text.share_of_draws(nadir['drift'])} of draws"
    if nadir["drift"] <= MOST_OF_THE_WEIGHT or text.known(nadir["step_day"]):  # the step is told in place of a stretch
        return f"{share} drift around the kinetic curve"
    days = f"between days {text.day(nadir['drift_start'])} and {text.day(nadir['drift_end'])}"
    if not text.known(nadir["drift_percent"]):
        return f"{share}: the course does not follow the model {days}: illness, another laboratory?"
    above = nadir["drift_percent"] > 0
    why = "an infusion not recorded, another laboratory?" if above else "illness, protein loss, steroids?"
    return f"{share}: {days} the course lies {up_to(nadir['drift_percent'])} the model: {why}"


def lasting_step(nadir: Mapping[Any, Any]) -> str:
    return (
        f"from day {text.day(nadir['step_day'])} on, levels lie {off_by(nadir['step_percent'])} the curve through the "
        "earlier ones: another laboratory or method?"
    )


def fits(sampling: Mapping[Any, Any], nadir: Mapping[Any, Any]) -> str:
    """Where the measured lowest value lies among those that the curve and this sampling would give."""
    share = sampling["raw_nadir_percentile"]
    if not text.known(share):
        return ""
    tail = (1.0 - float(sampling["level"])) / 2.0
    at_limit = text.is_true(nadir["raw_nadir_below_limit"])  # then a high share is made of ties with the limit
    outside = "" if tail <= share and (share <= 1.0 - tail or at_limit) else ", which the curve does not explain"
    return f"; {text.share_of_draws(share)} of such readings are at or below the measured one{outside}"


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
