"""What a sheet shows beside the values of its cells: hidden rows, crossed-out cells, comments, formats, means.

The reader of the values knows nothing of these; people who excluded a value by a filter, a strike or a note do. The
parts of the workbook are searched as text: one pass over the sheet each, and a look at single cells only where a style
of theirs tells something.
"""

from __future__ import annotations

import html
import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from igkinetics.cohort.source.workbook import column_number, sheet_part

Cell = tuple[int, int]
"""Row and column, counted from 1."""
MOST_CELLS_TOLD: Final = 100_000
TRUE: Final = rb'="(?:1|true|on)"'
ROW: Final = re.compile(rb"<(?:\w+:)?row\b[^>]*>")
COLUMN: Final = re.compile(rb"<(?:\w+:)?col\b[^>]*>")
HIDDEN: Final = re.compile(rb"\bhidden" + TRUE + rb'|\b(?:ht|width)="0(?:\.0*)?"')
REFERENCE: Final = re.compile(rb'\br(?:ef)?="([A-Z]{1,4})([0-9]{1,8})"')
STRIKE: Final = re.compile(rb'<(?:\w+:)?strike\b(?![^>]*\bval="(?:0|false|off)")')
SOLID: Final = re.compile(rb'\bpatternType="solid"')
WHITE: Final = re.compile(
    rb'<(?:\w+:)?fgColor\b[^>]*(?:rgb="(?:FF|00)?FFFFFF"|theme="0"(?![^>]*tint)|indexed="(?:9|64|65)")'
)
TEXT: Final = re.compile(rb"<(?:\w+:)?t(?:ext)?\b[^>]*>([^<]*)</(?:\w+:)?t(?:ext)?>")
BUILT_IN_PERCENT: Final = {b"9": "0%", b"10": "0.00%"}
OF_A_DATE: Final = re.compile(r"[ymdhs]|am/pm", re.IGNORECASE)
BRACKETS: Final = re.compile(r"\[[^\]]*\]|[_*].")
SUMMARY: Final = re.compile(
    rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,4})([0-9]{1,8})"[^>]*>\s*<(?:\w+:)?f\b[^>]*>'
    rb"([^<]*\b(?:AVERAGE|MEDIAN|SUM|SUBTOTAL|MIN|MAX|TREND|FORECAST|COUNT|STDEV)[A-Z.]*\([^<]*)<"
)
"""A formula that makes one number of several cells."""
LITERAL: Final = re.compile(r'"([^"]*)"|\\(.)')
PLACES: Final = re.compile(r"general|[0#?.,e+\-/\s@()']", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """What is told of the rows, columns and cells of one sheet."""

    hidden_sheet: bool = False
    hidden_rows: frozenset[int] = frozenset()
    hidden_columns: frozenset[int] = frozenset()
    struck: frozenset[Cell] = frozenset()
    shaded: frozenset[Cell] = frozenset()
    """Cells on a ground of their own colour."""
    shown_as: dict[Cell, str] = field(default_factory=dict)
    """Cell -> a number format that shows more than its number."""
    comments: dict[Cell, str] = field(default_factory=dict)
    summaries: dict[Cell, str] = field(default_factory=dict)
    """Cell -> the formula that makes its number of several others."""

    def __bool__(self) -> bool:
        looks = (self.hidden_sheet, self.hidden_rows, self.hidden_columns, self.struck, self.shown_as)
        return any((*looks, self.shaded, self.comments, self.summaries))


def looks_of(path: Path, position: int, source: bytes) -> Looks:
    """The looks of a sheet by its position; none where the workbook cannot be searched (the reader tells that).

    source: the sheet's XML.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _looks(archive, position, source)
    except (KeyError, IndexError, ValueError, zipfile.BadZipFile, OSError):
        return Looks()


def _looks(archive: zipfile.ZipFile, position: int, source: bytes) -> Looks:
    part, entry = sheet_part(archive, position)
    struck_styles, shaded_styles, formats = _styles(archive)
    styled = {**dict.fromkeys(struck_styles | shaded_styles, ""), **formats}
    struck, shaded, shown_as = set(_rich_struck(archive, source)), set(), {}
    for cell, style in _cells_of(source, styled):
        if style in struck_styles:
            struck.add(cell)
        if style in shaded_styles:
            shaded.add(cell)
        if style in formats:
            shown_as[cell] = formats[style]
    columns = source[: source.find(b"sheetData")]
    hidden_columns: set[int] = set()
    for match in COLUMN.finditer(columns):
        if HIDDEN.search(match[0]) and (low := _number(match[0], b"min")) and (high := _number(match[0], b"max")):
            hidden_columns.update(range(low, min(high, low + 16_384) + 1))
    return Looks(
        hidden_sheet=re.search(rb'\bstate="(?:veryH|h)idden"', entry) is not None,
        hidden_rows=frozenset(
            number
            for match in ROW.finditer(source)
            if HIDDEN.search(match[0]) and (number := _number(match[0], b"r")) is not None
        ),
        hidden_columns=frozenset(hidden_columns),
        struck=frozenset(struck),
        shaded=frozenset(shaded),
        shown_as=shown_as,
        comments=_comments(archive, part),
        summaries={
            (int(row), column_number(letters)): html.unescape(formula.decode("utf-8", "replace"))
            for letters, row, formula in islice(SUMMARY.findall(source), MOST_CELLS_TOLD)
        },
    )


def _number(element: bytes, name: bytes) -> int | None:
    match = re.search(rb"\b" + name + rb'="([0-9]{1,8})"', element)
    return int(match[1]) if match else None


def _cells_of(source: bytes, styles: dict[bytes, str]) -> Iterator[tuple[Cell, bytes]]:
    """The filled cells that have one of the styles, with the style."""
    if not styles:
        return
    any_of = b"|".join(re.escape(style) for style in styles)
    cells = re.compile(rb'<(?:\w+:)?c\b(?=[^>]*\bs="(' + any_of + rb')")[^>]*(?<!/)>')
    for number, match in enumerate(cells.finditer(source)):
        reference = REFERENCE.search(match[0])
        if reference is not None and number < MOST_CELLS_TOLD:
            yield (int(reference[2]), column_number(reference[1])), match[1]


def _styles(archive: zipfile.ZipFile) -> tuple[set[bytes], set[bytes], dict[bytes, str]]:
    """(the styles of cells that are struck through, those on a ground of their own colour, style -> a number format
    that shows more than the number)."""
    if "xl/styles.xml" not in archive.namelist():
        return set(), set(), {}
    text = archive.read("xl/styles.xml")
    fonts = re.findall(rb"<(?:\w+:)?font\b(?:[^>]*/>|.*?</(?:\w+:)?font>)", _within(text, b"fonts"), re.DOTALL)
    struck_fonts = {str(index).encode() for index, font in enumerate(fonts) if STRIKE.search(font)}
    fills = re.findall(rb"<(?:\w+:)?fill\b(?:[^>]*/>|.*?</(?:\w+:)?fill>)", _within(text, b"fills"), re.DOTALL)
    colours = {str(index).encode() for index, fill in enumerate(fills) if SOLID.search(fill) and not WHITE.search(fill)}
    codes = dict(BUILT_IN_PERCENT)
    for element in re.findall(rb"<(?:\w+:)?numFmt\b[^>]*>", _within(text, b"numFmts")):
        identity, code = (re.search(rb"\b" + key + rb'="([^"]*)"', element) for key in (b"numFmtId", b"formatCode"))
        if identity and code:
            codes[identity[1]] = html.unescape(code[1].decode("utf-8", "replace"))
    telling = {identity: code for identity, code in codes.items() if shows_more(code)}
    struck, shaded, formats = set(), set(), {}
    for index, element in enumerate(re.findall(rb"<(?:\w+:)?xf\b[^>]*>", _within(text, b"cellXfs"))):
        style = str(index).encode()
        keys = (b"fontId", b"fillId", b"numFmtId")
        font, fill, code = (re.search(rb"\b" + key + rb'="([0-9]+)"', element) for key in keys)
        if font and font[1] in struck_fonts:
            struck.add(style)
        if fill and fill[1] in colours:
            shaded.add(style)
        if code and code[1] in telling:
            formats[style] = telling[code[1]]
    return struck, shaded, formats


def _within(text: bytes, name: bytes) -> bytes:
    match = re.search(rb"<(?:\w+:)?" + name + rb"\b[^>]*>(.*?)</(?:\w+:)?" + name + rb">", text, re.DOTALL)
    return match[1] if match else b""


def shows_more(code: str) -> bool:
    """Whether a number format shows something else than the number: words or signs, percent, thousands, or nothing.

    Of the sections for positive, negative and zero numbers the first counts; a format of dates shows a date.
    """
    first = BRACKETS.sub("", re.split(r';(?=(?:[^"]*"[^"]*")*[^"]*$)', code)[0])
    words = "".join("".join(pair) for pair in LITERAL.findall(first)).strip(" -+()")
    bare = LITERAL.sub("", first).strip()
    if OF_A_DATE.search(re.sub("general", "", bare, flags=re.IGNORECASE)):
        return False
    nothing = bare == "" and code.strip() not in ("", "@")
    return bool(words) or nothing or "%" in bare or bool(PLACES.sub("", bare)) or bare.rstrip(")").endswith(",")


def words_shown(code: str) -> str:
    """The words of a number format, such as `mg/dL` of `0.0" mg/dL"`; "" where it changes the number itself."""
    first = BRACKETS.sub("", code)
    words = "".join("".join(pair) for pair in LITERAL.findall(first)).strip()
    bare = LITERAL.sub("", first).strip()
    return "" if PLACES.sub("", bare) or bare.endswith(",") or not bare else words


def _rich_struck(archive: zipfile.ZipFile, source: bytes) -> Iterator[Cell]:
    """Cells with text of which a part is struck through."""
    if "xl/sharedStrings.xml" not in archive.namelist():
        return
    strings = archive.read("xl/sharedStrings.xml")
    if not STRIKE.search(strings):
        return
    each = re.findall(rb"<(?:\w+:)?si\b(?:[^>]*/>|.*?</(?:\w+:)?si>)", strings, re.DOTALL)
    struck = {index for index, one in enumerate(each) if STRIKE.search(one)}
    cells = re.compile(rb'<(?:\w+:)?c\b(?=[^>]*\bt="s")[^>]*>\s*<(?:\w+:)?v>([0-9]+)</')
    for match in cells.finditer(source):
        reference = REFERENCE.search(match[0])
        if int(match[1]) in struck and reference is not None:
            yield int(reference[2]), column_number(reference[1])


def _comments(archive: zipfile.ZipFile, part: str) -> dict[Cell, str]:
    """The notes of cells, and the threads of comments, which hold the whole of what was written."""
    folder, name = posixpath.split(part)
    relations = f"{folder}/_rels/{name}.rels"
    if relations not in archive.namelist():
        return {}
    notes: dict[Cell, str] = {}
    threads: dict[Cell, list[str]] = {}
    for entry in re.findall(rb"<(?:\w+:)?Relationship\b[^>]*>", archive.read(relations)):
        target = re.search(rb'\bTarget="([^"]*)"', entry)
        kind = re.search(rb'\bType="[^"]*/(comments|threadedComment)"', entry)
        if target is None or kind is None:
            continue
        written = target[1].decode("utf-8", "replace")
        place = written.lstrip("/") if written.startswith("/") else posixpath.normpath(posixpath.join(folder, written))
        text = archive.read(place) if place in archive.namelist() else b""
        element = b"comment" if kind[1] == b"comments" else b"threadedComment"
        pattern = rb"<(?:\w+:)?" + element + rb"\b([^>]*)>(.*?)</(?:\w+:)?" + element + rb">"
        for attributes, content in re.findall(pattern, text, re.DOTALL):
            reference = REFERENCE.search(attributes)
            said = html.unescape(b" ".join(TEXT.findall(content)).decode("utf-8", "replace"))
            if reference is not None and said.strip():
                cell = (int(reference[2]), column_number(reference[1]))
                if kind[1] == b"comments":
                    notes[cell] = " ".join(said.split())
                else:
                    threads.setdefault(cell, []).append(" ".join(said.split()))
    return {**notes, **{cell: " / ".join(said) for cell, said in threads.items()}}
