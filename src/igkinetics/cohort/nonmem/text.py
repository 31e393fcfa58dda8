"""The text of an event file as NM-TRAN takes it: comments above, between and in rows; commas, blanks or tabs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.keys import TableMapping
from igkinetics.cohort.parse.findings import Mask
from igkinetics.cohort.source.raw import RawRows, whole_file
from igkinetics.cohort.source.textfile import read_text, survey
from igkinetics.errors import Problem

MARKS: Final = ("#", "@")
"""A row that begins with one of these is a comment to NM-TRAN under IGNORE=# (its default) or IGNORE=@."""
HEADINGS: Final = frozenset({"TIME", "DATE", "DAT1", "DAT2", "DAT3", "DV", "AMT", "EVID", "MDV"})
FIRST_LOOK: Final = 1 << 16


def read_event_text(path: Path, file: str, settings: TableMapping) -> RawRows:
    """All rows of the file, comments among them (short ones filled up with empty cells)."""
    survey_of_file = survey(path, file, settings, "samples")
    with path.open(encoding=survey_of_file.encoding) as stream:
        start = stream.read(FIRST_LOOK).splitlines()
    n_above = _comments_above(start[settings.skip_lines :])
    settings = settings.model_copy(update={"skip_lines": settings.skip_lines + n_above})
    heading = start[settings.skip_lines] if settings.skip_lines < len(start) else ""
    if settings.delimiter not in heading and len(heading.split()) > 1 and not re.search("[;,|]", heading):
        if "\t" not in heading:
            return _separated_by_blanks(path, file, settings, survey_of_file.encoding)
        settings = settings.model_copy(update={"delimiter": "\t"})
    return _with_comments(whole_file(read_text(path, file, settings, "samples")))


def _comments_above(lines: list[str]) -> int:
    """The comments (and blank lines) before the header, which itself may begin with a mark: #ID."""
    for number, line in enumerate(lines):
        words = {word.strip('"').upper() for word in re.split(r"[\s,;]+", line.strip().lstrip("".join(MARKS)))}
        if line.strip() and (not line.strip().startswith(MARKS) or (words & HEADINGS and words & {"ID", "CID"})):
            return number
    return 0


def _separated_by_blanks(path: Path, file: str, settings: TableMapping, encoding: str) -> RawRows:
    """Any number of blanks or tabs is one separator, so a missing cell has to be a dot."""
    lines = path.read_text(encoding=encoding).splitlines()
    rows = [(number, line.split()) for number, line in enumerate(lines, start=1) if line.strip()]
    header, rows = (
        next(cells for number, cells in rows if number > settings.skip_lines),
        [row for row in rows if row[0] > settings.skip_lines][1:],
    )
    whole = [(number, cells) for number, cells in rows if len(cells) == len(header)]
    problems = [
        Problem(
            file=file,
            line=number,
            found=" ".join(cells),
            expected=f"{len(header)} cells as in the header, not {len(cells)}; a missing one is a dot",
        )
        for number, cells in rows
        if len(cells) != len(header)
    ]
    columns = list(zip(*(cells for _, cells in whole), strict=True)) if whole else [()] * len(header)
    first = {name: index for index, name in reversed(list(enumerate(header)))}
    cells = pd.DataFrame({name: pd.Series(columns[first[name]], dtype=str) for name in dict.fromkeys(header)})
    return _with_comments(
        RawRows(
            file=file,
            cells=cells,
            line=np.array([number for number, _ in whole], dtype=np.intp),
            repeated_names=frozenset(name for name in header if header.count(name) > 1),
            n_unread=len(problems),
            problems=tuple(problems),
        )
    )


def _with_comments(raw: RawRows) -> RawRows:
    """Comments of another length than the header are rows like any other, no problem."""
    comments = [one for one in raw.problems if one.line is not None and one.found.lstrip('" ').startswith(MARKS)]
    if not comments or raw.cells.columns.empty:
        return raw
    first = raw.cells.columns[0]
    rows = pd.DataFrame(dict.fromkeys(raw.cells.columns, ""), index=range(len(comments)), dtype=str)
    rows[first] = [one.found.lstrip('" ') for one in comments]
    return replace(
        raw,
        cells=pd.concat([raw.cells, rows], ignore_index=True),
        line=np.concatenate([raw.line, np.array([one.line for one in comments], dtype=np.intp)]),
        problems=tuple(one for one in raw.problems if one not in comments),
        n_unread=raw.n_unread - len(comments),
    )


def plain_header(raw: RawRows) -> RawRows:
    """The first heading without the mark of a comment; CID is the ID of a file whose header is commented by C."""
    names = [str(name) for name in raw.cells.columns]
    if not names:
        return raw
    names[0] = names[0].lstrip("".join(MARKS)).strip() or names[0]
    if names[0].upper() == "CID" and "ID" not in [name.upper() for name in names]:
        names[0] = "ID"
    if names[0] in names[1:] or names == list(raw.cells.columns):
        return raw
    return replace(raw, cells=raw.cells.set_axis(names, axis=1))


def commented(cells: pd.DataFrame) -> Mask:
    """Rows whose first cell begins with a mark, or with C where every other first cell is a number or a dot."""
    if cells.columns.empty:
        return np.zeros(len(cells), dtype=bool)
    first = cells.iloc[:, 0].str.strip()
    marked: Mask = first.str.startswith(MARKS).to_numpy(dtype=bool)
    number = (first.str.fullmatch(r"[-+]?\d[\d.eE+-]*|\.|") | pd.Series(marked, first.index)).to_numpy(dtype=bool)
    if bool(number.all()) or str(cells.columns[0]).strip().upper() == "C":
        return marked
    by_letter = first.str.fullmatch(r"[Cc]\s*\d*\.?\d*").to_numpy(dtype=bool)
    rest_are_numbers = bool((number | by_letter).all()) and bool((number & ~marked).any())
    return marked | by_letter if rest_are_numbers else marked
