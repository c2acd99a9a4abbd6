# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples,draw]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""A tiny GPT is a short composition of the same ops, and learns to invent names of Python modules.

The parts are those of Karpathy's microgpt (2026). The loss starts at ln 28 = 3.33, a guess among 28
characters. On names held out it falls about as far as that of counted pairs, and then it rises.

    python examples/microgpt.py

takes 20 seconds, and saves microgpt.png and microgpt_graph.svg in examples/output. To time a
step beside a scalar engine and PyTorch, run python -m tests.benchmarks.microgpt.
"""

import sys

import numpy as np
from _common import OUTPUT, plt, print_table, run, save_figure
from tqdm import trange

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

T, C, HEADS = 16, 16, 4  # places, numbers at each of them (channels), heads
NAMES = sorted(n for n in sys.stdlib_module_names if n.isalpha() and len(n) < T)
CHARACTERS = "." + "".join(sorted(set("".join(NAMES))))  # the dot begins and ends a name
CODES = np.array([[CHARACTERS.find(c) for c in f".{name}.".ljust(T + 1)] for name in NAMES])
X, Y = np.maximum(CODES[:, :-1], 0), CODES[:, 1:]  # (N, T), and the next character, -1 for none


@tl.scope("RMSNorm")
def rms_norm(x):  # the numbers of each place, divided by the root of their mean square
    return x / tl.sqrt(tl.mean(x**2, axis=-1, keepdims=True) + 1e-5)


class GPT(nn.Module):
    """One layer: four heads of attention, and an MLP."""

    def __init__(self, rng):
        def weights(*shape):
            return tl.Tensor(rng.normal(0, 0.08, shape), requires_grad=True)

        self.characters, self.places = weights(len(CHARACTERS), C), weights(T, C)
        self.heads = [[weights(C, C // HEADS) for _ in range(3)] for _ in range(HEADS)]
        self.mix, self.out = weights(C, C), weights(C, len(CHARACTERS))
        self.mlp = nn.MLP([C, 4 * C, C], activation="relu", rng=rng)

    def forward(self, x):
        """Characters (N, T) to logits of the character that comes next (N, T, 28)."""
        x = self.characters[x] + self.places[: x.shape[-1]]  # embedding: which one it is, and where
        normed, heads = rms_norm(x), []
        for i, (query, key, value) in enumerate(self.heads, 1):
            with tl.scope(f"head {i}"):
                q, k, v = normed @ query, normed @ key, normed @ value  # each (N, T, 4)
                scores = q @ k.swapaxes(-1, -2) / np.sqrt(C // HEADS)  # how well keys fit queries
                past = np.tri(x.shape[-2], dtype=bool)  # the causal mask: none sees what follows
                heads.append(tl.softmax(tl.where(past, scores, -np.inf)) @ v)  # weighted means
        x = x + tl.concatenate(heads, axis=-1) @ self.mix  # what comes from other places
        x = x + self.mlp(rms_norm(x))  # what each place makes of it
        return x @ self.out


def loss_of(model, x, y):
    return tl.cross_entropy(model(x).reshape(-1, len(CHARACTERS)), y.ravel(), ignore_index=-1)


@tl.no_grad
def invent(model, rng, count, temperature=0.5):
    x = np.zeros((count, 1), int)
    while x.shape[1] <= T:  # a low temperature prefers the likely characters
        p = tl.softmax(model(x)[:, -1] / temperature).data
        x = np.column_stack([x, (p.cumsum(axis=1) > rng.random((count, 1))).argmax(axis=1)])
    return ["".join(CHARACTERS[i] for i in row).split(".")[1] for row in x]


def train(seed, steps):
    """Return a row every 50 steps (three losses, share of real names), and names it invented."""
    rng = np.random.default_rng(seed)
    new, known = np.split(rng.permutation(len(NAMES)), [40])
    pairs = np.full((len(CHARACTERS), len(CHARACTERS)), 0.5)  # how often which follows which
    np.add.at(pairs, (X[known], Y[known]), Y[known] >= 0)
    by_pairs = loss_of(lambda x: tl.Tensor(np.log(pairs)[x]), X[new], Y[new]).item()
    model, rows = GPT(rng), []
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    step = tl.unroll(lambda x, y: loss_of(model, x, y), optimizer=optimizer)
    for k in trange(steps + 1, desc=f"seed {seed}", unit="step"):
        if k % 50 == 0:
            names = invent(model, rng, 100)
            losses = [loss_of(model, X[part], Y[part]).item() for part in (known, new)]
            rows.append((*losses, by_pairs, np.mean([name in NAMES for name in names])))
        batch = rng.choice(known, 16)
        step(X[batch], Y[batch])  # forward, backward and update
    return rows, [name for name in names if name not in NAMES]


def main(quick=False):
    """Train with each seed, print and draw; return what was measured."""
    runs = [train(seed, 100 if quick else 600) for seed in range(1 if quick else 5)]
    middle, low, high = spread = np.percentile([rows for rows, _ in runs], (50, 0, 100), axis=0)
    cells = [["{:.2f} ({:.2f} to {:.2f})".format(*x) for x in column] for column in spread.T]
    head = ("", "names to learn from", "40 new names", "these, by counted pairs", "share of real")
    print_table(head, [(f"step {50 * k}", *row) for k, row in enumerate(zip(*cells, strict=True))])
    print("invented:", *runs[0][1])
    figure, axes = plt.subplots(figsize=(8, 3))
    for j, label in enumerate(head[1:4]):
        axes.plot(50 * np.arange(len(middle)), middle[:, j], label=label)
        axes.fill_between(50 * np.arange(len(middle)), low[:, j], high[:, j], alpha=0.15)
    axes.set(xlabel="step", ylabel="loss", title="On new names the loss turns: it learns by heart")
    axes.legend(title=f"median and range of {len(runs)} seeds", alignment="left")
    save_figure(figure, "microgpt")
    loss = tl.cross_entropy(GPT(np.random.default_rng(0))(X[0, :4]), Y[0, :4])  # of "abc"
    print(f"saved {tl.draw(loss, max_nodes=50).save(OUTPUT / 'microgpt_graph.svg')}")
    return {"rows": np.array([rows for rows, _ in runs]), "names": runs[0][1]}


if __name__ == "__main__":
    run(main, __doc__)
