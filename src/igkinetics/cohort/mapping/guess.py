"""Which column of a foreign table is probably which column of the contract, and which rows are meant.

Headings decide (headings.py), cells speak against them: a column of words is no amount, a column of yes and no no date.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import pandas as pd

from igkinetics.cohort.mapping.contract import COLUMN_UNITS, CONTRACT, TABLES, TableName
from igkinetics.cohort.mapping.headings import meanings, plain, rank, read_heading, says_igg
from igkinetics.cohort.mapping.lab_words import likely_meaning
from igkinetics.cohort.mapping.layout import Place
from igkinetics.cohort.mapping.visits import visit_columns
from igkinetics.cohort.parse.cells import igg_cells, numbers
from igkinetics.cohort.parse.products import other_product
from igkinetics.cohort.presets.concepts import agent_named, says
from igkinetics.cohort.source.raw import RawRows, whole_file

Foreign = str | tuple[str, str]
"""A foreign column, or a date and a time of day to join."""
WITH_UNIT: Final[dict[str, dict[str, str]]] = {
    "amount": {"g": "amount_g", "mg": "amount_g", "g/kg": "amount_g_per_kg", "mg/kg": "amount_g_per_kg"},
    "weight": {"kg": "weight_kg", "g": "weight_kg", "lb": "weight_kg"},
    "duration": {"h": "duration_h", "min": "duration_h"},
}
"""The contract name of a column whose heading says its unit."""
USUAL_UNIT: Final = {"amount_g": "g", "amount_g_per_kg": "g/kg", "weight_kg": "kg", "duration_h": "h"}
TIMES: Final = frozenset({"datetime", "start", "stop", "end", "birth", "death", "transplant"})
WORDS: Final = frozenset({"product", "agent", "outcome", "unit", "amount_unit", "weight_unit", "comparator"})
NUMBERS: Final = frozenset({"amount", "weight", "duration", "height_cm", "age_y", "lower_limit", "upper_limit"})
IMMUNOGLOBULIN: Final = re.compile(
    r"\b(ivig|scig|ig[is][vc]|iveg)|immun(e|o)? ?glob|inmunoglob|immunglob|gamma ?glob", re.IGNORECASE
)
MOST_PRODUCTS: Final = 20
"""A table of doses that names more things than this is one of all drugs: those that nothing calls immunoglobulin stay
out of the draft, and `check` names them. Of fewer each is left to choose: a brand says nothing of what it holds."""
NOTES: Final = re.compile(r"comment|note|remark|bemerk|kommentar|notiz|coment|observ|annot|text", re.IGNORECASE)
"""Headings of remarks, which say nothing of what their row is."""
PEOPLE: Final = frozenset({"group", "weight", "weight_kg", "sex", "age_y", "height_cm", "birth", "death", "transplant"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A table of the contract in a place: its columns, the units that headings say, and the rows that are meant."""

    table: TableName
    place: Place
    columns: dict[str, Foreign]
    units: dict[str, str]
    keep: tuple[tuple[str, tuple[str, ...]], ...]
    """(column, values one of which it must hold; none: any cell that is not empty)."""
    undecided: tuple[str, ...] = ()
    """Words beside those of the first rule that may be meant too."""

    @property
    def raw(self) -> RawRows:
        return self.place.raw

    @property
    def missing(self) -> list[str]:
        """Columns the table needs and nobody found."""
        groups = CONTRACT[self.table].required
        if self.table == "samples" and visit_columns(self.raw.cells.columns):
            groups = groups[:1]
        return [group[0] for group in groups if not any(name in self.columns for name in group)]


def choose(places: list[Place]) -> dict[TableName, Guess]:
    """The likeliest place of each table. One place serves a second table only where nothing else does."""
    guesses = [guess(table, source) for source in places for table in TABLES if table in meanings()]
    chosen: dict[TableName, Guess] = {}
    used: set[int] = set()
    for one in sorted(guesses, key=score, reverse=True):
        if score(one) > 0 and one.table not in chosen and id(one.place) not in used:
            chosen[one.table] = one
            used.add(id(one.place))
    for table, one in chosen.items():
        chosen[table] = _with_files_alike(one, [place for place in places if id(place) not in used])
    doses, samples = chosen.get("doses"), chosen.get("samples")
    if doses is not None and "therapy" not in chosen and not (drugs := guess("therapy", doses.place)).missing:
        chosen.update({"therapy": drugs} if drugs.keep else {})  # one table of all drugs
    for table in TABLES:
        if samples is not None and table not in chosen:
            shared = guess(table, samples.place)
            if _adds(shared, samples):
                chosen[table] = shared
    return {table: chosen[table] for table in TABLES if table in chosen}


def _with_files_alike(one: Guess, unused: list[Place]) -> Guess:
    """The guess with the rows of further files of the same headings, read in the same way: `labs_2024` too."""
    if one.place.settings.sheet:
        return one
    form = one.place.settings.model_copy(update={"files": None})
    alike = [
        place
        for place in unused
        if set(place.raw.cells.columns) == set(one.raw.cells.columns)
        and place.settings.model_copy(update={"files": None}) == form
    ]
    if not alike:
        return one
    raw = whole_file([one.raw, *(place.raw for place in alike)])
    place = replace(one.place, raw=raw, others=tuple(place.name for place in alike))
    return guess(one.table, place)


def score(one: Guess) -> float:
    """0 unless every column that is needed was found; a table under its own name wins.

    Samples may lack one column, which is then left to choose.
    """
    needed = len(CONTRACT[one.table].required)
    if one.table == "covariates" and not _named(one):
        return 0.0  # any table with a patient and a day could be one
    if one.table == "samples":
        wide = bool(visit_columns(one.raw.cells.columns))
        if len(one.missing) > 1 or not (wide or "igg" in one.columns or _named(one) or says_igg(one.place.title)):
            return 0.0
    elif one.missing or (one.table == "doses" and of_another_drug(one)) or therapy_of_immunoglobulin(one):
        return 0.0
    if one.table == "patients" and not _of_people(one):
        return 0.0
    own = sum(name == foreign for name, foreign in one.columns.items())
    certain = sum(
        isinstance(foreign, str) and (rank(one.table, _family(name), foreign) or 0) <= 1
        for name, foreign in one.columns.items()
    )
    therapy_of_doses = one.table == "therapy" and "amount" in guess_columns("doses", one.raw)
    bonus = 10.0 * _named(one) + (3.0 if _title_fits(one) else 0.0) - (3.0 if therapy_of_doses else 0.0)
    return needed - len(one.missing) + own / 100 + certain / 1000 + bonus


def _of_people(one: Guess) -> bool:
    """Whether a table says something of people: by its name or by a column, and its name says no other table."""
    if _named(one) or re.search(TITLES["patients"], plain(one.place.title)):
        return True
    other = any(re.search(TITLES[table], plain(one.place.title)) for table in SPOKEN_OF)
    return not other and bool(PEOPLE & one.columns.keys())


def of_another_drug(one: Guess) -> bool:
    """Whether the name of a table of doses, or every name in a column of it, is of another drug than immunoglobulin."""
    title = one.place.settings.sheet or one.place.title
    if says("immunoglobulin", plain(title)):
        return False
    if title_of_another_drug(title):
        return True
    for name in one.raw.cells.columns:
        words = [str(word) for word in one.raw.cells[name].str.strip().unique() if word]
        if words and len(words) <= MOST_PRODUCTS and all(agent_named(word) or other_product(word) for word in words):
            return True
    return False


def therapy_of_immunoglobulin(one: Guess) -> bool:
    """Whether every agent of a table of therapy is immunoglobulin: these are infusions."""
    agent = one.columns.get("agent") if one.table == "therapy" else None
    words = [str(word) for word in one.raw.cells[agent].str.strip().unique() if word] if isinstance(agent, str) else []
    return bool(words) and all(IMMUNOGLOBULIN.search(plain(word)) for word in words)


def title_of_another_drug(title: str) -> bool:
    """Whether a file or a sheet is named after another drug than immunoglobulin."""
    words = plain(title)
    if says("immunoglobulin", words):
        return False
    named = agent_named(words) or re.search(OTHER_TITLES, words)
    return bool(named) or any(map(other_product, (words, *re.split(r"[\W_]+|\d+", words))))


def names_immunoglobulin_somewhere(one: Guess) -> bool:
    """Whether anything says that the doses of a table are immunoglobulin: its name, a heading or a cell."""
    texts = [one.place.title, *one.raw.cells.columns]
    if _named(one) or any(says("immunoglobulin", text) or IMMUNOGLOBULIN.search(plain(text)) for text in texts):
        return True
    named = [name for name in one.raw.cells.columns if numbers(one.raw.cells[name].head(20))[1].any()]
    words = [str(word) for name in named for word in one.raw.cells[name].unique()[:MOST_PRODUCTS]]
    return any(says("immunoglobulin", word) or IMMUNOGLOBULIN.search(plain(word)) for word in words)


def _named(one: Guess) -> bool:
    names = (one.place.settings.sheet or one.place.title, one.place.title.split(" ")[0])
    return one.table in (plain(name).strip() for name in names)


SPOKEN_OF: Final[tuple[TableName, ...]] = ("doses", "therapy", "samples")
OTHER_TITLES: Final = (
    r"transfus|blood.?product|blutprodukt|konserven|albumin|antibiot|steroid|chemo|"
    r"blina|blincyto|\brtx|ritux|mabthera|\bcar-?t\b|obinut|teclist|elranat|talquet"
)
"""Names of tables of other things that are infused."""
TITLES: Final[dict[TableName, str]] = {
    "samples": r"lab|igg|immunoglob|sample|result|befund|probe|measure",
    "doses": r"dose|dosi|ivig|infusion|substitution|medic|orders|emar|gabe|inputevents|exposure",
    "therapy": r"therap|treat|chemo|blin[ac]|car-?t|cycle|zykl|regimen|\brtx|ritux|obinut|teclist|elranat|talquet",
    "patients": r"patient|demog|person|subject|baseline|stamm|pazient|pacient",
    "outcomes": r"outcome|event|infection|complic|endpoint|ereign|infekt",
    "weights": r"weight|gewicht|poids|peso|vitals",
    "covariates": r"covariat",
}


def _title_fits(one: Guess) -> bool:
    return re.search(TITLES[one.table], plain(one.place.title)) is not None


def _adds(shared: Guess, samples: Guess) -> bool:
    """Whether the place of the samples says more for a second table than what the samples take."""
    taken = set(samples.columns.values())
    own = {name for name, foreign in shared.columns.items() if foreign not in taken}
    if shared.table == "patients":
        return bool(own & PEOPLE) and not shared.missing
    if shared.table == "doses":
        amounts = {"amount", "amount_g", "amount_g_per_kg"}
        return not shared.missing and (bool(own & amounts) or any(values for _, values in shared.keep))
    return not shared.missing and {"therapy": "start", "outcomes": "outcome"}.get(shared.table, "") in own


def guess(table: TableName, source: Place) -> Guess:
    """The columns of a table in a place, under the contract's final names."""
    guessed = guess_columns(table, source.raw)
    keep, undecided = _rows_meant(table, source.raw, guessed)
    columns: dict[str, Foreign] = {}
    units = {}
    for name, foreign in guessed.items():
        unit = read_heading(foreign).unit
        final = WITH_UNIT.get(name, {}).get(unit, name)
        columns[final] = foreign
        if unit in COLUMN_UNITS.get(final, {}) and unit != USUAL_UNIT.get(final) and final != "igg":
            units[final] = unit
    columns = one_time(source.raw, columns)
    if table == "samples" and "igg" not in columns and visit_columns(source.raw.cells.columns):
        columns = {name: foreign for name, foreign in columns.items() if name not in ("day", "datetime")}
    if "day" in columns and isinstance(columns["day"], str) and read_heading(columns["day"]).unit in ("h", "min"):
        units["day"] = read_heading(columns["day"]).unit
    return Guess(table=table, place=source, columns=columns, units=units, keep=keep, undecided=undecided)


def guess_columns(table: TableName, raw: RawRows) -> dict[str, str]:
    """Contract name (datetime for any time, amount and weight whatever the unit) -> foreign name, the surest first."""
    headings = list(raw.cells.columns)
    own = {
        name: heading
        for name in CONTRACT[table].names
        for heading in headings
        if plain(heading).strip().replace(" ", "_") == name
    }
    known = set(CONTRACT[table].names)
    names = [name for name in meanings()[table] if name in known or name == "datetime"]
    cells = raw.cells
    for column, words in _one_analyte(cells, says_igg) if table == "samples" else ():
        cells = cells[cells[column].str.strip().isin(list(words))]
    ranked = sorted(
        (index, _against(table, name, cells[heading]), order, name, heading)
        for order, heading in enumerate(headings)
        for name in names
        if (index := rank(table, name, heading)) is not None and heading not in own.values()
    )
    columns = dict(own)
    if "day" in columns and "datetime" not in columns:
        columns["datetime"] = columns.pop("day")
    for _, against, _, name, heading in ranked:
        free = name not in columns and not any(final in columns for final in WITH_UNIT.get(name, {}).values())
        if against < 1.0 and free and heading not in columns.values():
            columns[name] = heading
    return columns


def _against(table: TableName, name: str, cells: pd.Series[str]) -> float:
    """1 where the cells cannot be what the heading says; else a little more the worse they fit."""
    filled = cells.str.strip()
    filled = filled[filled != ""].head(2000)
    if filled.empty:
        return 0.5
    readable = ~numbers(filled)[1] | filled.str.fullmatch(r"\d+,\d+").to_numpy(dtype=bool)
    if name == "igg":
        known = igg_cells(filled, ".").unreadable
        strange = [likely_meaning(str(cell)) is None for cell in filled[known]]
        censored = bool(filled.str.contains("[<>]", regex=True).any())
        return 1.0 if sum(strange) > len(filled) / 2 else (0.0 if censored else 0.1 + 0.1 * float(known.mean()))
    if name in TIMES:
        dates = filled.str.contains(r"\d", regex=True)
        flags = set(filled) <= {"0", "1"} and name in ("birth", "death", "transplant")
        return 1.0 if flags or float(dates.mean()) < 0.5 else 0.0
    if name in NUMBERS:
        with_unit = filled.str.fullmatch(r"\d+([.,]\d+)?\s*[a-zA-Z/]*").to_numpy(dtype=bool)
        return 0.0 if float((readable | with_unit).mean()) >= 0.5 else 1.0
    if name in WORDS:
        return 1.0 if float(readable.mean()) > 0.5 else 0.0
    return 0.0


def one_time(raw: RawRows, columns: dict[str, Foreign]) -> dict[str, Foreign]:
    """Either day or datetime, by what the cells look like; a date and the column of its time of day together."""
    column = columns.get("datetime")
    if not isinstance(column, str):
        return dict(columns)
    rest = {name: foreign for name, foreign in columns.items() if name != "datetime"}
    filled = raw.cells[column][raw.cells[column].str.strip() != ""]
    if bool((~numbers(filled)[1]).all()) and (len(filled) or plain(column) != "datetime"):
        return {**rest, "day": column}
    others = [name for name in raw.cells.columns if name not in columns.values()]
    clocks = [name for name in others if is_clock(raw, name)]
    has_clock = bool(filled.str.contains(":", regex=False).any())
    return {**rest, "datetime": column if has_clock or not clocks else (column, clocks[0])}


def is_clock(raw: RawRows, name: str) -> bool:
    """Whether the cells of a column are times of day, as far as they are filled."""
    filled = raw.cells[name].str.strip()
    filled = filled[filled != ""]
    return bool(len(filled)) and bool(filled.str.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?").all())


def _rows_meant(
    table: TableName, raw: RawRows, columns: dict[str, str]
) -> tuple[tuple[tuple[str, tuple[str, ...]], ...], tuple[str, ...]]:
    """Rules for rows: one analyte of several, immunoglobulin of several drugs, and no rows without the value itself.

    Beside them the products of which nothing says what they are.
    """
    rules: list[tuple[str, tuple[str, ...]]] = []
    undecided: tuple[str, ...] = ()
    others = [name for name in raw.cells.columns if name not in columns.values() and not NOTES.search(plain(name))]
    value = {"samples": "igg", "doses": "amount"}.get(table)
    if table == "samples":
        rules += _one_analyte(raw.cells[others], says_igg)
    if table == "therapy" and "agent" in columns:
        rules += _agents(raw.cells[columns["agent"]])
    if table == "doses":
        named = [columns["product"]] if "product" in columns else []
        rules, undecided = _immunoglobulin(raw.cells[[*named, *others]])
    column = next((columns[name] for name in (value or "", "amount_g", "amount_g_per_kg") if name in columns), None)
    if value is not None and column is not None:
        kept = pd.Series(True, index=raw.cells.index)
        for name, words in rules:
            kept &= raw.cells[name].str.strip().isin([*words, *undecided])
        if bool((raw.cells[column][kept].str.strip() == "").any()):
            rules.append((column, ()))
    return tuple(rules), undecided


def _agents(cells: pd.Series[str]) -> list[tuple[str, tuple[str, ...]]]:
    """The agents of a column that names immunoglobulin, or other drugs that deplete no B cells, and nothing else."""
    words = [str(word) for word in cells.str.strip().unique() if word]
    agents = tuple(word for word in words if agent_named(word))
    others = [word for word in words if word not in agents]
    known = all(IMMUNOGLOBULIN.search(plain(word)) or other_product(word) for word in others)
    return [(str(cells.name), agents)] if agents and others and known else []


def _immunoglobulin(cells: pd.DataFrame) -> tuple[list[tuple[str, tuple[str, ...]]], tuple[str, ...]]:
    """The first column that names immunoglobulin, or a therapy, beside something else: rule, and words to choose."""
    for name in cells.columns:
        words = [str(word) for word in cells[name].str.strip().unique() if word]
        meant = tuple(word for word in words if IMMUNOGLOBULIN.search(plain(word)))
        unknown = tuple(word for word in words if word not in meant and not agent_named(word))
        if len(words) in (len(meant), len(unknown)):
            continue
        undecided = unknown if len(words) <= MOST_PRODUCTS else ()
        if meant or undecided:
            return [(name, meant)], undecided
    return [], ()


def _one_analyte(cells: pd.DataFrame, meant: Callable[[str], bool]) -> list[tuple[str, tuple[str, ...]]]:
    """The first column of which some words, but not all, are meant."""
    for name in cells.columns:
        words = [str(word) for word in cells[name].str.strip().unique() if word]
        chosen = [word for word in words if meant(word)]
        if chosen and len(words) > len(chosen):
            return [(name, tuple(chosen))]
    return []


def _family(name: str) -> str:
    """The name under which headings are known: datetime for day, amount for amount_g."""
    if name == "day":
        return "datetime"
    return next((family for family, finals in WITH_UNIT.items() if name in finals.values()), name)
