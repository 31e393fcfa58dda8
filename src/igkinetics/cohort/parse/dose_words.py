"""Words beside doses: how often, in how many parts, how much of each was given, and whether it was carried through."""

from __future__ import annotations

import re
from typing import Final

from igkinetics.cohort.parse.row_status import AFFIRMING, NO, YES, about_rows

PART: Final = frozenset({"percent", "pct", "fraction", "proportion", "portion", "share"})
WASTED: Final = frozenset({"wasted", "discarded", "verworfen"})
RECEIVED: Final = frozenset(
    {"given", "administered", "received", "infused", "delivered", "actual", "verabreicht", "gegeben"}
)
BESIDE: Final = frozenset({"day", "date", "time", "at", "by", "on", "n", "no", "number", "ml", "volume", "rate", "kg"})
PER: Final = frozenset({"week", "day", "month", "weekly", "daily", "monthly"})
FREQUENCY: Final = frozenset(
    {"frequency", "freq", "q", "schedule", "interval", "repeats", "repeat", "every", "addl", "haufigkeit"}
    | {"intervall", "frequenz", "turnus", "rhythmus", "frequence", "intervalle", "frecuencia", "intervalo", "frequenza"}
    | {"intervallo", "frequentie", "periodicidad"}
)
COUNTED: Final = frozenset({"doses", "infusions", "administrations"})
NUMBER_OF: Final = frozenset({"n", "no", "number", "num", "count", "total", "anzahl"})
ONCE: Final = re.compile(
    r"|0+(?:\.0*)?|once|single(?: dose)?|one[ -]?(?:time|off)|stat|prn|1 ?x|einmalig|unique|na|none|-|\."
)
COURSE_DAYS: Final = frozenset({"days", "tage", "tagen", "jours", "dias", "giorni", "dagen"})
DAYS_OF_A_COURSE: Final = (
    COURSE_DAYS
    | NUMBER_OF
    | {"of", "infusion", "dose", "dosing", "treatment", "consecutive", "over", "split", "spread", "divided", "across"}
    | {"verteilt", "auf", "uber", "an", "sur", "reparti", "en", "su", "in", "for", "verdeeld"}
)
"""All words of a heading that counts the days of a course."""
TOTALS: Final = frozenset({"total", "whole", "overall", "gesamt", "gesamtdosis", "totale"})
AMOUNTS_OF: Final = frozenset({"g", "mg", "grams", "dose", "amount", "dosis", "gesamtdosis", "course"})
VIALS: Final = frozenset(
    {"vial", "vials", "bottle", "bottles", "quantity", "qty", "flaschen", "flacons", "viales", "packs"}
)
SIZE: Final = frozenset({"size", "strength", "g", "ml", "mg", "lot", "batch", "unit", "units"})
BROKEN_OFF: Final = frozenset(
    {"discontinued", "interrupted", "paused", "abgebrochen", "unterbrochen", "aborted", "stopped", "terminated"}
    | {"abbruch", "abbruchgrund", "interrompu", "interrompue", "arrete", "arretee", "interrumpido", "interrumpida"}
    | {"suspendida", "interrotto", "interrotta", "onderbroken", "afgebroken", "gestopt", "gestoppt"}
)
EARLY: Final = frozenset({"early", "prematurely", "vorzeitig", "before", "end", "prematurement", "antes", "anticipata"})
CARRIED_THROUGH: Final = frozenset(
    {"completed", "complete", "finished", "abgeschlossen", "vollstandig", "beendet", "termine", "terminee"}
    | {"completado", "completada", "completa", "completo", "completato", "completata", "voltooid", "volledig"}
)
WHOLE_DOSE: Final = CARRIED_THROUGH | {"full", "fully", "whole", "entire", "entirely", "ganz", "ganze", "voll"}
NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)? ?%?")
WHOLE: Final = re.compile(r"100(?:[.,]0*)? ?%?|1(?:[.,]0*)?")
AMOUNT: Final = re.compile(r"(?!(?:0|1)$)\d+(?:[.,]\d+)?(?: ?m?g)?")
"""No yes or no."""
PART_OF: Final = re.compile(r"(\d+(?:[.,]\d+)?) ?m?g? ?(?:/|of|von|sur|de) ?(\d+(?:[.,]\d+)?)(?: ?m?g)?")
"""12/30 g: some of the whole."""


def not_whole(named: frozenset[str], words: list[str]) -> list[bool]:
    """Infusions that were not carried through: "no" under `completed`, anything under `reason not completed`."""
    asked = about_rows("doses", named, WHOLE_DOSE | AFFIRMING)
    whole, denied = bool(WHOLE_DOSE & named) and asked, "not" in named
    broken = about_rows("doses", named - EARLY, BROKEN_OFF)
    told = [not NUMBER.fullmatch(word) and word not in NO and not ONCE.fullmatch(word) for word in words]
    return [
        (whole and not denied and word in NO)
        or (((whole and denied) or broken) and (word in YES or (says and ":" not in word)))
        for word, says in zip(words, told, strict=True)
    ]
