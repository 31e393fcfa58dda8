"""Which files make up a cohort: a folder, a cohort.toml, or one file of samples."""

from __future__ import annotations

import glob
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, cast

from igkinetics.cohort.mapping.contract import TABLES, TableName, nearest
from igkinetics.cohort.mapping.file import load_mapping
from igkinetics.cohort.mapping.keys import Format, Mapping
from igkinetics.cohort.mapping.overlooked import overlooked, overlooked_sheets
from igkinetics.cohort.mapping.parts import MAPPING_NAME as MAPPING_NAME
from igkinetics.cohort.mapping.parts import part_files
from igkinetics.cohort.presets.preset import PresetTable
from igkinetics.cohort.presets.registry import PRESETS, preset_files, preset_warnings, side_files
from igkinetics.cohort.source.sources import Source, sheet_sources
from igkinetics.cohort.source.workbook import WORKBOOK_SUFFIXES
from igkinetics.errors import InputError, Problem
from igkinetics.provenance import sha256_of_bytes, sha256_of_file

EVENT_FILE: Final = "events.csv"
"""The default name of a NONMEM event file."""
TABLE_SUFFIXES: Final = (".csv", ".parquet")
WORKBOOK_NAME: Final = "cohort.xlsx"
PACKED: Final = (".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".rar")
OTHER_WORKBOOKS: Final = (".xls", ".xlsb", ".ods")


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A cohort before any table is read."""

    name: str
    mapping: Mapping
    sources: tuple[Source, ...]
    inputs: dict[str, str]
    problems: tuple[Problem, ...]
    unused_sheets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Workbook -> its sheets with rows that nothing reads and that speak of no table."""

    @property
    def event_files(self) -> frozenset[str]:
        """The samples files, which are event files when the format is nonmem."""
        return frozenset(source.label for source in self.sources if source.table == "samples")


def locate(path: Path, file_format: str | None = None, part: str = "") -> Located:
    """Find the mapping and the files of a cohort. InputError when there is nothing to read.

    file_format: what the call states in place of the mapping's own. part: of a cohort in parts, this one alone.
    """
    if path.suffix.lower() in OTHER_WORKBOOKS:
        expected = "a workbook saved as .xlsx"
        raise InputError([Problem(file=path.name, found=path.suffix, expected=expected)])
    if path.is_dir():
        return _in_folder(path, path / MAPPING_NAME if (path / MAPPING_NAME).is_file() else None, file_format, part)
    if not path.is_file():
        expected = "no such file or folder; a cohort is a folder with samples.csv, a cohort.toml or one CSV file"
        raise InputError([Problem(file=path.name, found=str(path), expected=expected)])
    if path.suffix.lower() == ".toml":
        return _in_folder(path.parent, path, file_format, part)
    stated = Mapping() if file_format is None else Mapping(format=cast("Format", file_format))
    if stated.format in PRESETS:
        sources, problems = _preset_sources(path.parent, stated, None, path)
        return _located(path.stem, stated, sources, problems, None)
    if path.suffix.lower() in WORKBOOK_SUFFIXES:
        sheets, problems = sheet_sources(stated, path, path.name)
        located = _located(path.stem, stated, sheets, [*problems, *_mapping_beside(path)], None)
        return _with_unread_sheets(located)
    source = Source(table="samples", path=path, label=path.name)
    return _located(path.stem, stated, [source], _mapping_beside(path), None)


def _in_folder(folder: Path, mapping_path: Path | None, file_format: str | None, part: str = "") -> Located:
    mapping = Mapping() if mapping_path is None else load_mapping(mapping_path.read_bytes(), mapping_path.name)
    if file_format is not None:
        mapping = mapping.model_copy(update={"format": file_format})
    named = mapping_path is not None and mapping_path.name != MAPPING_NAME
    name = mapping_path.stem if named and mapping_path is not None else folder.resolve().name
    converted, problems = _preset_sources(folder, mapping, mapping_path) if mapping.format in PRESETS else ([], [])
    converted, replaced = _without_own_tables(folder, converted)
    problems += replaced
    sources, more = _table_sources(folder, mapping, mapping_path, {source.table for source in converted})
    sources = [source for source in sources if part in ("", source.path.stem)]
    located = _located(name, mapping, [*converted, *sources], [*problems, *more], mapping_path)
    side = side_files(folder, mapping) if converted else []
    located = _with_unread_sheets(located)
    return replace(located, inputs={**located.inputs, **{path.name: sha256_of_file(path) for path in side}})


def _preset_sources(
    folder: Path, mapping: Mapping, mapping_path: Path | None, only: Path | None = None
) -> tuple[list[Source], list[Problem]]:
    """The files that a preset reads, or those that the mapping names for its tables."""
    problems = preset_warnings(folder, mapping)
    located: list[tuple[PresetTable, Path]] = []
    for table, path in preset_files(folder, mapping, only):
        patterns = mapping.table(table.table).files
        if patterns is None:
            located.append((table, path))
        elif not any(one.table == table.table for one, _ in located):
            paths, faults = _files_named(folder, table.table, patterns, mapping_path)
            located += [(table, one) for one in paths]
            problems += faults
    labels = _labels(folder, [path for _, path in located])
    sources = [Source(table=one.table, path=path, label=labels[path], convert=one.convert) for one, path in located]
    return sources, problems


def _without_own_tables(folder: Path, converted: list[Source]) -> tuple[list[Source], list[Problem]]:
    """The files of a preset but for tables of which the contract's own file is there as well: that one is read."""
    of_preset = {source.path for source in converted}
    own = {
        table: path.name
        for table in TABLES
        for path in _default_file(folder, table)[0]
        if path not in of_preset and any(source.table == table for source in converted)
    }
    warnings = [
        Problem(
            file=source.label,
            found=source.table,
            expected=f"{own[source.table]} lies beside it and holds the {source.table}",
            severity="warning",
            action=f"not read for {source.table}",
        )
        for source in converted
        if source.table in own
    ]
    return [source for source in converted if source.table not in own], warnings


def _table_sources(
    folder: Path, mapping: Mapping, mapping_path: Path | None, taken: set[TableName]
) -> tuple[list[Source], list[Problem]]:
    """The files of the contract's own tables, but for those that a preset reads."""
    workbooks, problems = _workbook_in(folder, mapping)
    paths: list[tuple[TableName, Path]] = []
    for table in (one for one in TABLES if one not in taken):
        patterns = mapping.table(table).files
        if mapping.format == "nonmem" and table == "samples" and patterns is None:
            patterns = (EVENT_FILE,)
        if mapping.format == "nonmem" and table == "doses" and patterns is None:
            continue
        if patterns is None:
            located, faults = _default_file(folder, table)
            if not located and not faults:
                located = workbooks
        else:
            located, faults = _files_named(folder, table, patterns, mapping_path)
        paths += [(table, path) for path in located]
        problems += faults
    if "samples" not in taken and not any(table == "samples" for table, _ in paths) and not problems:
        problems.append(_no_samples(folder))
    labels = _labels(folder, [path for _, path in paths])
    sources = []
    for table, path in paths:
        if path.suffix.lower() in WORKBOOK_SUFFIXES:
            asked = mapping.table(table).files is not None or mapping.table(table).sheet is not None
            sheets, faults = sheet_sources(mapping, path, labels[path], table, needed=asked)
            sources += sheets
            problems += faults
        else:
            sources.append(Source(table=table, path=path, label=labels[path]))
    own_mapping = mapping_path is None or mapping_path.name == MAPPING_NAME
    if own_mapping and not taken and any(source.table == "samples" for source in sources):
        problems += overlooked(folder, [(source.table, source.path) for source in sources])
    return sources, problems


def _located(
    name: str, mapping: Mapping, sources: list[Source], problems: list[Problem], mapping_path: Path | None
) -> Located:
    inputs: dict[str, str] = {}
    for source in sources:
        label = source.label.removesuffix(f" [{source.sheet}]")
        try:
            if label not in inputs:
                inputs[label] = sha256_of_file(source.path)
        except OSError as fault:
            problem = Problem(file=source.label, found=str(fault.strerror), expected="a file that can be read")
            raise InputError([problem]) from None
    if mapping_path is not None:
        inputs[mapping_path.name] = sha256_of_bytes(mapping_path.read_bytes())
    return Located(name=name, mapping=mapping, sources=tuple(sources), inputs=inputs, problems=tuple(problems))


def _with_unread_sheets(located: Located) -> Located:
    """With what the sheets hold that nothing reads, of each workbook of which a sheet is read."""
    used: dict[tuple[Path, str], dict[TableName, str]] = {}
    for source in (one for one in located.sources if one.sheet):
        label = source.label.removesuffix(f" [{source.sheet}]")
        used.setdefault((source.path, label), {})[source.table] = source.sheet
    problems, unused = list(located.problems), {}
    for (path, label), sheets in used.items():
        unread = overlooked_sheets(path, label, sheets, located.mapping.ignore_sheets)
        problems += unread.problems
        if unread.others:
            unused[label] = unread.others
    return replace(located, problems=tuple(problems), unused_sheets=unused)


def _workbook_in(folder: Path, mapping: Mapping) -> tuple[list[Path], list[Problem]]:
    """The workbook of a folder, cohort.xlsx or the only one; several without that name are a problem."""
    workbooks = [
        path
        for path in sorted(folder.iterdir())
        if path.is_file() and path.suffix.lower() in WORKBOOK_SUFFIXES and not path.name.startswith("~$")
    ]
    own = [path for path in workbooks if path.name.lower() == WORKBOOK_NAME]
    stated = mapping.samples.files is not None or mapping.format != "tables"
    if own or len(workbooks) < 2 or stated or _default_file(folder, "samples")[0]:
        return own or (workbooks if len(workbooks) == 1 else []), []
    names = ", ".join(path.name for path in workbooks)
    expected = f'one workbook, or the name of the one that is meant: files = ["{workbooks[0].name}"] under [samples]'
    return [], [Problem(file=workbooks[0].name, found=names, expected=expected)]


def _default_file(folder: Path, table: TableName) -> tuple[list[Path], list[Problem]]:
    wanted = {f"{table}{suffix}" for suffix in TABLE_SUFFIXES}
    files = [path for path in sorted(folder.iterdir()) if path.name.lower() in wanted and path.is_file()]
    if len(files) < 2:
        return files or part_files(folder, table), []
    names = " and ".join(path.name for path in files)
    expected = f'one of them only, or name the file: files = ["{files[0].name}"] under [{table}]'
    return [], [Problem(file=files[0].name, found=names, expected=expected)]


def _files_named(
    folder: Path, table: TableName, patterns: tuple[str, ...], mapping_path: Path | None
) -> tuple[list[Path], list[Problem]]:
    """Files matching the patterns, each once, in the order of the patterns and then of their names."""
    files: dict[Path, None] = {}
    problems = []
    for pattern in patterns:
        matches = sorted(glob.glob(pattern, root_dir=folder, recursive=True))
        paths = [folder / match for match in matches if (folder / match).is_file()]
        files.update(dict.fromkeys(paths))
        if not paths:
            problems.append(
                Problem(
                    file=mapping_path.name if mapping_path else MAPPING_NAME,
                    column=f"{table}.files",
                    found=pattern,
                    expected="no file matches, relative to the folder of this file",
                )
            )
        problems += [
            Problem(
                file=path.name,
                found=path.suffix,
                expected=f"files of {table} are .csv, .parquet, .xlsx or other delimited text",
            )
            for path in paths
            if path.suffix.lower() in OTHER_WORKBOOKS
        ]
    return list(files), problems


def has_mapping_beside(path: Path) -> bool:
    """Whether this is a file, no cohort.toml itself, beside which a cohort.toml lies that it is read without."""
    return path.is_file() and path.name != MAPPING_NAME and (path.parent / MAPPING_NAME).is_file()


def _mapping_beside(path: Path) -> list[Problem]:
    """A warning when a cohort.toml lies beside a workbook that is read without it."""
    if not has_mapping_beside(path):
        return []
    expected = f"give the folder, or {MAPPING_NAME}, to have it applied to {path.name}"
    return [Problem(file=MAPPING_NAME, found=MAPPING_NAME, expected=expected, severity="warning", action="not read")]


def _no_samples(folder: Path) -> Problem:
    present = sorted(path.name for path in folder.iterdir() if path.is_file())
    near = nearest("samples.csv", present)
    shown = ", ".join(present[:12]) or "an empty folder"
    hint = f"; {_made_readable(near)}" if near else ""
    if EVENT_FILE in present:
        hint = f'; if {EVENT_FILE} is a NONMEM event file, write format = "nonmem" and its units into {MAPPING_NAME}'
    return Problem(file="samples.csv", found=shown, expected=f"a cohort needs samples.csv or samples.parquet{hint}")


def _made_readable(name: str) -> str:
    """What makes samples of a file with nearly their name: renaming alone does not unpack or convert it."""
    suffix = Path(name).suffix.lower()
    if suffix in PACKED:
        return f"unpack {name!r}"
    if suffix in OTHER_WORKBOOKS:
        return f"open {name!r} in a spreadsheet program and save it as samples.csv, or as .xlsx"
    if suffix in (*TABLE_SUFFIXES, ""):
        return f"rename {name!r}?"
    return f'if {name!r} holds the samples, write files = ["{name}"] under [samples] in {MAPPING_NAME}'


def _labels(folder: Path, paths: list[Path]) -> dict[Path, str]:
    """A name for each file: its path inside the folder, else its own (with its folder's when needed)."""
    unique = list(dict.fromkeys(paths))
    inside = {path: path.resolve().is_relative_to(folder.resolve()) for path in unique}
    short = {
        path: path.resolve().relative_to(folder.resolve()).as_posix() if inside[path] else path.name for path in unique
    }
    repeated = {label for label, count in Counter(short.values()).items() if count > 1}
    return {
        path: f"{path.resolve().parent.name}/{path.name}" if label in repeated else label
        for path, label in short.items()
    }


def synthetic_notes(path: Path) -> tuple[str, ...]:
    """Said of a folder that `simulate` wrote: its design lies beside the tables, so nobody takes them for patients."""
    folder = path if path.is_dir() else path.parent
    if not (folder / "design.toml").is_file():
        return ()
    return ("SYNTHETIC data, written by `igkinetics simulate` (design.toml): no value was measured in a patient",)
