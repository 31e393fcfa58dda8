"""What an earlier command left of its patients: draws of their parameters, and their records (Parquet files)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cards.body_size import sex_of
from igkinetics.cohort.model import FOLLOW_UP_ENDS, Cohort
from igkinetics.errors import InputError, Problem
from igkinetics.fit.forecast import DriftAtEnd, straight_between
from igkinetics.fit.likelihood import RESIDUALS
from igkinetics.kinetics.parameters import PARAMETERS, Floats
from igkinetics.output.by_parts import PARTS, rows_of
from igkinetics.output.files import RUN_RECORD
from igkinetics.provenance import sha256_of_file

EPOCH: Final = pd.Timestamp("1970-01-01")
DRAWS_FILE: Final = "draws.parquet"
EVENTS_FILE: Final = "events.parquet"
DRIFT_COLUMNS: Final = ("drift_sd", "drift", "drift_slope", "drift_day")
ERROR_COLUMNS: Final = ("additive_g_per_l", "proportional", "residual")
"""How a measurement of each draw scatters: a, b and, of RESIDUALS, by which distribution."""
DRAW_COLUMNS: Final = ("patient_id", "draw", *PARAMETERS, *ERROR_COLUMNS, *DRIFT_COLUMNS)
"""Equally weighted draws, g, L, g/L, day; a and b of a measurement; the drift at the last sample, see DriftAtEnd."""
EVENT_COLUMNS: Final = ("patient_id", "event", "day", "stop_day", "value", "duration_day", "is_sc", "limit")
"""event: weight_kg, height_cm, is_male (value), start (day: where the state is set), sample (value g/L; limit: -1
for a value known only to lie below, +1 above), dose (value
g), therapy (day to stop_day, inf while ongoing), weight_by_day (day, value), death or hsct (day: the one that ended
follow-up), day_zero (value: day 0 in days since 1970-01-01; only where dates were asked for). Units inside: g, g/L,
day, kg, cm."""
MOST_KEPT_DRAWS: Final = 2000
"""Of one patient, beyond which draws are thinned evenly; and ..."""
MOST_KEPT_ROWS: Final = 2_000_000
"""... of a whole cohort (some 250 MB), down to ..."""
FEWEST_KEPT_DRAWS: Final = 200
"""... so many of each patient."""


def kept_draws(draws: int, patients: int) -> int:
    """How many of each patient's draws are written: all of them, within the limits above."""
    return min(draws, MOST_KEPT_DRAWS, max(FEWEST_KEPT_DRAWS, MOST_KEPT_ROWS // max(patients, 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One patient of a posterior. thetas (draw, 13); error (draw, 3: a, b, residual model); therapy (c, 2); doses (h,
    4: day, g, days, is_sc); samples (k, 3: day, g/L, limit); weights (w, 2: day, kg), where told by day. end_day: what
    ended follow-up (end_reason), inf while followed. day_zero: days since 1970-01-01, nan where not written."""

    patient_id: str
    thetas: Floats
    error: Floats
    start_day: float
    weight_kg: float
    height_cm: float
    is_male: bool | None
    therapy: Floats
    doses: Floats
    samples: Floats
    drift: DriftAtEnd | None = None
    """Of the draws of one fitted patient; None where the posterior has none."""
    drift_day: Floats = field(default_factory=lambda: np.empty(0))
    factor: Floats = field(default_factory=lambda: np.empty((0, 0)))
    """What multiplies each draw's curve (draw, t) at drift_day (t,), straight between; empty without drift."""

    day_zero: float = float("nan")
    weights: Floats = field(default_factory=lambda: np.empty((0, 2)))
    end_day: float = float("inf")
    end_reason: str = ""
    doubt: str = ""
    """What the fit says against its own numbers of this patient."""

    def weight_on(self, day: float) -> float:
        """The last weight known by then, else the first, kg; without weights by day the only one."""
        return weight_on(self.weights, day, self.weight_kg)

    def factor_at(self, days: Floats) -> Floats:
        """What multiplies each draw's curve at these days (draw, m)."""
        if not self.drift_day.size:
            return np.ones((len(self.thetas), days.size))
        return straight_between(self.drift_day, self.factor, days)


def weight_on(weights: Floats, day: float, single_kg: float) -> float:
    """Of weights by day (w, 2), ascending, the last known by this day, else the first; without any `single_kg`. A
    weight counts for the whole of its day, as it does for doses in g/kg of the record."""
    if not len(weights):
        return single_kg
    known = np.flatnonzero(np.floor(weights[:, 0]) <= day)
    return float(weights[known[-1] if known.size else 0, 1])


def event_table(cohort: Cohort, *, with_dates: bool = False) -> pd.DataFrame:
    """The records behind a fit, as EVENT_COLUMNS. with_dates: tell on which date each patient's day 0 lies."""
    rows: list[dict[str, Any]] = []
    people = {str(row["patient_id"]): row for row in cohort.patients.to_dict("records")}
    weighed = dict(iter(cohort.weights.groupby("patient_id", sort=False)))
    for patient in cohort.each_patient():
        own = people[patient.patient_id]
        sex = sex_of(str(own.get("sex") or ""))
        single = {
            "weight_kg": patient.weight_kg,
            "height_cm": own.get("height_cm", np.nan),
            "is_male": np.nan if sex is None else float(sex == "male"),
        }
        found = [{"event": name, "value": float(value)} for name, value in single.items() if not pd.isna(value)]
        found.append({"event": "start", "day": patient.start_day})
        if with_dates and (origin := cohort.day_zero.get(patient.patient_id)) is not None:
            found.append({"event": "day_zero", "value": (origin - EPOCH) / pd.Timedelta(days=1)})
        found += [
            {"event": "sample", "day": day, "value": value, "limit": float(limit)}
            for day, value, limit in zip(patient.sample_day, patient.sample_igg, patient.sample_limit, strict=True)
        ]
        found += [
            {"event": "dose", "day": day, "value": grams, "duration_day": duration, "is_sc": float(is_sc)}
            for day, grams, duration, is_sc in zip(
                patient.dose_day, patient.dose_g, patient.dose_duration_day, patient.dose_is_sc, strict=True
            )
        ]
        found += [
            {"event": "therapy", "day": start, "stop_day": stop}
            for start, stop in zip(patient.therapy_start, patient.therapy_stop, strict=True)
        ]
        if patient.patient_id in weighed:
            own_weights = weighed[patient.patient_id].to_dict("records")
            found += [{"event": "weight_by_day", "day": row["day"], "value": row["weight_kg"]} for row in own_weights]
        if np.isfinite(patient.follow_up_end):
            found.append({"event": patient.end_reason, "day": patient.follow_up_end})
        rows += [{"patient_id": patient.patient_id, **one} for one in found]
    table = pd.DataFrame(rows, columns=list(EVENT_COLUMNS))
    numbers = dict.fromkeys(EVENT_COLUMNS[2:], float)
    return table.astype(numbers)


Columns = Mapping[str, Any]
"""Columns of a table, name -> an array (n,), or one value for all rows."""


def table_of(parts: Sequence[Columns], names: Sequence[str]) -> pd.DataFrame:
    """The rows of all parts in one table: a table of its own for each would cost more than what is in it."""
    sizes = [next(column.size for column in part.values() if isinstance(column, np.ndarray)) for part in parts]
    together: dict[str, Any] = {}
    for name in names:
        first = parts[0][name]
        if isinstance(first, np.ndarray):
            together[name] = np.concatenate([part[name] for part in parts])
        else:
            kind = object if isinstance(first, str) else float
            together[name] = np.repeat(np.array([part[name] for part in parts], dtype=kind), sizes)
    return pd.DataFrame(together)


def draw_columns(
    patient_id: str,
    thetas: Floats,
    additive_g_per_l: float,
    proportional: float,
    kind: npt.NDArray[np.int8],
    drift: DriftAtEnd,
) -> Columns:
    """Draws (n, 13) of one patient, as DRAW_COLUMNS; kind (n,): how measurements of each scatter."""
    return {
        "patient_id": patient_id,
        "draw": np.arange(len(thetas)),
        **{name: thetas[:, place] for place, name in enumerate(PARAMETERS)},
        "additive_g_per_l": additive_g_per_l,
        "proportional": proportional,
        "residual": np.array(list(RESIDUALS), dtype=object)[kind],
        "drift_sd": drift.sd,
        "drift": drift.states[:, 0],
        "drift_slope": drift.states[:, 1],
        "drift_day": drift.day,
    }


def drift_of(draws: pd.DataFrame, *, as_log: bool) -> DriftAtEnd:
    """The drift of one patient's draws, as DRAW_COLUMNS hold it. as_log: the fit took its error as log-normal."""
    return DriftAtEnd(
        day=float(draws["drift_day"].iloc[0]),
        states=np.ascontiguousarray(draws[["drift", "drift_slope"]].to_numpy(dtype=float)),
        sd=draws["drift_sd"].to_numpy(dtype=float),
        as_log=as_log,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A folder of an earlier command: its run record, and hashes of what is read from it. name: without its path.

    held: tables that a result in memory has ready in place of such a folder, by the name of their file.
    """

    folder: Path
    name: str
    key: str
    record: dict[str, Any]
    inputs: dict[str, str]
    held: dict[str, pd.DataFrame] = field(default_factory=dict)

    def table(self, file: str, columns: Sequence[str]) -> pd.DataFrame:
        """A Parquet file with these columns. InputError when it cannot be read as such."""
        if file in self.held:
            return self.held[file][list(columns)]
        try:
            return pd.read_parquet(self.folder / file, columns=list(columns))
        except (OSError, ValueError, KeyError) as error:  # pyarrow's errors are among these
            raise self.fault(f"{self.name}/{file}", f"must be a table with {', '.join(columns[:3])} ...") from error

    def fault(self, found: object, expected: str, key: str = "") -> InputError:
        return InputError([Problem(file="call", column=key or self.key, found=str(found), expected=expected)])


def folder_with(fit: Path, patient_id: str) -> Path:
    """Where a fit left its draws of a patient: the fit's folder, or of a fit in parts that of the part which has the
    patient. InputError where none has."""
    for part in parts_of_fit(fit):
        if any(row["patient_id"] == patient_id for row in rows_of(part / "patients.csv")):
            return part
    if is_in_parts(fit):
        expected = f"must be a patient of {fit.name}"
        raise InputError([Problem(file="call", column="population.patient", found=patient_id, expected=expected)])
    return fit


def parts_of_fit(fit: Path) -> list[Path]:
    """The folders of the parts of a fit in parts, in order; none of any other fit."""
    return sorted(path.parent for path in (fit / PARTS).glob("*/patients.csv")) if is_in_parts(fit) else []


def is_in_parts(fit: Path) -> bool:
    return (fit / PARTS).is_dir() and not (fit / DRAWS_FILE).is_file()


def left_by(command: str, folder: Path, files: Sequence[str]) -> Left:
    """The output folder of a command. InputError, in one line each, when it is none, lacks one of these files, or holds
    one that is not the file which that run wrote: damaged, of another run, or changed since."""
    key = f"population.{command}"

    def fault(expected: str) -> InputError:
        return InputError([Problem(file="call", column=key, found=folder.name, expected=expected)])

    missing = [name for name in (RUN_RECORD, *files) if not (folder / name).is_file()]
    if missing:
        raise fault(f"must be a folder written by `{command}` of this version; it has no {', '.join(missing)}")
    try:
        record = json.loads((folder / RUN_RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not UTF-8, not JSON
        record = None
    if not isinstance(record, dict):
        raise fault(f"must be a folder written by `{command}`; its {RUN_RECORD} is damaged")
    if record.get("command") != command:
        raise fault(f"must be a folder written by `{command}`, not by `{record.get('command')}`")
    inputs = {name: sha256_of_file(folder / name) for name in files}
    written = record.get("files")
    if not isinstance(written, dict) or not set(files) <= set(written):
        raise fault(
            f"must be a folder written by `{command}` of this version: its {RUN_RECORD} does not list what "
            "the run wrote; run it again"
        )
    foreign = [name for name, digest in inputs.items() if digest != written[name]]
    if foreign:
        raise fault(
            f"must hold the files that its run wrote: {', '.join(foreign)} is damaged, of another run, or was changed"
        )
    return Left(
        folder=folder,
        name=folder.name,
        key=key,
        record=record,
        inputs={f"{folder.name}/{name}": digest for name, digest in inputs.items()},
    )


def members_of(left: Left, draws: dict[str, tuple[Floats, Floats]]) -> list[Member]:
    """Patients with draws (thetas, error), in that order, with their records. InputError for one without a record."""
    of_each = dict(iter(left.table(EVENTS_FILE, EVENT_COLUMNS).groupby("patient_id", sort=False)))
    unknown = [patient_id for patient_id in draws if patient_id not in of_each]
    if unknown:
        raise left.fault(", ".join(unknown), f"must be patients whose records stand in {EVENTS_FILE}")
    return [member_of(patient_id, of_each[patient_id], *found) for patient_id, found in draws.items()]


def member_of(patient_id: str, events: pd.DataFrame, thetas: Floats, error: Floats) -> Member:
    def rows(event: str, *columns: str) -> Floats:
        return events.loc[events["event"] == event, list(columns)].to_numpy(dtype=float)

    def single(event: str, column: str) -> float:
        found = rows(event, column)
        return float(found[0, 0]) if found.size else np.nan

    male = single("is_male", "value")
    ends = [(day, reason) for reason in FOLLOW_UP_ENDS for day in rows(reason, "day")[:, 0].tolist()]
    end_day, end_reason = min(ends, default=(np.inf, ""))
    return Member(
        patient_id=patient_id,
        thetas=np.ascontiguousarray(thetas),
        error=error,
        start_day=single("start", "day"),
        weight_kg=single("weight_kg", "value"),
        height_cm=single("height_cm", "value"),
        is_male=None if np.isnan(male) else bool(male),
        therapy=rows("therapy", "day", "stop_day"),
        doses=rows("dose", "day", "value", "duration_day", "is_sc"),
        samples=rows("sample", "day", "value", "limit"),
        day_zero=single("day_zero", "value"),
        weights=rows("weight_by_day", "day", "value"),
        end_day=end_day,
        end_reason=end_reason,
    )
