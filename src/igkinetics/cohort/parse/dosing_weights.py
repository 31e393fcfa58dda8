"""Weights that stand beside doses in g/kg and are others than those by which these doses are multiplied."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.contract import TableName
from igkinetics.cohort.mapping.headings import read_heading, words_of
from igkinetics.cohort.parse.cells import canonical_units, numbers
from igkinetics.cohort.parse.columns import MappedRows
from igkinetics.cohort.parse.findings import Mask, Table
from igkinetics.errors import Problem, counted
from igkinetics.units import WEIGHT_IN_KG, canonical_unit

SAME_WEIGHT: Final = 0.03
OF_A_BODY: Final = frozenset({"weight", "wt", "gewicht", "poids", "peso", "bodyweight", "kg"})
COMPOUNDS: Final = ("gewicht", "weight")
"""Dosisgewicht, Koerpergewicht, lichaamsgewicht."""
NO_BODY: Final = frozenset({"per", "unit", "units", "day", "date", "product", "vial", "g", "mg", "dose", "amount"})


def other_weights(
    doses: Iterable[MappedRows], tables: dict[TableName, Table], ignored: Container[str]
) -> list[Problem]:
    """A warning for each column of weights beside doses in g/kg, where they are none of their patient's."""
    known = _weights(tables)
    if known.empty:
        return []
    told = []
    for mapped in doses:
        per_kg = _per_kg(mapped)
        for name in mapped.raw.cells.columns if per_kg.any() else ():
            words = set(words_of(name))
            of_a_body = OF_A_BODY & words or any(word.endswith(COMPOUNDS) for word in words)
            passed = (mapped.used is not None and name in mapped.used) or not of_a_body or NO_BODY & words
            if not passed and name not in ignored:
                told += _told(name, mapped, per_kg, known)
    return told


def _told(name: str, mapped: MappedRows, per_kg: Mask, known: pd.Series[float]) -> list[Problem]:
    factor = WEIGHT_IN_KG.get(canonical_unit(read_heading(name).unit or "kg"), 1.0)
    kg = numbers(mapped.raw.cells[name].str.strip())[0] * factor
    patient = mapped.text["patient_id"]
    own = known.groupby(level=0).agg(list)
    others = [
        row
        for row in np.flatnonzero(per_kg & mapped.kept & (kg > 0))
        if patient.iloc[row] in own.index
        and not np.isclose(np.array(own[patient.iloc[row]]), kg[row], rtol=SAME_WEIGHT).any()
    ]
    if not others:
        return []
    first = others[0]
    stated = ", ".join(f"{one:.3g}" for one in dict.fromkeys(own[patient.iloc[first]]))
    expected = (
        f"doses in g/kg are multiplied by the weights of patients: found {kg[first]:.3g} kg here, {stated} kg there "
        f"({counted(len(others), 'row')}); give the doses in g where another weight was used, or name the column under "
        "ignore of [doses]"
    )
    return [
        Problem(
            file=mapped.raw.file,
            line=int(mapped.raw.line[first]),
            patient_id=str(patient.iloc[first]),
            column=name,
            found=str(mapped.raw.cells[name].iloc[first]),
            expected=expected,
            severity="warning",
            action="not used",
        )
    ]


def _per_kg(mapped: MappedRows) -> Mask:
    """Rows whose amount is in g/kg or the like."""
    text, rows = mapped.text, np.zeros(len(mapped.text), dtype=bool)
    if "amount_g_per_kg" in text.columns and "amount_g" not in text.columns:
        rows |= (text["amount_g_per_kg"].str.strip() != "").to_numpy(dtype=bool)
    if "amount_unit" in text.columns:
        rows |= canonical_units(text["amount_unit"]).str.endswith("/kg").to_numpy(dtype=bool)
    return rows


def _weights(tables: dict[TableName, Table]) -> pd.Series[float]:
    """Every weight in kg that patients and weights tell, by patient."""
    found = []
    for name in ("patients", "weights"):
        for column in ("weight_kg", "weight"):
            table = tables.get(name)
            if table is None or table.column(column) is None:
                continue
            unit = table.settings.units.get(column, "kg" if column == "weight_kg" else "")
            factor = WEIGHT_IN_KG.get(unit, np.nan)
            kg = numbers(table.text[column], table.settings.decimal)[0] * factor
            found.append(pd.Series(kg, index=table.text["patient_id"]))
    return pd.concat(found).dropna() if found else pd.Series(dtype=np.float64)
