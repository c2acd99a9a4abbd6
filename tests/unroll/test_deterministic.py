"""The source is the same in every run: faults.md H3 (sets were ordered by address)."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from tinygrad_loss import Tensor
from tinygrad_loss.unroll import unroll

SCRIPT = """
import sys, random
ballast = [bytearray(random.Random(int(sys.argv[1])).randrange(40, 4000)) for _ in range(3000)]
del ballast[:: int(sys.argv[1]) + 2]  # so that addresses differ from run to run
import numpy as np
import tinygrad_loss as tl
from tests.loss_cases import LOSS_ROWS
from tests.unroll.agreement import mlp, weighted
from tests.unroll.programs import Program, optimizer_for
from tests.unroll.test_agreement import BINARY, UNARY

for name, draws, n, options in LOSS_ROWS[::2]:
    inputs = [draw(np.random.default_rng(0)) for draw in draws]
    given = [tl.Tensor(x, requires_grad=True) if i < n else x for i, x in enumerate(inputs)]
    loss = getattr(tl.losses, name)
    f = weighted(lambda *xs: loss(*xs, **options), np.random.default_rng(0), inputs, 2)
    print(name, tl.unroll(f, *given, wrt=given[:n]).source)
for sizes in ((4, 5, 1), (4, 5, 6, 3), (4, 5, 5, 5, 5, 2)):
    model, x = mlp(*sizes), np.ones((6, 4))
    def f(x):
        return (model(x) ** 2).mean() + tl.l2(model.parameters(), 0.1)
    print(tl.unroll(f, x, wrt=model.parameters()).source)
for seed in range(12):  # graphs in which several buffers of one shape get free at the same time
    w, x = tl.Tensor(np.eye(3) + 0.1, requires_grad=True), np.eye(3)
    def f(x):
        rng, values = np.random.default_rng(seed), [w, x @ w]
        for _ in range(12):
            one, two = (values[i] for i in rng.integers(0, len(values), 2))
            values.append(UNARY[rng.integers(12)](one) @ BINARY[rng.integers(4)](one, two).tanh())
        total = sum(value.sum() for value in values)
        (slope,) = tl.gradients(total, [w], create_graph=True)
        return total + (slope * slope).sum()
    print(tl.unroll(f, x, wrt=[w]).source)
for seed in range(100):  # with the update
    kind, model = (tl.optim.GD, tl.optim.SGD, tl.optim.Adam)[seed % 3], Program(seed)
    step = tl.unroll(model, *model.batch(0), optimizer=optimizer_for(model, kind, seed))
    print(step.source, step.describe())
"""


def test_source_is_the_same_in_every_process():
    sources = set()
    for seed in range(3):
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(seed)],
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.count("def step(") > 120
        sources.add(run.stdout)
    assert len(sources) == 1


def test_constants_come_out_of_the_source_as_they_are():
    """The source makes them: their sign of zero, their dtype, their byte order."""
    w = Tensor(np.ones(9), requires_grad=True, name="w")
    constants = [
        np.full(9, -0.0), np.array([-0.0, 0.0] * 4 + [0.0]), np.full(9, np.nan), np.full(9, -2.5),
        np.zeros(9, bool), np.ones(9, np.uint8), np.full(9, 3, np.int16),
        np.arange(9.0).astype(">f8"), np.float32([0.1] * 9),
    ]  # fmt: skip
    for c in constants:
        step = unroll(lambda c=c: (np.arctan2(c, w.data) * w).sum(), wrt=[w])
        value, (gradient,) = step()
        expected = np.arctan2(c, w.data)
        np.testing.assert_array_equal(gradient, expected)
        np.testing.assert_array_equal(np.signbit(gradient), np.signbit(expected))
        np.testing.assert_allclose(value, expected.sum(), rtol=1e-15)
