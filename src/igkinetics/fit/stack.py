"""One patient's fits under several cards, mixed: draws of each in its share (docs/model.md 11.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from igkinetics.fit.problem import patient_schedule
from igkinetics.fit.result import Alternative, Averaged, PatientFit
from igkinetics.fit.structures import worst
from igkinetics.random_streams import of_patient


def stacked(fits: Sequence[tuple[PatientFit, float]], n: int, seed: int) -> PatientFit:
    """The fit of the card with the largest share, its averaged posterior n draws of all cards that gave numbers, in
    random order. Fits are of one patient; shares count among those with numbers.

    Parameters, residual error and drift given a draw are those of the first card; levels and days are of all draws.
    """
    known = sorted(((fit, share) for fit, share in fits if fit.has_numbers), key=lambda each: -each[1])
    if not known:
        return max(fits, key=lambda each: each[1])[0]
    first, whole = known[0][0], sum(share for _, share in known)
    if len(fits) == 1:
        return first
    counts = np.diff(np.round(np.cumsum([0.0, *(share / whole for _, share in known)]) * n)).astype(int)
    parts = [(fit.all_draws(), int(count)) for (fit, _), count in zip(known, counts, strict=True)]
    order = of_patient(seed, first.patient.patient_id, "stack").permutation(sum(counts))
    apart = np.cumsum([0, *(one.source.max() + 1 for one, _ in parts[:-1])])
    sources = [one.source[:count] + first_of for (one, count), first_of in zip(parts, apart, strict=True)]
    averaged = Averaged(
        theta=np.concatenate([one.theta[:count] for one, count in parts])[order],
        drift_sd=np.concatenate([one.drift_sd[:count] for one, count in parts])[order],
        source=np.concatenate(sources)[order],
        kind=np.concatenate([one.kind[:count] for one, count in parts])[order],
        method="; ".join(dict.fromkeys(one.method for one, _ in parts)),
        pareto_k=worst([one.pareto_k for one, _ in parts]),
        r_hat=worst([one.r_hat for one, _ in parts]),
        trusted=all(one.trusted for one, _ in parts),
    )
    problem = first.fitted()[0]
    mixed = ", ".join(f"{fit.prior.card_id} {share / whole:.2f}" for fit, share in known)
    missing = [f"{fit.prior.card_id} left out: {fit.reason}" for fit, _ in fits if not fit.has_numbers]
    note = f"levels and days from draws of several cards ({mixed}); parameters are those of {first.prior.card_id}"
    return replace(
        first,
        problem=replace(problem, schedule=patient_schedule(first.patient, ignore_therapy=False)),
        averaged=averaged,
        alternatives=tuple(row for fit, share in known for row in shared(fit, share / whole)),
        notes=(*first.notes, note, *missing),
    )


def shared(fit: PatientFit, share: float) -> list[Alternative]:
    """The structures of one card with their part of the whole weight."""
    return [
        replace(
            row,
            weight=row.weight * share,
            prior_weight=row.prior_weight * share,
            note="; ".join(filter(None, (f"card {fit.prior.card_id}", row.note))),
        )
        for row in fit.alternatives
    ]
