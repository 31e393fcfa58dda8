"""`export`: a cohort in a form that other programs read."""

from __future__ import annotations

from typing import Annotated

import typer

from igkinetics.cli.options import CohortPath, IggUnit, OnProblem, Out, Overwrite
from igkinetics.cli.reading import read_and_tell
from igkinetics.cli.status import answering
from igkinetics.errors import call_error


@answering
def export(
    cohort: CohortPath,
    out: Out,
    file_format: Annotated[str, typer.Option("--format", metavar="nonmem|adpc", help="Format to write.")] = "nonmem",
    igg_unit: IggUnit = None,
    on_problem: OnProblem = "stop",
    overwrite: Overwrite = False,
) -> None:
    """Write a cohort as a NONMEM event file or as CDISC ADPC."""
    from igkinetics.cohort.export import ADPC_FILE, ADPC_NAMES, NAMES, write_adpc, write_nonmem
    from igkinetics.cohort.mapping.locate import EVENT_FILE
    from igkinetics.output.folder import Kind, new_folder, refuse_existing

    if file_format not in ("nonmem", "adpc"):
        raise call_error("file_format", file_format, "must be nonmem or adpc")
    adpc = file_format == "adpc"
    output = Kind(marker=ADPC_FILE, names=ADPC_NAMES) if adpc else Kind(marker=EVENT_FILE, names=NAMES)
    refuse_existing(out, output, overwrite=overwrite)
    records = read_and_tell(cohort, igg_unit, None, on_problem)
    with new_folder(out, output, overwrite=overwrite) as folder:
        (write_adpc if adpc else write_nonmem)(records, folder)
    place = out / output.marker
    print(f"{len(records.patient_ids)} patients written to {place}; read it back with: igkinetics check {out}")
