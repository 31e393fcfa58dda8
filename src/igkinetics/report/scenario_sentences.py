"""What a scenario found, in five plain sentences: for the end of the command and the head of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from igkinetics import text
from igkinetics.cards.private import private_sentences
from igkinetics.errors import counted
from igkinetics.report.scenario_patient import next_sample_sentence, patient_sentences
from igkinetics.scenarios.result import ScenarioResult

MOST_TOLD = 5
Row = Mapping[Any, Any]


def scenario_sentences(result: ScenarioResult, report: str) -> list[str]:
    """The regimen that is recommended, where a search was asked for; what each regimen protects and takes; lowest IgG;
    troughs; whose patients; where the report is. Of one patient: what is recommended, the last sample, what each
    regimen gives next and does, the next sample."""
    found = [search_sentence(result)] if result.file.scenario.search is not None and len(result.search) else []
    if result.record is not None:
        told = [*found, *patient_sentences(result, MOST_TOLD)]
        told += [sentence for sentence in (next_sample_sentence(result),) if sentence]
        return [*told, f"Report: {report}."]
    scenario, unit = result.file.scenario, result.columns.unit
    stopped = f"; interrupted after {counted(result.n_simulated, 'patient')}" if result.interrupted else ""
    regimens = counted(len(result.regimens), "regimen")
    whose = result.about.says[0].upper() + result.about.says[1:]
    said = [*found]
    level, least = text.percent(result.level), f"{result.columns.thresholds[0]:g} {unit}"
    share = f"Share of {counted_in(result)} with a"
    if result.regimens:
        said += [
            f"Mean days below {least} of {scenario.horizon_day:g}, and grams"
            f"{of_each(result, 'days_below', partial(protection_words, result))}.",
            f"Mean nadir from the first dose on, {unit}, with the {level} interval of the mean"
            f"{of_each(result, 'nadir', partial(nadir_words, unit=unit))}.",
            f"{share} nadir at or above {least}, with its {level} interval"
            f"{of_each(result, 'p_nadir_at_least', share_words)}.",
            f"{share} trough (the lowest level just before a dose) at or above {least}, with its {level} interval"
            f"{of_each(result, 'p_trough_at_least', trough_words)}.",
        ]
    said.append(f"{whose}; {regimens} over {scenario.horizon_day:g} days{stopped}.")
    cards = {card_id: digest for card_id, (digest, _) in result.about.cards.items()}
    return [*said, *private_sentences(cards), f"Report: {report}."]


def counted_in(result: ScenarioResult) -> str:
    """What a probability is a share of."""
    return "draws" if result.about.is_one else "patients"


def outcome_row(result: ScenarioResult, regimen: str, outcome: str) -> Row:
    """The first row of this outcome: of the lowest threshold, where it has any."""
    table = result.outcomes
    rows = table[(table["regimen"] == regimen) & (table["outcome"] == outcome)].to_dict("records")
    return rows[0]


def of_each(result: ScenarioResult, outcome: str, words: Callable[[Row], str]) -> str:
    """ ", days 0 to 365: none 319 (150 to 544); weekly 582 (403 to 752)": the outcome under the first regimens, with
    the days it covers, told once where they are the same for all."""
    names = [regimen.name for regimen in result.shown]
    rows = [outcome_row(result, name, outcome) for name in names[:MOST_TOLD]]
    spans = {span_words(row) for row in rows} - {""}
    told = []
    for name, row in zip(names, rows, strict=False):
        days = span_words(row)
        told.append(f"{text.visible(name)} {words(row)}" + (f", {days}" if days and len(spans) > 1 else ""))
    more = [f"and {counted(len(names) - MOST_TOLD, 'regimen')} more"] if len(names) > MOST_TOLD else []
    common = f", {spans.pop()}" if len(spans) == 1 else ""
    return f"{common}: {'; '.join([*told, *more])}"


def span_words(row: Row) -> str:
    """ "days 28 to 364", of the row's own days; "" where there are none."""
    if not text.known(row["interval_start"]):
        return ""
    return f"days {row['interval_start']:g} to {row['interval_end']:g}"


def nadir_words(row: Row, unit: str) -> str:
    return f"{text.level(row['mean'], unit)} ({text.level_interval(row['mean_lower'], row['mean_upper'], unit)})"


def share_words(row: Row) -> str:
    """ "23.2 % (1.1 to 76.5)", with what the card does not know of its typical patient."""
    if not text.known(row["mean"]):
        return text.UNKNOWN
    share = text.share_of_draws(row["mean"])
    if not text.known(row["mean_lower"]):
        return share
    return f"{share} ({100 * row['mean_lower']:.1f} to {100 * row['mean_upper']:.1f})"


def trough_words(row: Row) -> str:
    """The share, and of whom, where not everybody has a trough."""
    if row["share_known"] in (0.0, 1.0):
        return share_words(row) if row["share_known"] else "has none"
    return f"{share_words(row)} (of the {text.percent(round(row['share_known'], 3))} with two doses or more)"


def protection_words(result: ScenarioResult, row: Row) -> str:
    """ "3 days, 422 g" """
    grams = outcome_row(result, str(row["regimen"]), "grams")["mean"]
    return f"{text.number(row['mean'], 2)} days, {text.number(round(grams))} g"


QUANTITY_WORDS = {
    "trough": "trough (the lowest level just before a dose)",
    "nadir": "nadir",
    "trough_last": "trough of the last interval",
}


def target_words(result: ScenarioResult) -> str:
    """ "nadir at or above 500 mg/dL (days 0 to 365) in 90 % of patients" """
    search, unit = result.file.scenario.search, result.columns.unit
    if search is None:
        raise AssertionError("no search was asked for")
    target = search.target
    most = target.upper(unit)
    limits = (
        f"at or above {target.lower(unit):g} {unit}"
        if most is None
        else (f"between {target.lower(unit):g} and {most:g} {unit}")
    )
    days = f" within days {target.days[0]:g} to {target.days[1]:g}" if target.days is not None else ""
    share = text.percent(target.probability)
    return f"{QUANTITY_WORDS[target.quantity]} {limits}{days} in {share} of {counted_in(result)}"


def search_sentence(result: ScenarioResult) -> str:
    """The cheapest candidate that meets the target, and how sure that is."""
    table = result.search[result.search["patient_id"] == ""]
    cheapest = table[table["cheapest"]].to_dict("records")
    tried = counted(len(table), "candidate")
    if not cheapest:
        best = table.sort_values("probability", ascending=False, kind="stable").iloc[0]
        reached = text.share(best["probability"], 1) if text.known(best["probability"]) else "no patient"
        return f"None of {tried} keeps the {target_words(result)}; the best reaches {reached}."
    row = cheapest[0]
    sure = "" if row["decided"] else ", too close to the target to tell from it"
    vials = f", {row['vials']}" if row["vials"] else f", vials of {row['vial_g']} g" if row["vial_g"] else ""
    route = f", {row['route']}" if table["route"].nunique() > 1 else ""
    error = f"Monte Carlo error {100 * row['probability_error']:.1f}"
    reached = f"reached in {text.share(row['probability'], 1)}, {error}"
    return (
        f"Recommended: {dose_words(row)} every {row['interval_day']:g} days{vials}{route}, the fewest grams for a "
        f"{target_words(result)} ({text.number(round(row['grams']))} g; {reached}, days {row['from_day']:g} to "
        f"{row['to_day']:g}{sure}; {tried} tried)."
    )


def dose_words(row: Row) -> str:
    """ "0.4 g/kg" or "30 g", of a row of the search."""
    return f"{row['dose_g_per_kg']:g} g/kg" if text.known(row["dose_g_per_kg"]) else f"{row['dose_g']:g} g"
