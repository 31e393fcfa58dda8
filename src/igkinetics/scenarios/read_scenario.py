"""Reading a scenario file: every problem at once, those of its cards included, or a sound scenario."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from igkinetics.cards.load import SUFFIX, load_card
from igkinetics.cards.model import Card
from igkinetics.dosing.regimen import Dosing
from igkinetics.dosing.regimen_file import named, with_levels
from igkinetics.errors import InputError, Problem
from igkinetics.fit.records import left_by
from igkinetics.provenance import sha256_of_bytes
from igkinetics.scenarios.agreement import Parts, disagreements, parts_of
from igkinetics.scenarios.dates import path_in, with_days
from igkinetics.scenarios.scenario import Scenario, Search
from igkinetics.scenarios.stack import with_stack
from igkinetics.toml_input import Fault, Table, parse_toml, problem_of, problems_of, read_bytes
from igkinetics.virtual.population import Population
from igkinetics.virtual.tables import Therapy

Part = TypeVar("Part", bound=Table)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioFile:
    """A scenario as read. cards: as named in the file -> card. folder: where paths in it start; None: here. n_in_all:
    where its population is one part of a fit, patients with numbers in all parts."""

    name: str
    sha256: str
    scenario: Scenario
    cards: dict[str, Card]
    folder: Path | None
    n_in_all: int = 0

    def path(self, text: str) -> Path:
        """A path of the file; a relative one starts here, or where the file lies if nothing is here."""
        return path_in(text, self.folder)


def read_scenario(path: Path, *, seed: int | None = None) -> ScenarioFile:
    """InputError with every problem of the file: file, key, found, expected. seed: instead of the file's own."""
    content = read_bytes(path)
    raw = parse_toml(content, path.name)
    if seed is not None:
        raw["seed"] = seed
    return parse_scenario(raw, path.name, sha256_of_bytes(content), path.parent)


def parse_scenario(raw: dict[str, Any], file: str, digest: str, folder: Path | None) -> ScenarioFile:
    """The scenario in a file's tables."""
    raw, stack_faults = with_stack(raw, folder)
    raw, faults = with_days(with_levels(raw, "regimen", partial(unit_in, raw, folder)), folder)
    cards, problems = named_cards(raw, file, folder)
    raw = with_covariates(raw, cards)
    problems += [problem_of(fault, raw, file) for fault in (*stack_faults, *faults)]
    scenario: Scenario | None
    try:
        scenario = Scenario.model_validate(raw)
    except ValidationError as error:
        problems += problems_of(error, raw, Scenario, file)
        scenario, parts = None, sound_parts(raw)
    else:
        parts = parts_of(scenario)
    problems += [problem_of(fault, raw, file) for fault in disagreements(parts, cards)]
    if problems or scenario is None:
        raise InputError(unlike(problems))
    return ScenarioFile(name=file, sha256=digest, scenario=scenario, cards=cards, folder=folder)


def unit_in(raw: Mapping[str, Any], folder: Path | None) -> object:
    """The IgG unit of a file, by default that of the fit or cohort behind its population."""
    return raw["unit"] if "unit" in raw else unit_behind(raw.get("population"), folder)


def unit_behind(population: object, folder: Path | None) -> str:
    """The IgG unit of the fit or cohort behind a population; mg/dL where there is none."""
    if not isinstance(population, Mapping):
        return "mg/dL"
    for command in ("fit", "effect"):
        if isinstance(place := population.get(command), str):
            try:
                return str(left_by(command, path_in(place, folder), ()).record.get("igg_unit", "mg/dL"))
            except InputError:  # told when the population is made
                continue
    return "mg/dL"


def unlike(problems: list[Problem]) -> list[Problem]:
    """Each problem once; of the same key and value the first that was found."""
    first: dict[tuple[str, str, str], Problem] = {}
    for problem in problems:
        first.setdefault((problem.file, problem.column, problem.expected), problem)
    return list(first.values())


def card_keys(raw: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where the file names a card, and which."""
    population = raw.get("population")
    if not isinstance(population, Mapping):
        return
    for key in ("card", "endogenous_card"):
        if isinstance(population.get(key), str):
            yield ("population", key), population[key]
    models = population.get("models")
    for index, model in enumerate(models if isinstance(models, list) else []):
        for key in ("card", "endogenous_card"):
            if isinstance(model, Mapping) and isinstance(model.get(key), str):
                yield ("population", "models", index, key), model[key]


def named_cards(raw: Mapping[str, Any], file: str, folder: Path | None) -> tuple[dict[str, Card], list[Problem]]:
    """The cards that could be read, by the name the file gives them, and what is wrong with the others."""
    cards: dict[str, Card] = {}
    problems: list[Problem] = []
    for key, name in card_keys(raw):
        try:
            cards[name] = load_card(card_place(name, folder))
        except InputError as error:
            for problem in error.problems:
                of_call = problem.file == "call"
                problems.append(problem_of(Fault(key, name, problem.expected), raw, file) if of_call else problem)
    return cards, problems


def card_place(name: str, folder: Path | None) -> str | Path:
    """A path to a card starts at the file's folder."""
    return folder / name if name.endswith(SUFFIX) and folder is not None else name


def with_covariates(raw: dict[str, Any], cards: Mapping[str, Card]) -> dict[str, Any]:
    """Keys of [population] that name a covariate of one of its cards, moved to population.covariates."""
    population = raw.get("population")
    if not isinstance(population, Mapping):
        return raw
    known = {name for card in cards.values() for name in card.covariates} - set(Population.model_fields)
    own = {name: value for name, value in population.items() if name in known}
    if not own:
        return raw
    rest = {name: value for name, value in population.items() if name not in own}
    given = rest.get("covariates", {})
    rest["covariates"] = {**(given if isinstance(given, Mapping) else {}), **own}
    return {**raw, "population": rest}


def sound_parts(raw: Mapping[str, Any]) -> Parts:
    """Of a faulty file those parts that are sound in themselves; keys nobody knows are passed over."""
    tables = named(raw.get("regimen"))
    regimens = {index: _sound(Dosing, table) for index, table in enumerate(tables if isinstance(tables, list) else [])}
    horizon = raw.get("horizon_day")
    return Parts(
        horizon_day=float(horizon) if isinstance(horizon, int | float) and horizon > 0 else None,
        population=_sound(Population, raw.get("population")),
        therapy=_sound(Therapy, raw.get("therapy")),
        regimens={place: regimen for place, regimen in regimens.items() if regimen is not None},
        search=_sound(Search, raw.get("search")),
    )


def _sound(model: type[Part], table: object) -> Part | None:
    if not isinstance(table, Mapping):
        return None
    try:
        return model.model_validate({name: value for name, value in table.items() if name in model.model_fields})
    except ValidationError:
        return None
