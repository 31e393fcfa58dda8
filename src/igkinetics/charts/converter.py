"""The chart converter as a process of its own: requests in on stdin, drawings out on stdout, one JSON a line.

Run as a script, so that it imports nothing of igkinetics and its engine starts while the parent still imports.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

VEGA_LITE = "6.1"
SMALLEST: dict[str, Any] = {"data": {"values": [{}]}, "mark": "point"}
PRINT_PPI = 300
"""Pixels per inch of a PNG; a unit of a specification is 1/72 inch, so a chart of 500 units is 176 mm wide."""


def convert(spec: dict[str, Any], png: bool = False) -> dict[str, str]:
    """{"svg": ...}, with "png" in base64 when asked for, or {"failure": why} for what cannot be drawn."""
    import vl_convert

    text = json.dumps(spec, allow_nan=False)
    try:
        drawn = {"svg": vl_convert.vegalite_to_svg(text, vl_version=VEGA_LITE, allowed_base_urls=[])}
        if png:
            content = vl_convert.vegalite_to_png(text, vl_version=VEGA_LITE, allowed_base_urls=[], ppi=PRINT_PPI)
            drawn["png"] = base64.b64encode(content).decode()
    except ValueError as error:  # what the converter raises
        return {"failure": str(error).splitlines()[0]}
    return drawn


def main() -> None:
    convert(SMALLEST)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(convert(request["spec"], request["png"])), flush=True)


if __name__ == "__main__":
    main()
