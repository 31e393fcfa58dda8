"""A defective cohort as a value: its files and, word for word, what a user is told."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError, Problem

Files = dict[str, str | bytes | None]

SAMPLES: Final = "patient_id,day,igg\n"
ONE_SAMPLE: Final = SAMPLES + "P1,0,500\n"
DATED: Final = "patient_id,datetime,igg\n"
DOSES: Final = "patient_id,day,amount_g\n"
THERAPY: Final = "patient_id,start,stop,agent\n"
MAPPING: Final = 'igg_unit = "mg/dL"\n'


class Defect(NamedTuple):
    """Every case has a cohort.toml with igg_unit = "mg/dL" unless it brings its own (None: no file)."""

    name: str
    files: Files
    message: str


def write_cohort(folder: Path, files: Files) -> Path:
    """Write the files of a cohort; text in UTF-8, with the line ends given."""
    folder.mkdir(exist_ok=True)
    for name, content in {"cohort.toml": MAPPING, **files}.items():
        if content is not None:
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def warnings_of(cohort: Cohort) -> list[str]:
    """The problems of a cohort that could be read, each as one line with what was done about it."""
    table = cohort.problems.astype(object)
    rows = table.where(table.notna(), None).to_dict("records")
    return [f"{row['file']}: {Problem(**row)} [{row['action']}]" for row in rows]


THREE = SAMPLES + "P1,0,620\nP1,14,540\nP1,30,480\n"


def doses(heading: str, *cells: str) -> Files:
    """Doses two weeks apart with these words beside them."""
    rows = "".join(f'P1,{14 * place},30,"{cell}"\n' for place, cell in enumerate(cells, start=1))
    return {"doses.csv": f"{DOSES.strip()},{heading}\n{rows}"}


def samples(heading: str, *cells: str) -> Files:
    """THREE with these words beside them."""
    lines = [f'{row},"{cell}"' for row, cell in zip(THREE.splitlines(), (heading, *cells), strict=True)]
    return {"samples.csv": "\n".join(lines) + "\n"}


def patients(heading: str, cell: str) -> Files:
    """One patient with this word beside the weight."""
    return {"patients.csv": f"patient_id,weight_kg,{heading}\nP1,70,{cell}\n"}


def told(folder: Path, files: Files) -> str:
    """What is said of three samples beside these files; "REFUSED ..." where they are not read."""
    folder.mkdir(exist_ok=True)
    try:
        return " ".join(warnings_of(read_cohort(write_cohort(folder / "ward", {"samples.csv": THREE, **files}))))
    except InputError as error:
        return "REFUSED " + str(error)
