"""`igk.evaluate_forecasts`: every sample predicted from what came before it, with every card."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from igkinetics.cards.load import list_cards, load_card
from igkinetics.cards.model import Card
from igkinetics.choices import chosen
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.proportion import refuse_out_of_proportion
from igkinetics.errors import InputError, NobodyFittedError, Problem, call_error, counted
from igkinetics.evaluate.columns import RELIABILITY, SCORES, point_columns
from igkinetics.evaluate.options import EvaluateOptions
from igkinetics.evaluate.points import predicted_points
from igkinetics.evaluate.result import ForecastEvaluation
from igkinetics.evaluate.scores import ranking_of, reliability, score_table
from igkinetics.fit.learning import learnt_for_forecast
from igkinetics.fit.refusal import why_card_refused
from igkinetics.parallel import Progress, as_far_as_reached


def evaluate_forecasts(
    cohort: Cohort, options: EvaluateOptions | None = None, progress: Progress | None = None, **choices: Any
) -> ForecastEvaluation:
    """Check forecasts on a cohort: `evaluate_forecasts(cohort, cards=["adult_b_cell_depletion", "li_2022"])`.

    Every sample from a patient's third on is predicted from those before it; doses and therapy up to it are taken as
    they were. choices: those of EvaluateOptions, which see; given beside `options`, they take the place of its own.
    InputError for choices that cannot be carried out, and for a cohort without such a sample. See docs/model.md 3.7.

    >>> import igkinetics as igk
    >>> samples = {"patient_id": ["A"] * 4, "day": [0, 20, 45, 80], "igg": [620, 480, 390, 410]}
    >>> therapy = {"patient_id": ["A"], "start": [0], "stop": [90], "agent": ["blinatumomab"]}
    >>> cohort = igk.read_cohort(samples=samples, therapy=therapy, igg_unit="mg/dL")
    >>> checked = igk.evaluate_forecasts(cohort, cards=["adult_b_cell_depletion"])
    >>> checked.n_predicted, checked.weights
    (2, {'adult_b_cell_depletion': 1.0})
    """
    options = chosen(EvaluateOptions, options, choices)
    if not isinstance(cohort, Cohort):
        raise call_error("cohort", type(cohort).__name__, "must be a cohort, as read by igk.read_cohort")
    began, started = time.perf_counter(), datetime.now(UTC)
    refuse_out_of_proportion(cohort, thresholds=options.thresholds)
    cards, notes = cards_of(options.cards)
    patients = [one for one in cohort.each_patient() if one.patient_id not in cohort.set_aside_patients]
    with_points = [one for one in patients if np.sum(one.sample_day <= one.follow_up_end) > 2]
    if not with_points:
        expected = "must have a patient with three samples or more: the third is the first to be predicted"
        raise NobodyFittedError([Problem(file="call", column="cohort", found=cohort.name, expected=expected)])
    learnt = {name: learnt_for_forecast(cohort, options.of_fit(name)) for name in cards}
    choices = {name: choice for name, (choice, _) in learnt.items()}
    said = [f"{cards[name].id}: {note}" for name, (_, found) in learnt.items() for note in found]
    tasks = [
        partial(predicted_points, cohort, who, card, choices[name], options)
        for name, card in cards.items()
        for who in with_points
    ]
    reached = as_far_as_reached(tasks, options.jobs, progress)
    rows = [row for own in reached.results.values() for row in own]
    points = pd.DataFrame(rows).reindex(columns=list(point_columns(options.thresholds)))
    ids = [card.id for card in cards.values()]
    scores = score_table(points, ids, ranking_of(points, ids)).assign(unit=cohort.igg_unit)
    reliable = reliability(points, ids, options.thresholds).assign(unit=cohort.igg_unit)
    if short := len(cohort.patients) - len(with_points):
        said.append(f"{counted(short, 'patient')} with fewer than three samples")
    return ForecastEvaluation(
        cohort=cohort,
        options=options,
        scores=scores.reindex(columns=list(SCORES)),
        points=points,
        reliability=reliable.reindex(columns=list(RELIABILITY)),
        card_ids={card.id: card.sha256 for card in cards.values()},
        sources={card.id: source for source, card in cards.items()},
        notes=(*cohort.notes, *notes, *said),
        started=started,
        seconds=time.perf_counter() - began,
        interrupted=reached.interrupted,
    )


def cards_of(asked: Sequence[str]) -> tuple[dict[str, Card], list[str]]:
    """Id or path -> card, those asked for or all that can be fitted; and which of all cannot. InputError for a card
    that was asked for and cannot be fitted, all at once."""
    cards, notes, problems = {}, [], []
    for name in asked or list_cards():
        card = load_card(name)
        why = why_card_refused(card)
        if not why:
            cards[name] = card
        elif asked:
            problems.append(Problem(file="call", column="cards", found=name, expected=why))
        else:
            notes.append(f"card {name} is not evaluated: {why.split(':')[0]}")
    if len({card.id for card in cards.values()}) < len(cards):
        problems.append(
            Problem(file="call", column="cards", found=", ".join(asked), expected="must have different ids")
        )
    if problems:
        raise InputError(problems)
    return cards, notes
