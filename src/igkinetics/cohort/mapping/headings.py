"""What the heading of a foreign column means: the contract's names in the words of hospitals, laboratories and trials.

A heading is cut into words, accents and capitals aside; each word stands for a concept (`CONCEPT_WORDS`, in English,
German, French, Spanish and Italian), a unit at its end is set apart, and the set of concepts decides (`MEANINGS`).
A heading with a word that nobody knows means nothing: no column is guessed from a likeness alone.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Final

from igkinetics.cohort.mapping.contract import TableName

CONCEPT_WORDS: Final[dict[str, str]] = {
    "PATIENT": "patient patients patienten pat subject subj person participant proband case fall paziente paciente",
    "ID": "id ids no nr nummer number num numero nro code key identifier kennung identifiant identificador "
        "codice codigo identificativo",
    "OWNER": "mrn pid usubjid subjid nhc ipp pseudonym patno",
    "RECORD": "record study medical chart hospital dossier historia clinica cartella clinico clinic",
    "DAY": "day days tag tage jour jours dia dias giorno giorni ady pcdy lbdy exstdy",
    "SINCE": "since after post relative seit nach depuis apres desde dopo dal",
    "DATE": "date datum fecha data dt dtm datetime timestamp dates dtc adt adtm zeitpunkt",
    "TIME": "time zeit uhrzeit hora ora heure tm clock",
    "SAMPLE": "sample sampling specimen collection collect draw probe proben probenahme entnahme abnahme "
        "prelevement extraccion toma muestra prelievo campione echantillon blutentnahme blutabnahme chart "
        "obs observation effective measurement mess pcdtc",
    "COLLECTED": "collected sampled drawn taken measured entnommen abgenommen preleve prelevato extraida lbdtc "
        "charttime",
    "LAB": "lab labor laboratory labs test blood blut sangre sang sangue laboratoire laboratorio untersuchung "
        "assay analysis serum serums s plasma plas ser serpl p suero siero",
    "VISIT": "visit visite visita besuch kontrolle termin",
    "RESULT": "resulted reported released verified validated received store stored befund ordered order requested "
        "report issued",
    "IGG": "igg",
    "QUALIFIER": "total totales totale totali gesamt qn quant quantitative quantitativ level levels spiegel mcnc mass "
        "volume vol nephelometry turbidimetry serique seriques serico serica sierica sieriche im human "
        "humain",
    "VALUE": "value values result results valuenum wert messwert ergebnis resultat resultado risultato valeur "
        "valor valore conc concentration konzentration concentracion concentrazione aval lborres lbstresc "
        "lbstresn numeric dv",
    "UNIT": "unit units uom einheit einheiten unite unites unidad unidades unita valueuom avalu lborresu "
        "lbstresu misura medida mesure",
    "LOWER": "lower lloq llq lod loq alloq pclloq untere inferieure inferior inferiore",
    "UPPER": "upper uloq ulq obere superieure superior superiore",
    "LIMIT": "limit limits grenze quantification detection limite nachweisgrenze bestimmungsgrenze",
    "COMPARATOR": "comparator operator sign vorzeichen qualifier modifier prefix relation",
    "CENSORED": "censored cens blq blqfl bloq zensiert",
    "DOSE": "dose dosis dosage dosi amount menge quantity quantite cantidad quantita grams gramm exdose amt",
    "IG": "ivig scig igiv igsc iveg igsk immunoglobulin immunoglobulins immunglobulin immunglobuline "
        "immunoglobuline immunoglobulines inmunoglobulina inmunoglobulinas immunoglobulina",
    "GIVEN": "given administered administration infusion infusions infused gabe applikation verabreicht "
        "verabreichung donne administre administracion somministrazione perfusion exstdtc infusione",
    "START": "start started begin began beginn from von ab debut inicio inizio first starts onset",
    "END": "end ended stop stopped ende bis until to fin fine hasta exendtc exendt last ends",
    "DURATION": "duration dauer duree duracion durata length adosedur",
    "ROUTE": "route roa weg via voie exroute applikationsweg",
    "PRODUCT": "drug product medication medicine preparation praparat praeparat preparat medikament medicament "
        "produit medicamento farmaco producto prodotto brand name extrt marke",
    "AGENT": "agent therapy treatment regimen wirkstoff therapie traitement tratamiento terapia trattamento cycle "
        "zyklus behandlung",
    "GROUP": "group arm cohort gruppe bras groupe grupo brazo gruppo braccio armcd actarm trt01a trt01p kohorte",
    "WEIGHT": "weight wt bw bodyweight gewicht poids peso wtbl",
    "BODY": "body korper corps corporal corporel corporeo actual ist baseline",
    "HEIGHT": "height ht grosse taille talla altezza statura estatura htbl",
    "SEX": "sex gender geschlecht sexe sexo sesso genere",
    "AGE": "age alter edad eta",
    "BIRTH": "birth dob geburt geburts geboren naissance nacimiento nascita",
    "DEATH": "death died dod deceased gestorben verstorben tod todes sterbe deces muerte fallecimiento defuncion "
        "morte decesso dthdt dthdtc exitus",
    "TRANSPLANT": "transplant transplantation hsct sct bmt allohsct allosct hct allohct greffe trasplante trapianto "
        "kmt szt",
    "OUTCOME": "outcome event endpoint complication ereignis komplikation evenement evento complicazione "
        "complicacion aeterm aedecod",
}  # fmt: skip
"""Concept -> its words, without accents, in lower case. A compound of two words (Entnahmedatum) needs no entry."""
FILLERS: Final = frozenset({
    "of", "the", "de", "du", "des", "der", "die", "das", "den", "del", "della", "di", "la", "le", "el", "il", "los",
    "les", "da", "in", "for", "fur", "pour", "per", "und", "and", "y", "et", "or", "on", "at", "am", "um", "val", "rx",
    "n",
})  # fmt: skip
OWNERS: Final = ("OWNER", "PATIENT ID", "PATIENT OWNER", "PATIENT", "RECORD ID", "PATIENT RECORD ID", "RECORD", "ID")
MEANINGS: Final[dict[TableName, dict[str, tuple[str, ...]]]] = {
    "samples": {
        "patient_id": OWNERS,
        "datetime": ("SAMPLE DATE TIME", "SAMPLE DATE", "COLLECTED DATE TIME", "COLLECTED DATE", "COLLECTED TIME",
            "SAMPLE TIME", "COLLECTED", "LAB DATE", "VISIT DATE", "DATE TIME", "DATE", "DAY", "TIME DAY",
            "VISIT DAY", "TIME", "RECORD DATE", "RECORD TIME", "RECORD DAY", "VALUE DATE", "VALUE TIME",
            "RESULT DATE", "RESULT TIME"),
        "igg": ("IGG", "IGG VALUE", "VALUE"),
        "unit": ("UNIT", "VALUE UNIT", "IGG UNIT", "LAB UNIT"),
        "lower_limit": ("LOWER LIMIT", "LOWER"),
        "upper_limit": ("UPPER LIMIT", "UPPER"),
        "comparator": ("COMPARATOR",),
        "censored": ("CENSORED",),
    },
    "doses": {
        "patient_id": OWNERS,
        "datetime": ("GIVEN DATE TIME", "GIVEN DATE", "GIVEN TIME", "DOSE DATE", "IG DATE", "DOSE GIVEN DATE",
            "IG GIVEN DATE", "GIVEN START DATE", "GIVEN START", "START DATE", "START TIME", "GIVEN", "DATE TIME",
            "DATE", "DAY", "GIVEN DAY", "DOSE DAY", "START DAY", "TIME"),
        "end": ("GIVEN END DATE", "GIVEN END TIME", "END DATE", "END TIME", "GIVEN END", "END"),
        "amount": ("IG DOSE", "DOSE", "DOSE GIVEN", "IG GIVEN", "IG", "IG DOSE GIVEN", "IGG DOSE", "IGG GIVEN"),
        "amount_unit": ("DOSE UNIT", "UNIT", "IG DOSE UNIT", "IG UNIT"),
        "duration": ("DURATION", "GIVEN DURATION", "GIVEN TIME"),
        "route": ("ROUTE", "GIVEN ROUTE"),
        "product": ("PRODUCT", "IG PRODUCT", "IG"),
    },
    "therapy": {
        "patient_id": OWNERS,
        "start": ("AGENT START DATE", "AGENT START", "START DATE", "START TIME", "START", "START DAY",
            "AGENT DATE", "DOSE START DATE"),
        "stop": ("AGENT END DATE", "AGENT END", "END DATE", "END TIME", "END", "END DAY", "DOSE END DATE"),
        "agent": ("AGENT", "AGENT PRODUCT", "PRODUCT"),
    },
    "patients": {
        "patient_id": OWNERS,
        "group": ("GROUP", "AGENT GROUP", "RECORD GROUP"),
        "weight": ("WEIGHT", "BODY WEIGHT", "PATIENT WEIGHT"),
        "weight_unit": ("WEIGHT UNIT",),
        "height_cm": ("HEIGHT", "BODY HEIGHT"),
        "sex": ("SEX", "SEX BIRTH"),
        "age_y": ("AGE", "BODY AGE", "PATIENT AGE"),
        "birth": ("BIRTH DATE", "BIRTH"),
        "death": ("DEATH DATE", "DEATH", "DEATH DAY"),
        "transplant": ("TRANSPLANT DATE", "TRANSPLANT", "TRANSPLANT DAY"),
    },
    "weights": {
        "patient_id": OWNERS,
        "datetime": ("WEIGHT DATE", "WEIGHT TIME", "WEIGHT DAY", "VISIT DATE", "VISIT DAY", "DATE TIME", "DATE", "DAY",
            "TIME"),
        "weight": ("WEIGHT", "BODY WEIGHT", "PATIENT WEIGHT"),
        "weight_unit": ("WEIGHT UNIT", "UNIT"),
    },
    "outcomes": {
        "patient_id": OWNERS,
        "datetime": ("OUTCOME DATE", "OUTCOME TIME", "START DATE", "START", "DATE TIME", "DATE", "DAY",
            "OUTCOME DAY", "TIME"),
        "outcome": ("OUTCOME",),
    },
}  # fmt: skip
"""Contract name -> sets of concepts that mean it, the likeliest first. `datetime` stands for day as well, `amount` and
`weight` for their names with a unit."""
LOINC_IGG: Final = "2465-3"
NOT_TOTAL_IGG: Final = re.compile(r"igg\s*[1-4]\b|\bsub|csf|liquor|\bindex|ratio", re.IGNORECASE)
IGG_SPELLINGS: Final = re.compile(
    r"\b(?:i(?:m|n)+u?no?globul[a-zé]*|immune globulins?|gamma ?globul[a-z]*|ig)[ _.\-]*g\b", re.IGNORECASE
)
UNIT_WORDS: Final[dict[tuple[str, ...], str]] = {
    ("mg", "dl"): "mg/dL", ("mg", "100", "ml"): "mg/dL", ("g", "l"): "g/L", ("g", "dl"): "g/dL", ("mg", "l"): "mg/L",
    ("mg", "ml"): "mg/mL", ("ug", "ml"): "ug/mL", ("mcg", "ml"): "ug/mL", ("g", "kg"): "g/kg", ("mg", "kg"): "mg/kg",
    ("g",): "g", ("gr",): "g", ("mg",): "mg", ("ml",): "mL", ("kg",): "kg", ("lb",): "lb", ("lbs",): "lb",
    ("cm",): "cm",
    **dict.fromkeys((("h",), ("hr",), ("hrs",), ("hour",), ("hours",), ("std",),
                     ("stunden",), ("heures",), ("horas",), ("ore",)), "h"),
    **dict.fromkeys((("min",), ("minutes",), ("minuten",), ("minutos",), ("minuti",)), "min"),
    **dict.fromkeys((("y",), ("yr",), ("yrs",), ("years",), ("jahre",), ("ans",), ("anos",), ("anni",)), "y"),
    ("mgdl",): "mg/dL", ("gl",): "g/L", ("mgl",): "mg/L", ("gkg",): "g/kg",
}  # fmt: skip
_WORDS: Final[dict[str, str]] = {
    word: concept for concept, words in reversed(CONCEPT_WORDS.items()) for word in words.split()
}
_TOKEN: Final = re.compile(r"[a-z]+[0-9]*[a-z]*|[0-9]+|%")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading as read: the concepts of its words, the unit at its end ("" for none), and words nobody knows."""

    concepts: frozenset[str]
    unit: str
    unknown: tuple[str, ...]


def plain(heading: str) -> str:
    """Without accents and capitals."""
    letters = unicodedata.normalize("NFKD", heading.replace("µ", "u").replace("μ", "u"))
    return "".join(one for one in letters if not unicodedata.combining(one)).casefold()


def words_of(heading: str) -> list[str]:
    """The words of a heading; camelCase is cut, immunoglobulin G is one word."""
    text = IGG_SPELLINGS.sub(" igg ", heading.replace("_", " "))
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", re.sub("igg", "igg", text, flags=re.IGNORECASE))
    return _TOKEN.findall(plain(text))


@lru_cache(maxsize=4096)
def read_heading(heading: str) -> Heading:
    """The concepts of a heading and the unit at its end."""
    if LOINC_IGG in heading:
        return Heading(frozenset({"IGG"}), "", ())
    words, unit = _without_unit(words_of(heading))
    concepts: set[str] = set()
    unknown = []
    for word in words:
        found = _concepts_of(word)
        concepts |= found
        if not found and word not in FILLERS:
            unknown.append(word)
    if words and words[-1] in ("am", "on", "at", "um"):
        concepts.add("DATE")
    if "IGG" in concepts and NOT_TOTAL_IGG.search(heading):
        unknown.append("part of IgG")
    if concepts & {"DAY", "TIME"} and (concepts & {"SINCE"} or {"from", "ab"} & set(words)):
        after_any = {"dose", "infusion", "last"} & set(words) and "first" not in words
        return Heading(frozenset({"DAY"}), unit, ("a clock that starts anew",) if after_any else ())
    if concepts >= {"SAMPLE", "COLLECTED"}:
        concepts -= {"COLLECTED"}
    return Heading(frozenset(concepts), unit, tuple(unknown))


def _without_unit(words: list[str]) -> tuple[list[str], str]:
    for length in (3, 2, 1):
        unit = UNIT_WORDS.get(tuple(words[-length:])) if len(words) > length else None
        if unit is not None:
            return words[:-length], unit
    return words, ""


def _concepts_of(word: str) -> frozenset[str]:
    """The concept of a word, or those of the two known words it is a compound of."""
    if word in _WORDS:
        return frozenset({_WORDS[word]})
    for cut in range(3, len(word) - 1):
        second = _WORDS.get(word[cut:])
        first = _WORDS.get(word[:cut]) or _WORDS.get(word[:cut].removesuffix("s"))
        if first is not None and second is not None:
            return frozenset({first, second})
    return frozenset()


def rank(table: TableName, name: str, heading: str) -> int | None:
    """How well a heading says a contract name (or "datetime" for a day), 0 best; None when it does not."""
    if plain(heading).strip().replace(" ", "_") == name:
        return -1
    read = read_heading(heading)
    if read.unknown or (table == "doses" and _is_length_of_infusion(read) is not (name == "duration")):
        return None
    meant = read.concepts - {"QUALIFIER"}
    for place, words in enumerate(MEANINGS[table].get(name, ())):
        wanted = frozenset(words.split())
        beside = {"LAB", "IGG"} if "DATE" in wanted else {"LAB"}
        if meant and (meant == wanted or meant - beside == wanted):
            return place
    return None


def _is_length_of_infusion(read: Heading) -> bool:
    """An infusion time in hours or minutes is a duration; any other time is the moment."""
    return "DURATION" in read.concepts or (read.unit in ("h", "min") and "TIME" in read.concepts)


def likeliest(table: TableName, name: str, headings: Iterable[str]) -> str | None:
    """The heading that says a contract name best; else one with a slip of the pen; else None."""
    present = list(headings)
    ranked = [(place, order) for order, one in enumerate(present) if (place := rank(table, name, one)) is not None]
    if ranked:
        return present[min(ranked)[1]]
    by_plain = {plain(one): one for one in reversed(present)}
    near = get_close_matches(name, by_plain, n=1, cutoff=0.85)
    return by_plain[near[0]] if near else None


def says_igg(word: str) -> bool:
    """Whether a heading, or a cell of a column of analytes, means total IgG in serum and nothing else."""
    read = read_heading(word)
    return "IGG" in read.concepts and not read.unknown and read.concepts <= {"IGG", "LAB", "QUALIFIER", "VALUE"}


def known_headings(cells: Sequence[str]) -> int:
    """How many cells of a row are headings of some table: what tells a header from a title or a row of values."""
    return len({cell for cell in cells if cell.strip() and any(
        rank(table, name, cell) is not None for table, names in MEANINGS.items() for name in names)})  # fmt: skip


HEADER_ROWS_LOOKED_AT: Final = 40


def header_place(rows: Sequence[Sequence[str]]) -> int:
    """Which of the first rows is the header: the one with most known headings, the first of these on a tie.

    0 where no row has two of them. A title or a merged heading has fewer filled cells than the row of columns below it.
    """
    known = [known_headings(row) for row in rows[:HEADER_ROWS_LOOKED_AT]]
    best = max(known, default=0)
    place = known.index(best) if best >= 2 else 0
    filled = [sum(cell.strip() != "" for cell in row) for row in (rows[0], rows[place])] if rows else [0, 0]
    return place if filled[0] < filled[1] else 0


VISIT_KINDS: Final[dict[str, tuple[str, ...]]] = {
    "week": ("wk", "week", "weeks", "woche", "wochen", "w", "semaine", "sem", "semana", "settimana"),
    "day": ("d", "day", "days", "tag", "jour", "j", "dia", "giorno"),
    "month": ("m", "mo", "month", "months", "monat", "mois", "mes", "mese"),
    "visit": ("v", "visit", "visite", "visita", "t", "tp", "timepoint", "n", "no", "nr", ""),
}
DAYS_OF: Final = {"week": 7.0, "day": 1.0, "month": 30.4375}
FIRST_VISIT: Final = frozenset({"baseline", "bl", "base", "pre", "screening", "basal", "basale", "inclusion"})


@dataclass(frozen=True, slots=True)
class VisitColumn:
    """A column that holds the IgG of one visit: what is counted (week, day, month, visit), and its number."""

    heading: str
    kind: str
    number: float


def visit_columns(headings: Iterable[str]) -> list[VisitColumn]:
    """The columns of a wide table that hold IgG, one for each visit; empty unless there are at least two."""
    found = [visit for heading in headings if (visit := _visit_of(heading)) is not None]
    return found if len(found) >= 2 else []


def _visit_of(heading: str) -> VisitColumn | None:
    text = re.sub(r"(?<=[a-z])(?=-?\d)|(?<=\d)(?=[a-z])", " ", " ".join(words_of(heading)))
    words = [word for word in _without_unit(text.split())[0] if word not in FILLERS or word in ("d", "n")]
    if "igg" not in words or NOT_TOTAL_IGG.search(heading.replace("_", " ")):
        return None
    rest = [word for word in words if word != "igg" and _WORDS.get(word) not in ("QUALIFIER", "LAB")]
    if len(rest) == 1 and rest[0] in FIRST_VISIT:
        return VisitColumn(heading, "baseline", 0.0)
    numbers = [word for word in rest if word.isdigit()]
    names = [word for word in rest if not word.isdigit()] or [""]
    kind = next((kind for kind, known in VISIT_KINDS.items() if names[0] in known), None)
    if len(numbers) != 1 or len(names) != 1 or kind is None:
        return None
    return VisitColumn(heading, kind, float(numbers[0]))


def wide_key(visits: Sequence[VisitColumn]) -> str:
    """The key `wide` for columns of visits: a rule on the number where one is plain, else the day of each heading."""
    kinds = {visit.kind for visit in visits}
    patterns = {visit.heading.replace(f"{visit.number:g}", "*", 1) for visit in visits}
    if len(kinds) == 1 and len(patterns) == 1 and kinds <= DAYS_OF.keys():
        days = DAYS_OF[next(iter(kinds))]
        rule = "*" if days == 1 else f"{days:g} * *"
        return f"wide = {{ columns = {_quoted(patterns.pop())}, day = {_quoted(rule)} }}"
    known = kinds <= {*DAYS_OF, "baseline"}
    days_of = [f"{DAYS_OF.get(one.kind, 0) * one.number:g}" if known else "DAY" for one in visits]
    pairs = [f"{_quoted(one.heading)} = {day}" for one, day in zip(visits, days_of, strict=True)]
    return f"wide = {{ day = {{ {', '.join(pairs)} }} }}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
