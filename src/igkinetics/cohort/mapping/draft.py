"""A draft of cohort.toml for foreign tables: guesses, marked as such, that nobody applies but the user."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pandas as pd

from igkinetics.cohort.mapping.contract import TABLES, TableName
from igkinetics.cohort.mapping.date_formats import date_format
from igkinetics.cohort.mapping.draft_events import event_draft, looks_like_events
from igkinetics.cohort.mapping.guess import WITH_UNIT, Guess, choose, names_immunoglobulin_somewhere
from igkinetics.cohort.mapping.headings import plain, read_heading, says_igg
from igkinetics.cohort.mapping.keys import UNDECIDED
from igkinetics.cohort.mapping.lab_words import likely_meaning
from igkinetics.cohort.mapping.layout import Place, places_in
from igkinetics.cohort.mapping.overlooked import left_over
from igkinetics.cohort.mapping.visits import DAY_TO_CHOOSE, VisitColumn, levels_in_their_units, visit_columns, wide_key
from igkinetics.cohort.parse.cells import canonical_units, igg_cells
from igkinetics.cohort.parse.elsewhere import names_infusions, speaks_of
from igkinetics.errors import InputError, call_error
from igkinetics.toml_input import parse_toml
from igkinetics.units import G_PER_L_IN

MAPPING_NAME: Final = "cohort.toml"
GUESS: Final = "# GUESS"
CHOOSE: Final = "# CHOOSE"
TOP: Final = """\
# A draft with guesses. Nothing of it is applied. Check every line marked GUESS, decide every line marked CHOOSE,
# and save it as cohort.toml beside the tables (igkinetics check --write-mapping does that).
"""
CHOOSE_UNIT: Final = '# igg_unit = "mg/dL"        # CHOOSE "mg/dL" or "g/L"; never guessed\n'
NO_DRAFT: Final = "# No draft"
MOST_WORDS: Final = 40


def draft_mapping(path: Path, stated: dict[str, object] | None = None) -> str:
    """The text of a cohort.toml for what lies at `path`, or a comment that says why there is none.

    stated: keys at the top of a cohort.toml that is there already; they are kept.
    """
    places, unread = places_in(path)
    keys = stated or {}
    events = [source for source in places if looks_like_events(source, stated=keys.get("format") == "nonmem")]
    if events:
        return event_draft(events[0], keys)
    chosen = choose(places)
    if "samples" not in chosen:
        return _why_not(places, unread)
    sections = ["\n".join(_section(chosen[name], frozenset(chosen))) + "\n" for name in TABLES if name in chosen]
    if not any(mark in section for section in sections for mark in (GUESS, CHOOSE)):
        return ""  # every table and column has its own name already
    return TOP + _top_keys(chosen["samples"], keys) + "".join(sections) + _left_over(places, chosen)


def _left_over(places: list[Place], chosen: dict[TableName, Guess]) -> str:
    """What the draft does not read, with what it would lose."""
    lines = []
    for place, table in left_over(places, chosen):
        where = place.name + (f", sheet {place.settings.sheet}" if place.settings.sheet else "")
        headings = ", ".join(_toml(name) for name in place.raw.cells.columns)
        if table is None:
            lines.append(f"# not read: {where}: {headings}")
        else:
            lost = f"{where} speaks of {table}, and nothing here reads it: its rows are missing from the cohort"
            lines += [f"# CHOOSE: {lost}; write it under [{table}], or", f"# take it out of the folder: {headings}"]
    return "\n" + "".join(f"{line}\n" for line in lines) if lines else ""


def stated_keys(path: Path) -> dict[str, object]:
    """The keys at the top of the cohort.toml of a cohort; nothing where there is none that can be read."""
    file = path if path.suffix.lower() == ".toml" else (path if path.is_dir() else path.parent) / MAPPING_NAME
    try:
        document = parse_toml(file.read_bytes(), file.name)
    except (OSError, InputError):
        return {}
    return {key: value for key, value in document.items() if not isinstance(value, dict)}


def write_draft(path: Path, draft: str) -> Path:
    """Write a draft beside the tables. InputError where it is none, or where a cohort.toml lies there already."""
    folder = path if path.is_dir() else path.parent
    target = folder / MAPPING_NAME
    if draft.startswith(NO_DRAFT):
        expected = "tables of which patients, times and IgG are recognised; nothing was written"
        raise call_error("write_mapping", path.name, expected)
    try:
        with target.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(draft)
    except FileExistsError:
        expected = "is there already and is never written over; take what you need from the draft above"
        raise call_error("write_mapping", MAPPING_NAME, expected) from None
    except OSError as fault:
        raise call_error("write_mapping", fault.strerror, "a folder that can be written to") from None
    return target


def _why_not(places: list[Place], unread: dict[str, str]) -> str:
    lines = [f"{NO_DRAFT}: no table with a column of patients, of days or dates, and of IgG was recognised."]
    lines += [f"# {file} cannot be read: {reason}" for file, reason in unread.items()]
    for source in places:
        where = source.name + (f", sheet {source.settings.sheet}" if source.settings.sheet else "")
        lines.append(f"# {where}: {', '.join(source.raw.cells.columns)}")
    if places:
        lines.append('# Name them under [samples.columns]: patient_id, datetime (or day) and igg = "their heading".')
    return "\n".join(lines) + "\n"


def _top_keys(samples: Guess, stated: dict[str, object]) -> str:
    kept = [f"{key} = {_toml(value)}" for key, value in stated.items() if isinstance(value, str | int | float)]
    lines = [] if "igg_unit" in stated else [_unit_line(samples)]
    return "".join(f"{line}\n" for line in kept) + "".join(lines)


def _unit_line(samples: Guess) -> str:
    """igg_unit: as a heading says it, or left to the column of units, or to choose."""
    igg = samples.columns.get("igg")
    visits = visit_columns(samples.raw.cells.columns) if igg is None else []
    said = levels_in_their_units(visits)
    if len(said) > 1 and "" not in said:
        return f"# igg_unit is not needed: each heading says its unit ({', '.join(said)})\n"
    if len(said) > 1:
        return CHOOSE_UNIT
    heading = igg if isinstance(igg, str) else visits[0].heading if visits else ""
    unit = read_heading(heading).unit
    if unit in G_PER_L_IN:
        return f'igg_unit = "{unit}"    # GUESS: the heading {_toml(heading)} says so\n'
    column = samples.columns.get("unit")
    if isinstance(column, str):
        cells = _meant(samples)[column].str.strip()
        if bool((cells != "").all()) and bool(canonical_units(cells).isin(list(G_PER_L_IN)).all()):
            return f"# igg_unit is not needed: the column {_toml(column)} says the unit of every row\n"
    return CHOOSE_UNIT


def _meant(guess: Guess) -> pd.DataFrame:
    """The rows that the draft keeps."""
    cells = guess.raw.cells
    for column, words in guess.keep:
        text = cells[column].str.strip()
        chosen = [*words, *guess.undecided] if column == guess.keep[0][0] else words
        cells = cells[text.isin(list(chosen))] if chosen else cells[text != ""]
    return cells


def _section(guess: Guess, tables: frozenset[TableName]) -> list[str]:
    settings, table = guess.place.settings, guess.table
    names = ", ".join(map(_toml, (guess.place.name, *guess.place.others)))
    lines = [f"\n[{table}]", f"files = [{names}]" + ("    # GUESS: the same headings" if guess.place.others else "")]
    if settings.sheet:
        lines.append(f"sheet = {_toml(settings.sheet)}")
    for key, usual in (("skip_lines", 0), ("delimiter", ","), ("decimal", "."), ("encoding", "utf-8")):
        if (value := getattr(settings, key)) != usual:
            lines.append(f"{key} = {_toml(value)}    # GUESS")
    times = [
        guess.columns[name]
        for name in ("datetime", "start", "end", "birth", "death", "transplant")
        if name in guess.columns
    ]
    formats = [line for column in times for line in date_format(_meant(guess), column)]
    lines += formats[:1]
    if table == "samples":
        lines += _wide(guess) + _words(guess)
    if table == "patients" and bool(_meant(guess)[str(guess.columns["patient_id"])].duplicated().any()):
        lines.append('repeated = "first"    # GUESS: of several rows of a patient the first counts')
    lines += _columns(guess, tables)
    lines += _units(guess)
    for place, (column, words) in enumerate(guess.keep):
        undecided = [] if place else [f"{UNDECIDED}{word}" for word in guess.undecided]
        rule = f"one_of = {_toml([*words, *undecided])}" if words or undecided else "empty = false"
        lines += [
            f"[[{table}.keep]]    # GUESS",
            f"column = {_toml(column)}",
            rule + (CHOOSE_WORDS if undecided else ""),
        ]
    return lines + _analyte_to_choose(guess)


CHOOSE_WORDS: Final = (
    f"    # CHOOSE: take {UNDECIDED.strip()} away where the word is immunoglobulin too, the whole entry where it is not"
)
ANALYTE_HEADING: Final = re.compile(r"item|component|analyt|test|label|param|loinc|examen|esame|prueba|untersuch|code")


def _analyte_to_choose(guess: Guess) -> list[str]:
    """Where nothing says which rows are IgG but a column of codes or tests is there: a rule to fill in."""
    igg = guess.columns.get("igg")
    if guess.table != "samples" or not isinstance(igg, str) or says_igg(igg) or any(words for _, words in guess.keep):
        return []
    unused = [name for name in guess.raw.cells.columns if name not in guess.columns.values()]
    column = next((name for name in unused if ANALYTE_HEADING.search(plain(name))), None)
    if column is None:
        return []
    values = [str(word) for word in guess.raw.cells[column].str.strip().unique()[:5]]
    choose = f"# CHOOSE those of {_toml(column)} that are IgG"
    return ["# [[samples.keep]]", f"# column = {_toml(column)}", f"# one_of = {_toml(values)}    {choose}"]


def _columns(guess: Guess, tables: frozenset[TableName]) -> Iterator[str]:
    yield f"[{guess.table}.columns]"
    for name in guess.missing:
        yield f'# {name} = "..."    # CHOOSE {CHOICES[name]}'
    for name, foreign in guess.columns.items():
        unsaid = name == "igg" and not says_igg(str(foreign)) and not any(words for _, words in guess.keep)
        why = ": nothing in the table says that this is IgG" if unsaid else ""
        if (
            guess.table == "doses"
            and name in ("amount", *WITH_UNIT["amount"].values())
            and not names_immunoglobulin_somewhere(guess)
        ):
            why = ": nothing in the table says that this is immunoglobulin"
        yield f"{name} = {_toml(foreign)}" + ("" if name == foreign and not why else f"    # GUESS{why}")
    taken = {one for foreign in guess.columns.values() for one in ((foreign,) if isinstance(foreign, str) else foreign)}
    taken |= {visit.heading for visit in _visits(guess)} | {column for column, _ in guess.keep}
    unused = [name for name in guess.raw.cells.columns if name not in taken]
    if unused:
        yield f"# not used: {', '.join(_toml(name) for name in unused)}"
    lost = [name for name in unused if speaks_of(guess.table, name, guess.raw.cells[name]) == "doses"]
    for column, _ in guess.keep:
        cells = guess.raw.cells[column].str.strip()
        if names_infusions(cells[~cells.isin(list(_meant(guess)[column].str.strip()))]):
            lost.append(column)
    if lost and guess.table == "samples" and "doses" not in tables:
        shown = ", ".join(_toml(name) for name in lost)
        yield f"# CHOOSE: {shown} speak of infusions, which this draft leaves out: write them in a table of doses"


CHOICES: Final = {
    "patient_id": "the column that says whose the row is",
    "day": "the column of the days or dates (day or datetime)",
    "igg": "the column of the levels of IgG",
}


def _units(guess: Guess) -> Iterator[str]:
    """Units that headings say; those that nothing says are left to choose."""
    lines = [f'{name} = "{unit}"    # GUESS: the heading says so' for name, unit in guess.units.items()]
    for name, choices in (("amount", "g, mg, g/kg or mg/kg"), ("weight", "kg or lb"), ("duration", "h or min")):
        if name in guess.columns and f"{name}_unit" not in guess.columns and name not in guess.units:
            lines.append(f'# {name} = "{choices.split(",")[0].split()[0]}"    # CHOOSE {choices}; never guessed')
    if lines:
        yield f"[{guess.table}.units]"
        yield from lines


def _visits(guess: Guess) -> list[VisitColumn]:
    wide = guess.table == "samples" and "igg" not in guess.columns
    return visit_columns(guess.raw.cells.columns) if wide else []


def _wide(guess: Guess) -> list[str]:
    visits = _visits(guess)
    if not visits:
        return []
    key = wide_key(visits, list(guess.raw.cells.columns))
    known = f" = {DAY_TO_CHOOSE}" not in key
    return [f"{key}    # GUESS: a column for each visit" if known else f"# {key}    # CHOOSE the day of each visit"]


def _words(guess: Guess) -> list[str]:
    """`words` for the cells that are no level."""
    column = guess.columns.get("igg")
    columns = [column] if isinstance(column, str) else [visit.heading for visit in _visits(guess)]
    cells = _meant(guess)[columns].stack().str.strip() if columns else pd.Series(dtype=str)
    unreadable = cells[igg_cells(cells, guess.place.settings.decimal).unreadable]
    words = list(dict.fromkeys(str(cell) for cell in unreadable))
    if not words:
        return []
    meanings = {word: likely_meaning(word) for word in words[:MOST_WORDS]}
    unknown = [word for word, meaning in meanings.items() if meaning is None]
    if unknown or len(words) > MOST_WORDS:
        shown = ", ".join(_toml(word) for word in (unknown or words)[:5])
        return [f'# words = "set aside"    # CHOOSE: leave out levels such as {shown}, or say what each means']
    pairs = ", ".join(f"{_toml(word)} = {_toml(meaning)}" for word, meaning in meanings.items())
    return [f"words = {{ {pairs} }}    # GUESS"]


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
