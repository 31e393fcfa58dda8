"""`igkinetics ... | head -1`: a reader that leaves ends no command, and nothing is said of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COHORT = str(ROOT / "data" / "blina23")


def run_without_reader(arguments: list[str], *, also_stderr: bool = False) -> tuple[int, str]:
    """Exit status and stderr of a command whose stdout (and stderr) nobody reads from the start."""
    process = subprocess.Popen(
        [sys.executable, "-m", "igkinetics", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = ""
    if also_stderr:
        process.stderr.close()
    else:
        said = process.stderr.read()
    return process.wait(timeout=120), said


@pytest.mark.parametrize(
    "arguments",
    [["check", COHORT], ["models", "list"], ["models", "show", "tortorici_2019"], ["--help"]],
    ids=["check", "models", "models show", "help"],
)
def test_a_closed_stdout_is_a_quiet_end(arguments: list[str]) -> None:
    assert run_without_reader(arguments) == (0, "")


def test_files_are_written_though_nobody_reads_stdout(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    assert run_without_reader(["demo", str(out)]) == (0, "")
    assert (out / "samples.csv").is_file()


def test_the_exit_status_stays_that_of_the_input(tmp_path: Path) -> None:
    bad = tmp_path / "samples.csv"
    bad.write_text("patient_id,day,igg\nA,1,much\n", encoding="utf-8")
    arguments = ["check", str(bad), "--igg-unit", "mg/dL"]
    assert run_without_reader(arguments)[0] == 2
    assert run_without_reader(arguments, also_stderr=True)[0] == 2
