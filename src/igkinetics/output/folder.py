"""An output folder, written whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from igkinetics.errors import call_error

LEFT_BY_DESKTOPS: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
CANNOT_WRITE: Final = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST}
    | {errno.ENAMETOOLONG}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a command writes: the file that marks its folder, and every name that can be in there."""

    marker: str
    names: frozenset[str]


def refuse_existing(folder: Path, kind: Kind, *, overwrite: bool) -> None:
    """InputError unless `folder` is free, or is this command's earlier output and may be replaced.

    A folder with anything in it that the command did not write is never replaced.
    """
    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise call_error("--out", folder, "is a file; must be a folder")
    present = {entry.name for entry in folder.iterdir()} - LEFT_BY_DESKTOPS
    if not present:
        return
    if not overwrite:
        raise call_error("--out", folder, "exists already; choose another, or replace it with --overwrite")
    foreign = sorted(present - kind.names)
    if foreign:
        names = ", ".join(foreign[:3])
        raise call_error("--out", folder, f"holds {names}, not written by this command; kept")
    if kind.marker not in present:
        raise call_error("--out", folder, f"holds no {kind.marker}, so not written by this command; kept")


@contextmanager
def new_folder(folder: Path, kind: Kind, *, overwrite: bool = False) -> Iterator[Path]:
    """A folder to fill; it takes the name `folder` when the block ends well, and vanishes otherwise.

    InputError when `folder` is taken (see refuse_existing) or nothing can be written there.
    """
    target = folder.resolve()
    refuse_existing(target, kind, overwrite=overwrite)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name[:100]}.", dir=target.parent) as scratch:
            filling = Path(scratch) / "new"
            filling.mkdir()
            yield filling
            refuse_existing(target, kind, overwrite=overwrite)
            _take_place(filling, target, Path(scratch) / "old")
    except OSError as error:
        if error.errno in CANNOT_WRITE:
            reason = error.strerror or "unknown reason"
            raise call_error("--out", folder, f"cannot be written: {reason.lower()}") from error
        raise


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
