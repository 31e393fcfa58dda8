"""Whole vials against every combination by brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from igkinetics.dosing.regimen import Regimen
from igkinetics.dosing.vials import vials_of, vials_words, whole_vials

EVERY_SIZE = (1.0, 2.5, 4.0, 5.0, 6.0, 10.0, 20.0)


@pytest.mark.parametrize("seed", range(40))
def test_the_nearest_amount_of_the_fewest_vials(seed: int) -> None:
    """All numbers of vials of each size up to one size beyond the amount."""
    generator = np.random.default_rng(seed)
    amount = round(float(generator.uniform(0.01, 30.0)), 1 if seed % 2 else 3)
    sizes = sorted(generator.choice(EVERY_SIZE, size=generator.integers(1, 4), replace=False).tolist())
    most = [int(amount / size) + int(max(sizes) / size) + 1 for size in sizes]
    made: dict[float, int] = {}
    for counts in product(*(range(number + 1) for number in most)):
        total = round(float(np.dot(counts, sizes)), 3)
        if total > 0:
            made[total] = min(made.get(total, 1000), sum(counts))
    nearest = min(made, key=lambda total: (round(abs(total - amount), 6), -total))
    (given_g,) = whole_vials(np.array([amount]), sizes)
    assert given_g == nearest
    vials = vials_of(given_g, sizes)
    assert sum(number * size for number, size in vials) == pytest.approx(given_g, abs=1e-9)
    assert sum(number for number, _ in vials) == made[nearest]


def test_the_words_and_what_is_no_sum_of_vials() -> None:
    assert vials_words(27.5, [2.5, 5, 10]) == "2 x 10 g + 1 x 5 g + 1 x 2.5 g"
    assert vials_words(30.0, [2.5]) == "12 x 2.5 g"
    assert vials_words(30.0, None) == ""
    assert vials_of(12.0, [4.0, 6.0, 10.0]) == [(2, 6.0)]  # not 10 g and nothing that makes 2 g
    with pytest.raises(ValueError, match=r"3 g is no sum of vials of 2\.5, 5 g"):
        vials_of(3.0, [2.5, 5])


def test_an_unknown_amount_stays_unknown() -> None:
    assert np.isnan(whole_vials(np.array([np.nan, 4.0]), [5.0])).tolist() == [True, False]


@pytest.mark.parametrize("sizes", [[5.0, 2.5], [5.0, 5.0], [0.0001, 5.0]])
def test_sizes_that_are_none_are_told(sizes: list[float]) -> None:
    with pytest.raises(ValueError, match="vial_g"):
        Regimen.model_validate({"dose_g": 10.0, "interval_day": 28.0, "vial_g": sizes})
