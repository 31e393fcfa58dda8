"""`verify`: agreement with other engines, computed anew here."""

from __future__ import annotations

from typing import Annotated

import typer

from igkinetics.cli.options import OutOrNone, Overwrite
from igkinetics.cli.status import DEFECT_OF_OURS, answering
from igkinetics.cli.writing import write_and_tell


@answering
def verify(
    out: OutOrNone = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="Only cases of this kind, such as concentrations; repeatable."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Agreement with other engines and published figures, computed anew. Fails when a case differs."""
    from igkinetics.output.folder import refuse_existing
    from igkinetics.report.verify_page import verify_sentences
    from igkinetics.verification.run import VERIFY_OUTPUT
    from igkinetics.verification.run import verify as compare_all

    if out is not None:
        refuse_existing(out, VERIFY_OUTPUT, overwrite=overwrite)
    result = compare_all(only=tuple(only or ()))
    if out is None:
        print("\n".join(verify_sentences(result)))
    else:
        write_and_tell(result, verify_sentences(result), out, overwrite=overwrite)
    if not result.agrees:
        raise typer.Exit(DEFECT_OF_OURS)
