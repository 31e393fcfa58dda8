"""Doses of several products: a draft loses no infusion, and what a rule leaves out is told by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from igkinetics.cli.main import app

SAMPLES = "Pat,Date,IgG (g/L),Comment\n" + "".join(
    f"A,{day},{level},{note}\n"
    for day, level, note in (
        ("2024-01-08", 7.8, "IgG by turbidimetry"),
        ("2024-02-05", 4.4, ""),
        ("2024-02-19", 3.6, "fasting"),
        ("2024-03-16", 7.1, ""),
    )
)


def checked(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["check", str(folder), *options])


def ward(folder: Path, *products: str, heading: str = "Product") -> Path:
    folder.mkdir()
    (folder / "samples.csv").write_text(SAMPLES, encoding="utf-8")
    rows = "".join(f"A,2024-02-{20 + k},20,{product}\n" for k, product in enumerate(products))
    (folder / "doses.csv").write_text(f"Pat,Date,Dose (g),{heading}\n{rows}", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "products", [("Privigen", "Octagam 10%"), ("Kiovig", "Gamunex-C", "Hizentra"), ("IVIG", "IVIG")]
)
def test_brands_alone_are_all_used(tmp_path: Path, products: tuple[str, ...]) -> None:
    folder = ward(tmp_path / "ward", *products)
    checked(folder, "--write-mapping")
    result = checked(folder)
    assert result.exit_code == 0, result.output
    assert f"doses.csv: {len(products)} read = 0 filtered + {len(products)} used" in result.output
    assert "samples.csv: 4 read = 0 filtered + 4 used" in result.output


@pytest.mark.parametrize("heading", ["Product", "Drug"])
@pytest.mark.parametrize("known", ["IVIG 10%", "Rituximab"])
def test_a_brand_beside_a_word_that_is_known_is_left_to_choose(tmp_path: Path, known: str, heading: str) -> None:
    folder = ward(tmp_path / "ward", known, "Octagam", heading=heading)
    checked(folder, "--write-mapping")
    undecided = checked(folder)
    assert undecided.exit_code == 2
    assert "'CHOOSE Octagam' is left to choose" in undecided.output
    mapping = folder / "cohort.toml"
    mapping.write_text(mapping.read_text("utf-8").replace("CHOOSE Octagam", "Octagam"), encoding="utf-8")
    decided = checked(folder)
    assert decided.exit_code == 0, decided.output
    n_used = 2 if known.startswith("IVIG") else 1
    assert f"doses.csv: 2 read = {2 - n_used} filtered + {n_used} used" in decided.output
    assert ("keep leaves out 1 row of doses: 'Rituximab' in 1" in decided.output) == (n_used == 1)


def test_of_a_table_of_all_drugs_what_is_left_out_is_named(tmp_path: Path) -> None:
    folder = ward(tmp_path / "ward", "IVIG", *(f"drug {k}" for k in range(7)), "Octagam")
    (folder / "doses.csv").write_text(
        "Pat,Date,Dose (g),Drug\n"
        + "A,2024-02-20,20,IVIG\n"
        + "".join(f"A,2024-02-21,1,drug {k}\n" for k in range(30))
        + "A,2024-03-01,20,Octagam\nA,2024-03-02,20,Octagam\n",
        encoding="utf-8",
    )
    checked(folder, "--write-mapping")
    result = checked(folder)
    assert result.exit_code == 0, result.output
    assert "keep leaves out 32 rows of doses: 'Octagam' in 2, 'drug 0' in 1" in result.output
    assert "and 26 words more" in result.output


def test_a_file_beside_its_mapping_is_answered_with_the_mapping(tmp_path: Path) -> None:
    """Not with another draft of it."""
    folder = ward(tmp_path / "ward", "Privigen")
    checked(folder, "--write-mapping")
    result = checked(folder / "samples.csv")
    assert result.exit_code == 2
    assert "A draft with guesses" not in result.output
    assert "give the folder, or cohort.toml, to have it applied to samples.csv" in result.output
