"""A smaller loss is not a better metric: the training loss falls, the test loss turns and rises.

Claim: a net with more parameters than data (4810 for 100 digits here) can bring its training loss
as near to 0 as one likes. The test loss falls along with it at first, then rises, because the few
test images that stay wrong are wrong with ever more confidence. Accuracy does not turn: it only
asks which class is the largest (Guo et al. 2017, "On Calibration of Modern Neural Networks").
So whoever reads only one of the three curves is misled.

So stopping when the test loss is lowest would not give the best accuracy. An L2 penalty in the
loss is better here: the test loss stays down, for small weights cannot be that confident. But the
second table, over five seeds, says what regularization does for accuracy on these digits: nothing
that could be told from chance. Dropout does not even keep the loss down.

In the picture: left, the losses without the penalty (the training loss falls out of the picture),
and the test loss with it. Right, the share of right answers on the test data: no turn at all.

Run it with

    python examples/overfitting.py

It takes twelve seconds, prints two tables and saves examples/output/overfitting.png.
"""

import matplotlib.pyplot as plt
import numpy as np
from _common import COLORS, DASHES, print_table, run, save_figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from tinygrad_loss import l2, no_grad
from tinygrad_loss.losses import cross_entropy
from tinygrad_loss.nn import MLP, Linear
from tinygrad_loss.optim import Adam


def measure(net, X, y):
    """The loss and the share of right answers."""
    with no_grad():
        logits = net(X)
        return cross_entropy(logits, y).item(), float(np.mean(logits.data.argmax(axis=1) == y))


def train(data, steps, strength=0.0, dropout=0.0, seed=0, every=None):
    """Rows of (step, training loss, test loss, test accuracy), the last one at the end."""
    X, X_test, y, y_test = data
    rng = np.random.default_rng(seed)
    net = MLP([64, 64, 10], activation="relu", dropout=dropout, rng=rng)
    weights = [layer.weight for layer in net.layers if isinstance(layer, Linear)]
    optimizer = Adam(net.parameters(), lr=0.01)
    found = []
    for step in range(steps + 1):
        if step == steps or (every and (step < 100 or step % every == 0)):
            net.eval()
            found.append((step, measure(net, X, y)[0], *measure(net, X_test, y_test)))
            net.train()
        optimizer.zero_grad()
        loss = cross_entropy(net(X), y)
        if strength:
            loss = loss + l2(weights, strength)
        loss.backward()
        optimizer.step()
    return np.array(found)


def main(quick=False):
    """Train with and without regularization, print both tables, draw, return the numbers."""
    images, digits = load_digits(return_X_y=True)
    data = train_test_split(images / 16, digits, train_size=100, random_state=0, stratify=digits)
    steps, seeds = (400, 2) if quick else (2000, 5)
    plain, penalised = (train(data, steps, strength, every=20) for strength in (0.0, 3e-3))

    best = plain[plain[:, 2].argmin()]
    rows = [
        (f"no penalty, step {best[0]:.0f}: lowest test loss", *best[1:]),
        (f"no penalty, step {steps}", *plain[-1, 1:]),
        (f"L2 of strength 0.003, step {steps}", *penalised[-1, 1:]),
    ]
    print("\n100 images to train on, 1697 to test")
    print_table(("", "training loss", "test loss", "test accuracy"), rows)

    ways = {"nothing": {}, "L2, 0.003": {"strength": 3e-3}, "dropout, 0.5": {"dropout": 0.5}}
    ends = {
        name: np.array([train(data, steps // 2, seed=seed, **way)[-1] for seed in range(seeds)])
        for name, way in tqdm(ways.items(), desc=f"{seeds} seeds of each")
    }
    print(f"\nAfter {steps // 2} steps, mean over {seeds} seeds, and the range of accuracy")
    rows_by_seed = [
        (name, x[:, 2].mean(), f"{x[:, 3].mean():.3f} ({x[:, 3].min():.3f} to {x[:, 3].max():.3f})")
        for name, x in ends.items()
    ]
    print_table(("regularized by", "test loss", "test accuracy"), rows_by_seed)
    draw(plain, penalised)
    names = ("lowest", "last", "penalised")
    found = {name: tuple(map(float, row[1:])) for name, row in zip(names, rows, strict=True)}
    return found | {"seeds": {name: x[:, 2:] for name, x in ends.items()}}


def draw(plain, penalised):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2))
    step = np.maximum(plain[:, 0], 1)
    left.loglog(step, plain[:, 1], label="training")
    left.loglog(step, plain[:, 2], label="test")
    left.loglog(step, penalised[:, 2], label="test, with L2")
    lowest = plain[:, 2].argmin()
    left.plot(step[lowest], plain[lowest, 2], "o", color="tab:blue")
    left.text(step[lowest], 1.6 * plain[lowest, 2], "turns here", fontsize=8)
    left.set(xlabel="step", ylabel="cross-entropy", ylim=(2e-3, 4))
    left.set_title("The loss")
    left.legend(loc="lower left")
    test, penalty = ({"color": COLORS[i], "linestyle": DASHES[i]} for i in (1, 2))
    right.semilogx(step, plain[:, 3], **test, label="test")
    right.semilogx(step, penalised[:, 3], **penalty, label="test, with L2")
    right.axvline(step[lowest], color="0.6", linewidth=1, linestyle="-")
    right.set(xlabel="step", ylabel="share of right answers", ylim=(0.5, 1))
    right.set_title("The metric")
    right.legend(loc="lower right")
    save_figure(figure, "overfitting")


if __name__ == "__main__":
    run(main, __doc__)
