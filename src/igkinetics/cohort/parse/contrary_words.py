"""Unused columns whose cells say that rows are not what they are taken for.

Another analyte or specimen among the levels, another drug among the infusions, a result or a dose that was taken back
or never given, a dose that repeats or is one of several vials: what the row says of itself counts, whatever the heading
of the column. A cell counts only where the whole of it is such a word; remarks are searched, and only asked about.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.mapping.contract import TableName
from igkinetics.cohort.mapping.headings import NOT_TOTAL_IGG, plain, says_igg, words_of
from igkinetics.cohort.parse.findings import Mask

OTHER_ANALYTE: Final = re.compile(
    r"(?:serum |total |s-|quantitative )*(?:ig ?[aemd]|ig ?g ?[1-4]|immun\w* ?[aemd]|igg sub\w*( ?[1-4])?|albumin|"
    r"(?:total )?protein|crp|c-reactive protein|creatinine|kreatinin|ha?emoglobin|kappa|lambda|"
    r"(?:free )?(?:kappa|lambda)(?: light chains?)?|beta-?2[- ]microglobulin|ferritin|ldh)(?: total| serum| level)*"
)
ANALYTE_WORDS: Final = frozenset(
    {"test", "analyte", "component", "parameter", "param", "analysis", "assay", "lab", "item", "measurement", "name"}
)
OTHER_SPECIMEN: Final = re.compile(
    r"csf|liquor|cerebrospinal fluid|spinal fluid|urine|urin|saliva|speichel|ascites|pleural fluid|synovial fluid|"
    r"bal|bronchoalveolar lavage|stool|stuhl|breast milk|tears?"
)
TAKEN_BACK: Final = re.compile(
    r"entered[ -]in[ -]error|in error|error|cancell?ed|not[ -]done|not performed|voided?|rejected|invalid|deleted|"
    r"withdrawn|retracted|superseded|replaced|duplicate|"
    r"wrong (?:patient|tube|blood in tube)|mislabell?ed|storniert|ungultig|annulee?|annullato|"
    r"anulado|cancelado"
)
NOT_GIVEN: Final = re.compile(
    r"not[ -](?:given|administered|taken)|no|held|hold|on hold|refused|missed|omitted|skipped|planned|ordered|"
    r"scheduled|nicht (?:gegeben|verabreicht)|non (?:administre|somministrato)|no administrado"
)
STATUS_WORDS: Final = frozenset(
    {"status", "state", "action", "given", "administered", "mar", "valid", "flag", "gegeben", "verabreicht"}
)
DENYING: Final = frozenset(
    {"planned", "ordered", "scheduled", "cancelled", "canceled", "held", "missed", "refused", "omitted", "skipped"}
    | {"excluded", "exclude", "excl", "error", "invalid", "storniert", "geplant"}
)
"""Headings under which "yes" says that the row does not count."""
AFFIRMING: Final = frozenset({"given", "administered", "gegeben", "verabreicht", "valid", "include", "included", "use"})
"""Headings under which "no" says so."""
YES: Final = frozenset({"yes", "y", "1", "true", "t", "x", "ja", "j", "oui", "si"})
NO: Final = frozenset({"no", "n", "0", "false", "f", "nein", "non"})
OTHER_DRUG: Final = re.compile(
    r"(?:human )?albumin\w*(?: human)?(?: ?\d+ ?%)?|(?:alburex|albunorm|flexbumin|plasbumin)(?: ?\d+ ?%?)?|"
    r"anti-?d(?: ?\(?rho\)?)?(?: ig| immun\w* ?glob\w*)?|rhophylac|rhogam|winrho\w*|"
    r"hepatitis b (?:ig|immun\w* ?glob\w*)|hbig|hepatect\w*|zutectra|tetanus (?:ig|immun\w* ?glob\w*)|"
    r"(?:fresh frozen )?plasma|ffp|octaplas\w*|platelets?|red (?:blood )?cells?|prbc|erythrocytes?|fibrinogen|"
    r"(?:factor|faktor) [ivx]+\w*|(?:normal )?saline|nacl|glucose|dextrose|paracetamol|acetaminophen|"
    r"prednisolone?|methylprednisolone?|dexamethasone?|hydrocortisone?|antithymocyte globulin|atg|"
    r"rituximab|blinatumomab|teclistamab|elranatamab|talquetamab|obinutuzumab|daratumumab|tocilizumab"
)
WHAT_WAS_GIVEN: Final = frozenset(
    {"drug", "product", "medication", "med", "medicine", "item", "preparation", "substance", "name", "agent", "brand"}
    | {"praparat", "medikament", "arzneimittel", "wirkstoff", "producto", "medicament"}
)
"""Headings of what a dose was; an arm or a therapy beside it may be named after another drug."""
PER: Final = frozenset({"week", "day", "month", "weekly", "daily", "monthly"})
FREQUENCY: Final = frozenset(
    {"frequency", "freq", "schedule", "interval", "repeats", "repeat", "every", "addl", "haufigkeit"}
)
COUNTED: Final = frozenset({"doses", "infusions", "administrations"})
NUMBER_OF: Final = frozenset({"n", "no", "number", "num", "count", "total", "anzahl"})
ONCE: Final = re.compile(
    r"|0+(?:\.0*)?|once|single(?: dose)?|one[ -]?(?:time|off)|stat|prn|1 ?x|einmalig|unique|na|none|-|\."
)
VIALS: Final = frozenset(
    {"vial", "vials", "bottle", "bottles", "quantity", "qty", "flaschen", "flacons", "viales", "packs"}
)
COURSES: Final = frozenset({"cycles", "courses", "repeats", "zyklen"})
BROKEN_OFF: Final = frozenset({"discontinued", "interrupted", "paused", "abgebrochen", "unterbrochen"})
PARAPROTEIN: Final = frozenset({"paraprotein", "isotype", "mprotein", "protein", "component", "gammopathy", "myeloma"})
IGG: Final = re.compile(r"\big ?g\b")
SIZE: Final = frozenset({"size", "strength", "g", "ml", "mg", "lot", "batch", "unit", "units"})
SIGN: Final = re.compile(r"[<>]=?|[≤≥]|less than|greater than|below|above")
REMARK: Final = re.compile(
    r"\bdisregard|\bdo not use|\bnot to be used|\bmix(?:ed)?[ -]?up|\bswapped\b|\bwrong (?:patient|sample|tube|label)|"
    r"\bmislabel|\bentered in error|\bcontaminat|\bunreliable|\bimplausible|\bduring (?:the )?infusion|\bnot given\b|"
    r"\brefused\b|\bstopped early|\bincomplete|\bpartial(?:ly)?\b|\bverwechs|\bverworfen|\bnicht verwertbar|"
    r"\babgebrochen"
)
"""What a remark may say against the row beside which it stands."""
MOST_WORDS: Final = 2000
"""A column with more different cells is free text or a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrary:
    """rows: those whose cell speaks against what is `assumed` of every row. remedy: what settles it; "": to leave the
    rows out. asked: they are used, and asked about."""

    rows: Mask
    assumed: str
    remedy: str = ""
    asked: bool = False


def contrary_words(
    table: TableName, heading: str, cells: pd.Series[str], amounts: pd.Series[str] | None = None
) -> Contrary | None:
    """The first thing that the cells of a column say against the rows; None for nothing. amounts: of doses, to tell a
    count of vials from the amount written twice."""
    code, distinct = pd.factorize(cells)
    if len(distinct) > MOST_WORDS:
        return None
    named, words = frozenset(words_of(heading)), [plain(str(word)).strip() for word in distinct]
    if table == "patients":
        return _asked(IGG, WITH_PARAPROTEIN, words, code) if PARAPROTEIN & named else None
    if table not in VERDICTS:
        return None
    for assumed, verdicts, remedy in VERDICTS[table](named, words):
        rows = np.array(verdicts, dtype=bool)[code]
        if remedy == WHOLE_AMOUNT and amounts is not None:
            rows &= (cells != amounts.str.strip()).to_numpy(dtype=bool)
        if rows.any():
            return Contrary(rows=rows, assumed=assumed, remedy=remedy)
    return _asked(REMARK, AGAINST_THE_ROW, words, code)


def _asked(said: re.Pattern[str], assumed: str, words: list[str], code: npt.NDArray[np.intp]) -> Contrary | None:
    """The rows in whose words a pattern is found, to be asked about."""
    rows = np.array([said.search(word) is not None for word in words], dtype=bool)[code]
    return Contrary(rows=rows, assumed=assumed, asked=True) if rows.any() else None


AGAINST_THE_ROW: Final = "speaks against the row, which is used all the same"
WITH_PARAPROTEIN: Final = "total IgG then holds the paraprotein, which no model here knows"
ROW_FOR_EACH: Final = "write a row for each infusion"
WHOLE_AMOUNT: Final = "give the amount of the whole infusion"


def other_drug(word: str) -> bool:
    """Whether a name of a product is none of immunoglobulin G to replace it."""
    return OTHER_DRUG.fullmatch(plain(word).strip()) is not None


class Verdict(NamedTuple):
    """What rows are taken for, whether each word denies it, and what settles it ("": to leave the rows out)."""

    assumed: str
    denied: list[bool]
    remedy: str = ""


def _of_samples(named: frozenset[str], words: list[str]) -> list[Verdict]:
    others = [bool(OTHER_ANALYTE.fullmatch(word) or ("igg" in word and NOT_TOTAL_IGG.search(word))) for word in words]
    if any(map(says_igg, words)) and ANALYTE_WORDS & named:
        others = [word != "" and not says_igg(word) for word in words]
    return [
        Verdict("every row is taken as total IgG", others),
        Verdict("every row is taken as a level in serum", [bool(OTHER_SPECIMEN.fullmatch(word)) for word in words]),
        Verdict("every row is taken as a valid result", _taken_back(named, words)),
    ]


def _of_doses(named: frozenset[str], words: list[str]) -> list[Verdict]:
    given = bool(WHAT_WAS_GIVEN & named)
    repeats = bool(FREQUENCY & named or (COUNTED & named and NUMBER_OF & named) or ("per" in named and PER & named))
    vials = bool(VIALS & named and not SIZE & named)
    several = [repeats and not ONCE.fullmatch(word) and word not in ("1", "1.0") for word in words]
    counts = [vials and bool(re.fullmatch(r"0*(?:[2-9]|[1-9]\d+)(?:\.0*)?", word)) for word in words]
    return [
        Verdict("every row is taken as a dose that was given", _not_given(named, words)),
        Verdict("every row is taken as immunoglobulin G", [given and other_drug(word) for word in words]),
        Verdict("every row is taken as one infusion", several, ROW_FOR_EACH),
        Verdict("the amount is taken as that of the whole infusion", counts, WHOLE_AMOUNT),
    ]


def _of_therapy(named: frozenset[str], words: list[str]) -> list[Verdict]:
    ended = [bool(BROKEN_OFF & named) and word not in NO and word not in ("", "na", "none", "-") for word in words]
    courses = [bool(COURSES & named) and bool(re.fullmatch(r"0*(?:[2-9]|[1-9]\d+)", word)) for word in words]
    return [
        Verdict("every row is taken as a therapy that was given", _not_given(named, words)),
        Verdict("therapy is taken to last from start to stop", ended, "write the day on which it ended as stop"),
        Verdict("every row is taken as one course", courses, "write a row for each course"),
    ]


VERDICTS: Final[dict[str, Callable[[frozenset[str], list[str]], list[Verdict]]]] = {
    "samples": _of_samples,
    "doses": _of_doses,
    "therapy": _of_therapy,
}


def _taken_back(named: frozenset[str], words: list[str]) -> list[bool]:
    """Words by which a row does not count: by themselves, or yes and no under a heading that asks it."""
    told = (YES if DENYING & named else frozenset()) | (NO if AFFIRMING & named else frozenset())
    return [word in told or bool(TAKEN_BACK.fullmatch(word)) for word in words]


def _not_given(named: frozenset[str], words: list[str]) -> list[bool]:
    """Those, and words of what was planned and did not come, under a heading of a status."""
    status = bool(STATUS_WORDS & named)
    taken_back = _taken_back(named, words)
    return [no or bool(status and NOT_GIVEN.fullmatch(word)) for no, word in zip(taken_back, words, strict=True)]
