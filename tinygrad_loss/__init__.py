"""tinygrad_loss."""

from . import protocol  # noqa: F401
from .anomaly import detect_anomaly
from .backprop import backward, gradients
from .functions import gelu, prod, stack, std, var
from .ops import *  # noqa: F403
from .tensor import Op, Tensor, no_grad
from .transforms import grad, value_and_grad
