"""Numbers and names as a reader sees them; nothing here computes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any, Final

import pandas as pd

UNKNOWN: Final = "–"
HIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
LABEL_LENGTH: Final = 60
ROUNDING: Final = 1e-12
"""A share this close to 0 or 1 is that, but for the rounding of sums."""


def known(value: Any) -> bool:
    """Whether a cell holds a value: not None, nan, NaT or empty text."""
    return bool(not pd.isna(value) and value != "")


def is_true(value: Any) -> bool:
    """Whether a cell of a column of truth values with gaps holds true."""
    return known(value) and bool(value)


def visible(name: Any, most: int = LABEL_LENGTH) -> str:
    """Text from the input with control and direction characters spelt out, at most `most` letters."""
    shown = "".join(
        f"\\u{ord(letter):04x}" if unicodedata.category(letter) in HIDDEN_CATEGORIES else letter for letter in str(name)
    )
    return shown if len(shown) <= most else shown[: most - 1] + "…"


LEVEL_DECIMALS = {"mg/dL": 0, "mg/L": 0, "ug/mL": 0, "g/L": 2, "mg/mL": 2, "g/dL": 3}


def level(value: Any, unit: str) -> str:
    """An IgG level without its unit: to about 1 mg/dL, so whole mg/dL, g/L to two decimals, g/dL to three."""
    if not known(value):
        return UNKNOWN
    return f"{float(value):.{LEVEL_DECIMALS.get(unit, 2)}f}"


def level_interval(lower: Any, upper: Any, unit: str) -> str:
    """Two levels, "251 to 310"; a dash when either is unknown."""
    if not (known(lower) and known(upper)):
        return UNKNOWN
    return f"{level(lower, unit)} to {level(upper, unit)}"


def day(value: Any) -> str:
    """A day number, whole; minus as a minus sign."""
    return f"{float(value):.0f}".replace("-", "−") if known(value) else UNKNOWN


def day_interval(lower: Any, upper: Any) -> str:
    return f"{day(lower)} to {day(upper)}" if known(lower) and known(upper) else UNKNOWN


def number(value: Any, digits: int = 3) -> str:
    """A number to so many significant digits; from 10^digits to a million whole, without an exponent; 12,345."""
    if not known(value):
        return UNKNOWN
    plain = f"{float(value):.{digits}g}"
    if "e+" in plain and abs(float(value)) < 1e6:
        plain = f"{float(value):.0f}"
    if "e" not in plain and abs(float(plain)) >= 1e4:
        plain = f"{float(plain):,}".removesuffix(".0")
    return plain.replace("-", "−")


def percent(fraction: float) -> str:
    """A stated fraction: 0.95 as "95 %", 0.9999 as "99.99 %"; three digits, or as many as keep it from 0 and 100."""
    digits = 3
    while 0.0 < fraction < 1.0 and float(f"{100 * fraction:.{digits}g}") == 100.0:
        digits += 1
    return f"{100 * fraction:.{digits}g} %"


def share(value: Any, decimals: int = 0) -> str:
    """A share that was computed, as percent; "> 99 %" and "< 1 %" where rounding would make it all or nothing."""
    return f"{_within(100 * float(value), 100.0, decimals)} %" if known(value) else UNKNOWN


def fraction(value: Any, decimals: int = 2) -> str:
    """A probability or weight; "> 0.99" and "< 0.01" where rounding would make it certain or impossible."""
    return _within(float(value), 1.0, decimals) if known(value) else UNKNOWN


def _within(value: float, whole: float, decimals: int) -> str:
    """A part of a whole, rounded; one that is not all of it never reads as all, nor anything as nothing."""
    step = 10.0**-decimals
    shown = f"{value:.{decimals}f}"
    if value < whole * (1.0 - ROUNDING) and float(shown) >= whole:
        return f"> {whole - step:.{decimals}f}"
    if abs(value) > whole * ROUNDING and float(shown) == 0.0:
        return f"{'<' if value > 0 else '>'} {'' if value > 0 else '−'}{step:.{decimals}f}"
    return shown.replace("-", "−")


def share_of_draws(fraction: float) -> str:
    """As percent; beyond what some thousand weighted draws can tell apart from 0 or 1, "< 0.1 %" or "> 99.9 %"."""
    if 0.0 < fraction < 0.001:
        return "< 0.1 %"
    if 0.999 < fraction < 1.0:
        return "> 99.9 %"
    return percent(fraction)


def listed(parts: Iterable[str], most: int = 5) -> str:
    """ "a, b and c"; beyond `most`, "a, b, c, d, e and 4 more"."""
    found = list(parts)
    if len(found) > most:
        found = [*found[:most], f"{len(found) - most} more"]
    if len(found) < 2:
        return "".join(found)
    return f"{', '.join(found[:-1])} and {found[-1]}"
