"""Where the model cards and example data are: inside the installed package, else in the checkout."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def resource_folder(name: str) -> Path:
    """Folder `models` or `data`: the package's own in a wheel, two above the package in a checkout."""
    for folder in (PACKAGE / name, PACKAGE.parents[1] / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"igkinetics is installed without its folder {name!r}")


def study_table(name: str) -> Path | None:
    """A committed table of a study of calibration; None where it was not shipped."""
    places = (PACKAGE / "data" / "calibration" / name, PACKAGE.parents[1] / "tests" / "calibration" / name)
    return next((path for path in places if path.is_file()), None)
