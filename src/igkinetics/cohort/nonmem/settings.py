"""What a cohort.toml says of an event file: the units that no event file holds, and entries that match nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pandas as pd

from igkinetics.cohort.mapping.contract import TableName, suggestion
from igkinetics.cohort.mapping.keys import Mapping, Scalar
from igkinetics.cohort.parse.columns import holds
from igkinetics.cohort.parse.findings import Mask
from igkinetics.cohort.source.raw import RawRows
from igkinetics.errors import InputError, Problem

COLUMNS: Final[dict[TableName, tuple[str, ...]]] = {
    "samples": ("patient_id", "day", "datetime", "igg", "lower_limit"),
    "doses": ("patient_id", "day", "datetime", "amount", "duration", "lag", "route", "product"),
}
"""Contract names that may be mapped to columns of an event file."""
CONSTANTS: Final[dict[TableName, tuple[str, ...]]] = {"samples": (), "doses": ("route", "product")}
VALUES: Final[dict[TableName, tuple[str, ...]]] = {"samples": ("patient_id",), "doses": ("route", "product")}
SAME_AS_SAMPLES: Final = ("patient_id", "day", "datetime")


def check_settings(mapping: Mapping) -> None:
    """InputError unless the units that no event file holds are stated, and stated there only."""
    units = (("igg_unit", "mg/dL"), ("amount_unit", "g"), ("time_unit", "day"))
    problems = [
        Problem(
            file="call",
            column=key,
            found="nothing",
            expected=f'needed with format = "nonmem": {key} = "{example}" in cohort.toml',
        )
        for key, example in units
        if getattr(mapping, key) is None
    ]
    problems += [
        Problem(
            file="cohort.toml",
            column=f"{table}.units.{name}",
            found=unit,
            expected="units of an event file are stated as igg_unit, amount_unit and time_unit",
        )
        for table in COLUMNS
        for name, unit in mapping.table(table).units.items()
    ]
    if problems:
        raise InputError(problems)


def with_units(mapping: Mapping) -> Mapping:
    """The mapping with the units of an event file where the tables look for them."""
    time, amount = mapping.time_unit or "day", mapping.amount_unit or "g"
    samples = mapping.samples.model_copy(update={"units": {**mapping.samples.units, "day": time}})
    units = {**mapping.doses.units, "day": time, "amount": amount, "duration": time}
    return mapping.model_copy(update={"samples": samples, "doses": mapping.doses.model_copy(update={"units": units})})


def unmatched(raw: RawRows, mapping: Mapping) -> list[Problem]:
    """Entries for samples and doses that say something about columns or words which this file does not have."""
    return [problem for table in COLUMNS for problem in _unmatched(raw, mapping, table)]


def _unmatched(raw: RawRows, mapping: Mapping, table: TableName) -> Iterator[Problem]:
    settings, present = mapping.table(table), list(raw.cells.columns)
    for part, entries, known in (
        ("columns", settings.columns, COLUMNS[table]),
        ("constants", settings.constants, CONSTANTS[table]),
        ("values", settings.values, VALUES[table]),
    ):
        for name, said in entries.items():
            if name not in known:
                hint = f"; {suggestion(name, known)}" if known else ""
                use = f"an event file has no use for it{hint}"
                yield Problem(file="cohort.toml", column=f"{table}.{part}.{name}", found=str(said), expected=use)
    for name, source in settings.columns.items():
        for foreign in (source,) if isinstance(source, str) else source:
            if foreign not in present:
                yield Problem(
                    file=raw.file,
                    column=f"{table}.columns.{name}",
                    found=foreign,
                    expected=f"no such column; {suggestion(foreign, present)}",
                )
        if table == "doses" and name in SAME_AS_SAMPLES and mapping.samples.columns.get(name) != source:
            expected = "samples and doses share the rows of an event file: the same under [samples.columns]"
            yield Problem(file="cohort.toml", column=f"doses.columns.{name}", found=str(source), expected=expected)
    for name, words in settings.values.items():
        if name in VALUES[table] and name not in settings.columns and name != "patient_id":
            yield Problem(
                file="cohort.toml",
                column=f"{table}.values.{name}",
                found=", ".join(map(str, words)),
                expected=f"{name} needs a column: {name} under [{table}.columns]",
            )
    for rule in settings.keep:
        if rule.column not in present:
            expected = f"keep needs this column; {suggestion(rule.column, present)}"
            yield Problem(file=raw.file, column=f"{table}.keep", found=rule.column, expected=expected)
    for name in settings.ignore:
        if name not in present:
            expected = f"matches nothing: no such column; {suggestion(name, present)}"
            yield Problem(file=raw.file, column=f"{table}.ignore", found=name, expected=expected)


def translated(cells: pd.Series[str], words: dict[str, Scalar]) -> tuple[pd.Series[str], Mask]:
    """(cells in the words of the contract, which of them were translated); numbers are equal as numbers: 2 and 2.0."""
    known = {_as_number(foreign): str(word) for foreign, word in words.items()}
    text = cells.str.strip()
    meanings = pd.Series({cell: known.get(_as_number(cell)) for cell in text.unique()}, dtype=object)
    new = text.map(meanings)
    changed: Mask = new.notna().to_numpy(dtype=bool)
    return text.where(~changed, new).astype(str), changed


def _as_number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def useless_rules(
    raw: RawRows, columns: dict[str, str], mapping: Mapping, table: TableName, rows: Mask
) -> list[Problem]:
    """Rules that hold for none of the rows that are samples or doses, and words that no cell of their column has."""
    settings = mapping.table(table)
    if not rows.any():
        return []
    problems = []
    for rule in settings.keep:
        if rule.column in raw.cells.columns:
            cells = raw.cells[rule.column][rows]
            if not holds(rule, cells, settings.missing).any():
                shown = ", ".join(str(one) for one in cells.str.strip().unique()[:8])
                said = f"{rule.operator} = {getattr(rule, rule.operator)!r}"
                expected = f"[[{table}.keep]] {said} leaves no row of {table}"
                problems.append(Problem(file=raw.file, column=rule.column, found=shown, expected=expected))
    for name, words in settings.values.items():
        source = settings.columns.get(name, columns.get("ID") if name == "patient_id" else None)
        if isinstance(source, str) and source in raw.cells.columns and name in VALUES[table]:
            present = raw.cells[source].str.strip().unique()  # also of rows that are no doses: observations have a CMT
            known = {_as_number(str(cell)) for cell in present}
            absent = [word for word in words if _as_number(word) not in known]
            if absent:
                shown = ", ".join(map(str, present[:8]))
                expected = f"[{table}.values.{name}] matches nothing: no cell reads {', '.join(absent[:8])}"
                problems.append(Problem(file=raw.file, column=source, found=shown, expected=expected))
    return problems
