"""The whole simulation file, and what its parts must agree on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import Field, ValidationInfo, model_validator

from igkinetics.cards.body_size import NEEDS_HEIGHT_AND_SEX
from igkinetics.dosing.assay import Assay, beyond_limits
from igkinetics.dosing.regimen import too_many_doses
from igkinetics.limits import MOST_PATIENT_DAYS, MOST_SIMULATED_PATIENTS, MOST_VIRTUAL_PATIENTS, at_most
from igkinetics.simulate.sections import Group, Outcome, Population, Visits, ends_follow_up
from igkinetics.toml_input import Fault, Name, Table, refuse, suggestion
from igkinetics.virtual.tables import Count, Therapy

PER_PART: Final = "per_part"
"""In the context of a design that is read: patients of each part."""
IN_PARTS: Final = "in parts, per_part=10000"


class Design(Table):
    """A whole simulation file."""

    seed: Count
    """Seed of all random numbers."""
    title: str = ""
    """Stands in the notes of the cohort."""
    population: Population
    """Who is simulated."""
    therapy: Therapy | None = None
    """Therapy of everybody whose group has none of its own."""
    visits: Visits
    """Days on which IgG is measured."""
    assay: Assay = Assay()
    """How IgG is measured."""
    group: list[Group] = Field(min_length=1)
    """Groups, each a [[group]] table."""
    outcomes: dict[Name, Outcome] = Field(default_factory=dict)
    """Outcomes, each a table [outcomes.NAME]."""

    @model_validator(mode="after")
    def _holds(self, info: ValidationInfo) -> Design:
        parts = Sections(
            per_part=(info.context or {}).get(PER_PART),
            assay=self.assay,
            population=self.population,
            visits=self.visits,
            therapy=self.therapy,
            groups=dict(enumerate(self.group)),
            outcomes=self.outcomes,
            group_names=tuple(group.name for group in self.group),
        )
        refuse(disagreements(parts))
        return self

    def therapy_of(self, group: Group) -> Therapy | None:
        """A group's own therapy, else the one of all."""
        return group.therapy if group.therapy is not None else self.therapy


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """The parts of a design that are sound in themselves, so that the rules between them can be checked
    even while other parts are at fault. groups: by place; group_names: all of them, of unsound groups too; per_part:
    patients written at a time, None for all."""

    assay: Assay | None
    population: Population | None
    visits: Visits | None
    therapy: Therapy | None
    groups: Mapping[int, Group]
    group_names: tuple[str, ...]
    outcomes: Mapping[str, Outcome]
    per_part: int | None = None


def disagreements(sections: Sections) -> Iterator[Fault]:
    """Every rule between the parts of a design that does not hold."""
    yield from _repeated_names(sections)
    yield from _rules_and_limits(sections)
    yield from _work(sections)
    yield from _weights(sections)
    for name, outcome in sections.outcomes.items():
        yield from _counts(sections, name, outcome)
        yield from _order(sections, name, outcome)
    ending = [name for name, outcome in sections.outcomes.items() if ends_follow_up(name, outcome)]
    if len(ending) > 1:
        yield Fault(("outcomes",), ", ".join(ending), "only one outcome may end follow-up")


def patient_id(group_name: str, index: int) -> str:
    """`IVIG-01`: counted within the group, so that no other group's size changes it."""
    return f"{'_'.join(group_name.split())}-{index + 1:02d}"


def _repeated_names(sections: Sections) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, name in enumerate(sections.group_names):
        key = patient_id(name, 0)
        if key in seen:
            yield Fault(("group", index, "name"), name, "groups need different names")
        seen.add(key)


def _rules_and_limits(sections: Sections) -> Iterator[Fault]:
    if sections.assay is None:
        return
    for index, group in sections.groups.items():
        if group.regimen is not None and group.regimen.rule is not None:
            key = ("group", index, "regimen", "rule", "below_mg_dl")
            yield from beyond_limits(sections.assay, group.regimen.rule.below_mg_dl, key)


def _work(sections: Sections) -> Iterator[Fault]:
    """Bounds on what a design makes: doses and checks of a patient, patients, and days of all curves at a time."""
    number = sum(group.n for group in sections.groups.values())
    most = MOST_SIMULATED_PATIENTS if sections.per_part is None else MOST_VIRTUAL_PATIENTS
    what = "patients in all groups" + ("" if sections.per_part else f" (more go {IN_PARTS})")
    yield from at_most(("group",), f"{number:,} patients", number, most, what)
    if sections.visits is None:
        return
    end, days = sections.visits.planned_end_day, 0.0
    first_visit = sections.visits.start_day if sections.visits.days is None else sections.visits.days[0]
    for index, group in sections.groups.items():
        therapy = group.therapy if group.therapy is not None else sections.therapy
        starts = [0.0, first_visit]
        starts += [therapy.start_day] if therapy is not None else []
        if group.regimen is not None:
            starts.append(group.regimen.first_day)
            yield from too_many_doses(group.regimen, end, ("group", index, "regimen"))
        days += group.n * (end - min(starts))
    if sections.per_part is not None:
        days *= min(sections.per_part / number, 1.0)
    what = "days of curves" + (" in a part" if sections.per_part else f" (more go {IN_PARTS})")
    yield from at_most(("visits",), f"{number:,} patients to day {end:g}", days, MOST_PATIENT_DAYS, what)


def _weights(sections: Sections) -> Iterator[Fault]:
    """A dose by ideal, adjusted or lean weight needs height and sex."""
    people = sections.population
    for group in sections.groups.values():
        if people is not None and group.regimen is not None and group.regimen.weight in NEEDS_HEIGHT_AND_SEX:
            for name in ("height_cm", "sex"):
                if getattr(people, name) is None:
                    rule = f"needed for weight = '{group.regimen.weight}' of group {group.name!r}"
                    yield Fault(("population", name), "", rule)


def _counts(sections: Sections, name: str, outcome: Outcome) -> Iterator[Fault]:
    if outcome.counts is None:
        return
    if sections.per_part is not None:
        rule = "chooses among all patients of a group, of whom a part knows only some; give a rate, or make no parts"
        yield Fault(("outcomes", name, "counts"), "in parts", rule)
    sizes = {group.name: group.n for group in sections.groups.values()}
    for group, count in outcome.counts.items():
        key = ("outcomes", name, "counts", group)
        if group not in sections.group_names:
            yield Fault(key, group, f"no group has this name; {suggestion(group, sections.group_names)}")
        elif count > sizes.get(group, count):
            yield Fault(key, str(count), f"group {group!r} has {sizes[group]} patients")
    for group in dict.fromkeys(sections.group_names):
        if group not in outcome.counts:
            key = ("outcomes", name, "counts", group)
            yield Fault(key, "", "needed: a count for every group, 0 for none")


def _order(sections: Sections, name: str, outcome: Outcome) -> Iterator[Fault]:
    """`after` names a counted outcome of at least as many patients, and leads back to a first one."""
    if outcome.after is None or outcome.counts is None:
        return
    key = ("outcomes", name, "after")
    earlier = sections.outcomes.get(outcome.after)
    if earlier is None or earlier.counts is None:
        known = [other for other, one in sections.outcomes.items() if one.counts and other != name]
        hint = suggestion(outcome.after, known)
        yield Fault(key, outcome.after, f"must be an outcome with `counts`; {hint}")
        return
    if ends_follow_up(outcome.after, earlier):
        yield Fault(key, outcome.after, "ends follow-up; nothing comes after it")
    if name in chain_of(sections.outcomes, outcome.after):
        yield Fault(key, outcome.after, "leads back to this outcome")
    for group, count in outcome.counts.items():
        if count > earlier.counts.get(group, count):
            yield Fault(
                ("outcomes", name, "counts", group),
                str(count),
                f"more than the {earlier.counts[group]} of {outcome.after!r}, its `after`",
            )


def chain_of(outcomes: Mapping[str, Outcome], name: str) -> tuple[str, ...]:
    """This outcome and those it comes after, last first; a circle is followed once."""
    chain: list[str] = []
    following: str | None = name
    while following is not None and following in outcomes and following not in chain:
        chain.append(following)
        following = outcomes[following].after
    return tuple(chain)
