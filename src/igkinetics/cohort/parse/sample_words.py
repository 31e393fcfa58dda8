"""What cells beside levels say of them: another analyte or specimen, no result of a patient, below a limit."""

from __future__ import annotations

import json
import re
from typing import Final

from igkinetics.cohort.mapping.headings import NOT_TOTAL_IGG, plain, read_heading, says_igg, words_of
from igkinetics.cohort.parse.row_status import YES
from igkinetics.cohort.presets.concepts import concepts

NOT_ALL_IGG: Final = re.compile(
    r"\b(?:endogen\w*|endo|exogen\w*|own(?! lab)|native|net|minus|less|excl|excluding|without|subtracted|infused|"
    r"substituted|eigen\w*|korpereigen\w*|ohne|abzuglich|propre|propri[oa]|propi[oa]|sans|sin|senza|zonder)\b"
)
"""Words of a heading of IgG that is not all IgG in serum: without what was infused, or that alone."""
OTHER_ANALYTE: Final = re.compile(
    r"(?:serum |total |s-|quantitative )*(?:ig ?[aemd]|ig ?g ?[1-4]|immun\w* ?[aemd]|igg sub\w*(?: ?[1-4])?|albumin|"
    r"(?:total )?protein|crp|c-reactive protein|creatinine|kreatinin|ha?emoglobin|kappa|lambda|"
    r"(?:free )?(?:kappa|lambda)(?: light chains?)?|"
    r"(?:end|ex)ogen\w*(?: igg)?|beta-?2[- ]microglobulin|ferritin|ldh)(?: total| serum| level)*"
)
ANALYTE_WORDS: Final = frozenset(
    {"test", "analyte", "component", "parameter", "param", "analysis", "assay", "lab", "item", "measurement", "name"}
    | {"analyt", "analito", "untersuchung", "analyse", "analisi", "analisis", "esame", "examen", "prueba", "bepaling"}
    | {"determinacion", "onderzoek", "messgrosse", "laborparameter", "parametre", "parametro", "lbtest"}
)
BESIDE_IGG: Final = re.compile(
    r"serum|s|i|im|in|ser|sera|plasma|p|blood|blut|total|totale|totales|gesamt|quant|quantitative|quantitativ|"
    r"quantitatif|cuantitativa|level|levels|conc|concentration|konzentration|concentracion|assay|test|by|of|or|the|"
    r"der|mass|volume|vol|mg|g|dl|l|gl|mgdl|nephelometry|turbidimetry|nephelometric|turbidimetric|nephelometrie|"
    r"turbidimetrie|nefelometria|turbidimetria|immunoturbidimetry|immunoturbidimetric|immunoassay|elisa|human|"
    r"polyclonal|serique|seriques|serica|serico|sierica|sierico|suero|siero|result|value|wert|lab|ig"
)
"""Words beside IgG that leave it total IgG in serum."""
SPECIFIC_IGG: Final = re.compile(
    r"\b(?:anti|cmv|ebv|vzv|vca|hsv|hbs|hbc|hcv|hiv|hev|sars|covid|spike|rbd|toxo\w*|tox|rubella|roteln|measles|masern|"
    r"mumps|tetan\w*|pneumo\w*|borrelia|allergen|specific|spezifisch\w*)\b.*\bigg\b|"
    r"\bigg\b[ -]*(?:anti|kappa|lambda|k|l|index|specific|avidity)\b"
)
"""Antibodies against one thing, or of one chain."""
OTHER_SPECIMEN: Final = re.compile(
    r"csf|liquor|lcr|cerebrospinal fluid|spinal fluid|liquor cerebrospinalis|(?:spontan|sammel)?urin\w*|orina|urina|"
    r"saliva|salive|speichel|as[cz]ites|punktat|pleura(?:punktat|erguss)|pleural fluid|synovial fluid|"
    r"(?:24[ -]?h )?urine"
    r"|"
    r"(?:umbilical )?cord(?: blood| serum)?|nabelschnurblut|donor(?: (?:sample|serum|blood))?|spender(?:in)?|"
    r"bal|bronchoalveolar lavage|stool|stuhl|breast milk|tears?"
)
ANOTHER_PERSON: Final = re.compile(
    r"(?:sample of (?:the )?)?(?:mother|mutter|mere|madre|moeder|maternal|mother's|father|vater|pere|padre|vader|"
    r"sibling|brother|sister|bruder|schwester|twin|zwilling|household contact|relative)(?: sample| serum)?"
)
DILUTION: Final = re.compile(r"dilution|diluted|dilucion|diluizione|verdunn|verdund")
DILUTED_BY: Final = re.compile(r"(?:1 ?[:/] ?|x ?)?(\d+(?:[.,]\d+)?) ?(?:x|fach|fold|volte|fois|veces)?")
LIMIT_PUT_IN: Final = (
    r"(?:ll?oq|lod|limit|cut-?off|nachweisgrenze|bestimmungsgrenze) ?(?:/|by|x|\*|durch) ?"
    r"(?:\d|sqrt|wurzel|√).*|"
    r"(?:half|½|halbe?|1/2|0[.,]5)(?: of| ?[x*])?(?: the| der| die)? ?"
    r"(?:ll?oq|lod|limit|detection limit|nachweisgrenze).*"
)
"""A level that was put in the place of one below the limit: half of it, or over the root of two."""
NOT_MEASURED: Final = re.compile(
    rf"{LIMIT_PUT_IN}|"
    r"(?:single |multiple )?imput(?:ed|ation)|locf|nocb|(?:last observation )?carried forward|interpolat(?:ed|ion)|"
    r"extrapolat(?:ed|ion)|estimat(?:ed?|ion)|calculated|simulated|predicted|forecast|assumed|geschatzt|berechnet|"
    r"estime|target|goal|zielwert"
)
IMPUTED: Final = frozenset(
    {"imputed", "locf", "nocb", "interpolated", "extrapolated", "carried", "estimated", "simulated"}
)
"""Headings under which "yes" says that nobody measured the level."""
NO_PATIENT: Final = re.compile(
    r"qc|quality[ -]?control|calibrat(?:or|ion)|reagent blank|blank|proficiency(?: test(?:ing)?)?|ringversuch|eqa|"
    r"standard|(?:pooled|pool) (?:serum|plasma|sample)"
)
KINDS_OF_SAMPLE: Final = frozenset({"type", "kind", "status", "state", "flag", "class", "qc", "role"})
UNDER_A_KIND: Final = re.compile(r"control|kontrolle|pending|ausstehend|hold|on hold|fail(?:ed)?|unacceptable|x")
"""Cells that speak against their level under such a heading alone."""
PENDING: Final = re.compile(r"pending|to follow|ausstehend|in progress")
SPOILT: Final = re.compile(
    r"\bha?emoly[sz]\w*|\bhamoly\w*|\blip(?:a)?emi[ca]\w*|\blipamisch|\bicteric|\bclotted\b|\bqns\b|\binsufficient\b|"
    r"\bdonor (?:sample|serum|blood)|\bcord blood|\bdiluted?\b|\bdilution\b|\bduplicate of\b|"
    r"\b(?:other|another) patient"
)
"""What a remark, or a column of quality, may say against a level."""
OF_THE_LOOK: Final = re.compile(
    r"ha?emol[iy]\w*|hamoly\w*|emoli[sz]\w*|lip(?:a|i)?[ae]mi\w*|lipami\w*|icte?r\w*|ikter\w*|ittero?|turbid\w*|trub\w*|cloudy|"
    r"hil|lih|interferences?|interferenz\w*"
)
"""Words of headings, and of cells under such a heading, for the colour and the turbidity of a sample."""
INDEX: Final = frozenset({"index", "indices", "indexes"})
OF_WHAT: Final = frozenset({"h", "l", "i", "serum"})
QUALITY: Final = re.compile(
    r"quality|\w*qualitat|qualite|calidad|qualita|kwaliteit|integrity|appearance|condition|comments?|remarks?|notes?|"
    r"kommentar|bemerkung\w*|commentaire|observaciones|opmerking"
)
CODE: Final = re.compile(r"(?:ha?em(?:ol?)?|hml|lipo?|lipe?m|ict(?:er?)?)\.?(?: ?(?:[1-4]\+?|\+{1,4}|index))?")
"""HEM, LIP 2, ICT++."""
GRADE: Final = re.compile(
    r"[hli] ?[1-5]\+?|[2-5]\+?|1\+|\+{1,5}|\(?\+\)?|gross\w*|marked\w*|severe\w*|moderate\w*|strong\w*|slight\w*|"
    r"mild\w*|positiv\w*|pos|stark|massig|leicht|fort|modere|leger|fuerte|moderado|leve|forte|moderato|lieve|sterk|matig|licht|"
    r"h|l|i|hl|hi|li|hli|hil|lih"
)
HIGHEST_GRADE: Final = 5.0
"""Above it numbers are no grades, and from which index on an assay is disturbed differs from one to the next."""
NOT_SPOILT: Final = re.compile(
    r"\b(?:no|not|non|without|kein\w*|nicht)\b[ -]*(?:\w+ )?(?:ha?emol|hamol|lip|icter|clot|dilut)"
)
UNDER: Final = (
    r"(?:unter(?:halb)?|unterhalb der|sous|inferieur a|por debajo (?:de|del)|inferiore? (?:a|al)|sotto|onder(?: de)?)"
)
LIMIT: Final = (
    r"(?:der |la |le |el |il |de )*(?:nachweis-?grenze|bestimmungs-?grenze|quantifizierungs-?grenze|messbereich\w*|"
    r"(?:limite|seuil|umbral|soglia|limiet)(?: \w+){0,3}|detecti\w+|aantoonbaarheidsgrens|bepalingsgrens|limit)"
)
BELOW_A_LIMIT: Final = re.compile(
    rf"{UNDER} {LIMIT}|nicht nachweisbar|non detecte|indetectable|no detectable|non rilevabile|niet aantoonbaar|"
    r"blq|bql|bloq|blod|<? ?ll?oq|<? ?lod|(?:below|under) (?:the )?(?:limit of )?"
    r"(?:ll?oq|lod|quanti\w+|detection)(?: limit)?|"
    r"below (?:the )?(?:lower )?limit(?: of (?:quanti\w+|detection))?|not (?:detected|quantifiable)|undetectable"
)
ABOVE_A_LIMIT: Final = re.compile(r"alq|aloq|> ?uloq|above (?:the )?(?:uloq|upper limit)(?: of quanti\w+)?")
LOINC: Final = re.compile(r"(?<!\d)(\d{3,6})-(\d)(?!\d)")


def another_analyte(word: str) -> bool:
    """Whether a cell names another analyte than total IgG."""
    if OTHER_ANALYTE.fullmatch(word) is not None:
        return True
    return "igg" in word and (NOT_TOTAL_IGG.search(word) is not None or SPECIFIC_IGG.search(word) is not None)


def names_total_igg(word: str) -> bool:
    """Whether a cell says total IgG, with or without its specimen, unit and method."""
    named = words_of(word)
    whole = "igg" in named and all(one == "igg" or BESIDE_IGG.fullmatch(one) for one in named)
    return says_igg(word) or (whole and NOT_TOTAL_IGG.search(word) is None)


def others_than_igg(words: list[str]) -> list[bool]:
    """Under a heading of what was measured: names of IgG that is not total IgG, and what is none where others are."""
    named = [names_total_igg(word) for word in words]
    return [
        word != "" and not of_igg and (any(named) or another_analyte(word) or "igg" in words_of(word))
        for word, of_igg in zip(words, named, strict=True)
    ]


PART_OF_IGG: Final = re.compile(
    r"\bigg[ .-]?[1-4](?![0-9.])|\b(?:igg )?sub-?(?:class|klass|clase)|\bcsf\b|\bliquor|\bindex\b|\bratio\b|\bquotient"
)


def other_than_igg(heading: str, table: str) -> str:
    """What is told of a column of levels whose heading says another analyte."""
    ignore = f"ignore = [{json.dumps(heading, ensure_ascii=False)}] under [{table}]"
    return (
        "the heading says another analyte than total IgG in serum: name the column of total IgG, or write "
        f"{ignore} in cohort.toml where this is it"
    )


def names_another_analyte(heading: str) -> bool:
    """Whether the heading of a column of levels says another analyte: a subclass, or one of ours and not IgG."""
    if PART_OF_IGG.search(plain(heading).replace("_", " ")):
        return True
    read = read_heading(heading)
    if "IGG" in read.concepts:
        return (
            bool({"anti"} & set(words_of(heading))) or NOT_ALL_IGG.search(plain(heading).replace("_", " ")) is not None
        )
    words = words_of(heading)
    return any(OTHER_ANALYTE.fullmatch(word) for word in (*words, " ".join(words)))


def other_tests(named: frozenset[str], words: list[str]) -> list[bool]:
    """Codes of LOINC that are not IgG's, where the heading says LOINC or all cells are such codes."""
    filled = [word for word in words if word]
    if not filled or not ("loinc" in named or all(_is_loinc(word) for word in filled)):
        return [False] * len(words)
    known = {
        code for one in concepts() if one.list == "igg" and one.vocabulary == "LOINC" for code in (one.code, *one.older)
    }
    codes = [LOINC.search(word) for word in words]
    return [code is not None and f"{code[1]}-{code[2]}" not in known for code in codes]


def _is_loinc(word: str) -> bool:
    """Whether a cell is a code of LOINC with its check digit (modulus 10), and no part of a date."""
    code = LOINC.fullmatch(word.removeprefix("loinc:").strip())
    if code is None:
        return False
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(code[1]))]
    return (sum(n // 10 + n % 10 for n in doubled) + int(code[2])) % 10 == 0


def spoilt(word: str) -> bool:
    """Whether a cell says that a sample is not what was meant to be measured."""
    return SPOILT.search(word) is not None and NOT_SPOILT.search(word) is None


def interfered(named: frozenset[str], words: list[str]) -> list[bool]:
    """Cells that say a sample was haemolysed, lipaemic or icteric: codes and grades under a heading of it."""
    looked = any(OF_THE_LOOK.fullmatch(word) for word in named) or bool(INDEX & named and OF_WHAT & named)
    if not (looked or any(QUALITY.fullmatch(word) for word in named)):
        return [False] * len(words)
    numbers = [float(word) for word in words if re.fullmatch(r"\d+(?:\.\d+)?", word)]
    graded = looked and max(numbers, default=0.0) <= HIGHEST_GRADE  # else an index without grades, high or not

    def told(word: str) -> bool:
        by_word = OF_THE_LOOK.match(word) is not None or word in YES
        return bool(CODE.fullmatch(word) or (looked and by_word and word != "1") or (graded and GRADE.fullmatch(word)))

    return [told(word) and NOT_SPOILT.search(word) is None for word in words]


def diluted(named: frozenset[str], words: list[str]) -> list[bool]:
    """Factors of a dilution other than one, in a column that says it."""
    headed = any(DILUTION.match(word) for word in named)
    factors = [DILUTED_BY.fullmatch(word) for word in words]
    return [headed and one is not None and float(one[1].replace(",", ".")) != 1.0 for one in factors]


def no_result(named: frozenset[str], word: str) -> bool:
    """Whether a cell says that its row is no result of a patient."""
    return bool(NO_PATIENT.fullmatch(word) or PENDING.fullmatch(word)) or bool(
        KINDS_OF_SAMPLE & named and UNDER_A_KIND.fullmatch(word)
    )


def no_observation(named: frozenset[str], word: str) -> bool:
    """Whether an item of an event file says that its row holds no level: MDV 1, EVID other than 0."""
    return (
        bool(re.fullmatch(r"1(?:\.0*)?", word))
        if "mdv" in named
        else ("evid" in named and bool(re.fullmatch(r"[1-4](?:\.0*)?", word)))
    )
