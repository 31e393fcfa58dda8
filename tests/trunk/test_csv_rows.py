"""Large tables as compiled code writes them: byte for byte what pandas writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from igkinetics.output import files
from igkinetics.output.csv_rows import can_be_compiled, write_rows

ODD = [
    *(0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, -1.5, 10.0, 9999999999.0, 9999999999.4, 9999999999.5, 99999999995.0),
    *(1e-4, 1e-5, 0.99999999999e-4, 0.99999999994, 123456.789, 12345678905.0, 1e22, 1e23, 5e-324, 1e308, 0.1, 1 / 3),
    *(2.5, 1234567890.5, 1234567891.5, 1e15, 1e16, 100000.0, 1e-10, 1.00000000005, 1.00000000015),
]


def numbers(n: int) -> np.ndarray:
    """Of every size, with few and many digits, and half-way between two texts."""
    rng = np.random.default_rng(4)
    parts = [
        np.array(ODD),
        rng.lognormal(sigma=8.0, size=n) * rng.choice([-1.0, 1.0], n),
        np.round(rng.normal(size=n) * 1000.0, 3),
        rng.integers(-(10**6), 10**6, n) / 2.0,
        (rng.integers(10**9, 10**10, n) * 10 + 5) / 1e3,
        10.0 ** rng.integers(-30, 30, n),
        np.nextafter(10.0 ** rng.integers(-12, 12, n), rng.choice([0.0, np.inf], n)),
    ]
    return np.concatenate(parts)


def test_the_bytes_are_those_of_pandas(tmp_path: Path) -> None:
    x = numbers(3000)
    words = np.array(["plain", "a,b", 'c"d', "", "two\nlines", "é ß 日", " space ", None, "\r"], dtype=object)
    table = pd.DataFrame(
        {
            "text, odd": words[np.arange(x.size) % words.size],
            "number": x,
            "whole": np.concatenate([[0, -1, 10, 9223372036854775807], np.arange(x.size - 4) * 977 - 10**6]),
            "truth": np.arange(x.size) % 3 == 0,
            "same": pd.Series(["mg/dL"]).take(np.zeros(x.size, dtype=int)).array,
            "blank": np.nan,
            "again": x[::-1],
        }
    )
    assert can_be_compiled(table)
    write_rows(table, tmp_path / "ours.csv")
    table.to_csv(
        tmp_path / "theirs.csv", index=False, float_format=files.FLOAT_FORMAT, lineterminator="\n", encoding="utf-8"
    )
    assert (tmp_path / "ours.csv").read_bytes() == (tmp_path / "theirs.csv").read_bytes()


@pytest.mark.parametrize("odd", [[1.5, "a"], [1, True], [pd.Timestamp("2026-01-01")] * 2, [b"x", "y"]])
def test_columns_of_another_kind_are_left_to_pandas(odd: list[object]) -> None:
    assert not can_be_compiled(pd.DataFrame({"a": [1.0, 2.0], "b": pd.Series(odd, dtype=object)}))
    assert not can_be_compiled(pd.DataFrame({"a": [1.0, 2.0]}))  # one column: an empty field is written "" in quotes
