"""What short words and remarks say against their row, in the words of six languages, and what says nothing against it.

Each was read without a word before: a dose that was not given, blood drawn while immunoglobulin ran in, another person.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from defect import Files, doses, patients, samples, told

SPEAKS = "speaks against the row"
GIVEN = "every row is taken as a dose that was given"
OTHER = "every row is taken as immunoglobulin G"


NOT_GIVEN = (
    "nicht verabreicht, Fieber",
    "Gabe storniert (Infekt)",
    "Patient nicht erschienen",
    "pas administrée, fièvre",
    "n'a pas reçu la perfusion: annulée",
    "non è stata somministrata",
    "no fue administrada por fiebre",
    "niet toegediend wegens koorts",
    "patient did not receive it",
    "withheld, IgG 900",
    "postponed to next week",
    "no se administró",
    "pas faite",
    "fand nicht statt",
    "von Patient abgelehnt",
    "batch expired, discarded",
    "verschoben auf Montag",
)
GIVEN_ALL_THE_SAME = ("no data", "given without reactions", "moved: postponed from 3 May", "headache during infusion")
AMISS = (
    "drawn during IVIG infusion",
    "Abnahme während der laufenden Infusion",
    "prélevé pendant la perfusion",
    "from the infusion arm",
    "corrected for albumin",
    "albuminkorrigiert",
    "Probe vermutlich falsch beschriftet",
)
CASES: list[tuple[Files, str]] = [
    *((doses("note", "", remark), SPEAKS) for remark in NOT_GIVEN),
    *((doses("note", "", remark), "") for remark in GIVEN_ALL_THE_SAME),
    *((samples("note", "", remark, ""), SPEAKS) for remark in AMISS),
    (samples("note", "", "see comment\nnot valid", ""), 'none_of = ["see comment\\nnot valid"]'),
    ({"outcomes.csv": "patient_id,day,outcome,grade\nP1,9,infection,0\n"}, "taken as an event that happened"),
    ({"outcomes.csv": "patient_id,day,outcome,grade\nP1,9,infection,3\n"}, ""),
    (samples("note", "", "lipämisch", "Probe verwechselt"), 'none_of = ["lipämisch", "Probe verwechselt"]'),
    (samples("note", "", "drawn 3 weeks after infusion", ""), ""),
    (doses("event", "given", "ordered"), GIVEN),
    (doses("anything", "verabreicht", "angeordnet"), GIVEN),
    (doses("anything", "local", "order"), ""),
    (doses("product", "Albutein 25%", "Albutein 25%"), OTHER),
    (doses("drug", "Privigen", "Thymoglobulin"), OTHER),
    (doses("ATC", "J06BA02", "B05AA01"), OTHER),
    (doses("code", "J06BA02", "L04AA04"), OTHER),
    (doses("ATC", "J06BA02", "J06BA01"), ""),
    (doses("lot", "A12BC34", "B05AA01"), ""),
    (samples("person", "", "Mutter", ""), "every row is taken as a sample of the patient"),
    (samples("PLEX", "no", "yes", "no"), "IgG is then lost in another way too"),
    (samples("note", "", "nach Plasmaaustausch", ""), "IgG is then lost in another way too"),
    (samples("PLEX", "no", "no", "0"), ""),
    (samples("Verdünnung", "1", "5", "1"), "the undiluted sample"),
    (samples("dilution", "1:1", "1:1", ""), ""),
    (samples("source", "", "LLOQ/2", ""), "taken as a level that was measured"),
    (samples("source", "", "half the detection limit", ""), "taken as a level that was measured"),
    (patients("status", "screen failure"), "every patient is used; take the rows of such patients out"),
    (patients("status", "enrolled"), ""),
]


@pytest.mark.parametrize(("files", "expected"), CASES)
def test_what_is_said_against_a_row_is_told(tmp_path: Path, files: Files, expected: str) -> None:
    said = told(tmp_path, files)
    assert expected in said
    assert expected or not said, said
