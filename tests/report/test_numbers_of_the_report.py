"""Every number of the report stands in the files beside it: both are parsed, cell by cell and sentence by sentence."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from webdriver import CHROMEDRIVER, CHROMIUM, MISSING, browser

from igkinetics.cohort.read import read_cohort
from igkinetics.fit.cohort import fit_cohort
from igkinetics.fit.options import FitOptions
from igkinetics.fit.output import write_fit
from igkinetics.report.fit_page import write_fit_report
from page_reader import Page

DATA = Path(__file__).resolve().parents[2] / "data" / "blina23"
NUMBER = re.compile(r"(?<![\w.−-])[−-]?\d[\d,]*(?:\.\d+)?(?:e[−-]?\d+)?(?![\w])")
Files = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example cohort, fitted and written."""
    out = tmp_path_factory.mktemp("fit")
    fit = fit_cohort(read_cohort(DATA), FitOptions(thresholds=(400.0,), draws=400))
    write_fit(fit, out)
    write_fit_report(fit, out / "report.html")
    return out


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def files(folder: Path) -> Files:
    tables = {path.stem: pd.read_csv(path, keep_default_na=True) for path in folder.glob("*.csv")}
    return {
        name: table.set_index("patient_id", drop=False) if "patient_id" in table else table
        for name, table in tables.items()
    }


def numbers(cell: str) -> list[str]:
    return [found.replace("−", "-").replace(",", "") for found in NUMBER.findall(cell)]


class Shown(list[float]):
    """Values as the page rounds them, compared with the numbers of a cell; what ends in .5 may go either way, for the
    tables hold ten digits of what the page rounded."""

    def __init__(self, values: Any, digits: int = 0) -> None:
        super().__init__(float(value) for value in values if pd.notna(value))
        self.half = 0.5 * 10.0**-digits

    def __eq__(self, cells: object) -> bool:
        if not isinstance(cells, list) or len(cells) != len(self):
            return False
        return all(abs(float(cell) - value) <= self.half + 1e-6 for cell, value in zip(cells, self, strict=True))

    __hash__ = None  # type: ignore[assignment]


def whole(values: Any) -> list[str]:
    return [f"{float(value):.0f}" for value in values if pd.notna(value)]


def rows_under(page: Page, heading: str, width: int) -> list[list[str]]:
    """The rows below the heading row that begins with `heading` and has `width` cells."""
    start = next(i for i, row in enumerate(page.rows) if row and row[0] == heading and len(row) == width)
    following = page.rows[start + 1 :]
    end = next((i for i, row in enumerate(following) if len(row) != width), len(following))
    return following[:end]


def test_each_cell_of_the_nadir_table_is_that_of_nadir_csv(page: Page, files: Files) -> None:
    rows = rows_under(page, "Patient", 11)
    assert [row[0] for row in rows] == list(files["nadir"]["patient_id"])
    for row in rows:
        nadir, sampling = files["nadir"].loc[row[0]], files["sampling"].loc[row[0]]
        expected = {
            1: [nadir.fitted_nadir, nadir.fitted_nadir_lower, nadir.fitted_nadir_upper],
            2: [nadir.fitted_nadir_day, nadir.fitted_nadir_day_lower, nadir.fitted_nadir_day_upper],
            3: [nadir.raw_nadir, nadir.raw_nadir_day],
            5: [nadir.endogenous_nadir, nadir.endogenous_nadir_lower, nadir.endogenous_nadir_upper],
            6: [nadir.baseline],
            7: [nadir.expected_raw_nadir, sampling.expected_raw_nadir_lower, sampling.expected_raw_nadir_upper],
            9: [nadir.window_start, nadir.window_end],
        }
        assert numbers(row[8])[0] == str(nadir.n_samples)
        assert row[10] == nadir.group
        for place, values in expected.items():
            assert numbers(row[place]) == Shown(values), (row[0], place)
        assert row[4].startswith("reached" if nadir.nadir_reached else "lowest so far")


def test_each_cell_of_the_threshold_table_is_that_of_thresholds_csv(page: Page, files: Files) -> None:
    rows = rows_under(page, "Patient", 5)[: len(files["thresholds"])]
    assert len(rows) == len(files["thresholds"])
    last = last_measured()
    for row in rows:
        below = files["thresholds"].loc[row[0]]
        assert numbers(row[2]) == Shown([below.days_below, below.days_below_lower, below.days_below_upper])
        assert numbers(row[4]) == Shown([last.loc[row[0], "igg"], last.loc[row[0], "day"]])
        if pd.isna(below.first_day_below):
            assert row[1] == "stays above"
        else:
            ends = [below.first_day_below_lower, below.first_day_below_upper]
            assert numbers(row[1]) == Shown([below.first_day_below, *ends])
            assert ("to never" in row[1]) == pd.isna(below.first_day_below_upper)


def last_measured() -> pd.DataFrame:
    """The last sample of each patient, from the file of the cohort."""
    samples = pd.read_csv(DATA / "samples.csv").sort_values("day", kind="stable")
    return samples.groupby("patient_id").tail(1).set_index("patient_id")


def test_who_is_below_now_is_who_the_files_say(page: Page) -> None:
    outcomes = pd.read_csv(DATA / "outcomes.csv")
    dead = set(outcomes.loc[outcomes["outcome"] == "death", "patient_id"])
    last = last_measured()
    living = last[(last["igg"] < 400) & ~last.index.isin(dead)].sort_values("igg")
    named = [f"{name} ({row.igg:.0f} on day {row.day:.0f})" for name, row in living.iterrows()]
    everyone = len(pd.read_csv(DATA / "patients.csv")) - len(dead)
    text = " ".join(page.text.split())
    assert f"Below 400 mg/dL at the last measurement: {len(named)} of {everyone} living patients, {named[0]}" in text
    assert all(words in text for words in named)
    n_dead = int((last.loc[list(dead), "igg"] < 400).sum())
    assert f"and {n_dead} of those who died." in text


def test_the_links_to_patients_tell_nadir_and_day(page: Page, files: Files) -> None:
    text = " ".join(page.text[page.text.index("Find a patient") :].split())
    for name, row in files["nadir"].iterrows():
        told = re.search(rf"{name} (\d+), day (−?\d+)", text)
        assert told is not None
        assert numbers(" ".join(told.groups())) == Shown([row.fitted_nadir, row.fitted_nadir_day]), name


def test_each_parameter_is_that_of_parameters_csv(page: Page, files: Files) -> None:
    table = files["parameters"].reset_index(drop=True)
    per_patient = table.groupby("patient_id", sort=False)
    tables = [i for i, row in enumerate(page.rows) if row[:3] == ["Parameter", "Kind", "Value"]]
    assert len(tables) == len(per_patient)
    for start, (_, rows) in zip(tables, per_patient, strict=True):
        for cells, row in zip(page.rows[start + 1 :], rows.itertuples(), strict=False):
            assert cells[0].split()[0] == row.parameter
            assert float(numbers(cells[2])[0]) == pytest.approx(row.value, rel=5e-3)
            if pd.notna(row.lower):
                assert [float(n) for n in numbers(cells[3])] == pytest.approx([row.lower, row.upper], rel=5e-3)


def test_groups_learnt_and_structures_are_those_of_their_files(page: Page, files: Files) -> None:
    infections = pd.read_csv(DATA / "outcomes.csv").query("outcome == 'infection'")["patient_id"]
    for row in rows_under(page, "Group", 8):
        group = files["groups"].set_index("group").loc[row[0]]
        whole = [group.n_patients, group.n_infused, group.n_fitted, group.n_samples]
        assert [int(cell) for cell in row[1:5]] == whole
        assert numbers(row[5]) == Shown([group.samples_median, group.samples_least, group.samples_most])
        assert int(row[6]) == group.n_infections == infections.str.startswith(row[0]).sum()
        assert numbers(row[7]) == Shown([group.n_near_infection, 100 * group.share_near_infection])
    estimated = files["parameters"][files["parameters"]["kind"] == "estimated"].reset_index(drop=True)
    medians = estimated.groupby("parameter")["contraction"].median()
    for row in rows_under(page, "Parameter", 5):
        assert float(numbers(row[3])[0]) == pytest.approx(medians[row[0]], abs=0.0051)
    structures = files["structures"].reset_index(drop=True)
    structures = structures[structures["drift_sd"] == 0]
    (start,) = [i for i, row in enumerate(page.rows) if row[:2] == ["Patient", "All structures"]]
    for row in page.rows[start + 1 : start + 1 + len(files["nadir"])]:
        own = structures[structures["patient_id"] == row[0]]
        assert numbers(row[1]) == Shown([own["fitted_nadir"].min(), own["fitted_nadir"].max()])
        assert float(row[4]) == pytest.approx(own["weight"].max(), abs=0.0051)


def test_each_patients_facts_are_those_of_the_files(page: Page, files: Files) -> None:
    text = " ".join(page.text.split())
    doses = pd.read_csv(DATA / "doses.csv")
    for name, nadir in files["nadir"].iterrows():
        sampling = files["sampling"].loc[name]
        fitted = whole([nadir.fitted_nadir, nadir.fitted_nadir_lower, nadir.fitted_nadir_upper])
        expected = whole(
            [sampling.expected_raw_nadir, sampling.expected_raw_nadir_lower, sampling.expected_raw_nadir_upper]
        )
        assert f"Fitted nadir {fitted[0]} ({fitted[1]} to {fitted[2]}) mg/dL" in text
        assert f"Lowest reading expected {expected[0]} ({expected[1]} to {expected[2]}) mg/dL" in text
        assert f"Lowest measured {nadir.raw_nadir:.0f} mg/dL on day {nadir.raw_nadir_day:.0f}" in text
        own = doses.loc[doses["patient_id"] == name, "amount_g"]
        assert (f"Infusions {len(own)}, {own.sum():.4g} g in all" if len(own) else "Infusions none recorded") in text


def test_each_number_of_the_sentences_is_one_of_the_files(page: Page, files: Files, folder: Path) -> None:
    (start,) = re.finditer(r"\d+ of \d+ fitted patients fell below", page.text)
    said = page.text[start.start() : page.text.index("Find a patient")]
    shift_said = page.text[page.text.index("The lowest measured value lies") :]
    said += shift_said[: shift_said.index("Below 400 mg/dL")]
    nadir = files["nadir"]
    for name in nadir["patient_id"]:
        said = said.replace(name, " ")  # names hold digits
    shift = (nadir["raw_nadir"] / nadir["fitted_nadir"] - 1).median()
    expected_shift = (nadir["expected_raw_nadir"] / nadir["fitted_nadir"] - 1).median()
    lowest = nadir.nsmallest(3, "fitted_nadir")
    n_reached = int(nadir["nadir_reached"].sum())
    samples = len(pd.read_csv(DATA / "samples.csv"))
    fell = files["thresholds"][files["thresholds"]["first_day_below"].notna()]
    outcomes, last = pd.read_csv(DATA / "outcomes.csv"), last_measured()
    dead = set(outcomes.loc[outcomes["outcome"] == "death", "patient_id"])
    below = last[(last["igg"] < 400) & ~last.index.isin(dead)]
    known = [
        len(nadir),
        *nadir["group"].value_counts(),
        samples,
        n_reached,
        len(nadir) - n_reached,
        round(100 * json.loads((folder / "run.json").read_text())["level"]),
        *lowest["fitted_nadir"],
        *lowest["fitted_nadir_lower"],
        *lowest["fitted_nadir_upper"],
        *lowest["fitted_nadir_day"],
        400,
        *(len(fell), fell["first_day_below"].median(), fell["first_day_below"].min(), fell["first_day_below"].max()),
        *(fell["days_below"].median(), fell["days_below"].min(), fell["days_below"].max()),
        *(len(below), len(nadir) - len(dead), *below["igg"], *below["day"]),
        int((last.loc[list(dead), "igg"] < 400).sum()),
        abs(100 * shift),
        abs(100 * expected_shift),
    ]
    allowed = {f"{float(value) + shift:.0f}" for value in known for shift in (-1e-6, 1e-6)}
    found = numbers(said)
    assert len(found) >= 15
    assert [number for number in found if number not in allowed] == []
    assert np.sign(shift) < 0
    assert "below the fitted nadir" in page.text


@pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason=MISSING)
def test_the_report_of_23_patients_prints_on_six_pages(folder: Path, tmp_path: Path) -> None:
    """As it is; with all that is folded on many more."""
    with browser(tmp_path) as reader:
        reader.open(folder / "report.html")
        printed = reader.pdf()
    assert 3 <= printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page/") <= 6
