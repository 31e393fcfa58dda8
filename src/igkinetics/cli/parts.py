"""What commands on cohorts in parts share: progress, what could not be done, and the result in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from igkinetics.cli.status import DEFECT_OF_OURS, INPUT_AT_FAULT, INTERRUPTED, progress_bar, tell

if TYPE_CHECKING:
    from igkinetics.output.by_parts import ByParts
    from igkinetics.output.parts import Done

Cluster = Annotated[
    str | None,
    typer.Option(metavar="tcp://HOST:PORT", help="Do the parts of a cohort in parts on this Dask cluster."),
]
MOST_TOLD: Final = 20
MOST_NAMED: Final = 3
"""Parts with the same fault."""
Totals = TypeVar("Totals")


def in_parts(cohort: Path, cluster: str | None, *, figures: bool = False) -> bool:
    """Whether the cohort is in parts. InputError for choices that go with only one of the two."""
    from igkinetics.cohort.mapping.parts import parts_of
    from igkinetics.errors import call_error

    found = cohort.exists() and bool(parts_of(cohort))
    if cluster is not None and not found:
        raise call_error("cluster", cluster, "goes with a cohort in parts: samples/part-0001.parquet ...")
    if figures and found:
        raise call_error("figures", "a cohort in parts", "must be left out: no charts are made of all parts")
    return found


def do_in_parts(
    work: ByParts[Totals],
    out: Path,
    says: Callable[[Totals, Done], Sequence[str]],
    *,
    doing: str,
    jobs: int,
    cluster: str | None,
    overwrite: bool,
    page: Callable[[Totals, Done, Path], None] | None = None,
) -> Totals:
    """The result of a command in `out`, with its page; then its sentences on stdout. Ends the command where parts are
    missing: what is finished is kept. page: writes it into the folder; it does not tell which parts were kept."""
    from igkinetics.output.by_parts import done_by_parts, move_in_place
    from igkinetics.output.folder import new_folder, refuse_existing

    refuse_existing(out, work.kind, overwrite=overwrite)
    with progress_bar(doing) as progress:
        made = done_by_parts(work, out, jobs=jobs, cluster=cluster or "", progress=progress)
    if made.totals is None:
        raise typer.Exit(unfinished(made.done, out))
    with new_folder(out, work.kind, overwrite=overwrite) as folder:
        move_in_place(work, out, folder)
        if page is not None:
            page(made.totals, replace(made.done, kept=()), folder)
    print("\n".join(says(made.totals, made.done)))
    return made.totals


def unfinished(done: Done, out: Path) -> int:
    """Say which parts are not there, why, and how to go on; the exit status."""
    from igkinetics.output.parts import parts_folder
    from igkinetics.text import listed

    parts_with: dict[str, list[str]] = {}
    for name, fault in done.faults.items():
        parts_with.setdefault(fault.words, []).append(name)
    for words, names in list(parts_with.items())[:MOST_TOLD]:
        tell(f"{listed(names, MOST_NAMED)}: {words}")
    if len(parts_with) > MOST_TOLD:
        tell(f"... and {len(parts_with) - MOST_TOLD} other faults")
    stopped = "Interrupted. " if done.interrupted else ""
    tell(
        f"{stopped}{len(done.finished)} parts are finished and kept in {parts_folder(out).name}, beside the folder to "
        "be; the same command goes on from there."
    )
    if done.interrupted:
        return INTERRUPTED
    kinds = {fault.kind for fault in done.faults.values()}
    return INPUT_AT_FAULT if kinds <= {"input", "disk"} else DEFECT_OF_OURS


def where(out: Path) -> str:
    """The last sentence of a cohort in parts."""
    from igkinetics.report.fit_page import REPORT_NAME

    return f"Report: {out / REPORT_NAME}; what belongs to one part: {out / 'parts'}."
