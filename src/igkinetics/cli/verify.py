"""`verify`: agreement with other engines, computed anew here."""

from __future__ import annotations

from typing import Annotated

import typer

from igkinetics.cli.options import OutOrNone, Overwrite
from igkinetics.cli.status import DEFECT_OF_OURS, answering


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
    from igkinetics.output.folder import new_folder, refuse_existing
    from igkinetics.report.fit_page import REPORT_NAME
    from igkinetics.report.verify_page import verify_sentences, write_verify_report
    from igkinetics.verification.run import VERIFY_OUTPUT, write_verification
    from igkinetics.verification.run import verify as compare_all

    if out is not None:
        refuse_existing(out, VERIFY_OUTPUT, overwrite=overwrite)
    result = compare_all(only=tuple(only or ()))
    print("\n".join(verify_sentences(result)))
    if out is not None:
        with new_folder(out, VERIFY_OUTPUT, overwrite=overwrite) as folder:
            write_verification(result, folder)
            write_verify_report(result, folder / REPORT_NAME)
        print(f"Report: {out / REPORT_NAME}.")
    if not result.agrees:
        raise typer.Exit(DEFECT_OF_OURS)
