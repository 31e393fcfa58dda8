"""`compare` on the example cohort: the index paper's counts, the groups' samples, files and refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import igkinetics as igk
from igkinetics.cli.main import app
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.outcomes import patients_with_outcomes
from igkinetics.cohort.read import read_cohort
from igkinetics.compare.plots import compare_charts, survival
from igkinetics.compare.run import COMPARE_COLUMNS, MEASURES, GroupComparison, chosen_groups, compare_groups
from igkinetics.compare.tables import first_below
from igkinetics.compare.three_ways import three_ways
from igkinetics.errors import InputError
from igkinetics.fit.options import FitOptions
from igkinetics.output.folder import HIDDEN
from igkinetics.report.compare_page import (
    compare_report,
    compare_sentences,
    shown_rows,
    value_words,
    variable_words,
)
from igkinetics.report.three_ways import page_beside, three_ways_words
from igkinetics.resources import resource_folder
from page_reader import Page

EXAMPLE = resource_folder("data") / "blina23"


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return read_cohort(EXAMPLE)


@pytest.fixture(scope="module")
def comparison(cohort: Cohort) -> GroupComparison:
    return compare_groups(cohort, FitOptions(thresholds=(400.0,), draws=200))


def test_outcomes_are_those_of_the_index_paper(comparison: GroupComparison) -> None:
    rows = comparison.table.set_index("variable")
    assert [round(rows.loc[name, "p"], 3) for name in ("infection", "icu", "infection_death")] == [0.576, 1.0, 1.0]
    infection = rows.loc["infection", ["value_a", "lower_a", "upper_a", "value_b", "lower_b", "upper_b"]]
    assert [round(100 * value) for value in infection] == [82, 57, 96, 67, 22, 96]


def test_nadirs_are_those_of_the_fit(comparison: GroupComparison) -> None:
    rows, nadir = comparison.table.set_index("variable"), comparison.fit.nadir
    by_group = nadir.groupby("group")[["raw_nadir", "fitted_nadir"]].median()
    for variable in ("raw_nadir", "fitted_nadir"):
        assert rows.loc[variable, "value_a"] == by_group.loc["IVIG", variable]
        assert rows.loc[variable, "value_b"] == by_group.loc["control", variable]
        assert rows.loc[variable, "lower"] < rows.loc[variable, "estimate"] < rows.loc[variable, "upper"]


def test_the_three_differences_are_those_of_compare_and_of_effect(cohort: Cohort, comparison: GroupComparison) -> None:
    """By label and pairs; by label and means; by infusions and means, for a label that says something else."""
    labels = comparison.group_a, comparison.group_b
    found = three_ways(cohort, labels)
    row = comparison.table.set_index("variable").loc["raw_nadir"]
    assert found.of_pairs * 100.0 == pytest.approx(row["estimate"])
    nadir = comparison.fit.nadir.set_index("patient_id")["raw_nadir"]
    infused = nadir.index.isin(cohort.doses["patient_id"])
    assert found.of_infused * 100.0 == pytest.approx(nadir[infused].mean() - nadir[~infused].mean())
    exchanged = cohort.patients.assign(group=np.where(np.arange(len(cohort.patients)) % 2, "even", "odd"))
    other = three_ways(replace(cohort, patients=exchanged), ("odd", "even"))
    assert other.of_infused == found.of_infused
    assert other.of_means != found.of_means
    assert "as compare gives it, " in three_ways_words(cohort, labels)
    assert np.isnan(three_ways(cohort, ("nobody", "IVIG")).of_means)


def test_exchanged_groups_turn_every_difference(cohort: Cohort, comparison: GroupComparison) -> None:
    turned = compare_groups(cohort, FitOptions(thresholds=(400.0,), draws=200), ("control", "IVIG")).table
    straight = comparison.table
    np.testing.assert_allclose(turned["estimate"], -straight["estimate"], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(turned["lower"], -straight["upper"], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(turned["p"], straight["p"], rtol=1e-9)


def test_samples_and_missing_data_of_each_group(cohort: Cohort, comparison: GroupComparison) -> None:
    groups = comparison.sampling.set_index("group")
    assert list(groups.index) == ["IVIG", "control"]
    assert list(groups["n_patients"]) == [17, 6]
    assert groups.loc["control", "n_infused"] == 0
    assert (groups["sampling_shift"] < 0).all()  # a dozen noisy values: the lowest reads too low


def test_first_below_counts_limits_for_what_they_are(comparison: GroupComparison) -> None:
    fit = comparison.fit
    patient = fit.cohort.patient("control-06")
    times = first_below(fit, "control", 4.0)
    inside = (patient.sample_day >= 0) & (patient.sample_igg < 4.0)
    assert patient.sample_day[inside][0] in times.day
    samples = fit.cohort.samples.assign(igg=5.0, limit="below")
    all_censored = replace(fit, cohort=replace(fit.cohort, samples=samples))
    assert not first_below(all_censored, "control", 4.0).happened.any()  # "<500" may be 450
    assert first_below(all_censored, "control", 6.0).happened.all()


def test_groups_must_be_two(cohort: Cohort) -> None:
    alone = replace(cohort, patients=cohort.patients.assign(group=""))
    with pytest.raises(InputError, match="needs two groups"):
        chosen_groups(alone, None)
    with pytest.raises(InputError, match="must be a group of this cohort: IVIG, control"):
        chosen_groups(cohort, ("IVIG", "controls"))
    with pytest.raises(InputError, match="two different groups"):
        chosen_groups(cohort, ("IVIG", "IVIG"))


def test_command_writes_table_report_and_record(tmp_path: Path) -> None:
    out = tmp_path / "groups"
    done = CliRunner().invoke(app, ["compare", str(EXAMPLE), "--out", str(out), "--threshold", "400"])
    assert done.exit_code == 0, done.output
    assert {path.name for path in out.iterdir()} == {
        "compare.csv",
        "groups.csv",
        "nadir.csv",
        "problems.csv",
        "run.json",
        "report.html",
    }
    table = pd.read_csv(out / "compare.csv")
    assert tuple(table.columns) == COMPARE_COLUMNS
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "82.4 %" in page
    assert "Days to first below 400 mg/dL" in page
    assert "biased against IVIG" in page
    assert "told apart three times" in page
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert page_beside(tmp_path / "effect" / "report.html", "compare", record) == "../groups/report.html"
    assert page_beside(tmp_path / f".effect{HIDDEN}1" / "new" / "report.html", "compare", record)
    assert page_beside(tmp_path / "effect" / "report.html", "effect", record) == ""
    assert page_beside(tmp_path / "effect" / "report.html", "compare", {"inputs": {}}) == ""
    again = CliRunner().invoke(app, ["compare", str(EXAMPLE), "--out", str(out)])
    assert again.exit_code == 2
    only_one = CliRunner().invoke(app, ["compare", str(EXAMPLE), "--out", str(tmp_path / "x"), "--group", "IVIG"])
    assert only_one.exit_code == 2


def test_a_common_window_stands_beside_the_own_ones(cohort: Cohort, comparison: GroupComparison) -> None:
    """Its rows are those of a fit with that window alone; the rows above them stay as without it."""
    options = FitOptions(thresholds=(400.0,), draws=200, window=(0.0, 100.0))
    both = compare_groups(cohort, options)
    n_own = len(comparison.table)
    numbers = comparison.table.columns.drop("note")
    pd.testing.assert_frame_equal(both.table.iloc[:n_own][numbers], comparison.table[numbers])
    beside = both.table.iloc[n_own:]
    assert list(beside["variable"]) == [*MEASURES, "first_below_400"]
    assert beside["note"].str.startswith("common window, days 0 to 100; ").all()
    assert both.table["note"].iloc[:5].str.startswith("each patient's own window; ").all()
    lowest = cohort.samples[cohort.samples["day"].between(0, 100)].groupby("patient_id")["igg"].min() * 100
    control = [lowest[patient] for patient in lowest.index if patient.startswith("control")]
    assert beside.set_index("variable").loc["raw_nadir", "value_b"] == pytest.approx(np.median(control))
    assert beside.set_index("variable").loc["days_to_raw_nadir", ["value_a", "value_b"]].max() <= 100
    assert compare_sentences(both) == compare_sentences(comparison)
    assert "Fitted nadir, mg/dL (days 0 to 100)" in compare_report(both)


def test_a_death_in_the_patients_table_is_counted(cohort: Cohort) -> None:
    """data/blina23 has 4 deaths, as outcomes; one more patient has only a day of death."""
    alive = next(name for name in cohort.patient_ids if name not in patients_with_outcomes(cohort)["death"])
    day = np.where(cohort.patients["patient_id"] == alive, 400.0, np.nan)
    more = replace(cohort, patients=cohort.patients.assign(death=day))
    assert patients_with_outcomes(more)["death"] == patients_with_outcomes(cohort)["death"] | {alive}


def some_of(cohort: Cohort, patients: list[str], unsampled: str = "") -> Cohort:
    """The cohort of these patients alone, one of them without samples."""
    tables = {
        name: table[table["patient_id"].isin(patients)].reset_index(drop=True)
        for name in ("samples", "doses", "therapy", "patients", "outcomes")
        for table in [getattr(cohort, name)]
    }
    kept = tables["samples"]["patient_id"] != unsampled
    return replace(cohort, **(tables | {"samples": tables["samples"][kept].reset_index(drop=True)}))


def test_one_patient_a_group_has_values_but_no_interval(cohort: Cohort) -> None:
    small = compare_groups(some_of(cohort, ["IVIG-01", "control-01"]), FitOptions(thresholds=(50.0, 400.0), draws=200))
    rows = small.table.set_index("variable")
    assert rows.loc["raw_nadir", "estimate"] == rows.loc["raw_nadir", "value_a"] - rows.loc["raw_nadir", "value_b"]
    assert rows.loc["raw_nadir", ["lower", "upper", "lower_a", "upper_b"]].isna().all()
    assert rows.loc["raw_nadir", "p"] == 1.0
    assert np.isnan(rows.loc["first_below_50", "p"])  # nobody fell so low
    levels, events = compare_sentences(small)
    assert levels.endswith("too few patients for an interval of the difference.")
    assert "Below 50 mg/dL 0 of 1 and 0 of 1" in events


def test_a_group_without_samples_is_shown_as_such(cohort: Cohort) -> None:
    some = some_of(cohort, ["IVIG-01", "IVIG-02", "control-01"], unsampled="control-01")
    lacking = compare_groups(some, FitOptions(thresholds=(400.0,), draws=200))
    rows = lacking.table.set_index("variable")
    assert list(rows["n_b"].iloc[:5]) == [0, 0, 0, 0, 0]
    empty = rows.loc[["raw_nadir", "fitted_nadir", "first_below_400"], ["value_b", "estimate", "p"]]
    assert empty.isna().all(axis=None)
    assert "Without a fitted nadir: control-01." in lacking.notes
    assert "0 of 1" in compare_report(lacking)


def test_a_median_that_is_a_limit_is_written_as_one() -> None:
    """Of three controls two are known only to lie below 200."""
    known = {"A": [600, 420, 390], "B": [500, 310, 300], "E": [510, 400, 350]}
    levels = {**known, "C": ["<200"] * 3, "D": ["<200"] * 3}
    rows = [(name, 30 * visit, igg) for name, some in levels.items() for visit, igg in enumerate(some)]
    both = igk.read_cohort(
        samples=pd.DataFrame(rows, columns=["patient_id", "day", "igg"]),
        patients=pd.DataFrame({"patient_id": list("ABCDE"), "group": ["IVIG", "IVIG", *["control"] * 3]}),
        igg_unit="mg/dL",
    )
    compared = compare_groups(both, FitOptions(thresholds=(400.0,), draws=200))
    note = compared.table.set_index("variable").loc["raw_nadir", "note"]
    assert "2 of 3 in control lie below their limit and count as the limit; its median may be lower" in note
    assert "IVIG lie below" not in note
    unfitted = replace(
        compared,
        table=compared.table.assign(
            value_a=compared.table["value_a"].where(compared.table["variable"] != "fitted_nadir")
        ),
    )
    assert "median lowest measured IgG 345 and <200 mg/dL" in compare_sentences(unfitted)[0]


def test_each_cell_of_the_page_is_that_of_the_table(comparison: GroupComparison) -> None:
    """Values and differences as they are rounded; the difference is that of what is shown beside it."""
    rows = {row["variable"]: row for row in shown_rows(comparison)}
    table = {variable_words(str(row["variable"]), "mg/dL"): row for row in comparison.table.to_dict("records")}
    assert set(rows) == set(table)
    page = " ".join(Page(compare_report(comparison)).text.split())
    for name, row in table.items():
        scale = 100.0 if row["unit"] == "1" else 1.0
        shown = [number_of(rows[name][f"value_{side}"]) for side in ("a", "b")]
        assert shown == pytest.approx([scale * row["value_a"], scale * row["value_b"]], abs=0.5)
        if row["test"] != "log-rank":
            assert number_of(rows[name]["observed"]) == pytest.approx(shown[0] - shown[1], abs=1e-9)
            assert f": {value_words(row['estimate'], row['unit'])} (" in rows[name]["estimate"]
        assert rows[name]["estimate"] in page
    days = [place for place, name in enumerate(rows) if name.startswith("Days to") and "below" not in name]
    assert days == [len(rows) - 2, len(rows) - 1]  # descriptive, so last


def number_of(cell: str) -> float:
    return float(cell.replace("−", "-").split()[0])


def test_the_curves_are_those_whose_medians_the_table_gives(comparison: GroupComparison) -> None:
    """The Kaplan-Meier curve crosses one half where compare.csv has the median; everybody is at risk on day 0."""
    times = [first_below(comparison.fit, group, 4.0) for group in ("IVIG", "control")]
    row = comparison.table.set_index("variable").loc["first_below_400"]
    for side, each in zip("ab", times, strict=True):
        curve = survival("x", 0, each, [0.0, 60.0])
        crossing = next(day for day, share in curve.steps if share <= 0.5 + 1e-12)
        assert crossing <= row[f"value_{side}"] + 1e-9
        assert dict(curve.at_risk) == {0.0: row[f"n_{side}"], 60.0: int((each.day >= 60.0).sum())}
    assert [chart.section for chart in compare_charts(comparison)] == ["nadirs", "times"]
    assert "could not be drawn" not in compare_report(comparison)
