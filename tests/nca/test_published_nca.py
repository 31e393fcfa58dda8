"""Values printed by PKNCA's own tests (data/verify/nca_cases.json: inputs, values and places)."""

from __future__ import annotations

from typing import Any

import pytest

from igkinetics.verification.comparison import json_cases
from igkinetics.verification.profiles import line_of, points_of, profile

CASES = {case["id"]: case for case in json_cases("nca_cases.json")}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_values_are_those_printed(case: dict[str, Any]) -> None:
    assert max(point.distance for point in points_of(case)) <= 1.0


def test_a_terminal_line_is_that_of_an_independent_computation() -> None:
    case = CASES["half_life_four_points"]
    line = line_of(case["id"], *profile(case["input"]))
    found = {
        "lambda_z": line.rate,
        "half_life": line.half_life,
        "clast_pred": line.level(3.0),
        "span_ratio": line.span,
    }
    assert found == pytest.approx(case["recomputed"], rel=1e-12)
