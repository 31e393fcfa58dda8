"""Ids of patients that differ only in form (7, 007 and 7.0 are probably one), and those that read like no person."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from igkinetics.cohort.parse.cells import holding
from igkinetics.cohort.parse.parsed import Tables
from igkinetics.errors import Problem, counted

MOST_NAMED: Final = 20
ALIKE: Final = (
    "ids that differ only in form are different patients here; if they are one, write one form, or map them under "
    "[TABLE.values.patient_id] in cohort.toml"
)
NO_PERSON: Final = re.compile(
    r"(?:qc|iqc|eqa|quality[ _-]?controls?|calibrators?|cal|blank|standards?|std|"
    r"pool(?:ed)?(?:[ _-]?(?:serum|plasma))?|"
    r"references?|ref|normal (?:serum|pool)|test(?:[ _-]?patient)?|dummy|demo)(?:[ _-]*\d+)?|"
    # with a number they are patients of a control group
    r"(?:controls?|kontrolle)(?:[ _-]?(?:serum|plasma|sample|material|probe))?|kontroll(?:serum|probe)|"
    r"mean|median|average|mittelwert|moyenne|totals?|sum|summe|sd|n|min|max|all(?: patients)?"
)
DESTROYED: Final = re.compile(r"\d[.,]\d+e\+?\d+|\d+e\+\d+|#+|#(?:ref|name|value|n/a|num|null|div/0)[!?]?")
NO_ID: Final = re.compile(
    r"unknown|unbekannt|inconnu|desconocido|sconosciuto|onbekend|n/?a|n\.a\.|-+|"
    r"\?+|\.|none|null|nan"
)
SAID_OF_IDS: Final = (
    (NO_PERSON, "reads like no patient (a control, a mean, a test): leave such rows out, or ignore this if it is one"),
    (
        DESTROYED,
        "an id that a spreadsheet has shortened to a power of ten or to signs: several patients may be one here; "
        "export it again as text",
    ),
    (
        NO_ID,
        "reads like no id: rows of several patients may be taken as those of one; give ids, or leave such rows out",
    ),
)
FORMS: Final = (
    (r"\s+", ""),
    (r"(\p{L})[-_./](\p{Nd})", r"\1\2"),
    (r"(^|[^\p{Nd}.])0+(\p{Nd})", r"\1\2"),
    (r"^(\p{Nd}+)\.0+$", r"\1"),
)
"""What is form and no content: blanks, a mark between letters and a number, leading zeros, a decimal point."""


def same_form(patients: list[str]) -> pd.Series[str]:
    """Each id without what is only form."""
    ids = pd.Series(patients, dtype=str)
    foreign = ids.str.contains(r"[^\x00-\x7f]", regex=True)
    ids = ids.str.lower() if not foreign.any() else ids.str.normalize("NFKC").str.casefold()
    form = pa.array(ids, type=pa.string())
    for pattern, text in FORMS:
        form = pc.replace_substring_regex(form, pattern, text)
    return pd.Series(form.to_numpy(zero_copy_only=False), dtype=str)


def no_persons(tables: Tables, patients: list[str]) -> list[Problem]:
    """A warning for each id that reads like a control, a mean or a test (not where all do), or like no id at all."""
    ids = pd.Series(patients, dtype=str)
    told = []
    for pattern, expected in SAID_OF_IDS:
        rows = np.flatnonzero(holding(ids, rf"^\s*(?:{pattern.pattern})\s*$")).tolist()
        if pattern is NO_PERSON and len(rows) == len(patients):
            continue
        told += [_at_first_row(tables, row, patients[row], expected, "used as a patient") for row in rows[:MOST_NAMED]]
    return [problem for problem in told if problem is not None]


def ids_alike(tables: Tables, patients: list[str]) -> list[Problem]:
    """A warning for each group of ids that differ only in form, at the first row of the second of them."""
    form = same_form(patients)
    shared = form[form.duplicated(keep=False)]
    distinct = shared.drop_duplicates()
    named = [shared.index[shared == one].tolist() for one in distinct.head(MOST_NAMED)]
    problems = [_problem(tables, patients, rows) for rows in named]
    if len(distinct) > MOST_NAMED and problems[0] is not None:
        n_more = counted(len(distinct) - MOST_NAMED, "further group")
        problems.append(_warning(problems[0].file, None, n_more, ALIKE, "used as different patients"))
    return [problem for problem in problems if problem is not None]


def _problem(tables: Tables, patients: list[str], rows: list[int]) -> Problem | None:
    shown = ", ".join(repr(patients[row]) for row in rows)
    return _at_first_row(tables, rows[1], shown, ALIKE, "used as different patients")


def _at_first_row(tables: Tables, patient: int, found: str, expected: str, action: str) -> Problem | None:
    for parsed in tables.values():
        here = np.flatnonzero(parsed.frame["patient"].to_numpy() == patient)
        if here.size:
            table = parsed.table
            file, line = table.files[table.file_code[here[0]]], int(table.line[here[0]])
            return _warning(file, line, found, expected, action)
    return None


def _warning(file: str, line: int | None, found: str, expected: str, action: str) -> Problem:
    return Problem(
        file=file,
        line=line,
        column="patient_id",
        found=found,
        expected=expected,
        severity="warning",
        action=action,
    )
