# ruff: noqa: E501  (the messages are repeated exactly)
"""Defects of files: columns, lengths of rows, encodings, formats."""

from __future__ import annotations

from defect import ONE_SAMPLE, SAMPLES, Defect

DEFECTS = (
    Defect(
        "column missing, near name",
        {"samples.csv": "patient_id,day,IgG\nP1,0,500\n"},
        """
samples.csv: 1 problem
  igg: found 'patient_id, day, IgG'; a column igg is needed; if it is 'IgG', write igg = "IgG" under [samples.columns]
""",
    ),
    Defect(
        "columns missing, known headings",
        {"samples.csv": "mrn,day,result\nP1,0,500\n"},
        """
samples.csv: 2 problems
  patient_id: found 'mrn, day, result'; a column patient_id is needed; if it is 'mrn', write patient_id = "mrn" under [samples.columns]
  igg: found 'mrn, day, result'; a column igg is needed; if it is 'result', write igg = "result" under [samples.columns]
""",
    ),
    Defect(
        "mapped column missing",
        {
            "cohort.toml": 'igg_unit = "mg/dL"\n[samples.columns]\nigg = "valuenm"\n',
            "samples.csv": "patient_id,day,valuenum\nP1,0,500\n",
        },
        """
samples.csv: 1 problem
  igg: found 'valuenm'; no such column; did you mean 'valuenum'?
""",
    ),
    Defect(
        "keep on a missing column",
        {
            "cohort.toml": 'igg_unit = "mg/dL"\n[[samples.keep]]\ncolumn = "item"\nequals = 1\n',
            "samples.csv": "patient_id,day,igg,itemid\nP1,0,500,1\n",
        },
        """
samples.csv: 1 problem
  keep: found 'item'; keep needs this column; did you mean 'itemid'?
""",
    ),
    Defect(
        "keep leaves nothing",
        {
            "cohort.toml": 'igg_unit = "mg/dL"\n[[samples.keep]]\ncolumn = "itemid"\nequals = 2\n',
            "samples.csv": "patient_id,day,igg,itemid\nP1,0,500,1\n",
        },
        """
samples.csv: 1 problem
  file: found 'rows read: 1, filtered: 1'; a cohort needs at least one row of samples
cohort.toml: 1 problem
  samples.keep: found 'itemid equals 2'; matches nothing: holds for no row; the column reads '1'
""",
    ),
    Defect(
        "both day and datetime",
        {"samples.csv": "patient_id,day,datetime,igg\nP1,0,2024-01-01,500\n"},
        """
samples.csv: 1 problem
  day: found 'day, datetime'; one of the two; choose it under [samples.columns], e.g. datetime = "datetime"
""",
    ),
    Defect(
        "a column name twice",
        {"samples.csv": "patient_id,day,igg,igg\nP1,0,500,400\n"},
        """
samples.csv: 1 problem
  igg: found 'igg'; a column name that occurs once
""",
    ),
    Defect(
        "therapy without stop",
        {"samples.csv": ONE_SAMPLE, "therapy.csv": "patient_id,start\nP1,0\n"},
        """
therapy.csv: 1 problem
  stop: found 'patient_id, start'; a column stop is needed; name the foreign column under [therapy.columns]
""",
    ),
    Defect(
        "empty file",
        {"samples.csv": ""},
        """
samples.csv: 1 problem
  file: found ''; an empty file; samples needs a header line and rows
""",
    ),
    Defect(
        "header only",
        {"samples.csv": SAMPLES},
        """
samples.csv: 1 problem
  file: found 'a header without rows'; a cohort needs at least one row of samples
""",
    ),
    Defect(
        "empty doses file",
        {"samples.csv": ONE_SAMPLE, "doses.csv": "\n\n"},
        """
doses.csv: 1 problem
  file: found ''; an empty file; doses needs a header line and rows
""",
    ),
    Defect(
        "no samples file",
        {"sample.csv": ONE_SAMPLE},
        """
samples.csv: 1 problem
  file: found 'cohort.toml, sample.csv'; a cohort needs samples.csv or samples.parquet; rename 'sample.csv'?
""",
    ),
    Defect(
        "nothing in the folder",
        {"cohort.toml": None},
        """
samples.csv: 1 problem
  file: found 'an empty folder'; a cohort needs samples.csv or samples.parquet
""",
    ),
    Defect(
        "CSV and Parquet",
        {"samples.csv": ONE_SAMPLE, "samples.parquet": b"PAR1"},
        """
samples.csv: 1 problem
  file: found 'samples.csv and samples.parquet'; one of them only, or name the file: files = ["samples.csv"] under [samples]
""",
    ),
    Defect(
        "broken Parquet",
        {"samples.parquet": b"PAR1 nothing"},
        """
samples.parquet: 1 problem
  file: found 'ArrowInvalid'; a readable Parquet file of plain columns
""",
    ),
    Defect(
        "files that do not exist",
        {"cohort.toml": 'igg_unit = "mg/dL"\n[samples]\nfiles = ["labs-*.csv"]\n', "lab.csv": ONE_SAMPLE},
        """
cohort.toml: 1 problem
  samples.files: found 'labs-*.csv'; no file matches, relative to the folder of this file
""",
    ),
    Defect(
        "row too long",
        {"samples.csv": SAMPLES + "P1,0,500\nP1,7,400,x\nP1,9,300\n"},
        """
samples.csv: 1 problem
  line 3: found 'P1,7,400,x'; 3 cells as in the header, not 4
""",
    ),
    Defect(
        "row too short, after a quoted line break",
        {"samples.csv": 'patient_id,day,igg,comment\nP1,0,500,"two\nlines"\nP1,7\nP1,8,x,\n'},
        """
samples.csv: 2 problems
  line 4: found 'P1,7'; 4 cells as in the header, not 2
  line 5, patient P1, igg: found 'x'; must be a number, <LIMIT or >LIMIT; say what is meant under [samples]: words = { "x" = "..." }, or leave such rows out: words = "set aside"
""",
    ),
    Defect(
        "semicolons",
        {"samples.csv": "patient_id;day;igg\nP1;0;500\n"},
        """
samples.csv: 1 problem
  line 1: found 'patient_id;day;igg'; one column only; if cells are separated by ';', write delimiter = ";" under [samples] in cohort.toml
""",
    ),
    Defect(
        "wrong encoding",
        {"samples.csv": "patient_id,day,igg,ward\nP1,0,500,A\nP1,1,500,K\u00f6ln\n".encode("cp1252")},
        r"""
samples.csv: 1 problem
  line 3: found "b'\\xf6'"; not utf-8 text; state the encoding, e.g. encoding = "cp1252" under [samples] in cohort.toml
""",
    ),
    Defect(
        "UTF-16",
        {"samples.csv": ONE_SAMPLE.encode("utf-16")},
        r"""
samples.csv: 1 problem
  line 1: found "b'\\xff'"; not utf-8 text; state the encoding, e.g. encoding = "utf-16" under [samples] in cohort.toml
""",
    ),
    Defect(
        "a workbook called csv",
        {"samples.csv": b"PK\x03\x04rest"},
        r"""
samples.csv: 1 problem
  file: found "b'PK\\x03\\x04'"; delimited text is needed, and this is a workbook or zip archive
""",
    ),
    Defect(
        "huge field",
        {"samples.csv": SAMPLES + 'P1,0,"' + "5\n" * 100_000 + '"\n'},
        """
samples.csv: 1 problem
  line 2: found 'field larger than field limit (131072)'; delimited text
""",
    ),
)
