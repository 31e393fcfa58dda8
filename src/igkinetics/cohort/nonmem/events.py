"""NONMEM event files: each row becomes a sample, a dose or neither, under the names of the contract.

`items.py` says what every name means. CENS and LIMIT are read as Monolix and nlmixr2 define them: CENS 1 lies below DV,
CENS -1 above it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.contract import TableName
from igkinetics.cohort.mapping.keys import Mapping, TableMapping
from igkinetics.cohort.model import Floats
from igkinetics.cohort.nonmem import rules
from igkinetics.cohort.nonmem.clock import Moments, as_text, distinct_numbers, hours_in, read_moments
from igkinetics.cohort.nonmem.columns import (
    absent_columns,
    item_columns,
    left_out,
    repeated_columns,
    used_columns,
    without_dots,
)
from igkinetics.cohort.nonmem.covariates import patients_of_events, weights_of_events
from igkinetics.cohort.nonmem.items import DATE_ORDER
from igkinetics.cohort.nonmem.records import Numbered, number_records, one_record, record_names
from igkinetics.cohort.nonmem.settings import translated, unmatched, useless_rules
from igkinetics.cohort.nonmem.text import plain_header
from igkinetics.cohort.parse.columns import MappedRows, holds
from igkinetics.cohort.parse.findings import Mask
from igkinetics.cohort.parse.unused import problem_of, unused_columns
from igkinetics.cohort.source.raw import RawRows
from igkinetics.errors import Problem
from igkinetics.units import TIME_IN_DAY

NUMBERS: Final = (
    "AMT",
    "RATE",
    "DUR",
    "DV",
    "EVID",
    "MDV",
    "CENS",
    "LIMIT",
    "LLOQ",
    "BLQ",
    "II",
    "ADDL",
    "SS",
    "CMT",
    "LAG",
    "CONT",
)
Problems = tuple[Problem, ...]
INSTEAD: Final = {
    "unit": "state the unit that levels are in (igg_unit)",
    "comparator": "mark values beyond a limit by CENS",
    "censored": "mark values beyond a limit by CENS",
    "lower_limit": "name the column LLOQ",
    "amount_unit": "state the unit that amounts are in (amount_unit)",
    "duration": "give infusions a RATE or a DUR",
    "duration_h": "give infusions a RATE or a DUR",
    "end": "give infusions a RATE or a DUR",
    "route": 'state the route: route = "iv" or "sc" under [doses.constants]',
}
"""What an event file has for a column of the contract."""
DOSE_ITEMS: Final = ("II", "ADDL", "SS", "LAG")


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """The rows of an event file that are no comments. columns: item -> column; value: nan where absent or empty."""

    raw: RawRows
    columns: dict[str, str]
    person: pd.Series[str]
    record: pd.Series[str]
    numbered: Numbered
    moments: Moments
    value: dict[str, Floats]
    unreadable: dict[str, Mask]

    def __getitem__(self, item: str) -> Floats:
        return self.value[item]

    def given(self, item: str) -> Mask:
        """Filled with a number other than 0."""
        filled: Mask = ~np.isnan(self.value[item]) & (self.value[item] != 0)
        return filled

    def lasting(self, is_dose: Mask) -> Mask:
        """Infusions that went on for ever up to this row: SS with a rate and no amount."""
        constant: Mask = is_dose & self.given("SS") & ~self.given("AMT") & (self["RATE"] > 0) & ~self.given("II")
        return constant

    @property
    def days(self) -> Floats:
        return self.moments.days

    @property
    def is_date(self) -> bool:
        return self.moments.is_date

    @property
    def starts_record(self) -> Mask:
        return self.numbered.starts


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitEvents:
    """The tables of one event file, and what of its columns has a use."""

    tables: dict[TableName, MappedRows]
    """Samples, doses, patients where there are covariates, weights where a patient's weight changes."""
    used: frozenset[str] = frozenset()
    """Columns of items that are read, of rules and of marks of rows."""
    people: MappedRows | None = None
    """The rows of the patients as they were mapped: one row of cells for each row of the file that is no comment."""


def split_events(raw: RawRows, mapping: Mapping) -> SplitEvents:
    """The tables of one event file."""
    raw = plain_header(raw)
    out, told = left_out(raw, mapping)
    live = replace(
        raw,
        cells=without_dots(raw.cells[~out].reset_index(drop=True), mapping.samples),
        line=raw.line[~out],
        problems=(),
        n_unread=0,
        empty=raw.empty[:0],
    )
    columns = item_columns(live, mapping)
    problems = [*unmatched(live, mapping), *absent_columns(live, columns), *repeated_columns(raw, columns)]
    if problems:
        nothing = np.zeros(len(live.cells), dtype=bool)
        empty = _Split(raw=raw, live=~out, told=told)
        table = empty.table(pd.DataFrame(index=live.cells.index), ~nothing, nothing, (), tuple(problems))
        return SplitEvents(tables={"samples": table})
    events, is_dose, is_sample, faults = _events(live, columns, mapping)
    return _tables(events, is_dose, is_sample, faults, mapping, _Split(raw=raw, live=~out, told=told))


def _tables(
    events: Events, is_dose: Mask, is_sample: Mask, faults: list[rules.Fault], mapping: Mapping, split: _Split
) -> SplitEvents:
    live = events.raw
    whole = [
        *useless_rules(live, events.columns, mapping, "samples", is_sample),
        *useless_rules(live, events.columns, mapping, "doses", is_dose),
    ]
    is_sample = is_sample & _kept(live, mapping.samples)
    is_dose = is_dose & _kept(live, mapping.doses)
    whole += rules.whole_file_faults(events, is_dose, is_sample, mapping)
    errors = [one for one in whole if one.severity == "error"]
    more = [one for one in whole if one.severity != "error"]
    of_samples = [
        *faults,
        *rules.order_faults(events),
        *rules.observation_faults(events, is_sample),
        *rules.record_warnings(events),
    ]
    of_doses = rules.dose_faults(events, is_dose, mapping.time_unit or "day")
    bad_sample, bad_dose = rules.bad_rows(events, of_samples), rules.bad_rows(events, of_doses)
    sample_problems = (*more, *rules.problems_of_events(events, of_samples))
    tables: dict[TableName, MappedRows] = {
        "samples": split.table(
            _sample_cells(events), is_sample | bad_sample, bad_sample, sample_problems, tuple(errors)
        ),
        "doses": replace(split, told=(), once=True).table(
            _dose_cells(events, is_dose, mapping),
            is_dose,
            bad_dose | (bad_sample & is_dose),
            tuple(rules.problems_of_events(events, of_doses)),
        ),
    }
    used = used_columns(events.raw, events.columns, mapping)
    tables = {name: _with_what_rows_say(mapped, name, used, mapping) for name, mapped in tables.items()}
    people = patients_of_events(events, mapping)
    if people is not None:
        grown = replace(split, told=(), once=True).table(people.text, people.kept, people.empty, people.row_problems)
        tables["patients"] = replace(grown, column_problems=people.column_problems)
    weighed = weights_of_events(events, mapping, is_dose)
    if weighed is not None:
        text, kept = weighed
        nothing = np.zeros(len(kept), dtype=bool)
        tables["weights"] = replace(split, told=(), once=True).table(text, kept, nothing, ())
    return SplitEvents(tables=tables, used=used, people=people)


def _with_what_rows_say(mapped: MappedRows, table: TableName, used: frozenset[str], mapping: Mapping) -> MappedRows:
    """What further columns say against rows of samples or doses: another unit, not given, mixed up."""
    said = [
        replace(one, meaning="", remedy=INSTEAD.get(one.meaning, one.remedy))
        for one in unused_columns(replace(mapped, used=used), table, mapping)
        if one.n_contrary
    ]
    problems = [problem for one in said if (problem := problem_of(one)) is not None]
    errors = [one for one in problems if one.severity == "error"]
    asked = [one for one in problems if one.severity != "error"]
    return replace(
        mapped,
        column_problems=(*mapped.column_problems, *errors),
        row_problems=(*mapped.row_problems, *asked),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Split:
    """How tables of the rows that are no comments become tables of all rows of the file, for the count of rows."""

    raw: RawRows
    live: Mask
    told: tuple[Problem, ...]
    once: bool = False
    """What was found in the file as such has been told with another table."""

    def table(
        self, text: pd.DataFrame, kept: Mask, bad: Mask, problems: Problems, columns: Problems = ()
    ) -> MappedRows:
        raw = replace(self.raw, problems=(), empty=self.raw.empty[:0]) if self.once else self.raw
        if not self.live.all():
            text = text.set_axis(np.flatnonzero(self.live), axis=0).reindex(range(len(self.live)), fill_value="")
            kept, bad = (self._everywhere(mask) for mask in (kept, bad))
        return MappedRows(
            raw=raw,
            text=text,
            written={},
            kept=kept,
            empty=bad & kept,
            row_problems=(*raw.problems, *self.told, *problems),
            column_problems=columns,
            empty_lines=raw.empty,
        )

    def _everywhere(self, mask: Mask) -> Mask:
        grown = np.zeros(len(self.live), dtype=bool)
        grown[self.live] = mask
        return grown


def _events(raw: RawRows, columns: dict[str, str], mapping: Mapping) -> tuple[Events, Mask, Mask, list[rules.Fault]]:
    """(events, doses, samples, faults) before any rule of the mapping is applied."""
    settings, time_unit = mapping.samples, mapping.time_unit or "day"
    value, unreadable = {}, {}
    for item in NUMBERS:
        value[item], unreadable[item] = np.full(len(raw.cells), np.nan), np.zeros(len(raw.cells), dtype=bool)
        if item in columns:
            cells = raw.cells[columns[item]].str.strip()
            cells = hours_in(cells, time_unit) if item == "II" else cells
            value[item], unreadable[item] = distinct_numbers(cells, settings.decimal)
    person = raw.cells[columns["ID"]].str.strip()
    if "patient_id" in settings.values:
        person, _ = translated(person, settings.values["patient_id"])
    date_item = next((item for item in DATE_ORDER if item in columns), None)
    moments = read_moments(
        raw.cells[columns["TIME"]] if "TIME" in columns else None,
        raw.cells[columns[date_item]] if date_item else None,
        date_item=date_item or "DATE",
        formats=settings.datetime_format,
        decimal=settings.decimal,
        time_unit=time_unit,
    )
    events = Events(
        raw=raw,
        columns=columns,
        person=person,
        record=person,
        numbered=one_record(len(person)),
        moments=moments,
        value=value,
        unreadable=unreadable,
    )
    is_dose, is_sample, faults = _kinds(events)
    numbered = number_records(
        person,
        moments.days,
        reset=np.isin(value["EVID"], (3.0, 4.0)),
        steady=value["SS"],
        is_dose=is_dose,
        is_sample=is_sample,
    )
    faults += [rules.Fault(rows=rows, column=item, expected=text) for rows, item, text in moments.faults]
    faults += [
        rules.Fault(rows=rows, column=item, expected=text, action="used") for rows, item, text in moments.warnings
    ]
    faults += rules.fault((person == "").to_numpy(dtype=bool), "ID", "a patient id is needed")
    return replace(events, numbered=numbered, record=record_names(person, numbered.number)), is_dose, is_sample, faults


def _kinds(events: Events) -> tuple[Mask, Mask, list[rules.Fault]]:
    """(doses, samples, problems): by EVID, else a dose has an amount or rate; MDV other than 0 is no sample."""
    evid = events["EVID"]
    implied = np.where(events.given("AMT") | events.given("RATE"), 1.0, np.where(events.given("MDV"), 2.0, 0.0))
    kind = np.where(np.isnan(evid), implied, evid)
    strange = ~np.isin(kind, (0.0, 1.0, 2.0, 3.0, 4.0)) | events.unreadable["EVID"]
    kind = np.where(strange, 2.0, kind)
    mixed = (kind == 0) & events.given("AMT")
    faults = [
        *rules.fault(strange, "EVID", "0, 1, 2, 3 or 4"),
        *rules.fault(events.given("CONT"), "CONT", "0: this event goes on in the next row; join the two into one"),
        *rules.fault(mixed, "AMT", "no amount in an observation (EVID 0)"),
    ]
    return np.isin(kind, (1.0, 4.0)), (kind == 0) & ~events.given("MDV"), faults


def _kept(raw: RawRows, settings: TableMapping) -> Mask:
    kept = np.ones(len(raw.cells), dtype=bool)
    for rule in settings.keep:
        kept &= holds(rule, raw.cells[rule.column], settings.missing)
    return kept


def _moment_cells(events: Events) -> dict[str, pd.Series[str]]:
    cells = {"patient_id": events.record, ("datetime" if events.is_date else "day"): events.moments.text}
    if events.starts_record.any():
        cells["person"] = events.person
    return cells


def _sample_cells(events: Events) -> pd.DataFrame:
    cells = events.raw.cells
    igg = cells[events.columns["DV"]].str.strip()
    limit = events["LLOQ"]
    below = (events["CENS"] == 1) | (events["BLQ"] == 1)
    no_value = below & ~((events["DV"] > 0) & (events["BLQ"] != 1)) & (limit > 0)
    igg = igg.where(~no_value, as_text(limit))
    sign = np.where(below, "<", np.where(events["CENS"] == -1, ">", ""))
    text = {**_moment_cells(events), "igg": pd.Series(sign, igg.index, str) + igg}
    if "LLOQ" in events.columns:
        text["lower_limit"] = cells[events.columns["LLOQ"]]
    return pd.DataFrame(text, index=cells.index)


def _dose_cells(events: Events, is_dose: Mask, mapping: Mapping) -> pd.DataFrame:
    cells, settings = events.raw.cells, mapping.doses
    day_long = 1 / TIME_IN_DAY[mapping.time_unit or "day"]
    rate = np.where(events["RATE"] > 0, events["RATE"], np.nan)
    duration = np.where(events.given("DUR"), events["DUR"], np.nan_to_num(events["AMT"] / rate))
    lasting = events.lasting(is_dose)
    amount = cells[events.columns["AMT"]] if "AMT" in events.columns else pd.Series("", index=cells.index, dtype=str)
    if lasting.any():
        amount = amount.where(~lasting, as_text(rate * day_long))
        duration = np.where(lasting, day_long, duration)
    text = {**_moment_cells(events), "amount": amount, "duration": as_text(duration)}
    for item in DOSE_ITEMS:
        if item in events.columns or (item == "II" and lasting.any()):
            text[item] = as_text(np.where(lasting, day_long, events[item]) if item == "II" else events[item])
    text["only_before"] = pd.Series(np.where(lasting, "1", ""), cells.index, str)
    if events.starts_record.any():
        text["carried"] = pd.Series(events.numbered.carried, cells.index).astype(str)
        text["record_number"] = pd.Series(events.numbered.number, cells.index).astype(str)
        until = events.numbered.until
        text["until_after"] = as_text(np.where(np.isinf(until), np.nan, until - events.days))
    for name in ("route", "product"):
        if name.upper() in events.columns:
            text[name] = cells[events.columns[name.upper()]].str.strip()
        if name in settings.constants:
            text[name] = pd.Series(str(settings.constants[name]), cells.index, str)
        if name in text and name in settings.values:
            text[name], _ = translated(text[name], settings.values[name])
    return pd.DataFrame(text, index=cells.index)
