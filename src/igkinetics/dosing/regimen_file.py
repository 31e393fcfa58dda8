"""Regimens as files hold them: tables in a list, named by their place, levels of rules in the file's unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from igkinetics.dosing.regimen import Dosing
from igkinetics.units import G_PER_L_IN, IggUnit, from_g_per_l, g_per_l

LEVEL_DECIMALS: Final = 9
"""Of a level that was converted: 4.35 g/L is 435 mg/dL, not 434.99999999999994."""


def converted(value: float, unit: IggUnit, wanted: IggUnit) -> float:
    """A level in another unit."""
    return value if unit == wanted else round(from_g_per_l(g_per_l(value, unit), wanted), LEVEL_DECIMALS)


def named(tables: object, word: str = "regimen") -> object:
    """Regimens without a name get one from their place."""
    if not isinstance(tables, list):
        return tables
    return [
        {"name": f"{word} {index}", **table} if isinstance(table, Mapping) else table
        for index, table in enumerate(tables, 1)
    ]


Regimens = Annotated[list[Dosing], BeforeValidator(named)]


def with_levels(raw: dict[str, Any], key: str, unit_of: Callable[[], object]) -> dict[str, Any]:
    """`below` of the rules in the list of regimens under `key`, in this unit, as `below_mg_dl`; a faulty one as it is.

    unit_of: asked where some rule gives `below` only.
    """
    regimens = raw.get(key)
    tables = enumerate(regimens if isinstance(regimens, list) else [])
    rules = [(index, one["rule"]) for index, one in tables if isinstance(one, Mapping) and has_level(one.get("rule"))]
    if not rules:
        return raw
    unit: Any = unit_of()
    moved = [dict(one) if isinstance(one, Mapping) else one for one in raw[key]]
    for index, rule in rules:
        level = rule["below"]
        known = isinstance(level, int | float) and not isinstance(level, bool) and unit in G_PER_L_IN
        rest = {name: value for name, value in rule.items() if name != "below"}
        moved[index]["rule"] = {**rest, "below_mg_dl": converted(float(level), unit, "mg/dL") if known else level}
    return {**raw, key: moved}


def has_level(rule: object) -> bool:
    """Whether a rule gives its level in the file's unit."""
    return isinstance(rule, Mapping) and "below" in rule and "below_mg_dl" not in rule
