"""tinygrad_loss: reverse-mode automatic differentiation on NumPy, losses, and pictures of backprop.

The names stand in the order in which one would learn them:

Tensor, no_grad             an array that remembers how it was made           tensor.py
exp, sum, matmul, ...       the table of derivatives                          ops.py
gradients                   the chain rule: walk back and add up              backprop.py
grad, value_and_grad        from a function to its derivative                 transforms.py
mean_squared_error, ...     losses, each a composition of ops                 losses/
l1, l2, dropout             penalties, and noise that works like one          regularizers.py
nn, optim, data             layers, optimizers, minibatches: what trains
check_gradients             is a derivative right?                            check.py
draw                        pictures of a computation and its backward pass   graph/
unroll                      the NumPy code that one would have written        unroll/
watch                       gradients, dead units, saturation, layer by layer watch/

>>> import tinygrad_loss as tl
>>> x = tl.Tensor(3.0, requires_grad=True)
>>> y = x**2 + tl.exp(-x)
>>> y.backward()
>>> round(float(x.grad), 6)  # 2x - exp(-x)
5.950213
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import protocol as _protocol  # noqa: F401  # isort: skip  (attaches Tensor's operators)
from .tensor import Op, Tensor, no_grad  # isort: skip
from .ops import (  # isort: skip
    absolute,
    add,
    astype,
    broadcast_to,
    clip,
    concatenate,
    cos,
    divide,
    erf,
    exp,
    expand_dims,
    expm1,
    getitem,
    leaky_relu,
    linear,
    log,
    log1p,
    log2,
    log_softmax,
    logaddexp,
    logsumexp,
    matmul,
    max,
    maximum,
    mean,
    min,
    minimum,
    multiply,
    negative,
    norm,
    power,
    relu,
    reshape,
    sigmoid,
    sin,
    softmax,
    softplus,
    sqrt,
    square,
    squeeze,
    subtract,
    sum,
    swapaxes,
    tanh,
    transpose,
    where,
)
from .functions import gelu, prod, stack, std, var  # isort: skip
from .backprop import backward, gradients  # isort: skip
from .transforms import grad, value_and_grad  # isort: skip
from . import losses  # isort: skip
from .losses import *  # noqa: F403  # isort: skip
from .regularizers import dropout, elastic_net, l1, l2  # isort: skip
from . import data, nn, optim  # isort: skip
from .anomaly import detect_anomaly  # isort: skip
from .check import check_gradients  # isort: skip
from .unroll import unroll  # isort: skip
from .watch import watch  # isort: skip

if TYPE_CHECKING:
    from .graph import draw

__all__ = [
    "Op", "Tensor", "absolute", "add", "astype", "backward", "broadcast_to", "check_gradients",
    "clip", "concatenate", "cos", "data", "detect_anomaly", "divide", "draw", "dropout",
    "elastic_net", "erf", "exp", "expand_dims", "expm1", "gelu", "getitem", "grad", "gradients",
    "l1", "l2", "leaky_relu", "linear", "log", "log1p", "log2", "log_softmax", "logaddexp",
    "logsumexp", "losses", "matmul", "max", "maximum", "mean", "min", "minimum", "multiply",
    "negative", "nn", "no_grad", "norm", "optim", "power", "prod", "relu", "reshape", "sigmoid",
    "sin", "softmax", "softplus", "sqrt", "square", "squeeze", "stack", "std", "subtract", "sum",
    "swapaxes", "tanh", "transpose", "unroll", "value_and_grad", "var", "watch", "where",
    *losses.__all__,
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import ``draw`` when first used: the graphviz package takes longer than all the rest."""
    if name != "draw":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["draw"] = draw = import_module(".graph", __name__).draw
    return draw
