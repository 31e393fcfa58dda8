"""-2 log likelihood of one IgG value, and its slope in the predicted level (docs/model.md 2).

Error: variance a^2 + (b C)^2 at the prediction C. Censored values enter with the probability of lying beyond
their limit (M3: Beal, J Pharmacokinet Pharmacodyn 2001;28:481). Constants are kept, so values can be compared.
"""

from __future__ import annotations

from math import erfc, exp, log, log1p, pi, sqrt

from igkinetics.kinetics.compile import kernel

NORMAL, LOGNORMAL, STUDENT_T = range(3)
RESIDUALS = {"normal": NORMAL, "lognormal": LOGNORMAL, "student_t": STUDENT_T}
STUDENT_DF = 4.0
LOG_2PI = log(2.0 * pi)
SQRT_HALF = sqrt(0.5)
FAR_TAIL = -20.0
LOG_T4_CONSTANT = log(0.375)  # gamma(2.5) / (gamma(2) sqrt(4 pi))


@kernel
def log_normal_cdf(z: float) -> tuple[float, float]:
    """log Phi(z) and its slope phi(z)/Phi(z); by an asymptotic series in the far tail (Abramowitz 26.2.12)."""
    if z < FAR_TAIL:
        y = 1.0 / (z * z)
        series = 1.0 - y * (1.0 - y * (3.0 - y * (15.0 - 105.0 * y)))
        return -0.5 * z * z - 0.5 * LOG_2PI - log(-z) + log(series), -z / series
    probability = 0.5 * erfc(-z * SQRT_HALF)
    return log(probability), exp(-0.5 * z * z - 0.5 * LOG_2PI) / probability


@kernel
def log_t4_cdf(z: float) -> tuple[float, float]:
    """log F(z) and its slope for Student's t with 4 degrees of freedom; (1 + u)^2 (2 - u) / 4, u = z/sqrt(4+z^2)."""
    root = sqrt(4.0 + z * z)
    one_plus_u = 4.0 / (root * (root - z)) if z < 0.0 else 1.0 + z / root
    probability = 0.25 * one_plus_u * one_plus_u * (3.0 - one_plus_u)
    density = 12.0 / root**5
    return log(probability), density / probability


@kernel
def minus_two_log(kind: int, y: float, limit: int, c: float, a: float, b: float) -> tuple[float, float]:
    """-2 log likelihood of y given the prediction c > 0, and its derivative in c.

    limit: 0 measured, -1 below y, +1 above y. a: g/L; b: share of c.
    """
    if kind == LOGNORMAL:
        cv2 = b * b + a * a / (c * c)
        variance = log1p(cv2)
        d_variance = -2.0 * a * a / (c * c * c) / (1.0 + cv2)
        distance = log(y) - log(c)
        d_distance = -1.0 / c
        jacobian = 2.0 * log(y)
    else:
        variance = a * a + b * b * c * c
        d_variance = 2.0 * b * b * c
        distance = y - c
        d_distance = -1.0
        jacobian = 0.0
    sd = sqrt(variance)
    z = distance / sd
    dz = d_distance / sd - 0.5 * z * d_variance / variance
    if limit != 0:
        side = -float(limit)
        log_p, slope = log_t4_cdf(side * z) if kind == STUDENT_T else log_normal_cdf(side * z)
        return -2.0 * log_p, -2.0 * slope * side * dz
    spread = log(variance) + jacobian
    d_spread = d_variance / variance
    if kind == STUDENT_T:
        tail = 1.0 + z * z / STUDENT_DF
        power = STUDENT_DF + 1.0
        return power * log(tail) - 2.0 * LOG_T4_CONSTANT + spread, power * 2.0 * z * dz / STUDENT_DF / tail + d_spread
    return z * z + spread + LOG_2PI, 2.0 * z * dz + d_spread
