"""What free text says against its row, in the words of six languages; it is searched, and only asked about."""

from __future__ import annotations

import re
from typing import Final

from igkinetics.cohort.parse.dose_words import NUMBER, ONCE
from igkinetics.cohort.parse.row_status import NO, YES

REMARK: Final = re.compile(
    r"\bdisregard|\bdo not use|\bnot to be used|\bmix(?:ed)?[ -]?up|\bswapped\b|\bwrong (?:patient|sample|tube|label)|"
    r"\bmislabel|\binvalid\b|"
    r"\bnot (?:valid|usable|reliable|representative|evaluable|suitable|trustworthy|interpretable)\b|"
    r"\bentered in error|\bcontaminat|\bunreliable|\bimplausible|"
    r"\brefused\b|\bstopped early|\bincomplete|\bpartial(?:ly)?\b|\bignore\b|\bother patient|"
    r"\bcancell?ed\b|\bstorniert|\bannulee?s?\b|\bannullat[oa]\b|\banulad[oa]\b|\bcancelad[oa]\b|"
    r"\bgeannuleerd|"
    r"\bverwechs|\bverworfen|\bnicht (?:verwertbar|verwenden|auswert|beachten|gegeben)|\babgebrochen|"
    r"\bfalsche[rsnm]? \w|\bfalsch (?:beschriftet|etikettiert|zugeordnet|abgenommen)|\bmal etiquet|\bmal rotulad|"
    r"\bungultig|\bignorieren|\bandere[rnms]? patient|\bvertausch|"
    r"\bignorer|\bne pas (?:utiliser|tenir)|\bautre patient|\bmauvais(?:e)? (?:tube|patient|echantillon)|"
    r"\binutilisable|"
    r"\bnon (?:exploitable|conforme|utilisable|valide)|\berreur d|\binversion\b|"
    r"\berrat[oa]\b|\bnon (?:utilizzare|usare|valido|valida|idoneo|somministrat)|\bscambi|\bsbagliat|\baltro paziente|"
    r"\bignorar|\bno (?:usar|utilizar|valid[oa]|administrad)|\botro paciente|\bequivocad|\berrone[oa]|\bdescartar|"
    r"\bniet (?:gebruiken|bruikbaar|gegeven|toegediend)|\bverkeerd|\bverwissel|\bandere patient|\bnegeren\b"
)
NEGATION: Final = r"(?:not|never|nicht|nie|ne|pas|non|no|niet|nooit|\w+n't)"
GIVEN: Final = (
    r"(?:given|administered|infused|received|gegeben|verabreicht|appliziert|infundiert|erhalten|bekommen|"
    r"administree?s?|donnee?s?|perfusee?s?|recue?s?|somministrat[oaie]|infus[oaie]|ricevut[oa]|eseguit[oa]|"
    r"administrad[oa]s?|dad[oa]|recibid[oa]|puest[oa]|gegeven|toegediend|ontvangen|gekregen|"
    r"performed|delivered|started|statt|durchgefuhrt|erfolgt|stattgefunden|faite?s?|effectuee?s?|realisee?s?|"
    r"fatt[oa]|effettuat[oa]|administro|realizo|recibio|puso|realizad[oa]|gedaan|plaatsgevonden)"
)
NOT_GIVEN_AFTER_ALL: Final = re.compile(
    rf"\b{NEGATION}\b(?: (?:a|ete|been|yet|e|stat[oa]|fue|sido|ha|se|si|le|pas|was|wurde|werd)){{0,3}} {GIVEN}\b|"
    r"\bnon dat[oa]\b|\bdid(?: not|n't) (?:receive|get|come|attend)|\bwithheld\b|\bomitted\b|"
    r"\bmissed\b|\bskipped\b|\bnever started|"
    r"\b(?:postponed|verschoben|reportee?|aplazad[oa]|rinviat[oa]|rimandat[oa]|uitgesteld)(?:$|[,;:.]| "
    r"(?:to|until|till|due|because|for|auf|bis|wegen|um|au|jusqu|pour|a|al|hasta|por|fino|per|naar|tot|wegens)\b)|"
    r"\b(?:declined|abgelehnt|verweigert|refusee?|rifiutat[oa]|rechazad[oa]|geweigerd)\b|"
    r"\b(?:discarded|expired|abgelaufen|perimee?|caducad[oa]|scadut[oa]|verlopen)\b|"
    r"\bno[- ]?show\b|\bnicht (?:erschienen|durchgefuhrt|erfolgt|stattgefunden)|\bausgefallen\b|\bentfallen\b|"
    r"\b(?:keine|geen) (?:gabe|infusion|infuus|dosis|toediening)|\bpas (?:de|d) (?:perfusion|injection|venue)|"
    r"\bniet (?:doorgegaan|gekomen)|\bno (?:acudio|vino)|\bnon (?:venut[oa]|presentat[oa])"
)
"""A remark on a dose or a therapy that says there was none."""
DRAWN_AMISS: Final = re.compile(
    r"\b(?:during|while|mid|wahrend|pendant|durant|durante|tijdens|im laufe)\b[ -](?:\S+ ){0,3}"
    r"(?:infusion|perfusion|infusione|infuus|infusie|infused|infundida)|"
    r"\b(?:infusion|perfusion|infusions|infuus)[ -]?(?:arm|line|site|zugang|leitung)|\bthrough the (?:iv )?line|"
    r"\b(?:arm|line|zugang) (?:of|with|used for|mit) (?:the |der )?(?:running )?(?:infusion|ivig|ig)|"
    r"\bsame arm\b|\bbras perfuse|\bbraccio (?:dell )?infusione|\bbrazo (?:de la )?infusion|\binfuusarm"
)
"""Blood that was drawn while immunoglobulin ran in, or beside it."""
ANOTHER_METHOD: Final = re.compile(r"\bspep\b|electrophor|elektrophor|gamma.?fraction")
ANOTHER_VALUE: Final = re.compile(
    r"\b(?:corrected|revised|changed) (?:to|from)\b|\bkorrigiert (?:auf|von)\b|\bcorrige[ea]?s? [aà]\b|"
    r"\bcorrett[oa] [ai]\b|\b(?:corrected|adjusted|normali[sz]ed) (?:for|by)\b|\bkorrigiert (?:fur|nach|um)\b|"
    r"\b\w+korrigiert|\bcorrigee? (?:pour|par)\b|\bcorrett[oa] per\b|\bcorregid[oa] por\b|\bgecorrigeerd voor\b|"
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
LOSSES: Final = (
    r"nephroti|protein.?losing|chylothora|plasma.?(?:ph[ae]re|fere|exchange|austausch|wissel)|"
    r"echanges? plasma|recambio plasm|scambio plasm|immuno?adsor|\bplex\b|\btpe\b"
)
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


def with_paraprotein(named: frozenset[str], words: list[str]) -> list[bool]:
    """Texts that say so, and yes or an amount under a heading of it."""
    headed = bool({"paraprotein", "mprotein"} & named) or {"m", "protein"} <= named or {"m", "spike"} <= named
    amount = [bool(NUMBER.fullmatch(word) and re.search("[1-9]", word)) for word in words]
    return [
        has_paraprotein(word) or (headed and (word in YES or (number and word != "0")))
        for word, number in zip(words, amount, strict=True)
    ]


def lost_otherwise(named: frozenset[str], words: list[str]) -> list[bool]:
    """Texts that say IgG was lost or taken away, and yes or an amount under a heading of it."""
    headed = LOSES_IGG.search(" ".join(sorted(named))) is not None
    nothing = [word in NO or ONCE.fullmatch(word) is not None for word in words]
    lost = [bool(LOSES_IGG.search(word) or (headed and (word in YES or not NUMBER.fullmatch(word)))) for word in words]
    return [a and not b for a, b in zip(lost, nothing, strict=True)]
