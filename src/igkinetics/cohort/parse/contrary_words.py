"""Unused columns whose cells say that rows are not what they are taken for.

Another analyte or specimen among the levels, a result or a dose that was taken back or never given: what the row says
of itself counts, whatever the heading of the column. A cell counts only where the whole of it is such a word.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
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
    r"withdrawn|retracted|wrong (?:patient|tube|blood in tube)|mislabell?ed|storniert|ungultig|annulee?|annullato|"
    r"anulado|cancelado"
)
NOT_GIVEN: Final = re.compile(
    r"not[ -](?:given|administered|taken)|no|held|hold|on hold|refused|missed|omitted|skipped|planned|ordered|"
    r"scheduled|nicht (?:gegeben|verabreicht)|non (?:administre|somministrato)|no administrado"
)
STATUS_WORDS: Final = frozenset(
    {"status", "state", "action", "given", "administered", "mar", "valid", "flag", "gegeben", "verabreicht"}
)
MOST_WORDS: Final = 2000
"""A column with more different cells is free text or a number."""


def contrary_words(table: TableName, heading: str, cells: pd.Series[str]) -> tuple[Mask, str]:
    """(rows that the cell contradicts, what they are taken for)."""
    nothing = np.zeros(len(cells), dtype=bool)
    if table not in ("samples", "doses"):
        return nothing, ""
    code, distinct = pd.factorize(cells)
    if len(distinct) > MOST_WORDS:
        return nothing, ""
    words = [plain(str(word)).strip() for word in distinct]
    for taken_for, verdicts in _verdicts(table, heading, words):
        if any(verdicts):
            return np.array(verdicts, dtype=bool)[code], taken_for
    return nothing, ""


def _verdicts(table: TableName, heading: str, words: list[str]) -> list[tuple[str, list[bool]]]:
    """What rows are taken for -> whether each word denies it."""
    status = bool(STATUS_WORDS & set(words_of(heading)))
    if table == "doses":
        denied = [bool(TAKEN_BACK.fullmatch(word) or (status and NOT_GIVEN.fullmatch(word))) for word in words]
        return [("every row is taken as a dose that was given", denied)]
    others = [bool(OTHER_ANALYTE.fullmatch(word) or ("igg" in word and NOT_TOTAL_IGG.search(word))) for word in words]
    if any(map(says_igg, words)) and ANALYTE_WORDS & set(words_of(heading)):
        others = [word != "" and not says_igg(word) for word in words]
    return [
        ("every row is taken as total IgG", others),
        ("every row is taken as a level in serum", [bool(OTHER_SPECIMEN.fullmatch(word)) for word in words]),
        ("every row is taken as a valid result", [bool(TAKEN_BACK.fullmatch(word)) for word in words]),
    ]
