"""How wrong an assumption must be before the effect on the nadir is half of what is reported (docs/model.md 5.8).

Each assumption is broken by a stated amount in the infused: their records are put right for it, and the posterior drawn
with the records as they stand is moved to the records put right (`hierarchical/moved.py`). The amount at which the
effect is halved is searched for within a range beyond which nobody would believe it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from igkinetics.dosing.doses import Doses
from igkinetics.effect.counterfactual import within_patient
from igkinetics.effect.exposure import Exposure
from igkinetics.errors import InputError
from igkinetics.fit.posterior import weighted_quantiles
from igkinetics.hierarchical.fit import SampledCohort
from igkinetics.hierarchical.moved import Moved, method_words, moved, with_members
from igkinetics.hierarchical.posterior import Extension
from igkinetics.kinetics.parameters import Floats
from igkinetics.units import IggUnit, from_g_per_l

TIPPING_COLUMNS: Final = (
    "assumption",
    "amount",
    "amount_unit",
    "largest_tried",
    "halves",
    "nadir_change_att",
    "nadir_change_att_lower",
    "nadir_change_att_upper",
    "as_reported",
    "unit",
    "level",
    "pareto_k",
    "method",
)
"""amount: at which the effect is halved (halves True), else the largest tried. nadir_change_att: the effect there."""
MOST_DRAWS: Final = 200
MOST_STEPS: Final = 6
CLOSE: Final = 0.06
"""The search ends when the effect lies so near to half of that reported, as a share of it."""
BEFORE_DAYS: Final = 14.0
DEATH_DAYS: Final = 28.0
LEVELS_DAYS: Final = 14.0
HALF: Final = 0.5


class Altered(NamedTuple):
    """A patient as the record should have been; factor: what each sample of the problem is multiplied by."""

    exposure: Exposure
    factor: Floats | float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """One that may be wrong. alter: the record put right for an amount; none, most: no violation, and the largest.

    ratio: label of the population that takes the log of the amount. why_not: empty when it can be asked here.
    """

    name: str
    unit: str
    none: float
    most: float
    alter: Callable[[Exposure, float, Floats], Altered]
    ratio: str = ""
    why_not: str = ""


def given_doses(one: Exposure, doses: Doses) -> Exposure:
    """The patient with these doses in place of the recorded ones, in the order of their days."""
    order = np.argsort(doses.day, kind="stable")
    doses = doses.given(order)  # type: ignore[arg-type]
    patient = replace(
        one.patient,
        dose_day=doses.day,
        dose_g=doses.amount_g,
        dose_duration_day=doses.duration_day,
        dose_is_sc=doses.is_sc,
    )
    inside = (doses.day >= one.window.start) & (doses.day <= one.window.end)
    return replace(one, patient=patient, doses=doses, in_window=inside)


def with_more(one: Exposure, day: Floats, amount_g: Floats) -> Exposure:
    """Further infusions that nobody recorded, each over no time."""
    old, n = one.doses, day.size
    return given_doses(
        one,
        Doses(
            day=np.concatenate([old.day, day]),
            amount_g=np.concatenate([old.amount_g, amount_g]),
            duration_day=np.concatenate([old.duration_day, np.zeros(n)]),
            is_sc=np.concatenate([old.is_sc, np.zeros(n, dtype=bool)]),
        ),
    )


def infused_before(one: Exposure, g_per_kg: float, day: Floats) -> Altered:
    """One infusion two weeks before the window."""
    at = np.array([one.window.start - BEFORE_DAYS])
    return Altered(with_more(one, at, np.array([g_per_kg * one.weight_kg])) if one.treated else one)


def infused_more(one: Exposure, share: float, day: Floats) -> Altered:
    """Of all grams given in the window this share is not in the record: given half way to the next infusion."""
    days, grams = one.doses.day[one.in_window], one.doses.amount_g[one.in_window]
    if not days.size:
        return Altered(one)
    following = np.append(days[1:], min(days[-1] + 28.0, one.window.end))
    return Altered(with_more(one, 0.5 * (days + following), grams * share / (1.0 - share)))


def infused_less(one: Exposure, share: float, day: Floats) -> Altered:
    """Of each recorded infusion this share of the grams was not given."""
    grams = np.where(one.in_window, (1.0 - share) * one.doses.amount_g, one.doses.amount_g)
    return Altered(given_doses(one, replace(one.doses, amount_g=grams)))


def ill(one: Exposure, ratio: float, day: Floats) -> Altered:
    """Faster clearance while infusions are given, but not because of them: it would have been the same without."""
    if not one.treated:
        return Altered(one)
    days = one.doses.day[one.in_window]
    return Altered(replace(one, changed=(float(days[0]), float(days[-1]) + one.ivig_days)))


def faster_under_ivig(one: Exposure, ratio: float, day: Floats) -> Altered:
    """Faster clearance because of the infusions."""
    return Altered(replace(one, acts=True))


def sampled_when_low(one: Exposure, share: float, day: Floats) -> Altered:
    """Values of the days before an infusion read lower than the patient's course by this share."""
    gap = one.doses.day[one.in_window][None, :] - day[:, None]
    led_to_one = np.any((gap >= 0.0) & (gap <= LEVELS_DAYS), axis=1) if gap.size else np.zeros(day.size, dtype=bool)
    return Altered(one, np.where(led_to_one, 1.0 / (1.0 - share), 1.0))


def faster_before_death(one: Exposure, ratio: float, day: Floats) -> Altered:
    """Faster clearance in the last weeks of those who died."""
    end = one.patient.follow_up_end
    died = one.patient.end_reason == "death" and np.isfinite(end)
    return Altered(replace(one, changed=(end - DEATH_DAYS, end)) if died else one)


def assumptions(people: Sequence[Exposure]) -> list[Assumption]:
    """All that are looked at, in the order of the table."""
    died = sum(one.treated and one.patient.end_reason == "death" for one in people)
    no_weight = "a weight is unknown" if any(np.isnan(one.weight_kg) for one in people if one.treated) else ""
    grams = "share of the grams given"
    cleared = "times the clearance"
    return [
        Assumption(name="ivig_before_day_0", unit="g/kg", none=0.0, most=1.0, alter=infused_before, why_not=no_weight),
        Assumption(name="doses_not_recorded", unit=grams, none=0.0, most=0.5, alter=infused_more),
        Assumption(name="doses_not_given", unit="share of the grams recorded", none=0.0, most=0.6, alter=infused_less),
        Assumption(name="illness_in_the_infused", unit=cleared, none=1.0, most=2.5, alter=ill, ratio="clearance_ratio"),
        Assumption(
            name="clearance_raised_by_ivig", unit=cleared, none=1.0, most=2.5, alter=faster_under_ivig,
            ratio="clearance_ratio",
        ),
        Assumption(name="sampled_when_low", unit="share that values read too low", none=0.0, most=0.4,
                   alter=sampled_when_low),
        Assumption(
            name="faster_loss_before_death", unit=cleared, none=1.0, most=3.0, alter=faster_before_death,
            ratio="clearance_ratio", why_not="" if died else "no infused patient died",
        ),
    ]  # fmt: skip


def moved_by(
    base: SampledCohort, people: Sequence[Exposure], assumption: Assumption, amount: float
) -> tuple[Moved, list[Exposure]]:
    """The posterior with the records put right for this amount, and the infused as they then are."""
    altered = {one.place: assumption.alter(one, amount, base.posterior.problems[one.place].day) for one in people}
    members = []
    for index, member in enumerate(base.prepared.members):
        if index in altered:
            exposure, factor = altered[index]
            schedule = exposure.with_ivig()
            problem = replace(member.problem, schedule=schedule, igg=member.problem.igg * factor)
            member = replace(member, problem=problem)
        members.append(member)
    prepared = with_members(base.prepared, tuple(members))
    known = {assumption.ratio: float(np.log(amount))} if assumption.ratio else {}
    extension: Extension = "clearance_ratio" if assumption.ratio else "base"
    moved_draws = moved(base, prepared, base.population.held(known), MOST_DRAWS, extension)
    return moved_draws, [altered[one.place].exposure for one in people if one.treated]


def effect_there(
    base: SampledCohort, people: Sequence[Exposure], jobs: int, assumption: Assumption, amount: float
) -> tuple[Floats, Moved]:
    """Draws (n,), g/L, of the effect on the nadir of the infused with the records put right."""
    moved_draws, infused = moved_by(base, people, assumption, amount)
    changes = within_patient(moved_draws.posterior, infused, (), jobs)
    return np.mean([change.difference("nadir") for change in changes], axis=0), moved_draws


def tipping_rows(
    base: SampledCohort, people: Sequence[Exposure], unit: IggUnit, level: float, jobs: int
) -> pd.DataFrame:
    """TIPPING_COLUMNS, a row per assumption; none when nobody was infused."""
    infused = [one for one in people if one.treated]
    if not any(one.could_act for one in infused):
        return pd.DataFrame(columns=list(TIPPING_COLUMNS))
    changes = within_patient(base.posterior, infused, (), jobs)
    reported = float(np.mean([change.difference("nadir").mean() for change in changes]))
    rows = []
    for assumption in assumptions(people):
        row: dict[str, Any] = {
            "assumption": assumption.name,
            "amount_unit": assumption.unit,
            "largest_tried": assumption.most,
            "as_reported": from_g_per_l(reported, unit),
            "unit": unit,
            "level": level,
        }
        if assumption.why_not:
            rows.append({**row, "method": f"not asked: {assumption.why_not}"})
            continue
        try:
            effect_at = partial(effect_there, base, people, jobs, assumption)
            rows.append(row | tipping_row(effect_at, assumption, HALF * reported, unit, level))
        except InputError as error:
            rows.append({**row, "method": f"not asked: {error.problems[0]}"})
    return pd.DataFrame(rows, columns=list(TIPPING_COLUMNS))


def tipping_row(
    effect_at: Callable[[float], tuple[Floats, Moved]],
    assumption: Assumption,
    wanted: float,
    unit: IggUnit,
    level: float,
) -> dict[str, Any]:
    """Where the effect is down to `wanted`, g/L, by bisection between no violation and the largest."""
    low, high = assumption.none, assumption.most
    amount = high
    draws, moved_draws = effect_at(amount)
    value = weighted_mean(draws, moved_draws)
    halves = value <= wanted
    for _ in range(MOST_STEPS if halves else 0):
        if abs(value - wanted) <= CLOSE * wanted:
            break
        low, high = (low, amount) if value < wanted else (amount, high)
        amount = 0.5 * (low + high)
        draws, moved_draws = effect_at(amount)
        value = weighted_mean(draws, moved_draws)
    tail = 0.5 * (1.0 - level)
    ends = weighted_quantiles(draws, np.exp(moved_draws.log_weights), np.array([tail, 1.0 - tail]))
    return {
        "amount": amount,
        "halves": halves,
        "nadir_change_att": from_g_per_l(value, unit),
        "nadir_change_att_lower": from_g_per_l(float(ends[0]), unit),
        "nadir_change_att_upper": from_g_per_l(float(ends[1]), unit),
        "pareto_k": moved_draws.pareto_k,
        "method": method_words(moved_draws),
    }


def weighted_mean(draws: Floats, moved_draws: Moved) -> float:
    return float(draws @ np.exp(moved_draws.log_weights))
