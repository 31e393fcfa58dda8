"""What every result can do: list its tables, be written as its command writes it, and make its page."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from igkinetics.output.folder import Kind, new_folder


class Answer:
    """The result of a verb. Who writes its files and its page is named, not imported: they know the result, and lie in
    rooms that come after it.

    TABLES_OF: attribute of each table. FOLDER, FILES, PAGE: "module:name" of its Kind of folder, of what writes tables
    and run record into a folder, and of what writes its page.
    """

    TABLES_OF: ClassVar[tuple[str, ...]]
    FOLDER: ClassVar[str]
    FILES: ClassVar[str]
    PAGE: ClassVar[str] = ""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by its name; IgG in the unit that its column `unit` names."""
        return {name: getattr(self, name) for name in self.TABLES_OF}

    def write(self, folder: Path | str, *, overwrite: bool = False) -> None:
        """The files that the command writes, but for its pages. InputError when the folder is taken."""
        kind: Kind = named(self.FOLDER)
        with new_folder(Path(folder), kind, overwrite=overwrite) as filling:
            named(self.FILES)(self, filling)

    def report(self, path: Path | str) -> None:
        """The report, as one page of HTML."""
        named(self.PAGE)(self, Path(path))


def named(address: str) -> Any:
    """What "module:name" names."""
    module, _, name = address.partition(":")
    return getattr(import_module(module), name)
