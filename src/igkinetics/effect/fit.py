"""`igk.fit_effect`: what IVIG did in a cohort, from a model of all patients together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from igkinetics.choices import chosen
from igkinetics.cohort.model import Cohort
from igkinetics.effect.options import EffectOptions
from igkinetics.errors import call_error
from igkinetics.extras import require

if TYPE_CHECKING:
    from igkinetics.effect.result import CohortEffect
    from igkinetics.effect.sampling import Tell


def fit_effect(
    cohort: Cohort, options: EffectOptions | None = None, tell: Tell | None = None, **choices: Any
) -> CohortEffect:
    """Sample the hierarchical model of a cohort, estimate the effect of IVIG: `fit_effect(cohort, thresholds=[400])`.

    choices: those of EffectOptions, which see; given beside `options`, they take the place of its own. tell: called
    with a line before each long step. InputError when a choice, the card or the cohort is at fault.
    """
    options = chosen(EffectOptions, options, choices)
    if not isinstance(cohort, Cohort):
        raise call_error("cohort", type(cohort).__name__, "must be a cohort, as read by igk.read_cohort")
    require("effect")
    from igkinetics.effect.run import run_effect  # here, for PyMC is an extra

    return run_effect(cohort, options, tell)
