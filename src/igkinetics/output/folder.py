"""An output folder, written whole or not at all.

A folder is filled under a hidden name beside its place. Whoever fills it holds a lock on a file in there, which the
system lets go of when the process ends, however it ends: so the next run can tell what a killed one left behind.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from igkinetics.errors import call_error

try:
    import fcntl
except ImportError:  # no such locks on Windows: what a killed run leaves there stays
    fcntl = None  # type: ignore[assignment]

LEFT_BY_DESKTOPS: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
CANNOT_WRITE: Final = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST}
    | {errno.ENAMETOOLONG}
)
HIDDEN: Final = ".igkinetics-"
"""In the name of every hidden folder, after that of the folder to be."""
OWNER: Final = "owner"
"""The locked file in a hidden folder; it holds the name of the folder to be."""
FILLING, REPLACED = "new", "old"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a command writes: the file that marks its folder, and every name that can be in there."""

    marker: str
    names: frozenset[str]


def refuse_existing(folder: Path, kind: Kind, *, overwrite: bool) -> None:
    """InputError unless `folder` is free, or is this command's earlier output and may be replaced.

    A folder with anything in it that the command did not write is never replaced. What killed runs left beside it is
    cleared first.
    """
    clear_left_behind(folder.parent)
    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise call_error("folder", folder, "is a file; must be a folder")
    present = {entry.name for entry in folder.iterdir()} - LEFT_BY_DESKTOPS
    if not present:
        return
    if not overwrite:
        raise call_error("folder", folder, "exists already; choose another, or replace it with overwrite=True")
    foreign = sorted(present - kind.names)
    if foreign:
        names = ", ".join(foreign[:3])
        raise call_error("folder", folder, f"holds {names}, not written by this command; kept")
    if kind.marker not in present:
        raise call_error("folder", folder, f"holds no {kind.marker}, so not written by this command; kept")


@contextmanager
def new_folder(folder: Path, kind: Kind, *, overwrite: bool = False) -> Iterator[Path]:
    """A folder to fill; it takes the name `folder` when the block ends well, and vanishes otherwise.

    InputError when `folder` is taken (see refuse_existing) or nothing can be written there.
    """
    target = folder.resolve()
    refuse_existing(target, kind, overwrite=overwrite)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{target.name[:100]}{HIDDEN}"
        with tempfile.TemporaryDirectory(prefix=prefix, dir=target.parent) as hidden, ExitStack() as held:
            scratch = Path(hidden)
            held.enter_context(owned(scratch, target))
            filling = scratch / FILLING
            filling.mkdir()
            yield filling
            refuse_existing(target, kind, overwrite=overwrite)
            _take_place(filling, target, scratch / REPLACED)
    except OSError as error:
        if error.errno in CANNOT_WRITE:
            reason = error.strerror or "unknown reason"
            raise call_error("folder", folder, f"cannot be written: {reason.lower()}") from error
        raise


@contextmanager
def owned(scratch: Path, target: Path) -> Iterator[None]:
    """Hold the lock of a hidden folder. It gets its name once it is locked: nobody finds it without its owner."""
    with (scratch / f"{OWNER}-to-be").open("w", encoding="utf-8") as file:
        file.write(target.name)
        file.flush()
        if fcntl is not None and locked(file):
            os.rename(file.name, scratch / OWNER)
        yield


def locked(file: IO[str]) -> bool:
    """Whether the lock of an open file could be taken; False too where the file system has none."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def clear_left_behind(parent: Path) -> None:
    """Remove the hidden folders in `parent` whose process is gone.

    An earlier result that was being replaced when its process died goes back to its place first.
    """
    if fcntl is None:
        return
    for scratch in parent.glob(f".*{HIDDEN}*"):
        try:
            with (scratch / OWNER).open(encoding="utf-8") as file:
                if not locked(file):
                    continue
                replaced, target = scratch / REPLACED, parent / file.read()
                if replaced.is_dir() and not os.path.lexists(target):
                    replaced.rename(target)
                shutil.rmtree(scratch, ignore_errors=True)
        except OSError:  # none of ours, of another user, or cleared by another process meanwhile
            continue


def _take_place(filling: Path, target: Path, old: Path) -> None:
    """Rename `filling` to `target`; what stood there goes to `old`, and comes back if the renaming fails."""
    if not target.is_dir():
        filling.rename(target)
        return
    target.rename(old)
    try:
        filling.rename(target)
    finally:
        if not target.exists():
            old.rename(target)


def copy_folder(source: Path, filling: Path) -> None:
    """All files of `source` into `filling`."""
    shutil.copytree(source, filling, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".*"))
