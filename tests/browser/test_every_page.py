"""The page of every command beside those of a fit (test_pages_in_a_browser.py): looks, axe-core, numbers, seconds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from webdriver import CHROMEDRIVER, CHROMIUM, MISSING, Browser, browser

from every_page import NAMES, ONE, SCENARIO, Pages, every_page
from igkinetics.dose.result import DoseResult
from igkinetics.forecast.result import CohortForecast
from igkinetics.report.forecast_page import forecast_sentences, measured_sentence
from page_reader import Page as ReadPage

in_a_browser = pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason=MISSING)
HERE = Path(__file__).parent
LOOK = (HERE / "look.js").read_text(encoding="utf-8")
AXE = (HERE / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
OPEN = "document.querySelectorAll('details').forEach((each) => each.open = true)"
RUN_AXE = "const done = arguments[0]; axe.run().then((all) => done(all.violations));"
FOOT = """const wanted = new RegExp(arguments[0]);
const holds = (node) => wanted.test(node.textContent.replace(/\\s+/g, " ").trim());
const found = [...document.querySelectorAll("main li, main p, main td")].find(holds);
return found ? found.getBoundingClientRect().bottom + scrollY : null;"""
SCREEN = 800


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    return every_page(tmp_path_factory.mktemp("every_page"))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@in_a_browser
@pytest.mark.parametrize("name", NAMES)
def test_nothing_to_stumble_over_and_nothing_serious_for_axe(running: Browser, pages: Pages, name: str) -> None:
    """At 1200 px in light and 400 px in dark: what look.js and axe-core find, what the console says."""
    running.log("browser")
    for width, dark in ((1200, False), (400, True)):
        running.view(width=width, dark=dark)
        running.devtools("Page.setBypassCSP", enabled=True)
        running.open(pages.folder / name)
        running.script(OPEN)
        found = running.script(LOOK)
        if name.endswith("sheet.html"):  # a page of one sheet has no contents
            found = [each for each in found if "nav" not in each]
        assert found == []
        running.script(AXE)
        serious = [each for each in running.script_that_waits(RUN_AXE) if each["impact"] in ("serious", "critical")]
        assert [(each["id"], each["nodes"][0]["html"]) for each in serious] == []
    assert [each["message"] for each in running.log("browser") if each["level"] == "SEVERE"] == []


TEN_SECONDS = {
    "which dose?": (SCENARIO, r"^Recommended: \d"),
    "which dose for this patient?": (ONE, r"^Recommended: \d+ g every 28 days"),
    "which dose, from dose?": ("dose.html", r"^P07 \(72 kg\): .* every \d+ days, the first on 2024"),
    "who is below 400 now, and who will be?": ("forecast.html", r"^Probably below 400 mg/dL now: "),
    "whom to measure next?": ("forecast.html", r"^(Measure|Decide|No sample)"),
    "which card?": ("evaluate.html", r"^(Best card here|No card could)"),
    "how long does IgG stay?": ("nca.html", r"terminal half-life"),
    "does it agree?": ("verify.html", r"agree, 0 differ"),
}
"""Question -> page, and what answers it within the first screen."""


@in_a_browser
@pytest.mark.parametrize("question", TEN_SECONDS)
def test_ten_seconds_are_enough(running: Browser, pages: Pages, question: str) -> None:
    name, answer = TEN_SECONDS[question]
    running.view(width=1200, height=SCREEN)
    running.open(pages.folder / name)
    foot = running.script(FOOT, answer)
    assert foot is not None, f"{name} does not say it"
    assert foot <= SCREEN


NUMBER = re.compile(r"(?<![\w.−–-])−?\d[\d,]*(?:\.\d+)?(?![\w-])( %)?")
NOT_OF_TABLES = re.compile(r"\d{4}-\d\d-\d\d|\d+ x [\d.]+ g|\d+/\d+/\d+|10\^\d+")
"""Dates, vials, names of intervals, powers."""
SMALL = 60.0
"""Whole numbers up to here may be counts, ranks or levels of intervals, which no table holds as such."""


def values_of(pages: Pages, name: str) -> np.ndarray:
    """Every number of the tables behind a page, as it is and as percent, and what the page derives from them."""
    result = pages.results[name]
    tables = list(result.tables.values())
    numbers = [table[column].to_numpy(dtype=float) for table in tables for column in table.select_dtypes("number")]
    texts = [column.astype(str) for table in tables for _, column in table.select_dtypes(exclude="number").items()]
    words = " ".join(text for column in texts for text in column.unique())
    found = np.concatenate([*numbers, np.array([float(each) for each in re.findall(r"\d+(?:\.\d+)?", words)])])
    counts = np.array([float(len(table)) for table in tables])
    derived = [found, 100.0 * found, counts, 100.0 * (1.0 - found / 168.0)]
    if isinstance(result, DoseResult):
        derived.append(found / result.facts.weight_kg)  # grams of a dose per kg
    derived += [np.atleast_1d(np.median(table["value"].dropna())) for table in parts_of(tables)]
    return np.unique(np.abs(np.concatenate(derived)[np.isfinite(np.concatenate(derived))]))


def parts_of(tables: list[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Of long tables (nca): the rows of each parameter after a dose, whose median the page shows."""
    for table in tables:
        if {"parameter", "value", "profile"} <= set(table.columns):
            yield from (
                rows
                for _, rows in table[table["profile"] != "record"].groupby("parameter")
                if rows["value"].notna().any()
            )


@pytest.mark.parametrize(
    "name", ["forecast.html", "evaluate.html", "nca.html", SCENARIO, ONE, "dose.html", "population.html", "verify.html"]
)
def test_every_number_above_counts_stands_in_the_tables(pages: Pages, name: str) -> None:
    """Rows of all tables and the sentences in brief, each number to the digits in which it is shown."""
    source = (pages.folder / name).read_text(encoding="utf-8")
    brief = source[source.index('class="brief"') : source.index("</ul>", source.index('class="brief"'))]
    end = min(
        source.index(f'<section id="{each}"') for each in ("cards", "record") if f'<section id="{each}"' in source
    )
    page = ReadPage(source[:end])
    cells = [cell for row in page.rows for cell in row[1:]] + re.findall(r"<li>(.*?)</li>", brief, re.S)
    known = values_of(pages, name)
    strange = []
    for cell in cells:
        for match in NUMBER.finditer(NOT_OF_TABLES.sub(" ", re.sub(r"<[^>]+>", "", cell))):
            shown = match.group().removesuffix(" %").replace("−", "").replace(",", "")
            decimals = len(shown.partition(".")[2])
            if decimals == 0 and float(shown) <= SMALL:
                continue
            if np.abs(known - float(shown)).min() > 0.5000001 * 10.0**-decimals:
                strange.append((match.group(), cell[:120]))
    assert strange == []
    assert len(cells) > 10


def test_the_forecast_names_those_whose_reading_and_level_lie_on_different_sides(pages: Pages) -> None:
    result = pages.results["forecast.html"]
    assert isinstance(result, CohortForecast)
    table = result.worklist.copy()
    own = (table["patient_id"] == "P08") & (table["threshold"] == 400)
    assert bool(table.loc[own, "below_now"].iloc[0])
    assert measured_sentence(result, 400.0) == "Last measured below 400 mg/dL: 1 of 3 patients, the same."
    table.loc[own, "last_igg"] = 455.0
    p = table.loc[own, "p_below_now"].iloc[0]
    assert measured_sentence(replace(result, worklist=table), 400.0) == (
        "Last measured below 400 mg/dL: 0 of 3 patients; the reading and the likely level are on different sides for "
        f"P08 (last 455; P(below) now {p:.2f})."
    )
    first, *_ = forecast_sentences(result)
    assert first.startswith("Probably below 400 mg/dL now: 1 of 3 patients (P08); ")
