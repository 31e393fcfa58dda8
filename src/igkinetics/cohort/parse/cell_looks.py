"""Questions about cells of a workbook that are read and look as if they were not meant, or show another number.

`unusual_cells = "as_given"` under a table answers them for its sheet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import numpy as np

from igkinetics.cohort.mapping.contract import TableName
from igkinetics.cohort.mapping.headings import read_heading
from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.parse.columns import map_columns
from igkinetics.cohort.parse.stated_units import USUAL
from igkinetics.cohort.source.raw import RawRows
from igkinetics.cohort.source.workbook_looks import Looks, words_shown
from igkinetics.cohort.template import MEANING
from igkinetics.errors import Problem, also, counted
from igkinetics.units import canonical_unit

MOST_COMMENTS: Final = 10
MOST_TEXT: Final = 120
FEW_COLOURED: Final = 0.3
"""Of the cells of a column; where more are coloured, colours are a habit of the sheet."""


def questions(raw: RawRows, looks: Looks, table: TableName, mapping: Mapping) -> list[Problem]:
    """A warning for each kind of look in each column in use, at the first row that is read and has it."""
    settings = mapping.table(table)
    if not looks or settings.unusual_cells is not None:
        return []
    mapped = map_columns(raw, table, settings)
    all_used = table == "samples" and (mapping.samples.wide is not None or mapping.format == "nonmem")
    used = set(raw.cells.columns) if all_used or mapped.used is None else set(mapped.used)
    places = {place: name for name, place in raw.sheet_columns.items() if name in used - set(settings.ignore)}
    row_of = {int(line): index for index, line in enumerate(raw.line.tolist()) if mapped.kept[index]}
    answer = f'or write unusual_cells = "as_given" under [{table}] in cohort.toml'
    units = {
        heading: {str(mapping.igg_unit), settings.units.get(name, ""), USUAL.get(name, ""), read_heading(heading).unit}
        for name, heading in mapped.headings.items()
    }
    told = _Told(raw=raw, places=places, row_of=row_of, answer=answer)
    first = [*told.hidden(looks), *told.struck(looks), *told.comments(looks), *told.formats(looks, units)]
    return [*first, *told.summaries(looks), *told.colours(looks)]


class _Told:
    """The rows and columns of a sheet that are in use, and what is asked about them."""

    def __init__(self, *, raw: RawRows, places: dict[int, str], row_of: dict[int, int], answer: str) -> None:
        self._raw, self._places, self._row_of, self._answer = raw, places, row_of, answer

    def hidden(self, looks: Looks) -> Iterator[Problem]:
        if looks.hidden_sheet:
            expected = f"a sheet that is hidden, and is read like any other: show it if it is meant, {self._answer}"
            yield self._problem(None, "", "a hidden sheet", expected)
        lines = sorted(looks.hidden_rows & self._row_of.keys())
        if lines:
            expected = "hidden or filtered out, and read like any other: delete what is not meant, show what is, "
            found = counted(len(lines), "hidden row")
            yield self._problem(lines[0], "", found, expected + self._answer + _also(lines))
        for place in sorted(looks.hidden_columns & self._places.keys()):
            expected = f"this column is hidden, and is used: show it if it is meant, {self._answer}"
            yield self._problem(None, self._places[place], "a hidden column", expected)

    def struck(self, looks: Looks) -> Iterator[Problem]:
        for place, name in self._places.items():
            lines = sorted(row for row, column in looks.struck if column == place and row in self._row_of)
            if lines:
                expected = "crossed out in the sheet, and read like any other: delete what is not meant, take the line "
                expected += f"through the others away, {self._answer}"
                yield self._problem(lines[0], name, self._cell(name, lines[0]), expected + _also(lines))

    def colours(self, looks: Looks) -> Iterator[Problem]:
        """A few cells of a column on a colour: who marks them so may have meant to leave them out."""
        for place, name in self._places.items():
            lines = sorted(row for row, column in looks.shaded if column == place and row in self._row_of)
            if lines and len(lines) <= FEW_COLOURED * len(self._row_of):
                expected = (
                    f"on a ground of another colour than most of this column ({counted(len(lines), 'cell')}), and "
                )
                expected += "read like any other: if the colour says that they do not count, delete them, "
                yield self._problem(lines[0], name, self._cell(name, lines[0]), expected + self._answer + _also(lines))

    def comments(self, looks: Looks) -> Iterator[Problem]:
        first = int(self._raw.line.min()) if len(self._raw.line) else 0
        cells = [
            (row, column)
            for row, column in sorted(looks.comments)
            if column in self._places
            and (row in self._row_of or (row < first and looks.comments[row, column] not in MEANING.values()))
        ]
        for index, (row, column) in enumerate(cells[:MOST_COMMENTS], start=1):
            name, said = self._places[column], looks.comments[row, column]
            shown = said if len(said) <= MOST_TEXT else said[:MOST_TEXT] + "..."
            more = len(cells) - index if index == MOST_COMMENTS else 0
            expected = f"a comment on this cell says {json.dumps(shown, ensure_ascii=False)}, and nothing reads it: "
            expected += f"correct or delete the row if it is not meant, {self._answer}"
            expected += f" (and {counted(more, 'more comment')})" if more else ""
            yield self._problem(row, name, self._cell(name, row), expected)

    def formats(self, looks: Looks, units: dict[str, set[str]]) -> Iterator[Problem]:
        lines: dict[tuple[int, str], list[int]] = {}
        unit_of = {code: canonical_unit(words_shown(code)) for code in set(looks.shown_as.values())}
        for (row, column), code in looks.shown_as.items():
            said = unit_of[code]
            if row not in self._row_of or column not in self._places:
                continue
            if not said or said not in units.get(self._places[column], ()):
                lines.setdefault((column, code), []).append(row)
        for (place, code), rows in sorted(lines.items()):
            name = self._places[place]
            expected = (
                f"its number format {code} shows it as something else, and the number itself is read: write what "
            )
            expected += f"is meant into the cell, such as <600, {self._answer}"
            yield self._problem(min(rows), name, self._cell(name, min(rows)), expected + _also(sorted(rows)))

    def summaries(self, looks: Looks) -> Iterator[Problem]:
        """Where most cells of a column are such formulas, they make the table; a few are means and totals in it."""
        for place, name in self._places.items():
            lines = sorted(row for row, column in looks.summaries if column == place and row in self._row_of)
            if lines and 2 * len(lines) < len(self._row_of):
                shown = looks.summaries[lines[0], place][:MOST_TEXT]
                expected = f"made of other cells by ={shown}, and read like any other: is it a mean or a total, and no "
                yield self._problem(
                    lines[0],
                    name,
                    self._cell(name, lines[0]),
                    f"{expected}row of its own? Delete it then, {self._answer}{_also(lines)}",
                )

    def _cell(self, name: str, line: int) -> str:
        return str(self._raw.cells[name].iloc[self._row_of[line]]) if line in self._row_of else name

    def _problem(self, line: int | None, column: str, found: str, expected: str) -> Problem:
        return Problem(
            file=self._raw.file,
            line=line,
            column=column,
            found=found,
            expected=expected,
            severity="warning",
            action="used",
        )


def _also(lines: list[int]) -> str:
    """The further lines of the same."""
    return also(np.array(lines)) if len(lines) > 1 else ""
