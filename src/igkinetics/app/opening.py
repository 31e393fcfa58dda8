"""Opening a cohort for the page: the path of the command line, or files that the reader chose in the browser."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from igkinetics.cards.load import list_cards, load_card
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError, Problem, call_error
from igkinetics.fit.options import DEFAULT_CARD
from igkinetics.fit.refusal import why_card_refused
from igkinetics.kinetics.parameters import DEFAULT_STRUCTURE

MOST_FILES: Final = 40
READ: Final = frozenset({".csv", ".tsv", ".txt", ".xlsx", ".xls", ".xlsb", ".ods", ".parquet", ".toml"})
"""Endings of files that a cohort is read from."""
MAPPING: Final = ".toml"
FOLDER: Final = "chosen files"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How the page starts. path: None for nothing open; thresholds: levels of the plan, in the cohort's unit."""

    path: Path | None = None
    card: str = DEFAULT_CARD
    thresholds: tuple[float, ...] = ()
    igg_unit: str | None = None
    file_format: str | None = None
    on_problem: str = "stop"

    def read(self) -> Cohort:
        """InputError with everything that is wrong."""
        return read_cohort(self.path, igg_unit=self.igg_unit, file_format=self.file_format, on_problem=self.on_problem)


def cards_view() -> list[dict[str, str]]:
    """The cards that a patient can be fitted with: they say how patients differ, and hold endogenous IgG in the
    disposition that fits start from."""
    disposition = DEFAULT_STRUCTURE.split("/")[0]
    return [
        {"id": card.id, "words": card.title}
        for card in map(load_card, list_cards())
        if not why_card_refused(card)
        and card.structure.endogenous != "none"
        and disposition in card.structure.dispositions
    ]


def refuse_missing(opening: Opening) -> None:
    """InputError for a path that leads nowhere, a card nobody has, or a level that is none: at once, on the terminal.
    What is wrong inside a cohort is shown on the page."""
    if opening.path is not None and not opening.path.exists():
        raise call_error("cohort", opening.path, "must be a folder, a cohort.toml, a workbook or a CSV that is there")
    if opening.card not in list_cards():
        raise call_error("card", opening.card, f"must be one of {', '.join(list_cards())}")
    for level in opening.thresholds:
        if not 0 < level < math.inf:
            raise call_error("threshold", f"{level:g}", "must be an IgG level above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A file from the browser: its name there, and where its bytes lie until they are read."""

    name: str
    place: Path


def read_chosen(files: Sequence[Chosen], igg_unit: str | None) -> Cohort:
    """The cohort in these files, one workbook or table alone, several as a folder; they are removed once read.

    InputError with everything that is wrong, each file named as the reader knows it.
    """
    refuse_elsewhere(files)
    try:
        refuse_strange(files)
        with tempfile.TemporaryDirectory(prefix="igkinetics-") as scratch:
            folder = Path(scratch) / FOLDER
            folder.mkdir()
            for each in files:
                shutil.move(each.place, folder / plain_name(each.name))
            alone = folder / plain_name(files[0].name)
            path = alone if len(files) == 1 and alone.suffix.lower() != MAPPING else folder
            return read_cohort(path, igg_unit=igg_unit or None)
    finally:
        for each in files:
            each.place.unlink(missing_ok=True)


def refuse_elsewhere(files: Sequence[Chosen]) -> None:
    """InputError for a file that no upload left: a page may name its files, not where they lie."""
    scratch = Path(tempfile.gettempdir()).resolve()
    for each in files:
        place = each.place.resolve()
        if each.place.is_symlink() or not place.is_file() or not place.is_relative_to(scratch):
            raise call_error("files", plain_name(each.name), "must be a file chosen in the browser")


def plain_name(name: str) -> str:
    """The last part of a file's name, whichever way its folders are written."""
    return name.replace("\\", "/").rsplit("/", 1)[-1]


def refuse_strange(files: Sequence[Chosen]) -> None:
    """InputError for no files, too many, the same name twice, or an ending that no cohort has."""
    if not 1 <= len(files) <= MOST_FILES:
        raise call_error("files", len(files), f"must be 1 to {MOST_FILES}")
    names = [plain_name(each.name) for each in files]
    problems = [
        Problem(file=name or "a file without a name", found=Path(name).suffix, expected=f"must end in {endings()}")
        for name in names
        if name.startswith(".") or Path(name).suffix.lower() not in READ
    ]
    problems += [
        Problem(file=name, found=f"{names.count(name)} files", expected="must be there once")
        for name in sorted(set(names))
        if names.count(name) > 1
    ]
    if problems:
        raise InputError(problems)


def endings() -> str:
    return ", ".join(sorted(READ))
