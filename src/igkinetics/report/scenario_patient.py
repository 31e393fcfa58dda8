"""A scenario of one patient, told of that patient: sentences, the chart with the record, the sheet to print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from igkinetics import text
from igkinetics.charts.dosing_chart import DosingCourse, dosing_chart, not_drawn
from igkinetics.charts.svg import Draw, draw
from igkinetics.cohort.model import LIMIT_SIGNS
from igkinetics.dosing.regimen import Dosing
from igkinetics.errors import counted
from igkinetics.fit.records import Member
from igkinetics.report.dose_page import NO_SAMPLE
from igkinetics.report.dosing_sheet import MOST_DOSES, MOST_SAMPLES, Sheet, sheet_page
from igkinetics.report.sentences import not_drawn_words
from igkinetics.scenarios.calendar_file import is_for_one_calendar
from igkinetics.scenarios.output import scenario_record
from igkinetics.scenarios.recorded import LEFT_OUT
from igkinetics.scenarios.result import ScenarioResult
from igkinetics.units import from_g_per_l

Row = Mapping[Any, Any]
LEAST_GRAMS = 0.001
"""A dose is given to the milligram."""


def when(result: ScenarioResult, day: float) -> str:
    """A day of the scenario, with its date where known: "2024-06-07 (day 0)"."""
    date, number = result.about.days_from.date_of(float(day)), f"day {round(float(day), 1):g}"
    return f"{date} ({number})" if date else number


def outcome_of(result: ScenarioResult, regimen: str, outcome: str) -> Row:
    """The row of this outcome, of the lowest threshold where it has any."""
    table = result.outcomes
    return table[(table["regimen"] == regimen) & (table["outcome"] == outcome)].iloc[0].to_dict()


def patient_sentences(result: ScenarioResult, most: int) -> Iterator[str]:
    """This patient now, what each regimen does (the first `most`), and the next sample."""
    yield now_sentence(result, result.record)
    if result.record is not None:
        yield from doubts(result, result.record)
    regimens = result.shown
    for regimen in regimens[:most]:
        yield regimen_sentence(result, regimen)
    if len(regimens) > most:
        yield f"And {counted(len(regimens) - most, 'regimen')} more."


def doubts(result: ScenarioResult, record: Member) -> Iterator[str]:
    """What keeps the answer from resting on this patient's record: the fit's own doubt, doses that are left out."""
    if record.doubt:
        yield f"Beware: {text.visible(record.doubt, most=400)}."
    yield from (f"Beware: {note}." for note in result.about.notes if note.startswith(LEFT_OUT))


def now_sentence(result: ScenarioResult, record: Member | None) -> str:
    """ "P07 (75 kg): last sample 4.10 g/L on 2024-06-01 (day 0); 2 regimens over 112 days." """
    if record is None:
        raise AssertionError("a scenario of several patients is told of all of them")
    weight = "weight not known" if np.isnan(record.weight_kg) else f"{record.weight_kg:g} kg"
    sampled = "no sample"
    if len(record.samples):
        day, level, limit = record.samples[-1]
        sampled = f"last sample {level_words(result, level, limit)} on {when(result, day)}"
    n = counted(len(result.regimens), "regimen")
    stopped = "; interrupted" if result.interrupted else ""
    horizon = result.file.scenario.horizon_day
    return f"{text.visible(record.patient_id)} ({weight}): {sampled}; {n} over {horizon:g} days{stopped}."


def level_words(result: ScenarioResult, igg_g_per_l: float, limit: float) -> str:
    unit = result.columns.unit
    return f"{LIMIT_SIGNS[int(limit)]}{text.level(from_g_per_l(float(igg_g_per_l), unit), unit)} {unit}"


def regimen_sentence(result: ScenarioResult, regimen: Dosing) -> str:
    """What one regimen gives next, and what it does to this patient."""
    unit, least = result.columns.unit, f"{result.columns.thresholds[0]:g} {result.columns.unit}"
    name = text.visible(regimen.name)
    trough, nadir, below, grams = (
        outcome_of(result, regimen.name, outcome) for outcome in ("trough", "nadir", "days_below", "grams")
    )
    days = f"{below['mean']:.1f} of {result.file.scenario.horizon_day:g} days below {least}"
    lowest = f"nadir {range_words(nadir, unit)}"
    if regimen.gives_nothing:
        return f"Under {name}: {lowest}, {days}."
    if regimen.rule is not None or not text.known(trough["median"]):
        return f"Under {name}: {lowest}, {days}; {grams['mean']:.0f} g (mean)."
    reached = outcome_of(result, regimen.name, "p_trough_at_least")
    share = f"at or above {least} in {text.share_of_draws(reached['mean'])} of draws"
    return (
        f"Under {name} the next dose is {next_dose_words(result, regimen)}: lowest trough {range_words(trough, unit)}, "
        f"{share}; {lowest}, {days}; {grams['mean']:.4g} g."
    )


def range_words(row: Row, unit: str) -> str:
    """ "470 mg/dL (300 to 640)": median and interval of the draws."""
    return f"{text.level(row['median'], unit)} {unit} ({text.level_interval(row['lower'], row['upper'], unit)})"


def calendar_of_regimen(result: ScenarioResult, regimen: str) -> pd.DataFrame:
    return result.calendar[(result.calendar["regimen"] == regimen) & result.calendar["day"].notna()]


def next_dose_words(result: ScenarioResult, regimen: Dosing) -> str:
    """ "30 g (3 x 10 g) on 2024-06-07 (day 0)", and what it stands for where vials do not make the dose asked for."""
    row = calendar_of_regimen(result, regimen.name).iloc[0]
    vials = f" ({row['vials']})" if row["vials"] else ""
    wanted = regimen.dose_g if not regimen.loading_g_per_kg else None
    rounded = wanted is not None and abs(wanted - row["amount_g"]) > LEAST_GRAMS
    instead = f", the nearest to {wanted:g} g in whole vials" if rounded else ""
    return f"{row['amount_g']:g} g{vials} {regimen.route} on {when(result, row['day'])}{instead}"


def next_sample_sentence(result: ScenarioResult, regimen: str | None = None) -> str:
    """The sample that can still change a dose, under this regimen or the first that has one; "" where none has."""
    table = result.next_sample[result.next_sample["best"].astype(bool)]
    if regimen is None and result.recommended is not None and (table["regimen"] == result.recommended.name).any():
        regimen = result.recommended.name
    rows = table if regimen is None else table[table["regimen"] == regimen]
    if rows.empty:
        return ""
    row = rows.iloc[0].to_dict()
    under = f"Under {text.visible(row['regimen'])} the next" if regimen is None else "Next"
    days = [when(result, row[name]) for name in ("day", "dose_day", "trough_day")]
    return (
        f"{under} sample: {days[0]}, before the dose on {days[1]}; it is expected to narrow the forecast of the trough "
        f"on {days[2]} by {text.share(row['narrowing'])}."
    )


def course_of(result: ScenarioResult, record: Member, regimen: str) -> DosingCourse:
    """What the chart of one regimen shows."""
    table = result.trajectories
    forecast = table[(table["regimen"] == regimen) & (table["patient_id"] == "")]
    planned = calendar_of_regimen(result, regimen)[["day", "amount_g"]].to_numpy(dtype=float)
    return DosingCourse(
        samples=record.samples,
        doses=record.doses[:, :2],
        therapy=record.therapy,
        planned=planned,
        forecast=forecast,
        past=forecast.iloc[:0],
        limits=result.columns.thresholds,
        today=0.0,
        unit=result.columns.unit,
        day_zero=result.about.days_from.moment,
    )


def chart_begins(result: ScenarioResult) -> str:
    """What of one patient's record the charts leave out; "" for nothing."""
    if result.record is None or result.trajectories.empty or not result.shown:
        return ""
    first, samples, doses = not_drawn(course_of(result, result.record, result.shown[0].name))
    return not_drawn_words(when(result, first), samples, doses)


def write_scenario_sheet(result: ScenarioResult, path: Path, draw: Draw = draw) -> None:
    """The sheet of the one regimen that doses the one patient; nothing where there are several of either."""
    regimen = is_for_one_calendar(result)
    if regimen is not None and result.record is not None:
        path.write_text(sheet_page(sheet_of(result, result.record, regimen), draw), encoding="utf-8", newline="\n")


def sheet_of(result: ScenarioResult, record: Member, regimen: Dosing) -> Sheet:
    name, unit = text.visible(record.patient_id), result.columns.unit
    samples = [(when(result, day), level_words(result, level, limit)) for day, level, limit in record.samples]
    rows = calendar_of_regimen(result, regimen.name).to_dict("records")
    doses = [
        {
            "when": when(result, row["day"]),
            "grams": f"{row['amount_g']:g} g",
            "vials": row["vials"] or text.UNKNOWN,
            "route": row["route"],
            "note": row["note"],
        }
        for row in rows
    ]
    dosed = "none recorded"
    if len(record.doses):
        dosed = f"{record.doses[-1, 1]:g} g on {when(result, record.doses[-1, 0])}"
    chart = dosing_chart(course_of(result, record, regimen.name))
    return Sheet(
        title=f"Immunoglobulin for {name}",
        facts=(
            ("Patient", name),
            ("Weight", text.UNKNOWN if np.isnan(record.weight_kg) else f"{record.weight_kg:g} kg"),
            ("Last sample", " on ".join(reversed(samples[-1])) if samples else text.UNKNOWN),
            ("Last dose", dosed),
            ("Levels looked at", ", ".join(f"{value:g} {unit}" for value in result.columns.thresholds)),
        ),
        chart=(f"IgG of {name} under {text.visible(regimen.name)}, {unit}", chart),
        caption=f"Samples, doses (ticks) and, right of the line, the forecast with the band that holds "
        f"{text.percent(result.level)} of the draws (cut at the top); {unit}. {chart_begins(result)}",
        samples=tuple(samples[-MOST_SAMPLES:]),
        samples_left_out=max(0, len(samples) - MOST_SAMPLES),
        advice=regimen_sentence(result, regimen).rstrip("."),
        warning=" ".join(doubts(result, record)),
        doses=tuple(doses[:MOST_DOSES]),
        doses_left_out=max(0, len(doses) - MOST_DOSES),
        next_sample=next_sample_sentence(result, regimen.name) or NO_SAMPLE,
        cards=tuple(f"{card_id} (SHA-256 {digest[:12]})" for card_id, (digest, _) in result.about.cards.items()),
        record=scenario_record(result),
    )
