"""Cohorts in parts: `samples/part-*.parquet`, and every other table in parts of the same names, by patient."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from igkinetics.cohort.mapping.contract import TABLES, TableName
from igkinetics.cohort.mapping.file import load_mapping
from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.errors import InputError, Problem

PART_FILES: Final = "part-*"
PART_SUFFIXES: Final = (".parquet", ".csv")
MAPPING_NAME: Final = "cohort.toml"
MOST_TOLD: Final = 20


def part_files(folder: Path, table: TableName) -> list[Path]:
    """The parts of a table, sorted by name; none where it is not in parts."""
    return sorted(path for path in (folder / table).glob(PART_FILES) if path.suffix.lower() in PART_SUFFIXES)


def parts_of(path: Path) -> tuple[str, ...]:
    """The names of a cohort's parts; none for a cohort that is not in parts. InputError where parts do not match."""
    folder = path if path.is_dir() else path.parent
    if not path.is_dir() and path.name != MAPPING_NAME:
        return ()
    samples = part_files(folder, "samples")
    if not samples or any((folder / f"samples{suffix}").is_file() for suffix in PART_SUFFIXES):
        return ()
    names = [one.stem for one in samples]
    problems = [
        Problem(file=f"samples/{name}", found=f"{names.count(name)} files", expected="must be one file")
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    for table in TABLES:
        if table == "samples":
            continue
        whole = [folder / f"{table}{suffix}" for suffix in PART_SUFFIXES if (folder / f"{table}{suffix}").is_file()]
        problems += [
            Problem(file=one.name, found="one file", expected=f"must be in parts as samples are: {table}/{names[0]}")
            for one in whole
        ]
        problems += [
            Problem(
                file=f"{table}/{one.name}", found=one.stem, expected=f"must have a part of samples: samples/{one.stem}"
            )
            for one in part_files(folder, table)
            if one.stem not in names
        ]
    if problems:
        raise InputError(problems)
    return tuple(dict.fromkeys(names))


def whose_parts(path: Path) -> dict[str, str]:
    """Patient with samples -> the part that holds them. InputError for one with samples in more than one part.

    Ids are read as they stand in the files, which only Parquet gives without reading everything: parts in CSV are
    compared when they are read, and their patients are not among these.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    folder = path if path.is_dir() else path.parent
    mapping_file = folder / MAPPING_NAME
    mapping = load_mapping(mapping_file.read_bytes(), MAPPING_NAME) if mapping_file.is_file() else Mapping()
    named = mapping.samples.columns.get("patient_id", "patient_id")
    column = named if isinstance(named, str) else "patient_id"
    where: dict[str, str] = {}
    problems: list[Problem] = []
    for part in part_files(folder, "samples"):
        if part.suffix.lower() != ".parquet" or column not in pq.read_schema(part).names:
            continue
        ids = pq.read_table(part, columns=[column])[column].combine_chunks()
        for value in pc.unique(ids.cast(pa.string())).to_pylist():
            other = where.setdefault(str(value), part.stem)
            if other != part.stem:
                problems.append(
                    Problem(
                        file=f"samples/{part.name}",
                        patient_id=str(value),
                        column=column,
                        found=f"samples in {other} too",
                        expected="must have all samples in one part",
                    )
                )
    if problems:
        raise InputError(problems[:MOST_TOLD])
    return where
