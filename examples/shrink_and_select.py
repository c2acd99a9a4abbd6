"""L2 shrinks the weights, L1 selects some of them, the elastic net selects groups.

Claim: the L2 penalty pulls a weight in proportion to its size: all become smaller, and none 0
(Hoerl and Kennard 1970). L1 pulls with the same force however small the weight, and those that
explain little end at 0 (Tibshirani 1996, the lasso). Of two inputs that say nearly the same, L1
keeps one, by chance; the elastic net, which is both, keeps both (Zou and Hastie 2005).

On scikit-learn's diabetes data, standardized; its objectives, divided by n or 2n, are ours::

    Ridge(10)            mse + l2(10 / n)
    Lasso(1)             mse / 2 + l1(1)
    ElasticNet(1, 0.5)   mse / 2 + l1(0.5) + l2(0.25)

For exact zeros it is not enough to add l1 to the loss: the subgradient of |w| is +1 or -1 however
near 0, and a weight jumps about 0 for ever. SGD(l1=...) takes the proximal step: it moves the
weight toward 0 and stops there.

The claim on two inputs that say the same holds for most draws of such data, not for all: L1 does
not care how the weight is shared, and the noise decides. The table counts.

In the picture: left, the coefficients. Middle, the coefficient of age on its way to 0. Right, the
weights of two inputs (correlation .99), one mark per draw: with L1 on an axis or anywhere, with the
elastic net near the diagonal.

Run it with

    python examples/shrink_and_select.py

It takes eight seconds, prints two tables and saves examples/output/shrink_and_select.png.
"""

import matplotlib.pyplot as plt
import numpy as np
from _common import print_table, run, save_figure
from sklearn.datasets import load_diabetes
from tqdm import tqdm, trange

from tinygrad_loss import Tensor, l1, l2, losses
from tinygrad_loss.optim import SGD

# penalties: proximal l1, l1 in the loss, l2; whether mse is halved; steps; scikit-learn's objective
MODELS = {
    "least squares": (0.0, 0.0, 0.0, False, 5000, 2859.696348),
    "Ridge(10)": (0.0, 0.0, 10 / 442, False, 5000, 2913.200188),
    "Lasso(1), proximal": (1.0, 0.0, 0.0, True, 1000, 1533.768717),
    "Lasso(1), subgradient": (0.0, 1.0, 0.0, True, 1000, 1533.768717),
    "ElasticNet(1, 0.5)": (0.5, 0.0, 0.25, True, 1000, 1779.356206),
}


def fit(X, y, proximal, in_loss, squared, half, steps, lr=0.2):
    """The weights before each step and in the end, and the objective and mse in the end."""
    w = Tensor(np.zeros(X.shape[1]), requires_grad=True)
    b = Tensor(0.0, requires_grad=True)
    optimizers = SGD([w], lr, l1=proximal), SGD([b], lr)  # the bias is not penalized
    path = []
    for _ in range(steps + 1):
        path.append(w.data.copy())
        mse = losses.mean_squared_error(X @ w + b, y)
        loss = (mse / 2 if half else mse) + l1(w, in_loss) + l2(w, squared)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
    return np.array(path), loss.item() + proximal * abs(path[-1]).sum(), mse.item()


def twins(rng):
    """Two inputs that both are z plus a little noise, and the target 3 z plus much."""
    z = rng.standard_normal(100)
    X = z[:, None] + 0.1 * rng.standard_normal((100, 2))
    return (X - X.mean(axis=0)) / X.std(axis=0), 3 * z + 3 * rng.standard_normal(100)


def main(quick=False):
    """Fit all models, print the tables, save the picture, return the numbers."""
    X, y = load_diabetes(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    paths, found, rows = {}, {}, []
    for name, (*options, reference) in tqdm(MODELS.items(), desc="diabetes", unit="model"):
        paths[name], objective, mse = fit(X, y, *options)
        nonzero = int((paths[name][-1] != 0).sum())
        found[name] = {"objective": objective, "mse": mse, "nonzero": nonzero}
        rows.append((name, f"{mse:.5f}", f"{objective:.6f}", f"{reference:.6f}", str(nonzero)))
    rng, pairs = np.random.default_rng(0), {"L1": [], "elastic net": []}
    for _ in trange(4 if quick else 20, desc="pairs", unit="draw"):
        Z, t = twins(rng)
        for name, options in (("L1", (0.5, 0, 0)), ("elastic net", (0.25, 0, 0.125))):
            pairs[name].append(fit(Z, t, *options, half=True, steps=1500, lr=0.8)[0][-1])
    pairs = {name: np.array(w) for name, w in pairs.items()}
    one_only = {name: int((w == 0).any(axis=1).sum()) for name, w in pairs.items()}

    print("\nDiabetes: the objective, and how many of the 10 weights are not 0")
    print_table(("model", "mse", "objective", "scikit-learn", "not 0"), rows)
    print("Two inputs that say the same: in how many draws only one of them is kept")
    print_table(
        ("penalty", "draws", "one kept"),
        [(name, str(len(pairs[name])), str(count)) for name, count in one_only.items()],
    )
    draw(paths, pairs)
    weights = {name: path[-1] for name, path in paths.items()}
    return {"models": found, "weights": weights, "pairs": pairs, "one_only": one_only}


def draw(paths, pairs):
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(8, 3.3), width_ratios=(1.4, 1, 1))
    shown = [name for name in MODELS if "subgradient" not in name]
    for name, marker in zip(shown, "|ox+", strict=True):
        label = name.split("(")[0]
        left.plot(paths[name][-1], range(10), marker, fillstyle="none", markersize=8, label=label)
    left.axvline(0, color="0.8", linestyle="-", linewidth=0.8, zorder=0)
    left.set(xlabel="coefficient", ylabel="feature", title="Diabetes")
    left.set_yticks(range(10), load_diabetes().feature_names)
    left.invert_yaxis()
    left.legend(loc="lower left", fontsize=8, frameon=True, handlelength=1)

    for name, color in (("subgradient", "0.6"), ("proximal", "black")):
        path = paths[f"Lasso(1), {name}"][:, 0]
        middle.plot(path, color=color, linestyle="-", label=name)
    middle.set(xlim=(0, 100), ylim=(-0.4, 1), xlabel="step", ylabel="coefficient of age")
    middle.set_title("On the way to 0")
    middle.legend(loc="upper right")

    for (name, w), marker in zip(pairs.items(), "x+", strict=True):
        right.plot(*w.T, marker, markersize=7, label=name, clip_on=False)
    right.axline((0, 0), slope=1, color="0.8", linestyle="-", linewidth=0.8, zorder=0)
    right.set(xlim=(0, 4), ylim=(0, 4), aspect="equal", xlabel="weight 1", ylabel="weight 2")
    right.set_title("Two that say the same")
    right.legend(loc="upper right", frameon=True, handlelength=1)
    save_figure(figure, "shrink_and_select")


if __name__ == "__main__":
    run(main, __doc__)
