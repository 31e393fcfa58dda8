"""`cohort.toml`: units, limits, order rules, and how foreign tables map to the contract."""

from __future__ import annotations

import codecs
import re
import zoneinfo
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from igkinetics.cohort.mapping.contract import TableName
from igkinetics.cohort.model import SameDay
from igkinetics.units import IggUnit, canonical_unit

SameDose = Literal["one", "sum"]
Format = Literal["tables", "nonmem", "omop", "fhir", "adam", "sdtm", "mimic4"]
"""The contract's own tables (or foreign ones, mapped), event files, and presets for whole databases."""
TimeOrigin = Literal["therapy", "first_sample", "first_dose", "as_given"]
Scalar = bool | int | float | str
SpelledUnit = BeforeValidator(lambda unit: canonical_unit(unit) if isinstance(unit, str) else unit)
"""A unit in any of its usual spellings."""
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Text = Annotated[str, BeforeValidator(lambda value: f"{value:.15g}" if type(value) in (int, float) else value)]
"""Text, or a number as its text: `"345*" = 345` says what `"345*" = "345"` says."""
LEVEL_WRITTEN = re.compile(r"[<>]?=?\s*(\d+(\.\d*)?|\*)")
DAY_RULE = re.compile(r"\s*(?:(\d+(?:\.\d*)?)\s*\*\s*)?\*\s*(?:([+-])\s*(\d+(?:\.\d*)?))?\s*")
IN_G_PER_ML = {"g/dL": 0.01, "g/L": 0.001, "mg/mL": 0.001, "g/mL": 1.0}
LOWEST_G_PER_ML, HIGHEST_G_PER_ML = 0.02, 0.25
OPERATORS = ("equals", "one_of", "none_of", "contains", "matches", "at_least", "at_most", "empty")


def g_per_ml(stated: object) -> object:
    """A concentration such as "10 %" (g in 100 mL) or "100 mg/mL" in g/mL. ValueError unless immunoglobulin has it."""
    if stated is None:
        return None
    number = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(\D.*)", str(stated))
    unit = canonical_unit(number[2]).replace("%", "g/dL") if number else ""
    if number is None or unit not in IN_G_PER_ML:
        raise ValueError('a concentration with its unit is needed, such as "10 %" or "100 mg/mL"')
    value = float(number[1]) * IN_G_PER_ML[unit]
    if not LOWEST_G_PER_ML <= value <= HIGHEST_G_PER_ML:
        raise ValueError("immunoglobulin is sold as 3 to 20 %; a concentration from 2 to 25 % is needed")
    return value


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


UNDECIDED = "CHOOSE "
"""Before a word of a draft that somebody has to decide on."""


class Keep(_Section):
    """One rule on a foreign column; rows for which it does not hold are counted as filtered."""

    column: str
    """Column of the file."""
    equals: Scalar | None = None
    """The cell equals this."""
    one_of: tuple[Scalar, ...] | None = None
    """The cell is one of these."""
    none_of: tuple[Scalar, ...] | None = None
    """The cell is none of these."""
    contains: str | None = None
    """The cell contains this text."""
    matches: str | None = None
    """The whole cell matches this regular expression."""
    at_least: float | None = None
    """The cell's number is at least this."""
    at_most: float | None = None
    """The cell's number is at most this."""
    empty: bool | None = None
    """The cell is empty (true), or not (false)."""

    @field_validator("one_of", "none_of")
    @classmethod
    def _is_decided(cls, words: tuple[Scalar, ...] | None) -> tuple[Scalar, ...] | None:
        left = [str(word) for word in words or () if str(word).startswith(UNDECIDED)]
        if left:
            what = ", ".join(repr(word) for word in left)
            raise ValueError(
                f"{what} {'is' if len(left) == 1 else 'are'} left to choose: take {UNDECIDED.strip()} away where rows "
                "with this word are meant, and the entry away where they are not"
            )
        return words

    @field_validator("matches")
    @classmethod
    def _is_a_pattern(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as fault:
                raise ValueError(f"not a regular expression ({fault})") from None
        return pattern

    @model_validator(mode="after")
    def _has_one_operator(self) -> Keep:
        given = [name for name in OPERATORS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"one of {', '.join(OPERATORS)} is needed, not {len(given)}")
        return self

    @property
    def operator(self) -> str:
        return next(name for name in OPERATORS if getattr(self, name) is not None)


class TableMapping(_Section):
    """How one table is read. Contract names are keys of columns, units, constants and values."""

    files: tuple[str, ...] | None = None
    """File, or patterns of files, relative to this one; else NAME.csv or NAME.parquet."""
    sheet: str | None = None
    """Sheet of a workbook; else the one named as the table."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    """Character between cells."""
    decimal: Literal[".", ","] = "."
    """Decimal sign."""
    encoding: str = "utf-8"
    """Encoding of the text."""
    skip_lines: Annotated[int, Field(ge=0)] = 0
    """Lines above the header."""
    missing: tuple[str, ...] = ("", "NA")
    """Texts that mean no value."""
    datetime_format: tuple[str, ...] = ()
    """Format of dates and times, such as "%d/%m/%Y %H:%M", or several that agree; ambiguous dates need it."""
    time_zone: str | None = None
    """Zone of the times, such as "Europe/Berlin"."""
    columns: dict[str, str | tuple[str, str]] = {}
    """Our name = the file's name, or two names (date, time) to join."""
    units: dict[str, Annotated[str, SpelledUnit]] = {}
    """Our name = unit of that column."""
    constants: dict[str, Scalar] = {}
    """Our name = one value for every row."""
    values: dict[str, dict[str, Scalar]] = {}
    """Under a name of ours: the file's word = our word."""
    keep: tuple[Keep, ...] = ()
    """Rules on columns of the file, each a table [[NAME.keep]]; all must hold."""
    ignore: tuple[str, ...] = ()
    """Columns of the file that are left alone, whatever they look like."""
    unusual_cells: Literal["as_given"] | None = None
    """The answer where hidden rows, crossed-out cells, comments or number formats of a sheet are asked about."""

    @field_validator("files", "datetime_format", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("encoding")
    @classmethod
    def _is_an_encoding(cls, name: str) -> str:
        try:
            "".encode(name)
            codecs.getincrementaldecoder(name)().decode(b"")
        except (LookupError, UnicodeError):
            raise ValueError("not an encoding Python knows, such as 'utf-8', 'cp1252' or 'utf-16'") from None
        return name

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, name: str | None) -> str | None:
        if name is not None and name not in zoneinfo.available_timezones():
            raise ValueError("not a time zone such as 'Europe/Berlin' or 'UTC'")
        return name

    @model_validator(mode="after")
    def _decimal_is_not_the_delimiter(self) -> TableMapping:
        if self.decimal == self.delimiter:
            raise ValueError("decimal and delimiter cannot be the same character")
        return self


class Wide(_Section):
    """A samples table with a column for each visit. `*` in `columns` stands for what differs from heading to heading.

    day: a rule on the number that stands for `*` ("7 * *" weeks, "30.4375 * *" months, "*" days), the day of each
    column by its heading, or the columns that hold the days, with the same `*`; datetime: those that hold the dates.
    """

    columns: tuple[str, ...] = ()
    """Patterns of the columns that hold levels, with one * for what differs."""
    day: str | dict[str, float] | None = None
    """A rule for the day ("7 * *" for weeks), the day of each column, or the columns that hold it."""
    datetime: str | None = None
    """Columns that hold the dates, with the same *."""

    @field_validator("columns", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _says_the_time_of_each_column(self) -> Wide:
        if (self.day is None) == (self.datetime is None):
            raise ValueError("one of day and datetime is needed: the day (or the column of the date) of each column")
        if isinstance(self.day, dict):
            missing = [name for name in self.columns if name not in self.day]
            if missing or not self.day:
                raise ValueError(f"day needs the day of each column, also of {', '.join(missing) or 'one'}")
        elif not self.columns or any(pattern.count("*") != 1 for pattern in self.columns):
            raise ValueError('columns needs one * in each pattern, such as "IgG_wk*"; or name each column under day')
        for time in (self.datetime, self.day):
            if isinstance(time, str) and time.count("*") != 1 and not DAY_RULE.fullmatch(time):
                raise ValueError('day must be a rule such as "7 * *", or columns such as "day_wk*"')
        return self

    @property
    def rule(self) -> tuple[float, float] | None:
        """(factor, shift) of the rule that makes a day of a heading's number; None without such a rule."""
        match = DAY_RULE.fullmatch(self.day) if isinstance(self.day, str) else None
        if match is None:
            return None
        shift = float(match[3] or 0.0)
        return float(match[1] or 1.0), -shift if match[2] == "-" else shift


class SamplesMapping(TableMapping):
    """The samples table: what the laboratory's words mean, and how a column for each visit is read."""

    words: Literal["set aside"] | dict[str, Text] | None = None
    """Rows with words in place of a level: all set aside, or what each word means."""
    wide: Wide | None = None
    """How a column for each visit is read."""

    @field_validator("words")
    @classmethod
    def _are_levels(cls, words: str | dict[str, str] | None) -> str | dict[str, str] | None:
        for word, meaning in words.items() if isinstance(words, dict) else ():
            if meaning != "missing" and not LEVEL_WRITTEN.fullmatch(meaning):
                raise ValueError(f'"{word}" must mean "missing" or a level such as "345" or "<40", not "{meaning}"')
            if "*" in meaning and "*" not in word:
                raise ValueError(f'"{word}" has no * for the number that "{meaning}" repeats')
        return words

    @model_validator(mode="after")
    def _says_igg_once(self) -> SamplesMapping:
        if self.wide is not None:
            twice = {"igg", "day", "datetime"} & (self.columns.keys() | self.constants.keys())
            if twice:
                raise ValueError(f"wide says which columns hold {', '.join(sorted(twice))}; leave them out of columns")
        return self


class DosesMapping(TableMapping):
    """The doses table: what one millilitre holds, and what identical rows at one time mean.

    same_dose: a repetition ("one"), or several vials or sites ("sum").
    """

    concentration: Annotated[float | None, BeforeValidator(g_per_ml)] = None
    """Of the amounts in mL, in g/mL; written "10 %" or "100 mg/mL"."""
    same_dose: SameDose | None = None
    """What identical doses at one time are: one dose written twice, or vials to add up."""


class TherapyMapping(TableMapping):
    """The therapy table: how long a row without a stop lasts, in days, for all or for each agent."""

    lasts_day: Positive | dict[str, Positive] | None = None
    """Days that a row without a stop lasts (rituximab, CAR-T), for all agents or for each."""


class PatientsMapping(TableMapping):
    """The patients table: what several rows of one patient mean."""

    repeated: Literal["error", "first", "last"] = "error"
    """What several rows of a patient are: a problem, or the first or last of them holds."""


class OutcomesMapping(TableMapping):
    """The outcomes table: which outcomes are infections, in place of the default list."""

    classes: dict[Literal["infection"], tuple[str, ...]] = {}
    """Outcomes that count as infections, in place of the default list."""


class Mapping(_Section):
    """A whole cohort.toml. `time_origin` None: day numbers as given, date-times from the first therapy."""

    format: Format = "tables"
    """The contract's own tables (or foreign ones, mapped), event files, or the preset of a whole database."""
    igg_unit: Annotated[IggUnit | None, SpelledUnit] = None
    """Unit of IgG, where no column says it."""
    amount_unit: Annotated[str | None, SpelledUnit] = None
    """Unit of the amounts of an event file; needed there."""
    time_unit: Literal["day", "hour"] | None = None
    """Unit of the times of an event file; needed there."""
    time_origin: TimeOrigin | None = None
    """What days count from; unless given, day numbers are used as they are and date-times count from the first
    therapy."""
    same_day: SameDay = "sample_first"
    """Which comes first where a sample and a dose share a day without times."""
    same_dose: SameDose | None = None
    """What identical doses at one time are: one dose written twice, or vials to add up."""
    lower_limit: Positive | None = None
    """Lower limit of the assay, in `igg_unit`: a value at it is read as below it."""
    upper_limit: Positive | None = None
    """Upper limit of the assay, in `igg_unit`."""
    unusual_levels: Literal["as_given"] | None = None
    """The answer where levels, or thresholds, are asked about that fit another unit better."""
    unusual_windows: Literal["as_given"] | None = None
    """The answer where a window is asked about that lies far outside the record."""
    ignore_sheets: tuple[str, ...] = ()
    """Sheets of a workbook that are left alone, whatever they look like."""
    samples: SamplesMapping = SamplesMapping()
    """How the samples are read."""
    doses: DosesMapping = DosesMapping()
    """How the doses are read."""
    therapy: TherapyMapping = TherapyMapping()
    """How the therapy is read."""
    patients: PatientsMapping = PatientsMapping()
    """How the patients are read."""
    outcomes: OutcomesMapping = OutcomesMapping()
    """How the outcomes are read."""
    weights: TableMapping = TableMapping()
    """How the weights by day are read."""
    covariates: TableMapping = TableMapping()
    """How the covariates by day are read."""

    @field_validator("ignore_sheets", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_rule_for_identical_doses(self) -> Mapping:
        """same_dose is said under [doses], or beside same_day; both places mean the same."""
        if self.same_dose is not None and self.doses.same_dose not in (None, self.same_dose):
            raise ValueError(f'same_dose reads "{self.same_dose}" here and "{self.doses.same_dose}" under [doses]')
        return self

    @property
    def as_given(self) -> frozenset[str]:
        """What is not asked about again: "levels", "windows"."""
        answers = {"levels": self.unusual_levels, "windows": self.unusual_windows}
        return frozenset(name for name, answer in answers.items() if answer is not None)

    def table(self, name: TableName) -> TableMapping:
        if name == "doses" and self.same_dose is not None:
            return self.doses.model_copy(update={"same_dose": self.same_dose})
        section: TableMapping = getattr(self, name)
        return section
