"""Times that can be read and are probably others: hours, weeks, a wrong year, two forms, another column of dates."""

from __future__ import annotations

from pathlib import Path

import pytest
from defect import DOSES, SAMPLES, Files, warnings_of, write_cohort

from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError

DATED = "patient_id,datetime,igg\n"
ODD: list[tuple[str, Files, str]] = [
    ("hours", {"samples.csv": SAMPLES + "P1,0,650\nP1,168,600\nP1,336,550\nP1,504,500\n"}, "line 2, patient P1, day"),
    ("multiples of 24", {"samples.csv": SAMPLES + "P1,24,650\nP1,48,600\nP1,72,550\n"}, "are they hours?"),
    ("weeks", {"samples.csv": SAMPLES + "P1,0,650\nP1,4,400\nP1,8,300\nP1,12,250\n"}, "IgG halves in 8.7 days"),
    (
        "doses in hours",
        {"samples.csv": SAMPLES + "P1,0,650\nP1,13,600\nP1,42,500\n", "doses.csv": DOSES + "P1,336,30\nP1,1008,30\n"},
        "as hours these doses lie among the samples",
    ),
    (
        "doses in weeks",
        {
            "samples.csv": SAMPLES + "P1,0,650\nP1,28,600\nP1,57,550\nP1,112,500\n",
            "doses.csv": DOSES + "P1,0,30\nP1,4,30\nP1,8,30\nP1,12,30\n",
        },
        "doses 4 days apart, and as weeks they lie among all samples",
    ),
    (
        "year before",
        {"samples.csv": DATED + "P1,2023-12-20,650\nP1,2023-12-30,600\nP1,2023-01-10,550\nP1,2024-01-20,500\n"},
        "line 4, patient P1, datetime: found '2023-01-10'; earlier than the row above or later than the one below, and "
        "in order a year after: is the year right?",
    ),
    (
        "year after, in the last row but one",
        {"samples.csv": DATED + "P1,2023-01-02,650\nP1,2023-02-01,600\nP1,2024-03-01,550\nP1,2023-04-01,500\n"},
        "line 4, patient P1, datetime: found '2024-03-01'",
    ),
    (
        "year before, in the last row",
        {"samples.csv": DATED + "P1,2023-11-20,650\nP1,2023-12-30,600\nP1,2023-01-10,550\n"},
        "line 4, patient P1, datetime: found '2023-01-10'",
    ),
    (
        "date of the result",
        {"samples.csv": "patient_id,datetime,drawn,igg\nP1,2023-01-05,2023-01-01,650\nP1,2023-01-20,2023-01-20,600\n"},
        'rows are placed by datetime, and these dates differ from it; to place them by these, write datetime = "drawn"',
    ),
    (
        "an infusion before the sample",
        {"samples.csv": "patient_id,day,igg,last_dose_day\nP1,0,650,\nP1,14,600,\nP1,28,700,20\n"},
        "last_dose_day: found 'last_dose_day'; speaks of infusions, and the cohort has no doses",
    ),
    (
        "half of the levels in another unit",
        {"samples.csv": SAMPLES + "P1,0,980\nP1,14,1.100\nP1,28,1.020\nP1,40,975\n"},
        "line 3, patient P1, igg: found '1.100'; about 1000 times off",
    ),
    (
        "a transplant of before",
        {"samples.csv": SAMPLES + "P1,10,650\nP1,14,600\n", "outcomes.csv": "patient_id,outcome,day\nP1,hsct,-400\n"},
        "before all samples of this patient; a transplant of before this record belongs in no table",
    ),
]


def read(tmp_path: Path, files: Files) -> str:
    tmp_path.mkdir(exist_ok=True)
    return " ".join(warnings_of(read_cohort(write_cohort(tmp_path / "ward", files))))


@pytest.mark.parametrize(("files", "said"), [row[1:] for row in ODD], ids=[row[0] for row in ODD])
def test_odd_times_are_asked_about(tmp_path: Path, files: Files, said: str) -> None:
    assert said in read(tmp_path, files)


@pytest.mark.parametrize(
    "files",
    [
        {"samples.csv": SAMPLES + "P1,0,650\nP1,24,610\nP1,49,550\nP1,72,500\n"},
        {"samples.csv": SAMPLES + "P1,0,650\nP1,14,560\nP1,28,430\nP1,60,380\n"},
        {"samples.csv": DATED + "P1,2023-12-20,650\nP1,2023-12-30,600\nP1,2024-01-10,550\n"},
        {"samples.csv": DATED + "P1,2024-01-10,550\nP1,2023-12-30,600\nP1,2023-12-20,650\n"},
        {"samples.csv": "patient_id,datetime,collected,igg\nP1,2023-01-05 08:10,2023-01-05,650\nP1,2023-01-20,,600\n"},
        {
            "samples.csv": SAMPLES + "P1,0,650\nP1,5,900\nP1,10,560\nP1,15,430\n",
            "doses.csv": DOSES + "P1,4,30\n",
        },
    ],
    ids=["days", "a fall", "dates", "from the last to the first", "the same dates", "an infusion that is lost again"],
)
def test_usual_times_are_not(tmp_path: Path, files: Files) -> None:
    assert read(tmp_path, files) == ""


def test_a_date_that_two_stated_forms_read_differently_is_refused(tmp_path: Path) -> None:
    toml = 'igg_unit = "mg/dL"\n[samples]\ndatetime_format = ["%d/%m/%Y", "%m/%d/%Y"]\n'
    either = {"samples.csv": DATED + "P1,13/04/2023,650\nP1,05/06/2023,600\nP1,06/28/2023,550\n", "cohort.toml": toml}
    with pytest.raises(InputError, match=r"line 3, patient P1, datetime: found '05/06/2023'; two of the forms"):
        read(tmp_path, either)
    clear = {"samples.csv": DATED + "P1,13/04/2023,650\nP1,05/05/2023,600\nP1,05/28/2023,550\n", "cohort.toml": toml}
    assert read(tmp_path / "clear", clear) == ""


def test_a_remark_among_thousands_is_heard(tmp_path: Path) -> None:
    """Free text is searched as well, whatever the number of cells that differ, and with accents."""
    rows = [f"P{n},{day},{600 - day},café {n} {day}" for n in range(1500) for day in (0, 14)]
    rows[1700] = rows[1700].rsplit(",", 1)[0] + ",Röhrchen vertauscht: wrong tube 7"
    rows[1801] = rows[1801].rsplit(",", 1)[0] + ",ungültig"
    samples = "patient_id,day,igg,note\n" + "\n".join(rows) + "\n"
    with pytest.raises(InputError) as refused:
        read(tmp_path, {"samples.csv": samples})
    assert "line 1803, note: found \"1 row: 'ungültig'\"" in str(refused.value)
    told = read(tmp_path / "again", {"samples.csv": samples.replace("ungültig", "tube 12 345")})
    assert "line 1702, note: found \"1 row: 'Röhrchen vertauscht: wrong tube 7'\"" in told
