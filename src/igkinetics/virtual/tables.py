"""Parts of a design file that describe virtual patients: spreads, covariates, therapy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from igkinetics.cohort.parse.improbable import empties_no_b_cells
from igkinetics.kinetics.parameters import Floats
from igkinetics.limits import MOST_EVENTS, Day
from igkinetics.toml_input import Fault, NotNegative, Positive, Table, refuse
from igkinetics.units import DAY_DECIMALS

Share = Annotated[float, Field(ge=0, le=1)]


Count = Annotated[int, Field(ge=0)]


class Spread(Table):
    """A log-normal quantity by its own mean and standard deviation."""

    mean: Positive
    """Mean."""
    sd: NotNegative
    """Standard deviation; 0: everybody has the mean."""


class Covariate(Table):
    """A further column of patients.csv: a log-normal quantity (`mean`, `sd`) or a category (`shares`).

    It acts on IgG only through a card that has an effect for its name.
    """

    mean: Positive | None = None
    """Mean of a quantity."""
    sd: NotNegative | None = None
    """Its standard deviation."""
    shares: dict[str, Positive] | None = None
    """Category = share of the patients."""

    @model_validator(mode="after")
    def _holds(self) -> Covariate:
        refuse(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        if (self.mean is None) != (self.sd is None):
            yield Fault(("mean" if self.mean is None else "sd",), "", "`mean` and `sd` go together")
        elif (self.mean is None) == (self.shares is None):
            yield Fault(("shares",), "", "give either `mean` and `sd`, or `shares`")
        elif self.shares is not None and abs(sum(self.shares.values()) - 1) > 1e-9:
            yield Fault(("shares",), f"a sum of {sum(self.shares.values()):g}", "shares must sum to 1")


class Therapy(Table):
    """Cycles of B-cell-depleting therapy: on for on_day, off for off_day; 0 cycles are no therapy.

    fewest_cycles: each patient has a whole number of cycles, drawn evenly from fewest_cycles to cycles.
    """

    cycles: Annotated[int, Field(ge=0, le=MOST_EVENTS)]
    """Number of cycles; 0 is no therapy."""
    fewest_cycles: Count | None = None
    """Each patient has a whole number of cycles from this one to `cycles`, drawn evenly."""
    on_day: Positive
    """Days on therapy in a cycle."""
    off_day: NotNegative
    """Days off therapy between cycles."""
    agent: str = ""
    """Agent, which decides how much of the IgG is expected to depend on B cells."""
    start_day: Day = 0.0
    """First day of the first cycle."""

    @model_validator(mode="after")
    def _holds(self) -> Therapy:
        if self.fewest_cycles is not None and self.fewest_cycles > self.cycles:
            found = str(self.fewest_cycles)
            refuse([Fault(("fewest_cycles",), found, f"must be at most cycles, {self.cycles}")])
        if empties_no_b_cells(self.agent):
            rule = "therapy is taken as B-cell depletion, and this depletes none: leave therapy out, or name the agent"
            refuse([Fault(("agent",), self.agent, rule)])
        return self

    def cycle_days(self) -> tuple[Floats, Floats]:
        """Starts and stops of all its cycles, days."""
        start = self.start_day + (self.on_day + self.off_day) * np.arange(self.cycles)
        return np.round(start, DAY_DECIMALS), np.round(start + self.on_day, DAY_DECIMALS)
