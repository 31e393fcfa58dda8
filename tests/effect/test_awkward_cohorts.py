"""Cohorts that leave little to estimate: no traceback, no warning, and words that are true of them."""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_posteriors import good_sampling, of_truth

from igkinetics.charts.svg import Chart, Figure
from igkinetics.cohort.model import Patient
from igkinetics.effect.options import EffectOptions
from igkinetics.effect.output import write_effect
from igkinetics.effect.result import CohortEffect
from igkinetics.effect.sampling import sample
from igkinetics.effect.tables import effect_of
from igkinetics.errors import NobodyFittedError
from igkinetics.report.effect_page import effect_report
from igkinetics.report.effect_sentences import contrast_sentence, effect_sentences, verdict_sentence
from made_records import CARD, cohort_of, planned

sys.path.insert(0, str(Path(__file__).parents[1] / "kinetics"))
from treatments import vector

DAYS = (-3.0, 10.0, 40.0, 80.0, 120.0, 168.0)


def people(n_treated: int, n_others: int, dose_day: float = 12.0, *, low: bool = False) -> list[Patient]:
    """Patients near 5 g/L; low: every value is known only to lie below 200 mg/dL."""
    generator = np.random.default_rng(1)
    made = []
    for k in range(n_treated + n_others):
        plan = planned(DAYS, doses=((dose_day, 28.0),) if k < n_treated else (), patient_id=f"P{k}")
        values = 5.0 + 0.5 * generator.standard_normal(len(DAYS))
        limit = np.full(len(DAYS), -1 if low else 0, dtype=np.int8)
        made.append(replace(plan, sample_igg=np.full(len(DAYS), 2.0) if low else values, sample_limit=limit))
    return made


def effect(patients: list[Patient]) -> CohortEffect:
    cohort, posterior = of_truth(patients, [vector(C_base=5.0 + k) for k in range(len(patients))], n=6)
    return effect_of(cohort, good_sampling(posterior), CARD, EffectOptions(thresholds=(400.0,)))


CASES = {
    "everything below the limit": people(2, 2, low=True),
    "infused on the last day": people(2, 2, 168.0),
    "one infused": people(1, 3),
    "nobody infused": people(0, 4),
    "everybody infused": people(4, 0),
    "two patients": people(1, 1),
    "one patient": people(1, 0),
}


def drawn(charts: Sequence[Chart]) -> list[Figure]:
    """No pictures; but each specification can be handed to the converter, which knows no number that is none."""
    assert all(json.dumps(spec, allow_nan=False) for _, spec in charts)
    return [Figure(title=title) for title, _ in charts]


@pytest.mark.parametrize("name", CASES)
def test_tables_page_and_sentences_come_out_without_a_warning(name: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = effect(CASES[name])
        page = effect_report(found, drawn)
        assert not re.search(r"\bnan\b", page)
        write_effect(found, tmp_path)
        assert len(effect_sentences(found, "x")) == 5
        options = EffectOptions(prior_only=True, draws=100, chains=1)
        cohort = cohort_of(CASES[name])
        if name == "one patient":
            with pytest.raises(NobodyFittedError, match="at least 2 patients"):
                sample(cohort, CARD, options)
        else:
            assert len(effect_sentences(effect_of(cohort, sample(cohort, CARD, options), CARD, options), "x")) == 5


def test_lowest_values_below_the_limit_have_no_difference() -> None:
    found = effect(CASES["everything below the limit"])
    row = found.estimand("naive_raw_nadir_difference")
    assert row["status"] == "not_estimated"
    assert "lies below its limit: their mean is not known" in row["reason"]
    assert contrast_sentence(found).startswith("The groups cannot be compared: ")


def test_infusions_on_the_last_day_have_no_effect_that_could_be_seen() -> None:
    found = effect(CASES["infused on the last day"])
    assert found.estimand("nadir_change_att")["status"] == "not_estimated"
    assert verdict_sentence(found).startswith("No effect of IVIG can be given: every infusion lies on the last day")
    assert "nothing to hand on" in found.estimand("nadir_change_atc")["reason"]
    assert "is an effect of IVIG of" not in contrast_sentence(found)
    apart = found.decomposition.set_index(["measure", "quantity"])
    assert apart.loc[("nadir", ["effect", "selection"]), "reason"].str.startswith("every infusion lies").all()
    assert np.isfinite(apart.loc[("nadir", "difference"), "median"])
    assert found.n_acting == 0
    mixed = [*people(1, 2), *(replace(one, patient_id="late") for one in people(1, 0, 168.0))]
    found = effect(mixed)
    assert found.estimand("nadir_change_att")["reason"] == (
        "1 of 2 were infused on the last day of the window only, and count with 0"
    )
    assert found.n_acting == 1
