"""Ever minus never infused, as the index study did: raw and fitted nadirs, naive and adjusted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from igkinetics.effect.contrasts import Mask, adjusted_difference, mean_difference, measured_difference, shrinkage
from igkinetics.effect.counterfactual import Change
from igkinetics.effect.estimand_row import Estimand
from igkinetics.fit.nadirs import raw_nadir
from igkinetics.kinetics.parameters import Floats
from igkinetics.random_streams import numbered_stream
from igkinetics.text import share

EVER_NEVER: Final = "ever infused - never infused"
FEWEST: Final = 2


def between_groups(
    changes: Sequence[Change], covariates: Floats, labels: Sequence[str], seed: int
) -> Iterator[Estimand]:
    """The three contrasts; each draw carries the scatter between patients too.

    covariates (n_patient, m), standardised and complete, with their labels; none: no adjusted contrast.
    """
    generator = numbered_stream(seed, "contrasts")
    ever = np.array([change.exposure.treated for change in changes], dtype=bool)
    n_draws = changes[0].actual.nadir.size if changes else 0
    raws = [raw_nadir(change.exposure.patient, change.exposure.window) for change in changes]
    raw = np.array([one.value for one in raws])
    measured = ~np.isnan(raw)
    limits = sum(one.below_limit for one in raws)
    note = f"{counts(ever[measured])}; difference of means"
    note += f"; a value below the limit counts as the limit ({limits})" if limits else ""
    below = np.array([one.below_limit for one in raws], dtype=bool)
    if side := all_below(below[measured], ever[measured]):
        reason = f"{counts(ever[measured])}; the lowest value of {side} lies below its limit: their mean is not known"
        yield Estimand(name="naive_raw_nadir_difference", group=EVER_NEVER, kind="level", reason=reason)
    else:

        def measured_draws() -> Floats:
            return generator.permutation(measured_difference(raw[measured], ever[measured], n_draws))

        yield naive("naive_raw_nadir_difference", ever[measured], note, measured_draws)
    fitted = np.array([change.actual.nadir for change in changes]).T.reshape(n_draws, len(changes))
    shrunk = share(shrinkage(fitted)) if fitted.shape[1] > 1 else ""
    said = f"shrinkage {shrunk}: fitted nadirs are drawn towards each other"
    note = f"{counts(ever)}; difference of means; {said}"
    yield naive("naive_fitted_nadir_difference", ever, note, lambda: mean_difference(fitted, ever, generator))
    yield adjusted(fitted, ever, covariates, labels, generator)


def all_below(below: Mask, ever: Mask) -> str:
    """Whose lowest values are all known only to lie below a limit; empty when neither side's are."""
    sides = [
        words
        for words, side in (("everybody ever infused", ever), ("everybody never infused", ~ever))
        if side.any() and below[side].all()
    ]
    return " and of ".join(sides)


def counts(ever: Mask) -> str:
    return f"{int(ever.sum())} ever and {int((~ever).sum())} never infused"


def naive(name: str, ever: Mask, note: str, draw: Callable[[], Floats]) -> Estimand:
    """The difference of the means of two sides; draw: its draws, asked for where both have enough patients."""
    if min(ever.sum(), (~ever).sum()) < FEWEST:
        reason = f"{counts(ever)}: two on each side are needed"
        return Estimand(name=name, group=EVER_NEVER, kind="level", reason=reason)
    return Estimand(name=name, group=EVER_NEVER, kind="level", draws=draw(), judged=True, reason=note)


def adjusted(
    fitted: Floats, ever: Mask, covariates: Floats, labels: Sequence[str], generator: np.random.Generator
) -> Estimand:
    """Linear regression of the fitted nadirs on having been infused and the covariates."""
    name = "adjusted_fitted_nadir_difference"
    if not labels:
        return Estimand(name=name, group=EVER_NEVER, kind="level", reason="no covariate named")
    design = np.column_stack([ever.astype(float), np.ones(ever.size), covariates])
    if design.shape[0] <= design.shape[1] or np.linalg.matrix_rank(design) < design.shape[1]:
        reason = f"{design.shape[0]} patients do not determine {design.shape[1]} coefficients"
        return Estimand(name=name, group=EVER_NEVER, kind="level", reason=reason)
    note = f"{counts(ever)}; adjusted for {', '.join(labels)}"
    draws = adjusted_difference(fitted, design, generator)
    return Estimand(name=name, group=EVER_NEVER, kind="level", draws=draws, judged=True, reason=note)
