# ruff: noqa: E501  (the messages are repeated exactly)
"""Event files as people write them: what NONMEM leaves out is left out, what it joins is joined, the rest is asked."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from defect import warnings_of, write_cohort

from igkinetics.cohort.model import Cohort, RowCount
from igkinetics.cohort.nonmem.items import page
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError, describe_problems

UNITS = 'format = "nonmem"\nigg_unit = "mg/dL"\namount_unit = "g"\ntime_unit = "day"\n'
HOURS = UNITS.replace('"day"', '"hour"')


def read(folder: Path, events: str, more: str = "", units: str = UNITS, **tables: str) -> Cohort:
    files = {"cohort.toml": units + more, "events.csv": events}
    return read_cohort(
        write_cohort(folder / "ward", {**files, **{f"{name}.csv": text for name, text in tables.items()}})
    )


def refused(folder: Path, events: str, more: str = "", units: str = UNITS, **tables: str) -> str:
    with pytest.raises(InputError) as error:
        read(folder, events, more, units, **tables)
    return str(error.value)


COMMENTED = {
    "a column C": "C,ID,TIME,AMT,DV,EVID\n.,1,0,.,620,0\n.,1,0.1,30,.,1\nC,1,7,.,9999,0\n.,1,14,.,890,0\n",
    "hash rows": "ID,TIME,AMT,DV,EVID\n1,0,.,620,0\n1,0.1,30,.,1\n#1,7,.,9999,0\n1,14,.,890,0\n",
    "at rows": "ID,TIME,AMT,DV,EVID\n1,0,.,620,0\n1,0.1,30,.,1\n@1,7,.,9999,0\n1,14,.,890,0\n",
    "C before the ID": "ID,TIME,AMT,DV,EVID\n1,0,.,620,0\n1,0.1,30,.,1\nC1,7,.,9999,0\n1,14,.,890,0\n",
    "a remark of one cell": "ID,TIME,AMT,DV,EVID\n1,0,.,620,0\n1,0.1,30,.,1\n# the next one, is right\n1,14,.,890,0\n",
    "IGNORE": "ID,TIME,AMT,DV,EVID,IGNORE\n1,0,.,620,0,.\n1,0.1,30,.,1,0\n1,7,.,9999,0,1\n1,14,.,890,0,.\n",
    "a marked header": "#ID,TIME,AMT,DV,EVID\n1,0,.,620,0\n1,0.1,30,.,1\n#1,7,.,9999,0\n1,14,.,890,0\n",
    "CID": "CID,TIME,AMT,DV,EVID\n1,0,.,620,0\n1,0.1,30,.,1\nC,7,.,9999,0\n1,14,.,890,0\n",
    "blanks": "  ID TIME  AMT DV EVID\n 1 0    .  620 0\n 1 0.1  30 .   1\n# 1 7   . 9999 0\n 1  14  .  890  0\n",
    "tabs": "ID\tTIME\tAMT\tDV\tEVID\n1\t0\t.\t620\t0\n1\t0.1\t30\t.\t1\n#1\t7\t.\t9999\t0\n1\t14\t.\t890\t0\n",
    "remarks above": "# from the ward\n#ID,TIME,AMT,DV,EVID\n1,0,.,620,0\n1,0.1,30,.,1\n#1,7,.,9999,0\n1,14,.,890,0\n",
}


@pytest.mark.parametrize("name", COMMENTED)
def test_comments_are_left_out_counted_and_told(tmp_path: Path, name: str) -> None:
    cohort = read(tmp_path, COMMENTED[name])
    assert cohort.patient_ids == ("1",)
    assert cohort.patient("1").sample_igg.tolist() == [6.2, 8.9]
    assert cohort.patient("1").dose_g.tolist() == [30.0]
    assert cohort.rows["events.csv (samples)"] == RowCount(read=4, filtered=2, used=2)
    assert ["1 row commented out [left out, counted as filtered]" in one for one in warnings_of(cohort)] == [True]


def test_ids_that_begin_with_letters_are_no_comments(tmp_path: Path) -> None:
    cohort = read(tmp_path, "ID,TIME,DV\nC01,0,620\nC02,0,630\n")
    assert cohort.patient_ids == ("C01", "C02")


def test_marks_that_may_mean_anything_are_asked_about(tmp_path: Path) -> None:
    events = "ID,TIME,DV,EXCL\n1,0,620,0\n1,7,9999,1\n"
    assert "line 3, EXCL: found '1'; are these rows to be left out?" in refused(tmp_path, events)
    cohort = read(tmp_path, events, '[[samples.keep]]\ncolumn = "EXCL"\nequals = 0\n')
    assert len(cohort.samples) == 1


DATED = {
    "day numbers and hours": (
        "DATE,TIME",
        [("1", "8."), ("1", "10"), ("15", "11."), ("29", "12.5")],
        [8 / 24, 14 + 11 / 24, 28 + 12.5 / 24],
    ),
    "day numbers and clock times": (
        "DATE,TIME",
        [("1", "8:00"), ("1", "10:00"), ("15", "11:00"), ("29", "12:30")],
        [8 / 24, 14 + 11 / 24, 28 + 12.5 / 24],
    ),
    "clock times beyond a day": (
        "TIME",
        [("8:00",), ("10:00",), ("347:00",), ("684:30",)],
        [8 / 24, 14 + 11 / 24, 28 + 12.5 / 24],
    ),
}


@pytest.mark.parametrize("units", [UNITS, HOURS])
@pytest.mark.parametrize("name", DATED)
def test_days_and_clock_times_are_one_time(tmp_path: Path, name: str, units: str) -> None:
    header, times, days = DATED[name]
    cells = [".,620,0", "30,.,1", ".,890,0", ".,700,0"]
    rows = [",".join(["1", *one, rest]) for one, rest in zip(times, cells, strict=True)]
    cohort = read(tmp_path, "\n".join([f"ID,{header},AMT,DV,EVID", *rows, ""]), units=units)
    first = 0.0 if header == "TIME" else 1.0
    np.testing.assert_allclose(cohort.patient("1").sample_day, np.array(days) + first, rtol=1e-12)
    np.testing.assert_allclose(cohort.patient("1").dose_day, [first + 10 / 24], rtol=1e-12)


@pytest.mark.parametrize(
    ("item", "dates"),
    [
        ("DATE", ("03/25/2021", "4-8-2021")),
        ("DAT1", ("25/03/2021", "8/4/2021")),
        ("DAT2", ("2021/03/25", "2021/4/8")),
        ("DAT3", ("2021/25/03", "2021-8-4")),
        ("DATE", ("2021-03-25", "2021-04-08")),
    ],
)
def test_calendar_dates_in_the_orders_of_nonmem(tmp_path: Path, item: str, dates: tuple[str, str]) -> None:
    events = (
        f"ID,{item},TIME,AMT,DV,EVID\n1,{dates[0]},08:00,.,620,0\n1,{dates[0]},10:30,30,.,1\n1,{dates[1]},9,.,890,0\n"
    )
    cohort = read(tmp_path, events)
    np.testing.assert_allclose(cohort.patient("1").sample_day, [0.0, 14 + 1 / 24], atol=1e-9)
    np.testing.assert_allclose(cohort.patient("1").dose_day, [2.5 / 24], atol=1e-9)
    assert str(cohort.day_zero["1"]) == "2021-03-25 08:00:00"


def test_dates_and_times_by_the_mapping(tmp_path: Path) -> None:
    mapping = '[samples]\ndatetime_format = "%d.%m.%Y"\n[samples.columns]\ndatetime = ["DAY", "CLOCK"]\n'
    cohort = read(tmp_path, "ID,DAY,CLOCK,DV\n1,25.03.2021,08:00,620\n1,08.04.2021,09:00,890\n", mapping)
    np.testing.assert_allclose(cohort.patient("1").sample_day, [0.0, 14 + 1 / 24], atol=1e-9)


def test_years_of_two_digits_are_asked_about(tmp_path: Path) -> None:
    events = "ID,DAT1,TIME,DV\n1,25/03/21,8:00,620\n1,08/04/21,9:00,890\n"
    told = refused(tmp_path, events)
    assert "line 2, patient 1, DAT1: found '25/03/21'; which century?" in told
    assert 'datetime_format = "%d/%m/%y" under [samples]' in told
    assert "(also line 3)" in told
    cohort = read(tmp_path, events, '[samples]\ndatetime_format = "%d/%m/%y"\n')
    np.testing.assert_allclose(cohort.patient("1").sample_day, [0.0, 14 + 1 / 24], atol=1e-9)


def test_dates_that_fit_both_orders_are_told(tmp_path: Path) -> None:
    cohort = read(tmp_path, "ID,DATE,DV\n1,03/04/2021,620\n1,03/05/2021,890\n")
    assert any(
        "all dates are read as month/day/year, which is what DATE means to NONMEM" in one for one in warnings_of(cohort)
    )
    assert cohort.patient("1").sample_day.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("name", ["DVID", "YTYPE", "NAME", "CMT"])
def test_several_observations_are_refused_until_one_is_chosen(tmp_path: Path, name: str) -> None:
    one, two = ("IgG", "IgM") if name == "NAME" else ("1", "2")
    events = f"ID,TIME,AMT,DV,EVID,{name}\n1,0,.,620,0,{one}\n1,0.1,30,.,1,{one}\n1,1,.,210,0,{two}\n1,14,.,890,0,{one}\n1,15,.,180,0,{two}\n"
    for more in ("", '[patients]\nrepeated = "first"\n'):
        assert f"{name}: found '{one}, {two}'; observations of" in refused(tmp_path, events, more)
    value = f'"{one}"' if name == "NAME" else one
    cohort = read(tmp_path, events, f'[[samples.keep]]\ncolumn = "{name}"\nequals = {value}\n')
    assert cohort.patient("1").sample_igg.tolist() == [6.2, 8.9]


DEPOT = "ID,TIME,AMT,DV,EVID,CMT\n1,0,.,620,0,2\n1,0.1,10,.,1,1\n1,7,.,890,0,2\n"


def test_doses_into_another_compartment_need_a_route(tmp_path: Path) -> None:
    assert "CMT: found 'doses: 1; samples: 2'; doses go into another compartment" in refused(tmp_path, DEPOT)
    mapped = '[doses.columns]\nroute = "CMT"\n[doses.values.route]\n"1" = "sc"\n"2" = "iv"\n'
    assert read(tmp_path, DEPOT, mapped).patient("1").dose_is_sc.tolist() == [True]
    assert read(tmp_path, DEPOT, '[doses.constants]\nroute = "iv"\n').patient("1").dose_is_sc.tolist() == [False]


def test_a_column_of_routes_is_not_passed_over(tmp_path: Path) -> None:
    events = "ID,TIME,AMT,DV,ROUTE\n1,0,.,620,.\n1,1,10,.,SC\n1,7,.,890,.\n"
    assert "ROUTE: found 'SC'; if this is the route, write route = \"ROUTE\" under [doses.columns]" in refused(
        tmp_path, events
    )


def test_doses_are_compared_with_what_they_imply(tmp_path: Path) -> None:
    header, last = "ID,TIME,AMT,DV,EVID,ADDL,II\n1,0,.,620,0,.,.\n", "1,80,.,900,0,.,.\n"
    cohort = read(tmp_path, f"{header}1,0,30,.,1,.,.\n1,0,30,.,1,5,28\n{last}")
    assert cohort.doses["amount_g"].sum() == 210
    twice = f"{header}1,0,10,.,1,.,.\n1,0,10,.,1,.,.\n{last}"
    once = read(tmp_path, twice)
    assert once.doses["amount_g"].sum() == 10
    assert any(
        "line 4, patient 1, AMT: found '10'; the same as an earlier row, so left out" in one
        for one in warnings_of(once)
    )
    assert read(tmp_path, twice, '[doses]\nsame_dose = "sum"\n').doses["amount_g"].sum() == 20


def test_a_column_that_varies_is_told_once_and_is_no_covariate(tmp_path: Path) -> None:
    rows = "".join(f"{who},{day},{day},.,{600 - day},{day % 3},X\n" for who in (1, 2) for day in range(1, 40))
    cohort = read(tmp_path, "ID,TIME,TAD,AMT,DV,ALB,SITE\n" + rows)
    assert list(cohort.patients.columns[8:]) == ["SITE"]
    told = [one for one in warnings_of(cohort) if "so it is no covariate" in one]
    assert len(told) == 2
    assert (
        "line 3, patient 1, TAD: found '2'; varies within 2 patients (first in this row), so it is no covariate of a patient [not used]"
        in told[0]
    )
    first = read(tmp_path, "ID,TIME,TAD,AMT,DV,ALB,SITE\n" + rows, '[patients]\nrepeated = "first"\n')
    assert list(first.patients.columns[8:]) == ["ALB", "SITE"]
    told_of_group = refused(tmp_path, "ID,TIME,TAD,AMT,DV,ALB,SITE\n" + rows, '[patients.columns]\ngroup = "ALB"\n')
    assert 'group has one value for each patient; write repeated = "first" or "last" under [patients]' in told_of_group


def test_a_covariate_of_the_first_row_holds_for_the_patient(tmp_path: Path) -> None:
    events = "ID,TIME,DV,WT,AGE\n1,0,620,70,.\n1,7,600,.,41\n2,0,500,80.0,50\n2,7,510,80,50.0\n"
    cohort = read(tmp_path, events, '[patients.columns]\nweight_kg = "WT"\nage_y = "AGE"\n')
    assert cohort.patients[["weight_kg", "age_y"]].to_numpy().tolist() == [[70.0, 41.0], [80.0, 50.0]]
    assert not cohort.problems["column"].isin(["WT", "AGE"]).any()


def test_doses_by_weight_use_the_weight_of_their_row(tmp_path: Path) -> None:
    events = "ID,TIME,AMT,DV,EVID,WT\n1,0,0.4,.,1,10\n1,14,.,890,0,10\n1,728,0.4,.,1,20\n1,742,.,800,0,20\n"
    cohort = read(tmp_path, events, '[patients.columns]\nweight_kg = "WT"\n', units=UNITS.replace('"g"', '"g/kg"'))
    assert cohort.patient("1").dose_g.tolist() == [4.0, 8.0]
    assert cohort.patient("1").weight_kg == 10.0
    assert any(
        "doses by weight use the weight of their row, and the kinetics the first" in one for one in warnings_of(cohort)
    )


RESET = "ID,TIME,AMT,DV,EVID,ADDL,II,SEX\n1,0,.,620,0,.,.,f\n1,1,30,.,1,9,28,f\n1,50,.,800,0,.,.,f\n1,60,20,.,4,.,.,f\n1,90,.,700,0,.,.,f\n2,0,.,500,0,.,.,m\n"


def test_a_reset_is_another_record_of_the_same_patient(tmp_path: Path) -> None:
    cohort = read(
        tmp_path,
        RESET,
        patients="patient_id,group,weight_kg\n1,IVIG,70\n2,control,80\n",
        therapy="patient_id,start,stop,agent\n1,0,28,blinatumomab\n",
        outcomes="patient_id,day,outcome\n1,10,infection\n1,80,infection\n1,200,death\n2,3,infection\n",
    )
    assert cohort.records == {"1:2": "1"}
    first, second = cohort.patient("1"), cohort.patient("1:2")
    assert (first.group, second.group, second.weight_kg) == ("IVIG", "IVIG", 70.0)
    assert first.dose_day.tolist() == [1.0, 29.0, 57.0]
    assert second.dose_day.tolist() == [60.0]
    assert second.therapy_start.tolist() == [0.0]
    outcomes = cohort.outcomes.sort_values(["outcome", "day", "patient_id"])
    assert list(zip(outcomes["patient_id"], outcomes["outcome"], strict=True)) == [
        ("1", "death"),
        ("1:2", "death"),
        ("2", "infection"),
        ("1", "infection"),
        ("1:2", "infection"),
    ]
    assert cohort.rows["outcomes.csv"] == RowCount(read=4, used=4)
    from igkinetics.cohort.check import summary

    counts = {row["quantity"]: row["value"] for _, row in summary(cohort).iterrows()}
    assert any(
        note.startswith("records: 1 patient in 2 records (1:2): each is fitted by itself") for note in cohort.notes
    )
    assert counts["patients"] == "2"
    assert counts["infection"] == "2"
    assert counts["death"] == "1"
    assert counts["group 'IVIG'"] == "1"
    assert any(
        "line 5, patient 1:2, EVID: found '4'; starts another record of the same patient" in one
        for one in warnings_of(cohort)
    )


def test_a_clock_that_starts_anew_leaves_therapy_with_the_first_record(tmp_path: Path) -> None:
    events = "ID,TIME,AMT,DV,EVID\n1,0,.,620,0\n1,50,.,800,0\n1,0,20,.,4\n1,30,.,700,0\n"
    cohort = read(tmp_path, events, therapy="patient_id,start,stop\n1,0,28\n", patients="patient_id,group\n1,A\n")
    assert cohort.patient("1:2").therapy_start.size == 0
    assert cohort.patient("1:2").group == "A"
    assert any("TIME starts anew with the record 1:2; taken for the first record" in one for one in warnings_of(cohort))


def test_modelled_durations_are_taken_from_a_column(tmp_path: Path) -> None:
    events = "ID,TIME,AMT,RATE,DV,EVID,D1\n1,0,30,-2,.,1,0.25\n1,7,.,.,600,0,.\n"
    assert "RATE: found '-2'; -2 leaves the duration to the model (D1)" in refused(tmp_path, events)
    cohort = read(tmp_path, events, '[doses.columns]\nduration = "D1"\n')
    assert cohort.patient("1").dose_duration_day.tolist() == [0.25]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('[[samples.keep]]\ncolumn = "YTYPE"\nequals = 1\n', "samples.keep: found 'YTYPE'; keep needs this column"),
        ('[[doses.keep]]\ncolumn = "DRUG"\nequals = "IVIG"\n', "doses.keep: found 'DRUG'; keep needs this column"),
        (
            '[[doses.keep]]\ncolumn = "SITE"\nequals = "Y"\n',
            "SITE: found 'X'; [[doses.keep]] equals = 'Y' leaves no row of doses",
        ),
        ('[samples.columns]\nigg = "IGG"\n', "samples.columns.igg: found 'IGG'; no such column"),
        ('[doses.columns]\nproduct = "BRAND"\n', "doses.columns.product: found 'BRAND'; no such column"),
        ('[samples.columns]\nunit = "SITE"\n', "samples.columns.unit: found 'SITE'; an event file has no use for it"),
        ('[samples.constants]\nunit = "g/L"\n', "samples.constants.unit: found 'g/L'; an event file has no use for it"),
        (
            '[doses.units]\namount = "mg"\n',
            "doses.units.amount: found 'mg'; units of an event file are stated as igg_unit, amount_unit and time_unit",
        ),
        ('[doses.values.route]\n"1" = "sc"\n', "doses.values.route: found '1'; route needs a column"),
        (
            '[doses.columns]\nroute = "SITE"\n[doses.values.route]\n"1" = "sc"\n',
            "SITE: found 'X'; [doses.values.route] matches nothing: no cell reads 1",
        ),
        ('[patients.columns]\nweight_kg = "WEIGHT"\n', "weight_kg: found 'WEIGHT'; no such column"),
        (
            '[doses.columns]\nroute = "SITE"\n[doses.values.route]\n"X" = "iv"\n"Y" = "sc"\n',
            "SITE: found 'X'; [doses.values.route] matches nothing: no cell reads Y",
        ),
        ('[samples.values.patient_id]\n"1" = "A"\n"2" = "B"\n', "[samples.values.patient_id] matches nothing: no cell"),
        (
            '[[patients.keep]]\ncolumn = "SITE"\nequals = "X"\n',
            "patients.keep: found 'SITE'; matches nothing: format =",
        ),
        (
            '[patients.columns]\ngroup = "SITE"\n[patients.values.group]\n"Z" = "z"\n',
            "patients.values.group: found 'Z'; matches nothing: no cell of this column reads so",
        ),
        ('[patients.units]\nweight_kg = "lb"\n', "patients.units.weight_kg: found 'lb'; matches nothing"),
        ('[patients]\nignore = ["Q"]\n', "patients.ignore: found 'Q'; matches nothing"),
        ('[samples]\nignore = ["Q"]\n', "samples.ignore: found 'Q'; matches nothing: no such column"),
        ('[therapy.columns]\nstart = "FROM"\n', "therapy.columns: found 'no such file'; matches nothing"),
    ],
)
def test_an_entry_of_the_mapping_that_matches_nothing_is_told(tmp_path: Path, more: str, message: str) -> None:
    assert message in refused(tmp_path, "ID,TIME,AMT,DV,SITE\n1,0,30,.,X\n1,7,.,600,X\n", more)


def test_every_column_without_a_use_is_listed(tmp_path: Path) -> None:
    events = (
        "ID,TIME,AMT,DV,EVID,TAD,L2,PRED,LIMIT,DVID,ALB,SITE,SEX\n"
        "1,0,.,620,0,0,1,3,.,1,40,X,f\n1,0.1,30,.,1,0,1,3,.,1,41,X,f\n1,7,.,600,0,0,1,3,.,1,40,X,f\n"
    )
    cohort = read(tmp_path, events)
    assert cohort.unused_columns == {"events.csv": ("TAD", "L2", "PRED", "LIMIT", "DVID", "ALB")}
    assert list(cohort.patients.columns[8:]) == ["SITE", "SEX"]
    assert any("SEX: found 'SEX'; looks like sex and is kept as a covariate" in one for one in warnings_of(cohort))
    beside = read(tmp_path, events, patients="patient_id,group\n1,A\n")
    assert beside.unused_columns["events.csv"] == ("TAD", "L2", "PRED", "LIMIT", "DVID", "ALB", "SITE", "SEX")


def test_half_an_event_is_no_event(tmp_path: Path) -> None:
    events = "ID,TIME,AMT,DV,EVID,CONT\n1,0,.,620,0,0\n1,1,30,.,1,1\n1,1,30,.,1,0\n1,7,.,600,0,0\n"
    assert "line 3, patient 1, CONT: found '1'; 0: this event goes on in the next row" in refused(tmp_path, events)


def test_the_column_of_igg_is_proposed_by_its_usual_names(tmp_path: Path) -> None:
    told = refused(tmp_path, "ID,TIME,AMT,LIDV,LNDV,MDV,EVID,DIG\n1,0,30,.,.,1,1,1\n1,14,.,890,6.8,0,0,1\n")
    assert "a column DV is needed; if it is 'LIDV', write igg = \"LIDV\" under [samples.columns]" in told
    assert "'MDV'?" not in told


def test_many_rows_with_a_fault_take_little_time_and_text(tmp_path: Path) -> None:
    rows = "".join(f"1,{k / 4},{k / 4},.,{600 - k / 100},7\n" for k in range(1, 30_001))
    started = time.perf_counter()
    told = refused(tmp_path, "ID,TIME,TAD,AMT,DV,EVID\n1,0,0,30,.,1\n" + rows)
    assert len(told) < 2_000
    assert time.perf_counter() - started < 10


def test_the_page_of_names_is_up_to_date() -> None:
    assert (Path(__file__).parents[2] / "docs" / "nonmem.md").read_text(encoding="utf-8") == page()


def test_every_name_is_listed_once() -> None:
    names = [name for line in page().splitlines() if line.startswith("| `") for name in line.split("|")[1].split(",")]
    assert len(names) == len(set(names))
    assert describe_problems([]) == ""


def test_the_same_fault_in_many_cells_is_one_problem(tmp_path: Path) -> None:
    rows = "".join(f"1,{k},.,abc,0\n" for k in range(5_000))
    told = refused(tmp_path, "ID,TIME,AMT,DV,EVID\n" + rows)
    assert told == (
        "events.csv: 1 problem\n  line 2, patient 1, DV: found 'abc'; must be a number, <LIMIT or >LIMIT; say what is "
        'meant under [samples]: words = { "abc" = "..." }, or leave such rows out: words = "set aside" '
        "(also lines 3, 4, 5, 6, 7 and 4994 more)"
    )


SAID = [
    ("UNIT", ("mg/L", "g", "mg/L"), "igg is in mg/dL, which this column contradicts; state the unit", "samples"),
    ("UNIT", ("mg/dL", "g", "mg/dL"), "", "samples"),
    ("DRUG", ("", "albumin", ""), "every row is taken as immunoglobulin G", "doses"),
    ("ARM", ("rituximab", "rituximab", "rituximab"), "", "doses"),
    ("STATUS", ("final", "not given", "final"), "every row is taken as a dose that was given", "doses"),
    ("QUALITY", ("", "", "invalid"), "every row is taken as a valid result", "samples"),
    ("COMMENT", ("", "", "mix-up: disregard"), "speaks against the row, which is used all the same", "samples"),
]


@pytest.mark.parametrize(("heading", "cells", "said", "table"), SAID)
def test_what_further_columns_say_against_rows_is_heard(
    tmp_path: Path, heading: str, cells: tuple[str, str, str], said: str, table: str
) -> None:
    rows = ("1,0,.,620,0", "1,1,30,.,1", "1,14,.,890,0")
    events = f"ID,TIME,AMT,DV,EVID,{heading}\n" + "".join(
        f"{row},{cell}\n" for row, cell in zip(rows, cells, strict=True)
    )

    def told(folder: Path, more: str) -> str:
        folder.mkdir(exist_ok=True)
        try:
            return " ".join(warnings_of(read(folder, events, more)))
        except InputError as error:
            return str(error)

    found = told(tmp_path, "")
    assert said in found
    assert bool(said) == ("contradicts" in found or "against" in found)
    ignored = told(tmp_path / "again", f'[{table}]\nignore = ["{heading}"]\n')
    assert "contradicts" not in ignored
    assert "against" not in ignored


def test_the_kind_to_choose_is_igg_where_one_is_named_so(tmp_path: Path) -> None:
    events = "ID,TIME,AMT,DV,EVID,ANALYTE\n1,0,.,620,0,IgG\n1,1,30,.,1,\n1,5,.,120,0,IgA\n1,14,.,890,0,IgG\n"
    assert '[[samples.keep]] column = "ANALYTE", equals = "IgG"' in refused(tmp_path, events)


@pytest.mark.parametrize(
    ("dose", "units", "said"),
    [
        ("1,1,30,.,1,0,0,0", UNITS.replace('"g"', '"mg"'), "a median of 0.03 g): is amount_unit right?"),
        ("1,1,30,.,1,5,672,0", UNITS, "doses months apart (II): is II in the unit of TIME?"),
        ("1,1,30,.,1,0,0,5", UNITS, "an infusion of more than a day: are RATE and DUR in the unit of TIME?"),
        ("1,1,30,.,1,5,28,120", UNITS, ""),
    ],
)
def test_doses_in_another_unit_are_asked_about(tmp_path: Path, dose: str, units: str, said: str) -> None:
    events = f"ID,TIME,AMT,DV,EVID,ADDL,II,RATE\n1,0,.,620,0,0,0,0\n{dose}\n1,60,.,490,0,0,0,0\n"
    told = " ".join(warnings_of(read(tmp_path, events, units=units)))
    assert said in told
    assert bool(said) == bool(told)
