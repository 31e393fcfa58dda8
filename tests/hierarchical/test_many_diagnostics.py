"""R-hat and ESS of many quantities at once are those of arviz-stats, quantity by quantity."""

from __future__ import annotations

import numpy as np
import pytest

from igkinetics.hierarchical.diagnostics import chain_diagnostics
from igkinetics.hierarchical.many_diagnostics import many_diagnostics


@pytest.mark.parametrize(("chains", "n"), [(4, 250), (2, 101), (1, 300), (4, 8)])
def test_those_of_arviz(chains: int, n: int) -> None:
    """White, slow, alternating, heavy-tailed, discrete and shifted chains."""
    generator = np.random.default_rng(9)
    white = generator.standard_normal((6, chains, n))
    slow, alternating = (np.empty((chains, n)) for _ in range(2))
    slow[:, 0] = alternating[:, 0] = 0.0
    for t in range(1, n):
        slow[:, t] = 0.9 * slow[:, t - 1] + white[1, :, t]
        alternating[:, t] = -0.6 * alternating[:, t - 1] + white[2, :, t]
    shifted = white[5] + np.arange(chains)[:, None]
    each = [white[0], slow, alternating, white[3] ** 3, np.round(white[4]), shifted, np.ones((chains, n))]
    found = many_diagnostics(np.stack(each, axis=2))
    for k, draws in enumerate(each):
        known = chain_diagnostics(draws, error=False)
        for name, values in found.items():
            np.testing.assert_allclose(values[k], known[name], rtol=1e-9, err_msg=f"{name} of {k}")


def test_too_few_draws_say_nothing() -> None:
    assert all(np.isnan(values).all() for values in many_diagnostics(np.zeros((2, 3, 2))).values())
