"""A regimen for the controls (`--control-regimen`): read, checked against the cohort, and as doses of one control."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import ValidationError

from igkinetics.cards.body_size import NEEDS_HEIGHT_AND_SEX, weight_defects
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.cohort.windows import nadir_window
from igkinetics.dosing.doses import Body, Doses, basis_weight_kg, calendar_doses
from igkinetics.dosing.regimen import Regimen
from igkinetics.effect.exposure import Exposure, bodies_of
from igkinetics.errors import InputError, Problem
from igkinetics.limits import MOST_EVENTS, at_most, number_of_steps
from igkinetics.toml_input import parse_toml, problems_of, read_bytes

MOST_NAMED: Final = 20
"""Controls named for one fault of the regimen."""


def read_control_regimen(path: str | Path, cohort: Cohort) -> Regimen:
    """The regimen in a file, for this cohort's controls. InputError with every problem.

    A rule has no place here, for it needs measurements; nor has a dose before a control's window.
    """
    file = Path(path).name
    raw = parse_toml(read_bytes(Path(path)), file)
    try:
        regimen = Regimen.model_validate(raw)
    except ValidationError as error:
        raise InputError(problems_of(error, raw, Regimen, file)) from None
    if problems := list(faults(regimen, cohort, file)):
        raise InputError(problems)
    return regimen


def faults(regimen: Regimen, cohort: Cohort, file: str) -> Iterator[Problem]:
    """What this regimen cannot be for the controls of this cohort."""
    if regimen.rule is not None:
        expected = "must be left out: controls were not measured under a rule; give interval_day and a dose"
        yield Problem(file=file, column="rule", found="a rule", expected=expected)
        return
    if regimen.first_day < 0:
        expected = "must be 0 or more: days count from the start of each control's window"
        yield Problem(file=file, column="start_day", found=f"{regimen.first_day:g}", expected=expected)
    longest = max(
        (
            nadir_window(patient).end - nadir_window(patient).start
            for patient in cohort.each_patient()
            if nadir_window(patient).exists
        ),
        default=0.0,
    )
    if regimen.interval_day is not None:
        number = number_of_steps(regimen.first_day, longest, regimen.interval_day)
        for fault in at_most(("interval_day",), regimen.interval_day, number, MOST_EVENTS, "doses of one control"):
            yield Problem(file=file, column="interval_day", found=fault.found, expected=fault.expected)
    if regimen.weight in NEEDS_HEIGHT_AND_SEX:
        yield from body_faults(regimen, cohort, file)


def body_faults(regimen: Regimen, cohort: Cohort, file: str) -> Iterator[Problem]:
    """Controls whose weight for dosing cannot be computed, or lies outside its formula's domain; each reason once."""
    controls = [patient for patient in cohort.each_patient() if is_control(patient)]
    for why in unknown_weights(regimen, cohort, controls, "control"):
        yield Problem(file=file, column="weight", found=regimen.weight, expected=why)


def is_control(patient: Patient) -> bool:
    """Whether a patient has a window without an infusion in it."""
    window = nadir_window(patient)
    return window.exists and not np.any((patient.dose_day >= window.start) & (patient.dose_day <= window.end))


def unknown_weights(regimen: Regimen, cohort: Cohort, patients: Iterable[Patient], who: str) -> Iterator[str]:
    """Why the weight for dosing of some of these patients cannot be given, and whose; who: what they are called."""
    bodies = bodies_of(cohort)
    whose: dict[str, list[str]] = {}
    for patient in patients:
        height, sex = bodies[patient.patient_id]
        missing = [
            name
            for name, known in (
                ("height_cm", not np.isnan(height)),
                ("sex", sex is not None),
                ("weight_kg", not np.isnan(patient.weight_kg)),
            )
            if not known
        ]
        if missing:
            why = f"a dose by {regimen.weight} weight needs {' and '.join(missing)} of every {who}"
            whose.setdefault(why, []).append(patient.patient_id)
        elif sex is not None:
            for why in weight_defects(regimen.weight, patient.weight_kg, height, sex):
                whose.setdefault(why, []).append(patient.patient_id)
    for why, ids in whose.items():
        named = ", ".join(ids[:MOST_NAMED]) + (f" and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else "")
        yield f"{why}: {named}"


def body_of(control: Exposure) -> Body:
    """The control as one to be dosed."""
    return Body.of(control.weight_kg, control.height_cm, control.sex == "male")


def weight_known(regimen: Regimen, control: Exposure) -> bool:
    """Whether the weight that this control's dose per kg is multiplied by is known."""
    if regimen.weight in NEEDS_HEIGHT_AND_SEX and control.sex is None:
        return False
    return bool(np.isfinite(basis_weight_kg(regimen, body_of(control))[0]))


def why_no_weight(regimen: Regimen, controls: Sequence[Exposure]) -> str:
    """Empty when every control's dose is known."""
    if regimen.dose_g_per_kg is None and regimen.loading_g_per_kg is None:
        return ""
    if not all(weight_known(regimen, one) for one in controls):
        return f"a control's {regimen.weight} weight is unknown: no dose per kg"
    return ""


def regimen_doses(regimen: Regimen, control: Exposure) -> Doses:
    """A calendar regimen for the control, its day 0 at the window's start."""
    doses = calendar_doses(
        regimen,
        control.weight_kg,
        control.window.end - control.window.start,
        height_cm=control.height_cm,
        is_male=control.sex == "male",
    )
    return Doses(
        day=doses.day + control.window.start,
        amount_g=doses.amount_g,
        duration_day=doses.duration_day,
        is_sc=doses.is_sc,
    )
