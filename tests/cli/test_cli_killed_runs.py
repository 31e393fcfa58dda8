"""What a killed run left beside its output is cleared by the next one; what is alive or foreign stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from igkinetics.output.folder import Kind, new_folder

KIND = Kind(marker="run.json", names=frozenset({"run.json"}))
FILL_AND_WAIT = """
import sys, time
from pathlib import Path
from igkinetics.output import folder
kind = folder.Kind(marker="run.json", names=frozenset({"run.json"}))
if sys.argv[2] == "between the renames":
    folder._take_place = lambda filling, target, old: (target.rename(old), print("ready", flush=True), time.sleep(600))
with folder.new_folder(Path(sys.argv[1]), kind, overwrite=True) as filling:
    (filling / "run.json").write_text("new")
    if sys.argv[2] == "while it is filled":
        print("ready", flush=True)
        time.sleep(600)
"""


def running(out: Path, when: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", FILL_AND_WAIT, str(out), when], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def write(out: Path, content: str) -> None:
    with new_folder(out, KIND, overwrite=True) as filling:
        (filling / "run.json").write_text(content, encoding="utf-8")


def names(folder: Path) -> list[str]:
    return sorted(path.name.partition(".igkinetics-")[0] for path in folder.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks")
def test_what_a_killed_run_left_goes_with_the_next_and_what_is_alive_stays(tmp_path: Path) -> None:
    (tmp_path / ".theirs.igkinetics-1").mkdir()
    alive = running(tmp_path / "other", "while it is filled")
    killed = running(tmp_path / "out", "while it is filled")
    killed.kill()
    killed.wait()
    try:
        assert names(tmp_path) == [".other", ".out", ".theirs"]
        write(tmp_path / "out", "second")
        assert names(tmp_path) == [".other", ".theirs", "out"]
    finally:
        alive.kill()
        alive.wait()
    write(tmp_path / "out", "third")
    assert names(tmp_path) == [".theirs", "out"]


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks")
def test_a_result_that_was_being_replaced_comes_back(tmp_path: Path) -> None:
    write(tmp_path / "out", "first")
    killed = running(tmp_path / "out", "between the renames")
    killed.kill()
    killed.wait()
    assert names(tmp_path) == [".out"]
    write(tmp_path / "another", "second")
    assert names(tmp_path) == ["another", "out"]
    assert (tmp_path / "out" / "run.json").read_text(encoding="utf-8") == "first"
