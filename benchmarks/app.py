"""How fast the page is, measured in the page, with a number of it held against Python.

python benchmarks/app.py           start to the first curve, 50 changes of a dose, 10 changes of a sample; half a minute

Beside each time from the start stands the processor time of the server (Linux), which a busy machine changes less.
Python keeps its compiled modules, as it does for a user, whatever the environment says.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT / "tests" / "app")]

from running import running_app  # noqa: E402
from webdriver import CHROMEDRIVER, CHROMIUM, MISSING, Browser, browser  # noqa: E402

from igkinetics.app.desk import Desk  # noqa: E402
from igkinetics.app.whatif import Plan  # noqa: E402
from igkinetics.cohort.read import read_cohort  # noqa: E402

COHORT, WHO = ROOT / "data" / "blina23", "IVIG-02"
CURVE = "return document.querySelectorAll('#chart path.line.fit[d^=M]').length"
COUNT = "return window.igkinetics.latencies.filter((one) => one.kind === arguments[0]).length"
TIMES = "return window.igkinetics.latencies.filter((one) => one.kind === arguments[0]).map((one) => one.ms)"
MOVE = """const field = document.querySelector(".regimen.a [data-key=dose_g] input[type=range]");
field.value = arguments[0]; field.dispatchEvent(new Event("input", {bubbles: true}));"""
TYPE = """const rows = document.querySelectorAll("table[data-table=samples] tbody tr");
const cell = rows[rows.length - 2].querySelector(".igg"); cell.value = arguments[0];
cell.dispatchEvent(new Event("change", {bubbles: true}));"""
NUMBER = "return Number(document.querySelector(\"#numbers tr[data-key='next_trough'] td.a\").dataset.value)"


def processor_seconds(pid: int) -> float:
    """Of a process, all threads; nan where the system does not tell it as Linux does."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def until(reader: Browser, code: str, least: int, *arguments: str) -> None:
    last = time.monotonic() + 300
    while reader.script(code, *arguments) < least:
        if time.monotonic() > last:
            raise RuntimeError(f"nothing came: {reader.log('browser')}")
        time.sleep(0.01)


def measure(reader: Browser) -> None:
    until(reader, "return window.igkinetics.state.outlooks.a ? 1 : 0", 1)
    for place in range(50):
        before = reader.script(COUNT, "full")
        reader.script(MOVE, 10 + place)
        until(reader, COUNT, before + 1, "full")
    desk = Desk()
    desk.open(read_cohort(COHORT))
    regimen = {"name": "A", "dose_g": 59.0, "interval_day": 28.0, "start_day": 0.0, "route": "iv"}
    expected = desk.plan(WHO, Plan(thresholds=(400.0,), horizon_day=112.0)).under(regimen).next_trough["median"]
    apart = abs(reader.script(NUMBER) / expected - 1.0)
    for kind, words in (("quick", "while it moves, 400 draws"), ("full", "at rest, all 2,000 draws")):
        times = reader.script(TIMES, kind)
        told = f"median {statistics.median(times):.0f} ms of {len(times)}, slowest {max(times):.0f} ms"
        print(f"a change of dose until its number stands there, {words}: {told}")
    print(f"the next trough on the page against Python: {apart:.1e} apart, relative")
    for place in range(10):
        before = reader.script(COUNT, "record")
        reader.script(TYPE, str(560 + place))
        until(reader, COUNT, before + 1, "record")
    times = reader.script(TIMES, "record")
    print(f"a changed sample until the new fit stands there: median {statistics.median(times):.0f} ms of {len(times)}")


def main() -> None:
    if not (CHROMIUM and CHROMEDRIVER):
        raise SystemExit(MISSING)
    with tempfile.TemporaryDirectory() as folder, browser(Path(folder)) as reader:
        reader.view(width=1200)
        for kernels, last in (("first", False), ("warm", False), ("warm", True)):
            began = time.perf_counter()
            keep = {"PYTHONDONTWRITEBYTECODE": ""}
            with running_app(str(COHORT), "--threshold", "400", environment=keep) as page:
                listening = time.perf_counter() - began
                reader.visit(page.address)
                until(reader, CURVE, 1)
                drawn, used = time.perf_counter() - began, processor_seconds(page.process.pid)
                spent = f"of it {listening:.1f} s to the address; the server took {used:.1f} s of processor time"
                print(f"start to the first curve, {kernels} start: {drawn:.1f} s, {spent}")
                if last:
                    reader.script("document.querySelector('#record').open = true")
                    measure(reader)
    print(f"load of the machine over the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
