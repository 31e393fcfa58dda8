"""A small ward in dates with awkward patients, and one sound patient dosed once for many tests."""

from __future__ import annotations

from pathlib import Path

import pytest

import igkinetics as igk
from igkinetics.cohort.model import Cohort
from igkinetics.dose.result import DoseResult

WARD = {
    "cohort.toml": 'igg_unit = "g/L"\n',
    "samples.csv": """patient_id,datetime,igg
P07,2024-01-10,6.8
P07,2024-02-07,5.1
P07,2024-03-06,4.2
P07,2024-04-03,4.6
P07,2024-05-02,4.1
P07,2024-05-30,4.3
P08,2024-01-10,6.1
P08,2024-02-10,4.1
P09,2024-01-10,6.1
P09,2024-02-10,4.1
P10,2024-02-10,4.1
P11,2024-01-10,6.8
P11,2024-02-07,5.1
""",
    "doses.csv": """patient_id,datetime,amount_g,route
P07,2024-03-07,30,iv
P07,2024-04-03,30,iv
P07,2024-05-02,30,iv
P11,2024-02-07,30,iv
P12,2024-02-07,30,iv
""",
    "therapy.csv": """patient_id,start,stop,agent
P07,2024-01-11,2024-04-11,blinatumomab
P08,2024-01-11,2024-02-11,blinatumomab
""",
    "patients.csv": """patient_id,weight_kg,height_cm,sex,age_y,death
P07,75,175,male,54,
P08,,,,,
P09,70,,,,2024-03-01
P10,60,160,female,12,
P11,70,,,,
P12,70,,,,
""",
}
"""P07 is sound and on IVIG; P08 has no weight; P09 died; P10 has one sample; P11 was dosed on the day of the last
sample; P12 has no sample."""


@pytest.fixture(scope="session")
def ward_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ward")
    for name, text in WARD.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def ward(ward_folder: Path) -> Cohort:
    return igk.read_cohort(ward_folder)


@pytest.fixture(scope="session")
def dosed(ward: Cohort) -> DoseResult:
    """P07 with a target that some regimens meet and others do not."""
    return igk.dose_patient(
        ward,
        "P07",
        target=4.5,
        vial=[2.5, 5, 10],
        interval=[21, 28],
        dose_g=[15, 25, 40, 55],
        probability=0.8,
        price=90.0,
        horizon=112,
        draws=400,
    )
