"""OMOP CDM 5.4: measurement -> samples, drug_exposure -> doses and therapy, person and death -> patients.

Concepts are resolved by (vocabulary, code) through the tables concept and concept_ancestor of the same database;
without them only rows whose source values name IgG or immunoglobulin can be told. No id of a concept is written here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.headings import plain
from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.parse.cells import numbers
from igkinetics.cohort.parse.findings import Mask
from igkinetics.cohort.parse.sample_words import OTHER_SPECIMEN
from igkinetics.cohort.presets.concepts import List, agent_of, judge, says
from igkinetics.cohort.presets.doses import amount_faults, amount_unit, duration_hours, route_word, span_fault
from igkinetics.cohort.presets.preset import (
    Fault,
    PresetTable,
    Rows,
    column,
    first_filled,
    mapped,
    read_whole,
    stated_rows,
    truth,
    what_columns_say,
)
from igkinetics.cohort.source.raw import RawRows

SIGNS: Final = ("<", "<=", ">", ">=", "=", "")
OF_DOSES: Final = {"REFILLS": "repeats", "STOP_REASON": "status", "SIG": "frequency"}
"""Columns -> the words they stand for."""
SAME_DECADE: Final = 0.01
"""Units of IgG differ by powers of ten: so do one level's numbers, some 2 % of rounding aside."""
NOT_GIVEN: Final = ("prescription", "order", "dispens", "claim", "written")
"""In the name of a drug_type: what was prescribed or paid for, not what was given."""


class Vocabulary:
    """The concepts of one database: what an id means."""

    def __init__(self, folder: Path, mapping: Mapping) -> None:
        table = read_whole(folder, mapping.samples, "concept")
        self.known = not table.empty
        ids = column(table, "concept_id")
        self._name = dict(zip(ids, column(table, "concept_name"), strict=True))
        self._code = dict(
            zip(ids, zip(column(table, "vocabulary_id"), column(table, "concept_code"), strict=True), strict=True)
        )
        ancestors = read_whole(folder, mapping.samples, "concept_ancestor")
        self._above: dict[str, set[str]] = {}
        for below, above in zip(
            column(ancestors, "descendant_concept_id"), column(ancestors, "ancestor_concept_id"), strict=True
        ):
            self._above.setdefault(below, set()).add(above)

    def name(self, concept_id: str) -> str:
        return self._name.get(concept_id, "")

    def code(self, concept_id: str) -> tuple[str, str]:
        """(vocabulary, code)."""
        return self._code.get(concept_id, ("", ""))

    def verdict(self, wanted: List, concept_id: str) -> str:
        """Whether a concept, or one it descends from, belongs to a list."""
        verdicts = {
            judge(wanted, *self.code(one), self.name(one))
            for one in (concept_id, *self._above.get(concept_id, ()))
            if one in self._code
        }
        if "contradiction" in verdicts:
            return "contradiction"
        return "yes" if "yes" in verdicts else "no"

    def agent(self, concept_id: str) -> str:
        """The agent that a concept, or one it descends from, stands for."""
        ids = (concept_id, *sorted(self._above.get(concept_id, ())))
        return next((agent for one in ids if (agent := agent_of(*self.code(one), self.name(one)))), "")


def tables(folder: Path, mapping: Mapping) -> list[PresetTable]:
    """How the tables of the database become those of the contract."""
    words = Vocabulary(folder, mapping)
    measured: set[str] = set()
    deaths = read_whole(folder, mapping.patients, "death")
    death = dict(
        zip(
            column(deaths, "person_id"),
            first_filled(column(deaths, "death_datetime"), column(deaths, "death_date")),
            strict=True,
        )
    )
    return [
        PresetTable(
            table="samples", stems=("measurement",), convert=lambda raw: _samples(raw, words, mapping, measured)
        ),
        PresetTable(table="doses", stems=("drug_exposure",), convert=lambda raw: _doses(raw, words, mapping, measured)),
        PresetTable(table="therapy", stems=("drug_exposure",), convert=lambda raw: _therapy(raw, words, measured)),
        PresetTable(table="patients", stems=("person",), convert=lambda raw: _patients(raw, words, death, measured)),
    ]


def _concept(cells: pd.DataFrame, words: Vocabulary, wanted: List, kind: str) -> tuple[Mask, Mask]:
    """(rows of the list, rows whose code and name contradict each other), by concept, else by the source's words."""
    standard, own = column(cells, f"{kind}_concept_id"), column(cells, f"{kind}_source_concept_id")
    told = mapped(standard + "|" + own, lambda ids: _verdict(words, wanted, ids))
    source = column(cells, f"{kind}_source_value")
    by_source = truth(source, lambda text: judge(wanted, "", text, "") == "yes" or says(wanted, text))
    unknown = truth(standard, lambda one: words.code(one) == ("", ""))
    return (told == "yes").to_numpy(dtype=bool) | (by_source & unknown), (told == "contradiction").to_numpy(dtype=bool)


def _verdict(words: Vocabulary, wanted: List, ids: str) -> str:
    verdicts = [words.verdict(wanted, one) for one in ids.split("|") if one not in ("", "0")]
    return "contradiction" if "contradiction" in verdicts else "yes" if "yes" in verdicts else "no"


def _samples(raw: RawRows, words: Vocabulary, mapping: Mapping, measured: set[str]) -> RawRows:
    cells = raw.cells
    wanted, contradicts = _concept(cells, words, "igg", "measurement")
    stated = stated_rows(raw, mapping.samples)
    wanted = (wanted | contradicts) if stated is None else stated
    sign = mapped(column(cells, "operator_concept_id"), lambda one: words.name(one) if one not in ("", "0") else "")
    source = column(cells, "value_source_value")
    own_sign = source.str.extract(r"^\s*([<>]=?)", expand=False).fillna("")
    number = first_filled(column(cells, "value_as_number"), source)
    from_source = (sign.isin(["", "="]) & (own_sign != "")).to_numpy(dtype=bool)
    sign = sign.where(~from_source, own_sign).replace({"=": ""})
    unit, unit_faults = _units(cells, words)
    person = column(cells, "person_id")
    operator = column(cells, "operator_concept_id")
    unknown_sign = ~truth(sign, lambda one: one in SIGNS)
    unresolved = truth(operator, lambda one: one not in ("", "0") and words.name(one) == "")
    rows = Rows(
        raw,
        {
            "patient_id": person,
            "datetime": first_filled(column(cells, "measurement_datetime"), column(cells, "measurement_date")),
            "igg": sign.where(~number.str.startswith(("<", ">")), "") + number,
            "unit": unit,
        },
        wanted,
    )
    rows.faults += [
        *what_columns_say(raw, wanted, "samples", {"VALUE_SOURCE_VALUE": "result"}, only=True),
        *_against_the_source(cells),
        Fault(
            contradicts,
            "measurement_concept_id",
            column(cells, "measurement_source_value"),
            "the code is that of IgG and the name is not: one of them is wrong",
        ),
        Fault(unknown_sign | unresolved, "operator_concept_id", operator, "<, <=, =, >= or > by the table concept"),
        Fault(
            from_source & wanted,
            "operator_concept_id",
            source,
            "the source's own sign, which the operator lacks",
            action="used as the source has it",
            removes=False,
        ),
        *unit_faults,
    ]
    measured.update(person[wanted])
    return rows.finished()


def _against_the_source(cells: pd.DataFrame) -> list[Fault]:
    """Levels that the source has otherwise, units apart, and levels of another fluid by their source's name."""
    written, named = column(cells, "value_source_value"), column(cells, "measurement_source_value")
    times = numbers(column(cells, "value_as_number"))[0] / numbers(written)[0]
    decades = np.log10(np.where(times > 0, times, 1.0))
    fluid = truth(named, lambda text: any(OTHER_SPECIMEN.fullmatch(word) for word in plain(text).split()))
    return [
        Fault(
            np.abs(decades - np.round(decades)) > SAME_DECADE,
            "value_source_value",
            written,
            "the number of value_as_number, in one unit or another; these two are different levels",
        ),
        Fault(fluid, "measurement_source_value", named, "a level in serum", action="row set aside"),
    ]


def _units(cells: pd.DataFrame, words: Vocabulary) -> tuple[pd.Series[str], list[Fault]]:
    """UCUM codes of the unit concepts, else the source's own; where both are there they must agree."""
    concept, source = column(cells, "unit_concept_id"), column(cells, "unit_source_value")
    code = mapped(concept, lambda one: words.code(one)[1] if one not in ("", "0") else "")
    differ = ((code != "") & (source != "") & (code.str.lower() != source.str.lower())).to_numpy(dtype=bool)
    found = code + " and " + source
    return first_filled(code, source), [Fault(differ, "unit", found, "one unit: concept and source differ")]


def _doses(raw: RawRows, words: Vocabulary, mapping: Mapping, measured: set[str]) -> RawRows:
    cells = raw.cells
    wanted, contradicts = _concept(cells, words, "immunoglobulin", "drug")
    stated = stated_rows(raw, mapping.doses)
    wanted = (wanted | contradicts) if stated is None else stated
    person = column(cells, "person_id")
    wanted &= person.isin(list(measured)).to_numpy(dtype=bool)
    start = first_filled(column(cells, "drug_exposure_start_datetime"), column(cells, "drug_exposure_start_date"))
    unit = amount_unit(column(cells, "dose_unit_source_value"))
    route_id = column(cells, "route_concept_id")
    route = first_filled(mapped(route_id, words.name), column(cells, "route_source_value"))
    kind = mapped(column(cells, "drug_type_concept_id"), words.name)
    rows = Rows(
        raw,
        {
            "patient_id": person,
            "datetime": start,
            "amount": column(cells, "quantity"),
            "amount_unit": unit,
            "duration_h": duration_hours(start, column(cells, "drug_exposure_end_datetime")),
            "route": mapped(route, route_word),
            "product": first_filled(
                column(cells, "drug_source_value"), mapped(column(cells, "drug_concept_id"), words.name)
            ),
        },
        wanted,
    )
    end = first_filled(column(cells, "drug_exposure_end_datetime"), column(cells, "drug_exposure_end_date"))
    rows.faults += [
        *what_columns_say(raw, wanted, "doses", OF_DOSES, only=True),
        span_fault(start, end, "drug_exposure_end_date"),
        Fault(
            contradicts,
            "drug_concept_id",
            column(cells, "drug_source_value"),
            "the code is that of immunoglobulin and the name is not: one of them is wrong",
        ),
        Fault(
            truth(kind, lambda text: any(word in text.lower() for word in NOT_GIVEN)),
            "drug_type_concept_id",
            kind,
            "an administration; what was prescribed or dispensed was not necessarily given",
        ),
        *amount_faults(unit, column(cells, "dose_unit_source_value"), "dose_unit_source_value"),
    ]
    return rows.finished()


def _therapy(raw: RawRows, words: Vocabulary, measured: set[str]) -> RawRows:
    cells = raw.cells
    ids = column(cells, "drug_concept_id") + "|" + column(cells, "drug_source_concept_id")
    by_concept = mapped(ids, lambda both: next((found for one in both.split("|") if (found := words.agent(one))), ""))
    agent = first_filled(by_concept, mapped(column(cells, "drug_source_value"), lambda text: agent_of("", "", text)))
    person = column(cells, "person_id")
    wanted = (agent != "").to_numpy(dtype=bool) & person.isin(list(measured)).to_numpy(dtype=bool)
    start = first_filled(column(cells, "drug_exposure_start_datetime"), column(cells, "drug_exposure_start_date"))
    stop = first_filled(column(cells, "drug_exposure_end_datetime"), column(cells, "drug_exposure_end_date"))
    stop = stop.where(stop.str.slice(0, 10) > start.str.slice(0, 10), "")
    return Rows(raw, {"patient_id": person, "start": start, "stop": stop, "agent": agent}, wanted).finished()


def _patients(raw: RawRows, words: Vocabulary, death: dict[str, str], measured: set[str]) -> RawRows:
    cells = raw.cells
    person = column(cells, "person_id")
    sex = mapped(column(cells, "gender_concept_id"), words.name)
    columns = {
        "patient_id": person,
        "death": mapped(person, lambda one: death.get(one, "")),
        "birth": column(cells, "birth_datetime").str.slice(0, 10),
        "sex": first_filled(sex, column(cells, "gender_source_value")),
    }
    return Rows(raw, columns, person.isin(list(measured)).to_numpy(dtype=bool)).finished()
