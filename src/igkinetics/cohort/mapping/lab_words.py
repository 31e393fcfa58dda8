"""What a laboratory writes where a level should stand: the level in it, or that there is none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final

from igkinetics.units import G_PER_L_IN, canonical_unit

MISSING: Final = "missing"
SET_ASIDE: Final = "set aside"
NO_LEVEL: Final = re.compile(
    r"qns|quantity not suff|insufficien|insuffisan|zu wenig|ungenügend|h(a?e|ä)mol|h[ée]mol|emoliz|lipem|lipäm|clott|"
    r"geronnen|see (note|comment|report|below)|siehe|voir |ver (nota|comentario)|vedi |cancel|storn|annul|"
    r"not (done|performed|reported|measured|available|calculated|recvd)|no sample|no specimen|"
    r"nicht (bestimmt|gemessen|durchgeführt)|non (fait|réalis|eseguit|disponib)|no (realizad|disponib)|"
    r"pending|to follow|folgt|en cours|pendiente|in corso|\btnp\b|unsatisf|unsuitable|reject|wrong tube|error|fehler|"
    r"invalid|comment|duplicate|refused|deferred|^n\.?\s*[ad]\.?$|"
    r"^k\.?\s*a\.?$|^(unknown|unbekannt|none|null|nil|nan|not applicable|missing|-+|_+|\?+|\*+|\.)$",
    re.IGNORECASE,
)
"""Words that say that there is no level."""
NUMBER: Final = r"(\d+(?:[.,]\d+)?)"
BELOW: Final = (
    r"<=?|≤|less than(?: or equal to)?|lower than|under|below|unter|kleiner(?: als)?|inf[ée]rieur(?:e)? [àa]|"
    r"moins de|menor (?:que|de|a)|inferior a|inferiore a|minore di|meno di"
)
ABOVE: Final = (
    r">=?|≥|greater than(?: or equal to)?|more than|higher than|over|above|über|größer(?: als)?|"
    r"sup[ée]rieur(?:e)? [àa]|plus de|mayor (?:que|de|a)|superior a|superiore a|maggiore di"
)
UNIT: Final = r"(?P<mass>[mµμu]?c?g)\s*/\s*(?P<volume>100\s*ml|dl|ml|l)"
FLAG: Final = (
    r"\*+|\(?\s*(?:[lh]{1,2}|[an]|low|high|abn(?:ormal)?|niedrig|hoch|bas|haut|bajo|alto|basso|[+-])\s*\)?[*!]*|!+"
)
LEVEL: Final = re.compile(
    rf"(?:(?P<below>{BELOW})|(?P<above>{ABOVE}))?\s*{NUMBER}\s*(?:{UNIT})?\s*(?:{FLAG})?", re.IGNORECASE
)
IN_CELL: Final = re.compile(rf"(?<![a-zµμ]){UNIT}(?![a-z])", re.IGNORECASE)


def likely_meaning(word: str) -> str | None:
    """What a cell probably means: a level such as 345 or <40, "missing", or None where nobody can say."""
    text = word.strip()
    match = LEVEL.fullmatch(text)
    if match is not None and re.search(r",\d{3}$", match[3]):
        return None  # 1,234: a thousand, or one and a bit
    if match is not None:
        sign = "<" if match["below"] else ">" if match["above"] else ""
        return sign + match[3].replace(",", ".")
    return MISSING if NO_LEVEL.search(text) else None


def g_per_l_in(word: str) -> float | None:
    """One of the unit written in a cell, in g/L; None where the cell holds none."""
    match = IN_CELL.search(word)
    return None if match is None else G_PER_L_IN.get(canonical_unit(match[0]))


def words_table(words: Iterable[str], most: int = 6) -> str:
    """`{ "QNS" = "missing", "LESS THAN 40" = "<40" }`: a likely meaning for each, "..." where nobody can say."""
    distinct = list(dict.fromkeys(word.strip() for word in words))
    pairs = [
        f"{json.dumps(word, ensure_ascii=False)} = {json.dumps(likely_meaning(word) or '...')}"
        for word in distinct[:most]
    ]
    return "{ " + ", ".join([*pairs, *(["..."] if len(distinct) > most else [])]) + " }"
