"""The pages whose commands and examples are run as tests: the README and the guides."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs" / "guide").glob("*.md")))
CONSOLE: Final = re.compile(r"```console\n\$ python -m igkinetics (.+)\n((?:.*\n)*?)```")
PYTHON: Final = re.compile(r"```python\n((?:.*\n)*?)```\n\n(?:```\n((?:.*\n)*?)```)")


def commands() -> dict[str, str]:
    """Every command of the pages -> what is printed under it. The same command prints the same on every page."""
    shown: dict[str, str] = {}
    for page in PAGES:
        for arguments, printed in CONSOLE.findall(page.read_text(encoding="utf-8")):
            if shown.setdefault(arguments, printed) != printed:
                raise AssertionError(f"{page.name} shows another output of {arguments}")
    return shown


def examples() -> dict[str, list[tuple[str, str]]]:
    """Page -> its pieces of Python with the output printed under each."""
    found = {page.name: PYTHON.findall(page.read_text(encoding="utf-8")) for page in PAGES}
    return {name: pieces for name, pieces in found.items() if pieces}
