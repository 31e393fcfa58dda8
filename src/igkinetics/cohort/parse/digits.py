"""Numbers that have lost digits before they came here: a spreadsheet's short powers of ten, decimals cut at a comma."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.headings import words_of
from igkinetics.cohort.parse.cells import holding
from igkinetics.cohort.parse.columns import MappedRows
from igkinetics.cohort.parse.contrary_words import Contrary
from igkinetics.cohort.parse.findings import warn
from igkinetics.cohort.parse.parsed import Parsed
from igkinetics.cohort.parse.words import Words

NUMBERS: Final = ("igg", "amount_g", "amount_g_per_kg", "amount", "weight_kg", "weight")
SHORT: Final = r"[<>]?=?\s*[1-9](?:[.,]0*)?e[+-]?\d+"
"""8E+02: one digit is left, and 750 to 849 are the same."""
FEWEST_SHORT: Final = 3
UNNAMED: Final = re.compile(r"(?:unnamed: ?\d+|column ?\d+|spalte ?\d+|colonne ?\d+|columna ?\d+|colonna ?\d+)?")
FREE_TEXT: Final = frozenset(
    {"note", "notes", "comment", "comments", "remark", "remarks", "bemerkung", "bemerkungen", "kommentar", "anmerkung"}
    | {"remarque", "remarques", "commentaire", "observaciones", "comentario", "nota", "osservazioni", "opmerking"}
)
"""A column of text holds no numbers in most of its rows."""
DECIMALS: Final = r"\d{1,2}"
WHOLE: Final = r"[<>]?=?\s*\d{1,4}"
MOSTLY: Final = 0.5


def check_short_numbers(parsed: Parsed) -> Parsed:
    """Ask about columns of numbers that a spreadsheet has shortened to one digit and a power of ten."""
    for name in NUMBERS:
        cells = parsed.table.column(name)
        if cells is None:
            continue
        words = Words(cells)
        if not holding(words.distinct, r"\de[+-]?\d").any():
            continue
        short, filled = words.where(rf"\s*{SHORT}\s*"), words.where(lambda word: word.strip() != "")
        if short.sum() < max(FEWEST_SHORT, MOSTLY * filled.sum()):
            continue
        first = short & (np.cumsum(short) == 1)
        told = (
            f"one digit and a power of ten, as in {int(short.sum())} of {int(filled.sum())} rows: a spreadsheet has "
            "dropped the other digits; export it again with plain numbers"
        )
        parsed = parsed.with_findings(warn(first, name, cells, told))
    return parsed


def split_decimals(name: str, cells: pd.Series[str], mapped: MappedRows) -> Contrary | None:
    """Whole numbers beside one or two digits in a column without a name: 6,2 was cut in two at its comma."""
    unnamed = UNNAMED.fullmatch(name.strip().casefold()) is not None
    if not unnamed and not set(words_of(name)) & FREE_TEXT:
        return None
    columns = [str(one) for one in mapped.raw.cells.columns]
    place = columns.index(name)
    numbers = {mapped.headings.get(one, one) for one in NUMBERS if one in mapped.text.columns}
    if place == 0 or columns[place - 1] not in numbers:
        return None
    before = mapped.raw.cells[columns[place - 1]].str.strip()
    filled = (cells != "").to_numpy(dtype=bool) & mapped.kept
    cut = filled & Words(cells).where(DECIMALS) & Words(before).where(WHOLE)
    if not cut.any() or not cut[filled].all() or not (unnamed or cut.sum() >= MOSTLY * mapped.kept.sum()):
        return None
    remedy = 'write the decimals with a point, or part the columns with semicolons and write decimal = ","'
    return Contrary(rows=cut, assumed=f"{columns[place - 1]} is taken as a whole number", remedy=remedy)
