# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""Seven mistakes that no library can see, because each is right in some other program.

Each is made in training a 64-32-10 network on the digits, beside the right program, with five
seeds for the split of the data and the weights. None raises an error; the table says where it
shows.

A forgotten ``zero_grad()`` has no look of its own. A step along the sum of all gradients so far is
momentum of 1: a ball that rolls without friction. The noise of minibatches adds up, so that the
loss falls, then rises; on top of momentum .9 it rises to hundreds. On all data at once nothing
rises but the test loss: the training loss is lower than that of the right program, and the test
accuracy higher, as momentum is faster. What leaves the loss at ln 10 is another mistake: pixels up
to 255, whose first steps kill the ReLUs.

In the picture: the loss on the training data, by the right and by the wrong program; a line for the
median of the seeds, a band from the smallest to the largest. (With the penalty subtracted, it is
what is minimized.)

Run it with

    python examples/unseen_mistakes.py

It takes half a minute, prints a table and saves examples/output/unseen_mistakes.png.
"""

from functools import cache, partial

import numpy as np
from _common import plt, print_table, run, save_figure, spread
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import tinygrad_loss as tl
from tinygrad_loss import data, nn, optim

IMAGES, LABELS = load_digits(return_X_y=True)
MOMENTUM = partial(optim.SGD, lr=0.1, momentum=0.9)
SGD = {"optimizer": partial(optim.SGD, lr=0.1)}
ADAM = {"optimizer": partial(optim.Adam, lr=0.01)}
ALL_DATA = {"batch": 896, "epochs": 120}
PENALTIES = {
    "none": lambda weights: 0.0,
    "added": lambda weights: tl.l2(weights, 0.003),
    "subtracted": lambda weights: -tl.l2(weights, 0.003),
    "of arrays": lambda weights: tl.l2([w.data for w in weights], 0.003),
}
ADDED, FORGOTTEN, LOSS = {"penalty": "added"}, {"zero_grad": False}, "training loss"
# What both programs of a pair change in the usual training; what the wrong one does; where to look.
PAIRS = {
    "no zero_grad(), SGD": (SGD, FORGOTTEN, [LOSS, "its lowest"]),
    "no zero_grad(), momentum": ({}, FORGOTTEN, [LOSS]),
    "no zero_grad(), Adam": (ADAM, FORGOTTEN, [LOSS, "its lowest"]),
    "no zero_grad(), all data": (SGD | ALL_DATA, FORGOTTEN, [LOSS, "test loss", "accuracy"]),
    "another's parameters": ({}, {"of_other": True}, ["change of the loss"]),
    "penalty subtracted": (
        ADDED, {"penalty": "subtracted"}, ["weights grow by", "step below 0", "accuracy"],
    ),
    "targets shuffled": (
        ADAM | {"epochs": 30}, {"shuffle": True}, [LOSS, "test loss", "accuracy"],
    ),
    "pixels up to 255": ({}, {"largest": 255}, [LOSS, "accuracy"]),
    "no eval()": ({"dropout": 0.5}, {"evaluate": False}, ["two calls differ", "accuracy"]),
    "penalty on arrays": (ADDED, {"penalty": "of arrays"}, ["effect on a weight"]),
}  # fmt: skip


@cache
def train(
    seed, epochs=15, optimizer=MOMENTUM, batch=64, dropout=0.0, penalty="none",
    zero_grad=True, of_other=False, evaluate=True, shuffle=False, largest=1,
):  # fmt: skip
    """Train a network, rightly or not; return what was seen of it."""
    X, X_test, y, y_test = train_test_split(
        IMAGES / 16 * largest, LABELS, train_size=896, random_state=seed, stratify=LABELS
    )
    rng = np.random.default_rng(seed)
    net, other = (nn.MLP([64, 32, 10], dropout=dropout, rng=rng) for _ in range(2))
    updates = optimizer((other if of_other else net).parameters())
    weights = [p for p in net.parameters() if p.ndim == 2]
    if shuffle:
        y = rng.permutation(y)
    losses = []

    def look():
        """The loss on the training data, on the test data, and what was minimized just now."""
        net.train(not evaluate)
        with tl.no_grad():
            loss, test_loss = tl.cross_entropy(net(X), y), tl.cross_entropy(net(X_test), y_test)
        net.train()
        return loss.item(), test_loss.item(), np.mean(losses[-20:] or loss.data)

    curves, start = [look()], flat(weights)
    for epoch in range(1, epochs + 1):
        for images, digits in data.minibatches(X, y, batch, rng=rng):
            if zero_grad:
                updates.zero_grad()
            loss = tl.cross_entropy(net(images), digits) + PENALTIES[penalty](weights)
            if of_other:
                loss = loss + tl.cross_entropy(other(images), digits)
            loss.backward()
            updates.step()
            losses.append(loss.item())
        if epoch % max(epochs // 15, 1) == 0:
            curves.append(look())
    net.train(not evaluate)
    one, two = (net(X_test).argmax(axis=1) for _ in range(2))
    (training, test, minimized), end = np.array(curves).T, flat(weights)
    growth = np.linalg.norm(end) / np.linalg.norm(start)
    return {
        "curves": (training, test, minimized), "epochs": epochs, "weights": end,
        LOSS: training[-1], "its lowest": training.min(), "change of the loss": np.ptp(training),
        "test loss": test[-1], "accuracy": np.mean(one == y_test),
        "two calls differ": np.mean(one != two), "weights grow by": growth,
        "step below 0": next((k for k, loss in enumerate(losses) if loss < 0), np.nan),
    }  # fmt: skip


def flat(weights):
    return np.concatenate([w.data.ravel() for w in weights])


def main(quick=False):
    """Make each mistake, print where it shows, draw, and return what was seen."""
    runs = {}
    for name, (both, mistake, _) in tqdm(PAIRS.items(), desc="training, right and wrong"):
        for kind, changed in (("right", {}), ("wrong", mistake)):
            options = {"epochs": 15, **both, **changed}
            options["epochs"] //= 3 if quick else 1
            runs[name, kind] = [train(seed, **options) for seed in range(1 if quick else 5)]
    for kind in ("right", "wrong"):
        plain = runs["another's parameters", "right"]  # the usual training, without a penalty
        for seen, without in zip(runs["penalty on arrays", kind], plain, strict=True):
            seen["effect on a weight"] = np.abs(seen["weights"] - without["weights"]).max()
    found = {
        (name, what): [[seen[what] for seen in runs[name, kind]] for kind in ("right", "wrong")]
        for name, (*_, measures) in PAIRS.items()
        for what in measures
    }
    print("\nMedian (smallest to largest) of the seeds")
    rows = [
        (*names, *("never" if np.isnan(x).any() else spread(x, ".3g") for x in both))
        for names, both in found.items()
    ]
    print_table(("mistake", "shows in", "right program", "wrong program"), rows)
    draw(runs)
    return found


def draw(runs):
    panels = {  # what happens, the limits of the loss, and how high "right" and "wrong" stand
        "no zero_grad(), SGD": ("falls, then rises", (0, 4), 0.2, 0.75),
        "no zero_grad(), momentum": ("rises to hundreds", (0.01, 2000), 0.23, 0.62),
        "no zero_grad(), all data": ("only the test loss rises", (0.01, 20), 0.69, 0.18),
        "pixels up to 255": ("stuck at ln 10", (0, 4), 0.08, 0.64),
        "targets shuffled": ("only the test loss rises", (0, 4), 0.08, 0.38),
        "penalty subtracted": ("falls below 0", (-5, 4), 0.66, 0.18),
    }
    figure, axes = plt.subplots(2, 3, figsize=(8, 4.6))
    for panel, (name, (message, limits, *heights)) in zip(axes.flat, panels.items(), strict=True):
        which = 2 if name == "penalty subtracted" else 0
        line(panel, runs[name, "right"], which, "black", "-")
        line(panel, runs[name, "wrong"], which, "tab:orange", (0, (6, 2)))
        panel.text(0.6, heights[0], "right", transform=panel.transAxes)
        panel.text(0.6, heights[1], "wrong", color="tab:orange", transform=panel.transAxes)
        if "test loss" in message:
            line(panel, runs[name, "wrong"], 1, "tab:red", (0, (2, 1.2)))
            panel.text(0.4, 0.87, "wrong, test data", color="tab:red", transform=panel.transAxes)
        panel.set(ylim=limits, yscale="log" if limits[0] > 0 else "linear")
        panel.minorticks_off()
        panel.set_title(f"{name[0].upper()}{name[1:]}:\n{message}")
    for panel in axes[:, 0]:
        panel.set_ylabel("loss")
    for panel in axes[1]:
        panel.set_xlabel("epoch")
    save_figure(figure, "unseen_mistakes")


def line(panel, runs, which, color, dashes):
    """The median of a curve over the seeds, and a band from the smallest to the largest."""
    curves = np.array([seen["curves"][which] for seen in runs])
    x = np.linspace(0, runs[0]["epochs"], curves.shape[1])
    panel.fill_between(x, curves.min(axis=0), curves.max(axis=0), color=color, alpha=0.2, lw=0)
    panel.plot(x, np.median(curves, axis=0), color=color, linestyle=dashes)


if __name__ == "__main__":
    run(main, __doc__)
