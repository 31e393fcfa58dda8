"""What columns of tables mean, by one rule: a table's own word, else the common one, else the end of an interval."""

from __future__ import annotations

from collections.abc import Mapping


def meaning(common: Mapping[str, str], own: Mapping[str, str], column: str) -> str:
    """The meaning of a column; KeyError for one that nobody has explained.

    common: column -> meaning, in every table; own: of this table ("" where the common one holds).
    """
    if words := own.get(column):
        return words
    if column in common:
        return common[column]
    for end in ("lower", "upper"):
        if column == end:
            return f"{end} end of the interval"
        if column.endswith(f"_{end}"):
            return f"{end} end of the interval of {column.removesuffix(f'_{end}')}"
    raise KeyError(column)
