"""What is at fault in a call is named as its caller knows it: a keyword from Python, a flag from the command."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import igkinetics as igk
from igkinetics.cli.main import app
from igkinetics.errors import InputError
from igkinetics.output.folder import Kind, refuse_existing

SAMPLES = "patient_id,day,igg\nA,0,800\nA,14,700\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("fit", "--draws", "5", "--igg-unit", "mg/dL"), "--draws: found '5'"),
        (("fit", "--threshold", "-3", "--igg-unit", "mg/dL"), "--threshold: found '-3.0'"),
        (("fit", "--window", "9:1", "--igg-unit", "mg/dL"), "--window: found '9:1'"),
        (("effect", "--minimum-effect", "nan", "--igg-unit", "mg/dL"), "--minimum-effect: found 'nan'"),
        (("check",), "or give --igg-unit mg/dL"),
        (("compare", "--group", "A", "--group", "A", "--igg-unit", "mg/dL"), "--group: found 'A'"),
        (("compare", "--igg-unit", "mg/dL"), "choose among more with --group A --group B"),
    ],
)
def test_a_command_names_its_flags(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    (tmp_path / "samples.csv").write_text(SAMPLES, encoding="utf-8")
    out = () if arguments[0] == "check" else ("--out", str(tmp_path / "out"))
    done = CliRunner().invoke(app, [arguments[0], str(tmp_path / "samples.csv"), *arguments[1:], *out])
    assert done.exit_code == 2
    assert told in done.stderr


def test_python_names_its_keywords(tmp_path: Path) -> None:
    (tmp_path / "samples.csv").write_text(SAMPLES, encoding="utf-8")
    with pytest.raises(InputError, match='or give igg_unit="mg/dL"'):
        igk.read_cohort(tmp_path / "samples.csv")
    with pytest.raises(InputError, match="thresholds: found '-3'"):
        igk.FitOptions(thresholds=(-3,))
    with pytest.raises(InputError, match=r"folder: found .* replace it with overwrite=True"):
        refuse_existing(tmp_path, Kind(marker="run.json", names=frozenset()), overwrite=False)


def test_an_existing_folder_is_told_with_the_flag_that_replaces_it(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept", encoding="utf-8")
    done = CliRunner().invoke(app, ["simulate", "nowhere.toml", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "--out: found" in done.stderr
    assert "replace it with --overwrite" in done.stderr
