"""Rows of plain tables that are read as something else than they are, unless their words and numbers are heard."""

from __future__ import annotations

from pathlib import Path

import pytest
import xlsxwriter
from defect import DOSES, SAMPLES, THREE, Files, told, warnings_of, write_cohort

from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError

DOSED = DOSES.strip()
ML = 'igg_unit = "mg/dL"\n[doses]\nconcentration = "10 %"\nunits = { amount = "mL" }\n'


def samples(heading: str, *cells: str) -> Files:
    rows = THREE.splitlines()
    lines = [f"{row},{cell}" for row, cell in zip(rows, (heading, *cells, "", "", "")[: len(rows)], strict=True)]
    return {"samples.csv": "\n".join(lines) + "\n"}


def products(*names: str, heading: str = "product") -> Files:
    rows = "".join(f"P1,{28 * n},30,{name}\n" for n, name in enumerate(names))
    return {"doses.csv": f"{DOSED},{heading}\n{rows}"}


def weighed(*cells: str, heading: str) -> Files:
    rows = "".join(f"P1,{28 * n},0.4,{cell}\n" for n, cell in enumerate(cells))
    doses = f"patient_id,day,amount_g_per_kg,{heading}\n{rows}"
    return {"doses.csv": doses, "patients.csv": "patient_id,weight_kg\nP1,70\n"}


def flagged(*rows: str, heading: str = "censored", toml: str = "") -> Files:
    files: Files = {"samples.csv": f"patient_id,day,igg,{heading}\n" + "\n".join(rows) + "\n"}
    return {**files, "cohort.toml": f'igg_unit = "mg/dL"\n{toml}'} if toml else files


BELOW = "1 means above the value, -1 below it; is IgG below"
MAPPED = '[samples.values.censored]\n"1" = "1"\n'
CENSORED: list[tuple[Files, str]] = [
    (flagged("A,0,400,0", "A,14,500,0", "A,30,40,1"), f"{BELOW} 40 here? write -1"),
    (flagged("A,0,40,1", "B,0,300,0", "B,14,700,0"), BELOW),
    (flagged("A,0,40,1", "A,14,40,1"), BELOW),
    (flagged("A,0,500,0,40", "A,30,40,1,40", heading="censored,lower_limit"), BELOW),
    (flagged("A,0,400,", "A,14,3000,1"), ""),
    (flagged("A,0,400,", "A,14,40,-1"), ""),
    (flagged("A,0,400,", "A,14,40,1", toml=MAPPED), ""),
    (flagged("A,0,400,0", "A,14,900,1", heading="BLQ", toml='[samples.columns]\ncensored = "BLQ"\n'), BELOW),
    (flagged("A,0,400,0,3000", "A,30,3000,-1,3000", heading="censored,upper_limit"), "which is at the upper limit"),
]
STRENGTHS: list[tuple[Files, str]] = [
    ({"doses.csv": "patient_id,day,amount,product\nP1,1,100,Hizentra 20%\n", "cohort.toml": ML}, "'Hizentra 20%'"),
    ({"doses.csv": "patient_id,day,amount,product\nP1,1,100,Octagam 5%\n", "cohort.toml": ML}, "0.1 g (10 %, as conc"),
    ({"doses.csv": "patient_id,day,amount,Drug\nP1,1,100,cutaquig 165 mg/mL\n", "cohort.toml": ML}, "165 mg/mL"),
    ({"doses.csv": "patient_id,day,amount,strength\nP1,1,100,5 %\n", "cohort.toml": ML}, "found \"1 row: '5 %'\""),
    ({"doses.csv": "patient_id,day,amount,product\nP1,1,300,Privigen 10%\n", "cohort.toml": ML}, ""),
    ({"doses.csv": "patient_id,day,amount,product\nP1,1,300,Privigen 100 mg/ml\n", "cohort.toml": ML}, ""),
]
OTHERS = (
    "Placebo",
    "Privigen placebo",
    "Pentaglobin",
    "IgM-enriched immunoglobulin",
    "Meropenem 1 g",
    "aciclovir",
    "cyclophosphamide",
    "Glucose 5%",
    "NaCl 0.9%",
    "Magnesium sulfate",
    "amino acids",
    "iron sucrose",
    "Fibrinogen concentrate",
    "C1 esterase inhibitor",
    "premedication",
    "Rituximab SC",
)
PRODUCTS: list[tuple[Files, str]] = [
    *((products("Privigen", "IVIG", name), "1 problem\n  line 4, product: found") for name in OTHERS),
    (products("Placebo"), "every row is taken as immunoglobulin G"),
    (products("IVIG", "Ondansetron", heading="medication"), "every row is taken as immunoglobulin G"),
    (products("IVIG", "Privigen 10%", "Octagam", "Kiovig 30 g", "IgG"), ""),
    (products("IVIG", "Zorblax", "Zorblax", "Quux"), "3 rows: 'Zorblax' in 2, 'Quux' in 1"),
    (products("IVIG", "Zorblax", "Zorblax", "Quux"), 'none_of = ["Zorblax", "Quux"]'),
    (products("IVIG", "A placebo", "B placebo", "C placebo", "D placebo"), '"C placebo", "D placebo"]'),
    (products("Zorblax", "Quux"), ""),
    (products("IVIG", "Privigen", heading="drug"), "looks like product"),
    (products("IVIG", "Zorblax", heading="medication"), "every row is taken as immunoglobulin G"),
]
UNITS: list[tuple[Files, str]] = [
    ({"samples.csv": "patient_id,day,igg,unit,units\nP1,0,620,mg/dL,g/L\n"}, "units are those of the column unit"),
    ({"samples.csv": "patient_id,day,igg,unit,igg_unit\nP1,0,620,mg/dL,g/L\n"}, "REFUSED"),
    ({"samples.csv": "patient_id,day,igg,unit,units\nP1,0,620,mg/dL,MG/DL\n"}, ""),
    ({"doses.csv": "patient_id,day,amount,amount_unit,dose_unit\nP1,1,30,g,mg\n"}, "those of the column amount_unit"),
]
COURSES: list[tuple[Files, str]] = [
    (products("5", heading="days"), "every row is taken as one infusion"),
    (products("5", heading="number_of_days"), "every row is taken as one infusion"),
    (products("5", heading="n_days"), "every row is taken as one infusion"),
    (products("1", heading="days"), ""),
    (products("150", heading="total_g"), "every row is taken as one infusion of its amount"),
    (products("30", heading="total_g"), ""),
    (weighed("50", heading="weight_used"), "doses in g/kg are multiplied by the weights of patients: found 50 kg"),
    (weighed("50", heading="dosing_weight"), "P1"),
    (weighed("110", heading="weight_lb"), "found 49.9 kg"),
    (weighed("70", heading="dosing_weight"), ""),
]
FLAGS: list[tuple[Files, str]] = [
    (samples("flag", "", "BLQ"), 'write comparator = "flag" under [samples.columns] and "BLQ" = "<"'),
    (samples("flag", "", "LLOQ"), "REFUSED"),
    (samples("note", "below LLOQ"), "a level without a sign was measured"),
    (samples("mdv", "0", "1", "0"), "a level that was measured"),
    (samples("evid", "0", "2", "0"), "a level that was measured"),
    (samples("evid", "0", "0", "0"), ""),
    (samples("qc", "ok", "fail"), "a result of a patient"),
    (samples("sample_type", "patient", "QC"), "a result of a patient"),
    (samples("type", "patient", "control"), "a result of a patient"),
    (samples("arm", "control", "control"), ""),
    (samples("status", "final", "pending"), "a result of a patient"),
    (samples("status", "final", "X"), "a result of a patient"),
    (samples("quality", "hemolysed"), "speaks against the row"),
    (samples("quality", "not haemolysed"), ""),
    (samples("specimen", "serum", "cord blood"), "a level in serum"),
    (samples("remark", "donor sample"), "a level in serum"),
    (samples("remark", "was diluted 1:10"), "speaks against the row"),
    (samples("remark", "duplicate of other patient"), "speaks against the row"),
    (samples("loinc", "2465-3", "2458-8"), "taken as total IgG"),
    (samples("code", "2465-3", "2472-9", "2466-1"), "taken as total IgG"),
    (samples("loinc", "2465-3", "2465-3"), ""),
    (samples("visit", "2024-1", "2024-2", "2024-3"), ""),
    ({**samples("timing", "", "post-infusion"), "doses.csv": DOSES + "P1,14,30\n"}, "taken as drawn before it"),
    ({**samples("timing", "", "peak"), "doses.csv": DOSES + "P1,14,30\n"}, "taken as drawn before it"),
    ({**samples("timing", "", "trough"), "doses.csv": DOSES + "P1,14,30\n"}, ""),
    (samples("igg_repeat", "", "440"), "these levels differ from it"),
    (
        {"samples.csv": "patient_id,day,igg,unit,igg_repeat\nP1,0,620,mg/dL,440\n", "cohort.toml": ""},
        "these levels differ",
    ),
    ({"samples.csv": "patient_id,day,igg,unit,igg_g_l\nP1,0,620,mg/dL,6.2\n", "cohort.toml": ""}, ""),
]


@pytest.mark.parametrize(("files", "said"), [*CENSORED, *STRENGTHS, *PRODUCTS, *UNITS, *COURSES, *FLAGS])
def test_what_rows_are_is_told(tmp_path: Path, files: Files, said: str) -> None:
    heard = told(tmp_path, files)
    assert said in heard
    assert bool(said) == bool(heard)


IVIG = "patient_id,day,amount_g\nP1,1,30\n"
TWO = SAMPLES + "A,0,{}\nA,14,{}\nA,28,{}\nB,0,700\nB,14,600\n"
SUBCLASSES = "patient_id,IgG1,IgG2,IgG3,IgG4\nP1,400,200,50,30\n"
WIDE = 'igg_unit = "mg/dL"\n[samples]\nwide = {{ {} }}\n'
ELSEWHERE: list[tuple[Files, str]] = [
    ({"ivig.csv": IVIG}, "its columns are those of doses, and nothing reads this file"),
    ({"doses.csv": IVIG, "doses_2024.csv": IVIG}, 'files = ["doses.csv", "doses_2024.csv"] under [doses]'),
    ({"levels2.csv": THREE}, "its columns are those of samples"),
    ({"ivig.tsv": IVIG.replace(",", "\t")}, "not read"),
    (
        {"ward.csv": "bed,colour\n1,red\n", "x.tsv": "a\tb\n1\t2\n"},
        "found 'ward.csv, x.tsv'; tables in this folder that",
    ),
    ({"README.txt": "Ask the ward.\nThen read this, please.\n"}, ""),
    ({"doses.csv": IVIG}, ""),
]
PEOPLE: list[tuple[Files, str]] = [
    *(
        ({"samples.csv": THREE + f"{name},0,500\n"}, "reads like no patient")
        for name in ("QC-1", "Reference", "TEST", "Mean", "median", "control", "Total", "average", "blank", "pool")
    ),
    ({"samples.csv": THREE + "P2,0,500\nTesta,0,500\n"}, ""),
    ({"samples.csv": THREE + "control-02,0,500\n"}, ""),
    ({"samples.csv": SAMPLES + "control 1,0,500\ncontrol 2,0,520\ncontrol 3,0,530\n"}, ""),
]
LEVELS: list[tuple[Files, str]] = [
    ({"samples.csv": TWO.format(7000, 4000, 4500)}, "a median above 40 g/L: is the unit right?"),
    ({"samples.csv": TWO.format(700, 400, 450)}, ""),
    (
        {"samples.csv": SUBCLASSES, "cohort.toml": WIDE.format('columns = "IgG*", day = "*"')},
        "are the subclasses of IgG",
    ),
    (
        {"samples.csv": SUBCLASSES, "cohort.toml": WIDE.format("day = { IgG1 = 0, IgG2 = 9, IgG3 = 28, IgG4 = 40 }")},
        "",
    ),
    ({"samples.csv": THREE, "therapy.csv": "patient_id,start,stop,cycle\nP1,0,28,1\n"}, ""),
]


EVENTS = 'format = "nonmem"\nigg_unit = "g/L"\namount_unit = "g"\ntime_unit = "day"\n'


def logs(*rows: str) -> Files:
    events = "ID,TIME,AMT,DV,LNDV,EVID\n" + "".join(f"1,{14 * n},.,{row},0\n" for n, row in enumerate(rows))
    return {"events.csv": events, "samples.csv": None, "cohort.toml": EVENTS}


LEVELS += [
    (logs("1.792,1.792", "1.609,1.609"), "LNDV says that it is a logarithm"),
    (logs("1.792,.", "1.609,3"), "LNDV says that it is a logarithm"),
]


@pytest.mark.parametrize(("files", "said"), [*ELSEWHERE, *PEOPLE, *LEVELS])
def test_what_a_cohort_holds_beside_is_told(tmp_path: Path, files: Files, said: str) -> None:
    heard = told(tmp_path, files)
    assert said in heard
    assert bool(said) == bool(heard)


def test_a_level_of_zero_is_refused_once(tmp_path: Path) -> None:
    heard = told(tmp_path, {"samples.csv": "patient_id,day,igg,lower_limit\nP1,0,0,40\nP1,9,500,40\n"})
    assert heard.count("must be above 0") == 1
    assert "used as" not in heard


def test_merged_cells_of_a_sheet_are_named(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "cohort.xlsx") as book:
        sheet = book.add_worksheet("samples")
        for number, row in enumerate((("patient_id", "day", "igg"), ("", 0, 620), ("", 14, 540))):
            sheet.write_row(number, 0, row)
        sheet.merge_range("A2:A3", "P1")
    (tmp_path / "cohort.toml").write_text('igg_unit = "mg/dL"\n')
    with pytest.raises(InputError, match="if cells are merged, only the first holds it"):
        read_cohort(tmp_path)


def test_a_workbook_of_which_no_sheet_is_read_is_named(tmp_path: Path) -> None:
    folder = write_cohort(tmp_path / "ward", {"samples.csv": THREE})
    with xlsxwriter.Workbook(folder / "infusions.xlsx") as book:
        book.add_worksheet("Sheet1").write_row(0, 0, ("patient_id", "day", "amount_g"))
    (warning,) = warnings_of(read_cohort(folder))
    assert "found 'infusions.xlsx'; its name speaks of doses" in warning
