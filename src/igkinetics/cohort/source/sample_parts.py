"""A samples table read part by part: each part is parsed at once, and of its text only what messages need is kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.parse.columns import map_columns, stack
from igkinetics.cohort.parse.findings import Finding, Table
from igkinetics.cohort.parse.leftovers import Leftovers
from igkinetics.cohort.parse.parsed import Parsed
from igkinetics.cohort.parse.samples import limit_words, parse_samples
from igkinetics.cohort.parse.times import dates_or_moments
from igkinetics.cohort.source.raw import Lines, RawRows
from igkinetics.errors import Problem

SMALLEST = 1 << 16


class GrowingArray:
    """An array to whose end values are put. Pages that are not filled yet cost no memory."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self._values = np.empty(SMALLEST, dtype=dtype)
        self._n = 0

    def extend(self, values: npt.ArrayLike) -> None:
        more = np.asarray(values)
        end = self._n + len(more)
        if end > len(self._values):
            larger = np.empty(max(end, 2 * len(self._values)), dtype=self._values.dtype)
            larger[: self._n] = self._values[: self._n]
            self._values = larger
        self._values[self._n : end] = more
        self._n = end

    def array(self) -> npt.NDArray[Any]:
        return self._values[: self._n]


class GrowingText:
    """A column of text: codes of the distinct texts of each part, made one list of distinct texts in the end.

    Where most texts of a part differ, such as times of day, the column stays plain text.
    """

    def __init__(self) -> None:
        self._code = GrowingArray(np.int32)
        self._distinct: list[pd.Series[str]] = []
        self._n_rows: list[int] = []
        self._plain: list[pd.Series[str]] = []

    def extend(self, cells: pd.Series[str]) -> None:
        if not self._plain:
            code, distinct = pd.factorize(cells)
            if 2 * len(distinct) <= len(cells) or len(cells) < SMALLEST:
                self._code.extend(code)
                self._distinct.append(pd.Series(distinct, dtype=str))
                self._n_rows.append(len(cells))
                return
        self._plain.append(cells)

    def series(self) -> pd.Series[Any]:
        if not self._distinct:
            return pd.concat(self._plain, ignore_index=True)
        code = self._code.array()
        new_code, distinct = pd.factorize(pd.concat(self._distinct, ignore_index=True))
        start = first = 0
        for n_rows, texts in zip(self._n_rows, self._distinct, strict=True):
            code[start : start + n_rows] = new_code[first : first + len(texts)][code[start : start + n_rows]]
            start, first = start + n_rows, first + len(texts)
        column = pd.Series(pd.Categorical.from_codes(code, categories=pd.Index(distinct, dtype=str)))
        return pd.concat([column.astype(str), *self._plain], ignore_index=True) if self._plain else column


SHOWN: Final = ("patient_id", "day", "datetime", "igg")
"""Columns whose cells later checks repeat in their messages."""
KINDS: Final = {
    "moment": np.float64,
    "igg": np.float64,
    "limit": np.int8,
    "unit_code": np.int8,
    "is_date": np.bool_,
    "clock": np.bool_,
    "file_code": np.int16,
    "line": np.int64,
}
"""What a row is kept as, beside its texts."""


class SampleParts:
    """The samples of a cohort while its files are read."""

    def __init__(self, mapping: Mapping, left: Leftovers) -> None:
        self._mapping = mapping
        self._left = left
        self._parsed: Parsed | None = None
        self._complete = True
        self._counts: dict[str, list[int]] = {}
        self._column = {name: GrowingArray(kind) for name, kind in KINDS.items()}
        self._text: dict[str, GrowingText] = {}
        self._findings: dict[tuple[Any, ...], list[Finding]] = {}
        self._problems: dict[tuple[str, str], Problem] = {}
        self._other_times: dict[str, str] = {}
        self.row_problems: list[Problem] = []
        self.column_problems: list[Problem] = []
        self.empty_lines: list[tuple[str, Lines]] = []

    def add(self, raw: RawRows) -> None:
        """Map and parse some rows of a file, and keep what is needed of them."""
        mapped = map_columns(raw, "samples", self._mapping.samples)
        self._left.add(mapped, "samples")
        self.row_problems += mapped.row_problems
        self.column_problems += mapped.column_problems
        self.empty_lines.append((raw.file, mapped.empty_lines))
        if "patient_id" not in mapped.text.columns:
            self._complete = False
            return
        parsed = parse_samples(stack("samples", self._mapping.samples, [mapped]), self._mapping)
        self._parsed = self._parsed or parsed
        self._keep_rows(parsed)
        time, first = parsed.times[0].column, self._parsed.times[0].column
        if time != first:
            self._other_times[raw.file] = time
        for problem in parsed.problems:
            self._problems.setdefault((problem.column, problem.expected), problem)

    def _keep_rows(self, parsed: Parsed) -> None:
        table, times, n_before = parsed.table, parsed.times[0], len(self._column["line"].array())
        counts = self._counts.setdefault(table.files[0], [0, 0, 0])
        for index, number in enumerate((table.n_read[0], table.n_filtered[0], table.n_unread[0])):
            counts[index] += number
        file_code = np.full(len(table.text), list(self._counts).index(table.files[0]))
        frame = parsed.frame
        rows: dict[str, npt.ArrayLike] = {
            "moment": times.moment,
            "is_date": times.is_date,
            "clock": times.clock,
            "igg": frame["igg"].to_numpy(),
            "limit": frame["limit"].cat.codes.to_numpy(),
            "unit_code": frame["unit_code"].to_numpy(),
            "line": table.line,
            "file_code": file_code,
        }
        for name, values in rows.items():
            self._column[name].extend(values)
        shown = [name for name in SHOWN if name in table.text.columns or name in self._text]
        for name in shown:
            if name not in self._text:
                self._text[name] = GrowingText()
                self._text[name].extend(pd.Series("", index=pd.RangeIndex(n_before), dtype=str))
            self._text[name].extend(table.text.get(name, pd.Series("", index=table.text.index, dtype=str)))
        n_alike: Counter[tuple[Any, ...]] = Counter()
        for finding in parsed.findings:
            text = finding.expected if isinstance(finding.expected, str) else None
            kind = (finding.column, finding.removes, finding.warning, finding.listed, text)
            n_alike[kind] += 1
            self._findings.setdefault((*kind, n_alike[kind]), []).append(_as_written(table, finding, n_before))

    def joined(self) -> Parsed | None:
        """All parts as one table; None where there are none, or a file does not say whose its rows are."""
        if self._parsed is None or not self._complete:
            return None
        column = {name: values.array() for name, values in self._column.items()}
        text = pd.DataFrame({name: cells.series() for name, cells in self._text.items()}, copy=False)
        time = self._parsed.times[0].column
        times = dates_or_moments(time, column["moment"], column["is_date"], column["clock"])
        frame = pd.DataFrame(
            {
                "patient_id": text["patient_id"],
                "moment": times.moment,
                "date_only": times.date_only,
                "igg": column["igg"],
                "limit": limit_words(column["limit"]),
                "unit_code": column["unit_code"],
            },
            copy=False,
        )
        counts = list(self._counts.values())
        table = replace(
            self._parsed.table,
            text=text,
            written={},
            files=tuple(self._counts),
            file_code=column["file_code"],
            line=column["line"],
            n_read=tuple(one[0] for one in counts),
            n_filtered=tuple(one[1] for one in counts),
            n_unread=tuple(one[2] for one in counts),
        )
        problems = (*self._problems.values(), *self._mixed_times(time))
        return replace(
            self._parsed,
            table=table,
            frame=frame,
            times=(times,),
            findings=tuple(map(_one_finding, self._findings.values())),
            problems=problems,
        )

    def _mixed_times(self, time: str) -> list[Problem]:
        """A problem for each file with days where the first file has dates, or the reverse."""
        expected = f"the samples of {next(iter(self._counts))} have {time}; a mix of days and dates is an error"
        return [
            Problem(file=file, column=other, found=other, expected=expected)
            for file, other in self._other_times.items()
        ]


def _one_finding(parts: list[Finding]) -> Finding:
    """The same defect found in several parts, so that it is told once."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0].expected
    return replace(
        parts[0],
        rows=np.concatenate([part.rows for part in parts]),
        found=pd.concat([part.found for part in parts], ignore_index=True),
        expected=first if isinstance(first, str) else np.concatenate([part.expected for part in parts]),
    )


def _as_written(table: Table, finding: Finding, n_before: int) -> Finding:
    """The finding in rows of the whole table, with the cells as they stand in the file."""
    found = finding.found
    if finding.column in table.written:
        written = table.written[finding.column].iloc[finding.rows]
        found = found.where((found != "").to_numpy(dtype=bool), written.set_axis(found.index))
    return replace(finding, rows=finding.rows + n_before, found=found)
