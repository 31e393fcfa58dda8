"""`fit` of a cohort in parts: progress, what could not be done, and the result in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from igkinetics.cli.status import DEFECT_OF_OURS, INPUT_AT_FAULT, INTERRUPTED, NOBODY_FITTED, progress_bar, tell

if TYPE_CHECKING:
    from pathlib import Path

    from igkinetics.fit.by_parts import PartsFit, Reading
    from igkinetics.fit.options import FitOptions
    from igkinetics.fit.output import Extras

MOST_TOLD: Final = 20


def in_parts(cohort: Path, cluster: str | None, *, figures: bool) -> bool:
    """Whether the cohort is in parts. InputError for choices that go with only one of the two."""
    from igkinetics.cohort.mapping.parts import parts_of
    from igkinetics.errors import call_error

    found = cohort.exists() and bool(parts_of(cohort))
    if cluster is not None and not found:
        raise call_error("cluster", cluster, "goes with a cohort in parts: samples/part-0001.parquet ...")
    if figures and found:
        raise call_error("figures", "a cohort in parts", "must be left out: no pages or charts are made of all parts")
    return found


def fit_in_parts(
    reading: Reading, options: FitOptions, out: Path, extras: Extras, cluster: str | None, *, overwrite: bool
) -> None:
    from igkinetics.fit.by_parts import FIT_IN_PARTS, fit_by_parts, move_in_place
    from igkinetics.output.folder import new_folder, refuse_existing

    refuse_existing(out, FIT_IN_PARTS, overwrite=overwrite)
    with progress_bar("Fitting parts") as progress:
        fitted = fit_by_parts(reading, options, out, extras, cluster=cluster or "", progress=progress)
    if fitted.totals is None:
        raise typer.Exit(unfinished(fitted))
    with new_folder(out, FIT_IN_PARTS, overwrite=overwrite) as folder:
        move_in_place(out, folder, fitted.done.finished)
    tell_result(fitted, options)


def unfinished(fitted: PartsFit) -> int:
    """Say which parts are not there, why, and how to go on; the exit status."""
    from igkinetics.output.parts import parts_folder

    faults = fitted.done.faults
    for name, fault in list(faults.items())[:MOST_TOLD]:
        tell(f"{name}: {fault.words}")
    if len(faults) > MOST_TOLD:
        tell(f"... and {len(faults) - MOST_TOLD} more parts")
    stopped = "Interrupted. " if fitted.done.interrupted else ""
    kept = parts_folder(fitted.out)
    tell(
        f"{stopped}{len(fitted.done.finished)} parts are finished and kept in {kept.name}, beside the folder to be; "
        "the same command goes on from there."
    )
    if fitted.done.interrupted:
        return INTERRUPTED
    kinds = {fault.kind for fault in faults.values()}
    return INPUT_AT_FAULT if kinds <= {"input", "disk"} else DEFECT_OF_OURS


def tell_result(fitted: PartsFit, options: FitOptions) -> None:
    from igkinetics.report.sentences import parts_sentences

    totals = fitted.totals
    if totals is None:
        raise AssertionError("no result to tell of")
    print(
        "\n".join(parts_sentences(totals, len(fitted.done.finished), len(fitted.done.kept), options.level, fitted.out))
    )
    if totals.n_failed:
        raise typer.Exit(DEFECT_OF_OURS)
    if totals.n_fitted == 0:
        raise typer.Exit(NOBODY_FITTED)
