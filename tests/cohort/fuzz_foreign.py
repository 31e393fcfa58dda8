"""Inputs that nobody would write, for the readers of foreign records.

Wide tables, words of laboratories, signs and marks of censoring, weights and covariates by day, event files with dates
and further doses, databases, workbooks with damaged parts.
"""

from __future__ import annotations

import importlib.util
import io
import random
import re
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import xlsxwriter
from fuzz_inputs import CELLS, EVENT_BLOCKS, HEADERS, LIKELY, Files, cell, damaged

DATABASES_FILE: Final = Path(__file__).parents[1] / "presets" / "databases.py"
UNIT: Final = 'igg_unit = "mg/dL"\n'
LAB_WORDS: Final = (
    "QNS",
    "haemolysed",
    "see note",
    "345*",
    "345 L",
    "<40.0 (L)",
    "LESS THAN 40",
    "> 3,000",
    "<10 mg/dL",
    "6,2 g/L",
    "1 234",
    "1.234,5",
    "5.4.3",
    "0,40",
    "≤40",
    "＜40",
    "40-60",
    "+++",
    "pending",
    "<LLOQ",
    "N/A",
    "-",
    "500 ",
    "500",
    "620.0",
)
WORD_KEYS: Final = (
    'words = "set aside"\n',
    'words = { "QNS" = "missing", "345*" = "345", "LESS THAN *" = "<*" }\n',
    'words = { "see note" = 12, "pending" = "missing" }\n',
    'words = { "*" = "*" }\n',
    'words = { "40-60" = "50", "≤40" = "<40" }\n',
    'words = "leave"\n',
    'decimal = ","\n',
    'missing = ["-", "pending"]\n',
)
WIDE_HEADINGS: Final = (
    "IgG_wk0",
    "IgG_wk4",
    "IgG_wk8",
    "IgG week 12",
    "IgG (mg/dL) day 7",
    "IgG baseline",
    "IgG_date_wk0",
    "IgG_wk",
    "IgG_wk4",
    "day_wk4",
    "igg",
    "date_wk0",
    "IgG_wk-1",
    "IgG_wk1e3",
)
WIDE_KEYS: Final = (
    'wide = { columns = "IgG_wk*", day = "7 * *" }\n',
    'wide = { columns = ["IgG_wk*", "IgG week *"], day = "7 * *" }\n',
    'wide = { day = { "IgG_wk0" = 0, "IgG baseline" = -3 } }\n',
    'wide = { columns = "IgG_wk*", datetime = "date_wk*" }\n',
    'wide = { columns = "IgG_wk*", day = "day_wk*" }\n',
    'wide = { columns = "*", day = "* * * - 3" }\n',
    'wide = { columns = "IgG_*", day = "*" }\n',
)
SIGNED: Final = (
    "patient_id",
    "day",
    "igg",
    "unit",
    "comparator",
    "censored",
    "lower_limit",
    "upper_limit",
    "Qualifier",
)
SIGNS: Final = ("<", ">", "<=", ">=", "=", "", "≤", "lt", "1", "-1", "0", "BLQ", "yes", "40", "3000")
BY_DAY: Final = {
    "weights": (("patient_id", "day", "weight_kg"), ("patient_id", "datetime", "weight", "weight_unit")),
    "covariates": (
        ("patient_id", "day", "albumin", "crp"),
        ("patient_id", "datetime", "albumin"),
        ("patient_id", "day"),
    ),
    "patients": (("patient_id", "day", "weight_kg", "group", "transplant"), ("patient_id", "death", "transplant")),
}
BY_DAY_CELLS: Final = (
    "P1",
    "P2",
    "0",
    "7",
    "20.5",
    "70",
    "4",
    "1200",
    "kg",
    "lb",
    "2024-01-01",
    "",
    "NA",
    "34,5",
    "high",
)
USUAL_BY_DAY: Final = {"weight_kg": "70", "albumin": "40", "crp": "8"}
EVENTS: Final = (
    "ID",
    "DATE",
    "TIME",
    "AMT",
    "RATE",
    "DV",
    "EVID",
    "MDV",
    "II",
    "ADDL",
    "SS",
    "CMT",
    "WT",
    "CENS",
    "L2",
)
EVENT_CELLS: Final[dict[str, tuple[str, ...]]] = {
    "ID": ("1", "1", "1", "2"),
    "DATE": ("2024-01-01", "2024-01-02", "3/4/2024", "5", "2024-02-30", "."),
    "TIME": ("08:30", "0", "1", "23:59:59", "25:00", "7.5"),
    "AMT": ("30", ".", "0", "-1", "1e300"),
    "RATE": (".", "0", "5", "-1", "-2"),
    "DV": ("500", "310.5", ".", "0"),
    "EVID": ("0", "1", "3", "4", "2", "0", "1"),
    "MDV": ("0", "1", "."),
    "II": ("21", "0", "0.01", "24:00", "."),
    "ADDL": ("3", ".", "-1", "50000", "1.5"),
    "SS": ("0", "1", "2", "."),
    "CMT": ("1", "2", "."),
    "WT": ("70", "71", ".", "0"),
    "CENS": ("0", "1", "-1"),
    "L2": ("1", "2"),
}
USUAL_ROW: Final[dict[str, tuple[str, ...]]] = {
    "ID": ("1", "1", "2"),
    "DATE": ("2024-01-01", "2024-01-02"),
    "TIME": ("08:30", "12:00"),
    **dict.fromkeys(("AMT", "RATE", "II", "ADDL", "SS"), (".",)),
    **dict.fromkeys(("EVID", "MDV", "CENS"), ("0",)),
    "DV": ("500", "310.5"),
    "CMT": ("1",),
    "WT": ("70", "70", "71"),
}
DOSE_ROW: Final[dict[str, tuple[str, ...]]] = {
    "AMT": ("30",),
    "EVID": ("1", "1", "4"),
    "MDV": ("1",),
    "DV": (".",),
    "ADDL": (".", "3"),
    "II": ("21",),
    "SS": ("0", "0", "1", "2"),
    "RATE": (".", "60"),
}
PRESET_ENTRIES: Final = (
    '[[samples.keep]]\ncolumn = "nothing"\nequals = 1\n',
    '[samples]\nmissing = ["640"]\n',
    '[doses]\nconcentration = "10 %"\n',
    '[samples.values.unit]\n"mg/dL" = "g/L"\n',
    '[samples]\nfiles = ["*.csv"]\n',
    '[doses.constants]\nroute = "sc"\n',
    '[samples]\ntime_zone = "Europe/Berlin"\n',
    '[outcomes.constants]\noutcome = "death"\n',
)


def text_of(pick: random.Random, rows: list[list[str]]) -> bytes:
    """Rows as delimited text, in one of the encodings and with one of the line ends that programs write."""
    text = pick.choice(["\n"] * 4 + ["\r\n", "\r"]).join(pick.choice([","] * 40 + [";"]).join(row) for row in rows)
    return damaged(pick, text.encode(pick.choice(["utf-8"] * 30 + ["utf-8-sig", "utf-16"]), "surrogatepass"))


def random_wide(pick: random.Random) -> Files:
    fitting = pick.random() < 0.6
    visits = WIDE_HEADINGS[:3] if fitting else pick.sample(WIDE_HEADINGS, pick.randrange(0, 6))
    header = ["patient_id", *visits, *pick.sample(["group", "note"], 1)]
    rows = [header]
    for number in range(pick.randrange(1, 5)):
        strange = pick.choice((0.0, 0.0, 0.3))
        levels = [pick.choice(CELLS if pick.random() < strange else ("500", "<40", "")) for _ in header[1:]]
        rows.append(
            [f"P{number}" if fitting else pick.choice(("P1", "P2")), *levels][
                : len(header) + pick.choice((0,) * 40 + (-1,))
            ]
        )
    keys = UNIT + "[samples]\n" + (WIDE_KEYS[0] if fitting else pick.choice(WIDE_KEYS)) * (pick.random() < 0.9)
    return {"cohort.toml": damaged(pick, keys.encode()), "samples.csv": text_of(pick, rows)}


def random_words(pick: random.Random) -> Files:
    n_rows = pick.randrange(1, 8)
    levels = [[pick.choice(("P1", "P2")), str(number), f'"{pick.choice(LAB_WORDS)}"'] for number in range(n_rows)]
    rows = [["patient_id", "day", "igg"], *levels]
    keys = UNIT + "[samples]\n" + "".join(pick.sample(WORD_KEYS, pick.randrange(0, 3)))
    return {"cohort.toml": keys.encode(), "samples.csv": text_of(pick, rows)}


def random_signs(pick: random.Random) -> Files:
    header = ["patient_id", "day", "igg", *pick.sample(SIGNED[3:], pick.randrange(1, 5))]
    strangeness = pick.choice((0.0, 0.1, 0.5))
    rows = [
        [cell(pick, one, strangeness) if one in LIKELY else pick.choice(SIGNS) for one in header]
        for _ in range(pick.randrange(0, 6))
    ]
    return {"cohort.toml": UNIT.encode(), "samples.csv": text_of(pick, [header, *rows])}


def random_by_day(pick: random.Random) -> Files:
    """Weights, covariates and transplants by day, in files or in the patients table, beside doses in g/kg."""
    files = {
        "cohort.toml": UNIT.encode(),
        "samples.csv": b"patient_id,day,igg\nP1,0,500\nP1,7,400\nP2,3,450\n",
        "doses.csv": b"patient_id,day,amount_g_per_kg\nP1,1,0.4\nP1,30,0.4\nP2,5,0.4\n",
    }
    chosen = pick.sample(sorted(BY_DAY), pick.randrange(1, 4))
    for name in chosen:
        strange = pick.choice((0.0, 0.1, 1.0))
        header = list(
            BY_DAY[name][-1 if name == "patients" and "weights" in chosen else 0]
            if strange < 1.0
            else pick.choice(BY_DAY[name])
        )
        rows = [
            [
                pick.choice(("P1", "P2")),
                str(7 * number),
                *(
                    pick.choice(BY_DAY_CELLS) if pick.random() < strange else USUAL_BY_DAY.get(one, "")
                    for one in header[2:]
                ),
            ]
            for number in range(pick.randrange(0, 5))
        ]
        files[f"{name}.csv"] = text_of(pick, [header, *(row[: len(header)] for row in rows)])
    return files


def random_dated_events(pick: random.Random) -> Files:
    """Event files with dates, further doses, steady states, resets and weights, sorted by patient at times."""
    header = [name for name in EVENTS if pick.random() < 0.75 or name in ("ID", "DV")]
    strange = pick.choice((0.0, 0.05, 0.5))
    rows = [_event_row(pick, header, strange) for _ in range(pick.randrange(0, 9))]
    if pick.random() < 0.7:
        rows.sort(key=lambda row: row[0])
    for number, row in enumerate(rows):
        if pick.random() > strange and "TIME" in header and "DATE" not in header:
            row[header.index("TIME")] = str(number)
    units = f'format = "nonmem"\n{UNIT}amount_unit = "{pick.choice(["g", "g/kg"])}"\ntime_unit = "day"\n'
    more = "".join(pick.sample(EVENT_BLOCKS, 1)) if pick.random() < 0.3 else ""
    if pick.random() < 0.3:
        more += '[patients.columns]\nweight_kg = "WT"\n' if "patients" not in more else ""
    files = {"cohort.toml": (units + more).encode(), "events.csv": text_of(pick, [header, *rows])}
    if pick.random() < 0.3:
        files["weights.csv"] = b"patient_id,day,weight_kg\n1,0,70\n1,9,80\n"
    return files


def _event_row(pick: random.Random, header: list[str], strange: float) -> list[str]:
    """A sample or a dose, some of whose cells are anything."""
    usual = {**USUAL_ROW, **(DOSE_ROW if pick.random() < 0.4 else {})}
    return [
        pick.choice(EVENT_CELLS[name]) if pick.random() < strange or name not in usual else pick.choice(usual[name])
        for name in header
    ]


@cache
def databases() -> dict[str, dict[str, str]]:
    """The small databases of the tests of presets."""
    plan = importlib.util.spec_from_file_location("databases_to_damage", DATABASES_FILE)
    assert plan is not None
    assert plan.loader is not None
    module = importlib.util.module_from_spec(plan)
    plan.loader.exec_module(module)
    found: dict[str, dict[str, str]] = module.DATABASES
    return found


def random_database(pick: random.Random) -> Files:
    """A sound database with cells changed, lines and columns left out, doubled or damaged, files absent or renamed."""
    name = pick.choice(sorted(databases()))
    files = {"cohort.toml": f'format = "{name}"\n'.encode()}
    if pick.random() < 0.2:
        files["cohort.toml"] += pick.choice(PRESET_ENTRIES).encode()
    for path, text in databases()[name].items():
        if pick.random() < 0.06:
            continue
        changed = _changed_values(pick, text) if pick.random() < 0.5 else text
        files[path] = (
            damaged(pick, changed.encode("utf-8", "surrogatepass")) if pick.random() < 0.3 else changed.encode()
        )
    return files


def _changed_values(pick: random.Random, text: str) -> str:
    """A few values, lines or columns of a file changed."""
    lines = text.splitlines()
    for _ in range(pick.randrange(1, 5)):
        number = pick.randrange(len(lines))
        values = list(re.finditer(r"[^,:{}\[\]\"]+", lines[number]))
        if not values:
            continue
        value = pick.choice(values)
        new = pick.choice((*CELLS, "g", "mg", "vial", "NOT DONE", "<", "entered-in-error", "null", "1e9"))
        lines[number] = lines[number][: value.start()] + new + lines[number][value.end() :]
        if pick.random() < 0.2:
            lines.insert(number, lines[pick.randrange(len(lines))])
        if pick.random() < 0.1 and len(lines) > 1:
            del lines[pick.randrange(len(lines))]
    return "\n".join(lines) + "\n"


XML_CHANGES: Final = (
    (rb'r="[A-Z]+\d+"', (b'r="A1"', b'r="ZZZ99999999"', b"", b'r="B0"')),
    (rb't="s"', (b't="b"', b't="e"', b't="n"', b't="inlineStr"', b't="d"', b"")),
    (
        rb"<v>[^<]*</v>",
        (b"<v>99999</v>", b"<v>-1</v>", b"<v>1e999</v>", b"<v></v>", b"<v>2958466</v>", b"<v/>", b"<v>x</v>"),
    ),
    (rb'ref="[^"]*"', (b'ref="A1:XFD1048576"', b'ref=""', b'ref="Z9:A1"')),
    (rb"<sheetData>", (b'<mergeCells><mergeCell ref="A1:C3"/></mergeCells><sheetData>', b"<sheetData/>")),
    (rb"<workbookPr[^>]*>", (b'<workbookPr date1904="1"/>', b"")),
    (rb"<t>[^<]*</t>", (b"<t/>", b"<t>&#0;</t>", b"<t>igg</t>", b"<t>&lt;40</t>", b"<t>2024-01-01</t>")),
    (rb'numFmtId="\d+"', (b'numFmtId="14"', b'numFmtId="22"', b'numFmtId="999"')),
    (rb's="\d+"', (b's="99"', b's="0"')),
)


def random_damaged_workbook(pick: random.Random) -> Files:
    """A sound workbook of which parts are changed as XML, as bytes, left out, or said to be larger than they are."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_workbook(pick))) as old, zipfile.ZipFile(stream, "w") as new:
        for entry in old.namelist():
            part = old.read(entry)
            if entry.startswith("xl/") and pick.random() < 0.4:
                pattern, others = pick.choice(XML_CHANGES)
                other = pick.choice(others)
                part = re.sub(pattern, lambda _, other=other: other, part, count=pick.choice((1, 1, 3, 0)))
            if pick.random() < 0.03:
                part = bytearray(part)
                part[pick.randrange(len(part))] = pick.randrange(256)
            if pick.random() > 0.02:
                new.writestr(entry, bytes(part))
    return {"cohort.toml": UNIT.encode(), "cohort.xlsx": stream.getvalue()}


def _workbook(pick: random.Random) -> bytes:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        date = book.add_format({"num_format": "yyyy-mm-dd"})
        for name in [
            "samples",
            *pick.sample(["doses", "Therapy", "weights", "covariates", "Outcomes"], pick.randrange(0, 3)),
        ]:
            sheet = book.add_worksheet(name)
            header = {
                "weights": ["patient_id", "day", "weight_kg"],
                "covariates": ["patient_id", "day", "albumin"],
            }.get(name, HEADERS.get(name.lower(), ["a"]))
            for place, title in enumerate(header):
                sheet.write_string(0, place, title)
            for row in range(1, pick.randrange(2, 5)):
                for place, title in enumerate(header):
                    text = pick.choice(LIKELY.get(title, ("1",)))
                    if text.replace(".", "", 1).isdigit():
                        sheet.write_number(row, place, float(text), date if pick.random() < 0.05 else None)
                    else:
                        sheet.write_string(row, place, text)
    return stream.getvalue()


FOREIGN: Final[dict[str, Callable[[random.Random], Files]]] = {
    "wide tables": random_wide,
    "words of laboratories": random_words,
    "signs and censoring": random_signs,
    "weights and covariates": random_by_day,
    "dated event files": random_dated_events,
    "databases": random_database,
    "damaged workbooks": random_damaged_workbook,
}
