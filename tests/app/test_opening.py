"""Files that are chosen in the browser: read as a cohort, gone afterwards, and nothing else is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from igkinetics.app.opening import Chosen, read_chosen
from igkinetics.errors import InputError

SAMPLES = "patient_id,day,igg\nX,0,620\nX,30,480\n"


def chosen(folder: Path, **files: str) -> list[Chosen]:
    """Files as an upload leaves them: numbered, the reader's names beside."""
    found = []
    for place, (name, text) in enumerate(files.items()):
        path = folder / f"{place}.csv"
        path.write_text(text, encoding="utf-8")
        found.append(Chosen(name=f"C:\\\\ward\\\\{name}.csv", place=path))
    return found


def test_files_are_read_under_the_readers_names_and_removed(tmp_path: Path) -> None:
    files = chosen(tmp_path, samples=SAMPLES, doses="patient_id,day,amount_g\nX,31,30\n")
    cohort = read_chosen(files, "mg/dL")
    assert cohort.patient_ids == ("X",)
    assert len(cohort.doses) == 1
    assert not any(each.place.exists() for each in files)
    assert read_chosen(chosen(tmp_path, labs=SAMPLES), "mg/dL").patient_ids == ("X",)
    faulty = chosen(tmp_path, samples=SAMPLES.replace("480", "many"))
    with pytest.raises(InputError, match=r"samples\.csv: 1 problem"):
        read_chosen(faulty, "mg/dL")
    assert not faulty[0].place.exists()


def test_what_no_upload_left_is_neither_read_nor_removed(tmp_path: Path) -> None:
    own = Path(__file__)
    link = tmp_path / "0.csv"
    link.symlink_to(own)
    for place in (own, link, Path("/etc/passwd"), tmp_path / "missing.csv"):
        with pytest.raises(InputError, match="chosen in the browser"):
            read_chosen([Chosen(name="samples.csv", place=place)], "mg/dL")
    assert own.exists()


@pytest.mark.parametrize("name", ["x.exe", ".csv", "", "a.csv.sh"])
def test_a_file_that_no_cohort_has_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "0").write_text(SAMPLES)
    with pytest.raises(InputError, match="must end in"):
        read_chosen([Chosen(name=name, place=tmp_path / "0")], "mg/dL")


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0").write_text(SAMPLES)
    (tmp_path / "1").write_text(SAMPLES)
    files = [Chosen(name="samples.csv", place=tmp_path / place) for place in ("0", "1")]
    with pytest.raises(InputError, match="must be there once"):
        read_chosen(files, "mg/dL")
