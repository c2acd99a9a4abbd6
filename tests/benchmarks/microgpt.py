"""The GPT of examples/microgpt.py elsewhere: on the numbers of lesson 3, and in PyTorch.

    python -m tests.benchmarks.microgpt

checks that all compute the same losses, and times a training step of each.
"""

import gc
import statistics
import sys
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import numpy as np

import tinygrad_loss as tl
from tinygrad_loss import optim

from . import measure

LEARNING_RATE = 0.01


def ours_eager(example, model, x, y):
    """A function that makes one training step and returns the loss before it."""
    optimizer = optim.Adam(model.parameters(), lr=LEARNING_RATE)

    def step():
        optimizer.zero_grad()
        loss = example.loss_of(model, x, y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def ours_unrolled(example, model, x, y):
    optimizer = optim.Adam(model.parameters(), lr=LEARNING_RATE)
    step = tl.unroll(lambda x, y: example.loss_of(model, x, y), x, y, optimizer=optimizer)
    return lambda: float(step(x, y))


class OnNumbers:
    """The same on the engine of lesson 3: arrays hold its nodes, and NumPy only lists them."""

    def __init__(self, model):
        from course.scalar_engine import Value

        node = np.vectorize(Value, otypes=[object])
        self.Value = Value
        self.w = {name: node(p.data) for name, p in model.named_parameters()}
        self.values = [value for w in self.w.values() for value in w.flat]
        self.moments = [(0.0, 0.0)] * len(self.values)
        self.steps = 0

    def relu(self, z):
        return self.Value(max(z.data, 0.0), [(z, float(z.data > 0))])

    def losses(self, x, y):
        """The loss of each character of one name."""
        w, T = self.w, len(x)
        h = [w["characters"][c] + w["places"][t] for t, c in enumerate(x)]
        normed = [norm(row) for row in h]
        heads = [attend(normed, *(w[f"heads.{i}.{part}"] for part in range(3))) for i in range(4)]
        h = [h[t] + np.concatenate([head[t] for head in heads]) @ w["mix"] for t in range(T)]
        for t in range(T):
            hidden = norm(h[t]) @ w["mlp.layers.0.weight"] + w["mlp.layers.0.bias"]
            hidden = np.array([self.relu(z) for z in hidden])
            h[t] = h[t] + hidden @ w["mlp.layers.2.weight"] + w["mlp.layers.2.bias"]
        return [-softmax(row @ w["out"])[c].log() for row, c in zip(h, y, strict=True)]

    def step(self, x, y):
        for value in self.values:
            value.grad = 0.0
        total, count = 0.0, int((y >= 0).sum())
        for codes, following in zip(x, y, strict=True):  # one graph for each name
            length = int((following >= 0).sum())
            loss = sum(self.losses(codes[:length], following[:length])) / count
            loss.backward()
            total += loss.data
        self.update()
        return total

    def update(self, beta1=0.9, beta2=0.999, eps=1e-8):
        """Adam, as its paper has it."""
        self.steps += 1
        for i, value in enumerate(self.values):
            m, v = self.moments[i]
            m = beta1 * m + (1 - beta1) * value.grad
            v = beta2 * v + (1 - beta2) * value.grad**2
            self.moments[i] = m, v
            m, v = m / (1 - beta1**self.steps), v / (1 - beta2**self.steps)
            value.data -= LEARNING_RATE * m / (v**0.5 + eps)


def norm(row):
    return row * ((row * row).sum() / len(row) + 1e-5) ** -0.5


def softmax(row):
    exps = np.array([z.exp() for z in row])
    return exps / exps.sum()


def attend(x, query, key, value):
    """One head. Instead of a mask, each place lists those up to itself."""
    q, k, v = ([row @ w for row in x] for w in (query, key, value))
    found = []
    for t in range(len(x)):
        shares = softmax([(q[t] @ k[s]) / len(q[t]) ** 0.5 for s in range(t + 1)])
        found.append(sum(v[s] * share for s, share in enumerate(shares)))
    return found


def on_numbers(example, model, x, y):
    numbers = OnNumbers(model)
    return lambda: numbers.step(x, y)


@contextmanager
def deep_recursion(limit=10_000):
    """Lesson 3's engine walks its graph by recursion."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(limit)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def in_pytorch(example, model, x, y):
    """As one writes it in PyTorch: the heads side by side, its own norm and its own attention."""
    import torch
    from torch.nn import functional as F

    torch.set_num_threads(1)
    state = {name: torch.tensor(p.data) for name, p in model.named_parameters()}
    state |= {
        name: torch.cat([state[f"heads.{i}.{part}"] for i in range(example.HEADS)], dim=1)
        for part, name in enumerate(("query", "key", "value"))
    }
    w = {name: x.requires_grad_() for name, x in state.items() if not name.startswith("heads.")}
    optimizer = torch.optim.Adam(w.values(), lr=LEARNING_RATE)
    x, y = torch.tensor(x), torch.tensor(y)
    N, T = x.shape

    def norm(h):
        return F.rms_norm(h, (example.C,), eps=1e-5)

    def step():
        optimizer.zero_grad()
        h = F.embedding(x, w["characters"]) + w["places"][:T]
        normed = norm(h)
        q, k, v = (
            (normed @ w[name]).view(N, T, example.HEADS, -1).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        found = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        h = h + found.transpose(1, 2).reshape(N, T, -1) @ w["mix"]
        hidden = F.relu(norm(h) @ w["mlp.layers.0.weight"] + w["mlp.layers.0.bias"])
        h = h + hidden @ w["mlp.layers.2.weight"] + w["mlp.layers.2.bias"]
        loss = F.cross_entropy((h @ w["out"]).flatten(0, 1), y.flatten(), ignore_index=-1)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


BUILDERS = {
    "scalar engine": on_numbers,
    "eager": ours_eager,
    "unrolled": ours_unrolled,
    "PyTorch": in_pytorch,
}


def main():
    examples = Path(__file__).parents[2] / "examples"
    sys.path += [str(examples), str(examples / "lessons")]
    import microgpt as example

    measure.use_one_core()
    x, y = example.X[:16], example.Y[:16]
    steps, losses, samples = {}, {}, {}
    for name, builder in BUILDERS.items():
        try:
            steps[name] = builder(example, example.GPT(np.random.default_rng(0)), x, y)
        except ImportError as error:
            print(f"{name}: {error}")
            continue
        losses[name], samples[name] = [], []
        gc.collect()
        gc.freeze()  # else each collection walks through all that is imported
        for _ in range(3):
            started = perf_counter()
            with deep_recursion():
                losses[name].append(steps[name]())
            samples[name].append(perf_counter() - started)
        print(f"{name:14}", *(f"{loss:.15f}" for loss in losses[name]), flush=True)
        np.testing.assert_allclose(losses[name], losses["scalar engine"], rtol=0, atol=1e-9)
    del steps["scalar engine"]  # so slow that three steps are enough
    samples |= measure.interleaved(steps, rounds=101)
    print(f"\nms a step, on {len(x)} names of together {int((y >= 0).sum())} characters")
    for name, times in samples.items():
        print(f"{name:14} {1e3 * statistics.median(times):10.2f}")


if __name__ == "__main__":
    main()
