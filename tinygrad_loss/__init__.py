"""tinygrad_loss."""

from .anomaly import detect_anomaly
from .backprop import backward, grad, gradients, value_and_grad
from .functions import gelu, prod, stack, std, var
from .ops import *  # noqa: F403
from .tensor import Op, Tensor, no_grad
