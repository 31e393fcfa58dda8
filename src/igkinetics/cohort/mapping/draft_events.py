"""A draft for an event file (NONMEM): which of its columns hold the items, and the units that no event file says."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from igkinetics.cohort.mapping.layout import Place

TOP: Final = """\
# A draft for an event file with guesses. Nothing of it is applied. Check every line marked GUESS, decide every line
# marked CHOOSE, and save it as cohort.toml beside the file.
format = "nonmem"
"""
UNITS: Final = (
    ("igg_unit", "mg/dL", 'CHOOSE "mg/dL" or "g/L"'),
    ("amount_unit", "g", 'CHOOSE "g" or "mg"'),
    ("time_unit", "day", 'CHOOSE "day" or "hour"'),
)
ITEM_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "ID": ("id", "#id", "subj", "subjid", "subject", "subject_id", "patient", "usubjid", "usubjidn", "subjidn", "nmid"),
    "TIME": ("time", "tafd", "afrlt", "tsfd", "day", "days", "hour", "hours", "nfrlt", "datetime"),
    "DV": ("dv", "lidv", "igg", "conc", "cp", "y", "obs", "aval", "odv", "dvid_value", "concentration", "cobs"),
    "AMT": ("amt", "dose", "amount", "amtt", "exdose"),
}
"""What event files call the items that others call ID, TIME, DV and AMT; the surest first."""
MAPPED_AS: Final = {
    "ID": "samples.columns.patient_id",
    "TIME": "samples.columns.day",
    "DV": "samples.columns.igg",
    "AMT": "doses.columns.amount",
}
MARKS: Final = frozenset({"evid", "mdv", "amt", "rate", "addl", "ii", "ss", "cmt"})


def likely_item(item: str, columns: Iterable[str]) -> str | None:
    """The column that probably holds an item under another name; None where nothing is like it."""
    by_name = {column.strip().lower(): column for column in reversed(list(columns))}
    return next((by_name[name] for name in ITEM_NAMES.get(item, ()) if name in by_name), None)


def looks_like_events(source: Place, *, stated: bool) -> bool:
    """Whether a table is an event file: said so, or at least two columns that only event files have."""
    names = {column.strip().lower() for column in source.raw.cells.columns}
    return len(names & MARKS) >= (1 if stated else 2) and likely_item("ID", names) is not None


def event_draft(source: Place, stated: dict[str, object]) -> str:
    """The text of a cohort.toml for an event file. stated: what a cohort.toml says already."""
    lines = [TOP.rstrip("\n")]
    for key, example, choice in UNITS:
        if key in stated:
            lines.append(f"{key} = {json.dumps(stated[key])}")
        else:
            lines.append(f'# {key} = "{example}"    # {choice}; never guessed')
    settings, columns = source.settings, list(source.raw.cells.columns)
    lines += ["[samples]", f"files = [{json.dumps(source.name, ensure_ascii=False)}]"]
    for key, usual in (("skip_lines", 0), ("delimiter", ","), ("decimal", "."), ("encoding", "utf-8")):
        if (value := getattr(settings, key)) != usual:
            lines.append(f"{key} = {json.dumps(value)}    # GUESS")
    for section, items in (("samples", ("ID", "TIME", "DV")), ("doses", ("AMT",))):
        mapped = []
        for item in items:
            heading = likely_item(item, columns)
            key = MAPPED_AS[item].rpartition(".")[2]
            if heading is None and item != "AMT":
                mapped.append(f'# {key} = "..."    # CHOOSE the column of {item}')
            elif heading is not None and heading.strip().upper() != item:
                mapped.append(f"{key} = {json.dumps(heading, ensure_ascii=False)}    # GUESS")
        lines += [f"[{section}.columns]", *mapped] if mapped else []
    return "\n".join(lines) + "\n"
