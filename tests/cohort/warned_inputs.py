# ruff: noqa: E501  (the messages are repeated exactly)
"""Cohorts that are read with warnings, which are listed word for word."""

from __future__ import annotations

from defect import DOSES, ONE_SAMPLE, SAMPLES, THERAPY, Defect

WARNINGS = (
    Defect(
        "identical rows",
        {
            "samples.csv": SAMPLES + "P1,0,500\nP1,0,500.0\n",
            "doses.csv": DOSES + "P1,3,40\nP1,3,40\n",
            "therapy.csv": THERAPY + "P1,0,28,blinatumomab\nP1,0,28,blinatumomab\n",
            "patients.csv": "patient_id,weight_kg\nP1,70\nP1,70\n",
            "outcomes.csv": "patient_id,day,outcome\nP1,9,infection\nP1,9,infection\n",
        },
        """
samples.csv: line 3, patient P1, igg: found '500.0'; the same as an earlier row [used once]
doses.csv: line 3, patient P1, amount_g: found '40'; the same as an earlier row, so left out; if both were given (vials, sites), write same_dose = "sum" under [doses] in cohort.toml, else same_dose = "one" [used once]
therapy.csv: line 3, patient P1, start: found '0'; the same as an earlier row [used once]
patients.csv: line 3, patient P1, patient_id: found 'P1'; the same as an earlier row [used once]
outcomes.csv: line 3, patient P1, outcome: found 'infection'; the same as an earlier row [used once]
""",
    ),
    Defect(
        "values outside stated limits",
        {
            "cohort.toml": 'igg_unit = "mg/dL"\nlower_limit = 40\nupper_limit = 3000\n',
            "samples.csv": SAMPLES + "P1,0,500\nP1,1,39\nP1,2,40\nP1,3,3001\n",
        },
        """
samples.csv: line 3, patient P1, igg: found '39'; below the lower limit, 40 mg/dL: used as <40 [used as <limit]
samples.csv: line 5, patient P1, igg: found '3001'; above the upper limit, 3000 mg/dL: used as >3000 [used as >limit]
""",
    ),
    Defect(
        "a unit slip",
        {"samples.csv": SAMPLES + "P1,0,500\nP1,1,480\nP1,2,4.7\nP2,0,500\nP2,1,5.1\n"},
        """
samples.csv: line 4, patient P1, igg: found '4.7'; about 100 times off this patient's other values: is the unit right? [used]
samples.csv: line 6, patient P2, igg: found '5.1'; about 100 times off this patient's other values: is the unit right? [used]
""",
    ),
    Defect(
        "doses and therapy of strangers",
        {
            "samples.csv": ONE_SAMPLE,
            "doses.csv": DOSES + "P2,0,40\nP2,1,40\n",
            "therapy.csv": THERAPY + "p1,0,,blinatumomab\n",
        },
        """
therapy.csv: line 2, patient_id: found "'P1', 'p1'"; ids that differ only in form are different patients here; if they are one, write one form, or map them under [TABLE.values.patient_id] in cohort.toml [used as different patients]
doses.csv: line 2, patient P2, patient_id: found 'P2'; this patient has no samples: is the id right? [used]
therapy.csv: line 2, patient p1, patient_id: found 'p1'; this patient has no samples: is the id right? [used]
""",
    ),
    Defect(
        "samples after a transplant",
        {
            "samples.csv": SAMPLES + "P1,0,500\nP1,60,480\n",
            "outcomes.csv": "patient_id,day,outcome\nP1,50,HSCT\n",
        },
        """
samples.csv: line 3, patient P1, day: found '60'; after transplant (day 50): follow-up has ended [row set aside]
""",
    ),
    Defect(
        "header-only doses",
        {"samples.csv": ONE_SAMPLE, "doses.csv": DOSES},
        """
doses.csv: file: found 'a header without rows'; rows of doses [used]
""",
    ),
    Defect(
        "empty rows",
        {"samples.csv": SAMPLES + "P1,0,500\n,,\n,,\n"},
        """
samples.csv: line 3: found '2 empty rows'; rows with cells [row set aside]
""",
    ),
    Defect(
        "a table that nobody reads",
        {"samples.csv": ONE_SAMPLE, "dose.csv": DOSES},
        """
dose.csv: file: found 'dose.csv'; rename it to doses.csv if it belongs to this cohort [not read]
""",
    ),
)
