"""The page as a reader uses it, in a browser without a network: type samples, move the dose, read the numbers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from running import Running
from webdriver import CHROMEDRIVER, CHROMIUM, MISSING, Browser, browser

from igkinetics.app.desk import Desk
from igkinetics.app.records import Record
from igkinetics.app.whatif import Plan
from igkinetics.cohort.read import read_cohort
from igkinetics.resources import resource_folder

pytestmark = pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason=MISSING)
LOOK = (Path(__file__).parents[1] / "browser" / "look.js").read_text(encoding="utf-8")
AXE = Path(__file__).parents[1] / "browser" / "axe-core" / "axe.min.js"
SECONDS = 240.0
"""The first curve of a cold cache waits for kernels to be compiled: a minute and more on a loaded machine."""
WHO = "IVIG-02"
COHORT = resource_folder("data") / "blina23"
SET = """const field = document.querySelector(arguments[0]); field.value = arguments[1];
field.dispatchEvent(new Event(arguments[2], {bubbles: true}));"""
SETTLED = """const state = window.igkinetics && window.igkinetics.state;
if (!state || !state.patient || document.querySelector("[aria-busy]")) return null;
return {patient: state.patient.patient, said: document.querySelector("#patient-said").textContent,
  outlooks: Object.keys(state.outlooks), n: window.igkinetics.latencies.length};"""
NUMBER = """const cell = document.querySelector(`#numbers tr[data-key='${arguments[0]}'] td.${arguments[1]}`);
return cell ? [cell.textContent, cell.dataset.value === undefined ? null : Number(cell.dataset.value)] : null;"""


@pytest.fixture(scope="module")
def opened(page: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser on the page. At the end it has complained of nothing and asked for nothing but the page's own."""
    with browser(tmp_path_factory.mktemp("browser")) as reader:
        reader.view(width=1200)
        reader.log("browser"), reader.requested()
        reader.visit(page.address)
        settled(reader, lambda state: "a" in state["outlooks"])
        yield reader
        assert [each["message"] for each in reader.log("browser") if each["level"] in ("SEVERE", "WARNING")] == []
        own = f"http://127.0.0.1:{page.port}/"
        assert [url for url in reader.requested() if not url.startswith((own, "data:image/", "blob:"))] == []


def settled(reader: Browser, holds: Any = lambda state: True) -> dict[str, Any]:
    """What the page shows once it has come to rest and this holds."""
    last = time.monotonic() + SECONDS
    state = None
    while time.monotonic() < last:
        state = reader.script(SETTLED)
        if state is not None and holds(state):
            return dict(state)
        time.sleep(0.05)
    raise AssertionError(f"the page did not come to rest: {state}; {reader.log('browser')}")


def change(reader: Browser, selector: str, value: object, event: str = "input") -> None:
    before = reader.script("return window.igkinetics.latencies.filter((one) => one.kind === 'full').length")
    reader.script(SET, selector, value, event)
    last = time.monotonic() + SECONDS
    while time.monotonic() < last:
        if reader.script("return window.igkinetics.latencies.filter((one) => one.kind === 'full').length") > before:
            settled(reader)
            return
        time.sleep(0.02)
    raise AssertionError("no answer came to a change")


@cache
def desk() -> Desk:
    """The same cohort in Python."""
    opened = Desk()
    opened.open(read_cohort(COHORT))
    return opened


def python(patient_id: str, regimen: dict[str, Any], horizon: float = 112.0) -> dict[str, float]:
    """The same numbers from Python."""
    outlook = desk().plan(patient_id, Plan(thresholds=(400.0, 500.0), horizon_day=horizon)).under(regimen)
    return {
        "p_below_500": outlook.p_below(500.0),
        "next_trough": outlook.next_trough["median"],
        "nadir_all": outlook.three("nadir_all")["median"],
        "grams_per_28_days": outlook.grams_per_28_days,
    }


def test_the_dose_is_moved_and_the_numbers_are_pythons(opened: Browser) -> None:
    change(opened, ".regimen.a [data-key=dose_g] input[type=range]", 25)
    expected = python(WHO, {"name": "A", "dose_g": 25.0, "interval_day": 28.0, "start_day": 0.0, "route": "iv"})
    for key, value in expected.items():
        text, found = opened.script(NUMBER, key, "a")
        assert found == pytest.approx(value, rel=1e-9), (key, text)
    text, _ = opened.script(NUMBER, "p_below_500", "a")
    assert text == f"{100 * expected['p_below_500']:.0f} %"
    assert "25 g IV every 28 days" in opened.script("return document.querySelector('.regimen.a .said').textContent")


def test_a_dose_in_the_chart_can_be_dragged(opened: Browser) -> None:
    """The second dose of regimen A, to the right by the width of some days: the interval follows, by whole days."""
    change(opened, ".regimen.a [data-key=dose_g] input[type=range]", 30)
    place = """document.querySelector("#chart").scrollIntoView({block: "center"});
        const box = document.querySelector("#chart .grip[data-which=a][data-place='1']").getBoundingClientRect();
        const chart = document.querySelector("#chart"), x = box.x + box.width / 2;
        let right = x; while (chart.dayAt(right) < chart.dayAt(x) + 7) right += 1;
        return [x, box.y + 6, right];"""
    x, y, right = opened.script(place)
    before = opened.script("return window.igkinetics.latencies.filter((one) => one.kind === 'full').length")
    for kind, at in (
        ("mousePressed", x),
        ("mouseMoved", (x + right) / 2),
        ("mouseMoved", right),
        ("mouseReleased", right),
    ):
        opened.devtools("Input.dispatchMouseEvent", type=kind, x=at, y=y, button="left", buttons=1, clickCount=1)
    typed = "return document.querySelector('.regimen.a [data-key=interval_day] .typed').value"
    assert opened.script(typed) == "35"
    last = time.monotonic() + SECONDS
    while opened.script("return window.igkinetics.latencies.filter((one) => one.kind === 'full').length") == before:
        assert time.monotonic() < last, "no answer came to the drag"
        time.sleep(0.05)
    settled(opened)
    expected = python(WHO, {"name": "A", "dose_g": 30.0, "interval_day": 35.0, "start_day": 0.0, "route": "iv"})
    assert opened.script(NUMBER, "next_trough", "a")[1] == pytest.approx(expected["next_trough"], rel=1e-9)
    change(opened, ".regimen.a [data-key=interval_day] input[type=range]", 28)


@pytest.mark.slow
def test_sliders_go_by_the_keyboard(opened: Browser) -> None:
    slider = ".regimen.a [data-key=dose_g] input[type=range]"
    opened.script(SET, slider, 25, "input")
    opened.type_into(slider, "\ue014\ue014")  # two steps to the right
    state = "return document.querySelector('.regimen.a [data-key=dose_g] .typed').value"
    assert opened.script(state) == "27"
    settled(opened)


@pytest.mark.slow
def test_two_regimens_are_compared(opened: Browser) -> None:
    opened.click(".regimen.b .on")
    for key, value in {"dose_g": 10, "interval_day": 7}.items():
        change(opened, f".regimen.b [data-key={key}] .typed", value)
    change(opened, ".regimen.b select[data-key=route]", "sc", "change")
    expected = python(WHO, {"name": "B", "dose_g": 10.0, "interval_day": 7.0, "start_day": 0.0, "route": "sc"})
    for key, value in expected.items():
        assert opened.script(NUMBER, key, "b")[1] == pytest.approx(value, rel=1e-9), key
    assert opened.script("return document.querySelectorAll('#chart path.line.b').length") == 1


def test_a_sample_is_added_and_removed_again(opened: Browser) -> None:
    opened.script("document.querySelector('#record').open = true")
    before = opened.script("return document.querySelector('#patient-said').textContent")
    rows = "table[data-table=samples] tbody tr"
    last = opened.script(f"return document.querySelectorAll('{rows}').length")
    opened.script(SET, f"{rows}:nth-child({last}) .day", "170", "change")
    opened.script(SET, f"{rows}:nth-child({last}) .igg", "520", "change")
    edited = settled(opened, lambda state: state["said"] != before and "a" in state["outlooks"])
    assert "(edited)" in opened.script("return document.querySelector('#patient-heading').textContent")
    own = desk()
    record = own.record(WHO)
    own.edit(replace(record, samples=(*record.samples, ("170", "520"))), "mg/dL")
    nadir = own.fit(WHO).nadir.iloc[0]
    own.undo(WHO)
    assert f"nadir {nadir['fitted_nadir']:.0f} mg/dL" in edited["said"]
    opened.click("#undo")
    assert settled(opened, lambda state: state["said"] == before)


def test_without_a_fit_no_number_of_the_one_before_stays(opened: Browser) -> None:
    opened.script(SET, "table[data-table=samples] tbody tr:nth-child(2) .igg", "4000", "change")
    settled(opened, lambda state: state["said"].startswith("Not fitted"))
    shown = "return ['#numbers tbody', '#outlook-said', '#chart-said', '.regimen.a .said'].map((each) => {"
    shown += "const place = document.querySelector(each); return place.offsetParent ? place.textContent : ''; })"
    assert opened.script(shown) == ["", "", "", ""]
    assert opened.script("return document.querySelectorAll('#chart path.line[d^=M]').length") == 0
    opened.script("document.querySelector('#undo').click()")  # what lies over it for a moment does not matter here
    settled(opened, lambda state: "a" in state["outlooks"])


@pytest.mark.slow
def test_a_wrong_cell_is_told_and_changes_nothing(opened: Browser) -> None:
    before = settled(opened)["said"]
    selector = "table[data-table=samples] tbody tr:nth-child(2) .igg"
    kept = opened.script("return document.querySelector(arguments[0]).value", selector)
    opened.script(SET, selector, "many", "change")
    trouble = "return document.querySelector('#record-trouble').textContent"
    last = time.monotonic() + SECONDS
    while not (words := opened.script(trouble)) and time.monotonic() < last:
        time.sleep(0.05)
    assert "igg: found 'many'" in words
    assert settled(opened)["said"] == before
    opened.script(SET, selector, kept, "change")
    settled(opened, lambda state: not opened.script(trouble))


@pytest.mark.slow
def test_what_is_offered_can_be_saved(opened: Browser) -> None:
    change(opened, ".regimen.a [data-key=dose_g] .typed", 40)
    fetched = opened.script_that_waits("""const done = arguments[0];
        (async () => { const all = {}; for (const one of window.igkinetics.state.saves) {
          if (!["calendar.csv", "scenario.toml"].includes(one.file)) continue;
          const answer = await fetch(one.href); all[one.file] = [answer.headers.get("Content-Disposition"),
            await answer.text()]; } return all; })().then(done);""")
    assert fetched["calendar.csv"][0] == f'attachment; filename="{WHO}-calendar.csv"'
    assert fetched["calendar.csv"][1].count(",40,") >= 3
    assert "dose_g = 40.0" in fetched["scenario.toml"][1]


def test_another_patient_is_searched_and_picked(opened: Browser) -> None:
    opened.type_into("#search", "ctrl")
    names = [name for name in desk().patient_ids if "ctrl" in name.lower()]
    listed = "return [...document.querySelectorAll('#patient option')].map((one) => one.value)"
    last = time.monotonic() + SECONDS
    while opened.script(listed) != names and time.monotonic() < last:
        time.sleep(0.05)
    assert opened.script(listed) == names
    opened.script("document.querySelector('#search').value = ''")


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (400, False), (400, True)])
def test_nothing_to_stumble_over(opened: Browser, width: int, dark: bool) -> None:
    """Headings, names, labels, contrast, and nothing wider than the window."""
    opened.view(width=width, dark=dark)
    opened.script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    time.sleep(0.3)
    assert opened.script(LOOK) == []
    opened.view(width=1200)


def test_axe_finds_nothing_serious(opened: Browser) -> None:
    opened.devtools("Runtime.evaluate", expression=AXE.read_text(encoding="utf-8"))
    found = opened.script_that_waits("const done = arguments[0]; axe.run().then((all) => done(all.violations));")
    assert [
        (one["id"], one["help"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")
    ] == []


@pytest.mark.slow
def test_the_worklist_is_made_and_leads_to_a_patient(opened: Browser) -> None:
    opened.click("#make-worklist")
    rows = "return document.querySelectorAll('#worklist tbody tr').length"
    last = time.monotonic() + SECONDS
    while not opened.script(rows) and time.monotonic() < last:
        time.sleep(0.1)
    assert opened.script(rows) == 2 * len(desk().patient_ids)
    first = "return document.querySelector('#worklist tbody tr button').textContent"
    name = opened.script(first)
    opened.click("#worklist tbody tr:first-child button")
    settled(opened, lambda state: state["patient"] == name)


@pytest.mark.slow
def test_files_are_opened_and_a_patient_typed(opened: Browser, tmp_path: Path) -> None:
    """Last of all: another cohort, then a patient by hand."""
    (tmp_path / "samples.csv").write_text("patient_id,day,igg\nX,0,620\nX,30,480\nX,60,410\n")
    (tmp_path / "doses.csv").write_text("patient_id,day,amount_g\nX,30,-5\n")
    opened.script("document.querySelector('#opening').open = true")
    opened.script(SET, "#unit", "mg/dL", "change")
    opened.type_into("#upload", f"{tmp_path / 'samples.csv'}\n{tmp_path / 'doses.csv'}")
    trouble = "return document.querySelector('#opening-trouble').textContent"
    last = time.monotonic() + SECONDS
    while not opened.script(trouble) and time.monotonic() < last:
        time.sleep(0.1)
    assert "doses.csv: 1 problem" in opened.script(trouble)
    assert "found '-5'" in opened.script(trouble)
    opened.type_into("#upload", f"{tmp_path / 'samples.csv'}")
    settled(opened, lambda state: state["patient"] == "X" and "a" in state["outlooks"])
    opened.script("document.querySelector('#opening').open = true")
    opened.click("#new-patient")
    opened.script(SET, "#record-tables .name", "Typed", "change")
    for row, (day, igg) in enumerate([("0", "700"), ("20", "520"), ("45", "450"), ("70", "430")], start=1):
        for column, value in (("day", day), ("igg", igg)):
            opened.script(SET, f"table[data-table=samples] tbody tr:nth-child({row}) .{column}", value, "change")
    settled(opened, lambda state: state["patient"] == "Typed" and "a" in state["outlooks"])
    samples = "return window.igkinetics.state.patient.samples.length"
    last = time.monotonic() + SECONDS
    while opened.script(samples) != 4 and time.monotonic() < last:
        time.sleep(0.1)
    settled(opened, lambda state: "a" in state["outlooks"])
    own = Desk()
    rows = (("0", "700"), ("20", "520"), ("45", "450"), ("70", "430"))
    own.edit(Record(patient_id="Typed", weight_kg="", samples=rows), "mg/dL")
    outlook = own.plan("Typed", Plan(thresholds=(400.0, 500.0), horizon_day=112.0)).under({"name": "none"})
    assert opened.script(NUMBER, "p_below_400", "none")[1] == outlook.p_below(400.0)


def test_the_page_without_its_token_is_refused(opened: Browser, page: Running) -> None:
    address = opened.script("return location.href")
    assert page.token not in address
    assert opened.script("return document.cookie") == ""
    assert not np.isnan(opened.script("return window.igkinetics.latencies.length"))
