"""Frozen records that hold arrays and tables: compared by what they hold, and not to be written."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd


class ByValue:
    """Base of a frozen dataclass with arrays or tables; such a dataclass is declared with eq=False.

    Two of one class are equal when every field is: arrays and tables element by element, unknown values being equal
    to each other. Arrays that are fields cannot be written.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:  # type: ignore[attr-defined]
            value = getattr(self, name)
            if isinstance(value, np.ndarray):
                own = value.view()  # whoever made the array may go on writing it
                own.setflags(write=False)
                object.__setattr__(self, name, own)

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        compared = [field.name for field in fields(self) if field.compare]  # type: ignore[arg-type]
        return all(_same(getattr(self, name), getattr(other, name)) for name in compared)

    __hash__ = None  # type: ignore[assignment]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
    if isinstance(one, pd.DataFrame) and isinstance(other, pd.DataFrame):
        return one.equals(other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other or (one != one and other != other))  # nan is nan
