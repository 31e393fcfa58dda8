"""What several tests need and is costly to make: made by the first process that asks, read by the others."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

Made = TypeVar("Made")
shared_folder: Path | None = None
"""Of all processes of one run; None where there is one process, which makes everything itself."""


def made_once(name: str, make: Callable[[], Made]) -> Made:
    """The result of `make`, kept under this name for the other processes of the run."""
    if shared_folder is None:
        return make()
    path = shared_folder / f"{name}.pickle"
    with FileLock(f"{path}.lock"):
        if path.exists():
            made: Made = pickle.loads(path.read_bytes())
        else:
            made = make()
            path.write_bytes(pickle.dumps(made))
    return made
