"""Columns of many chunks put together into one frame, which is made once: texts as numbers of the texts there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Ints = npt.NDArray[np.int64]
Texts = Sequence[str] | npt.NDArray[np.object_]
Columns = Mapping[str, Any]
"""Columns by name, each of a value for every row, of Words, or one value for all rows."""


@dataclass(frozen=True, slots=True)
class Words:
    """A column of texts: those there are, and which of them stands in each row."""

    texts: Texts
    which: Ints

    def reshape(self, shape: tuple[int, ...]) -> Words:
        return Words(self.texts, np.broadcast_to(self.which, shape).reshape(-1))

    def take(self, rows: Ints) -> Words:
        return Words(self.texts, self.which[rows])


def words_of(values: npt.NDArray[np.object_]) -> Words:
    """The same of texts most of which are alike."""
    texts = list(dict.fromkeys(values.reshape(-1)))
    place = {text: k for k, text in enumerate(texts)}
    which = np.fromiter((place[text] for text in values.reshape(-1)), dtype=np.int64, count=values.size)
    return Words(texts, which.reshape(values.shape))


def size_of(columns: Columns) -> int:
    if not columns:
        return 0
    first = columns["patient_id"]
    return int(first.which.size if isinstance(first, Words) else len(first))


def joined(columns: Sequence[Any]) -> Any:
    """One column of several: words stay words, arrays become one array."""
    if not isinstance(columns[0], Words):
        return np.concatenate(columns)
    starts = np.cumsum([0, *(len(each.texts) for each in columns)])
    texts = [text for each in columns for text in each.texts]
    return Words(texts, np.concatenate([each.which + start for each, start in zip(columns, starts, strict=False)]))


def each_row(value: Any, n: int) -> Any:
    """A column of n rows, where one value may stand for all."""
    if isinstance(value, str):
        return Words([value], np.zeros(n, dtype=np.int64))
    return value if isinstance(value, Words) or np.ndim(value) else np.full(n, value)


def frame_of(parts: Sequence[Columns], names: Sequence[str], order: Ints | None = None) -> pd.DataFrame:
    """The rows of all parts, one after the other, or in this order."""
    sizes = [size_of(part) for part in parts]
    kept = [(part, n) for part, n in zip(parts, sizes, strict=True) if n]
    if not kept:
        return pd.DataFrame(columns=list(names))
    found: dict[str, Any] = {}
    for name in names:
        column = joined([each_row(part.get(name, np.nan), n) for part, n in kept])
        if order is not None:
            column = column.take(order)
        found[name] = pd.Series(column.texts).take(column.which).array if isinstance(column, Words) else column
    return pd.DataFrame(found, columns=list(names), index=range(sum(sizes)), copy=False)
