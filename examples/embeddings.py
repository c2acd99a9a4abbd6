"""Contrastive and triplet losses place like near like: handwritten digits on a plane.

Claim: a net that is trained on pairs alone (alike or not: Hadsell, Chopra & LeCun 2006) or on
triplets (this is nearer to that than to the other: Schroff, Kalenichenko & Philbin 2015) learns a
map on which distance means likeness. It is never told which digit it sees.

A net 64-64-2 maps scikit-learn's digits, 8 x 8 pixels, to the plane. How good the map is, five
neighbors tell: the class of an image that was not trained on is that of most of its five nearest
among the training images. Beside it, two linear maps: PCA, which keeps as much of the variance as
two numbers can, and LDA, which knows the labels. With eight numbers instead of two the map is as
good as the 64 pixels themselves.

In the picture: each test image, as the digit that it shows. PCA and LDA mix up most digits. The
contrastive loss gathers each in a place of its own, about the margin, 1, from the others. The
triplet loss only asks for an order, and leaves every digit more room.

The references are single runs with a budget of their own, and half a percent is two images: read
no more into the figures than that both losses do far better than linear maps.

Run it with

    python examples/embeddings.py

It takes ten seconds, prints a table and saves examples/output/embeddings.png.
"""

import matplotlib.pyplot as plt
import numpy as np
from _common import print_table, run, save_figure
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from tqdm import tqdm

from tinygrad_loss import losses, no_grad
from tinygrad_loss.nn import MLP
from tinygrad_loss.optim import Adam, linear_decay

BATCH = 128
# map: what torch 2.13 or scikit-learn 1.9 reached
REFERENCES = {
    "PCA, 2 numbers": 0.618,
    "LDA, 2 numbers": 0.662,
    "contrastive, 2 numbers": 0.916,
    "triplet, 2 numbers": 0.899,
    "triplet, 8 numbers": 0.9815,
    "the 64 pixels": 0.98,
}


def partners(labels, wanted, rng):
    """For each wanted label, the index of a random image that has it."""
    order = np.argsort(labels, kind="stable")
    first = np.searchsorted(labels[order], wanted, side="left")
    last = np.searchsorted(labels[order], wanted, side="right")
    return order[rng.integers(first, last)]


def contrastive(net, X, y, rng):
    """Random pairs, every other one alike."""
    i = rng.integers(len(X), size=BATCH)
    same = np.arange(BATCH) % 2
    j = partners(y, np.where(same, y[i], other_label(y[i], rng)), rng)
    return losses.contrastive(net(X[i]), net(X[j]), same)


def triplet(net, X, y, rng):
    """Random anchors, each with an image of its digit and one of another."""
    i = rng.integers(len(X), size=BATCH)
    positive, negative = partners(y, y[i], rng), partners(y, other_label(y[i], rng), rng)
    return losses.triplet(net(X[i]), net(X[positive]), net(X[negative]))


def other_label(labels, rng):
    return (labels + rng.integers(1, 10, size=len(labels))) % 10


def learned_map(loss, dimensions, X, y, steps):
    """A function from images to points, after training."""
    rng = np.random.default_rng(0)
    net = MLP([64, 64, dimensions], activation="relu", rng=rng)
    optimizer = Adam(net.parameters(), lr=5e-3)
    for step in tqdm(range(steps), desc=f"{loss.__name__}, {dimensions} numbers"):
        optimizer.lr = linear_decay(step, steps, start=5e-3, end=0.0)
        optimizer.zero_grad()
        loss(net, X, y, rng).backward()
        optimizer.step()
    return no_grad()(lambda images: net(images).data)


def main(quick=False):
    """Learn the maps, print the table, save the picture, return the shares of right answers."""
    images, digits = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(
        images / 16, digits, test_size=0.25, random_state=0, stratify=digits
    )
    steps = 600 if quick else 2000
    maps = {
        "PCA, 2 numbers": PCA(2, random_state=0).fit(X).transform,
        "LDA, 2 numbers": LinearDiscriminantAnalysis(n_components=2).fit(X, y).transform,
        "contrastive, 2 numbers": learned_map(contrastive, 2, X, y, steps),
        "triplet, 2 numbers": learned_map(triplet, 2, X, y, steps),
        "triplet, 8 numbers": learned_map(triplet, 8, X, y, steps),
        "the 64 pixels": lambda images: images,
    }
    scores = {
        name: float(KNeighborsClassifier(5).fit(to(X), y).score(to(X_test), y_test))
        for name, to in maps.items()
    }
    print("\nThe share of test images whose five neighbors name the right digit")
    rows = [(name, scores[name], reference) for name, reference in REFERENCES.items()]
    print_table(("map", "measured", "reference"), rows)
    draw({name: to(X_test) for name, to in maps.items() if "2 numbers" in name}, y_test, scores)
    return scores


def draw(points, labels, scores):
    figure, axes = plt.subplots(2, 2, figsize=(8, 7.4))
    shades = plt.get_cmap("tab10")
    for axis, (name, xy) in zip(axes.flat, points.items(), strict=True):
        for digit in range(10):
            x, y = xy[labels == digit].T
            marker = {"marker": f"${digit}$", "s": 26, "linewidths": 0.2}
            axis.scatter(x, y, color=shades(digit), **marker)
        axis.set(xlabel="first number", ylabel="second number")
        axis.set_title(f"{name.split(',')[0]}: {scores[name]:.1%} right by five neighbors")
    save_figure(figure, "embeddings")


if __name__ == "__main__":
    run(main, __doc__)
