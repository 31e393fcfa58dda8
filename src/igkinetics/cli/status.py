"""Exit statuses, and what is said on stderr: faults of the input or the call, and how far a long step has come."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TextIO, cast

import typer

from igkinetics.cli.flags import in_flags
from igkinetics.errors import InputError, NobodyFittedError

if TYPE_CHECKING:
    import pandas as pd

INPUT_AT_FAULT: Final = 2
NOBODY_FITTED: Final = 3
INTERRUPTED: Final = 130
DEFECT_OF_OURS: Final = 1

Arguments = ParamSpec("Arguments")


def tell(line: str) -> None:
    """A line on stderr."""
    print(line, file=sys.stderr)


def failures_told(patients: pd.DataFrame, n_failed: int | None = None, n_patients: int | None = None) -> str:
    """Which patients failed, and by what: lines for stderr. patients: a row each, with status and reason. n_failed,
    n_patients: in all, where these are only some."""
    from igkinetics.text import visible  # here, for help must not wait for pandas

    failed = patients[patients["status"] == "failed"].to_dict("records")
    lines = [f"  patient {visible(row['patient_id'])}: {visible(row['reason'], most=400)}" for row in failed]
    of = len(patients) if n_patients is None else n_patients
    told = f"{len(lines) if n_failed is None else n_failed} of {of} patients failed; everything else was written."
    ours = "This is a defect of ours, not of your data. Please report it with the lines above."
    return "\n".join([told, *lines, ours])


def answering(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """The command with its input errors told on stderr, all of them, and its exit statuses kept."""

    @functools.wraps(command)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except InputError as error:
            tell(str(in_flags(error, command)))
            raise typer.Exit(NOBODY_FITTED if isinstance(error, NobodyFittedError) else INPUT_AT_FAULT) from None
        except KeyboardInterrupt:
            tell("Interrupted; nothing was written.")
            raise typer.Exit(INTERRUPTED) from None

    return run


class Outlet:
    """A stream of this process that falls silent once nobody reads it any more (`igkinetics check cohort | head -1`):
    the command goes on, writes its files and ends with its own exit status."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        try:
            return self.stream.write(text)
        except BrokenPipeError:
            self._fall_silent()
            return len(text)

    def flush(self) -> None:
        try:
            self.stream.flush()
        except BrokenPipeError:
            self._fall_silent()

    def _fall_silent(self) -> None:
        """What is written from now on, and what was not yet flushed, goes nowhere."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def silent_once_closed() -> None:
    """Stdout and stderr of this process as outlets. A stream that does not exist (None) stays as it is."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None:
            setattr(sys, name, cast(TextIO, Outlet(stream)))


Progress = Callable[[int, int], None]
"""Called with how many are done, and of how many."""


@contextmanager
def progress_bar(label: str) -> Iterator[Progress | None]:
    """What a long step reports to; None when stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield report
