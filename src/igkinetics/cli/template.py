"""`template`: a workbook to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from igkinetics.cli.options import Overwrite
from igkinetics.cli.status import answering


@answering
def template(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write; it must not exist.")],
    overwrite: Overwrite = False,
) -> None:
    """Write a workbook to fill in; its last sheet shows one worked patient."""
    from igkinetics.cohort.mapping.locate import WORKBOOK_NAME
    from igkinetics.cohort.template import write_template
    from igkinetics.output.folder import Kind, new_folder

    output = Kind(marker=WORKBOOK_NAME, names=frozenset({WORKBOOK_NAME}))
    with new_folder(folder, output, overwrite=overwrite) as filling:
        write_template(filling / WORKBOOK_NAME)
    print(f"Workbook to fill in: {folder / WORKBOOK_NAME}.")
    print(f"Next: fill in its sheets, then igkinetics check {folder}")
