"""A cohort written as ADPC and ADSL comes back the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from igkinetics.cli.main import app
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort
from igkinetics.resources import resource_folder

AWKWARD = {
    "cohort.toml": 'igg_unit = "g/L"\nsame_day = "dose_first"\n',
    "samples.csv": "patient_id,day,igg\n007,0,6.15\n007,14,<0.4\n007,28.25,>20\nx y,-3,5\n",
    "doses.csv": "patient_id,day,amount_g,duration_h,route,product\n007,14,27.5,4,iv,IVIG 10 %\n007,20,8,,sc,\n",
    "therapy.csv": "patient_id,start,stop,agent\n007,0,28,blinatumomab\nx y,-1,,rituximab\n",
    "patients.csv": "patient_id,group,weight_kg,sex,age_y,death\n007,IVIG,71.5,f,54,90\nx y,control,,m,,\n",
    "outcomes.csv": "patient_id,day,outcome\n007,60,infection\n",
}


def awkward(folder: Path) -> Path:
    folder.mkdir()
    for name, text in AWKWARD.items():
        (folder / name).write_text(text)
    return folder


def export(folder: Path, out: Path, file_format: str) -> Result:
    return CliRunner().invoke(app, ["export", str(folder), "--format", file_format, "--out", str(out)])


@pytest.mark.parametrize("which", ["example", "awkward"])
def test_a_cohort_survives_the_round_trip(tmp_path: Path, which: str) -> None:
    folder = resource_folder("data") / "blina23" if which == "example" else awkward(tmp_path / "awkward")
    before = read_cohort(folder)
    done = export(folder, tmp_path / "out", "adpc")
    assert done.exit_code == 0, done.output
    after = read_cohort(tmp_path / "out")
    assert after.igg_unit == before.igg_unit
    assert after.patient_ids == before.patient_ids
    same_records(before, after)


def same_records(before: Cohort, after: Cohort) -> None:
    for one, other in zip(before.each_patient(), after.each_patient(), strict=True):
        assert (one.group, one.agents, one.end_reason) == (other.group, other.agents, other.end_reason)
        np.testing.assert_array_equal(one.sample_limit, other.sample_limit)
        np.testing.assert_array_equal(one.dose_is_sc, other.dose_is_sc)
        pairs = [
            (one.sample_day, other.sample_day),
            (one.sample_igg, other.sample_igg),
            (one.dose_g, other.dose_g),
            (one.dose_day, other.dose_day),
            (one.dose_duration_day, other.dose_duration_day),
            (one.therapy_start, other.therapy_start),
            (one.therapy_stop, other.therapy_stop),
        ]
        for mine, theirs in pairs:
            np.testing.assert_allclose(mine, theirs, rtol=1e-12)
        np.testing.assert_allclose([one.weight_kg, one.follow_up_end], [other.weight_kg, other.follow_up_end])


def test_levels_beyond_a_limit_keep_their_sign(tmp_path: Path) -> None:
    export(awkward(tmp_path / "a"), tmp_path / "out", "adpc")
    text = (tmp_path / "out" / "adpc.csv").read_text()
    assert ",IGG,Immunoglobulin G,0.4,<0.4,g/L,14.0,DAYS," in text
    assert ",DOSE,Immunoglobulin dose,27.5,,g," in text


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    done = export(awkward(tmp_path / "a"), tmp_path / "out", "sas")
    assert done.exit_code == 2
    assert "must be nonmem or adpc" in done.output
