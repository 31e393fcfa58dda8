"""The committed page of external validation is what its script gives, and its arithmetic is that of the kinetics."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from scripts import script

ROOT = Path(__file__).resolve().parents[1]
NUMBER = re.compile(r"\d+(?:\.\d+)?")


@pytest.fixture(scope="module")
def validation() -> ModuleType:
    return script("docs/external_validation.py")


def test_the_committed_page_is_what_the_script_gives(validation: ModuleType) -> None:
    """Words to the letter, numbers to one in the last place or 0.2 %: other processors round otherwise."""
    found, committed = validation.page(), validation.PAGE.read_text(encoding="utf-8")
    assert NUMBER.sub("#", found) == NUMBER.sub("#", committed)
    for one, other in zip(NUMBER.findall(found), NUMBER.findall(committed), strict=True):
        assert float(one) == pytest.approx(float(other), rel=0.002, abs=1.0)


def test_a_typical_patient_by_hand(validation: ModuleType) -> None:
    """Lee 2021, one compartment: trough = own + dose/V e^-kT / (1 - e^-kT), the peak 15 minutes after a dose."""
    variant = next(one for one in validation.VARIANTS if one.card_id == "lee_2021")
    found = validation.response(variant)
    volume, clearance = 2.77 * (70 / 27) ** 0.66, 0.0624 * (70 / 27) ** 0.88
    k = clearance / volume
    per_mg_per_kg = 100 * 0.07 / volume / (1 - np.exp(-k * 21))
    regimen = {"dose_mg_per_kg": 400.0, "interval_day": "21", "route": "iv"}
    row = pd.Series({"quantity": "trough", "statistic": "mean", **regimen})
    trough = validation.simulated(found, row, True)
    assert trough == pytest.approx(70 + 400 * per_mg_per_kg * np.exp(-k * 21), rel=1e-6)
    peak = validation.simulated(found, pd.Series({**row, "quantity": "peak"}), True)
    assert peak == pytest.approx(70 + 400 * per_mg_per_kg * np.exp(-k * 15 / 1440), rel=1e-6)
    assert validation.simulated(found, pd.Series({**row, "route": "sc", "interval_day": "7"}), True) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(100.0, "agrees"), (81.0, "agrees"), (119.0, "agrees"), (76.0, "noise"), (60.0, "low"), (140.0, "high")],
)
def test_verdicts(validation: ModuleType, value: float, expected: str) -> None:
    row = pd.Series({"statistic": "mean", "value": 100.0, "low": np.nan, "high": np.nan, "spread_sd": 50.0, "n": 16.0})
    assert validation.verdict(value, row) == expected


def test_a_reason_written_for_other_misses_is_noticed(validation: ModuleType) -> None:
    cells = {(variant.label, "x"): ("1", "high") for variant in validation.VARIANTS}
    reasons = {variant.label: {"misses": "", "why": "none"} for variant in validation.VARIANTS}
    with pytest.raises(AssertionError, match="was written for other misses"):
        validation.verdict_lines(cells, ["x"], reasons)
