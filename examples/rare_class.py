# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""Focal loss attends to a rare class: what it costs is sure, what it gains is not.

Where one sample in 100 is positive, cross-entropy is busy with the 99. The focal loss (Lin et al.
2017, "Focal Loss for Dense Object Detection") weighs each sample by (1 - p)^2, p being the
probability of its true class, so that what is right already counts little. alpha weighs the
positives; mind that 0.25, the paper's choice, weighs them *down*.

It is compared with cross-entropy on seven data sets (random states 0 to 6 of scikit-learn's
make_classification): 20,000 samples, 10 features, three quarters for training; a 10-32-1 network,
Adam (lr 0.02), batches of 1024, two seeds on each.

1. The price holds in every run: the probabilities are no longer true. After 32 epochs the log-loss
   on test data is 1.5 to 6.2 times that of cross-entropy, median 2.4. By how much they are wrong
   can be calculated. Where a share q of the samples is positive, cross-entropy is least at p = q,
   and the focal loss elsewhere: where it says one in three, one in seven is. So it can be undone:
   the log-loss of q(p) is 0.92 to 1.2 times cross-entropy's. (Charoenphakdee et al. 2021, "On Focal
   Loss for Class-Posterior Probability Estimation")
2. The gain does not: that it finds the rare class better. With the threshold 1/2, F1 is higher on 5
   of 7 data sets after 16 epochs and on 6 of 7 after 32, and on the others lower. (A coin shows
   heads in 5 or more of 7 tosses in 23 of 100 cases.) Other machines, batches or learning rates
   give other counts: one or two data sets change sides.
3. alpha moves the threshold. Said with alpha = .75, p = 1/2 means a share of 1/4, and with .25 one
   of 3/4, so that few samples are called positive: after 16 epochs F1 is lower on 7 of 7 data sets.

In the picture: left, F1 against that of cross-entropy; each marker is a data set. Right, the share
of positives among the test samples of which the network says p (markers), and what it should be by
calculation (lines).

Run it with

    python examples/rare_class.py

It takes half a minute, prints a table and saves examples/output/rare_class.png.
"""

from functools import partial

import numpy as np
from _common import plt, print_table, run, save_figure, spread
from sklearn.datasets import make_classification
from sklearn.metrics import f1_score, log_loss
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import tinygrad_loss as tl
from tinygrad_loss import data, losses, nn, optim


def true_share(p, alpha=0.5):
    """The share q of positives at which the expected focal loss is least at p.

    There q times the slope of a positive's loss and 1 - q times that of a negative's add up to 0.
    """

    def slope(p):  # of (1 - p)^2 (-log p)
        return (1 - p) * (2 * np.log(p) - (1 - p) / p)

    positive, negative = alpha * slope(p), (alpha - 1) * slope(1 - p)
    return negative / (negative - positive)


# name: loss, share of positives where the network says p
LOSSES = {
    "cross-entropy": (losses.binary_cross_entropy_with_logits, lambda p: p),
    "focal": (losses.binary_focal, true_share),
    "focal, alpha .75": (partial(losses.binary_focal, alpha=0.75), partial(true_share, alpha=0.75)),
    "focal, alpha .25": (partial(losses.binary_focal, alpha=0.25), partial(true_share, alpha=0.25)),
}


def load(random_state):
    X, y = make_classification(
        20000, n_features=10, n_informative=4, n_redundant=2, weights=[0.99], flip_y=0,
        random_state=random_state,
    )  # fmt: skip
    X, X_test, y, y_test = train_test_split(X, y, random_state=0, stratify=y)
    mean, std = X.mean(axis=0), X.std(axis=0)
    X, X_test = ((x - mean) / std for x in (X, X_test))
    return X.astype(np.float32), X_test.astype(np.float32), y, y_test


def train(loss, seed, epochs, X, X_test, y):
    """The probabilities of the test samples after half of the epochs, and after all."""
    rng = np.random.default_rng(seed)
    model = nn.MLP([10, 32, 1], activation="relu", rng=rng, dtype=np.float32)
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    for epoch in range(1, epochs + 1):
        for rows, labels in data.minibatches(X, y, 1024, rng=rng):
            optimizer.zero_grad()
            loss(model(rows).reshape(-1), labels).backward()
            optimizer.step()
        if epoch in (epochs // 2, epochs):
            with tl.no_grad():
                yield tl.sigmoid(model(X_test).data[:, 0].astype(float))


def judge(half, p, y, share):
    """F1 with the threshold 1/2 after half of the epochs and all, log-loss, and that of q(p)."""
    return f1_score(y, half > 0.5), f1_score(y, p > 0.5), log_loss(y, p), log_loss(y, share(p))


def compare(scores, others):
    """F1 less that of others for each data set, and log-losses divided by theirs for each run."""
    half, f1 = (scores - others)[..., :2].mean(axis=1).T
    log_losses, undone = (scores[..., 2:] / others[..., 2:]).reshape(-1, 2).T
    return {"F1 at half": half, "F1": f1, "log-loss": log_losses, "undone": undone}


def main(quick=False):
    """Train everything, print the table, save the picture, return the numbers."""
    sets, seeds, epochs = (2, 1, 4) if quick else (7, 2, 32)
    scores = np.zeros((len(LOSSES), sets, seeds, 4))
    said, truth = {name: [] for name in LOSSES}, []
    with tqdm(total=len(LOSSES) * sets * seeds, desc="training", unit="net") as progress:
        for i in range(sets):
            X, X_test, y, y_test = load(random_state=i)
            truth += [y_test] * seeds
            for k, (name, (loss, share)) in enumerate(LOSSES.items()):
                for seed in range(seeds):
                    runs = list(train(loss, seed, epochs, X, X_test, y))
                    scores[k, i, seed] = judge(*runs, y_test, share)
                    said[name].append(runs[-1])
                    progress.update()
    found = {name: compare(s, scores[0]) for name, s in zip(LOSSES, scores, strict=True)}
    del found["cross-entropy"]
    report(found, epochs)
    draw(found, said, np.concatenate(truth), epochs)
    return found


def report(found, epochs):
    def gain(values):
        return f"{spread(values, '+.2f')}, higher in {sum(values > 0)} of {len(values)}"

    print("\nAgainst cross-entropy: median (smallest to largest)")
    print_table(
        ("loss", f"F1, {epochs // 2} epochs", f"F1, {epochs} epochs", "log-loss, times", "undone"),
        [
            (
                name,
                *(gain(r[key]) for key in ("F1 at half", "F1")),
                *(spread(r[key], ".2f") for key in ("log-loss", "undone")),
            )
            for name, r in found.items()
        ],
    )


def draw(found, said, truth, epochs):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4))
    left.axhline(0, color="0.6", linewidth=0.8, linestyle="-")
    for i, (key, n) in enumerate({"F1 at half": epochs // 2, "F1": epochs}.items()):
        for k, r in enumerate(found.values()):
            places = np.full(len(r[key]), k + (-0.15, 0.15)[i])
            label = f"{n} epochs" if k == 0 else None
            left.plot(places, r[key], "o^"[i], color=f"C{i}", alpha=0.7, label=label)
    left.set_xticks(range(len(found)), [name.split(", ")[-1] for name in found])
    left.set(xlim=(-0.5, 2.5), ylabel="F1 less that of cross-entropy")
    left.set_title("F1 is not higher on every data set")
    left.legend(loc="lower left")

    p, cuts = np.linspace(1e-3, 1 - 1e-3, 200), np.linspace(0, 1, 9)[1:-1]
    for (name, (_, share)), marker in zip(LOSSES.items(), "os^v", strict=True):
        curve = right.plot(p, share(p), linewidth=1)[0]
        values = np.concatenate(said[name])
        bins = [np.digitize(values, cuts) == i for i in range(8)]
        bins = [b for b in bins if b.sum() >= 30]  # a share of fewer is mostly chance
        places, shares = [values[b].mean() for b in bins], [truth[b].mean() for b in bins]
        right.plot(places, shares, marker, color=curve.get_color(), markersize=4, label=name)
    right.plot([], [], "-", color="0.4", linewidth=1, label="by calculation")
    right.set(xlabel="the network says p", ylabel="share of positives")
    right.set_title("Where focal loss says 1/3, one in seven is")
    right.legend(loc="lower right", fontsize=8, handlelength=1.5)
    save_figure(figure, "rare_class")


if __name__ == "__main__":
    run(main, __doc__)
