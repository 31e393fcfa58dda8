"""Where draws of a fitted patient go from the end of the record, under any schedule, drift included.

A drift goes on as its process does (docs/model.md 3.7): its mean fades away, its spread returns to the SD of the draw.
It multiplies all IgG, that of later doses too, as it does in a fit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from igkinetics.fit.drift_process import drift_from
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import Schedule


def factor_of(u: Floats, *, as_log: bool) -> Floats:
    """What a drift multiplies the kinetic curve by. as_log: under log-normal error."""
    return np.exp(u) if as_log else np.maximum(1.0 + u, 0.0)


def straight_between(nodes: Floats, values: Floats, days: Floats) -> Floats:
    """values (n, t) at ascending nodes (t,), two or more, straight between them and level beyond, at days (n, m)."""
    right, share = places_between(nodes, days)
    return np.asarray(values[:, right - 1] * (1.0 - share) + values[:, right] * share)


def places_between(nodes: Floats, days: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """Where days (m,) lie among ascending nodes: the node at or behind each, and how far towards it from the one before
    it, as a share."""
    right = np.clip(np.searchsorted(nodes, days, side="left"), 1, nodes.size - 1)
    width = nodes[right] - nodes[right - 1]
    share = np.clip((days - nodes[right - 1]) / np.where(width > 0, width, 1.0), 0.0, 1.0)
    return np.asarray(right, dtype=np.int64), share


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftAtEnd:
    """The drift of each draw at the end of a record.

    day: the last sample's; states (n, 2): u and its slope times DRIFT_DAYS; sd (n,): 0 for a draw without drift;
    as_log: the level is C exp(u), as under log-normal error, not C (1 + u).
    """

    day: float
    states: Floats
    sd: Floats
    as_log: bool = False

    def factors(self, days: Floats, generator: np.random.Generator) -> Floats:
        """What multiplies each draw's kinetic curve (n, m) at ascending days, none before the record's end; 1 without
        drift."""
        return factor_of(drift_from(self.states, self.sd, self.day, days, generator), as_log=self.as_log)

    def counted_from(self, day: float) -> Self:
        """The same with this day as day 0."""
        return replace(self, day=self.day - day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Levels (n, m), g/L, of n draws on m days."""

    endogenous: Floats
    infused: Floats

    @property
    def total(self) -> Floats:
        return self.endogenous + self.infused


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawnDrift:
    """A drift drawn once, so that every schedule meets the same one: what multiplies each draw's kinetic curve (n, t)
    at ascending days (t,), two or more, straight between them."""

    day: Floats
    factor: Floats

    def at(self, days: Floats) -> Floats:
        return straight_between(self.day, self.factor, days)


def drawn_drift(drift: DriftAtEnd, days: Floats, generator: np.random.Generator) -> DrawnDrift | None:
    """The drift at ascending days, none before the record's end; None where no draw drifts."""
    return DrawnDrift(day=days, factor=drift.factors(days, generator)) if drift.sd.any() else None


def paths_under(thetas: Floats, drawn: DrawnDrift | None, schedule: Schedule, days: Floats) -> Paths:
    """The levels of draws (n, 13) at ascending days under a schedule, with a drift that was drawn before."""
    endogenous, infused = igg_curve(thetas, schedule, days)
    if drawn is None:
        return Paths(endogenous=endogenous, infused=infused)
    factors = drawn.at(days)
    return Paths(endogenous=endogenous * factors, infused=infused * factors)


def forecast_paths(
    thetas: Floats, drift: DriftAtEnd | None, schedule: Schedule, days: Floats, generator: np.random.Generator
) -> Paths:
    """The levels of draws (n, 13) at ascending days under a schedule; of equal weight as the draws are.

    drift: None for draws of a model without one; with it, no day may lie before the record's end.

    The same generator gives the same drift under any schedule, so that schedules can be compared draw by draw.
    """
    endogenous, infused = igg_curve(thetas, schedule, days)
    if drift is None or not drift.sd.any():
        return Paths(endogenous=endogenous, infused=infused)
    factors = drift.factors(days, generator)
    return Paths(endogenous=endogenous * factors, infused=infused * factors)
