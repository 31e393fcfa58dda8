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
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.hierarchical.coordinates import Coordinates
from igkinetics.hierarchical.whitening import fill_log_density
from igkinetics.kinetics.compile import kernel_hash

N_DIFFERENTIABLE: Final = 5
"""z, mu, root, error, log_ratio: the inputs with a gradient, first in order."""
FLOATS: Final = (0, 1, 2, 3, 4, 6, 7, 8, 9, 12, 13, 15, 16)
"""Places of the inputs that are floating-point; the others are integers. Order of whitening.fill_log_density."""


class PatientsLogDensity(Op):  # type: ignore[misc]
    """Inputs as whitening.fill_log_density, without the arrays it fills; outputs: the value and the five gradients."""

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        cast = [
            pt.cast(pt.as_tensor_variable(one), "float64" if place in FLOATS else "int64")
            for place, one in enumerate(inputs)
        ]
        outputs = [pt.dscalar(), *(one.type() for one in cast[:N_DIFFERENTIABLE])]
        return Apply(self, cast, outputs)

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: list[list[Any]]) -> None:
        for storage, value in zip(output_storage, log_density(*inputs), strict=True):
            storage[0] = value

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        value_only = [True, *([False] * N_DIFFERENTIABLE)]
        return [value_only if place < N_DIFFERENTIABLE else [False] * len(value_only)
                for place in range(len(node.inputs))]  # fmt: skip

    def pullback(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], cotangents: Sequence[Variable]
    ) -> list[Variable]:
        given = cotangents[0]
        gradients = [given * gradient for gradient in outputs[1:]]
        return gradients + [DisconnectedType()() for _ in inputs[N_DIFFERENTIABLE:]]

    L_op = pullback


def log_density(z: Any, mu: Any, root: Any, error: Any, log_ratio: Any, kind: Any, *data: Any) -> tuple[Any, ...]:
    """The value (0-dimensional) and its gradients in the first five arguments; see whitening.fill_log_density."""
    filled = [np.empty_like(one) for one in (z, mu, root, error, log_ratio)]
    cut = len(Coordinates._fields)
    value = fill_log_density(z, mu, root, error, log_ratio, int(kind), Coordinates(*data[:cut]),
                             CohortArrays(*data[cut:]), *filled)  # fmt: skip
    return np.asarray(value), *filled


@register_funcify_and_cache_key(PatientsLogDensity)  # type: ignore[untyped-decorator]
def compiled_patients_log_density(op: PatientsLogDensity, **_: Any) -> tuple[Callable[..., Any], str]:
    """The same for PyTensor's numba mode, with the key of its cache."""

    @numba_njit  # type: ignore[untyped-decorator]
    def patients_log_density(
        z: Any, mu: Any, root: Any, error: Any, log_ratio: Any, kind: Any, information: Any, linear: Any, ridge: Any,
        bend: Any, places: Any, used: Any, fixed: Any, segments: Any, segment_bounds: Any, day: Any, igg: Any,
        limit: Any, sample_bounds: Any,
    ) -> Any:  # fmt: skip
        root = np.ascontiguousarray(root)  # a graph may hand on a view
        by_z, by_mu, by_root = np.empty_like(z), np.empty_like(mu), np.empty_like(root)
        by_error, by_ratio = np.empty_like(error), np.empty_like(log_ratio)
        coordinates = Coordinates(information, linear, ridge, bend)
        cohort = CohortArrays(places, used, fixed, segments, segment_bounds, day, igg, limit, sample_bounds)
        value = fill_log_density(z, mu, root, error, log_ratio, kind.item(), coordinates, cohort, by_z, by_mu, by_root,
                                 by_error, by_ratio)  # fmt: skip
        return np.asarray(value), by_z, by_mu, by_root, by_error, by_ratio

    return patients_log_density, f"igkinetics-{kernel_hash()}"


patients_log_density = PatientsLogDensity()
