"""Outcomes: exact counts, lowest IgG first, order of days, ends of follow-up, rates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose

from igkinetics.simulate.run import simulate_cohort
from igkinetics.simulate.simulated import SimulatedCohort

COUNTS = """
[outcomes.icu]
counts = { treated = 3, plain = 1 }
after = "infection"
within_day = 7
[outcomes.infection]
counts = { treated = 5, plain = 2 }
[outcomes.infection_death]
counts = { treated = 2, plain = 1 }
after = "infection"
within_day = 21
death = true
"""


def first_days(simulated: SimulatedCohort) -> pd.DataFrame:
    """patient_id x outcome: first day."""
    return simulated.outcomes.pivot_table(index="patient_id", columns="outcome", values="day", aggfunc="min")


def test_counts_are_exact_and_nested_and_in_order(design: Callable[..., str]) -> None:
    for seed in range(1, 9):
        simulated = simulate_cohort(design(("seed = 7", f"seed = {seed}"), more=COUNTS))
        days = first_days(simulated)
        counts = days.notna().groupby(days.index.str.split("-").str[0]).sum()
        assert counts.loc["treated", ["infection", "icu", "infection_death", "death"]].to_list() == [5, 3, 2, 2]
        assert counts.loc["plain", ["infection", "icu", "infection_death", "death"]].to_list() == [2, 1, 1, 1]
        icu, death = days.dropna(subset="icu"), days.dropna(subset="death")
        assert ((icu["icu"] >= icu["infection"]) & (icu["icu"] <= icu["infection"] + 7)).all()
        assert (death["death"] == death["infection_death"]).all()
        assert ((death["death"] >= death["infection"]) & (death["death"] <= death["infection"] + 21)).all()
        assert not (days.gt(days["death"].fillna(np.inf), axis=0)).any(axis=None)
        assert days.min(axis=None) >= 0
        assert days.max(axis=None) <= 140


def test_the_lowest_true_nadirs_have_the_outcome(design: Callable[..., str]) -> None:
    for seed in range(1, 9):
        simulated = simulate_cohort(design(("seed = 7", f"seed = {seed}"), more=COUNTS))
        nadirs = simulated.truth_nadir.set_index("patient_id")["nadir"]
        for _, rows in simulated.outcomes.groupby("outcome"):
            struck = nadirs.index.isin(rows["patient_id"])
            for group in ("treated", "plain"):
                member = nadirs.index.str.startswith(group)
                assert nadirs[member & struck].max() < nadirs[member & ~struck].min()


def test_a_death_ends_the_record(design: Callable[..., str]) -> None:
    alive, simulated = simulate_cohort(design()), simulate_cohort(design(more=COUNTS))
    death = first_days(simulated)["death"].dropna()
    assert len(death) == 3
    for patient_id, day in death.items():
        for name, column in (("samples", "day"), ("doses", "day"), ("therapy", "start"), ("outcomes", "day")):
            table, longer = getattr(simulated, name), getattr(alive, name)
            assert (table.loc[table["patient_id"] == patient_id, column] <= day).all()
            if name == "samples":
                expected = longer[(longer["patient_id"] == patient_id) & (longer["day"] <= day)]
                assert table[table["patient_id"] == patient_id]["igg"].to_list() == expected["igg"].to_list()
    curves = simulated.truth_curves.groupby("patient_id")["day"].max()
    assert_allclose(curves[death.index], death)


def test_a_rate_gives_the_events_it_promises(design: Callable[..., str]) -> None:
    """Without an influence of IgG: per_year * years, Poisson."""
    rate = "[outcomes.infection]\nrate = { per_year_at_500 = 2, rate_ratio_per_100_mg_dl = 1 }\n"
    events = simulate_cohort(design(("n = 4", "n = 994"), more=rate)).outcomes
    expected = 1000 * 2 * 140 / 365.25
    assert abs(len(events) - expected) < 4 * np.sqrt(expected)
    assert_allclose(events["day"].mean(), 70, atol=4 * 140 / np.sqrt(12 * expected))


def test_a_rate_follows_true_igg(design: Callable[..., str]) -> None:
    """Expected events of each patient, summed over the true daily curve."""
    rate = "[outcomes.infection]\nrate = { per_year_at_500 = 3, rate_ratio_per_100_mg_dl = 0.6 }\n"
    simulated = simulate_cohort(design(("n = 4", "n = 994"), more=rate))
    curves = simulated.truth_curves[simulated.truth_curves["day"] < 140]
    hazard = 3 / 365.25 * 0.6 ** ((curves["total"] - 500) / 100)
    expected = hazard.groupby(curves["patient_id"]).sum()
    seen = simulated.outcomes.groupby("patient_id").size().reindex(expected.index, fill_value=0)
    assert abs(seen.sum() - expected.sum()) < 4 * np.sqrt(expected.sum())
    high = expected > expected.quantile(0.8)
    assert abs(seen[high].sum() - expected[high].sum()) < 4 * np.sqrt(expected[high].sum())
    assert expected[high].mean() > 2 * expected[~high].mean()


def test_death_by_a_rate_happens_once_and_stops_other_outcomes(design: Callable[..., str]) -> None:
    rates = (
        "[outcomes.infection]\nrate = { per_year_at_500 = 4, rate_ratio_per_100_mg_dl = 0.8 }\n"
        "[outcomes.death]\nrate = { per_year_at_500 = 1, rate_ratio_per_100_mg_dl = 0.8 }\n"
    )
    simulated = simulate_cohort(design(("n = 4", "n = 94"), more=rates))
    death = simulated.outcomes.query("outcome == 'death'").set_index("patient_id")["day"]
    assert 10 < len(death) < 80
    assert death.index.is_unique
    other = simulated.outcomes.query("outcome == 'infection'")
    assert (other["day"] <= other["patient_id"].map(death).fillna(np.inf)).all()
