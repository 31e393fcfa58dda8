"""Unused columns whose cells say that rows are not what they are taken for.

Another analyte or specimen among the levels, a level that nobody measured, another drug among the infusions, a result
or a dose that was taken back or never given, a dose that repeats, is one of several vials or was given in part, an
event that did not happen, a patient to be left out: what the row says of itself counts, whatever the heading of the
column. A cell counts only where the whole of it is such a word; remarks are searched, and only asked about.
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
from igkinetics.cohort.parse.cells import holding
from igkinetics.cohort.parse.findings import Mask

OTHER_ANALYTE: Final = re.compile(
    r"(?:serum |total |s-|quantitative )*(?:ig ?[aemd]|ig ?g ?[1-4]|immun\w* ?[aemd]|igg sub\w*(?: ?[1-4])?|albumin|"
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
NOT_MEASURED: Final = re.compile(
    r"(?:single |multiple )?imput(?:ed|ation)|locf|nocb|(?:last observation )?carried forward|interpolat(?:ed|ion)|"
    r"extrapolat(?:ed|ion)|estimat(?:ed?|ion)|calculated|simulated|predicted|forecast|assumed|geschatzt|berechnet|"
    r"estime|target|goal|zielwert"
)
IMPUTED: Final = frozenset(
    {"imputed", "locf", "nocb", "interpolated", "extrapolated", "carried", "estimated", "simulated"}
)
"""Headings under which "yes" says that nobody measured the level."""
NOT_GIVEN: Final = re.compile(
    r"not[ -](?:given|administered|taken)|no|held|hold|on hold|refused|missed|omitted|skipped|planned|ordered|"
    r"order|prescription|prescribed|request(?:ed)?|scheduled|not started|never started|screen(?:ing)? fail(?:ure|ed)?|"
    r"nicht (?:gegeben|verabreicht)|non (?:administre|somministrato)|no administrado"
)
STATUS_WORDS: Final = frozenset(
    {"status", "state", "action", "given", "administered", "mar", "valid", "flag", "gegeben", "verabreicht"}
    | {"intent", "intention", "line", "record", "entry", "kind", "type"}
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
    r"(?:methyl)?predniso(?:lo)?ne?|corticosteroids?|steroids?|dexamethasone?|hydrocortisone?|"
    r"antithymocyte globulin|atg|"
    r"rituximab|blinatumomab|teclistamab|elranatamab|talquetamab|obinutuzumab|daratumumab|tocilizumab"
)
WHAT_WAS_GIVEN: Final = frozenset(
    {"drug", "product", "medication", "med", "medicine", "item", "preparation", "substance", "name", "agent", "brand"}
    | {"praparat", "medikament", "arzneimittel", "wirkstoff", "producto", "medicament"}
)
"""Headings of what a dose was; an arm or a therapy beside it may be named after another drug."""
OTHER_THAN: Final = frozenset({"drug", "type", "medication", "med", "medicine", "substance", "agent", "kind"})
"""Headings of what a dose was under which every row of immunoglobulin says so."""
IMMUNOGLOBULIN: Final = re.compile(r"\b(?:i[vg]|sc)?ig[gv]?\b|\bigsc\b|\bigrt\b|globulin|inmunoglob|\bi[vm]ig|scig")
SPREAD: Final = frozenset({"sd", "se", "sem", "stdev", "std"})
PART: Final = frozenset({"percent", "pct", "fraction", "proportion", "portion", "share"})
WASTED: Final = frozenset({"wasted", "discarded", "verworfen"})
RECEIVED: Final = frozenset(
    {"given", "administered", "received", "infused", "delivered", "actual", "verabreicht", "gegeben"}
)
BESIDE: Final = frozenset({"day", "date", "time", "at", "by", "on", "n", "no", "number", "ml", "volume", "rate", "kg"})
PER: Final = frozenset({"week", "day", "month", "weekly", "daily", "monthly"})
FREQUENCY: Final = frozenset(
    {"frequency", "freq", "q", "schedule", "interval", "repeats", "repeat", "every", "addl", "haufigkeit"}
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
LENGTH: Final = frozenset({"duration", "length", "lasts", "dauer", "duree", "duracion", "durata"})
PAUSES: Final = frozenset(
    {"interruption", "interruptions", "pause", "pauses", "break", "breaks", "gap", "gaps", "held"}
)
CARRIED_THROUGH: Final = frozenset({"completed", "complete", "finished"})
B_CELLS_BACK: Final = frozenset(
    {"recovery", "recovered", "reconstitution", "return", "returned", "repopulation", "back"}
)
HAPPENED: Final = frozenset({"event", "occurred", "happened", "observed", "present", "value", "result", "yn", "flag"})
CENSORED: Final = frozenset({"cnsr", "censored", "censor", "cens", "censoring"})
NOT_HAPPENED: Final = re.compile(r"(?:no|none|did not occur|not occurred|absent|ruled out|never|nein|non)(?: event)?")
SURMISED: Final = re.compile(
    r"\b(?:suspected|possible|presumed|unconfirmed|rule out|query|planned|scheduled|refused)\b|\?"
)
LEFT_OUT: Final = frozenset({"exclude", "excluded", "exclusion", "withdrawn", "withdrew", "ineligible", "failure"})
TAKEN_IN: Final = frozenset({"include", "included", "inclusion", "eligible", "evaluable", "consent", "consented"})
LOSSES: Final = "nephroti|protein.?losing|chylothora|plasma.?(?:pheresis|exchange)|immuno?adsor"
"""What takes IgG out of the blood, as an event or as a disease."""
LOSES_IGG: Final = re.compile(rf"{LOSSES}|\bple\b|enteropath|lymphangiect|\bburns?\b|proteinuri")
PARAPROTEIN: Final = frozenset({"paraprotein", "isotype", "mprotein", "protein", "component", "gammopathy", "myeloma"})
IGG: Final = re.compile(r"\big ?g\b")
SIZE: Final = frozenset({"size", "strength", "g", "ml", "mg", "lot", "batch", "unit", "units"})
SIGN: Final = "[<>]=?|[≤≥]|less than|greater than|below|above"
REMARK: Final = re.compile(
    r"\bdisregard|\bdo not use|\bnot to be used|\bmix(?:ed)?[ -]?up|\bswapped\b|\bwrong (?:patient|sample|tube|label)|"
    r"\bmislabel|\bentered in error|\bcontaminat|\bunreliable|\bimplausible|\bduring (?:the )?infusion|\bnot given\b|"
    r"\brefused\b|\bstopped early|\bincomplete|\bpartial(?:ly)?\b|\bverwechs|\bverworfen|\bnicht verwertbar|"
    r"\babgebrochen"
)
ANOTHER_METHOD: Final = re.compile(r"\bspep\b|electrophor|elektrophor|gamma.?fraction")
REMARK_ON_A_DOSE: Final = re.compile(
    r"\b(?:stopped|aborted|discontinued|interrupted|terminated|halved|reduced)\b|\bif ig ?g?\b|\bas needed\b|\bprn\b|"
    r"\bbei bedarf\b|\bnot completed\b|\bonly \d"
)
"""What a remark may say against the row beside which it stands."""
NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)? ?%?")
WHOLE: Final = re.compile(r"100(?:[.,]0*)? ?%?|1(?:[.,]0*)?")
AMOUNT: Final = re.compile(r"(?!(?:0|1)$)\d+(?:[.,]\d+)?(?: ?m?g)?")
"""No yes or no."""

MOST_WORDS: Final = 2000
"""A column with more different cells is free text or a number: only cells that hold one of these are looked at."""
TELLING: Final = "|".join(
    [said.pattern for said in (REMARK, ANOTHER_METHOD, REMARK_ON_A_DOSE, SURMISED, LOSES_IGG)]
    + [
        f"^(?:{whole.pattern})$"
        for whole in (TAKEN_BACK, NOT_MEASURED, NOT_GIVEN, NOT_HAPPENED, OTHER_ANALYTE, OTHER_SPECIMEN, OTHER_DRUG)
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
    table: TableName, heading: str, cells: pd.Series[str], beside: pd.Series[str] | None = None
) -> Contrary | None:
    """The first thing that the cells of a column say against the rows; None for nothing. beside: amounts of doses,
    to tell a count of vials from the amount written twice, or stops of therapies."""
    code, words = _words(cells)
    named = frozenset(words_of(heading))
    for verdict in VERDICTS[table](named, words) if table in VERDICTS else ():
        rows = np.array(verdict.denied, dtype=bool)[code]
        if verdict.amount and beside is not None and rows.any():
            rows &= ~_alike(cells, beside)
        if verdict.empty and beside is not None:
            rows &= (beside.str.strip() == "").to_numpy(dtype=bool)
        if rows.any():
            return Contrary(rows=rows, assumed=verdict.assumed, remedy=verdict.remedy, asked=verdict.asked)
    return None


def _words(cells: pd.Series[str]) -> tuple[npt.NDArray[np.intp], list[str]]:
    """(the place of each cell's word, the words) without accents and capitals; "" for those of many that tell
    nothing."""
    code, distinct = pd.factorize(cells)
    each = pd.Series(distinct, dtype=str)
    if len(each) > MOST_WORDS:
        each = each.where(holding(each, TELLING), "")
        again, distinct = pd.factorize(each)
        code, each = again[code], pd.Series(distinct, dtype=str)
    return code, [plain(cell).strip() for cell in each]


def _alike(cells: pd.Series[str], amounts: pd.Series[str]) -> Mask:
    """The same number twice, also where one is in mg and the other in g."""
    number, amount = (pd.to_numeric(one, errors="coerce").to_numpy(dtype=np.float64) for one in (cells, amounts))
    alike: Mask = np.logical_or.reduce([np.isclose(number, factor * amount) for factor in (0.001, 1.0, 1000.0)])
    return alike


AGAINST_THE_ROW: Final = "speaks against the row, which is used all the same"
WITH_PARAPROTEIN: Final = "total IgG then holds the paraprotein, which no model here knows"
LOST_OTHERWISE: Final = "IgG is then lost in another way too, which no model here knows"
OUT_OF_EVERY_TABLE: Final = "take the rows of such patients out of every table"
ROW_FOR_EACH: Final = "write a row for each infusion"
NAMED_AMOUNT: Final = "name the column of what was given as amount_g under [doses.columns] in cohort.toml"
WHOLE_AMOUNT: Final = "give the amount of the whole infusion"


def other_drug(word: str) -> bool:
    """Whether a name of a product is none of immunoglobulin G to replace it."""
    return OTHER_DRUG.fullmatch(plain(word).strip()) is not None


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


def _of_samples(named: frozenset[str], words: list[str]) -> list[Verdict]:
    others = [bool(OTHER_ANALYTE.fullmatch(word) or ("igg" in word and NOT_TOTAL_IGG.search(word))) for word in words]
    unmeasured = [bool(NOT_MEASURED.fullmatch(one) or (IMPUTED & named and one in YES)) for one in words]
    spread = [bool(SPREAD & named) and NUMBER.fullmatch(word) is not None for word in words]
    if any(map(says_igg, words)) and ANALYTE_WORDS & named:
        others = [word != "" and not says_igg(word) for word in words]
    return [
        Verdict("every row is taken as total IgG", others),
        Verdict("every row is taken as a level in serum", [bool(OTHER_SPECIMEN.fullmatch(word)) for word in words]),
        Verdict("every row is taken as a valid result", _taken_back(named, words)),
        Verdict("every row is taken as a level that was measured", unmeasured),
        Verdict("every row is taken as one sample of one patient", spread, "a mean of several is none", asked=True),
        _remarks(words, ANOTHER_METHOD),
    ]


def _of_doses(named: frozenset[str], words: list[str]) -> list[Verdict]:
    given = bool(WHAT_WAS_GIVEN & named)
    repeats = bool(FREQUENCY & named or (COUNTED & named and NUMBER_OF & named) or ("per" in named and PER & named))
    vials = bool(VIALS & named and not SIZE & named)
    several = [repeats and not ONCE.fullmatch(word) and word not in ("1", "1.0") for word in words]
    counts = [vials and bool(re.fullmatch(r"0*(?:[2-9]|[1-9]\d+)(?:\.0*)?", word)) for word in words]
    in_part = [bool(PART & named) and bool(NUMBER.fullmatch(word)) and not WHOLE.fullmatch(word) for word in words]
    received = [
        bool(RECEIVED & named and not (PART | BESIDE) & named) and bool(AMOUNT.fullmatch(word)) for word in words
    ]
    wasted = [bool(WASTED & named) and bool(re.fullmatch(r"[\d.,]*[1-9][\d.,]*(?: ?m?g)?", word)) for word in words]
    unlike = [bool(OTHER_THAN & named) and word != "" and not IMMUNOGLOBULIN.search(word) for word in words]
    return [
        Verdict("every row is taken as a dose that was given", _not_given(named, words)),
        Verdict("every row is taken as immunoglobulin G", [given and other_drug(word) for word in words]),
        Verdict("every row is taken as one infusion", several, ROW_FOR_EACH),
        Verdict("the amount is taken as that of the whole infusion", counts, WHOLE_AMOUNT, amount=True),
        Verdict("the amount is taken as given whole", in_part, "write the amount that was given"),
        Verdict("the amount is taken as given whole", wasted, "write the amount that was given"),
        Verdict("the amount is taken as the one that was given", received, NAMED_AMOUNT, amount=True),
        Verdict("every row is taken as immunoglobulin G", unlike if not all(unlike) else [], asked=True),
        _remarks(words, REMARK_ON_A_DOSE),
    ]


def _of_therapy(named: frozenset[str], words: list[str]) -> list[Verdict]:
    ended = [bool(BROKEN_OFF & named) and word not in NO and word not in ("", "na", "none", "-") for word in words]
    lasts = [bool(LENGTH & named) and any(letter.isdigit() for letter in word) for word in words]
    paused = [bool(PAUSES & named) and word not in NO and not ONCE.fullmatch(word) for word in words]
    cut_short = [bool(CARRIED_THROUGH & named) and word in NO for word in words]
    back = [bool(B_CELLS_BACK & named) and any(letter.isdigit() for letter in word) for word in words]
    courses = [bool(COURSES & named) and bool(re.fullmatch(r"0*(?:[2-9]|[1-9]\d+)", word)) for word in words]
    return [
        Verdict("every row is taken as a therapy that was given", _not_given(named, words)),
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
        _remarks(words),
    ]


def _of_patients(named: frozenset[str], words: list[str]) -> list[Verdict]:
    told = YES if LEFT_OUT & named else NO if TAKEN_IN & named else frozenset[str]()
    level = ["igg" in named and NUMBER.fullmatch(word) is not None and word not in ("0", "1") for word in words]
    loses = LOSES_IGG.search(" ".join(sorted(named))) is not None
    nothing = [word in NO or ONCE.fullmatch(word) is not None for word in words]
    lost = [bool(LOSES_IGG.search(word) or (loses and (word in YES or not NUMBER.fullmatch(word)))) for word in words]
    return [
        Verdict("every patient is used", [word in told for word in words], OUT_OF_EVERY_TABLE),
        Verdict("a level in this table is not used", level, "write it as a row of samples with its day", asked=True),
        Verdict(WITH_PARAPROTEIN, [bool(PARAPROTEIN & named and IGG.search(word)) for word in words], asked=True),
        Verdict(LOST_OTHERWISE, [a and not b for a, b in zip(lost, nothing, strict=True)], asked=True),
    ]


def _of_outcomes(named: frozenset[str], words: list[str]) -> list[Verdict]:
    censored = bool(CENSORED & named)
    no_event = [
        word in YES if censored else bool(HAPPENED & named) and (word in NO or bool(NOT_HAPPENED.fullmatch(word)))
        for word in words
    ]
    surmised = [SURMISED.search(word) is not None for word in words]
    return [
        Verdict("every row is taken as an event that happened", no_event),
        Verdict("every row is taken as an event that happened", _not_given(named, words)),
        Verdict("every row is taken as an event that happened", surmised, asked=True),
    ]


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


def _taken_back(named: frozenset[str], words: list[str]) -> list[bool]:
    """Words by which a row does not count: by themselves, or yes and no under a heading that asks it."""
    told = (YES if DENYING & named else frozenset()) | (NO if AFFIRMING & named else frozenset())
    return [word in told or bool(TAKEN_BACK.fullmatch(word)) for word in words]


def _not_given(named: frozenset[str], words: list[str]) -> list[bool]:
    """Those, and words of what was planned and did not come, under a heading of a status."""
    status = bool(STATUS_WORDS & named)
    taken_back = _taken_back(named, words)
    return [no or bool(status and NOT_GIVEN.fullmatch(word)) for no, word in zip(taken_back, words, strict=True)]
