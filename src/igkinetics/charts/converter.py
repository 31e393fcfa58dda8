"""The chart converter as a process of its own: specifications in on stdin, SVG out on stdout, one JSON a line.

Run as a script, so that it imports nothing of igkinetics and its engine starts while the parent still imports.
"""

from __future__ import annotations

import json
import sys
from typing import Any

VEGA_LITE = "6.1"
SMALLEST: dict[str, Any] = {"data": {"values": [{}]}, "mark": "point"}


def convert(spec: dict[str, Any]) -> dict[str, str]:
    """{"svg": ...}, or {"failure": why} for a specification that cannot be drawn."""
    import vl_convert

    text = json.dumps(spec, allow_nan=False)
    try:
        return {"svg": vl_convert.vegalite_to_svg(text, vl_version=VEGA_LITE, allowed_base_urls=[])}
    except ValueError as error:  # what the converter raises
        return {"failure": str(error).splitlines()[0]}


def main() -> None:
    convert(SMALLEST)
    for line in sys.stdin:
        print(json.dumps(convert(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
