"""report.html of an effect analysis: the verdict first, then what it rests on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from igkinetics import text
from igkinetics.charts.svg import Draw, draw
from igkinetics.effect.output import effect_record
from igkinetics.effect.plots import effect_charts, patient_effect_charts, vpc_charts
from igkinetics.effect.predictive import replicate_note
from igkinetics.effect.result import CohortEffect
from igkinetics.effect.sampling import EVERYBODY
from igkinetics.effect.sensitivity import OTHERS
from igkinetics.report import effect_groups, effect_rows, words
from igkinetics.report.card_view import card_view
from igkinetics.report.effect_sentences import effect_sentences
from igkinetics.report.effect_words import SENSITIVITY_WORDS
from igkinetics.report.environment import page_environment

MOST_PATIENT_CHARTS: Final = 60
"""Infused patients that get a chart of their own."""


def write_effect_report(effect: CohortEffect, path: Path, draw: Draw = draw) -> None:
    """Write the report of `effect` to `path`; draw: what makes figures of charts."""
    path.write_text(effect_report(effect, draw), encoding="utf-8", newline="\n")


def effect_report(effect: CohortEffect, draw: Draw = draw) -> str:
    """The whole page as text. Every name from the input is escaped; anchors are made from numbers."""
    cohort = effect_charts(effect)
    infused = effect.in_posterior(treated=True)[:MOST_PATIENT_CHARTS]
    groups = vpc_charts(effect)
    figures = draw([*cohort.values(), *groups, *patient_effect_charts(effect, infused)])
    of_groups, of_patients = figures[len(cohort) :][: len(groups)], figures[len(cohort) + len(groups) :]
    drawn = {
        "figures": dict(zip(cohort, figures, strict=False)),
        "vpc_figures": of_groups,
        "patient_figures": list(zip([text.visible(name) for name in infused], of_patients, strict=True)),
        "without_chart": effect.n_treated - len(infused),
    }
    return page_environment().get_template("effect.html.j2").render(page_values(effect) | drawn)


def page_values(effect: CohortEffect) -> dict[str, Any]:
    """What the template shows, apart from the figures."""
    options, record = effect.options, effect_record(effect)
    structures = sorted({problem.model for problem in effect.sampling.posterior.problems})
    productions = sorted({name.split("/")[1] for name in structures})
    return {
        "title": f"The effect of IVIG in {text.visible(effect.cohort.name)}",
        "sentences": effect_sentences(effect, "this page")[0 if effect.sampling.passed else 1 : -1],
        "notes": list(effect.notes),
        "failed": "" if effect.sampling.passed else effect.sampling.verdict,
        "interrupted": effect.interrupted,
        "unit": effect.cohort.igg_unit,
        "level": text.percent(options.level),
        "sections": effect_rows.estimand_sections(effect),
        "patients": effect_rows.patient_cells(effect),
        "somebody_missing": bool((effect.patients["status"] != "estimated").any()),
        "first_below": effect_rows.first_below_cells(effect),
        "prior": effect_rows.prior_cells(effect),
        "shared": effect_rows.population_cells(effect),
        "checks": effect_rows.check_cells(effect),
        "check_note": replicate_note(effect.checks),
        "apart": effect_groups.decomposition_cells(effect) if effect_groups.taken_apart(effect) else None,
        "groups_words": effect_groups.groups_words(effect),
        **population_values(effect),
        "dosing": effect.dosing,
        "by_calendar": effect.dosing_by_calendar,
        "extensions": effect_rows.extension_cells(effect),
        "sensitivity": {
            name: effect_rows.plain_table(table, SENSITIVITY_WORDS.get(name, "").format(unit=effect.cohort.igg_unit))
            for name, table in effect.sensitivity.items()
        },
        "diagnostics": effect_rows.plain_table(effect.diagnostics),
        "verdict": effect.verdict,
        "options": options.record() | {"prior": "card"},
        "asked_thresholds": [text.number(value, 5) for value in options.thresholds],
        "regimen": options.control_regimen is not None,
        "n_draws": int(effect.posterior.shape[0]),
        "n_chains": int(effect.posterior["chain"].nunique()),
        "structures": structures,
        "production_words": [words.PRODUCTION_WORDS[name] for name in productions],
        "residual_words": words.RESIDUAL_WORDS[options.residual],
        "same_day": effect.cohort.same_day,
        "cards": [card_view(card_id, digest, options.card) for card_id, digest in effect.card_ids.items()],
        "record": record,
        "record_text": json.dumps(record, indent=2, ensure_ascii=False),
    }


def population_values(effect: CohortEffect) -> dict[str, Any]:
    """Whom the estimands are about: who is left out, whose infusions could act, which samples were set aside."""
    rows = effect.patients.drop_duplicates("patient_id")
    missing = rows[rows["status"] != "estimated"]
    infused = int(missing["treated"].astype(bool).sum())
    named = [f"{text.visible(row['patient_id'])} ({text.visible(row['reason'], 160)})"
             for row in missing.to_dict("records")]  # fmt: skip
    left_out = {
        "of": len(rows),
        "words": f"{text.listed(named, 20)}; {infused} of these {len(missing)} had been infused",
    }
    others = effect.sensitivity.get(OTHERS)
    odd = [f"{text.visible(name)} ({text.visible(what, 160)})" for name, what in effect.sampling.set_aside.items()]
    return {
        "left_out": left_out if len(missing) else None,
        "n_model": len(rows) - len(missing),
        "acting": f"{effect.n_acting} of the {effect.n_treated} infused had an infusion before the last day of the "
        "window, so that its effect could show." if effect.n_treated else "",
        "odd": text.listed(odd, 20),
        "everybody_row": others is not None and bool((others["model"] == EVERYBODY).any()),
    }  # fmt: skip
