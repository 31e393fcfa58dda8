"""Day numbers and dates, the origin of each patient's time line, and the order within a day."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from defect import DATED, DOSES, SAMPLES, Files, write_cohort

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError

DATED_DOSES = "patient_id,datetime,amount_g,duration_h\n"
DATED_THERAPY = "patient_id,start,stop\nP1,2024-03-05,2024-04-02\n"
TWO_PATIENTS = DATED + "P1,2024-03-01 06:00,500\nP1,2024-03-08 18:00,400\nP2,2023-12-31,300\nP2,2024-01-01,250\n"


def read(tmp_path: Path, files: Files) -> Cohort:
    return read_cohort(write_cohort(tmp_path / "ward", files))


def test_offsets_become_the_local_clock_of_the_stated_zone(tmp_path: Path) -> None:
    """31 March 2024: Berlin's clocks go from 2 to 3; day 0 is midnight by the local clock."""
    times = ("2024-03-30 00:00", "2024-03-30T22:00:00Z", "2024-03-31T00:30:00-01:00", "2024-04-01T12:00+0200")
    rows = "".join(f"P1,{time},{500 - place}\n" for place, time in enumerate(times))
    mapping = 'igg_unit = "mg/dL"\n[samples]\ntime_zone = "Europe/Berlin"\n'
    cohort = read(tmp_path, {"cohort.toml": mapping, "samples.csv": DATED + rows})
    hours = [0, 23, 24 + 3.5, 48 + 12]
    assert (24 * cohort.patient("P1").sample_day).tolist() == pytest.approx(hours)


def test_day_numbers_are_kept_as_given(tmp_path: Path) -> None:
    cohort = read(
        tmp_path,
        {
            "samples.csv": SAMPLES + "P1,12.5,500\nP1,-3,600\n",
            "therapy.csv": "patient_id,start,stop\nP1,5,33\n",
        },
    )
    assert cohort.patient("P1").sample_day.tolist() == [-3.0, 12.5]
    assert cohort.patient("P1").therapy_start.tolist() == [5.0]


def test_dates_count_from_the_first_therapy_else_the_first_sample(tmp_path: Path) -> None:
    cohort = read(tmp_path, {"samples.csv": TWO_PATIENTS, "therapy.csv": DATED_THERAPY})
    assert cohort.patient("P1").sample_day.tolist() == pytest.approx([-3.75, 3.75])
    assert cohort.patient("P1").therapy_stop.tolist() == [28.0]
    assert cohort.patient("P2").sample_day.tolist() == [0.0, 1.0]
    assert "day 0 is each patient's first therapy start; the first sample for 1 patient without one" in cohort.notes


@pytest.mark.parametrize(
    ("origin", "days"),
    [("first_sample", [0.0, 7.5]), ("first_dose", [-1.25, 6.25]), ("therapy", [-3.75, 3.75])],
)
def test_another_origin(tmp_path: Path, origin: str, days: list[float]) -> None:
    cohort = read(
        tmp_path,
        {
            "cohort.toml": f'igg_unit = "mg/dL"\ntime_origin = "{origin}"\n',
            "samples.csv": TWO_PATIENTS,
            "therapy.csv": DATED_THERAPY,
            "doses.csv": DATED_DOSES + "P1,2024-03-02 12:00,40,6\n",
        },
    )
    assert cohort.patient("P1").sample_day.tolist() == pytest.approx(days)
    assert cohort.patient("P2").sample_day.tolist() == [0.0, 1.0]


def test_a_dose_known_by_its_date_counts_after_the_samples_of_that_date(tmp_path: Path) -> None:
    cohort = read(
        tmp_path,
        {
            "samples.csv": DATED + "P1,2024-03-01,500\nP1,2024-03-08 08:00,400\nP1,2024-03-08 20:00,390\n",
            "doses.csv": DATED_DOSES + "P1,2024-03-08,40,6\nP1,2024-03-09,30,6\nP1,2024-03-10 07:00,20,6\n",
        },
    )
    patient = cohort.patient("P1")
    assert patient.dose_day.tolist() == pytest.approx([7 + 20 / 24, 8.0, 9 + 7 / 24])
    assert patient.dose_day[0] == patient.sample_day[2]
    assert "1 dose known only by date, on a date with a sample: the sample counts first" in cohort.notes


def test_midnight_everywhere_means_dates(tmp_path: Path) -> None:
    cohort = read(
        tmp_path,
        {
            "samples.csv": DATED + "P1,2024-03-01 08:00,500\nP1,2024-03-08 08:00,400\n",
            "doses.csv": DATED_DOSES + "P1,2024-03-08 00:00:00,40,6\n",
        },
    )
    assert cohort.patient("P1").dose_day[0] == cohort.patient("P1").sample_day[1]
    assert (
        "doses: every time of day in datetime is midnight, so these are taken as dates without a time" in cohort.notes
    )


@pytest.mark.parametrize("duration_h", ["0", "6", "7.3", "30"])
@pytest.mark.parametrize("dated", [True, False])
def test_dose_first_lets_the_sample_see_the_end_of_the_infusion(tmp_path: Path, duration_h: str, dated: bool) -> None:
    samples = DATED + "P1,2024-03-01,500\nP1,2024-03-08 08:00,400\n" if dated else SAMPLES + "P1,0,500\nP1,7,400\n"
    moment = "2024-03-08" if dated else "7"
    header = DATED_DOSES if dated else "patient_id,day,amount_g,duration_h\n"
    cohort = read(
        tmp_path,
        {
            "cohort.toml": 'igg_unit = "mg/dL"\nsame_day = "dose_first"\n',
            "samples.csv": samples,
            "doses.csv": f"{header}P1,{moment},40,{duration_h}\n",
        },
    )
    patient = cohort.patient("P1")
    end = patient.dose_day[0] + patient.dose_duration_day[0]
    assert end < patient.sample_day[1]
    assert end == pytest.approx(patient.sample_day[1], abs=1e-9)
    assert cohort.notes[-1] == "1 dose on the date of a sample: ending just before it (same_day = dose_first)"


def test_day_numbers_on_a_tie_stay_a_tie(tmp_path: Path) -> None:
    cohort = read(
        tmp_path, {"samples.csv": SAMPLES + "P1,0,500\nP1,7,400\n", "doses.csv": DOSES + "P1,7,40\nP1,8,40\n"}
    )
    assert cohort.patient("P1").dose_day.tolist() == [7.0, 8.0]
    assert "1 dose known only by date, on a date with a sample: the sample counts first" in cohort.notes


def test_everything_on_the_date_of_death_precedes_the_death(tmp_path: Path) -> None:
    cohort = read(
        tmp_path,
        {
            "samples.csv": DATED + "P1,2024-03-01,500\nP1,2024-03-08 08:00,400\n",
            "doses.csv": DATED_DOSES + "P1,2024-03-08 10:00,40,1\n",
            "patients.csv": "patient_id,death\nP1,2024-03-08\n",
        },
    )
    assert cohort.patient("P1").follow_up_end == pytest.approx(7 + 10 / 24)
    assert cohort.patient("P1").end_reason == "death"


def test_days_in_hours(tmp_path: Path) -> None:
    cohort = read(
        tmp_path,
        {
            "cohort.toml": 'igg_unit = "mg/dL"\n[samples.units]\nday = "h"\n',
            "samples.csv": SAMPLES + "P1,0,500\nP1,36,400\n",
        },
    )
    assert cohort.patient("P1").sample_day.tolist() == [0.0, 1.5]


def test_dates_and_day_numbers_describe_the_same_cohort(tmp_path: Path) -> None:
    days = read_cohort(
        write_cohort(
            tmp_path / "days",
            {
                "samples.csv": SAMPLES + "P1,-3.75,500\nP1,3.75,400\n",
                "therapy.csv": "patient_id,start,stop\nP1,0,28\n",
            },
        )
    )
    dates = read_cohort(
        write_cohort(
            tmp_path / "dates",
            {
                "samples.csv": TWO_PATIENTS.split("P2")[0],
                "therapy.csv": DATED_THERAPY,
            },
        )
    )
    np.testing.assert_allclose(days.samples["day"], dates.samples["day"], atol=1e-9)
    np.testing.assert_allclose(days.therapy["stop"], dates.therapy["stop"], atol=1e-9)


def test_times_that_the_clock_skipped_or_showed_twice(tmp_path: Path) -> None:
    """Berlin, 2024: 31 March has no 02:30, 27 October has two; an offset says which."""
    times = ("2024-03-31 02:30", "2024-03-31 03:30", "2024-10-27 02:30", "2024-10-27T02:30+02:00", "2024-10-28")
    rows = "".join(f"P{place},{time},500\n" for place, time in enumerate(times))
    mapping = 'igg_unit = "mg/dL"\n[samples]\ntime_zone = "Europe/Berlin"\n'
    folder = write_cohort(tmp_path / "ward", {"cohort.toml": mapping, "samples.csv": DATED + rows})
    with pytest.raises(InputError) as refused:
        read_cohort(folder)
    assert str(refused.value).splitlines()[1:3] == [
        "  line 2, patient P0, datetime: found '2024-03-31 02:30'; the clocks in Europe/Berlin skipped this time; "
        "a clock without summer time needs its own time_zone",
        "  warning: line 4, patient P2, datetime: found '2024-10-27 02:30'; the clocks in Europe/Berlin showed this "
        "time twice: one hour is not known",
    ]
    assert "line 5" not in str(refused.value)


def gap_lines(folder: Path, days: dict[str, list[float]]) -> list[str]:
    rows = "".join(f"{who},{day:g},500\n" for who, some in days.items() for day in some)
    cohort = read_cohort(write_cohort(folder, {"cohort.toml": 'igg_unit = "mg/dL"\n', "samples.csv": SAMPLES + rows}))
    return [f"{row.line} {row.expected}" for row in cohort.problems.itertuples()]


def test_a_long_gap_is_listed(tmp_path: Path) -> None:
    """More than 90 days and more than three times the patient's usual gap; the cohort's where the patient has none."""
    fortnightly = [0.0, 14, 28, 42, 56]
    told = "{:g} days after the sample before (line {}): IgG in between is not known".format
    assert gap_lines(tmp_path / "a", {"P1": [*fortnightly, 156, 170]}) == ["7 " + told(100, 6)]
    assert gap_lines(tmp_path / "b", {"P1": [*fortnightly, 146]}) == []
    assert gap_lines(tmp_path / "c", {"P1": [0, 100, 200, 300]}) == []
    assert gap_lines(tmp_path / "d", {"P1": [0, 400]}) == ["3 " + told(400, 2)]
    assert gap_lines(tmp_path / "e", {"P1": [200, 0], "P2": fortnightly}) == ["2 " + told(200, 3)]
    assert gap_lines(tmp_path / "f", {"P1": [0, 180], "P2": [0, 180], "P3": [0, 200]}) == []
