# ruff: noqa: E501  (the files stand here as they are)
"""Small databases that were written for these tests: the same two patients as OMOP, FHIR, SDTM, ADaM and MIMIC-IV have them.

A was measured three times (6.40 g/L, below 0.45 g/L, 5.10 g/L), infused once (28 g over four hours) under blinatumomab,
and died; B was measured once. Every database also holds rows that are not the cohort's.
"""

from __future__ import annotations

import json

Files = dict[str, str]

OMOP: Files = {
    "concept.csv": (
        "concept_id,concept_name,domain_id,vocabulary_id,concept_code\n"
        "101,IgG [Mass/volume] in Serum or Plasma,Measurement,LOINC,2465-3\n102,IgA [Mass/volume],Measurement,LOINC,2458-8\n"
        "103,<,Meas Value Operator,SNOMED,x\n104,milligram per deciliter,Unit,UCUM,mg/dL\n105,gram per liter,Unit,UCUM,g/L\n"
        '201,"immunoglobulin G, human 100 MG/ML Injectable Solution",Drug,RxNorm,9001\n'
        '202,"immunoglobulin G, human",Drug,RxNorm,1426680\n203,blinatumomab,Drug,ATC,L01FX07\n'
        "204,Intravenous,Route,SNOMED,y\n205,EHR administration record,Type Concept,Type Concept,z\n"
        "206,EHR prescription,Type Concept,Type Concept,w\n301,FEMALE,Gender,Gender,F\n"
    ),
    "concept_ancestor.csv": "ancestor_concept_id,descendant_concept_id\n202,201\n",
    "measurement.csv": (
        "measurement_id,person_id,measurement_concept_id,measurement_date,measurement_datetime,operator_concept_id,"
        "value_as_number,unit_concept_id,measurement_source_value,unit_source_value,value_source_value\n"
        "1,11,101,2024-03-01,2024-03-01 08:00:00,0,640,104,IGG,mg/dL,640\n"
        "2,11,101,2024-03-15,2024-03-15 08:00:00,103,45,104,IGG,mg/dL,<45\n"
        "3,11,101,2024-04-12,2024-04-12 08:00:00,0,5.1,105,IGG,,5.1\n"
        "4,11,102,2024-04-12,2024-04-12 08:00:00,0,90,104,IGA,mg/dL,90\n"
        "5,12,101,2024-05-02,2024-05-02 08:00:00,,700,104,IGG,mg/dL,700\n"
    ),
    "drug_exposure.csv": (
        "drug_exposure_id,person_id,drug_concept_id,drug_exposure_start_date,drug_exposure_start_datetime,"
        "drug_exposure_end_date,drug_exposure_end_datetime,drug_type_concept_id,quantity,route_concept_id,"
        "drug_source_value,dose_unit_source_value\n"
        "1,11,201,2024-03-20,2024-03-20 10:00:00,2024-03-20,2024-03-20 14:00:00,205,28,204,IVIG 10 %,g\n"
        "2,11,203,2024-03-02,2024-03-02 00:00:00,2024-03-30,2024-03-30 00:00:00,205,28,204,blinatumomab,ug\n"
        "3,11,999,2024-03-02,2024-03-02 00:00:00,2024-03-02,2024-03-02 00:00:00,205,1,204,paracetamol,g\n"
    ),
    "person.csv": (
        "person_id,gender_concept_id,year_of_birth,birth_datetime,gender_source_value\n"
        "11,301,1970,1970-05-06 00:00:00,F\n12,0,1980,,M\n13,0,1990,,M\n"
    ),
    "death.csv": "person_id,death_date,death_datetime\n11,2024-06-01,\n",
}


def _lines(*resources: dict[str, object]) -> str:
    return "".join(json.dumps(one) + "\n" for one in resources)


def observation(who: str, when: str, value: float, unit: str, **more: object) -> dict[str, object]:
    """An Observation of IgG; more: elements in place of these."""
    coding = {"system": "http://loinc.org", "code": "2465-3", "display": "IgG [Mass/volume] in Serum or Plasma"}
    quantity: dict[str, object] = {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [coding]},
        "subject": {"reference": f"Patient/{who}"},
        "effectiveDateTime": when,
        "valueQuantity": quantity,
        **more,
    }


def administration(code: str, display: str, **more: object) -> dict[str, object]:
    """A MedicationAdministration of A; more: elements in place of these."""
    return {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "subject": {"reference": "Patient/11"},
        "medicationCodeableConcept": {
            "coding": [{"system": "http://www.whocc.no/atc", "code": code, "display": display}]
        },
        "effectivePeriod": {"start": "2024-03-20T10:00:00", "end": "2024-03-20T14:00:00"},
        "dosage": {"dose": {"value": 28, "unit": "g", "code": "g"}, "route": {"text": "Intravenous"}},
        **more,
    }


LOW = {"value": 45, "comparator": "<", "unit": "mg/dL", "code": "mg/dL"}
IGA = {"coding": [{"system": "http://loinc.org", "code": "2458-8", "display": "IgA"}]}
FHIR: Files = {
    "Observation.ndjson": _lines(
        observation("11", "2024-03-01T08:00:00", 640, "mg/dL"),
        observation("11", "2024-03-15T08:00:00", 45, "mg/dL", valueQuantity=LOW),
        observation("11", "2024-04-12T08:00:00", 5.1, "g/L", status="corrected"),
        observation("11", "2024-04-12T08:00:00", 90, "mg/dL", code=IGA),
        observation("12", "2024-05-02T08:00:00", 700, "mg/dL"),
    ),
    "MedicationAdministration.ndjson": _lines(
        administration("J06BA02", "immunoglobulins, normal human, for intravascular adm."),
        administration(
            "L01FX07",
            "blinatumomab",
            effectivePeriod={"start": "2024-03-02", "end": "2024-03-30"},
            dosage={"dose": {"value": 28, "unit": "ug"}},
        ),
        administration("N02BE01", "paracetamol"),
    ),
    "Patient.ndjson": _lines(
        {
            "resourceType": "Patient",
            "id": "11",
            "gender": "female",
            "birthDate": "1970-05-06",
            "deceasedDateTime": "2024-06-01",
        },
        {"resourceType": "Patient", "id": "12", "gender": "male"},
    ),
}

SDTM: Files = {
    "lb.csv": (
        "STUDYID,USUBJID,LBTESTCD,LBTEST,LBORRES,LBORRESU,LBSTRESC,LBSTRESN,LBSTRESU,LBSTAT,LBDTC\n"
        "S,11,IGG,Immunoglobulin G,640,mg/dL,6.4,6.4,g/L,,2024-03-01T08:00:00\n"
        "S,11,IGG,Immunoglobulin G,<45,mg/dL,<0.45,,g/L,,2024-03-15T08:00:00\n"
        "S,11,IGG,Immunoglobulin G,,,5.1,5.1,g/L,,2024-04-12T08:00:00\n"
        "S,11,IGA,Immunoglobulin A,90,mg/dL,0.9,0.9,g/L,,2024-04-12T08:00:00\n"
        "S,12,IGG,Immunoglobulin G,700,mg/dL,7,7,g/L,,2024-05-02T08:00:00\n"
        "S,12,IGG,Immunoglobulin G,,,,,,NOT DONE,2024-06-02T08:00:00\n"
    ),
    "ex.csv": (
        "STUDYID,USUBJID,EXTRT,EXDOSE,EXDOSU,EXROUTE,EXSTDTC,EXENDTC\n"
        "S,11,BLINATUMOMAB,28,ug,INTRAVENOUS,2024-03-02,2024-03-30\n"
    ),
    "cm.csv": (
        "STUDYID,USUBJID,CMTRT,CMDOSE,CMDOSU,CMROUTE,CMSTDTC,CMENDTC\n"
        "S,11,IVIG,28,g,INTRAVENOUS,2024-03-20T10:00:00,2024-03-20T14:00:00\n"
        "S,11,PARACETAMOL,1,g,ORAL,2024-03-20,2024-03-20\n"
    ),
    "dm.csv": "STUDYID,USUBJID,ARM,SEX,AGE,AGEU,DTHFL,DTHDTC\nS,11,BLINA,F,53,YEARS,Y,2024-06-01\nS,12,BLINA,M,44,YEARS,,\n",
}

MIMIC: Files = {
    "hosp/d_labitems.csv": (
        "itemid,label,fluid,category\n7001,Immunoglobulin A,Blood,Chemistry\n7002,Immunoglobulin G,Blood,Chemistry\n"
        "7003,Immunoglobulin G,Cerebrospinal Fluid,Chemistry\n"
    ),
    "hosp/labevents.csv": (
        "labevent_id,subject_id,itemid,charttime,storetime,value,valuenum,valueuom,comments\n"
        "1,11,7002,2024-03-01 08:00:00,2024-03-01 12:00:00,640,640,mg/dL,\n"
        "2,11,7002,2024-03-15 08:00:00,2024-03-15 12:00:00,<45,45,mg/dL,\n"
        "3,11,7002,2024-04-12 08:00:00,2024-04-12 12:00:00,___,510,mg/dL,\n"
        "4,11,7001,2024-04-12 08:00:00,2024-04-12 12:00:00,90,90,mg/dL,\n"
        "5,11,7003,2024-04-12 08:00:00,2024-04-12 12:00:00,3,3,mg/dL,\n"
        "6,12,7002,2024-05-02 08:00:00,2024-05-02 12:00:00,700,700,mg/dL,\n"
    ),
    "hosp/patients.csv": "subject_id,gender,anchor_age,dod\n11,F,53,2024-06-01\n12,M,44,\n13,M,40,\n",
    "icu/d_items.csv": "itemid,label\n8001,IVIG\n8002,Acetaminophen-IV\n8003,Blinatumomab\n",
    "icu/inputevents.csv": (
        "subject_id,starttime,endtime,itemid,amount,amountuom,patientweight,statusdescription\n"
        "11,2024-03-20 10:00:00,2024-03-20 14:00:00,8001,28,grams,70,FinishedRunning\n"
        "11,2024-03-20 09:00:00,2024-03-20 14:00:00,8001,28,grams,70,Rewritten\n"
        "11,2024-03-02 00:00:00,2024-03-30 00:00:00,8003,28,mcg,70,FinishedRunning\n"
        "11,2024-03-20 10:00:00,2024-03-20 14:00:00,8002,1,grams,70,FinishedRunning\n"
    ),
}

ADAM: Files = {
    "ADPC.csv": (
        "STUDYID,USUBJID,PARAMCD,PARAM,AVAL,AVALC,AVALU,ALLOQ,ADTM,DOSEA,DOSEU,ROUTE,ADOSEDUR,FRLTU\n"
        "S,11,IGG,Immunoglobulin G,640,,mg/dL,45,2024-03-01 08:00:00,,,,,h\n"
        "S,11,IGG,Immunoglobulin G,0,<BLQ,mg/dL,45,2024-03-15 08:00:00,,,,,h\n"
        "S,11,DOSE,Immunoglobulin dose,28,,g,,2024-03-20 10:00:00,28,g,INTRAVENOUS,4,h\n"
        "S,11,IGG,Immunoglobulin G,5.1,,g/L,,2024-04-12 08:00:00,,,,,h\n"
        "S,11,IGA,Immunoglobulin A,90,,mg/dL,,2024-04-12 08:00:00,,,,,h\n"
        "S,12,IGG,Immunoglobulin G,700,,mg/dL,45,2024-05-02 08:00:00,,,,,h\n"
    ),
    "adsl.csv": "USUBJID,TRT01A,SEX,AGE,AGEU,WTBL,WTBLU,TRTSDT,DTHDT\n11,BLINA,F,53,YEARS,70,kg,2024-03-02,2024-06-01\n"
    "12,BLINA,M,44,YEARS,80,kg,,\n",
    "therapy.csv": "patient_id,start,stop,agent\n11,2024-03-02,2024-03-30,blinatumomab\n",
}

DATABASES: dict[str, Files] = {"omop": OMOP, "fhir": FHIR, "sdtm": SDTM, "mimic4": MIMIC, "adam": ADAM}
