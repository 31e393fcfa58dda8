"""Which patients of a large cohort a report shows one by one: a stated choice, the same for every report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from igkinetics.random_streams import of_selection

MOST_DRAWN: Final = 60
"""Patients that get a part of a report of their own; a chart takes some 20 ms and 20 kB."""
LOWEST, WORST, RANDOM = "lowest nadir", "worst fit", "chosen at random"


def selection(
    everyone: Sequence[str], lowest: Sequence[str], worst: Sequence[str], *, seed: int, most: int = MOST_DRAWN
) -> dict[str, str]:
    """Patient -> why shown; "" for all of a cohort of `most` or fewer (in its order).

    Else a third each: the first of `lowest`, the lowest nadirs; the first of `worst`, the worst fits, that are not
    among these; and others at random, by the seed. lowest and worst: patients in that order.
    """
    if len(everyone) <= most:
        return dict.fromkeys(everyone, "")
    third = most // 3
    shown = dict.fromkeys(lowest[:third], LOWEST)
    shown |= dict.fromkeys([name for name in worst if name not in shown][:third], WORST)
    rest = [name for name in everyone if name not in shown]
    places = np.sort(of_selection(seed).choice(len(rest), size=min(most - len(shown), len(rest)), replace=False))
    return shown | {rest[place]: RANDOM for place in places}
