"""What is given to a test patient, independent of the schedule under test, and random patients for hypothesis."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from igkinetics.hierarchical.pausing import acting_in
from igkinetics.kinetics.parameters import INDEX, Floats
from igkinetics.kinetics.schedule import Schedule, build_schedule

HORIZON_DAY = 150.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """day, g, duration in days (0: bolus), subcutaneous or intravenous."""

    day: float
    amount_g: float
    duration_day: float = 0.0
    subcutaneous: bool = False

    @property
    def end_day(self) -> float:
        """The double nearest to day + duration; the whole amount is given from day to this day."""
        return self.day + self.duration_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """Doses, disjoint therapy intervals [start, stop) and the interval in which the two ratios act; further such."""

    start_day: float = 0.0
    doses: tuple[Dose, ...] = ()
    therapy: tuple[tuple[float, float], ...] = ()
    modified: tuple[float, float] | None = None
    further: tuple[tuple[float, float], ...] = ()

    @property
    def acting(self) -> tuple[tuple[float, float], ...]:
        """Every interval in which the ratios act."""
        return (*((self.modified,) if self.modified else ()), *self.further)

    def schedule(self) -> Schedule:
        if self.further:
            return acting_in(replace(self, modified=None, further=()).schedule(), self.acting)
        return build_schedule(
            start_day=self.start_day,
            dose_day=[dose.day for dose in self.doses],
            dose_g=[dose.amount_g for dose in self.doses],
            dose_duration_day=[dose.duration_day for dose in self.doses],
            dose_is_sc=[float(dose.subcutaneous) for dose in self.doses],
            therapy_start=[start for start, _ in self.therapy],
            therapy_stop=[stop for _, stop in self.therapy],
            modified=self.modified,
        )

    def event_days(self) -> list[float]:
        """All finite days at which anything changes, ascending."""
        days = {self.start_day}
        for dose in self.doses:
            days |= {dose.day, dose.end_day}
        for interval in (*self.therapy, *self.acting):
            days |= {day for day in interval if np.isfinite(day)}
        return sorted(day for day in days if day >= self.start_day)

    def shifted(self, by_day: float) -> Treatment:
        return replace(
            self,
            start_day=self.start_day + by_day,
            doses=tuple(replace(dose, day=dose.day + by_day) for dose in self.doses),
            therapy=tuple((start + by_day, stop + by_day) for start, stop in self.therapy),
            modified=None if self.modified is None else (self.modified[0] + by_day, self.modified[1] + by_day),
        )


ADULT: dict[str, float] = {
    "CL": 0.155,
    "V1": 3.2,
    "Q": 0.55,
    "V2": 2.0,
    "ka": 0.4,
    "F": 0.69,
    "C_base": 6.0,
    "C_init": 5.0,
    "S": 0.55,
    "k_loss": 0.0866,
    "k_rec": 0.0077,
    "clearance_ratio": 1.0,
    "production_ratio": 1.0,
}
"""A plausible adult on blinatumomab; g, L, day."""


def vector(**changes: float) -> Floats:
    """The 13 parameters of ADULT with some changed."""
    values = np.empty(len(INDEX))
    for name, place in INDEX.items():
        values[place] = {**ADULT, **changes}[name]
    return values


def log_uniform(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(np.log(low), np.log(high)).map(lambda x: float(np.exp(x)))


def random_parameters() -> st.SearchStrategy[Floats]:
    """Both dispositions, all four productions, ratios on either side of 1."""
    ratio = st.one_of(st.just(1.0), log_uniform(0.4, 2.5))
    strategies = {
        "CL": log_uniform(0.02, 1.0),
        "V1": log_uniform(1.0, 10.0),
        "Q": st.one_of(st.just(0.0), log_uniform(0.01, 4.0)),
        "V2": log_uniform(0.5, 8.0),
        "ka": log_uniform(0.05, 3.0),
        "F": st.floats(0.2, 1.0),
        "C_base": st.one_of(st.just(0.0), st.floats(0.5, 15.0)),
        "C_init": st.floats(0.1, 15.0),
        "S": st.one_of(st.just(0.0), st.floats(0.0, 1.0), st.just(1.0)),
        "k_loss": st.one_of(st.just(np.inf), st.just(0.0), log_uniform(0.01, 3.0)),
        "k_rec": st.one_of(st.just(0.0), log_uniform(0.001, 0.5)),
        "clearance_ratio": ratio,
        "production_ratio": ratio,
    }
    return st.fixed_dictionaries(strategies).map(lambda values: vector(**values))


@st.composite
def random_treatments(draw: st.DrawFn, *, max_doses: int = 6, modified: bool = True) -> Treatment:
    """Boluses and infusions, intravenous and subcutaneous, that may overlap; therapy cycles; a window of ratios."""
    start_day = draw(st.sampled_from([0.0, -13.5]))
    days = st.one_of(st.just(start_day), st.sampled_from([0.0, 28.0, 56.0]), st.floats(start_day, HORIZON_DAY))
    doses = st.builds(
        Dose,
        day=days,
        amount_g=st.floats(1.0, 60.0),
        duration_day=st.sampled_from([0.0, 0.0, 1e-6, 1 / 48, 0.25, 5.0, 40.0]),
        subcutaneous=st.booleans(),
    )
    edges = draw(st.lists(days, max_size=6, unique=True).map(sorted))
    therapy = [*zip(edges[::2], edges[1::2], strict=False)]
    if len(edges) % 2:
        therapy.append((edges[-1], np.inf))
    window = None
    if modified and draw(st.booleans()):
        first, last = sorted((draw(days), draw(days)))
        window = (first, last)
    return Treatment(
        start_day=start_day,
        doses=tuple(draw(st.lists(doses, max_size=max_doses))),
        therapy=tuple(therapy),
        modified=window,
    )


def days_of(treatment: Treatment, n: int = 25) -> npt.NDArray[np.float64]:
    """Ascending days that meet every event and lie between them; past the last event too."""
    spread = np.linspace(treatment.start_day, HORIZON_DAY + 60.0, n)
    return np.unique(np.concatenate([spread, treatment.event_days()]))
