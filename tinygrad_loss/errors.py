"""Errors that teach: what was given, what is expected, what to do."""

from __future__ import annotations

from typing import Any

import numpy as np

from .methods import ArrayMethods, data_of

SYMBOLS = {"add": " + ", "subtract": " - ", "multiply": " * ", "divide": " / ", "matmul": " @ "}


def describe(op: str, inputs: tuple[Any, ...]) -> str:
    """Show an op's inputs by name and shape: ``x (64, 10) @ W (64, 32)``."""

    def shown(x: Any) -> str:
        name = getattr(x, "name", None) or ""
        return f"{name} {x.shape}".strip() if hasattr(x, "shape") else repr(x)

    return SYMBOLS.get(op, ", ").join(map(shown, inputs))


def explained(error: Exception, op: str, inputs: tuple[Any, ...], where: str = "") -> Exception:
    """Return NumPy's error again, with the op, its inputs and what to do."""
    kinds = (np.exceptions.AxisError, IndexError, ValueError)
    kind = next((kind for kind in kinds if isinstance(error, kind)), TypeError)
    reason = str(error)
    if "core dimension" in reason:  # of a matrix product
        reason = f"inner sizes {inputs[0].shape[-1]} and {inputs[1].shape[-2]} differ"
    elif "broadcast" in reason:
        reason = (
            "these shapes do not broadcast. Aligned at the right, two sizes must be equal, or one "
            "of them 1; a size of 1 is added with reshape or expand_dims."
        )
    elif isinstance(error, AttributeError):  # of a list or number
        reason += "; expected a Tensor or an array, e.g. np.array([1.0, 2.0])"
    return kind(f"{where}{op}: {describe(op, inputs)}: {reason}")


def changed(x: Any, node: Any) -> RuntimeError:
    """Return the error for a Tensor whose data was assigned after node was computed from it."""
    return RuntimeError(
        f"backward: the data of {x.name or 'a Tensor'} {x.shape} was changed after "
        f"{node.origin[0].name} had used it, so the gradient would be wrong. Call backward() "
        "before changing data (as optimizers do), or compute the output again."
    )


def check_inputs(output: Any, inputs: Any) -> None:
    """Raise unless gradients can be taken of the output and with respect to all inputs."""
    if not isinstance(output, ArrayMethods):
        raise TypeError(f"gradients: output is a {type(output).__name__}; expected a Tensor")
    if isinstance(inputs, ArrayMethods):
        raise TypeError("gradients: inputs is a Tensor; expected a list: gradients(output, [x])")
    for i, x in enumerate(inputs):
        if not isinstance(x, ArrayMethods) or not x.requires_grad:
            raise ValueError(
                f"gradients: inputs[{i}] is {x!r}; expected a Tensor that requires grad. Create it "
                "with requires_grad=True before computing the output."
            )


def constants(op: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
    """Return the options as constants. Raise if a gradient would be lost at one of them."""
    if isinstance(op.forward, np.ufunc):  # NumPy would take a further input for an array to fill
        given = ", ".join([describe("", inputs), *(f"{name}=" for name in options)])
        raise TypeError(
            f"{op.name}: got {given}; expected {len(op.rules)} input{'s' * (len(op.rules) > 1)} "
            "and none of the options of NumPy's function, such as out= or where=."
        )
    for x in (*inputs[len(op.rules) :], *options.values()):
        if isinstance(x, ArrayMethods) and x.requires_grad:
            raise TypeError(
                f"{op.name}: {x!r} requires grad, but {op.name} has no derivative with respect to "
                "it. Pass its .data, a constant, or compose what you need of other ops."
            )
    return {name: data_of(x) for name, x in options.items()}
