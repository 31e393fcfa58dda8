"""Columns of a status, specimen, test, route or exclusion: what is not known to be usual is heard in any language.

And what rows of several columns or tables say together: amounts by weight, courses without a stop, days and dates.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from defect import DOSES, SAMPLES, THREE, Files, doses, patients, samples, told

IVIG = DOSES + "P1,14,30\n"
EVENTS = 'format = "nonmem"\nigg_unit = "g/L"\namount_unit = "g"\ntime_unit = "day"\n'


def therapy(*rows: str, heading: str = "") -> Files:
    return {"therapy.csv": f"patient_id,start,stop,agent{heading}\n" + "\n".join(rows) + "\n"}


NOT_GIVEN = "REFUSED", "every row is taken as a dose that was given"
ASKED = "it holds words that are not known to say so"
STATUS: list[tuple[Files, str]] = [
    *(
        (doses(heading, usual, word), "every row is taken as a dose that was given")
        for heading, usual, word in (
            ("Status", "gegeben", "abgesagt"),
            ("statut", "administré", "reporté"),
            ("estado", "administrada", "suspendido"),
            ("stato", "somministrata", "sospeso"),
            ("status", "toegediend", "uitgesteld"),
            ("status", "given", "patient refused"),
            ("Art", "Infusion", "geplant"),
            ("administré", "oui", "non"),
            ("administrada", "sí", "no"),
        )
    ),
    (doses("status", "given", "zurückgestellt"), f"every row is taken as a dose that was given; {ASKED}"),
    (doses("Dosisstatus", "verabreicht", "Rückruf"), ASKED),
    (doses("status", "completed", "Done."), ""),
    (doses("Status", "verabreicht", "vollständig gegeben"), ""),
    (doses("statut", "administrée", ""), ""),
    (doses("Intervall", "alle 4 Wochen", ""), "every row is taken as one infusion"),
    (doses("remark", "every 4 weeks until day 100", ""), "every row is taken as one infusion"),
    (doses("over_days", "5", "1"), "every row is taken as one infusion"),
    (doses("per", "week", "week"), "every row is taken as one infusion"),
    (doses("Applikation", "i.v.", "s.c."), 'write route = "Applikation" under [doses.columns]'),
    (doses("Verabreichungsart", "i.v.", "i.m."), "every dose is taken as iv"),
    (doses("anything", "", "subkutan"), "every dose is taken as iv"),
    (doses("Verabreichungsart", "intravenös", "bukkal"), ASKED),
    (doses("Verabreichungsart", "intravenös", "i.v."), ""),
    (doses("product", "Subcuvia", "Vivaglobin"), "given under the skin"),
    (doses("entry", "original", "corrected"), 'none_of = ["original"]'),
    (doses("remark", "", "total"), "none as the sum of others"),
    (samples("Ergebnisstatus", "Endbefund", "Endbefund", "Vorbefund"), ASKED),
    (samples("gültig", "ja", "nein", "ja"), "every row is taken as a valid result"),
    (samples("Ausschluss", "", "x", ""), "every row is taken as a valid result"),
    (samples("Ausschluss", "", "Röhrchen leer", ""), ASKED),
    (samples("excluded", "no", "no", ""), ""),
    (samples("below_lod", "FALSE", "FALSE", "TRUE"), "a level without a sign was measured"),
    (samples("Bemerkung", "", "", "unter Nachweisgrenze"), "a level without a sign was measured"),
    (samples("remarque", "", "tube d'un autre patient", ""), "speaks against the row"),
    (samples("comment", "", "corrected to 480", ""), "speaks against the row"),
    (samples("Probenart", "Serum", "Speichel", "Punktat"), 'none_of = ["Speichel", "Punktat"]'),
    (samples("muestra", "suero", "exudado", "suero"), f"every row is taken as a level in serum; {ASKED}"),
    (samples("specimen", "S1", "S2", "S3"), ""),
    (samples("Material", "Serum", "EDTA-Plasma", "venöses Blut"), ""),
    (samples("Analyt", "IgG", "CMV-IgG", "IgG"), "every row is taken as total IgG"),
    (samples("prueba", "", "anti-HBs IgG", ""), "every row is taken as total IgG"),
    (samples("Untersuchung", "Eiweiß", "Eiweiß", "Eiweiß"), ASKED),
    (samples("paraprotein", "", "yes", ""), "total IgG then holds the paraprotein"),
    (samples("comment", "", "M-gradient", ""), "total IgG then holds the paraprotein"),
    (samples("comment", "", "no paraprotein", ""), ""),
    (patients("ausgeschlossen", "ja"), "every patient is used"),
    (patients("Einwilligung", "nein"), "every patient is used"),
    (patients("consent", "withdrawn"), "every patient is used; take the rows of such patients out of every table"),
    (patients("status", "alive"), ""),
    (patients("diagnosis", "multiple myeloma IgG kappa"), "total IgG then holds the paraprotein"),
    (patients("diagnosis", "multiple myeloma IgA kappa"), ""),
    (patients("group", "IgG myeloma"), "total IgG then holds the paraprotein"),
    (patients("unit", "lb"), "weight_kg is in kg"),
    (patients("IgG-Substitution", "alle 4 Wochen 30 g"), "speaks of infusions"),
    (therapy("P1,0,28,blinatumomab,interrupted day 5-20", heading=",comment"), "speaks against the row"),
    (therapy("P1,0,28,blinatumomab,never started", heading=",reason"), "a therapy that was given"),
]
IN_PART = "the amount is taken as given whole"
PARTS: list[tuple[Files, str]] = [
    *(
        (doses(heading, usual, word), IN_PART)
        for heading, usual, word in (
            ("completed", "yes", "no"),
            ("infusion complete", "Y", "N"),
            ("full dose given", "yes", "no"),
            ("interrupted", "no", "yes"),
            ("stopped early", "", "yes"),
            ("abgebrochen", "nein", "ja"),
            ("discontinued", "0", "1"),
            ("reason not completed", "", "rigors"),
            ("infused", "30/30 g", "12/30 g"),
        )
    ),
    (doses("completed", "yes", "yes"), ""),
    (doses("interrupted", "no", "no"), ""),
    (doses("stopped", "14:30", "15:30"), "every dose is given as a bolus"),
    (doses("remark", "", "reaction; only half infused"), "write the amount that was given"),
]
ELSEWHERE: list[tuple[Files, str]] = [
    *(({**samples("Test", *[name] * 3)}, "") for name in ("Immunoglobulin G", "IMMUNOGLOBULIN G, SERUM", "IgG i.S.")),
    (samples("assay", *["Immunoglobulin G turbidimetry"] * 3), ""),
    ({**samples("IVIG given", "no", "yes", "no"), "doses.csv": IVIG}, ""),
    ({**samples("steroids given", "no", "yes", "no"), "doses.csv": IVIG}, ""),
    (doses("paracetamol given", "yes", "no"), ""),
    (doses("given at home", "yes", "no"), ""),
    (patients("excluded from trial X", "yes"), ""),
    (therapy("P1,0,28,blinatumomab,no", heading=",dexamethasone given"), ""),
]
AFTER = "taken as drawn before it"
TIMING: list[tuple[Files, str]] = [
    *(
        ({**samples("timepoint", "", word, ""), "doses.csv": IVIG}, AFTER)
        for word in (
            "30 min after IVIG",
            "1 h post infusion",
            "nach Infusion abgenommen",
            "après perfusion",
            "Post-dose 1h",
        )
    ),
    *(
        ({**samples("timepoint", "", word, ""), "doses.csv": IVIG}, "")
        for word in ("before IVIG", "14 days after IVIG", "vor Gabe", "2 weeks post infusion", "post dose 3")
    ),
    (samples("Collection date", "2024-01-01", "2024-01-15", "2024-03-29"), "rows are placed by day"),
    (samples("Collection date", "2024-01-01", "2024-01-15", "2024-01-31"), ""),
    (samples("week", "0", "2", "9"), "rows are placed by day"),
    (samples("week", "0", "2", "4"), ""),
]
WEIGHED: Files = {"patients.csv": "patient_id,weight_kg\nP1,70\n"}
AS_EVENTS: Files = {"samples.csv": None, "cohort.toml": EVENTS}
YEARS = "patient_id,datetime,igg\nP1,2024-01-01,620\nP1,2024-01-15,540\nP1,2024-03-01,480\n"
SHARED = YEARS + "P2,2024-01-15,540\nP2,2024-03-01,480\nP2,2024-03-20,470\nP2,2024-04-20,460\n"
TOGETHER: list[tuple[Files, str]] = [
    ({"samples.csv": YEARS, **therapy("P1,2023-01-02,2023-01-30,blinatumomab")}, "is the year right?"),
    ({"samples.csv": YEARS, "doses.csv": "patient_id,datetime,amount_g\nP1,2023-01-16,30\n"}, "is the year right?"),
    ({"samples.csv": YEARS, **therapy("P1,2021-06-02,2021-07-30,blinatumomab")}, ""),
    ({"samples.csv": SHARED + "P1,2024-03-20,470\n"}, "3 samples of P2 are, date and level, those of P1"),
    ({"samples.csv": SHARED}, ""),
    (therapy("P1,0,,blinatumomab", "P1,42,70,blinatumomab"), "a later course of this agent follows"),
    (therapy("P1,0,,blinatumomab", "P1,42,70,teclistamab"), "is the stop missing?"),
    (therapy("P1,0,28,blinatumomab", "P1,42,,blinatumomab"), ""),
    (therapy("P1,0,105,R-CHOP"), "they stay away for months"),
    ({"doses.csv": DOSES + "P1,14,0.4\nP1,28,0.4\n"}, "a median of 0.4 g"),
    ({"doses.csv": DOSES + "P1,14,28\nP1,28,0.4\n"}, "less than any dose"),
    ({"doses.csv": DOSES + "P1,14,28\nP1,28,1.5\n"}, ""),
    (
        {"doses.csv": "patient_id,day,amount_g,amount_g_per_kg\nP1,14,30,0.6\n", **WEIGHED},
        "42 g by amount_g_per_kg",
    ),
    (doses("mg_per_kg", "400", "700"), "the weight of one patient would differ"),
    (doses("volume_ml", "300", "120"), "so many grams are in no such volume"),
    ({"samples.csv": THREE + "1.2E+11,0,600\n"}, "an id that a spreadsheet has shortened"),
    ({"samples.csv": THREE + "unknown,0,600\n"}, "reads like no id"),
    ({"samples.csv": THREE + "Control serum,0,600\n"}, "reads like no patient"),
    (
        {"events.csv": "ID,TIME,AMT,DV\n1,0,.,6\n1,1,30,5.5\n1,14,.,8\n", "samples.csv": None, "cohort.toml": EVENTS},
        "a level in the row of a dose is not read",
    ),
    (
        {"events.csv": "ID,TIME,AMT,DV,EVID\n1,0,.,6,0\n1,1,0.4,.,1\n1,14,.,8,0\n", **AS_EVENTS},
        "Are they in g/kg?",
    ),
]  # fmt: skip


def series(*levels: float, days: int = 14) -> str:
    return SAMPLES + "".join(f"A,{days * n},{level:g}\n" for n, level in enumerate(levels))


SLIPS: list[tuple[Files, str]] = [
    ({"samples.csv": series(600, 550, 5300, 500, 480)}, "line 4, patient A, igg: found '5300'; 9.64 times"),
    ({"samples.csv": series(600, 550, 53, 500)}, "line 4, patient A, igg: found '53'; 1/9.43 of"),
    ({"samples.csv": series(6000, 550, 530, 500)}, "line 2, patient A, igg: found '6000'; 10.9 times"),
    ({"samples.csv": series(600, 550, 530, 60)}, "line 5, patient A, igg: found '60'; 1/8.83 of"),
    ({"samples.csv": series(600, 250, 100, 90, 150, 600, days=28)}, ""),
    ({"samples.csv": series(100, 90, 1400, 180, 90, days=28), "doses.csv": DOSES + "A,50,60\n"}, ""),
]


@pytest.mark.parametrize(("files", "said"), [*STATUS, *PARTS, *ELSEWHERE, *TIMING, *TOGETHER, *SLIPS])
def test_what_rows_say_is_heard_and_nothing_else(tmp_path: Path, files: Files, said: str) -> None:
    heard = told(tmp_path, files)
    assert said in heard
    assert bool(said) == bool(heard)


def test_a_rule_for_one_word_does_not_hide_the_others(tmp_path: Path) -> None:
    """The message shows all words, and those that the rule left in are asked about until the column is settled."""
    files: Files = {"doses.csv": DOSES.strip() + ",status\nP1,1,30,given\nP1,9,30,held\nP1,20,30,mislaid\n"}
    refused = told(tmp_path, files)
    assert "found \"1 row: 'held'\"" in refused
    assert "it also holds 'mislaid': add there what does not count" in refused
    rule = 'igg_unit = "mg/dL"\n[[doses.keep]]\ncolumn = "status"\nnone_of = ["held"{}]\n'
    still = told(tmp_path / "one", {**files, "cohort.toml": rule.format("")})
    assert "found \"1 row: 'mislaid'\"" in still
    both = told(tmp_path / "both", {**files, "cohort.toml": rule.format(', "mislaid"')})
    assert ASKED not in both
    settled = rule.format("") + '[doses]\nignore = ["status"]\n'
    assert ASKED not in told(tmp_path / "settled", {**files, "cohort.toml": settled})
