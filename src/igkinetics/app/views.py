"""What the page is told, as plain numbers and words: the words of the reports, the numbers of the tables."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics import text
from igkinetics.app.desk import MOST_LISTED, Desk
from igkinetics.app.records import Record
from igkinetics.app.whatif import Outlook, Patient
from igkinetics.cohort.check import check_cohort, problems_text
from igkinetics.cohort.model import Cohort
from igkinetics.errors import counted
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.columns import WITH_ESTIMATES
from igkinetics.kinetics.parameters import Floats
from igkinetics.report.sentences import STATUS_WORDS
from igkinetics.units import from_g_per_l

Message = dict[str, Any]
MOST_PROBLEMS: Final = 60
CURVE_COLUMNS: Final = ("day", "median", "lower", "upper", "endogenous")
CURVE_POINTS: Final = 500
"""Points of a fitted curve that are drawn, samples and doses aside."""


def cohort_view(desk: Desk) -> Message:
    """What is open, and what `check` says of it."""
    cohort = desk.whole
    if cohort is None:
        return {"name": "", "unit": "", "n": 0, "lines": [], "problems": ""}
    return {
        "name": text.visible(cohort.name),
        "unit": cohort.igg_unit,
        "n": len(cohort.patient_ids),
        "lines": check_cohort(cohort).lines(),
        "problems": problems_text(cohort.problems, MOST_PROBLEMS),
        "edited": [text.visible(name) for name in desk.edited],
    }


def patients_view(desk: Desk, wanted: str) -> Message:
    """The patients whose name holds these letters, as many as a list shows."""
    found = [name for name in desk.patient_ids if wanted.strip().lower() in name.lower()]
    shown = [{"id": name, "words": text.visible(name)} for name in found[:MOST_LISTED]]
    more = f"; the first {MOST_LISTED} are listed" if len(found) > MOST_LISTED else ""
    return {"patients": shown, "said": f"{len(found)} of {counted(len(desk.patient_ids), 'patient')}{more}"}


def patient_view(desk: Desk, patient_id: str, fit: CohortFit) -> Message:
    """The record, the fit and what is to be said of both. fitted: has draws, so that regimens can be asked about;
    doubtful: they are the card's prior more than this patient's."""
    row = fit.nadir.iloc[0].to_dict()
    fitted, own = fit.fits[0].has_numbers, desk.of(patient_id)
    doubtful = fitted and row["status"] not in WITH_ESTIMATES
    zero = own.day_zero.get(patient_id)
    return unfit_view(desk, patient_id, "") | {
        "fitted": fitted,
        "doubtful": doubtful,
        "said": doubtful_words(row) if doubtful else fitted_words(row, zero) if fitted else unfitted_words(row),
        "notes": [note for note in fit.notes if note not in own.notes],
        "curve": curve_view(fit.curves),
    }


def unfit_view(desk: Desk, patient_id: str, why: str) -> Message:
    """The record of a patient without a fit, and why there is none."""
    own = desk.of(patient_id)
    return {
        "patient": patient_id,
        "words": text.visible(patient_id),
        "unit": own.igg_unit,
        "fitted": False,
        "doubtful": False,
        "said": f"Not fitted: {why}",
        "notes": [],
        "record": record_view(desk.record(patient_id), own),
        "edited": patient_id in desk.edited,
        "curve": {name: [] for name in CURVE_COLUMNS},
        **points_view(own, patient_id),
    }


def record_view(record: Record, own: Cohort) -> Message:
    """The rows that can be typed, with the dates of samples where they are known."""
    zero = own.day_zero.get(record.patient_id)
    dates = ["" if zero is None else date_of(zero, float(day)) for day, _ in record.samples]
    return {**asdict(record), "dates": dates}


def date_of(zero: pd.Timestamp, day: float) -> str:
    return (zero + pd.Timedelta(days=day)).round("s").date().isoformat()


def points_view(own: Cohort, patient_id: str) -> Message:
    """Samples, doses and therapy to be drawn; levels in the cohort's unit."""
    one = own.patient(patient_id)
    return {
        "samples": [
            [float(day), digits(from_g_per_l(float(level), own.igg_unit)), int(limit)]
            for day, level, limit in zip(one.sample_day, one.sample_igg, one.sample_limit, strict=True)
        ],
        "doses": [
            [float(day), float(grams), bool(is_sc)]
            for day, grams, is_sc in zip(one.dose_day, one.dose_g, one.dose_is_sc, strict=True)
        ],
        "therapy": [
            [float(start), None if np.isinf(stop) else float(stop)]
            for start, stop in zip(one.therapy_start, one.therapy_stop, strict=True)
        ],
    }


def curve_view(curves: pd.DataFrame) -> Message:
    """The fitted curve, thinned evenly where it has more points than a screen shows."""
    kept = curves.iloc[:: max(1, len(curves) // CURVE_POINTS)] if len(curves) else curves
    return {name: [digits(value) for value in kept[name].to_numpy(dtype=float)] for name in CURVE_COLUMNS}


def digits(value: float) -> float | None:
    """A number for drawing: five digits; None where there is none."""
    return float(f"{value:.5g}") if np.isfinite(value) else None


def fitted_words(row: dict[Any, Any], zero: pd.Timestamp | None) -> str:
    """The nadir of a fitted patient in one sentence. zero: the moment of day 0, where it is known."""
    unit = row["unit"]
    date = (
        f" ({date_of(zero, row['fitted_nadir_day'])})" if zero is not None and text.known(row["fitted_nadir"]) else ""
    )
    words = (
        f"Fitted nadir {text.level(row['fitted_nadir'], unit)} {unit} "
        f"({text.level_interval(row['fitted_nadir_lower'], row['fitted_nadir_upper'], unit)}) "
        f"on day {text.day(row['fitted_nadir_day'])}{date}"
    )
    reached = "reached" if text.is_true(row["nadir_reached"]) else "the lowest so far"
    said = f"; {row['reason']}" if text.known(row["reason"]) else ""
    return f"{words}, {reached}{said}."


def doubtful_words(row: dict[Any, Any]) -> str:
    """ "Beware: too little data, so the curve is the prior's (1 sample ...)." """
    return f"Beware: {STATUS_WORDS[row['status']]} ({text.visible(row['reason'], most=600)})."


def unfitted_words(row: dict[Any, Any]) -> str:
    reason = f": {text.visible(row['reason'], most=600)}" if text.known(row["reason"]) else ""
    return f"Not fitted ({STATUS_WORDS[row['status']]}){reason}" + ("" if reason.endswith("?") else ".")


def outlook_view(patient: Patient, outlook: Outlook, which: str) -> Message:
    """One regimen: its curve, its doses, and the rows of the table of numbers."""
    curve = outlook.total
    return {
        "which": which,
        "day": [digits(day) for day in outlook.day + patient.from_day],
        **{name: numbers(curve[place]) for place, name in enumerate(("median", "lower", "upper"))},
        "doses": numbers(outlook.dose_day + patient.from_day),
        "from_day": patient.from_day,
        "from_date": patient.prepared[0].about.days_from.date,
        "rows": number_rows(patient, outlook),
        "said": outlook_words(patient, outlook),
        "given": given_words(patient, outlook),
        "notes": list(patient.notes),
    }


def given_words(patient: Patient, outlook: Outlook) -> str:
    """The regimen in words, with the dose per kg, the first day, and how long after the last recorded dose that is."""
    if outlook.regimen.gives_nothing or not outlook.dose_day.size:
        return "No dose is given."
    weight = float(patient.cases.weight_kg[0])
    per_kg = f" ({text.number(dose_of(outlook) / weight, 2)} g/kg)" if np.isfinite(weight) else ""
    first = float(outlook.dose_day[0])
    before = patient.fit.cohort.patient(patient.patient_id).dose_day
    before = before[before < patient.from_day]
    days = first + patient.from_day - before[-1] if before.size else np.nan
    after = f", {counted(round(days), 'day')} after the last recorded dose" if np.isfinite(days) else ""
    return f"{regimen_words(outlook)}{per_kg}; the first{when(patient, first)}{after}."


def dose_of(outlook: Outlook) -> float:
    """Grams of one dose, whole vials where sizes are given; nan where none is given within the horizon."""
    grams, infusions = (float(outlook.values[0, outlook.place(name)]) for name in ("grams", "infusions"))
    return grams / infusions if infusions else np.nan


def numbers(values: Floats) -> list[float | None]:
    return [digits(float(value)) for value in values]


def number_rows(patient: Patient, outlook: Outlook) -> list[Message]:
    """Rows of the table: a key, what it is, the number, and the number as it is read."""
    unit, plan = outlook.setting.columns.unit, patient.plan
    horizon = f"within {plan.horizon_day:g} days"
    rows = [
        row(f"p_below_{each:g}", f"P(below {each:g} {unit}) {horizon}", p, text.share(p))
        for each in plan.thresholds
        for p in [outlook.p_below(each)]
    ]
    day = outlook.next_trough_day
    rows.append(levels_row("next_trough", f"Next trough, {unit}", outlook.next_trough, unit, when(patient, day)))
    rows.append(levels_row("nadir_all", f"Lowest level {horizon}, {unit}", outlook.three("nadir_all"), unit))
    for each in plan.thresholds:
        days = outlook.three("days_below", each)
        spread = text.day_interval(days["lower"], days["upper"])
        label = f"Days below {each:g} {unit} {horizon}"
        rows.append(row(f"days_below_{each:g}", label, days["median"], f"{text.day(days['median'])} ({spread})"))
    grams, total = outlook.grams_per_28_days, outlook.three("grams")["median"]
    rows.append(row("grams_per_28_days", "Grams per 28 days", grams, text.number(grams)))
    infusions = outlook.three("infusions")["median"]
    rows.append(row("grams", f"Grams {horizon}", total, f"{text.number(total)} in {counted(int(infusions), 'dose')}"))
    return rows


def row(key: str, label: str, value: float, words: str) -> Message:
    return {"key": key, "label": label, "value": value if np.isfinite(value) else None, "text": words}


def levels_row(key: str, label: str, level: dict[Any, float], unit: str, more: str = "") -> Message:
    """A level with its interval; a dash where there is none."""
    if not np.isfinite(level["median"]):
        return row(key, label, np.nan, text.UNKNOWN)
    words = f"{text.level(level['median'], unit)} ({text.level_interval(level['lower'], level['upper'], unit)})"
    return row(key, label, level["median"], words + more)


def when(patient: Patient, day: float) -> str:
    """On which day of the record a day of the plan lies, and on which date."""
    if not np.isfinite(day):
        return ""
    date = patient.prepared[0].about.days_from.date_of(day)
    return f" on day {text.day(day + patient.from_day)}" + (f", {date}" if date else "")


def regimen_words(outlook: Outlook) -> str:
    """ "25 g IV every 28 days" """
    dosing = outlook.regimen
    if dosing.gives_nothing:
        return "no more immunoglobulin"
    dose = dose_of(outlook) if outlook.dose_day.size else float(dosing.dose_g or 0.0)
    return f"{text.number(dose)} g {dosing.route.upper()} every {dosing.interval_day:g} days"


def outlook_words(patient: Patient, outlook: Outlook) -> str:
    """The main numbers in one sentence, for those who listen to the page."""
    unit, plan = outlook.setting.columns.unit, patient.plan
    chances = [f"{text.share(outlook.p_below(each))} chance of less than {each:g} {unit}" for each in plan.thresholds]
    said = f"{regimen_words(outlook)}: {text.listed(chances)} within {plan.horizon_day:g} days"
    trough = outlook.next_trough["median"]
    if np.isfinite(trough):
        said += f"; next trough {text.level(trough, unit)} {unit}{when(patient, outlook.next_trough_day)}"
    return f"{said}; {text.number(outlook.grams_per_28_days)} g per 28 days."
