# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""A smaller loss is not a better metric: the training loss falls, the test loss turns and rises.

Claim: a net with more parameters than data (4810 for 100 digits here) can bring its training loss
as near to 0 as one likes. The test loss falls along with it at first, then rises, because the few
test images that stay wrong are wrong with ever more confidence. Accuracy does not turn: it only
asks which class is the largest (Guo et al. 2017, "On Calibration of Modern Neural Networks").
So whoever reads only one of the three curves is misled.

So stopping when the test loss is lowest would not give the best accuracy. An L2 penalty in the
loss keeps the test loss down, for small weights cannot be that confident. What it does to accuracy
depends on the data.

All is measured on eight choices of the 100 images, each with other weights at first. In all eight
the test loss turns and the penalty ends at a lower one. The penalty's accuracy is higher in most of
them, not in all.

In the picture, medians, and bands from the smallest to the largest: left, the losses without the
penalty, and the test loss with it. Right, the share of right answers on the test data.

Run it with

    python examples/overfitting.py

It takes fifteen seconds, prints a table and saves examples/output/overfitting.png.
"""

import numpy as np
from _common import COLORS, DASHES, plt, print_table, run, save_figure, spread
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import trange

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

IMAGES, DIGITS = load_digits(return_X_y=True)
STRENGTH = 3e-3


def measure(net, X, y):
    """The loss and the share of right answers."""
    with tl.no_grad():
        logits = net(X)
        return tl.cross_entropy(logits, y).item(), np.mean(logits.data.argmax(axis=1) == y)


def train(seed, strength, steps):
    """Rows of (step, training loss, test loss, test accuracy)."""
    X, X_test, y, y_test = train_test_split(
        IMAGES / 16, DIGITS, train_size=100, random_state=seed, stratify=DIGITS
    )
    net = nn.MLP([64, 64, 10], activation="relu", rng=np.random.default_rng(seed))
    weights = [p for p in net.parameters() if p.ndim == 2]
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    found = []
    for step in range(steps + 1):
        if step < 20 or (step < 100 and step % 2 == 0) or step % 20 == 0:
            found.append((step, measure(net, X, y)[0], *measure(net, X_test, y_test)))
        optimizer.zero_grad()
        loss = tl.cross_entropy(net(X), y) + tl.l2(weights, strength)
        loss.backward()
        optimizer.step()
    return np.array(found)


def main(quick=False):
    """Train without and with the penalty, print the table, draw, return the numbers."""
    choices, steps = (2, 200) if quick else (8, 1000)
    plain, penalized = (
        np.array([train(seed, strength, steps) for seed in trange(choices, desc=name)])
        for name, strength in (("no penalty", 0.0), ("L2", STRENGTH))
    )
    lowest = plain[np.arange(choices), plain[:, :, 2].argmin(axis=1)]
    last, with_l2 = plain[:, -1], penalized[:, -1]
    print(f"\n100 images to train on, 1697 to test: median (smallest to largest) of {choices}")
    rows = [
        (name, *(spread(x, form) for x, form in zip(end.T[1:], (".2g", ".3f", ".3f"), strict=True)))
        for name, end in (
            (f"step {spread(lowest[:, 0], '.0f')}: lowest test loss", lowest),
            (f"step {steps}", last),
            (f"step {steps}, with L2", with_l2),
        )
    ]
    print_table(("", "training loss", "test loss", "test accuracy"), rows)
    found = {
        "after its lowest test loss": 100 * (last - lowest)[:, 3],
        "by L2": 100 * (with_l2 - last)[:, 3],
    }
    for name, gain in found.items():
        print(f"Points of accuracy gained {name}: {spread(gain, '.1f')}, {sum(gain > 0)} are gains")
    draw(plain, penalized, lowest[:, 0])
    return found | {"lowest": lowest, "last": last, "with L2": with_l2}


def draw(plain, penalized, turns):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2))
    step = np.maximum(plain[0, :, 0], 1)
    curves = (
        (left, "training", 0, plain[:, :, 1]),
        (left, "test", 1, plain[:, :, 2]),
        (left, "test, with L2", 2, penalized[:, :, 2]),
        (right, "test", 1, plain[:, :, 3]),
        (right, "test, with L2", 2, penalized[:, :, 3]),
    )
    for axis, name, i, values in curves:
        style = {"color": COLORS[i], "linestyle": DASHES[i]}
        axis.plot(step, np.median(values, axis=0), label=name, **style)
        ends = values.min(axis=0), values.max(axis=0)
        axis.fill_between(step, *ends, color=COLORS[i], alpha=0.15, linewidth=0)
    left.set(xlabel="step", ylabel="cross-entropy", ylim=(0, 1))
    left.set_title(f"The test loss turns between steps {turns.min():.0f} and {turns.max():.0f}")
    left.legend(loc="upper right")
    right.set(xlabel="step", ylabel="share of right answers", ylim=(0.7, 0.95))
    right.set_title("The test accuracy does not turn")
    right.legend(loc="lower right", title=f"bands: {len(plain)} choices of the data")
    for axis in (left, right):
        axis.set_xscale("log")
        axis.set_xticks((1, 10, 100, 1000), ("1", "10", "100", "1000"))
        axis.minorticks_off()
        axis.set_xlim(1, step[-1])
    save_figure(figure, "overfitting")


if __name__ == "__main__":
    run(main, __doc__)
