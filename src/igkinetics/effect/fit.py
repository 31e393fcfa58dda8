"""`igk.fit_effect`: what IVIG did in a cohort, from a model of all patients together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from igkinetics.choices import chosen
from igkinetics.cohort.model import Cohort
from igkinetics.effect.options import EffectOptions
from igkinetics.errors import call_error
from igkinetics.extras import require

if TYPE_CHECKING:
    from igkinetics.effect.beside import Tell
    from igkinetics.effect.result import CohortEffect


def fit_effect(
    cohort: Cohort, options: EffectOptions | None = None, tell: Tell | None = None, **choices: Any
) -> CohortEffect:
    """Sample the hierarchical model of a cohort, estimate the effect of IVIG: `fit_effect(cohort, thresholds=[400])`.

    choices: those of EffectOptions, which see; given beside `options`, they take the place of its own. tell: called
    with a line before each long step. InputError when a choice, the card or the cohort is at fault.
    Levels are in the cohort's unit, named in a column `unit` (docs/model.md 5). It takes a minute or more.

    >>> import igkinetics as igk
    >>> samples = {"patient_id": ["A"] * 3 + ["B"] * 3, "day": [0, 30, 60] * 2, "igg": [620, 480, 390, 540, 700, 610]}
    >>> doses = {"patient_id": ["B"], "day": [20], "amount_g": [30], "duration_h": [4]}
    >>> therapy = {"patient_id": ["A", "B"], "start": [0, 0], "stop": [40, 40], "agent": ["blinatumomab"] * 2}
    >>> cohort = igk.read_cohort(samples=samples, doses=doses, therapy=therapy, igg_unit="mg/dL")
    >>> effect = igk.fit_effect(cohort, thresholds=[400], base_only=True, draws=100, chains=2)
    >>> att = effect.summary.set_index("estimand").loc["nadir_change_att"]
    >>> bool(att["median"] > 0), att["unit"]
    (True, 'mg/dL')
    """
    options = chosen(EffectOptions, options, choices)
    if not isinstance(cohort, Cohort):
        raise call_error("cohort", type(cohort).__name__, "must be a cohort, as read by igk.read_cohort")
    require("effect")
    from igkinetics.effect.run import run_effect  # here, for PyMC is an extra

    return run_effect(cohort, options, tell)
