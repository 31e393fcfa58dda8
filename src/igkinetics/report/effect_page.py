"""report.html of an effect analysis: the verdict first, then what it rests on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from igkinetics import text
from igkinetics.charts.svg import Draw, draw
from igkinetics.effect.beside import EVERYBODY
from igkinetics.effect.courses import COURSE_DRAWS
from igkinetics.effect.learnt import PRIOR_DRAWS
from igkinetics.effect.output import effect_record
from igkinetics.effect.plots import effect_charts, patient_effect_charts, selected_infused, vpc_charts
from igkinetics.effect.predictive import replicate_note
from igkinetics.effect.result import CohortEffect
from igkinetics.effect.sensitivity import MODELS, OTHERS
from igkinetics.effect.visual_check import NEW_DRAWS
from igkinetics.hierarchical.leave_one_out import BETTER
from igkinetics.hierarchical.population_priors import RATIO_LOG_SD, RECOVERY_LOG_SD
from igkinetics.report import effect_groups, effect_rows, words
from igkinetics.report.card_view import card_view
from igkinetics.report.effect_policies import policy_values
from igkinetics.report.effect_sentences import page_sentences
from igkinetics.report.effect_words import SENSITIVITY_WORDS, drawn_words, with_interval
from igkinetics.report.environment import render_page
from igkinetics.report.three_ways import page_beside


def write_effect_report(effect: CohortEffect, path: Path, draw: Draw = draw) -> None:
    """Write the report of `effect` to `path`; draw: what makes figures of charts."""
    other = page_beside(path, "compare", effect_record(effect))
    path.write_text(effect_report(effect, draw, other), encoding="utf-8", newline="\n")


def effect_report(effect: CohortEffect, draw: Draw = draw, other: str = "") -> str:
    """The whole page as text. Every name from the input is escaped; anchors are made from numbers. other: link to the
    page of a comparison of groups."""
    cohort = effect_charts(effect)
    infused = selected_infused(effect)
    groups = vpc_charts(effect)
    figures = draw([*cohort.values(), *groups, *patient_effect_charts(effect, list(infused))])
    of_groups, of_patients = figures[len(cohort) :][: len(groups)], figures[len(cohort) + len(groups) :]
    drawn = {
        "figures": dict(zip(cohort, figures, strict=False)),
        "vpc_figures": of_groups,
        "patient_figures": [
            (text.visible(name), why, figure) for (name, why), figure in zip(infused.items(), of_patients, strict=True)
        ],
        "other": other,
        "without_chart": effect.n_treated - len(infused),
    }
    title = f"The effect of IVIG in {text.visible(effect.cohort.name)}"
    return render_page("effect.html.j2", title, effect_record(effect), page_values(effect) | drawn)


def page_values(effect: CohortEffect) -> dict[str, Any]:
    """What the template shows, apart from the figures."""
    options = effect.options
    structures = sorted({problem.model for problem in effect.sampling.posterior.problems})
    productions = sorted({name.split("/")[1] for name in structures})
    return {
        "sentences": page_sentences(effect),
        "notes": list(effect.notes),
        "failed": "" if effect.sampling.passed else effect.sampling.verdict,
        "interrupted": effect.interrupted,
        "unit": effect.cohort.igg_unit,
        "level": text.percent(options.level),
        "sections": effect_rows.estimand_sections(effect),
        "not_given": effect_rows.not_given(effect),
        "patients": effect_rows.patient_cells(effect),
        "somebody_missing": bool((effect.patients["status"] != "estimated").any()),
        "first_below": effect_rows.first_below_cells(effect),
        "prior": effect_rows.prior_cells(effect),
        "shared": effect_rows.population_cells(effect),
        "misfit": effect_rows.misfit_cells(effect),
        "controls": effect_rows.control_cells(effect),
        "flow": effect_rows.flow_cells(effect),
        "baseline": effect_rows.baseline_cells(effect),
        "checks": effect_rows.check_cells(effect),
        "check_note": replicate_note(effect.checks),
        "apart": effect_groups.decomposition_cells(effect) if effect_groups.taken_apart(effect) else None,
        "naive_fitted": fitted_difference(effect),
        "groups_words": effect_groups.groups_words(effect),
        **population_values(effect),
        **policy_values(effect),
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
        "caps": {"curves": COURSE_DRAWS, "card": PRIOR_DRAWS, "new": NEW_DRAWS},
        "ratio_sd": RATIO_LOG_SD,
        "recovery_sd": RECOVERY_LOG_SD,
        "ratio_words": ratio_words(effect),
        "drawn_words": drawn_words(effect.sampling.sampler, len(effect.posterior), effect.posterior["chain"].nunique()),
        "structures": structures,
        "production_words": [words.PRODUCTION_WORDS[name] for name in productions],
        "residual_words": words.RESIDUAL_WORDS[options.residual],
        "same_day": effect.cohort.same_day,
        "cards": [card_view(card_id, digest, options.card) for card_id, digest in effect.card_ids.items()],
    }


def fitted_difference(effect: CohortEffect) -> str:
    """The naive difference of fitted nadirs with the scatter between patients; empty when it cannot be given."""
    row = effect.estimand("naive_fitted_nadir_difference")
    return with_interval(row) if row["status"] == "estimated" else ""


def ratio_words(effect: CohortEffect) -> str:
    """What to make of a ratio whose interval excludes 1 while predictive densities tell no models apart; else empty."""
    away = effect.extensions[(effect.extensions["ratio_lower"] > 1) | (effect.extensions["ratio_upper"] < 1)]
    compared = effect.sensitivity.get(MODELS)
    if away.empty or compared is None:
        return ""
    better = compared.loc[compared["supported"] == BETTER, "model"]
    if away["model"].isin(better).all():
        return ""
    return (
        "An interval here excludes 1, while the predictive densities below do not support that model over the base "
        "one. The two ask different things: the ratio is learnt from all samples given that the rest of the model "
        "is right; whether it predicts an unseen patient better is a harder test, not passed here."
    )


def population_values(effect: CohortEffect) -> dict[str, Any]:
    """Whom the estimands are about: who is left out, whose infusions could act, which samples were set aside."""
    rows = effect.patients.drop_duplicates("patient_id")
    missing = rows[rows["status"] != "estimated"]
    infused = int(missing["treated"].astype(bool).sum())
    named = [
        f"{text.visible(row['patient_id'])} ({text.visible(row['reason'], 160)})" for row in missing.to_dict("records")
    ]
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
        "window, so that its effect could show."
        if effect.n_treated
        else "",
        "odd": text.listed(odd, 20),
        "everybody_row": others is not None and bool((others["model"] == EVERYBODY).any()),
    }
