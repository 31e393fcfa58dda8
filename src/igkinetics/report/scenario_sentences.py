"""What a scenario found, in five plain sentences: for the end of the command and the head of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from igkinetics import text
from igkinetics.errors import counted
from igkinetics.scenarios.result import ScenarioResult

MOST_TOLD = 4
Row = Mapping[Any, Any]


def scenario_sentences(result: ScenarioResult, report: str) -> list[str]:
    """Whose patients and which regimens; lowest IgG; troughs; grams; what a search found; where the report is."""
    scenario = result.file.scenario
    stopped = f"; interrupted after {counted(result.n_simulated, 'patient')}" if result.interrupted else ""
    regimens = counted(len(scenario.regimen), "regimen")
    whose = result.about.says[0].upper() + result.about.says[1:]
    said = [f"{whose}; {regimens} over {scenario.horizon_day:g} days{stopped}."]
    level = text.percent(result.level)
    if scenario.regimen:
        said += [
            f"Mean nadir ({level} interval of the mean): {of_each(result, 'nadir', nadir_words)} mg/dL.",
            f"Trough at or above {scenario.thresholds_mg_dl[0]:g} mg/dL: "
            f"{of_each(result, 'p_trough_at_least', share_words)} of {counted_in(result)}.",
            f"Immunoglobulin, mean: {of_each(result, 'grams', gram_words)}.",
        ]
    if scenario.search is not None and len(result.search):
        said.append(search_sentence(result))
    return [*said, f"Report: {report}."]


def counted_in(result: ScenarioResult) -> str:
    """What a probability is a share of."""
    return "draws" if len(result.about.patient_ids) == 1 else "patients"


def outcome_row(result: ScenarioResult, regimen: str, outcome: str) -> Row:
    """The first row of this outcome: of the lowest threshold, where it has any."""
    table = result.outcomes
    rows = table[(table["regimen"] == regimen) & (table["outcome"] == outcome)].to_dict("records")
    return rows[0]


def of_each(result: ScenarioResult, outcome: str, words: Callable[[Row], str]) -> str:
    """ "none 319 (150 to 544); weekly 582 (403 to 752)": the outcome under the first regimens."""
    names = [regimen.name for regimen in result.file.scenario.regimen]
    told = [f"{text.visible(name)} {words(outcome_row(result, name, outcome))}" for name in names[:MOST_TOLD]]
    more = [f"and {counted(len(names) - MOST_TOLD, 'regimen')} more"] if len(names) > MOST_TOLD else []
    return "; ".join([*told, *more])


def nadir_words(row: Row) -> str:
    return f"{text.level(row['mean'], 'mg/dL')} ({text.level_interval(row['mean_lower'], row['mean_upper'], 'mg/dL')})"


def share_words(row: Row) -> str:
    return text.UNKNOWN if not text.known(row["mean"]) else text.share_of_draws(row["mean"])


def gram_words(row: Row) -> str:
    return f"{row['mean']:.0f} g"


def target_words(result: ScenarioResult) -> str:
    """ "trough at or above 500 mg/dL in 90 % of patients" """
    search = result.file.scenario.search
    if search is None:
        raise AssertionError("no search was asked for")
    target = search.target
    share = text.percent(target.probability)
    return f"{target.quantity} at or above {target.at_least_mg_dl:g} mg/dL in {share} of {counted_in(result)}"


def search_sentence(result: ScenarioResult) -> str:
    """The cheapest candidate that meets the target, and how sure that is."""
    table = result.search[result.search["patient_id"] == ""]
    cheapest = table[table["cheapest"]].to_dict("records")
    tried = counted(len(table), "candidate")
    if not cheapest:
        best = table.sort_values("probability", ascending=False, kind="stable").iloc[0]
        return (f"None of {tried} keeps the {target_words(result)}; the best reaches "
                f"{text.share(best['probability'], 1)}.")  # fmt: skip
    row = cheapest[0]
    sure = "" if row["decided"] else ", too close to the target to tell from it"
    vials = f", vials of {row['vial_g']:g} g" if text.known(row["vial_g"]) else ""
    return (f"Fewest grams for a {target_words(result)}: {row['dose_g_per_kg']:g} g/kg every "
            f"{row['interval_day']:g} days{vials} ({row['grams']:.0f} g; reached in "
            f"{text.share(row['probability'], 1)} ± {100 * row['probability_error']:.1f}{sure}; "
            f"{tried} tried).")  # fmt: skip
