"""Writes docs/headings.md: what happens to headings and to words of laboratories. Run: python docs/headings.py"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.contract import TableName
from igkinetics.cohort.mapping.guess import guess
from igkinetics.cohort.mapping.headings import read_heading
from igkinetics.cohort.mapping.keys import TableMapping
from igkinetics.cohort.mapping.lab_words import likely_meaning
from igkinetics.cohort.mapping.layout import Place
from igkinetics.cohort.mapping.visits import visit_columns, wide_key
from igkinetics.cohort.parse.cells import igg_cells
from igkinetics.cohort.source.raw import RawRows

PAGE: Final = Path(__file__).with_name("headings.md")
HEADINGS: Final[dict[TableName, dict[str, tuple[str, ...]]]] = {
    "samples": {
        "K-01": (
            "MRN",
            "Patient ID",
            "subject_id",
            "USUBJID",
            "Study ID",
            "Pat.-Nr.",
            "Fallnummer",
            "N° patient",
            "Nº historia clínica",
            "Codice paziente",
            "Patiëntnummer",
            "Specimen ID",
        ),
        "2024-03-01 08:30": (
            "Sample date",
            "Collected",
            "Collected Date",
            "Collection Date/Time",
            "charttime",
            "Draw date",
            "Result date",
            "Entnahmedatum",
            "Abnahmezeit",
            "Abnahme",
            "Eingang",
            "Date de prélèvement",
            "Fecha de extracción",
            "Data prelievo",
            "Afnamedatum",
        ),
        "14": ("Study day", "Days since first infusion", "Tag", "Jour", "Time after dose"),
        "620": (
            "IgG (mg/dL)",
            "Serum IgG",
            "Immunoglobulin G",
            "IGG Qn",
            "Total IgG",
            "2465-3",
            "IgG, g/L",
            "IgG i.S.",
            "Uitslag",
            "Immunglobulin G",
            "Immunoglobuline G",
            "Inmunoglobulina G",
            "Result",
            "Ergebnis",
            "Risultato",
            "IgG1",
            "CMV IgG",
            "CSF IgG",
        ),
        "mg/dL": ("Units", "Einheit", "Unité", "Unidad de medida", "Unità di misura", "Eenheid"),
    },
    "doses": {
        "2024-03-20": ("Date given", "Infusion date", "Infusionsdatum", "Date de perfusion"),
        "30": ("Dose (g)", "IVIG dose (g)", "Dosis (g/kg)", "Menge", "Infusionsdauer (h)", "Infusion time (min)"),
    },
    "therapy": {"2024-03-02": ("Treatment start", "Therapiebeginn", "Date de fin"), "blinatumomab": ("Wirkstoff",)},
    "patients": {
        "control": ("Arm", "Treatment group", "Gruppe", "Bras", "Brazo"),
        "70": ("Weight (kg)", "weight_lb", "Körpergewicht (kg)", "Poids", "Age (years)", "Größe (cm)"),
        "2024-06-01": ("Date of death", "Todesdatum", "Overlijdensdatum", "Date de décès", "Fecha de nacimiento"),
    },
}
"""Table -> a cell -> headings above such cells."""
WORDS: Final = (
    "620",
    "<40",
    ">3000",
    "≤ 40",
    "LESS THAN 40",
    "under 40",
    "unter 0,4",
    "inférieur à 0,4",
    "menor que 40",
    "<40.0 (L)",
    "345*",
    "345 L",
    "345 (H)",
    "345 low",
    "620 mg/dL",
    "<10 mg/dL",
    "6.2 g/L",
    "QNS",
    "haemolysed",
    "hämolytisch",
    "lipemic",
    "see note",
    "siehe Kommentar",
    "cancelled",
    "not done",
    "nicht bestimmt",
    "pending",
    "TNP",
    "n.d.",
    "k.A.",
    "___",
    "6,2",
    "1,234",
    "approx. 500",
    "1:40",
    "positive",
)
INTRODUCTION: Final = """\
<!-- Written by docs/headings.py; edit that. -->
# Headings and laboratory words

`igkinetics check` drafts a `cohort.toml` for foreign tables. This page shows what its draft says of headings, and what
happens to the words that laboratories write in the place of a level. Nothing of a draft is applied before you save it.

A heading is cut into words, in English, German, French, Spanish, Italian or Dutch. A heading with a word that nobody
knows means nothing: no column is guessed from a likeness alone. A unit at the end of a heading is proposed, never
assumed.

"""


def what_it_means(table: TableName, heading: str, cell: str) -> str:
    """What the draft writes for one column of such cells."""
    cells = pd.DataFrame({heading: pd.Series([cell] * 3, dtype=str)})
    raw = RawRows(file="export.csv", cells=cells, line=np.arange(2, 5, dtype=np.intp))
    found = guess(table, Place(name="export.csv", settings=TableMapping(), raw=raw))
    if not found.columns:
        return "not used"
    name = next(iter(found.columns))
    unit = found.units.get(name) or (read_heading(heading).unit if name == "igg" else "")
    return f'`{name} = "{heading}"`' + (f", unit {unit} proposed" if unit else "")


def what_happens(word: str) -> str:
    """What becomes of one cell in the column of levels."""
    cells = igg_cells(pd.Series([word], dtype=str), ".")
    if not cells.unreadable[0]:
        sign = {-1: "below ", 0: "", 1: "above "}[int(cells.limit[0])]
        return f"read as {sign}{cells.value[0]:g}"
    if re.fullmatch(r"\d+,\d+", word):
        return 'refused, unless `decimal = ","` says that it is the decimal mark'
    meaning = likely_meaning(word)
    if meaning is None:
        return "refused; nobody can say what it means"
    return f'refused; proposed: `words = {{ "{word}" = "{meaning}" }}`'


def page() -> str:
    """The whole page."""
    lines = [INTRODUCTION, "## Headings\n\n"]
    lines.append("| table | heading | above cells such as | in the draft |\n| --- | --- | --- | --- |\n")
    for table, by_cell in HEADINGS.items():
        for cell, headings in by_cell.items():
            lines += [f"| {table} | {one} | {cell} | {what_it_means(table, one, cell)} |\n" for one in headings]
    visits = (
        ("IgG_wk0", "IgG_wk4"),
        ("IgG Tag 1", "IgG Tag 15"),
        ("IgG baseline", "IgG month 3"),
        ("IgG V1", "IgG V2"),
    )
    lines.append("\n## A column for each visit\n\n| headings | in the draft |\n| --- | --- |\n")
    lines += [f"| {', '.join(one)} | `{wide_key(visit_columns(one))}` |\n" for one in visits]
    lines.append(
        '\nA word instead of a number ("DAY") is for you to fill in. The rule `"7 * *"` counts weeks, '
        '`"30.4375 * *"` months.\n'
        "\n## Words of laboratories\n\n"
        'With `words = "set aside"` under `[samples]` every cell that is refused here is left out, counted and told.\n'
        "In a stated meaning `*` stands for a number:\n"
        '`words = { "LESS THAN *" = "<*", "* L" = "*", "QNS" = "missing" }`.\n'
        "A cell with a unit of its own that is not the row's is refused, whatever it is said to mean.\n\n"
        "| cell | what happens |\n| --- | --- |\n"
    )
    lines += [f"| {word} | {what_happens(word)} |\n" for word in WORDS]
    return "".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
