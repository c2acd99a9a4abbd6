# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""Stochastic gradient descent is noisier than gradient descent, and cheaper per update.

Claim: the gradient over a random batch of B samples is that over all n, plus noise. Drawn without
replacement, the noise has, exactly,

    E |g_batch - g|^2 = S^2 (1/B - 1/n),    S^2 = sum_i |g_i - g|^2 / (n - 1),

g_i being the gradient of sample i alone (Cochran 1977, "Sampling Techniques", ch. 2). So it falls
with the root of B while B is small beside n, but the price of an update, counted in samples, falls
with B itself: for the price of one exact step one can take n/B rough ones (Bottou & Bousquet 2008,
"The Tradeoffs of Large Scale Learning").

1. The noise of an untrained net 64-64-10 on scikit-learn's digits, measured over 200 batches of
   each size, beside the formula.
2. The loss over all training data while the same net is trained with batches of 1347 (all data:
   gradient descent), 64 and 8, at the same learning rate.

Each is measured with five seeds, which draw the training data, the weights and the batches.

In the picture, of one seed: left, the noise falls along the formula's line. Middle, against
updates: batches of 64 do as well as all data, and batches of 8 a little worse. Right, against the
samples seen, which is what one pays for: batches of 8 have learned most while gradient descent has
taken its first step. Their line is jagged: that is the noise, which at a fixed learning rate never
settles.

Run it with

    python examples/sgd_noise.py

It takes twenty seconds, prints two tables and saves examples/output/sgd_noise.png.
"""

import numpy as np
from _common import plt, print_table, run, save_figure, spread
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import tinygrad_loss as tl
from tinygrad_loss import data, nn, optim

IMAGES, DIGITS = load_digits(return_X_y=True)
LEARNING_RATE = 0.1


def data_and_net(seed, n):
    """So many images of digits, and a net with random weights."""
    X, _, y, _ = train_test_split(
        IMAGES / 16, DIGITS, train_size=n, random_state=seed, stratify=DIGITS
    )
    return X, y, nn.MLP([64, 64, 10], activation="relu", rng=np.random.default_rng(seed))


def gradient(net, X, y):
    """The gradient of the mean loss as one long vector."""
    slopes = tl.gradients(tl.cross_entropy(net(X), y), net.parameters())
    return np.concatenate([slope.data.ravel() for slope in slopes])


def noise(seed, n, sizes, draws):
    """For each batch size, the root of the mean of |g_batch - g|^2: by formula, and measured."""
    X, y, net = data_and_net(seed, n)
    rng = np.random.default_rng(seed)
    exact = gradient(net, X, y)
    each = [((gradient(net, X[[i]], y[[i]]) - exact) ** 2).sum() for i in range(n)]
    variance = sum(each) / (n - 1)
    found = []
    for size in sizes:
        batches = (rng.choice(n, size, replace=False) for _ in range(draws))
        squares = [((gradient(net, X[rows], y[rows]) - exact) ** 2).sum() for rows in batches]
        found.append((np.sqrt(variance * (1 / size - 1 / n)), np.sqrt(np.mean(squares))))
    return found


def train(seed, n, size, updates):
    """The loss over all data after so many updates: a dict with some of them."""
    X, y, net = data_and_net(seed, n)
    optimizer = optim.GD(net.parameters(), LEARNING_RATE)
    rng, curve, done = np.random.default_rng(seed), {}, 0
    while True:
        for X_batch, y_batch in data.minibatches(X, y, size, rng=rng, drop_last=True):
            if done < 20 or done % 10 == 0 or done == n // size:
                with tl.no_grad():
                    curve[done] = tl.cross_entropy(net(X), y).item()
            if done == updates:
                return curve
            optimizer.zero_grad()
            tl.cross_entropy(net(X_batch), y_batch).backward()
            optimizer.step()
            done += 1


def main(quick=False):
    """Measure the noise, train with each batch size, print, draw, return the numbers."""
    n, updates, draws = (320, 100, 100) if quick else (1347, 400, 200)
    seeds, sizes = (range(2), (1, 16, 256)) if quick else (range(5), (1, 4, 16, 64, 256, 1024))
    found = np.array([noise(seed, n, sizes, draws) for seed in tqdm(seeds, desc="noise")])
    ratios = found[:, :, 1] / found[:, :, 0]
    print("\nThe noise of the gradient, median (smallest to largest)")
    rows = [
        (str(size), spread(found[:, i, 0], ".3g"), spread(ratios[:, i], ".2f"))
        for i, size in enumerate(sizes)
    ]
    print_table(("samples in a batch", "formula", "measured / formula"), rows)

    curves = {
        size: [train(seed, n, size, updates) for seed in seeds]
        for size in tqdm((n, 64, 8), desc="training with batches of each size")
    }
    losses = {
        size: np.array([(curve[updates], curve[n // size]) for curve in of_seeds])
        for size, of_seeds in curves.items()
    }
    print(f"\nThe loss over all {n} samples, median (smallest to largest)")
    rows = [(str(size), *(spread(loss, ".3f") for loss in both.T)) for size, both in losses.items()]
    seen = "when all samples were seen once"
    print_table(("samples in a batch", f"after {updates} updates", seen), rows)
    draw(n, sizes, found[0], {size: of_seeds[0] for size, of_seeds in curves.items()})
    return {"noise": found, "ratios": ratios, "losses": losses}


def draw(n, sizes, found, curves):
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(8, 3.2))
    left.loglog(sizes, found[:, 0], label="formula")
    left.loglog(sizes, found[:, 1], "o", color="tab:orange", label="measured")
    left.set(xlabel="samples in a batch", ylabel="noise of the gradient")
    for axis, ticks in ((left.xaxis, (1, 10, 100, 1000)), (left.yaxis, (0.1, 0.3, 1, 3))):
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
    left.set_title("The noise falls with\nthe root of the batch size")
    left.legend()
    for size, curve in curves.items():
        updates = np.array(list(curve))
        for axis, places in ((middle, updates), (right, updates * size / n)):
            axis.semilogy(places, list(curve.values()), label=f"all {n}" if size == n else size)
    for axis in (middle, right):
        axis.set_ylabel("loss over all data")
        axis.set_yticks((0.2, 0.5, 1, 2), ("0.2", "0.5", "1", "2"))
    middle.set_xlabel("updates")
    middle.set_title("Same number of updates:\nnearly the same loss")
    middle.legend(title="samples in a batch")
    right.set(xlabel="passes over the data", xlim=(0, max(curves[8]) * 8 / n))
    right.set_title("Same number of samples:\nsmall batches are far ahead")
    for axis in figure.axes:
        axis.minorticks_off()
    save_figure(figure, "sgd_noise")


if __name__ == "__main__":
    run(main, __doc__)
