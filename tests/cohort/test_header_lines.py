"""What stands above the header: a line `sep=`, titles, merged headings; in text files and in workbooks."""

from __future__ import annotations

from pathlib import Path

import pytest
import xlsxwriter
from defect import MAPPING, write_cohort

from igkinetics.cohort.mapping.draft import draft_mapping
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError

TITLED = "Immunology\nprinted 3 May 2024\n\nPatient,Sample date,IgG (mg/dL)\nP1,2024-03-01,640\nP1,2024-03-15,512\n"


@pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\n', "\ufeffsep=;\n"])
@pytest.mark.parametrize("stated", ["", '[samples]\ndelimiter = ";"\n'])
def test_a_line_that_says_the_separator_is_read_as_that(tmp_path: Path, first: str, stated: str) -> None:
    files = {"samples.csv": first + "patient_id;day;igg\nP1;3;640\n", "cohort.toml": MAPPING + stated}
    cohort = read_cohort(write_cohort(tmp_path / "ward", files))
    assert cohort.samples[["day", "igg", "line"]].to_numpy().tolist() == [[3.0, 6.4, 3]]
    assert cohort.problems["action"].tolist() == ["cells read so"]


def test_a_separator_line_that_contradicts_the_mapping_is_refused(tmp_path: Path) -> None:
    files = {"samples.csv": "sep=;\npatient_id;day;igg\n", "cohort.toml": MAPPING + '[samples]\ndelimiter = "|"\n'}
    with pytest.raises(InputError, match=r"line 1: found 'sep=;'; not what \[samples\] in cohort.toml says"):
        read_cohort(write_cohort(tmp_path / "ward", files))


@pytest.mark.parametrize("columns", ["patient_id,day,igg", "Patient,Study day,Serum IgG"])
def test_titles_above_the_header_are_told_once_with_the_key(tmp_path: Path, columns: str) -> None:
    files = {"samples.csv": f"Ward 3\nIgG; all of 2024\n{columns}\nP1,0,640\n"}
    with pytest.raises(InputError) as refused:
        read_cohort(write_cohort(tmp_path / "ward", files))
    assert str(refused.value) == (
        "samples.csv: 1 problem\n  line 1: found 'Ward 3'; no header; line 3 looks like it: "
        "write skip_lines = 2 under [samples] in cohort.toml"
    )


def test_the_draft_skips_titles(tmp_path: Path) -> None:
    (tmp_path / "labs.csv").write_text(TITLED)
    text = draft_mapping(tmp_path)
    assert "skip_lines = 3    # GUESS" in text
    assert 'igg_unit = "mg/dL"    # GUESS: the heading "IgG (mg/dL)" says so' in text
    (tmp_path / "cohort.toml").write_text(text)
    assert read_cohort(tmp_path).samples["igg"].tolist() == pytest.approx([6.4, 5.12])


def workbook(path: Path) -> Path:
    """A sheet with a merged heading over the columns, and a title above it."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Samples")
        sheet.write_row(1, 0, ["Ward 3"])
        sheet.merge_range(2, 1, 2, 2, "Laboratory")
        sheet.write_row(3, 0, ["patient_id", "day", "igg"])
        sheet.write_row(4, 0, ["P1", 3, 640])
    return path


def test_a_merged_heading_in_a_workbook_is_told_and_skipped(tmp_path: Path) -> None:
    workbook(tmp_path / "cohort.xlsx")
    (tmp_path / "cohort.toml").write_text(MAPPING)
    with pytest.raises(InputError) as refused:
        read_cohort(tmp_path)
    assert str(refused.value) == (
        "cohort.xlsx [Samples]: 1 problem\n  line 2: found 'Ward 3'; no header; line 4 looks like it: "
        "write skip_lines = 3 under [samples] in cohort.toml"
    )
    (tmp_path / "cohort.toml").write_text(MAPPING + "[samples]\nskip_lines = 3\n")
    assert read_cohort(tmp_path).samples[["day", "igg", "line"]].to_numpy().tolist() == [[3.0, 6.4, 5]]
