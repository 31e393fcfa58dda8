"""Which files make up a cohort: a folder, a cohort.toml, or one file of samples."""

from __future__ import annotations

import glob
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from igkinetics.cohort.mapping.contract import CONTRACT, TABLES, TableName, nearest
from igkinetics.cohort.mapping.file import load_mapping
from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.source.sources import Source, sheet_sources
from igkinetics.cohort.source.workbook import WORKBOOK_SUFFIXES
from igkinetics.errors import InputError, Problem
from igkinetics.provenance import sha256_of_bytes, sha256_of_file

MAPPING_NAME: Final = "cohort.toml"
EVENT_FILE: Final = "events.csv"
"""The default name of a NONMEM event file."""
TABLE_SUFFIXES: Final = (".csv", ".parquet")
WORKBOOK_NAME: Final = "cohort.xlsx"
OTHER_WORKBOOKS: Final = (".xls", ".xlsb", ".ods")


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A cohort before any table is read."""

    name: str
    mapping: Mapping
    sources: tuple[Source, ...]
    inputs: dict[str, str]
    problems: tuple[Problem, ...]

    @property
    def event_files(self) -> frozenset[str]:
        """The samples files, which are event files when the format is nonmem."""
        return frozenset(source.label for source in self.sources if source.table == "samples")


def locate(path: Path) -> Located:
    """Find the mapping and the files of a cohort. InputError when there is nothing to read."""
    if path.suffix.lower() in OTHER_WORKBOOKS:
        expected = "a workbook saved as .xlsx"
        raise InputError([Problem(file=path.name, found=path.suffix, expected=expected)])
    if path.is_dir():
        return _in_folder(path, path / MAPPING_NAME if (path / MAPPING_NAME).is_file() else None)
    if not path.is_file():
        expected = (
            "no such file or folder; a cohort is a folder with samples.csv, a cohort.toml or one CSV file"
        )
        raise InputError([Problem(file=path.name, found=str(path), expected=expected)])
    if path.suffix.lower() == ".toml":
        return _in_folder(path.parent, path)
    if path.suffix.lower() in WORKBOOK_SUFFIXES:
        sheets, problems = sheet_sources(Mapping(), path, path.name)
        return _located(path.stem, Mapping(), sheets, [*problems, *_mapping_beside(path)], None)
    source = Source(table="samples", path=path, label=path.name)
    return _located(path.stem, Mapping(), [source], [], None)


def _in_folder(folder: Path, mapping_path: Path | None) -> Located:
    mapping = (
        Mapping() if mapping_path is None else load_mapping(mapping_path.read_bytes(), mapping_path.name)
    )
    problems: list[Problem] = []
    paths: list[tuple[TableName, Path]] = []
    for table in TABLES:
        patterns = mapping.table(table).files
        if mapping.format == "nonmem" and table == "samples" and patterns is None:
            patterns = (EVENT_FILE,)
        if mapping.format == "nonmem" and table == "doses" and patterns is None:
            continue
        if patterns is None:
            found, faults = _default_file(folder, table)
            if not found and not faults and (folder / WORKBOOK_NAME).is_file():
                found = [folder / WORKBOOK_NAME]
        else:
            found, faults = _files_named(folder, table, patterns, mapping_path)
        paths += [(table, path) for path in found]
        problems += faults
    if not any(table == "samples" for table, _ in paths) and not problems:
        problems.append(_no_samples(folder))
    problems += _overlooked(folder, paths)
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
    named = mapping_path is not None and mapping_path.name != MAPPING_NAME
    name = mapping_path.stem if named and mapping_path is not None else folder.resolve().name
    return _located(name, mapping, sources, problems, mapping_path)


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
            problem = Problem(
                file=source.label, found=str(fault.strerror), expected="a file that can be read"
            )
            raise InputError([problem]) from None
    if mapping_path is not None:
        inputs[mapping_path.name] = sha256_of_bytes(mapping_path.read_bytes())
    return Located(
        name=name, mapping=mapping, sources=tuple(sources), inputs=inputs, problems=tuple(problems)
    )


def _default_file(folder: Path, table: TableName) -> tuple[list[Path], list[Problem]]:
    found = [
        folder / f"{table}{suffix}" for suffix in TABLE_SUFFIXES if (folder / f"{table}{suffix}").is_file()
    ]
    if len(found) < 2:
        return found, []
    names = " and ".join(path.name for path in found)
    expected = f'one of them only, or name the file: files = ["{found[0].name}"] under [{table}]'
    return [], [Problem(file=found[0].name, found=names, expected=expected)]


def _files_named(
    folder: Path, table: TableName, patterns: tuple[str, ...], mapping_path: Path | None
) -> tuple[list[Path], list[Problem]]:
    """Files matching the patterns, each once, in the order of the patterns and then of their names."""
    found: dict[Path, None] = {}
    problems = []
    for pattern in patterns:
        matches = sorted(glob.glob(pattern, root_dir=folder, recursive=True))
        paths = [folder / match for match in matches if (folder / match).is_file()]
        found.update(dict.fromkeys(paths))
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
    return list(found), problems


def _mapping_beside(path: Path) -> list[Problem]:
    """A warning when a cohort.toml lies beside a workbook that is read without it."""
    if not (path.parent / MAPPING_NAME).is_file():
        return []
    expected = f"give the folder, or {MAPPING_NAME}, to have it applied to {path.name}"
    return [Problem(file=MAPPING_NAME, found=MAPPING_NAME, expected=expected, severity="warning", action="not read")]


def _no_samples(folder: Path) -> Problem:
    present = sorted(path.name for path in folder.iterdir() if path.is_file())
    near = nearest("samples.csv", present)
    shown = ", ".join(present[:12]) or "an empty folder"
    hint = f"; rename {near!r}?" if near else ""
    if EVENT_FILE in present:
        hint = f'; if {EVENT_FILE} is a NONMEM event file, write format = "nonmem" and its units into {MAPPING_NAME}'
    return Problem(file="samples.csv", found=shown, expected=f"a cohort needs samples.csv or samples.parquet{hint}")


def _overlooked(folder: Path, paths: list[tuple[TableName, Path]]) -> list[Problem]:
    """Tables in the folder that nobody reads and whose name is nearly that of an absent table."""
    absent = [table for table in CONTRACT if table != "samples" and all(table != used for used, _ in paths)]
    used_paths = {path.resolve() for _, path in paths}
    problems = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in TABLE_SUFFIXES and path.resolve() not in used_paths:
            near = nearest(path.stem, absent)
            if near is not None:
                problems.append(
                    Problem(
                        file=path.name,
                        found=path.name,
                        expected=f"rename it to {near}{path.suffix.lower()} if it belongs to this cohort",
                        severity="warning",
                        action="not read",
                    )
                )
    return problems


def _labels(folder: Path, paths: list[Path]) -> dict[Path, str]:
    """A name for each file: its path inside the folder, else its own (with its folder's when needed)."""
    unique = list(dict.fromkeys(paths))
    inside = {path: path.resolve().is_relative_to(folder.resolve()) for path in unique}
    short = {
        path: path.resolve().relative_to(folder.resolve()).as_posix() if inside[path] else path.name
        for path in unique
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
