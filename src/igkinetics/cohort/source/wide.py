"""A samples table with a column for each visit, made one row for each sample."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.contract import suggestion
from igkinetics.cohort.mapping.headings import read_heading
from igkinetics.cohort.mapping.keys import Keep, Mapping, TableMapping, Wide
from igkinetics.cohort.mapping.visits import of_another_measurement
from igkinetics.cohort.parse.cells import numbers
from igkinetics.cohort.parse.sample_words import names_another_analyte, other_than_igg
from igkinetics.cohort.source.raw import RawRows
from igkinetics.errors import InputError, Problem
from igkinetics.units import G_PER_L_IN, canonical_unit

OF_A_LEVEL = frozenset({"IGG", "VALUE", "QUALIFIER", "LAB", "VISIT", "DAY", "START", "END", "AGENT"})
LEFT_OUT = (
    "says IgG and is no column of a visit: its levels are not read; name it with its day under wide "
    "(day = { HEADING = DAY, ... }), or under ignore"
)
NUMBERED = re.compile(r"(igg)[ _.-]?[1-4](?![0-9])", re.IGNORECASE)
MADE = ("igg", "day", "datetime")
"""The columns that the rows of samples get."""
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")

SUBCLASS = re.compile(r"igg[ _.-]?[1-4](?:[ _(\[].*)?", re.IGNORECASE)
SUBCLASSES = (
    "IgG1 to IgG4 are the subclasses of IgG, no visits; if they are visits, name each with its day: "
    'day = { "IgG1" = 0, ... }'
)


def with_wide(mapping: Mapping) -> Mapping:
    """The mapping of the rows that `one_row_per_sample` makes: cells of visits without a level are no samples."""
    if mapping.samples.wide is None:
        return mapping
    filled = Keep(column="igg", empty=False)
    samples = mapping.samples.model_copy(update={"keep": (*mapping.samples.keep, filled)})
    return mapping.model_copy(update={"samples": samples})


def one_row_per_sample(raw: RawRows, wide: Wide, mapping: Mapping) -> RawRows:
    """Rows by line and, within a line, in the order of the columns. InputError where a heading does not fit the rule.

    Columns of the result: those of the file that hold no visit, `igg`, `day` or `datetime`, and `unit` where the
    headings state different ones.
    """
    headings, settings = list(raw.cells.columns), mapping.samples
    time_name = "datetime" if wide.datetime is not None else "day"
    levels, times, faults = _visits(headings, wide)
    others = [name for name in headings if name not in levels and name not in times]
    made = [name for name in others if name in MADE]
    others = [name for name in others if name not in MADE or name not in settings.ignore]
    faults += [
        _fault(name, f'wide makes this column; if it is not needed, write ignore = ["{name}"] under [samples]')
        for name in made
        if name not in settings.ignore
    ]
    faults += _other_analytes(levels, settings)
    faults += [
        _fault(name, "speaks of another measurement: it holds no days; name the columns of the days, or a rule")
        for name in dict.fromkeys(times)
        if name in headings and of_another_measurement(name)
    ]
    units = _units(levels, others, mapping, faults)
    if faults:
        raise InputError(replace(fault, file=raw.file) for fault in faults)
    n_rows, n_visits = len(raw.cells), len(levels)
    source = np.repeat(np.arange(n_rows), n_visits)
    cells = raw.cells[others].iloc[source].reset_index(drop=True)
    values = {"igg": raw.cells[levels].to_numpy(dtype=object).ravel()}
    if times and all(time in headings for time in times):
        values[time_name] = raw.cells[times].to_numpy(dtype=object).ravel()
    else:
        values[time_name] = np.tile(np.array(times, dtype=object), n_rows)
    if units:
        values["unit"] = np.tile(np.array(units, dtype=object), n_rows)
    return replace(
        raw,
        cells=cells.assign(**{name: pd.Series(column, dtype=str) for name, column in values.items()}),
        line=raw.line[source],
        n_unread=raw.n_unread,
        problems=(*raw.problems, *_levels_left_out(raw, others, settings)),
    )


def _levels_left_out(raw: RawRows, others: Sequence[str], settings: TableMapping) -> list[Problem]:
    """A warning for each column of numbers that says IgG and is none of the visits."""
    ignored = {*settings.ignore, *(rule.column for rule in settings.keep)}
    return [
        replace(_fault(name, LEFT_OUT), file=raw.file, severity="warning", action="not used")
        for name in others
        if name not in ignored
        and "IGG" in read_heading(name).concepts
        and read_heading(name).concepts <= OF_A_LEVEL
        and ("DAY" not in read_heading(name).concepts or re.search(r"\d", name))
        and not names_another_analyte(name)
        and bool((~numbers(raw.cells[name])[1] & (raw.cells[name].str.strip() != "").to_numpy(dtype=bool)).any())
    ]


def _other_analytes(levels: Sequence[str], settings: TableMapping) -> list[Problem]:
    """A fault for each column of levels whose heading says another analyte; one under `ignore` is taken all the same.

    A number behind IgG is that of a visit here.
    """
    return [
        _fault(name, other_than_igg(name, "samples"))
        for name in levels
        if name not in settings.ignore and names_another_analyte(NUMBERED.sub(r"\1", name))
    ]


def _units(levels: Sequence[str], others: Sequence[str], mapping: Mapping, faults: list[Problem]) -> list[str]:
    """The unit of each column of levels, where the headings state different ones; nothing where one unit holds for all.

    A fault where all headings that state a unit state another one than igg_unit.
    """
    settings = mapping.samples
    if "igg" in settings.units or "unit" in (*others, *settings.columns, *settings.constants):
        return []
    units = [unit if (unit := canonical_unit(read_heading(name).unit)) in G_PER_L_IN else "" for name in levels]
    stated = {G_PER_L_IN[unit] for unit in units if unit}
    if len(stated) > 1:
        return units
    assumed = mapping.igg_unit
    if stated and assumed is not None and stated != {G_PER_L_IN[assumed]}:
        unit = next(filter(None, units))
        found = next(name for name, one in zip(levels, units, strict=True) if one)
        write = f'write igg_unit = "{unit}", or igg = "{assumed}" under [samples.units] if the headings are wrong'
        faults.append(_fault(found, f"igg is read in {assumed}, and this heading says {unit}: {write}"))
    return []


def _visits(headings: Sequence[str], wide: Wide) -> tuple[list[str], list[str], list[Problem]]:
    """(columns of levels, for each its day or the column that holds it, faults)."""
    if isinstance(wide.day, dict):
        absent = [name for name in wide.day if name not in headings]
        faults = [_fault(name, f"no such column; {suggestion(name, headings)}") for name in absent]
        return list(wide.day), [f"{day:.12g}" for day in wide.day.values()], faults
    levels, times, faults = [], [], []
    for pattern in wide.columns:
        parts = {name: part for name in headings if (part := _star(pattern, name)) is not None}
        if not parts:
            faults.append(_fault(pattern, f"no column fits; {suggestion(pattern.replace('*', ''), headings)}"))
        if wide.rule is not None and len(parts) > 1 and all(SUBCLASS.fullmatch(name) for name in parts):
            faults.append(_fault(", ".join(parts), SUBCLASSES))
            continue
        for name, part in parts.items():
            time = _time_of(part, wide, headings)
            if time is None:
                faults.append(_fault(name, _no_time(part, wide)))
            elif name not in times:
                levels.append(name)
                times.append(time)
    return levels, times, faults


def _star(pattern: str, heading: str) -> str | None:
    start, _, end = pattern.partition("*")
    long_enough = len(heading) > len(start) + len(end)
    fits = long_enough and heading.startswith(start) and heading.endswith(end)
    return heading[len(start) : len(heading) - len(end)].strip() if fits else None


def _time_of(part: str, wide: Wide, headings: Sequence[str]) -> str | None:
    if wide.rule is not None:
        factor, shift = wide.rule
        return f"{factor * float(part) + shift:.12g}" if NUMBER.fullmatch(part) else None
    column = (wide.datetime or str(wide.day)).replace("*", part)
    return column if column in headings else None


def _no_time(part: str, wide: Wide) -> str:
    if wide.rule is not None:
        return f'{part!r} is no number; name each column with its day: day = {{ "HEADING" = DAY }}'
    return f"its time is in no column {(wide.datetime or str(wide.day)).replace('*', part)}"


def _fault(found: str, expected: str) -> Problem:
    return Problem(file="", column="samples.wide", found=found, expected=expected)
