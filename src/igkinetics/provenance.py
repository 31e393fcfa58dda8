"""What a result was made from: hashes of inputs and cards, versions, seed, time."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

RESEARCH_NOTICE: Final = "Research software, not a medical device. Doses are to be checked by the treating team."
RECORDED_PACKAGES: Final = (
    "igkinetics",
    "numpy",
    "scipy",
    "numba",
    "pandas",
    "lmfit",
    "pymc",
    "pytensor",
    "nutpie",
    "arviz-stats",
    "altair",
)


def sha256_of_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_bytes(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def package_versions() -> dict[str, str]:
    """Versions of everything that can move a number."""
    versions = {"python": platform.python_version()}
    for package in RECORDED_PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return versions
