# ruff: noqa: E501  (the messages are repeated exactly)
"""Defects of the other tables, and contradictions between tables."""

from __future__ import annotations

from defect import DATED, DOSES, ONE_SAMPLE, SAMPLES, THERAPY, Defect

DEFECTS = (
    Defect(
        "dose without an amount",
        {"samples.csv": ONE_SAMPLE, "doses.csv": DOSES + "P1,0,\n"},
        """
doses.csv: 1 problem
  line 2, patient P1, amount_g: found ''; an amount is needed
""",
    ),
    Defect(
        "dose of zero and above 300 g",
        {"samples.csv": ONE_SAMPLE, "doses.csv": DOSES + "P1,0,0\nP1,1,301\n"},
        """
doses.csv: 2 problems
  line 2, patient P1, amount_g: found '0'; must be a number above 0 to 300 g
  line 3, patient P1, amount_g: found '301'; must be a number above 0 to 300 g
""",
    ),
    Defect(
        "dose above 3 g/kg",
        {
            "samples.csv": ONE_SAMPLE,
            "doses.csv": "patient_id,day,amount_g_per_kg\nP1,0,3.1\n",
            "patients.csv": "patient_id,weight_kg\nP1,70\n",
        },
        """
doses.csv: 1 problem
  line 2, patient P1, amount_g_per_kg: found '3.1'; must be a number above 0 to 3 g/kg
""",
    ),
    Defect(
        "grams above 3 g/kg",
        {
            "samples.csv": ONE_SAMPLE,
            "doses.csv": DOSES + "P1,0,40\n",
            "patients.csv": "patient_id,weight_kg\nP1,10\n",
        },
        """
doses.csv: 1 problem
  line 2, patient P1, amount_g: found '40'; must be at most 3 g/kg at 10 kg
""",
    ),
    Defect(
        "g/kg without a weight",
        {"samples.csv": ONE_SAMPLE, "doses.csv": "patient_id,day,amount_g_per_kg\nP1,0,0.4\n"},
        """
doses.csv: 1 problem
  line 2, patient P1, amount_g_per_kg: found '0.4'; in g/kg, so weight_kg of this patient is needed in the patients table (or the dose in g)
""",
    ),
    Defect(
        "amount without a unit",
        {"samples.csv": ONE_SAMPLE, "doses.csv": "patient_id,day,amount\nP1,0,40\n"},
        """
doses.csv: 1 problem
  amount: found 'no unit'; its unit is needed: a column amount_unit, or amount = "g" under [doses.units] in cohort.toml
""",
    ),
    Defect(
        "amount_unit unknown",
        {"samples.csv": ONE_SAMPLE, "doses.csv": "patient_id,day,amount,amount_unit\nP1,0,40,vials\n"},
        """
doses.csv: 1 problem
  line 2, patient P1, amount_unit: found 'vials'; one of g, mg, g/kg, mg/kg, mL, mL/kg
""",
    ),
    Defect(
        "route unknown",
        {"samples.csv": ONE_SAMPLE, "doses.csv": "patient_id,day,amount_g,route\nP1,0,40,IVPB\n"},
        """
doses.csv: 1 problem
  line 2, patient P1, route: found 'IVPB'; iv or sc; map other words under [doses.values.route] in cohort.toml
""",
    ),
    Defect(
        "duration negative, duration without a unit",
        {
            "samples.csv": ONE_SAMPLE,
            "doses.csv": "patient_id,day,amount_g,duration_h,duration\nP1,0,40,-1,2\n",
        },
        """
doses.csv: 2 problems
  duration: found 'no unit'; its unit is needed: duration = "h" under [doses.units] in cohort.toml, or "4 h" in the cells
  line 2, patient P1, duration_h: found '-1'; must be a number from 0 to 31 days; a number without a unit is in h
""",
    ),
    Defect(
        "days mixed with dates, a column",
        {"samples.csv": ONE_SAMPLE, "doses.csv": "patient_id,datetime,amount_g\nP1,2024-01-01,40\n"},
        """
doses.csv: 1 problem
  datetime: found 'datetime'; the samples are in days, so this table is too; a mix of days and dates is an error
""",
    ),
    Defect(
        "days mixed with dates, a cell",
        {"samples.csv": ONE_SAMPLE, "therapy.csv": THERAPY + "P1,0,28,blinatumomab\nP1,2024-03-01,60,blinatumomab\n"},
        """
therapy.csv: 1 problem
  line 3, patient P1, start: found '2024-03-01'; must be a number of days like the samples; a mix of days and dates is an error
""",
    ),
    Defect(
        "dates mixed with days",
        {"samples.csv": DATED + "P1,2024-01-01,500\n", "patients.csv": "patient_id,death\nP1,50\n"},
        """
patients.csv: 1 problem
  line 2, patient P1, death: found '50'; must be a date like the samples; a mix of days and dates is an error
""",
    ),
    Defect(
        "stop before start",
        {"samples.csv": ONE_SAMPLE, "therapy.csv": THERAPY + "P1,10,5,blinatumomab\n"},
        """
therapy.csv: 1 problem
  line 2, patient P1, stop: found '5'; stop must be after start; where depletion outlasts the last dose, leave stop empty and state lasts_day under [therapy]
""",
    ),
    Defect(
        "stop equals start",
        {"samples.csv": ONE_SAMPLE, "therapy.csv": THERAPY + "P1,10,10,blinatumomab\n"},
        """
therapy.csv: 1 problem
  line 2, patient P1, stop: found '10'; stop must be after start; where depletion outlasts the last dose, leave stop empty and state lasts_day under [therapy]
""",
    ),
    Defect(
        "weight absurd",
        {
            "samples.csv": ONE_SAMPLE,
            "patients.csv": "patient_id,weight_kg,height_cm,age_y\nP1,0.1,2.5,200\nP2,401,,\n",
        },
        """
patients.csv: 4 problems
  line 2, patient P1, weight_kg: found '0.1'; must be a number from 0.2 to 400 kg
  line 2, patient P1, height_cm: found '2.5'; must be a number from 20 to 260 cm
  line 2, patient P1, age_y: found '200'; must be a number from 0 to 125 years
  line 3, patient P2, weight_kg: found '401'; must be a number from 0.2 to 400 kg
""",
    ),
    Defect(
        "after death",
        {
            "samples.csv": SAMPLES + "P1,0,500\nP1,51,400\n",
            "doses.csv": DOSES + "P1,52,40\n",
            "therapy.csv": THERAPY + "P1,60,,blinatumomab\n",
            "patients.csv": "patient_id,death\nP1,50\n",
        },
        """
samples.csv: 1 problem
  line 3, patient P1, day: found '51'; after death (day 50)
doses.csv: 1 problem
  line 2, patient P1, day: found '52'; after death (day 50)
therapy.csv: 1 problem
  line 2, patient P1, start: found '60'; after death (day 50)
""",
    ),
    Defect(
        "after death, by an outcome, with dates",
        {
            "samples.csv": DATED + "P1,2024-01-01,500\nP1,2024-02-02 09:00,400\nP1,2024-02-01 23:00,300\n",
            "outcomes.csv": "patient_id,datetime,outcome\nP1,2024-02-01,Death\n",
        },
        """
samples.csv: 1 problem
  line 3, patient P1, datetime: found '2024-02-02 09:00'; after death (2024-02-01)
""",
    ),
    Defect(
        "before birth",
        {"samples.csv": SAMPLES + "P1,0,500\n", "patients.csv": "patient_id,birth\nP1,1\n"},
        """
samples.csv: 1 problem
  line 2, patient P1, day: found '0'; before birth (day 1)
""",
    ),
    Defect(
        "death before birth",
        {"samples.csv": SAMPLES + "P1,5,500\n", "patients.csv": "patient_id,birth,death\nP1,3,2\n"},
        """
patients.csv: 1 problem
  line 2, patient P1, death: found '2'; must not be before birth
""",
    ),
    Defect(
        "two days of death",
        {
            "samples.csv": ONE_SAMPLE,
            "patients.csv": "patient_id,death\nP1,50\n",
            "outcomes.csv": "patient_id,day,outcome\nP1,51,death\n",
        },
        """
outcomes.csv: 1 problem
  line 2, patient P1, day: found '51'; the patients table says day 50
""",
    ),
    Defect(
        "outcome without a name",
        {"samples.csv": ONE_SAMPLE, "outcomes.csv": "patient_id,day,outcome\nP1,51,\n"},
        """
outcomes.csv: 1 problem
  line 2, patient P1, outcome: found ''; the name of an outcome
""",
    ),
    Defect(
        "contradicting samples",
        {"samples.csv": SAMPLES + "P1,0,500\nP1,7,300\nP1,7,310\n"},
        """
samples.csv: 2 problems
  line 3, patient P1, igg: found '300'; one value per patient and time; line 4 has another: give times of day, or keep one
  line 4, patient P1, igg: found '310'; one value per patient and time; line 3 has another: give times of day, or keep one
""",
    ),
    Defect(
        "contradicting patients",
        {"samples.csv": ONE_SAMPLE, "patients.csv": "patient_id,weight_kg\nP1,70\nP1,71\n"},
        """
patients.csv: 2 problems
  line 2, patient P1, patient_id: found 'P1'; one row per patient; line 3 has different values: keep one, or state repeated = "first" or "last" under [patients]
  line 3, patient P1, patient_id: found 'P1'; one row per patient; line 2 has different values: keep one, or state repeated = "first" or "last" under [patients]
""",
    ),
    Defect(
        "dates of a spreadsheet program as day numbers",
        {"samples.csv": ONE_SAMPLE + "P1,45292.5,400\n", "doses.csv": DOSES + "P1,45300,30\n"},
        """
samples.csv: 1 problem
  line 3, patient P1, day: found '45292.5'; no day number; if it is a spreadsheet's date, write 2024-01-01 in its place
doses.csv: 1 problem
  line 2, patient P1, day: found '45300'; no day number; if it is a spreadsheet's date, write 2024-01-09 in its place
""",
    ),
    Defect(
        "a date among days is not compared with the day of death",
        {
            "samples.csv": ONE_SAMPLE,
            "therapy.csv": THERAPY + "P1,2024-01-01,,blinatumomab\n",
            "patients.csv": "patient_id,death\nP1,90\n",
        },
        """
therapy.csv: 1 problem
  line 2, patient P1, start: found '2024-01-01'; must be a number of days like the samples; a mix of days and dates is an error
""",
    ),
    Defect(
        "two outcomes death",
        {"samples.csv": ONE_SAMPLE, "outcomes.csv": "patient_id,day,outcome\nP1,51,death\nP1,53,death\n"},
        """
outcomes.csv: 2 problems
  line 2, patient P1, day: found '51'; one day of death; line 3 has another
  line 3, patient P1, day: found '53'; one day of death; line 2 has another
""",
    ),
    Defect(
        "a huge value and an odd id are repeated in full, within reason",
        {"samples.csv": SAMPLES + "<script>,0," + "9a" * 100 + "\n"},
        """
samples.csv: 1 problem
  line 2, patient <script>, igg: found '9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a...'; must be a number, <LIMIT or >LIMIT
""",
    ),
)
