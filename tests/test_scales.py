"""Scales of estimation: there and back, moved by a deviation, and their slope by differences."""

from __future__ import annotations

import numpy as np
import pytest

from igkinetics.fit.objective import natural_value
from igkinetics.kinetics.parameters import INDEX
from igkinetics.scales import from_scale, scale_of, shifted, slope, to_scale


@pytest.mark.parametrize(("scale", "value"), [("log", 0.155), ("log", 6.0), ("logit", 0.55), ("logit", 0.999)])
def test_there_and_back(scale: str, value: float) -> None:
    x = to_scale(value, scale)
    assert isinstance(x, float)
    assert from_scale(x, scale) == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(from_scale(to_scale(np.array([value, value / 2]), scale), scale), [value, value / 2])
    h = 1e-6
    numeric = (from_scale(x + h, scale) - from_scale(x - h, scale)) / (2 * h)
    assert slope(value, scale) == pytest.approx(numeric, rel=1e-6)
    both = shifted(value, scale, np.array([0.0, 0.3]))
    np.testing.assert_allclose(both, [value, from_scale(x + 0.3, scale)], rtol=1e-14)


def test_a_fixed_value_may_lie_outside_its_scale() -> None:
    assert list(shifted(0.0, "logit", np.zeros(2))) == [0.0, 0.0]
    assert shifted(np.array([0.0, np.nan]), "log", np.zeros((3, 2))).shape == (3, 2)


@pytest.mark.parametrize("name", ["CL", "S", "F", "k_loss"])
def test_kernels_use_the_same_scales(name: str) -> None:
    assert natural_value(INDEX[name], -0.7) == pytest.approx(from_scale(-0.7, scale_of(name)), rel=1e-15)
