"""report.html of a forecast: the worklist first, then every patient's chart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from igkinetics import text
from igkinetics.charts.forecast_chart import first_drawn, forecast_chart
from igkinetics.charts.svg import Chart, Draw, Figure, draw
from igkinetics.cohort.readings import hides, reads_below
from igkinetics.errors import counted
from igkinetics.forecast.patient import DECIDE, MEASURE, PatientForecast, days_words, given_since
from igkinetics.forecast.result import CohortForecast
from igkinetics.report.card_view import CardView, card_view
from igkinetics.report.environment import render_page
from igkinetics.report.rows import Cells
from igkinetics.report.sentences import not_drawn_words

MOST_DRAWN: Final = 60
MOST_NAMED: Final = 6
LIKELY: Final = 0.5
POLICY_WORDS: Final = {"none": "no more infusions", "planned": "as planned", "as_so_far": "as so far"}
"""Policy -> words for a reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastView:
    """number: place among the patients of the page, from 1; facts: what the chart shows, as pairs of term and value."""

    number: int
    name: str
    figure: Figure
    facts: tuple[tuple[str, str], ...]


def write_forecast_report(result: CohortForecast, path: Path, draw: Draw = draw) -> None:
    path.write_text(forecast_report(result, draw), encoding="utf-8", newline="\n")


def forecast_report(result: CohortForecast, draw: Draw = draw) -> str:
    """The whole page as text; every name from the input is escaped."""
    options = result.options
    shown = shown_patients(result)
    figures = draw([chart_of(result, name) for name in shown])
    title = f"IgG forecast of {text.visible(result.cohort.name)}"
    return render_page(
        "forecast.html.j2",
        title,
        result.record(),
        {
            "sentences": forecast_sentences(result),
            "notes": result.notes,
            "unit": result.cohort.igg_unit,
            "level": text.percent(options.level),
            "act_at": f"{options.act_at:g}",
            "sure": f"{1.0 - options.act_at:g}",
            "lead": days_words(options.lead_day),
            "horizon": text.number(options.horizon_day, 5),
            "worklists": [(level_words(result, one), work_rows(result, one)) for one in thresholds(result)],
            "anchors": {name: number for number, name in enumerate(shown, 1)},
            "patients": [
                ForecastView(number=number, name=text.visible(name), figure=figure, facts=facts(result, name))
                for number, (name, figure) in enumerate(zip(shown, figures, strict=True), 1)
            ],
            "n_forecast": result.n_forecast,
            "without": without_rows(result),
            "cards": cards_of(result),
            "options": {"prior": "card"},
        },
    )


def thresholds(result: CohortForecast) -> list[float]:
    return sorted(set(result.options.thresholds))


def level_words(result: CohortForecast, threshold: float) -> str:
    return f"{text.number(threshold)} {result.cohort.igg_unit}"


def shown_patients(result: CohortForecast) -> list[str]:
    """Patients with a forecast in the order of the worklist, at most MOST_DRAWN."""
    rows = result.worklist.drop_duplicates("patient_id")
    names = [str(name) for name in rows["patient_id"] if result.patients[str(name)].outlook is not None]
    return names[:MOST_DRAWN]


def chart_of(result: CohortForecast, name: str) -> Chart:
    """Title and specification of a patient's chart, under the policy of the worklist."""
    one = result.patients[name]
    if one.chosen is None:
        raise AssertionError(f"patient {name} has no forecast to draw")
    table = result.forecast
    rows = table[(table["patient_id"] == name) & (table["policy"] == one.chosen.policy)]
    unit, day_zero = result.cohort.igg_unit, result.cohort.day_zero.get(name)
    to_come = [float(day) for day in one.chosen.doses[:, 0]]
    title = f"Forecast of IgG of patient {text.visible(name)}, {POLICY_WORDS[one.chosen.policy]}, {unit}"
    return title, forecast_chart(one.patient, rows, one.from_day, to_come, result.options.thresholds, unit, day_zero)


def day_words(row: Mapping[Any, Any], day: str, date: str) -> str:
    """A day with its date where there is one; a dash where there is none."""
    if not text.known(row[day]):
        return text.UNKNOWN
    dated = f"{row[date]} (day {text.day(row[day])})"
    return dated if text.known(row[date]) else f"day {text.day(row[day])}"


def step_words(row: Mapping[Any, Any]) -> str:
    """When to measure next; "none: decide now" where no sample is wanted before; a dash for nothing due."""
    if row["next_step"] == DECIDE:
        return "none: decide now"
    return day_words(row, "next_sample_day", "next_sample_date")


def first_words(row: Mapping[Any, Any], one: PatientForecast) -> str:
    """When a patient first falls below, with the interval; open where it lies beyond the horizon."""
    if not text.known(row["p_below_horizon"]):
        return text.UNKNOWN
    if row["below_now"] is True:
        return "now"
    middle, lower, upper = (
        one.when(float(row[name])).removeprefix("day ") if text.known(row[name]) else "later"
        for name in ("first_day_below", "first_day_below_lower", "first_day_below_upper")
    )
    if lower == "later":
        return "later"
    day = "day " if one.day_zero is None and middle != "later" else ""
    return f"{day}{middle} ({lower} to {upper})"


def work_rows(result: CohortForecast, threshold: float) -> list[Cells]:
    """The worklist of one threshold, in its order."""
    table = result.worklist
    return [
        {
            "id": str(row["patient_id"]),
            "patient": text.visible(row["patient_id"]),
            "now": now_words(row),
            "measured": measured_cell(row, result.patients[str(row["patient_id"])]),
            "p_now": text.fraction(row["p_below_now"]),
            "p": text.fraction(row["p_below_horizon"]),
            "first": first_words(row, result.patients[str(row["patient_id"])]),
            "sample": step_words(row),
            "policy": POLICY_WORDS.get(row["policy"], text.UNKNOWN),
            "reason": text.visible(row["reason"], most=400),
        }
        for row in table[table["threshold"] == threshold].to_dict("records")
    ]


def now_words(row: Mapping[Any, Any]) -> str:
    """Whether the level is below on the day of the forecast; without a forecast, whether the last reading is."""
    if row["below_now"] not in (True, False):
        return text.UNKNOWN
    if not text.known(row["p_below_now"]):
        return "last reading was" if row["below_now"] else "last reading was not"
    return "probably" if row["below_now"] else "probably not"


def measured_cell(row: Mapping[Any, Any], one: PatientForecast) -> str:
    """ "362, day 180", or with its date where there is one."""
    return f"{last_words(row)}, {one.when(row['last_sample_day'])}" if text.known(row["last_igg"]) else text.UNKNOWN


def without_rows(result: CohortForecast) -> list[Cells]:
    """Who has no forecast, and why."""
    rows = result.worklist.drop_duplicates("patient_id").to_dict("records")
    return [
        {
            "patient": text.visible(row["patient_id"]),
            "status": str(row["status"]).replace("_", " ").replace("followed up", "no longer followed"),
            "reason": text.visible(row["reason"], most=400),
        }
        for row in rows
        if result.patients[str(row["patient_id"])].outlook is None
    ]


def facts(result: CohortForecast, name: str) -> tuple[tuple[str, str], ...]:
    """What is forecast for one patient: levels at the end of the horizon under every policy, and each threshold."""
    one, unit = result.patients[name], result.cohort.igg_unit
    table = result.forecast[result.forecast["patient_id"] == name]
    said = []
    for policy, regimen in one.regimens.items():
        rows = table[table["policy"] == policy]
        if rows.empty:
            said.append((f"If {POLICY_WORDS[policy]}", f"not given: {regimen.why_not}"))
            continue
        last = rows.iloc[-1]
        level = f"{text.level(last['median'], unit)} ({text.level_interval(last['lower'], last['upper'], unit)}) {unit}"
        when = f"on {one.when(float(last['day']))}"
        what = "" if policy == "none" else f"; {regimen.says}"
        said.append((f"If {POLICY_WORDS[policy]}", f"{level} {when}{what}"))
    work = result.worklist[result.worklist["patient_id"] == name].sort_values("threshold")
    for row in work.to_dict("records"):
        term = f"P(below {text.number(row['threshold'])})"
        by = f"{text.fraction(row['p_below_now'])} now, {text.fraction(row['p_below_horizon'])} within the horizon"
        said.append((term, f"{by}, {POLICY_WORDS[row['policy']]}"))
        said.append(("Next sample", step_words(row)))
        said.append(("Why", text.visible(row["reason"], most=400)))
    if left_out := chart_begins(result, one):
        said.append(("Not drawn", left_out))
    return tuple(said)


def chart_begins(result: CohortForecast, one: PatientForecast) -> str:
    """What of the record the chart leaves out; "" for nothing."""
    first = first_drawn(one.patient, one.from_day, float(one.days[-1]))
    before = [int((days < first).sum()) for days in (one.patient.sample_day, one.patient.dose_day)]
    return not_drawn_words(one.when(first), *before)


def cards_of(result: CohortForecast) -> list[CardView]:
    sources = dict(zip(result.card_ids, result.options.cards, strict=True))
    return [card_view(card_id, digest, sources[card_id]) for card_id, digest in result.card_ids.items()]


def forecast_sentences(result: CohortForecast) -> list[str]:
    """For the end of the command and the head of the page: who is below and who falls below when; whom to measure
    next; whom the last measurement alone would name; what was taken for granted; who has no forecast."""
    options = result.options
    horizon = f"{text.number(options.horizon_day, 5)} days"
    if not result.n_forecast:
        return [
            f"No forecast for any of {counted(len(result.patients), 'patient')}: nothing is said of what comes.",
            *(measured_sentence(result, threshold) for threshold in thresholds(result)),
            *without_sentences(result),
        ]
    said = [below_sentence(result, threshold, horizon) for threshold in thresholds(result)]
    if measure := measure_sentence(result):
        said.append(measure)
    said += [measured_sentence(result, threshold) for threshold in thresholds(result)]
    patients = f"{result.n_forecast} of {counted(len(result.patients), 'patient')}"
    said.append(f"Forecast of {patients}, {horizon} ahead: true levels, without the error of a measurement.")
    used = result.worklist.drop_duplicates("patient_id")["policy"].value_counts()
    if len(used):
        words = text.listed(f"{POLICY_WORDS[str(policy)]} for {n}" for policy, n in used.items())
        said.append(f"Infusions to come, as the worklist takes them: {words}.")
    due = f"Next samples are due where P(below) reaches {options.act_at:g}"
    said.append(f"{due}, at least {days_words(options.lead_day)} before an infusion that they could change.")
    return [*said, *prior_sentences(result), *without_sentences(result)]


def prior_sentences(result: CohortForecast) -> list[str]:
    """Whose forecast is the card's more than their own."""
    rows = result.worklist[result.worklist["status"] == "prior_only"].drop_duplicates("patient_id")
    names = text.listed(map(text.visible, rows["patient_id"]), MOST_NAMED)
    return [f"Too little data, so the forecast is the card's more than their own: {names}."] if len(rows) else []


def without_sentences(result: CohortForecast) -> list[str]:
    """Who has no forecast, and why."""
    without = without_rows(result)
    who = text.listed(f"{row['patient']} ({row['reason']})" for row in without)
    return [f"Without a forecast: {len(without)}: {who}."] if without else []


def below_sentence(result: CohortForecast, threshold: float, horizon: str) -> str:
    """Who is below a threshold by the forecast, and who will more likely than not fall below it, and when."""
    rows = forecast_rows(result, threshold)
    low = [text.visible(row["patient_id"]) for row in rows if row["below_now"] is True]
    falling = sorted(
        (row for row in rows if row["below_now"] is False and row["p_below_horizon"] >= LIKELY),
        key=lambda row: row["first_day_below"] - row["from_day"],
    )
    level, of = level_words(result, threshold), counted(len(rows), "patient")
    now = f"{len(low)} of {of} ({text.listed(low, MOST_NAMED)})" if low else f"none of {of}"
    when = [f"{text.visible(row['patient_id'])} on {fall_words(row)}" for row in falling]
    if not falling:
        return f"Probably below {level} now: {now}; nobody {'else ' if low else ''}is likely to be within {horizon}."
    more = "more" if low else "of them"
    return (
        f"Probably below {level} now: {now}; {len(falling)} {more} will probably fall below it within {horizon}: "
        f"{text.listed(when, MOST_NAMED)}."
    )


def forecast_rows(result: CohortForecast, threshold: float) -> list[dict[Any, Any]]:
    """The rows of one threshold of patients with a forecast."""
    table = result.worklist
    return table[(table["threshold"] == threshold) & table["p_below_horizon"].notna()].to_dict("records")


def fall_words(row: Mapping[Any, Any]) -> str:
    """ "day 119", or the date where it is known."""
    dated = text.known(row["first_date_below"])
    return str(row["first_date_below"]) if dated else f"day {text.day(row['first_day_below'])}"


def measure_sentence(result: CohortForecast) -> str:
    """Whom to measure at once, whom next, and for whom to decide without a sample: each patient once, by what comes
    first over all thresholds, a sample before a decision; "" for none."""
    table = result.worklist[result.worklist["next_step"].isin([MEASURE, DECIDE])]
    table = table.assign(decided=table["next_step"] == DECIDE)
    table = table.sort_values(["next_sample_day", "decided"], kind="stable")
    first = table.drop_duplicates("patient_id").to_dict("records")
    if not first:
        return "No sample is due within the horizon." if result.n_forecast else ""
    ahead = [row for row in first if row["next_sample_day"] > row["from_day"]]
    ahead.sort(key=lambda row: row["next_sample_day"] - row["from_day"])
    at_once = [row for row in first if row["next_sample_day"] <= row["from_day"]]
    measure = [text.visible(row["patient_id"]) for row in at_once if row["next_step"] == MEASURE]
    decide = [text.visible(row["patient_id"]) for row in at_once if row["next_step"] == DECIDE]
    told = [f"{text.visible(row['patient_id'])} on {sample_words(row)}" for row in ahead]
    said = [
        f"Measure now: {text.listed(measure, MOST_NAMED)}" if measure else "",
        f"{'next' if measure else 'Measure next'}: {text.listed(told, MOST_NAMED)}" if told else "",
        f"{'decide' if measure or told else 'Decide'} without another sample: {text.listed(decide, MOST_NAMED)}"
        if decide
        else "",
    ]
    return f"{'; '.join(filter(None, said))}."


def sample_words(row: Mapping[Any, Any]) -> str:
    return (
        str(row["next_sample_date"])
        if text.known(row["next_sample_date"])
        else f"day {text.day(row['next_sample_day'])}"
    )


def measured_sentence(result: CohortForecast, threshold: float) -> str:
    """Whom the last value alone would name, as `fit` does, and where the forecast says otherwise or says nothing."""
    table = result.worklist
    followed = table[(table["threshold"] == threshold) & (table["status"] != "followed_up")].to_dict("records")
    last = {row["patient_id"] for row in followed if reads_below(row["last_limit"], row["last_igg"], threshold)}
    rows = forecast_rows(result, threshold)
    now = {row["patient_id"] for row in rows if row["below_now"] is True}
    apart = [
        f"{text.visible(name)} (last {last_words(row)}{since}; P(below) now {text.fraction(row['p_below_now'])})"
        for row in rows
        for name in [row["patient_id"]]
        for since in [given_since(result.patients[name].patient)]
        if (name in last) != (name in now)
    ]
    hidden = [
        f"{text.visible(row['patient_id'])} ({last_words(row)})"
        for row in followed
        if hides(row["last_limit"], row["last_igg"], threshold)
    ]
    silent = sorted(last - {row["patient_id"] for row in rows})
    without = f"; without a forecast, and so to be looked at: {text.listed(map(text.visible, silent), MOST_NAMED)}"
    said = f"Last measured below {level_words(result, threshold)}: {len(last)} of {counted(len(followed), 'patient')}"
    if apart:
        apart_words = text.listed(apart, MOST_NAMED)
        said += f"; the reading and the likely level are on different sides for {apart_words}"
    elif not last and not hidden:
        said = f"Last measured below {level_words(result, threshold)}: none either"
    elif last and not silent:
        said += ", the same"
    said += f"; the reading cannot tell of {text.listed(hidden, MOST_NAMED)}" if hidden else ""
    return f"{said}{without if silent else ''}."


def last_words(row: Mapping[Any, Any]) -> str:
    """ "<40", "362": the last value known, without its unit."""
    sign = {"below": "<", "above": ">"}.get(row["last_limit"], "")
    return f"{sign}{text.level(row['last_igg'], row['unit'])}"
