"""The doses table: grams of immunoglobulin (or g/kg until the weight is known), duration and route."""

from __future__ import annotations

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.contract import AMOUNT_UNITS
from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.cells import Range, number_column, numbers, patient_column, unit_factors, word_column
from igkinetics.cohort.parse.findings import Finding, Table, refuse
from igkinetics.cohort.parse.parsed import Parsed, event_times, whole_table
from igkinetics.errors import Problem
from igkinetics.units import DOSE_PER_WEIGHT_IN_G_PER_KG, MASS_IN_G, TIME_IN_DAY

HIGHEST_DOSE_G = 300.0
HIGHEST_DOSE_G_PER_KG = 3.0
AMOUNT = Range(low=0, high=HIGHEST_DOSE_G, unit="g", above=True)
AMOUNT_PER_KG = Range(low=0, high=HIGHEST_DOSE_G_PER_KG, unit="g/kg", above=True)
DURATION = Range(low=0, high=31, unit="days")
ROUTES = ("iv", "sc")


def parse_doses(table: Table) -> Parsed:
    """Columns of the frame: patient_id, moment, date_only, amount_g, amount_g_per_kg, amount_column,
    duration_day, route, product. Exactly one of the two amounts is a number in a row that can be used."""
    times, findings = event_times(table)
    findings += patient_column(table)
    grams, per_kg, column, amount_findings, problems, notes = _amounts(table)
    duration, duration_findings, duration_problems, duration_notes = _durations(table)
    route, route_findings = word_column(table, "route", ROUTES)
    n_without = int((route == "").sum()) - sum(len(one.rows) for one in route_findings)
    if n_without:
        notes.append(f"doses: {n_without} without a route, taken as iv")
    product = table.column("product")
    frame = pd.DataFrame(
        {
            "patient_id": table.text["patient_id"],
            "moment": times.moment,
            "date_only": times.date_only,
            "amount_g": grams,
            "amount_g_per_kg": per_kg,
            "amount_column": column,
            "duration_day": duration,
            "route": route.where(route != "", "iv"),
            "product": pd.Series("", index=table.text.index, dtype=str) if product is None else product,
        }
    )
    return Parsed(
        table=table,
        frame=frame,
        times=(times,),
        findings=(*findings, *amount_findings, *duration_findings, *route_findings),
        problems=(*problems, *duration_problems),
        notes=(*notes, *duration_notes),
    )


def _amounts(
    table: Table,
) -> tuple[Floats, Floats, pd.Series[str], list[Finding], list[Problem], list[str]]:
    """(g, g/kg, name of the column used): the first filled one of amount_g, amount_g_per_kg, amount."""
    units = table.settings.units
    columns = [name for name in ("amount_g", "amount_g_per_kg", "amount") if table.column(name) is not None]
    filled = {name: (table.text[name].str.strip() != "").to_numpy(dtype=bool) for name in columns}
    used = pd.Series("", index=table.text.index, dtype=str)
    for name in reversed(columns):
        used = used.where(~filled[name], name)
    grams, grams_findings = number_column(table, "amount_g", AMOUNT, MASS_IN_G[units.get("amount_g", "g")])
    factor = DOSE_PER_WEIGHT_IN_G_PER_KG[units.get("amount_g_per_kg", "g/kg")]
    per_kg, per_kg_findings = number_column(table, "amount_g_per_kg", AMOUNT_PER_KG, factor)
    findings = grams_findings + per_kg_findings
    problems: list[Problem] = []
    if "amount" in columns:
        some_grams, some_per_kg, generic_findings, problems = _generic_amounts(table)
        generic = (used == "amount").to_numpy(dtype=bool)
        grams, per_kg = np.where(generic, some_grams, grams), np.where(generic, some_per_kg, per_kg)
        findings += generic_findings
    per_kg = np.where(used == "amount_g", np.nan, per_kg)
    notes = []
    n_several = int((np.sum(list(filled.values()), axis=0) > 1).sum()) if columns else 0
    if n_several:
        notes.append(
            f"doses: {n_several} with several amounts, of which {columns[0]} counts where it is filled"
        )
    if columns:
        findings += refuse((used == "").to_numpy(dtype=bool), columns[0], used, "an amount is needed")
    return grams, per_kg, used, findings, problems, notes


def _generic_amounts(table: Table) -> tuple[Floats, Floats, list[Finding], list[Problem]]:
    """(g, g/kg) from `amount`, whose unit stands in `amount_unit` or under [doses.units]."""
    cells = table.text["amount"]
    units = _row_units(table)
    if units is None:
        expected = (
            'its unit is needed: a column amount_unit, or amount = "g" under [doses.units] in cohort.toml'
        )
        nothing = np.full(len(cells), np.nan)
        return nothing, nothing, [], [whole_table(table, "amount", "no unit", expected)]
    factor, unknown = unit_factors(units, AMOUNT_UNITS)
    no_unit = (units.str.strip() == "").to_numpy(dtype=bool)
    findings = refuse(unknown | no_unit, "amount_unit", units, f"one of {', '.join(AMOUNT_UNITS)}")
    values, unreadable = numbers(cells, table.settings.decimal)
    values = values * factor
    is_per_kg = units.str.strip().str.lower().isin(list(DOSE_PER_WEIGHT_IN_G_PER_KG)).to_numpy(dtype=bool)
    highest = np.where(is_per_kg, HIGHEST_DOSE_G_PER_KG, HIGHEST_DOSE_G)
    bad = unreadable | (values <= 0) | (values > highest)
    expected_rows = [f"must be {AMOUNT_PER_KG if one else AMOUNT}" for one in is_per_kg[bad]]
    findings += refuse(bad, "amount", cells, expected_rows)
    values[bad] = np.nan
    return np.where(is_per_kg, np.nan, values), np.where(is_per_kg, values, np.nan), findings, []


def _row_units(table: Table) -> pd.Series[str] | None:
    stated, cells = table.settings.units.get("amount"), table.column("amount_unit")
    if cells is None:
        return None if stated is None else pd.Series(stated, index=table.text.index, dtype=str)
    return cells if stated is None else cells.where(cells.str.strip() != "", stated)


def _durations(table: Table) -> tuple[Floats, list[Finding], list[Problem], list[str]]:
    """Days that each infusion lasts; an absent duration is 0 (a bolus), which a note says."""
    units, problems = table.settings.units, []
    values, findings = number_column(table, "duration_h", DURATION, TIME_IN_DAY[units.get("duration_h", "h")])
    if table.column("duration") is not None:
        if "duration" in units:
            generic, more = number_column(table, "duration", DURATION, TIME_IN_DAY[units["duration"]])
            values, findings = np.where(np.isnan(values), generic, values), findings + more
        else:
            expected = 'its unit is needed: duration = "h" under [doses.units] in cohort.toml'
            problems.append(whole_table(table, "duration", "no unit", expected))
    n_without = int(np.isnan(values).sum()) - sum(len(one.rows) for one in findings)
    notes = [f"doses: {n_without} without a duration, given as a bolus (duration 0)"] if n_without > 0 else []
    return np.where(np.isnan(values), 0.0, values), findings, problems, notes
