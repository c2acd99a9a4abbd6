"""What is timed: one training step of a ReLU network, in float32, always on the same batch."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

LEARNING_RATE = np.float32(0.05)


@dataclass(frozen=True)
class Task:
    """A network, a batch and a loss: the mean squared error for one output, else cross-entropy."""

    name: str
    sizes: tuple[int, ...]
    rows: int

    @property
    def classifies(self) -> bool:
        return self.sizes[-1] > 1

    @property
    def net(self) -> str:
        return "-".join(map(str, self.sizes))

    def batch(self):
        """x of shape (rows, sizes[0]), and class indices or targets of the output's shape."""
        rng = np.random.default_rng(1)
        x = rng.standard_normal((self.rows, self.sizes[0]), dtype=np.float32)
        if self.classifies:
            return x, rng.integers(self.sizes[-1], size=self.rows)
        return x, rng.standard_normal((self.rows, self.sizes[-1]), dtype=np.float32)

    def parameters(self):
        """Fresh weights and biases, always the same: [W0, b0, ...], each W of shape (in, out)."""
        rng = np.random.default_rng(2)
        parameters = []
        for n_in, n_out in pairwise(self.sizes):
            weight = rng.standard_normal((n_in, n_out), dtype=np.float32)
            parameters.append(weight * np.float32(np.sqrt(2 / n_in)))
            parameters.append(np.zeros(n_out, dtype=np.float32))
        return parameters


TASKS = {
    task.name: task
    for task in (
        Task("tiny", (2, 16, 16, 1), 32),
        Task("digits", (64, 32, 10), 64),
        Task("mnist", (784, 128, 64, 10), 128),
        Task("wide", (784, 1024, 1024, 10), 256),
    )
}
