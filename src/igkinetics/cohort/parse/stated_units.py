"""Headings that state a unit, mapped to a column that is read in another one: `Dose (mg)` as amount_g is 1000-fold off.

The mapping says what a column means, its heading says in which unit: where they disagree, one of them is wrong. A
heading of levels that says another analyte (IgG1, IgA) is refused likewise.
"""

from __future__ import annotations

import re
from typing import Final

from igkinetics.cohort.mapping.contract import COLUMN_UNITS, TableName
from igkinetics.cohort.mapping.headings import plain, read_heading, words_of
from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.parse.columns import MappedRows
from igkinetics.cohort.parse.sample_words import names_another_analyte, other_than_igg
from igkinetics.errors import Problem
from igkinetics.units import canonical_unit

USUAL: Final = {
    "amount_g": "g",
    "amount_g_per_kg": "g/kg",
    "duration_h": "h",
    "weight_kg": "kg",
    **dict.fromkeys(("day", "end", "start", "stop"), "day"),
}
"""The unit of a column where the mapping states none."""
FIXED: Final = {"height_cm": "cm", "age_y": "year"}
"""Columns whose unit cannot be stated."""
TIME_WORDS: Final[dict[str, frozenset[str]]] = {
    "week": frozenset({"wk", "wks", "week", "weeks", "woche", "wochen", "semaine", "semaines", "semana", "settimana"}),
    "month": frozenset({"month", "months", "mo", "monat", "monate", "mois", "mes", "meses", "mese", "mesi"}),
    "h": frozenset({"h", "hr", "hrs", "hour", "hours", "stunde", "stunden", "heures", "horas", "ore"}),
    "min": frozenset({"min", "mins", "minute", "minutes", "minuten"}),
    "day": frozenset({"day", "days", "tag", "tage", "jour", "jours", "dia", "dias", "giorno", "giorni"}),
    "year": frozenset({"y", "yr", "yrs", "year", "years", "jahr", "jahre", "ans", "anos", "anni"}),
}
LENGTH_WORDS: Final[dict[str, frozenset[str]]] = {
    "cm": frozenset({"cm"}),
    "m": frozenset({"m", "metre", "metres", "meter", "meters"}),
    "inch": frozenset({"in", "inch", "inches", "zoll"}),
    "ft": frozenset({"ft", "feet", "foot"}),
}
AMOUNTS: Final = ("amount", "amount_g")
VIAL_WORDS: Final = frozenset(
    {"vial", "vials", "bottle", "bottles", "flasche", "flaschen", "flacon", "flacons", "viales", "fiale", "flaconi"}
    | {"ampoules", "ampullen", "packs", "injectieflacons"}
)
SIZE_WORDS: Final = frozenset({"per", "pro", "par", "por", "size", "total", "content", "strength"})
NO_CONCENTRATION: Final = re.compile(
    r"\b[mk]?(?:iu|ie|ui|u) ?/ ?m?d?l\b|%|\bpercent|\bprozent|\bpourcent|[un]?mol ?/ ?l|\bz-?score|\bratio\b|"
    r"\btit(?:er|re)\b|"
    r"\blog(?:10|e)?\b|\bln\b|\bchange\b|\bdelta\b"
)
PLURAL: Final = {"day": "days", "week": "weeks", "month": "months", "year": "years", "inch": "inches", "m": "metres"}


def headings_against_units(mapped: MappedRows, table: TableName, mapping: Mapping) -> list[Problem]:
    """An error for each column of these rows whose heading states another unit than the one it is read in."""
    problems = []
    stated = mapping.table(table).units
    for name, heading in mapped.headings.items():
        assumed = _read_in(name, table, mapped, mapping)
        unit = _of_heading(name, heading)
        another = name == "igg" and heading != name and heading not in mapping.table(table).ignore
        if another and names_another_analyte(heading):
            told = other_than_igg(heading, table)
            problems.append(Problem(file=mapped.raw.file, column=name, found=heading, expected=told))
            continue
        if heading != name and name not in stated and (said := _counts_something_else(name, heading)):
            expected = f"{said}; if the heading is wrong, write {_key(name, table, _plain_unit(name, mapping))}"
            problems.append(Problem(file=mapped.raw.file, column=name, found=heading, expected=expected))
            continue
        if heading == name or name in stated or not assumed or unit in ("", assumed):
            continue
        problems.append(
            Problem(file=mapped.raw.file, column=name, found=heading, expected=_expected(name, table, assumed, unit))
        )
    return problems


def _counts_something_else(name: str, heading: str) -> str:
    """What a heading says of a column that is in no unit of its kind: vials, units of activity, parts of something."""
    if name in AMOUNTS and VIAL_WORDS & set(words_of(heading)) and not SIZE_WORDS & set(words_of(heading)):
        return f"{name} is read as an amount, and this heading counts vials: multiply them by their size"
    if name == "igg" and NO_CONCENTRATION.search(plain(heading)):
        return "igg is read as a concentration by mass, and this heading says another measure"
    return ""


def _plain_unit(name: str, mapping: Mapping) -> str:
    return str(mapping.igg_unit or "mg/dL") if name == "igg" else USUAL.get(name, "g")


def _read_in(name: str, table: TableName, mapped: MappedRows, mapping: Mapping) -> str:
    """The unit in which every cell of a column is read; "" where cells or rows say it, or there is none."""
    if name == "igg":
        return "" if "unit" in mapped.text.columns or mapping.igg_unit is None else str(mapping.igg_unit)
    if name == "weight_kg" and "weight_unit" in mapped.text.columns:
        return ""
    return USUAL.get(name, FIXED.get(name, ""))


def _of_heading(name: str, heading: str) -> str:
    """The unit that a heading states; "" for none that a column of this kind could be in."""
    if name in FIXED or USUAL.get(name) == "day":
        kinds = LENGTH_WORDS if name == "height_cm" else TIME_WORDS
        words = words_of(heading)
        units = {unit for unit, spellings in kinds.items() if spellings & set(words)}
        if name == "age_y":
            units -= {"day"} if "year" in units else set()
        return units.pop() if len(units) == 1 else ""
    unit = canonical_unit(read_heading(heading).unit)
    return unit if unit in COLUMN_UNITS.get(name, {}) or (name == "amount_g" and "/kg" in unit) else ""


def _expected(name: str, table: TableName, assumed: str, unit: str) -> str:
    words = f"{name} is read in {PLURAL.get(assumed, assumed)}, and this heading says {PLURAL.get(unit, unit)}"
    if unit not in COLUMN_UNITS.get(name, {}):
        right = f"; {PLURAL.get(assumed, assumed)} are needed" if name != "amount_g" else "; write amount_g_per_kg"
        return words + right + ("" if name in FIXED else f" (or {_key(name, table, assumed)}, if the heading is wrong)")
    return f'{words}: write {_key(name, table, unit)}, or {name} = "{assumed}" if the heading is wrong'


def _key(name: str, table: TableName, unit: str) -> str:
    return f'{name} = "{unit}" under [{table}.units] in cohort.toml'
