"""How tables and run records are written. The same content gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd

from igkinetics.cards.private import private_cards
from igkinetics.output.folder import Kind
from igkinetics.provenance import package_versions, sha256_of_file

FLOAT_FORMAT: Final = "%.10g"
LARGE: Final = 5000
"""Rows of a table that is worth loading compiled code for."""


RUN_RECORD: Final = "run.json"


RUN_KEYS: Final = (
    "command",
    "options",
    "level",
    "seed",
    "igg_unit",
    "thresholds",
    "inputs",
    "rows",
    "unused_columns",
    "covariates",
    "cards",
    "private_cards",
    "versions",
    "verdict",
    "interrupted",
    "started",
    "seconds",
    "files",
)


SIMULATION_OUTPUT: Final = Kind(
    marker="design.toml",
    names=frozenset(
        {"samples.csv", "doses.csv", "therapy.csv", "patients.csv", "outcomes.csv", "cohort.toml", "design.toml"}
        | {"samples", "doses", "therapy", "patients", "outcomes", "truth", "README.md"}
    ),
)


class Run(Protocol):
    """The choices that every analysis of a cohort has."""

    @property
    def level(self) -> float: ...
    @property
    def seed(self) -> int: ...
    @property
    def thresholds(self) -> tuple[float, ...]: ...


class Rows(Protocol):
    """What a cohort tells of its origin."""

    @property
    def igg_unit(self) -> str: ...
    @property
    def inputs(self) -> Mapping[str, str]: ...
    @property
    def rows(self) -> Mapping[str, Any]: ...
    @property
    def unused_columns(self) -> Mapping[str, tuple[str, ...]]: ...
    @property
    def covariate_names(self) -> tuple[str, ...]: ...


class Done(Protocol):
    """The result of a command on a cohort, as far as its run record needs it."""

    @property
    def cohort(self) -> Rows: ...
    @property
    def options(self) -> Run: ...
    @property
    def card_ids(self) -> dict[str, str]: ...
    @property
    def verdict(self) -> str: ...
    @property
    def interrupted(self) -> bool: ...
    @property
    def started(self) -> datetime: ...
    @property
    def seconds(self) -> float: ...


def cohort_record(
    command: str, done: Done, options: dict[str, Any], written: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What was run on what, with which choices, cards and versions. Names files, never their folders.

    written: files that another command may read -> their SHA-256.
    """
    values: dict[str, Any] = {
        "command": command,
        "options": options,
        "level": done.options.level,
        "seed": done.options.seed,
        "igg_unit": done.cohort.igg_unit,
        "thresholds": list(done.options.thresholds),
        "inputs": {without_folder(name): digest for name, digest in sorted(done.cohort.inputs.items())},
        "rows": {without_folder(name): asdict(count) for name, count in done.cohort.rows.items()},
        "unused_columns": {without_folder(name): list(names) for name, names in done.cohort.unused_columns.items()},
        "covariates": list(done.cohort.covariate_names),
        "cards": done.card_ids,
        "private_cards": private_cards(done.card_ids),
        "versions": package_versions(),
        "verdict": done.verdict,
        "interrupted": done.interrupted,
        "started": done.started.isoformat(timespec="seconds"),
        "seconds": round(done.seconds, 3),
        "files": dict(written or {}),
    }
    return {key: values[key] for key in RUN_KEYS}


def digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 of the files of these names, where they are there."""
    return {name: sha256_of_file(folder / name) for name in sorted(names) if (folder / name).is_file()}


def write_csv(table: pd.DataFrame, columns: tuple[str, ...], path: Path) -> None:
    """UTF-8, comma, one line feed per row, ten significant digits, an empty field where nothing is known."""
    ordered = table[list(columns)]
    if len(ordered) >= LARGE:
        from igkinetics.output.csv_rows import can_be_compiled, write_rows

        if can_be_compiled(ordered):
            write_rows(ordered, path)
            return
    ordered.to_csv(path, index=False, float_format=FLOAT_FORMAT, lineterminator="\n", encoding="utf-8")


def write_parquet(table: pd.DataFrame, columns: tuple[str, ...], path: Path) -> None:
    """One row group per 1,048,576 rows, zstd, texts as dictionaries; the bytes depend on rows and pyarrow version."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = pa.Table.from_pandas(table[list(columns)], preserve_index=False)
    numbers = (pa.types.is_floating, pa.types.is_integer)
    texts = [field.name for field in content.schema if not any(is_one(field.type) for is_one in numbers)]
    pq.write_table(content, path, compression="zstd", use_dictionary=texts)


def write_json(record: dict[str, Any], path: Path) -> None:
    """Indented, UTF-8; numbers JSON does not have (nan, infinity) are refused by ValueError."""
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def _plain(value: Any) -> Any:
    """A numpy number as the Python number it holds."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in a run record")


def without_folder(name: str) -> str:
    """A file's name as the cohort gave it; of an absolute path only the last part."""
    return Path(name).name if Path(name).is_absolute() else name
