"""A newcomer's path: a hospital's own workbook, three commands, a nadir table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import xlsxwriter
from typer.testing import CliRunner, Result

from igkinetics.cli.main import app

SHEETS: dict[str, tuple[list[str], list[list[object]]]] = {
    "Labor": (
        ["Pat.-Nr.", "Entnahmedatum", "Serum-IgG (g/L)", "Bemerkung"],
        [
            ["K-01", "04/03/2024", 6.2, ""],
            ["K-01", "18/03/2024", 4.9, "nüchtern"],
            ["K-01", "08/04/2024", 3.4, ""],
            ["K-01", "29/04/2024", "<0.40", ""],
            ["K-01", "27/05/2024", 2.1, "vor IVIG"],
            ["K-01", "24/06/2024", 4.4, ""],
            ["K-02", "11/03/2024", 7.1, ""],
            ["K-02", "02/04/2024", 5.3, ""],
            ["K-02", "30/04/2024", 3.9, ""],
            ["K-02", "11/06/2024", 3.1, ""],
            ["K-02", "09/07/2024", 3.3, "nach Transplantation"],
            ["K-03", "15/03/2024", 5.6, ""],
            ["K-03", "12/04/2024", 4.1, ""],
            ["K-03", "17/05/2024", 3.2, ""],
        ],
    ),
    "IVIG-Gaben": (
        ["Pat.-Nr.", "Datum der Gabe", "Dosis (g)", "Infusionsdauer (h)"],
        [["K-01", "28/05/2024", 30, 4]],
    ),
    "Therapie": (
        ["Pat.-Nr.", "Therapiebeginn", "Therapieende", "Wirkstoff"],
        [
            ["K-01", "05/03/2024", "02/04/2024", "Blinatumomab"],
            ["K-02", "12/03/2024", "09/04/2024", "Blinatumomab"],
            ["K-03", "16/03/2024", "13/04/2024", "Blinatumomab"],
        ],
    ),
    "Patienten": (
        ["Pat.-Nr.", "Gruppe", "Gewicht (kg)", "Todesdatum"],
        [["K-01", "IVIG", 71, ""], ["K-02", "Kontrolle", 64, ""], ["K-03", "Kontrolle", 80, "20/05/2024"]],
    ),
    "Ereignisse": (
        ["Pat.-Nr.", "Datum", "Ereignis"],
        [["K-02", "20/06/2024", "HSCT"], ["K-01", "30/05/2024", "Infektion"]],
    ),
}


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ward")
    with xlsxwriter.Workbook(folder / "IgG Station 3.xlsx") as book:
        for name, (headings, rows) in SHEETS.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate([["Station 3"], headings, *rows] if name == "Labor" else [headings, *rows]):
                sheet.write_row(number, 0, row)
    return folder


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_three_commands_lead_from_a_foreign_workbook_to_the_nadirs(ward: Path, tmp_path: Path) -> None:
    first = call("check", ward / "IgG Station 3.xlsx", "--write-mapping")
    assert first.exit_code == 0, first.output
    assert 'igg_unit = "g/L"    # GUESS: the heading "Serum-IgG (g/L)" says so' in first.stdout
    assert "0 lines marked CHOOSE" in first.stdout
    assert '# not used: "Bemerkung"' in first.stdout
    second = call("check", ward)
    assert second.exit_code == 0, second.output
    third = call("fit", ward, "--out", tmp_path / "results", "--draws", "200")
    assert third.exit_code == 0, third.output
    nadirs = pd.read_csv(tmp_path / "results" / "nadir.csv").set_index("patient_id")
    assert nadirs["raw_nadir"].to_dict() == pytest.approx({"K-01": 0.4, "K-02": 3.1, "K-03": 3.2})
    assert nadirs["raw_nadir_below_limit"].to_dict() == {"K-01": True, "K-02": False, "K-03": False}
    assert nadirs["n_samples"].to_dict() == {"K-01": 5, "K-02": 3, "K-03": 2}
    assert nadirs["window_end"].to_dict() == {"K-01": 111, "K-02": 91, "K-03": 62}


def test_a_mapping_that_is_there_is_never_written_over(ward: Path) -> None:
    kept = (ward / "cohort.toml").read_text()
    done = call("check", ward / "IgG Station 3.xlsx", "--write-mapping")
    assert done.exit_code == 2
    assert "is there already and is never written over" in done.stderr
    assert (ward / "cohort.toml").read_text() == kept


def test_nothing_is_written_where_nothing_is_understood(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    done = call("check", tmp_path, "--write-mapping")
    assert done.exit_code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.csv"]
