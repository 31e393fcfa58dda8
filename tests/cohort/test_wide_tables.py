"""A samples table with a column for each visit: the day from the heading, from a list, or from a column of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from defect import write_cohort

from igkinetics.cohort.mapping.visits import visit_columns, wide_key
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
        (("IgG w-2", "IgG w0", "IgG w4"), 'wide = { columns = "IgG w*", day = "7 * *" }'),
        (("IgG D-7", "IgG D0", "IgG D+28"), 'wide = { columns = "IgG D*", day = "*" }'),
        (("IgG Tag -7", "IgG Tag 28"), 'wide = { columns = "IgG Tag *", day = "*" }'),
        (("IgG W-1 (g/L)", "IgG baseline (g/L)", "IgG W4 (g/L)"), '"IgG W-1 (g/L)" = -7, "IgG baseline (g/L)" = 0'),
        (("IgG M-1", "IgG M0"), 'wide = { columns = "IgG M*", day = "30.4375 * *" }'),
        (("IgG day minus 7", "IgG day 0"), 'wide = { day = { "IgG day minus 7" = -7, "IgG day 0" = 0 } }'),
        (("IgG day \u22127", "IgG day 0"), 'wide = { day = { "IgG day \u22127" = -7, "IgG day 0" = 0 } }'),
        (("IgG-day-0", "IgG-day-7"), 'wide = { columns = "IgG-day-*", day = "*" }'),
        (("IgG day-7", "IgG day-14", "IgG day-28"), 'wide = { columns = "IgG day-*", day = "*" }'),
        (("IgG day-28", "IgG day-7"), 'wide = { day = { "IgG day-28" = DAY, "IgG day-7" = DAY } }'),
    ],
)
def test_visits_are_recognised(headings: tuple[str, ...], key: str) -> None:
    assert key in wide_key(visit_columns(headings))


@pytest.mark.parametrize("other", ["IVIG day * (g)", "IgA day * (mg/dL)", "Weight day *", "CRP day *", "Dose day *"])
def test_another_measurement_is_never_the_days(tmp_path: Path, other: str) -> None:
    levels = ("IgG day 0 (mg/dL)", "IgG day 28 (mg/dL)")
    headings = [*levels, *(other.replace("*", number) for number in ("0", "28"))]
    assert wide_key(visit_columns(headings), headings) == 'wide = { columns = "IgG day * (mg/dL)", day = "*" }'
    table = "patient_id," + ",".join(headings) + "\nA,620,600,30,35\n"
    if other not in ("IgA day * (mg/dL)", "CRP day *"):
        with pytest.raises(InputError, match="speaks of another measurement: it holds no days"):
            read(tmp_path, table, f'{{ columns = "IgG day * (mg/dL)", day = "{other}" }}')


@pytest.mark.parametrize("time", ["Day V*", "Date of V*", "V* sample date", "Visit * date"])
def test_columns_of_days_or_dates_are_found(time: str) -> None:
    headings = ["IgG V1", "IgG V2", time.replace("*", "1"), time.replace("*", "2")]
    assert f'"{time}"' in wide_key(visit_columns(headings), headings)


def test_a_negative_visit_comes_before_the_therapy(tmp_path: Path) -> None:
    cohort = read(
        tmp_path, "patient_id,IgG w-2,IgG w0,IgG w4\nA,620,600,550\n", '{ columns = "IgG w*", day = "7 * *" }'
    )
    assert cohort.samples["day"].tolist() == [-14, 0, 28]


def test_each_level_is_read_in_the_unit_of_its_heading(tmp_path: Path) -> None:
    table = "patient_id,IgG day 0 (mg/dL),IgG day 14 (mg/dL),IgG day 28 (mg/L)\nA,620,600,5800\n"
    wide = '{ day = { "IgG day 0 (mg/dL)" = 0, "IgG day 14 (mg/dL)" = 14, "IgG day 28 (mg/L)" = 28 } }'
    assert read(tmp_path, table, wide).samples["igg"].tolist() == pytest.approx([6.2, 6.0, 5.8])


def test_levels_that_are_no_visit_are_told(tmp_path: Path) -> None:
    table = "patient_id,IgG wk 0,IgG wk 4,IgG EOT,IgG date,IgG comment\nA,620,600,550,2024-01-01,low\n"
    columns = "{ day = { 'IgG wk 0' = 0, 'IgG wk 4' = 28 } }"
    told = read(tmp_path, table, columns).problems
    assert told["found"].tolist() == ["IgG EOT"]
    assert told["severity"].tolist() == ["warning"]


def test_headings_in_another_unit_than_igg_unit_are_refused(tmp_path: Path) -> None:
    table = "patient_id,IgG day 0 (g/L),IgG day 28 (g/L)\nA,6.2,6.0\n"
    wide = '{ columns = "IgG day * (g/L)", day = "*" }'
    with pytest.raises(InputError, match="igg is read in mg/dL, and this heading says g/L"):
        read(tmp_path, table, wide)
    (tmp_path / "stated").mkdir()
    stated = wide + '\n[samples.units]\nigg = "g/L"'
    assert read(tmp_path / "stated", table, stated).samples["igg"].tolist() == [6.2, 6.0]


@pytest.mark.parametrize("heading", ["IgG1", "IgG4", "IgA", "IgG subclass 2", "CSF IgG", "Albumin (mg/dL)"])
def test_another_analyte_mapped_as_igg_is_refused_unless_ignored(tmp_path: Path, heading: str) -> None:
    table = f"patient_id,day,{heading}\nA,0,620\nA,14,600\n"
    mapping = f'igg_unit = "mg/dL"\n[samples]\nIGNORE[samples.columns]\nigg = "{heading}"\n'
    files = {"cohort.toml": mapping.replace("IGNORE", ""), "samples.csv": table}
    with pytest.raises(InputError, match="says another analyte than total IgG"):
        read_cohort(write_cohort(tmp_path / "asked", files))
    files["cohort.toml"] = mapping.replace("IGNORE", f'ignore = ["{heading}"]\n')
    assert len(read_cohort(write_cohort(tmp_path / "answered", files)).samples) == 2


def test_a_subclass_is_not_recommended_as_igg(tmp_path: Path) -> None:
    files = {"cohort.toml": 'igg_unit = "mg/dL"\n', "samples.csv": "patient_id,day,IgG4\nA,0,60\n"}
    with pytest.raises(InputError) as refused:
        read_cohort(write_cohort(tmp_path / "ward", files))
    assert "'IgG4' is not total IgG in serum" in str(refused.value)
    assert 'igg = "IgG4"' not in str(refused.value)


@pytest.mark.parametrize(
    ("dates", "form"),
    [
        (("03/04/2024", "03/18/2024", "04/01/2024"), '"%m/%d/%Y"'),
        (("03/31/2024 8:30 PM", "04/27/2024 07:30 AM"), '"%m/%d/%Y %I:%M %p"'),
        (("18/03/2024", "03/04/2024 08:30"), '["%d/%m/%Y", "%d/%m/%Y %H:%M"]'),
    ],
)
def test_a_form_of_dates_that_is_proposed_reads_all_cells(tmp_path: Path, dates: tuple[str, ...], form: str) -> None:
    table = "patient_id,datetime,igg\n" + "".join(f"A,{date},600\n" for date in dates)
    files = {"cohort.toml": 'igg_unit = "mg/dL"\n', "samples.csv": table}
    with pytest.raises(InputError, match="State it: datetime_format = ") as refused:
        read_cohort(write_cohort(tmp_path / "ward", files))
    assert f"datetime_format = {form} under [samples] in cohort.toml is what reads all cells" in str(refused.value)
    files["cohort.toml"] += f"[samples]\ndatetime_format = {form}\n"
    assert len(read_cohort(write_cohort(tmp_path / "stated", files)).samples) == len(dates)


def test_subclasses_are_no_visits() -> None:
    assert visit_columns(("IgG1", "IgG2", "IgG3", "IgG4", "IgG subclass 1", "CSF IgG day 1")) == []
