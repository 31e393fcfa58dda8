"""The commands and the code of the README and of the guides give the output printed under them."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from documents import DOCS, PAGES, ROOT, commands, examples, lay_out, run_command, run_examples

TRUST = (DOCS / "guide" / "trust.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def assert_same_words_and_numbers(found: str, printed: str) -> None:
    """Words to the letter; numbers to 2 % or one unit: other processors round the last digit otherwise."""
    squeezed = [" ".join(NUMBER.sub("#", text).split()) for text in (found, printed)]
    assert squeezed[0] == squeezed[1]
    for one, other in zip(NUMBER.findall(found), NUMBER.findall(printed), strict=True):
        assert float(one) == pytest.approx(float(other), rel=0.02, abs=1.0 if "." not in other else 0.02)


def of_page(page: Path) -> str:
    return page.name


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=of_page)
def test_commands_print_what_the_page_shows(page: Path, tmp_path: Path, once: dict[str, str]) -> None:
    """In the order of the page, for a later command may read what an earlier one wrote."""
    lay_out(page, tmp_path)
    for arguments, shown in commands(page):
        alone = page.parent.name != "tutorials"
        said = once.get(arguments) if alone else None
        if said is None:
            said = once[arguments] = run_command(arguments, tmp_path)
        assert_same_words_and_numbers(said, shown)


@pytest.fixture(scope="module")
def once() -> dict[str, str]:
    """What a command printed, so that pages that show the same one share its run."""
    return {}


WITH_EXAMPLES = [
    pytest.param(page, marks=[pytest.mark.slow] if "fit_effect" in page.read_text(encoding="utf-8") else [])
    for page in PAGES
    if examples(page)
]
"""Pages that sample the model of all patients take a minute and more: `make test-slow` runs them."""


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=of_page)
def test_python_examples_print_what_the_page_shows(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for _, shown, printed in run_examples(page):
        if shown:
            assert_same_words_and_numbers(printed, shown)


def test_the_readme_is_short() -> None:
    assert len(PAGES[0].read_text(encoding="utf-8").splitlines()) < 180


@pytest.mark.parametrize("name", ["all", "undosed", "calendar", "triggered"])
def test_the_coverage_table_is_the_committed_one(name: str) -> None:
    """Each share of the table is that of tests/calibration/coverage.csv, to three places."""
    table = pd.read_csv(ROOT / "tests" / "calibration" / "coverage.csv")
    (row,) = table[table["value"].eq(name) | (table["by"].eq("all") & (name == "all"))].to_dict("records")
    line = re.search(rf"^\| {name} \|(.*)\|$", TRUST, re.MULTILINE)
    assert line, name
    quantities = ("C_base", "CL", "fitted_nadir", "endogenous_nadir")
    for shown, quantity in zip(line[1].split("|"), quantities, strict=True):
        assert float(shown) == pytest.approx(row[quantity], abs=0.000501)
