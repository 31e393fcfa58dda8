"""Axes that charts of courses share: days with their dates, and levels with the peaks of infusions squeezed."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.charts.svg import Spec
from igkinetics.units import IggUnit, from_g_per_l

FOCUS_G_PER_L: Final = 6.0
"""What decisions are about lies below, unless a threshold asks for more."""
FOCUS_OVER_THRESHOLD: Final = 1.5
SQUEEZED_FROM: Final = 1.6
"""Peaks so many times as high as the focus are squeezed."""
SHARE_OF_PEAKS: Final = 0.28
"""Of the height, for what lies above the focus."""
DAY_MS: Final = 86_400_000


def day_axis(first: float, last: float, origin: pd.Timestamp | None = None, *, ticks: int = 5) -> Spec:
    """Days; with their dates below where `origin`, the moment of day 0, is known and to be told."""
    axis: Spec = {"tickCount": ticks}
    if origin is not None:
        naive = origin.tz_localize(None) if origin.tzinfo is not None else origin
        start = int((naive - pd.Timestamp(0)).total_seconds() * 1000)
        axis["labelExpr"] = f"[datum.label, utcFormat({start} + datum.value * {DAY_MS}, '%-d %b %Y')]"
    title = "Time (day)" if origin is None else "Time (day and date)"
    return {"type": "quantitative", "scale": {"domain": [first, last], "nice": False}, "title": title, "axis": axis}


def level_axis(
    levels: npt.NDArray[np.float64], top: float, thresholds: Sequence[float], unit: IggUnit, height: float
) -> Spec:
    """From 0 to `top`. Where the middle of `levels` lies low and `top` far above, the upper part is squeezed."""
    focus = max(from_g_per_l(FOCUS_G_PER_L, unit), FOCUS_OVER_THRESHOLD * max(thresholds, default=0.0))
    spec: Spec = {"type": "quantitative", "title": f"Serum IgG ({unit})"}
    known = levels[np.isfinite(levels)]
    if top < SQUEEZED_FROM * focus or not known.size or float(np.median(known)) > focus:
        return spec | {"scale": {"domain": [0, top], "nice": True}, "axis": {"tickCount": 4}}
    pixels = [height, SHARE_OF_PEAKS * height, 0]
    ticks = [0.0, focus / 3, 2 * focus / 3, focus, *ticks_above(focus, top)]
    return spec | {
        "scale": {"domain": [0, focus, top], "range": pixels, "nice": False},
        "axis": {"values": [float(f"{tick:.6g}") for tick in ticks]},
    }


def ticks_above(focus: float, top: float) -> list[float]:
    """One or two round numbers between the focus and the top, not too near either."""
    step = (top - focus) / 2
    size = 10.0 ** floor(log10(step))
    round_step = size * max(factor for factor in (1, 2, 5) if factor * size <= step)
    first = np.ceil((focus + 0.3 * step) / round_step) * round_step
    return [float(tick) for tick in np.arange(first, top, round_step) if tick <= top][:2]


def squeeze_layer(levels: Spec) -> list[Spec]:
    """A line where the scale changes; nothing on a scale that does not."""
    domain = levels["scale"].get("domain", [])
    if len(domain) < 3:
        return []
    rule: Spec = {"type": "rule", "color": "#666666", "strokeWidth": 1, "strokeDash": [1, 3]}
    data: Any = {"values": [{"igg": domain[1]}]}
    return [{"data": data, "mark": rule, "encoding": {"y": {"field": "igg", **levels}}}]
