# ruff: noqa: E501  (the messages are repeated exactly)
"""NONMEM event files: what they say equals hand-made folders, what they imply equals explicit doses."""

from __future__ import annotations

from pathlib import Path

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from defect import SAMPLES, write_cohort
from numpy.testing import assert_allclose

from igkinetics.cohort.export import write_nonmem
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import parameter_vector
from igkinetics.resources import resource_folder
from made_records import schedule_of

UNITS = 'format = "nonmem"\nigg_unit = "g/L"\namount_unit = "g"\ntime_unit = "day"\n'
HOURS = 'format = "nonmem"\nigg_unit = "mg/dL"\namount_unit = "mg"\ntime_unit = "hour"\n'
HEADER = "ID,TIME,AMT,RATE,DV,EVID,MDV,II,ADDL,SS\n"
VALUES = {
    "CL": 0.155,
    "V1": 3.2,
    "Q": 0.55,
    "V2": 2.0,
    "C_base": 6.0,
    "S": 0.55,
    "k_loss": 0.087,
    "k_rec": 0.0077,
    "ka": 0.4,
    "F": 0.69,
}


def read(folder: Path, events: str, mapping: str = UNITS, **others: str) -> Cohort:
    files = {"cohort.toml": mapping, "events.csv": events, **{f"{name}.csv": text for name, text in others.items()}}
    return read_cohort(write_cohort(folder, files))


def infused(cohort: Cohort, patient: str, days: list[float]) -> np.ndarray:
    theta = parameter_vector(VALUES, "two_compartment", "loss_and_recovery")
    return igg_curve(theta, schedule_of(cohort.patient(patient)), np.array(days))[1]


def test_an_event_file_is_the_folder_made_by_hand(tmp_path: Path) -> None:
    """Six theophylline-like profiles: one dose by mouth, samples in hours."""
    times = [0.25, 0.57, 1.12, 2.02, 3.82, 5.1, 7.03, 9.05, 12.12, 24.37]
    levels = [[284 + 13 * who + 7 * place for place in range(len(times))] for who in range(6)]
    lines, samples, doses, people = [], [], [], []
    for who, row in enumerate(levels, start=1):
        lines += [f"{who},0,{300 + who},.,1,1,1,{70 + who}"]
        lines += [f"{who},{time},.,{level},0,0,2,{70 + who}" for time, level in zip(times, row, strict=True)]
        samples += [f"{who},{time},{level}" for time, level in zip(times, row, strict=True)]
        doses += [f"{who},0,{300 + who},sc"]
        people += [f"{who},{70 + who}"]
    mapping = (
        HOURS
        + '[doses.columns]\nroute = "CMT"\n[doses.values.route]\n"1" = "sc"\n[patients.columns]\nweight_kg = "WT"\n'
    )
    events = read(tmp_path / "events", "\n".join(["ID,TIME,AMT,DV,EVID,MDV,CMT,WT", *lines, ""]), mapping)
    by_hand = read_cohort(
        write_cohort(
            tmp_path / "hand",
            {
                "cohort.toml": 'igg_unit = "mg/dL"\n[samples.units]\nday = "h"\n[doses.units]\nday = "h"\namount_g = "mg"\n',
                "samples.csv": "\n".join(["patient_id,day,igg", *samples, ""]),
                "doses.csv": "\n".join(["patient_id,day,amount_g,route", *doses, ""]),
                "patients.csv": "\n".join(["patient_id,weight_kg", *people, ""]),
            },
        )
    )
    for table in ("samples", "doses", "patients"):
        one, other = (getattr(cohort, table).drop(columns="line", errors="ignore") for cohort in (events, by_hand))
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert events.rows["events.csv (samples)"].filtered == 6
    assert events.rows["events.csv (doses)"].filtered == 60


def test_a_steady_state_iv_set_is_the_folder_made_by_hand(tmp_path: Path) -> None:
    """Five patients on 28-day infusions: SS before the first sample, three more by ADDL, against every dose in doses.csv."""
    lines, samples, doses = [], [], []
    for who in range(1, 6):
        lines.append(f"{who},0,{20 + who},{6 * (20 + who)},.,1,1,28,3,1")
        doses += [f"{who},{28 * k},{20 + who},4" for k in range(-131, 4)]
        for day in (0.5, 13.25, 27.75, 55.5, 90.0):
            lines.append(f"{who},{day},.,.,{7 + who + day / 64},0,0,.,.,.")
            samples.append(f"{who},{day},{7 + who + day / 64}")
    events = read(tmp_path / "events", HEADER + "\n".join([*lines, ""]))
    by_hand = read_cohort(
        write_cohort(
            tmp_path / "hand",
            {
                "cohort.toml": 'igg_unit = "g/L"\n',
                "samples.csv": "\n".join(["patient_id,day,igg", *samples, ""]),
                "doses.csv": "\n".join(["patient_id,day,amount_g,duration_h", *doses, ""]),
            },
        )
    )
    for table in ("samples", "doses", "patients"):
        one, other = (getattr(cohort, table).drop(columns="line", errors="ignore") for cohort in (events, by_hand))
        pd.testing.assert_frame_equal(one, other, check_exact=False, rtol=1e-15)
    assert len(events.doses) == 5 * (131 + 1 + 3)


@pytest.mark.parametrize("rate", [0, 120, 15])
def test_additional_doses_are_explicit_doses(tmp_path: Path, rate: int) -> None:
    days = [0.0, 13.0, 20.99, 21.5, 70.0, 200.0]
    seen = "".join(f"1,{day},.,.,5,0,0,.,.,.\n" for day in days[1:])
    short = read(tmp_path / "addl", HEADER + f"1,0,30,{rate},.,1,1,21,5,.\n" + seen)
    explicit = HEADER + "".join(f"1,{21 * k},30,{rate},.,1,1,.,.,.\n" for k in range(6))
    long = read(tmp_path / "explicit", explicit + seen.replace("1,", "2,", 1).replace("\n1,", "\n2,"))
    assert_allclose(infused(short, "1", days), infused(long, "1", days), rtol=1e-12, atol=1e-12)


def geometric_series(day: float, interval: float, rate: float) -> mp.mpf:
    """IgG (g/L) of 30 g every `interval` days for ever, `day` after the last start: both modes summed in closed form.

    An infusion that has ended d days after its start leaves (e^(r d) - 1)/(r d) of a bolus; all but the last have.
    """
    CL, V1, Q, V2 = (mp.mpf(VALUES[name]) for name in ("CL", "V1", "Q", "V2"))
    total, k21 = CL / V1 + Q / V1 + Q / V2, Q / V2
    root = mp.sqrt(total**2 - 4 * CL / V1 * k21)
    level = mp.mpf(0)
    for r, other in (((total + root) / 2, (total - root) / 2), ((total - root) / 2, (total + root) / 2)):
        weight, length = 30 / V1 * (r - k21) / (r - other), 30 / mp.mpf(rate) if rate else mp.mpf(0)
        spread = mp.expm1(r * length) / (r * length) if rate else mp.mpf(1)
        level += weight * spread * mp.exp(-r * (day + interval)) / -mp.expm1(-r * interval)
        if rate and day < length:
            level += weight * -mp.expm1(-r * day) / (r * length)
        elif day > 0:
            level += weight * spread * mp.exp(-r * day)
    return level


@pytest.mark.parametrize("interval", [7, 21, 28])
@pytest.mark.parametrize("rate", [0, 120, 5])
def test_a_steady_state_is_a_geometric_series(tmp_path: Path, rate: int, interval: int) -> None:
    """To 1e-12 in concentration, before the first sample and during an infusion too; and as if the doses were in the file."""
    days = [0.0, 0.2, 1.0, 6.0, 6.9]
    seen = "".join(f"1,{day},.,.,5,0,0,.,.,.\n" for day in days[1:])
    steady = read(tmp_path / "ss", HEADER + f"1,0,30,{rate},.,1,1,{interval},.,1\n" + seen)
    with mp.workdps(40):
        truth = [float(geometric_series(day, interval, rate)) for day in days]
    assert_allclose(infused(steady, "1", days), truth, rtol=1e-12)
    n_before = -(-3650 // interval)
    doses = "".join(f"1,{-interval * k},30,{rate},.,1,1,.,.,.\n" for k in range(n_before, -1, -1))
    explicit = read(tmp_path / "explicit", HEADER + doses + seen)
    assert_allclose(infused(steady, "1", days), infused(explicit, "1", days), rtol=1e-12)
    assert steady.notes[-1] == (
        f"doses: steady states (SS) written out as {n_before} doses over the 3650 days before (1 patient): earlier doses "
        "that no row of the file holds"
    )


def test_the_order_of_the_file_counts_at_one_time(tmp_path: Path) -> None:
    rows = "1,0,30,.,.,1,1,.,.,.\n1,0,.,.,9,0,0,.,.,.\n2,0,.,.,9,0,0,.,.,.\n2,0,30,.,.,1,1,.,.,.\n"
    cohort = read(tmp_path / "ward", HEADER + rows)
    after, before = (infused(cohort, who, [0.0])[0] for who in ("1", "2"))
    assert after == pytest.approx(30 / 3.2, rel=1e-12)
    assert before == 0.0


def test_censored_values_and_resets(tmp_path: Path) -> None:
    events = (
        "ID,TIME,AMT,DV,EVID,MDV,CENS,BLQ,LLOQ\n1,0,.,5,0,0,0,0,0.4\n1,3,.,0.4,0,0,1,0,0.4\n1,4,.,0,0,0,0,1,0.3\n"
        "1,5,.,30,0,0,-1,0,.\n1,6,.,.,2,1,.,.,.\n1,0,20,.,4,1,.,.,.\n1,7,.,6,0,0,0,0,.\n"
    )
    cohort = read(tmp_path / "ward", events)
    assert cohort.patient_ids == ("1", "1:2")
    assert cohort.records == {"1:2": "1"}
    assert cohort.patient("1").sample_igg.tolist() == [5.0, 0.4, 0.3, 30.0]
    assert cohort.patient("1").sample_limit.tolist() == [0, -1, -1, 1]
    assert cohort.patient("1:2").dose_g.tolist() == [20.0]


DEFECTS = {
    "EVID": ("1,0,.,.,5,7,0,.,.,.\n", "line 3, patient 1, EVID: found '7'; 0, 1, 2, 3 or 4"),
    "an amount in an observation": (
        "1,0,9,.,5,0,0,.,.,.\n",
        "line 3, patient 1, AMT: found '9'; no amount in an observation (EVID 0)",
    ),
    "a modelled rate": (
        "1,1,9,-2,.,1,1,.,.,.\n",
        "line 3, patient 1, RATE: found '-2'; -2 leaves the duration to the model (D1), so the duration is needed: in a column DUR, or as duration under [doses.columns], in days",
    ),
    "no interval": ("1,1,9,.,.,1,1,.,3,.\n", "line 3, patient 1, II: found ''; above 0 with ADDL or SS"),
    "part of a dose": (
        "1,1,9,.,.,1,1,7,1.5,.\n",
        "line 3, patient 1, ADDL: found '1.5'; a whole number from 0 to 40000",
    ),
    "SS 3": ("2,1,9,.,.,1,1,7,.,3\n", "line 3, patient 2, SS: found '3'; 0, 1 or 2"),
    "a rate below": ("1,1,9,-3,.,1,1,.,.,.\n", "line 3, patient 1, RATE: found '-3'; 0 or more, -1 or -2"),
    "a time that falls": (
        "1,-1,.,.,5,0,0,.,.,.\n",
        "line 3, patient 1, TIME: found '-1'; must not fall within a patient, unless EVID is 3 or 4",
    ),
    "an ID in two places": (
        "2,1,.,.,5,0,0,.,.,.\n1,1,.,.,5,0,0,.,.,.\n",
        "line 4, patient 1, ID: found '1'; the rows of one ID must stand together",
    ),
    "no amount": ("1,1,.,.,.,1,1,.,.,.\n", "line 3, patient 1, AMT: found ''; an amount is needed"),
    "DV that is text": (
        "1,1,.,.,x,0,0,.,.,.\n",
        "line 3, patient 1, DV: found 'x'; must be a number, <LIMIT or >LIMIT; "
        'say what is meant under [samples]: words = { "x" = "..." }, or leave such rows out: words = "set aside"',
    ),
    "TIME that is text": (
        "1,noon,.,.,5,0,0,.,.,.\n",
        "line 3, patient 1, TIME: found 'noon'; a number of days or a clock time hh:mm; dates belong in a column DATE",
    ),
    "the same fault in many rows": (
        "1,1,.,.,5,7,0,.,.,.\n" * 9,
        "line 3, patient 1, EVID: found '7'; 0, 1, 2, 3 or 4 (also lines 4, 5, 6, 7, 8 and 3 more)",
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_defects_of_event_files_are_told(tmp_path: Path, name: str) -> None:
    rows, message = DEFECTS[name]
    with pytest.raises(InputError) as refused:
        read(tmp_path / "ward", HEADER + "1,0,.,.,5,0,0,.,.,.\n" + rows)
    assert str(refused.value) == f"events.csv: 1 problem\n  {message}"


@pytest.mark.parametrize("missing", ["igg_unit", "amount_unit", "time_unit"])
def test_units_of_event_files_are_never_guessed(tmp_path: Path, missing: str) -> None:
    mapping = "\n".join(line for line in UNITS.splitlines() if not line.startswith(missing))
    with pytest.raises(InputError, match=f"{missing}: found 'nothing'; needed with format"):
        read(tmp_path / "ward", HEADER, mapping)


def same_cohort(one: Cohort, other: Cohort) -> None:
    assert one.patient_ids == other.patient_ids
    for first, second in zip(one.each_patient(), other.each_patient(), strict=True):
        for name in ("sample_day", "sample_limit", "dose_day", "dose_g", "therapy_start", "therapy_stop", "dose_is_sc"):
            np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)
        for name in ("sample_igg", "dose_duration_day"):
            assert_allclose(getattr(first, name), getattr(second, name), rtol=1e-14)
        assert (first.group, first.agents, first.follow_up_end) == (second.group, second.agents, second.follow_up_end)
        assert first.weight_kg == second.weight_kg or np.isnan(second.weight_kg)


def test_an_exported_cohort_comes_back_the_same(tmp_path: Path) -> None:
    """In as few digits as the laboratory gave: whole mg/dL."""
    cohort = read_cohort(resource_folder("data") / "blina23")
    write_nonmem(cohort, tmp_path)
    same_cohort(cohort, read_cohort(tmp_path))
    levels = pd.read_csv(tmp_path / "events.csv", dtype=str)["DV"]
    assert levels[levels != "."].str.fullmatch(r"<?\d+(\.0)?").all()


AWKWARD = {
    "censored, SC, infusions, a steady state": HEADER.replace("SS", "SS,CENS,CMT").replace("II", "II")
    + (
        "1,0,30,180,.,1,1,28,2,1,0,2\n1,0.5,.,.,5.1,0,0,.,.,.,0,2\n1,13.3,.,.,0.4,0,0,.,.,.,1,2\n1,13.3,7.1,0.3,.,1,1,.,.,.,0,1\n"
        "1,20,.,.,30,0,0,.,.,.,-1,2\n1,33.3,0.1,0.7,.,1,1,.,.,.,0,1\n1,33.3,0.1,0.7,.,1,1,.,.,.,0,1\n"
    ),
    "resets": HEADER.replace("SS", "SS,CENS,CMT")
    + (
        "1,0,.,.,5,0,0,.,.,.,0,2\n1,1,30,.,.,1,1,21,9,.,0,2\n1,50,.,.,8,0,0,.,.,.,0,2\n1,5,20,.,.,4,1,.,.,.,0,2\n"
        "1,40,.,.,7,0,0,.,.,.,0,2\n1,40,9,.,.,1,1,7,.,2,0,2\n1,41,.,.,9,0,0,.,.,.,0,2\n2,3,.,.,9.87,0,0,.,.,.,0,2\n"
    ),
}
ROUTES = '[doses]\nsame_dose = "sum"\n[doses.columns]\nroute = "CMT"\n[doses.values.route]\n"2" = "iv"\n'
UNDER_THE_SKIN = '"1" = "sc"\n'


@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize("unit", ["g/L", "mg/dL"])
def test_awkward_cohorts_come_back_the_same(tmp_path: Path, name: str, unit: str) -> None:
    events = AWKWARD[name]
    therapy = "patient_id,start,stop,agent\n1,0,28,b\n"
    outcomes = "patient_id,day,outcome\n1,3,infection\n1,70,death\n"
    units = UNITS.replace("g/L", unit) + 'unusual_levels = "as_given"\n'
    routes = ROUTES if name == "resets" else ROUTES + UNDER_THE_SKIN
    cohort = read(tmp_path / "ward", events, units + routes, therapy=therapy, outcomes=outcomes)
    (tmp_path / "out").mkdir()
    write_nonmem(cohort, tmp_path / "out")
    again = read_cohort(tmp_path / "out")
    same_cohort(cohort, again)
    assert again.records == cohort.records
    np.testing.assert_array_equal(again.samples["igg"], cohort.samples["igg"])
    pd.testing.assert_frame_equal(again.outcomes, cohort.outcomes)


def test_hostile_ids_and_subcutaneous_doses_come_back_the_same(tmp_path: Path) -> None:
    hostile = ["<script>", "=cmd|' /C calc'!A0", "../x", "é🩸", 'quote"d', "x" * 10_000]
    rows = "".join(f'"{one.replace(chr(34), chr(34) * 2)}",{day},5\n' for one in hostile for day in (0, 7.25))
    doses = "patient_id,day,amount_g,duration_h,route\n../x,7.25,9,0,sc\n<script>,3,30,4,iv\n"
    folder = write_cohort(
        tmp_path / "ward", {"cohort.toml": 'igg_unit = "g/L"\n', "samples.csv": SAMPLES + rows, "doses.csv": doses}
    )
    cohort = read_cohort(folder)
    (tmp_path / "out").mkdir()
    write_nonmem(cohort, tmp_path / "out")
    same_cohort(cohort, read_cohort(tmp_path / "out"))
