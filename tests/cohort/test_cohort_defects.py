"""Every defect is told with file, line, patient, column, what was found and what was expected."""

from __future__ import annotations

from pathlib import Path

import defects_of_files
import defects_of_mapping
import defects_of_samples
import defects_of_tables
import pytest
import warned_inputs
from defect import Defect, warnings_of, write_cohort

from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError

DEFECTS = (
    *defects_of_samples.DEFECTS,
    *defects_of_files.DEFECTS,
    *defects_of_mapping.DEFECTS,
    *defects_of_tables.DEFECTS,
)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_defective_input_is_refused_with_this_message(tmp_path: Path, defect: Defect) -> None:
    folder = write_cohort(tmp_path / "ward", defect.files)
    with pytest.raises(InputError) as refused:
        read_cohort(folder)
    assert str(refused.value) == defect.message.strip("\n")


@pytest.mark.parametrize("defect", warned_inputs.WARNINGS, ids=lambda defect: defect.name)
def test_a_doubtful_input_is_read_with_this_warning(tmp_path: Path, defect: Defect) -> None:
    cohort = read_cohort(write_cohort(tmp_path / "ward", defect.files))
    assert warnings_of(cohort) == defect.message.strip("\n").splitlines()


def test_nothing_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        read_cohort(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"igg_unit": "mmol/l"},
            "call: 1 problem\n  igg_unit: found 'mmol/l'; one of mg/dL, g/L, mg/L, g/dL, mg/mL, ug/mL",
        ),
        (
            {"igg_unit": "g/L"},
            "call: 1 problem\n  igg_unit: found 'g/L'; cohort.toml says igg_unit = \"mg/dL\"",
        ),
        ({"on_problem": "ignore"}, "call: 1 problem\n  on_problem: found 'ignore'; one of stop, skip"),
        (
            {"file_format": "sas"},
            "call: 1 problem\n  format: found 'sas'; one of tables, nonmem, omop, fhir, adam, sdtm, mimic4",
        ),
    ],
)
def test_a_call_that_cannot_be_carried_out(tmp_path: Path, arguments: dict[str, str], message: str) -> None:
    folder = write_cohort(tmp_path / "ward", {"samples.csv": "patient_id,day,igg\nP1,0,500\n"})
    with pytest.raises(InputError) as refused:
        read_cohort(folder, **arguments)
    assert str(refused.value) == message
