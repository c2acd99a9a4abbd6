"""Two classical models are losses: hinge + L2 is the SVM, cross-entropy + L2 logistic regression.

Claim: scikit-learn's LinearSVC and LogisticRegression minimize C times the sum of the losses plus
half the squared weights. Divided by C n, that is a mean loss + l2(strength=1 / (2 C n)), which
gradient descent minimizes as well. Here C = 1, on standardized data. The SVM also shrinks its bias.

The hinge has a kink, so that the SVM takes a subgradient: it needs ever smaller steps,
1 / (lambda (t + 1000)) with lambda = 1/n, and still jumps about; the mean over the second half of
the steps does not (Rakhlin, Shamir and Sridharan 2012, "Making Gradient Descent Optimal").
Cross-entropy is smooth: with steps of one size gradient descent comes as near as one likes.

In the picture: left, how far the objectives are above scikit-learn's. Right, how many samples of
the breast cancer data have a margin y s, positive if right, of at most so much. The hinge's curve
jumps at 1, where a sample begins to cost nothing: the SVM leaves it there. (Those at 1 or below are
its support vectors.) Cross-entropy goes on pushing, and its curve passes 1 without a jump.

Run it with

    python examples/svm_and_logistic.py

It takes five seconds, prints a table and saves examples/output/svm_and_logistic.png.
"""

import matplotlib.pyplot as plt
import numpy as np
from _common import print_table, run, save_figure
from sklearn.datasets import load_breast_cancer, load_iris
from tqdm import trange

from tinygrad_loss import Tensor, l2, losses
from tinygrad_loss.optim import GD

# The objectives of scikit-learn 1.9 at its solution, C = 1
REFERENCES = {
    "SVM, breast cancer": 0.04661924711,
    "logistic, breast cancer": 0.06636018622,
    "logistic, iris": 0.20919178841,
}


def standardized(load):
    X, y = load(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def minimize(objective, params, lr, steps, name):
    """Yield the objective before each step; ``lr`` is a function of the step."""
    optimizer = GD(params, lr(0))
    for step in trange(steps, desc=name, unit="step"):
        optimizer.lr = lr(step)
        loss = objective()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()


def svm(steps):
    """The objective before each step and of the averaged weights, and the margins of those."""
    X, y = standardized(load_breast_cancer)
    labels, n = 2 * y - 1, len(y)
    w = Tensor(np.zeros(X.shape[1]), requires_grad=True)
    b = Tensor(0.0, requires_grad=True)

    def objective():
        return losses.hinge(X @ w + b, labels) + l2([w, b], 1 / (2 * n))

    history, w_sum, b_sum = [], 0.0, 0.0
    for loss in minimize(objective, [w, b], lambda t: n / (t + 1000), steps, "SVM"):
        history.append(loss)
        if len(history) > steps // 2:
            w_sum, b_sum = w_sum + w.data, b_sum + b.data
    w.data, b.data = w_sum / (steps - steps // 2), b_sum / (steps - steps // 2)
    return history, objective().item(), labels * (X @ w.data + b.data)


def logistic(name, load, loss, outputs, steps):
    """The objective before each step, and the logits in the end."""
    X, y = standardized(load)
    W = Tensor(np.zeros((X.shape[1], *outputs)), requires_grad=True)
    b = Tensor(np.zeros(outputs), requires_grad=True)

    def objective():
        return loss(X @ W + b, y) + l2(W, 1 / (2 * len(y)))

    history = list(minimize(objective, [W, b], lambda t: 0.5, steps, name))
    return history, X @ W.data + b.data


def main(quick=False):
    """Train the three models, print the table, save the picture, return the numbers."""
    steps = 2_000 if quick else 10_000
    svm_history, svm_average, svm_margins = svm(steps)
    _, breast_name, iris_name = REFERENCES
    breast_history, logits = logistic(
        breast_name, load_breast_cancer, losses.binary_cross_entropy_with_logits, (), steps
    )
    logistic_margins = (2 * load_breast_cancer().target - 1) * logits
    iris_history, _ = logistic(iris_name, load_iris, losses.cross_entropy, (3,), steps // 2)
    histories = [svm_history, breast_history, iris_history]
    reached = [svm_average, histories[1][-1], histories[2][-1]]
    found = dict(zip(REFERENCES, reached, strict=True))
    above = {name: found[name] / reference - 1 for name, reference in REFERENCES.items()}
    print("\nThe objective, beside scikit-learn's")
    print_table(
        ("model", "steps", "measured", "reference", "above by"),
        [
            (name, str(len(history)), f"{found[name]:.10f}", f"{reference:.10f}", above[name])
            for history, (name, reference) in zip(histories, REFERENCES.items(), strict=True)
        ],
    )
    draw(dict(zip(REFERENCES, histories, strict=True)), above, svm_margins, logistic_margins)
    return {"objectives": found, "above": above, "margins": (svm_margins, logistic_margins)}


def draw(histories, above, svm_margins, logistic_margins):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2))
    for name, history in histories.items():
        left.loglog(np.maximum(np.array(history) / REFERENCES[name] - 1, 1e-12), label=name)
    svm_name = next(iter(histories))
    left.plot(len(histories[svm_name]), above[svm_name], "o", color="black", label="SVM, averaged")
    left.set(xlabel="step", ylabel="relative excess", ylim=(1e-9, 1e2))
    left.set_title("Objective above scikit-learn's")
    left.legend(loc="lower left")
    for margins, label in ((svm_margins, "hinge"), (logistic_margins, "cross-entropy")):
        right.step(np.sort(margins), np.arange(1, len(margins) + 1), where="post", label=label)
    right.axvline(1, color="0.8", linestyle="-", linewidth=0.8, zorder=0)
    right.set(xlim=(-2.2, 3), ylim=(0, 90), xlabel="margin y s", ylabel="samples below it")
    right.set_title("Margins, breast cancer")
    right.legend(loc="upper left")
    save_figure(figure, "svm_and_logistic")


if __name__ == "__main__":
    run(main, __doc__)
