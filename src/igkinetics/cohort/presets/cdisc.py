"""CDISC: SDTM (LB -> samples, EX and CM -> doses and therapy, DM -> patients) and ADaM (ADPC, ADNCA, ADPPK, ADSL).

Rows of other tests are filtered by LBTESTCD, PARAMCD or their names; data sets that name no IgG need a stated
[[samples.keep]]. Files may be CSV, Parquet or SAS transport (.xpt).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.headings import says_igg
from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.parse.cells import numbers
from igkinetics.cohort.parse.findings import Mask
from igkinetics.cohort.presets.concepts import agent_of, judge, says
from igkinetics.cohort.presets.doses import amount_faults, amount_unit, duration_hours, route_word, span_fault
from igkinetics.cohort.presets.preset import (
    Fault,
    PresetTable,
    Rows,
    column,
    files_named,
    first_filled,
    mapped,
    read_whole,
    stated_rows,
    truth,
    what_columns_say,
)
from igkinetics.cohort.source.raw import RawRows
from igkinetics.errors import InputError, Problem
from igkinetics.units import G_PER_L_IN, canonical_unit

PHARMACOKINETIC: Final = ("adpc", "adnca", "adppk", "adlb")
IN_DAYS: Final = {
    "h": 1 / 24,
    "hr": 1 / 24,
    "hrs": 1 / 24,
    "hour": 1 / 24,
    "hours": 1 / 24,
    "d": 1.0,
    "day": 1.0,
    "days": 1.0,
    "min": 1 / 1440,
    "mins": 1 / 1440,
    "minute": 1 / 1440,
    "minutes": 1 / 1440,
}
SAME_LEVEL: Final = 0.03
"""Rounding aside, two columns hold one level."""
OF_LEVELS: Final = {
    "LBSPEC": "specimen",
    "LBMETHOD": "method",
    "ANL01FL": "included",
    "SPEC": "specimen",
}
OF_DOSES: Final = {
    "EXOCCUR": "given",
    "CMOCCUR": "given",
    "EXSTAT": "status",
    "CMSTAT": "status",
    "EXDOSFRQ": "frequency",
    "CMDOSFRQ": "frequency",
    "DOSFRQ": "frequency",
    "EXADJ": "remark",
    "CMADJ": "remark",
}
"""Variables of the standards -> the words they stand for."""
UNQUANTIFIED: Final = ("BLQ", "BQL", "BLOQ", "<LLOQ", "<LLQ", "LLOQ", "BELOW LLOQ", "NOT DETECTED")
DOSE_CODES: Final = ("DOSE", "DOS", "EX")


def sdtm(folder: Path, mapping: Mapping) -> list[PresetTable]:
    """How SDTM domains become the tables of the contract."""
    weights = _weights(read_whole(folder, mapping.patients, "vs"))
    taken = ("ex", "cm")
    domains = {stem.upper() for stem in taken if files_named(folder, (stem,))}
    return [
        PresetTable(table="samples", stems=("lb",), convert=lambda raw: _lb(raw, mapping)),
        PresetTable(table="doses", stems=taken, convert=lambda raw: _ex(raw, mapping, domains)),
        PresetTable(table="therapy", stems=taken, convert=_ex_therapy),
        PresetTable(table="patients", stems=("dm",), convert=lambda raw: _dm(raw, weights)),
    ]


def adam(folder: Path, mapping: Mapping) -> list[PresetTable]:
    """How ADaM data sets become the tables of the contract."""
    return [
        PresetTable(table="samples", stems=PHARMACOKINETIC, convert=lambda raw: _levels(raw, mapping)),
        PresetTable(table="doses", stems=PHARMACOKINETIC[:3], convert=lambda raw: _ad_doses(raw, mapping)),
        PresetTable(table="patients", stems=("adsl", *PHARMACOKINETIC), convert=_ad_people),
    ]


def _lb(raw: RawRows, mapping: Mapping) -> RawRows:
    cells = raw.cells
    code, loinc, name = column(cells, "LBTESTCD"), column(cells, "LBLOINC"), column(cells, "LBTEST")
    told = mapped(loinc + "\x1f" + code + "\x1f" + name, _lb_verdict)
    stated = stated_rows(raw, mapping.samples)
    wanted = (told != "no").to_numpy(dtype=bool) if stated is None else stated
    original = column(cells, "LBORRES")
    level = first_filled(original, column(cells, "LBSTRESC"), column(cells, "LBSTRESN"))
    unit = column(cells, "LBORRESU").where(original != "", column(cells, "LBSTRESU"))
    done = column(cells, "LBSTAT")
    columns = {"patient_id": column(cells, "USUBJID"), **_time(cells, "LBDTC", "LBDY"), "igg": level, "unit": unit}
    rows = Rows(raw, columns, wanted)
    rows.faults += [
        _two_levels(cells),
        *what_columns_say(raw, wanted, "samples", OF_LEVELS),
        Fault(
            (told == "contradiction").to_numpy(dtype=bool),
            "LBLOINC",
            loinc,
            "the code is that of IgG and LBTEST is not",
        ),
        Fault(
            (done != "").to_numpy(dtype=bool), "LBSTAT", done, "a level; it was not measured", action="row set aside"
        ),
    ]
    return rows.finished()


def _g_per_l_in(unit: pd.Series[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """g/L in one of each unit; nan for no unit of IgG."""
    return unit.map({one: G_PER_L_IN.get(canonical_unit(one), np.nan) for one in unit.unique()}).to_numpy(np.float64)


def _two_levels(cells: pd.DataFrame) -> Fault:
    """The original result and the standardised one, where their units make them two different levels."""
    original, standard = column(cells, "LBORRES"), column(cells, "LBSTRESN")
    here, there = (
        numbers(level)[0] * _g_per_l_in(column(cells, unit))
        for level, unit in ((original, "LBORRESU"), (standard, "LBSTRESU"))
    )
    return Fault(
        np.abs(here - there) > SAME_LEVEL * np.abs(there),
        "LBSTRESN",
        standard,
        "the level of LBORRES in another unit; these two differ, and one of them is wrong",
    )


def _lb_verdict(test: str) -> str:
    loinc, code, name = test.split("\x1f")
    coded = judge("igg", "LOINC", loinc, name) if loinc else "no"
    if coded != "no":
        return coded
    return "yes" if says_igg(name) or (not name and code.upper() == "IGG") else "no"


def _time(cells: pd.DataFrame, dated: str, numbered: str) -> dict[str, pd.Series[str]]:
    """Date-times where the file has any; else study days, of which there is no 0: day 1 becomes 0."""
    date = column(cells, dated)
    if bool((date != "").any()):
        return {"datetime": date}
    day = pd.to_numeric(column(cells, numbered), errors="coerce").to_numpy(dtype=np.float64)
    return {"day": _as_text(np.where(day >= 1, day - 1, day), cells.index)}


def _as_text(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], index: pd.Index[int]) -> pd.Series[str]:
    return pd.Series(["" if np.isnan(one) else repr(float(one)) for one in values], index=index, dtype=str)


def _ex(raw: RawRows, mapping: Mapping, domains: set[str]) -> RawRows:
    cells = raw.cells
    drug = _drug(cells)
    wanted = _doses_stated(raw, mapping, drug, domains)
    start, end = (column(cells, f"EX{part}", f"CM{part}") for part in ("STDTC", "ENDTC"))
    written = column(cells, "EXDOSU", "CMDOSU")
    unit = amount_unit(written)
    time = _time(cells, "EXSTDTC", "EXSTDY") if "EXTRT" in _upper(cells) else _time(cells, "CMSTDTC", "CMSTDY")
    columns = {
        "patient_id": column(cells, "USUBJID"),
        **time,
        "amount": column(cells, "EXDOSE", "CMDOSE"),
        "amount_unit": unit,
        "duration_h": duration_hours(start, end),
        "route": mapped(column(cells, "EXROUTE", "CMROUTE"), route_word),
        "product": drug,
    }
    rows = Rows(raw, columns, wanted)
    rows.faults += what_columns_say(raw, wanted, "doses", OF_DOSES)
    rows.faults.append(span_fault(start, end, "EXENDTC" if "EXTRT" in _upper(cells) else "CMENDTC"))
    rows.faults += amount_faults(unit, written, "EXDOSU" if "EXTRT" in _upper(cells) else "CMDOSU")
    return rows.finished()


def _doses_stated(raw: RawRows, mapping: Mapping, drug: pd.Series[str], domains: set[str]) -> Mask:
    """Rows of EX or CM that are doses: immunoglobulin by its name, or what the keep rules state.

    A rule on a variable of the other domain (EXTRT while CM is read) says nothing of this one, whose rows then have to
    be immunoglobulin by name as well.
    """
    own = "EX" if "EXTRT" in _upper(raw.cells) else "CM"
    others = tuple(domains - {own})
    rules = [rule for rule in mapping.doses.keep if not rule.column.upper().startswith(others)]
    stated = stated_rows(raw, mapping.doses, rules)
    named = truth(drug, lambda name: says("immunoglobulin", name))
    if stated is None:
        return named
    return stated & named if len(rules) < len(mapping.doses.keep) else stated


def _drug(cells: pd.DataFrame) -> pd.Series[str]:
    return first_filled(column(cells, "EXTRT", "CMDECOD"), column(cells, "CMTRT"))


def _upper(cells: pd.DataFrame) -> set[str]:
    return {str(name).upper() for name in cells.columns}


def _ex_therapy(raw: RawRows) -> RawRows:
    cells = raw.cells
    agent = mapped(_drug(cells), lambda name: agent_of("", "", name))
    start, end = (column(cells, f"EX{part}", f"CM{part}") for part in ("STDTC", "ENDTC"))
    if not bool((start != "").any()):
        start, end = (column(cells, f"EX{part}", f"CM{part}") for part in ("STDY", "ENDY"))
    stop = end.where(end.str.slice(0, 10) > start.str.slice(0, 10), "")
    columns = {"patient_id": column(cells, "USUBJID"), "start": start, "stop": stop, "agent": agent}
    return Rows(raw, columns, (agent != "").to_numpy(dtype=bool)).finished()


def _dm(raw: RawRows, weights: dict[str, str]) -> RawRows:
    cells = raw.cells
    person = column(cells, "USUBJID")
    years = column(cells, "AGEU").str.upper().isin(["", "YEARS"])
    columns = {
        "patient_id": person,
        "group": first_filled(column(cells, "ACTARM"), column(cells, "ARM")),
        "sex": column(cells, "SEX"),
        "age_y": column(cells, "AGE").where(years, ""),
        "death": column(cells, "DTHDTC"),
        "weight_kg": mapped(person, lambda one: weights.get(one, "")),
    }
    rows = Rows(raw, columns, np.ones(len(cells), dtype=bool))
    dead = ((column(cells, "DTHFL") == "Y") & (column(cells, "DTHDTC") == "")).to_numpy(dtype=bool)
    rows.faults.append(Fault(dead, "DTHDTC", column(cells, "DTHDTC"), "the date of the death that DTHFL says"))
    return rows.finished()


def _weights(vitals: pd.DataFrame) -> dict[str, str]:
    """Each patient's first weight in kg."""
    weighed = vitals[(column(vitals, "VSTESTCD") == "WEIGHT") & (column(vitals, "VSSTRESU").str.lower() == "kg")]
    weighed = weighed.iloc[np.argsort(column(weighed, "VSDTC").to_numpy(), kind="stable")] if len(weighed) else weighed
    return dict(zip(column(weighed, "USUBJID")[::-1], column(weighed, "VSSTRESN", "VSSTRESC")[::-1], strict=True))


def _is_dose(cells: pd.DataFrame) -> Mask:
    """Rows of a pharmacokinetic data set that are doses."""
    evid = column(cells, "EVID").isin(["1", "4"])
    return (evid | column(cells, "PARAMCD").str.upper().isin(list(DOSE_CODES))).to_numpy(dtype=bool)


def _clock(raw: RawRows, cells: pd.DataFrame) -> dict[str, pd.Series[str]]:
    """ADTM where it is there, else AFRLT in days. InputError where nothing says the unit of AFRLT."""
    moment = first_filled(column(cells, "ADTM"), column(cells, "ADT"))
    if bool((moment != "").any()):
        return {"datetime": moment}
    return {"day": _as_text(_relative(raw, cells, "AFRLT"), cells.index)}


def _relative(raw: RawRows, cells: pd.DataFrame, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """A relative time in days. An event data set without a column of the unit counts in hours only if told so."""
    values = numbers(column(cells, name))[0]
    unit = first_filled(column(cells, "FRLTU"), column(cells, "RRLTU")).str.lower()
    if bool((unit == "").all()):
        expected = 'a column FRLTU or RRLTU with its unit, or a column ADTM; else read the file with format = "nonmem"'
        raise InputError([Problem(file=raw.file, column=name, found="no unit of time", expected=expected)])
    return values * unit.map(IN_DAYS).to_numpy(dtype=np.float64)


def _levels(raw: RawRows, mapping: Mapping) -> RawRows:
    cells = raw.cells
    doses = _is_dose(cells)
    named = first_filled(column(cells, "PARAM"), column(cells, "PARAMCD"))
    igg = truth(named, _names_igg) | truth(column(cells, "PARAMCD"), lambda code: code.upper() == "IGG")
    stated = stated_rows(raw, mapping.samples)
    if stated is None and not igg.any():
        found = ", ".join(sorted(set(named) - {""})[:8]) or "no PARAM"
        expected = 'a parameter that is IgG; state which rows are: [[samples.keep]] column = "PARAM", equals = "..."'
        raise InputError([Problem(file=raw.file, column="PARAM", found=found, expected=expected)])
    limit = first_filled(column(cells, "ALLOQ"), column(cells, "PCLLOQ"), column(cells, "LLOQ"))
    word = first_filled(column(cells, "AVALC"), column(cells, "PCORRES"), column(cells, "AVALCAT1"))
    censored = word.str.startswith(("<", ">"))
    below = word.str.upper().isin(UNQUANTIFIED) | (censored & word.str.contains("BLQ|LLOQ", regex=True))
    below |= column(cells, "BLQFL") == "Y"
    level = column(cells, "AVAL", "DV").where(~censored, word)
    level = level.where(~below, ("<" + limit).where(limit != "", word))
    columns = {
        "patient_id": column(cells, "USUBJID"),
        **_clock(raw, cells),
        "igg": level,
        "unit": column(cells, "AVALU"),
    }
    wanted = (igg if stated is None else stated) & ~doses
    rows = Rows(raw, columns, wanted)
    rows.faults += [_derived(cells, wanted), *what_columns_say(raw, wanted, "samples", OF_LEVELS)]
    return rows.finished()


def _derived(cells: pd.DataFrame, wanted: Mask) -> Fault:
    """Rows that no laboratory measured: any derivation type, and those that an analysis flag leaves out."""
    derived, flag = column(cells, "DTYPE"), column(cells, "ANL01FL").str.upper()
    unflagged = (flag == "") & bool((flag[wanted] == "Y").any())
    return Fault(
        ((derived != "") | unflagged).to_numpy(dtype=bool),
        "DTYPE" if bool((derived != "").any()) else "ANL01FL",
        derived,
        "a level that was measured; this row is derived, or the analysis flag leaves it out",
        action="row set aside",
    )


def _names_igg(name: str) -> bool:
    return says_igg(name) or says_igg(name.split(" of ")[-1])


def _ad_doses(raw: RawRows, mapping: Mapping) -> RawRows:
    """Doses of their own rows (EVID 1, PARAMCD DOSE), else one for each dose that levels refer to (ADNCA)."""
    cells = raw.cells
    rows, stated = _is_dose(cells), stated_rows(raw, mapping.doses)
    product = first_filled(column(cells, "DOSETRT"), column(cells, "TRT01A"), column(cells, "PARAM"))
    time = _clock(raw, cells)
    duration = _duration(raw, cells)
    written = first_filled(column(cells, "DOSEU"), column(cells, "AVALU"))
    amount = first_filled(column(cells, "AMT"), column(cells, "DOSEA"), column(cells, "AVAL"))
    if not rows.any() and {"DOSEA", "ARRLT", "AFRLT"} <= _upper(cells):
        at = _relative(raw, cells, "AFRLT") - _relative(raw, cells, "ARRLT")
        first = ~pd.DataFrame({"who": column(cells, "USUBJID"), "at": np.round(at, 6)}).duplicated().to_numpy(
            dtype=bool
        )
        rows, time = first, {"day": _as_text(np.round(at, 9), cells.index)}
    unit = amount_unit(written)
    columns = {
        "patient_id": column(cells, "USUBJID"),
        **time,
        "amount": amount,
        "amount_unit": unit,
        "duration_h": duration,
        "route": mapped(column(cells, "ROUTE"), route_word),
        "product": product.where(rows, ""),
    }
    converted = Rows(raw, columns, rows if stated is None else rows & stated)
    converted.faults += amount_faults(unit, written, "DOSEU")
    return converted.finished()


def _duration(raw: RawRows, cells: pd.DataFrame) -> pd.Series[str]:
    if not bool((column(cells, "ADOSEDUR") != "").any()):
        return pd.Series("", index=cells.index, dtype=str)
    return _as_text(_relative(raw, cells, "ADOSEDUR") * 24.0, cells.index)


def _ad_people(raw: RawRows) -> RawRows:
    """One row for each patient: of ADSL, or the first of each in a pharmacokinetic data set."""
    cells = raw.cells
    person = column(cells, "USUBJID")
    kg = column(cells, "WTBLU").str.lower().isin(["", "kg"])
    years = column(cells, "AGEU").str.upper().isin(["", "YEARS"])
    death = (
        column(cells, "DTHDT", "DTHDTC")
        if "ADTM" in _upper(cells) or "TRTSDT" in _upper(cells)
        else person.where(person == "", "")
    )
    columns = {
        "patient_id": person,
        "group": first_filled(column(cells, "TRT01A"), column(cells, "ACTARM"), column(cells, "ARM")),
        "sex": column(cells, "SEX"),
        "age_y": column(cells, "AGE").where(years, ""),
        "weight_kg": column(cells, "WTBL", "WEIGHTBL").where(kg, ""),
        "death": death,
    }
    return Rows(raw, columns, ~person.duplicated().to_numpy(dtype=bool)).finished()
