"""Every column name that means something in an event file: what it is to NONMEM, and what happens to it here.

The reader takes its lists from this table, and `docs/nonmem.md` is made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["read", "filter", "type", "not used"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """names: the first is the usual one. kind: "read" as an item, "filter" leaves rows out, "type" tells apart what was
    measured, "not used" is never a covariate."""

    names: tuple[str, ...]
    kind: Kind
    reserved: bool
    """A word that NM-TRAN reserves for data; the others are usual names."""
    meaning: str
    here: str


def _item(names: str, kind: Kind, meaning: str, here: str, *, reserved: bool = False) -> Item:
    return Item(names=tuple(names.split()), kind=kind, reserved=reserved, meaning=meaning, here=here)


DATE_ORDER: Final = {"DATE": "mdy", "DAT1": "dmy", "DAT2": "ymd", "DAT3": "ydm"}
"""In which order NM-TRAN reads day, month and year."""

ITEMS: Final = (
    _item(
        "ID",
        "read",
        "whose row it is",
        "the patient; also under `#ID`, `@ID` or `CID`; rows of one ID stand together",
        reserved=True,
    ),
    _item(
        "TIME",
        "read",
        "time of the event, a number or a clock time hh:mm",
        "in `time_unit`; clock times are hours, above 24 too; the hour of the day where there is a date",
        reserved=True,
    ),
    _item(
        "DATE",
        "read",
        "calendar date month/day/year, or a day number",
        "joined with TIME; dates as 2024-03-31 are read as well; a year of two digits is asked about",
        reserved=True,
    ),
    _item("DAT1", "read", "calendar date day/month/year, or a day number", "as DATE", reserved=True),
    _item("DAT2", "read", "calendar date year/month/day, or a day number", "as DATE", reserved=True),
    _item("DAT3", "read", "calendar date year/day/month, or a day number", "as DATE", reserved=True),
    _item(
        "DV",
        "read",
        "the observation",
        "IgG in `igg_unit`; another column by `igg` under `[samples.columns]`",
        reserved=True,
    ),
    _item("MDV", "read", "1: no observation", "no sample unless 0 or empty", reserved=True),
    _item(
        "EVID",
        "read",
        "0 observation, 1 dose, 2 other, 3 reset, 4 reset and dose",
        "0 a sample, 1 a dose, 2 neither; 3 and 4 start another record of the same patient, `ID:2`. Absent: 1 where "
        "there is an amount or rate, else 0",
        reserved=True,
    ),
    _item("AMT", "read", "amount of the dose", "in `amount_unit`", reserved=True),
    _item(
        "RATE",
        "read",
        "rate of an infusion; -1 modelled rate, -2 modelled duration",
        "above 0: the infusion lasts AMT/RATE; -1 and -2 need the duration in a column DUR, else they are refused. A "
        "model's F scales the rate here and keeps the duration; in NONMEM it shortens the duration",
        reserved=True,
    ),
    _item("DUR TINF", "read", "usual name: duration of an infusion", "in `time_unit`; must agree with RATE"),
    _item("II", "read", "interval between doses of ADDL or SS, a number or hh:mm", "in `time_unit`", reserved=True),
    _item("ADDL", "read", "number of further doses", "written out as doses", reserved=True),
    _item(
        "SS",
        "read",
        "1 steady state, earlier doses forgotten; 2 steady state added to what is there",
        "written out as doses over the ten years before, which is said. After samples or other doses of the record "
        "it starts another record of the same patient, with 2 also holding the doses before. AMT 0 with RATE: an "
        "infusion that lasted up to this row",
        reserved=True,
    ),
    _item(
        "CMT",
        "read",
        "compartment of the dose or observation",
        'samples must belong to one compartment; doses into another one need a route: `route = "CMT"` under '
        "`[doses.columns]` and `[doses.values.route]`",
        reserved=True,
    ),
    _item(
        "LAG ALAG ALAG1 ALAG2",
        "not used",
        "usual names: lag of a dose",
        'used only as `lag = "LAG"` under `[doses.columns]`, in `time_unit`',
    ),
    _item(
        "D1 D2 R1 R2 F1 F2 S1 S2",
        "not used",
        "parameters of NONMEM's model: duration, rate, availability, scale",
        'a duration is used as `duration = "D1"` under `[doses.columns]`',
    ),
    _item("CENS", "read", "Monolix, nlmixr2: 1 below DV, -1 above DV", "the sample is below or above DV"),
    _item("LIMIT", "read", "Monolix, nlmixr2: other end of the interval", "told and not used"),
    _item("LLOQ", "read", "usual name: lower limit of the assay", "the lower limit of the row"),
    _item("BLQ BLOQ", "read", "usual names: 1 below the lower limit", "the sample is below LLOQ"),
    _item(
        "C",
        "filter",
        "usual name: C comments the row out (IGNORE=C, IGNORE=@)",
        "rows with C or any other letter, # or @ are left out, counted as filtered and told",
    ),
    _item(
        "IGNORE IGN",
        "filter",
        "usual names: rows that are to be left out",
        "rows with anything but 0 or . are left out, counted as filtered and told",
    ),
    _item(
        "EXCL EXCLUDE EXCLF OMIT REJECT",
        "filter",
        "usual names: rows that may be meant to be left out",
        "a problem where they mark some rows, until `[[samples.keep]]` says what they mean",
    ),
    _item(
        "DVID YTYPE DVTYPE OBSTYPE",
        "type",
        "usual names: what was observed",
        "several among the samples are a problem until `[[samples.keep]]` chooses one",
    ),
    _item(
        "NAME DVNAME TYPE ANALYTE PARAM PARAMCD TEST TESTCD ITEM",
        "type",
        "usual names: what was observed, in words",
        "as DVID where they vary within a patient",
    ),
    _item("ADM", "not used", "Monolix: administration", 'a route is used as `route = "ADM"` under `[doses.columns]`'),
    _item("L1", "not used", "another name of ID", 'not used; as ID by `patient_id = "L1"`', reserved=True),
    _item(
        "L2",
        "not used",
        "groups observations of one time whose errors are correlated",
        "told as not used",
        reserved=True,
    ),
    _item(
        "PCMT",
        "not used",
        "the compartment of the prediction in rows that are no observation",
        "told as not used: it changes no observation and no dose",
        reserved=True,
    ),
    _item(
        "CALL",
        "not used",
        "1, 2, 3, 10: PK, ERROR or ADVAN are called with the row although nothing asks for it",
        "told as not used: it changes when a model's code runs, no observation and no dose",
        reserved=True,
    ),
    _item(
        "CONT",
        "read",
        "1: the event goes on in the next row (more items than a row holds)",
        "a problem where it is 1: half an event is no event; join the rows",
        reserved=True,
    ),
    _item(
        "RAW_ MRG_ RPT_ REPL_",
        "not used",
        "marks records for raw-data averages, marginal quantities, repetition and replication of records",
        "told as not used",
        reserved=True,
    ),
    _item(
        "XVID1 XVID2 XVID3 XVID4 XVID5",
        "not used",
        "further event types of the user's own, in newer versions",
        "told as not used",
    ),
    _item("DROP SKIP", "not used", "a column that NM-TRAN leaves out", "not used", reserved=True),
    _item("PRED IPRED RES WRES IRES IWRES CWRES NPDE ETA1 ETA2", "not used", "output of NONMEM", "not used"),
    _item(
        "TAD TAFD TSLD TLD NTIME NTIM NTLD NOMTIME DAY WEEK VISIT VISI VISITNUM VIS OCC PERIOD CYCLE",
        "not used",
        "usual names: time after dose, nominal time, visit, occasion",
        "never a covariate; told where it varies",
    ),
    _item(
        "LNDV LOGDV LDV LNCONC", "not used", "usual names: logarithm of the observation", "never DV, never a covariate"
    ),
    _item(
        "FLAG SEQ NUM NUMB REC ROW LINE OBS NR COMMENT CLOCK",
        "not used",
        "usual names: numbers and marks of rows",
        "never a covariate; told where it varies",
    ),
    _item(
        "WT WEIGHT BW WGT",
        "not used",
        "usual names: weight",
        'a covariate; the weight as `weight_kg = "WT"` under `[patients.columns]`',
    ),
)

DV_NAMES: Final = ("LIDV", "CONC", "IGG", "Y", "DVN", "CONCENTRATION", "CP", "LEVEL", "RESULT", "VALUE")
"""Other names of the observation, the likeliest first; never its logarithm, MDV or DVID."""
WEIGHT_NAMES: Final = next(one.names for one in ITEMS if "WT" in one.names)
READ: Final = tuple(name for one in ITEMS if one.kind == "read" for name in one.names)
FILTERS: Final = {name: one.names[0] for one in ITEMS if one.kind == "filter" for name in one.names}
TYPES: Final = {name: one.names[0] for one in ITEMS if one.kind == "type" for name in one.names}
LOGARITHMS: Final = next(one.names for one in ITEMS if "LNDV" in one.names)
NOT_COVARIATES: Final = frozenset(name for one in ITEMS for name in one.names) - set(WEIGHT_NAMES)


def page() -> str:
    """The text of `docs/nonmem.md`."""
    lines = [
        "# NONMEM event files: every name and what happens to it",
        "",
        "Made from `igkinetics.cohort.nonmem.items`; `python docs/nonmem.py` writes it again.",
        "",
        'An event file is read with `format = "nonmem"`, `igg_unit`, `amount_unit` and `time_unit` in a',
        "`cohort.toml` beside it (`events.csv`, or `files` under `[samples]`). Cells may be separated by",
        "commas, blanks or tabs. `.` is empty. Capitals do not matter. Rows that begin with `#` or `@`, or",
        "with `C` before a numeric ID, are comments: left out, counted as filtered, and told. A column that",
        "is none of these is a covariate if it has one value for each patient; one that varies within a",
        'patient is told once and not used, unless `[patients]` says `repeated = "first"` or `"last"`. A',
        "column mapped under `[samples.columns]` or `[doses.columns]` wins over the usual name. Every entry",
        "of the mapping that matches nothing in the file is an error.",
        "",
        "| name | reserved by NM-TRAN | means | what happens |",
        "| --- | --- | --- | --- |",
    ]
    for one in ITEMS:
        names = ", ".join(f"`{name}`" for name in one.names)
        lines.append(f"| {names} | {'yes' if one.reserved else 'no'} | {one.meaning} | {one.here} |")
    return "\n".join(lines) + "\n"
