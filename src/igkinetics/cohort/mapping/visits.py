"""Wide tables of samples: which headings are the IgG of a visit, on which day, and which columns hold its date."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from igkinetics.cohort.mapping.headings import NOT_TOTAL_IGG, concept_of, fillers, read_heading, without_unit, words_of
from igkinetics.units import G_PER_L_IN

VISIT_KINDS: Final[dict[str, tuple[str, ...]]] = {
    "week": ("wk", "week", "weeks", "woche", "wochen", "w", "semaine", "sem", "semana", "settimana"),
    "day": ("d", "day", "days", "tag", "jour", "j", "dia", "giorno"),
    "month": ("m", "mo", "month", "months", "monat", "mois", "mes", "mese"),
    "visit": ("v", "visit", "visite", "visita", "t", "tp", "timepoint", "n", "no", "nr", ""),
}
DAYS_OF: Final = {"week": 7.0, "day": 1.0, "month": 30.4375}
FIRST_VISIT: Final = frozenset({"baseline", "bl", "base", "pre", "screening", "basal", "basale", "inclusion"})
MINUS_WORDS: Final = frozenset({"minus", "moins", "menos", "meno"})
PLUS_WORDS: Final = frozenset({"plus", "mas", "piu"})
HYPHENS: Final = "-\u2010\u2011\u2012\u2013\u2014"
SIGNED: Final = re.compile(
    rf"(?:\b(?:{'|'.join((*MINUS_WORDS, *PLUS_WORDS))})\s+|[{HYPHENS}+\u2212]\s*)?(?P<digits>\d+)", re.IGNORECASE
)
RULE_NUMBER: Final = re.compile(r"[+-]?\d+")
"""What a rule of `wide` reads in place of its *."""
OF_A_TIME: Final = frozenset({"DATE", "DAY", "TIME", "SAMPLE", "COLLECTED", "VISIT", "LAB", "IGG"})
"""All that the heading of a visit's day or date may speak of."""
NO_TIME: Final = frozenset({"IG", "DOSE", "WEIGHT", "HEIGHT", "UNIT"})
DAY_TO_CHOOSE: Final = "DAY"


@dataclass(frozen=True, slots=True)
class VisitColumn:
    """A column that holds the IgG of one visit: what is counted (week, day, month, visit), and its number.

    written: the number as it stands in the heading, with its sign; unit: of the levels, as the heading says it.
    """

    heading: str
    kind: str
    number: float
    written: str = ""
    unit: str = ""


def visit_columns(headings: Iterable[str]) -> list[VisitColumn]:
    """The columns of a wide table that hold IgG, one for each visit; empty unless there are at least two."""
    visits = [visit for heading in headings if (visit := _visit_of(heading)) is not None]
    return _with_signs(visits) if len(visits) >= 2 else []


def _visit_of(heading: str) -> VisitColumn | None:
    text = re.sub(r"(?<=[a-z])(?=-?\d)|(?<=\d)(?=[a-z])", " ", " ".join(words_of(heading)))
    split, unit = without_unit(text.split())
    words = [word for word in split if word not in fillers() or word in ("d", "n")]
    if "igg" not in words or NOT_TOTAL_IGG.search(heading.replace("_", " ")):
        return None
    signs = MINUS_WORDS | PLUS_WORDS
    rest = [word for word in words if word not in ("igg", *signs) and concept_of(word) not in ("QUALIFIER", "LAB")]
    if len(rest) == 1 and rest[0] in FIRST_VISIT:
        return VisitColumn(heading, "baseline", 0.0, unit=unit)
    numbers = [word for word in rest if word.isdigit()]
    names = [word for word in rest if not word.isdigit()] or [""]
    kind = next((kind for kind, known in VISIT_KINDS.items() if names[0] in known), None)
    if len(numbers) != 1 or len(names) != 1 or kind is None:
        return None
    signed = next((one for one in SIGNED.finditer(heading) if one["digits"] == numbers[0]), None)
    return VisitColumn(heading, kind, float(numbers[0]), signed[0] if signed else numbers[0], unit)


def _with_signs(visits: list[VisitColumn]) -> list[VisitColumn]:
    """The numbers with their signs. A hyphen before every number may be a mere hyphen: such days are left to choose."""
    marks = [_mark(visit.written) for visit in visits]
    numbered = [index for index, visit in enumerate(visits) if visit.kind != "baseline"]
    hyphens = [index for index in numbered if marks[index] == "-"]
    if hyphens and len(hyphens) == len(numbered):
        numbers = [visits[index].number for index in hyphens]
        if 0.0 in numbers or (len(numbers) > 1 and numbers == sorted(numbers) and hyphens[-1] == len(visits) - 1):
            return [replace(visit, written=visit.written.lstrip(f"{HYPHENS} ")) for visit in visits]
        return [visit if visit.kind == "baseline" else replace(visit, kind="visit") for visit in visits]
    signed = zip(visits, marks, strict=True)
    return [replace(visit, number=-visit.number) if mark in ("-", "minus") else visit for visit, mark in signed]


def _mark(written: str) -> str:
    """The sign before a number: "minus" for one that is surely one, "-" for what may be a hyphen, else ""."""
    start = written.strip().lower()
    if start.startswith("\u2212") or start.split(" ")[0] in MINUS_WORDS:
        return "minus"
    return "-" if start and start[0] in HYPHENS else ""


def _time_said(heading: str) -> str:
    """ "datetime" or "day" where a heading speaks of a time and of nothing else; "" for any other."""
    words = [
        word for word in words_of(heading) if concept_of(word) or not any(word in one for one in VISIT_KINDS.values())
    ]
    read = read_heading(" ".join(words))
    if read.unknown or read.unit or not read.concepts <= OF_A_TIME:
        return ""
    return "datetime" if "DATE" in read.concepts else "day" if "DAY" in read.concepts else ""


def of_another_measurement(heading: str) -> bool:
    """Whether a heading says amounts, levels or weights, and no day or date."""
    read = read_heading(heading)
    return read.unit not in ("", "h", "min", "y") or bool(read.concepts & NO_TIME)


def columns_of_times(visits: Sequence[VisitColumn], headings: Iterable[str]) -> tuple[str, str] | None:
    """("datetime" or "day", pattern) of the columns that hold the date or day of each visit; None without them."""
    present = set(headings)
    numbers = [visit.written for visit in visits]
    days_known = all(visit.kind in DAYS_OF for visit in visits)
    if not all(numbers):
        return None
    for heading in headings:
        pattern = _pattern(heading, numbers[0])
        kind = _time_said(pattern.replace("*", " ")) if "*" in pattern else ""
        if kind == "day" and days_known and any(concept_of(word) == "SINCE" for word in words_of(heading)):
            continue  # another clock than that of the headings
        if kind and all(pattern.replace("*", number) in present for number in numbers):
            return kind, pattern
    return None


def wide_key(visits: Sequence[VisitColumn], headings: Sequence[str] = ()) -> str:
    """The key `wide` for columns of visits: the columns of their dates where the table has them, a rule on the number
    where one is plain, else the day of each heading."""
    kinds = {visit.kind for visit in visits}
    patterns = {_pattern(visit.heading, visit.written) for visit in visits}
    own = {visit.heading for visit in visits}
    others = [one for one in headings if one not in own]
    pattern = next(iter(patterns)) if len(patterns) == 1 else ""
    plain = "*" in pattern and not any(_fits(pattern, one) for one in others)
    times = columns_of_times(visits, others) if plain else None
    if times is not None:
        return f"wide = {{ columns = {_quoted(pattern)}, {times[0]} = {_quoted(times[1])} }}"
    by_rule = plain and all(RULE_NUMBER.fullmatch(visit.written) for visit in visits)
    if len(kinds) == 1 and by_rule and kinds <= DAYS_OF.keys():
        days = DAYS_OF[next(iter(kinds))]
        rule = "*" if days == 1 else f"{days:g} * *"
        return f"wide = {{ columns = {_quoted(pattern)}, day = {_quoted(rule)} }}"
    known = kinds <= {*DAYS_OF, "baseline"}
    days_of = [f"{DAYS_OF.get(one.kind, 0) * one.number:g}" if known else DAY_TO_CHOOSE for one in visits]
    pairs = [f"{_quoted(one.heading)} = {day}" for one, day in zip(visits, days_of, strict=True)]
    return f"wide = {{ day = {{ {', '.join(pairs)} }} }}"


def levels_in_their_units(visits: Sequence[VisitColumn]) -> list[str]:
    """The units of IgG that headings of visits state, each once; "" among them where one states none."""
    return list(dict.fromkeys(visit.unit if visit.unit in G_PER_L_IN else "" for visit in visits))


def _pattern(heading: str, number: str) -> str:
    """The heading with * for its number; as it is without one."""
    return re.sub(rf"(?<!\d){re.escape(number)}(?!\d)", "*", heading, count=1) if number else heading


def _fits(pattern: str, heading: str) -> bool:
    start, _, end = pattern.partition("*")
    return len(heading) > len(start) + len(end) and heading.startswith(start) and heading.endswith(end)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
