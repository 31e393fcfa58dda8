"""Commands as a user calls them: exit statuses, what goes to stdout and what to stderr."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

import igkinetics
from fabricated import fabricated_cohort, fabricated_fit
from igkinetics.cli import fit as fit_command
from igkinetics.cli import reading
from igkinetics.cli.main import DEFECT, app
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.output import FIT_OUTPUT
from igkinetics.resources import resource_folder

SOURCE = str(Path(igkinetics.__file__).resolve().parents[1])


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """A samples file of one patient; its unit has to be given."""
    rows = "\n".join(f"A,{day},{600 - 3 * day}" for day in range(-5, 100, 15))
    path = tmp_path / "samples.csv"
    path.write_text(f"patient_id,day,igg\n{rows}\n", encoding="utf-8")
    return path


@pytest.fixture
def fabricated(monkeypatch: pytest.MonkeyPatch, fit: CohortFit) -> CohortFit:
    """Reading and fitting replaced by the fabricated cohort and its fit."""
    use(monkeypatch, fit)
    return fit


def use(monkeypatch: pytest.MonkeyPatch, result: Any) -> None:
    def fitted(*_: Any) -> Any:
        if isinstance(result, BaseException):
            raise result
        return result

    monkeypatch.setattr(reading, "read", lambda *_: fabricated_cohort())
    monkeypatch.setattr(fit_command, "fit_with_progress", fitted)


def all_set_aside(fit: CohortFit) -> CohortFit:
    values = {name: getattr(fit, name) for name in fit.__dataclass_fields__}
    failed = {"status": "no_samples", "reason": "no IgG sample in the window"}
    return CohortFit(**(values | {name: values[name].assign(**failed) for name in ("patients", "nadir")}))


def test_fit_writes_everything_and_says_five_sentences(fabricated: CohortFit, tmp_path: Path) -> None:
    out = tmp_path / "results" / "out"
    result = call("fit", "anything", "--out", out, "--threshold", 400)
    assert result.exit_code == 0, result.output
    assert {path.name for path in out.iterdir()} == FIT_OUTPUT.names - {
        "profiles.csv",
        "dates.csv",
        "tables.xlsx",
        "figures",
    }
    lines = result.stdout.splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("4 of 4 fitted patients fell below 400 mg/dL")
    assert lines[3].startswith("8 patients")
    assert lines[-1] == f"Report: {out / 'report.html'}."
    assert "suspected unit slip" in result.stderr
    nadir = pd.read_csv(out / "nadir.csv")
    assert list(nadir["patient_id"]) == list(fabricated.cohort.patient_ids)


def test_an_existing_folder_is_refused_before_any_work(
    fit: CohortFit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, fit)
    assert call("fit", "anything", "--out", tmp_path / "out").exit_code == 0
    use(monkeypatch, AssertionError("nothing may be fitted"))
    refused = call("fit", "anything", "--out", tmp_path / "out")
    assert refused.exit_code == 2
    assert "exists already" in refused.stderr
    assert refused.stdout == ""
    use(monkeypatch, fit)
    assert call("fit", "anything", "--out", tmp_path / "out", "--overwrite").exit_code == 0


def test_status_3_when_nobody_could_be_fitted_and_the_reasons_are_written(
    fit: CohortFit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, all_set_aside(fit))
    result = call("fit", "anything", "--out", tmp_path / "out")
    assert result.exit_code == 3
    assert "8 patients not fitted (no samples:" in result.stdout
    assert set(pd.read_csv(tmp_path / "out" / "patients.csv")["reason"]) == {"no IgG sample in the window"}


def test_an_interruption_writes_what_there_is_and_marks_it(
    fit: CohortFit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {name: getattr(fit, name) for name in fit.__dataclass_fields__}
    use(monkeypatch, CohortFit(**(values | {"interrupted": True})))
    result = call("fit", "anything", "--out", tmp_path / "out")
    assert result.exit_code == 130
    assert '"interrupted": true' in (tmp_path / "out" / "run.json").read_text(encoding="utf-8")
    assert "Interrupted" in result.stdout


def test_control_c_while_nothing_is_drawn_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, KeyboardInterrupt())
    result = call("fit", "anything", "--out", tmp_path / "out")
    assert result.exit_code == 130
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_is_a_defect_and_leaves_nothing(
    fabricated: CohortFit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("report")

    monkeypatch.setattr("igkinetics.report.fit_page.write_fit_report", fail)
    result = call("fit", "anything", "--out", tmp_path / "out")
    assert isinstance(result.exception, ZeroDivisionError)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--window", "seven"), "must be two days A:B"),
        (("--window", "30:20"), "A before B"),
        (("--prior", "crad"), "did you mean card?"),
        (("--treshold", "400"), "--threshold"),
        (("--draws", "many"), "--draws"),
    ],
)
def test_calls_that_cannot_be_carried_out_are_status_2(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    result = call("fit", tmp_path, "--out", tmp_path / "out", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "out").exists()


def test_a_mistyped_command_is_status_2_and_the_right_one_is_suggested() -> None:
    result = call("fti")
    assert result.exit_code == 2
    assert "fit" in result.stderr


def test_check_prints_what_is_there(samples: Path) -> None:
    result = call("check", samples, "--igg-unit", "mg/dL")
    assert result.exit_code == 0, result.output
    assert "samples: 7" in result.stdout
    assert "7 read" in result.stdout


def test_check_lists_every_problem_on_stderr(samples: Path) -> None:
    samples.write_text("patient_id,day,igg\nA,0,600\nA,one,590\nB,3,-5\n", encoding="utf-8")
    result = call("check", samples, "--igg-unit", "mg/dL")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "line 3, patient A, day" in result.stderr
    assert "line 4, patient B, igg" in result.stderr


def test_check_without_a_unit_says_what_to_write(samples: Path) -> None:
    result = call("check", samples)
    assert result.exit_code == 2
    assert "igg_unit" in result.stderr


def test_models_list_show_and_an_unknown_name() -> None:
    assert "adult_b_cell_depletion: " in call("models", "list").stdout
    shown = call("models", "show", "tortorici_2019")
    assert shown.exit_code == 0
    assert "10.1016/j.intimp.2018.11.013" in shown.stdout
    unknown = call("models", "show", "tortorici")
    assert unknown.exit_code == 2
    assert "tortorici_2019" in unknown.stderr


def test_models_check_tells_found_beside_expected() -> None:
    result = call("models", "check", "tortorici_2019")
    assert result.exit_code == 0, result.output
    assert "FAILED" not in result.stdout
    assert "checks hold." in result.stdout.splitlines()[-1]


def test_a_card_that_misses_its_own_figures_fails(tmp_path: Path) -> None:
    shipped = (resource_folder("models") / "tortorici_2019.toml").read_text(encoding="utf-8")
    wrong = re.sub(r"^expected = .*$", "expected = 123456.0", shipped, count=1, flags=re.MULTILINE)
    assert wrong != shipped
    own = tmp_path / "own.toml"
    own.write_text(wrong.replace('id = "tortorici_2019"', 'id = "own"'), encoding="utf-8")
    result = call("models", "check", own)
    assert result.exit_code == 2, result.output
    assert result.stdout.count("FAILED own") == 1


DESIGN = """
seed = 1
[population]
card = "adult_b_cell_depletion"
weight_kg = { mean = 75, sd = 15 }
[therapy]
cycles = 1
on_day = 28
off_day = 14
agent = "blinatumomab"
[visits]
every_day = 14
until_day = 60
[assay]
cv_percent = 8
lower_limit_mg_dl = 40
[[group]]
name = "control"
n = 2
"""


def test_simulate_writes_a_cohort_that_check_accepts(tmp_path: Path) -> None:
    design = tmp_path / "tiny.toml"
    design.write_text(DESIGN, encoding="utf-8")
    out = tmp_path / "tiny"
    made = call("simulate", design, "--out", out)
    assert made.exit_code == 0, made.output
    assert (out / "truth" / "nadir.csv").is_file()
    checked = call("check", out)
    assert checked.exit_code == 0, checked.output
    assert "patients: 2" in checked.stdout
    assert call("simulate", design, "--out", out).exit_code == 2
    first = (out / "samples.csv").read_bytes()
    assert call("simulate", design, "--out", out, "--overwrite").exit_code == 0
    assert (out / "samples.csv").read_bytes() == first
    assert call("simulate", design, "--out", out, "--seed", 2, "--overwrite").exit_code == 0
    assert (out / "samples.csv").read_bytes() != first


def test_simulate_tells_what_is_wrong_with_a_design(tmp_path: Path) -> None:
    design = tmp_path / "bad.toml"
    design.write_text(DESIGN.replace("every_day", "evry_day").replace("n = 2", "n = 0"), encoding="utf-8")
    result = call("simulate", design, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "evry_day" in result.stderr
    assert not (tmp_path / "out").exists()


def test_demo_copies_the_example_and_says_what_to_do_next(tmp_path: Path) -> None:
    result = call("demo", tmp_path / "demo")
    assert result.exit_code == 0, result.output
    assert "ynthetic" in result.stdout
    checked = call("check", tmp_path / "demo")
    assert checked.exit_code == 0, checked.output
    assert "patients: 23" in checked.stdout
    assert call("demo", tmp_path / "demo").exit_code == 2


def test_an_unexpected_exception_is_a_defect_of_ours_with_status_1(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {SOURCE!r}); sys.argv = ['igkinetics', 'check', 'x']\n"
        "import igkinetics.cli.check as check\n"
        "from igkinetics.cli.main import main\n"
        "def fail(*_): raise ZeroDivisionError('boom')\n"
        "check.read = fail\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "ZeroDivisionError: boom" in done.stderr
    assert done.stderr.splitlines()[-1] == DEFECT
    assert done.stdout == ""


def test_defaults_on_the_command_line_are_those_of_python() -> None:
    shown = fabricated_fit(thresholds=()).options
    assert shown == type(shown)()
