"""Cards from files: the shipped ones by id, any other by path. Everything wrong with one is told at once."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from igkinetics.cards.consistency import inconsistencies
from igkinetics.cards.defects import card_problems, did_you_mean, unknown_key
from igkinetics.cards.model import Card, CardFile
from igkinetics.errors import InputError, Problem, call_error
from igkinetics.provenance import sha256_of_bytes
from igkinetics.resources import resource_folder

SUFFIX = ".toml"


def list_cards() -> tuple[str, ...]:
    """Ids of the shipped cards, sorted."""
    return tuple(sorted(path.stem for path in resource_folder("models").glob(f"*{SUFFIX}")))


def load_card(id_or_path: str | Path) -> Card:
    """A shipped card by its id, or a card file by its path (a Path, or text that ends in .toml).

    Raises InputError with every defect: file, key, found, expected; TOML errors with line and column.
    """
    path = card_path(id_or_path)
    content = read_bytes(path)
    data = parse_toml(content, path.name)
    refuse_reserved(data, path.name)
    try:
        card = Card.model_validate({**data, "file": path.name, "sha256": sha256_of_bytes(content)})
    except ValidationError as error:
        raise InputError(card_problems(error, path.name)) from None
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
            Problem(file=file, column=key, found=str(data[key]), expected=unknown_key(key, known))
            for key in reserved
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


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or "not readable"
        problem = Problem(file=path.name, found=reason, expected="must be a readable file")
        raise InputError([problem]) from None


def parse_toml(content: bytes, file: str) -> dict[str, Any]:
    """The file's tables. Syntax errors carry line and column."""
    try:
        return tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        found = f"byte 0x{content[error.start]:02x}"
        problem = Problem(file=file, line=line, found=found, expected="must be UTF-8 text")
        raise InputError([problem]) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError([syntax_problem(str(error), file)]) from None


def syntax_problem(message: str, file: str) -> Problem:
    """tomllib tells the place at the end of its message."""
    place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    reason = message[: place.start()] if place else message
    line = int(place[1]) if place and place[1] else None
    column = f"column {place[2]}" if place and place[2] else "end of document"
    return Problem(file=file, line=line, column=column, found=reason, expected="must be valid TOML")
