"""The cheapest regimen that meets a target: every candidate is tried, and stands in the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.dosing.cases import Cases, Patients
from igkinetics.dosing.doses import AMOUNT_DECIMALS
from igkinetics.dosing.regimen import Dosing
from igkinetics.dosing.vials import vials_words
from igkinetics.kinetics.parameters import Floats
from igkinetics.parallel import Progress, Workers
from igkinetics.scenarios.engine import Setting, simulate
from igkinetics.scenarios.outcomes import Columns, shares_at_least
from igkinetics.scenarios.scenario import Search, Target
from igkinetics.scenarios.tally import Tally
from igkinetics.scenarios.windows import Span, span_of
from igkinetics.units import from_g_per_l

SEARCH_COLUMNS: Final = (
    "patient_id",
    "dose_g_per_kg",
    "dose_g",
    "interval_day",
    "vial_g",
    "vials",
    "route",
    "quantity",
    "at_least",
    "at_most",
    "from_day",
    "to_day",
    "probability_wanted",
    "probability",
    "probability_error",
    "meets_target",
    "decided",
    "grams",
    "infusions",
    "cost",
    "cheapest",
    "cheapest_for_share",
    "unit",
)
"""from_day, to_day: the days that the quantity covers; unit: of at_least and at_most. probability_error: Monte Carlo
standard error; decided: the probability lies beyond 2 of them from the one wanted. cheapest: the fewest grams of those
that meet the target. cheapest_for_share: of how many patients it is the cheapest that keeps the patient's own level
at the target. Rows with a patient_id are of that patient alone."""
DOSE_DECIMALS: Final = 6
MEETS, GRAMS, INFUSIONS = range(3)
SURE: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One regimen tried."""

    dose: float
    regimen: Dosing


def doses_of(search: Search) -> list[float]:
    """Two numbers are a range in steps, its upper end included; any other number of them are the doses themselves."""
    given = search.dose_g_per_kg or search.dose_g or []
    step = search.dose_step_g_per_kg if search.dose_g_per_kg is not None else search.dose_step_g
    if len(given) != 2:
        return list(given)
    steps = int(np.floor((given[1] - given[0]) / step + 1e-9))
    walked = [round(given[0] + step * k, DOSE_DECIMALS) for k in range(steps + 1)]
    return sorted({*walked, given[1]})


def candidates_of(search: Search) -> list[Candidate]:
    """Every combination of dose, interval and route."""
    vials = sizes_words(search.vial_g)
    key, unit = ("dose_g_per_kg", "g/kg") if search.dose_g_per_kg is not None else ("dose_g", "g")
    return [
        Candidate(
            dose=dose,
            regimen=Dosing.model_validate(
                {
                    "name": f"{dose:g} {unit} every {interval:g} days"
                    + (f", vials of {vials} g" if vials else "")
                    + (f", {route}" if len(search.route) > 1 else ""),
                    key: dose,
                    "interval_day": interval,
                    "vial_g": search.vial_g,
                    "start_day": search.start_day,
                    "route": route,
                    "loading_g_per_kg": search.loading_g_per_kg,
                    "weight": search.weight,
                    "duration_h": search.duration_h,
                    "unusual_doses": "as_given",  # the search has been asked
                }
            ),
        )
        for route in search.route
        for interval in search.interval_day
        for dose in doses_of(search)
    ]


def cheapest_of(table: pd.DataFrame, search: Search, listed: list[Dosing]) -> Dosing | None:
    """The cheapest candidate that meets the target, as a regimen to follow; the listed one where it is the same; None
    where none meets it."""
    rows = np.flatnonzero(table.loc[table["patient_id"] == "", "cheapest"].to_numpy(dtype=bool))
    if not rows.size:
        return None
    found = candidates_of(search)[int(rows[0])].regimen
    for regimen in listed:
        if regimen.model_copy(update={"name": found.name}) == found:
            return regimen
    names = {regimen.name for regimen in listed}
    return found.model_copy(update={"name": f"{found.name} (search)"}) if found.name in names else found


def sizes_words(vial_g: list[float] | None) -> str:
    """ "2.5, 5, 10"; empty where doses are not rounded to vials."""
    return ", ".join(f"{size:g}" for size in vial_g or ())


def covered_of(search: Search) -> Span | None:
    """The days that the target covers, as windows_of takes them."""
    return None if search.target.days is None else (search.target.days[0], search.target.days[1])


@dataclass(slots=True)
class Tried:
    """What is counted of one candidate. first_choice: patients (by model) for whom it is the cheapest that suffices.
    patients: place -> (probability over draws, its error, grams, infusions)."""

    tally: Tally
    first_choice: Floats
    patients: dict[int, tuple[float, float, float, float]] = field(default_factory=dict)


def search_table(
    patients: Patients,
    search: Search,
    setting: Setting,
    price_per_g: float | None,
    crew: Workers,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """All candidates with what they reach; SEARCH_COLUMNS."""
    candidates, about = candidates_of(search), patients.about
    unit = setting.columns.unit
    columns = Columns(thresholds=(search.target.lower(unit),), unit=unit, price_per_g=None)
    alone = replace(setting, columns=columns, day=np.empty(0), covered=covered_of(search))
    models = len(about.model_names)
    tried = [Tried(Tally.empty(models, about.n_draws, 3), np.zeros(models)) for _ in candidates]
    for index in range(patients.n_batches):
        cases = patients.batch(index)
        measures = []
        for done, candidate in enumerate(candidates, start=1 + index * len(candidates)):
            measures.append(tried_on(candidate.regimen, cases, alone, search.target, crew)[1])
            if progress is not None:
                progress(done, patients.n_batches * len(candidates))
        count(tried, measures, cases, named=bool(about.patient_ids))
    shown = [*rows_of(patients, search, candidates, tried, price_per_g, alone)]
    return pd.DataFrame(shown, columns=list(SEARCH_COLUMNS))


def tried_on(regimen: Dosing, cases: Cases, setting: Setting, target: Target, crew: Workers) -> tuple[Floats, Floats]:
    """A calendar's values (n, width) for the cases, and (n, 3): see measured. With an upper limit every trough counts,
    so all are looked at, not the lowest alone."""
    every = target.quantity == "trough" and target.upper(setting.columns.unit) is not None
    days = setting.windows(regimen).trough_day if every else np.empty(0)
    drawn = simulate(regimen, cases, np.empty((len(cases), 0)), replace(setting, day=days), crew)
    values = drawn.values
    place = place_of(setting.columns, target.quantity)
    highest = values[:, place]
    if days.size:
        highest = from_g_per_l((drawn.endogenous + drawn.infused).max(axis=1), setting.columns.unit)
    return values, measured(values, highest, setting.columns, target)


def place_of(columns: Columns, outcome: str) -> int:
    """The first column of an outcome."""
    return next(k for k, each in enumerate(columns.all) if each.name == outcome)


def measured(values: Floats, highest: Floats, columns: Columns, target: Target) -> Floats:
    """(n, 3): whether the quantity lies within its limits (nan: there is none), grams, infusions. highest (n,): of what
    has to lie below the upper limit."""
    level = values[:, [place_of(columns, target.quantity)]]
    kept = shares_at_least(level, np.array(columns.thresholds))[:, 0]
    if (most := target.upper(columns.unit)) is not None:
        kept = np.where(highest <= most, kept, np.minimum(kept, 0.0))
    place = {name: place_of(columns, name) for name in ("grams", "infusions")}
    return np.column_stack([kept, values[:, place["grams"]], values[:, place["infusions"]]])


def count(tried: list[Tried], measures: list[Floats], cases: Cases, *, named: bool) -> None:
    """A batch. The cheapest that suffices for a patient is the one of fewest grams, then of fewest infusions."""
    for one, values in zip(tried, measures, strict=True):
        one.tally.add(values, cases)
        if named:
            for who in np.unique(cases.patient):
                rows = values[cases.patient == who]
                share = float(rows[:, MEETS].mean())
                error = float(np.sqrt(share * (1 - share) / len(rows)))
                one.patients[int(who)] = share, error, float(rows[:, GRAMS].mean()), float(rows[:, INFUSIONS].mean())
    grams = np.array([values[:, GRAMS] + 1e-6 * values[:, INFUSIONS] for values in measures])
    kept = np.array([values[:, MEETS] == 1.0 for values in measures])
    best = np.where(kept, grams, np.inf).argmin(axis=0)
    for k, one in enumerate(tried):
        chosen = (best == k) & kept.any(axis=0)
        one.first_choice += np.bincount(cases.model[chosen], minlength=one.first_choice.size)


def rows_of(
    patients: Patients,
    search: Search,
    candidates: list[Candidate],
    tried: list[Tried],
    price_per_g: float | None,
    setting: Setting,
) -> Iterator[dict[str, Any]]:
    """Rows of the population, then of each patient with a name."""
    about = patients.about
    weights = np.array(about.model_weights) / sum(about.model_weights)
    results = []
    for one in tried:
        share, grams, infusions = (float(weights @ one.tally.means[:, k]) for k in (MEETS, GRAMS, INFUSIONS))
        if about.patient_ids:
            by_draw = one.tally.by_draw[0, :, MEETS]
            error = float(by_draw.std() / np.sqrt(by_draw.size))
        else:
            error = float(np.sqrt(np.sum((weights * one.tally.errors[:, MEETS]) ** 2)))
        results.append((share, error, grams, infusions))
    first = [float(weights @ (one.first_choice / one.tally.n[:, GRAMS])) for one in tried]
    same = [constant_cells(candidate, search, price_per_g, setting) for candidate in candidates]
    regimens = [candidate.regimen for candidate in candidates]
    yield from rows_of_one("", search, regimens, same, results, first, is_one_patient=about.is_one)
    for index, patient_id in enumerate(about.patient_ids):
        if all(index in one.patients for one in tried):
            own = [one.patients[index] for one in tried]
            yield from rows_of_one(patient_id, search, regimens, same, own, [np.nan] * len(own), is_one_patient=True)


def constant_cells(candidate: Candidate, search: Search, price_per_g: float | None, setting: Setting) -> dict[str, Any]:
    """What a candidate's rows say of it, whoever they are of; cost: of one gram."""
    regimen, target, unit = candidate.regimen, search.target, setting.columns.unit
    span = span_of(target.quantity, setting.windows(regimen))
    most = target.upper(unit)
    return {
        "dose_g_per_kg": np.nan if regimen.dose_g_per_kg is None else candidate.dose,
        "dose_g": np.nan if regimen.dose_g is None else candidate.dose,
        "interval_day": regimen.interval_day,
        "vial_g": sizes_words(regimen.vial_g),
        "route": regimen.route,
        "quantity": target.quantity,
        "at_least": target.lower(unit),
        "at_most": np.nan if most is None else most,
        "from_day": span[0],
        "to_day": span[1],
        "probability_wanted": target.probability,
        "cost": np.nan if price_per_g is None else price_per_g,
        "unit": unit,
    }


def vials_of_each(regimen: Dosing, grams: float, infusions: float, *, is_one_patient: bool) -> str:
    """The vials of one dose where everybody gets the same; empty where not, or where there are no vials."""
    same = regimen.loading_g_per_kg is None and (is_one_patient or regimen.dose_g is not None)
    if not same or infusions == 0 or regimen.vial_g is None:
        return ""
    return vials_words(round(grams / infusions, AMOUNT_DECIMALS), regimen.vial_g)


def rows_of_one(
    patient_id: str,
    search: Search,
    regimens: list[Dosing],
    same: list[dict[str, Any]],
    results: list[tuple[float, float, float, float]],
    first_choice: list[float],
    *,
    is_one_patient: bool,
) -> Iterator[dict[str, Any]]:
    """Every candidate for the population or one patient, the cheapest marked."""
    wanted = search.target.probability
    meets = [share >= wanted for share, *_ in results]
    suffice = [(grams, infusions, k) for k, (_, _, grams, infusions) in enumerate(results) if meets[k]]
    cheapest = min(suffice)[2] if suffice else None
    for k, (cells, (share, error, grams, infusions)) in enumerate(zip(same, results, strict=True)):
        yield {
            **cells,
            "vials": vials_of_each(regimens[k], grams, infusions, is_one_patient=is_one_patient),
            "patient_id": patient_id,
            "probability": share,
            "probability_error": error,
            "meets_target": meets[k],
            "decided": abs(share - wanted) > SURE * error,
            "grams": grams,
            "infusions": infusions,
            "cost": grams * cells["cost"],
            "cheapest": k == cheapest,
            "cheapest_for_share": first_choice[k],
        }
