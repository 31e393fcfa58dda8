"""Every model card with `effect`: a model whose log density and gradient are numbers, or a refusal that says why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from igkinetics.cards.load import card_ids, load_card
from igkinetics.effect.options import EffectOptions
from igkinetics.effect.sampling import prepared_for
from igkinetics.errors import InputError
from igkinetics.hierarchical.fit import PreparedCohort
from igkinetics.hierarchical.laplace import whiten
from made_records import cohort_of, drawn, planned
