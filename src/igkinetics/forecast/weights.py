"""The weights of cards that `evaluate` found, for `--card stack`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from igkinetics.errors import InputError, Problem

EVALUATE_FILE: Final = "evaluate.csv"


def weights_from(path: Path) -> dict[str, float]:
    """Card -> weight, from the folder that `evaluate` wrote, or its evaluate.csv. InputError where they are not
    there."""
    file = path / EVALUATE_FILE if path.is_dir() else path
    try:
        table = pd.read_csv(file, usecols=["card", "weight"]).drop_duplicates("card").dropna()
    except (OSError, ValueError) as error:  # pandas' errors are among these
        expected = f"must be a folder written by `evaluate`, or its {EVALUATE_FILE}"
        raise InputError([Problem(file="call", column="weights", found=path.name, expected=expected)]) from error
    return {str(card): float(weight) for card, weight in zip(table["card"], table["weight"], strict=True) if weight > 0}
