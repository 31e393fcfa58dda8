"""Whatever the bytes, a reader answers with a cohort or an InputError, accounts for every row, and comes to an end.

The slow test reads N_INPUTS of each kind and writes what became of them into fuzz.csv beside this file. A row of it
tells how many inputs of its kind have been read, with seed and versions: the first of those that the kind always has.
"""

from __future__ import annotations

import platform
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fuzz_foreign import FOREIGN
from fuzz_inputs import CARD, TABLES_AND_CARDS, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from igkinetics.cards.load import load_card
from igkinetics.cohort.mapping.draft import draft_mapping
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError
from igkinetics.simulate.read_design import read_design

KINDS = {**TABLES_AND_CARDS, **FOREIGN}
TABLE = Path(__file__).with_name("fuzz.csv")
N_INPUTS = {
    "bytes": 25_000,
    "tables": 3_000,
    "mappings": 3_000,
    "event files": 3_000,
    "Parquet": 8_000,
    "workbooks": 3_000,
    "model cards": 25_000,
    "designs": 30_000,
    "wide tables": 12_000,
    "words of laboratories": 14_000,
    "signs and censoring": 14_000,
    "weights and covariates": 14_000,
    "dated event files": 16_000,
    "databases": 16_000,
    "damaged workbooks": 14_000,
}
SEED = 1
LONGEST_SECONDS = 20.0
LONGEST_MESSAGE = 1_000_000
DRAFTED = 0.1
"""For so many of the inputs refused a draft of a mapping is made as well, as `check` does."""
shared_folder = settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def outcome(folder: Path, kind: str, number: int) -> str:
    """ "read" or "refused"; anything else is raised."""
    pick = random.Random(number)
    write(folder, KINDS[kind](pick))
    refused: InputError | None = None
    try:
        if kind == "model cards":
            load_card(folder / CARD)
            return "read"
        if kind == "designs":
            read_design(folder / "design.toml")
            return "read"
        cohort = read_cohort(folder, on_problem=pick.choice(["skip", "stop"]))
    except InputError as error:
        refused = error
    if refused is not None:
        assert refused.problems
        assert all(one.file and one.expected for one in refused.problems)
        assert len(str(refused).encode("utf-8", "surrogatepass")) < LONGEST_MESSAGE
        if pick.random() < DRAFTED:
            assert len(draft_mapping(folder)) < LONGEST_MESSAGE
        return "refused"
    samples = cohort.samples[["day", "igg"]].to_numpy(dtype=np.float64)
    assert np.isfinite(samples).all()
    assert (samples[:, 1] > 0).all()
    assert np.isfinite(cohort.doses[["day", "amount_g", "duration_day"]].to_numpy(dtype=np.float64)).all()
    assert all(count.read >= count.used for count in cohort.rows.values())
    return "read"


@pytest.mark.parametrize("kind", KINDS)
@shared_folder
@given(number=st.integers(0, 2**63))
def test_a_reader_answers_whatever_it_is_given(tmp_path: Path, kind: str, number: int) -> None:
    outcome(tmp_path, kind, number)


@pytest.mark.slow
def test_a_hundred_thousand_inputs(tmp_path: Path) -> None:
    """What became of them is written beside this test with the versions; no traceback and no hang is let pass."""
    packages = ("igkinetics", "pandas", "pyarrow", "python-calamine", "pydantic", "hypothesis")
    used = " ".join([f"python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)])
    rows = [asdict(fuzzed(tmp_path, kind, N_INPUTS[kind])) | {"seed": SEED, "versions": used} for kind in KINDS]
    pd.DataFrame(rows).to_csv(TABLE, index=False, lineterminator="\n")
    within_the_bars(pd.read_csv(TABLE))


def test_the_committed_table_is_of_these_readers_and_meets_the_bars() -> None:
    within_the_bars(pd.read_csv(TABLE))


def within_the_bars(table: pd.DataFrame) -> None:
    assert list(table["kind"]) == list(KINDS)
    assert table["inputs"].sum() >= 100_000
    assert (table["inputs"] == table["read"] + table["refused"] + table["tracebacks"] + table["hangs"]).all()
    assert (table[["tracebacks", "hangs"]] == 0).all(axis=None)
    assert table["read"].sum() > 5_000  # not all is refused at the door
    assert (table["slowest_seconds"] < LONGEST_SECONDS).all()


@dataclass
class Count:
    """What became of the inputs of one kind."""

    kind: str
    inputs: int = 0
    read: int = 0
    refused: int = 0
    tracebacks: int = 0
    hangs: int = 0
    slowest_seconds: float = 0.0


def numbers_of(kind: str) -> Iterator[int]:
    """The inputs of one kind, always in the same order: a longer run begins with a shorter one."""
    stream = random.Random(f"{SEED} {kind}")
    while True:
        yield stream.getrandbits(63)


def fuzzed(folder: Path, kind: str, n_inputs: int) -> Count:
    """What became of the first inputs of one kind; the numbers of those that raise or hang are printed."""
    count = Count(kind)
    for number in islice(numbers_of(kind), n_inputs):
        tried(count, folder, number)
    return count


def tried(count: Count, folder: Path, number: int) -> None:
    started = time.process_time()
    count.inputs += 1
    try:
        with time_limit(LONGEST_SECONDS):
            answer = outcome(folder, count.kind, number)
    except TimeoutError:
        count.hangs += 1
        print(count.kind, number, "hangs")
    except Exception as fault:  # noqa: BLE001  (whatever it is, it is counted and named)
        count.tracebacks += 1
        print(count.kind, number, repr(fault))
    else:
        count.read += answer == "read"
        count.refused += answer == "refused"
    count.slowest_seconds = max(count.slowest_seconds, round(time.process_time() - started, 2))


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Of processor time: what else the machine does is no hang."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"no answer within {seconds:g} s")

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
