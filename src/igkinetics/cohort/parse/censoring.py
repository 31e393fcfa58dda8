"""Levels that are known only to lie below or above a limit, where columns of their own say so.

In the column `censored` 1 means above the value and -1 below it. Monolix and many laboratories write 1 for below: such
rows are told by where their values lie.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.headings import words_of
from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.cells import IggCells
from igkinetics.cohort.parse.findings import Finding, Mask, Table, for_each, refuse

COMPARATORS: Final = {"<": -1, "<=": -1, "≤": -1, "=": 0, ">": 1, ">=": 1, "≥": 1}
CENSORED: Final = {"-1": -1, "0": 0, "1": 1}
"""A value lies below (-1) or above (1) what is written, or was measured (0)."""
NOT_STATED: Final = 2
LOWEST_UPPER_LIMIT_G_PER_L: Final = 1.0
"""No assay of IgG in serum ends below the lowest limit of reference of an infant."""
SAYS_BELOW: Final = re.compile(r"\b(?:blq|bql|bloq|blod|lloq|loq|lod|below|under|lower|unter)\w*")
SAYS_ABOVE: Final = re.compile(r"\b(?:alq|aloq|uloq|above|over|upper|uber)\w*")
WHICH_WAY: Final = (
    'write -1, or map the words: "1" = "-1" under [samples.values.censored] in cohort.toml '
    '("1" = "1" if they are above)'
)


def with_stated_signs(table: Table, parsed: IggCells, lower: Floats, upper: Floats) -> tuple[IggCells, list[Finding]]:
    """The cells with what the columns comparator and censored say of them; lower, upper: limits in the cell's unit.

    A level below (above) a limit may lack its number, or read 0, where the limit is stated elsewhere.
    """
    sign = np.where(parsed.limit == 0, NOT_STATED, parsed.limit).astype(np.int8)
    findings: list[Finding] = []
    for name, meaning, words in (
        ("comparator", COMPARATORS, "<, <=, =, >= or >"),
        ("censored", CENSORED, "-1 (below the value), 0 (measured) or 1 (above the value)"),
    ):
        if (cells := table.column(name)) is None:
            continue
        said = cells.str.strip().str.replace(r"\.0$", "", regex=True)
        own = said.map(meaning).fillna(NOT_STATED).to_numpy(dtype=np.int8)
        strange = (own == NOT_STATED) & (said != "").to_numpy(dtype=bool)
        expected = f"{words}; map other words under [samples.values.{name}] in cohort.toml"
        findings += refuse(strange, name, cells, expected)
        contrary = (own != NOT_STATED) & (sign != NOT_STATED) & (own != sign)
        levels = table.text["igg"] if table.column("igg") is not None else cells
        against = for_each(levels[contrary], lambda cell: f"contradicts the rest of the row (igg {str(cell)!r})")
        findings += refuse(contrary, name, cells, against)
        sign = np.where(sign == NOT_STATED, own, sign)
    limit = np.where(sign == NOT_STATED, 0, sign).astype(np.int8)
    open_value = (limit != 0) & ~parsed.unreadable & ~(parsed.value > 0) & ~(parsed.value < 0)
    value = np.where(open_value, np.where(limit < 0, lower, upper), parsed.value)
    if (igg := table.column("igg")) is not None:
        expected = "a number above 0 to be below or above, here or as lower_limit or upper_limit"
        findings += refuse(open_value & np.isnan(value), "igg", igg, expected)
    return IggCells(value=value, limit=limit, unreadable=parsed.unreadable), findings


def above_that_read_like_below(
    table: Table, parsed: IggCells, factor: Floats, lower: Floats, upper: Floats
) -> list[Finding]:
    """Errors where the column censored alone says above (1) or below (-1), and the value speaks for the other.

    Not where cohort.toml translates the words of the column: then somebody has decided. lower, upper: limits in g/L.
    """
    cells, igg = table.column("censored"), table.column("igg")
    if cells is None or igg is None or table.settings.values.get("censored"):
        return []
    said = cells.str.strip().str.replace(r"\.0$", "", regex=True)
    alone = ~igg.str.strip().str.slice(0, 1).isin(["<", ">", "≤", "≥"]).to_numpy(dtype=bool)
    signs = table.column("comparator")
    if signs is not None:
        alone &= (signs.str.strip() == "").to_numpy(dtype=bool)
    above, below = (alone & (said == one).to_numpy(dtype=bool) for one in ("1", "-1"))
    level = parsed.value * factor
    measured = pd.Series(np.where((parsed.limit == 0) & (level > 0), level, np.nan), index=table.text.index)
    own = measured.groupby(table.text["patient_id"]).transform("median").to_numpy(dtype=np.float64)
    everyone = float(measured.median()) if measured.notna().any() else np.nan
    usual = np.fmax(np.where(np.isnan(own), everyone, own), LOWEST_UPPER_LIMIT_G_PER_L)
    heading = " ".join(words_of(_heading(table)))
    named_below = SAYS_BELOW.search(heading) is not None and SAYS_ABOVE.search(heading) is None
    nothing_written = ~(pd.to_numeric(igg, errors="coerce") > 0).to_numpy(dtype=bool)
    unlike: Mask = above & (
        named_below | (level < usual) | (level <= lower * (1 + 1e-6)) | (nothing_written & np.isnan(upper))
    )
    high: Mask = below & (level >= upper * (1 - 1e-6))
    told = for_each(
        igg[unlike], lambda cell: f"1 means above the value, -1 below it; is IgG below {cell} here? {WHICH_WAY}"
    )
    return [
        *refuse(unlike, "censored", cells, told),
        *refuse(high, "censored", cells, "-1 means below the value, which is at the upper limit: write 1 for above"),
    ]


def _heading(table: Table) -> str:
    """The heading of the column censored in the files."""
    named = table.settings.columns.get("censored", "censored")
    return named if isinstance(named, str) else " ".join(named)
