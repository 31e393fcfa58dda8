"""The samples table: IgG in g/L, below or above a limit where the laboratory says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.cells import IggCells, igg_cells, numbers, patient_column, unit_factors
from igkinetics.cohort.parse.findings import Finding, Mask, Table, refuse, warn
from igkinetics.cohort.parse.parsed import Parsed, event_times, whole_table
from igkinetics.cohort.parse.stated_words import are_words, how_to_go_on, with_stated_words
from igkinetics.errors import Problem
from igkinetics.units import G_PER_L_IN, IggUnit

HIGHEST_IGG_G_PER_L = 150.0
"""15,000 mg/dL: nothing above has been seen, even in myeloma."""
LIMIT_NAMES = ("", "above", "below")
"""By the sign of a censored value modulo 3: 0, 1, -1."""
STATE_THE_UNIT = (
    'the unit of IgG is never guessed; write igg_unit = "mg/dL" (or "g/L") in cohort.toml, '
    "or give --igg-unit mg/dL"
)


def parse_samples(table: Table, mapping: Mapping) -> Parsed:
    """Columns of the frame: patient_id, moment, date_only, igg (g/L), limit, in_mg_dl (-1: no unit)."""
    times, findings = event_times(table)
    findings += patient_column(table)
    factor, unit_findings, problems = _factors(table, mapping)
    cells = table.column("igg")
    if cells is None:
        cells = pd.Series("", index=table.text.index, dtype=str)
        parsed = IggCells(
            value=np.full(len(cells), np.nan),
            limit=np.zeros(len(cells), dtype=np.int8),
            unreadable=np.zeros(len(cells), dtype=bool),
        )
    else:
        written = cells
        cells, no_level, word_findings = with_stated_words(table, cells, factor)
        parsed = igg_cells(cells, table.settings.decimal)
        findings += word_findings + _impossible(written, cells, no_level, parsed, factor)
    lower, lower_findings = _limits(table, "lower_limit", factor, mapping.lower_limit, mapping.igg_unit)
    upper, upper_findings = _limits(table, "upper_limit", factor, mapping.upper_limit, mapping.igg_unit)
    findings += unit_findings + lower_findings + upper_findings
    crossed = lower >= upper
    lower_cells = table.column("lower_limit")
    findings += refuse(
        crossed, "lower_limit", cells if lower_cells is None else lower_cells, "must be below upper_limit"
    )
    igg = parsed.value * factor
    plain = (parsed.limit == 0) & ~crossed
    too_low, too_high = plain & (igg < lower), plain & (igg > upper)
    findings += _outside(cells, too_low, lower, factor, "below the lower", "<")
    findings += _outside(cells, too_high, upper, factor, "above the upper", ">")
    limit = np.where(too_low, -1, np.where(too_high, 1, parsed.limit))
    frame = pd.DataFrame(
        {
            "patient_id": table.text["patient_id"],
            "moment": times.moment,
            "date_only": times.date_only,
            "igg": np.where(too_low, lower, np.where(too_high, upper, igg)),
            "limit": limit_words(limit % 3),
            "in_mg_dl": np.where(np.isnan(factor), -1, factor == G_PER_L_IN["mg/dL"]).astype(np.int8),
        }
    )
    return Parsed(
        table=table, frame=frame, times=(times,), findings=tuple(findings), problems=tuple(problems)
    )


def limit_words(place: npt.NDArray[np.int8]) -> pd.Series[Any]:
    """LIMIT_NAMES by their places, each kept once."""
    return pd.Series(pd.Categorical.from_codes(place, categories=pd.Index(LIMIT_NAMES)))


def commonest_unit(in_mg_dl: npt.NDArray[np.int8]) -> IggUnit:
    """The unit of most rows, mg/dL on a tie."""
    return "mg/dL" if int((in_mg_dl == 1).sum()) >= int((in_mg_dl == 0).sum()) else "g/L"


def _factors(table: Table, mapping: Mapping) -> tuple[Floats, list[Finding], list[Problem]]:
    """For each row what turns its IgG into g/L: the row's own unit, else the column's, else igg_unit."""
    stated = table.settings.units.get("igg", mapping.igg_unit)
    default = np.nan if stated is None else G_PER_L_IN[stated]
    cells = table.column("unit")
    if cells is None:
        problems = [] if stated else [whole_table(table, "igg", "no unit", STATE_THE_UNIT)]
        return np.full(len(table.text), default), [], problems
    own, unknown = unit_factors(cells, G_PER_L_IN)
    expected = "mg/dL or g/L; map other words under [samples.values.unit] in cohort.toml"
    findings = refuse(unknown, "unit", cells, expected)
    factor = np.where(np.isnan(own) & ~unknown, default, own)
    findings += refuse(np.isnan(factor) & ~unknown, "unit", cells, STATE_THE_UNIT)
    return factor, findings, []


def _impossible(
    written: pd.Series[str], cells: pd.Series[str], no_level: Mask, parsed: IggCells, factor: Floats
) -> list[Finding]:
    """Cells that are no level of IgG at all, each with its own reason. no_level: rows known to have none."""
    empty = (cells.str.strip() == "").to_numpy(dtype=bool) & ~no_level
    censored = parsed.limit != 0
    findings = refuse(empty, "igg", cells, "a value is needed; leave out rows that were not measured")
    words = are_words(written) & parsed.unreadable if parsed.unreadable.any() else parsed.unreadable
    way_out = f"; {how_to_go_on(written[words])}" if words.any() else ""
    for rows, expected in (
        (parsed.unreadable & censored, "a limit is < or > and one number above 0: <40"),
        (parsed.unreadable & ~censored, "must be a number, <LIMIT or >LIMIT"),
    ):
        findings += refuse(rows & ~words, "igg", written, expected)
        findings += refuse(rows & words, "igg", written, expected + way_out)
    findings += refuse(parsed.value < 0, "igg", cells, "must be above 0")
    findings += refuse(
        parsed.value == 0, "igg", cells, "must be above 0; write a level below the assay's limit as <LIMIT"
    )
    absurd = parsed.value * factor > HIGHEST_IGG_G_PER_L * (1 + 1e-12)
    highest = [_with_unit(HIGHEST_IGG_G_PER_L, one) for one in factor[absurd]]
    return findings + refuse(
        absurd, "igg", cells, [f"must be at most {text}; is the unit right?" for text in highest]
    )


def _with_unit(g_per_l: float, factor: float) -> str:
    unit = "mg/dL" if factor == G_PER_L_IN["mg/dL"] else "g/L"
    return f"{g_per_l / factor:.6g} {unit}"


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
    return np.where(np.isnan(values), everywhere, values), refuse(
        bad, name, cells, "must be a number above 0"
    )


def _outside(
    cells: pd.Series[str], mask: Mask, limit: Floats, factor: Floats, which: str, sign: str
) -> list[Finding]:
    texts = [_with_unit(level, one) for level, one in zip(limit[mask], factor[mask], strict=True)]
    expected = [f"{which} limit, {text}: used as {sign}{text.split()[0]}" for text in texts]
    return warn(mask, "igg", cells, expected, action=f"used as {sign}limit")
