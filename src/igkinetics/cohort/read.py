"""`read_cohort`: from files to a frozen Cohort, or one InputError with every problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, get_args

import pandas as pd

from igkinetics.cohort.mapping.contract import TableName
from igkinetics.cohort.mapping.file import mapping_of
from igkinetics.cohort.mapping.keys import Format, Mapping
from igkinetics.cohort.mapping.locate import Located, locate, synthetic_notes
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.nonmem.parsed import in_file_order, in_items
from igkinetics.cohort.nonmem.records import for_each_record, further_records, record_notes
from igkinetics.cohort.nonmem.settings import check_settings, with_units
from igkinetics.cohort.outcomes import INFECTION_NAMES
from igkinetics.cohort.parse.assemble import assemble
from igkinetics.cohort.parse.covariates import parse_covariates
from igkinetics.cohort.parse.crosscheck import compare_tables
from igkinetics.cohort.parse.doses import parse_doses
from igkinetics.cohort.parse.findings import Table, problems_of
from igkinetics.cohort.parse.ids import ids_alike, no_persons
from igkinetics.cohort.parse.parsed import Parsed, Tables, number_patients
from igkinetics.cohort.parse.people import parse_outcomes, parse_patients
from igkinetics.cohort.parse.samples import commonest_unit, parse_samples
from igkinetics.cohort.parse.therapy import parse_therapy
from igkinetics.cohort.parse.timeline import check_one_kind, time_kind
from igkinetics.cohort.parse.weights import parse_weights
from igkinetics.cohort.presets.preset import with_wanted_rows
from igkinetics.cohort.source.files import Files, read_files
from igkinetics.cohort.source.frames import locate_frames
from igkinetics.cohort.source.wide import with_wide
from igkinetics.errors import PROBLEM_COLUMNS, InputError, Problem, call_error
from igkinetics.units import G_PER_L_IN, canonical_unit

PARSERS: Final[dict[TableName, Callable[[Table], Parsed]]] = {
    "doses": parse_doses,
    "therapy": parse_therapy,
    "patients": parse_patients,
    "outcomes": parse_outcomes,
    "weights": parse_weights,
    "covariates": parse_covariates,
}
FORMATS: Final[tuple[str, ...]] = get_args(Format)
ON_PROBLEM: Final = ("stop", "skip")


def read_cohort(
    path: str | Path | None = None,
    *,
    samples: Any = None,
    doses: Any = None,
    therapy: Any = None,
    patients: Any = None,
    outcomes: Any = None,
    weights: Any = None,
    covariates: Any = None,
    mapping: dict[str, Any] | None = None,
    igg_unit: str | None = None,
    file_format: str | None = None,
    on_problem: str = "stop",
) -> Cohort:
    """Read a cohort from files, or from data frames in memory.

    path: a folder, a cohort.toml, a workbook, or one CSV or Parquet file of samples. samples, doses, therapy, patients,
    outcomes, weights, covariates: the same tables as data frames, in place of a path; columns as in the files
    (docs/reference/input.md). mapping: what a cohort.toml would say of them. igg_unit: "mg/dL", "g/L" ... where no
    table says it. on_problem: "stop" refuses a cohort with any error; "skip" sets aside the rows or patients concerned.
    Raises InputError with all problems of all tables.

    >>> import igkinetics as igk
    >>> samples = {"patient_id": ["A", "A", "A"], "day": [0, 30, 60], "igg": [620, 480, "<40"]}
    >>> cohort = igk.read_cohort(samples=samples, igg_unit="mg/dL")
    >>> cohort.samples["limit"].tolist()
    ['', '', 'below']
    """
    if on_problem not in ON_PROBLEM:
        raise call_error("on_problem", on_problem, f"one of {', '.join(ON_PROBLEM)}")
    skip = on_problem == "skip"
    if file_format is not None and file_format not in FORMATS:
        raise call_error("format", file_format, f"one of {', '.join(FORMATS)}")
    frames: dict[TableName, Any] = {
        "samples": samples,
        "doses": doses,
        "therapy": therapy,
        "patients": patients,
        "outcomes": outcomes,
        "weights": weights,
        "covariates": covariates,
    }
    given = {name: frame for name, frame in frames.items() if frame is not None}
    if (path is None) == (not given):
        found = "both" if given else "nothing"
        raise call_error("path", found, "give a path, or data frames: igk.read_cohort(samples=frame)")
    if path is not None and mapping is not None:
        raise call_error("mapping", "a path and a mapping", "goes with data frames; beside files write a cohort.toml")
    if path is None:
        located = locate_frames(given, mapping_of(mapping or {}, "", "mapping"))
    else:
        located = locate(Path(path), file_format)
    notes = () if path is None else synthetic_notes(Path(path))
    return _assembled(located, notes, igg_unit, skip=skip)


def read_part(
    path: Path, part: str, n_patients: int, *, igg_unit: str | None, file_format: str | None, on_problem: str
) -> Cohort:
    """One part of a cohort in parts, by its name, as read_cohort reads a whole one. n_patients: in all parts."""
    located = locate(path, file_format, part)
    cohort = _assembled(located, synthetic_notes(path), igg_unit, skip=on_problem == "skip")
    return replace(cohort, n_in_all=max(n_patients, len(cohort.patients)))


def _assembled(located: Located, notes: tuple[str, ...], igg_unit: str | None, *, skip: bool) -> Cohort:
    """The cohort of these files or frames."""
    mapping = _with_call(located.mapping, igg_unit)
    mapping = with_wanted_rows(mapping, {one.table for one in located.sources if one.convert is not None})
    mapping = with_wide(mapping)
    files = read_files(located, mapping)
    tables, table_problems = _parse(files, mapping, located.event_files)
    records = further_records(tables)
    tables = for_each_record(tables, records)
    tables, patients = number_patients(tables)
    kind = time_kind(tables)
    tables, kind_problems = check_one_kind(tables, kind, mapping.time_origin)
    fatal = [*files.fatal, *table_problems, *kind_problems]
    if not fatal:
        tables = compare_tables(tables, kind, mapping)
        fatal = [problem for parsed in tables.values() for problem in parsed.problems]
    problems = [*fatal, *files.warnings, *ids_alike(tables, patients), *no_persons(tables, patients)]
    problems += [_row_action(one, skip) for one in files.row_problems]
    for parsed in tables.values():
        problems += problems_of(parsed.table, parsed.findings, skip=skip)
    if mapping.format == "nonmem":
        problems = [in_items(one, located.event_files) for one in problems]
    if fatal or (not skip and any(one.severity == "error" for one in problems)):
        raise InputError(problems)
    assembled = assemble(tables, patients, mapping, kind)
    return Cohort(
        name=located.name,
        igg_unit=mapping.igg_unit or commonest_unit(tables["samples"].frame["unit_code"].to_numpy()),
        same_day=mapping.same_day,
        samples=assembled.samples,
        doses=assembled.doses,
        therapy=assembled.therapy,
        patients=assembled.patients,
        outcomes=assembled.outcomes,
        problems=problem_table(problems),
        rows=assembled.rows,
        inputs=located.inputs,
        covariates=assembled.covariates,
        weights=assembled.weights,
        unused_columns=files.unused_columns,
        as_given=mapping.as_given,
        set_aside_patients=assembled.set_aside_patients,
        infection_names=mapping.outcomes.classes.get("infection", INFECTION_NAMES),
        notes=(*notes, *assembled.notes, *record_notes(records)),
        day_zero=assembled.day_zero,
        records=records,
    )


def _with_call(mapping: Mapping, igg_unit: str | None) -> Mapping:
    """The mapping with what the call states. A call that contradicts the file is refused."""
    if igg_unit is not None:
        given, igg_unit = igg_unit, canonical_unit(igg_unit)
        if igg_unit not in G_PER_L_IN:
            raise call_error("igg_unit", given, f"one of {', '.join(G_PER_L_IN)}")
        if mapping.igg_unit not in (None, igg_unit):
            raise call_error("igg_unit", igg_unit, f'cohort.toml says igg_unit = "{mapping.igg_unit}"')
        mapping = mapping.model_copy(update={"igg_unit": igg_unit})
    if mapping.format == "nonmem":
        check_settings(mapping)
        mapping = with_units(mapping)
    for name in ("lower_limit", "upper_limit"):
        limit = getattr(mapping, name)
        if limit is not None and mapping.igg_unit is None:
            expected = 'is in igg_unit, so state that: igg_unit = "mg/dL" in cohort.toml, or igg_unit="mg/dL"'
            raise InputError([Problem(file="cohort.toml", column=name, found=f"{limit:g}", expected=expected)])
    return mapping


def _parse(files: Files, mapping: Mapping, event_files: frozenset[str]) -> tuple[Tables, list[Problem]]:
    parsed: Tables = {} if files.samples is None else {"samples": files.samples}
    for name, table in files.tables.items():
        parsed[name] = parse_samples(table, mapping) if name == "samples" else PARSERS[name](table)
        if mapping.format == "nonmem" and set(table.files) <= event_files and name != "patients":
            parsed[name] = in_file_order(parsed[name])
    return parsed, [problem for one in parsed.values() for problem in one.problems]


def _row_action(problem: Problem, skip: bool) -> Problem:
    return replace(problem, action="row set aside") if skip and problem.severity == "error" else problem


def problem_table(problems: list[Problem]) -> pd.DataFrame:
    """The problems as a table with PROBLEM_COLUMNS; `line` is empty for a whole file."""
    rows = [[getattr(problem, name) for name in PROBLEM_COLUMNS] for problem in problems]
    return pd.DataFrame(rows, columns=list(PROBLEM_COLUMNS)).astype({"line": "Int64"})
