"""Whether a row counts: what columns of status, validity and exclusion say, in the words of six languages.

Yes and no answer the heading, so the heading must ask about the row: `given` of a dose does, `paracetamol given` does
not.
"""

from __future__ import annotations

import re
from typing import Final

TAKEN_BACK: Final = re.compile(
    r"entered[ -]in[ -]error|in error|error|cancell?ed|not[ -]done|not performed|voided?|rejected|invalid|deleted|"
    r"withdrawn|retracted|superseded|replaced|duplicate|outdated|"
    r"wrong (?:patient|tube|blood in tube)|mislabell?ed|storniert|abgesagt|ungultig|annulee?s?|annullat[oa]|"
    r"anulad[oa]|cancelad[oa]|geannuleerd|nicht (?:erfolgt|durchgefuhrt|begonnen)|not started|never (?:started|"
    r"given|administered)"
)
NOT_GIVEN: Final = re.compile(
    r"not[ -](?:given|administered|taken|infused)|no|held|hold|on hold|(?:patient )?(?:refused|declined)|missed|"
    r"omitted|skipped|planned|ordered|order|prescription|prescribed|request(?:ed)?|scheduled|"
    r"screen(?:ing)? fail(?:ure|ed)?|postponed|deferred|rescheduled|"
    r"nicht (?:gegeben|verabreicht)|geplant|verschoben|ausgesetzt|ausgelassen|abgelehnt|verweigert|entfallen|"
    r"angeordnet|verordnet|"
    r"non (?:administre|donne)e?s?|reportee?s?|refusee?s?|prevue?s?|planifiee?s?|prescrite?s?|"
    r"no (?:administrad|dad)[oa]|suspendid[oa]|aplazad[oa]|pospuest[oa]|planificad[oa]|programad[oa]|rechazad[oa]|"
    r"non (?:somministrat|dat)[oa]|sospes[oa]|rinviat[oa]|rimandat[oa]|programmat[oa]|previst[oa]|rifiutat[oa]|"
    r"niet (?:gegeven|toegediend)|uitgesteld|gepland|geweigerd|overgeslagen"
)
NO_PARTICIPANT: Final = re.compile(
    r"screen(?:ing)? ?-?fail(?:ure|ed)?|not (?:treated|eligible|enrolled|included)|never (?:treated|enrolled)|"
    r"ineligible|(?:consent )?withdrawn(?: consent)?|withdrew(?: consent)?|excluded|ausgeschlossen|"
    r"nicht (?:eingeschlossen|behandelt)|einwilligung (?:widerrufen|zuruckgezogen)|exclue?|"
    r"non (?:inclus|inclue?|traitee?|eligible)|retrait (?:de )?consentement|excluid[oa]|"
    r"no (?:incluid[oa]|tratad[oa]|elegible)|esclus[oa]|non (?:arruolat[oa]|trattat[oa])|uitgesloten"
)
"""A whole cell that says of a patient that the study has left them out."""
STATUS_HEADINGS: Final = frozenset({"status", "state", "statut", "estado", "stato", "etat"})
STATUS_WORDS: Final = STATUS_HEADINGS | frozenset(
    {"action", "given", "administered", "mar", "valid", "flag", "gegeben", "verabreicht"}
    | {"intent", "intention", "line", "record", "entry", "kind", "type", "art", "tipo", "soort"}
    | {"event", "step", "stage", "phase", "transaction", "schritt", "vorgang", "etape", "evento", "fase", "gebeurtenis"}
)
DENYING: Final = frozenset(
    {"planned", "ordered", "scheduled", "cancelled", "canceled", "held", "missed", "refused", "omitted", "skipped"}
    | {"excluded", "exclude", "excl", "exclusion", "error", "invalid", "discard", "discarded", "rejected", "void"}
    | {"storniert", "abgesagt", "geplant", "ausgeschlossen", "ausschluss", "ungultig", "verworfen", "ausgelassen"}
    | {"exclu", "exclue", "exclure", "annule", "annulee", "reporte", "invalide", "prevu", "prevue"}
    | {"excluido", "excluida", "excluir", "anulado", "cancelado", "suspendido", "invalido", "planificado"}
    | {"escluso", "esclusa", "escludere", "esclusione", "annullato", "sospeso"}
    | {"uitgesloten", "geannuleerd", "uitgesteld", "ongeldig", "gepland"}
)
"""Headings under which "yes" says that the row does not count."""
AFFIRMING: Final = frozenset(
    {"given", "administered", "valid", "include", "included", "use", "used", "usable", "evaluable", "infused"}
    | {"gegeben", "verabreicht", "gultig", "verwenden", "verwendet", "verwertbar", "auswertbar", "eingeschlossen"}
    | {"donne", "donnee", "administre", "administree", "valide", "inclus", "incluse", "inclure", "utilisable"}
    | {"dado", "dada", "administrado", "administrada", "suministrado", "suministrada", "valido", "valida"}
    | {"incluido", "incluida", "utilizable", "dato", "somministrato", "somministrata", "incluso", "inclusa"}
    | {"utilizzabile", "gegeven", "toegediend", "geldig", "bruikbaar"}
)
"""Headings under which "no" says so."""
GIVEN_AT_LAST: Final = AFFIRMING - frozenset(
    {"valid", "include", "included", "use", "used", "usable", "evaluable", "gultig", "verwenden", "verwendet"}
    | {"verwertbar", "auswertbar", "eingeschlossen", "valide", "inclus", "incluse", "inclure", "utilisable", "valido"}
    | {"valida", "incluido", "incluida", "utilizable", "incluso", "inclusa", "utilizzabile", "geldig", "bruikbaar"}
)
"""Cells that say of a dose that it was given."""
LEFT_OUT: Final = frozenset(
    {"exclude", "excluded", "exclusion", "withdrawn", "withdrew", "ineligible", "failure", "ausgeschlossen"}
    | {"ausschluss", "ausschlussgrund", "exclu", "exclue", "exclusion", "excluido", "excluida", "escluso", "esclusa"}
    | {"esclusione", "uitgesloten", "uitsluiting"}
)
TAKEN_IN: Final = frozenset(
    {"include", "included", "inclusion", "eligible", "evaluable", "consent", "consented", "eingeschlossen"}
    | {"einschluss", "einwilligung", "einverstandnis", "inclus", "incluse", "consentement", "incluido", "incluida"}
    | {"consentimiento", "incluso", "inclusa", "consenso", "toestemming", "geincludeerd"}
)
"""Headings of patients under which yes (no) says that the patient is to be left out."""
YES: Final = frozenset({"yes", "y", "1", "true", "t", "x", "ja", "j", "oui", "o", "si", "s", "wahr", "vrai", "waar"})
NO: Final = frozenset(
    {"no", "n", "0", "false", "f", "nein", "non", "nee", "falsch", "faux", "falso", "onwaar", "niet", "nicht"}
)
ABOUT: Final = frozenset(
    {"the", "of", "is", "was", "were", "if", "in", "from", "for", "to", "be", "yn", "y", "n", "flag", "code", "overall"}
    | {"row", "record", "entry", "line", "data", "analysis", "analyses", "study", "current", "final", "quality", "not"}
    | {
        "der",
        "die",
        "das",
        "des",
        "ist",
        "wurde",
        "wird",
        "auswertung",
        "analyse",
        "studie",
        "zeile",
        "reason",
        "grund",
    }
    | {"de", "la", "le", "du", "el", "del", "della", "dell", "il", "lo", "en", "etude", "estudio", "studio", "fila"}
    | {
        "het",
        "een",
        "van",
        "is",
        "regel",
        "motivo",
        "raison",
        "motif",
        "reden",
        "criteria",
        "or",
        "and",
        "qc",
        "result",
    }
)
"""Words of a heading that change nothing of what it is about."""
ROW_OF: Final[dict[str, frozenset[str]]] = {
    "samples": frozenset(
        {"sample", "samples", "specimen", "result", "results", "lab", "laboratory", "test", "level", "value"}
        | {"measurement", "igg", "observation", "probe", "befund", "wert", "messung", "ergebnis", "labor", "messwert"}
        | {"echantillon", "resultat", "dosage", "mesure", "valeur", "muestra", "resultado", "medicion", "valor"}
        | {"campione", "risultato", "misura", "valore", "monster", "uitslag", "meting", "waarde"}
    ),
    "doses": frozenset(
        {"dose", "doses", "infusion", "infusions", "administration", "admin", "mar", "action", "medication", "drug"}
        | {"product", "ivig", "igiv", "scig", "ig", "igg", "immunoglobulin", "immunoglobulins", "igrt", "treatment"}
        | {"therapy", "injection", "full", "fully", "whole", "complete", "amount", "total", "dosing", "as", "order"}
        | {"dosis", "gabe", "verabreichung", "infusionen", "praparat", "medikament", "immunglobulin", "immunglobuline"}
        | {"vollstandig", "perfusion", "administration", "produit", "medicament", "immunoglobulines", "traitement"}
        | {"infusione", "somministrazione", "dosi", "farmaco", "immunoglobuline", "administracion", "medicamento"}
        | {"inmunoglobulina", "inmunoglobulinas", "infuus", "toediening", "geneesmiddel", "planned", "prescribed"}
    ),
    "therapy": frozenset(
        {"therapy", "treatment", "course", "cycle", "agent", "drug", "dose", "medication", "infusion", "action", "line"}
        | {"therapie", "behandlung", "zyklus", "traitement", "cure", "cycle", "tratamiento", "ciclo", "terapia", "kuur"}
        | {"trattamento", "behandeling", "planned"}
    ),
    "outcomes": frozenset({"event", "outcome", "infection", "episode", "ereignis", "evenement", "evento", "diagnosis"}),
    "patients": frozenset(
        {"patient", "patients", "subject", "subjects", "person", "participant", "participation", "case", "criterion"}
        | {"patientin", "fall", "teilnehmer", "teilnahme", "sujet", "participante", "paciente", "paziente", "deelnemer"}
        | {"consent", "informed", "withdrawn", "withdrew", "status", "eligible", "eligibility", "screening", "failure"}
    ),
}
"""Of each table the words for what one of its rows is."""


def about_rows(table: str, named: frozenset[str], asks: frozenset[str]) -> bool:
    """Whether a heading asks this of the rows of its table and of nothing else.

    asks: the words by which it asks, such as `given`.
    """
    rest = named - asks - ABOUT - ROW_OF.get(table, frozenset())
    return bool(asks & named) and not {word for word in rest if not word.isdigit()}


def taken_back(table: str, named: frozenset[str], words: list[str]) -> list[bool]:
    """Words by which a row does not count: by themselves, or yes and no under a heading that asks it."""
    told: frozenset[str] = frozenset()
    if about_rows(table, named, DENYING | AFFIRMING):
        told = (YES if DENYING & named else told) | (NO if AFFIRMING & named and not DENYING & named else told)
    return [word in told or bool(TAKEN_BACK.fullmatch(word)) for word in words]


def not_given(table: str, named: frozenset[str], words: list[str]) -> list[bool]:
    """Those, and words of what was planned and did not come, under a heading of a status."""
    told_of_others = any(word in GIVEN_AT_LAST for word in words)  # beside "given", "ordered" was not
    status = bool(STATUS_WORDS & named or told_of_others or about_rows(table, named, DENYING | AFFIRMING))
    in_general = about_rows(table, named, STATUS_HEADINGS)  # "no" is no answer to any other heading
    return [
        no or bool(status and (in_general or word not in NO) and NOT_GIVEN.fullmatch(word))
        for no, word in zip(taken_back(table, named, words), words, strict=True)
    ]
