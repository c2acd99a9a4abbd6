"""Loss functions."""

from .classification import cross_entropy, hinge
from .regression import mean_squared_error

__all__ = ["cross_entropy", "hinge", "mean_squared_error"]
