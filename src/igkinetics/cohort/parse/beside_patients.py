"""What further columns of the patients table say against the weight and the group that are used. Asked about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pandas as pd

from igkinetics.cohort.mapping.headings import words_of
from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.parse.bodies import against_an_index, ages_as_weights
from igkinetics.cohort.parse.columns import MappedRows
from igkinetics.cohort.parse.contrary_words import Contrary

ARMS: Final = frozenset(
    {"arm", "arms", "group", "groups", "cohort", "allocation", "allocated", "treatment", "randomised", "randomized"}
    | {"randomisation", "randomization", "received", "actual", "gruppe", "behandlungsgruppe", "zuteilung", "bras"}
    | {"groupe", "brazo", "grupo", "braccio", "gruppo", "groep"}
)
"""Words of headings that place a patient in a group."""


def said_of_patients(
    name: str, cells: pd.Series[str], mapped: MappedRows, mapping: Mapping
) -> Iterator[Contrary | None]:
    """Each thing that a column may say against the rows of patients."""
    yield Contrary(
        rows=against_an_index(name, cells, mapped, mapping),
        assumed="weights are used as they are, and by this column and the height they are others",
        remedy="see which is right, and in which units they are",
        asked=True,
    )
    yield Contrary(
        rows=ages_as_weights(name, cells, mapped, mapping),
        assumed="weights are used as they are, and each is the age in this column",
        remedy="see that one column is not in the place of the other",
        asked=True,
    )
    yield _another_group(name, cells, mapped)


def _another_group(name: str, cells: pd.Series[str], mapped: MappedRows) -> Contrary | None:
    """Patients whom a column in the words of `group` places in another group."""
    if "group" not in mapped.text.columns or not ARMS & set(words_of(name)):
        return None
    here, there = (one.str.strip().str.casefold() for one in (cells, mapped.text["group"]))
    filled = (here != "") & (there != "")
    common = set(here[filled]) & set(there[filled])
    rows = filled & (here != there)
    return Contrary(
        rows=(rows & (here.isin(list(common)) | there.isin(list(common)))).to_numpy(dtype=bool),
        assumed="the column group alone is used, and this one places these patients in another",
        remedy="see which of the two is right",
        asked=True,
    )
