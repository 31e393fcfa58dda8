"""Who is dosed or simulated, as a table of a design file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, model_validator

from igkinetics.toml_input import Fault, Name, Positive, Table, refuse
from igkinetics.virtual.tables import Covariate, Spread

FORMS = ("card", "models", "effect", "fit")
GOES_WITH: Final = {"patients": ("effect", "fit"), "new": ("effect",), "patient": ("fit",), "day_zero": ("fit",)}
"""Key -> forms of population that it goes with."""


CARD_KEYS = ("n", "weight_kg", "height_cm", "sex", "covariates", "disposition")


DEFAULT_PATIENTS = 1000


def spread_of(given: object) -> object:
    """A plain number stands for a spread of none."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        return {"mean": float(given), "sd": 0.0}
    return given


def date_of_text(given: object) -> object:
    """A date in quotes is one without."""
    if not isinstance(given, str):
        return given
    try:
        return date.fromisoformat(given)
    except ValueError:
        return given  # refused as what it is


def covariate_of(given: object) -> object:
    """A plain number or text stands for the same value in everybody."""
    return {"shares": {given: 1.0}} if isinstance(given, str) else spread_of(given)


def sex_shares(given: object) -> object:
    return {given: 1.0} if isinstance(given, str) else given


Amount = Annotated[Spread, BeforeValidator(spread_of)]


Property = Annotated[Covariate, BeforeValidator(covariate_of)]


SexShares = Annotated[dict[Literal["female", "male"], Positive], BeforeValidator(sex_shares)]


class ModelShare(Table):
    """One of several models of the same population, and the weight it is given."""

    card: Name
    """Model card: an id or the path of a file."""
    endogenous_card: Name | None = None
    """A second card that supplies production, for a card whose endogenous IgG is constant."""
    weight: Positive
    """Weight of this model among the models."""


class OfCard(Table):
    """What virtual patients of a published model have in every file.

    endogenous_card: for a card whose own endogenous IgG is a constant. disposition: two compartments where the card has
    them, unless said. Weights, heights and numeric covariates are drawn within the hard limits of the cards.
    """

    card: Name | None = None
    """Model card: an id of `igkinetics models list`, or the path of a file."""
    endogenous_card: Name | None = None
    """A second card that supplies production, for a card whose endogenous IgG is constant."""
    weight_kg: Amount | None = None
    """Weights: log-normal, by their mean and SD."""
    height_cm: Amount | None = None
    """Heights, where a weight basis or the card needs them."""
    sex: SexShares | None = None
    """Shares of the sexes, where a weight basis or the card needs them."""
    covariates: dict[str, Property] = Field(default_factory=dict)
    """Other covariates, by name: those that the card has effects for, and further columns."""
    disposition: Literal["two_compartment", "one_compartment"] | None = None
    """Disposition, where the card has both."""

    def shares_fault(self) -> Iterator[Fault]:
        """A fault where the shares of the sexes do not sum to 1."""
        if self.sex is not None and abs(sum(self.sex.values()) - 1) > 1e-9:
            yield Fault(("sex",), f"a sum of {sum(self.sex.values()):g}", "shares must sum to 1")


class Population(OfCard):
    """Who is dosed: patients of a published model (`card`) or of several (`models`), of a cohort's posterior
    (`effect`), or one fitted patient (`fit`).

    from_day: of `fit` and the own patients of
    `effect`: the day of the record ("last_sample": of each patient's last sample) that is day 0 of the scenario; doses
    of the record before it stay, the regimens take the place of all later ones.
    """

    models: list[ModelShare] | None = Field(default=None, min_length=2)
    """Several cards with weights, in place of `card`."""
    weights: Name | None = None
    """With `card = "stack"`: the folder that `igkinetics evaluate` wrote, whose weights mix the cards."""
    n: Annotated[int, Field(ge=1)] = DEFAULT_PATIENTS
    """Number of virtual patients."""
    effect: Name | None = None
    """Folder that `igkinetics effect` wrote: the patients of that cohort."""
    patients: list[Name] | None = Field(default=None, min_length=1)
    """Some of them, or of the patients of `fit`, by id."""
    new: Annotated[int, Field(ge=1)] | None = None
    """So many new patients of that cohort's population, in place of its own."""
    fit: Name | None = None
    """Folder that `igkinetics fit` wrote: all its patients, or ..."""
    patient: Name | None = None
    """... one patient of that fit."""
    from_day: float | Literal["last_sample"] = "last_sample"
    """Day of the record that is day 0 of the scenario, a number or "last_sample"."""
    day_zero: Annotated[date, BeforeValidator(date_of_text)] | None = None
    """Date of day 0 of the record, for dates where `fit` was not told to write them."""

    @model_validator(mode="after")
    def _holds(self) -> Population:
        refuse(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        given = [name for name in FORMS if getattr(self, name) is not None]
        if len(given) != 1:
            yield Fault(("card",), " and ".join(given), "give one of 'card', 'models', 'effect' and 'fit'")
            return
        form = given[0]
        of_cards = form in ("card", "models")
        if of_cards and self.weight_kg is None:
            yield Fault(("weight_kg",), "", "needed: { mean = 75, sd = 15 } or one number, kg")
        yield from self.shares_fault()
        if self.weights is not None:
            yield Fault(("weights",), self.weights, 'goes with card = "stack"')
        if self.endogenous_card is not None and form != "card":
            yield Fault(("endogenous_card",), self.endogenous_card, "goes with `card`; each of `models` has its own")
        wrong = [] if of_cards else [name for name in CARD_KEYS if name in self.model_fields_set]
        if form == "effect" and self.new is not None:
            wrong = [name for name in wrong if name not in ("weight_kg", "height_cm", "sex")]
            if self.weight_kg is None:
                yield Fault(("weight_kg",), "", "needed with `new`: { mean = 75, sd = 15 } or one number, kg")
        for name, goes_with in GOES_WITH.items():
            if getattr(self, name) is not None and form not in goes_with:
                yield Fault((name,), str(getattr(self, name)), f"goes with {' and '.join(f'`{x}`' for x in goes_with)}")
        for name in wrong:
            yield Fault((name,), "given", f"belongs to `card`; the patients of `{form}` bring their own")
        if form == "effect" and self.new is not None and self.patients is not None:
            yield Fault(("new",), str(self.new), "give either 'patients' or 'new'")
        if form == "fit" and self.patient is not None and self.patients is not None:
            yield Fault(("patients",), str(self.patients), "give either 'patient' or 'patients'")
        if self.patients is not None and len(set(self.patients)) < len(self.patients):
            yield Fault(("patients",), str(self.patients), "must name each patient once")
        if form == "fit" and self.patient is None and self.day_zero is not None:
            yield Fault(("day_zero",), str(self.day_zero), "goes with one `patient` of `fit`")
        if (of_cards or self.new is not None) and "from_day" in self.model_fields_set:
            rule = "goes with `fit` or the own patients of `effect`; virtual patients start on day 0"
            yield Fault(("from_day",), str(self.from_day), rule)
