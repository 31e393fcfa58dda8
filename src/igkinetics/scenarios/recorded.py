"""A patient whose record a scenario goes on from: its days, what it lacks, weights, the end of follow-up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cards.body_size import NEEDS_HEIGHT_AND_SEX
from igkinetics.cohort.windows import reason_words
from igkinetics.dosing.cases import DaysFrom
from igkinetics.errors import Problem, counted
from igkinetics.fit.records import (
    EPOCH,
    Left,
    Member,
)
from igkinetics.kinetics.parameters import KA, F
from igkinetics.scenarios.dates import days_since_epoch
from igkinetics.scenarios.read_scenario import ScenarioFile
from igkinetics.text import listed, visible

LEFT_OUT: Final = "recorded doses from day 0 on are left out, for the regimens take their place"
"""How the note on such doses begins; of one patient it is told among the first sentences."""


def before_day_0(one: Member) -> Member:
    """The patient with the doses recorded before day 0 alone."""
    return replace(one, doses=one.doses[one.doses[:, 0] < 0.0])


def counted_from(one: Member, day: float) -> Member:
    """The same patient with this day of the record as day 0."""
    doses = one.doses.copy()
    doses[:, 0] -= day
    samples = one.samples.copy()
    samples[:, 0] -= day
    return replace(
        one,
        start_day=one.start_day - day,
        therapy=one.therapy - day,
        doses=doses,
        samples=samples,
        drift=one.drift and one.drift.counted_from(day),
    )


def start_of(file: ScenarioFile, left: Left, one: Member) -> float:
    """The day of the record that is day 0: from which the regimens take the place of recorded doses."""
    wanted = file.scenario.population.from_day
    if wanted != "last_sample":
        return float(wanted)
    if not one.samples.size:
        raise left.fault(
            "last_sample", f"patient {visible(one.patient_id)} has no sample; give a day", "population.from_day"
        )
    return float(one.samples[-1, 0])


def days_note(file: ScenarioFile, days_from: DaysFrom, patients: int) -> str:
    """From when days count, and what that means for the record."""
    last = file.scenario.population.from_day == "last_sample"
    whose = "this patient's" if patients == 1 else "each patient's own"
    when = f"{whose} last sample" if last else f"day {days_from.day:g} of the record"
    known = f"day {days_from.day:g} of the record" if last and np.isfinite(days_from.day) else ""
    told = ", ".join(part for part in (known, days_from.date) if part)
    return (
        f"days count from {when}{f' ({told})' if told else ''}: doses recorded before it stay, the regimens take "
        "the place of all later ones"
    )


def left_out_note(file: ScenarioFile, moved: Sequence[Member], from_day: Sequence[float], days_from: DaysFrom) -> str:
    """Doses of the record whose place the regimens take, of one patient with grams and how to keep those that were
    given since the last sample; "" for none."""
    later = [(one, own) for one in moved if len(own := one.doses[one.doses[:, 0] >= 0.0])]
    if not later:
        return ""
    if len(moved) > 1:
        words = listed(f"{counted(len(own), 'dose')} of {visible(one.patient_id)}" for one, own in later)
        return f"{LEFT_OUT}: {words}"
    own = later[0][1]
    given = listed(f"{grams:g} g on {days_from.date_of(day) or f'day {day:g}'}" for day, grams in own[:, :2].tolist())
    keep = ""
    if file.scenario.population.from_day == "last_sample":
        keep = f"; from_day = {np.floor(own[-1, 0] + from_day[0]) + 1.0:g} keeps {'it' if len(own) == 1 else 'them'}"
    return f"{LEFT_OUT}: {given}{keep}"


def moment_of(one: Member, day: float, patients: int) -> datetime | None:
    """When a day of the only patient was; None for several, or where no date was written."""
    if patients != 1 or np.isnan(one.day_zero):
        return None
    moment: datetime = (EPOCH + pd.Timedelta(days=one.day_zero + day)).round("s").to_pydatetime()
    return moment


def too_early(file: ScenarioFile, members: Sequence[Member], from_day: Sequence[float]) -> list[Problem]:
    return [
        Problem(
            file=file.name,
            column="population.from_day",
            found=f"{day:g}",
            expected=f"must not lie before the record of {visible(member.patient_id)}, day {member.start_day:g}",
        )
        for member, day in zip(members, from_day, strict=True)
        if day < member.start_day
    ]


def with_stated_day_zero(file: ScenarioFile, one: Member) -> Member:
    """The patient with the date of day 0 that the file states, where the fit wrote none."""
    stated = file.scenario.population.day_zero
    if stated is None or np.isfinite(one.day_zero):
        return one
    return replace(one, day_zero=days_since_epoch(pd.Timestamp(stated)))


def weighed(one: Member, from_day: float) -> Member:
    """The patient with the weight that doses per kg refer to: the last one known on from_day, or the last of the
    record where that is at its end."""
    at_the_end = not one.samples.size or from_day >= one.samples[-1, 0]
    return replace(one, weight_kg=one.weight_on(np.inf if at_the_end else from_day))


def weight_notes(members: Sequence[Member]) -> Iterator[str]:
    by_day = [one for one in members if len(one.weights)]
    if by_day:
        told = listed(f"{visible(one.patient_id)} {one.weight_kg:g} kg" for one in by_day)
        yield f"g/kg refer to the last weight known when the regimens begin: {told}"


def ended(file: ScenarioFile, members: Sequence[Member], from_day: Sequence[float]) -> list[Problem]:
    """One patient who died or was transplanted has no next dose; what another regimen would have done before needs
    from_day. Of several patients the notes tell it."""
    if len(members) > 1 or not np.isfinite(members[0].end_day):
        return []
    one, asked = members[0], file.scenario.population.from_day
    if asked != "last_sample" and from_day[0] < one.end_day:
        return []
    rule = (
        f"follow-up of {visible(one.patient_id)} ended with {end_of(one)}: there is no next dose; give from_day, a day "
        "before it, to ask what another regimen would have done"
    )
    return [Problem(file=file.name, column="population.from_day", found=str(asked), expected=rule)]


def end_of(one: Member) -> str:
    """ "death on day 174 of the record" """
    return f"{reason_words(one.end_reason)} on day {round(one.end_day, 1):g} of the record"


def end_notes(members: Sequence[Member], from_day: Sequence[float]) -> Iterator[str]:
    """Whose regimens run beyond the end of follow-up."""
    gone = [one for one in members if np.isfinite(one.end_day)]
    if len(members) == 1 and gone:
        yield (
            f"follow-up ended with {end_of(gone[0])} (day {round(gone[0].end_day - from_day[0], 1):g} here): what "
            "regimens do after it is hypothetical"
        )
    elif gone:
        names = listed(visible(one.patient_id) for one in gone)
        yield f"follow-up of {names} ended in the record; what regimens do to them after it is hypothetical"


def lacking(file: ScenarioFile, members: Sequence[Member]) -> list[Problem]:
    """Weights, heights and absorption that a regimen needs and a patient does not have."""
    scenario, found = file.scenario, []
    by_weight = [
        regimen
        for regimen in scenario.regimen
        if regimen.dose_g_per_kg or regimen.loading_g_per_kg or (regimen.rule and regimen.rule.dose_g_per_kg)
    ]
    bases, routes = {one.weight for one in by_weight}, {one.route for one in scenario.regimen}
    if (search := scenario.search) is not None:
        routes |= set(search.route)
        bases |= {search.weight} if search.dose_g_per_kg or search.loading_g_per_kg else set()
    blind = any(one.rule is not None and one.rule.assay_cv_percent is None for one in scenario.regimen)
    for member in members:
        needs = []
        if blind and np.isnan(member.error).any():
            needs.append(("assay_cv_percent", "needed in each rule: this posterior holds no error of a measurement"))
        if bases and np.isnan(member.weight_kg):
            needs.append(("weight_kg", "needed for a dose per kg; give dose_g, or the weight in patients.csv"))
        if bases & set(NEEDS_HEIGHT_AND_SEX) and (np.isnan(member.height_cm) or member.is_male is None):
            needs.append(("height_cm", "height and sex are needed for this weight basis"))
        if "sc" in routes and np.isnan(member.thetas[:, [KA, F]]).any():
            needs.append(("route", "the card behind this fit has no absorption; only 'iv'"))
        found += [
            Problem(file=file.name, patient_id=member.patient_id, column=name, found="", expected=rule)
            for name, rule in needs
        ]
    return found
