"""Covariates that vary over time: a table of its own, read and checked like any other, and kept for whoever asks."""

from __future__ import annotations

import pandas as pd

from igkinetics.cohort.model import COVARIATE_COLUMNS
from igkinetics.cohort.parse.cells import patient_column
from igkinetics.cohort.parse.findings import Table
from igkinetics.cohort.parse.parsed import (
    Parsed,
    Tables,
    event_times,
    further_columns,
    further_names,
    whole_table,
    words_among_numbers,
)
from igkinetics.errors import counted

NOT_USED = (
    "no model uses them, but for `population --occasion NAME`: fits, effects and scenarios are what they would be "
    "without this table"
)


def parse_covariates(table: Table) -> Parsed:
    """Columns of the frame: patient_id, moment, date_only; the covariates are the further columns."""
    times, findings = event_times(table)
    expected = "a column for each covariate beside patient_id and day, under its own name"
    found = ", ".join(table.text.columns)
    problems = () if further_names(table) else (whole_table(table, "covariates", found, expected),)
    frame = pd.DataFrame({"patient_id": table.text["patient_id"], "moment": times.moment, "date_only": times.date_only})
    return Parsed(
        table=table,
        frame=frame,
        extra=further_columns(table),
        times=(times,),
        findings=(*patient_column(table), *findings, *words_among_numbers(table)),
        problems=problems,
    )


def covariate_table(tables: Tables, rows: pd.DataFrame) -> pd.DataFrame:
    """COVARIATE_COLUMNS and the covariates. rows: those in use, in order, with patient_id and day."""
    table = rows[list(COVARIATE_COLUMNS)]
    if "covariates" in tables:
        table = pd.concat([table, tables["covariates"].extra.loc[rows.index]], axis=1)
    return table.reset_index(drop=True)


def covariate_notes(tables: Tables) -> list[str]:
    """What becomes of the table."""
    if "covariates" not in tables:
        return []
    names = further_names(tables["covariates"].table)
    return [
        f"covariates: {counted(len(names), 'covariate')} by day ({', '.join(names)}) kept with the cohort; {NOT_USED}"
    ]
