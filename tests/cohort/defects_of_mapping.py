# ruff: noqa: E501  (the messages are repeated exactly)
"""Defects of cohort.toml."""

from __future__ import annotations

from defect import DATED, ONE_SAMPLE, THERAPY, Defect

DEFECTS = (
    Defect(
        "TOML syntax",
        {"cohort.toml": 'igg_unit = "mg/dL"\nlower_limit 40\n', "samples.csv": ONE_SAMPLE},
        """
cohort.toml: 1 problem
  line 2, column 13: found 'lower_limit 40'; not TOML: Expected '=' after a key in a key/value pair
""",
    ),
    Defect(
        "TOML ends too early",
        {"cohort.toml": 'igg_unit = "mg/dL"\n[samples', "samples.csv": ONE_SAMPLE},
        """
cohort.toml: 1 problem
  line 2, end of file: found ''; not TOML: Expected ']' at the end of a table declaration
""",
    ),
    Defect(
        "TOML not UTF-8",
        {"cohort.toml": 'igg_unit = "mg/dL" # \u00b5\n'.encode("latin-1"), "samples.csv": ONE_SAMPLE},
        r"""
cohort.toml: 1 problem
  line 1: found 'byte 0xb5'; must be UTF-8 text
""",
    ),
    Defect(
        "unknown key",
        {
            "cohort.toml": 'igg_units = "mg/dL"\n[samples]\ndelimeter = ";"\n[sample]\nfiles = "x"\n',
            "samples.csv": ONE_SAMPLE,
        },
        """
cohort.toml: 3 problems
  line 1, igg_units: found 'igg_units'; unknown key; did you mean 'igg_unit'?
  line 3, samples.delimeter: found 'delimeter'; unknown key; did you mean 'delimiter'?
  line 4, sample: found 'sample'; unknown key; did you mean 'samples'?
""",
    ),
    Defect(
        "unit not allowed",
        {"cohort.toml": 'igg_unit = "mmol/l"\nsame_day = "first"\n', "samples.csv": ONE_SAMPLE},
        """
cohort.toml: 2 problems
  line 1, igg_unit: found 'mmol/l'; must be 'mg/dL', 'g/L', 'mg/L', 'g/dL', 'mg/mL' or 'ug/mL'
  line 2, same_day: found 'first'; must be 'sample_first' or 'dose_first'
""",
    ),
    Defect(
        "unknown contract name",
        {
            "cohort.toml": 'igg_unit = "mg/dL"\n[samples.columns]\npatient = "id"\n[doses.units]\namount_g = "kg"\nroute = "h"\n',
            "samples.csv": ONE_SAMPLE,
        },
        """
cohort.toml: 3 problems
  line 3, samples.columns.patient: found 'patient'; not a column of samples; did you mean 'patient_id'?
  line 5, doses.units.amount_g: found 'kg'; one of g, mg
  line 6, doses.units.route: found 'route'; has no unit in doses; known: day, amount_g, amount_g_per_kg, amount, duration_h, duration, end
""",
    ),
    Defect(
        "keep with two operators",
        {
            "cohort.toml": 'igg_unit = "mg/dL"\n[[samples.keep]]\ncolumn = "a"\nequals = 1\nempty = true\n[[samples.keep]]\nequal = 2\n',
            "samples.csv": ONE_SAMPLE,
        },
        """
cohort.toml: 3 problems
  line 2, samples.keep: found "{'column': 'a', 'equals': 1, 'empty': True}"; one of equals, one_of, none_of, contains, matches, at_least, at_most, empty is needed, not 2
  line 2, samples.keep: found "{'equal': 2}"; the key 'column' is needed
  line 7, samples.keep.equal: found 'equal'; unknown key; did you mean 'equals'?
""",
    ),
    Defect(
        "bad pattern and encoding",
        {
            "cohort.toml": 'igg_unit = "mg/dL"\n[samples]\nencoding = "utf-9"\n[[doses.keep]]\ncolumn = "a"\nmatches = "("\n',
            "samples.csv": ONE_SAMPLE,
        },
        """
cohort.toml: 2 problems
  line 3, samples.encoding: found 'utf-9'; not an encoding Python knows, such as 'utf-8', 'cp1252' or 'utf-16'
  line 6, doses.keep.matches: found '('; not a regular expression (missing ), unterminated subpattern at position 0)
""",
    ),
    Defect(
        "lasts_day negative",
        {"cohort.toml": 'igg_unit = "mg/dL"\n[therapy]\nlasts_day = -2\n', "samples.csv": ONE_SAMPLE},
        """
cohort.toml: 1 problem
  line 3, therapy.lasts_day: found '-2'; must be greater than 0, or: must be a table
""",
    ),
    Defect(
        "lasts_day negative for an agent",
        {"cohort.toml": 'igg_unit = "mg/dL"\n[therapy]\nlasts_day = { rituximab = -3 }\n', "samples.csv": ONE_SAMPLE},
        """
cohort.toml: 1 problem
  line 3, therapy.lasts_day.rituximab: found '-3'; must be greater than 0
""",
    ),
    Defect(
        "a unit of amounts that nobody knows",
        {"cohort.toml": 'format = "nonmem"\nigg_unit = "mg/dL"\namount_unit = "vials"\ntime_unit = "day"\n'},
        """
cohort.toml: 1 problem
  line 3, amount_unit: found 'vials'; one of g, mg, g/kg, mg/kg
""",
    ),
    Defect(
        "an event file without a mapping",
        {"cohort.toml": None, "events.csv": "ID,TIME,AMT,DV\n1,0,.,500\n"},
        """
samples.csv: 1 problem
  file: found 'events.csv'; a cohort needs samples.csv or samples.parquet; if events.csv is a NONMEM event file, write format = "nonmem" and its units into cohort.toml
""",
    ),
    Defect(
        "an encoding that is no text",
        {"cohort.toml": 'igg_unit = "mg/dL"\n[samples]\nencoding = "rot13"\n', "samples.csv": ONE_SAMPLE},
        """
cohort.toml: 1 problem
  line 3, samples.encoding: found 'rot13'; not an encoding Python knows, such as 'utf-8', 'cp1252' or 'utf-16'
""",
    ),
    Defect(
        "lasts_day of an unknown agent",
        {
            "cohort.toml": 'igg_unit = "mg/dL"\n[therapy]\nlasts_day = { rituximb = 180 }\n',
            "samples.csv": ONE_SAMPLE,
            "therapy.csv": THERAPY + "P1,0,,Rituximab\n",
        },
        """
therapy.csv: 1 problem
  lasts_day: found 'rituximb'; no row has this agent; did you mean 'Rituximab'?
""",
    ),
    Defect(
        "values of the wrong type",
        {
            "cohort.toml": 'igg_unit = "mg/dL"\n[samples]\nskip_lines = -1\n[samples.columns]\nigg = 3\n',
            "samples.csv": ONE_SAMPLE,
        },
        """
cohort.toml: 2 problems
  line 3, samples.skip_lines: found '-1'; must be greater than or equal to 0
  line 5, samples.columns.igg: found '3'; must be text, or: must be a list
""",
    ),
    Defect(
        "dates as given",
        {
            "cohort.toml": 'igg_unit = "mg/dL"\ntime_origin = "as_given"\n',
            "samples.csv": DATED + "P1,2024-01-01,500\n",
        },
        """
cohort.toml: 1 problem
  time_origin: found 'as_given'; dates need an origin: therapy, first_sample or first_dose
""",
    ),
    Defect(
        "time zones",
        {
            "cohort.toml": 'igg_unit = "mg/dL"\n[samples]\ntime_zone = "Berlin"\n',
            "samples.csv": ONE_SAMPLE,
        },
        """
cohort.toml: 1 problem
  line 3, samples.time_zone: found 'Berlin'; not a time zone such as 'Europe/Berlin' or 'UTC'
""",
    ),
    Defect(
        "two clocks",
        {
            "cohort.toml": 'igg_unit = "mg/dL"\n[samples]\ntime_zone = "UTC"\n[doses]\ntime_zone = "Asia/Tokyo"\n',
            "samples.csv": ONE_SAMPLE,
        },
        """
cohort.toml: 1 problem
  line 5, doses.time_zone: found 'Asia/Tokyo'; one local clock for all tables, that of samples (UTC)
""",
    ),
)
