# ruff: noqa: E501
"""Inputs that nobody would write, for every reader: bytes, tables, mappings, workbooks, event files."""

from __future__ import annotations

import io
import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from igkinetics.resources import resource_folder

CELLS: Final = (
    "P1",
    "P2",
    "",
    " ",
    "0",
    "7",
    "7.5",
    "-3",
    "500",
    "<40",
    "<",
    "<<40",
    ">3000",
    "< -3",
    "x",
    "NA",
    ".",
    "2024-01-01",
    "2024-13-45",
    "2024-03-31T02:30:00+01:00",
    "1e9",
    "1e999",
    "nan",
    "-inf",
    '"a\nb"',
    "=1+1",
    "<script>alert(1)</script>",
    "../x",
    "\x00",
    "😀",
    "é" * 50,
    "9" * 400,
    "0x1F",
    "1_000",
    "1,5",
    "٣",
    "iv",
    "sc",
    "mg/dL",
    "g/L",
    "-1",
    "3",
    "4",
    "0.0000001",
    "99999999999999999999",
    "blinatumomab",
    "death",
    "hsct",
    "﻿P1",
    "01/02/2024",
)
HEADERS: Final = {
    "samples": ["patient_id", "day", "igg", "unit", "lower_limit", "comment"],
    "doses": ["patient_id", "day", "amount_g", "amount_g_per_kg", "duration_h", "route", "amount", "amount_unit"],
    "therapy": ["patient_id", "start", "stop", "agent"],
    "patients": ["patient_id", "group", "weight_kg", "birth", "death", "covariate"],
    "outcomes": ["patient_id", "day", "outcome"],
    "events": [
        "ID",
        "TIME",
        "AMT",
        "RATE",
        "DUR",
        "DV",
        "EVID",
        "MDV",
        "CENS",
        "LLOQ",
        "BLQ",
        "II",
        "ADDL",
        "SS",
        "CMT",
        "WT",
    ],
}
KEYS: Final = (
    'igg_unit = "mg/dL"',
    'format = "nonmem"',
    'amount_unit = "g"',
    'time_unit = "hour"',
    'time_origin = "therapy"',
    'same_day = "dose_first"',
    "lower_limit = 40",
    "upper_limit = 3",
    "[samples]",
    "[doses]",
    "[therapy]",
    "[patients]",
    "[samples.columns]",
    "[doses.units]",
    "[[samples.keep]]",
    'column = "igg"',
    "equals = 5",
    'matches = "("',
    "at_least = nan",
    'files = ["*"]',
    'files = "../*"',
    'delimiter = ";"',
    'decimal = ","',
    'encoding = "utf-16"',
    'encoding = "rot13"',
    "skip_lines = 1",
    'missing = [""]',
    'datetime_format = "%q"',
    'datetime_format = ["%d/%m/%Y", "%Y"]',
    "lasts_day = 180",
    'repeated = "last"',
    'patient_id = "day"',
    'igg = ["igg", "unit"]',
    'datetime = ["day", "day"]',
    "= 3",
    "[",
    "x" * 300,
    'sheet = "samples"',
    'delimiter = "\\n"',
    'delimiter = "\\u0000"',
    'decimal = "."',
    "lasts_day = { x = 1 }",
    'amount = "g/kg"',
)
BLOCKS: Final = (
    "lower_limit = 40\n",
    'time_origin = "first_sample"\n',
    'same_day = "dose_first"\n',
    '[samples]\ndelimiter = ";"\n',
    '[samples]\ndecimal = ","\ndelimiter = ";"\n',
    "[samples]\nskip_lines = 1\n",
    '[samples]\nencoding = "cp1252"\nmissing = ["x"]\n',
    '[samples]\ndatetime_format = ["%d/%m/%Y", "%Y"]\n',
    '[[samples.keep]]\ncolumn = "igg"\nempty = false\n',
    '[[samples.keep]]\ncolumn = "patient_id"\none_of = ["P1"]\n',
    '[samples.columns]\npatient_id = "igg"\n',
    '[samples.columns]\ndatetime = ["day", "day"]\n',
    '[samples.units]\nday = "h"\n',
    '[samples.constants]\nunit = "g/L"\n',
    '[doses.values.route]\n"x" = "sc"\n',
    '[doses.units]\namount = "mg/kg"\n',
    '[patients]\nrepeated = "last"\n',
    "[therapy]\nlasts_day = 180\n",
    '[outcomes]\nconstants = { outcome = "death" }\n',
)
LIKELY: Final = {
    "patient_id": ("P1", "P2", "P3"),
    "ID": ("1", "1", "2"),
    "day": ("0", "3.5", "20"),
    "TIME": ("0", "1", "9"),
    "igg": ("500", "<40", "310.5"),
    "DV": ("500", "310.5", "."),
    "unit": ("mg/dL", "g/L"),
    "lower_limit": ("", "40"),
    "amount_g": ("30", "25"),
    "amount_g_per_kg": ("", "0.4"),
    "amount": ("", "30"),
    "amount_unit": ("g",),
    "AMT": ("30", ".", "0"),
    "duration_h": ("4", ""),
    "route": ("iv", "sc"),
    "start": ("0", "40"),
    "stop": ("28", "70", ""),
    "agent": ("a", "A"),
    "group": ("IVIG", ""),
    "weight_kg": ("70", ""),
    "WT": ("70",),
    "birth": ("-9000", ""),
    "death": ("", "400"),
    "outcome": ("infection", "death", "hsct"),
    "EVID": ("0", "1", "0"),
    "MDV": ("0", "1"),
    "RATE": (".", "5"),
    "DUR": (".",),
    "CENS": ("0", "1"),
    "LLOQ": (".", "40"),
    "BLQ": ("0",),
    "II": ("21", "0"),
    "ADDL": (".", "3"),
    "SS": ("0", "1"),
    "CMT": ("1",),
}
EVENT_COLUMNS: Final = {
    "DATE": ("1", "15", "03/04/2021", "2021-03-04", "3/4/21", ""),
    "DAT3": ("2021/25/03", "2021-13-01", "7"),
    "C": (".", "", "C", "1", "x"),
    "DVID": ("1", "1", "2", "."),
    "TAD": ("0", "3.5", "."),
    "ROUTE": ("iv", "sc", "."),
    "EXCL": ("0", "0", "1"),
    "IGNORE": ("0", "I"),
    "NAME": ("IgG", "IgG", "IgM"),
    "LAG": ("0", "0.5", "-1"),
    "D1": ("0.2", "."),
    "WGT": ("70", "71", ".", "0.9"),
    "LIDV": ("500",),
    "ALB": ("40", "41"),
    "TIME": ("08:30", "25:00", "8"),
}
EVENT_BLOCKS: Final = (
    '[doses.columns]\nroute = "CMT"\n[doses.values.route]\n"1" = "sc"\n',
    '[patients.columns]\nweight_kg = "WGT"\n',
    '[[samples.keep]]\ncolumn = "DVID"\nequals = 1\n',
    '[patients]\nrepeated = "last"\n',
    '[samples.columns]\ndatetime = ["DATE", "TIME"]\n',
    '[samples]\ndatetime_format = "%d/%m/%y"\n',
    '[doses]\nsame_dose = "sum"\n',
    '[samples.values.patient_id]\n"1" = "A"\n"2" = "A:2"\n',
)
VALUES: Final = (
    "-1",
    "0",
    "1e400",
    "nan",
    "-inf",
    '""',
    '"x"',
    "true",
    "[]",
    "{}",
    "[[1]]",
    "{ a = 1 }",
    "1979-05-27",
    "07:32:00",
    '"\\u0000"',
    "99999999999999999999999",
    "0.5",
    '"death"',
    "[1, 2, 3]",
    "{ mean = 0, sd = -1 }",
)
CARD: Final = "adult_b_cell_depletion.toml"
Files = dict[str, bytes]


def cell(pick: random.Random, column: str, strangeness: float) -> str:
    return pick.choice(CELLS) if pick.random() < strangeness or column not in LIKELY else pick.choice(LIKELY[column])


def random_bytes(pick: random.Random) -> Files:
    name = pick.choice(["samples.csv", "doses.csv", "samples.parquet", "cohort.toml", "cohort.xlsx"])
    content = pick.randbytes(pick.randrange(0, 200))
    start = pick.choice([b"", b"", b"patient_id,day,igg\n", b"PK\x03\x04", b"PAR1", b"\xff\xfe", b"\xef\xbb\xbf"])
    return sound(pick) | {name: start + content}


def random_tables(pick: random.Random) -> Files:
    names = [name for name in HEADERS if name != "events" and pick.random() < 0.6]
    return sound(pick) | {f"{name}.csv": table(pick, name) for name in names}


def random_mapping(pick: random.Random) -> Files:
    lines = [pick.choice(KEYS) for _ in range(pick.randrange(0, 9))]
    blocks = [
        'igg_unit = "mg/dL"\n',
        *sorted(pick.sample(BLOCKS, pick.randrange(1, 4)), key=lambda one: one.startswith("[")),
    ]
    text = "".join(blocks) if pick.random() < 0.7 else "\n".join(lines)
    return random_tables(pick) | {"cohort.toml": damaged(pick, text.encode()) if pick.random() < 0.3 else text.encode()}


def random_events(pick: random.Random) -> Files:
    """An event file, at times with dates, comments, marks and other columns, separated by blanks, with a mapping of its own."""
    unit = pick.choice(["g"] * 4 + ["g/kg"])
    mapping = (
        f'format = "nonmem"\nigg_unit = "mg/dL"\namount_unit = "{unit}"\ntime_unit = "{pick.choice(["day", "hour"])}"\n'
    )
    if pick.random() < 0.3:
        mapping += "".join(sorted(pick.sample(EVENT_BLOCKS, pick.randrange(1, 3))))
    content = table(pick, "events")
    if pick.random() < 0.5:
        lines = content.decode("utf-8", "replace").splitlines()
        further = pick.sample(sorted(EVENT_COLUMNS), pick.randrange(0, 3))
        rows = [",".join([line, *(pick.choice(EVENT_COLUMNS[name]) for name in further)]) for line in lines]
        rows[:1] = [",".join([line, *further]) for line in lines[:1]]
        for _ in range(pick.randrange(0, 3)):
            rows.insert(pick.randrange(len(rows) + 1), pick.choice(["# a remark", "#1,2,3", "@", "C,", "#", '"#", x']))
        rows[:1] = [pick.choice(["#", "", "", "C", "@"]) + line for line in rows[:1]]
        text = (
            "\n".join(line.replace(",", "  ") if pick.random() < 0.99 else line for line in rows)
            if pick.random() < 0.3
            else "\n".join(rows)
        )
        content = text.encode("utf-8", "replace")
    others = {f"{name}.csv": table(pick, name) for name in ("therapy", "patients", "outcomes") if pick.random() < 0.15}
    return {"cohort.toml": mapping.encode(), "events.csv": content, **others}


def random_parquet(pick: random.Random) -> Files:
    columns = {}
    n_rows = pick.randrange(0, 6)
    for name in pick.sample(HEADERS["samples"][:3], 3 if pick.random() < 0.9 else 2):
        kind = pick.choice((0, 0, 0, 0, 1, 2, 2, 3, 4, 5))
        strangeness = pick.choice((0.0, 0.1, 1.0))
        values = [
            [cell(pick, name, strangeness) for _ in range(n_rows)],
            [pick.gauss(0, 1e3) for _ in range(n_rows)],
            [pick.randrange(-9, 999) for _ in range(n_rows)],
            [pick.random() < 0.5 for _ in range(n_rows)],
            [pd.Timestamp(pick.randrange(0, 2**31), unit="s") for _ in range(n_rows)],
            [[1, 2] for _ in range(n_rows)],
        ][kind]
        columns[name] = pa.array([one if pick.random() < 0.97 else None for one in values])
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return {"cohort.toml": b'igg_unit = "mg/dL"\n', "samples.parquet": damaged(pick, stream.getvalue())}


def random_workbook(pick: random.Random) -> Files:
    stream = io.BytesIO()
    strangeness = pick.choice((0.0, 0.05, 0.5))
    with xlsxwriter.Workbook(
        stream, {"in_memory": True, "nan_inf_to_errors": True, "strings_to_numbers": True}
    ) as book:
        for name in ["samples", *pick.sample(["doses", "therapy", "Patients", "notes"], pick.randrange(0, 3))]:
            sheet = book.add_worksheet(name)
            header = HEADERS.get(name.lower(), ["a"])
            for place, title in enumerate(header):
                sheet.write_string(0, place, title)
            for row in range(1, pick.randrange(1, 6)):
                for place, column in enumerate(header):
                    text = cell(pick, column, strangeness)
                    pick.choice([sheet.write_string, sheet.write])(row, place, text.replace("\x00", ""))
    return {"cohort.toml": b'igg_unit = "mg/dL"\n', "cohort.xlsx": damaged_parts(pick, stream.getvalue())}


def damaged_parts(pick: random.Random, content: bytes) -> bytes:
    """Now and then a part with bytes changed, in an archive that still is whole; or the archive itself cut."""
    if pick.random() < 0.5:
        return damaged(pick, content)
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w") as new:
        for entry in old.namelist():
            part = old.read(entry)
            new.writestr(entry, damaged(pick, part) if pick.random() < 0.2 else part)
    return stream.getvalue()


def damaged(pick: random.Random, content: bytes) -> bytes:
    if not content or pick.random() < 0.85:
        return content
    changed = bytearray(content)
    for _ in range(pick.randrange(1, 5)):
        changed[pick.randrange(len(changed))] = pick.randrange(256)
    return bytes(changed[: pick.randrange(len(changed))]) if pick.random() < 0.2 else bytes(changed)


def table(pick: random.Random, name: str) -> bytes:
    header = [one for one in HEADERS[name] if pick.random() < 0.95]
    if pick.random() < 0.03:
        header.append(pick.choice(HEADERS[name]))
    lengths = [len(header) + pick.choice((0,) * 12 + (-1, 1)) for _ in range(pick.randrange(0, 7))]
    strangeness = pick.choice((0.0, 0.03, 0.3, 1.0))
    rows = [header, *([cell(pick, one, strangeness) for one in [*header, ""][:length]] for length in lengths)]
    text = pick.choice(["\n", "\n", "\r\n", "\r"]).join(pick.choice([","] * 30 + [";"]).join(row) for row in rows)
    return damaged(pick, text.encode(pick.choice(["utf-8"] * 8 + ["utf-8-sig", "utf-16"]), "surrogatepass"))


def sound(pick: random.Random) -> Files:
    unit = {"cohort.toml": b'igg_unit = "mg/dL"\n'} if pick.random() < 0.9 else {}
    return unit | {"samples.csv": b"patient_id,day,igg\nP1,0,500\nP1,7,400\n"}


def random_card(pick: random.Random) -> Files:
    return {CARD: changed_lines(pick, (resource_folder("models") / CARD).read_text("utf-8"))}


def random_design(pick: random.Random) -> Files:
    return {"design.toml": changed_lines(pick, (resource_folder("data") / "blina23.toml").read_text("utf-8"))}


def changed_lines(pick: random.Random, text: str) -> bytes:
    """A sound TOML file with lines left out, doubled, moved or given another value."""
    lines = text.splitlines()
    for _ in range(pick.choice((0, 1, 1, 2, 5, 40))):
        place = pick.randrange(len(lines))
        key = lines[place].partition("=")[0]
        lines[place : place + 1] = pick.choice(
            (
                [],
                [lines[place]] * 2,
                [lines[pick.randrange(len(lines))]],
                [f"{key}= {pick.choice(VALUES)}"],
                [pick.choice(KEYS)],
            )
        )
        lines = lines or [""]
    return damaged(pick, "\n".join(lines).encode())


TABLES_AND_CARDS: Final[dict[str, Callable[[random.Random], Files]]] = {
    "bytes": random_bytes,
    "tables": random_tables,
    "mappings": random_mapping,
    "event files": random_events,
    "Parquet": random_parquet,
    "workbooks": random_workbook,
    "model cards": random_card,
    "designs": random_design,
}


def write(folder: Path, files: Files) -> Path:
    """The files in an emptied folder."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return folder
