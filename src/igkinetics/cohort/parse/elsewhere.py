"""Columns and groups that speak of what belongs in another table, which the cohort does not have.

A cohort whose infusions stand in a column `ivig` of the samples, or whose therapy is named in the patients table, can
be read: every curve then goes on as if nothing had been given. So such columns are told.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.contract import TableName
from igkinetics.cohort.mapping.headings import plain, rank, read_heading, says_igg, words_of
from igkinetics.cohort.mapping.visits import VISIT_KINDS
from igkinetics.cohort.parse.cells import holding
from igkinetics.cohort.parse.contrary_words import MOST_WORDS, WITH_PARAPROTEIN
from igkinetics.cohort.parse.dose_words import ONCE
from igkinetics.cohort.parse.findings import Finding, warn
from igkinetics.cohort.parse.parsed import Parsed, Tables
from igkinetics.cohort.parse.remarks import has_paraprotein
from igkinetics.cohort.parse.row_status import NO
from igkinetics.cohort.parse.sample_words import names_total_igg
from igkinetics.cohort.parse.therapy import depletes
from igkinetics.cohort.presets.concepts import BRANDS, IMMUNOGLOBULIN_WORDS, says
from igkinetics.units import G_PER_L_IN

NEGATIONS: Final = "no|non|not|without|never|keine?|ohne|sans|sin|senza"
DENIED: Final = re.compile(rf"\b(?:{NEGATIONS}|nil|w/o)\b|control|kontroll|naive|placebo|untreated")
ABSENT: Final = NO | {"never", "nein", "unknown", "na", "n/a", "nan", "null"}
MEASURED: Final = ("gamma globulin", "gammaglobulin", "immunoglobulin", "immunoglobulins")
"""Beside levels these are no infusions."""
EARLIER_DOSE: Final = re.compile(
    r"\binfusions?\b|\b(?:last|prior|previous|since|after|before|post|pre) (?:\w+ )?doses?\b|\bdoses? (?:ago|before)\b"
)
SUBSTITUTED: Final = re.compile(r"\b(?:igg?|immun\w*) ?(?:substitution|replacement|ersatz|supplementation|therapy)")
BESIDE_A_DOSE: Final = re.compile(r"(?:pre|post|before|after|during)[ -]?(?:the )?(?:last )?(?:infusion|dose)")
"""Names and cells beside levels that place a sample by an infusion."""
SPOKEN: Final = "|".join([BRANDS.pattern, BESIDE_A_DOSE.pattern, *IMMUNOGLOBULIN_WORDS])
"""What is looked for among many cells."""
INFUSIONS: Final = re.compile(
    rf"\b(?:ivig|igiv|iv ?ig|scig|igsc|igrt)\b|\bimmun\w* ?g?\w* (?:infusion|dose)|{BRANDS.pattern}"
)
NO_NUMBER: Final = re.compile(r"[^0-9., gm]")
IN_WEIGHTS: Final = ("weight_kg", "weight")
MISSED: Final[dict[str, str]] = {
    "doses": "speaks of infusions, and the cohort has no doses: levels are read as if nothing had been infused; write "
    "the infusions in a table of doses",
    "therapy": "speaks of therapy that depletes B cells, and the cohort has no therapy: the production of IgG is taken "
    "as constant; write start and stop in a table of therapy",
    "weights": "reads like weights by day, and the cohort has no weights: doses in g/kg and volumes take the one "
    "weight of the patients table, or none; write them in a table of weights",
}
"""Table -> what is told of a column that speaks of it, where the cohort has no such table."""


def immunoglobulin(name: str) -> bool:
    """Whether a name says immunoglobulin to infuse, by itself or by a brand."""
    return says("immunoglobulin", name.replace("_", " "))


def amount_of_a_visit(heading: str) -> bool:
    """Whether a heading says a dose, by itself or on a day or a visit: `Dose week 4`."""
    counted = {word for words in VISIT_KINDS.values() for word in words}
    words = [word for word in words_of(heading) if not (word.isdigit() or word in counted)]
    read = read_heading(" ".join(words))
    return "DOSE" in read.concepts and not read.unknown and read.concepts <= {"DOSE", "GIVEN", "VISIT", "DAY", "IG"}


def speaks_of(table: TableName, heading: str, cells: pd.Series[str]) -> str:
    """The other table that a column without a meaning speaks of: doses, therapy or weights; "" for none."""
    if table == "samples" and any(rank("weights", name, heading) is not None for name in IN_WEIGHTS):
        return "weights"
    if table == "samples" and read_heading(heading).unit in G_PER_L_IN:
        return ""  # a level of something
    name = " ".join(words_of(heading))
    if table not in ("samples", "patients", "outcomes", "therapy") or says_igg(heading) or DENIED.search(name):
        return ""
    distinct = pd.Series(cells.unique(), dtype=str)
    many = len(distinct) > MOST_WORDS
    words = [plain(word).strip() for word in (distinct[holding(distinct, SPOKEN)] if many else distinct)]
    told = [word for word in words if not (word in ABSENT or ONCE.fullmatch(word) or DENIED.search(word))]
    if not (told or many) or (table == "samples" and name in MEASURED):
        return ""
    told = [word for word in told if not names_total_igg(word)] if table == "samples" else told
    if not (told or many):
        return ""
    if immunoglobulin(name) or SUBSTITUTED.search(name) or any(map(immunoglobulin, told)):
        return "doses"
    if table == "samples" and amount_of_a_visit(heading) and bool(told) and not any(map(NO_NUMBER.search, told)):
        return "doses"
    beside_a_dose = EARLIER_DOSE.search(name) is not None or any(map(BESIDE_A_DOSE.fullmatch, told))
    if table == "samples" and beside_a_dose and not depletes(name):
        return "doses"
    if table != "therapy" and depletes(name):
        return "therapy"
    if table == "patients" and told and not many and all(map(depletes, told)):
        return "therapy"
    return ""


def names_infusions(cells: pd.Series[str]) -> bool:
    """Whether some cells of a column of tests or kinds of rows say that their rows are infusions of immunoglobulin."""
    return any(INFUSIONS.search(text) and not DENIED.search(text) for text in map(plain, map(str, cells.unique())))


def check_groups(tables: Tables) -> Parsed:
    """Ask about groups named after an infusion, or a therapy, that nobody or everybody in them contradicts."""
    patients = tables["patients"]
    if patients.table.column("group") is None:
        return patients
    rows = patients.usable()
    group = rows["group"].astype(str)
    findings: list[Finding] = []
    for name in group.unique():
        for table, named, what in CONTENTS:
            if not named(name):
                continue
            own = rows[group == name]
            known = tables[table].usable()["patient"] if table in tables else pd.Series(dtype=np.int64)
            n_told = int(own["patient"].isin(known).sum())
            denied = DENIED.search(plain(name)) is not None
            if (denied and 2 * n_told <= len(own)) or (not denied and n_told):
                continue
            told = f"{n_told or 'none'} of the {len(own)} in this group {what}: is the group right, is the table whole?"
            findings += warn(patients.rows(own.index[:1]), "group", patients.table.text["group"], told)
        if has_paraprotein(plain(name)):
            first = rows.index[group == name][:1]
            told = f"{WITH_PARAPROTEIN}: is it among these levels?"
            findings += warn(patients.rows(first), "group", patients.table.text["group"], told)
    return patients.with_findings(findings)


CONTENTS: Final[tuple[tuple[TableName, Callable[[str], bool], str], ...]] = (
    ("doses", immunoglobulin, "with a dose"),
    ("therapy", depletes, "with a therapy"),
)
