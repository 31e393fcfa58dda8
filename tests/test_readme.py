"""The commands and the code of the README and of the guides give the output printed under them."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pandas as pd
import pytest

from documents import PAGES, ROOT, commands, examples

TRUST = (ROOT / "docs" / "guide" / "trust.md").read_text(encoding="utf-8")
COMMANDS = commands()
EXAMPLES = examples()
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
WARD = {
    "samples.csv": "patient_id,day,igg\nP07,0,620\nP07,14,-3\nP11,0,<<40\nP11,7,530\nP11,7,350\n",
    "doses.csv": "patient_id,day,amount_g\nP07,10,350\nP12,3,30\n",
}
"""The faulty cohort of the example."""


def assert_same_words_and_numbers(found: str, printed: str) -> None:
    """Words to the letter; numbers to 2 % or one unit: other processors round the last digit otherwise."""
    squeezed = [" ".join(NUMBER.sub("#", text).split()) for text in (found, printed)]
    assert squeezed[0] == squeezed[1]
    for one, other in zip(NUMBER.findall(found), NUMBER.findall(printed), strict=True):
        assert float(one) == pytest.approx(float(other), rel=0.02, abs=1.0 if "." not in other else 0.02)


@pytest.mark.parametrize(("arguments", "printed"), COMMANDS.items(), ids=list(COMMANDS))
def test_commands_print_what_the_pages_show(arguments: str, printed: str, tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(ROOT / "data")
    (tmp_path / "ward").mkdir()
    for name, text in WARD.items():
        (tmp_path / "ward" / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "igkinetics", *arguments.split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    said = done.stdout if done.returncode == 0 else done.stdout + done.stderr
    assert_same_words_and_numbers(said, printed)


@pytest.mark.parametrize("page", EXAMPLES)
def test_python_examples_print_what_the_pages_show(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    exec("import igkinetics as igk", names)
    for code, printed in EXAMPLES[page]:
        screen = io.StringIO()
        with redirect_stdout(screen):
            exec(code, names)
        assert_same_words_and_numbers(screen.getvalue(), printed)


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
