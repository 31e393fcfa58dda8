"""Words of the laboratory in the place of levels, as `words` under [samples] says what they mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.keys import SamplesMapping
from igkinetics.cohort.mapping.lab_words import MISSING, SET_ASIDE, g_per_l_in, words_table
from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.cells import igg_cells
from igkinetics.cohort.parse.findings import Finding, Mask, Table, refuse, warn

MOST_WORDS_TOLD = 6
LONGEST_WORD = 60
NUMBER = r"(?i:[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?(?:nan|inf|infinity))"
"""What reads as a number although no level: 1e999, nan."""
UNIT_IN_CELL: Final = "the unit in the cell is not the unit of the row; one of them is wrong"


def with_stated_words(
    table: Table, cells: pd.Series[str], factor: Floats
) -> tuple[pd.Series[str], Mask, list[Finding]]:
    """(cells as levels, rows without a level, findings). factor: what turns each row's level into g/L.

    A cell that names a unit of its own other than its row's is refused, whatever it is said to mean.
    """
    nothing = np.zeros(len(cells), dtype=bool)
    words = table.settings.words if isinstance(table.settings, SamplesMapping) else None
    if words is None:
        return cells, nothing, []
    decimal = table.settings.decimal
    code, distinct = pd.factorize(cells.str.strip())
    texts = pd.Series(distinct, dtype=str)
    if words == SET_ASIDE:
        aside = igg_cells(texts, decimal).unreadable[code]
        told = warn(aside, "igg", cells, f'no level: words = "{SET_ASIDE}"', "row set aside", removes="row")
        return cells.where(~aside, ""), aside, told
    assert isinstance(words, dict)
    meanings = {text: meaning for text in texts if (meaning := stated_meaning(str(text), words, decimal)) is not None}
    translated = texts.isin(list(meanings)).to_numpy(dtype=bool)[code]
    if not translated.any():
        return cells, nothing, []
    levels = texts.map(meanings).fillna(texts).str.replace(".", decimal, regex=False)
    levels = levels.where(texts.isin(list(meanings)), texts)
    absent = (levels == MISSING).to_numpy(dtype=bool)[code] & translated
    contradicts = translated & in_another_unit(cells, factor)
    told = warn(absent, "igg", cells, 'no level: words says "missing"', "row set aside", removes="row")
    told += refuse(contradicts, "igg", cells, UNIT_IN_CELL)
    no_level = absent | contradicts
    return pd.Series(levels.to_numpy()[code], index=cells.index, dtype=str).where(~no_level, ""), no_level, told


def in_another_unit(cells: pd.Series[str], factor: Floats) -> Mask:
    """Cells that name another unit than that of their row. factor: what turns each level into g/L; nan: unknown."""
    other: Mask = cells.str.contains("/", regex=False).to_numpy(dtype=bool, copy=True)
    code, distinct = pd.factorize(cells[other])
    unit = np.array([g_per_l_in(str(word)) or np.nan for word in distinct], dtype=np.float64)[code]
    beside = factor[other]
    other[other] = ~np.isnan(unit * beside) & ~np.isclose(unit, beside, rtol=1e-9)
    return other


def stated_meaning(cell: str, words: Mapping[str, str], decimal: str = ".") -> str | None:
    """What a cell is said to mean: its own entry, else an entry with a `*` for the number in it; None without one."""
    if cell in words:
        return words[cell]
    folded = {word.casefold(): meaning for word, meaning in words.items()}
    if cell.casefold() in folded:
        return folded[cell.casefold()]
    for word, meaning in words.items():
        if "*" in meaning:
            start, _, end = (re.escape(part.strip()) for part in word.partition("*"))
            match = re.fullmatch(rf"{start}\s*(\d+(?:{re.escape(decimal)}\d+)?)\s*{end}", cell, re.IGNORECASE)
            if match is not None:
                return meaning.replace("*", match[1].replace(decimal, "."))
    return None


def are_words(cells: pd.Series[str]) -> Mask:
    """Cells in which a laboratory says something, rather than numbers written in a way that no one reads."""
    text = cells.str.strip()
    spoken = text.str.contains(r"[^\W\d_]|[*#]", regex=True) & (text.str.len() <= LONGEST_WORD)
    return (spoken & ~text.str.fullmatch(NUMBER)).to_numpy(dtype=bool)


def how_to_go_on(words_found: pd.Series[str]) -> str:
    """The end of a message about cells that are no level: the keys that say what is meant."""
    words = words_table(words_found.drop_duplicates().head(MOST_WORDS_TOLD + 1), MOST_WORDS_TOLD)
    return f'say what is meant under [samples]: words = {words}, or leave such rows out: words = "{SET_ASIDE}"'
