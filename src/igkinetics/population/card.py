"""population.toml: the fitted population as a model card, to be used as a prior or for virtual patients."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from igkinetics.cards.check import half_lives
from igkinetics.cards.consistency import NEEDED_BY_DISPOSITION
from igkinetics.cards.load import card_path
from igkinetics.cards.patient_covariates import patient_covariates_of
from igkinetics.cards.private import PrivateCard, completed
from igkinetics.kinetics.parameters import PARAMETER_UNITS
from igkinetics.population.covariance import Quantity, quantities
from igkinetics.toml_input import parse_toml, read_bytes

if TYPE_CHECKING:
    from igkinetics.population.run import PopulationFit

ID: Final = "population"
FROM_FIT: Final = "this_fit"
UNITS: Final = {**PARAMETER_UNITS, "k_deg": "1/day", "V": "L"}
"""Of a card's parameters; the others have none."""
KEYS: Final = {"k": ("k_deg", "CL"), "V1": ("V1", "V"), "C_init": ("C_init_ratio",)}
"""Name in the fit -> names a card may have for it."""
DIGITS: Final = 8
REPLACED: Final = (
    *("format", "id", "title", "kind", "use", "population", "n_patients", "doubts", "known_defects"),
    *("checks", "prior_predictive"),
)


def card_text(fit: PopulationFit) -> str:
    """The card: the one the fit started from with the numbers of this cohort in it."""
    path = card_path(fit.options.card)
    data = dict(parse_toml(read_bytes(path), fit.prepared.card.file))
    if isinstance(fit.prepared.card, PrivateCard):
        data = completed(data, path.stem)
    found = {one.name: one for one in quantities(fit.prepared, fit.maximum.phi, fit.uncertainty, fit.options.level)}
    disposition = fit.prepared.structure.split("/")[0]
    data = {
        "format": 1,
        "id": ID,
        "title": f"Population of {fit.cohort.name}, by maximum likelihood",
        "kind": "synthesis",
        "use": "full",
        "population": f"{len(fit.prepared.members)} patients of {fit.cohort.name}",
        "doubts": doubts(fit, data),
        **{name: value for name, value in data.items() if name not in REPLACED},
    }
    keep_disposition(data, disposition)
    for name, one in found.items():
        place_number(fit, data, name, one, found)
    for name in fit.options.no_random:
        target = target_of(data, name)
        if target is not None:
            target["between_patients"] = "none"
    place_error(data, fit, found)
    place_effects(fit, data, found)
    data["provenance"][FROM_FIT] = {
        "kind": "derived",
        "citations": [next(iter(data["citations"]))],
        "place": "the card the fit started from",
        "arithmetic": f"igkinetics population, {fit.options.method}, from {fit.prepared.card.id} "
        f"(SHA-256 {fit.prepared.card.sha256}): {fit.prepared.arrays.day.size} samples",
    }
    data["checks"] = [own_check(fit, disposition)]
    prune(data)
    return (
        "\n".join([f"# Written by igkinetics population for {json.dumps(fit.cohort.name)}.", *toml_lines(data)]) + "\n"
    )


def doubts(fit: PopulationFit, data: Mapping[str, Any]) -> list[str]:
    said = [
        f"Fitted to one cohort with the structure {fit.prepared.structure}: give the same --structure when you use it.",
        f"What was held stays as in {fit.prepared.card.id}, whose own doubts follow.",
    ]
    if fit.verdict != "converged":
        said.append(f"The fit ended {fit.verdict}.")
    if fit.prepared.model.full:
        said.append("Omega was fitted with covariances; a card holds none, so virtual patients vary independently.")
    if within := fit.prepared.model.occasion_names:
        said.append(
            f"Variation between occasions of one patient ({', '.join(within)}) has no place in a card and is left out: "
            "virtual patients vary between each other alone."
        )
    if "k" in fit.prepared.model.names and "k_deg" not in data.get("parameters", {}):
        said.append(
            "k = CL/V was the parameter; CL stands here with the spread of k V, its correlation with V left out."
        )
    moved = [effect.label for effect in fit.prepared.effects if effect.parameter in ("S", "F")]
    if moved:
        said.append(f"Effects on the logit scale have no place in a card and are left out: {', '.join(moved)}.")
    return [*said, *data.get("doubts", ())]


def keep_disposition(data: dict[str, Any], disposition: str) -> None:
    """The card for the fitted disposition alone."""
    structure = dict(data["structure"])
    others = {
        name for other in structure["dispositions"] if other != disposition for name in NEEDED_BY_DISPOSITION[other]
    } - set(NEEDED_BY_DISPOSITION[disposition])
    data["structure"] = structure | {"dispositions": [disposition]}
    data["parameters"] = {name: dict(one) for name, one in data["parameters"].items() if name not in others}
    effects = []
    for effect in data.get("covariate_effects", ()):
        left = [name for name in effect["parameters"] if name not in others]
        if left:
            effects.append({**effect, "parameters": left})
    data["covariate_effects"] = effects
    data["provenance"] = dict(data["provenance"])
    for key in ("agent_classes", "covariates"):
        if key in data:
            data[key] = {name: dict(one) for name, one in data[key].items()}


def place_number(
    fit: PopulationFit, data: dict[str, Any], name: str, one: Quantity, found: Mapping[str, Quantity]
) -> None:
    """A typical value with its uncertainty, and its spread, in the place of the card's."""
    beta = dict(zip(fit.prepared.model.coefficients, fit.maximum.phi, strict=False))
    if one.kind == "typical":
        target, shift = target_of(data, name), beta[name]
        if target is None:
            return
        error = one.se / scale_slope(one)
        if name == "k" and "k_deg" not in data["parameters"]:
            shift += beta.get("V1", 0.0)
        target["uncertainty"] = uncertainty(error)
        set_value(fit, target, name, shift)
    elif one.kind == "omega":
        parameter = name.removeprefix("omega_")
        spread = one.estimate
        if parameter == "k" and "k_deg" not in data["parameters"] and "omega_V1" in found:
            spread = float(np.hypot(spread, found["omega_V1"].estimate))
        of_class = [key for key in fit.prepared.model.coefficients if key.startswith("S_")]
        for each in of_class if parameter == "S" and of_class else [parameter]:
            target = target_of(data, each)
            if target is not None:
                target["between_patients"] = {
                    "kind": "sd_logit" if target["scale"] == "logit" else "log_sd",
                    "value": rounded(spread),
                    "provenance": FROM_FIT,
                    "uncertainty": uncertainty(one.se / one.estimate),
                }


def scale_slope(one: Quantity) -> float:
    return one.estimate * (1.0 - one.estimate) if one.scale == "logit" else one.estimate


def uncertainty(sd: float) -> Any:
    return {"sd": rounded(sd), "provenance": FROM_FIT} if np.isfinite(sd) and sd > 0 else "not_reported"


def target_of(data: dict[str, Any], name: str) -> dict[str, Any] | None:
    """The card's table of a parameter, by the fit's name."""
    if name == "S_unknown":
        return dict.__getitem__(data, "agent_unknown")  # type: ignore[no-any-return]
    if name.startswith("S_"):
        found = data["agent_classes"][name.removeprefix("S_")]
        found["S"] = dict(found["S"])
        return dict.__getitem__(found, "S")  # type: ignore[no-any-return]
    parameters = data["parameters"]
    return next((parameters[key] for key in KEYS.get(name, (name,)) if key in parameters), None)


def set_value(fit: PopulationFit, target: dict[str, Any], name: str, shift: float) -> None:
    """The card's typical value at its reference covariates, moved on the parameter's scale."""
    card, disposition = fit.prepared.card, fit.prepared.structure.split("/")[0]
    given = card.parameters.given()
    if name == "S_unknown" and card.agent_unknown is not None:
        key, before = "S", card.agent_unknown.natural
    elif name.startswith("S_"):
        key, before = "S", card.agent_classes[name.removeprefix("S_")].S.natural
    else:
        keys = ("V",) if name == "V1" and disposition == "one_compartment" else KEYS.get(name, (name,))
        key = next(each for each in keys if each in given)
        before = given[key].natural
        if name == "k" and key == "CL":
            before = given["CL"].natural
    target.pop("given_as", None)
    target.pop("note", None)
    if target["scale"] == "logit":
        target |= {"given_as": "logit", "value": rounded(np.log(before / (1.0 - before)) + shift), "unit": "1"}
    else:
        target |= {"value": rounded(before * np.exp(shift)), "unit": UNITS.get(key, "1")}
    target["provenance"] = FROM_FIT


def place_error(data: dict[str, Any], fit: PopulationFit, found: Mapping[str, Quantity]) -> None:
    """The residual error of the fit."""
    data["residual_error"] = dict(data["residual_error"])
    for name, key, extra in (("a", "additive", {"unit": "g/L"}), ("b", "proportional", {})):
        if name in found:
            one = found[name]
            data["residual_error"][key] = {
                "kind": "sd",
                "value": rounded(one.estimate),
                **extra,
                "provenance": FROM_FIT,
                "uncertainty": uncertainty(one.se / one.estimate),
            }


def place_effects(fit: PopulationFit, data: dict[str, Any], found: Mapping[str, Quantity]) -> None:
    """Effects of covariates that were estimated, as further effects of the card."""
    categories: dict[tuple[str, str], dict[str, float]] = {}
    for effect in fit.prepared.effects:
        if effect.parameter in ("S", "F"):
            continue
        parameters = [{"k": "k_deg", "C_init": "C_init_ratio"}.get(effect.parameter, effect.parameter)]
        if "V" in data["parameters"] and parameters == ["V1"]:
            parameters = ["V"]
        if parameters == ["k_deg"] and "k_deg" not in data["parameters"]:
            parameters = ["CL"]
        value = rounded(found[effect.label].estimate)
        covariates = data.setdefault("covariates", {})
        if effect.form == "category":
            factors = categories.setdefault((effect.covariate, parameters[0]), {str(effect.reference): 1.0})
            factors[effect.level] = rounded(float(np.exp(value)))
            covariates[effect.covariate] = declared(effect.covariate, str(effect.reference), levels=list(factors))
            continue
        covariates.setdefault(effect.covariate, declared(effect.covariate, float(effect.reference)))
        number = "exponent" if effect.form == "power" else "coefficient"
        data["covariate_effects"].append(
            {"form": effect.form, "covariate": effect.covariate, "parameters": parameters}
            | {"reference": float(effect.reference), number: value, "provenance": FROM_FIT}
        )
    for (covariate, parameter), factors in categories.items():
        data["covariate_effects"].append(
            {"form": "category", "covariate": covariate, "parameters": [parameter], "factors": factors}
            | {"provenance": FROM_FIT}
        )


def declared(name: str, when_missing: float | str, levels: list[str] | None = None) -> dict[str, Any]:
    about = {"description": name, "when_missing": when_missing, "provenance": FROM_FIT}
    return about | ({"levels": levels} if levels else {})


def own_check(fit: PopulationFit, disposition: str) -> dict[str, Any]:
    """The terminal half-life of a patient of the cohort at typical values, from the fit; `models check` recomputes it.

    The patient with the most covariates known: the first of them.
    """
    prepared = fit.prepared
    rows = [known_covariates(fit, place) for place in range(len(prepared.members))]
    place = max(
        range(len(rows)), key=lambda one: (np.isfinite(prepared.members[one].patient.weight_kg), len(rows[one]))
    )
    member, model = prepared.members[place], prepared.model
    kinetic = model.transform @ model.parts(fit.maximum.phi).mu[place]
    names = prepared.arrays.names
    theta = member.problem.theta(np.array([kinetic[names.index(name)] for name in member.problem.names]))
    weight = member.patient.weight_kg
    declared_weight = prepared.card.covariates.get("weight_kg")
    if not np.isfinite(weight):
        weight = float(declared_weight.when_missing) if declared_weight is not None else 70.0
    covariates = {name: value for name, value in rows[place].items() if name != "weight_kg"}
    return {
        "quantity": "terminal_half_life",
        "inputs": {"weight_kg": weight, "disposition": disposition}
        | ({"covariates": covariates} if covariates else {}),
        "expected": rounded(half_lives(theta)[1]),
        "unit": "day",
        "tolerance": {"kind": "relative", "value": 1e-5, "reason": "the same numbers, in eight digits"},
        "provenance": FROM_FIT,
    }


def known_covariates(fit: PopulationFit, place: int) -> dict[str, Any]:
    """What the card's covariates, and those of the fit, are for one patient; nothing where one is not known."""
    patient_id = fit.prepared.members[place].patient.patient_id
    card = fit.prepared.card
    found = dict(patient_covariates_of(fit.cohort, patient_id, card))
    row = fit.cohort.patients.set_index("patient_id").loc[patient_id]
    for effect in fit.prepared.effects:
        if effect.parameter in ("S", "F"):
            continue
        value: Any = row[effect.covariate]
        empty = bool(pd.isna(value)) or str(value).strip() == ""
        found[effect.covariate] = "" if empty else str(value).strip() if effect.form == "category" else float(value)
    return {name: value for name, value in found.items() if not pd.isna(value) and value != ""}


def prune(data: dict[str, Any]) -> None:
    """Provenance and citations that nothing names any more."""
    used: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, Mapping):
            for key, one in value.items():
                if key == "provenance" and isinstance(one, str):
                    used.add(one)
                else:
                    walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)

    walk({name: value for name, value in data.items() if name != "provenance"})
    data["provenance"] = {name: one for name, one in data["provenance"].items() if name in used}
    cited = {key for one in data["provenance"].values() for key in one.get("citations", ())}
    data["citations"] = {name: one for name, one in data["citations"].items() if name in cited}


def rounded(value: float) -> float:
    return float(f"{float(value):.{DIGITS}g}")


def toml_lines(data: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """A table as TOML: values first, then tables, arrays of tables last."""
    if path:
        yield from ("", f"[{'.'.join(path)}]")
    tables = {key: value for key, value in data.items() if isinstance(value, Mapping)}
    arrays = {key: value for key, value in data.items() if is_tables(value)}
    for key, value in data.items():
        if key not in tables and key not in arrays:
            yield f"{key} = {toml_value(value)}"
    for key, value in tables.items():
        yield from toml_lines(value, (*path, toml_key(key)))
    for key, value in arrays.items():
        for one in value:
            yield from ("", f"[[{'.'.join((*path, toml_key(key)))}]]")
            yield from (f"{toml_key(name)} = {toml_value(each)}" for name, each in one.items())


def is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)


def toml_key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else json.dumps(key)


def toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{toml_key(key)} = {toml_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
