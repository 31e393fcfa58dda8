"""What further columns say against the rows beside them: other units, dates, persons, levels, strengths."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.contract import COLUMN_UNITS, VOLUMES, TableName
from igkinetics.cohort.mapping.headings import NOT_TOTAL_IGG, rank, read_heading, words_of
from igkinetics.cohort.mapping.keys import Mapping, g_per_ml
from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.assumed import SUBCUTANEOUS, plain_levels
from igkinetics.cohort.parse.beside_doses import rate_of_infusion
from igkinetics.cohort.parse.beside_levels import flags_against_levels, two_kinds
from igkinetics.cohort.parse.beside_patients import said_of_patients
from igkinetics.cohort.parse.cells import canonical_units, igg_cells, numbers
from igkinetics.cohort.parse.columns import MappedRows
from igkinetics.cohort.parse.contrary_words import LEAVE_OUT, OUT_OF_EVERY_TABLE, SIGN, Contrary, contrary_words
from igkinetics.cohort.parse.digits import split_decimals
from igkinetics.cohort.parse.known_words import unknown_words
from igkinetics.cohort.parse.row_status import YES
from igkinetics.cohort.parse.sample_words import ABOVE_A_LIMIT, BELOW_A_LIMIT
from igkinetics.cohort.parse.stated_units import VIAL_WORDS
from igkinetics.cohort.parse.times import dates_of
from igkinetics.cohort.parse.words import Words
from igkinetics.units import G_PER_L_IN, WEIGHT_IN_KG, canonical_unit

AMOUNTS: Final = ("amount_g", "amount_g_per_kg", "amount")
REFERENCE: Final = re.compile(
    r"ref(?:erence)?[_ .-]?(?:range|interval|limit|low|high|lo|hi|min|max)|norm", re.IGNORECASE
)
REFERENCE_G_PER_L: Final = (1.0, 30.0)
"""Limits of reference of IgG lie between these at any age; those in another unit are at least ten times off."""
AGAIN: Final = frozenset(
    {"repeat", "repeated", "retest", "recheck", "rerun", "dup", "duplicate", "second", "corrected", "final", "raw"}
    | {"revised", "amended", "validated", "endgultig", "definitif", "definitivo", "definitief", "korrigiert"}
)
PERSON: Final = frozenset(
    {"mrn", "nhs", "surname", "lastname", "pseudonym", "subject", "person", "passport"}
    | {"site", "centre", "center", "zentrum", "country"}
)
AT_THE_PATIENT: Final = frozenset(
    {"collected", "collection", "sampled", "sampling", "drawn", "draw", "specimen", "taken", "given", "administered"}
    | {"administration", "infused", "abnahme", "entnahme", "gabe", "prelevement", "extraccion", "prelievo"}
)
"""Headings of when something was done, beside when it was ordered, received or reported."""
SAME_LEVEL: Final = 0.02
STRENGTH: Final = re.compile(r"(\d+(?:[.,]\d+)?) ?(%|mg ?/ ?ml|g ?/ ?(?:dl|l|ml|100 ?ml))", re.IGNORECASE)
OF_A_DOSE: Final = (
    r"(?:infusions?\w*|dos(?:e|ing|is)|ivig|igiv|immun\w*|ig|iv|gabe|applikation|verabreichung|perfusions?|infusione|"
    r"infusion|administracion|somministrazione|infuus|toediening)\b"
)
AFTER_A_DOSE: Final = re.compile(
    r"(?:peaks?|spitzenspiegel|picco?|pico)(?: level| sample| value)?|c ?max|eoi|post|after|"
    rf".*\b(?:end of|after|post|following|nach|ende der|nach ende der|apres|fin de|despues de|tras|dopo|fine|na|"
    rf"einde)[ -]*"
    rf"(?:the |der |die |l ?'? ?|la |le |el |de |het |an |iv )*{OF_A_DOSE}"
    r"(?! ?(?:no\.?|nr\.?|#)? ?\d+(?!\d| ?(?:h|min|std))).*"
)
"""A whole cell that says that a sample was drawn after an infusion."""
WEEKS: Final = frozenset({"week", "weeks", "wk", "woche", "wochen", "semaine", "semana", "settimana"})
DAYS_OF_VISITS: Final = WEEKS | frozenset(
    {"visit", "study", "nominal", "day", "days", "tag", "tage", "jour", "dia", "number", "no", "nr", "studientag", "of"}
)
VISIT_WINDOW_DAY: Final = 10.0
LIMIT_WORDS: Final = frozenset({"lod", "loq", "lloq", "limit", "detection", "quantification", "nachweisgrenze"})
LONG_AFTER: Final = re.compile(
    r"\b(?:\d+|one|two|three|four|few|several|zwei|drei|vier) ?-?(?:d|w|wks?|days?|weeks?|months?|tage?n?|"
    r"wochen?|monate?n?|"
    r"jours?|semaines?|mois|dias?|semanas?|mes(?:es)?|giorn\w|settiman\w|mes\w|dagen|weken|maand\w*)\b|"
    r"\b(?:before|prior|vor|avant|antes|prima|voor|pre|trough|tal\w*|weeks?|wochen|days|tage)\b"
)
"""Days after it, or before the next one."""
MOST_G_PER_ML: Final = 0.21
SAME_WEIGHT: Final = 0.75
SAME_STRENGTH: Final = 0.03


def said_beside(
    table: TableName, name: str, words: Words, mapped: MappedRows, mapping: Mapping
) -> Iterator[Contrary | None]:
    """What the words of a column may say against their rows, the first of which is told."""
    cells = words.cells
    beside = next((one for one in (*AMOUNTS, "stop") if one in mapped.text.columns), "")
    yield contrary_words(table, name, words, mapped.text[beside] if beside else None)
    yield split_decimals(name, cells, mapped)
    if table in ("samples", "doses"):
        yield _several_persons(name, cells, mapped)
        yield _other_dates(table, name, cells, mapped, mapping)
        yield _another_unit(table, name, cells, mapped)
    if table == "samples":
        yield _bare_signs(name, words, mapped)
        yield _beyond_limits(name, words, mapped)
        yield _after_a_dose(words, mapped, mapping)
        yield _range_in_another_unit(name, words, mapping)
        yield _another_level(name, cells, mapped, mapping)
        yield flags_against_levels(name, words, mapped, mapping)
        yield two_kinds(name, words, mapped, mapping)
    if table == "doses":
        yield other_strength(words, mapped, mapping)
        yield _another_route(name, words, mapped)
        yield rate_of_infusion(name, words, mapped)
        yield _another_strength_of_all(name, cells, mapped, mapping)
        yield _another_dose_by_weight(name, cells, mapped, mapping)
        yield _less_than_a_vial(name, cells, mapped, mapping)
    if table in ("patients", "weights"):
        yield _another_unit_of_weight(words, mapped, mapping)
    if table == "patients":
        yield from said_of_patients(name, cells, mapped, mapping)
    unknown = unknown_words(table, name, words)
    if unknown is not None:
        remedy = OUT_OF_EVERY_TABLE if table == "patients" else LEAVE_OUT
        yield Contrary(rows=unknown.rows, assumed=unknown.assumed, remedy=remedy, asked=True)


def _another_route(name: str, words: Words, mapped: MappedRows) -> Contrary | None:
    """Words for another route than into a vein, whatever the heading, where no column of routes is in use."""
    if "route" in mapped.text.columns:
        return None
    remedy = (
        f"write route = {quoted(name)} under [doses.columns] and what its words mean (iv or sc) under "
        "[doses.values.route] in cohort.toml"
    )
    return Contrary(rows=words.where(SUBCUTANEOUS), assumed="every dose is taken as iv", remedy=remedy)


def _another_strength_of_all(name: str, cells: pd.Series[str], mapped: MappedRows, mapping: Mapping) -> Contrary | None:
    """Volumes in mL in which the grams beside them do not fit: no product is above 20 %."""
    if "amount_g" not in mapped.text.columns or not {"ml", "volume", "volumen"} & set(words_of(name)):
        return None
    volume, grams = (numbers(each, mapping.doses.decimal)[0] for each in (cells, mapped.text["amount_g"]))
    rows = (volume > 0) & (grams > MOST_G_PER_ML * volume) & (canonical_unit(read_heading(name).unit or "mL") == "mL")
    assumed = "amount_g alone is used, and so many grams are in no such volume (20 % is the strongest product)"
    return Contrary(rows=rows, assumed=assumed, remedy="see which of the two is right", asked=True)


def _another_dose_by_weight(name: str, cells: pd.Series[str], mapped: MappedRows, mapping: Mapping) -> Contrary | None:
    """Doses by weight that do not go with the grams in use: the weight they imply jumps within a patient."""
    by_weight = "kg" in words_of(name) and {"g", "mg"} & set(words_of(name)) and "patient_id" in mapped.text.columns
    if "amount_g" not in mapped.text.columns or not by_weight:
        return None
    per_kg, grams = (numbers(each, mapping.doses.decimal)[0] for each in (cells, mapped.text["amount_g"]))
    weight = pd.Series(np.where(per_kg > 0, grams / np.where(per_kg > 0, per_kg, 1.0), np.nan))
    usual = weight.groupby(mapped.text["patient_id"].to_numpy()).transform("max")
    rows = (weight < SAME_WEIGHT * usual).to_numpy(dtype=bool)
    assumed = "amount_g alone is used, and by this column the weight of one patient would differ by more than a quarter"
    return Contrary(rows=rows, assumed=assumed, remedy="see which of the two is right", asked=True)


def _less_than_a_vial(name: str, cells: pd.Series[str], mapped: MappedRows, mapping: Mapping) -> Contrary | None:
    """Amounts in g below what one vial of the stated size holds: they count the vials."""
    words = set(words_of(name))
    if "amount_g" not in mapped.text.columns or not (words & VIAL_WORDS and words & {"size", "strength", "g"}):
        return None
    size, grams = (numbers(each, mapping.doses.decimal)[0] for each in (cells, mapped.text["amount_g"]))
    in_g = canonical_unit(read_heading(name).unit or "g") == "g"
    assumed = "amount_g is read in g, and one vial by this column holds more: does it count vials?"
    rows = (grams > 0) & (grams < (1.0 - SAME_LEVEL) * size) & in_g
    return Contrary(rows=rows, assumed=assumed, remedy="give the amount in g", asked=True)


def _another_unit_of_weight(words: Words, mapped: MappedRows, mapping: Mapping) -> Contrary | None:
    """Units of weight in any column that are others than the one of weight_kg."""
    if "weight_kg" not in mapped.text.columns or {"weight", "weight_unit"} & set(mapped.text.columns):
        return None
    stated = {**mapping.weights.units, **mapping.patients.units}.get("weight_kg", "kg")
    other = words.where(lambda word: canonical_unit(word) in WEIGHT_IN_KG and canonical_unit(word) != stated)
    remedy = 'write weight = "weight_kg" and name this column weight_unit, both under [patients.columns]'
    return Contrary(rows=other, assumed=f"weight_kg is in {stated}", remedy=remedy)


def _several_persons(name: str, cells: pd.Series[str], mapped: MappedRows) -> Contrary | None:
    """Rows whose number or name of a person is another than that of their patient's first row."""
    if not PERSON & set(words_of(name)) or "patient_id" not in mapped.text.columns:
        return None
    first = cells.where(cells != "").groupby(mapped.text["patient_id"]).transform("first")
    rows = ((cells != "") & first.notna() & (cells != first)).to_numpy(dtype=bool)
    assumed = "an id is taken as one person, and here it has several of these"
    return Contrary(rows=rows, assumed=assumed, remedy="see that the ids are right", asked=True)


def _other_dates(
    table: TableName, name: str, cells: pd.Series[str], mapped: MappedRows, mapping: Mapping
) -> Contrary | None:
    """Dates on which blood was drawn or a dose given, by their heading, that are others than those in use."""
    settings = mapping.table(table)
    used = settings.columns.get("datetime", mapped.headings.get("datetime", "datetime"))
    used = used if isinstance(used, str) else used[0]
    if table == "samples" and mapping.samples.wide is not None:
        return None  # one date beside many visits is of the patient
    if "day" in mapped.text.columns:
        return _other_days(table, name, cells, mapped.text, settings.datetime_format)
    of_samples = (
        table == "samples" and read_heading(name).concepts == {"SAMPLE", "DATE"} and not read_heading(name).unknown
    )
    at_the_patient = of_samples or bool(AT_THE_PATIENT & set(words_of(name)) - set(words_of(used)))
    if "datetime" not in mapped.text.columns or not at_the_patient:
        return None
    here, there = (dates_of(each, settings.datetime_format) for each in (cells, mapped.text["datetime"]))
    return Contrary(
        rows=np.abs(np.floor(here) - np.floor(there)) >= 1.0,
        assumed=f"rows are placed by {used}, and these dates differ from it",
        remedy=f"to place them by these, write datetime = {quoted(name)} under [{table}.columns]",
        asked=True,
    )


def _other_days(
    table: TableName, name: str, cells: pd.Series[str], text: pd.DataFrame, formats: tuple[str, ...]
) -> Contrary | None:
    """Dates, or days and weeks of visits, that are not where the days in use say, counted from each patient's usual."""
    words = set(words_of(name))
    weeks = bool(WEEKS & words)
    of_visits = words <= DAYS_OF_VISITS and bool(words & (WEEKS | {"day", "days", "tag", "tage", "jour", "dia"}))
    dated = rank(table, "datetime", name) is not None or bool(AT_THE_PATIENT & words)
    if "patient_id" not in text.columns or not (of_visits or dated):
        return None
    day = numbers(text["day"], ".")[0]
    other = (7.0 if weeks else 1.0) * numbers(cells, ".")[0] if of_visits else dates_of(cells, formats)
    apart = pd.Series(np.floor(other) - np.floor(day))
    usual = apart.groupby(text["patient_id"].to_numpy()).transform("median")
    off = (apart - usual).abs() > (VISIT_WINDOW_DAY if of_visits else 1.5)
    return Contrary(
        rows=off.to_numpy(dtype=bool),
        assumed="rows are placed by day, and by this column they lie elsewhere beside the others of their patient",
        remedy="see which of the two is right",
        asked=True,
    )


def _bare_signs(name: str, words: Words, mapped: MappedRows) -> Contrary:
    """Cells such as < beside levels without a sign, whatever the heading."""
    signs = words.where(SIGN) & plain_levels(mapped)
    remedy = f"write comparator = {quoted(name)} under [samples.columns] in cohort.toml"
    return Contrary(rows=signs, assumed="a level without a sign was measured", remedy=remedy)


def _range_in_another_unit(name: str, words: Words, mapping: Mapping) -> Contrary | None:
    """Ranges of reference that are none of IgG in the unit stated, and are in another one."""
    stated = mapping.samples.units.get("igg", mapping.igg_unit)
    if stated is None or not REFERENCE.search(name):
        return None

    def foreign(word: str) -> bool:
        ends = [float(end) for end in re.findall(r"\d+(?:\.\d+)?", word.replace(",", "."))]
        return (
            len(ends) in (1, 2)
            and not _is_range_of_igg(ends, stated)
            and any(_is_range_of_igg(ends, unit) for unit in G_PER_L_IN)
        )

    remedy = "state the unit that levels are in (igg_unit), and look at how they were written down"
    return Contrary(rows=words.where(foreign), assumed=f"igg is in {stated}", remedy=remedy)


def _another_level(name: str, cells: pd.Series[str], mapped: MappedRows, mapping: Mapping) -> Contrary | None:
    """Levels that differ from those in use, in the unit of their heading or else in the stated one."""
    stated, heading = mapping.samples.units.get("igg", mapping.igg_unit), read_heading(name)
    repeated = "IGG" in heading.concepts and set(heading.unknown) <= AGAIN and not NOT_TOTAL_IGG.search(name)
    copied = re.fullmatch(re.escape(mapped.headings.get("igg", "igg")) + r"\.\d+", name) is not None  # as pandas names
    if not (repeated or copied) or "igg" not in mapped.text.columns:
        return None
    factor: float | Floats = 1.0
    if heading.unit:
        own = mapped.text["unit"] if "unit" in mapped.text.columns else pd.Series("", index=cells.index, dtype=str)
        named = canonical_units(own).map(G_PER_L_IN).to_numpy(dtype=np.float64)
        in_use = np.where(np.isnan(named), np.nan if stated is None else G_PER_L_IN[stated], named)
        factor = G_PER_L_IN.get(canonical_unit(heading.unit), np.nan) / in_use
    level, other = igg_cells(mapped.text["igg"], mapping.samples.decimal), numbers(cells, mapping.samples.decimal)[0]
    differ = (level.limit == 0) & (np.abs(factor * other - level.value) > SAME_LEVEL * level.value)
    assumed = f"the column igg alone is used, and these levels differ from it by more than {SAME_LEVEL:.0%}"
    return Contrary(rows=differ, assumed=assumed, remedy="see which of the two is right", asked=True)


def _is_range_of_igg(ends: list[float], unit: str) -> bool:
    """Whether limits of reference could be those of IgG (g/L, at any age) in this unit."""
    return all(REFERENCE_G_PER_L[0] <= end * G_PER_L_IN[unit] <= REFERENCE_G_PER_L[1] for end in ends if end > 0)


def _another_unit(table: TableName, name: str, cells: pd.Series[str], mapped: MappedRows) -> Contrary | None:
    """Units beside a column of units in use that are others."""
    used = "unit" if table == "samples" else "amount_unit"
    if used not in mapped.text.columns or not read_heading(name).concepts & {"UNIT"}:
        return None
    here, there = canonical_units(cells), canonical_units(mapped.text[used])
    known = COLUMN_UNITS["igg" if table == "samples" else "amount"]
    rows = (here.isin(list(known)) & there.isin(list(known)) & (here != there)).to_numpy(dtype=bool)
    if table == "samples":
        factors = [each.map(G_PER_L_IN).to_numpy(dtype=np.float64) for each in (here, there)]
        rows = rows & (factors[0] != factors[1])
    return Contrary(rows=rows, assumed=f"units are those of the column {used}", remedy="see which of the two is right")


def _beyond_limits(name: str, words: Words, mapped: MappedRows) -> Contrary | None:
    """Words such as BLQ beside levels without a sign, whatever the heading."""
    flagged = bool(LIMIT_WORDS & set(words_of(name)) and {"below", "under", "unter"} & set(words_of(name)))
    below, above = words.where_plain(BELOW_A_LIMIT), words.where_plain(ABOVE_A_LIMIT)
    if flagged:
        below |= words.where_plain(lambda word: word in YES)
    rows = (below | above) & plain_levels(mapped)
    if not rows.any():
        return None
    word = str(words.cells.iloc[np.flatnonzero(rows)[0]])
    remedy = (
        f"write comparator = {quoted(name)} under [samples.columns] and "
        f'{quoted(word)} = "{"<" if below[np.flatnonzero(rows)[0]] else ">"}" under [samples.values.comparator]'
    )
    return Contrary(rows=rows, assumed="a level without a sign was measured", remedy=remedy)


def _after_a_dose(words: Words, mapped: MappedRows, mapping: Mapping) -> Contrary | None:
    """Samples that say they were drawn after an infusion, where the time of day is not known and none is assumed."""
    time = next((mapped.text[one] for one in ("datetime", "day") if one in mapped.text.columns), None)
    if mapping.same_day != "sample_first" or time is None:
        return None
    after = words.where_plain(_drawn_after)
    if not after.any():
        return None
    timed = time.str.contains(":", regex=False) | time.str.contains(r"^\s*\d+\.\d*[1-9]", regex=True)
    return Contrary(
        rows=after & ~timed.to_numpy(dtype=bool),
        assumed="a sample on the day of a dose is taken as drawn before it",
        remedy='give times of day, or write same_day = "dose_first" in cohort.toml if all samples are such',
        asked=True,
    )


def _drawn_after(word: str) -> bool:
    return AFTER_A_DOSE.fullmatch(word) is not None and LONG_AFTER.search(word) is None


def other_strength(words: Words, mapped: MappedRows, mapping: Mapping) -> Contrary | None:
    """Strengths of products that are others than the concentration by which amounts in mL become grams."""
    settings = mapping.doses
    if settings.concentration is None or "amount" not in mapped.text.columns:
        return None
    stated = settings.concentration
    constant = pd.Series(settings.units.get("amount", ""), index=words.cells.index, dtype=str)
    units = mapped.text["amount_unit"] if "amount_unit" in mapped.text.columns else constant
    in_volume = canonical_units(units.where(units.str.strip() != "", constant)).isin(list(VOLUMES))

    def differs(word: str) -> bool:
        found = [_strength(match) for match in STRENGTH.finditer(word)]
        known = [one for one in found if one is not None]
        return bool(known) and all(abs(one - stated) > SAME_STRENGTH * stated for one in known)

    return Contrary(
        rows=words.where(differs) & in_volume.to_numpy(dtype=bool),
        assumed=f"a millilitre is taken as {stated:g} g ({100 * stated:g} %, as concentration says)",
        remedy="give amounts in grams where products differ, or the right concentration",
    )


def _strength(match: re.Match[str]) -> float | None:
    """g/mL of what reads like a strength; None for what no immunoglobulin has."""
    unit = match[2].replace(" ", "").lower().replace("g/100ml", "%").replace("ml", "mL").replace("dl", "dL")
    try:
        value = g_per_ml(f"{match[1].replace(',', '.')} {unit.replace('g/l', 'g/L')}")
    except ValueError:
        return None
    return value if isinstance(value, float) else None


def quoted(name: str) -> str:
    """A text as cohort.toml takes it."""
    return json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")
