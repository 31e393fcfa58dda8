"""What further columns say of how fast a dose ran in, where nothing says how long. Asked about."""

from __future__ import annotations

import re
from typing import Final

from igkinetics.cohort.mapping.headings import plain
from igkinetics.cohort.parse.assumed import SUBCUTANEOUS
from igkinetics.cohort.parse.columns import MappedRows
from igkinetics.cohort.parse.contrary_words import Contrary
from igkinetics.cohort.parse.words import Words

DURATIONS: Final = ("duration", "duration_h", "end")
IN_TIME: Final = r"(?:h|hr|hrs|hour|std|stunde|heure|hora|ora|uur|min|minute)"
A_RATE: Final = rf"(?:ml|cc|g|mg)(?: ?/ ?kg| per kg| kg)? ?(?:/|per|pro|par|por|[ _])? ?{IN_TIME}\b"
RATE_HEADING: Final = re.compile(
    rf"\b(?:rate|speed|flow|laufrate|flussrate|infusionsrate|infusionsgeschwindigkeit|geschwindigkeit|debit|"
    rf"vitesse|velocidad|velocita|snelheid|loopsnelheid|inloopsnelheid)\b|\b{A_RATE}"
)
OF_SOMETHING_ELSE: Final = re.compile(
    r"\b(?:heart|pulse|respiratory|breathing|response|glomerular|gfr|tax|flow ?cyt\w*)\b"
)
RATE: Final = re.compile(rf"(?:\d+(?:[.,]\d+)?) ?{A_RATE}.*")
A_NUMBER: Final = re.compile(r"0*[1-9]\d*(?:[.,]\d+)?|0*[.,]0*[1-9]\d*")


def rate_of_infusion(name: str, words: Words, mapped: MappedRows) -> Contrary | None:
    """Rates of infusion beside no duration: every dose into a vein is given at once."""
    if any(one in mapped.text.columns for one in DURATIONS):
        return None
    heading = plain(name).replace("_", " ")
    headed = RATE_HEADING.search(heading) is not None and OF_SOMETHING_ELSE.search(heading) is None

    def runs(word: str) -> bool:
        return RATE.fullmatch(word) is not None or (headed and A_NUMBER.fullmatch(word) is not None)

    rows = words.where_plain(runs)
    if "route" in mapped.text.columns:
        rows &= ~Words(mapped.text["route"].str.strip()).where(SUBCUTANEOUS)
    return Contrary(
        rows=rows,
        assumed="every dose is given as a bolus (duration 0), and by this column it ran in at a rate",
        remedy="write the hours, amount over rate, in a column duration_h",
        asked=True,
    )
