"""Measured levels of all profiles of a non-compartmental analysis, against days since each profile's start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from igkinetics.charts import style
from igkinetics.charts.svg import Spec
from igkinetics.units import IggUnit

MOST_PROFILES: Final = 200
"""Beyond, profiles evenly spaced in their order."""


def profiles_chart(profiles: Sequence[Mapping[str, Any]], unit: IggUnit, *, subtracted: bool = False) -> Spec:
    """profiles: `day` and `level` (lists, in the unit, above 0) of each. A line per profile on a logarithmic axis.

    subtracted: levels are less a baseline, and the axis says so.
    """
    shown = profiles[:: max(1, -(-len(profiles) // MOST_PROFILES))]
    rows = [
        {"profile": index, "day": round(float(day), 3), "igg": float(f"{level:.4g}")}
        for index, profile in enumerate(shown)
        for day, level in zip(profile["day"], profile["level"], strict=True)
    ]
    scale = {"nice": False, "zero": True}
    x = {"field": "day", "type": "quantitative", "title": "Days since the dose", "scale": scale}
    y = {
        "field": "igg",
        "type": "quantitative",
        "title": f"IgG less the baseline ({unit})" if subtracted else f"IgG ({unit})",
        "scale": {"type": "log", "nice": False},
        "axis": {"tickCount": 5},
    }
    looks = {"type": "line", "color": style.TOTAL, "strokeWidth": 1.3, "opacity": 0.5}
    points = {"type": "point", "filled": True, "color": style.TOTAL, "size": 22, "opacity": 0.8}
    return {
        "width": style.CHART_WIDTH,
        "height": style.CHART_HEIGHT,
        "config": style.CONFIG,
        "data": {"values": rows},
        "layer": [
            {"mark": looks, "encoding": {"x": x, "y": y, "detail": {"field": "profile"}}},
            {"mark": points, "encoding": {"x": x, "y": y}},
        ],
    }
