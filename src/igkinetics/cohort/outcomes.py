"""What the names of outcomes mean: death and transplant, which end follow-up, and infections. Stated lists, no guesses.

A name is compared without capitals and accents, and without what stands between its words: `Allo-SCT`, `allo SCT` and
`alloSCT` are one name.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pandas as pd

    from igkinetics.cohort.model import Cohort

DEATH_NAMES: Final = (
    "death",
    "dead",
    "died",
    "deceased",
    "expired",
    "exitus",
    "exitus letalis",
    "mortality",
    "death any cause",
    "death of any cause",
    "death from any cause",
    "all cause death",
    "all cause mortality",
    "patient died",
    "patient death",
    "tod",
    "verstorben",
    "gestorben",
    "todesfall",
    "décès",
    "décédé",
    "décédée",
    "mort",
    "muerte",
    "muerto",
    "muerta",
    "fallecido",
    "fallecida",
    "fallecimiento",
    "decesso",
    "deceduto",
    "deceduta",
    "morte",
)
KINDS_OF_TRANSPLANT: Final = frozenset(
    [
        "allo",
        "allogeneic",
        "allogenic",
        "allogene",
        "allogenen",
        "allogenique",
        "alogenico",
        "allogenico",
        "auto",
        "autologous",
        "autologe",
        "autologen",
        "autologue",
        "autologo",
        "haplo",
        "haploidentical",
        "haploidente",
        "haploidentique",
        "haploidentico",
        "cord",
        "blood",
        "first",
        "second",
        "third",
        "1st",
        "2nd",
        "3rd",
        "erste",
        "zweite",
        "mud",
        "mmud",
        "msd",
        "sibling",
        "related",
        "unrelated",
        "matched",
        "mismatched",
        "donor",
        "of",
        "de",
        "di",
        "du",
        "des",
        "la",
        "le",
        "osea",
        "osseuse",
        "osseo",
        "hematopoietic",
        "haematopoietic",
        "hematopoietique",
        "hematopoietiques",
        "hematopoyeticas",
        "hematopoyeticos",
        "emopoietiche",
    ]
)
"""Words of a transplant's name that say its kind, or nothing: a name that is one of the others without them is one."""
TRANSPLANT_NAMES: Final = (
    "hsct",
    "hct",
    "sct",
    "bmt",
    "pbsct",
    "asct",
    "stem cell transplant",
    "stem cell transplantation",
    "cell transplant",
    "cell transplantation",
    "peripheral stem cell transplant",
    "peripheral stem cell transplantation",
    "bone marrow transplant",
    "bone marrow transplantation",
    "marrow transplant",
    "transplant",
    "transplantation",
    "transplanted",
    "stammzelltransplantation",
    "knochenmarktransplantation",
    "szt",
    "kmt",
    "greffe",
    "greffe moelle",
    "greffe csh",
    "greffe cellules souches",
    "trasplante",
    "trasplante medula",
    "trasplante progenitores",
    "trasplante celulas madre",
    "trapianto",
    "trapianto midollo",
    "trapianto cellule staminali",
)
INFECTION_NAMES: Final = (
    "infection",
    "infections",
    "any infection",
    "serious infection",
    "severe infection",
    "bacterial infection",
    "viral infection",
    "fungal infection",
    "opportunistic infection",
    "serious bacterial infection",
    "sbi",
    "respiratory infection",
    "respiratory tract infection",
    "upper respiratory tract infection",
    "lower respiratory tract infection",
    "urinary tract infection",
    "bloodstream infection",
    "infectious episode",
    "pneumonia",
    "sepsis",
    "septic shock",
    "bacteraemia",
    "bacteremia",
    "fungaemia",
    "fungemia",
    "infektion",
    "infección",
    "infezione",
)
"""Outcomes that are infections unless cohort.toml states its own list: `[outcomes.classes] infection = [...]`."""
BETWEEN_WORDS: Final = re.compile(r"[^\w]+|_+")
LIKE_DEATH: Final = re.compile(
    r"death|\bdead\b|\bdied\b|deceas|exitus|mortal|\btrm\b|\bnrm\b|fatal|lethal|\bletal|\btod\b|todes|verstorb|gestorb|"
    r"deces|decede|decedut|\bmort|\bmuert|\bfallec"
)
LIKE_TRANSPLANT: Final = re.compile(
    r"transplant|trasplant|trapiant|greffe|allograft|autograft|hsct|\bsct\b|\bbmt\b|\bhct\b|\bszt\b|\bkmt\b|\btph\b|\btmo\b|"
    r"\btcse\b|stem ?cell|stammzell|\bgraft\b(?! versus)"
)
LIKE_INFECTION: Final = re.compile(r"infect|infekt|infecc|infezion|pneumon|sepsis|septic|bacter(?:ae|e)mia")


def words_of(name: str) -> str:
    """A name in small letters, without accents, with one blank between its words."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(one for one in letters if not unicodedata.combining(one))
    return " ".join(BETWEEN_WORDS.sub(" ", plain).split())


def compact(name: str) -> str:
    return words_of(name).replace(" ", "")


RESERVED: Final[dict[str, str]] = {
    "relapse": "relapse",
    **{compact(name): "death" for name in DEATH_NAMES},
    **{compact(name): "hsct" for name in TRANSPLANT_NAMES},
}
"""A name without blanks -> the reserved outcome that it means."""


def meaning(name: str) -> str:
    """`death`, `hsct` or `relapse` for a name that means one of them, else the name as it is."""
    return _reserved(name) or name


def _reserved(name: str) -> str:
    if reserved := RESERVED.get(compact(name)):
        return reserved
    rest = "".join(word for word in words_of(name).split() if word not in KINDS_OF_TRANSPLANT)
    kinds = len(rest) < len(compact(name))
    if kinds and rest in ("tx", "tpl", "tp"):  # alone these are treatment as often as transplant
        return "hsct"
    without = (rest, *(rest.removeprefix(kind) for kind in ("allo", "auto", "haplo") if rest.startswith(kind)))
    return "hsct" if any(RESERVED.get(one) == "hsct" for one in without) else ""


def looks_like_an_end(name: str) -> str:
    """`death` or `hsct` for a name that is neither and has a word of it, such as `renal transplant`; else ""."""
    if _reserved(name):
        return ""
    words = words_of(name)
    return "death" if LIKE_DEATH.search(words) else "hsct" if LIKE_TRANSPLANT.search(words) else ""


def looks_like_an_infection(name: str) -> bool:
    return LIKE_INFECTION.search(words_of(name)) is not None


def are_infections(names: pd.Series[str], stated: tuple[str, ...] = INFECTION_NAMES) -> pd.Series[bool]:
    """Whether each outcome is one of the infections listed."""
    known = {compact(name) for name in stated}
    verdict = {name: compact(str(name)) in known for name in names.unique()}
    return names.map(verdict).astype(bool)


def patients_with_outcomes(cohort: Cohort) -> dict[str, set[str]]:
    """The patients with each outcome, in the order in which outcomes first appear; a death in either table counts."""
    pairs = cohort.outcomes[["outcome", "patient_id"]].astype(str).drop_duplicates()
    who = {str(outcome): set(rows["patient_id"]) for outcome, rows in pairs.groupby("outcome", sort=False)}
    dead = set(cohort.patients.loc[cohort.patients["death"].notna(), "patient_id"].astype(str))
    return {**who, "death": who.get("death", set()) | dead} if dead else who


def infections(cohort: Cohort) -> pd.DataFrame:
    """The rows of the outcomes that are infections, by the cohort's own list where it states one."""
    return cohort.outcomes[are_infections(cohort.outcomes["outcome"].astype(str), cohort.infection_names)]
