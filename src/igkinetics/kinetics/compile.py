"""The one decorator that compiles every kernel, and where the compiled code is kept.

Numba's disk cache notices an edit of the compiled function's own file only, not of a helper elsewhere. So the
cache lies in a folder named by a hash of every source that holds a kernel and of this whole package (the order
of the parameters is compiled in too), with the versions of igkinetics and numba: an edit anywhere means a new
folder. Where nothing can be written, kernels are compiled in memory.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
from numba.core import config, event

from igkinetics.resources import PACKAGE

Function = TypeVar("Function", bound=Callable[..., Any])
UNITS = PACKAGE / "units.py"
CACHE_VARIABLE = "IGKINETICS_CACHE"
OPTIONS: Final[dict[str, Any]] = {"nogil": True, "fastmath": False, "error_model": "numpy", "no_cfunc_wrapper": True}
"""Nobody passes a kernel as a function pointer; the wrapper for that takes a twentieth of the time of compiling."""


def cache_root() -> Path:
    """IGKINETICS_CACHE when set, else `igkinetics` in the user's cache folder."""
    if own := os.environ.get(CACHE_VARIABLE):
        return Path(own)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "igkinetics"


def kernel_hash() -> str:
    """Hash of all sources that hold a kernel or a constant compiled into one, and of the versions that compile them."""
    digest = hashlib.sha256(numba.__version__.encode())
    try:
        digest.update(version("igkinetics").encode())
    except PackageNotFoundError:
        digest.update(b"checkout")
    for path in sorted(PACKAGE.rglob("*.py")):
        content = path.read_bytes()
        if b"@kernel" in content or b"@inner" in content or path.parent == PACKAGE / "kinetics" or path == UNITS:
            digest.update(path.relative_to(PACKAGE).as_posix().encode())
            digest.update(content)
    return digest.hexdigest()[:16]


@cache
def kernel_folder() -> Path | None:
    """The writable cache folder, or None (said on stderr) where there is none."""
    folder = cache_root() / f"kernels-{kernel_hash()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        print(f"igkinetics: no compiled code can be kept ({error}); compiling at each start.", file=sys.stderr)
        return None
    return folder


class _Announcement(event.Listener):  # type: ignore[misc]
    """Says once, on stderr, that kernels are being compiled; loading them from disk is silent."""

    said = False

    def on_start(self, event: Any) -> None:
        module = event.data["dispatcher"].py_func.__module__
        if not self.said and module.startswith("igkinetics."):
            self.said = True
            print("igkinetics: compiling its kernels; later starts load them from disk.", file=sys.stderr)

    def on_end(self, event: Any) -> None:
        return


event.register("numba:compile", _Announcement())


def kernel(function: Function) -> Function:
    """Compile on first call: releases the GIL, strict IEEE arithmetic, kept on disk where possible."""
    return compiled(function, counted=True)


def inner(function: Function) -> Function:
    """A kernel that makes no array, compiled without the counting of references to arrays.

    Counting is atomic, and in a loop over steps of some ten nanoseconds it takes most of the time. Where the function
    does make an array, numba refuses to compile it.
    """
    return compiled(function, counted=False)


def merged(function: Function) -> Function:
    """A kernel that is called at one place only: compiled into its caller, and not by itself as well.

    Every kernel holds all that it calls, so a chain of them is compiled as often as it is long.
    """
    return cast(Function, numba.njit(**OPTIONS, inline="always")(function))


def compiled(function: Function, *, counted: bool) -> Function:
    """numba.njit with our options and cache folder."""
    folder = kernel_folder()
    options = OPTIONS | {"_nrt": counted}
    if folder is None:
        return cast(Function, numba.njit(**options)(function))
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder)  # read by numba here and now only; other libraries keep their own
    try:
        return cast(Function, numba.njit(cache=True, **options)(function))
    finally:
        config.CACHE_DIR = before
