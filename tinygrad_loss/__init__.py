"""tinygrad_loss: reverse-mode automatic differentiation on NumPy, losses, and pictures of backprop.

Its names, in the order in which to learn them:

Tensor, no_grad             an array that remembers how it was made           engine/tensor.py
backward                    the chain rule: walk back and add up              engine/backprop.py
exp, sum, matmul, ...       the table of derivatives                          engine/ops.py
var, einsum, median, ...    what needs no rule of its own                     engine/functions.py
gradients, grad, ...        of Tensors; from a function to its derivative     engine/transforms.py
mean_squared_error, ...     losses, each a composition of ops                 losses/
l1, l2, dropout             penalties, and noise that acts like one           regularizers.py
nn, optim, data             layers, optimizers, minibatches: for training
check_gradients             is a derivative right?                            inspection/
detect_anomaly              which op made the NaN?
draw, scope                 pictures of a computation and its backward pass
watch                       gradients, dead units, saturation, layer by layer
unroll                      the NumPy code that you would write by hand       unroll/

>>> import tinygrad_loss as tl
>>> x = tl.Tensor(3.0, requires_grad=True)
>>> y = x**2 + tl.exp(-x)
>>> y.backward()
>>> round(float(x.grad), 6)  # 2x - exp(-x)
5.950213
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any as _Any

from . import losses, optim, regularizers
from .engine import functions as _functions, ops as _ops, products as _products
from .engine.backprop import backward
from .engine.functions import *  # noqa: F403
from .engine.mode import no_grad, scope
from .engine.ops import *  # noqa: F403
from .engine.ops import Op
from .engine.products import *  # noqa: F403
from .engine.tensor import Tensor
from .engine.transforms import grad, gradients, value_and_grad
from .engine.words import missing as _missing
from .losses import *  # noqa: F403
from .regularizers import dropout, elastic_net, l1, l2
from .unroll import unroll

if TYPE_CHECKING:
    from . import data, nn
    from .inspection.anomaly import detect_anomaly
    from .inspection.check import check_gradients
    from .inspection.graph import draw
    from .inspection.watch import watch

__version__ = "0.2.0"

__all__ = [
    "Op", "Tensor", "backward", "check_gradients", "data", "detect_anomaly", "draw", "dropout",
    "elastic_net", "grad", "gradients", "l1", "l2", "losses", "nn", "no_grad", "optim",
    "regularizers", "scope", "unroll", "value_and_grad", "watch",
]  # fmt: skip
__all__ += _functions.__all__
__all__ += _ops.__all__
__all__ += _products.__all__
__all__ += losses.__all__

# Imported when first used, so that nobody waits for what they do not need. (None: a module.)
_LATER = {
    "check_gradients": "inspection.check", "detect_anomaly": "inspection.anomaly",
    "draw": "inspection.graph", "watch": "inspection.watch", "data": None, "nn": None,
}  # fmt: skip

if not TYPE_CHECKING:  # or type checkers would accept any name at all

    def __getattr__(name: str) -> _Any:
        if name not in _LATER:
            raise _missing(f"module {__name__!r}", name)
        module = _import_module(f".{_LATER[name] or name}", __name__)
        globals()[name] = found = getattr(module, name) if _LATER[name] else module
        return found

    def __dir__() -> list[str]:
        return ["__version__", *__all__]
