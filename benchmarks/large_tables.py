"""`check` of large sample tables: seconds, processor seconds and peak memory, each in a process of its own.

Usage: python benchmarks/large_tables.py [CSV_ROWS [LARGE_ROWS]]; by default 1,000,000 rows as CSV, then 10,000,000 as
Parquet and as CSV.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

ROWS_PER_PATIENT = 10
ROWS_AT_A_TIME = 1_000_000
SCHEMA = pa.schema([("patient_id", pa.string()), ("day", pa.float64()), ("igg", pa.float64())])


def made_samples(first: int, n_rows: int) -> pa.Table:
    """Ten samples a patient, two weeks apart, log-normal around 600 mg/dL."""
    row = np.arange(first, first + n_rows)
    igg = np.round(600 * np.exp(0.4 * np.random.default_rng(first).standard_normal(n_rows)))
    patient = [f"P{number:07d}" for number in row // ROWS_PER_PATIENT]
    return pa.table([pa.array(patient), 14.0 * (row % ROWS_PER_PATIENT), igg], schema=SCHEMA)


def write_samples(path: Path, n_rows: int) -> None:
    make = pa.csv.CSVWriter if path.suffix == ".csv" else pa.parquet.ParquetWriter
    with make(path, SCHEMA) as writer:
        for first in range(0, n_rows, ROWS_AT_A_TIME):
            writer.write_table(made_samples(first, min(ROWS_AT_A_TIME, n_rows - first)))


CHECK = """
from pathlib import Path
from igkinetics.cohort.read import read_cohort
import resource, sys
print(read_cohort(sys.argv[1], igg_unit="mg/dL").check(), file=sys.stderr)
peak = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
used = resource.getrusage(resource.RUSAGE_SELF)
print(peak, used.ru_utime + used.ru_stime)
"""
"""Reads and sums up as `check` does, and tells its own peak: that of a child process would include its parent's."""


def measured(path: Path) -> tuple[float, float, float]:
    """(seconds, processor seconds, peak GiB) of a process that checks one file."""
    started = time.perf_counter()
    command = [sys.executable, "-c", CHECK, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    peak, processor = done.stdout.split()
    return time.perf_counter() - started, float(processor), int(peak) / 2**20


if __name__ == "__main__":
    asked = [int(one) for one in sys.argv[1:]] + [1_000_000, 10_000_000][len(sys.argv) - 1 :]
    for suffix, n_rows in ((".csv", asked[0]), (".parquet", asked[1]), (".csv", asked[1])):
        with tempfile.TemporaryDirectory() as folder:
            samples = Path(folder) / f"samples{suffix}"
            write_samples(samples, n_rows)
            size = samples.stat().st_size / 2**20
            seconds, processor, peak = measured(samples)
            print(
                f"{suffix.strip('.')}: {n_rows:,} rows ({size:.0f} MiB) checked in {seconds:.1f} s "
                f"({processor:.1f} s of processor), peak memory {peak:.2f} GiB",
                flush=True,
            )
