"""Stochastic gradient descent is noisier than gradient descent, and cheaper per update.

Claim: the gradient over a random batch of B samples is that over all n, plus noise. Drawn without
replacement, the noise has, exactly,

    E |g_batch - g|^2 = S^2 (1/B - 1/n),    S^2 = sum_i |g_i - g|^2 / (n - 1),

g_i being the gradient of sample i alone (Cochran 1977, "Sampling Techniques", ch. 2). So it falls
with the root of B, but the price of an update falls with B itself: for the price of one exact step
one can take n/B rough ones (Bottou & Bousquet 2008, "The Tradeoffs of Large Scale Learning").

1. The noise of an untrained net 64-64-10 on scikit-learn's digits, measured over 400 batches of
   each size, beside the formula.
2. The loss over all training data while the same net is trained with batches of 1347 (all data:
   gradient descent), 64 and 8, at the same learning rate.

In the picture: left, the noise falls along the formula's line. Middle, against updates: batches of
64 do as well as all data, and batches of 8 hardly worse. Right, against data seen, which is what
one pays for: batches of 8 have learned most while gradient descent has taken its first step. Their
line is jagged: that is the noise, which at a fixed learning rate never settles.

Run it with

    python examples/sgd_noise.py

It takes ten seconds, prints two tables and saves examples/output/sgd_noise.png.
"""

import matplotlib.pyplot as plt
import numpy as np
from _common import print_table, run, save_figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from tinygrad_loss import no_grad
from tinygrad_loss.data import minibatches
from tinygrad_loss.losses import cross_entropy
from tinygrad_loss.nn import MLP
from tinygrad_loss.optim import GD

BATCHES = (1347, 64, 8)
LEARNING_RATE = 0.1


def new_net():
    return MLP([64, 64, 10], activation="relu", rng=np.random.default_rng(0))


def gradient(net, X, y):
    """The gradient of the mean loss as one long vector."""
    for p in net.parameters():
        p.zero_grad()
    cross_entropy(net(X), y).backward()
    return np.concatenate([p.grad.ravel() for p in net.parameters()])


def noise(X, y, sizes, draws):
    """For each batch size, the root of the mean of |g_batch - g|^2, measured and by formula."""
    net, rng, n = new_net(), np.random.default_rng(0), len(X)
    exact = gradient(net, X, y)
    each = [((gradient(net, X[[i]], y[[i]]) - exact) ** 2).sum() for i in range(n)]
    variance = sum(each) / (n - 1)
    found = {}
    for size in tqdm(sizes, desc="noise of batches of each size"):
        batches = (rng.choice(n, size, replace=False) for _ in range(draws))
        squares = [((gradient(net, X[rows], y[rows]) - exact) ** 2).sum() for rows in batches]
        expected = np.sqrt(variance * (1 / size - 1 / n))
        found[size] = (float(np.sqrt(np.mean(squares))), float(expected))
    return found, float(np.linalg.norm(exact))


def train(X, y, size, updates):
    """The loss over all data before each update, as far as it was measured: (updates, losses)."""
    net, rng = new_net(), np.random.default_rng(1)
    optimizer = GD(net.parameters(), LEARNING_RATE)
    at, curve, done = [], [], 0
    with tqdm(total=updates, desc=f"training, batches of {size}", unit="update") as progress:
        while done < updates:
            for X_batch, y_batch in minibatches(X, y, size, rng=rng, drop_last=True):
                if done < 30 or done % 20 == 0:
                    with no_grad():
                        curve.append(cross_entropy(net(X), y).item())
                    at.append(done)
                optimizer.zero_grad()
                cross_entropy(net(X_batch), y_batch).backward()
                optimizer.step()
                done += 1
                progress.update()
    return np.array(at), np.array(curve)


def main(quick=False):
    """Measure the noise, train with each batch size, print, draw, return the numbers."""
    images, digits = load_digits(return_X_y=True)
    X, _, y, _ = train_test_split(
        images / 16, digits, test_size=0.25, random_state=0, stratify=digits
    )
    sizes = (1, 16, 256) if quick else (1, 4, 16, 64, 256, 1024)
    found, length = noise(X, y, sizes, draws=100 if quick else 400)
    curves = {size: train(X, y, size, updates=168 if quick else 840) for size in BATCHES}

    print(f"\nThe noise of the gradient (whose own norm is {length:.3f})")
    print_table(
        ("samples in a batch", "measured", "formula"),
        [(str(size), *both) for size, both in found.items()],
    )
    last = min(at[-1] for at, _ in curves.values())
    results = {"noise": found, "after_updates": {}, "after_one_pass": {}}
    for size, (at, curve) in curves.items():
        results["after_updates"][size] = float(np.interp(last, at, curve))
        results["after_one_pass"][size] = float(np.interp(len(X) // size, at, curve))
    print(f"The loss over all data, from {curves[8][1][0]:.3f}")
    print_table(
        ("samples in a batch", f"after {last} updates", "after all data were seen once"),
        [(str(s), results["after_updates"][s], results["after_one_pass"][s]) for s in BATCHES],
    )
    draw(found, curves, len(X))
    return results


def draw(found, curves, n):
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9, 3.2))
    sizes = np.array(list(found))
    left.loglog(sizes, [f for _, f in found.values()], label="formula")
    left.loglog(sizes, [m for m, _ in found.values()], "o", color="tab:orange", label="measured")
    left.set(xlabel="samples in a batch", ylabel="noise of the gradient")
    left.set_title("Noise falls with the root of B")
    for size, (at, curve) in curves.items():
        name = "all 1347 (GD)" if size == n else f"{size}"
        middle.plot(at, curve, label=name)
        right.plot(at * size / n, curve, label=name)
    middle.set(xlabel="updates", ylabel="loss over all data", yscale="log")
    right.set(xlabel="data seen, in passes", ylabel="loss over all data", yscale="log", xlim=(0, 5))
    middle.set_title("Per update")
    right.set_title("Per price")
    left.legend()
    middle.legend(title="samples in a batch")
    save_figure(figure, "sgd_noise")


if __name__ == "__main__":
    run(main, __doc__)
