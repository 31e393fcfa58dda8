"""Colours that colour-blind readers can tell apart (Okabe and Ito), and the look of every chart."""

from __future__ import annotations

from typing import Any, Final

TOTAL: Final = "#0072B2"  # blue
ENDOGENOUS: Final = "#D55E00"  # vermillion
DOSE: Final = "#007A5A"  # bluish green, darkened to hold 4.5:1 against white
THERAPY: Final = "#F0E442"  # yellow
THRESHOLD: Final = "#CC79A7"  # reddish purple
SAMPLE: Final = "#000000"
GRID: Final = "#E6E6E6"
GROUPS: Final = ("#0072B2", "#D55E00", "#007A5A", "#CC79A7", "#56B4E9", "#E69F00")
GROUP_SHAPES: Final = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")

CHART_WIDTH: Final = 430
CHART_HEIGHT: Final = 230
FONT: Final = "Arial, Helvetica, Liberation Sans, sans-serif"
VALUE_TEXT: Final[dict[str, Any]] = {"type": "text", "align": "left", "dx": 8, "fontSize": 14, "color": "#222222"}
"""Mark of a number written beside a point or bar."""
CONFIG: Final[dict[str, Any]] = {
    "aria": False,
    "font": FONT,
    "background": "#FFFFFF",
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 14,
        "titleFontSize": 15,
        "titleFontWeight": "normal",
        "labelColor": "#222222",
        "titleColor": "#222222",
        "gridColor": GRID,
        "domainColor": "#666666",
        "tickColor": "#666666",
        "labelOverlap": "greedy",
    },
    "numberFormat": "~f",
}


def rows_axis(names: list[str]) -> dict[str, Any]:
    """The y axis of a chart with a named row each, in this order."""
    return {
        "field": "row",
        "type": "nominal",
        "sort": None,
        "title": None,
        "scale": {"domain": names},
        "axis": {"labelLimit": 300, "ticks": False, "domain": False},
    }
