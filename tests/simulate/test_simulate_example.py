"""The example cohort in `data/` is what its design makes, and is labelled as synthetic."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from igkinetics.cohort.read import read_cohort
from igkinetics.resources import resource_folder
from igkinetics.simulate.run import simulate_cohort, write_simulation

DATA = resource_folder("data")
EXAMPLE = DATA / "blina23"


def test_the_example_is_a_fresh_run_of_its_design(tmp_path: Path) -> None:
    write_simulation(simulate_cohort(DATA / "blina23.toml"), tmp_path)
    made = sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file())
    kept = sorted(str(file.relative_to(EXAMPLE)) for file in EXAMPLE.rglob("*") if file.is_file())
    assert [*made, "README.md"] == sorted(kept, key=lambda name: (name == "README.md", name))
    for name in made:
        if name.endswith(".parquet"):
            pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / name), pd.read_parquet(EXAMPLE / name))
        else:
            assert (tmp_path / name).read_bytes() == (EXAMPLE / name).read_bytes(), name


def test_it_has_the_counts_of_the_study() -> None:
    cohort = read_cohort(EXAMPLE)
    assert cohort.problems.empty
    assert cohort.patients["group"].value_counts().to_dict() == {"IVIG": 17, "control": 6}
    struck = cohort.outcomes.merge(cohort.patients, on="patient_id").groupby(["outcome", "group"])["patient_id"]
    assert struck.nunique().to_dict() == {
        ("infection", "IVIG"): 14,
        ("infection", "control"): 4,
        ("icu", "IVIG"): 4,
        ("icu", "control"): 1,
        ("infection_death", "IVIG"): 3,
        ("infection_death", "control"): 1,
        ("death", "IVIG"): 3,
        ("death", "control"): 1,
    }


def test_it_says_that_it_is_synthetic_and_stays_small() -> None:
    for name in ("README.md", "cohort.toml", "design.toml"):
        assert "SYNTHETIC" in (EXAMPLE / name).read_text()
    assert sum(file.stat().st_size for file in EXAMPLE.rglob("*") if file.is_file()) < 200_000


def test_infusions_raise_true_nadirs_though_raw_ones_look_alike() -> None:
    """What the example is for: see the comment in its design."""
    truth = pd.read_csv(EXAMPLE / "truth" / "nadir.csv")
    treated = truth[truth["patient_id"].str.startswith("IVIG")]
    assert (treated["nadir"] - treated["nadir_without_ivig"]).median() > 50
    samples = read_cohort(EXAMPLE).samples
    raw = 100 * samples[samples["day"] >= 0].groupby("patient_id")["igg"].min()
    medians = raw.groupby(raw.index.str.split("-").str[0]).median()
    assert abs(medians["IVIG"] - medians["control"]) < 40


def test_its_comment_tells_what_the_design_does_in_large_groups() -> None:
    """400 patients in each group: median raw nadirs 354 v 332 mg/dL; true 375 with IVIG, 300 without it."""
    text = (DATA / "blina23.toml").read_text()
    text = text[: text.index("[outcomes.")].replace("n = 17", "n = 400").replace("n = 6\n", "n = 400\n")
    simulated = simulate_cohort(text)
    group = simulated.patients.set_index("patient_id")["group"]
    samples = simulated.samples[simulated.samples["day"] >= 0]
    raw = samples["igg"].str.lstrip("<").astype(float).groupby(samples["patient_id"]).min()
    assert raw.groupby(group).median().round().to_dict() == {"IVIG": 354, "control": 332}
    truth = simulated.truth_nadir.set_index("patient_id")
    assert truth["nadir"].groupby(group).median().round()["IVIG"] == 375
    assert truth["nadir_without_ivig"].groupby(group).median().round()["IVIG"] == 300


def test_what_is_read_of_it_is_called_synthetic_too(tmp_path: Path) -> None:
    """`check`, `fit` and their reports print the notes of a cohort; without a design there is none."""
    assert read_cohort(EXAMPLE).notes[0].startswith("SYNTHETIC data")
    for name in ("samples.csv", "cohort.toml"):
        (tmp_path / name).write_bytes((EXAMPLE / name).read_bytes())
    assert not any("SYNTHETIC" in note for note in read_cohort(tmp_path).notes)
