"""The files of a cohort as tables under contract names, with what could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from igkinetics.cohort.mapping.contract import TABLES, TableName
from igkinetics.cohort.mapping.keys import Mapping, TableMapping
from igkinetics.cohort.mapping.locate import Located
from igkinetics.cohort.nonmem.events import split_events
from igkinetics.cohort.nonmem.text import read_event_text
from igkinetics.cohort.parse.cell_looks import questions
from igkinetics.cohort.parse.columns import MappedRows, map_columns, stack
from igkinetics.cohort.parse.dosing_weights import other_weights
from igkinetics.cohort.parse.findings import Table
from igkinetics.cohort.parse.leftovers import Leftovers
from igkinetics.cohort.parse.parsed import Parsed
from igkinetics.cohort.parse.weights import weights_by_day
from igkinetics.cohort.presets.fhir_resources import elements_not_read, read_ndjson
from igkinetics.cohort.presets.preset import columns_asked_for, delimited, read_transport
from igkinetics.cohort.source.frames import read_frame
from igkinetics.cohort.source.raw import Lines, RawRows, empty_rows_problem, read_parquet, whole_file
from igkinetics.cohort.source.sample_parts import SampleParts
from igkinetics.cohort.source.sources import Source
from igkinetics.cohort.source.textfile import read_text
from igkinetics.cohort.source.wide import one_row_per_sample
from igkinetics.cohort.source.workbook import read_sheet, sheet_source
from igkinetics.cohort.source.workbook_looks import looks_of
from igkinetics.errors import InputError, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """All that was read. tables: without the samples, unless they come from event files."""

    tables: dict[TableName, Table]
    samples: Parsed | None
    """Samples of a table, parsed as they were read; None where there are none or a file cannot be read."""
    fatal: tuple[Problem, ...]
    """Without these put right nothing can be read, also with on_problem = "skip"."""
    row_problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    unused_columns: dict[str, tuple[str, ...]]
    """File -> columns that nothing uses."""


def read_files(located: Located, mapping: Mapping) -> Files:
    """Every file of a cohort; samples part by part, since they may be many millions."""
    fatal = [one for one in located.problems if one.severity == "error"]
    warnings = [one for one in located.problems if one.severity == "warning"]
    by_table: dict[TableName, list[MappedRows]] = {name: [] for name in TABLES}
    left = Leftovers(mapping)
    parts = SampleParts(mapping, left)
    own_tables = {source.table for source in located.sources}
    for source in located.sources:
        try:
            if source.table == "samples" and mapping.format != "nonmem":
                for part in _parts(source, mapping, left):
                    parts.add(part)
                continue
            for name, rows in _mapped(source, mapping, left, own_tables).items():
                if name == source.table or name not in own_tables:
                    by_table[name].append(rows)
                elif name == "weights":
                    fatal.append(_second_weights(source))
        except InputError as fault:
            fatal += fault.problems
    others = [one for mapped in by_table.values() for one in mapped]
    tables = {
        name: stack(name, _settings(name, mapping, own_tables), mapped)
        for name, mapped in by_table.items()
        if mapped and all("patient_id" in one.text.columns for one in mapped)
    }
    samples = parts.joined()
    fatal += dict.fromkeys([*parts.column_problems, *(fault for one in others for fault in one.column_problems)])
    for table in (*tables.values(), *([] if samples is None else [samples.table])):
        if table.text.empty and (table.name in own_tables or table.name == "samples"):
            nothing = _no_rows(table, needed=table.name == "samples" or bool(located.mapping.table(table.name).keep))
            (fatal if nothing.severity == "error" else warnings).append(nothing)
    converted = {source.table for source in located.sources if source.convert is not None}
    warnings += other_weights(by_table["doses"], tables, mapping.doses.ignore)
    for problem in left.problems(own_tables, converted, located.mapping):
        (fatal if problem.severity == "error" else warnings).append(problem)
    empty = [*parts.empty_lines, *((one.raw.file, one.empty_lines) for one in others)]
    row_problems = [*parts.row_problems, *(fault for one in others for fault in one.row_problems)]
    return Files(
        tables=tables,
        samples=samples,
        fatal=tuple(fatal),
        row_problems=(*row_problems, *_empty_rows(empty)),
        warnings=tuple(warnings),
        unused_columns={**left.unused(), **located.unused_sheets},
    )


def _settings(name: TableName, mapping: Mapping, own_tables: set[TableName]) -> TableMapping:
    """Weights that stand in the patients table are in its units; those of an event file have been made kg."""
    of_patients = name == "weights" and "weights" not in own_tables and mapping.format != "nonmem"
    return mapping.patients if of_patients else mapping.table(name)


def _second_weights(source: Source) -> Problem:
    expected = "the weights by day in one place: a table of weights is there, and these rows tell other ones"
    return Problem(file=source.label, column="weight_kg", found="weights that change", expected=expected)


def _parts(source: Source, mapping: Mapping, left: Leftovers) -> Iterator[RawRows]:
    parts = _parts_of_file(source, mapping)
    if source.convert is not None:
        return _converted(source, source.convert, parts, left)
    wide = mapping.samples.wide if source.table == "samples" and mapping.format == "tables" else None
    return parts if wide is None else (one_row_per_sample(part, wide, mapping) for part in parts)


def _converted(
    source: Source, convert: Callable[[RawRows], RawRows], parts: Iterator[RawRows], left: Leftovers
) -> Iterator[RawRows]:
    """The rows that a preset makes of a file, and which of its columns it has asked for."""
    for part in parts:
        rows = convert(part)
        if source.path.suffix.lower() == ".ndjson":
            left.add_names(part.file, elements_not_read(part.cells))
        else:
            left.add_file(part, columns_asked_for(part.cells), source.table)
        yield rows


def _parts_of_file(source: Source, mapping: Mapping) -> Iterator[RawRows]:
    settings = mapping.table(source.table)
    if source.frame is not None:
        return iter([read_frame(source.frame, source.label, settings)])
    if source.sheet:
        return iter([_with_questions(source, mapping)])
    suffix = source.path.suffix.lower()
    if suffix == ".parquet":
        return read_parquet(source.path, source.label, settings)
    if source.convert is not None and suffix == ".ndjson":
        return read_ndjson(source.path, source.label)
    if source.convert is not None and suffix == ".xpt":
        return iter([read_transport(source.path, source.label)])
    if source.convert is not None:
        settings = delimited(source.path, settings)
    return read_text(source.path, source.label, settings, source.table)


def _with_questions(source: Source, mapping: Mapping) -> RawRows:
    """The rows of a sheet, with what its hidden rows, crossed-out cells, comments and formats make doubtful."""
    position, xml = sheet_source(source.path, source.label, source.sheet)
    raw = read_sheet(source.path, source.label, source.sheet, mapping.table(source.table), source.table, xml)
    looks = looks_of(source.path, position, xml)
    return replace(raw, problems=(*raw.problems, *questions(raw, looks, source.table, mapping)))


def _mapped(
    source: Source, mapping: Mapping, left: Leftovers, own_tables: set[TableName]
) -> dict[TableName, MappedRows]:
    if mapping.format == "nonmem" and source.table == "samples":
        text = not source.sheet and source.path.suffix.lower() != ".parquet"
        settings = mapping.table("samples")
        raw = (
            read_event_text(source.path, source.label, settings) if text else whole_file(_parts(source, mapping, left))
        )
        split = split_events(raw, mapping)
        used = split.used | (
            frozenset(map(str, mapping.patients.columns.values())) if "weights" in split.tables else set()
        )
        left.add_events(raw, used, None if "patients" in own_tables else split.people)
        return split.tables
    raw = whole_file(_parts(source, mapping, left))
    mapped = map_columns(raw, source.table, mapping.table(source.table))
    left.add(mapped, source.table)
    weights = weights_by_day(mapped) if source.table == "patients" else None
    return {source.table: mapped} if weights is None else {source.table: mapped, "weights": weights}


def _empty_rows(empty: Sequence[tuple[str, Lines]]) -> list[Problem]:
    """One warning for each file with rows without any text."""
    lines: dict[str, list[Lines]] = {}
    for file, some in empty:
        lines.setdefault(file, []).append(some)
    each = {file: np.unique(np.concatenate(some)) for file, some in lines.items()}
    return [problem for file, some in each.items() for problem in empty_rows_problem(file, some)]


def _no_rows(table: Table, *, needed: bool) -> Problem:
    n_read = sum(table.n_read)
    found = f"rows read: {n_read}, filtered: {sum(table.n_filtered)}" if n_read else "a header without rows"
    if table.name == "samples":
        return Problem(file=table.files[0], found=found, expected="a cohort needs at least one row of samples")
    expected = f"rows of {table.name}"
    if needed:
        return Problem(file=table.files[0], column="keep", found=found, expected=f"{expected} that the rules leave")
    return Problem(file=table.files[0], found=found, expected=expected, severity="warning", action="used")
