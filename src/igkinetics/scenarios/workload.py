"""What a scenario asks of the machine: each number within a stated bound, time and memory foreseen before it starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.dosing.cases import Patients
from igkinetics.dosing.regimen import Dosing
from igkinetics.errors import InputError, Problem, counted
from igkinetics.limits import MOST_DAYS, MOST_EVENTS, MOST_VIRTUAL_PATIENTS, at_most, number_of_steps
from igkinetics.scenarios.scenario import Scenario, Search
from igkinetics.toml_input import Fault, Key
from igkinetics.virtual.population import Population
from igkinetics.virtual.tables import Therapy

MOST_CYCLES: Final = 1_000
MOST_REGIMENS: Final = 1_000
MOST_CANDIDATES: Final = 10_000
SHORTEST_INTERVAL_DAY: Final = 0.01
"""Between doses or checks: a quarter of an hour."""
UNITS_A_SECOND: Final = 4e6
"""Days of curves, and doses or checks at five each, that one thread follows in a second (benchmarks/scenarios.py)."""
UNITS_OF_EVENT: Final = 5.0
BYTES_OF_DAY: Final = 40.0
"""Of one day of one curve of the batch at hand: endogenous, infused, total, and what quantiles are taken of."""
WORTH_TELLING_S: Final = 30.0


def beyond_bounds(
    horizon_day: float | None,
    population: Population | None,
    therapy: Therapy | None,
    regimens: dict[int, Dosing],
    search: Search | None,
) -> Iterator[Fault]:
    """A fault for every number that asks for more than its bound."""
    if horizon_day is not None:
        yield from at_most(("horizon_day",), horizon_day, horizon_day, MOST_DAYS, "days")
    horizon = min(horizon_day or MOST_DAYS, MOST_DAYS)
    yield from at_most(("regimen",), len(regimens), len(regimens), MOST_REGIMENS, "regimens")
    if population is not None:
        for name in ("n", "new"):
            if (number := getattr(population, name)) is not None:
                yield from at_most(("population", name), number, number, MOST_VIRTUAL_PATIENTS, "patients")
    if therapy is not None:
        yield from at_most(("therapy", "cycles"), therapy.cycles, therapy.cycles, MOST_CYCLES, "cycles of therapy")
    for place, regimen in regimens.items():
        yield from too_many_events(("regimen", place), regimen, horizon)
    if search is not None:
        yield from at_most(
            ("search",), f"{candidates(search):g} candidates", candidates(search), MOST_CANDIDATES, "candidates"
        )
        key: Key = ("search", "interval_day")
        for interval in search.interval_day:
            yield from too_often(key, interval, number_of_steps(search.start_day or 0.0, horizon, interval), "doses")


def too_many_events(key: Key, regimen: Dosing, horizon_day: float) -> Iterator[Fault]:
    """Doses of a calendar, or checks of a rule, in the whole horizon."""
    if (rule := regimen.rule) is not None and rule.check_every_day is not None:
        n = number_of_steps(rule.start_day, horizon_day, rule.check_every_day)
        yield from too_often((*key, "rule", "check_every_day"), rule.check_every_day, n, "checks")
    elif regimen.interval_day is not None:
        n = number_of_steps(regimen.first_day, horizon_day, regimen.interval_day)
        yield from too_often((*key, "interval_day"), regimen.interval_day, n, "doses")


def too_often(key: Key, every_day: float, number: float, what: str) -> Iterator[Fault]:
    if every_day < SHORTEST_INTERVAL_DAY:
        yield Fault(key, f"{every_day:g}", f"must be {SHORTEST_INTERVAL_DAY:g} or more")
    else:
        yield from at_most(key, every_day, number, MOST_EVENTS, what)


def candidates(search: Search) -> float:
    """How many a search tries."""
    given = search.dose_g_per_kg or search.dose_g or []
    step = search.dose_step_g_per_kg if search.dose_g_per_kg is not None else search.dose_step_g
    doses = number_of_steps(given[0], given[1], step) if len(given) == 2 else len(given)
    return doses * len(search.interval_day) * len(search.route)


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """Roughly what a run takes."""

    seconds: float
    gib: float

    @property
    def says(self) -> str:
        return f"about {duration_words(self.seconds)} and {max(self.gib, 0.1):.1f} GiB of memory"


def foreseen(scenario: Scenario, patients: Patients, jobs: int) -> Foreseen:
    """From the number of cases, days, doses and checks alone."""
    about, horizon = patients.about, scenario.horizon_day
    n_cases = float(about.n_patients * about.n_draws * len(about.model_names))
    events = [events_of(regimen, horizon) for regimen in scenario.regimen]
    units = 0.0
    if (search := scenario.search) is not None:
        events.append(max(number_of_steps(0.0, horizon, every) for every in search.interval_day))
        tried = candidates(search) / len(search.interval_day)
        units += sum(UNITS_OF_EVENT * tried * number_of_steps(0.0, horizon, every) for every in search.interval_day)
    units += sum(horizon + UNITS_OF_EVENT * n for n in events)
    at_once = n_cases / max(patients.n_batches, 1)
    return Foreseen(seconds=n_cases * units / (UNITS_A_SECOND * jobs), gib=at_once * horizon * BYTES_OF_DAY / 2**30)


def events_of(regimen: Dosing, horizon_day: float) -> float:
    rule = regimen.rule
    every = regimen.interval_day if rule is None else rule.check_every_day
    return 0.0 if every is None else number_of_steps(regimen.first_day, horizon_day, every)


def refuse_unforeseen(file: str, scenario: Scenario, patients: Patients, jobs: int) -> Foreseen:
    """What the run takes. InputError where that is more than the file allows, with the key that allows it."""
    work = foreseen(scenario, patients, jobs)
    regimens = counted(len(scenario.regimen), "regimen")
    what = f"{work.says} for {counted(patients.about.n_patients, 'patient')} under {regimens}"
    problems = []
    for key, taken, allowed in (
        ("allow_minutes", work.seconds / 60, scenario.allow_minutes),
        ("allow_gib", work.gib, scenario.allow_gib),
    ):
        if taken > allowed:
            rule = f"foreseen: {what}; write {key} = {np.ceil(taken):.0f} to allow it"
            problems.append(Problem(file=file, column=key, found=f"{allowed:g}", expected=rule))
    if problems:
        raise InputError(problems)
    return work


def duration_words(seconds: float) -> str:
    """ "40 seconds", "12 minutes", "3.5 hours" """
    if seconds < 90:
        return f"{max(seconds, 1):.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
