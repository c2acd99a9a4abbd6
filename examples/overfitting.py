"""A smaller loss is not a better metric: the training loss falls, the test loss turns and rises.

Claim: a net with more parameters than data (4810 for 100 digits here) can bring its training loss
as near to 0 as one likes. The test loss falls along with it at first, then rises, because the few
test images that stay wrong are wrong with ever more confidence. Accuracy does not turn: it only
asks which class is the largest (Guo et al. 2017, "On Calibration of Modern Neural Networks").
So whoever reads only one of the three curves is misled.

So stopping when the test loss is lowest would not give the best accuracy. An L2 penalty in the
loss is better here: the test loss stays down, for small weights cannot be that confident. Accuracy
gains less than a point; regularized_digits.py has that over several choices of the 100 images.

In the picture: left, the losses without the penalty (the training loss falls out of the picture),
and the test loss with it. Right, the share of right answers on the test data: no turn at all.

Run it with

    python examples/overfitting.py

It takes five seconds, prints a table and saves examples/output/overfitting.png.
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


def train(data, strength, steps):
    """Rows of (step, training loss, test loss, test accuracy)."""
    X, X_test, y, y_test = data
    net = MLP([64, 64, 10], activation="relu", rng=np.random.default_rng(0))
    weights = [layer.weight for layer in net.layers if isinstance(layer, Linear)]
    optimizer = Adam(net.parameters(), lr=0.01)
    found = []
    for step in tqdm(range(steps + 1), desc=f"training, L2 of strength {strength}"):
        if step < 100 or step % 20 == 0:
            found.append((step, measure(net, X, y)[0], *measure(net, X_test, y_test)))
        optimizer.zero_grad()
        loss = cross_entropy(net(X), y)
        if strength:
            loss = loss + l2(weights, strength)
        loss.backward()
        optimizer.step()
    return np.array(found)


def main(quick=False):
    """Train without and with the penalty, print the table, draw, return the numbers."""
    images, digits = load_digits(return_X_y=True)
    data = train_test_split(images / 16, digits, train_size=100, random_state=0, stratify=digits)
    steps = 400 if quick else 2000
    plain, penalized = (train(data, strength, steps) for strength in (0.0, 3e-3))

    best = plain[plain[:, 2].argmin()]
    rows = [
        (f"no penalty, step {best[0]:.0f}: lowest test loss", *best[1:]),
        (f"no penalty, step {steps}", *plain[-1, 1:]),
        (f"L2 of strength 0.003, step {steps}", *penalized[-1, 1:]),
    ]
    print("\n100 images to train on, 1697 to test")
    print_table(("", "training loss", "test loss", "test accuracy"), rows)
    draw(plain, penalized)
    names = ("lowest", "last", "penalized")
    return {name: tuple(map(float, row[1:])) for name, row in zip(names, rows, strict=True)}


def draw(plain, penalized):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2))
    step = np.maximum(plain[:, 0], 1)
    left.loglog(step, plain[:, 1], label="training")
    left.loglog(step, plain[:, 2], label="test")
    left.loglog(step, penalized[:, 2], label="test, with L2")
    lowest = plain[:, 2].argmin()
    left.plot(step[lowest], plain[lowest, 2], "o", color="tab:blue")
    left.text(step[lowest], 1.6 * plain[lowest, 2], "turns here", fontsize=8)
    left.set(xlabel="step", ylabel="cross-entropy", ylim=(2e-3, 4))
    left.set_title("The loss")
    left.legend(loc="lower left")
    test, penalty = ({"color": COLORS[i], "linestyle": DASHES[i]} for i in (1, 2))
    right.semilogx(step, plain[:, 3], **test, label="test")
    right.semilogx(step, penalized[:, 3], **penalty, label="test, with L2")
    right.axvline(step[lowest], color="0.6", linewidth=1, linestyle="-")
    right.set(xlabel="step", ylabel="share of right answers", ylim=(0.5, 1))
    right.set_title("The metric")
    right.legend(loc="lower right")
    save_figure(figure, "overfitting")


if __name__ == "__main__":
    run(main, __doc__)
