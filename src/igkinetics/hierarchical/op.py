"""The compiled log density of all patients as one PyTensor operation with its analytic gradient.

The operation holds no array: data, schedules and whitening are inputs, so one compiled model serves every cohort of
a size. It is dispatched to the compiled kernel itself (no Python in the sampler's loop), under a cache key that
changes with any edit of the kernels: under PyTensor's default key a stale function could answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import register_funcify_and_cache_key

from igkinetics.hierarchical.cohort_arrays import Integers
from igkinetics.hierarchical.packing import unpacked
from igkinetics.hierarchical.population import Parts
from igkinetics.hierarchical.whitening import fill_log_density
from igkinetics.kinetics.compile import kernel, kernel_hash
from igkinetics.kinetics.parameters import Floats

N_DIFFERENTIABLE: Final = 5
"""z, mu, root, error, log_ratio: the inputs with a gradient, first in order."""
INTEGERS: Final = 6
"""Place of the one input that is not floating-point."""
SOURCES: Final = kernel_hash()
"""Taken when the code is loaded: an edit while this process runs must not lend its name to what was compiled before."""


class PatientsLogDensity(Op):  # type: ignore[misc]
    """Inputs z (n, p), mu (n, p), root (p, p), error (2,), log_ratio (3,) as in population.Parts, and the two
    vectors of `packing.py`; outputs: the value and the gradients of the first five."""

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        cast = [
            pt.cast(pt.as_tensor_variable(one), "int64" if index == INTEGERS else "float64")
            for index, one in enumerate(inputs)
        ]
        outputs = [pt.dscalar(), *(one.type() for one in cast[:N_DIFFERENTIABLE])]
        return Apply(self, cast, outputs)

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: list[list[Any]]) -> None:
        for storage, value in zip(output_storage, log_density(*inputs), strict=True):
            storage[0] = value

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        value_only = [True, *([False] * N_DIFFERENTIABLE)]
        return [
            value_only if index < N_DIFFERENTIABLE else [False] * len(value_only) for index in range(len(node.inputs))
        ]

    def pullback(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]
    ) -> list[Variable]:
        given = cotangents[0]
        gradients = [given * gradient for gradient in outputs[1:]]
        return gradients + [DisconnectedType()() for _ in inputs[N_DIFFERENTIABLE:]]

    L_op = pullback


@kernel
def log_density(
    z: Floats, mu: Floats, root: Floats, error: Floats, log_ratio: Floats, numbers: Floats, integers: Integers
) -> tuple[Floats, ...]:
    """The value (0-dimensional) and its gradients in the first five arguments; see whitening.fill_log_density."""
    # a graph may hand on views; contiguous, they meet the kernel that is compiled already
    z, mu, root = np.ascontiguousarray(z), np.ascontiguousarray(mu), np.ascontiguousarray(root)
    parts = Parts(mu, root, np.ascontiguousarray(error), np.ascontiguousarray(log_ratio))
    by_z, by_mu, by_root = np.empty_like(z), np.empty_like(mu), np.empty_like(root)
    by = Parts(by_mu, by_root, np.empty_like(parts.error), np.empty_like(parts.log_ratio))
    coordinates, cohort = unpacked(np.ascontiguousarray(numbers), np.ascontiguousarray(integers))
    value = fill_log_density(z, parts, coordinates, cohort, by_z, by)
    return np.asarray(value), by_z, by.mu, by.root, by.error, by.log_ratio


@register_funcify_and_cache_key(PatientsLogDensity)  # type: ignore[untyped-decorator]
def compiled_patients_log_density(op: PatientsLogDensity, **_: Any) -> tuple[Callable[..., Any], str]:
    """The same for PyTensor's numba mode, with the key of its cache."""
    return log_density, f"igkinetics-{SOURCES}"


patients_log_density = PatientsLogDensity()
