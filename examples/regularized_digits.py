"""Regularizers on handwritten digits: a little better at best, by less than the choice of data.

Claim: dropout, L2 and L1 keep a network from fitting the noise of few data, so that it does better
on new ones. An MLP 64-64-10 is trained on 100 images of scikit-learn's digits, in eight choices of
the 100, and tested on the others, with each regularizer and without.

What the numbers say: do not expect much. Dropout adds less than one point of accuracy, L2 half a
point, and L1 next to nothing. It is a gain in nearly every choice, but which 100 images one has
matters as much. (A measurement with PyTorch found none at all: .893 without, .894 with.) More data
would help more: the same network reads .98 when it has seen 1347.

In the picture: what each regularizer changes. A dot is a choice of the images, the bar the mean.

Run it with

    python examples/regularized_digits.py

It takes six seconds, prints a table and saves examples/output/regularized_digits.png.
"""

import matplotlib.pyplot as plt
import numpy as np
from _common import print_table, run, save_figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from tinygrad_loss import cross_entropy, l1, l2, no_grad
from tinygrad_loss.nn import MLP
from tinygrad_loss.optim import SGD

# name: dropout, strength of l2, strength of l1
REGULARIZERS = {
    "none": (0.0, 0.0, 0.0),
    "dropout 0.2": (0.2, 0.0, 0.0),
    "dropout 0.5": (0.5, 0.0, 0.0),
    "L2": (0.0, 1e-3, 0.0),
    "L1": (0.0, 0.0, 1e-4),
}


def accuracy_on_digits(seed, p, strength2, strength1):
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(
        (X / 16).astype(np.float32), y, train_size=100, random_state=seed, stratify=y
    )
    rng = np.random.default_rng(seed)
    model = MLP([64, 64, 10], activation="relu", dropout=p, rng=rng, dtype=np.float32)
    weights = [w for w in model.parameters() if w.ndim == 2]
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(300):
        loss = cross_entropy(model(X), y) + l2(weights, strength2) + l1(weights, strength1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with no_grad():
        return (model.eval()(X_test).argmax(axis=1) == y_test).mean()


def main(quick=False):
    """Train all, print the table, save the picture, return the accuracies."""
    seeds, found = range(2 if quick else 8), {name: [] for name in REGULARIZERS}
    for seed in tqdm(seeds, desc="digits", unit="choice"):
        for name, options in REGULARIZERS.items():
            found[name].append(accuracy_on_digits(seed, *options))
    found = {name: np.array(accuracies) for name, accuracies in found.items()}
    gains = {name: a - found["none"] for name, a in found.items()}
    print(f"\nDigits, trained on 100: test accuracy, mean and spread over {len(seeds)} choices")
    print_table(
        ("regularizer", "accuracy", "change"),
        [
            (name, *(f"{a.mean():.4f} +- {a.std():.4f}" for a in (found[name], gains[name])))
            for name in found
        ],
    )

    figure, axis = plt.subplots(figsize=(8, 2.6))
    names = [name for name in gains if name != "none"]
    for row, name in enumerate(names):
        axis.plot(100 * gains[name], np.full(len(gains[name]), row), "o", color="0.6")
        axis.plot(100 * gains[name].mean(), row, "|", color="black", markersize=24)
    axis.axvline(0, color="0.8", linestyle="-", linewidth=0.8, zorder=0)
    axis.set(
        xlabel="change of test accuracy in points (bar: mean)",
        title="Digits, trained on 100 images",
    )
    axis.set_yticks(range(len(names)), names)
    axis.set(ylim=(-0.6, len(names) - 0.4))
    axis.invert_yaxis()
    save_figure(figure, "regularized_digits")
    return found


if __name__ == "__main__":
    run(main, __doc__)
