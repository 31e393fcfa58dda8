"""Whatever the bytes, a reader answers with a cohort or an InputError, accounts for every row, and comes to an end.

The slow test reads 100,000 inputs and writes what became of them into fuzz.csv beside this file.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fuzz_inputs import KINDS, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError

TABLE = Path(__file__).with_name("fuzz.csv")
N_INPUTS = 100_000
SLOWEST_SECONDS = 10.0
shared_folder = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def outcome(folder: Path, kind: str, seed: int) -> str:
    """"read" or "refused"; anything else is raised."""
    pick = random.Random(seed)
    write(folder, KINDS[kind](pick))
    refused: InputError | None = None
    try:
        cohort = read_cohort(folder, on_problem=pick.choice(["skip", "stop"]))
    except InputError as error:
        refused = error
    if refused is not None:
        assert refused.problems
        assert all(one.file and one.expected for one in refused.problems)
        str(refused).encode("utf-8", "surrogatepass")
        return "refused"
    samples = cohort.samples[["day", "igg"]].to_numpy(dtype=np.float64)
    assert np.isfinite(samples).all()
    assert (samples[:, 1] > 0).all()
    assert np.isfinite(cohort.doses[["day", "amount_g", "duration_day"]].to_numpy(dtype=np.float64)).all()
    assert all(count.read >= count.used for count in cohort.rows.values())
    return "read"


@pytest.mark.parametrize("kind", KINDS)
@shared_folder
@given(seed=st.integers(0, 2**63))
def test_a_reader_answers_whatever_it_is_given(tmp_path: Path, kind: str, seed: int) -> None:
    outcome(tmp_path, kind, seed)


@pytest.mark.slow
def test_a_hundred_thousand_inputs(tmp_path: Path) -> None:
    rows = []
    for kind in KINDS:
        count = {"read": 0, "refused": 0}
        slowest = 0.0
        n_inputs = -(-N_INPUTS // len(KINDS))
        for seed in range(n_inputs):
            started = time.perf_counter()
            count[outcome(tmp_path, kind, seed)] += 1
            slowest = max(slowest, time.perf_counter() - started)
        rows.append({"kind": kind, "inputs": n_inputs, **count, "slowest_seconds": round(slowest, 2)})
    pd.DataFrame(rows).to_csv(TABLE, index=False, lineterminator="\n")
    assert max(row["slowest_seconds"] for row in rows) < SLOWEST_SECONDS
