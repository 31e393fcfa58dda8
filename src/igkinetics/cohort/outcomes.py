"""What the names of outcomes mean: death and transplant, which end follow-up, and infections. Stated lists, no guesses.

A name is compared without capitals, accents on letters aside, and without what stands between its words: `Allo-SCT`,
`allo SCT` and `alloSCT` are one name.
"""

from __future__ import annotations

import re
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
    "décès",
    "deces",
    "décédé",
    "muerte",
    "fallecido",
    "fallecimiento",
    "decesso",
    "morte",
)
TRANSPLANT_KINDS: Final = (
    "",
    "allo",
    "allogeneic",
    "allogenic",
    "auto",
    "autologous",
    "haplo",
    "haploidentical",
    "cord blood",
    "first",
    "second",
)
TRANSPLANT_CORES: Final = (
    "hsct",
    "hct",
    "sct",
    "bmt",
    "pbsct",
    "asct",
    "stem cell transplant",
    "stem cell transplantation",
    "hematopoietic stem cell transplant",
    "hematopoietic stem cell transplantation",
    "haematopoietic stem cell transplant",
    "haematopoietic stem cell transplantation",
    "hematopoietic cell transplant",
    "hematopoietic cell transplantation",
    "haematopoietic cell transplantation",
    "peripheral blood stem cell transplant",
    "peripheral blood stem cell transplantation",
    "bone marrow transplant",
    "bone marrow transplantation",
    "marrow transplant",
    "transplant",
    "transplantation",
    "transplanted",
    "stammzelltransplantation",
    "kmt",
    "greffe",
    "trasplante",
    "trapianto",
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
LIKE_DEATH: Final = re.compile(r"death|\bdead\b|\bdied\b|deceas|exitus|mortal|\btrm\b|\bnrm\b")
LIKE_TRANSPLANT: Final = re.compile(r"transplant|hsct|\bsct\b|\bbmt\b|\bhct\b|stem ?cell|\bgraft\b(?! versus)")
LIKE_INFECTION: Final = re.compile(r"infect|infekt|infezion|pneumon|sepsis|septic|bacter(?:ae|e)mia")


def words_of(name: str) -> str:
    """A name in small letters with one blank between its words."""
    return " ".join(BETWEEN_WORDS.sub(" ", name.casefold()).split())


def compact(name: str) -> str:
    return words_of(name).replace(" ", "")


RESERVED: Final[dict[str, str]] = {
    "relapse": "relapse",
    **{compact(name): "death" for name in DEATH_NAMES},
    **{compact(f"{kind} {core}"): "hsct" for kind in TRANSPLANT_KINDS for core in TRANSPLANT_CORES},
}
"""A name without blanks -> the reserved outcome that it means."""


def meaning(name: str) -> str:
    """`death`, `hsct` or `relapse` for a name that means one of them, else the name as it is."""
    return RESERVED.get(compact(name), name)


def looks_like_an_end(name: str) -> str:
    """`death` or `hsct` for a name that is neither and has a word of it, such as `renal transplant`; else ""."""
    if meaning(name) != name or compact(name) in RESERVED:
        return ""
    words = words_of(name)
    return "hsct" if LIKE_TRANSPLANT.search(words) else "death" if LIKE_DEATH.search(words) else ""


def looks_like_an_infection(name: str) -> bool:
    return LIKE_INFECTION.search(words_of(name)) is not None


def are_infections(names: pd.Series[str], stated: tuple[str, ...] = INFECTION_NAMES) -> pd.Series[bool]:
    """Whether each outcome is one of the infections listed."""
    known = {compact(name) for name in stated}
    verdict = {name: compact(str(name)) in known for name in names.unique()}
    return names.map(verdict).astype(bool)


def infections(cohort: Cohort) -> pd.DataFrame:
    """The rows of the outcomes that are infections, by the cohort's own list where it states one."""
    return cohort.outcomes[are_infections(cohort.outcomes["outcome"].astype(str), cohort.infection_names)]
