"""exp(x) - 1 of many numbers at once, in a form that the processor computes several of at a time."""

from __future__ import annotations

from math import factorial

import numpy as np
import numpy.typing as npt

from igkinetics.kinetics.compile import inner
from igkinetics.kinetics.parameters import Floats

BLOCK = 64
"""Curves that are followed side by side: loops of a fixed length over rows that lie a fixed distance apart."""
LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""Their sum is ln 2; the first has so many zero bits that its product with a whole number is exact."""
ROUNDS = 6755399441055744.0
"""1.5 x 2^52: a number of moderate size added to it is rounded, and stands in its last bits."""
BIAS, EXPONENT_AT = 1023, 52
"""Of a double: what is added to its binary exponent, and the bit where that begins."""
SMALLEST = -700.0
T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13 = (1.0 / factorial(n) for n in range(2, 14))


@inner
def fill_expm1(
    rates: Floats, first: int, t: float, out: Floats, into: int, scales: Floats, bits: npt.NDArray[np.int64]
) -> None:
    """out[into ...] = exp(-rate t) - 1 for BLOCK rates, 0 or more, from `first` on; as exact as expm1 of the library.

    exp(x) - 1 = s e + (s - 1) with x = k ln 2 + r, s = 2^k, e = exp(r) - 1 by its Taylor series, |r| up to ln 2 / 2.
    scales (BLOCK,) is overwritten; bits (BLOCK,) is the same memory, seen as whole numbers.
    """
    for k in range(BLOCK):
        x = max(-rates[first + k] * t, SMALLEST)
        shifted = x * LOG2_E + ROUNDS
        whole = shifted - ROUNDS
        r = x - whole * LN2_HIGH - whole * LN2_LOW
        square = r * r
        fourth = square * square
        low = (1.0 + r * T2) + square * (T3 + r * T4)
        middle = (T5 + r * T6) + square * (T7 + r * T8)
        high = (T9 + r * T10) + square * (T11 + r * T12)
        scales[k] = shifted
        out[into + k] = r * (low + fourth * (middle + fourth * (high + fourth * T13)))
    for k in range(BLOCK):
        bits[k] = (bits[k] + BIAS) << EXPONENT_AT
    for k in range(BLOCK):
        out[into + k] = scales[k] * out[into + k] + (scales[k] - 1.0)
