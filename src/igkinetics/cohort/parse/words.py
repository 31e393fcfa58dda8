"""The cells of a column as words, each distinct text once, for all that is asked of it.

A million rows hold few words, or a million of them: either way a column is coded once, and each text is put into plain
letters once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.headings import plain
from igkinetics.cohort.parse.findings import Mask


class Words:
    """cells: a column. code (n,): for each cell the place of its text in `distinct`."""

    def __init__(self, cells: pd.Series[str]) -> None:
        self.cells = cells
        self.code, distinct = pd.factorize(cells)
        self.distinct = pd.Series(distinct, dtype=str)

    @cached_property
    def plain(self) -> list[str]:
        """The distinct texts without accents, capitals and blanks around them."""
        return [plain(str(text)).strip() for text in self.distinct]

    def where(self, test: Callable[[str], bool] | str) -> Mask:
        """Cells for which a test holds, or that are as a pattern says, in any case."""
        if isinstance(test, str):
            return self._rows(self.distinct.str.fullmatch(test, case=False).to_numpy(dtype=bool))
        texts = self.distinct
        return self._rows(np.fromiter((test(str(text)) for text in texts), dtype=bool, count=len(texts)))

    def where_plain(self, test: Callable[[str], object] | re.Pattern[str]) -> Mask:
        """Cells for whose plain text a test holds, or the whole of which is as a pattern says."""
        asked = test.fullmatch if isinstance(test, re.Pattern) else test
        return self._rows(np.fromiter((bool(asked(text)) for text in self.plain), dtype=bool, count=len(self.plain)))

    def _rows(self, verdict: Mask) -> Mask:
        rows: Mask = verdict[self.code]
        return rows
