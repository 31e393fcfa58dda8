"""How numbers and names read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from igkinetics import text
from igkinetics.fit.options import RESIDUALS
from igkinetics.kinetics.parameters import PARAMETERS, PRODUCTIONS
from igkinetics.report.compare_page import p_words
from igkinetics.report.words import PARAMETER_WORDS, PRODUCTION_WORDS, RESIDUAL_WORDS


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [(337.4, "mg/dL", "337"), (3.374, "g/L", "3.37"), (np.nan, "g/L", "–"), (None, "mg/dL", "–"), (pd.NA, "g/L", "–")],
)
def test_a_level_is_whole_mg_per_dl_or_g_per_l_to_two_decimals(value: object, unit: str, shown: str) -> None:
    assert text.level(value, unit) == shown


def test_control_and_direction_characters_of_a_name_are_spelt_out() -> None:
    assert text.visible("P\x1b[31m1") == "P\\u001b[31m1"
    assert text.visible("a\u202eb") == "a\\u202eb"
    assert text.visible("Zoë-7 患者") == "Zoë-7 患者"
    assert text.visible("x" * 100) == "x" * 59 + "…"


def test_lists_read_like_a_sentence() -> None:
    assert text.listed([]) == ""
    assert text.listed(["a"]) == "a"
    assert text.listed(["a", "b", "c"]) == "a, b and c"
    assert text.listed("abcdefg", most=2) == "a, b and 5 more"


def test_negative_days_and_shares() -> None:
    assert text.day(-4.6) == "−5"
    assert text.percent(0.95) == "95 %"
    assert text.percent(0.999) == "99.9 %"


def test_a_share_of_draws_claims_no_more_than_the_draws_can_tell() -> None:
    shares = [0.0, 8.4e-13, 0.25, 0.99999, 1.0]
    assert [text.share_of_draws(share) for share in shares] == ["0 %", "< 0.1 %", "25 %", "> 99.9 %", "100 %"]
    assert not text.is_true(np.nan)
    assert text.is_true(np.True_)


def test_rounding_makes_nothing_certain_or_impossible() -> None:
    probabilities = [0.0, 1e-6, 0.003, 0.9985, 0.5, 1.0 - 1e-15, 1.0, np.nan, -0.001, -0.2]
    assert [text.fraction(value) for value in probabilities] == [
        "0.00",
        "< 0.01",
        "< 0.01",
        "> 0.99",
        "0.50",
        "1.00",
        "1.00",
        "–",
        "> −0.01",
        "−0.20",
    ]
    shares = [text.share(value) for value in (0.0, 0.003, 0.9985, 1.0, np.nan)]
    assert shares == ["0 %", "< 1 %", "> 99 %", "100 %", "–"]
    assert [text.share(value, 1) for value in (0.0003, 0.9985, 0.99995)] == ["< 0.1 %", "99.9 %", "> 99.9 %"]
    assert [text.percent(value) for value in (0.9999, 0.99999, 1.0)] == ["99.99 %", "99.999 %", "100 %"]
    assert p_words(0.9998) == "> 0.999"
    assert p_words(1.0) == "1.000"


def test_numbers_have_no_exponent_below_a_million() -> None:
    assert [text.number(value) for value in (1158.2, -45678.0, 999.6, 2.5e6, 0.01234)] == [
        "1158",
        "−45,678",
        "1000",
        "2.5e+06",
        "0.0123",
    ]


def test_everything_the_model_names_has_words() -> None:
    assert set(PARAMETER_WORDS) == {*PARAMETERS, "half_life", "terminal_half_life"}
    assert set(PRODUCTION_WORDS) == set(PRODUCTIONS)
    assert set(RESIDUAL_WORDS) == set(RESIDUALS)
