"""A first look at a delimited text file, block by block: is it text, in which encoding, of how many lines?"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from igkinetics.cohort.mapping.keys import TableMapping
from igkinetics.errors import InputError, Problem

BINARY_STARTS: Final = {
    b"PK\x03\x04": "a workbook or zip archive",
    b"PAR1": "a Parquet file (name it .parquet)",
    b"\x1f\x8b": "a compressed file",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
}
UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
BLOCK_BYTES: Final = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """encoding: to open the file with. n_lines: physical lines, the last one with or without its end.

    plain: every line ends with a line feed (after a carriage return or not), none with a carriage return alone.
    """

    encoding: str
    n_lines: int
    quoted: bool
    plain: bool


def survey(path: Path, file: str, settings: TableMapping, table: str) -> Survey:
    """InputError when the file is binary, or is not text in the encoding stated."""
    _refuse_binary(path, file)
    utf8 = codecs.lookup(settings.encoding).name == "utf-8"
    encoding = "utf-8-sig" if utf8 else settings.encoding
    decoder = codecs.getincrementaldecoder(encoding)()
    n_feeds = n_returns = n_pairs = 0
    quoted, last = False, "\n"
    with path.open("rb") as stream:
        while True:
            block = stream.read(BLOCK_BYTES)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeError:
                raise _not_this_encoding(path, file, settings, table) from None
            n_feeds += text.count("\n")
            n_returns += text.count("\r")
            n_pairs += text.count("\r\n") + (last == "\r" and text.startswith("\n"))
            quoted = quoted or '"' in text
            last = text[-1:] or last
            if not block:
                break
    return Survey(
        encoding=encoding, n_lines=n_feeds + (last != "\n"), quoted=quoted, plain=n_returns == n_pairs
    )


def _refuse_binary(path: Path, file: str) -> None:
    with path.open("rb") as stream:
        content = stream.read(8)
    for start, what in BINARY_STARTS.items():
        if content.startswith(start):
            expected = f"delimited text is needed, and this is {what}"
            raise InputError([Problem(file=file, found=repr(start), expected=expected)])


def _not_this_encoding(path: Path, file: str, settings: TableMapping, table: str) -> InputError:
    """The line and the byte at which the text ends; the whole file is looked at once more."""
    content = path.read_bytes()
    start = 0
    try:
        content.decode(settings.encoding)
    except UnicodeDecodeError as fault:
        start = fault.start
    except UnicodeError:
        pass
    guess = "utf-16" if content.startswith(UTF16_MARKS) else "cp1252"
    expected = (
        f'not {settings.encoding} text; state the encoding, e.g. encoding = "{guess}" under [{table}] in cohort.toml'
    )
    line = content.count(b"\n", 0, start) + 1
    return InputError([Problem(file=file, line=line, found=repr(content[start : start + 1]), expected=expected)])
