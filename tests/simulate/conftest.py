"""One small design that the tests vary."""

from __future__ import annotations

from collections.abc import Callable

import pytest

BASE = """\
seed = 7
[population]
card = "adult_b_cell_depletion"
weight_kg = { mean = 70, sd = 14 }
[therapy]
cycles = 3
on_day = 28
off_day = 14
agent = "blinatumomab"
[visits]
every_day = 14
until_day = 140
[assay]
cv_percent = 8
lower_limit_mg_dl = 40
[[group]]
name = "treated"
n = 6
regimen = { dose_g_per_kg = 0.4, interval_day = 28, start_day = 7, stop_day = 100 }
[[group]]
name = "plain"
n = 4
"""


@pytest.fixture
def design() -> Callable[..., str]:
    """The text of the design, with (old, new) replacements, each of which must apply, and an appendix."""

    def varied(*changes: tuple[str, str], more: str = "") -> str:
        text = BASE
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        return text + more

    return varied
