"""Which codes and names mean IgG, immunoglobulin and B-cell-depleting agents: data/concepts.csv.

Public lists contradict each other on some codes, so a code counts only beside a name that says the same. A name alone
counts too; but a LOINC code that is none of IgG's says another test, whatever its name.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from igkinetics.cohort.mapping.headings import plain, says_igg
from igkinetics.resources import resource_folder

List = Literal["igg", "immunoglobulin", "agent"]
Verdict = Literal["yes", "no", "contradiction"]
SYSTEMS: Final = {
    "http://loinc.org": "LOINC",
    "loinc": "LOINC",
    "http://www.whocc.no/atc": "ATC",
    "atc": "ATC",
    "http://fhir.de/codesystem/bfarm/atc": "ATC",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "rxnorm": "RxNorm",
}
"""Names of code systems, in lower case -> the vocabulary of the list."""
VOCABULARIES: Final = frozenset(SYSTEMS.values())
NOT_POLYCLONAL: Final = (
    "anti",
    "hepatit",
    "tetan",
    "rabies",
    "rho",
    "varicell",
    "cytomegal",
    "botul",
    "hyperimmun",
    "equine",
    "rsv",
    "vaccin",
    "specific",
)
"""Immunoglobulins against one thing are no replacement of IgG."""
IMMUNOGLOBULIN_WORDS: Final = (
    "ivig",
    "igiv",
    "scig",
    "igsc",
    "immunoglobulin",
    "immune globulin",
    "immunglobulin",
    "inmunoglobulina",
    "gamma globulin",
    "immunoglobuline",
    "globulin,immune",
    "gammaglobulin",
)
BRANDS: Final = re.compile(
    r"\b(?:iveg|privigen|octagam|gamunex|gammaked|gammagard|kiovig|gammaplex|flebogamma|intratect|panzyga|hizentra|cuvitru|"
    r"hyqvia|gammanorm|xembify|cutaquig|bivigam|asceniv|yimmugo|alyglo|ig ?vena|sandoglobulin|subcuvia|"
    r"vivaglobin|evogam|"
    r"subgam|carimune|intragam|nanogam|vigam|tegeline|clairyg|plangamma|beriglobin|venimmun|endobulin)\b"
)
"""Immunoglobulin by names that do not say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """One code of a list; `word` must stand in any name beside it, `older` are codes that it had before.

    The file also says the source of each.
    """

    list: str
    vocabulary: str
    code: str
    name: str
    word: str
    older: tuple[str, ...]


@cache
def concepts() -> tuple[Concept, ...]:
    """The lists as they lie in data/concepts.csv."""
    with (resource_folder("data") / "concepts.csv").open(encoding="utf-8", newline="") as stream:
        return tuple(
            Concept(
                list=row["list"],
                vocabulary=row["vocabulary"],
                code=row["code"],
                name=row["name"],
                word=row["word"],
                older=tuple(row["older"].split()),
            )
            for row in csv.DictReader(stream)
        )


def vocabulary_of(system: str) -> str:
    """The vocabulary of a code system by its address or name; the text itself where it is none of the lists'."""
    return SYSTEMS.get(system.strip().casefold(), system.strip())


def judge(wanted: List, system: str, code: str, name: str) -> Verdict:
    """Whether a code with its name belongs to a list. A code of it beside a name that says otherwise contradicts."""
    code = code.strip()
    for one in concepts():
        if one.list == wanted and vocabulary_of(system) in ("", one.vocabulary) and code in (one.code, *one.older):
            return "yes" if not name.strip() or says(wanted, name, one.word) else "contradiction"
    complete = wanted == "igg" and vocabulary_of(system) in VOCABULARIES
    return "yes" if says(wanted, name) and not (code and complete) else "no"


def says(wanted: List, name: str, word: str = "") -> bool:
    """Whether a name in words says what the list is about."""
    text = plain(name)
    if wanted == "igg":
        return says_igg(name)
    if wanted == "immunoglobulin":
        named = any(known in text for known in IMMUNOGLOBULIN_WORDS) or BRANDS.search(text.replace("_", " "))
        return bool(named) and not any(other in text for other in NOT_POLYCLONAL)
    return word in text if word else agent_named(name) != ""


def agent_named(name: str) -> str:
    """The agent of the list that a name says; empty for none."""
    text = plain(name)
    return next((one.name for one in concepts() if one.list == "agent" and one.word in text), "")


def agent_of(system: str, code: str, name: str) -> str:
    """The agent of a code, else of a name; empty for none."""
    for one in concepts():
        if one.list == "agent" and vocabulary_of(system) == one.vocabulary and code.strip() in (one.code, *one.older):
            return one.name
    return agent_named(name)
