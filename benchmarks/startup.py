"""Wall-clock time of whole processes: help, check, and fit on the example cohort, cold and warm.

    python benchmarks/startup.py [REPEATS]

Each time is the fastest of REPEATS fresh processes (default 5); `fit, cold` runs once with an empty kernel cache.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COHORT = ROOT / "data" / "blina23"
AIMS = {"--help": 0.3, "fit --help": 0.3, "fit, warm": 5.0}


def seconds(arguments: list[str], cache: str | None = None) -> float:
    """One fresh process; an exit status other than 0 stops the benchmark. cache: an empty user cache folder."""
    path = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": path}
    if cache is not None:
        environment |= {"XDG_CACHE_HOME": cache, "LOCALAPPDATA": cache, "HOME": cache}
    start = time.perf_counter()
    command = [sys.executable, "-m", "igkinetics", *arguments]
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.perf_counter() - start


def fastest(arguments: list[str], repeats: int) -> float:
    return min(seconds(arguments) for _ in range(repeats))


def main(repeats: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        fit = ["fit", str(COHORT), "--out", f"{scratch}/out", "--threshold", "400", "--overwrite"]
        times = {
            "--help": fastest(["--help"], repeats),
            "fit --help": fastest(["fit", "--help"], repeats),
            "check": fastest(["check", str(COHORT)], repeats),
            "fit, cold": seconds(fit, cache=f"{scratch}/cache"),
            "fit, warm": min(seconds(fit) for _ in range(repeats + 1)),
        }
    for name, wall in times.items():
        aim = f"  (aim {AIMS[name]:g} s)" if name in AIMS else ""
        print(f"{name:12} {wall:6.2f} s{aim}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
