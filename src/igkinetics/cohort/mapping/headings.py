"""What the heading of a foreign column means: the contract's names in the words of hospitals, laboratories and trials.

A heading is cut into words, accents and capitals aside; each word stands for a concept, a unit at its end is set
apart, and the set of concepts decides. Words, units and sets lie in data/headings.toml. A heading with a word that
nobody knows means nothing: no column is guessed from a likeness alone.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Any, Final

from igkinetics.cohort.mapping.contract import TABLES, TableName
from igkinetics.resources import resource_folder
from igkinetics.units import G_PER_L_IN

FILE: Final = "headings.toml"
MASSES: Final = ("g", "mg", "g/kg", "mg/kg")

LOINC_IGG: Final = "2465-3"
NOT_TOTAL_IGG: Final = re.compile(r"igg\s*[1-4]\b|\bsub|csf|liquor|\bindex|ratio", re.IGNORECASE)
IGG_SPELLINGS: Final = re.compile(
    r"\b(?:i(?:m|n)+u{0,2}no?globul[a-zé]*|immune globulins?|gamma ?globul[a-z]*|ig)[ _.\-]*g\b", re.IGNORECASE
)
_TOKEN: Final = re.compile(r"[a-z]+[0-9]*[a-z]*|[0-9]+|%")


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads((resource_folder("data") / FILE).read_text(encoding="utf-8"))


@cache
def _concept_of_word() -> dict[str, str]:
    """Word, without accents and in lower case -> its concept; the first in the file where two have it."""
    return {word: concept for concept, words in reversed(_file()["concepts"].items()) for word in words.split()}


def concept_of(word: str) -> str:
    """The concept of a word by itself; "" for none."""
    return _concept_of_word().get(word, "")


@cache
def fillers() -> frozenset[str]:
    """Words that change nothing."""
    return frozenset(_file()["fillers"].split())


@cache
def _unit_of_words() -> dict[tuple[str, ...], str]:
    return {tuple(words.split()): unit for unit, spellings in _file()["units"].items() for words in spellings}


@cache
def meanings() -> dict[TableName, dict[str, tuple[str, ...]]]:
    """Of each table: column of the contract -> sets of concepts that mean it, the likeliest first.

    `datetime` stands for day as well, `amount` and `weight` for their names with a unit.
    """
    owners = {"patient_id": tuple(_file()["patient_id"]["sets"])}
    tables = _file()["tables"]
    return {
        name: {**owners, **{column: tuple(sets) for column, sets in tables[name].items()}}
        for name in TABLES
        if name in tables
    }


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading as read: the concepts of its words, the unit at its end ("" for none), and words nobody knows."""

    concepts: frozenset[str]
    unit: str
    unknown: tuple[str, ...]


def plain(heading: str) -> str:
    """Without accents and capitals."""
    if heading.isascii():
        return heading.casefold()  # most cells of a large table, at a tenth of the time
    letters = unicodedata.normalize("NFKD", heading.replace("µ", "u").replace("μ", "u"))
    return "".join(one for one in letters if not unicodedata.combining(one)).casefold()


def words_of(heading: str) -> list[str]:
    """The words of a heading; camelCase is cut, immunoglobulin G is one word."""
    text = IGG_SPELLINGS.sub(" igg ", heading.replace("_", " "))
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", re.sub("igg", "igg", text, flags=re.IGNORECASE))
    return _TOKEN.findall(plain(text))


@lru_cache(maxsize=4096)
def read_heading(heading: str) -> Heading:
    """The concepts of a heading and the unit at its end."""
    if LOINC_IGG in heading:
        return Heading(frozenset({"IGG"}), "", ())
    words, unit = without_unit(words_of(heading))
    concepts: set[str] = set()
    unknown = []
    for word in words:
        meant = _concepts_of(word)
        concepts |= meant
        if not meant and word not in fillers():
            unknown.append(word)
    if words and words[-1] in ("am", "on", "at", "um"):
        concepts.add("DATE")
    if "IGG" in concepts and NOT_TOTAL_IGG.search(heading):
        unknown.append("part of IgG")
    if concepts & {"DAY", "TIME"} and (concepts & {"SINCE"} or {"from", "ab"} & set(words)):
        after_any = {"dose", "infusion", "last"} & set(words) and "first" not in words
        return Heading(frozenset({"DAY"}), unit, ("a clock that starts anew",) if after_any else ())
    if concepts >= {"SAMPLE", "COLLECTED"}:
        concepts -= {"COLLECTED"}
    return Heading(frozenset(concepts), unit, tuple(unknown))


def without_unit(words: list[str]) -> tuple[list[str], str]:
    """The words of a heading before its unit, and the unit; "" for none."""
    for length in (3, 2, 1):
        unit = _unit_of_words().get(tuple(words[-length:])) if len(words) > length else None
        if unit is not None:
            return words[:-length], unit
    return words, ""


def _concepts_of(word: str) -> frozenset[str]:
    """The concept of a word, or those of the two known words it is a compound of."""
    known = _concept_of_word()
    if word in known:
        return frozenset({known[word]})
    for cut in range(3, len(word) - 1):
        second = known.get(word[cut:])
        first = known.get(word[:cut]) or known.get(word[:cut].removesuffix("s"))
        if first is not None and second is not None:
            return frozenset({first, second})
    return frozenset()


def rank(table: TableName, name: str, heading: str) -> int | None:
    """How well a heading says a contract name (or "datetime" for a day), 0 best; None when it does not."""
    if plain(heading).strip().replace(" ", "_") == name:
        return -1
    read = read_heading(heading)
    if table == "doses" and name == "amount" and _says_grams_given(read):
        return len(meanings()[table]["amount"])
    if read.unknown or (table == "doses" and _is_length_of_infusion(read) is not (name == "duration")):
        return None
    if name == "igg" and read.unit not in ("", *G_PER_L_IN):
        return None  # `IgG_min` is no level in minutes
    meant = read.concepts - {"QUALIFIER"}
    for index, words in enumerate(meanings()[table].get(name, ())):
        wanted = frozenset(words.split())
        beside = {"LAB", "IGG"} if "DATE" in wanted else {"LAB"}
        if meant and (meant == wanted or meant - beside == wanted):
            return index
    return None


def _says_grams_given(read: Heading) -> bool:
    """`Administered (g)`: an amount by its unit."""
    return read.unit in MASSES and not read.unknown and read.concepts - {"QUALIFIER"} == {"GIVEN"}


def _is_length_of_infusion(read: Heading) -> bool:
    """An infusion time in hours or minutes is a duration; any other time is the moment."""
    return "DURATION" in read.concepts or (read.unit in ("h", "min") and "TIME" in read.concepts)


def likeliest(table: TableName, name: str, headings: Iterable[str]) -> str | None:
    """The heading that says a contract name best; else one with a slip of the pen; else None."""
    present = list(headings)
    ranked = [(index, order) for order, one in enumerate(present) if (index := rank(table, name, one)) is not None]
    if ranked:
        return present[min(ranked)[1]]
    by_plain = {plain(one): one for one in reversed(present)}
    near = get_close_matches(name, by_plain, n=1, cutoff=0.85)
    if name == "igg" and near and NOT_TOTAL_IGG.search(near[0]):
        return None  # a subclass is no slip of the pen
    return by_plain[near[0]] if near else None


def says_igg(word: str) -> bool:
    """Whether a heading, or a cell of a column of analytes, means total IgG in serum and nothing else."""
    read = read_heading(word)
    return "IGG" in read.concepts and not read.unknown and read.concepts <= {"IGG", "LAB", "QUALIFIER", "VALUE"}


def known_headings(cells: Sequence[str]) -> int:
    """How many cells of a row are headings of some table: what tells a header from a title or a row of values."""
    columns = [(table, name) for table, names in meanings().items() for name in names]
    return len({cell for cell in cells if cell.strip() and any(rank(*column, cell) is not None for column in columns)})


HEADER_ROWS_LOOKED_AT: Final = 40


def header_place(rows: Sequence[Sequence[str]]) -> int:
    """Which of the first rows is the header: the one with most known headings, the first of these on a tie.

    0 where no row has two of them. A title or a merged heading has fewer filled cells than the row of columns below it.
    """
    known = [known_headings(row) for row in rows[:HEADER_ROWS_LOOKED_AT]]
    best = max(known, default=0)
    index = known.index(best) if best >= 2 else 0
    filled = [sum(cell.strip() != "" for cell in row) for row in (rows[0], rows[index])] if rows else [0, 0]
    return index if filled[0] < filled[1] else 0
