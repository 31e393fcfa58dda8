"""Vega-Lite specifications to SVG, by one converter for the whole process.

The converter starts a JavaScript engine: 0.5-0.9 s once, 25-45 ms a chart afterwards, most of it measuring
text. It draws one chart at a time and holds Python's lock meanwhile, so threads gain nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

VEGA_LITE: Final = "6.1"
Spec = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A drawn chart, or why there is none. title: a plain description, read out by screen readers."""

    title: str
    svg: str = ""
    failure: str = ""


def draw(charts: Sequence[tuple[str, Spec]]) -> list[Figure]:
    """Each (title, specification) as a Figure; a chart that cannot be drawn says why."""
    return [_draw_one(title, spec) for title, spec in charts]


def _draw_one(title: str, spec: Spec) -> Figure:
    try:
        return Figure(title=title, svg=_render(spec))
    except ValueError as error:  # what the converter raises on a specification it cannot draw
        return Figure(title=title, failure=str(error).splitlines()[0])


def _render(spec: Spec) -> str:
    import vl_convert

    text = json.dumps(spec, allow_nan=False)
    return str(vl_convert.vegalite_to_svg(text, vl_version=VEGA_LITE, allowed_base_urls=[]))
