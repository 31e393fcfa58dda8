"""Do the parts of a card fit together? Asked once each part is sound; all defects are told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from igkinetics.cards.check_inputs import check_defects
from igkinetics.cards.covariates import CategoryEffect, Covariate, Limit
from igkinetics.cards.model import Card
from igkinetics.cards.parts import BetweenPatients, Parameter
from igkinetics.cards.private import PrivateCard
from igkinetics.cards.references import Defect, must_be_in, reference_defects, unused
from igkinetics.errors import Problem

NEEDED_BY_DISPOSITION: Final = {"one_compartment": ("V",), "two_compartment": ("V1", "Q", "V2")}
WHY_ABSENT: Final = {
    "constant": "the card's endogenous IgG is constant",
    "steady_production": "the card's production is constant",
    "none": "the card has no endogenous IgG",
}
TURNOVER_ONLY: Final = ("k_loss", "k_rec")
K_REC_ALONE: Final = (
    "needs k_loss too: production that is lost at once is fitted without recovery; give k_loss, or leave k_rec out"
)
KINDS_ON_SCALE: Final = {"log": ("log_sd", "cv_percent", "variance"), "logit": ("sd_logit", "variance")}


def inconsistencies(card: Card) -> list[Problem]:
    """Every contradiction within a card."""
    defects = [
        *(identity_defects(card) if not isinstance(card, PrivateCard) else ()),
        *use_defects(card),
        *reference_defects(card),
        *structure_defects(card),
        *(defect for key, parameter in every_parameter(card) for defect in parameter_defects(key, parameter)),
        *covariate_defects(card),
        *(defect for index, limit in enumerate(card.limits, 1) for defect in limit_defects(index, limit)),
        *agent_defects(card),
        *check_defects(card),
    ]
    return [Problem(file=card.file, column=key, found=value, expected=rule) for key, value, rule in defects]


def every_parameter(card: Card) -> Iterator[tuple[str, Parameter]]:
    """All parameters with their keys, S of each class of agent among them."""
    for name, parameter in card.parameters.given().items():
        yield f"parameters.{name}", parameter
    for name, agent_class in card.agent_classes.items():
        yield f"agent_classes.{name}.S", agent_class.S
    if card.agent_unknown is not None:
        yield "agent_unknown", card.agent_unknown


def identity_defects(card: Card) -> Iterator[Defect]:
    if card.id != card.file.removesuffix(".toml"):
        yield "id", card.id, f"must be the name of the file: {card.file.removesuffix('.toml')}"
    if card.kind == "publication" and card.n_patients is None:
        yield "n_patients", "", "is required when kind is publication"
    if card.kind == "synthesis" and card.n_patients is not None:
        yield "n_patients", str(card.n_patients), "must be absent when kind is synthesis"
    if card.kind == "private":
        yield "kind", card.kind, "must be publication or synthesis"


def use_defects(card: Card) -> Iterator[Defect]:
    error = card.residual_error
    if error is not None and card.use == "full" and error.additive == "none" and error.proportional == "none":
        yield "residual_error", "none", "must have an additive or a proportional term"
    if card.use == "full" and card.residual_error is None:
        yield "residual_error", "", "is required when use is full"
    if card.use == "full" and not any(parameter.omega for _, parameter in every_parameter(card)):
        yield "parameters", "", "must have between_patients for at least one parameter when use is full"


def structure_defects(card: Card) -> Iterator[Defect]:
    """Parameters, agents and structure belong together."""
    given = card.parameters.given()
    if "k_rec" in given and "k_loss" not in given:
        yield "parameters.k_rec", f"{given['k_rec'].value:g}", K_REC_ALONE
    needed: list[tuple[str, str]] = []
    for disposition in card.structure.dispositions:
        needed += [(name, disposition) for name in NEEDED_BY_DISPOSITION[disposition]]
    needed += [(name, "route sc") for name in ("ka", "F") if "sc" in card.structure.routes]
    if card.structure.endogenous == "turnover":
        needed += [(name, "turnover") for name in TURNOVER_ONLY if not isinstance(card, PrivateCard)]
    if card.structure.endogenous != "none":
        needed.append(("C_base", "endogenous IgG"))
    if "k_deg" not in given:
        needed.append(("CL", "a card without k_deg"))
    elif "CL" in given or card.structure.dispositions != ("one_compartment",):
        yield "parameters.k_deg", "a table", "must stand in for CL in a card of one_compartment alone"
    for name, reason in needed:
        if name not in given:
            yield f"parameters.{name}", "", f"is required for {reason}"
    if card.structure.endogenous == "turnover":
        if card.agent_unknown is None:
            yield (
                "agent_unknown",
                "",
                "is required for turnover: S when no agent is known (or, in a private card, parameters.S)",
            )
        return
    why = f"must be absent: {WHY_ABSENT[card.structure.endogenous]}"
    for name in (*TURNOVER_ONLY, *(("C_base", "C_init_ratio") if card.structure.endogenous == "none" else ())):
        if name in given:
            yield f"parameters.{name}", "a table", why
    if card.agent_classes or card.agent_unknown is not None:
        yield "agent_classes", "a table", why


def parameter_defects(key: str, parameter: Parameter) -> Iterator[Defect]:
    """Values must lie on their scale; kinds of variability belong to a scale."""
    stated = f"{parameter.value:g} {parameter.unit}"
    if parameter.scale == "log" and not 0 < parameter.natural < float("inf"):
        yield f"{key}.value", stated, "must be more than 0 on a log scale"
    if parameter.scale == "logit" and not 0 < parameter.natural < 1:
        yield f"{key}.value", stated, "must lie between 0 and 1 on a logit scale"
    between = parameter.between_patients
    allowed = KINDS_ON_SCALE[parameter.scale]
    if isinstance(between, BetweenPatients) and between.kind not in allowed:
        rule = f"must be {' or '.join(allowed)} on a {parameter.scale} scale"
        yield f"{key}.between_patients.kind", between.kind, rule


def covariate_defects(card: Card) -> Iterator[Defect]:
    """Effects name declared covariates and given parameters; categories have a factor for each level."""
    for index, effect in enumerate(card.covariate_effects, 1):
        key = f"covariate_effects[{index}]"
        for name in effect.parameters:
            if name not in card.parameters.given():
                yield f"{key}.parameters", name, must_be_in("[parameters]", name, card.parameters.given())
        covariate = card.covariates.get(effect.covariate)
        if covariate is None:
            rule = must_be_in("[covariates]", effect.covariate, card.covariates)
            yield f"{key}.covariate", effect.covariate, rule
        elif isinstance(effect, CategoryEffect):
            if set(effect.factors) != set(covariate.levels):
                levels = ", ".join(covariate.levels) or "none: it is a number"
                rule = f"must have one factor for each level ({levels})"
                yield f"{key}.factors", ", ".join(effect.factors), rule
        elif covariate.levels:
            yield f"{key}.form", effect.form, f"must be category: {effect.covariate} has levels"
    for name in unused(card.covariates, (effect.covariate for effect in card.covariate_effects)):
        yield f"covariates.{name}", name, "is used by no covariate effect"
    for name, covariate in card.covariates.items():
        yield from missing_value_defects(name, covariate)
        if covariate.computed_by and covariate.levels:
            yield f"covariates.{name}.computed_by", covariate.computed_by, "must be absent: the covariate has levels"


def missing_value_defects(name: str, covariate: Covariate) -> Iterator[Defect]:
    key, value = f"covariates.{name}.when_missing", covariate.when_missing
    if covariate.levels and value not in covariate.levels:
        yield key, str(value), f"must be one of {', '.join(covariate.levels)}"
    if not covariate.levels and isinstance(value, str):
        yield key, value, "must be a number: the covariate has no levels"


def limit_defects(index: int, limit: Limit) -> Iterator[Defect]:
    key = f"limits[{index}]"
    if limit.soft is None and limit.hard is None:
        yield key, "", "needs soft or hard"
    for name, limits in (("soft", limit.soft), ("hard", limit.hard)):
        if limits is not None and limits[0] >= limits[1]:
            yield f"{key}.{name}", f"{limits[0]:g}, {limits[1]:g}", "must be [lower, upper], lower first"
    if limit.soft and limit.hard and not (limit.hard[0] <= limit.soft[0] and limit.soft[1] <= limit.hard[1]):
        yield f"{key}.soft", f"{limit.soft[0]:g}, {limit.soft[1]:g}", "must lie within the hard limits"


def agent_defects(card: Card) -> Iterator[Defect]:
    """One name, one class."""
    owner: dict[str, str] = {}
    for name, agent_class in card.agent_classes.items():
        for agent in agent_class.agents:
            earlier = owner.setdefault(agent.casefold(), name)
            if earlier != name:
                yield f"agent_classes.{name}.agents", agent, f"is already in agent_classes.{earlier}"
