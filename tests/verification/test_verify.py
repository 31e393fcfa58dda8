"""Every case of another engine is compared, and a wrong number is found. Slow kinds are tested beside what they test:
tests/cohort/test_nmtest.py, tests/kinetics/test_reference_solutions.py, tests/population, tests/nca.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

import igkinetics as igk
from igkinetics.cli.main import app
from igkinetics.resources import study_table
from igkinetics.verification import calibration, conditional_modes, profiles
from igkinetics.verification.comparison import COLUMNS, Point, compared, json_cases, printed_to
from igkinetics.verification.concentrations import points_of
from igkinetics.verification.run import KINDS, Verification
from scripts import script

CHEAP = ("reference_solutions", "profiles", "statistics", "card_checks", "calibration")
CONTRACT = ("source", "case", "inputs", "expected", "found", "difference", "tolerance", "verdict")


@pytest.fixture(scope="module")
def cheap() -> Verification:
    return igk.verify(only=CHEAP)


@pytest.mark.parametrize("case", json_cases("concentration_cases.json"), ids=lambda case: case["id"])
def test_concentrations_are_those_printed(case: dict[str, object]) -> None:
    points = list(points_of(case))
    assert len(points) == len(case["expected"])  # type: ignore[arg-type]
    assert max(point.distance for point in points) <= 1.0


def test_modes_are_those_of_nonmem_monolix_and_mapbayr() -> None:
    rows = list(conditional_modes.comparisons())
    assert Counter(row.verdict for row in rows) == {"agrees": 12}
    assert sum(row.n_values for row in rows) == 8 * 3 + 2 + 3 + 2 * 100 * 2


def test_the_sources_of_the_issue_are_all_here() -> None:
    assert len(json_cases("concentration_cases.json")) == 45
    assert len(json_cases("nca_cases.json")) == 15
    assert len(json_cases("map_cases.json")) == 10
    assert len(json_cases("statistics_cases.json")) == 7


def test_a_wrong_number_differs_and_the_worst_of_several_is_shown() -> None:
    points = [Point("a", 1.0, 1.0, 0.1), Point("b", 1.0, 1.3, 0.1), Point("c", 1.0, float("nan"), 0.1)]
    assert compared("s", "c", "i", points[:1]).verdict == "agrees"
    found = compared("s", "c", "i", points[:2])
    assert (found.verdict, found.inputs, found.n_values) == ("differs", "i; b", 2)
    assert compared("s", "c", "i", points).verdict == "differs"
    assert printed_to(11.68, 4) == pytest.approx(0.005)


def test_the_command_fails_when_a_case_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "area", lambda given: 1.0)
    done = CliRunner().invoke(app, ["verify", "--only", "profiles", "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    with (tmp_path / "out" / "verify.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0])[: len(CONTRACT)] == CONTRACT
    assert Counter(row["verdict"] for row in rows)["differs"] == 7
    assert "differ" in done.stdout


def test_the_command_writes_table_record_and_page(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["verify", "--only", "profiles", "--only", "statistics", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert {path.name for path in out.iterdir()} == {"verify.csv", "run.json", "report.html"}
    record = json.loads((out / "run.json").read_text("utf-8"))
    assert record["verdict"] == {"agrees": 20, "differs": 0, "not run": 2, "shown": 0}
    page = (out / "report.html").read_text("utf-8")
    assert "auc_linlog_inf" in page
    printed = CliRunner().invoke(app, ["verify", "--only", "profiles"])
    assert printed.exit_code == 0
    assert "Report" not in printed.stdout
    assert "compare has no test of Poisson rates" in page


def test_a_kind_that_there_is_not_is_named() -> None:
    with pytest.raises(igk.InputError, match="did you mean profiles"):
        igk.verify(only=["profile"])


def test_missing_data_are_a_case_that_was_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("igkinetics.verification.comparison.resource_folder", lambda name: tmp_path)
    monkeypatch.setattr(calibration, "study_table", lambda name: None)
    result = igk.verify(only=["profiles", "calibration"])
    assert set(result.table["verdict"]) == {"not run"}
    assert "nca_cases.json is missing" in result.table["note"].tolist()


def test_every_case_that_is_not_run_says_why(cheap: Verification) -> None:
    table = cheap.table
    assert tuple(table.columns) == tuple(COLUMNS)
    assert cheap.agrees
    assert (table.loc[table["verdict"] == "not run", "note"] != "").all()
    assert study_table("coverage.csv") is not None
    assert "shown" in set(table["verdict"])


def test_the_page_of_the_documentation_is_what_verify_finds(cheap: Verification) -> None:
    """After a change: python docs/agreement.py. Kinds that take long are held by their number of cases."""
    agreement = script("docs/agreement.py")
    page = agreement.PAGE.read_text(encoding="utf-8")
    for kind in CHEAP[1:]:  # of exact solutions the value that lies farthest off is rounding
        assert "\n".join(agreement.section(kind, cheap)).strip() in page, kind
    rows = {title: part.count("\n|") - 2 for title, part in sections(page).items()}
    assert rows[KINDS["reference_solutions"]] == 17
    assert rows[KINDS["concentrations"]] == 45
    assert rows[KINDS["event_records"]] == 54
    assert rows[KINDS["conditional_modes"]] == 12
    assert rows[KINDS["populations"]] == 59 + 1 + 1 + 6
    assert page.count("| differs |") == 1  # the heading of the summary


def sections(page: str) -> dict[str, str]:
    return dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))


@pytest.mark.slow
def test_everything_agrees(tmp_path: Path) -> None:
    assert igk.verify().agrees
