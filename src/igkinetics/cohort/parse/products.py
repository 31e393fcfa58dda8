"""What the names of products say: immunoglobulin G to replace it, another drug, or nothing that is known.

No list of other drugs is complete. So where a column names immunoglobulin at all, every name that does not is told.
"""

from __future__ import annotations

import re
from typing import Final

from igkinetics.cohort.mapping.headings import plain
from igkinetics.cohort.presets.concepts import NOT_POLYCLONAL, says

OTHER_DRUG: Final = re.compile(
    r"(?:human )?albumin\w*(?: human)?(?: ?\d+ ?%)?|"
    r"(?:albu[a-z]+|flexbumin|plasbumin|kedbumin|buminate|zenalb|vialebex|ydralbum|octalbin|albiomin)(?: ?\d+ ?%?)?|"
    r"anti-?d(?: ?\(?rho\)?)?(?: ig| immun\w* ?glob\w*)?|rhophylac|rhogam|winrho\w*|"
    r"hepatitis b (?:ig|immun\w* ?glob\w*)|hbig|hepatect\w*|zutectra|tetanus (?:ig|immun\w* ?glob\w*)|"
    r"(?:fresh frozen )?plasma|ffp|octaplas\w*|platelets?|red (?:blood )?cells?|prbc|erythrocytes?|fibrinogen|"
    r"(?:factor|faktor) [ivx]+\w*|c1[- ](?:esterase )?inhibitor|(?:normal )?saline|nacl|sodium chloride|"
    r"ringer\w*|glucose|dextrose|"
    r"magnesium(?: \w+)?|potassium(?: \w+)?|amino ?acids?|iron(?: \w+)*|ferric \w+|vitamin \w+|pre-?med(?:ication|s)?|"
    r"paracetamol|acetaminophen|"
    r"(?:methyl)?predniso(?:lo)?ne?|corticosteroids?|steroids?|dexamethasone?|hydrocortisone?|"
    r"anti-?thymo[cz]yte?n?[ -]?(?:immun\w* ?)?glob\w*|atg\w*|thymoglobulin\w*|grafalon|"
    r"rituximab|blinatumomab|teclistamab|elranatamab|talquetamab|obinutuzumab|daratumumab|tocilizumab"
)
"""The whole of a name, but for sizes and routes."""
OF_A_CLASS: Final = re.compile(
    r"\b(?:\w+(?:cillin|mycin|micin|floxacin|penem|ciclovir|cyclovir|conazole|fungin|setron|prazole|bactam|zolid)|"
    r"cef\w+|vancomycin|cotrimoxazole|co-trimoxazole|foscarnet|letermovir|amphotericin\w*|antibiotics?|antivirals?|"
    r"rituximab|blinatumomab|teclistamab|elranatamab|talquetamab|obinutuzumab|daratumumab|tocilizumab|\w+[tlzx][iu]mab|"
    r"furosemide|heparin|enoxaparin|diphenhydramine|antihistamines?|metamizole?|ibuprofen)\b"
)
"""A drug of these anywhere in a name that does not say immunoglobulin."""
CYTOTOXIC: Final = re.compile(
    r"\b(?:cyclophosphamide?|fludarabine?|cytarabine?|methotrexate?|vincristine?|bendamustine?|etoposide?|ifosfamide?|"
    r"busulfan|melphalan|treosulfan|thiotepa|azacitidine?|decitabine?|mercaptopurine|bortezomib|carfilzomib|"
    r"\w+(?:rubicin|platin|taxel|tinib)e?|chemo\w*)\b"
)
NO_POLYCLONAL_IGG: Final = re.compile(r"\bplacebo\b|\big ?m[- ](?:enriched|reich)|pentaglobin|trimodulin|\bpre-?med")
"""In a name that may say immunoglobulin as well."""
SIZE_OR_ROUTE: Final = re.compile(
    r"\d+(?:[.,]\d+)? ?(?:%|m?g(?:/m?l)?|ml|iu|ie|units?|mmol)?(?![a-z0-9])|"
    r"\b(?:i\.?v\.?|s\.?c\.?|p\.?o\.?|concentrate|infusion|injection|solution|inj|inf)(?![a-z])|[()]"
)
WHAT_WAS_GIVEN: Final = frozenset(
    {"drug", "product", "medication", "med", "medicine", "item", "preparation", "substance", "name", "agent", "brand"}
    | {"praparat", "medikament", "arzneimittel", "wirkstoff", "producto", "medicament"}
)
"""Headings of what a dose was; an arm or a therapy beside it may be named after another drug."""
OTHER_THAN: Final = frozenset({"drug", "type", "medication", "med", "medicine", "substance", "agent", "kind"})
"""Headings of what a dose was under which every row of immunoglobulin says so."""
IMMUNOGLOBULIN: Final = re.compile(r"\b(?:i[vg]|sc)?ig[gv]?\b|\bigsc\b|\bigrt\b|globulin|inmunoglob|\bi[vm]ig|scig")
ATC: Final = re.compile(r"[a-z]\d\d[a-z]{2}\d\d")
ATC_OF_IMMUNOGLOBULINS: Final = "j06ba"
UNKNOWN: Final = frozenset({"", "-", ".", "?", "na", "n/a", "nan", "none", "null", "unknown", "not known", "other"})


def other_drug(word: str) -> bool:
    """Whether a name is of another drug than immunoglobulin G to replace it; chemotherapy is none of these."""
    text = plain(word).strip()
    bare = " ".join(SIZE_OR_ROUTE.sub(" ", text).split())
    if any(OTHER_DRUG.fullmatch(one) is not None for one in (text, bare)) or NO_POLYCLONAL_IGG.search(text):
        return True
    return OF_A_CLASS.search(text) is not None and IMMUNOGLOBULIN.search(text) is None


def other_product(word: str) -> bool:
    """Whether a name of a product that was given is of another drug, chemotherapy among them."""
    return other_drug(word) or (CYTOTOXIC.search(plain(word)) is not None and not names_immunoglobulin(word))


def names_immunoglobulin(word: str) -> bool:
    """Whether a name says immunoglobulin G to replace it, by itself or by a brand."""
    text = plain(word).strip()
    said = says("immunoglobulin", word) or IMMUNOGLOBULIN.search(text) is not None
    return said and not any(one in text for one in NOT_POLYCLONAL) and not other_drug(word)


def unlike_the_others(words: list[str]) -> list[bool]:
    """Names that say no immunoglobulin, in a column in which others do; none of a column in which none does."""
    named = [names_immunoglobulin(word) for word in words]
    if not any(named):
        return [False] * len(words)
    return [not says_so and word.strip().casefold() not in UNKNOWN for says_so, word in zip(named, words, strict=True)]


def other_codes(named: frozenset[str], words: list[str]) -> list[bool]:
    """Codes of ATC that are no immunoglobulins', where the heading says ATC or one of the codes is theirs."""
    codes = [ATC.fullmatch(word) is not None for word in words]
    if not ("atc" in named or any(word.startswith(ATC_OF_IMMUNOGLOBULINS) for word in words)):
        return [False] * len(words)
    return [code and not word.startswith(ATC_OF_IMMUNOGLOBULINS) for code, word in zip(codes, words, strict=True)]
