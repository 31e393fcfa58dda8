"""Values printed by PKNCA's own tests (nca_cases.json: inputs, values and places in humanpred/pknca at 686509f9)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from igkinetics.noncompartmental import areas
from igkinetics.noncompartmental.areas import BelowLimit

CASES = {case["id"]: case for case in json.loads(Path(__file__).with_name("nca_cases.json").read_text("utf-8"))}
KEEP = BelowLimit(middle="keep")


def arrays(case: dict[str, Any]) -> tuple[areas.Floats, areas.Floats]:
    return np.array(case["input"]["time"], dtype=float), np.array(case["input"]["conc"], dtype=float)


def area(case: dict[str, Any]) -> float:
    """The area that the case asks for."""
    given = case["input"]
    rule = BelowLimit(**given["blq"]) if isinstance(given.get("blq"), dict) else KEEP
    day, level = areas.without_below(*arrays(case), rule)
    method: areas.Method = "linear" if given["method"] == "linear" else "linear_up_log_down"
    if given["type"] == "all":
        return areas.area_of_all(day, level, method)
    to_last, _ = areas.area_to_last(day, level, method)
    last = areas.last_measured(level)
    beyond = areas.beyond_last(day[last], level[last], given["lambda_z"])[0] if given["type"] == "inf" else 0.0
    return to_last + beyond


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("auc_") and "extrapolated" not in name])
def test_areas_are_those_printed(name: str) -> None:
    assert area(CASES[name]) == pytest.approx(CASES[name]["expected"], rel=1e-12)


def test_terminal_lines_are_those_printed() -> None:
    case = CASES["half_life_four_points"]
    line = areas.log_line(*arrays(case))
    found = {
        "lambda_z": line.rate,
        "half_life": line.half_life,
        "clast_pred": line.level(3.0),
        "span_ratio": line.span,
    }
    assert found == pytest.approx(case["expected"], rel=case["tolerance_rel"])
    assert found == pytest.approx(case["recomputed"], rel=1e-12)
    after_peak = areas.terminal_slope(*arrays(CASES["half_life_without_peak"]))
    assert isinstance(after_peak, areas.Slope)
    assert after_peak.half_life == pytest.approx(CASES["half_life_without_peak"]["expected"], rel=1e-6)
    by_hand = areas.log_line(*arrays(CASES["half_life_by_hand"]))
    assert by_hand.half_life == pytest.approx(CASES["half_life_by_hand"]["expected"], rel=1e-4)


def test_likelihood_with_a_value_below_the_limit_is_the_one_printed() -> None:
    case = CASES["tobit_negative_log_likelihood"]
    given, below = case["input"], np.array([False, False, True])
    level = np.array([1.0, 0.5, 0.3])
    found = areas.tobit_minus_log_likelihood(
        given["log_c0"], given["lambda_z"], given["sd_of_log"], np.array(given["time"], dtype=float), level, below
    )
    assert found == pytest.approx(case["value"], rel=1e-12)
