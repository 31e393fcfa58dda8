"""Weights: in the patients table, or by day in a table of their own. A dose in g/kg uses the weight of its day."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.cells import Range, canonical_units, number_column, numbers_with_units, patient_column
from igkinetics.cohort.parse.columns import MappedRows
from igkinetics.cohort.parse.findings import Finding, Table, refuse
from igkinetics.cohort.parse.parsed import Parsed, Tables, event_times, lookup, whole_table
from igkinetics.errors import Problem, counted
from igkinetics.units import WEIGHT_IN_KG

WEIGHT = Range(low=0.2, high=400, unit="kg")
"""From the smallest child that ever lived; what a model may be used for, its card says."""


def weight_column(table: Table) -> tuple[Floats, list[Finding], list[Problem]]:
    """Weights in kg from weight_kg, or from weight with weight_unit or the table's `units`."""
    units = table.settings.units
    stated_unit = units.get("weight_kg", "kg")
    values, findings = number_column(table, "weight_kg", WEIGHT, WEIGHT_IN_KG[stated_unit], stated_unit)
    if table.column("weight") is None:
        if (beside := table.column("weight_unit")) is not None:
            other = (~canonical_units(beside).isin(["", stated_unit])).to_numpy(dtype=bool)
            expected = (
                f'{stated_unit}, as weight_kg says; for another unit name the column weight: weight = "weight_kg"'
            )
            findings += refuse(other, "weight_unit", beside, f"{expected} under [{table.name}.columns]")
        return values, findings, []
    unit_cells, stated = table.column("weight_unit"), units.get("weight")
    if unit_cells is None and stated is None:
        expected = (
            f'its unit is needed: a column weight_unit, or weight = "kg" under [{table.name}.units] in cohort.toml'
        )
        return values, findings, [whole_table(table, "weight", "no unit", expected)]
    words = pd.Series(stated, index=table.text.index, dtype=str) if unit_cells is None else unit_cells
    if stated is not None:
        words = words.where(words.str.strip() != "", stated)
    weighed = (table.text["weight"].str.strip() != "").to_numpy(dtype=bool)
    unknown = (~canonical_units(words).isin(list(WEIGHT_IN_KG))).to_numpy(dtype=bool)
    findings += refuse(weighed & unknown, "weight_unit", words, f"one of {', '.join(WEIGHT_IN_KG)}")
    generic, _, more = numbers_with_units(table, "weight", words, WEIGHT_IN_KG, lambda unit: WEIGHT)
    return np.where(np.isnan(values), generic, values), findings + more, []


def parse_weights(table: Table) -> Parsed:
    """Columns of the frame: patient_id, moment, date_only, weight_kg, known_from (the date, at any time of day)."""
    times, findings = event_times(table)
    weight, weight_findings, problems = weight_column(table)
    refused = {int(row) for finding in weight_findings for row in finding.rows}
    absent = np.isnan(weight)
    absent[list(refused)] = False
    cells = table.text["patient_id"]
    column = "weight_kg" if table.column("weight_kg") is not None else "weight"
    if not problems and (written := table.column(column)) is not None:
        findings += refuse(absent, column, written, "a weight is needed; leave out rows without one")
    frame = pd.DataFrame(
        {
            "patient_id": cells,
            "moment": times.moment,
            "date_only": times.date_only,
            "weight_kg": weight,
            "known_from": np.floor(times.moment),
        }
    )
    return Parsed(
        table=table,
        frame=frame,
        times=(times,),
        findings=(*patient_column(table), *findings, *weight_findings),
        problems=tuple(problems),
    )


def has_days(patients: Table) -> bool:
    """Whether the patients table tells each patient's weight by day."""
    return bool({"day", "datetime"} & set(patients.text.columns))


def weights_by_day(patients: MappedRows) -> MappedRows | None:
    """The weights in a patients table with a day; None without days or weights. What cannot be read is told there."""
    columns = patients.text.columns
    time = next((name for name in ("day", "datetime") if name in columns), None)
    weight = next((name for name in ("weight_kg", "weight") if name in columns), None)
    if time is None or weight is None or "patient_id" not in columns:
        return None
    names = [name for name in ("patient_id", time, "weight_kg", "weight", "weight_unit") if name in columns]
    text = patients.text[names]
    filled = ((text[weight].str.strip() != "") & (text[time].str.strip() != "")).to_numpy(dtype=bool)
    return replace(
        patients,
        raw=replace(patients.raw, problems=(), n_unread=0, empty=patients.raw.empty[:0]),
        text=text,
        written={},
        kept=patients.kept & filled & ~patients.empty,
        empty=np.zeros(len(text), dtype=bool),
        row_problems=(),
        column_problems=(),
        empty_lines=patients.raw.empty[:0],
        used=None,
    )


def one_weight(tables: Tables) -> pd.Series[float]:
    """The weight that kinetics use, by patient: the patients table's, else the last one known when the record begins.

    A record begins with the first sample, else the first dose; of later weights alone the first counts.
    """
    stated = pd.Series(dtype=np.float64)
    if "patients" in tables and not has_days(tables["patients"].table):
        rows = tables["patients"].usable().drop_duplicates("patient")
        stated = rows.set_index("patient")["weight_kg"].dropna().astype(np.float64)
    if "weights" not in tables:
        return stated
    begins = pd.concat(
        [tables[name].usable().groupby("patient")["moment"].min() for name in ("samples", "doses") if name in tables]
    )
    begins = begins[~begins.index.duplicated()]
    patients = pd.Series(tables["weights"].usable()["patient"].unique())
    rows = pd.DataFrame({"patient": patients, "moment": begins.reindex(patients).to_numpy(dtype=np.float64)})
    by_day = pd.Series(weights_at(rows, tables["weights"]), index=patients).dropna()
    joined: pd.Series[float] = pd.concat([stated, by_day[~by_day.index.isin(stated.index)]])
    return joined


def weights_of_doses(tables: Tables) -> Floats:
    """For each dose the patient's weight of that day: the last known, else the first; without days the only one."""
    doses = tables["doses"].frame
    fixed = lookup(doses["patient"], one_weight(tables))
    if "weights" not in tables:
        return fixed
    by_day = weights_at(doses, tables["weights"])
    return np.where(np.isnan(by_day), fixed, by_day)


def weights_at(rows: pd.DataFrame, weights: Parsed) -> Floats:
    """The last weight of the patient known at the moment of each row, else the patient's first one; nan without any."""
    known = weights.usable().dropna(subset=["moment", "weight_kg"])
    known = known.sort_values(["known_from", "moment"], kind="stable")
    asked = pd.DataFrame(
        {
            "patient": rows["patient"].to_numpy(),
            "known_from": rows["moment"].to_numpy(dtype=np.float64),
            "row": np.arange(len(rows)),
        }
    )
    dated = asked.dropna(subset=["known_from"]).sort_values("known_from", kind="stable")
    columns = known[["patient", "known_from", "weight_kg"]].astype({"patient": asked["patient"].dtype})
    weight = pd.merge_asof(dated, columns, on="known_from", by="patient").set_index("row")["weight_kg"]
    last = weight.reindex(asked["row"]).to_numpy(dtype=np.float64)
    first = lookup(rows["patient"], known.groupby("patient")["weight_kg"].first())
    return np.where(np.isnan(last), first, last)


def weight_notes(tables: Tables) -> list[str]:
    """Which weights turned g/kg into grams, and which one kinetics use."""
    notes = []
    if "doses" in tables and (n_per_kg := int(tables["doses"].usable()["amount_g_per_kg"].notna().sum())):
        which = "the patient's weight_kg"
        if "weights" in tables:
            which = "the patient's weight of that day (the last known, else the first)"
        notes.append(f"doses: {counted(n_per_kg, 'dose')} in g/kg given by {which}")
    if "weights" in tables:
        notes.append(
            "weights: kinetics use one weight for each patient, weight_kg of the patients table, else the last one "
            "known at the first sample"
        )
    return notes
