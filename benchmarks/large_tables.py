"""`check` of large sample tables: seconds and peak memory, each in a process of its own.

Usage: python benchmarks/large_tables.py [CSV_ROWS [PARQUET_ROWS]]; by default 1,000,000 and 10,000,000.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROWS_PER_PATIENT = 10


def made_samples(n_rows: int) -> pd.DataFrame:
    """Ten samples a patient, two weeks apart, log-normal around 600 mg/dL."""
    generator = np.random.default_rng(1)
    patient = np.arange(n_rows) // ROWS_PER_PATIENT
    igg = np.round(600 * np.exp(0.4 * generator.standard_normal(n_rows)))
    day = 14.0 * (np.arange(n_rows) % ROWS_PER_PATIENT)
    return pd.DataFrame({"patient_id": pd.Series(patient).map("P{:07d}".format), "day": day, "igg": igg})


CHECK = """
from pathlib import Path
from igkinetics.cli.check import summary_lines
from igkinetics.cohort.read import read_cohort
import sys
print("\\n".join(summary_lines(read_cohort(sys.argv[1], igg_unit="mg/dL"))), file=sys.stderr)
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""
"""Reads and sums up as `check` does, and tells its own peak: that of a child process would include its parent's."""


def measured(path: Path) -> tuple[float, float]:
    """(seconds, peak GiB) of a process that checks one file."""
    started = time.perf_counter()
    command = [sys.executable, "-c", CHECK, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - started, int(done.stdout) / 2**20


if __name__ == "__main__":
    sizes = [int(one) for one in sys.argv[1:]] + [1_000_000, 10_000_000][len(sys.argv) - 1 :]
    with tempfile.TemporaryDirectory() as folder:
        csv, parquet = Path(folder) / "samples.csv", Path(folder) / "samples.parquet"
        made_samples(sizes[0]).to_csv(csv, index=False)
        made_samples(sizes[1]).to_parquet(parquet)
        for name, path, n_rows in (("CSV", csv, sizes[0]), ("Parquet", parquet, sizes[1])):
            seconds, peak = measured(path)
            print(f"{name}: {n_rows:,} rows checked in {seconds:.1f} s, peak memory {peak:.1f} GiB")
