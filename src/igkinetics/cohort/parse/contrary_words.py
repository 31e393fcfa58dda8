"""Unused columns whose cells say that rows are not what they are taken for.

Another analyte or specimen among the levels, a level that nobody measured, another drug among the infusions, a result
or a dose that was taken back or never given, a dose that repeats, is one of several vials or was given in part, an
event that did not happen, a patient to be left out: what the row says of itself counts, whatever the heading of the
column. A cell counts only where the whole of it is such a word; remarks are searched, and only asked about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.mapping.contract import TableName
from igkinetics.cohort.mapping.headings import plain, words_of
from igkinetics.cohort.parse.cells import holding
from igkinetics.cohort.parse.dose_words import (
    AMOUNT,
    AMOUNTS_OF,
    BESIDE,
    BROKEN_OFF,
    CARRIED_THROUGH,
    COUNTED,
    COURSE_DAYS,
    DAYS_OF_A_COURSE,
    FREQUENCY,
    NUMBER,
    NUMBER_OF,
    ONCE,
    PART,
    PART_OF,
    PER,
    RECEIVED,
    SIZE,
    TOTALS,
    VIALS,
    WASTED,
    WHOLE,
    not_whole,
)
from igkinetics.cohort.parse.findings import Mask
from igkinetics.cohort.parse.products import (
    OTHER_DRUG,
    OTHER_THAN,
    WHAT_WAS_GIVEN,
    other_codes,
    other_product,
    unlike_the_others,
)
from igkinetics.cohort.parse.remarks import (
    A_TOTAL,
    ANOTHER_METHOD,
    ANOTHER_VALUE,
    DRAWN_AMISS,
    FIRST_ENTRY,
    LOSES_IGG,
    NOT_GIVEN_AFTER_ALL,
    PARAPROTEIN,
    REMARK,
    REMARK_ON_A_DOSE,
    REMARK_ON_A_THERAPY,
    REPEATED,
    SECOND_ENTRY,
    SURMISED,
    lost_otherwise,
    with_paraprotein,
)
from igkinetics.cohort.parse.row_status import (
    LEFT_OUT,
    NO,
    NO_PARTICIPANT,
    NOT_GIVEN,
    TAKEN_BACK,
    TAKEN_IN,
    YES,
    about_rows,
    not_given,
    taken_back,
)
from igkinetics.cohort.parse.sample_words import (
    ANALYTE_WORDS,
    ANOTHER_PERSON,
    IMPUTED,
    NO_PATIENT,
    NOT_MEASURED,
    OTHER_ANALYTE,
    OTHER_SPECIMEN,
    PENDING,
    SPOILT,
    another_analyte,
    diluted,
    interfered,
    no_observation,
    no_result,
    other_tests,
    others_than_igg,
    spoilt,
)
from igkinetics.cohort.parse.words import Words

SPREAD: Final = frozenset({"sd", "se", "sem", "stdev", "std"})
COURSES: Final = frozenset({"cycles", "courses", "repeats", "zyklen"})
LENGTH: Final = frozenset({"duration", "length", "lasts", "dauer", "duree", "duracion", "durata"})
PAUSES: Final = frozenset(
    {"interruption", "interruptions", "pause", "pauses", "break", "breaks", "gap", "gaps", "held"}
)
B_CELLS_BACK: Final = frozenset(
    {"recovery", "recovered", "reconstitution", "return", "returned", "repopulation", "back"}
)
HAPPENED: Final = frozenset({"event", "occurred", "happened", "observed", "present", "value", "result", "yn", "flag"})
GRADES: Final = frozenset({"grade", "grad", "ctcae", "severity", "toxgr", "schweregrad", "gravite", "gravita", "graad"})
"""Of an event; grade 0 is none."""
CENSORED: Final = frozenset({"cnsr", "censored", "censor", "cens", "censoring"})
NOT_HAPPENED: Final = re.compile(r"(?:no|none|did not occur|not occurred|absent|ruled out|never|nein|non)(?: event)?")
OF_PARAPROTEINS: Final = frozenset(
    {"paraprotein", "isotype", "mprotein", "protein", "component", "gammopathy", "myeloma"}
)
IGG: Final = re.compile(r"\big ?g\b")
SIGN: Final = "[<>]=?|[≤≥]|less than|greater than|below|above"

MOST_WORDS: Final = 2000
"""A column with more different cells is free text or a number: only cells that hold one of these are looked at."""
TELLING: Final = "|".join(
    [
        said.pattern
        for said in (
            *(
                REMARK,
                ANOTHER_METHOD,
                ANOTHER_VALUE,
                REMARK_ON_A_DOSE,
                REMARK_ON_A_THERAPY,
                NOT_GIVEN_AFTER_ALL,
                DRAWN_AMISS,
                REPEATED,
                SURMISED,
                LOSES_IGG,
            ),
            *(PARAPROTEIN, SPOILT),
        )
    ]
    + [
        f"^(?:{whole.pattern})$"
        for whole in (
            *(TAKEN_BACK, NOT_MEASURED, NOT_GIVEN, NOT_HAPPENED, OTHER_ANALYTE, OTHER_SPECIMEN, OTHER_DRUG),
            *(NO_PARTICIPANT, ANOTHER_PERSON),
            *(NO_PATIENT, PENDING, A_TOTAL, FIRST_ENTRY, SECOND_ENTRY),
        )
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrary:
    """rows: those whose cell speaks against what is `assumed` of every row. remedy: what settles it; "": to leave the
    rows out. asked: they are used, and asked about."""

    rows: Mask
    assumed: str
    remedy: str = ""
    asked: bool = False


def contrary_words(
    table: TableName, heading: str, column: Words, beside: pd.Series[str] | None = None
) -> Contrary | None:
    """The first thing that the cells of a column say against the rows; None for nothing. beside: amounts of doses,
    to tell a count of vials from the amount written twice, or stops of therapies."""
    code, words = _telling(column)
    named = frozenset(words_of(heading))
    for verdict in VERDICTS[table](named, words) if table in VERDICTS else ():
        rows = np.array(verdict.denied, dtype=bool)[code]
        if verdict.amount and beside is not None and rows.any():
            rows &= ~_alike(column.cells, beside)
        if verdict.empty and beside is not None:
            rows &= (beside.str.strip() == "").to_numpy(dtype=bool)
        if rows.any():
            return Contrary(rows=rows, assumed=verdict.assumed, remedy=verdict.remedy, asked=verdict.asked)
    return None


def _telling(column: Words) -> tuple[npt.NDArray[np.intp], list[str]]:
    """(the place of each cell's word, the plain words); "" for those of many that tell nothing."""
    if len(column.distinct) <= MOST_WORDS:
        return column.code, column.plain
    each = column.distinct.where(holding(column.distinct, TELLING), "")
    again, distinct = pd.factorize(each)
    return again[column.code], [plain(str(cell)).strip() for cell in distinct]


def _alike(cells: pd.Series[str], amounts: pd.Series[str]) -> Mask:
    """The same number twice, also where one is in mg and the other in g."""
    number, amount = (pd.to_numeric(one, errors="coerce").to_numpy(dtype=np.float64) for one in (cells, amounts))
    alike: Mask = np.logical_or.reduce([np.isclose(number, factor * amount) for factor in (0.001, 1.0, 1000.0)])
    return alike


AGAINST_THE_ROW: Final = "speaks against the row, which is used all the same"
WITH_PARAPROTEIN: Final = "total IgG then holds the paraprotein, which no model here knows"
LOST_OTHERWISE: Final = "IgG is then lost in another way too, which no model here knows"
OUT_OF_EVERY_TABLE: Final = "take the rows of such patients out of every table"
LEAVE_OUT: Final = "leave such rows out with {rule}"
WHAT_WAS_GIVEN_IN_G: Final = (
    "write the amount that was given: correct it in these rows, or, where a column holds it, name that amount_g under "
    "[doses.columns] in cohort.toml"
)
ROW_FOR_EACH: Final = "write a row for each infusion"
NAMED_AMOUNT: Final = "name the column of what was given as amount_g under [doses.columns] in cohort.toml"
WHOLE_AMOUNT: Final = "give the amount of the whole infusion"


class Verdict(NamedTuple):
    """What rows are taken for, whether each word denies it, and what settles it ("": to leave the rows out).

    asked: the rows are used, and asked about. amount: not where the cell is the amount itself,
    written twice. empty: only where no stop is written.
    """

    assumed: str
    denied: list[bool]
    remedy: str = ""
    asked: bool = False
    amount: bool = False
    empty: bool = False


def _entered_twice(words: list[str]) -> list[bool]:
    """First entries, in a column that also has their corrections."""
    again = any(SECOND_ENTRY.fullmatch(word) for word in words)
    return [again and FIRST_ENTRY.fullmatch(word) is not None for word in words]


def _of_samples(named: frozenset[str], words: list[str]) -> list[Verdict]:
    others = [another_analyte(word) for word in words]
    unmeasured = [bool(NOT_MEASURED.fullmatch(one) or (IMPUTED & named and one in YES)) for one in words]
    spread = [bool(SPREAD & named) and NUMBER.fullmatch(word) is not None for word in words]
    if ANALYTE_WORDS & named:
        others = others_than_igg(words)
    return [
        Verdict("every row is taken as total IgG", others),
        Verdict("every row is taken as total IgG", other_tests(named, words)),
        Verdict("every row is taken as a level in serum", [bool(OTHER_SPECIMEN.fullmatch(word)) for word in words]),
        Verdict("every row is taken as a valid result", taken_back("samples", named, words)),
        Verdict("every row is taken as a result of a patient", [no_result(named, word) for word in words]),
        Verdict("every row is taken as a level that was measured", unmeasured),
        Verdict("every row is taken as a level that was measured", [no_observation(named, word) for word in words]),
        Verdict("every row is taken as one sample of one patient", spread, "a mean of several is none", asked=True),
        Verdict("every row is taken as a level of its own", _entered_twice(words)),
        _either(
            AGAINST_THE_ROW,
            [one or other for one, other in zip(map(spoilt, words), interfered(named, words), strict=True)],
            _remarks(words, ANOTHER_METHOD, ANOTHER_VALUE, DRAWN_AMISS).denied,
        ),
        Verdict(WITH_PARAPROTEIN, with_paraprotein(named, words), LEAVE_OUT, asked=True),
        Verdict(LOST_OTHERWISE, lost_otherwise(named, words), LEAVE_OUT, asked=True),
        Verdict(
            "every row is taken as a sample of the patient",
            [bool(ANOTHER_PERSON.fullmatch(word)) for word in words],
            asked=True,
        ),
        Verdict(
            "a level is taken as that of the undiluted sample",
            diluted(named, words),
            "see that it was multiplied",
            asked=True,
        ),
    ]


def _of_doses(named: frozenset[str], words: list[str]) -> list[Verdict]:
    given = bool(WHAT_WAS_GIVEN & named)
    repeats = bool(FREQUENCY & named or (COUNTED & named and NUMBER_OF & named) or ("per" in named and PER & named))
    repeats = repeats or (bool(named) and named <= frozenset({"per", "pro", "par", "por"}))
    vials = bool(VIALS & named and not SIZE & named)
    several = [repeats and not ONCE.fullmatch(word) and word not in ("1", "1.0") for word in words]
    counts = [vials and bool(re.fullmatch(r"0*(?:[2-9]|[1-9]\d+)(?:\.0*)?", word)) for word in words]
    in_part = [bool(PART & named) and bool(NUMBER.fullmatch(word)) and not WHOLE.fullmatch(word) for word in words]
    received = [
        bool(RECEIVED & named and not (PART | BESIDE) & named) and bool(AMOUNT.fullmatch(word)) for word in words
    ]
    parts = [RECEIVED & named and (part := PART_OF.fullmatch(word)) and part[1] != part[2] for word in words]
    in_part = [one or bool(part) for one, part in zip(in_part, parts, strict=True)]
    wasted = [bool(WASTED & named) and bool(re.fullmatch(r"[\d.,]*[1-9][\d.,]*(?: ?m?g)?", word)) for word in words]
    of_many = bool((OTHER_THAN | WHAT_WAS_GIVEN) & named)
    unlike = [of_many and one for one in unlike_the_others(words)]
    days = bool(named <= DAYS_OF_A_COURSE and COURSE_DAYS & named)
    in_days = [days and bool(re.fullmatch(r"0*(?:[2-9]|10)(?:\.0*)?", word)) for word in words]
    totals = [bool(TOTALS & named and AMOUNTS_OF & named) and bool(AMOUNT.fullmatch(word)) for word in words]
    repeated = [REPEATED.search(word) is not None for word in words]
    totals_of_others = [A_TOTAL.fullmatch(word) is not None for word in words]
    return [
        Verdict("the amount is taken as given whole", not_whole(named, words), WHAT_WAS_GIVEN_IN_G),
        Verdict("every row is taken as a dose that was given", not_given("doses", named, words)),
        Verdict("every row is taken as a dose that was given", _entered_twice(words)),
        Verdict("every row is taken as one infusion, and none as the sum of others", totals_of_others),
        Verdict("every row is taken as immunoglobulin G", [given and other_product(word) for word in words]),
        Verdict("every row is taken as immunoglobulin G", other_codes(named, words)),
        Verdict("every row is taken as one infusion", several, ROW_FOR_EACH),
        Verdict("every row is taken as one infusion", in_days, ROW_FOR_EACH),
        Verdict("every row is taken as one infusion of its amount", totals, ROW_FOR_EACH, amount=True),
        Verdict("the amount is taken as that of the whole infusion", counts, WHOLE_AMOUNT, amount=True),
        Verdict("the amount is taken as given whole", in_part, "write the amount that was given"),
        Verdict("the amount is taken as given whole", wasted, "write the amount that was given"),
        Verdict("the amount is taken as the one that was given", received, NAMED_AMOUNT, amount=True),
        Verdict("every row is taken as immunoglobulin G", unlike, asked=True),
        _remarks(words, REMARK_ON_A_DOSE, NOT_GIVEN_AFTER_ALL)._replace(
            remedy=f"{WHAT_WAS_GIVEN_IN_G}; or {LEAVE_OUT}"
        ),
        Verdict("every row is taken as one infusion", repeated, ROW_FOR_EACH, asked=True),
    ]


def _of_therapy(named: frozenset[str], words: list[str]) -> list[Verdict]:
    ended = [bool(BROKEN_OFF & named) and word not in NO and word not in ("", "na", "none", "-") for word in words]
    lasts = [bool(LENGTH & named) and any(letter.isdigit() for letter in word) for word in words]
    paused = [bool(PAUSES & named) and word not in NO and not ONCE.fullmatch(word) for word in words]
    cut_short = [bool(CARRIED_THROUGH & named) and word in NO for word in words]
    back = [bool(B_CELLS_BACK & named) and any(letter.isdigit() for letter in word) for word in words]
    courses = [bool(COURSES & named) and bool(re.fullmatch(r"0*(?:[2-9]|[1-9]\d+)", word)) for word in words]
    return [
        Verdict("every row is taken as a therapy that was given", not_given("therapy", named, words)),
        Verdict("therapy is taken to last from start to stop", ended, "write the day on which it ended as stop"),
        Verdict("a therapy without a stop is taken to go on", lasts, "write start plus duration as stop", empty=True),
        Verdict("every row is taken as one course", courses, "write a row for each course"),
        Verdict(
            "therapy is taken to last from start to stop, without a break",
            paused,
            "write a row for each stretch of it",
            asked=True,
        ),
        Verdict(
            "therapy is taken to last from start to stop",
            cut_short,
            "see that stop is the day on which it ended",
            asked=True,
        ),
        Verdict("stop is taken as the day on which B cells were back", back, "see which of the two it is", asked=True),
        _remarks(words, REMARK_ON_A_THERAPY, NOT_GIVEN_AFTER_ALL),
    ]


def _of_patients(named: frozenset[str], words: list[str]) -> list[Verdict]:
    told = YES if LEFT_OUT & named else NO if TAKEN_IN & named else frozenset[str]()
    told = told if about_rows("patients", named, LEFT_OUT | TAKEN_IN) else frozenset[str]()
    gone = [NO_PARTICIPANT.fullmatch(word) is not None for word in words]
    level = ["igg" in named and NUMBER.fullmatch(word) is not None and word not in ("0", "1") for word in words]
    return [
        Verdict("every patient is used", [word in told for word in words], OUT_OF_EVERY_TABLE),
        Verdict("a level in this table is not used", level, "write it as a row of samples with its day", asked=True),
        Verdict(WITH_PARAPROTEIN, with_paraprotein(named, words), asked=True),
        Verdict(WITH_PARAPROTEIN, [bool(OF_PARAPROTEINS & named and IGG.search(word)) for word in words], asked=True),
        Verdict(LOST_OTHERWISE, lost_otherwise(named, words), asked=True),
        Verdict("every patient is used", gone, OUT_OF_EVERY_TABLE, asked=True),
    ]


def _of_outcomes(named: frozenset[str], words: list[str]) -> list[Verdict]:
    censored = bool(CENSORED & named)
    no_event = [
        word in YES if censored else bool(HAPPENED & named) and (word in NO or bool(NOT_HAPPENED.fullmatch(word)))
        for word in words
    ]
    no_grade = [bool(GRADES & named) and bool(re.fullmatch(r"(?:grade |grad )?0(?:\.0*)?", word)) for word in words]
    surmised = [SURMISED.search(word) is not None for word in words]
    return [
        Verdict("every row is taken as an event that happened", no_event),
        Verdict("every row is taken as an event that happened", not_given("outcomes", named, words)),
        Verdict("every row is taken as an event that happened", surmised, asked=True),
        Verdict("every row is taken as an event that happened", no_grade, asked=True),
    ]


def _either(assumed: str, some: Iterable[bool], others: Iterable[bool]) -> Verdict:
    """One question for words of two kinds, so that none hides the other."""
    return Verdict(assumed, [one or other for one, other in zip(some, others, strict=True)], asked=True)


def _remarks(words: list[str], *further: re.Pattern[str]) -> Verdict:
    """What the words of a remark say against their row."""
    against = [any(said.search(word) for said in (REMARK, *further)) for word in words]
    return Verdict(AGAINST_THE_ROW, against, asked=True)


VERDICTS: Final[dict[str, Callable[[frozenset[str], list[str]], list[Verdict]]]] = {
    "samples": _of_samples,
    "doses": _of_doses,
    "therapy": _of_therapy,
    "patients": _of_patients,
    "outcomes": _of_outcomes,
}
