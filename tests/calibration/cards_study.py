"""Does `evaluate` find the card that made a cohort? Cohorts of 40 patients drawn from one of four cards, 0.4 g/kg every
four weeks, three samples each, of which the last is predicted from the others under all four.

Run as a script it makes the committed table: `python tests/calibration/cards_study.py [COHORTS_OF_EACH_CARD]`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pandas as pd

import igkinetics as igk

TABLE = Path(__file__).with_name("cards.csv")
CARDS = ("adult_b_cell_depletion", "navarro_mora_2022", "tortorici_2021", "valenzuela_2025")
N_EACH = 25
SEED = 51
PATIENTS = 40
DRAWS = 100
DESIGN = """
seed = {seed}
[population]
card = "{card}"
weight_kg = {{ mean = 72, sd = 12 }}
[visits]
days = [0, 20, 62]
[[group]]
name = "all"
n = {patients}
regimen = {{ dose_g_per_kg = 0.4, interval_day = 28, start_day = 1 }}
"""


def cohort_row(card: str, number: int, seed: int, patients: int = PATIENTS) -> dict[str, object]:
    """One cohort: the ranking of the cards, and how the one that made it did."""
    design = DESIGN.format(card=card, seed=1000 * seed + number, patients=patients)
    with tempfile.TemporaryDirectory() as folder:
        igk.simulate_cohort(design).write(Path(folder) / "cohort")
        cohort = igk.read_cohort(Path(folder) / "cohort")
    result = igk.evaluate_forecasts(cohort, cards=list(CARDS), draws=DRAWS, seed=seed)
    rows = result.scores[(result.scores["horizon"] == "all") & (result.scores["dosing"] == "all")].set_index("card")
    own = rows.loc[card]
    second = rows.loc[rows["rank"] == 2, "behind"]
    return {
        "card": card,
        "number": number,
        "best": rows.index[0],
        "found": rows.index[0] == card,
        "weight": own["weight"],
        "ranked": int(rows["rank"].notna().sum()),
        "lead": float(second.iloc[0]) if len(second) else float("nan"),
        **{name: own[name] for name in ("n", "bias", "rrmse", "coverage_50", "coverage_80", "coverage_95")},
    }


def run_cards(n_each: int, seed: int) -> pd.DataFrame:
    """Cohorts of the cards in turn, so that a run cut short holds as many of each."""
    return pd.DataFrame([cohort_row(card, number, seed) for number in range(n_each) for card in CARDS])


if __name__ == "__main__":
    from igkinetics.provenance import package_versions

    versions = package_versions()
    told = " ".join(f"{name} {versions[name]}" for name in ("python", "igkinetics", "numpy", "numba"))
    made: list[dict[str, object]] = []
    for number in range(int(sys.argv[1]) if len(sys.argv) > 1 else N_EACH):
        for one_card in CARDS:
            made.append(cohort_row(one_card, number, SEED) | {"seed": SEED, "versions": told})
            pd.DataFrame(made).to_csv(TABLE, index=False, float_format="%.4f", lineterminator="\n")
    print(pd.DataFrame(made).drop(columns="versions").to_string(index=False))
