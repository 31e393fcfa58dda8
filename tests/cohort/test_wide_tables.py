"""A samples table with a column for each visit: the day from the heading, from a list, or from a column of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from defect import write_cohort

from igkinetics.cohort.mapping.headings import visit_columns, wide_key
from igkinetics.cohort.model import Cohort, RowCount
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError

WEEKS = "patient_id,site,IgG_wk0,IgG_wk4,IgG_wk10\nA,x,640,505,\nB,y,710,<180,415\n"


def read(folder: Path, table: str, wide: str) -> Cohort:
    files = {"cohort.toml": f'igg_unit = "mg/dL"\n[samples]\nwide = {wide}\n', "samples.csv": table}
    return read_cohort(write_cohort(folder / "ward", files))


def rows_of(cohort: Cohort) -> list[tuple[str, float, float, str]]:
    samples = cohort.samples[["patient_id", "day", "igg", "limit"]]
    return [tuple(row) for row in samples.round(9).itertuples(index=False)]


EXPECTED = [("A", 0, 6.4, ""), ("A", 28, 5.05, ""), ("B", 0, 7.1, ""), ("B", 28, 1.8, "below"), ("B", 70, 4.15, "")]


@pytest.mark.parametrize(
    "wide",
    [
        '{ columns = "IgG_wk*", day = "7 * *" }',
        "{ day = { IgG_wk0 = 0, IgG_wk4 = 28, IgG_wk10 = 70 } }",
        '{ columns = ["IgG_wk*"], day = "7 * * + 0" }',
    ],
)
def test_weeks_become_days(tmp_path: Path, wide: str) -> None:
    cohort = read(tmp_path, WEEKS, wide)
    assert rows_of(cohort) == EXPECTED
    assert cohort.rows["samples.csv"] == RowCount(read=6, filtered=1, used=5)
    assert cohort.samples["line"].tolist() == [2, 2, 3, 3, 3]


def test_a_wide_table_is_the_long_one(tmp_path: Path) -> None:
    wide = read(tmp_path, WEEKS, '{ columns = "IgG_wk*", day = "7 * *" }')
    long = "patient_id,day,igg\nA,0,640\nA,28,505\nB,0,710\nB,28,<180\nB,70,415\n"
    files = {"samples.csv": long}
    assert rows_of(wide) == rows_of(read_cohort(write_cohort(tmp_path / "long", files)))


def test_each_visit_may_have_a_column_of_its_date(tmp_path: Path) -> None:
    table = "patient_id,igg_1,drawn_1,igg_2,drawn_2\nA,640,2024-03-01,505,2024-03-29\nB,700,2024-05-02,,\n"
    cohort = read(tmp_path, table, '{ columns = "igg_*", datetime = "drawn_*" }')
    assert rows_of(cohort) == [("A", 0, 6.4, ""), ("A", 28, 5.05, ""), ("B", 0, 7.0, "")]
    days = table.replace("drawn", "day")
    for date, day in (("2024-03-01", "3"), ("2024-03-29", "31"), ("2024-05-02", "-1")):
        days = days.replace(date, day)
    cohort = read(tmp_path, days, '{ columns = "igg_*", day = "day_*" }')
    assert rows_of(cohort) == [("A", 3, 6.4, ""), ("A", 31, 5.05, ""), ("B", -1, 7.0, "")]


@pytest.mark.parametrize(
    ("table", "wide", "expected"),
    [
        (WEEKS, '{ columns = "IgG_we*", day = "7 * *" }', "found 'IgG_we*'; no column fits; did you mean 'IgG_wk4'?"),
        (WEEKS, '{ columns = "IgG_*", day = "7 * *" }', "found 'IgG_wk0'; 'wk0' is no number; name each column"),
        (WEEKS, '{ columns = "IgG_wk*", datetime = "date_*" }', "found 'IgG_wk0'; its time is in no column date_0"),
        (WEEKS, "{ day = { IgG_wk0 = 0, IgG_wk5 = 35 } }", "found 'IgG_wk5'; no such column; did you mean 'IgG_wk4'?"),
        (WEEKS, '{ columns = "IgG_wk*", day = "weeks" }', 'day must be a rule such as "7 * *", or columns such as'),
        (WEEKS, '{ columns = "IgG_wk*" }', "one of day and datetime is needed"),
        (WEEKS.replace("site", "day"), '{ columns = "IgG_wk*", day = "7 * *" }', "found 'day'; wide makes this column"),
        (WEEKS, '{ columns = "IgG_wk*", day = "7 * *" }\n[samples.columns]\nigg = "IgG_wk0"', "leave them out"),
        (WEEKS, '{ columns = "IgG_wk0", day = "7 * *" }', "columns needs one * in each pattern"),
    ],
)
def test_a_rule_that_does_not_fit_is_refused(tmp_path: Path, table: str, wide: str, expected: str) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path, table, wide)
    assert expected in str(refused.value)


def test_without_the_key_the_message_says_so_and_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        read_cohort(write_cohort(tmp_path / "ward", {"samples.csv": WEEKS}))
    assert "several columns look like IgG (IgG_wk0, IgG_wk4, IgG_wk10): one row per sample" in str(refused.value)
    assert 'wide = { columns = "IgG_wk*", day = "7 * *" }' in str(refused.value)


@pytest.mark.parametrize(
    ("headings", "key"),
    [
        (("IgG week 0", "IgG week 12"), 'wide = { columns = "IgG week *", day = "7 * *" }'),
        (("IgG Tag 1", "IgG Tag 15"), 'wide = { columns = "IgG Tag *", day = "*" }'),
        (("IgG mois 1", "IgG mois 3"), 'wide = { columns = "IgG mois *", day = "30.4375 * *" }'),
        (("IgG baseline", "IgG wk 6"), 'wide = { day = { "IgG baseline" = 0, "IgG wk 6" = 42 } }'),
        (("IgG V1", "IgG V2"), 'wide = { day = { "IgG V1" = DAY, "IgG V2" = DAY } }'),
    ],
)
def test_visits_are_recognised(headings: tuple[str, ...], key: str) -> None:
    assert wide_key(visit_columns(headings)) == key


def test_subclasses_are_no_visits() -> None:
    assert visit_columns(("IgG1", "IgG2", "IgG3", "IgG4", "IgG subclass 1", "CSF IgG day 1")) == []
