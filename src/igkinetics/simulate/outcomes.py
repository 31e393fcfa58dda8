"""Who has which outcome, and when: exact counts, lowest true IgG first, or events at a rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from igkinetics.simulate.course import Course
from igkinetics.simulate.design import Design, chain_of
from igkinetics.simulate.sections import Outcome, ends_follow_up
from igkinetics.simulate.truth import Nadir
from igkinetics.units import DAY_DECIMALS


@dataclass(slots=True, kw_only=True)
class Fate:
    """What befalls one patient, filled outcome by outcome. end_day: of planned follow-up, or of death."""

    course: Course
    nadir: Nadir
    """Of the whole planned course."""
    end_day: float
    end_reason: str = ""
    events: list[tuple[str, float]] = field(default_factory=list)

    def day_of(self, name: str) -> float:
        """First day of an outcome that this patient has. KeyError without it."""
        return dict(reversed(self.events))[name]

    def uniform(self, name: str, low: float, high: float) -> float:
        """A day between two, from this patient's stream for this outcome."""
        drawn = self.course.plan.patient.streams.of("outcome", name).uniform(low, high)
        return round(float(drawn), DAY_DECIMALS)


def fates(design: Design, courses: Sequence[Course], nadirs: Sequence[Nadir]) -> list[Fate]:
    """All outcomes of all patients, in the order of `courses`."""
    cohort = [
        Fate(course=course, nadir=nadir, end_day=course.plan.end_day)
        for course, nadir in zip(courses, nadirs, strict=True)
    ]
    ending = next((name for name, one in design.outcomes.items() if ends_follow_up(name, one)), None)
    doomed = set() if ending is None else {id(fate) for fate in counted(design.outcomes[ending], cohort)}
    for name in order_of_outcomes(design, ending):
        outcome = design.outcomes[name]
        if outcome.rate is not None:
            for fate in cohort:
                add_events(fate, name, outcome, first_only=name == ending)
        for fate in counted(outcome, cohort):
            add_counted(fate, name, outcome, dies=id(fate) in doomed)
        if name == ending:
            for fate in cohort:
                end_record(fate, name, outcome)
    return cohort


def order_of_outcomes(design: Design, ending: str | None) -> list[str]:
    """What leads to the end of follow-up first, each outcome after the one it follows."""
    first = [] if ending is None else [ending]
    ordered = [one for name in [*first, *design.outcomes] for one in reversed(chain_of(design.outcomes, name))]
    return list(dict.fromkeys(ordered))


def counted(outcome: Outcome, cohort: Sequence[Fate]) -> list[Fate]:
    """In each group as many patients as `counts` says, those with the lowest true nadir."""
    chosen = []
    for group, count in (outcome.counts or {}).items():
        members = [fate for fate in cohort if fate.course.plan.patient.group.name == group]
        chosen += sorted(members, key=lambda fate: fate.nadir.total_mg_dl)[:count]
    return chosen


def add_counted(fate: Fate, name: str, outcome: Outcome, *, dies: bool) -> None:
    """A day drawn evenly from those possible: follow-up, or `within_day` after the earlier outcome.

    Whoever's record ends by a count has been measured at or after the lowest IgG: the record keeps it.
    """
    if outcome.after is not None and outcome.within_day is not None:
        low = fate.day_of(outcome.after)
        high = min(low + outcome.within_day, fate.end_day)
    else:
        low = measured_after_nadir(fate) if dies and not fate.end_reason else fate.course.plan.first_day
        high = fate.end_day
    fate.events.append((name, fate.uniform(name, low, high)))


def measured_after_nadir(fate: Fate) -> float:
    """Day of the first measurement at or after the lowest true IgG; that of the nadir when there is none."""
    days = (one.day for one, _ in fate.course.recorded if one.day >= fate.nadir.total_day)
    return min(days, default=fate.nadir.total_day)


def add_events(fate: Fate, name: str, outcome: Outcome, *, first_only: bool) -> None:
    """Events at the outcome's rate, up to the end of follow-up."""
    if outcome.rate is None:
        return
    course = fate.course
    generator = course.plan.patient.streams.of("outcome", name)
    days = course.plan.event_days(course.doses, outcome.rate, generator)
    days = days[days <= fate.end_day]
    fate.events += [(name, float(day)) for day in (days[:1] if first_only else days)]


def end_record(fate: Fate, name: str, outcome: Outcome) -> None:
    """Close the record of a patient who has the outcome that ends it; a death gets its own row."""
    if name in dict(fate.events):
        fate.end_day = fate.day_of(name)
        fate.end_reason = "death" if outcome.death else name
        if outcome.death and name != "death":
            fate.events.append(("death", fate.end_day))
