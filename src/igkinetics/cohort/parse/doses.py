"""The doses table: grams of immunoglobulin (or g/kg until the weight is known), duration and route."""

from __future__ import annotations

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.contract import AMOUNT_UNITS, VOLUMES
from igkinetics.cohort.mapping.keys import DosesMapping
from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.cells import (
    Range,
    canonical_units,
    durations,
    number_column,
    numbers_with_units,
    patient_column,
    word_column,
)
from igkinetics.cohort.parse.findings import Finding, Table, refuse
from igkinetics.cohort.parse.parsed import Parsed, event_times, whole_table
from igkinetics.cohort.parse.times import Times, read_times
from igkinetics.errors import Problem
from igkinetics.limits import HIGHEST_DOSE_G, HIGHEST_DOSE_G_PER_KG
from igkinetics.units import DOSE_PER_WEIGHT_IN_G_PER_KG, MASS_IN_G, TIME_IN_DAY

AMOUNT = Range(low=0, high=HIGHEST_DOSE_G, unit="g", above=True)
AMOUNT_PER_KG = Range(low=0, high=HIGHEST_DOSE_G_PER_KG, unit="g/kg", above=True)
DURATION = Range(low=0, high=31, unit="days")
ONE_MINUTE = 1.01 / 1440
ROUTES = ("iv", "sc")


def parse_doses(table: Table) -> Parsed:
    """Columns of the frame: patient_id, moment, date_only, amount_g, amount_g_per_kg, amount_column,
    duration_day, route, product. Exactly one of the two amounts is a number in a row that can be used."""
    times, findings = event_times(table)
    findings += patient_column(table)
    grams, per_kg, beside, column, amount_findings, problems, notes = _amounts(table)
    duration, duration_findings, duration_problems, duration_notes = _durations(table, times)
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
            "g_per_kg_beside": beside,
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
) -> tuple[Floats, Floats, Floats, pd.Series[str], list[Finding], list[Problem], list[str]]:
    """(g, g/kg, g/kg beside a dose in g, name of the column used): the first filled one of amount_g, amount_g_per_kg,
    amount."""
    units = table.settings.units
    columns = [name for name in ("amount_g", "amount_g_per_kg", "amount") if table.column(name) is not None]
    filled = {name: (table.text[name].str.strip() != "").to_numpy(dtype=bool) for name in columns}
    used = pd.Series("", index=table.text.index, dtype=str)
    for name in reversed(columns):
        used = used.where(~filled[name], name)
    unit, unit_per_kg = units.get("amount_g", "g"), units.get("amount_g_per_kg", "g/kg")
    grams, grams_findings = number_column(table, "amount_g", AMOUNT, MASS_IN_G[unit], unit)
    factor = DOSE_PER_WEIGHT_IN_G_PER_KG[unit_per_kg]
    per_kg, per_kg_findings = number_column(table, "amount_g_per_kg", AMOUNT_PER_KG, factor, unit_per_kg)
    findings = (
        grams_findings
        + per_kg_findings
        + _units_beside(table, used, {"amount_g": unit, "amount_g_per_kg": unit_per_kg})
    )
    problems: list[Problem] = []
    if "amount" in columns:
        some_grams, some_per_kg, generic_findings, problems = _generic_amounts(table)
        generic = (used == "amount").to_numpy(dtype=bool)
        grams, per_kg = np.where(generic, some_grams, grams), np.where(generic, some_per_kg, per_kg)
        findings += generic_findings
    beside = np.where(used == "amount_g", per_kg, np.nan)
    per_kg = np.where(used == "amount_g", np.nan, per_kg)
    notes = []
    n_several = int((np.sum(list(filled.values()), axis=0) > 1).sum()) if columns else 0
    if n_several:
        notes.append(f"doses: {n_several} with several amounts, of which {columns[0]} counts where it is filled")
    if columns:
        findings += refuse((used == "").to_numpy(dtype=bool), columns[0], used, "an amount is needed")
    return grams, per_kg, beside, used, findings, problems, notes


def _units_beside(table: Table, used: pd.Series[str], fixed: dict[str, str]) -> list[Finding]:
    """Errors where amount_unit says another unit than the name of the column of the amount."""
    beside = table.column("amount_unit")
    if beside is None:
        return []
    named, findings = canonical_units(beside), []
    for name, unit in fixed.items():
        other = ((used == name) & ~named.isin(["", unit])).to_numpy(dtype=bool)
        expected = f'{unit}, as {name} says; for another unit name the column amount: amount = "{name}"'
        findings += refuse(other, "amount_unit", beside, f"{expected} under [doses.columns]")
    return findings


def _generic_amounts(table: Table) -> tuple[Floats, Floats, list[Finding], list[Problem]]:
    """(g, g/kg) from `amount`, whose unit stands in `amount_unit` or under [doses.units]."""
    cells = table.text["amount"]
    units = _row_units(table)
    if units is None:
        expected = 'its unit is needed: a column amount_unit, or amount = "g" under [doses.units] in cohort.toml'
        nothing = np.full(len(cells), np.nan)
        return nothing, nothing, [], [whole_table(table, "amount", "no unit", expected)]
    named = canonical_units(units)
    settings = table.settings
    concentration = settings.concentration if isinstance(settings, DosesMapping) else None
    of_volume = {} if concentration is None else dict.fromkeys(VOLUMES, concentration)
    in_volume = named.isin(list(VOLUMES)).to_numpy(dtype=bool)
    unknown = (~named.isin([*AMOUNT_UNITS, *VOLUMES])).to_numpy(dtype=bool)
    findings = refuse(unknown, "amount_unit", units, f"one of {', '.join((*AMOUNT_UNITS, *VOLUMES))}")
    if in_volume.any() and concentration is None:
        expected = (
            'grams in a millilitre are needed: concentration = "10 %" under [doses] in cohort.toml, if all products '
            "are of one strength, else give the amounts in grams"
        )
        findings += refuse(in_volume, "amount_unit", units, expected)
    values, _, more = numbers_with_units(table, "amount", units, {**AMOUNT_UNITS, **of_volume}, _possible)
    empty = (cells.str.strip() == "").to_numpy(dtype=bool)
    values[empty] = np.nan
    is_per_kg = named.str.endswith("/kg").to_numpy(dtype=bool)
    return np.where(is_per_kg, np.nan, values), np.where(is_per_kg, values, np.nan), findings + more, []


def _possible(unit: str) -> Range:
    return AMOUNT_PER_KG if unit.endswith("/kg") else AMOUNT


def _row_units(table: Table) -> pd.Series[str] | None:
    stated, cells = table.settings.units.get("amount"), table.column("amount_unit")
    if cells is None:
        return None if stated is None else pd.Series(stated, index=table.text.index, dtype=str)
    return cells if stated is None else cells.where(cells.str.strip() != "", stated)


def _durations(table: Table, start: Times) -> tuple[Floats, list[Finding], list[Problem], list[str]]:
    """Days that each infusion lasts; an absent duration is 0 (a bolus), which a note says."""
    units = table.settings.units
    findings: list[Finding] = []
    problems: list[Problem] = []
    values = np.full(len(table.text), np.nan)
    for name, usual in (("duration", None), ("duration_h", "h")):
        if (cells := table.column(name)) is None:
            continue
        unit = units.get(name, usual)
        hours, bad, own = durations(cells, table.settings.decimal, TIME_IN_DAY[unit] if unit else np.nan)
        if unit is None and not (own | bad | (cells.str.strip() == "").to_numpy(dtype=bool)).all():
            expected = f'its unit is needed: {name} = "h" under [doses.units] in cohort.toml, or "4 h" in the cells'
            problems.append(whole_table(table, name, "no unit", expected))
        bad |= DURATION.excludes(hours)
        in_unit = "" if unit is None else f"; a number without a unit is in {unit}"
        findings += refuse(bad, name, cells, f"must be {DURATION}{in_unit}")
        values = np.where(np.isnan(hours) | bad, values, hours)
    if table.column("end") is not None:
        values, more = _until_end(table, start, values)
        findings += more
    refused = {int(row) for finding in findings for row in finding.rows}
    n_without = int(np.isnan(values).sum()) - len(refused)
    notes = [f"doses: {n_without} without a duration, given as a bolus (duration 0)"] if n_without > 0 else []
    return np.where(np.isnan(values), 0.0, values), findings, problems, notes


def _until_end(table: Table, start: Times, stated: Floats) -> tuple[Floats, list[Finding]]:
    """Durations from the column end; refused where it contradicts the start, or a duration that is also stated."""
    end, findings = read_times(table, "end", "either", needed=False)
    cells = table.text["end"]
    lasts = end.moment - start.moment
    given = ~np.isnan(lasts)
    other = given & (end.is_date != start.is_date)
    findings += refuse(other, "end", cells, "a day or a date like the start; a mix of days and dates is an error")
    given &= ~other
    untimed = given & end.is_date & (end.clock != start.clock)
    findings += refuse(untimed, "end", cells, "a time of day for both the start and the end, or for neither")
    given &= ~untimed
    early = given & (lasts < 0)
    findings += refuse(early, "end", cells, "must not be before the start of the infusion")
    long = given & (lasts > DURATION.high)
    findings += refuse(long, "end", cells, f"at most {DURATION.high:g} days after the start of the infusion")
    given &= ~early & ~long
    unlike = given & (np.abs(lasts - stated) > ONE_MINUTE)
    hours = [f"the duration in this row ({24 * one:.4g} h) says another end" for one in stated[unlike]]
    findings += refuse(unlike, "end", cells, hours)
    same_date = given & end.is_date & ~end.clock & (lasts == 0)
    return np.where(given & ~unlike & np.isnan(stated) & ~same_date, lasts, stated), findings
