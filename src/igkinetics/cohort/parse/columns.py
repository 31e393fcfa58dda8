"""From foreign columns to the contract: rename, join, filter, fill constants, translate values."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.contract import CONTRACT, TableContract, TableName, suggestion
from igkinetics.cohort.mapping.headings import NOT_TOTAL_IGG, likeliest
from igkinetics.cohort.mapping.keys import Keep, Scalar, TableMapping, TherapyMapping
from igkinetics.cohort.mapping.visits import visit_columns, wide_key
from igkinetics.cohort.parse.cells import numbers
from igkinetics.cohort.parse.findings import Mask, Table
from igkinetics.cohort.source.raw import Lines, RawRows
from igkinetics.errors import Problem


def holds(rule: Keep, cells: pd.Series[str], missing: tuple[str, ...]) -> Mask:
    """For each cell of the rule's column, whether the rule holds. Equal cells are looked at once."""
    code, distinct = pd.factorize(cells.str.strip())
    test = _test(rule, frozenset(missing))
    verdict = np.fromiter((test(str(cell)) for cell in distinct), dtype=bool, count=len(distinct))
    return verdict[code]


def _test(rule: Keep, missing: frozenset[str]) -> Callable[[str], bool]:
    """The rule as a test of one cell."""
    operand = getattr(rule, rule.operator)
    if rule.operator in ("at_least", "at_most"):
        sign = 1.0 if rule.operator == "at_least" else -1.0
        return lambda cell: (number := _number(cell)) is not None and sign * number >= sign * operand
    if rule.operator == "contains":
        return lambda cell: operand in cell
    if rule.operator == "matches":
        pattern = re.compile(operand)
        return lambda cell: pattern.search(cell) is not None
    if rule.operator == "empty":
        return lambda cell: (cell in missing) is operand
    wanted = (operand,) if rule.operator == "equals" else operand
    included = rule.operator != "none_of"
    return lambda cell: any(_equals(cell, value) for value in wanted) is included


def _equals(cell: str, value: Scalar) -> bool:
    """Text is compared as text, a number as a number (50950 equals "50950.0"), true and false as words."""
    if isinstance(value, bool):
        return cell.lower() == str(value).lower()
    if isinstance(value, str):
        return cell == value
    return _number(cell) == value


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


WORDS_SHOWN = 5
TIME_NAMES = frozenset({"day", "datetime"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedRows:
    """One file under contract names."""

    raw: RawRows
    text: pd.DataFrame
    written: dict[str, pd.Series[str]]
    kept: Mask
    empty: Mask
    row_problems: tuple[Problem, ...]
    """Rows that are set aside before their cells are looked at, but for the empty ones."""
    column_problems: tuple[Problem, ...]
    """Columns that are absent or not clear: nothing can be read then."""
    empty_lines: Lines
    """Of all rows without any text."""
    used: frozenset[str] | None = None
    """The foreign columns that have a meaning; None where nobody asks for the others."""
    headings: dict[str, str] = field(default_factory=dict)
    """Column -> the one foreign column that it comes from."""
    words_met: dict[str, frozenset[str]] = field(default_factory=dict)
    """Column -> the words of its translation that some cell has."""
    n_kept: tuple[int, ...] = ()
    """For each keep rule the rows for which it holds."""
    words_beside: tuple[tuple[str, ...], ...] = ()
    """For each keep rule that holds for no row some of the cells of its column."""


def map_columns(raw: RawRows, table: TableName, settings: TableMapping) -> MappedRows:
    """Rename and filter the rows of one file. A missing column is a problem, and the column stays away."""
    contract = CONTRACT[table]
    problems: list[Problem] = []
    sources = _sources(raw, table, contract, settings, problems)
    kept, n_kept, words_beside = _kept(raw, settings, problems)
    written = {name: _joined(raw.cells, source, settings.missing) for name, source in sources.items()}
    columns = {name: _without_missing(cells, settings.missing) for name, cells in written.items()}
    if "patient_id" in columns:
        columns["patient_id"] = columns["patient_id"].str.strip()
    empty = _empty_rows(raw.cells, columns.get("patient_id"))
    for name, value in settings.constants.items():
        columns[name] = pd.Series(_constant(value), index=raw.cells.index, dtype=str)
    problems += _constants_against(raw, settings)
    words_met: dict[str, frozenset[str]] = {}
    for name, translation in settings.values.items():
        if name in columns:
            words = {foreign: _constant(word) for foreign, word in translation.items()}
            cells = columns[name].str.strip()
            known = cells.isin(list(words))
            words_met[name] = frozenset(str(word) for word in cells[known].unique())
            columns[name] = columns[name].where(~known, cells.map(words))
    problems += _missing_columns(raw, table, contract, settings, columns)
    text = pd.DataFrame(columns, index=raw.cells.index)
    empty &= kept
    return MappedRows(
        raw=raw,
        text=text,
        written={name: cells for name, cells in written.items() if columns[name] is not cells},
        kept=kept,
        empty=empty,
        column_problems=tuple(problems),
        row_problems=raw.problems,
        empty_lines=np.sort(np.concatenate([raw.empty, raw.line[empty]])),
        used=frozenset(
            [foreign for wanted in sources.values() for foreign in wanted] + [rule.column for rule in settings.keep]
        ),
        headings={name: wanted[0] for name, wanted in sources.items() if len(wanted) == 1},
        words_met=words_met,
        n_kept=n_kept,
        words_beside=words_beside,
    )


def _kept(
    raw: RawRows, settings: TableMapping, problems: list[Problem]
) -> tuple[Mask, tuple[int, ...], tuple[tuple[str, ...], ...]]:
    """(rows for which every rule holds, how many each rule holds for, cells that a rule without any row has seen)."""
    kept = np.ones(len(raw.cells), dtype=bool)
    n_kept: list[int] = []
    words_beside: list[tuple[str, ...]] = []
    for rule in settings.keep:
        if rule.column not in raw.cells.columns:
            expected = f"keep needs this column; {suggestion(rule.column, raw.cells.columns)}"
            problems.append(Problem(file=raw.file, column="keep", found=rule.column, expected=expected))
            n_kept.append(0)
            words_beside.append(())
            continue
        fulfilled = holds(rule, raw.cells[rule.column], settings.missing)
        kept &= fulfilled
        n_kept.append(int(fulfilled.sum()))
        beside = () if fulfilled.any() else tuple(map(str, raw.cells[rule.column].unique()[:WORDS_SHOWN]))
        words_beside.append(beside)
    return kept, tuple(n_kept), tuple(words_beside)


def _constants_against(raw: RawRows, settings: TableMapping) -> list[Problem]:
    """A problem for each constant beside a column of that name that says something else."""
    problems = []
    for name, value in settings.constants.items():
        if name not in raw.cells.columns or name in settings.ignore:
            continue
        cells = _without_missing(raw.cells[name], settings.missing).str.strip()
        other = np.flatnonzero((cells != "") & (cells != _constant(value)))
        if other.size:
            expected = f'constants says {name} = "{_constant(value)}"; take it out, or write ignore = ["{name}"]'
            problems.append(
                Problem(
                    file=raw.file,
                    line=int(raw.line[other[0]]),
                    column=name,
                    found=str(cells.iloc[other[0]]),
                    expected=expected,
                )
            )
    return problems


def stack(table: TableName, settings: TableMapping, files: list[MappedRows]) -> Table:
    """The files of one table on top of each other, without filtered and empty rows."""
    used = [file.kept & ~file.empty for file in files]
    names = list(dict.fromkeys(name for file in files for name in file.text.columns))
    frames = [file.text[mask] for file, mask in zip(files, used, strict=True)]
    text = pd.concat(frames, ignore_index=True).reindex(columns=names).fillna("")
    in_all = [name for name in names if all(name in file.text.columns for file in files)]
    written = {
        name: pd.concat(
            [file.written.get(name, file.text[name])[mask] for file, mask in zip(files, used, strict=True)],
            ignore_index=True,
        )
        for name in in_all
        if any(name in file.written for file in files)
    }
    return Table(
        name=table,
        text=text,
        written=written,
        files=tuple(file.raw.file for file in files),
        file_code=np.repeat(np.arange(len(files)), [int(mask.sum()) for mask in used]),
        line=np.concatenate([file.raw.line[mask] for file, mask in zip(files, used, strict=True)]),
        n_read=tuple(len(file.text) + file.raw.n_unread for file in files),
        n_filtered=tuple(int((~file.kept).sum()) for file in files),
        n_unread=tuple(file.raw.n_unread + int(file.empty.sum()) for file in files),
        settings=settings,
    )


def _sources(
    raw: RawRows, table: TableName, contract: TableContract, settings: TableMapping, problems: list[Problem]
) -> dict[str, tuple[str, ...]]:
    """For each contract name (and each further column of an open table) the foreign columns it comes from."""
    present = tuple(raw.cells.columns)
    sources: dict[str, tuple[str, ...]] = {}
    for name, source in settings.columns.items():
        wanted = (source,) if isinstance(source, str) else source
        absent = [foreign for foreign in wanted if foreign not in present]
        problems += [
            Problem(
                file=raw.file,
                column=name,
                found=foreign,
                expected=f"no such column; {suggestion(foreign, present)}",
            )
            for foreign in absent
        ]
        if not absent:
            sources[name] = wanted
    mapped = {foreign for wanted in sources.values() for foreign in wanted}
    for name in present:
        own = name not in settings.ignore and (name in contract.names or (contract.open and name))
        if own and name not in settings.columns and name not in mapped and not _other_time(name, settings):
            sources[name] = (name,)
    for foreign in sorted({foreign for wanted in sources.values() for foreign in wanted} & raw.repeated_names):
        problems.append(
            Problem(file=raw.file, column=foreign, found=foreign, expected="a column name that occurs once")
        )
    if sources.keys() >= TIME_NAMES:
        problems.append(
            Problem(
                file=raw.file,
                column="day",
                found="day, datetime",
                expected=f'one of the two; choose it under [{table}.columns], e.g. datetime = "datetime"',
            )
        )
    return sources


def _other_time(name: str, settings: TableMapping) -> bool:
    """Whether the mapping has chosen the other one of day and datetime."""
    return name in TIME_NAMES and bool((TIME_NAMES - {name}) & (settings.columns.keys() | settings.constants.keys()))


def _joined(cells: pd.DataFrame, source: tuple[str, ...], missing: tuple[str, ...]) -> pd.Series[str]:
    """The cells of one column, or of two (without words for "missing") with a blank between them."""
    if len(source) == 1:
        return cells[source[0]]
    first, second = (_without_missing(cells[foreign], missing).str.strip() for foreign in source)
    return first.str.cat(second, sep=" ").str.strip()


def _without_missing(cells: pd.Series[str], missing: tuple[str, ...]) -> pd.Series[str]:
    """Words for "missing" become ""; without such words these very cells."""
    absent = cells.str.strip().isin([word for word in missing if word])
    return cells.where(~absent, "") if bool(absent.any()) else cells


def _constant(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _empty_rows(cells: pd.DataFrame, patients: pd.Series[str] | None) -> Mask:
    """Rows without any text, such as those below the last one of a spreadsheet."""
    empty = np.zeros(len(cells), dtype=bool)
    if patients is not None:
        candidates = np.flatnonzero(patients == "")
        blank = cells.iloc[candidates].apply(lambda column: column.str.strip() == "").all(axis=1)
        empty[candidates] = blank.to_numpy(dtype=bool)
    return empty


def _column_hint(raw: RawRows, table: TableName, group: tuple[str, ...], present: list[str]) -> str:
    """What to write for a column that is not there: by the heading that probably means it, else in general."""
    visits = visit_columns(present) if table == "samples" and group[0] in ("igg", "day") else []
    if visits:
        shown = ", ".join(visit.heading for visit in visits[:3]) + (", ..." if len(visits) > 3 else "")
        key = (
            f"write under [samples]: {wide_key(visits, present)}" if group[0] == "igg" else "wide says the day of each"
        )
        return f"several columns look like IgG ({shown}): one row per sample is needed; {key}"
    headings = {name: heading for name in group if (heading := likeliest(table, name, present)) is not None}
    if "datetime" in headings and not numbers(raw.cells[headings["datetime"]])[1].any():
        headings["day"] = headings.pop("datetime")
    for name, heading in headings.items():
        return f'if it is {heading!r}, write {name} = "{heading}" under [{table}.columns]'
    part = next((one for one in present if "igg" in one.lower() and NOT_TOTAL_IGG.search(one)), None)
    not_total = f"; {part!r} is not total IgG in serum" if part and "igg" in group else ""
    return f"name the foreign column under [{table}.columns]{not_total}"


def _missing_columns(
    raw: RawRows,
    table: TableName,
    contract: TableContract,
    settings: TableMapping,
    columns: dict[str, pd.Series[str]],
) -> list[Problem]:
    problems = []
    for group in contract.required:
        if group == ("stop",) and isinstance(settings, TherapyMapping) and settings.lasts_day is not None:
            continue
        if any(name in columns or name in settings.columns for name in group):
            continue
        free = [name for name in raw.cells.columns if name not in columns or name not in contract.names]
        hint = _column_hint(raw, table, group, free)
        problems.append(
            Problem(
                file=raw.file,
                line=None,
                column=" or ".join(group),
                found=", ".join(raw.cells.columns),
                expected=f"a column {' or '.join(group)} is needed; {hint}",
            )
        )
    return problems
