"""Vega-Lite specifications to SVG, and to PNG where asked for, the charts of a report in one batch.

The converter starts a JavaScript engine: 0.3 to 0.6 s once, 15-30 ms a chart afterwards. It draws one chart at a time
and holds Python's lock meanwhile, so threads gain nothing; other processes, started before the fit, have their engines
ready when the charts are.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from igkinetics.charts.converter import convert
from igkinetics.charts.style import FONT

Spec = dict[str, Any]
Chart = tuple[str, Spec]
"""Title and specification."""
PROCESSES: Final = 2
BATCH_SECONDS_PER_CHART: Final = 2.0
BATCH_SECONDS: Final = 60.0
"""A converter process that takes longer is given up, and the charts are drawn here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Captioned:
    """A chart with its words. section: where on its page it belongs, or its name; title: for screen readers."""

    section: str
    title: str
    caption: str
    spec: Spec

    @property
    def chart(self) -> Chart:
        return self.title, self.spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A drawn chart, or why there is none. title: a plain description, read out by screen readers."""

    title: str
    svg: str = ""
    png: bytes = b""
    failure: str = ""


LONG_NUMBER: Final = re.compile(r"(?<=[\d,. (LM-])(\d*\.\d{2})\d+(?=[\s,)LMZ\"])")
"""A coordinate with more digits than a hundredth of a pixel: a third of the size of a drawing."""
IDLE: Final = re.compile(
    r'<path class="(?:foreground|background)" aria-hidden="true" d="(?:M0,0h0v0h0Z)?"[^>]*/>'
    r'| (?:opacity|stroke-width)="1"(?= |/|>)| pointer-events="none"| aria-roledescription="[^"]*"'
    r'| font-family="[^"]*"'
)
"""What a drawing holds that nobody sees: empty paths, attributes that say what is so anyway; a fifth of its size."""
Draw = Callable[[Sequence[Chart]], list[Figure]]


def draw(charts: Sequence[Chart], png: bool = False) -> list[Figure]:
    """Each chart as a Figure, drawn in this process; a chart that cannot be drawn says why."""
    return [_figure(title, convert(spec, png)) for title, spec in charts]


def _figure(title: str, drawing: dict[str, str]) -> Figure:
    return Figure(
        title=title,
        svg=slim(drawing.get("svg", "")),
        png=base64.b64decode(drawing.get("png", "")),
        failure=drawing.get("failure", ""),
    )


def slim(svg: str) -> str:
    """The same drawing in fewer letters; the font is named once, for all of it."""
    return IDLE.sub("", LONG_NUMBER.sub(r"\1", svg)).replace("<svg ", f'<svg font-family="{FONT}" ', 1)


@contextmanager
def converter_process(png: bool = False) -> Iterator[Draw]:
    """A function that draws batches as `draw` does, by processes that start at once.

    Should a process fail, its charts are drawn here: the same charts, a second later.
    """
    with ExitStack() as stack:
        started = [stack.enter_context(process) for process in (_process() for _ in range(PROCESSES)) if process]

        def share_drawn(process: subprocess.Popen[str], share: Sequence[Chart]) -> list[Figure]:
            return _drawn_by(process, share, png) or draw(share, png)

        def draw_elsewhere(charts: Sequence[Chart]) -> list[Figure]:
            if not started:
                return draw(charts, png)
            n = len(started)
            with ThreadPoolExecutor(max_workers=n) as pool:
                drawn = list(pool.map(share_drawn, started, [charts[place::n] for place in range(n)]))
            return [drawn[index % n][index // n] for index in range(len(charts))]

        try:
            yield draw_elsewhere
        finally:
            for process in started:
                process.kill()
                process.communicate()


def _process() -> subprocess.Popen[str] | None:
    """A converter that is starting; None where no process can be started."""
    command = [sys.executable, str(Path(__file__).with_name("converter.py"))]
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
    except OSError:
        return None


def _drawn_by(process: subprocess.Popen[str], charts: Sequence[Chart], png: bool) -> list[Figure]:
    """The figures; none when the process did not answer every chart."""
    if process.stdin is None or process.stdout is None:
        return []
    patience = threading.Timer(BATCH_SECONDS + BATCH_SECONDS_PER_CHART * len(charts), process.kill)
    patience.daemon = True
    patience.start()
    figures: list[Figure] = []
    try:
        for title, spec in charts:  # one at a time, so that neither pipe can fill up while the other waits
            process.stdin.write(json.dumps({"spec": spec, "png": png}, allow_nan=False) + "\n")
            process.stdin.flush()
            figures.append(_figure(title, json.loads(process.stdout.readline())))
    except (OSError, ValueError):  # gone, or answering something else than JSON
        return []
    finally:
        patience.cancel()
    return figures
