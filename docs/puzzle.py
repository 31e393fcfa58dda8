"""A treatment that works and a comparison that does not see it: writes docs/puzzle.csv, .md and .png.

Usage: python docs/puzzle.py, from the project's folder (some minutes of one core). The design is docs/puzzle.toml, the
words are in docs/puzzle.md.in; every number on the page comes from docs/puzzle.csv. Cohorts 1 to 200 by their numbers
as seeds; none was picked.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pandas as pd
import vl_convert
from scipy.stats import mannwhitneyu, ttest_ind

import igkinetics as igk
from igkinetics.charts import style
from igkinetics.charts.converter import VEGA_LITE
from igkinetics.charts.svg import Spec
from igkinetics.simulate.run import write_simulation
from igkinetics.simulate.simulated import SimulatedCohort

HERE = Path(__file__).resolve().parent
DESIGN, TABLE, PAGE, WORDS, PICTURE = (HERE / f"puzzle.{end}" for end in ("toml", "csv", "md", "md.in", "png"))
COHORTS, PATIENTS, INFUSING_SHARE = 200, 60, 0.6
SAMPLED = 1
"""The cohort that the hierarchical model is fitted to."""
SMALL = (17, 6)
"""Infused and never infused patients of the index study."""
PIXELS_PER_UNIT = 1.2
NEVER, INFUSES = "never", "infuses"
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def cohort(number: int, *, infusions: bool = True) -> SimulatedCohort:
    """Cohort `number`; infusions False: the very same patients, days and assay noise without any infusion."""
    n_infuses = int(np.random.default_rng([3, number]).binomial(PATIENTS, INFUSING_SHARE))
    text = DESIGN.read_text(encoding="utf-8")
    for name, n in ((NEVER, PATIENTS - n_infuses), (INFUSES, n_infuses)):
        text = re.sub(rf'(name = "{name}"\nn = )\d+', rf"\g<1>{n}", text)
    return igk.simulate_cohort(text if infusions else text[: text.index("[group.regimen]")], seed=number)


def lowest_measured(simulated: SimulatedCohort) -> Floats:
    """Lowest measured value on therapy or after, of each patient in order, mg/dL; `<40` counts as 40."""
    samples = simulated.samples[simulated.samples["day"] >= 0]
    values = samples["igg"].str.lstrip("<").astype(float).groupby(samples["patient_id"]).min()
    return values.reindex(simulated.patients["patient_id"]).to_numpy(dtype=float)


def difference(name: str, values: Floats, first: Mask) -> dict[str, float]:
    """Mean of the first group minus that of the others with Welch's 95 % interval, mg/dL; Mann-Whitney's P."""
    found = ttest_ind(values[first], values[~first], equal_var=False).confidence_interval(0.95)
    return {
        name: values[first].mean() - values[~first].mean(),
        f"{name}_lower": found.low,
        f"{name}_upper": found.high,
        f"{name}_p": mannwhitneyu(values[first], values[~first]).pvalue,
    }


def row(number: int) -> dict[str, float]:
    """What is true in one cohort and what comparisons of lowest measured values say, mg/dL."""
    real, bare = cohort(number), cohort(number, infusions=False)
    ids = real.patients["patient_id"]
    ever: Mask = ids.isin(real.doses["patient_id"]).to_numpy()
    policy: Mask = (real.patients["group"] == INFUSES).to_numpy()
    truth = real.truth_nadir.set_index("patient_id").loc[ids]
    change = (truth["nadir"] - truth["nadir_without_ivig"]).to_numpy()
    raw, raw_change = lowest_measured(real), lowest_measured(real) - lowest_measured(bare)
    lot = np.random.default_rng([4, number])
    small = np.concatenate(
        [lot.choice(np.flatnonzero(who), n, replace=False) for who, n in zip((ever, ~ever), SMALL, strict=True)]
    )
    return {
        "cohort": number,
        "n_policy": policy.sum(),
        "n_ever": ever.sum(),
        "true_att": change[ever].mean(),
        "true_att_measured": raw_change[ever].mean(),
        "true_policy_measured": raw_change[policy].mean(),
        **difference("naive", raw, ever),
        **difference("policy", raw, policy),
        "small_infused": raw[small[: SMALL[0]]].mean(),
        "small_never": raw[small[SMALL[0] :]].mean(),
        **difference("small", raw[small], np.arange(sum(SMALL)) < SMALL[0]),
    }


def fitted(number: int) -> dict[str, float]:
    """The effect on the nadir in the infused, from the hierarchical model, which knows nothing of the truth."""
    with TemporaryDirectory() as scratch:
        write_simulation(cohort(number), scratch)
        found = igk.fit_effect(igk.read_cohort(scratch), seed=number, base_only=True, jobs=1).summary
    att = found.set_index("estimand").loc["nadir_change_att"]
    return {"fitted": float(att["median"]), "fitted_lower": float(att["lower"]), "fitted_upper": float(att["upper"])}


def table() -> pd.DataFrame:
    """A row per cohort; the fit stands in the row of its cohort."""
    rows = [row(number) | (fitted(number) if number == SAMPLED else {}) for number in range(1, COHORTS + 1)]
    return pd.DataFrame(rows)


def verdicts(found: pd.DataFrame, name: str) -> dict[str, str]:
    """How often a comparison has P > 0.05, and P <= 0.05 with the infused (or infusers) lower and higher, %."""
    told, lower = found[f"{name}_p"] <= 0.05, found[name] < 0
    shares = {"unseen": ~told, "lower": told & lower, "higher": told & ~lower, "below_0": lower}
    return {f"{name}_{key}": f"{100 * share.mean():.0f}" for key, share in shares.items()}


def numbers(found: pd.DataFrame) -> dict[str, str]:
    """Every number on the page."""
    said = {
        name: f"{found[name].mean():.0f}"
        for name in (
            "true_att",
            "true_att_measured",
            "true_policy_measured",
            "naive",
            "policy",
            "small",
            "small_infused",
            "small_never",
            "n_ever",
        )
    }
    for name in ("true_att", "true_att_measured", "true_policy_measured", "naive", "policy", "small"):
        low, high = found[name].quantile([0.025, 0.975])
        said |= {f"{name}_low": f"{low:.0f}", f"{name}_high": f"{high:.0f}"}
    error = found["policy"] - found["true_policy_measured"]
    said |= {"policy_error": f"{error.mean():.1f}", "policy_error_se": f"{error.std() / len(error) ** 0.5:.1f}"}
    said |= {"naive_se": f"{found['naive'].std() / len(found) ** 0.5:.1f}"}
    said |= {"naive_error": f"{(found['naive'] - found['true_att_measured']).mean():.0f}"}
    missed = (found["naive_upper"] < found["true_att_measured"]) | (found["naive_lower"] > found["true_att_measured"])
    said |= {"naive_missed": f"{100 * missed.mean():.0f}"}
    for name in ("naive", "policy", "small"):
        said |= verdicts(found, name)
    one = found.set_index("cohort").loc[SAMPLED]
    said |= {
        f"one_{name}": f"{one[name]:.0f}"
        for name in (
            "n_policy",
            "n_ever",
            "true_att",
            "naive",
            "naive_lower",
            "naive_upper",
            "policy",
            "policy_lower",
            "policy_upper",
            "fitted",
            "fitted_lower",
            "fitted_upper",
        )
    }
    counts = {
        "cohorts": COHORTS,
        "patients": PATIENTS,
        "all_patients": f"{COHORTS * PATIENTS:,}",
        "sampled": SAMPLED,
        "share": round(100 * INFUSING_SHARE),
        "small_n_infused": SMALL[0],
        "small_n_never": SMALL[1],
    }
    return {key: text.replace("-", "−") for key, text in (said | {k: str(n) for k, n in counts.items()}).items()}


def page(found: pd.DataFrame) -> str:
    return Template(WORDS.read_text(encoding="utf-8")).substitute(numbers(found))


def chart(found: pd.DataFrame) -> Spec:
    """Above: every cohort a line, their mean a diamond. Below: one cohort with its intervals."""
    many = {
        "true_att_measured": "true effect in the infused",
        "naive": "ever − never infused",
        "true_policy_measured": "true effect of the policy",
        "policy": "by allotted policy",
    }
    every = [{"row": label, "igg": round(value, 1)} for name, label in many.items() for value in found[name]]
    means = [{"row": label, "igg": round(found[name].mean(), 1)} for name, label in many.items()]
    one = found.set_index("cohort").loc[SAMPLED]
    alone = [{"row": "true effect in the infused", "igg": one["true_att"]}]
    alone += [
        {"row": label, "igg": one[name], "lower": one[f"{name}_lower"], "upper": one[f"{name}_upper"]}
        for name, label in (
            ("naive", "ever − never infused"),
            ("policy", "by allotted policy"),
            ("fitted", "same patients, from the model"),
        )
    ]
    tick: Spec = {"type": "tick", "opacity": 0.35, "thickness": 1.2, "size": 20}
    mean: Spec = {
        "type": "point",
        "shape": "diamond",
        "filled": True,
        "size": 150,
        "opacity": 1,
        "stroke": style.SAMPLE,
        "strokeWidth": 1.5,
    }
    return {
        "background": "white",
        "config": style.CONFIG,
        "vconcat": [
            panel(f"{COHORTS} simulated cohorts of {PATIENTS} patients", every, means, tick, mean),
            panel(f"Cohort {SAMPLED}, with 95 % intervals", alone, alone, {"type": "rule", "strokeWidth": 2.5}, mean),
        ],
    }


def panel(title: str, rows: list[dict[str, object]], points: list[dict[str, object]], mark: Spec, mean: Spec) -> Spec:
    """Rows with lower and upper become rules, others ticks; the truth in another colour than comparisons."""
    x: Spec = {
        "type": "quantitative",
        "title": "Difference in lowest IgG (mg/dL)",
        "scale": {"domain": [-125, 200], "nice": False},
        "axis": {"tickCount": 7},
    }
    order = [one["row"] for one in points]
    y: Spec = {
        "field": "row",
        "type": "nominal",
        "scale": {"domain": order},
        "title": None,
        "axis": {"labelLimit": 260, "ticks": False, "domain": False},
    }
    true = {"test": "indexof(datum.row, 'true') === 0", "value": style.ENDOGENOUS}
    colour: Spec = {"condition": true, "value": style.TOTAL}
    ruled = mark["type"] == "rule"
    ends = {"x": {"field": "lower", **x}, "x2": {"field": "upper"}} if ruled else {"x": {"field": "igg", **x}}
    zero: Spec = {
        "data": {"values": [{"igg": 0}]},
        "mark": {"type": "rule", "color": "#666666", "strokeDash": [4, 3]},
        "encoding": {"x": {"field": "igg", **x}},
    }
    shown = [one for one in rows if "lower" in one] if ruled else rows
    return {
        "title": {"text": title, "anchor": "start", "fontSize": 15, "fontWeight": "normal"},
        "width": style.CHART_WIDTH,
        "height": 38 * len(points),
        "layer": [
            zero,
            {"data": {"values": shown}, "mark": mark, "encoding": {"y": y, **ends, "color": colour}},
            {
                "data": {"values": points},
                "mark": mean,
                "encoding": {"y": y, "x": {"field": "igg", **x}, "fill": colour},
            },
        ],
    }


def main() -> None:
    table().to_csv(TABLE, index=False, float_format="%.6g", lineterminator="\n")
    draw()


def draw() -> None:
    """The page and its picture, from the table as written."""
    found = pd.read_csv(TABLE)
    PAGE.write_text(page(found), encoding="utf-8")
    text = json.dumps(chart(found))
    PICTURE.write_bytes(vl_convert.vegalite_to_png(text, vl_version=VEGA_LITE, scale=PIXELS_PER_UNIT))


if __name__ == "__main__":
    main()
