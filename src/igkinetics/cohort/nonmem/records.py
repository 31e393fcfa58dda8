"""Records: a reset, or a steady state amid a record, begins another record of the same patient.

No list of doses can say that amounts became zero, or that a steady state was there from some row on. So the rows from
there on are fitted by themselves, under the name `ID:2`. They share the patient's group, covariates, therapy and
outcomes, and the patient counts once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.mapping.contract import TableName
from igkinetics.cohort.model import FOLLOW_UP_ENDS, Floats
from igkinetics.cohort.parse.findings import Mask, removed_rows, warn
from igkinetics.cohort.parse.parsed import Parsed, Tables
from igkinetics.cohort.parse.times import Times
from igkinetics.errors import counted

Codes = npt.NDArray[np.int64]
COPY: Final = "copy_for_a_record"
"""A column of the frames that is true in rows that stand in no file of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """For each row the number of its record (from 1), whether it starts a further one, for how many records after its
    own a dose counts as well, and the moment at which amounts become zero (inf: never)."""

    number: Codes
    starts: Mask
    carried: Codes
    until: Floats


def one_record(n_rows: int) -> Numbered:
    nothing = np.zeros(n_rows, dtype=np.int64)
    return Numbered(
        number=np.ones(n_rows, dtype=np.int64), starts=nothing > 0, carried=nothing, until=np.full(n_rows, np.inf)
    )


def number_records(
    person: pd.Series[str], days: Floats, *, reset: Mask, steady: Floats, is_dose: Mask, is_sample: Mask
) -> Numbered:
    """EVID 3 and 4 after a first row; SS 1 after any sample or dose, SS 2 after any sample, of the same record."""
    code, _ = pd.factorize(person)
    n_rows = len(code)
    frame = pd.DataFrame({"code": code, "sample": is_sample, "any": is_sample | is_dose, "row": True}).astype(np.int64)
    before = frame.groupby("code").cumsum() - frame.drop(columns="code")
    seen = before[["sample", "any", "row"]].to_numpy()
    starts, forgets = np.zeros(n_rows, dtype=bool), np.zeros(n_rows, dtype=bool)
    base: dict[int, Codes] = {}
    nothing = np.zeros(3, dtype=np.int64)
    late = is_dose & np.isin(steady, (1.0, 2.0))
    for row in np.flatnonzero(reset | late):
        samples, anything, rows = seen[row] - base.get(int(code[row]), nothing)
        if rows == 0 or not (reset[row] or (anything if steady[row] == 1 else samples)):
            continue
        starts[row] = True
        forgets[row] = reset[row] or steady[row] == 1
        base[int(code[row])] = seen[row].copy()
    if not starts.any():
        return one_record(n_rows)
    number = np.asarray(pd.Series(starts).groupby(code).cumsum() + 1, dtype=np.int64)
    life = pd.Series(forgets).groupby(code).cumsum().to_numpy(dtype=np.int64)
    chain = pd.DataFrame({"code": code, "life": life, "number": number, "days": days})
    last = np.asarray(chain.groupby(["code", "life"])["number"].transform("max"), dtype=np.int64)
    ended = chain.groupby(["code", "life"])["days"].transform("max")
    is_last = life == chain.groupby("code")["life"].transform("max").to_numpy()
    stop = chain[forgets].set_index(["code", "life"])["days"]
    next_stop = stop.reindex(pd.MultiIndex.from_arrays([code, life + 1])).to_numpy(dtype=np.float64)
    until = np.where(is_last, np.inf, np.fmax(next_stop, ended.to_numpy(dtype=np.float64)))
    return Numbered(number=number, starts=starts, carried=last - number, until=until)


def record_names(person: pd.Series[str], number: Codes) -> pd.Series[str]:
    if (number == 1).all():
        return person
    return person.where(number == 1, person + ":" + pd.Series(number, index=person.index).astype(str))


def further_records(tables: Tables) -> dict[str, str]:
    """Record -> patient, for every record beyond the first of a patient, in their order."""
    persons: dict[str, str] = {}
    for name in ("samples", "doses"):
        parsed = tables.get(name)  # type: ignore[call-overload]
        if parsed is not None and "person" in parsed.table.text.columns:
            pairs = parsed.table.text[["patient_id", "person"]].drop_duplicates()
            pairs = pairs[pairs["patient_id"] != pairs["person"]]
            persons |= dict(zip(pairs["patient_id"].astype(str), pairs["person"].astype(str), strict=True))
    return persons


def record_notes(records: dict[str, str]) -> list[str]:
    """What is said of patients with several records."""
    if not records:
        return []
    n_people, n_records = len(set(records.values())), len(records) + len(set(records.values()))
    return [
        f"records: {counted(n_people, 'patient')} in {n_records} records ({', '.join(list(records)[:5])}"
        f"{', ...' if len(records) > 5 else ''}): each is fitted by itself; the patient, with group, therapy, outcomes "
        "and covariates, counts once"
    ]


def for_each_record(tables: Tables, records: dict[str, str]) -> Tables:
    """Rows that are said of a patient hold for all records of that patient.

    Covariates and weights for each; courses of therapy for each; outcomes for the record in which they fall, the end
    of follow-up also for later ones. Where the clock starts anew with a record (its times are earlier than those
    before), nobody knows on which clock the rest is: it is taken for the first record, which is told.
    """
    if not records:
        return tables
    span = _spans(tables)
    clocks = _restarted(records, span)
    done = dict(tables)
    for name in ("patients", "therapy", "outcomes", "weights", "covariates"):
        if name in tables and not (name == "weights" and "person" in tables[name].table.text):
            done[name] = _copied(tables[name], records, clocks, span)
    return done


def _spans(tables: Tables) -> pd.DataFrame:
    frames = [tables[name].frame[["patient_id", "moment"]] for name in ("samples", "doses") if name in tables]
    return pd.concat(frames).groupby("patient_id")["moment"].agg(["min", "max"])


def _restarted(records: dict[str, str], span: pd.DataFrame) -> set[str]:
    """Records whose times begin before the end of the patient's record before."""
    before: dict[str, float] = {}
    restarted = set()
    for record, person in records.items():
        if record not in span.index:
            continue
        end = before.get(person, float(span["max"].get(person, -np.inf)))
        if span["min"][record] < end:
            restarted.add(record)
        before[person] = max(end, float(span["max"][record]))
    return restarted


def _copied(parsed: Parsed, records: dict[str, str], clocks: set[str], span: pd.DataFrame) -> Parsed:
    name: TableName = parsed.table.name
    own = set(parsed.frame["patient_id"])
    usable = ~removed_rows(parsed.table, parsed.findings)
    owner = parsed.frame["patient_id"].to_numpy(dtype=object)
    moment = parsed.frame["moment"].to_numpy(dtype=np.float64) if name == "outcomes" else None
    rows, ids = [], []
    owner_now = owner.copy()
    for record, person in records.items():
        mine = (owner == person) & usable
        if record in own or not mine.any() or (record in clocks and name != "patients"):
            continue
        if moment is not None:
            later = mine & (moment >= float(span["min"].get(record, np.inf)))
            ends = parsed.frame["outcome"].isin(list(FOLLOW_UP_ENDS)).to_numpy(dtype=bool)
            owner_now[later & ~ends] = record
            mine &= ends
        rows.append(np.flatnonzero(mine))
        ids += [record] * int(mine.sum())
    if name != "patients":
        parsed = _told(parsed, records, clocks - own, owner)
    if moment is not None:
        parsed = _with_ids(parsed, owner_now)
    return parsed if not ids else _extended(parsed, np.concatenate(rows), ids)


def _told(parsed: Parsed, records: dict[str, str], clocks: set[str], owner: npt.NDArray[np.object_]) -> Parsed:
    unsure = {records[record]: record for record in reversed(records) if record in clocks}
    mask = np.isin(owner, list(unsure))
    texts = [
        f"TIME starts anew with the record {unsure[one]}; taken for the first record. Rows of {unsure[one]} may say "
        "what holds for that one"
        for one in owner[mask]
    ]
    return parsed.with_findings(warn(mask, "patient_id", parsed.table.text["patient_id"], texts))


def _with_ids(parsed: Parsed, ids: npt.NDArray[np.object_]) -> Parsed:
    text = pd.Series(ids, index=parsed.frame.index).astype(str)
    table = replace(parsed.table, text=parsed.table.text.assign(patient_id=text))
    return replace(parsed, table=table, frame=parsed.frame.assign(patient_id=text))


def _extended(parsed: Parsed, rows: npt.NDArray[np.intp], ids: list[str]) -> Parsed:
    """The same table with copies of these rows at its end, under other ids."""
    index = np.concatenate([np.arange(len(parsed.frame)), rows])
    copy = np.arange(len(index)) >= len(parsed.frame)
    whose = [*parsed.frame["patient_id"], *ids]
    table = parsed.table
    grown = replace(
        table,
        text=table.text.iloc[index].reset_index(drop=True).assign(patient_id=whose),
        written={name: cells.iloc[index].reset_index(drop=True) for name, cells in table.written.items()},
        file_code=table.file_code[index],
        line=table.line[index],
    )
    frame = parsed.frame.iloc[index].reset_index(drop=True).assign(patient_id=whose, **{COPY: copy})
    return replace(
        parsed,
        table=grown,
        frame=frame,
        times=tuple(_at(one, index) for one in parsed.times),
        extra=parsed.extra.reindex(index).reset_index(drop=True),
    )


def _at(times: Times, index: npt.NDArray[np.intp]) -> Times:
    arrays = {name: getattr(times, name)[index] for name in ("moment", "is_date", "date_only", "clock")}
    return replace(times, **arrays)
