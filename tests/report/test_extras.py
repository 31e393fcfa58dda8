"""What is written on request: the workbook, figures, dates; and the page for those who check."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from fabricated import HOSTILE, fabricated_fit
from igkinetics.charts.svg import draw
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.columns import TABLES, column_words
from igkinetics.fit.output import DATE_COLUMNS, Extras, run_record, write_fit, written_tables
from igkinetics.output import workbook
from igkinetics.output.workbook import write_workbook
from igkinetics.report.diagnostics_page import diagnostics_page
from igkinetics.report.figure_files import write_figures
from igkinetics.report.fit_page import fit_report
from page_reader import Page

FORMULA = '=HYPERLINK("file:///etc/passwd","x")'


def test_every_column_of_every_table_is_explained() -> None:
    for table, columns in {**TABLES, "dates": DATE_COLUMNS}.items():
        for column in columns:
            assert len(column_words(table, column)) > 5, (table, column)
    with pytest.raises(KeyError, match="no_such_column"):
        column_words("nadir", "no_such_column")


def test_the_workbook_holds_the_tables_and_explains_each_column(fit: CohortFit, tmp_path: Path) -> None:
    tables = written_tables(fit, Extras(dates=True))
    write_workbook(tables, tmp_path / "tables.xlsx", column_words)
    book = CalamineWorkbook.from_path(tmp_path / "tables.xlsx")
    assert book.sheet_names == ["columns", *tables]
    explained = {(row[0], row[1]) for row in book.get_sheet_by_name("columns").to_python()[1:]}
    assert explained == {(name, column) for name, table in tables.items() for column in table.columns}
    heading, *rows = book.get_sheet_by_name("nadir").to_python()
    assert tuple(heading) == TABLES["nadir"]
    for name in ("fitted_nadir", "fitted_nadir_lower", "raw_nadir_day"):
        found = pd.to_numeric(pd.Series([row[heading.index(name)] for row in rows]), errors="coerce")
        np.testing.assert_allclose(found, fit.nadir[name].astype(float), rtol=1e-9)


def test_hostile_cells_of_the_workbook_stay_text(fit: CohortFit, tmp_path: Path) -> None:
    names = [FORMULA, "+1+1", "@SUM(A1)", "http://x.example", "007", HOSTILE, "a\x07b", "-2"]
    table = fit.nadir.assign(patient_id=names)
    write_workbook({"nadir": table}, tmp_path / "t.xlsx", column_words)
    rows = CalamineWorkbook.from_path(tmp_path / "t.xlsx").get_sheet_by_name("nadir").to_python()[1:]
    assert [row[0] for row in rows] == list(table["patient_id"])
    with ZipFile(tmp_path / "t.xlsx") as parts:
        for name in parts.namelist():
            content = parts.read(name).decode("utf-8", "replace")
            assert "<f>" not in content, name
            assert "hyperlink" not in content.replace("HYPERLINK", ""), name


def test_a_table_longer_than_a_sheet_is_named_not_cut(
    fit: CohortFit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 100)
    write_workbook({"curves": fit.curves, "nadir": fit.nadir}, tmp_path / "t.xlsx", column_words)
    book = CalamineWorkbook.from_path(tmp_path / "t.xlsx")
    assert book.sheet_names == ["columns", "nadir"]
    said = book.get_sheet_by_name("columns").to_python()[-1][2]
    assert f"{len(fit.curves)} rows are more than a sheet can hold" in said


def test_the_same_fit_gives_the_same_workbook(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_fit(fabricated_fit(), tmp_path / name, Extras(excel=True))
    assert (tmp_path / "a" / "tables.xlsx").read_bytes() == (tmp_path / "b" / "tables.xlsx").read_bytes()


def test_figures_are_every_chart_as_svg_and_png(fit: CohortFit, tmp_path: Path) -> None:
    write_figures(fit, tmp_path / "figures", lambda charts: draw(charts, png=True))
    listed = list(csv.DictReader((tmp_path / "figures" / "list.csv").open(encoding="utf-8")))
    assert [row["patient_id"] for row in listed if row["patient_id"]] == list(fit.cohort.patient_ids)
    assert {row["figure"] for row in listed} >= {"cohort-curves", "cohort-nadirs", "patient-0001", "diagnostics-01"}
    for row in listed:
        assert row["failure"] == ""
        ElementTree.parse(tmp_path / "figures" / f"{row['figure']}.svg")
        header = (tmp_path / "figures" / f"{row['figure']}.png").read_bytes()[:24]
        assert header[:8] == b"\x89PNG\r\n\x1a\n"
        assert int.from_bytes(header[16:20], "big") >= 1500  # pixels across: 300 per inch at 127 mm
    assert len(list((tmp_path / "figures").iterdir())) == 2 * len(listed) + 1


def test_dates_are_told_only_when_asked_for(fit: CohortFit, tmp_path: Path) -> None:
    dated = replace(fit, cohort=replace(fit.cohort, day_zero={"P01": pd.Timestamp("2021-03-04")}))
    nadir = str((pd.Timestamp("2021-03-04") + pd.Timedelta(days=fit.nadir.iloc[0]["fitted_nadir_day"])).date())
    write_fit(dated, tmp_path)
    assert "2021-" not in fit_report(dated)
    assert all(b"2021-" not in path.read_bytes() for path in tmp_path.iterdir())
    told = fit_report(dated, extras=Extras(dates=True))
    assert nadir in told
    assert "it is not de-identified" in told
    assert "none is known" in fit_report(fit, extras=Extras(dates=True))
    assert run_record(dated, Extras(dates=True))["options"]["dates"] is True
    assert run_record(dated)["options"]["dates"] is False


def test_the_page_of_diagnostics_is_whole_and_says_what_its_tables_say(fit: CohortFit) -> None:
    source = diagnostics_page(fit)
    page = Page(source)
    assert page.open == []
    assert {link.removeprefix("#") for link in page.links if link != "report.html"} <= set(page.ids)
    assert source.count("<script") == 1
    assert HOSTILE in page.text
    assert "could not be drawn" not in page.text
    shrinkage = dict(zip(fit.shrinkage["quantity"], fit.shrinkage["shrinkage_sd"], strict=True))
    (cells,) = [row for row in page.rows if row[0] == "CL"]
    assert cells[5] == f"{100 * shrinkage['CL']:.0f} %"
    assert next(row[:2] for row in page.rows if row[0] == "P01") == ["P01", "fitted"]
    assert "5 of 6" in page.text
    assert "Not asked for" in page.text


def test_profiles_are_drawn_when_there_are_any(fit: CohortFit) -> None:
    rows = [("P01", "CL", 0.1 + 0.01 * i, float((i - 5) ** 2), float((i - 5) ** 2), "L/day") for i in range(11)]
    profiled = replace(fit, profiles=pd.DataFrame(rows, columns=list(TABLES["profiles"])))
    page = Page(diagnostics_page(profiled))
    assert "Likelihood profiles of patient P01" in page.text
    assert "could not be drawn" not in page.text


def test_a_cohort_in_which_nobody_was_fitted_has_pages_too(fit: CohortFit) -> None:
    failed = {"status": "no_samples", "reason": "no IgG sample"}
    empty = {
        name: getattr(fit, name).iloc[:0]
        for name in ("curves", "predictions", "etas", "diagnostics", "residuals", "shrinkage", "structures", "sampling")
    }
    nobody = replace(fit, patients=fit.patients.assign(**failed), nadir=fit.nadir.assign(**failed), **empty)
    assert "Nobody could be fitted" in Page(diagnostics_page(nobody)).text
    page = Page(fit_report(nobody))
    assert "there is no picture of the cohort" in page.text
    assert page.open == []
