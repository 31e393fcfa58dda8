"""`forecast` of a cohort in parts: one part in memory at a time, and one worklist of all patients."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.cohort.parts import Reading, reading_in_parts
from igkinetics.cohort.readings import hides, reads_below
from igkinetics.fit.by_parts import by_whole_path, decisive_cards, records_in_parts
from igkinetics.fit.learning import forecast_weights
from igkinetics.forecast.cut import cut_record
from igkinetics.forecast.options import ForecastOptions
from igkinetics.forecast.patient import DECIDE, MEASURE
from igkinetics.forecast.result import FORECAST_OUTPUT, write_forecast
from igkinetics.forecast.run import forecast_cohort, urgency
from igkinetics.output.by_parts import (
    NAMES,
    PARTS_TABLE,
    ByParts,
    joined,
    one_unit,
    record_of_part,
    refuse_twice,
    write_parts_table,
    write_whole_record,
)
from igkinetics.output.folder import Kind
from igkinetics.output.parts import Part, key_of

FORECAST_IN_PARTS: Final = Kind(marker=FORECAST_OUTPUT.marker, names=FORECAST_OUTPUT.names | NAMES)
MOST_NAMED: Final = 6
LIKELY: Final = 0.5
MOST_FAILURES: Final = 20


@dataclass(slots=True, kw_only=True)
class OfThreshold:
    """Patients with a forecast: probably below now, and probably within the horizon; measured: last value below, of
    those who are followed; hidden: last value beyond its limit, on neither side. first: the most urgent who are
    probably below now."""

    below: int = 0
    falling: int = 0
    measured: int = 0
    hidden: int = 0
    first: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class ForecastTotals:
    """All parts together. without: those without a forecast, by status; steps: patients by what is to be done first,
    `measure` now, `later` or `decide`; failures: the first who failed, as `failures_told` tells them."""

    unit: str = ""
    n_forecast: int = 0
    without: Counter[str] = field(default_factory=Counter)
    thresholds: dict[float, OfThreshold] = field(default_factory=dict)
    steps: Counter[str] = field(default_factory=Counter)
    failures: list[dict[Any, Any]] = field(default_factory=list)

    @property
    def n_patients(self) -> int:
        return self.n_forecast + self.without.total()

    @property
    def n_failed(self) -> int:
        return self.without["failed"]

    def add(self, worklist: pd.DataFrame) -> tuple[int, int]:
        """Count what a part holds; its patients, and those with a forecast."""
        known = worklist["p_below_horizon"].notna()
        each = worklist.drop_duplicates("patient_id")
        n_forecast = int(known[each.index].sum())
        self.unit = str(worklist["unit"].iloc[0])
        self.n_forecast += n_forecast
        self.without.update(each.loc[~known[each.index], "status"])
        self.failures += each.loc[each["status"] == "failed", ["patient_id", "status", "reason"]].to_dict("records")
        self.failures = self.failures[:MOST_FAILURES]
        low = worklist["below_now"].map(lambda value: value is True or value == 1.0).astype(bool)
        last = worklist["last_limit"], worklist["last_igg"], worklist["threshold"].to_numpy(dtype=float)
        followed = worklist["status"] != "followed_up"
        read, hidden = followed & reads_below(*last), followed & hides(*last)
        for threshold, rows in worklist.groupby("threshold"):
            of = self.thresholds.setdefault(float(str(threshold)), OfThreshold())
            own = rows.index[known[rows.index]]
            of.below += int(low[own].sum())
            of.falling += int((~low[own] & (rows.loc[own, "p_below_horizon"] >= LIKELY)).sum())
            of.measured += int(read[rows.index].sum())
            of.hidden += int(hidden[rows.index].sum())
        self.steps.update(first_steps(worklist))
        return len(each), n_forecast


def first_steps(worklist: pd.DataFrame) -> Iterator[str]:
    """What is to be done first for each patient for whom anything is: by all thresholds, a sample before a decision."""
    due = worklist[worklist["next_step"].isin([MEASURE, DECIDE])]
    due = due.assign(decided=due["next_step"] == DECIDE)
    first = due.sort_values(["next_sample_day", "decided"], kind="stable").drop_duplicates("patient_id")
    for ahead, step in zip(first["next_sample_day"] > first["from_day"], first["next_step"], strict=True):
        yield "later" if ahead else step


def forecast_part(reading: Reading, options: ForecastOptions, part: str, folder: Path) -> None:
    """Read, forecast and write one part. options.patients: in all parts."""
    cohort = reading.part(part)
    own = tuple(name for name in options.patients if name in cohort.patient_ids)
    write_forecast(forecast_cohort(cohort, replace(options, patients=own)), folder)


def forecast_by_parts(reading: Reading, options: ForecastOptions) -> ByParts[ForecastTotals]:
    """What a forecast of a cohort in parts does to each part, and how worklists are joined."""
    ready, all_names = reading_in_parts(reading)
    names = reading_in_parts(reading, options.patients)[1] if options.patients else all_names
    everybody = replace(options, patients=())
    records = records_in_parts(ready, all_names, options.of_fit(), lambda part: cut_record(part, everybody).cohort)
    options = replace(options, average_weights=forecast_weights(records, options.of_fit())[0].average_weights)
    own = replace(options, jobs=1, **by_whole_path(options.card, options.weights))
    how = (*decisive_cards(own.cards), own.record())
    return ByParts(
        kind=FORECAST_IN_PARTS,
        parts=tuple(Part(name=name, key=key_of("forecast", *ready.decisive(name), *how)) for name in names),
        do=partial(forecast_part, ready, own),
        join=partial(join_forecasts, options.record()),
    )


def join_forecasts(options: dict[str, Any], folders: list[Path], whole: Path, seconds: float) -> ForecastTotals:
    """One worklist, most urgent first, the problems, the list of parts and one run record."""
    records = [record_of_part(folder) for folder in folders]
    one_unit(records)
    joined([folder / "problems.csv" for folder in folders], whole / "problems.csv")
    totals, names = ForecastTotals(), []
    orders, lines, rows = [], [], []
    header = ""
    for folder, record in zip(folders, records, strict=True):
        worklist = pd.read_csv(folder / "worklist.csv", dtype={"patient_id": str})
        n, n_forecast = totals.add(worklist)
        names += worklist["patient_id"].unique().tolist()
        orders.append(urgency(worklist).astype(float))
        header, *of_part = lines_of(folder / "worklist.csv")
        lines += of_part
        digest = record["files"]["worklist.csv"]
        rows.append({"part": folder.name, "patients": n, "forecast": n_forecast, "worklist_sha256": digest})
    refuse_twice(names)
    order = pd.concat(orders, ignore_index=True)
    places = order.sort_values(list(order.columns), kind="stable").index
    with (whole / "worklist.csv").open("w", encoding="utf-8", newline="") as file:
        file.write(header)
        file.writelines(lines[place] for place in places)
    name_first(totals, whole / "worklist.csv")
    write_parts_table(rows, whole / PARTS_TABLE)
    verdict = f"forecast of {totals.n_forecast} of {totals.n_patients} patients in {len(folders)} parts"
    write_whole_record(records, whole, seconds, verdict, options=options)
    return totals


def lines_of(table: Path) -> list[str]:
    """The lines of a CSV file, each a whole row even where a cell holds a line break."""
    text = table.read_text(encoding="utf-8")
    if '"' not in text:
        return text.splitlines(keepends=True)
    found = []
    for row in csv.reader(io.StringIO(text, newline="")):
        line = io.StringIO(newline="")
        csv.writer(line, lineterminator="\n").writerow(row)
        found.append(line.getvalue())
    return found


def name_first(totals: ForecastTotals, worklist: Path) -> None:
    """The most urgent of each threshold, from the joined worklist."""
    wanted = ["patient_id", "threshold", "below_now", "p_below_horizon"]
    table = pd.read_csv(worklist, usecols=wanted, dtype={"patient_id": str})
    low = np.array([value is True or value == 1.0 for value in table["below_now"]], dtype=bool)
    low &= table["p_below_horizon"].notna().to_numpy()
    for threshold, names in table.loc[low].groupby("threshold")["patient_id"]:
        totals.thresholds[float(str(threshold))].first = names.head(MOST_NAMED).tolist()
