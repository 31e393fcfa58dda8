"""What words beside levels say of them: flags of the laboratory against their size, words that part them in two kinds.

A column that nobody knows may tell one analyte, method or person from another. Where samples of one patient lie within
days of each other and those with one word are always far above those with another, it does.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.headings import words_of
from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.cells import canonical_units, igg_cells, numbers
from igkinetics.cohort.parse.columns import MappedRows
from igkinetics.cohort.parse.contrary_words import LEAVE_OUT, Contrary
from igkinetics.cohort.parse.times import dates_of
from igkinetics.cohort.parse.words import Words
from igkinetics.units import G_PER_L_IN

FLAG: Final = frozenset(
    {"flag", "flags", "abnormal", "interpretation", "interp", "hl", "marker", "bewertung", "wertung", "auffallig"}
    | {"pathologisch", "indicator", "indicateur", "anormal", "alarm", "markierung", "note", "range"}
)
HIGH: Final = re.compile(
    r"h|hh|high|very high|critical(?:ly)? high|\+{1,3}|hoch|erhoht|eleve|haut|alto|hoog|verhoogd|\u2191"
)
LOW: Final = re.compile(
    r"l|ll|low|very low|critical(?:ly)? low|-{1,3}|niedrig|tief|erniedrigt|bas|basso|bajo|laag|\u2193"
)
NEVER_HIGH_G_PER_L, NEVER_LOW_G_PER_L = 4.0, 10.0
"""At no age is a level below the one above the range of IgG, or a level above the other below it."""
MOST_KINDS: Final = 8
NEAR_DAY: Final = 3.5
FEWEST_PAIRS: Final = 5
TIMES_APART: Final = 1.5
"""IgG moves by so much within days only where it is infused or taken away."""
OF_THE_LEVEL: Final = re.compile(
    r"\b(?:low|high|normal|abnormal|hypo\w*|hyper\w*|niedrig|hoch|bas|basso|bajo|alto|above|below|trough|peak|pre|post|"
    r"before|after|vor|nach|tal\w*|spitzen\w*|avant|apres|prima|dopo|antes|despues|voor|na|yes|no|ja|nein|h|l|n|hh|ll|x)\b|"
    r"^[-+*!]*$"
)
"""A word that follows from the level, or places the sample by an infusion."""
OF_THE_TIME: Final = frozenset(
    {"day", "visit", "week", "cycle", "time", "timepoint", "tag", "visite", "zyklus", "zeitpunkt"}
)


def flags_against_levels(name: str, words: Words, mapped: MappedRows, mapping: Mapping) -> Contrary | None:
    """High beside a level that is high for nobody, low beside one that is low for nobody: the unit is another."""
    if not FLAG & set(words_of(name)):
        return None
    high, low = words.where_plain(HIGH), words.where_plain(LOW)
    if not (high | low).any():
        return None
    level = _g_per_l(mapped, mapping)
    return Contrary(
        rows=(high & (level < NEVER_HIGH_G_PER_L)) | (low & (level > NEVER_LOW_G_PER_L)),
        assumed="levels are read in the unit that is stated, and in it this flag says the reverse of them",
        remedy="see that the unit is right",
        asked=True,
    )


def two_kinds(name: str, words: Words, mapped: MappedRows, mapping: Mapping) -> Contrary | None:
    """Rows with a word whose levels are always far off those of their patient with another word within days."""
    text = mapped.text
    time = next((one for one in ("datetime", "day") if one in text.columns), "")
    if not 2 <= len(words.distinct) <= MOST_KINDS or not time or "patient_id" not in text.columns:
        return None
    if OF_THE_TIME & set(words_of(name)) or any(OF_THE_LEVEL.search(word) for word in words.plain if word):
        return None
    level = _g_per_l(mapped, mapping)
    moment = (
        numbers(text["day"], ".")[0] if time == "day" else dates_of(text["datetime"], mapping.samples.datetime_format)
    )
    known = np.flatnonzero(np.isfinite(level) & (level > 0.0) & np.isfinite(moment) & mapped.kept)
    patient, word = pd.factorize(text["patient_id"].iloc[known])[0], words.code[known]
    order = np.lexsort((moment[known], patient))
    patient, word, when = patient[order], word[order], moment[known][order]
    size = np.log(level[known][order])
    near = (np.diff(patient) == 0) & (np.diff(when) <= NEAR_DAY) & (np.diff(word) != 0)
    pairs = np.flatnonzero(near)
    if len(pairs) < FEWEST_PAIRS:
        return None
    rises = np.where(word[pairs] < word[pairs + 1], 1.0, -1.0) * (size[pairs + 1] - size[pairs])
    low, high = np.minimum(word[pairs], word[pairs + 1]), np.maximum(word[pairs], word[pairs + 1])
    for one, other in sorted(set(zip(low.tolist(), high.tolist(), strict=True))):
        own = rises[(low == one) & (high == other)]
        if len(own) >= FEWEST_PAIRS and (np.all(own > 0) or np.all(own < 0)):
            times = float(np.exp(np.median(np.abs(own))))
            if times >= TIMES_APART:
                rarer = min((one, other), key=lambda code: (int((word == code).sum()), -code))
                rows = np.zeros(len(level), dtype=bool)
                rows[known[order][word == rarer]] = True
                return _apart(rows, times)
    return None


def _apart(rows: np.ndarray, times: float) -> Contrary:
    assumed = "every row is taken as total IgG of its patient, and these levels are always "
    assumed += f"off those beside them, in the median {times:.1f} times: another analyte, method or person?"
    return Contrary(rows=rows, assumed=assumed, remedy=LEAVE_OUT, asked=True)


def _g_per_l(mapped: MappedRows, mapping: Mapping) -> Floats:
    """The levels in g/L; nan where they are no numbers or have no unit."""
    text = mapped.text
    if "igg" not in text.columns:
        return np.full(len(text), np.nan)
    stated = mapping.samples.units.get("igg", mapping.igg_unit)
    factor = np.full(len(text), np.nan if stated is None else G_PER_L_IN[stated])
    if "unit" in text.columns:
        named = canonical_units(text["unit"]).map(G_PER_L_IN).to_numpy(dtype=np.float64)
        factor = np.where(np.isnan(named), factor, named)
    level = igg_cells(text["igg"], mapping.samples.decimal)
    found: Floats = np.where(level.limit == 0, level.value, np.nan) * factor
    return found
