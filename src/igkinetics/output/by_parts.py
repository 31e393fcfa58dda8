"""A command done part by part: what all parts give together stands beside them in one folder, written in the end.

The machinery that keeps finished parts is `parts.py`; a verb says what is done to a part, and how parts are joined.
"""

from __future__ import annotations

import csv
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from igkinetics.cards.private import private_cards
from igkinetics.errors import InputError, Problem, call_error
from igkinetics.output.files import RUN_KEYS, RUN_RECORD, digests, write_json
from igkinetics.output.folder import CANNOT_WRITE, Kind
from igkinetics.output.parts import Do, Done, Part, do_parts, parts_folder
from igkinetics.parallel import Progress

PARTS_TABLE: Final = "parts.csv"
PARTS: Final = "parts"
WHOLE: Final = "whole"
"""Among the waiting parts: what all of them give together."""
NAMES: Final = frozenset({PARTS, PARTS_TABLE})
"""What the folder of a result in parts holds beside the files of any."""
MOST_TOLD: Final = 20

Totals = TypeVar("Totals")


def under_parts(part: Path, filling: Path) -> None:
    """The folder of a part as parts/NAME of the result."""
    (filling / PARTS).mkdir(exist_ok=True)
    part.rename(filling / PARTS / part.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByParts(Generic[Totals]):
    """A command on parts. kind: of its output folder. do: see `parts.py`. join(folders of all parts in order, folder
    for what they give together, seconds so far): its files, and what is told of them. place: where the folder of a part
    goes in the result."""

    kind: Kind
    parts: tuple[Part, ...]
    do: Do
    join: Callable[[list[Path], Path, float], Totals]
    place: Callable[[Path, Path], None] = under_parts


@dataclass(frozen=True, slots=True, kw_only=True)
class InParts(Generic[Totals]):
    """What came of it; totals only where every part is there and the result waits to be moved in place."""

    done: Done
    totals: Totals | None


def done_by_parts(
    work: ByParts[Totals], out: Path, *, jobs: int, cluster: str = "", progress: Progress | None = None
) -> InParts[Totals]:
    """Do every part that no earlier run of the same call has left finished, `jobs` at a time, each in a process; where
    all are there, join them."""
    began = time.perf_counter()
    folder = parts_folder(out)
    done = do_parts(work.parts, work.do, folder, jobs=jobs, cluster=cluster, progress=progress)
    if done.interrupted or len(done.finished) < len(work.parts):
        return InParts(done=done, totals=None)
    whole = folder / WHOLE
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir()
    try:
        totals = work.join([folder / part.name for part in work.parts], whole, time.perf_counter() - began)
    except OSError as error:
        if error.errno in CANNOT_WRITE:
            reason = (error.strerror or "unknown reason").lower()
            expected = f"cannot be written: {reason}; all parts are finished and kept in {folder.name}"
            raise call_error("folder", out, expected) from error
        raise
    return InParts(done=done, totals=totals)


def move_in_place(work: ByParts[Totals], out: Path, filling: Path) -> None:
    """What was joined, and the parts, into the folder that is to become `out`."""
    folder = parts_folder(out)
    for path in sorted((folder / WHOLE).iterdir()):
        path.rename(filling / path.name)
    for part in work.parts:
        work.place(folder / part.name, filling)
    shutil.rmtree(folder)


def joined(sources: Iterable[Path], target: Path) -> None:
    """The rows of CSV files with the same header, one after the other; nothing where none is there."""
    there = [source for source in sources if source.is_file()]
    if not there:
        return
    with target.open("wb") as file:
        for place, source in enumerate(there):
            with source.open("rb") as rows:
                header = rows.readline()
                if place == 0:
                    file.write(header)
                shutil.copyfileobj(rows, file)


def rows_of(table: Path) -> Iterator[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def refuse_twice(patients: Iterable[str]) -> None:
    """InputError for patients in more than one part whom only reading could find: in CSV, or in other tables."""
    twice = [name for name, count in Counter(patients).items() if count > 1]
    if twice:
        expected = "must have all rows of all tables in parts of one name"
        raise InputError(
            Problem(file=PARTS, patient_id=name, found="in more than one part", expected=expected)
            for name in twice[:MOST_TOLD]
        )


def write_parts_table(rows: Sequence[Mapping[str, Any]], target: Path) -> None:
    """A row for each part: its name, and what it holds."""
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def record_of_part(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / RUN_RECORD).read_text(encoding="utf-8")))


def one_unit(records: Sequence[Mapping[str, Any]]) -> None:
    """InputError where parts are in different units of IgG."""
    units = sorted({str(record["igg_unit"]) for record in records})
    if len(units) > 1:
        expected = "must have one unit: state it, --igg-unit mg/dL or igg_unit in cohort.toml"
        raise InputError([Problem(file="samples", column="igg_unit", found=", ".join(units), expected=expected)])


def write_whole_record(
    records: Sequence[dict[str, Any]], whole: Path, seconds: float, verdict: str, **changed: Any
) -> None:
    """The run record of all parts: as that of one, inputs and rows of all, and the joined tables with their digests.
    changed: what else differs from the record of the first part."""
    cards = {key: value for record in records for key, value in record["cards"].items()}
    values = records[0] | {
        "inputs": {key: value for record in records for key, value in sorted(record["inputs"].items())},
        "rows": {key: value for record in records for key, value in record["rows"].items()},
        "unused_columns": {key: value for record in records for key, value in record["unused_columns"].items()},
        "cards": cards,
        "private_cards": private_cards(cards),
        "verdict": verdict,
        "started": (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "files": digests(whole, [path.name for path in whole.iterdir() if path.suffix == ".csv"]),
    }
    record = {key: values[key] for key in RUN_KEYS} | changed
    write_json(record, whole / RUN_RECORD)
