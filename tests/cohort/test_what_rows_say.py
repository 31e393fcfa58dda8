"""What headings and cells say beside the contract is heard: units, other tests, doses not given, undated deaths."""

from __future__ import annotations

from pathlib import Path

import pytest
from defect import DOSES, SAMPLES, Files, warnings_of, write_cohort

import igkinetics as igk
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError

THREE = SAMPLES + "P1,0,620\nP1,14,540\nP1,30,480\n"


def read(tmp_path: Path, files: Files) -> Cohort:
    tmp_path.mkdir(exist_ok=True)
    return read_cohort(write_cohort(tmp_path / "ward", files))


def refusal(tmp_path: Path, files: Files) -> str:
    with pytest.raises(InputError) as refused:
        read(tmp_path, files)
    return str(refused.value)


HEADINGS = [
    ("doses", "amount_g", "Dose (mg)", "30", "is read in g, and this heading says mg", 'amount_g = "mg"'),
    ("doses", "amount_g_per_kg", "Dose mg/kg", "0.4", "is read in g/kg, and this heading says mg/kg", "doses.units"),
    ("doses", "duration_h", "Duration (min)", "240", "is read in h, and this heading says min", 'duration_h = "min"'),
    ("patients", "weight_kg", "Weight (lb)", "150", "is read in kg, and this heading says lb", 'weight_kg = "lb"'),
    ("patients", "height_cm", "Height (in)", "67", "is read in cm, and this heading says inches", "cm are needed"),
    ("patients", "age_y", "Age (months)", "60", "is read in years, and this heading says months", "years are needed"),
    ("samples", "igg", "IgG (g/L)", "620", "is read in mg/dL, and this heading says g/L", 'igg = "g/L"'),
    ("samples", "day", "Week", "4", "is read in days, and this heading says weeks", 'day = "week"'),
    ("samples", "day", "time_h", "48", "is read in days, and this heading says h", 'day = "h"'),
    ("therapy", "start", "Start week", "4", "is read in days, and this heading says weeks", "therapy.units"),
]


@pytest.mark.parametrize(("table", "name", "heading", "cell", "said", "write"), HEADINGS)
def test_a_heading_in_another_unit_is_refused(
    tmp_path: Path, table: str, name: str, heading: str, cell: str, said: str, write: str
) -> None:
    rows = {
        "samples": {"patient_id": "P1", "day": "0", "igg": "620"},
        "doses": {"patient_id": "P1", "day": "1", "amount_g": "30"},
        "patients": {"patient_id": "P1", "weight_kg": "70"},
        "therapy": {"patient_id": "P1", "start": "0", "stop": "28"},
    }
    row = {one: value for one, value in rows[table].items() if one not in (name, name.removesuffix("_per_kg"))}
    files: Files = {"samples.csv": THREE}
    files[f"{table}.csv"] = f"{','.join([*row, heading])}\n{','.join([*row.values(), cell])}\n"
    if name == "amount_g_per_kg":
        files["patients.csv"] = "patient_id,weight_kg\nP1,70\n"
    files["cohort.toml"] = f'igg_unit = "mg/dL"\n[{table}.columns]\n{name} = "{heading}"\n'
    told = refusal(tmp_path, files)
    assert said in told
    assert write in told


def test_a_stated_unit_settles_what_a_heading_says(tmp_path: Path) -> None:
    mapping = 'igg_unit = "mg/dL"\n[samples.columns]\nday = "Week"\n[samples.units]\nday = "week"\n'
    files: Files = {"samples.csv": "patient_id,Week,igg\nP1,0,620\nP1,4,540\n", "cohort.toml": mapping}
    assert read(tmp_path, files).samples["day"].tolist() == [0, 28]
    files["cohort.toml"] = mapping.replace('day = "week"', 'day = "day"')
    assert read(tmp_path / "wrong heading", files).samples["day"].tolist() == [0, 4]


CELLS = [
    ("samples", "test", ("IgG", "IgA", "IgG"), "every row is taken as total IgG", '"IgA"'),
    ("samples", "anything", ("", "IgM", ""), "every row is taken as total IgG", '"IgM"'),
    ("samples", "Component", ("IgG", "Kreatinin", "IgG"), "every row is taken as total IgG", '"Kreatinin"'),
    ("samples", "subclass", ("", "IgG1", ""), "every row is taken as total IgG", '"IgG1"'),
    ("samples", "specimen", ("serum", "CSF", "serum"), "a level in serum", '"CSF"'),
    ("samples", "state", ("final", "Entered in Error", "final"), "a valid result", '"Entered in Error"'),
    ("samples", "remark", ("", "wrong tube", ""), "a valid result", '"wrong tube"'),
    ("doses", "MAR action", ("Given", "Held", "Given"), "a dose that was given", '"Held"'),
    ("doses", "given", ("yes", "no", "yes"), "a dose that was given", '"no"'),
    ("doses", "note", ("", "cancelled", ""), "a dose that was given", '"cancelled"'),
]


@pytest.mark.parametrize(("table", "heading", "cells", "said", "word"), CELLS)
def test_rows_that_say_they_are_something_else_are_refused(
    tmp_path: Path, table: str, heading: str, cells: tuple[str, ...], said: str, word: str
) -> None:
    text = THREE if table == "samples" else DOSES + "P1,1,30\nP1,10,30\nP1,20,30\n"
    lines = text.splitlines()
    told = [f"{line},{cell}" for line, cell in zip(lines, (heading, *cells), strict=True)]
    files: Files = {"samples.csv": THREE, "doses.csv": DOSES + "P1,1,30\n", f"{table}.csv": "\n".join(told) + "\n"}
    refused = refusal(tmp_path, files)
    assert said in refused
    assert f"line 3, {heading}" in refused
    rule = f'[[{table}.keep]]\ncolumn = "{heading}"\nnone_of = [{word}]\n'
    assert f"none_of = [{word}]" in refused
    cohort = read(tmp_path / "kept", {**files, "cohort.toml": f'igg_unit = "mg/dL"\n{rule}'})
    assert len(cohort.samples if table == "samples" else cohort.doses) == 2
    ignored = f'igg_unit = "mg/dL"\n[{table}]\nignore = ["{heading}"]\n'
    assert len(read(tmp_path / "ignored", {**files, "cohort.toml": ignored}).samples) == 3


def test_words_that_deny_nothing_are_left_alone(tmp_path: Path) -> None:
    files: Files = {
        "samples.csv": "patient_id,day,igg,test,status,comment\nP1,0,620,IgG,final,no fever\nP1,9,600,S-IgG,final,\n",
        "doses.csv": "patient_id,day,amount_g,given,nurse\nP1,1,30,yes,no\n",
    }
    assert warnings_of(read(tmp_path, files)) == []


@pytest.mark.parametrize(
    ("heading", "cell", "what"),
    [
        ("died", "yes", "1 patient died (P1)"),
        ("Tod", "ja", "1 patient died (P1)"),
        ("vital_status", "deceased", "1 patient died (P1)"),
        ("transplant", "yes", None),
        ("alloHSCT", "1", "1 patient had a transplant (P1)"),
    ],
)
def test_an_end_without_a_day_is_told(tmp_path: Path, heading: str, cell: str, what: str | None) -> None:
    files: Files = {"samples.csv": THREE, "patients.csv": f"patient_id,{heading}\nP1,{cell}\nP2,\n"}
    if what is None:  # a column of the contract holds days
        assert "must be a number of days" in refusal(tmp_path, files)
        return
    (warning,) = warnings_of(read(tmp_path, files))
    assert f"{heading}: found '{cell}'; {what}" in warning
    reserved = "death" if "died" in what else "hsct"
    files["outcomes.csv"] = f"patient_id,day,outcome\nP1,60,{reserved}\n"
    assert warnings_of(read(tmp_path / "dated", files)) == []


def test_times_of_day_beside_days_are_told(tmp_path: Path) -> None:
    (warning,) = warnings_of(read(tmp_path, {"samples.csv": "patient_id,day,igg,drawn_at\nP1,0,620,08:30\n"}))
    assert "holds times of day and is not used" in warning


def test_doses_in_g_per_kg_under_g_are_asked_about(tmp_path: Path) -> None:
    patients = "patient_id,weight_kg\nP1,70\n"
    files: Files = {"samples.csv": THREE, "patients.csv": patients, "doses.csv": DOSES + "P1,1,0.4\nP1,9,0.5\n"}
    (warning,) = warnings_of(read(tmp_path, files))
    assert "a median of 0.0064 g/kg): are they in g/kg, or in another unit?" in warning


def test_a_dose_years_away_is_asked_about(tmp_path: Path) -> None:
    doses = "patient_id,datetime,amount_g\nP1,2014-01-05,30\nP1,2024-01-06,30\n"
    samples = "patient_id,datetime,igg\nP1,2024-01-01,620\nP1,2024-02-01,500\n"
    (warning,) = warnings_of(read(tmp_path, {"samples.csv": samples, "doses.csv": doses}))
    assert "3648 days before this patient's first sample: is the date right?" in warning


def test_a_decimal_comma_is_named(tmp_path: Path) -> None:
    files: Files = {"samples.csv": 'patient_id,day,igg\nP1,0,"6,20"\n', "cohort.toml": 'igg_unit = "g/L"\n'}
    assert 'if the comma marks the decimals, write decimal = ","' in refusal(tmp_path, files)


def test_a_draft_of_a_wide_table_names_the_columns_of_its_dates(tmp_path: Path) -> None:
    table = "patient_id,IgG_V1,Date_V1,IgG_V2,Date_V2\nA,620,2024-01-01,540,2024-01-15\nB,700,2024-01-03,,\n"
    told = refusal(tmp_path, {"samples.csv": table})
    key = 'wide = { columns = "IgG_V*", datetime = "Date_V*" }'
    assert key in told
    cohort = read(tmp_path / "wide", {"samples.csv": table, "cohort.toml": f'igg_unit = "mg/dL"\n[samples]\n{key}\n'})
    assert cohort.samples["day"].tolist() == [0, 14, 0]


def test_a_year_far_ahead_is_no_crash() -> None:
    """2724 for 2024: nanoseconds since 1970 end in 2262."""
    cohort = igk.read_cohort(
        samples={"patient_id": ["A", "A"], "datetime": ["2724-01-01", "2724-01-15"], "igg": [600, 500]},
        igg_unit="mg/dL",
    )
    assert cohort.samples["day"].tolist() == [0.0, 14.0]
    assert cohort.day_zero["A"].year == 2724


@pytest.mark.parametrize(
    ("agent", "stop", "asked"),
    [
        ("rituximab", "21", True),
        ("R-CHOP with Rituximab", "126", True),
        ("Obinutuzumab", "200", False),
        ("CAR-T", "1", True),
        ("tisagenlecleucel", "7", True),
        ("axi-cel", "90", False),
        ("blinatumomab", "28", False),
        ("teclistamab", "28", False),
        ("rituximab", "", False),
    ],
)
def test_a_stop_that_is_probably_the_last_dose_is_asked_about(
    tmp_path: Path, agent: str, stop: str, asked: bool
) -> None:
    """Depletion ends where B cells are back, months after the last dose of these agents."""
    therapy = f"patient_id,start,stop,agent\nP1,0,{stop},{agent}\n"
    told = [
        one for one in warnings_of(read(tmp_path, {"samples.csv": THREE, "therapy.csv": therapy})) if "B cells" in one
    ]
    assert len(told) == asked
    assert all("leave stop empty and state lasts_day" in one for one in told)


DOSE_COLUMNS = [
    ("vials", "3", "the amount is taken as that of the whole infusion"),
    ("Quantity", "2", "give the amount of the whole infusion"),
    ("vial_size_g", "10", ""),
    ("quantity", "30", ""),  # the amount, written twice
    ("vials", "1", ""),
    ("frequency", "every 4 weeks", "every row is taken as one infusion"),
    ("interval_day", "28", "write a row for each infusion"),
    ("repeats", "5", "write a row for each infusion"),
    ("number of doses", "6", "write a row for each infusion"),
    ("frequency", "once", ""),
    ("repeats", "0", ""),
    ("planned", "yes", "every row is taken as a dose that was given"),
    ("planned", "no", ""),
    ("given", "0", "every row is taken as a dose that was given"),
    ("given", "1", ""),
    ("product", "Privigen", ""),
    ("drug", "Privigen", "looks like product"),
    ("medication type", "Gamunex-C", ""),
    ("product", "Albumin 20%", "every row is taken as immunoglobulin G"),
    ("product", "anti-D immunoglobulin", "every row is taken as immunoglobulin G"),
    ("Drug", "methylprednisolone", "every row is taken as immunoglobulin G"),
    ("end_day", "2", "every dose is given as a bolus"),
    ("comment", "stopped early: 10 g given", "speaks against the row, which is used all the same"),
    ("comment", "well tolerated", ""),
    ("reaction", "stopped after 10 min", "speaks against the row, which is used all the same"),
    ("instructions", "if IgG < 400", "speaks against the row, which is used all the same"),
    ("percent_given", "50", "write the amount that was given"),
    ("percent_given", "100", ""),
    ("wasted_g", "10", "write the amount that was given"),
    ("wasted_g", "0", ""),
    ("line", "order", "every row is taken as a dose that was given"),
    ("line", "administration", ""),
    ("q", "4w", "every row is taken as one infusion"),
    ("administered_g", "15", "the amount is taken as the one that was given"),
    ("administered_mg", "30000", ""),  # the same in another unit
    ("administered_day", "2", ""),
]


@pytest.mark.parametrize(("heading", "cell", "said"), DOSE_COLUMNS)
def test_what_a_column_says_against_doses_is_heard(tmp_path: Path, heading: str, cell: str, said: str) -> None:
    heard(tmp_path, "doses", f"patient_id,day,amount_g,{heading}\nP1,1,30,{cell}\n", heading, said)


SAMPLE_COLUMNS = [
    ("flag", "<", "a level without a sign was measured"),
    ("flag", "L", ""),
    ("valid", "no", "every row is taken as a valid result"),
    ("excluded", "1", "every row is taken as a valid result"),
    ("excluded", "0", ""),
    ("state", "superseded", "every row is taken as a valid result"),
    ("comment", "Sample mix-up: disregard", "speaks against the row, which is used all the same"),
    ("comment", "drawn before the infusion", ""),
    ("reference_range", "7.0-16.0", "igg is in mg/dL"),
    ("reference range", "700 - 1600", ""),
    ("ref_low", "7", "igg is in mg/dL"),
    ("ref_no", "7", ""),
    ("source", "interpolated", "every row is taken as a level that was measured"),
    ("kind", "LOCF", "every row is taken as a level that was measured"),
    ("LOCF", "Y", "every row is taken as a level that was measured"),
    ("imputed", "0", ""),
    ("type", "target", "every row is taken as a level that was measured"),
    ("method", "SPEP gamma fraction", "speaks against the row, which is used all the same"),
    ("method", "nephelometry", ""),
    ("source", "central laboratory", ""),
    ("sd", "70", "every row is taken as one sample of one patient"),
    ("igg_g_l", "9.9", "these levels differ from it by more than 2%"),
    ("igg_g_l", "5.4", ""),
    ("IgG repeat", "440", "these levels differ from it by more than 2%"),
    ("ivig_g", "30", "speaks of infusions, and the cohort has no doses"),
    ("ivig_g", "0", ""),
    ("days_since_last_IVIG", "17", "speaks of infusions, and the cohort has no doses"),
    ("gamma globulin", "800", ""),
    ("blinatumomab", "yes", "speaks of therapy that depletes B cells, and the cohort has no therapy"),
    ("blinatumomab", "no", ""),
    ("weight", "60", "reads like weights by day"),
]


@pytest.mark.parametrize(("heading", "cell", "said"), SAMPLE_COLUMNS)
def test_what_a_column_says_against_levels_is_heard(tmp_path: Path, heading: str, cell: str, said: str) -> None:
    heard(tmp_path, "samples", f"patient_id,day,igg,{heading}\nP1,0,620,\nP1,14,540,{cell}\n", heading, said)


FURTHER_COLUMNS = [
    ("patients", "exclude", "yes", "every patient is used"),
    ("patients", "included", "no", "every patient is used"),
    ("patients", "consent_withdrawn", "yes", "every patient is used"),
    ("patients", "consent", "yes", ""),
    ("patients", "nephrotic_syndrome", "yes", "IgG is then lost in another way too"),
    ("patients", "nephrotic_syndrome", "no", ""),
    ("patients", "comorbidity", "protein-losing enteropathy", "IgG is then lost in another way too"),
    ("patients", "igg_baseline", "950", "a level in this table is not used"),
    ("patients", "prior_IVIG", "yes", "speaks of infusions, and the cohort has no doses"),
    ("patients", "ivig_naive", "yes", ""),
    ("patients", "agent", "teclistamab", "the production of IgG is taken as constant"),
    ("patients", "blinatumomab_stop", "28", "the production of IgG is taken as constant"),
    ("patients", "asct_day", "20", "follow-up goes on"),
    ("patients", "group", "IVIG", "none of the 1 in this group with a dose"),
    ("patients", "group", "no IVIG", ""),
    ("patients", "group", "blinatumomab", "none of the 1 in this group with a therapy"),
    ("outcomes", "occurred", "no", "every row is taken as an event that happened"),
    ("outcomes", "CNSR", "1", "every row is taken as an event that happened"),
    ("outcomes", "CNSR", "0", ""),
    ("outcomes", "certainty", "suspected", "every row is taken as an event that happened"),
    ("therapy", "intent", "planned", "every row is taken as a therapy that was given"),
    ("therapy", "intent", "given", ""),
    ("therapy", "duration_days", "28", ""),
    ("patients", "notes", "on IVIG monthly since 2019", "speaks of infusions, and the cohort has no doses"),
    ("patients", "notes", "never had IVIG", ""),
    ("therapy", "completed", "no", "see that stop is the day on which it ended"),
    ("therapy", "interruption", "days 10-20", "write a row for each stretch of it"),
    ("therapy", "interruption", "none", ""),
    ("therapy", "b_cell_recovery_day", "80", "stop is taken as the day on which B cells were back"),
]


@pytest.mark.parametrize(("table", "heading", "cell", "said"), FURTHER_COLUMNS)
def test_what_a_column_says_of_people_and_events_is_heard(
    tmp_path: Path, table: str, heading: str, cell: str, said: str
) -> None:
    row = {
        "patients": ("patient_id,weight_kg", "P1,70"),
        "outcomes": ("patient_id,day,outcome", "P1,20,infection"),
        "therapy": ("patient_id,start,stop,agent", "P1,0,40,blinatumomab"),
    }[table]
    heard(tmp_path, table, f"{row[0]},{heading}\n{row[1]},{cell}\n", heading, said)


def test_columns_that_speak_of_another_table_are_left_alone_where_it_is_there(tmp_path: Path) -> None:
    files: Files = {
        "samples.csv": "patient_id,day,igg,ivig_g,blinatumomab\nP1,0,620,0,yes\nP1,14,540,30,yes\n",
        "doses.csv": DOSES + "P1,14,30\n",
        "therapy.csv": "patient_id,start,stop,agent\nP1,0,28,blinatumomab\n",
        "patients.csv": "patient_id,group\nP1,IVIG\n",
    }
    assert warnings_of(read(tmp_path, files)) == []
    files["patients.csv"] = "patient_id,group\nP1,no IVIG\n"
    (warning,) = warnings_of(read(tmp_path / "denied", files))
    assert "1 of the 1 in this group with a dose" in warning


def test_a_length_is_no_stop(tmp_path: Path) -> None:
    therapy = "patient_id,start,duration_days,stop,agent\nP1,0,28,,blinatumomab\n"
    assert "write start plus duration as stop" in refusal(tmp_path, {"samples.csv": THREE, "therapy.csv": therapy})


@pytest.mark.parametrize(
    "agent", ["none", "placebo", "No therapy", "Untreated", "no blinatumomab", "blinatumomab (held)", "ohne Rituximab"]
)
def test_a_therapy_without_an_agent_is_refused(tmp_path: Path, agent: str) -> None:
    therapy = f"patient_id,start,stop,agent\nP1,0,28,{agent}\n"
    assert "this one says that none was given" in refusal(tmp_path, {"samples.csv": THREE, "therapy.csv": therapy})


def test_two_numbers_of_a_person_under_one_id_are_told(tmp_path: Path) -> None:
    samples = "patient_id,MRN,day,igg\nP1,100,0,620\nP1,100,9,600\nP1,200,14,540\nP2,300,0,700\n"
    (warning,) = warnings_of(read(tmp_path, {"samples.csv": samples}))
    assert "line 4, MRN: found \"1 row: '200'\"; an id is taken as one person" in warning


@pytest.mark.parametrize(
    ("outcome", "day", "said"),
    [
        ("IVIG", 20, "an infusion counts only in the doses"),
        ("second CAR-T", 20, "a therapy counts only in the table of therapy"),
        ("infection", 9999, "9969 days after this patient's last sample: is the date right?"),
    ],
)
def test_outcomes_that_are_something_else_are_asked_about(tmp_path: Path, outcome: str, day: int, said: str) -> None:
    outcomes = f"patient_id,day,outcome\nP1,{day},{outcome}\n"
    (warning,) = warnings_of(read(tmp_path, {"samples.csv": THREE, "outcomes.csv": outcomes}))
    assert said in warning


def heard(tmp_path: Path, table: str, text: str, heading: str, said: str) -> None:
    """Refused or asked about in these words, and not once the column is ignored; silent where nothing is to be said."""
    files = {"samples.csv": THREE, f"{table}.csv": text}
    try:
        told = " ".join(warnings_of(read(tmp_path, files)))
    except InputError as error:
        told = str(error)
    assert said in told
    assert bool(said) == bool(told)
    if said and heading != "group":  # a column of the contract
        ignoring = f'igg_unit = "mg/dL"\n[{table}]\nignore = ["{heading}"]\n'
        assert warnings_of(read(tmp_path / "again", {**files, "cohort.toml": ignoring})) == []
