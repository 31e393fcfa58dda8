"""Where compiled kernels are kept: a new folder for every edit, nothing lost where nothing can be written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import igkinetics.kinetics.compile as compiling
from igkinetics.resources import PACKAGE

KINETICS = ["propagate.py", "curves.py", "exponentials.py", "disposition.py", "turning.py", "parameters.py"]
COMPUTE_ONE_LEVEL = """
from igkinetics.kinetics.exponentials import decay
print(decay(0.5, 2.0).area)
"""
ANNOUNCED = "compiling its kernels"


@pytest.fixture
def copied_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "igkinetics"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "models", "data"))
    monkeypatch.setattr(compiling, "PACKAGE", copy)
    return copy


@pytest.mark.parametrize("name", KINETICS)
def test_an_edit_of_any_kernel_source_gives_another_hash(copied_package: Path, name: str) -> None:
    before = compiling.kernel_hash()
    assert compiling.kernel_hash() == before
    source = copied_package / "kinetics" / name
    original = source.read_bytes()
    source.write_bytes(original + b"\n# edited\n")
    assert compiling.kernel_hash() != before
    source.write_bytes(original)
    assert compiling.kernel_hash() == before


def test_a_kernel_elsewhere_in_the_package_counts(copied_package: Path) -> None:
    before = compiling.kernel_hash()
    (copied_package / "fit" / "new_kernels.py").write_text("@kernel\ndef f(x):\n    return x\n")
    assert compiling.kernel_hash() != before


def test_sources_without_a_kernel_do_not_count(copied_package: Path) -> None:
    before = compiling.kernel_hash()
    (copied_package / "errors.py").write_text("# nothing\n")
    assert compiling.kernel_hash() == before


def test_another_numba_gives_another_hash(copied_package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = compiling.kernel_hash()
    monkeypatch.setattr(compiling.numba, "__version__", "0.0.0")
    assert compiling.kernel_hash() != before


def run_with_cache(cache: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "IGKINETICS_CACHE": str(cache), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", COMPUTE_ONE_LEVEL], env=environment, capture_output=True, text=True, check=True
    )


def test_the_first_process_announces_that_it_compiles_and_the_second_is_silent(tmp_path: Path) -> None:
    first = run_with_cache(tmp_path)
    second = run_with_cache(tmp_path)
    assert first.stderr.count(ANNOUNCED) == 1
    assert second.stderr == ""
    assert first.stdout == second.stdout
    assert float(first.stdout) == pytest.approx(1.2642411176571153, rel=1e-15)  # (1 - exp(-1)) / 0.5
    assert [path.name for path in tmp_path.iterdir()] == [f"kernels-{compiling.kernel_hash()}"]


def test_an_unwritable_cache_still_computes_and_says_so(tmp_path: Path) -> None:
    in_the_way = tmp_path / "a_file"
    in_the_way.write_text("not a folder")
    result = run_with_cache(in_the_way)
    assert float(result.stdout) == pytest.approx(1.2642411176571153, rel=1e-15)
    assert "no compiled code can be kept" in result.stderr
    assert in_the_way.read_text() == "not a folder"


def test_a_cache_folder_of_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IGKINETICS_CACHE", "/somewhere/else")
    assert compiling.cache_root() == Path("/somewhere/else")
    monkeypatch.delenv("IGKINETICS_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert compiling.cache_root() == Path("/cache/igkinetics")
