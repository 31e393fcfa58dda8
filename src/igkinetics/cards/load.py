"""Cards from files: the shipped ones by id, any other by path. Everything wrong with one is told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from igkinetics.cards.consistency import inconsistencies
from igkinetics.cards.defects import card_problems, did_you_mean, unknown_key
from igkinetics.cards.model import Card, CardFile
from igkinetics.cards.private import PrivateCard, completed
from igkinetics.errors import InputError, Problem, call_error
from igkinetics.provenance import sha256_of_bytes
from igkinetics.resources import resource_folder
from igkinetics.toml_input import parse_toml, read_bytes

SUFFIX = ".toml"


def list_cards() -> tuple[str, ...]:
    """Ids of the shipped cards, sorted.

    >>> import igkinetics as igk
    >>> "adult_b_cell_depletion" in igk.list_cards()
    True
    """
    return tuple(sorted(path.stem for path in resource_folder("models").glob(f"*{SUFFIX}")))


def load_card(id_or_path: str | Path, *, as_shipped: bool = False) -> Card:
    """A shipped card by its id, or a card file by its path (a Path, or text that ends in .toml).

    A card outside the package is private: it may leave out what cards.private fills in. as_shipped: held to the rules
    of a shipped card all the same. Raises InputError with every defect: file, key, found, expected; TOML errors with
    line and column. Its numbers are in the units that it names; where each comes from is its `provenance`
    (docs/model.md 7).

    >>> import igkinetics as igk
    >>> igk.load_card("adult_b_cell_depletion").parameters.V1.value  # L, at 70 kg
    3.2
    """
    path = card_path(id_or_path)
    content = read_bytes(path)
    data = parse_toml(content, path.name)
    refuse_reserved(data, path.name)
    private = not as_shipped and path.resolve().parent != resource_folder("models").resolve()
    kind, tables = (PrivateCard, completed(data, path.stem)) if private else (Card, data)
    try:
        card: Card = kind.model_validate({**tables, "file": path.name, "sha256": sha256_of_bytes(content)})
    except ValidationError as error:
        raise InputError(card_problems(error, path.name, private=private)) from None
    problems = inconsistencies(card)
    if problems:
        raise InputError(problems)
    return card


def refuse_reserved(data: dict[str, Any], file: str) -> None:
    """The loader, not the file, says `file` and `sha256`."""
    known = list(CardFile.model_fields)
    reserved = [key for key in data if key in Card.model_fields and key not in known]
    if reserved:
        raise InputError(
            Problem(file=file, column=key, found=str(data[key]), expected=unknown_key(key, known)) for key in reserved
        )


def card_path(id_or_path: str | Path) -> Path:
    """Where the card lies. InputError, with the nearest name, for an id nobody has."""
    if isinstance(id_or_path, Path) or id_or_path.endswith(SUFFIX):
        return Path(id_or_path)
    known = list_cards()
    if id_or_path not in known:
        hint = did_you_mean(id_or_path, known)
        raise call_error("card", id_or_path, f"{hint}must be {', '.join(known)}, or a path to a .toml file")
    return resource_folder("models") / f"{id_or_path}{SUFFIX}"
