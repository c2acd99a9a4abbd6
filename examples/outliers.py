# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""Outliers pull the squared error, and hardly move the absolute error or Huber's loss.

Claim: the gradient of the squared error, 2 e, grows with the error e. Those of the absolute error
and of Huber's loss are bounded, so that no single sample can pull harder than others (Huber
1964, "Robust Estimation of a Location Parameter").

1. The best *constant* prediction of 1, 2, 3, 4 and 100 shows what a loss asks for: the squared
   error the mean, the absolute error the median, pinball(0.9) the value below which 90 % lie.
2. Linear regression on scikit-learn's diabetes data, standardized. 1000 is added to 44 of the 442
   targets, as a misplaced decimal point would do. How far do the coefficients move from those of
   least squares on the clean data? It depends on which targets are drawn, so 400 draws are made.
   Huber's delta is 1.35 times the noise's standard deviation, as estimated by scikit-learn's
   HuberRegressor. Huber's loss comes out nearer than the squared error in all draws.
3. Removing outliers beforehand: least squares without the 44 is nearer still, if one knows them. A
   rule such as "drop what is more than 3 standard deviations from the mean" needs a limit set by
   hand. Outliers widen the standard deviation, and at 3 most of these stay; at 2 all go. But on
   clean data, with nothing to remove, a limit of 2 drops 11 good samples.

In the picture: left, where the best constant lies. Right, how far the coefficients move in 400
draws: the median, and the middle 90 %.

Run it with

    python examples/outliers.py

It takes ten seconds, prints two tables and saves examples/output/outliers.png.
"""

from functools import partial

import numpy as np
from _common import diabetes, plt, print_table, run, save_figure
from tqdm import trange

import tinygrad_loss as tl
from tinygrad_loss import optim

VALUES = np.array([1.0, 2, 3, 4, 100])
# name: loss, best constant
CONSTANTS = {
    "squared error": (tl.mean_squared_error, 22.0),
    "log-cosh": (tl.log_cosh, 3.0188),
    "Huber(1)": (tl.huber, 3.0),
    "absolute error": (tl.mean_absolute_error, 3.0),
    "pinball(0.9)": (partial(tl.pinball, quantile=0.9), 100.0),
}
# name: loss, distance from the coefficients of the clean data in draw 0, with scikit-learn 1.9
REGRESSIONS = {
    "squared error": (tl.mean_squared_error, 215.26),  # LinearRegression
    "Huber(58.2)": (partial(tl.huber, delta=58.2248), 15.70),  # HuberRegressor
    "absolute error": (tl.mean_absolute_error, 15.58),  # QuantileRegressor
}
LIMITS = (3, 2)


def minimize(loss, start, lr, steps, name):
    """Take ever smaller steps: at a kink steps of one size would jump back and forth forever."""
    w = tl.Tensor(start, requires_grad=True)
    optimizer = optim.Adam([w], lr)
    for step in trange(steps, desc=name, unit="step"):
        optimizer.zero_grad()
        optimizer.lr = optim.linear_decay(step, steps, start=lr, end=0.0)
        loss(w).backward()
        optimizer.step()
    return w.data


def best_constant(loss, steps, name):
    return float(minimize(lambda c: loss(c * np.ones(5), VALUES), 0.0, 1.0, steps, name))


def spoil(y, draws):
    """The targets of all draws, one a column, and which of them are spoiled."""
    bad = np.zeros((len(y), draws), bool)
    for seed in range(draws):
        bad[np.random.RandomState(seed).choice(442, 44, replace=False), seed] = True
    return y[:, np.newaxis] + 1000 * bad, bad


def fit(loss, X, targets, name, steps=300):
    """The coefficients for each column of targets, all at once.

    X = Q R, and as the columns of Q are orthogonal, a few steps are enough there.
    """
    Q, R = np.linalg.qr(X)
    Q, R = Q * np.sqrt(len(X)), R / np.sqrt(len(X))
    zeros = np.zeros((X.shape[1], targets.shape[1]))
    v = minimize(lambda v: zeros.shape[1] * loss(Q @ v, targets), zeros, 5.0, steps, name)
    return np.linalg.solve(R, v)


def least_squares(X, targets, kept):
    """The coefficients for each column of targets, from the samples that are kept."""
    columns = zip(targets.T, kept.T, strict=True)
    return np.column_stack([np.linalg.lstsq(X[k], y[k], rcond=None)[0] for y, k in columns])


def within(limit, y):
    """Whether each target is at most so many standard deviations from the mean."""
    return np.abs(y - y.mean(axis=0)) <= limit * y.std(axis=0)


def main(quick=False):
    """Fit constants and lines, with and without the outliers; return what was measured."""
    X, y = diabetes()
    X = np.column_stack([X, np.ones(442)])
    steps = 500 if quick else 4000
    constants = {name: best_constant(loss, steps, name) for name, (loss, _) in CONSTANTS.items()}
    print("\nThe best constant prediction of 1, 2, 3, 4 and 100")
    print_table(
        ("loss", "measured", "reference"),
        [(name, constants[name], reference) for name, (_, reference) in CONSTANTS.items()],
    )

    targets, bad = spoil(y, draws=20 if quick else 400)
    fits = {name: fit(loss, X, targets, name) for name, (loss, _) in REGRESSIONS.items()}
    beyond = {}
    for limit in LIMITS:
        kept = within(limit, targets)
        fits[f"beyond {limit} SD removed"] = least_squares(X, targets, kept)
        of_the_44, of_the_others = (np.sum(~kept & which, axis=0) for which in (bad, ~bad))
        beyond[limit] = of_the_44, of_the_others, np.sum(~within(limit, y))
    fits["the 44 removed"] = least_squares(X, targets, ~bad)
    clean = least_squares(X, y[:, np.newaxis], np.ones((442, 1), bool))
    distances = {name: np.linalg.norm((w - clean)[:10], axis=0) for name, w in fits.items()}
    length = np.linalg.norm(clean[:10])
    report(distances, beyond, length)
    draw(constants, distances)
    return {"constants": constants, "distances": distances, "beyond": beyond, "length": length}


def report(distances, beyond, length):
    draws = len(distances["squared error"])
    print(f"\nHow far do coefficients (of length {length:.1f}) move, if 44 of 442 are spoiled?")
    print_table(
        (f"{draws} draws", "median", "5 %", "95 %", "draw 0", "scikit-learn"),
        [
            (name, *np.percentile(d, [50, 5, 95]), d[0], REGRESSIONS.get(name, ("", ""))[1])
            for name, d in distances.items()
        ],
    )
    for name in ("Huber(58.2)", "absolute error"):
        nearer = np.sum(distances[name] < distances["squared error"])
        print(f"{name} is nearer than the squared error in {nearer} of {draws} draws")
    for limit, (bad, good, clean) in beyond.items():
        dropped = (
            f"{np.median(bad):g} ({min(bad)} to {max(bad)}) of the 44 and {max(good)} of others"
        )
        print(f"Beyond {limit} SD are {dropped}; of the clean data {clean}")


def draw(constants, distances):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), width_ratios=(1, 1.15))
    for row, c in enumerate(constants.values()):
        left.plot(VALUES, np.full(5, row), "|", color="0.6", markersize=14)
        left.plot(c, row, "o", color="black")
    left.set(xscale="log", xlabel="the five samples (bars) and the best constant (dot)")
    left.set_xticks([*VALUES, 22], ["1", "2", "3", "4", "100", "22"])
    left.set_xticks([], minor=True)
    left.set_yticks(range(len(constants)), list(constants))
    left.invert_yaxis()
    left.set_title("One far sample moves the mean to 22")

    for row, d in enumerate(distances.values()):
        right.plot(np.percentile(d, [5, 95]), [row, row], "-", color="0.6")
        right.plot(np.median(d), row, "o", color="black")
    right.set(xlabel="shift of coefficients: median, 5 to 95 %", xlim=(0, None))
    right.set_yticks(range(len(distances)), list(distances))
    right.invert_yaxis()
    right.set_title("A bounded gradient bounds the shift")
    save_figure(figure, "outliers")


if __name__ == "__main__":
    run(main, __doc__)
