"""What the tables of a cohort may hold: column names, their units, and the nearest name to a wrong one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Literal, get_args

from igkinetics.units import DOSE_PER_WEIGHT_IN_G_PER_KG, G_PER_L_IN, MASS_IN_G, TIME_IN_DAY, WEIGHT_IN_KG

TableName = Literal["samples", "doses", "therapy", "patients", "outcomes", "weights", "covariates"]
TABLES: Final[tuple[TableName, ...]] = get_args(TableName)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableContract:
    """Columns of one table: of each required group at least one; `open` tables keep any further column."""

    required: tuple[tuple[str, ...], ...]
    optional: tuple[str, ...] = ()
    open: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that has a meaning, required ones first."""
        return tuple(name for group in self.required for name in group) + self.optional


CONTRACT: Final[dict[TableName, TableContract]] = {
    "samples": TableContract(
        required=(("patient_id",), ("day", "datetime"), ("igg",)),
        optional=("unit", "lower_limit", "upper_limit", "comparator", "censored"),
    ),
    "doses": TableContract(
        required=(("patient_id",), ("day", "datetime"), ("amount_g", "amount_g_per_kg", "amount")),
        optional=("amount_unit", "duration_h", "duration", "end", "route", "product"),
    ),
    "therapy": TableContract(required=(("patient_id",), ("start",), ("stop",)), optional=("agent",)),
    "patients": TableContract(
        required=(("patient_id",),),
        optional=(
            "group",
            "weight_kg",
            "weight",
            "weight_unit",
            "height_cm",
            "sex",
            "age_y",
            "birth",
            "death",
            "transplant",
            "day",
            "datetime",
        ),
        open=True,
    ),
    "outcomes": TableContract(required=(("patient_id",), ("day", "datetime"), ("outcome",)), open=True),
    "weights": TableContract(
        required=(("patient_id",), ("day", "datetime"), ("weight_kg", "weight")), optional=("weight_unit",)
    ),
    "covariates": TableContract(required=(("patient_id",), ("day", "datetime")), open=True),
}

COLUMN_WORDS: Final[dict[tuple[TableName, str], str]] = {
    ("samples", "unit"): "of the level in its row, where igg_unit does not hold for all",
    ("samples", "lower_limit"): "of the assay: a value below it is read as below it",
    ("samples", "upper_limit"): "of the assay: a value above it is read as above it",
    ("samples", "comparator"): "<, <=, =, >= or >, for a sign that does not stand before the level",
    (
        "samples",
        "censored",
    ): "-1: IgG lies below the value; 0: measured; 1: above it. Monolix and many laboratories write "
    "write 1 for below: write -1, or translate the words under `[samples.values.censored]`",
    ("doses", "product"): "a name; what names no immunoglobulin beside others that do is asked about",
}
"""What columns say whose names do not."""

AMOUNT_UNITS: Final[dict[str, float]] = {**MASS_IN_G, **DOSE_PER_WEIGHT_IN_G_PER_KG}
"""Units of the generic column `amount`: in g, or in g/kg."""
VOLUMES: Final = ("mL", "mL/kg")
"""Further units of `amount`, which need a concentration."""

COLUMN_UNITS: Final[dict[str, dict[str, float]]] = {
    "igg": G_PER_L_IN,
    "amount_g": MASS_IN_G,
    "amount_g_per_kg": DOSE_PER_WEIGHT_IN_G_PER_KG,
    "amount": {**AMOUNT_UNITS, **dict.fromkeys(VOLUMES, float("nan"))},
    "duration_h": TIME_IN_DAY,
    "duration": TIME_IN_DAY,
    "weight_kg": WEIGHT_IN_KG,
    "weight": WEIGHT_IN_KG,
    **dict.fromkeys(("day", "end", "start", "stop", "birth", "death", "transplant"), TIME_IN_DAY),
}
"""Columns that may be given a unit, with one of each unit in the unit used inside (g/L, g, g/kg, day, kg)."""

MOST_NAMES_SHOWN: Final = 12


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like this one (ignoring case), or None when nothing is near."""
    by_lower_case = {other.lower(): other for other in known}
    matches = get_close_matches(name.lower(), by_lower_case, n=1, cutoff=0.6)
    return by_lower_case[matches[0]] if matches else None


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest one, else all of them."""
    names = tuple(known)
    near = nearest(name, names)
    if near is not None:
        return f"did you mean {near!r}?"
    shown = ", ".join(names[:MOST_NAMES_SHOWN]) + (", ..." if len(names) > MOST_NAMES_SHOWN else "")
    return f"known: {shown or 'nothing'}"
