"""Errors that teach: what was given, what is expected, what to do."""

import warnings
from traceback import walk_tb
from typing import Any

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
    kind, reason, name = type(error), str(error), f"{where}{op}: "
    known = kind.__module__.partition(".")[0] in ("builtins", "numpy")
    if not known or (where and reason.startswith(name)):
        return error  # explained already; or of a rule or a forward function of one's own
    if "core dimension" in reason and len(inputs) > 1:  # of a matrix product
        reason = f"inner sizes {inputs[0].shape[-1]} and {inputs[1].shape[-2]} differ"
    elif "could not be broadcast" in reason:
        expected = "Aligned at the right, two sizes must be equal, or one of them 1;"
        reason = f"these shapes do not broadcast. {expected} reshape or expand_dims add a 1."
    elif isinstance(error, AttributeError) and not all(hasattr(x, "shape") for x in inputs):
        kind = TypeError
        reason += "; expected a Tensor or an array, e.g. np.array([1.0, 2.0])"
    if where and "positional argument" in reason:
        reason += ". A rule is called as rule(g, y, *inputs), with the options by name"
    if isinstance(error, TypeError):
        kind = TypeError  # NumPy's own are made from a function and dtypes, not from a message
        arrays = (getattr(x, "_array", x) for x in (*inputs, *options.values()))
        libraries = {type(x).__module__.partition(".")[0] for x in arrays if getattr(x, "ndim", 0)}
        if len(libraries) > 1:
            reason += f". These are arrays of {' and of '.join(sorted(libraries))}. Bring one to "
            reason += "the others: np.asarray(x, like=t.data), or to NumPy with x.get()."
    text = f"{name}{describe(op, inputs, options)}: {reason}"
    try:
        new = kind(text)
    except TypeError:
        new = error
    # One traceback, and no "during handling ...": up to here, or into an op of one's own.
    inside = error.__traceback__ and error.__traceback__.tb_next
    names = (frame.f_globals.get("__name__", "") for frame, _ in walk_tb(inside))
    own = {name.partition(".")[0] for name in names} - {"tinygrad_loss", "numpy"}
    return new.with_traceback(inside if own else None)


def wrong_part(part: Any, array: Any, op: Any, position: int) -> Exception:
    what = f"backward of {op.name}: "
    if array.dtype.kind != "f":
        advice = "which has no derivatives; its forward function must return floating numbers."
        return TypeError(f"{what}input {position} holds {array.dtype}, {advice}")
    shape = getattr(part, "shape", None)
    found = repr(part) if shape is None else f"an array of shape {shape} and dtype {part.dtype}"
    return (TypeError if shape is None else ValueError)(
        f"{what}rule {position} returned {found}; expected the gradient of input {position}, an "
        f"array of shape {array.shape}, or of one that it was broadcast to."
    )


def no_graph(output: Node) -> RuntimeError:
    return RuntimeError(
        f"backward: {output!r} does not require grad: no input of it does, or it was computed "
        "under no_grad(). Create the parameters with requires_grad=True."
    )


def no_scalar(output: Node) -> ValueError:
    return ValueError(
        f"backward needs a scalar, but the output has shape {output.shape}. Reduce it, "
        "e.g. with output.mean() or output.sum(), or pass the gradient: backward(grad)."
    )


def changed(x: Node, op: Any) -> RuntimeError:
    return RuntimeError(
        f"backward: the data of {x.name or 'a Tensor'} {x.shape} was changed after {op.name} had "
        "used it: the gradient would be wrong. Call backward() first, or compute the output again."
    )


def computed(x: Node, what: str, done: str, why: str) -> RuntimeError:
    return RuntimeError(
        f"the {what} of {x!r} was computed by an op and cannot be {done}: {why}. Change a leaf, or "
        "make a new one with detach(), which is a constant to the graph."
    )


def array_without_graph(x: Node) -> Exception:
    if not x._requires_grad:
        return TypeError(f"{x.name or 'A Tensor'} {x.shape} is not on the host: use t.data.get()")
    return RuntimeError(
        f"{x.name or 'A Tensor'} {x.shape} requires grad, and as a plain array it would lose its "
        "graph. Use t.item(), t.data or t.detach() for the values alone; to keep it, functions of "
        "tinygrad_loss, tl.stack([...]) or sum([...]) to join Tensors, df.to_numpy() @ t for df @ t"
    )


def number_of(x: Node, function: str) -> Any:
    """Return the only element, and warn if the graph ends here, as it does in math.log(t)."""
    number = x.item()
    if x._requires_grad:
        warnings.warn(
            f"{function}() of a Tensor that requires grad gives a number without a gradient. Use "
            "t.item() if that is meant; else tl.log(t), not math.log(t), and tl.stack([...]).",
            stacklevel=3,
        )
    return number


def update_of_leaf(p: Node, shape: tuple[int, ...] | None = None) -> Exception:
    name = p.name or "p"
    what = f"{name} -= step (or +=, ...): {name}"
    if shape is not None:
        expected = f"expected a step that broadcasts to the shape of {name}."
        return ValueError(f"{what} has shape {p.shape}, and would have {shape}; {expected}")
    return RuntimeError(
        f"{what} is a leaf that requires grad, and would become another Tensor, which no optimizer "
        f"knows. To update it in place, write this under no_grad(), or {name}.data -= step; for "
        f"another Tensor, q = {name} - step."
    )
