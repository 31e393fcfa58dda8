"""docs/tutorial.md, step by step: its sheets are filled in, its commands run, its output and table compared."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import xlsxwriter

from documents import CONSOLE as SHOWN
from documents import run_command
from test_readme import assert_same_words_and_numbers

ROOT = Path(__file__).resolve().parents[1]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
SHEETS = re.findall(r"Sheet `(\w+)`.*:\n\n```\n((?:.*\n)*?)```", TUTORIAL)
CONSOLE = SHOWN.findall(TUTORIAL)
SLIP = ("3144", "31.44")
"""The cell that the first check complains of, and what was meant."""
COLUMNS = (
    "raw_nadir",
    "raw_nadir_day",
    "fitted_nadir",
    "fitted_nadir_lower",
    "fitted_nadir_upper",
    "fitted_nadir_day",
    "endogenous_nadir",
)


def fill_in(workbook: Path, slip: str) -> None:
    """The sheets as the tutorial shows them; numbers as numbers, dates as the text a reader would type."""
    with xlsxwriter.Workbook(workbook, {"strings_to_numbers": True}) as book:
        for name, lines in SHEETS:
            sheet = book.add_worksheet(name)
            for row, line in enumerate(lines.splitlines()):
                cells = [slip if cell == SLIP[0] else cell for cell in line.split(", ")]
                for column, cell in enumerate(cells):
                    sheet.write(row, column, cell)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder after all steps, and what each command printed."""
    folder = tmp_path_factory.mktemp("tutorial")
    (template, _), (check, _), (check_again, _), (fit, _) = CONSOLE
    said = [run_command(template, folder)]
    fill_in(folder / "ward" / "cohort.xlsx", SLIP[0])
    said.append(run_command(check, folder))
    fill_in(folder / "ward" / "cohort.xlsx", SLIP[1])
    return folder, [*said, run_command(check_again, folder), run_command(fit, folder)]


def test_the_four_sheets_and_commands_are_found() -> None:
    assert [name for name, _ in SHEETS] == ["samples", "doses", "therapy", "patients"]
    assert [arguments.split()[0] for arguments, _ in CONSOLE] == ["template", "check", "check", "fit"]


@pytest.mark.parametrize("step", range(4))
def test_each_command_prints_what_the_tutorial_shows(walked: tuple[Path, list[str]], step: int) -> None:
    assert_same_words_and_numbers(walked[1][step], CONSOLE[step][1])


def test_the_nadir_table_is_that_of_nadir_csv(walked: tuple[Path, list[str]]) -> None:
    nadir = pd.read_csv(walked[0] / "results" / "ward" / "nadir.csv").set_index("patient_id")
    lines = [line for line in TUTORIAL.splitlines() if line.startswith("| Ward-")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [row[0] for row in rows] == list(nadir.index)
    for name, *cells, reached, status in rows:
        shown = [float(cell) for cell in cells]
        assert shown == pytest.approx([float(value) for value in nadir.loc[name, list(COLUMNS)]], rel=0.02, abs=1.0)
        assert (reached, status) == (str(nadir.loc[name, "nadir_reached"]), nadir.loc[name, "status"])


def test_dates_and_workbook_are_there(walked: tuple[Path, list[str]]) -> None:
    out = walked[0] / "results" / "ward"
    dates = pd.read_csv(out / "dates.csv")
    nadir = pd.read_csv(out / "nadir.csv").set_index("patient_id")
    row = dates[(dates["patient_id"] == "Ward-1") & (dates["event"] == "raw_nadir")].iloc[0]
    assert row["date"] == "2024-03-02"
    assert row["day"] == pytest.approx(nadir.loc["Ward-1", "raw_nadir_day"])
    assert (out / "tables.xlsx").is_file()
