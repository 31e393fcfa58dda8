"""Average effects: over the treated (ATT) and over controls (ATC); rises, half-life, recovery, ratios."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from igkinetics.effect.counterfactual import Assigned, Change
from igkinetics.effect.estimand_row import Estimand
from igkinetics.effect.estimands import MEASURES, RATIOS, RISES, Measure, Part, of_part
from igkinetics.effect.exposure import Exposure
from igkinetics.effect.rise import apparent_recovery, infused_half_life, mean_rise, one_compartment
from igkinetics.hierarchical.population_priors import RATIO_LOG_SD, RECOVERY_LOG_SD
from igkinetics.hierarchical.posterior import CohortPosterior, Extension
from igkinetics.kinetics.parameters import CLEARANCE_RATIO, PRODUCTION_RATIO, Floats
from igkinetics.text import share_of_draws

INFUSED: Final = "infused"
NOT_INFUSED: Final = "not infused"
"""Populations averaged over: with, and without, an infusion in the window."""
NO_TREATED: Final = "nobody was infused in the window"
TOO_LATE: Final = "every infusion lies on the last day of its patient's window: nothing that it did was seen"
EXTENSION_COLUMNS: Final = (
    "model",
    "ratio",
    "ratio_lower",
    "ratio_upper",
    "p_above_1",
    "nadir_change_att",
    "nadir_change_att_lower",
    "nadir_change_att_upper",
    "unit",
    "level",
    "verdict",
    "sampler",
)
"""The base model and each extension: its ratio under IVIG, and what it makes of the effect on the nadir. sampler: what
made the draws, laplace or nuts."""
COLUMN_OF: Final[dict[Extension, int]] = {
    "clearance_ratio": CLEARANCE_RATIO,
    "production_ratio": PRODUCTION_RATIO,
}
"""Of a patient's natural parameters, by the extension that frees it; the dose recovery is nobody's own."""


def att(changes: Sequence[Change], thresholds: tuple[float, ...], *, sign_given: bool) -> Iterator[Estimand]:
    """Finite-sample means over the patients with an infusion in the window."""
    treated = [change for change in changes if change.exposure.treated]
    seen = sum(change.exposure.could_act for change in treated)
    if not seen:
        yield from averages(
            "att", {}, INFUSED, thresholds, "", TOO_LATE if treated else NO_TREATED, sign_given=sign_given
        )
        return
    means = {name: np.mean([change.difference(name) for change in treated], axis=0) for name in MEASURES}
    with_ivig = np.mean([change.with_ivig.at_window_end(change.exposure.window).mean() for change in treated])
    without = np.mean([change.without_ivig.at_window_end(change.exposure.window).mean() for change in treated])
    risen = share_of_draws(float(np.mean([change.risen for change in treated])))
    said = f"{position_words(float(with_ivig), float(without))}; risen again by more than 5 % at its end in {risen}"
    late = len(treated) - seen
    note = f"{late} of {len(treated)} were infused on the last day of the window only, and count with 0" if late else ""
    for estimand in averages("att", means, INFUSED, thresholds, said, "", sign_given=sign_given):
        yield with_note(estimand, note)


def atc(assigned: Assigned, thresholds: tuple[float, ...], *, sign_given: bool) -> Iterator[Estimand]:
    """Means over the patients without an infusion in the window, given those of the treated."""
    said = position_words(*assigned.at_window_end)
    for estimand in averages(
        "atc",
        assigned.changes,
        NOT_INFUSED,
        thresholds,
        said,
        assigned.reason,
        sign_given=sign_given,
        places=assigned.draws,
    ):
        yield with_note(estimand, assigned.note)


def position_words(with_ivig: float, without_ivig: float) -> str:
    """Share of nadirs at a window end."""
    return (
        f"nadir at an end of the window in {share_of_draws(with_ivig)} of patients and draws with IVIG, "
        f"{share_of_draws(without_ivig)} without"
    )


def averages(
    part: Part,
    means: Mapping[Measure, Floats],
    group: str,
    thresholds: tuple[float, ...],
    positions: str,
    why_not: str,
    *,
    sign_given: bool,
    places: object = None,
) -> Iterator[Estimand]:
    """The four changes; days below for each threshold. The sign of a nadir's day is never given."""
    for named in of_part(part):
        full, kind, measure = named.name, named.kind, named.measure
        if why_not:
            yield Estimand(name=full, group=group, kind=kind, reason=why_not)
        elif measure is None:
            raise AssertionError(f"{full} is the change of no measure")
        elif measure != "days_below":
            yield Estimand(
                name=full,
                group=group,
                kind=kind,
                draws=means[measure],
                judged=kind == "level",
                sign_given=sign_given and measure != "nadir_day",
                places=places,
                reason=positions if measure == "nadir_day" else "",
            )
        elif not thresholds:
            yield Estimand(name=full, group=group, kind=kind, reason="no threshold given")
        else:
            for index, threshold in enumerate(thresholds):
                yield Estimand(
                    name=full,
                    group=group,
                    kind=kind,
                    draws=means[measure][:, index],
                    threshold=threshold,
                    sign_given=sign_given,
                    places=places,
                )


def with_note(estimand: Estimand, note: str) -> Estimand:
    """The estimand with a further remark in its reason."""
    if not note or not estimand.estimated:
        return estimand
    return replace(estimand, reason="; ".join(filter(None, [estimand.reason, note])))


def rises(posterior: CohortPosterior, people: Sequence[Exposure]) -> Iterator[Estimand]:
    """Rise per 0.1 g/kg, half-life of infused IgG, apparent recovery; over the treated."""
    treated = [one for one in people if one.treated]
    if not treated:
        for named in of_part("dose"):
            yield Estimand(name=named.name, group=INFUSED, kind=named.kind, reason=NO_TREATED)
        return
    yield from rise_rows(posterior, treated)
    yield Estimand(
        name="infused_half_life",
        group=INFUSED,
        kind="days",
        sign_given=True,
        draws=infused_half_life(posterior, treated),
        reason="of the slow phase",
    )
    recovery = apparent_recovery(posterior, treated)
    derived = "derived: the card's V1 per kg over this cohort's; recovery and volume cannot be told apart"
    if np.isnan(recovery).any():
        yield Estimand(name="apparent_recovery", group=INFUSED, kind="ratio", reason="the card fixes V1")
    else:
        yield Estimand(name="apparent_recovery", group=INFUSED, kind="ratio", draws=recovery, reason=derived)


def rise_rows(posterior: CohortPosterior, treated: Sequence[Exposure]) -> Iterator[Estimand]:
    unknown = sum(not one.weight_known for one in treated)
    note = f"weight unknown in {unknown} of {len(treated)}: the card's is used" if unknown else ""
    if any(np.isnan(one.weight_kg) for one in treated):
        for named in RISES:
            yield Estimand(
                name=named.name, group=INFUSED, kind="level", reason="a weight is unknown, and the card has none"
            )
        return
    single = one_compartment(posterior, treated)
    draws = mean_rise(posterior, treated)
    for index, named in enumerate(RISES):
        if single and named.day == 0.0:
            why = "one compartment: the level at the end of an infusion is not what the model describes"
            yield Estimand(name=named.name, group=INFUSED, kind="level", reason=why)
        else:
            yield Estimand(
                name=named.name, group=INFUSED, kind="level", draws=draws[:, index], sign_given=True, reason=note
            )


def ratios(
    posteriors: Mapping[Extension, CohortPosterior], treated: Mapping[Extension, Sequence[Exposure]]
) -> Iterator[Estimand]:
    """Clearance and production under IVIG, each from its own extension beside the base model."""
    for named in RATIOS:
        name, extension = named.name, named.extension
        if extension is None or extension not in posteriors:
            why = "fixed at 1 in the base model; this extension was not sampled"
            yield Estimand(name=name, group=INFUSED, kind="ratio", reason=why)
        elif not treated[extension]:
            yield Estimand(name=name, group=INFUSED, kind="ratio", reason=NO_TREATED)
        else:
            yield Estimand(
                name=name,
                group=INFUSED,
                kind="ratio",
                draws=mean_ratio(posteriors[extension], treated[extension], extension),
                reason=ratio_note(extension, treated[extension][0].ivig_days),
            )


def mean_ratio(posterior: CohortPosterior, treated: Sequence[Exposure], extension: Extension) -> Floats:
    """(n,): mean over the treated of the ratio that the extension frees."""
    if extension not in COLUMN_OF:
        return posterior.population[extension].reshape(-1)
    each = [posterior.of_patient(one.place)[:, COLUMN_OF[extension]] for one in treated]
    return np.asarray(np.mean(each, axis=0))


def ratio_note(extension: Extension, ivig_days: float) -> str:
    """What a ratio rests on."""
    if extension == "dose_recovery":
        return (
            "from its own extension beside the base model: the direct test of mass balance; below 1, doses were "
            "missed, not given in full, or spread in a larger volume than the card's; prior: log-normal around 1, "
            f"log SD {RECOVERY_LOG_SD:g}"
        )
    return (
        f"from its own extension beside the base model; acts from the first infusion to {ivig_days:g} days after "
        f"the last; prior: log-normal around 1, log SD {RATIO_LOG_SD:g}"
    )
