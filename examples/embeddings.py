# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""Contrastive and triplet losses place like near like: handwritten digits on a plane.

Claim: a net that is trained on pairs alone (alike or not: Hadsell, Chopra & LeCun 2006) or on
triplets (this is nearer to that than to the other: Schroff, Kalenichenko & Philbin 2015) learns a
map on which distance means likeness. It is never told which digit it sees.

A net 64-64-2 maps scikit-learn's digits, 8 x 8 pixels, to the plane. How good the map is, five
neighbors tell: the class of an image that was not trained on is that of most of its five nearest
among the training images. Beside it, two linear maps: PCA, which keeps as much of the variance as
two numbers can, and LDA, which knows the labels. The losses do far better than both, with every
seed. With eight numbers instead of two the map is nearly as good as the 64 pixels themselves.

How good LDA is depends on how scikit-learn calculates it. Its default, the solver "svd", gives .687
here. The solver "eigen" with shrinkage="auto" gives .662 on pixels from 0 to 16, as they come, and
.669 on pixels from 0 to 1: a pixel that is constant within a class has no scale of its own, so that
what the shrinkage adds to its variance depends on the unit.

In the picture: each test image, as the digit that it shows, on the maps of seed 0. PCA and LDA mix
up many digits. The contrastive loss gathers each in a place of its own, about the margin, 1, from
the others. The triplet loss only asks for an order, and leaves every digit more room.

Run it with

    python examples/embeddings.py

It takes about 40 seconds, prints a table and saves examples/output/embeddings.png.
"""

import numpy as np
from _common import plt, print_table, run, save_figure, spread
from matplotlib.markers import MarkerStyle
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from tqdm import tqdm

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

BATCH = 128
# map: what PyTorch 2.13, in a single run with a budget of its own, or scikit-learn 1.9 reached
REFERENCES = {
    "PCA, 2 numbers": "0.618",
    "LDA, 2 numbers": "",
    "LDA shrunk, 2 numbers": "0.662",
    "LDA shrunk, 2 numbers, from 0 to 1": "",
    "contrastive, 2 numbers": "0.916",
    "triplet, 2 numbers": "0.899",
    "triplet, 8 numbers": "0.9815",
    "the 64 pixels": "0.98",
}


def partners(labels, wanted, rng):
    """For each wanted label, the index of a random image that has it."""
    order = np.argsort(labels, kind="stable")
    first = np.searchsorted(labels[order], wanted, side="left")
    last = np.searchsorted(labels[order], wanted, side="right")
    return order[rng.integers(first, last)]


def other_label(labels, rng):
    return (labels + rng.integers(1, 10, size=len(labels))) % 10


def contrastive(net, X, y, rng):
    """Random pairs, every other one alike."""
    i = rng.integers(len(X), size=BATCH)
    same = np.arange(BATCH) % 2
    j = partners(y, np.where(same, y[i], other_label(y[i], rng)), rng)
    return tl.contrastive(net(X[i]), net(X[j]), same)


def triplet(net, X, y, rng):
    """Random anchors, each with an image of its digit and one of another."""
    i = rng.integers(len(X), size=BATCH)
    positive, negative = partners(y, y[i], rng), partners(y, other_label(y[i], rng), rng)
    return tl.triplet(net(X[i]), net(X[positive]), net(X[negative]))


def learned_map(loss, dimensions, X, y, steps, seed):
    """A function from images to points, after training."""
    rng = np.random.default_rng(seed)
    net = nn.MLP([64, 64, dimensions], activation="relu", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=5e-3)
    for step in tqdm(range(steps), desc=f"{loss.__name__}, {dimensions} numbers, seed {seed}"):
        optimizer.zero_grad()
        optimizer.lr = optim.linear_decay(step, steps, start=5e-3, end=0.0)
        loss(net, X, y, rng).backward()
        optimizer.step()
    return tl.no_grad()(lambda images: net(images).data)


def main(quick=False):
    """Learn the maps, print the table, save the picture, return the shares of right answers."""
    images, digits = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(
        images / 16, digits, test_size=0.25, random_state=0, stratify=digits
    )
    lda = LinearDiscriminantAnalysis(n_components=2).fit(X, y)
    shrunk, to_16 = (
        LinearDiscriminantAnalysis("eigen", shrinkage="auto", n_components=2).fit(scale * X, y)
        for scale in (1, 16)
    )
    steps, seeds = (120, range(1)) if quick else (1500, range(5))
    maps = {
        "PCA, 2 numbers": [PCA(2, random_state=0).fit(X).transform],
        "LDA, 2 numbers": [lda.transform],
        "LDA shrunk, 2 numbers": [lambda images: to_16.transform(16 * images)],
        "LDA shrunk, 2 numbers, from 0 to 1": [shrunk.transform],
        "contrastive, 2 numbers": [learned_map(contrastive, 2, X, y, steps, s) for s in seeds],
        "triplet, 2 numbers": [learned_map(triplet, 2, X, y, steps, s) for s in seeds],
        "triplet, 8 numbers": [learned_map(triplet, 8, X, y, steps, s) for s in seeds],
        "the 64 pixels": [lambda images: images],
    }
    scores = {
        name: [KNeighborsClassifier(5).fit(to(X), y).score(to(X_test), y_test) for to in found]
        for name, found in maps.items()
    }
    print("\nThe share of test images whose five neighbors name the right digit")
    print(f"Losses: {len(seeds)} seeds, median (smallest to largest)")
    rows = [
        (name, spread(scores[name], ".3f"), reference) for name, reference in REFERENCES.items()
    ]
    print_table(("map", "measured", "reference"), rows)
    draw({name: found[0](X_test) for name, found in maps.items()}, y_test, scores)
    return scores


def draw(points, labels, scores):
    figure, axes = plt.subplots(2, 2, figsize=(8, 7.2))
    shades = plt.get_cmap("tab10")
    markers = [MarkerStyle(f"${digit}$") for digit in range(10)]
    titles = {
        "PCA, 2 numbers": "PCA mixes up many digits",
        "LDA, 2 numbers": "LDA too, though it knows the labels",
        "contrastive, 2 numbers": "Contrastive: a place for each",
        "triplet, 2 numbers": "Triplet: in order, with more room",
    }
    for axis, (name, title) in zip(axes.flat, titles.items(), strict=True):
        for digit in range(10):
            x, y = points[name][labels == digit].T
            axis.plot(
                x, y, linestyle="", color=shades(digit),
                marker=markers[digit], markersize=5.1, markeredgewidth=0.2,
            )  # fmt: skip
        axis.locator_params(nbins=4)
        axis.set_title(f"{title} ({100 * scores[name][0]:.0f} % right)")
    figure.supxlabel("first number", fontsize=9)
    figure.supylabel("second number", fontsize=9)
    save_figure(figure, "embeddings")


if __name__ == "__main__":
    run(main, __doc__)
