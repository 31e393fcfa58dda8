"""What free text says against its row, in the words of five languages; it is searched, and only asked about."""

from __future__ import annotations

import re
from typing import Final

REMARK: Final = re.compile(
    r"\bdisregard|\bdo not use|\bnot to be used|\bmix(?:ed)?[ -]?up|\bswapped\b|\bwrong (?:patient|sample|tube|label)|"
    r"\bmislabel|\bentered in error|\bcontaminat|\bunreliable|\bimplausible|\bduring (?:the )?infusion|\bnot given\b|"
    r"\brefused\b|\bstopped early|\bincomplete|\bpartial(?:ly)?\b|\bignore\b|\bother patient|"
    r"\bverwechs|\bverworfen|\bnicht (?:verwertbar|verwenden|auswert|beachten|gegeben)|\babgebrochen|"
    r"\bfalsche[rsnm]? \w|"
    r"\bungultig|\bignorieren|\bandere[rnms]? patient|\bvertausch|"
    r"\bignorer|\bne pas (?:utiliser|tenir)|\bautre patient|\bmauvais(?:e)? (?:tube|patient|echantillon)|"
    r"\binutilisable|"
    r"\bnon (?:exploitable|conforme|utilisable|valide)|\berreur d|\binversion\b|"
    r"\berrat[oa]\b|\bnon (?:utilizzare|usare|valido|valida|idoneo|somministrat)|\bscambi|\bsbagliat|\baltro paziente|"
    r"\bignorar|\bno (?:usar|utilizar|valid[oa]|administrad)|\botro paciente|\bequivocad|\berrone[oa]|\bdescartar|"
    r"\bniet (?:gebruiken|bruikbaar|gegeven|toegediend)|\bverkeerd|\bverwissel|\bandere patient|\bnegeren\b"
)
ANOTHER_METHOD: Final = re.compile(r"\bspep\b|electrophor|elektrophor|gamma.?fraction")
ANOTHER_VALUE: Final = re.compile(
    r"\b(?:corrected|revised|changed) (?:to|from)\b|\bkorrigiert (?:auf|von)\b|\bcorrige[ea]?s? [aà]\b|"
    r"\bcorrett[oa] [ai]\b|"
    r"\bcorregid[oa] a\b|\bgecorrigeerd naar\b|\b(?:repeat(?:ed)?|retest|recheck|rerun|wiederholung|kontrolle|"
    r"controle):? ?\d"
)
"""Another level than the one of the row."""
REMARK_ON_A_DOSE: Final = re.compile(
    r"\b(?:stopped|aborted|discontinued|interrupted|terminated|halved|reduced)\b|\bif ig ?g?\b|\bas needed\b|\bprn\b|"
    r"\bbei bedarf\b|\bnot completed\b|\bonly (?:\d|half|part|some|one|two|a )|\bhalf (?:of|the|was|infus|given|dose)|"
    r"\bnur (?:\d|die halfte|halb|teil)|\bvorzeitig|\bunterbrochen|\bgestoppt|\babbruch|\breduziert|"
    r"\binterromp|\barretee?\b|\bla moitie\b|\bseulement\b|\bincomplet|"
    r"\binterrump|\bla mitad\b|\bsolo (?:la|se|\d)|\binterrott|\bsospes[oa]\b|\bsuspendid|\bla meta\b|"
    r"\bonderbroken|\bgestopt|\bafgebroken|\bde helft\b|\bslechts\b"
)
REMARK_ON_A_THERAPY: Final = re.compile(
    r"\b(?:interrupted|paused|aborted|discontinued|withheld|held)\b|\bunterbrochen|\bpausiert|\bpause\b|\binterrompu|"
    r"\bsuspendu|\binterrump|\bsuspendid|\binterrott|\bsospes[oa]\b|\bonderbroken|\bnever started|\bnicht begonnen"
)
REPEATED: Final = re.compile(
    r"\bevery (?:\d|other|second|two|three|four|six|day|week|month)|\bq ?\d+ ?(?:d|w|h|m|wks?|weeks?|days?)\b|"
    r"\bq[dw]\b|"
    r"\b(?:weekly|monthly|daily|biweekly|fortnightly)\b|\b(?:over|for|on) (?:\d+|two|three|four|"
    r"five) (?:consecutive )?days\b|"
    r"\balle (?:\d+|zwei|drei|vier) |\b(?:wochentlich|taglich|monatlich)|\b(?:uber|an|auf) \d+ tage|"
    r"\b(?:toutes|tous) les |\bpar (?:semaine|mois|jour)\b|\bhebdomadaire|\bmensuel|\bquotidien|\b(?:pendant|"
    r"sur) \d+ jours|"
    r"\bcada (?:\d+ )?(?:dia|semana|mes)|\bsemanal|\bmensual|\bdiari[oa]\b|\b(?:durante|en) \d+ dias|"
    r"\bogni (?:\d+ )?(?:giorn|settiman|mes)|\bsettimanal|\bmensil|\bgiornalier|\bper \d+ giorni|"
    r"\b(?:elke|iedere) |\bwekelijks|\bmaandelijks|\bdagelijks"
)
"""One row for many infusions."""
A_TOTAL: Final = re.compile(
    r"(?:sub|grand )?total(?:e|s|en)?|sum|summe|gesamt(?:dosis|summe)?|somme|suma|somma|totaal|cumulative|kumulativ"
)
FIRST_ENTRY: Final = re.compile(r"original|initial|first entry|old|alt|ursprunglich|erste eingabe|initiale?")
SECOND_ENTRY: Final = re.compile(
    r"correct(?:ed|ion)|amended|new|neu|korrigiert|korrektur|corrigee?|corrett[oa]|corregid[oa]"
)
SURMISED: Final = re.compile(
    r"\b(?:suspected|possible|presumed|unconfirmed|rule out|query|planned|scheduled|refused)\b|\?"
)
LOSSES: Final = "nephroti|protein.?losing|chylothora|plasma.?(?:pheresis|exchange)|immuno?adsor"
"""What takes IgG out of the blood, as an event or as a disease."""
LOSES_IGG: Final = re.compile(rf"{LOSSES}|\bple\b|enteropath|lymphangiect|\bburns?\b|proteinuri")
PARAPROTEIN: Final = re.compile(
    r"para-?protein|\bm[- ]?(?:protein|gradient|spike|komponente|component)|\bmonoclonal (?:ig|band|gamm|comp|prot)|"
    r"\bmonoklonal|\bmonoclonale|\bcomponente? m\b|plasmo?zytom.*\big ?g\b|\bmyelom.*\big ?g\b|\big ?g\b.*\bmyelom|"
    r"\bmieloma.*\big ?g\b|\big ?g\b.*\bmieloma|gammopath.*\big ?g\b|\big ?g\b.*gammopath|\bmgus\b.*\big ?g\b"
)
NO_PARAPROTEIN: Final = re.compile(
    r"\b(?:no|not|non|kein\w*|negativ\w*|without|ohne|sans|sin|senza|absent|undetect\w*|geen|ig ?[am]|light.?chain)\b"
)
"""Beside it: none, or one that is no IgG."""


def has_paraprotein(word: str) -> bool:
    """Whether a text says that a paraprotein, perhaps of IgG, is among the IgG."""
    return PARAPROTEIN.search(word) is not None and NO_PARAPROTEIN.search(word) is None
