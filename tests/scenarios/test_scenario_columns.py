"""Every column of a scenario's tables has a meaning that can be read."""

from __future__ import annotations

import pytest

from igkinetics.scenarios.columns import column_words
from igkinetics.scenarios.result import TABLES


@pytest.mark.parametrize("table", TABLES)
def test_every_column_has_words(table: str) -> None:
    assert all(column_words(table, column) for column in TABLES[table])
