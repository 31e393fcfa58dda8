"""`[[TABLE.keep]]`: which rows of a foreign table belong to the cohort."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.keys import Keep, Scalar
from igkinetics.cohort.parse.findings import Mask


def holds(rule: Keep, cells: pd.Series[str], missing: tuple[str, ...]) -> Mask:
    """For each cell of the rule's column, whether the rule holds. Equal cells are looked at once."""
    code, distinct = pd.factorize(cells.str.strip())
    test = _test(rule, frozenset(missing))
    verdict = np.fromiter((test(str(cell)) for cell in distinct), dtype=bool, count=len(distinct))
    return verdict[code]


def _test(rule: Keep, missing: frozenset[str]) -> Callable[[str], bool]:
    """The rule as a test of one cell."""
    operand = getattr(rule, rule.operator)
    if rule.operator in ("at_least", "at_most"):
        sign = 1.0 if rule.operator == "at_least" else -1.0
        return lambda cell: (number := _number(cell)) is not None and sign * number >= sign * operand
    if rule.operator == "contains":
        return lambda cell: operand in cell
    if rule.operator == "matches":
        pattern = re.compile(operand)
        return lambda cell: pattern.search(cell) is not None
    if rule.operator == "empty":
        return lambda cell: (cell in missing) is operand
    wanted = (operand,) if rule.operator == "equals" else operand
    included = rule.operator != "none_of"
    return lambda cell: any(_equals(cell, value) for value in wanted) is included


def _equals(cell: str, value: Scalar) -> bool:
    """Text is compared as text, a number as a number (50950 equals "50950.0"), true and false as words."""
    if isinstance(value, bool):
        return cell.lower() == str(value).lower()
    if isinstance(value, str):
        return cell == value
    return _number(cell) == value


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
