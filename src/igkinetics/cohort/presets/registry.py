"""The presets by the name of their format, and where their files lie in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.presets import cdisc, fhir, mimic, omop
from igkinetics.cohort.presets.preset import PresetTable, files_named
from igkinetics.errors import InputError, Problem

PRESETS: Final[dict[str, Callable[[Path, Mapping], list[PresetTable]]]] = {
    "omop": omop.tables,
    "fhir": fhir.tables,
    "adam": cdisc.adam,
    "sdtm": cdisc.sdtm,
    "mimic4": mimic.tables,
}
SIDE_TABLES: Final[dict[str, tuple[str, ...]]] = {
    "omop": ("concept", "concept_ancestor", "death"),
    "sdtm": ("vs",),
    "mimic4": ("d_labitems", "d_items"),
}
"""Files that are read beside the tables: what their rows refer to."""
NOT_READ: Final[dict[str, dict[str, str]]] = {
    "omop": {"procedure_occurrence": "a transplant in it is not seen: put it into outcomes.csv as hsct"},
    "mimic4": {
        "prescriptions": "orders are no administrations; doses are those of inputevents",
        "emar": "doses are those of inputevents, which intensive care alone writes; one dose is several rows of emar "
        "and emar_detail (started, stopped, due, not given); where wards gave immunoglobulin, put all doses into "
        "doses.csv, which is read instead",
    },
    "fhir": {
        "MedicationRequest": "orders are no administrations",
        "MedicationStatement": "statements are no administrations",
        "Procedure": "a transplant in it is not seen: put it into outcomes.csv as hsct",
    },
    "sdtm": {"pr": "a transplant in it is not seen: put it into outcomes.csv as hsct"},
}
"""Files of the format that somebody could expect to be read, and why they are not."""


def preset_files(folder: Path, mapping: Mapping, only: Path | None) -> list[tuple[PresetTable, Path]]:
    """Each table of the contract with its files; only: this one file, whose name may go on after the stem."""
    files = []
    for table in PRESETS[mapping.format](folder, mapping):
        if only is not None:
            paths = [only] if only.stem.lower().startswith(tuple(stem.lower() for stem in table.stems)) else []
        else:
            paths = files_named(folder, table.stems)
        if only is None and table.table == "patients" and mapping.format == "adam":
            # ADSL where there is one, else what the levels' own rows say
            paths = sorted(paths, key=lambda path: table.stems.index(path.stem.lower()))[:1]
        files += [(table, path) for path in paths]
    if not any(table.table == "samples" for table, _ in files):
        names = sorted(
            {
                stem
                for table in PRESETS[mapping.format](folder, mapping)
                if table.table == "samples"
                for stem in table.stems
            }
        )
        shown = ", ".join(sorted(path.name for path in folder.iterdir())[:12])
        looked_for = ", ".join(names) or "*.ndjson"
        expected = f'a file with levels: format = "{mapping.format}" looks for {looked_for} (.csv, .parquet)'
        raise InputError([Problem(file=folder.name, found=shown or "an empty folder", expected=expected)])
    return files


def preset_warnings(folder: Path, mapping: Mapping) -> list[Problem]:
    """Files that somebody could expect to be read, and tables without which little can be told."""
    warnings = [
        Problem(file=path.name, found=path.name, expected=why, severity="warning", action="not read")
        for stem, why in NOT_READ.get(mapping.format, {}).items()
        for path in files_named(folder, (stem,))
    ]
    if mapping.format == "omop" and not files_named(folder, ("concept",)):
        expected = "the table concept; without it only rows whose source values name IgG or immunoglobulin count"
        warnings.append(
            Problem(file="concept", found="no such file", expected=expected, severity="warning", action="used")
        )
    return warnings


def side_files(folder: Path, mapping: Mapping) -> list[Path]:
    """The files that the tables refer to."""
    return files_named(folder, SIDE_TABLES.get(mapping.format, ()))
