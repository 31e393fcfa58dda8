"""What foreign tables call the columns of the contract: one list for drafts, for suggestions and for unused columns."""

from __future__ import annotations

from typing import Final

SYNONYMS: Final[dict[str, tuple[str, ...]]] = {
    "patient_id": ("subject_id", "subject", "mrn", "id", "pid", "patient", "case", "fallnummer", "person_id", "pat",
        "pat_id", "pat_nr", "patnr", "patientid", "patient_no", "patient_nr", "patient_number", "patientennummer",
        "study_id", "record_id", "usubjid", "subjid"),
    "day": ("time", "time_day", "days", "study_day", "tag"),
    "datetime": ("charttime", "date", "datum", "time", "collected", "sampled", "startdate", "starttime", "given"),
    "igg": ("valuenum", "value", "result", "igg_mg_dl", "igg_g_l", "conc", "ergebnis", "wert", "immunoglobulin_g"),
    "unit": ("valueuom", "units", "einheit", "uom"),
    "amount": ("dose", "dosis", "dose_val_rx", "amount", "grams", "menge"),
    "amount_unit": ("dose_unit_rx", "dose_unit", "dose_uom"),
    "product": ("drug", "medication", "preparation"),
    "route": ("route", "weg"),
    "start": ("startdate", "starttime", "from", "begin"),
    "stop": ("enddate", "endtime", "end", "to", "until"),
    "agent": ("drug", "medication", "therapy"),
    "weight": ("wt", "weight", "gewicht", "bw"),
    "weight_unit": ("weight_uom", "wt_unit"),
    "outcome": ("event", "endpoint", "complication"),
}  # fmt: skip
