"""Doses as registries and trials write them: units of amounts, routes, lengths of infusions."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.presets.preset import Fault, mapped, truth

UNITS: Final = {
    "g": "g",
    "gm": "g",
    "gram": "g",
    "grams": "g",
    "gr": "g",
    "mg": "mg",
    "milligram": "mg",
    "milligrams": "mg",
    "ml": "mL",
    "milliliter": "mL",
    "millilitre": "mL",
    "g/kg": "g/kg",
    "gm/kg": "g/kg",
    "gram/kg": "g/kg",
    "mg/kg": "mg/kg",
}
"""Spellings of the units of amounts, in lower case -> those of the contract."""
PIECES: Final = re.compile(
    r"vial|bag|bottle|each|unit|pack|piece|flasche|ampul|amp\b|ea\b|flac|dose|\bct\b|\{", re.IGNORECASE
)
"""Units that count pieces, of which nobody can say the grams."""
CLOCK: Final = r"[T ]\d{2}:\d{2}"
LONGEST_INFUSION_H: Final = 72.0
SEVERAL_DAYS: Final = 2


def amount_unit(cells: pd.Series[str]) -> pd.Series[str]:
    """The unit of an amount in the contract's spelling; any other text as it is."""
    return mapped(cells, lambda text: UNITS.get(text.strip().lower(), text.strip()))


def amount_faults(unit: pd.Series[str], written: pd.Series[str], name: str) -> list[Fault]:
    """Amounts without a unit, or in vials and other pieces."""
    pieces = truth(written, lambda text: PIECES.search(text) is not None and text.strip().lower() not in UNITS)
    return [
        Fault(pieces, name, written, "a quantity in g, mg, mL or g/kg; nobody can say the grams of a vial or piece"),
        Fault(
            (unit == "").to_numpy(dtype=bool),
            name,
            written,
            "the unit of the quantity: g, mg, mL or g/kg; it may be vials",
        ),
    ]


def route_word(text: str) -> str:
    """iv or sc; any other route as it is written, for the reader to refuse."""
    plain = text.strip().lower()
    if plain in ("iv", "intravenous", "intravenous drip") or plain.startswith(("intraven", "iv ", "ivpb")):
        return "iv"
    if plain in ("sc", "sq", "subq", "subcut") or plain.startswith("subcutan"):
        return "sc"
    return plain


def duration_hours(start: pd.Series[str], end: pd.Series[str]) -> pd.Series[str]:
    """Hours from start to end, where both have a time of day and the end is later by three days at most; else empty."""
    timed = start.str.contains(CLOCK, regex=True) & end.str.contains(CLOCK, regex=True)
    begins, ends = (
        pd.to_datetime(one.where(timed, None), format="ISO8601", errors="coerce", utc=True) for one in (start, end)
    )
    hours = ((ends - begins).dt.total_seconds() / 3600).to_numpy(dtype=np.float64)
    plausible = (hours > 0) & (hours <= LONGEST_INFUSION_H)
    return pd.Series(
        [repr(float(one)) if good else "" for one, good in zip(hours, plausible, strict=True)], start.index, dtype=str
    )


def span_fault(start: pd.Series[str], end: pd.Series[str], name: str) -> Fault:
    """Doses that end days after they began: several infusions in one row, whose amount may be of one or of all."""
    begins, ends = (pd.to_datetime(one.str.slice(0, 10), format="%Y-%m-%d", errors="coerce") for one in (start, end))
    days = ((ends - begins).dt.days >= SEVERAL_DAYS).to_numpy(dtype=bool)
    return Fault(days, name, end, "the day of the infusion; this row lasts for days: write a row for each infusion")
