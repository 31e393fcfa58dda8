"""The head start: the first patient's fit is made once, before the page asks, and is handed to every window."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from igkinetics.app import head_start as module
from igkinetics.app.desk import Desk
from igkinetics.app.head_start import COMPILING, LOADING, HeadStart
from igkinetics.app.opening import Opening
from igkinetics.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One patient who died and one who is followed."""
    place = tmp_path_factory.mktemp("cohort")
    rows = [f"{who},{day},{igg}\n" for who in "AB" for day, igg in ((0, 620), (20, 480), (45, 390), (80, 410))]
    (place / "samples.csv").write_text("patient_id,day,igg\n" + "".join(rows))
    (place / "outcomes.csv").write_text("patient_id,day,outcome\nA,90,death\n")
    (place / "cohort.toml").write_text('igg_unit = "mg/dL"\n')
    return place


def test_the_first_followed_patient_is_fitted_once_for_all_windows(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = HeadStart(Opening(path=folder, thresholds=(400.0,))).begin()
    assert start.shown.wait(120)
    desk = Desk()
    start.hand_over(desk)
    assert desk.first_followed == "B"
    monkeypatch.setattr("igkinetics.app.desk.fit_cohort", lambda *_: pytest.fail("fitted again"))
    assert desk.fit("B").nadir["fitted_nadir"].notna().all()


def test_a_cohort_at_fault_is_told_to_every_window(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "samples.csv").write_text("patient_id,day,igg\nA,0,-5\n")
    start = HeadStart(Opening(path=tmp_path, igg_unit="mg/dL"))
    start.run()
    assert start.shown.is_set()
    for _ in range(2):
        with pytest.raises(InputError, match="-5"):
            start.hand_over(Desk())


def test_without_a_cohort_the_kernels_are_warmed_and_the_words_tell_of_compiling() -> None:
    start = HeadStart(Opening())
    start.run()
    assert start.desk is not None
    assert start.desk.planned  # regimens were asked for
    start.compiling = False
    assert start.words == LOADING
    start.compiling = True
    assert start.words == COMPILING
    assert "minute" in module.COMPILING


def test_the_first_fit_waits_for_no_library_that_it_does_not_use() -> None:
    """lmfit, scipy's optimisers and distributions and what they load take longer than all else behind the page."""
    code = (
        "import sys, igkinetics.app.session\n"
        "print({'lmfit', 'matplotlib', 'scipy.optimize', 'scipy.stats', 'pymc', 'altair'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
