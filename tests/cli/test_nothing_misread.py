"""What a table can say in a way that used to be misread, through the commands: exit status and what is told."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from igkinetics.cli.main import app

MG_DL, G_L = 'igg_unit = "mg/dL"\n', 'igg_unit = "g/L"\n'
LEVELS = "patient_id,day,igg\nP1,0,620\nP1,14,580\nP1,28,550\n"
G_LEVELS = "patient_id,day,igg\nP1,0,6.2\nP1,14,5.8\nP1,28,5.5\n"
DOSES = "patient_id,day,amount_g\nP1,7,30\n"


class Case(NamedTuple):
    name: str
    files: dict[str, str]
    status: int
    told: str
    command: tuple[str, ...] = ("check",)


CASES = (
    Case(
        "units in g/L beside mg/dL",
        {"cohort.toml": MG_DL, "samples.csv": LEVELS.replace("igg\n", "igg,units\n").replace("0\n", "0,g/L\n")},
        2,
        "units: found \"3 rows: 'g/L'\"; igg is in mg/dL, which this column",
    ),
    Case(
        "a route in capitals",
        {"cohort.toml": MG_DL, "samples.csv": LEVELS, "doses.csv": "patient_id,day,amount_g,ROUTE\nP1,7,12,SC\n"},
        2,
        'write route = "ROUTE" under [doses.columns]',
    ),
    Case(
        "a group in capitals",
        {"cohort.toml": MG_DL, "samples.csv": LEVELS, "patients.csv": "patient_id,GROUP\nP1,IVIG\n"},
        0,
        'write group = "GROUP" under [patients.columns]',
    ),
    Case(
        "a column of no meaning",
        {"cohort.toml": MG_DL, "samples.csv": LEVELS.replace("igg\n", "igg,ward\n").replace("0\n", "0,3\n")},
        0,
        "samples.csv, not used: ward",
    ),
    Case(
        "g/L under mg/dL",
        {"cohort.toml": MG_DL, "samples.csv": G_LEVELS},
        2,
        'if they are in g/L, write igg_unit = "g/L"',
    ),
    Case(
        "g/L under mg/dL, meant so",
        {"cohort.toml": MG_DL + 'unusual_levels = "as_given"\n', "samples.csv": G_LEVELS},
        0,
        "No problems.",
    ),
    Case(
        "a threshold in mg/dL on g/L",
        {"cohort.toml": G_L, "samples.csv": G_LEVELS},
        2,
        "for 400 mg/dL write 4",
        ("fit", "--threshold", "400"),
    ),
    Case(
        "a threshold in mg/dL on g/L, compared",
        {"cohort.toml": G_L, "samples.csv": G_LEVELS, "patients.csv": "patient_id,group\nP1,A\nP2,B\n"},
        2,
        "for 400 mg/dL write 4",
        ("compare", "--threshold", "400"),
    ),
    Case(
        "a window of a million days",
        {"cohort.toml": G_L, "samples.csv": G_LEVELS},
        2,
        "a window in days that meets the samples",
        ("fit", "--window", "0:1000000"),
    ),
    Case(
        "a unit in another spelling on the command line",
        {"samples.csv": LEVELS},
        0,
        "IgG in mg/dL",
        ("check", "--igg-unit", "MG/DL"),
    ),
    Case(
        "words that convert",
        {"cohort.toml": MG_DL + '[samples.values.unit]\n"mg/L" = "mg/dL"\n', "samples.csv": LEVELS},
        2,
        "mg/L is a unit of its own and is read as it is",
    ),
    Case(
        "a key that matches nothing",
        {"cohort.toml": MG_DL + '[doses.values.route]\n"IVPB" = "iv"\n', "samples.csv": LEVELS, "doses.csv": DOSES},
        2,
        "doses.values.route: found 'route'; matches nothing",
    ),
    Case(
        "a transplant",
        {"cohort.toml": MG_DL, "samples.csv": LEVELS, "outcomes.csv": "patient_id,day,outcome\nP1,20,Allo-SCT\n"},
        0,
        "'Allo-SCT' (1 row) is read as hsct, which ends follow-up",
    ),
    Case(
        "what looks like a transplant",
        {
            "cohort.toml": MG_DL,
            "samples.csv": LEVELS,
            "outcomes.csv": "patient_id,day,outcome\nP1,20,renal transplant\n",
        },
        0,
        "looks like a transplant and does not end follow-up",
    ),
    Case(
        "ids in two forms",
        {"cohort.toml": MG_DL, "samples.csv": LEVELS, "doses.csv": DOSES.replace("P1", "p1")},
        0,
        "ids that differ only in form are different patients here",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_is_told(tmp_path: Path, case: Case) -> None:
    folder = tmp_path / "ward"
    folder.mkdir()
    for name, content in case.files.items():
        (folder / name).write_text(content)
    command, *options = case.command
    out = [] if command == "check" else ["--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [command, str(folder), *options, *out])
    assert done.exit_code == case.status, done.output
    assert case.told in done.output
    assert not (tmp_path / "out").exists()
