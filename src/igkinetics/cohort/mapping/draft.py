"""A draft of cohort.toml for tables with foreign columns: guesses, marked as such, that nobody applies but the user."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pandas as pd

from igkinetics.cohort.mapping.contract import CONTRACT, TABLES, TableName, nearest
from igkinetics.cohort.mapping.headings import SYNONYMS
from igkinetics.cohort.mapping.keys import TableMapping
from igkinetics.cohort.parse.cells import numbers
from igkinetics.cohort.source.raw import RawRows, read_parquet, whole_file
from igkinetics.cohort.source.textfile import read_text
from igkinetics.cohort.source.workbook import WORKBOOK_SUFFIXES, read_sheet, sheet_names
from igkinetics.errors import InputError

ENOUGH_ROWS: Final = 300_000
DELIMITERS: Final = (";", "\t", "|", ",")
IGG_WORDS: Final = re.compile(r"^\s*(igg|immunoglobulin g|immunglobulin g)\b(?!\s*(sub|[1-4]))", re.IGNORECASE)
TOP: Final = """\
# A draft with guesses. Nothing of it is applied. Check every line marked GUESS, choose igg_unit, and save it
# as cohort.toml beside the tables.
# igg_unit = "mg/dL"        # CHOOSE "mg/dL" or "g/L"; never guessed
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A table as it lies in the folder, with the columns guessed for it."""

    table: TableName
    name: str
    settings: TableMapping
    raw: RawRows
    columns: dict[str, Foreign]
    """The foreign name of each column; two for a date and a time of day to join."""


def draft_mapping(path: Path) -> str:
    """The text of a cohort.toml for what lies at `path`; empty when no table was understood as samples."""
    places = sorted(path.iterdir()) if path.is_dir() else [path]
    rows = [one for place in places if place.is_file() for one in _read(place)]
    chosen: dict[TableName, _Found] = {}
    used = set()
    for one in sorted(rows, key=lambda found: -_score(found)):
        place = (one.name, one.settings.sheet)
        if _score(one) > 0 and one.table not in chosen and place not in used:
            chosen[one.table] = one
            used.add(place)
    if "samples" not in chosen:
        return ""
    return TOP + "".join(_section(chosen[name]) for name in TABLES if name in chosen)


def _read(path: Path) -> list[_Found]:
    """Every way in which a file could be a table."""
    suffix = path.suffix.lower()
    settings, read = TableMapping(files=(path.name,)), []
    try:
        if suffix in WORKBOOK_SUFFIXES:
            sheets = sheet_names(path, path.name)
            read += [
                (settings.model_copy(update={"sheet": sheet}), read_sheet(path, path.name, sheet)) for sheet in sheets
            ]
        elif suffix == ".parquet":
            read.append((settings, _first_rows(read_parquet(path, path.name, settings))))
        elif suffix in (".csv", ".txt", ".tsv"):
            settings = _text_settings(path, settings)
            read.append((settings, _first_rows(read_text(path, path.name, settings, "samples"))))
    except InputError:
        return []  # told by the reader itself; nothing can be guessed about it
    return [
        replace(empty, columns=_columns(table, raw))
        for setting, raw in read for table in TABLES
        for empty in [_Found(table=table, name=path.name, settings=setting, raw=raw, columns={})]
    ]  # fmt: skip


def _first_rows(parts: Iterator[RawRows]) -> RawRows:
    """The first parts of a file: enough to guess from."""
    some = [next(parts)]
    for part in parts:
        some.append(part)
        if sum(len(one.cells) for one in some) >= ENOUGH_ROWS:
            break
    return whole_file(some)


def _text_settings(path: Path, settings: TableMapping) -> TableMapping:
    """Encoding, delimiter and decimal mark by the look of the first lines."""
    with path.open("rb") as stream:
        start = stream.read(65536)
    encoding = "utf-8"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif b"\xef\xbb\xbf" not in start[:3]:
        try:
            start[: start.rfind(b"\n") + 1].decode("utf-8")
        except UnicodeDecodeError:
            encoding = "cp1252"
    lines = start.decode(encoding, "replace").splitlines() or [""]
    delimiter = max(DELIMITERS, key=lines[0].count)
    comma = delimiter != "," and any(re.search(r"(^|[;\t|<>])\s*\d+,\d+\s*($|[;\t|])", line) for line in lines[1:50])
    return settings.model_copy(
        update={"encoding": encoding, "delimiter": delimiter, "decimal": "," if comma else "."}
    )


def _columns(table: TableName, raw: RawRows) -> dict[str, Foreign]:
    """Contract name -> foreign name: the same name, else a usual one, else the nearest."""
    present = list(raw.cells.columns)
    by_lower = {name.strip().lower().replace(" ", "_"): name for name in reversed(present)}
    found: dict[str, str] = {}
    for name in sorted(CONTRACT[table].names, key=lambda one: one not in by_lower):
        usual = (name, *SYNONYMS.get(name, ()))
        match = next((by_lower[one] for one in usual if one in by_lower), None)
        if match is None and any(name in group for group in CONTRACT[table].required):
            match = nearest(name, [one for one in present if one not in found.values()])
        if match is not None and match not in found.values():
            found[name] = match
    return _one_time(raw, found)


def _one_time(raw: RawRows, found: dict[str, str]) -> dict[str, Foreign]:
    """Either day or datetime, by what the cells look like; a date and the column of its time of day together."""
    column = found.get("datetime", found.get("day"))
    if column is None:
        return dict(found)
    rest = {name: foreign for name, foreign in found.items() if name not in ("day", "datetime")}
    filled = raw.cells[column][raw.cells[column].str.strip() != ""]
    if bool((~numbers(filled)[1]).all()) and (len(filled) or column != "datetime"):
        return {**rest, "day": column}
    others = [name for name in raw.cells.columns if name not in found.values()]
    clocks = [name for name in others if is_clock(raw, name)]
    has_clock = bool(filled.str.contains(":", regex=False).any())
    return {**rest, "datetime": column if has_clock or not clocks else (column, clocks[0])}


def _score(found: _Found) -> float:
    """0 unless every required column has a match; a table under its own name wins.

    Samples may lack the column of patients, which is then left to choose.
    """
    groups = CONTRACT[found.table].required
    if found.table == "samples" and "patient_id" not in found.columns:
        return 0.5 * bool({"igg"} < found.columns.keys())
    if not all(any(name in found.columns for name in group) for group in groups):
        return 0.0
    names = (found.settings.sheet or "", Path(found.name).stem)
    own = sum(name == foreign for name, foreign in found.columns.items())
    return len(groups) + own / 100 + 10 * (found.table in [name.lower() for name in names])


def _section(found: _Found) -> str:
    settings, raw = found.settings, found.raw
    lines = [f"\n[{found.table}]", f"files = [{json.dumps(found.name, ensure_ascii=False)}]"]
    if settings.sheet:
        lines.append(f"sheet = {json.dumps(settings.sheet, ensure_ascii=False)}")
    for key, usual in (("delimiter", ","), ("decimal", "."), ("encoding", "utf-8")):
        if (value := getattr(settings, key)) != usual:
            lines.append(f"{key} = {json.dumps(value)}    # GUESS")
    for name in ("datetime", "start"):
        if name in found.columns:
            lines += date_format(raw, found.columns[name])
    lines.append(f"[{found.table}.columns]")
    if "patient_id" not in found.columns:
        lines.append('# patient_id = "..."    # CHOOSE the column that says whose the row is')
    for name, foreign in found.columns.items():
        mark = "" if name == foreign else "    # GUESS"
        lines.append(f"{name} = {json.dumps(foreign, ensure_ascii=False)}{mark}")
    taken = {one for foreign in found.columns.values() for one in ((foreign,) if isinstance(foreign, str) else foreign)}
    unused = [name for name in raw.cells.columns if name not in taken]
    if unused:
        lines.append(f"# not used: {', '.join(json.dumps(name, ensure_ascii=False) for name in unused)}")
    if found.table == "samples":
        lines += _keep(raw.cells[unused])
    return "\n".join(lines) + "\n"


def _keep(cells: pd.DataFrame) -> list[str]:
    """A rule when one column tells several analytes, and one of them is IgG."""
    for name in cells.columns:
        words = cells[name].str.strip().unique()
        igg = [word for word in words if IGG_WORDS.match(str(word))]
        if igg and len(words) > len(igg):
            column, values = json.dumps(name, ensure_ascii=False), json.dumps(igg, ensure_ascii=False)
            return ["[[samples.keep]]    # GUESS", f"column = {column}", f"one_of = {values}"]
    return []


Foreign = str | tuple[str, str]
"""A foreign column, or a date and a time of day to join."""
DATES: Final = {
    r"\d{1,2}\.\d{1,2}\.\d{4}": ("%d.%m.%Y",),
    r"\d{1,2}/\d{1,2}/\d{4}": ("%d/%m/%Y", "%m/%d/%Y"),
    r"\d{1,2}-\d{1,2}-\d{4}": ("%d-%m-%Y", "%m-%d-%Y"),
}


def is_clock(raw: RawRows, name: str) -> bool:
    """Whether the cells of a column are times of day, as far as they are filled."""
    filled = raw.cells[name].str.strip()
    filled = filled[filled != ""]
    return bool(len(filled)) and bool(filled.str.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?").all())


def date_format(raw: RawRows, column: Foreign) -> list[str]:
    """datetime_format, where all dates are of one form; with a column of times, which may be empty, two of them."""
    if isinstance(column, str):
        return _format_of(raw.cells[column])
    clock = " %H:%M:%S" if bool(raw.cells[column[1]].str.count(":").max() == 2) else " %H:%M"
    return [re.sub(r'= "([^"]*)"', rf'= ["\1{clock}", "\1"]', line) for line in _format_of(raw.cells[column[0]])]


def _format_of(cells: pd.Series[str]) -> list[str]:
    filled = cells[cells.str.strip() != ""].str.strip()
    for pattern, formats in DATES.items():
        if len(filled) and bool(filled.str.match(pattern).all()):
            clock = " %H:%M" if bool(filled.str.contains(":", regex=False).all()) else ""
            readable = [
                one for one in formats if pd.to_datetime(filled, format=one + clock, errors="coerce").notna().all()
            ]
            shown = f'datetime_format = "{(readable or formats)[0]}{clock}"'
            if len(readable) > 1:
                return [f"# {shown}    # CHOOSE: day and month could be either"]
            return [f"{shown}    # GUESS"]
    return []
