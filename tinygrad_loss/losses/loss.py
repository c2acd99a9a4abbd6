"""``@loss`` turns a formula into a loss.

    @loss(matched)
    def mean_squared_error(pred, target, *, sample_weight=None, reduction="mean"):
        return square(pred - target)

All errors of the decorated function begin with its name.
"""

from collections import namedtuple
from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, cast

import numpy as np

from ..engine.arrays import brought, data_of, is_foreign
from ..engine.node import Array, Node
from ..engine.ops import mean, sum as sum_
from . import checks
from .checks import F, Names, as_data, converted, error, one_of, require, running

Reduction = Literal["mean", "sum", "none"]


def loss(prepare: Callable[..., Any], symmetric: bool = False) -> Callable[[F], F]:
    """Decorate a formula: it becomes a loss, with checks, sample weights and a reduction.

    ``prepare(names, *inputs)`` checks and converts the positional inputs of the loss; their names
    are for its errors. The formula receives what it returns, but neither ``sample_weight`` nor
    ``reduction``, and returns the losses, one per element or row; or ``Weighted`` or ``Apart``
    ones, whose mean is computed differently. Unless the loss is ``symmetric``, a target that is
    the only one to require grad is refused: in scikit-learn's order, the target comes first.

    Sample weights multiply the losses, and the mean divides by their sum. (The weight 0 does not
    leave out a sample whose loss is infinite, as 0 * inf is NaN. Drop its row.)
    """

    def decorate(formula: F) -> F:
        code, defaults = formula.__code__, formula.__kwdefaults__ or {}
        name, n, usual = formula.__name__, code.co_argcount, defaults["reduction"]
        names = code.co_varnames[:n]
        directed = names[-1] in ("target", "labels") and not symmetric

        @wraps(formula)
        def call(
            *inputs: Any, sample_weight: Any = None, reduction: Reduction = usual, **options: Any
        ) -> Any:
            token = running.set(name)
            try:
                if len(inputs) != n:
                    by_name = names[len(inputs) :]
                    if len(inputs) > n or not all(x in options for x in by_name):
                        return formula(*inputs, **options)  # Python's own TypeError
                    inputs += tuple(options.pop(x) for x in by_name)
                learns = [isinstance(x, Node) and x._requires_grad for x in inputs]
                if directed and learns[-1] and not learns[0]:
                    text = f"Are the arguments swapped? Only {names[-1]} requires grad; expected "
                    raise error(f"{text}{name}({', '.join(names)}).")
                first = inputs[0]._array if isinstance(inputs[0], Node) else inputs[0]
                if type(first) is not np.ndarray and is_foreign(first):  # may not meet NumPy's
                    pairs = zip(names, inputs, strict=True)
                    inputs = tuple(brought(as_data(*pair), first) for pair in pairs)
                losses = formula(*prepare(names, *inputs), **options)
                return reduced(losses, sample_weight, reduction)
            except (TypeError, ValueError) as refusal:
                if str(refusal).startswith(f"{name}: "):
                    refusal.args = (_for_pandas(str(refusal), names, inputs),)
                raise
            finally:
                running.reset(token)

        return call  # type: ignore[return-value]

    return decorate


def _for_pandas(text: str, names: Names, inputs: tuple[Any, ...]) -> str:
    """An error with advice that works for pandas' objects, too."""
    for name, x in zip(names, inputs, strict=False):
        if hasattr(x, "to_numpy"):  # they have no reshape, and an argmax of their own
            for method in ("reshape", "argmax"):
                text = text.replace(f"{name}.{method}", f"{name}.to_numpy().{method}")
    return text


# Losses already multiplied by weights: their mean divides by the sum of the weights.
Weighted = cast(Any, namedtuple("Weighted", ["losses", "weights"]))
# The losses of two batches, of any sizes: each is reduced by itself, the results are added.
Apart = cast(Any, namedtuple("Apart", ["real", "fake"]))


def half_square(e: Any) -> Any:
    """e^2/2, which is in the range of the dtype for longer than e^2."""
    return e * (e / 2)


def minus(x: Any) -> Any:
    """-x of what is never positive; not negative by rounding, nor -0.0. The gradient is -x's."""
    return np.maximum(data_of(x), 0) - x


def reduced(losses: Any, sample_weight: Any, reduction: Reduction) -> Any:
    """Losses of elements or rows as one number ("mean", "sum"), or as they are ("none")."""
    plain = sample_weight is None and not isinstance(losses, tuple)
    if plain and isinstance(reduction, str) and reduction == "mean" and losses.size:
        return mean(losses)  # the usual case, for speed
    one_of("reduction", reduction, "mean", "sum", "none")
    weights = None
    if isinstance(losses, Weighted):
        losses, weights = losses
    elif isinstance(losses, Apart):
        real, fake = losses
        if sample_weight is None and reduction != "none":
            return reduced(real, None, reduction) + reduced(fake, None, reduction)
        if real.shape != fake.shape:
            given = f"real has shape {real.shape} and fake has shape {fake.shape}"
            because = "reduction='none'" if reduction == "none" else "sample_weight"
            advice = "so they must be equal. Use 'mean' or 'sum', without sample_weight."
            raise error(f"{given}; {because} adds them, {advice}")
        losses = real + fake
    if reduction == "mean" and losses.size == 0:
        raise error("the mean is undefined for 0 samples; use reduction='sum' or skip the batch.")
    if plain:
        return sum_(losses) if reduction == "sum" else losses
    dtype = losses.dtype
    exact = checks.at_least_float32(dtype)
    losses = converted(losses, exact)
    nothing = "every target is ignored (equal to ignore_index, or of a class with weight 0)"
    if sample_weight is not None:
        of_each = _sample_weights(sample_weight, losses)
        losses = losses * of_each
        weights = of_each if weights is None else weights * of_each
        nothing = "sample_weight is 0 for every sample (or for every one that is not ignored)"
    if reduction != "none":
        losses = sum_(losses)
    if reduction == "mean" and weights is not None:
        weights = converted(weights, exact)
        nothing += "; expected at least one that counts. Use reduction='sum', or skip the batch."
        require(lambda w: w.sum() > 0, weights, message=lambda _: nothing)
        losses = losses / weights.sum()
    return converted(losses, dtype)


def _sample_weights(sample_weight: Any, losses: Any) -> Array:
    """One weight for each loss, in the dtype of the losses."""
    weights = checks.as_weights("sample_weight", sample_weight, losses)
    if weights.shape != losses.shape:
        fix = ""
        if weights.shape == losses.shape[:1]:
            rows = f"sample_weight[:{', None' * (losses.ndim - 1)}]"
            fix = f" For weights of rows use np.broadcast_to({rows}, {losses.shape})."
        elif weights.size == losses.size:
            fix = f" Use sample_weight.reshape({losses.shape})."
        given = f"sample_weight has shape {weights.shape} but the losses have shape {losses.shape}"
        raise error(f"{given}; they must be equal, a weight for each loss.{fix}")
    return weights
