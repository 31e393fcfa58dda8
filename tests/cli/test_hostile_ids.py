"""A hostile patient id stays text: in the tables, in the report, and it never becomes part of a file name."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from igkinetics.cli.main import app
from igkinetics.fit.output import FIT_OUTPUT

HOSTILE = ("<script>alert(1)</script>", "=cmd|' /C calc'!A0", "../../x", "x" * 10_000, "🩸é", 'a"b, c', "nul\x00byte")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    with (folder / "samples.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["patient_id", "day", "igg"])
        for one in HOSTILE:
            writer.writerows((one, day, 600 - 2 * day) for day in (0, 14, 28, 56, 84))
    options = ["--igg-unit", "mg/dL", "--out", str(folder / "out"), "--draws", "200"]
    done = CliRunner().invoke(app, ["fit", str(folder / "samples.csv"), *options])
    assert done.exit_code == 0, done.stderr
    assert "\x00" not in done.stdout
    return folder


def test_tables_hold_the_ids_as_they_are(fitted: Path) -> None:
    with (fitted / "out" / "nadir.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["patient_id"] for row in csv.DictReader(stream)] == list(HOSTILE)


def test_no_file_is_named_after_a_patient(fitted: Path) -> None:
    assert {path.name for path in (fitted / "out").iterdir()} <= FIT_OUTPUT.names
    assert sorted(path.name for path in fitted.iterdir()) == ["out", "samples.csv"]


def test_the_report_shows_them_as_text(fitted: Path) -> None:
    page = (fitted / "out" / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "\x00" not in page
    assert "x" * 1000 not in page
