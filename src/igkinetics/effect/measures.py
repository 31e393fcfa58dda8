"""What is asked of one curve per draw: nadir, its day, days below thresholds, mean IgG."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from igkinetics.cohort.windows import Window
from igkinetics.fit.nadirs import RISE_SHARE
from igkinetics.kinetics.areas import areas_of_many
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.extremes import lowest_of_many
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Per draw, over one window: nadir, mean_igg (n,) g/L; nadir_day (n,); first_below, days_below (n, m), days.

    first_below is nan where the curve never falls below. All are exact: no grid is involved.
    """

    nadir: Floats
    nadir_day: Floats
    mean_igg: Floats
    first_below: Floats
    days_below: Floats

    def at_window_end(self, window: Window) -> Floats:
        """1 where the nadir lies on the window's first or last day, else 0."""
        return ((self.nadir_day <= window.start) | (self.nadir_day >= window.end)).astype(float)


def measures(thetas: Floats, schedule: Schedule, window: Window, thresholds: tuple[float, ...]) -> Measures:
    """thetas (n, 13); thresholds g/L (m,). The mean over a window of no length is the level there."""
    lowest, below = lowest_of_many(thetas, schedule, window.start, window.end, thresholds)
    length = window.end - window.start
    if length > 0:
        mean = areas_of_many(thetas, schedule, window.start, window.end).sum(axis=1) / length
    else:
        mean = np.add(*igg_curve(thetas, schedule, np.array([window.start])))[:, 0]
    return Measures(
        nadir=lowest[:, 0], nadir_day=lowest[:, 1], mean_igg=mean, first_below=below[:, :, 0], days_below=below[:, :, 1]
    )


def risen_at_end(thetas: Floats, schedule: Schedule, window: Window, nadir: Floats) -> Floats:
    """1 where the curve at the window's end lies more than RISE_SHARE above its nadir (docs/model.md 4), else 0."""
    end = np.add(*igg_curve(thetas, schedule, np.array([window.end])))[:, 0]
    return (end > (1.0 + RISE_SHARE) * nadir).astype(float)
