"""The linear cases of data/verify/reference_solutions, solved to 45 digits by their authors (see the README there)."""

from __future__ import annotations

import pytest

from igkinetics.verification.reference_solutions import points_of, rows

LINEAR_CASES = [int(row["case_id"]) for row in rows("cases.csv") if not row["model"].startswith("fcrn")]


def test_there_are_fifteen_linear_cases() -> None:
    assert len(LINEAR_CASES) == 15


@pytest.mark.parametrize("case", LINEAR_CASES)
def test_every_concentration_of_a_linear_case(case: int) -> None:
    points = list(points_of(case))
    assert len(points) == len(rows("concentrations.csv", case))
    assert max(point.distance for point in points) <= 1.0  # 1e-12 of each level
