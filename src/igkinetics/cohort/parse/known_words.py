"""Columns that say what a row is, in which every word that is not known to be the usual thing is asked about.

No list of what may be said against a row is complete. Under a heading of a status, a specimen, a test or a route it is
the other way round: few words say that a row is what it is taken for, and all others are shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from igkinetics.cohort.mapping.contract import TableName
from igkinetics.cohort.mapping.headings import words_of
from igkinetics.cohort.parse.dose_words import CARRIED_THROUGH
from igkinetics.cohort.parse.findings import Mask
from igkinetics.cohort.parse.row_status import (
    AFFIRMING,
    DENYING,
    LEFT_OUT,
    NO,
    STATUS_HEADINGS,
    TAKEN_IN,
    YES,
    about_rows,
)
from igkinetics.cohort.parse.sample_words import names_total_igg
from igkinetics.cohort.parse.words import Words

MOST_KINDS: Final = 200
"""A column with more different words is free text, which is searched and no list of words."""
NOTHING: Final = frozenset(
    {"", "-", "--", ".", "na", "n/a", "nan", "none", "null", "keine", "aucun", "aucune", "nessuno"}
)
COUNTS: Final = re.compile(
    r"given|administered|administration|admin|complete|completed|completion|done|final|finalised|finalized|"
    r"finished|valid|validated|verified|confirmed|released|reported|resulted|result|accepted|approved|authorised|"
    r"authorized|ok|okay|normal|active|performed|received|infused|delivered|taken|measured|analysed|analyzed|"
    r"evaluable|included|include|use|used|usable|good|satisfactory|adequate|acceptable|correct|corrected|amended|"
    r"appended|checked|signed|started|ongoing|full|fully|in|whole|total|regular|routine|new|f|c|gegeben|"
    r"verabreicht|appliziert|infundiert|erhalten|abgeschlossen|beendet|fertig|vollstandig|komplett|durchgefuhrt|"
    r"erfolgt|gultig|valide|validiert|vidiert|freigegeben|endgultig|endbefund|bestatigt|gemessen|erledigt|aktiv|"
    r"laufend|verwendet|verwertbar|eingeschlossen|korrekt|korrigiert|gut|administre|administree|donne|donnee|fait|"
    r"faite|termine|terminee|complet|validee|definitif|confirme|confirmee|effectue|effectuee|realise|realisee|recu|"
    r"recue|perfuse|perfusee|inclus|incluse|rendu|administrado|administrada|dado|dada|puesto|puesta|completado|"
    r"completada|completo|completa|terminado|terminada|finalizado|finalizada|realizado|realizada|valido|valida|"
    r"validado|validada|confirmado|confirmada|hecho|hecha|definitivo|definitiva|recibido|recibida|incluido|"
    r"incluida|activo|somministrato|somministrata|dato|data|eseguito|eseguita|completato|completata|terminato|"
    r"terminata|finito|finita|concluso|conclusa|validato|validata|confermato|confermata|fatto|fatta|effettuato|"
    r"effettuata|ricevuto|ricevuta|incluso|inclusa|gegeven|toegediend|voltooid|afgerond|klaar|gedaan|uitgevoerd|"
    r"geldig|gevalideerd|definitief|bevestigd|ontvangen|dose|infusion|sample|specimen|dosis|gabe|probe|perfusion|"
    r"dosi|infusione|campione|muestra|ivig|igg|as|and|the|und|et|y|e|en"
)
"""Words of which a cell consists that says: this row counts."""
SPECIMENS: Final = re.compile(
    r"ven(?:os|ous|eux|eus)[a-z]*|"
    r"serum|sera|serums|seren|suero|siero|plasma|plasmatic|blood|blut|sang|sangre|sangue|bloed|whole|venous|venos|"
    r"venose|veneux|venosa|venoso|veneus|peripheral|peripher|peripheres|kapillarblut|vollblut|venenblut|edta|"
    r"heparin|lithium|li|lihep|citrate|citrat|sst|gel|tube|rohrchen|monovette|vacutainer|s|se|ser|p|pl|b|igg|ig|g|"
    r"sample|probe|patient|routine|study|fresh|frozen|trough|talspiegel|peak|pre|post|dose|baseline|screening|"
    r"random|follow|up|followup|fasting|central|local|human|and|or|und|et|y|e|visit|week|day|cycle|month|de"
)
VEINS: Final = re.compile(
    r"iv|i|v|ivig|intravenous|intravenously|intravenos|intravenose|intravenosa|intravenoso|intraveineuse|"
    r"intraveineux|endovenosa|endovenoso|ev|e|intraveneus|infusion|perfusion|infuus|infusione|drip|tropf|piv|bolus"
)
LETTERS: Final = re.compile(r"[a-z]+")
SPECIMEN_HEADING: Final = re.compile(
    r"specimen|specimen type|sample type|sample material|matrix|sample matrix|(?:body )?fluid|\w*material|materiale|"
    r"materiaal|probenart|probentyp|tipo muestra|muestra|nature echantillon|type echantillon|echantillon|"
    r"tipo campione|campione|monster|monstertype|monstersoort|(?:lb)?spec"
)
TEST_HEADING: Final = re.compile(
    r"(?:lb|pc)?test(?:cd)?|test name|lab test|analyte|analyt|analito|component|parameter|parametre|parametro|param|"
    r"(?:angeforderte )?untersuchung|analyse|analysis|analisi|analisis|esame|examen|prueba|determinacion|bepaling|"
    r"onderzoek|laborparameter|messgrosse|igg test"
)
ROUTE_HEADING: Final = re.compile(
    r"route|route administration|administration route|roa|rte|applikation|applikationsart|applikationsweg|"
    r"verabreichung|verabreichungsart|verabreichungsweg|art gabe|art verabreichung|art applikation|voie|"
    r"voie administration|via|via administracion|via somministrazione|toedieningsweg|toedieningswijze|mode"
)
FILLERS: Final = frozenset({"de", "d", "di", "der", "des", "del", "della", "dell", "of", "the", "la", "le", "l", "du"})


@dataclass(frozen=True, slots=True)
class Unknown:
    """Rows whose word is not known to be the usual thing. assumed: what they are taken for."""

    rows: Mask
    assumed: str


def unknown_words(table: TableName, heading: str, words: Words) -> Unknown | None:
    """The rows whose words nobody knows under a heading that says what a row is; None for any other heading."""
    named = words_of(heading)
    kind = next((one for one in KINDS if table in one.tables and one.asks(table, named)), None)
    if kind is None:
        return None
    if len(words.distinct) > MOST_KINDS:
        return None
    usual = _usual_of(frozenset(named), kind)
    unknown = words.where_plain(lambda word: not usual(word))
    return Unknown(unknown, f"{kind.assumed}; it holds words that are not known to say so") if unknown.any() else None


def _usual_of(named: frozenset[str], kind: _Kind) -> Callable[[str], bool]:
    """What tells a usual word under this heading."""
    if kind.usual is not None:
        return kind.usual
    denies = bool((DENYING | LEFT_OUT) & named)
    fine = (NO if denies else YES) | NOTHING

    def usual(word: str) -> bool:
        number = any(letter.isdigit() for letter in word)  # an amount, a time
        return word in fine or number or (not denies and _all_of(COUNTS, word))

    return usual


def _all_of(known: re.Pattern[str], word: str) -> bool:
    """Whether every word of a cell is known."""
    return all(known.fullmatch(one) is not None for one in LETTERS.findall(word))


def _is_specimen(word: str) -> bool:
    """A number or a label (S1) names one sample and says nothing about what it is."""
    label = any(letter.isdigit() for letter in word) or len(word) < 3
    return word in NOTHING or label or word in YES or _all_of(SPECIMENS, word)


def _is_into_a_vein(word: str) -> bool:
    return word in NOTHING or _all_of(VEINS, word)


def _is_igg(word: str) -> bool:
    return word in NOTHING or not re.search("[a-z]{3}", word) or names_total_igg(word)


def _says(pattern: re.Pattern[str]) -> Callable[[str, list[str]], bool]:
    return lambda table, named: pattern.fullmatch(" ".join(one for one in named if one not in FILLERS)) is not None


def _asks_whether(table: str, named: list[str]) -> bool:
    """A heading of a status, or one that asks whether the row counts."""
    if table == "patients":
        return about_rows(table, frozenset(named), LEFT_OUT | TAKEN_IN)
    words = frozenset("status" if one.endswith("status") else one for one in named)
    return about_rows(table, words, STATUS_HEADINGS | DENYING | AFFIRMING)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What a heading asks of its rows. usual: cells that say nothing against them; None: words of a row that counts."""

    tables: tuple[TableName, ...]
    asks: Callable[[str, list[str]], bool]
    assumed: str
    usual: Callable[[str], bool] | None = None


KINDS: Final = (
    _Kind(
        tables=("samples",),
        asks=_says(SPECIMEN_HEADING),
        assumed="every row is taken as a level in serum",
        usual=_is_specimen,
    ),
    _Kind(tables=("samples",), asks=_says(TEST_HEADING), assumed="every row is taken as total IgG", usual=_is_igg),
    _Kind(tables=("doses",), asks=_says(ROUTE_HEADING), assumed="every dose is taken as iv", usual=_is_into_a_vein),
    _Kind(tables=("samples",), asks=_asks_whether, assumed="every row is taken as a valid result"),
    _Kind(tables=("doses",), asks=_asks_whether, assumed="every row is taken as a dose that was given"),
    _Kind(
        tables=("doses",),
        asks=lambda table, named: about_rows(table, frozenset(named), CARRIED_THROUGH),
        assumed="the amount is taken as given whole",
    ),
    _Kind(tables=("therapy",), asks=_asks_whether, assumed="every row is taken as a therapy that was given"),
    _Kind(tables=("patients",), asks=_asks_whether, assumed="every patient is used"),
)
