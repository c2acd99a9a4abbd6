"""100 random programs with three optimizers: unrolled they train as they do eagerly."""

import pytest

from tinygrad_loss.optim import GD, SGD, Adam

from .programs import Program, optimizer_for
from .training import assert_same_training


@pytest.mark.parametrize("seed", range(100))
def test_random_programs(seed):
    for kind in (GD, SGD, Adam):

        def make(kind=kind):
            model = Program(seed)
            return model, optimizer_for(model, kind, seed)

        assert_same_training(make, *(Program(seed).batch(k) for k in range(3)))
