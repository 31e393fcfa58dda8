"""A column's words are coded once, and what is asked of them is what is asked of each cell."""

from __future__ import annotations

import unicodedata

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from igkinetics.cohort.mapping.headings import plain
from igkinetics.cohort.parse.words import Words

TEXTS = st.lists(st.text(max_size=6) | st.sampled_from(["", "Été", "STRASSE", "Straße", "µg", "İ", "x"]), max_size=12)


@given(TEXTS)
def test_each_cell_is_answered_as_by_itself(texts: list[str]) -> None:
    words = Words(pd.Series(texts, dtype=str))
    assert words.where(str.isalpha).tolist() == [text.isalpha() for text in texts]
    assert words.where_plain(str.isalpha).tolist() == [plain(text).strip().isalpha() for text in texts]


@given(st.text(max_size=8))
def test_plain_letters_are_those_of_unicode(text: str) -> None:
    letters = unicodedata.normalize("NFKD", text.replace("µ", "u").replace("μ", "u"))
    assert plain(text) == "".join(one for one in letters if not unicodedata.combining(one)).casefold()
