"""The pages whose commands and examples are run as tests: the README, the guides and the tutorials."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
DOCS: Final = ROOT / "docs"
PAGES: Final = (ROOT / "README.md", *sorted((DOCS / "guide").glob("*.md")), *sorted((DOCS / "tutorials").glob("*.md")))
CONSOLE: Final = re.compile(r"```console\n\$ python -m igkinetics (.+)\n((?:.*\n)*?)```")
PYTHON: Final = re.compile(r"```python\n((?:.*\n)*?)```\n(?:\n```\n((?:.*\n)*?)```)?")
FILE: Final = re.compile(r"`([\w./]+)`:\n\n```(?:toml|csv)\n((?:.*\n)*?)```")
"""A file that a page shows, and that its commands read."""
WARD: Final = {
    "ward/samples.csv": "patient_id,day,igg\nP07,0,620\nP07,14,-3\nP11,0,<<40\nP11,7,530\nP11,7,350\n",
    "ward/doses.csv": "patient_id,day,amount_g\nP07,10,350\nP12,3,30\n",
}
"""The faulty cohort of an example."""


def commands(page: Path) -> list[tuple[str, str]]:
    """Every command of a page with what is printed under it."""
    return CONSOLE.findall(page.read_text(encoding="utf-8"))


def examples(page: Path) -> list[tuple[str, str]]:
    """Every piece of Python of a page with the output printed under it, "" where none is shown."""
    return PYTHON.findall(page.read_text(encoding="utf-8"))


def lay_out(page: Path, folder: Path) -> None:
    """The files that the commands of a page read: the project's data, the faulty ward, and what the page shows."""
    (folder / "data").symlink_to(ROOT / "data")
    for name, text in {**WARD, **dict(FILE.findall(page.read_text(encoding="utf-8")))}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def run_command(arguments: str, folder: Path) -> str:
    """What a command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "igkinetics", *arguments.split()],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    return done.stdout if done.returncode == 0 else done.stdout + done.stderr


def run_examples(page: Path) -> Iterator[tuple[str, str, str]]:
    """Each piece of Python of a page, in the order of the page: code, the output shown, the output of now."""
    names: dict[str, object] = {}
    exec("import igkinetics as igk", names)
    for code, shown in examples(page):
        screen = io.StringIO()
        with redirect_stdout(screen):
            exec(code, names)
        yield code, shown, screen.getvalue()
