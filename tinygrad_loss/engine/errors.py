"""Errors that teach: what was given, what is expected, what to do."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .node import Node

SYMBOLS = {"add": " + ", "subtract": " - ", "multiply": " * ", "divide": " / ", "matmul": " @ "}


def describe(op: str, inputs: tuple[Any, ...], options: dict[str, Any] | None = None) -> str:
    """Show an op's inputs by name and shape, ``x (64, 10) @ W (64, 32)``, and its options."""

    def shown(x: Any) -> str:
        name = getattr(x, "name", None) or ""
        return f"{name} {x.shape}".strip() if hasattr(x, "shape") else repr(x)

    given = SYMBOLS.get(op, ", ").join(map(shown, inputs))
    return ", ".join([given, *(f"{name}={shown(x)}" for name, x in (options or {}).items())])


def explained(
    error: Exception, op: str, inputs: tuple[Any, ...], options: dict[str, Any], where: str = ""
) -> Exception:
    """Return an error of the same kind that also names the op, its inputs, and what to do."""
    kinds = (np.linalg.LinAlgError, np.exceptions.AxisError, IndexError, ValueError)
    kind = next((kind for kind in kinds if isinstance(error, kind)), TypeError)
    reason = str(error)
    if "core dimension" in reason and len(inputs) > 1:  # of a matrix product
        reason = f"inner sizes {inputs[0].shape[-1]} and {inputs[1].shape[-2]} differ"
    elif "broadcast" in reason:
        reason = (
            "these shapes do not broadcast. Aligned at the right, two sizes must be equal, or one "
            "of them 1; a size of 1 is added with reshape or expand_dims."
        )
    elif isinstance(error, AttributeError):  # the input is not an array
        reason += "; expected a Tensor or an array, e.g. np.array([1.0, 2.0])"
    return kind(f"{where}{op}: {describe(op, inputs, options)}: {reason}")


def no_graph(output: Node) -> RuntimeError:
    """Return the error for ``backward()`` of a Tensor that does not require grad."""
    return RuntimeError(
        f"backward: {output!r} does not require grad: no input of it does, or it was computed "
        "under no_grad(). Create the parameters with requires_grad=True."
    )


def no_scalar(output: Node) -> ValueError:
    """Return the error for ``backward()`` of a Tensor that is not a scalar, without ``grad``."""
    return ValueError(
        f"backward needs a scalar, but the output has shape {output.shape}. Reduce it, "
        "e.g. with output.mean() or output.sum(), or pass the gradient: backward(grad)."
    )


def other_shape(grad: Any, output: Node) -> ValueError:
    """Return the error for a gradient to start from of another shape than the output."""
    return ValueError(
        f"backward: grad has shape {grad.shape}; expected the output's, {output.shape}."
    )


def changed(x: Any, node: Node, what: str = "backward") -> RuntimeError:
    """Return the error for a Tensor whose data was assigned after node was computed from it."""
    op, *_ = node.origin or (None,)
    return RuntimeError(
        f"{what}: the data of {x.name or 'a Tensor'} {x.shape} was changed after "
        f"{op.name if op else 'an op'} had used it, so the gradient would be wrong. Call {what}() "
        "before changing data (as optimizers do), or compute the output again."
    )


def computed(x: Node, what: str, done: str, why: str) -> RuntimeError:
    """Return the error for a change of a Tensor that is not a leaf."""
    return RuntimeError(
        f"the {what} of {x!r} was computed by an op and cannot be {done}: {why}. Change a leaf, or "
        "make a new one with detach(), which is a constant to the graph."
    )


def array_without_graph(x: Node) -> RuntimeError:
    """Return the error for a conversion of a Tensor that requires grad to a plain array."""
    return RuntimeError(
        f"{x.name or 'A Tensor'} {x.shape} requires grad, and as a plain array it would lose its "
        "graph. Use t.data or "
        "t.detach() for the values alone; to keep the graph, use functions of tinygrad_loss, and "
        "join Tensors with tl.stack([...]) or sum([...])."
    )


def number_of(x: Node, function: str) -> Any:
    """Return the only element, and warn if the graph ends here, as it does in math.log(t)."""
    number = x.item()
    if x._requires_grad:
        warnings.warn(
            f"{function}() of a Tensor that requires grad gives a number without a gradient. Use "
            "t.item() if that is meant; to keep the graph, use functions of tinygrad_loss, such as "
            "tl.log(t), and join Tensors with tl.stack([...]).",
            UserWarning,
            stacklevel=3,
        )
    return number


def written_into() -> TypeError:
    """Return the error for ``t[i] = value``."""
    return TypeError(
        "a Tensor cannot be written into: backward() would see new values with the old graph. "
        "Build another with where(mask, value, t) or concatenate([...]), or write into the "
        ".data of a leaf."
    )


def update_of_leaf(p: Node, shape: tuple[int, ...] | None = None) -> Exception:
    """Return the error for ``p -= step`` while recording, or with a step of a larger shape."""
    name = p.name or "p"
    if shape is not None:
        return ValueError(
            f"{name} -= step (or +=, ...): {name} has shape {p.shape}, and would have {shape}; "
            f"expected a step that broadcasts to the shape of {name}."
        )
    return RuntimeError(
        f"{name} -= step (or +=, ...): {name} is a leaf that requires grad, and would become "
        "another Tensor, which no optimizer knows. To update it in place, write this under "
        f"no_grad(), or {name}.data -= step; for another Tensor, q = {name} - step."
    )


def check_inputs(output: Any, inputs: Any, found: list[Any] | None) -> list[Any]:
    """Return the inputs found; raise unless output is a Tensor and all inputs require grad."""
    if not isinstance(output, Node):
        raise TypeError(f"gradients: output is a {type(output).__name__}; expected a Tensor")
    if found is None:
        what = "a Tensor" if isinstance(inputs, Node) else f"a {type(inputs).__name__}"
        raise TypeError(f"gradients: inputs is {what}; expected a list: gradients(output, [x])")
    for i, x in enumerate(found):
        if not isinstance(x, Node) or not x._requires_grad:
            raise ValueError(
                f"gradients: inputs[{i}] is {x!r}; expected a Tensor that requires grad. Create it "
                "with requires_grad=True before computing the output."
            )
    return found
