"""Words of the laboratory where a level should stand: refused with the way out, read as stated, never in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from defect import SAMPLES, warnings_of, write_cohort

from igkinetics.cohort.mapping.lab_words import likely_meaning
from igkinetics.cohort.model import Cohort, RowCount
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError

CELLS = ("510", "LESS THAN 45", "<45.0 (L)", "388*", "388 L", "QNS", "haemolysed", "610 mg/dL", "<12 mg/dL")


def read(folder: Path, cells: tuple[str, ...], keys: str = "", unit: str = "mg/dL") -> Cohort:
    rows = "".join(f"P1,{7 * place},{cell}\n" for place, cell in enumerate(cells))
    files = {"cohort.toml": f'igg_unit = "{unit}"\n[samples]\n{keys}', "samples.csv": SAMPLES + rows}
    return read_cohort(write_cohort(folder / "ward", files))


def test_the_refusal_says_what_to_write_and_that_is_enough(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path, CELLS)
    message = str(refused.value)
    assert 'or leave such rows out: words = "set aside"' in message
    proposed = message.partition("words = {")[2].partition(", ... }")[0]
    more = ', "610 mg/dL" = "610", "<12 mg/dL" = "<12" }\n'
    cohort = read(tmp_path, CELLS, "words = {" + proposed + more)
    assert cohort.samples["igg"].tolist() == pytest.approx([5.1, 0.45, 0.45, 3.88, 3.88, 6.1, 0.12])
    assert cohort.samples["limit"].tolist() == ["", "below", "below", "", "", "", "below"]


def test_a_star_stands_for_the_number(tmp_path: Path) -> None:
    keys = 'words = { "less than *" = "<*", "* L" = "*", "388*" = "388", "* mg/dl" = "*", "qns" = "missing" }\n'
    cohort = read(tmp_path, ("Less than 45", "388 L", "388*", "610 mg/dL", "QNS", "505"), keys)
    assert cohort.samples["igg"].tolist() == pytest.approx([0.45, 3.88, 3.88, 6.1, 5.05])
    assert cohort.rows["samples.csv"] == RowCount(read=6, used=5, set_aside=1)


def test_rows_with_words_are_set_aside_and_told(tmp_path: Path) -> None:
    cohort = read(tmp_path, CELLS, 'words = "set aside"\n')
    assert cohort.samples["igg"].tolist() == pytest.approx([5.1])
    assert cohort.rows["samples.csv"] == RowCount(read=9, used=1, set_aside=8)
    assert len(warnings_of(cohort)) == 8
    assert all("row set aside" in warning for warning in warnings_of(cohort))


def test_a_unit_in_the_cell_that_contradicts_the_row_is_refused_whatever_is_stated(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found '6\.1 g/L'; the unit in the cell is not the unit of the row"):
        read(tmp_path, ("510", "6.1 g/L"), 'words = { "* g/L" = "*" }\n')
    cohort = read(tmp_path, ("5.1", "6.1 g/L"), 'words = { "* g/L" = "*" }\n', unit="g/L")
    assert cohort.samples["igg"].tolist() == [5.1, 6.1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ('{ "QNS" = "none" }', '"QNS" must mean "missing" or a level such as "345" or "<40", not "none"'),
        ('{ "QNS" = "<*" }', '"QNS" has no * for the number that "<*" repeats'),
        ('"drop"', "must be 'set aside'"),
    ],
)
def test_a_meaning_that_is_no_level_is_refused(tmp_path: Path, words: str, expected: str) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path, ("510",), f"words = {words}\n")
    assert expected in str(refused.value)


def test_words_also_hold_for_a_comma_as_decimal_mark(tmp_path: Path) -> None:
    files = {
        "cohort.toml": 'igg_unit = "g/L"\n[samples]\ndelimiter = ";"\ndecimal = ","\nwords = { "unter *" = "<*" }\n',
        "samples.csv": "patient_id;day;igg\nP1;0;6,2\nP1;7;unter 0,4\n",
    }
    assert read_cohort(write_cohort(tmp_path / "ward", files)).samples["igg"].tolist() == pytest.approx([6.2, 0.4])


@pytest.mark.parametrize(
    ("cell", "meaning"),
    [
        ("under 45", "<45"),
        ("unter 0,4", "<0.4"),
        ("inférieur à 0,4", "<0.4"),
        ("> 3000 (H)", ">3000"),
        ("QNS", "missing"),
        ("hämolytisch", "missing"),
        ("See comment", "missing"),
        ("n.d.", "missing"),
        ("1,234 mg/dL", None),
        ("approx 500", None),
    ],
)
def test_only_what_is_plain_gets_a_meaning(cell: str, meaning: str | None) -> None:
    assert likely_meaning(cell) == meaning
