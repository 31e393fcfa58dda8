"""Sentences say what the tables say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fabricated import HOSTILE
from igkinetics.cohort.readings import hides
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.plots import fitted_nadirs
from igkinetics.report.below import below_sentences
from igkinetics.report.limits import (
    contraction_words,
    learnt,
    limit_sentences,
    mostly_prior,
    paraprotein_sentences,
    sensitivities,
)
from igkinetics.report.patient_view import fits
from igkinetics.report.rows import chips
from igkinetics.report.sentences import five_sentences


def changed(fit: CohortFit, **tables: object) -> CohortFit:
    return CohortFit(**({name: getattr(fit, name) for name in fit.__dataclass_fields__} | tables))


def test_the_five_sentences(fit: CohortFit) -> None:
    below, lowest, reached, unfitted, where = five_sentences(fit, "out/report.html")
    days = fit.thresholds.set_index("patient_id").loc[list(fitted_nadirs(fit)["patient_id"])]
    first_day, in_all = (f"{days[name].median():.0f}" for name in ("first_day_below", "days_below"))
    assert below.startswith(f"4 of 4 fitted patients fell below 400 mg/dL: first on day {first_day} (median; ")
    assert f", in all for {in_all} days (median; " in below
    assert "Below 400 mg/dL at the last measurement: 6 of 7 living patients, P02 (<40 on day 190), P05" in below
    who = five_sentences(without_thresholds(fit), "out/report.html")[0]
    assert who == f"8 patients (3 IVIG, 3 control, 1 <b>IVIG</b>) with {len(fit.cohort.samples)} IgG samples: 4 fitted."
    first = fitted_nadirs(fit).iloc[0]
    assert lowest.startswith(
        f"Lowest fitted nadirs (95 % interval): P02 {first['fitted_nadir']:.0f} "
        f"({first['fitted_nadir_lower']:.0f} to {first['fitted_nadir_upper']:.0f}) mg/dL on day "
    )
    assert lowest.count(" mg/dL on day ") == 3
    assert reached == "The nadir was reached in 1 of 4 fitted; in the other 3 the level given is the lowest so far."
    assert unfitted.startswith(f"{who} 4 patients not fitted (no samples: P04")
    assert "a change that no dose or therapy explains: P05" in unfitted
    assert where == "Report: out/report.html."


def without_thresholds(fit: CohortFit) -> CohortFit:
    return changed(fit, thresholds=fit.thresholds.iloc[:0])


def test_the_dead_are_not_below_now(fit: CohortFit) -> None:
    """Of those who died it is told how many were; nobody fell below what nobody reached."""
    deaths = [5.0 if name == "P02" else np.nan for name in fit.cohort.patients["patient_id"]]
    cohort = replace(fit.cohort, patients=fit.cohort.patients.assign(death=deaths))
    now = below_sentences(changed(fit, cohort=cohort))[1]
    assert "5 of 6 living patients" in now
    assert "P02" not in now
    assert now.endswith("; and 1 of those who died.")
    low = fit.thresholds.assign(threshold=20.0, first_day_below=np.nan, days_below=0.0)
    assert below_sentences(changed(fit, thresholds=low)) == [
        "None of 4 fitted patients fell below 20 mg/dL.",
        "Below 20 mg/dL at the last measurement: none of 7 living patients; cannot be told of 1, P02 (<40 on day 190).",
    ]


def test_what_a_limit_hides_is_on_neither_side(fit: CohortFit) -> None:
    """P02 last read <40: nobody knows whether below 30. Told, too, where nobody could be fitted."""
    nobody = fit.patients.assign(status="prior_only")
    low = fit.thresholds.assign(threshold=30.0)
    assert below_sentences(changed(fit, patients=nobody, thresholds=low)) == [
        "Below 30 mg/dL at the last measurement: none of 7 living patients; cannot be told of 1, P02 (<40 on day 190)."
    ]
    assert hides("above", 30.0, 35.0)
    assert not hides("above", 30.0, 4.0)
    assert not hides("below", 0.4, 0.4)


def test_a_nadir_that_is_the_priors_is_marked_in_the_list_of_patients(fit: CohortFit) -> None:
    first = str(fitted_nadirs(fit)["patient_id"].iloc[0])
    status = fit.nadir["status"].where(fit.nadir["patient_id"] != first, "prior_only")
    (chip,) = chips(changed(fit, nadir=fit.nadir.assign(status=status)), [first])
    assert chip["words"] == "too little data, so the curve is the prior's"


def test_a_lowest_value_below_the_limit_is_not_called_unexplained() -> None:
    sampling = {"raw_nadir_percentile": 0.995, "level": 0.95}
    assert fits(sampling, {"raw_nadir_below_limit": False}).endswith("which the curve does not explain")
    assert "explain" not in fits(sampling, {"raw_nadir_below_limit": True})


def test_the_interval_level_is_the_one_used(fit: CohortFit) -> None:
    from fabricated import fabricated_fit

    assert "(80 % interval)" in five_sentences(fabricated_fit(level=0.8), "x")[1]


def test_when_all_or_none_are_fitted(fit: CohortFit) -> None:
    everyone = changed(
        fit, patients=fit.patients.assign(status="fitted"), nadir=fit.nadir.assign(status="fitted", nadir_reached=True)
    )
    assert five_sentences(everyone, "x")[3].endswith(": 8 fitted. Nobody was left unfitted.")
    assert "was reached in all" in five_sentences(everyone, "x")[2]
    failed = {"status": "no_samples"}
    nobody = changed(fit, patients=fit.patients.assign(**failed), nadir=fit.nadir.assign(**failed))
    assert five_sentences(nobody, "x")[1] == "No fitted nadir."


def test_patients_set_aside_for_one_reason_are_named_with_it(fit: CohortFit) -> None:
    reason = "interrupted before this patient was reached"
    table = fit.patients.assign(status="set_aside", reason=reason)
    nadir = fit.nadir.assign(status="set_aside", reason=reason)
    said = five_sentences(changed(fit, patients=table, nadir=nadir, interrupted=True), "x")
    assert f"8 patients not fitted (set aside, {reason}: P01, P02, " in said[3]
    assert "Interrupted" in said[3]


def test_an_endogenous_nadir_rests_on_the_prior_where_s_hardly_contracted(fit: CohortFit) -> None:
    assert mostly_prior(fit) == {HOSTILE}
    said = limit_sentences(fit)
    assert any("mostly prior (" in line and HOSTILE in line for line in said)
    assert any("disagree with the prior in S" in line and "4.5 standard errors" in line for line in said)
    assert any("no recorded dose or therapy explains was found in P05" in line for line in said)


def test_no_warning_where_there_is_nothing_to_warn_of(fit: CohortFit) -> None:
    calm = changed(
        fit,
        sampling=fit.sampling.assign(endogenous_note=""),
        conflict=fit.conflict.assign(flagged=False),
        patients=fit.patients.assign(status="fitted"),
    )
    assert limit_sentences(calm) == []


def test_a_paraprotein_is_warned_of_for_high_levels_and_bcma_agents(fit: CohortFit) -> None:
    assert paraprotein_sentences(fit) == []
    samples = fit.cohort.samples.copy()
    samples.loc[samples.index[samples["patient_id"] == "P02"][0], "igg"] = 16.01
    therapy = fit.cohort.therapy.assign(
        agent=fit.cohort.therapy["agent"].mask(fit.cohort.therapy["patient_id"] == "P01", "teclistamab")
    )
    high, bcma = paraprotein_sentences(changed(fit, cohort=replace(fit.cohort, samples=samples, therapy=therapy)))
    assert high.startswith("IgG above 1600 mg/dL was measured in P02: part of the IgG may be a monoclonal protein")
    assert bcma.startswith("A BCMA-directed agent, given for myeloma, was used in P01:")
    samples["igg"] = samples["igg"].clip(upper=16.0)
    assert paraprotein_sentences(changed(fit, cohort=replace(fit.cohort, samples=samples))) == []


def test_positions_and_rough_intervals_are_named(fit: CohortFit) -> None:
    position = fit.nadir["nadir_position"].where(fit.nadir["patient_id"] != "P02", "end")
    rough = fit.patients["pareto_k"].where(fit.patients["patient_id"] != "P01", 0.9)
    said = limit_sentences(
        changed(fit, nadir=fit.nadir.assign(nadir_position=position), patients=fit.patients.assign(pareto_k=rough))
    )
    assert any("end of the window for P02: it may fall further" in line for line in said)
    assert any("Intervals are rough" in line and "P01" in line for line in said)


def test_what_was_learnt_is_the_median_over_fitted_patients(fit: CohortFit) -> None:
    found = {entry.parameter: entry for entry in learnt(fit)}
    assert set(found) == {"C_base", "S", "CL"}
    assert found["S"].n == 4
    assert np.isclose(found["S"].contraction, np.median([0.6, 0.6, 0.1, 0.6]))
    assert [contraction_words(value) for value in (0.29, 0.3, 0.7)] == [
        "mostly the prior",
        "partly learnt, partly the prior",
        "learnt from the samples",
    ]


def test_sensitivity_spans_the_structures(fit: CohortFit) -> None:
    entries = sensitivities(fit)
    assert len(entries) == 4
    assert (entries[0].lowest, entries[0].highest) == (280.0, 290.0)
    assert (entries[0].preferred, entries[0].preferred_weight) == ("two_compartment/loss_and_recovery", 0.7)
    light = changed(fit, structures=fit.structures.assign(weight=[0.99, 0.01] * 4))
    assert (sensitivities(light)[0].credible_lowest, sensitivities(light)[0].credible_highest) == (280.0, 280.0)
