"""One patient of a cohort, fitted, as the scenario engine takes patients: days counted from the last sample."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd

from igkinetics.dose.facts import Facts
from igkinetics.dose.options import DoseOptions, fault
from igkinetics.dosing.cases import About, DaysFrom
from igkinetics.errors import InputError, counted
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.likelihood import LOGNORMAL, RESIDUALS
from igkinetics.fit.records import EPOCH, Member, drift_of, event_table, member_of
from igkinetics.kinetics.parameters import PARAMETERS
from igkinetics.scenarios.posterior_patients import ERROR_COLUMNS, PosteriorPatients, with_drift
from igkinetics.scenarios.recorded import counted_from
from igkinetics.text import visible
from igkinetics.units import IggUnit


def patient_to_dose(fits: CohortFit, facts: Facts, options: DoseOptions, unit: IggUnit) -> PosteriorPatients:
    """The draws of this patient, drift included; every recorded dose stays, those since the last sample too.

    InputError where the fit has no numbers.
    """
    patient_id = facts.patient.patient_id
    fit = fits.patient(patient_id)
    if fits.draws.empty:
        raise InputError([fault("patient", patient_id, f"has no fitted numbers: {fit.status}, {fit.reason}")])
    recorded = replace(recorded_member(fits, patient_id), weight_kg=facts.weight_kg)
    member = counted_from(recorded, facts.last_sample)
    member = with_drift(member, options.horizon, options.seed)
    moment: datetime | None = None
    if np.isfinite(facts.day_zero):
        days = facts.day_zero + facts.last_sample
        moment = (EPOCH + pd.Timedelta(days=days)).round("s").to_pydatetime()
    whose = f"patient {visible(patient_id)}, {member.weight_kg:g} kg"
    about = About(
        kind="fit",
        says=f"patient {visible(patient_id)} of {fits.cohort.name}, {counted(len(member.thetas), 'draw')}",
        uncertainty="the posterior of this patient's parameters",
        n_patients=1,
        n_draws=len(member.thetas),
        model_names=("posterior",),
        model_weights=(1.0,),
        patient_ids=(patient_id,),
        cards={card_id: (digest, options.card) for card_id, digest in fits.card_ids.items()},
        days_from=DaysFrom(day=facts.last_sample, moment=moment),
        example=(member.weight_kg, member.height_cm, bool(member.is_male), whose),
        igg_unit=unit,
    )
    return PosteriorPatients(members=(member,), about=about)


def recorded_member(fits: CohortFit, patient_id: str) -> Member:
    """The patient with the draws and the record as a fit's folder would hold them."""
    draws = fits.draws
    kind = draws["residual"].map(RESIDUALS).to_numpy(dtype=float)
    error = np.column_stack([draws[list(ERROR_COLUMNS)].to_numpy(dtype=float), kind])
    events = event_table(fits.cohort, with_dates=True)
    member = member_of(patient_id, events, draws[list(PARAMETERS)].to_numpy(dtype=float), error)
    return replace(member, drift=drift_of(draws, as_log=RESIDUALS[fits.options.residual] == LOGNORMAL))
