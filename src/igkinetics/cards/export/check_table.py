"""Levels of a typical patient in the header of an exported model, by our kernels; `models check` recomputes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from igkinetics.cards.check import CheckResult
from igkinetics.cards.export.specification import Specification, column_of, specification
from igkinetics.cards.load import list_cards, load_card
from igkinetics.cards.model import Card
from igkinetics.cards.prior import kinetic_parameters, patient_typical
from igkinetics.errors import InputError, Problem
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import build_schedule

DOSE_DAY: Final = 7.0
DOSE_G: Final = 28.0
SC_DAY: Final = 35.0
SC_G: Final = 10.0
THERAPY: Final = (0.0, 28.0)
DAYS: Final = (0.0, 3.0, 7.5, 8.0, 14.0, 28.0, 36.0, 42.0, 56.0, 84.0)
"""None at the moment of a dose, where programs differ."""
RELATIVE: Final = 1e-8
DIGITS: Final = 10
LINE: Final = re.compile(r"check: day (\S+) total (\S+)")
CARD: Final = re.compile(r"card: (\S+) \((\S+)\), SHA-256 ([0-9a-f]{64})")
MODEL: Final = re.compile(r"model: (\S+?)(?:, agent (.+))?$", re.MULTILINE)


def header(model: Specification, agents: tuple[str, ...]) -> Iterator[str]:
    """What has to be known of an exported text, without comment signs."""
    card = model.card
    yield f"{card.title}. Written by igkinetics models export; research software, not a medical device."
    yield f"card: {card.id} ({card.file}), SHA-256 {card.sha256}"
    agent = f", agent {'; '.join(agents)}" if agents else ""
    yield f"model: {model.disposition}{agent}"
    yield from model.notes
    yield "Units: g, L, g/L, day, kg. 1 g/L = 100 mg/dL."
    yield (
        "Data: these columns, DV in g/L. The file of `igkinetics export --format nonmem` has others: DV in the "
        "cohort's unit, intravenous doses in compartment 2, THERAPY from the start of a course on. Convert it first."
    )
    yield f"Compartments of doses: {places_of_doses(model)}."
    for name in card.covariates:
        covariate = card.covariates[name]
        codes = "; ".join(f"{code} = {level}" for code, level in enumerate(covariate.levels))
        formula = f", {covariate.computed_by} of weight, height and sex" if covariate.computed_by else ""
        yield f"column {column_of(name)}: {covariate.description}{formula}{', ' + codes if codes else ''}"
    if model.production != "constant":
        yield "column THER: 1 while on B-cell-depleting therapy, else 0"
        yield "THER as NONMEM reads it: the value of a record holds for the time up to it (next observation backward)."
    if model.production == "step_loss":
        yield "column EVER: 1 from the first therapy on, else 0; read in the same way (this card has no k_loss)"
    yield "Check it: typical patient (all etas 0), without residual error, at"
    for name in card.covariates:
        yield f"  {column_of(name)} = {reference(model, name)}"
    if model.production != "constant":
        yield f"  on therapy from day {THERAPY[0]:g} to {THERAPY[1]:g}"
    yield f"  {DOSE_G:g} g into serum at once on day {DOSE_DAY:g}"
    if model.subcutaneous:
        yield f"  {SC_G:g} g under the skin at once on day {SC_DAY:g}"
    for day, level in zip(DAYS, check_levels(card, model.disposition, agents), strict=True):
        yield f"check: day {day:g} total {level:.{DIGITS}g}"


def places_of_doses(model: Specification) -> str:
    """Which compartment takes which dose, by name and by NONMEM's number."""
    under_skin = 1 + 1 + model.two + (model.production == "turnover")
    return "central (1), intravenous" + (f"; depot ({under_skin}), subcutaneous" if model.subcutaneous else "")


def reference(model: Specification, name: str) -> str:
    """The covariate's value in the check: the card's where it is not known; levels by their code."""
    covariate = model.card.covariates[name]
    if covariate.levels:
        return f"{covariate.levels.index(str(covariate.when_missing))}"
    return f"{covariate.when_missing:g}" if not isinstance(covariate.when_missing, str) else covariate.when_missing


def check_levels(card: Card, disposition: str, agents: tuple[str, ...]) -> Floats:
    """Total IgG, g/L, of the typical patient on DAYS."""
    known = {name: covariate.when_missing for name, covariate in card.covariates.items()}
    weight = known.pop("weight_kg", np.nan)
    _, typical, _ = patient_typical(card, float(weight), agents, disposition, known)
    subcutaneous = "sc" in card.structure.routes
    on_therapy = card.structure.endogenous == "turnover"
    schedule = build_schedule(
        start_day=0.0,
        dose_day=[DOSE_DAY, SC_DAY][: 1 + subcutaneous],
        dose_g=[DOSE_G, SC_G][: 1 + subcutaneous],
        dose_duration_day=[0.0, 0.0][: 1 + subcutaneous],
        dose_is_sc=[False, True][: 1 + subcutaneous],
        therapy_start=[THERAPY[0]] if on_therapy else [],
        therapy_stop=[THERAPY[1]] if on_therapy else [],
    )
    return np.asarray(np.add(*igg_curve(kinetic_parameters(typical), schedule, np.array(DAYS))))


def check_exported(path: Path) -> list[CheckResult]:
    """The header's levels computed again from the card it names: shipped, or the file beside the text.

    InputError where the text has no such header, or its card cannot be found.
    """
    text = path.read_text(encoding="utf-8")
    named, lines, model = CARD.search(text), LINE.findall(text), MODEL.search(text)
    if named is None or model is None or not lines:
        expected = "must be a card (.toml) or a model written by `models export`, with its table of check values"
        raise InputError([Problem(file=path.name, found="no such table", expected=expected)])
    card = card_of(path, named[1], named[2])
    agents = tuple(model[2].split("; ")) if model[2] else ()
    changed = "" if card.sha256 == named[3] else "; the card has changed since the export"
    found = check_levels(card, specification(card, disposition=model[1]).disposition, agents)
    if [float(day) for day, _ in lines] != list(DAYS):
        expected = f"must be levels on days {', '.join(f'{day:g}' for day in DAYS)}"
        raise InputError([Problem(file=path.name, found=f"{len(lines)} levels", expected=expected)])
    return [
        CheckResult(
            card_id=card.id,
            quantity="level",
            inputs=f"day {day}",
            unit="g/L",
            expected=float(level),
            found=float(value),
            tolerance=RELATIVE * float(level),
            ok=bool(abs(value - float(level)) <= RELATIVE * float(level)),
            origin=f"header of {path.name}{changed}",
        )
        for (day, level), value in zip(lines, found, strict=True)
    ]


def card_of(path: Path, card_id: str, file: str) -> Card:
    """The card that an export names: the file beside it, else the shipped one of that id."""
    beside = path.with_name(file)
    if beside.is_file():
        return load_card(beside)
    if card_id in list_cards():
        return load_card(card_id)
    expected = f"must lie beside {path.name}: the card it was exported from"
    raise InputError([Problem(file=file, found="No such file", expected=expected)])
