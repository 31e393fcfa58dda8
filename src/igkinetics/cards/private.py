"""Private cards: somebody's own model. Values, units, spreads and error are enough; the rest is filled in here, and the
card is called private and unchecked wherever it is used. Shipped cards are held to every rule of cards.model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from igkinetics.cards.expected import Check
from igkinetics.cards.model import Card
from igkinetics.provenance import sha256_of_file
from igkinetics.resources import resource_folder

STANDING: Final = "private, unchecked"
AUTHOR: Final = "author"
"""Name of the provenance and of the citation that a private card need not write."""
DOUBT: Final = f"{STANDING}: nobody but its author has looked at its numbers"
SPREADS: Final = {"omega": "log_sd", "log_sd": "log_sd", "cv_percent": "cv_percent", "variance": "variance"}
"""Key beside a value -> kind of its variability; `omega` on a logit scale is `sd_logit`."""
SHORT_KEYS: Final = ("fixed", *SPREADS)
LOGIT: Final = ("S", "F")
NO_UNIT: Final = ("S", "F", "C_init_ratio", "clearance_ratio", "production_ratio")
NUMBER_OF_FORM: Final = {"exponent": "power", "coefficient": "exponential", "factors": "category"}
DISPOSITIONS: Final = {1: "one_compartment", 2: "two_compartment"}


class PrivateCard(Card):
    """A loaded card of somebody's own: it needs no checks."""

    checks: tuple[Check, ...] = ()


def private_cards(card_ids: Mapping[str, str]) -> dict[str, str]:
    """Of cards (id -> SHA-256) those that are not shipped with this package -> STANDING."""
    return {card_id: STANDING for card_id, digest in card_ids.items() if not is_shipped(card_id, digest)}


def is_shipped(card_id: str, digest: str) -> bool:
    path = resource_folder("models") / f"{card_id}.toml"
    return path.is_file() and sha256_of_file(path) == digest


def private_sentences(card_ids: Mapping[str, str]) -> list[str]:
    """What has to be said of the cards of an analysis."""
    return [f"Card {card_id}: {standing}." for card_id, standing in private_cards(card_ids).items()]


def completed(data: Mapping[str, Any], stem: str) -> dict[str, Any]:
    """The tables of a private card with everything that it may leave out; what is wrong stays, to be told."""
    filled: dict[str, Any] = {
        "format": 1,
        "id": id_of(stem),
        "kind": "private",
        "use": "full",
        "population": "not stated",
        **data,
    }
    filled.setdefault("title", filled["id"])
    if "error" in filled and "residual_error" not in filled:
        filled["residual_error"] = filled.pop("error")
    parameters = table(filled.get("parameters"))
    if parameters is not None:
        parameters = {name: parameter_of(name, given) for name, given in parameters.items()}
        if "V" not in parameters and "V1" in parameters and not {"Q", "V2"} & set(parameters):
            parameters["V"] = parameters.pop("V1")
        if "S" in parameters and "agent_unknown" not in filled:
            filled["agent_unknown"] = parameters.pop("S")
        filled["parameters"] = parameters
    if isinstance(filled.get("agent_unknown"), Mapping):
        filled["agent_unknown"] = parameter_of("S", filled["agent_unknown"])
    classes = table(filled.get("agent_classes")) or {}
    if classes:
        filled["agent_classes"] = {name: agent_class(name, given) for name, given in classes.items()}
    filled["structure"] = structure_of(filled, parameters or {})
    if "residual_error" in filled:
        filled["residual_error"] = error_of(filled["residual_error"])
    effects = filled.get("covariate_effects")
    if isinstance(effects, list):
        filled["covariate_effects"] = [effect_of(effect) for effect in effects]
        filled["covariates"] = covariates_of(filled.get("covariates", {}), filled["covariate_effects"])
    filled["doubts"] = [DOUBT, *(filled["doubts"] if isinstance(filled.get("doubts"), list) else [])]
    provenance = table(filled.get("provenance"))
    filled["provenance"] = {**(provenance or {}), AUTHOR: {"kind": "assumption", "reason": "as its author states it"}}
    citations = table(filled.get("citations"))
    filled["citations"] = citations or {AUTHOR: {"authors": "its author", "where": "a private card"}}
    return filled


def id_of(stem: str) -> str:
    """The name of the file, as an id can be."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", stem).strip("_") or "card"
    return name if name[0].isalpha() else f"card_{name}"


def table(given: Any) -> dict[str, Any] | None:
    return dict(given) if isinstance(given, Mapping) else None


def parameter_of(name: str, given: Any) -> Any:
    """A parameter with its scale, spread and uncertainty written out."""
    if not isinstance(given, Mapping):
        return given
    filled = dict(given)
    filled.setdefault("scale", "logit" if name in LOGIT else "log")
    filled.setdefault("provenance", AUTHOR)
    if name in NO_UNIT or filled.get("given_as") == "logit":
        filled.setdefault("unit", "1")
    fixed = filled.pop("fixed", False)
    if fixed is True:
        filled.setdefault("uncertainty", "fixed")
    elif fixed is not False:
        filled["fixed"] = fixed
    spread = next((key for key in SPREADS if key in filled), None)
    if spread is not None and "between_patients" not in filled:
        kind = "sd_logit" if spread in ("omega", "log_sd") and filled["scale"] == "logit" else SPREADS[spread]
        value = filled.pop(spread)
        filled["between_patients"] = "none" if value == 0 else {"kind": kind, "value": value}
    filled.setdefault("between_patients", "none")
    between = table(filled["between_patients"])
    if between is not None:
        between = {"provenance": AUTHOR, "uncertainty": "not_reported", **between}
        filled["between_patients"] = between | {"uncertainty": uncertainty_of(between["uncertainty"])}
    filled["uncertainty"] = uncertainty_of(filled.get("uncertainty", "not_reported"))
    return filled


def uncertainty_of(given: Any) -> Any:
    """A number is the SD on the scale; 0 is fixed."""
    if isinstance(given, Mapping):
        return {"provenance": AUTHOR, **given}
    if isinstance(given, int | float) and not isinstance(given, bool):
        return "fixed" if given == 0 else {"sd": given, "provenance": AUTHOR}
    return given


def agent_class(name: str, given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    share = parameter_of("S", given["S"]) if "S" in given else {}
    return {"title": name, "domain": "inside", **given, **({"S": share} if share else {})}


def structure_of(card: Mapping[str, Any], parameters: Mapping[str, Any]) -> Any:
    """Dispositions, endogenous IgG and routes: as stated, else as the parameters that are there say."""
    stated = card.get("structure", {})
    if not isinstance(stated, Mapping):
        return stated
    filled = dict(stated)
    one = filled.pop("disposition", None)
    number = filled.pop("compartments", None)
    has = [name for name, needs in (("two_compartment", "V1"), ("one_compartment", "V")) if needs in parameters]
    if one is not None:
        filled.setdefault("dispositions", [one])
    elif number is not None:
        filled.setdefault("dispositions", [DISPOSITIONS.get(number, str(number))])
    filled.setdefault("dispositions", has or ["two_compartment"])
    turnover = {"agent_unknown", "agent_classes"} & set(card) or {"k_loss", "k_rec"} & set(parameters)
    by_parameters = "turnover" if turnover else "constant"
    filled.setdefault("endogenous", by_parameters if "C_base" in parameters or turnover else "none")
    filled.setdefault("routes", ["iv", "sc"] if "ka" in parameters else ["iv"])
    return filled


def error_of(given: Any) -> Any:
    """Both terms of the residual error; one that is not there is none."""
    if not isinstance(given, Mapping):
        return given
    filled = {"additive": "none", "proportional": "none", **given}
    for name in ("additive", "proportional"):
        term = filled[name]
        if isinstance(term, int | float) and not isinstance(term, bool):
            term = {"value": term} if term else "none"
        if isinstance(term, Mapping):
            term = dict(term)
            for key, kind in (("sd", "sd"), ("cv_percent", "cv_percent"), ("variance", "variance")):
                if key in term and "value" not in term:
                    term |= {"kind": kind, "value": term.pop(key)}
            term = {"kind": "sd", "provenance": AUTHOR, "uncertainty": "not_reported", **term}
            term["uncertainty"] = uncertainty_of(term["uncertainty"])
        filled[name] = term
    return filled


def effect_of(given: Any) -> Any:
    """An effect with its form, which its number tells, and its parameters as a list."""
    if not isinstance(given, Mapping):
        return given
    filled = {"provenance": AUTHOR, **given}
    form = next((form for number, form in NUMBER_OF_FORM.items() if number in filled), None)
    if form is not None:
        filled.setdefault("form", form)
    if "parameter" in filled and "parameters" not in filled:
        filled["parameters"] = filled.pop("parameter")
    if isinstance(filled.get("parameters"), str):
        filled["parameters"] = [filled["parameters"]]
    return filled


def covariates_of(stated: Any, effects: list[Any]) -> Any:
    """Each covariate of an effect: where it is not known, the effect does nothing (a note says so at each fit)."""
    if not isinstance(stated, Mapping):
        return stated
    filled = {name: described(name, given) for name, given in stated.items()}
    for effect in effects:
        if not isinstance(effect, Mapping) or not isinstance(effect.get("covariate"), str):
            continue
        name, factors = effect["covariate"], effect.get("factors")
        filled.setdefault(name, {"description": name, "provenance": AUTHOR})
        if not isinstance(filled[name], Mapping):
            continue
        if isinstance(factors, Mapping) and factors:
            filled[name].setdefault("levels", list(factors))
            neutral = next((level for level, factor in factors.items() if factor == 1), next(iter(factors)))
            filled[name].setdefault("when_missing", neutral)
        elif "reference" in effect:
            filled[name].setdefault("when_missing", effect["reference"])
    return filled


def described(name: str, given: Any) -> Any:
    return {"description": name, "provenance": AUTHOR, **given} if isinstance(given, Mapping) else given
