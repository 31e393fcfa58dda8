"""The draft that check offers for foreign tables: complete, marked, and right once the unit is chosen."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from igkinetics.cli.main import app
from igkinetics.cohort.mapping.draft import draft_mapping
from igkinetics.cohort.read import read_cohort

LABS = (
    "row_id;subject_id;label;charttime;value;valueuom\n1;77;Immunoglobulin A;01.03.2024 08:30;90,5;mg/dL\n"
    "2;77;Immunoglobulin G;01.03.2024 08:30;512,5;mg/dL\n3;77;Immunoglobulin G;15.03.2024 09:00;401;mg/dL\n"
)
ORDERS = "subject_id,startdate,drug,dose_val_rx,dose_unit_rx\n77,2024-03-05,IVIG,40,g\n"


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    folder = tmp_path / "ward"
    folder.mkdir()
    (folder / "labs.csv").write_text(LABS)
    (folder / "doses.csv").write_text(ORDERS)
    return folder


def test_check_offers_a_draft_and_applies_nothing(ward: Path) -> None:
    done = call("check", ward)
    assert done.exit_code == 2
    assert "a cohort needs samples.csv" in done.stderr
    assert done.stdout.startswith("# A draft with guesses. Nothing of it is applied.")
    assert 'igg = "value"    # GUESS' in done.stdout
    assert sorted(path.name for path in ward.iterdir()) == ["doses.csv", "labs.csv"]


def test_the_draft_reads_the_tables_once_the_unit_is_chosen(ward: Path) -> None:
    text = draft_mapping(ward).replace('# igg_unit = "mg/dL"', 'igg_unit = "mg/dL"')
    (ward / "cohort.toml").write_text(text)
    patient = read_cohort(ward).patient("77")
    assert patient.sample_igg.tolist() == pytest.approx([5.125, 4.01])
    assert patient.sample_day.tolist() == pytest.approx([0.0, 14 + 0.5 / 24])
    assert patient.dose_g.tolist() == [40.0]


def test_day_and_month_that_could_be_either_are_left_to_the_user(tmp_path: Path) -> None:
    path = tmp_path / "labs.csv"
    path.write_text("mrn,date,result\n1,03/04/2024,500\n1,05/06/2024,400\n")
    assert '# datetime_format = "%d/%m/%Y"    # CHOOSE: day and month could be either' in draft_mapping(path)
    path.write_text("mrn,date,result\n1,03/04/2024,500\n1,05/16/2024,400\n")
    assert '\ndatetime_format = "%m/%d/%Y"    # GUESS' in draft_mapping(path)


def test_no_draft_where_nothing_looks_like_samples_and_why(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    text = draft_mapping(tmp_path)
    assert text.startswith("# No draft: no table with a column of patients, of days or dates, and of IgG was recog")
    assert "# x.csv: a, b" in text


def test_no_draft_for_a_cohort_whose_columns_are_known(tmp_path: Path) -> None:
    path = tmp_path / "samples.csv"
    path.write_text("patient_id,day,igg\nP1,0,-3\n")
    done = call("check", path, "--igg-unit", "mg/dL")
    assert (done.exit_code, done.stdout) == (2, "")


def test_a_date_and_its_time_of_day_are_joined(tmp_path: Path) -> None:
    """Some times of day are empty, so both forms are drafted."""
    path = tmp_path / "samples.csv"
    path.write_text("Pat,Datum,Uhrzeit,IgG\nP1,01.02.2024,08:00,500\nP1,25.02.2024,,480\n")
    text = draft_mapping(path)
    assert 'datetime = ["Datum", "Uhrzeit"]    # GUESS' in text
    (tmp_path / "cohort.toml").write_text(text.replace('# igg_unit = "mg/dL"', 'igg_unit = "mg/dL"'))
    assert read_cohort(tmp_path).patient("P1").sample_day.tolist() == [0.0, pytest.approx(24 - 8 / 24)]


def test_a_column_of_patients_that_nobody_can_guess_is_left_to_choose(tmp_path: Path) -> None:
    path = tmp_path / "labs.csv"
    path.write_text("Wer,Tag,IgG\nx,1,500\n")
    text = draft_mapping(path)
    assert '# patient_id = "..."    # CHOOSE the column that says whose the row is' in text
    assert '# not used: "Wer"' in text


LAB = "Patient,Date,IgG (mg/dL)\nA,2024-01-01,600\nA,2024-01-20,550\n"
INFUSIONS = {
    "ivig.csv": "Patient,Start,End,Dose (g)\nA,2024-01-15 08:00,2024-01-15 12:00,30\n",
    "Infusionen.csv": "Patient,Beginn,Ende,Menge (g)\nA,2024-01-15 08:00,2024-01-15 12:00,30\n",
    "doses.csv": "Patient,Start,Stop,Dose (g)\nA,2024-01-15 08:00,2024-01-15 12:00,30\n",
    "given.csv": "Patient,Date,Prescribed (g),Administered (g)\nA,2024-01-15,40,30\n",
}


@pytest.mark.parametrize("name", INFUSIONS)
def test_infusions_are_drafted_as_doses(tmp_path: Path, name: str) -> None:
    (tmp_path / "labs.csv").write_text(LAB)
    (tmp_path / name).write_text(INFUSIONS[name])
    draft = draft_mapping(tmp_path)
    (tmp_path / "cohort.toml").write_text(draft)
    assert read_cohort(tmp_path).doses["amount_g"].tolist() == [30.0]
    assert "[patients]" not in draft


@pytest.mark.parametrize(
    ("name", "table", "told"),
    [
        ("albumin.csv", "Patient,Date,Dose (g)\nA,2024-01-15,20\n", "# not read: albumin.csv"),
        ("transfusion.csv", "Patient,Date,Dose (g)\nA,2024-01-15,20\n", "# not read: transfusion.csv"),
        ("drugs.csv", "Patient,Date,Drug,Dose (g)\nA,2024-01-15,Albumin,20\n", "# not read: drugs.csv"),
        ("blina.csv", "Patient,C1 start,C1 end\nA,2024-01-02,2024-01-30\n", "# CHOOSE: blina.csv speaks of therapy"),
        ("blina.csv", "Patient,Date,Dose\nA,2024-01-02,28\n", "# CHOOSE: blina.csv speaks of therapy"),
        ("ivig.csv", "Patient,Start date,End date,Daily dose (g),Drug\nA,2024-01-02,2024-01-03,10,IVIG\n", "of doses"),
        ("ivig.csv", "Patient,IVIG 1,IVIG 2\nA,2024-01-02,2024-01-30\n", "# CHOOSE: ivig.csv speaks of doses"),
    ],
)
def test_what_is_no_table_of_patients_or_of_immunoglobulin_is_not_drafted_as_one(
    tmp_path: Path, name: str, table: str, told: str
) -> None:
    (tmp_path / "labs.csv").write_text(LAB)
    (tmp_path / name).write_text(table)
    draft = draft_mapping(tmp_path)
    assert told in draft
    assert "\n[patients]" not in draft
    assert "\n[doses]" not in draft


def test_files_of_the_same_headings_are_drafted_together(tmp_path: Path) -> None:
    (tmp_path / "labs_2023.csv").write_text(LAB)
    (tmp_path / "labs_2024.csv").write_text(LAB.replace("2024", "2025").replace("A,", "B,"))
    (tmp_path / "cohort.toml").write_text(draft_mapping(tmp_path))
    assert len(read_cohort(tmp_path).samples) == 4


def test_a_wide_table_with_doses_says_that_the_draft_leaves_them_out(tmp_path: Path) -> None:
    path = tmp_path / "labs.csv"
    path.write_text("Patient,IgG day 0 (mg/dL),IgG day 28 (mg/dL),IVIG day 0 (g)\nA,620,600,30\n")
    assert '# CHOOSE: "IVIG day 0 (g)" speak of infusions, which this draft leaves out' in draft_mapping(path)


def test_headings_of_different_units_need_no_igg_unit(tmp_path: Path) -> None:
    path = tmp_path / "labs.csv"
    path.write_text("Patient,IgG day 0 (mg/dL),IgG day 28 (g/L)\nA,620,6.0\n")
    draft = draft_mapping(path)
    assert "# igg_unit is not needed: each heading says its unit (mg/dL, g/L)" in draft
    (tmp_path / "cohort.toml").write_text(draft)
    assert read_cohort(tmp_path).samples["igg"].tolist() == pytest.approx([6.2, 6.0])


def test_one_table_of_all_drugs_gives_doses_and_therapy(tmp_path: Path) -> None:
    (tmp_path / "labs.csv").write_text(LAB)
    rows = "A,Blinatumomab,2024-01-02,2024-01-30,0.4\nA,IVIG,2024-01-16,2024-01-16,30\n"
    (tmp_path / "drugs.csv").write_text("Patient,Drug,Start,Stop,Dose (g)\n" + rows)
    (tmp_path / "cohort.toml").write_text(draft_mapping(tmp_path))
    cohort = read_cohort(tmp_path)
    assert cohort.doses["amount_g"].tolist() == [30.0]
    assert cohort.therapy["agent"].tolist() == ["Blinatumomab"]
