"""The page: whole, escaped, self-contained, honest about failures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from fabricated import HOSTILE, fabricated_fit
from igkinetics.charts.svg import Chart, Figure
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.plots import selected_patients
from igkinetics.provenance import RESEARCH_NOTICE
from igkinetics.report import fit_page as page
from igkinetics.report.fit_page import SCRIPT, SCRIPT_HASH, fit_report
from page_reader import Page


@pytest.fixture(scope="module")
def source(fit: CohortFit) -> str:
    return fit_report(fit)


@pytest.fixture(scope="module")
def parsed(source: str) -> Page:
    return Page(source)


def test_tags_nest_and_every_link_leads_somewhere(parsed: Page) -> None:
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))
    assert leading_nowhere(parsed) == set()


def leading_nowhere(parsed: Page) -> set[str]:
    """Links to neither a place on the page nor the page beside it."""
    return {link.removeprefix("#") for link in parsed.links if link != "diagnostics.html"} - set(parsed.ids)


def test_nothing_is_loaded_and_only_the_tables_own_script_runs(source: str, parsed: Page) -> None:
    assert source.count("<script") == 1
    assert f"<script>{SCRIPT}</script>" in source
    assert f"script-src '{SCRIPT_HASH}'" in source
    assert {"img", "link", "iframe", "object"}.isdisjoint(parsed.tags)
    assert all(link.startswith("#") or link == "diagnostics.html" for link in parsed.links)
    assert [name for name, _ in parsed.attributes if name.startswith("on")] == []
    assert "@import" not in source
    assert re.findall(r"url\((?!#)", source) == []


def test_hostile_names_are_shown_as_text_and_never_used_as_anchors(parsed: Page, source: str) -> None:
    assert HOSTILE in parsed.text
    assert source.count("<script>") == 1
    assert "<b>IVIG" not in source
    assert all(re.fullmatch(r"[a-z-]+(-\d+)?", name) for name in parsed.ids)


def test_every_patient_has_a_place_and_the_notice_stands_there(fit: CohortFit, parsed: Page) -> None:
    assert [name for name in parsed.ids if name.startswith("patient-")] == [
        f"patient-{number}" for number in range(1, len(fit.patients) + 1)
    ]
    assert parsed.text.count(RESEARCH_NOTICE) == 2
    assert parsed.tags.count("figure") == len(fit.patients) + 2


def test_who_was_not_fitted_and_why(parsed: Page) -> None:
    for words in ("no IgG sample in the window", "7797 to 4292 mg/dL within 1.65 days", "1 sample for 7 parameters"):
        assert words in parsed.text


def test_a_raw_nadir_below_the_limit_reads_so(parsed: Page) -> None:
    assert "<40 mg/dL on day" in parsed.text


def test_units_level_and_choices_are_stated() -> None:
    parsed = Page(fit_report(fabricated_fit(level=0.9, window=(0.0, 120.0), residual="student_t", prior="none")))
    assert "intervals are 90 % intervals" in parsed.text
    assert "day 0 to 120 for" in parsed.text
    assert "heavy tails" in parsed.text
    assert "without a prior" in parsed.text


def test_a_card_that_cannot_be_shown_is_a_visible_box() -> None:
    changed = replace(fabricated_fit(), card_ids={"adult_b_cell_depletion": "cd" * 32})
    assert "the card file has changed since the fit" in Page(fit_report(changed)).text
    assert "could not be shown" in Page(fit_report(fabricated_fit(card="gone.toml"))).text


def test_a_figure_that_cannot_be_drawn_is_a_visible_box(fit: CohortFit) -> None:
    def fail(charts: Sequence[Chart]) -> list[Figure]:
        return [Figure(title=title, failure="no <room>") for title, _ in charts]

    parsed = Page(fit_report(fit, fail))
    assert parsed.text.count("This figure could not be drawn") == len(fit.patients) + 2
    assert "no <room>" in parsed.text


def test_beyond_the_limit_patients_are_counted_not_dropped(fit: CohortFit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "selected_patients", lambda fit: selected_patients(fit, 3))
    parsed = Page(fit_report(fit))
    assert "3 of 8 patients are drawn: those with the lowest nadirs" in " ".join(parsed.text.split())
    assert parsed.open == []
    assert leading_nowhere(parsed) == set()
    assert len([link for link in parsed.links if link.startswith("#patient-")]) == 2 * 3  # at the top and in the table
