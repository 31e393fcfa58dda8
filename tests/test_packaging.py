"""models/ and data/ are found from a wheel, an editable install and a checkout, and the report's templates ship."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOOK = """
import site, sys
site.addsitedir(sys.argv[1])
from igkinetics.resources import resource_folder
print(resource_folder("models") / "adult_b_cell_depletion.toml")
print(resource_folder("data") / "blina23" / "samples.csv")
"""


def build(hook: str, folder: Path) -> Path:
    """Call a build hook of the backend in a process of its own, as pip does; the file it made."""
    code = f"import hatchling.build as b, sys; print(b.build_{hook}(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return folder / done.stdout.splitlines()[-1]


def install(wheel: Path, folder: Path) -> Path:
    """Install one wheel, without its dependencies and without a network, into a bare folder."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    quiet = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run([*command, str(folder), str(wheel)], check=True, capture_output=True, timeout=60, env=quiet)
    return folder


def found_from(site_folder: Path, elsewhere: Path) -> list[Path]:
    """What a bare interpreter, run somewhere else, finds with only this site folder on its path."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LOOK, str(site_folder)],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [Path(line) for line in done.stdout.splitlines()]


def test_a_wheel_brings_its_cards_its_data_and_its_templates(tmp_path: Path) -> None:
    site_folder = install(build("wheel", tmp_path), tmp_path / "site")
    found = found_from(site_folder, tmp_path)
    assert [path.relative_to(site_folder).parts[:2] for path in found] == [
        ("igkinetics", "models"),
        ("igkinetics", "data"),
    ]
    assert all(path.is_file() for path in found)
    templates = site_folder / "igkinetics" / "report" / "templates"
    assert {path.name for path in templates.iterdir()} >= {"fit.html.j2", "style.css"}
    assert (site_folder / "igkinetics" / "py.typed").is_file()
    shipped = site_folder / "igkinetics" / "data"
    assert (shipped / "verify" / "nmtest.csv").is_file()
    assert (shipped / "calibration" / "coverage.csv").is_file()


def test_an_editable_install_finds_those_of_the_checkout(tmp_path: Path) -> None:
    site_folder = install(build("editable", tmp_path), tmp_path / "site")
    found = found_from(site_folder, tmp_path)
    assert [path.relative_to(ROOT).parts[0] for path in found] == ["models", "data"]
    assert all(path.is_file() for path in found)


def test_a_checkout_finds_its_own(tmp_path: Path) -> None:
    found = found_from(ROOT / "src", tmp_path)
    assert [path.relative_to(ROOT).parts[0] for path in found] == ["models", "data"]
    assert all(path.is_file() for path in found)


@pytest.mark.parametrize("name", ["models/adult_b_cell_depletion.toml", "data/blina23/samples.csv", "LICENSE"])
def test_the_source_distribution_holds_them_too(tmp_path: Path, name: str) -> None:
    with tarfile.open(build("sdist", tmp_path)) as archive:
        names = archive.getnames()
    assert f"{names[0].split('/')[0]}/{name}" in names
