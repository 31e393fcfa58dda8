"""What most commands end with: an answer's files and page in a folder, then its sentences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from igkinetics.output.answer import Answer


def write_and_tell(answer: Answer, sentences: Sequence[str], out: Path, *, overwrite: bool, **drawing: Any) -> None:
    """Files and page, whole or not at all; then the sentences on stdout, and where the page is.

    drawing: what the writer of the page draws with, where a process for it is open already (`draw`).
    """
    from igkinetics.output.answer import named
    from igkinetics.output.folder import new_folder
    from igkinetics.report.fit_page import REPORT_NAME

    with new_folder(out, named(answer.FOLDER), overwrite=overwrite) as folder:
        named(answer.FILES)(answer, folder)
        named(answer.PAGE)(answer, folder / REPORT_NAME, **drawing)
    print("\n".join([*sentences, f"Report: {out / REPORT_NAME}."]))
