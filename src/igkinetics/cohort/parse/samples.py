"""The samples table: IgG in g/L, below or above a limit where the laboratory says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.cells import IggCells, canonical_units, igg_cells, numbers, patient_column
from igkinetics.cohort.parse.censoring import above_that_read_like_below, with_stated_signs
from igkinetics.cohort.parse.findings import Finding, Mask, Table, for_each, refuse, warn
from igkinetics.cohort.parse.parsed import Parsed, event_times, whole_table
from igkinetics.cohort.parse.stated_words import (
    UNIT_IN_CELL,
    are_words,
    how_to_go_on,
    in_another_unit,
    with_stated_words,
)
from igkinetics.errors import Problem
from igkinetics.units import G_PER_L_IN, IGG_UNITS, IggUnit

HIGHEST_IGG_G_PER_L = 150.0
"""15,000 mg/dL: nothing above has been seen, even in myeloma."""
LIMIT_NAMES = ("", "above", "below")
"""By the sign of a censored value modulo 3: 0, 1, -1."""
G_PER_L_BY_CODE = np.array([*(G_PER_L_IN[unit] for unit in IGG_UNITS), np.nan])
"""By the place of a unit in IGG_UNITS; the last one, -1, is no unit."""
MAP_THE_WORD = "name another spelling of one of them under [samples.values.unit] in cohort.toml (never another unit)"
STATE_THE_UNIT = (
    'the unit of IgG is never guessed; write igg_unit = "mg/dL" (or "g/L") in cohort.toml, or give igg_unit="mg/dL"'
)
THOUSANDS: Final = r"[<>]?=?\s*\d{1,3}(?:[,.'\s\u2019]\d{3})+(?:[,.]\d+)?"
NOT_READ_AS_THOUSANDS: Final = (
    "must be a number; a mark between thousands is not read, for it may be a decimal: write 1200, not 1,200, or state "
    'what marks the decimals: decimal = "," under [samples]'
)
DECIMAL_COMMA: Final = r"[<>]?=?\s*\d+,(?:\d{1,2}|\d{4,})"
COMMA_NOT_STATED: Final = 'must be a number; if the comma marks the decimals, write decimal = "," under [samples]'
UNITS_BESIDE: Final = "their units in a column unit"


def parse_samples(table: Table, mapping: Mapping) -> Parsed:
    """Columns of the frame: patient_id, moment, date_only, igg (g/L), limit, unit_code (in IGG_UNITS; -1: none)."""
    times, findings = event_times(table)
    findings += patient_column(table)
    code, unit_findings, problems = _unit_codes(table, mapping)
    factor = G_PER_L_BY_CODE[code]
    cells = table.column("igg")
    if cells is None:
        cells = pd.Series("", index=table.text.index, dtype=str)
        written, no_level = cells, np.zeros(len(cells), dtype=bool)
        parsed = IggCells(
            value=np.full(len(cells), np.nan),
            limit=np.zeros(len(cells), dtype=np.int8),
            unreadable=np.zeros(len(cells), dtype=bool),
        )
    else:
        written = cells
        cells, no_level, word_findings = with_stated_words(table, cells, factor)
        parsed = igg_cells(cells, table.settings.decimal)
        findings += word_findings
    lower, lower_findings = _limits(table, "lower_limit", factor, mapping.lower_limit, mapping.igg_unit)
    upper, upper_findings = _limits(table, "upper_limit", factor, mapping.upper_limit, mapping.igg_unit)
    parsed, sign_findings = with_stated_signs(table, parsed, lower / factor, upper / factor)
    sign_findings += above_that_read_like_below(table, parsed, factor, lower, upper)
    if table.column("igg") is not None:
        findings += _impossible(written, cells, no_level, parsed, code)
    findings += sign_findings + unit_findings + lower_findings + upper_findings
    crossed = lower >= upper
    lower_cells = table.column("lower_limit")
    findings += refuse(
        crossed, "lower_limit", cells if lower_cells is None else lower_cells, "must be below upper_limit"
    )
    igg = parsed.value * factor
    plain = (parsed.limit == 0) & ~crossed
    too_low, too_high = plain & (igg > 0) & (igg < lower), plain & (igg > upper)
    findings += _outside(cells, too_low, lower, code, "below the lower", "<")
    findings += _outside(cells, too_high, upper, code, "above the upper", ">")
    limit = np.where(too_low, -1, np.where(too_high, 1, parsed.limit))
    frame = pd.DataFrame(
        {
            "patient_id": table.text["patient_id"],
            "moment": times.moment,
            "date_only": times.date_only,
            "igg": np.where(too_low, lower, np.where(too_high, upper, igg)),
            "limit": limit_words(limit % 3),
            "unit_code": code,
        }
    )
    return Parsed(table=table, frame=frame, times=(times,), findings=tuple(findings), problems=tuple(problems))


def limit_words(index: npt.NDArray[np.int8]) -> pd.Series[Any]:
    """LIMIT_NAMES by their places, each kept once."""
    return pd.Series(pd.Categorical.from_codes(index, categories=pd.Index(LIMIT_NAMES)))


def commonest_unit(unit_code: npt.NDArray[np.int8]) -> IggUnit:
    """The unit of most rows, the first of IGG_UNITS on a tie."""
    return IGG_UNITS[int(np.argmax(np.bincount(unit_code[unit_code >= 0], minlength=len(IGG_UNITS))))]


def _unit_codes(table: Table, mapping: Mapping) -> tuple[npt.NDArray[np.int8], list[Finding], list[Problem]]:
    """For each row the place of its unit in IGG_UNITS: the row's own unit, else the column's, else igg_unit."""
    stated = table.settings.units.get("igg", mapping.igg_unit)
    default = -1 if stated is None else [str(unit) for unit in IGG_UNITS].index(stated)
    cells = table.column("unit")
    if cells is None:
        problems = [] if stated else [whole_table(table, "igg", "no unit", STATE_THE_UNIT)]
        return np.full(len(table.text), default, dtype=np.int8), [], problems
    named = canonical_units(cells)
    empty = (named == "").to_numpy(dtype=bool)
    code = pd.Index(IGG_UNITS).get_indexer(pd.Index(named)).astype(np.int8)
    unknown = (code < 0) & ~empty
    findings = refuse(unknown, "unit", cells, f"one of {', '.join(IGG_UNITS)}; {MAP_THE_WORD}")
    code[empty] = default
    return code, findings + refuse((code < 0) & ~unknown, "unit", cells, STATE_THE_UNIT), []


def _impossible(
    written: pd.Series[str], cells: pd.Series[str], no_level: Mask, parsed: IggCells, code: npt.NDArray[np.int8]
) -> list[Finding]:
    """Cells that are no level of IgG at all, each with its own reason. no_level: rows known to have none."""
    censored = parsed.limit != 0
    empty = (cells.str.strip() == "").to_numpy(dtype=bool) & ~censored & ~no_level
    findings = refuse(empty, "igg", cells, "a value is needed; leave out rows that were not measured")
    words = parsed.unreadable.copy()
    words[words] = are_words(written[words])
    foreign = words.copy()
    foreign[foreign] = in_another_unit(written[words], G_PER_L_BY_CODE[code[words]])
    findings += refuse(
        foreign, "igg", written, f"{UNIT_IN_CELL}: give the levels in a column of numbers, {UNITS_BESIDE}"
    )
    parsed = replace(parsed, unreadable=parsed.unreadable & ~foreign)
    words &= ~foreign
    way_out = f"; {how_to_go_on(written[words])}" if words.any() else ""
    thousands = parsed.unreadable & ~words
    thousands[thousands] = cells[thousands].str.strip().str.fullmatch(THOUSANDS).to_numpy(dtype=bool)
    if thousands.any():
        findings += refuse(thousands, "igg", written, NOT_READ_AS_THOUSANDS)
        parsed = replace(parsed, unreadable=parsed.unreadable & ~thousands)
    commas = parsed.unreadable & ~words
    commas[commas] = cells[commas].str.strip().str.fullmatch(DECIMAL_COMMA).to_numpy(dtype=bool)
    if commas.any():
        findings += refuse(commas, "igg", written, COMMA_NOT_STATED)
        parsed = replace(parsed, unreadable=parsed.unreadable & ~commas)
    for rows, expected in (
        (parsed.unreadable & censored, "a limit is < or > and one number above 0: <40"),
        (parsed.unreadable & ~censored, "must be a number, <LIMIT or >LIMIT"),
    ):
        findings += refuse(rows & ~words, "igg", written, expected)
        findings += refuse(rows & words, "igg", written, expected + way_out)
    findings += refuse(parsed.value < 0, "igg", cells, "must be above 0")
    findings += refuse(
        (parsed.value == 0) & ~censored,
        "igg",
        cells,
        "must be above 0; write a level below the assay's limit as <LIMIT",
    )
    absurd = parsed.value * G_PER_L_BY_CODE[code] > HIGHEST_IGG_G_PER_L * (1 + 1e-12)
    told = for_each(
        code[absurd], lambda one: f"must be at most {in_unit(HIGHEST_IGG_G_PER_L, one)}; is the unit right?"
    )
    return findings + refuse(absurd, "igg", cells, told)


def in_unit(g_per_l: float, code: int) -> str:
    """A level with its unit, by the unit's place in IGG_UNITS."""
    return f"{g_per_l / G_PER_L_BY_CODE[code]:.6g} {IGG_UNITS[code]}"


def _limits(
    table: Table, name: str, factor: Floats, common: float | None, igg_unit: IggUnit | None
) -> tuple[Floats, list[Finding]]:
    """The assay's limit for each row in g/L: the row's own, else the cohort's; nan where none is stated."""
    everywhere = np.nan if common is None or igg_unit is None else common * G_PER_L_IN[igg_unit]
    cells = table.column(name)
    if cells is None:
        return np.full(len(table.text), everywhere), []
    values, unreadable = numbers(cells, table.settings.decimal)
    bad: Mask = unreadable | (values <= 0)
    values = np.where(bad, np.nan, values * factor)
    return np.where(np.isnan(values), everywhere, values), refuse(bad, name, cells, "must be a number above 0")


def _outside(
    cells: pd.Series[str], mask: Mask, limit: Floats, code: npt.NDArray[np.int8], which: str, sign: str
) -> list[Finding]:
    def told(level_and_code: complex) -> str:
        text = in_unit(level_and_code.real, int(level_and_code.imag))
        return f"{which} limit, {text}: used as {sign}{text.split()[0]}"

    expected = for_each(limit[mask] + 1j * code[mask], told)
    return warn(mask, "igg", cells, expected, action=f"used as {sign}limit")
