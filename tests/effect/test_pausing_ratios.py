"""Models in which clearance or production differ in the days after each infusion alone, and what they stand in for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from igkinetics.effect.beside import WHATEVER_LOG_SD, Beside, other_models_of, prepared_for
from igkinetics.effect.exposure import exposures
from igkinetics.effect.options import EffectOptions
from igkinetics.effect.sensitivity import Other, same_data
from igkinetics.hierarchical.fit import sample_prepared
from igkinetics.hierarchical.settings import SampleSettings
from igkinetics.kinetics.schedule import MODIFIED, START
from made_records import CARD, cohort_of, drawn, planned

SETTINGS = SampleSettings(draws=100, chains=2, seed=3, sampler="laplace", enough_share=0.0)
DOSES = ((30.0, 28.0), (90.0, 28.0))


def ratios_of(others: dict[str, Other]) -> list[str]:
    return [name for name in others if name.startswith("free")]


def test_they_stand_in_where_somebody_pauses_for_longer() -> None:
    generator = np.random.default_rng(2)
    patients = [drawn(planned(doses=DOSES if k % 2 else (), patient_id=f"P{k}"), generator).patient for k in range(4)]
    cohort = cohort_of(patients)
    options = EffectOptions(thresholds=(4.0,), seed=1)
    prepared = prepared_for(cohort, CARD, options)
    said: list[str] = []
    beside = Beside(settings=SETTINGS, say=said.append)
    others = other_models_of(prepared, beside, options)
    assert ratios_of(others) == [
        "free clearance ratio under IVIG, for 35 days after each infusion",
        "free production ratio under IVIG, for 35 days after each infusion",
    ]
    model = others["free clearance ratio under IVIG, for 35 days after each infusion"]()
    assert said == ["Sampling another model: free clearance ratio under IVIG, for 35 days after each infusion."]
    population = model.population
    assert population.prior_sd[population.labels.index("clearance_ratio")] == WHATEVER_LOG_SD
    assert model.posterior.extension == "clearance_ratio"
    assert same_data(model, sample_prepared(prepared, replace(SETTINGS, draws=20)))
    infused, *_ = [one for one in exposures(cohort, model.posterior, 70.0, options.ivig_days) if one.treated]
    for schedule in (infused.with_ivig(), model.prepared.members[infused.place].problem.schedule):
        acting = {float(row[START]) for row in schedule if row[MODIFIED]}
        assert {30.0, 90.0} <= acting
        assert not {65.0, 125.0} & acting
        assert 65.0 in schedule[:, START]
    longer = EffectOptions(thresholds=(4.0,), seed=1, ivig_days=60.0)
    assert ratios_of(other_models_of(prepared, beside, longer)) == [
        "free clearance ratio under IVIG, whatever changes it",
        "free production ratio under IVIG, whatever changes it",
    ]
    nobody = cohort_of([one for one in patients if not one.dose_day.size])
    assert ratios_of(other_models_of(prepared_for(nobody, CARD, options), beside, options)) == []
