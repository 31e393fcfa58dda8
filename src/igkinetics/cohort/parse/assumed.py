"""What is assumed without an optional column, and the cells of an unused one that contradict it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.mapping.contract import COLUMN_UNITS, TableName
from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.parse.cells import igg_cells, numbers
from igkinetics.cohort.parse.columns import MappedRows
from igkinetics.cohort.parse.words import Words
from igkinetics.units import G_PER_L_IN, WEIGHT_IN_KG, canonical_unit

Mask = npt.NDArray[np.bool_]
SUBCUTANEOUS: Final = (
    r"s\.?\s?[cq]\.?|sub-?\s?[ck]ut\w*|sub-?q|scig|igsc|sous-?\s?cutan\w*|sottocut\w*|onderhuids|"
    r"i\.?\s?m\.?|intra-?mus[ck]\w*"
)
"""Or into a muscle: not into a vein."""
SIGNS: Final = ("<", ">", "≤", "≥")
CENSORED_WORDS: Final = frozenset({"1", "-1", "y", "yes", "true", "t", "x", "blq", "bql", "bloq", "blod", "censored"})
FLAGS: Final = frozenset({"0", "1", "y", "n", "yes", "no", "true", "false", "j", "ja", "nein", "alive", "dead"})

Check = Callable[["pd.Series[str]", MappedRows, Mapping], tuple[Mask, str]]


def where(cells: pd.Series[str] | Words, test: Callable[[str], bool] | str) -> Mask:
    """Cells for which a test holds, or that are as a pattern says, in any case; equal cells are looked at once."""
    return (cells if isinstance(cells, Words) else Words(cells)).where(test)


def _other_igg_unit(cells: pd.Series[str], mapped: MappedRows, mapping: Mapping) -> tuple[Mask, str]:
    stated = mapping.samples.units.get("igg", mapping.igg_unit)
    if stated is None:
        return np.zeros(len(cells), dtype=bool), ""
    assumed = G_PER_L_IN[stated]
    return where(cells, lambda word: G_PER_L_IN.get(canonical_unit(word), assumed) != assumed), f"igg is in {stated}"


def _other_amount_unit(cells: pd.Series[str], mapped: MappedRows, mapping: Mapping) -> tuple[Mask, str]:
    usual = {"amount_g": "g", "amount_g_per_kg": "g/kg", "amount": ""}
    name = next((one for one in usual if one in mapped.text.columns), "amount")
    stated = mapping.doses.units.get(name, usual[name])
    known = COLUMN_UNITS["amount"]
    if not stated:
        return np.zeros(len(cells), dtype=bool), ""
    return where(cells, lambda word: canonical_unit(word) in known and canonical_unit(word) != stated), (
        f"{name} is in {stated}"
    )


def _other_weight_unit(cells: pd.Series[str], mapped: MappedRows, mapping: Mapping) -> tuple[Mask, str]:
    """A column of units beside weight_kg, whose unit is fixed."""
    if "weight_kg" not in mapped.text.columns or "weight" in mapped.text.columns:
        return np.zeros(len(cells), dtype=bool), ""
    units = {**mapping.weights.units, **mapping.patients.units}
    stated = units.get("weight_kg", "kg")
    other = where(cells, lambda word: canonical_unit(word) in WEIGHT_IN_KG and canonical_unit(word) != stated)
    return other, f"weight_kg is in {stated}"


def _another_end(cells: pd.Series[str], mapped: MappedRows, mapping: Mapping) -> tuple[Mask, str]:
    """Ends of infusions that are not the time of the dose itself."""
    time = next((mapped.text[one].str.strip() for one in ("day", "datetime") if one in mapped.text.columns), cells)
    missing = (*mapping.doses.missing, "NA", ".")
    timed = where(cells, lambda word: word not in missing and any(letter.isdigit() for letter in word))
    return timed & (cells != time).to_numpy(dtype=bool), "every dose is given as a bolus (duration 0)"


def _not_iv(cells: pd.Series[str], mapped: MappedRows, mapping: Mapping) -> tuple[Mask, str]:
    return where(cells, SUBCUTANEOUS), "every dose is taken as iv"


def _not_at_once(cells: pd.Series[str], mapped: MappedRows, mapping: Mapping) -> tuple[Mask, str]:
    return where(cells, r"[\d.,]*[1-9][\d.,]*\s*[^\d\s.,]*"), "every dose is given as a bolus (duration 0)"


def _signs_beside_plain_levels(cells: pd.Series[str], mapped: MappedRows, mapping: Mapping) -> tuple[Mask, str]:
    signs = cells.str.slice(0, 1).isin(SIGNS).to_numpy(dtype=bool)
    return signs & plain_levels(mapped), "a level without a sign was measured"


def _censored_plain_levels(cells: pd.Series[str], mapped: MappedRows, mapping: Mapping) -> tuple[Mask, str]:
    marked = where(cells, lambda word: word.casefold().removesuffix(".0") in CENSORED_WORDS)
    return marked & plain_levels(mapped), "a level without a sign was measured (censored: -1 below, 1 above the value)"


def _below_this_limit(cells: pd.Series[str], mapped: MappedRows, mapping: Mapping) -> tuple[Mask, str]:
    decimal = mapping.samples.decimal
    if "igg" not in mapped.text.columns:
        return np.zeros(len(cells), dtype=bool), ""
    level = igg_cells(mapped.text["igg"], decimal)
    limit = numbers(cells, decimal)[0]
    return (level.limit == 0) & (level.value < limit), "a level is used as it is, whatever the limit"


def plain_levels(mapped: MappedRows) -> Mask:
    if "igg" not in mapped.text.columns:
        return np.zeros(len(mapped.text), dtype=bool)
    plain: Mask = (~mapped.text["igg"].str.strip().str.slice(0, 1).isin(SIGNS)).to_numpy(dtype=bool)
    return plain


def _an_end(cells: pd.Series[str], mapped: MappedRows, mapping: Mapping) -> tuple[Mask, str]:
    missing = (*mapping.patients.missing, "NA", ".")
    given = where(cells, lambda word: word not in missing and word.casefold() not in FLAGS)
    return given, "follow-up goes on"


CHECKS: Final[dict[tuple[TableName, str], Check]] = {
    ("samples", "unit"): _other_igg_unit,
    ("samples", "comparator"): _signs_beside_plain_levels,
    ("samples", "censored"): _censored_plain_levels,
    ("samples", "lower_limit"): _below_this_limit,
    ("doses", "amount_unit"): _other_amount_unit,
    ("doses", "route"): _not_iv,
    ("doses", "duration"): _not_at_once,
    ("doses", "duration_h"): _not_at_once,
    ("doses", "end"): _another_end,
    ("patients", "weight_unit"): _other_weight_unit,
    ("weights", "weight_unit"): _other_weight_unit,
    ("patients", "death"): _an_end,
    ("patients", "transplant"): _an_end,
}
"""What would be assumed without a column, and the cells that contradict it."""
