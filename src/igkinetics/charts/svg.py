"""Vega-Lite specifications to SVG, all charts of a report in one batch.

The converter starts a JavaScript engine: 0.6 s once, 25-30 ms a chart afterwards, half of it measuring text. It
draws one chart at a time and holds Python's lock meanwhile, so threads gain nothing; a second process, started
before the fit, has its engine ready when the charts are.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from igkinetics.charts.converter import convert

Spec = dict[str, Any]
Chart = tuple[str, Spec]
"""Title and specification."""
BATCH_SECONDS_PER_CHART = 2.0
BATCH_SECONDS = 60.0
"""A converter process that takes longer is given up, and the charts are drawn here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A drawn chart, or why there is none. title: a plain description, read out by screen readers."""

    title: str
    svg: str = ""
    failure: str = ""


Draw = Callable[[Sequence[Chart]], list[Figure]]


def draw(charts: Sequence[Chart]) -> list[Figure]:
    """Each chart as a Figure, drawn in this process; a chart that cannot be drawn says why."""
    return [Figure(title=title, **convert(spec)) for title, spec in charts]


@contextmanager
def converter_process() -> Iterator[Draw]:
    """A function that draws one batch as `draw` does, by a process that starts at once.

    Should the process fail, the batch is drawn here: the same charts, a second later.
    """
    command = [sys.executable, str(Path(__file__).with_name("converter.py"))]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, encoding="utf-8", start_new_session=True,
        )  # fmt: skip
    except OSError:
        yield draw
        return

    def draw_elsewhere(charts: Sequence[Chart]) -> list[Figure]:
        return _drawn_by(process, charts) or draw(charts)

    try:
        yield draw_elsewhere
    finally:
        process.kill()
        process.communicate()


def _drawn_by(process: subprocess.Popen[str], charts: Sequence[Chart]) -> list[Figure]:
    """The figures; none when the process did not answer every chart."""
    sent = "".join(json.dumps(spec, allow_nan=False) + "\n" for _, spec in charts)
    try:
        answer, _ = process.communicate(sent, timeout=BATCH_SECONDS + BATCH_SECONDS_PER_CHART * len(charts))
        answers = [json.loads(line) for line in answer.splitlines()]
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return []
    if len(answers) != len(charts):
        return []
    return [Figure(title=title, **found) for (title, _), found in zip(charts, answers, strict=True)]
