"""How foreign tables lie in their files: encoding, delimiter, decimal mark, lines above the header, first rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from igkinetics.cohort.mapping.headings import HEADER_ROWS_LOOKED_AT, header_place, known_headings
from igkinetics.cohort.mapping.keys import TableMapping
from igkinetics.cohort.source.raw import RawRows, read_parquet, whole_file
from igkinetics.cohort.source.textfile import SEPARATOR_LINE, read_text
from igkinetics.cohort.source.workbook import WORKBOOK_SUFFIXES, read_sheet, sheet_cells, sheet_names
from igkinetics.errors import InputError

ENOUGH_ROWS: Final = 300_000
START_BYTES: Final = 65536
DELIMITERS: Final = (",", ";", "\t", "|")
TEXT_SUFFIXES: Final = (".csv", ".txt", ".tsv", ".dat", ".tab")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One table as it lies in the folder, with the keys that are needed to read it."""

    name: str
    settings: TableMapping
    raw: RawRows
    others: tuple[str, ...] = ()
    """Further files with the same headings, whose rows are in `raw` too."""

    @property
    def title(self) -> str:
        """What the file and the sheet are called."""
        return f"{Path(self.name).stem} {self.settings.sheet or ''}".strip()


def places_in(path: Path) -> tuple[list[Place], dict[str, str]]:
    """(the tables of a file or of the files in a folder, file -> why nothing of it can be read)."""
    places, unread = [], {}
    for one in sorted(path.iterdir()) if path.is_dir() else [path]:
        if one.is_file() and not one.name.startswith(("~$", ".")):
            try:
                places += _places_of(one)
            except InputError as fault:
                unread[one.name] = str(fault.problems[0])
    return places, unread


def _places_of(path: Path) -> list[Place]:
    suffix, settings = path.suffix.lower(), TableMapping(files=(path.name,))
    if suffix in WORKBOOK_SUFFIXES:
        return [index for sheet in sheet_names(path, path.name) for index in _sheet(path, sheet, settings)]
    if suffix == ".parquet":
        return [Place(name=path.name, settings=settings, raw=_first_rows(read_parquet(path, path.name, settings)))]
    if suffix in TEXT_SUFFIXES:
        settings = text_settings(path, settings)
        raw = _first_rows(read_text(path, path.name, settings, "samples"))
        return [Place(name=path.name, settings=settings, raw=raw)]
    return []


def _sheet(path: Path, sheet: str, settings: TableMapping) -> list[Place]:
    rows = sheet_cells(path, path.name, sheet)
    filled = [index for index, row in enumerate(rows) if any(map(str.strip, row))]
    if not filled:
        return []
    header = header_place([rows[index] for index in filled[:HEADER_ROWS_LOOKED_AT]])
    update = {"sheet": sheet, "skip_lines": filled[header] if header else 0}
    settings = settings.model_copy(update=update)
    return [Place(name=path.name, settings=settings, raw=read_sheet(path, path.name, sheet, settings, "samples"))]


def _first_rows(parts: Iterator[RawRows]) -> RawRows:
    """The first parts of a file: enough to guess from."""
    some = [next(parts)]
    for part in parts:
        some.append(part)
        if sum(len(one.cells) for one in some) >= ENOUGH_ROWS:
            break
    return whole_file(some)


def text_settings(path: Path, settings: TableMapping) -> TableMapping:
    """Encoding, delimiter, decimal mark and lines above the header by the look of the first lines."""
    with path.open("rb") as stream:
        start = stream.read(START_BYTES)
    encoding = "utf-8"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif not start.startswith(b"\xef\xbb\xbf"):
        try:
            start[: start.rfind(b"\n") + 1].decode("utf-8")
        except UnicodeDecodeError:
            encoding = "cp1252"
    lines = start.decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace").splitlines() or [""]
    told = SEPARATOR_LINE.fullmatch(lines[0])
    if told is not None:
        delimiter, skip = told[1], 0
        lines = lines[1:] or [""]
    else:
        delimiter, skip = _header_of(lines)
    below = lines[skip + 1 : skip + 50]
    comma = delimiter != "," and any(re.search(r"(^|[;\t|<>])\s*\d+,\d+\s*($|[;\t|])", line) for line in below)
    update = {"encoding": encoding, "delimiter": delimiter, "decimal": "," if comma else ".", "skip_lines": skip}
    return settings.model_copy(update=update)


def _header_of(lines: list[str]) -> tuple[str, int]:
    """(delimiter, lines above the header): where most headings are known, else the first line's commonest mark."""
    best = (0, 0, max(DELIMITERS, key=lines[0].count), 0)
    for delimiter in DELIMITERS:
        rows = list(_rows(lines[:HEADER_ROWS_LOOKED_AT], delimiter))
        index = header_place(rows)
        score = (known_headings(rows[index]), -index, delimiter, index)
        if score[0] >= 2 and score[:2] > best[:2]:
            best = score
    return best[2], best[3]


def _rows(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    """Each line as a row of its own, so that places are physical lines."""
    for line in lines:
        try:
            yield next(csv.reader([line], delimiter=delimiter), [])
        except csv.Error:
            yield []
