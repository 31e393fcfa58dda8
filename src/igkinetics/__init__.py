"""Serum IgG kinetics under B-cell-depleting therapy and immunoglobulin."""

from importlib import import_module
from typing import Any

_EXPORTS = {
    "DoseOptions": "igkinetics.dose.options",
    "EffectOptions": "igkinetics.effect.options",
    "EvaluateOptions": "igkinetics.evaluate.options",
    "FitOptions": "igkinetics.fit.options",
    "ForecastOptions": "igkinetics.forecast.options",
    "InputError": "igkinetics.errors",
    "compare_groups": "igkinetics.compare.run",
    "concentration": "igkinetics.kinetics.concentration",
    "dose_patient": "igkinetics.dose.run",
    "evaluate_forecasts": "igkinetics.evaluate.run",
    "fit_cohort": "igkinetics.fit.cohort",
    "fit_effect": "igkinetics.effect.fit",
    "fit_population": "igkinetics.population.run",
    "forecast_cohort": "igkinetics.forecast.run",
    "list_cards": "igkinetics.cards.load",
    "load_card": "igkinetics.cards.load",
    "nca": "igkinetics.noncompartmental.run",
    "read_cohort": "igkinetics.cohort.read",
    "search_regimens": "igkinetics.scenarios.run",
    "simulate_cohort": "igkinetics.simulate.run",
    "simulate_regimens": "igkinetics.scenarios.run",
    "verify": "igkinetics.verification.run",
}
__all__ = ["__version__", *_EXPORTS]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("igkinetics.provenance").package_versions()["igkinetics"]
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
