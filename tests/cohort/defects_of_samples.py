# ruff: noqa: E501  (the messages are repeated exactly)
"""Defects of the samples table and its units."""

from __future__ import annotations

from defect import DATED, DOSES, ONE_SAMPLE, SAMPLES, Defect

DEFECTS = (
    Defect(
        "igg that is text",
        {"samples.csv": SAMPLES + "P1,0,500\nP1,7,abc\n"},
        """
samples.csv: 1 problem
  line 3, patient P1, igg: found 'abc'; must be a number, <LIMIT or >LIMIT; say what is meant under [samples]: words = { "abc" = "..." }, or leave such rows out: words = "set aside"
""",
    ),
    Defect(
        "igg empty",
        {"samples.csv": SAMPLES + "P1,0,500\nP1,7,\n"},
        """
samples.csv: 1 problem
  line 3, patient P1, igg: found ''; a value is needed; leave out rows that were not measured
""",
    ),
    Defect(
        "igg NA",
        {"samples.csv": SAMPLES + "P1,0,NA\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, igg: found 'NA'; a value is needed; leave out rows that were not measured
""",
    ),
    Defect(
        "igg negative",
        {"samples.csv": SAMPLES + "P1,0,-3\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, igg: found '-3'; must be above 0
""",
    ),
    Defect(
        "igg zero",
        {"samples.csv": SAMPLES + "P1,0,0\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, igg: found '0'; must be above 0; write a level below the assay's limit as <LIMIT
""",
    ),
    Defect(
        "igg absurd",
        {"samples.csv": SAMPLES + "P1,0,15001\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, igg: found '15001'; must be at most 15000 mg/dL; is the unit right?
""",
    ),
    Defect(
        "igg absurd in g/L",
        {"cohort.toml": 'igg_unit = "g/L"\n', "samples.csv": SAMPLES + "P1,0,500\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, igg: found '500'; must be at most 150 g/L; is the unit right?
""",
    ),
    Defect(
        "igg with a thousands comma",
        {"samples.csv": SAMPLES + 'P1,0,"1,301"\n'},
        """
samples.csv: 1 problem
  line 2, patient P1, igg: found '1,301'; must be a number; a mark between thousands is not read, for it may be a decimal: write 1200, not 1,200, or state what marks the decimals: decimal = "," under [samples]
""",
    ),
    Defect(
        "igg infinite",
        {"samples.csv": SAMPLES + "P1,0,inf\nP1,1,1e999\n"},
        """
samples.csv: 2 problems
  line 2, patient P1, igg: found 'inf'; must be a number, <LIMIT or >LIMIT
  line 3, patient P1, igg: found '1e999'; must be a number, <LIMIT or >LIMIT
""",
    ),
    Defect(
        "limit without a number",
        {"samples.csv": SAMPLES + "P1,0,<\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, igg: found '<'; a limit is < or > and one number above 0: <40
""",
    ),
    Defect(
        "limit with two signs",
        {"samples.csv": SAMPLES + "P1,0,<<40\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, igg: found '<<40'; a limit is < or > and one number above 0: <40
""",
    ),
    Defect(
        "negative limit",
        {"samples.csv": SAMPLES + "P1,0,< -3\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, igg: found '< -3'; a limit is < or > and one number above 0: <40
""",
    ),
    Defect(
        "limit of zero",
        {"samples.csv": SAMPLES + "P1,0,>0\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, igg: found '>0'; a limit is < or > and one number above 0: <40
""",
    ),
    Defect(
        "limit columns crossed",
        {"samples.csv": "patient_id,day,igg,lower_limit,upper_limit\nP1,0,500,40,30\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, lower_limit: found '40'; must be below upper_limit
""",
    ),
    Defect(
        "limit column negative",
        {"samples.csv": "patient_id,day,igg,lower_limit\nP1,0,500,-1\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, lower_limit: found '-1'; must be a number above 0
""",
    ),
    Defect(
        "patient id missing",
        {"samples.csv": SAMPLES + ",0,500\nP1,0,500\n"},
        """
samples.csv: 1 problem
  line 2, patient_id: found ''; a patient id is needed
""",
    ),
    Defect(
        "day that is text",
        {"samples.csv": SAMPLES + "P1,Monday,500\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, day: found 'Monday'; must be a number of days; dates belong in a column datetime
""",
    ),
    Defect(
        "day missing",
        {"samples.csv": SAMPLES + "P1,,500\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, day: found ''; must be a number of days; dates belong in a column datetime
""",
    ),
    Defect(
        "date in a day column",
        {"samples.csv": SAMPLES + "P1,2024-03-01,500\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, day: found '2024-03-01'; must be a number of days; dates belong in a column datetime
""",
    ),
    Defect(
        "day number in a datetime column",
        {"samples.csv": DATED + "P1,7,500\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, datetime: found '7'; must be a date or local date-time such as 2024-03-31 or 2024-03-31 08:30 (state any other form as datetime_format); day numbers belong in a column day
""",
    ),
    Defect(
        "ambiguous date",
        {"samples.csv": DATED + "P1,03/04/2024,500\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, datetime: found '03/04/2024'; which is the day and which the month? State it: datetime_format = "%d/%m/%Y" under [samples] in cohort.toml, or "%m/%d/%Y": both read all cells of this column
""",
    ),
    Defect(
        "date that does not exist",
        {"samples.csv": DATED + "P1,2024-02-30,500\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, datetime: found '2024-02-30'; must be a date or local date-time such as 2024-03-31 or 2024-03-31 08:30 (state any other form as datetime_format); day numbers belong in a column day
""",
    ),
    Defect(
        "date-time with an offset",
        {"samples.csv": DATED + "P1,2024-02-03T08:00:00+01:00,500\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, datetime: found '2024-02-03T08:00:00+01:00'; has an offset from UTC, so the zone of the local clock is needed: time_zone = "Europe/Berlin" under [samples] in cohort.toml
""",
    ),
    Defect(
        "several problems in one row and in several files",
        {
            "samples.csv": SAMPLES + "P1,x,y\n",
            "doses.csv": DOSES + "P1,1,-5\nP1,z,5\n",
            "patients.csv": "patient_id,weight_kg\nP1,0.05\n",
        },
        """
samples.csv: 2 problems
  line 2, patient P1, day: found 'x'; must be a number of days; dates belong in a column datetime
  line 2, patient P1, igg: found 'y'; must be a number, <LIMIT or >LIMIT; say what is meant under [samples]: words = { "y" = "..." }, or leave such rows out: words = "set aside"
doses.csv: 2 problems
  line 2, patient P1, amount_g: found '-5'; must be a number above 0 to 300 g
  line 3, patient P1, day: found 'z'; must be a number of days; dates belong in a column datetime
patients.csv: 1 problem
  line 2, patient P1, weight_kg: found '0.05'; must be a number from 0.2 to 400 kg
""",
    ),
    Defect(
        "no unit anywhere",
        {"cohort.toml": None, "samples.csv": ONE_SAMPLE},
        """
samples.csv: 1 problem
  igg: found 'no unit'; the unit of IgG is never guessed; write igg_unit = "mg/dL" (or "g/L") in cohort.toml, or give igg_unit="mg/dL"
""",
    ),
    Defect(
        "unit unknown",
        {"cohort.toml": None, "samples.csv": "patient_id,day,igg,unit\nP1,0,500,mmol/l\nP1,3,400,mg/dl\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, unit: found 'mmol/l'; one of mg/dL, g/L, mg/L, g/dL, mg/mL, ug/mL; name another spelling of one of them under [samples.values.unit] in cohort.toml (never another unit)
""",
    ),
    Defect(
        "unit missing in a row",
        {"cohort.toml": None, "samples.csv": "patient_id,day,igg,unit\nP1,0,500,\nP1,3,400,mg/dL\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, unit: found ''; the unit of IgG is never guessed; write igg_unit = "mg/dL" (or "g/L") in cohort.toml, or give igg_unit="mg/dL"
""",
    ),
    Defect(
        "limit without a unit",
        {"cohort.toml": "lower_limit = 40\n", "samples.csv": "patient_id,day,igg,unit\nP1,3,400,mg/dL\n"},
        """
cohort.toml: 1 problem
  lower_limit: found '40'; is in igg_unit, so state that: igg_unit = "mg/dL" in cohort.toml, or igg_unit="mg/dL"
""",
    ),
)
