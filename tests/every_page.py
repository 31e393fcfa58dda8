"""A page of every command on a small ward, made once: for the browser and for the numbers that pages show.

PAGES: page -> the result it was made of. Draws and simulations are few, for looks and numbers do not depend on them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

import igkinetics as igk
from igkinetics.cohort.model import Cohort
from igkinetics.fit.output import write_fit
from igkinetics.output.answer import Answer
from igkinetics.report.dosing_sheet import write_dose_sheet
from igkinetics.report.scenario_patient import write_scenario_sheet
from igkinetics.verification.run import verify

DRAWS = 200
SCENARIO = "scenario.html"
ONE = "scenario_one.html"


def ward() -> Cohort:
    """Three patients in dates: infused, untreated, and one whose last value is low; weights by day in the first."""
    days = {"P07": [0, 14, 28, 42, 56, 84, 98], "P08": [0, 20, 45, 70, 90], "P09": [0, 30, 60, 91]}
    levels = {"P07": [820, 610, 480, 700, 560, 640, 520], "P08": [640, 500, 420, 390, 380], "P09": [900, 700, 520, 410]}
    start = pd.Timestamp("2024-02-16")

    def at(day: float) -> str:
        return str((start + pd.Timedelta(days=day)).date())

    samples = [(who, at(day), igg) for who in days for day, igg in zip(days[who], levels[who], strict=True)]
    doses = [("P07", at(day), 30.0) for day in (30, 62, 90)]
    therapy = [(who, at(0), at(28), "blinatumomab") for who in days]
    outcomes = [("P08", at(50), "infection")]
    weights = [("P07", at(0), 80.0), ("P07", at(80), 72.0)]
    groups = [("P07", "IVIG", 80.0), ("P08", "control", 70.0), ("P09", "control", 64.0)]
    return igk.read_cohort(
        samples=pd.DataFrame(samples, columns=["patient_id", "datetime", "igg"]),
        doses=pd.DataFrame(doses, columns=["patient_id", "datetime", "amount_g"]),
        therapy=pd.DataFrame(therapy, columns=["patient_id", "start", "stop", "agent"]),
        outcomes=pd.DataFrame(outcomes, columns=["patient_id", "datetime", "outcome"]),
        weights=pd.DataFrame(weights, columns=["patient_id", "datetime", "weight_kg"]),
        patients=pd.DataFrame(groups, columns=["patient_id", "group", "weight_kg"]),
        igg_unit="mg/dL",
    )


@dataclass(frozen=True, slots=True)
class Pages:
    """folder: where they lie. results: page -> what it was made of."""

    folder: Path
    results: dict[str, Answer] = field(default_factory=dict)

    def write(self, name: str, result: Answer) -> None:
        result.report(self.folder / name)
        self.results[name] = result


NAMES = (
    "forecast.html",
    "evaluate.html",
    "nca.html",
    "population.html",
    SCENARIO,
    ONE,
    "dose.html",
    "verify.html",
    "dose_sheet.html",
    "scenario_sheet.html",
)


def every_page(folder: Path) -> Pages:
    """All of NAMES, in `folder`."""
    cohort, pages = ward(), Pages(folder)
    pages.write("forecast.html", igk.forecast_cohort(cohort, thresholds=[400, 500], draws=DRAWS))
    cards = ["adult_b_cell_depletion"]
    pages.write("evaluate.html", igk.evaluate_forecasts(cohort, cards=cards, thresholds=[400], draws=DRAWS))
    pages.write("nca.html", igk.nca(cohort))
    held = {"fix": ["k_loss", "k_rec", "S"], "no_random": ["k_loss", "k_rec", "S", "V1", "C_init"]}
    pages.write("population.html", igk.fit_population(cohort, simulations=100, **held))
    target = {"quantity": "trough", "at_least": 500, "probability": 0.5}
    population = {"card": "adult_b_cell_depletion", "n": 40, "weight_kg": {"mean": 75, "sd": 15}}
    choice = {"dose_g_per_kg": [0.2, 0.4, 0.6], "interval_day": [21, 28], "horizon_day": 168, "price_per_g": 90.0}
    therapy = {"cycles": 2, "on_day": 28, "off_day": 14}
    pages.write(
        SCENARIO,
        igk.search_regimens(population, target, thresholds=[400], seed=1, therapy=therapy, vial_g=[5], **choice),
    )
    fitted = folder / "fit"
    fitted.mkdir()
    write_fit(igk.fit_cohort(cohort.only("P08"), draws=DRAWS, thresholds=[400]), fitted)
    who = {"fit": str(fitted), "patient": "P08", "day_zero": "2024-02-16"}
    of_one = {"dose_g": [20.0, 40.0], "interval_day": [28.0], "horizon_day": 112, "thresholds": [400], "seed": 1}
    pages.write(ONE, igk.search_regimens(who, target | {"at_least": 400}, **of_one))
    dose = igk.dose_patient(cohort, "P07", target=500, vial=[2.5, 5, 10], price=90.0, draws=DRAWS, horizon=112)
    pages.write("dose.html", dose)
    write_dose_sheet(dose, folder / "dose_sheet.html")
    write_scenario_sheet(pages.results[ONE], folder / "scenario_sheet.html")
    pages.write("verify.html", verify(only=["profiles", "statistics"]))
    return pages
