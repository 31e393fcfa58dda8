"""Weights that a dose or a model may be scaled by: lean body mass, ideal and adjusted weight.

Pure formulas for adults: nothing is clamped, and where a formula leaves its domain (a short child, a person lighter
than the ideal) the caller has to ask `weight_defects`.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Sex = Literal["female", "male"]
WeightBasis = Literal["actual", "ideal", "adjusted", "lean"]
WEIGHT_BASES: Final[tuple[WeightBasis, ...]] = get_args(WeightBasis)
NEEDS_HEIGHT_AND_SEX: Final = ("ideal", "adjusted", "lean")

CM_PER_INCH: Final = 2.54
SHORTEST_ADULT_CM: Final = 60 * CM_PER_INCH
"""Devine's line starts at 60 inches; below them neither formula was meant to be used."""
SHARE_OF_EXCESS: Final = 0.4
WRITTEN_AS: Final[dict[Sex, tuple[str, ...]]] = {"female": ("female", "f", "woman"), "male": ("male", "m", "man")}


def sex_of(text: str) -> Sex | None:
    """The sex that a record's text stands for; None when it is not one the formulas know."""
    word = text.strip().casefold()
    return next((sex for sex, words in WRITTEN_AS.items() if word in words), None)


def lean_body_mass_kg(weight_kg: float | Floats, height_cm: float | Floats, sex: Sex) -> float | Floats:
    """Boer: men 0.407 W + 0.267 H - 19.2; women 0.252 W + 0.473 H - 48.3 (W kg, H cm), kg.

    weight_kg, height_cm: scalars or arrays that broadcast. Source: Boer P, Am J Physiol 1984;247:F632-F636, as
    used for the lean mass of Li 2022 (review of van der Zeeuw 2026: 54.7 kg for a man of 70 kg and 170 cm).
    """
    if sex == "male":
        return 0.407 * weight_kg + 0.267 * height_cm - 19.2
    return 0.252 * weight_kg + 0.473 * height_cm - 48.3


def ideal_weight_kg(height_cm: float | Floats, sex: Sex) -> float | Floats:
    """Devine: 50 kg (women 45.5) + 2.3 kg for each inch above 60 inches, kg.

    Source: Devine BJ, Drug Intell Clin Pharm 1974;8:650-655. It does not depend on the actual weight.
    """
    at_60_inches = 50.0 if sex == "male" else 45.5
    return at_60_inches + 2.3 * (height_cm / CM_PER_INCH - 60.0)


def adjusted_weight_kg(weight_kg: float | Floats, height_cm: float | Floats, sex: Sex) -> float | Floats:
    """Ideal weight and 0.4 of what lies above it, kg. For a person lighter than the ideal it lies above the actual.

    Source: the adjustment that IVIG dosing by adjusted weight uses (ideal + 0.4 (actual - ideal)).
    """
    ideal = ideal_weight_kg(height_cm, sex)
    return ideal + SHARE_OF_EXCESS * (weight_kg - ideal)


def dosing_weight_kg(
    basis: WeightBasis, weight_kg: float | Floats, height_cm: float | Floats, sex: Sex
) -> float | Floats:
    """The weight that a dose in g/kg is multiplied by, kg."""
    if basis == "ideal":
        return ideal_weight_kg(height_cm, sex)
    if basis == "adjusted":
        return adjusted_weight_kg(weight_kg, height_cm, sex)
    return lean_body_mass_kg(weight_kg, height_cm, sex) if basis == "lean" else weight_kg


def weight_defects(basis: WeightBasis, weight_kg: float, height_cm: float, sex: Sex) -> tuple[str, ...]:
    """Why this basis is outside the domain of its formula for this person; empty when it is inside."""
    if basis not in NEEDS_HEIGHT_AND_SEX:
        return ()
    doubts = []
    if height_cm < SHORTEST_ADULT_CM:
        doubts.append(f"height {height_cm:g} cm: the {basis} weight is for adults of 152.4 cm or more")
    if basis == "lean" and lean_body_mass_kg(weight_kg, height_cm, sex) >= weight_kg:
        doubts.append(f"weight {weight_kg:g} kg: the lean formula gives more than the actual weight")
    if basis in ("ideal", "adjusted") and weight_kg < ideal_weight_kg(height_cm, sex):
        doubts.append(f"weight {weight_kg:g} kg: below the ideal weight, so the {basis} weight is above the actual one")
    return tuple(doubts)
