"""Cards in words: a table of all, and every number of one with unit, spread and origin."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Literal

import pandas as pd

from igkinetics.cards.check import CheckResult, origin_text
from igkinetics.cards.consistency import every_parameter
from igkinetics.cards.covariates import CovariateEffect, ExponentialEffect, PowerEffect
from igkinetics.cards.load import list_cards, load_card
from igkinetics.cards.model import Card, Citation
from igkinetics.cards.parts import BetweenPatients, Parameter, Spread
from igkinetics.cards.private import AUTHOR, STANDING, PrivateCard
from igkinetics.cards.residual import Additive, Proportional
from igkinetics.cards.scaling import when_missing_text

WIDTH = 100
ENDOGENOUS_TEXT = {
    "turnover": "endogenous IgG with turnover",
    "constant": "constant endogenous IgG",
    "steady_production": "endogenous IgG of steady production",
    "none": "no endogenous IgG",
}


def cards_table() -> pd.DataFrame:
    """The shipped cards: id, title, population, n_patients (empty: a synthesis), structure, routes, use, doi."""
    return pd.DataFrame(
        [
            {
                "id": card.id,
                "title": card.title,
                "population": card.population,
                "n_patients": "" if card.n_patients is None else str(card.n_patients),
                "structure": structure_text(card),
                "routes": " and ".join(card.structure.routes),
                "use": card.use,
                "doi": card.doi if card.kind == "publication" else "",
            }
            for card in map(load_card, list_cards())
        ]
    )


def structure_text(card: Card) -> str:
    return f"{' or '.join(card.structure.dispositions)}, {ENDOGENOUS_TEXT[card.structure.endogenous]}"


def describe_card(card: Card) -> str:
    """Plain text: all numbers with unit, uncertainty, variability and origin, doubts, citations."""
    return "\n".join(line for section in sections(card) for line in section) + "\n"


def sections(card: Card) -> Iterator[list[str]]:
    yield [f"{card.id}: {card.title}", f"SHA-256 {card.sha256}", ""]
    number = f"{card.n_patients} people: " if card.n_patients else "synthesis: "
    if isinstance(card, PrivateCard):
        number = f"{STANDING}: "
    told = card.population.startswith(f"{card.n_patients} ")
    yield wrapped("", card.population if told else number + card.population)
    routes = ", ".join(card.structure.routes)
    yield wrapped("", f"{structure_text(card)}; routes {routes}; use: {card.use.replace('_', ' ')}")
    yield wrapped("", card.structure.note) if card.structure.note else []
    yield heading("Typical values")
    for key, parameter in every_parameter(card):
        yield parameter_lines(card, key.removeprefix("parameters."), parameter)
    if card.agent_classes:
        yield heading("Agents")
        for agents in card.agent_classes.values():
            domain = "" if agents.domain == "inside" else " (outside the soft domain)"
            yield wrapped("", f"{agents.title}{domain}: {', '.join(agents.agents)}")
    if card.covariate_effects:
        yield heading("Covariates")
        yield from covariate_lines(card)
    if card.residual_error is not None:
        yield heading("Residual error")
        for part in (card.residual_error.additive, card.residual_error.proportional):
            yield residual_lines(card, part) if not isinstance(part, str) else []
    if card.limits:
        yield heading("Domain")
    for limit in card.limits:
        pairs = [(name, pair) for name, pair in (("soft", limit.soft), ("hard", limit.hard)) if pair]
        bounds = ", ".join(f"{name} {pair[0]:g} to {pair[1]:g}" for name, pair in pairs)
        yield wrapped("", f"{limit.covariate}: {bounds}; {limit.reason}")
    if card.known_defects:
        yield heading("Known defects")
        yield from (wrapped("- ", defect) for defect in card.known_defects)
    yield heading("Doubts")
    yield from (wrapped("- ", doubt) for doubt in card.doubts)
    if card.prior_predictive is not None:
        yield heading("Prior predictive")
        yield wrapped("", prior_predictive_text(card))
    if not (isinstance(card, PrivateCard) and AUTHOR in card.citations):
        yield heading("Citations")
        yield from (wrapped("", citation_text(key, citation)) for key, citation in card.citations.items())


def heading(title: str) -> list[str]:
    return ["", title, "-" * len(title)]


def wrapped(mark: str, text: str) -> list[str]:
    """Lines of at most WIDTH characters, continued under the text."""
    return textwrap.wrap(text, WIDTH, initial_indent=mark, subsequent_indent="  ", break_on_hyphens=False)


def indented(text: str, columns: int) -> list[str]:
    return [" " * columns + line for line in textwrap.wrap(text, WIDTH - columns, break_on_hyphens=False)]


def origin(card: Card, label: str, name: str) -> list[str]:
    if name == AUTHOR:
        return []
    return indented(f"{label}: {origin_text(card.provenance[name])}", 4)


def uncertainty_text(uncertainty: Spread | Literal["fixed", "not_reported"]) -> str:
    if isinstance(uncertainty, Spread):
        return f"uncertainty SD {uncertainty.sd:g}"
    return "fixed" if uncertainty == "fixed" else "uncertainty not reported"


def parameter_lines(card: Card, name: str, parameter: Parameter) -> list[str]:
    """Value with unit, scale, spreads; below it where each comes from."""
    form = {"value": "", "half_life": "half-life ", "logit": "logit "}[parameter.given_as]
    unit = "" if parameter.unit == "1" else f" {parameter.unit}"
    natural = f" (= {parameter.natural:.4g})" if parameter.given_as != "value" else ""
    between = parameter.between_patients
    line = f"{name} = {form}{parameter.value:g}{unit}{natural}, {parameter.scale} scale; "
    line += uncertainty_text(parameter.uncertainty) + "; "
    lines = origin(card, "value", parameter.provenance)
    if isinstance(parameter.uncertainty, Spread):
        lines += origin(card, "uncertainty", parameter.uncertainty.provenance)
    if isinstance(between, BetweenPatients):
        as_omega = f" (omega {between.omega:.3g})" if between.kind in ("cv_percent", "variance") else ""
        line += f"between patients {between.kind} {between.value:g}{as_omega}, "
        line += uncertainty_text(between.uncertainty)
        lines += origin(card, "between patients", between.provenance)
        if isinstance(between.uncertainty, Spread):
            lines += origin(card, "its uncertainty", between.uncertainty.provenance)
    else:
        line += f"between patients {between.replace('_', ' ')}"
    note = wrapped("    ", parameter.note) if parameter.note else []
    return wrapped("", line) + note + lines


def residual_lines(card: Card, part: Additive | Proportional) -> list[str]:
    name, unit = ("additive", f" {part.unit}") if isinstance(part, Additive) else ("proportional", "")
    text = f"{name} {part.kind} {part.value:g}{unit}; {uncertainty_text(part.uncertainty)} (log scale)"
    lines = wrapped("", text) + origin(card, "value", part.provenance)
    if isinstance(part.uncertainty, Spread):
        lines += origin(card, "uncertainty", part.uncertainty.provenance)
    return lines


def covariate_lines(card: Card) -> Iterator[list[str]]:
    for effect in card.covariate_effects:
        yield wrapped("", f"{', '.join(effect.parameters)} {effect_text(effect)}")
        yield origin(card, "effect", effect.provenance)
    for name, covariate in card.covariates.items():
        formula = f", by {covariate.computed_by} of weight_kg, height_cm and sex" if covariate.computed_by else ""
        missing = when_missing_text(covariate)
        yield wrapped("", f"{name}: {covariate.description}{formula}; where unknown {missing}")
        yield origin(card, "where unknown", covariate.provenance)


def effect_text(effect: CovariateEffect) -> str:
    if isinstance(effect, PowerEffect):
        return f"* ({effect.covariate} / {effect.reference:g})^{effect.exponent:g}"
    if isinstance(effect, ExponentialEffect):
        return f"* exp({effect.coefficient:g} * ({effect.covariate} - {effect.reference:g}))"
    levels = [f"{factor:g} if {effect.covariate} is {level}" for level, factor in effect.factors.items()]
    return f"* {', '.join(levels)}"


def prior_predictive_text(card: Card) -> str:
    design = card.prior_predictive
    if design is None:
        return ""
    return (
        f"{design.n_patients} virtual patients, {design.weight_kg:g} kg, {design.agent}, {design.cycles} "
        f"cycles of {design.on_day:g} days on and {design.off_day:g} off, seed {design.seed}. {design.reason}"
    )


def citation_text(key: str, citation: Citation) -> str:
    year = f" ({citation.year})" if citation.year else ""
    place = [f"doi:{citation.doi}" if citation.doi else "", f"PMID {citation.pmid}" if citation.pmid else ""]
    place += [citation.url, citation.note]
    return f"[{key}] {citation.authors}{year}. {citation.where}. {'; '.join(filter(None, place))}"


def describe_checks(results: list[CheckResult], *, origins: bool = True) -> str:
    """One line per check, what `models check` prints. The origin is below where asked for, or the check fails."""
    lines = []
    for result in results:
        verdict = "ok    " if result.ok else "FAILED"
        inputs = f" ({result.inputs})" if result.inputs else ""
        unit = "" if result.unit == "1" else f" {result.unit}"
        figures = f"found {result.found:.5g}, expected {result.expected:g} +- {result.tolerance:.3g}{unit}"
        lines += [f"{verdict} {result.card_id} {result.quantity}{inputs}: {figures}"]
        lines += indented(result.origin, 7) if origins or not result.ok else []
    return "\n".join(lines) + "\n"
