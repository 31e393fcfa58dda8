"""Columns that grow part by part, in one piece of memory each; texts that many rows share are kept once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

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
