"""Doses as arrays, as the kinetics take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doses:
    """Doses of one patient, days ascending. day; g; day; route."""

    day: Floats
    amount_g: Floats
    duration_day: Floats
    is_sc: npt.NDArray[np.bool_]

    @staticmethod
    def none() -> Doses:
        empty = np.empty(0)
        return Doses(day=empty, amount_g=empty, duration_day=empty, is_sc=np.empty(0, dtype=bool))

    def given(self, which: npt.NDArray[np.bool_]) -> Doses:
        """Those doses for which the mask holds."""
        return Doses(day=self.day[which], amount_g=self.amount_g[which],
                     duration_day=self.duration_day[which], is_sc=self.is_sc[which])

    def followed_by(self, *, day: float, amount_g: float, duration_day: float, is_sc: bool) -> Doses:
        """These doses and one more, later than all of them."""
        return Doses(day=np.append(self.day, day), amount_g=np.append(self.amount_g, amount_g),
                     duration_day=np.append(self.duration_day, duration_day),
                     is_sc=np.append(self.is_sc, is_sc))

    @property
    def last_day(self) -> float | None:
        return float(self.day[-1]) if self.day.size else None
