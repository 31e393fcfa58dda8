"""`read_cohort`: from files to a frozen Cohort, or one InputError with every problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pandas as pd

from igkinetics.cohort.assemble import assemble
from igkinetics.cohort.columns import MappedRows, map_columns, stack
from igkinetics.cohort.contract import TABLES, TableName
from igkinetics.cohort.crosscheck import compare_tables
from igkinetics.cohort.doses import parse_doses
from igkinetics.cohort.findings import Table, problems_of
from igkinetics.cohort.locate import Located, locate, synthetic_notes
from igkinetics.cohort.mapping import Mapping
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.nonmem import check_settings, split_events, with_units
from igkinetics.cohort.nonmem_parsed import in_file_order, in_items
from igkinetics.cohort.parsed import Parsed, Tables, number_patients
from igkinetics.cohort.people import parse_outcomes, parse_patients
from igkinetics.cohort.raw import read_parquet
from igkinetics.cohort.samples import commonest_unit, parse_samples
from igkinetics.cohort.sources import Source
from igkinetics.cohort.textfile import read_text
from igkinetics.cohort.therapy import parse_therapy
from igkinetics.cohort.timeline import check_one_kind, time_kind
from igkinetics.cohort.workbook import read_sheet
from igkinetics.errors import PROBLEM_COLUMNS, InputError, Problem, call_error
from igkinetics.units import G_PER_L_IN

PARSERS: Final[dict[TableName, Callable[[Table], Parsed]]] = {
    "doses": parse_doses,
    "therapy": parse_therapy,
    "patients": parse_patients,
    "outcomes": parse_outcomes,
}
FORMATS: Final = ("tables", "nonmem")
ON_PROBLEM: Final = ("stop", "skip")


def read_cohort(
    path: str | Path, *, igg_unit: str | None = None, file_format: str | None = None, on_problem: str = "stop"
) -> Cohort:
    """Read a cohort: a folder, a cohort.toml, a workbook, or one CSV or Parquet file of samples.

    igg_unit: "mg/dL" or "g/L" where the files do not say it. on_problem: "stop" refuses a cohort with any
    error; "skip" sets aside the rows or patients concerned. Raises InputError with all problems of all files.
    """
    if on_problem not in ON_PROBLEM:
        raise call_error("on_problem", on_problem, f"one of {', '.join(ON_PROBLEM)}")
    skip = on_problem == "skip"
    located = locate(Path(path))
    mapping = _with_call(located.mapping, igg_unit, file_format)
    files = _read_files(located, mapping)
    tables, table_problems = _parse(files.tables, mapping)
    tables, patients = number_patients(tables)
    kind = time_kind(tables)
    tables, kind_problems = check_one_kind(tables, kind, mapping.time_origin)
    fatal = [*files.fatal, *table_problems, *kind_problems]
    if not fatal:
        tables = compare_tables(tables, kind)
    problems = [*fatal, *files.warnings, *(_row_action(one, skip) for one in files.row_problems)]
    for parsed in tables.values():
        problems += problems_of(parsed.table, parsed.findings, skip=skip)
    if mapping.format == "nonmem":
        problems = [in_items(one, located.event_files) for one in problems]
    if fatal or (not skip and any(one.severity == "error" for one in problems)):
        raise InputError(problems)
    assembled = assemble(tables, patients, mapping, kind)
    return Cohort(
        name=located.name,
        igg_unit=mapping.igg_unit or commonest_unit(tables["samples"].frame["factor"].to_numpy()),
        same_day=mapping.same_day,
        samples=assembled.samples,
        doses=assembled.doses,
        therapy=assembled.therapy,
        patients=assembled.patients,
        outcomes=assembled.outcomes,
        problems=problem_table(problems),
        rows=assembled.rows,
        inputs=located.inputs,
        set_aside_patients=assembled.set_aside_patients,
        notes=(*synthetic_notes(Path(path)), *assembled.notes),
        day_zero=assembled.day_zero,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    tables: dict[TableName, Table]
    fatal: tuple[Problem, ...]
    """Without these put right nothing can be read, also with on_problem = "skip"."""
    row_problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def _with_call(mapping: Mapping, igg_unit: str | None, file_format: str | None) -> Mapping:
    """The mapping with what the call states. A call that contradicts the file is refused."""
    if igg_unit is not None:
        if igg_unit not in G_PER_L_IN:
            raise call_error("igg_unit", igg_unit, f"one of {', '.join(G_PER_L_IN)}")
        if mapping.igg_unit not in (None, igg_unit):
            raise call_error("igg_unit", igg_unit, f'cohort.toml says igg_unit = "{mapping.igg_unit}"')
        mapping = mapping.model_copy(update={"igg_unit": igg_unit})
    if file_format is not None and file_format not in FORMATS:
        raise call_error("format", file_format, f"one of {', '.join(FORMATS)}")
    if file_format is not None:
        mapping = mapping.model_copy(update={"format": file_format})
    if mapping.format == "nonmem":
        check_settings(mapping)
        mapping = with_units(mapping)
    for name in ("lower_limit", "upper_limit"):
        limit = getattr(mapping, name)
        if limit is not None and mapping.igg_unit is None:
            expected = 'is in igg_unit, so state that: igg_unit = "mg/dL" in cohort.toml, or --igg-unit mg/dL'
            raise InputError(
                [Problem(file="cohort.toml", column=name, found=f"{limit:g}", expected=expected)]
            )
    return mapping


def _read_files(located: Located, mapping: Mapping) -> _Files:
    tables: dict[TableName, Table] = {}
    fatal = [one for one in located.problems if one.severity == "error"]
    warnings = [one for one in located.problems if one.severity == "warning"]
    row_problems: list[Problem] = []
    by_table: dict[TableName, list[MappedRows]] = {name: [] for name in TABLES}
    own_tables = {source.table for source in located.sources}
    for source in located.sources:
        try:
            for name, rows in _read_file(source, mapping).items():
                if name == source.table or name not in own_tables:
                    by_table[name].append(rows)
        except InputError as fault:
            fatal += fault.problems
    for name, mapped in by_table.items():
        if not mapped:
            continue
        column_problems = [problem for one in mapped for problem in one.column_problems]
        fatal += column_problems
        row_problems += [problem for one in mapped for problem in one.row_problems]
        if all("patient_id" in one.text.columns for one in mapped):
            tables[name] = stack(name, mapping.table(name), mapped)
            if tables[name].text.empty and (name in own_tables or name == "samples"):
                problem = _no_rows(tables[name])
                (fatal if name == "samples" else warnings).append(problem)
    return _Files(
        tables=tables, fatal=tuple(fatal), row_problems=tuple(row_problems), warnings=tuple(warnings)
    )


def _read_file(source: Source, mapping: Mapping) -> dict[TableName, MappedRows]:
    settings = mapping.table(source.table)
    if source.sheet:
        raw = read_sheet(source.path, source.label, source.sheet)
    elif source.path.suffix.lower() == ".parquet":
        raw = read_parquet(source.path, source.label, settings)
    else:
        raw = read_text(source.path, source.label, settings, source.table)
    if mapping.format == "nonmem" and source.table == "samples":
        return split_events(raw, mapping)
    return {source.table: map_columns(raw, source.table, settings)}


def _no_rows(table: Table) -> Problem:
    n_read = sum(table.n_read)
    found = f"rows read: {n_read}, filtered: {sum(table.n_filtered)}" if n_read else "a header without rows"
    if table.name == "samples":
        return Problem(
            file=table.files[0], found=found, expected="a cohort needs at least one row of samples"
        )
    return Problem(
        file=table.files[0], found=found, expected=f"rows of {table.name}", severity="warning", action="used"
    )


def _parse(tables: dict[TableName, Table], mapping: Mapping) -> tuple[Tables, list[Problem]]:
    parsed: Tables = {}
    for name, table in tables.items():
        parsed[name] = parse_samples(table, mapping) if name == "samples" else PARSERS[name](table)
        if mapping.format == "nonmem" and name in ("samples", "doses"):
            parsed[name] = in_file_order(parsed[name])
    return parsed, [problem for one in parsed.values() for problem in one.problems]


def _row_action(problem: Problem, skip: bool) -> Problem:
    return replace(problem, action="row set aside") if skip and problem.severity == "error" else problem


def problem_table(problems: list[Problem]) -> pd.DataFrame:
    """The problems as a table with PROBLEM_COLUMNS; `line` is empty for a whole file."""
    rows = [[getattr(problem, name) for name in PROBLEM_COLUMNS] for problem in problems]
    return pd.DataFrame(rows, columns=list(PROBLEM_COLUMNS)).astype({"line": "Int64"})
