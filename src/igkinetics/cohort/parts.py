"""Reading a cohort in parts, one part at a time."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from igkinetics.cohort.mapping.contract import TABLES
from igkinetics.cohort.mapping.parts import MAPPING_NAME, part_files, parts_of, whose_parts
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_part
from igkinetics.errors import InputError, Problem
from igkinetics.provenance import sha256_of_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the files of a cohort are to be read, as a command was called. n_patients: in all parts, where it has any."""

    path: Path
    igg_unit: str | None
    file_format: str | None
    on_problem: str
    n_patients: int = 0

    @property
    def folder(self) -> Path:
        return self.path if self.path.is_dir() else self.path.parent

    def part(self, name: str) -> Cohort:
        """The cohort that one part holds."""
        return read_part(
            self.path,
            name,
            self.n_patients,
            igg_unit=self.igg_unit,
            file_format=self.file_format,
            on_problem=self.on_problem,
        )

    def decisive(self, name: str) -> tuple[Any, ...]:
        """All that decides what reading a part gives, as JSON can say it: digests of its files, and how they are read;
        not where they lie."""
        files = [self.folder / MAPPING_NAME] if (self.folder / MAPPING_NAME).is_file() else []
        files += [path for table in TABLES for path in part_files(self.folder, table) if path.stem == name]
        inputs = {path.relative_to(self.folder).as_posix(): sha256_of_file(path) for path in files}
        return inputs, asdict(self) | {"path": ""}


def reading_in_parts(reading: Reading, patients: tuple[str, ...] = ()) -> tuple[Reading, tuple[str, ...]]:
    """The reading for workers that run elsewhere, which knows how many patients there are, and the parts to be read:
    all of them, or those that hold these patients. InputError for parts or patients at fault."""
    names, whose = parts_of(reading.path), whose_parts(reading.path)
    ready = replace(reading, path=reading.path.resolve(), n_patients=len(whose))
    if not patients:
        return ready, names
    if unknown := [name for name in patients if name not in whose]:
        raise InputError(
            Problem(
                file="call",
                column="patients",
                found=name,
                expected="must be a patient of the Parquet files in samples/",
            )
            for name in unknown
        )
    asked = {whose[name] for name in patients}
    return ready, tuple(name for name in names if name in asked)
