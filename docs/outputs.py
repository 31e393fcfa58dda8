"""Writes into the README, the guides and the tutorials what their commands and examples print now.

Run: python docs/outputs.py [PAGE ...]. Read what changed before you commit it: tests compare later runs with it.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import chdir
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from documents import PAGES, commands, lay_out, run_command, run_examples  # noqa: E402


def renewed(page: Path) -> str:
    """The page with the outputs of now."""
    text = page.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        lay_out(page, Path(folder))
        for arguments, shown in commands(page):
            text = text.replace(f"{arguments}\n{shown}```", f"{arguments}\n{run_command(arguments, Path(folder))}```")
    with chdir(ROOT):
        for code, shown, printed in run_examples(page):
            if shown:
                text = text.replace(f"{code}```\n\n```\n{shown}```", f"{code}```\n\n```\n{printed}```")
    return text


if __name__ == "__main__":
    asked = [Path(name).resolve() for name in sys.argv[1:]]
    if strange := [page.name for page in asked if page not in PAGES]:
        raise SystemExit(
            f"{', '.join(strange)}: not a page that can be renewed here (docs/tutorial.md is filled in by hand)"
        )
    for one_page in asked or PAGES:
        new = renewed(one_page)
        if new != one_page.read_text(encoding="utf-8"):
            one_page.write_text(new, encoding="utf-8")
            print(f"{one_page.relative_to(ROOT)}: outputs renewed")
