"""The reference pages are those that the code gives, and the documentation builds with every link met."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from documents import ROOT
from scripts import script


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    return script("docs/reference.py")


@pytest.mark.parametrize("page", ["commands.md", "input.md", "files.md", "cards.md", "results.md"])
def test_a_reference_page_is_what_the_code_gives(reference: ModuleType, page: str) -> None:
    assert reference.PAGES[page]().rstrip("\n") + "\n" == (reference.FOLDER / page).read_text(encoding="utf-8")


def test_every_key_of_a_file_of_settings_is_explained(reference: ModuleType) -> None:
    assert reference.unexplained() == []


def test_the_documentation_builds_with_every_link_met(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT / "src")},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    index = (tmp_path / "site" / "search" / "search_index.js").read_text(encoding="utf-8")
    for word in ("lasts_day", "trough", "Pareto k"):
        assert word in index
    for page in (tmp_path / "site").rglob("*.html"):
        asked = {part.split('"')[0] for part in page.read_text(encoding="utf-8").split('src="')[1:]}
        assert not [source for source in asked if source.startswith(("http:", "https:", "//"))], page
