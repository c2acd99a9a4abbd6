"""Each unseen mistake shows where it is said to, and the tables on losses are right, row by row."""

import importlib
import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_loss as tl
from tests.loss_cases import LOSS_ROWS
from tinygrad_loss import losses, nn, optim

from .pages import EXAMPLES, PAGES
from .published import MEASURED

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


@pytest.fixture
def example(monkeypatch):
    for package in ("matplotlib", "matplotlib_fontja", "sklearn", "tqdm"):
        pytest.importorskip(package)
    monkeypatch.setattr(sys, "path", [str(EXAMPLES), *sys.path])
    return importlib.import_module("unseen_mistakes")


# --- the mistakes ---------------------------------------------------------------------------------
def test_each_mistake_shows_where_it_is_said_to(quick):
    right, wrong = {}, {}
    for names, both in quick("unseen_mistakes").items():
        right[names], wrong[names] = map(np.array, both)
    loss = "training loss"
    for name in ("no zero_grad(), SGD", "no zero_grad(), Adam"):  # falls, then rises
        assert (wrong[name, loss] > 2 * wrong[name, "its lowest"]).all()
        assert (wrong[name, "its lowest"] < 1.5).all()
    assert (wrong["no zero_grad(), momentum", loss] > 10).all()
    name = "no zero_grad(), all data"
    assert (wrong[name, loss] < right[name, loss] / 4).all()
    assert (wrong[name, "accuracy"] > right[name, "accuracy"]).all()
    name = "another's parameters", "change of the loss"
    assert (wrong[name] == 0).all()
    assert (right[name] > 1).all()
    name = "penalty on arrays", "effect on a weight"
    assert (wrong[name] == 0).all()
    assert (right[name] > 0.1).all()
    name = "penalty subtracted"
    assert (wrong[name, "step below 0"] < 40).all()
    assert np.isnan(right[name, "step below 0"]).all()
    assert (wrong[name, "accuracy"] > 0.9).all()
    name = "targets shuffled"
    assert (wrong[name, loss] < math.log(10)).all()
    assert (wrong[name, "test loss"] > math.log(10)).all()
    assert (wrong[name, "accuracy"] < 0.2).all()
    assert wrong["pixels up to 255", loss] == pytest.approx(math.log(10), abs=0.01)
    name = "no eval()"
    assert (wrong[name, "two calls differ"] > 0.2).all()
    assert (right[name, "two calls differ"] == 0).all()
    assert (wrong[name, "accuracy"] < right[name, "accuracy"] - 0.1).all()


class Frictionless(optim.Optimizer):
    """Momentum of 1, which SGD refuses."""

    def update(self, i, w, g):
        self._velocity = getattr(self, "_velocity", {})
        self._velocity[i] = self._velocity.get(i, 0) + g
        w -= self.lr * self._velocity[i]


def test_without_zero_grad_sgd_is_momentum_of_1(example):
    summed = example.train(0, 2, **example.SGD, zero_grad=False)
    rolling = example.train(0, 2, optimizer=lambda params: Frictionless(params, lr=0.1))
    assert rolling["curves"][0] == pytest.approx(summed["curves"][0], rel=1e-9)
    assert rolling["weights"] == pytest.approx(summed["weights"], rel=1e-9)


def test_with_the_penalty_subtracted_the_weights_grow_as_the_recurrence_does(example):
    # Far out, cross-entropy has no gradient: w_next = w + 0.9 (w - w_last) + lr 2 strength w.
    a = 1.9 + 0.1 * 2 * 0.003
    factor = (a + math.sqrt(a**2 - 4 * 0.9)) / 2
    before, after = (
        np.linalg.norm(example.train(0, epochs, penalty="subtracted")["weights"])
        for epochs in (19, 20)
    )
    assert after / before == pytest.approx(factor**14, rel=2e-3)  # 14 steps make an epoch


@pytest.mark.parametrize("zero_grad_first", [True, False])
def test_a_model_made_again_is_noticed(zero_grad_first):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((8, 3)), rng.integers(0, 2, 8)
    model = nn.MLP([3, 2], rng=rng)
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    def step():
        if zero_grad_first:
            optimizer.zero_grad()
        tl.cross_entropy(model(X), y).backward()
        optimizer.step()
        if not zero_grad_first:
            optimizer.zero_grad()

    step()
    model = nn.MLP([3, 2], rng=rng)
    with pytest.raises(RuntimeError, match="another model's parameters"):
        step()


# --- the tables of README.md and of the gallery ---------------------------------------------------
def table(first):
    """The table whose first column is named so: the other cells by the first."""
    (text,) = [
        found
        for page in (README, PAGES["README.md"])
        for found in re.findall(rf"^\| {re.escape(first)} \|.*\n(?:\|.*\n)+", page, re.MULTILINE)
    ]
    lines = [line[2:-2].split(" | ") for line in text.splitlines()]
    assert len(lines) > 6
    return {first: others for first, *others in lines[2:]}


def wrong_when(beginning):
    """The row of the table "Your loss is wrong when" that begins so, as one text."""
    (row,) = [
        " | ".join((first, *others))
        for first, others in table("it is").items()
        if first.startswith(beginning)
    ]
    return row


def test_the_mistakes_have_the_numbers_of_the_gallery():
    published = {n.text for n in MEASURED["unseen_mistakes"]}
    symptoms = " ".join(symptom for (symptom,) in table("the mistake").values())
    assert re.findall(r"\d{2,}|\d\.\d+", symptoms) == ["352"]
    assert "352" in published
    (heading,) = re.findall(r"^### (Seven mistakes.*)$", PAGES["README.md"], re.MULTILINE)
    address = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    assert f"(examples/README.md#{address})" in README


def test_each_row_of_your_loss_is_wrong_when_is_known():
    found = [first.split(" (")[0] for first in table("it is")]
    assert found == [
        "stuck at ln C", "stuck at Var(y), R² = 0", "stuck at the margin",
        "stuck at 1.461 with 10 classes", "stuck at 1.386 = 2 ln 2", "rising after it fell",
        "negative", "NaN", "falling, while the metric does not improve",
    ]  # fmt: skip


def test_nothing_learned_is_ln_c():
    said = re.findall(r"([\d.]+) for (\d+)", wrong_when("stuck at ln C"))
    assert len(said) == 2
    for value, classes in said:
        equal = np.full((4, int(classes)), 7.0)
        assert f"{tl.cross_entropy(equal, [0, 1, 0, 1]):.3f}" == value


@pytest.mark.parametrize(("largest", "rate"), [(255, 0.1), (1, 10.0)])
def test_unscaled_inputs_and_a_large_learning_rate_kill_all_relus(example, largest, rate):
    X, y = example.IMAGES[:500] / 16 * largest, example.LABELS[:500]
    net = nn.MLP([64, 32, 10], rng=np.random.default_rng(0))
    optimizer = optim.GD(net.parameters(), lr=rate)
    for _ in range(200):
        optimizer.zero_grad()
        loss = tl.cross_entropy(net(X), y)
        loss.backward()
        optimizer.step()
    assert loss.item() == pytest.approx(math.log(10), abs=0.01)
    with tl.watch(net) as watched:
        tl.cross_entropy(net(X), y).backward()
    assert "100% of its ReLUs are dead" in str(watched)


def test_the_mean_costs_the_variance():
    assert "Var(y), R² = 0" in wrong_when("stuck at Var(y)")
    y = np.random.default_rng(0).gamma(2.0, size=(50, 1))
    assert tl.mean_squared_error(np.full((50, 1), y.mean()), y) == pytest.approx(y.var())
    with pytest.raises(ValueError, match=r"\(50, 1\) but target has shape \(50,\)"):
        tl.mean_squared_error(np.zeros((50, 1)), y.ravel())
    datasets = pytest.importorskip("sklearn.datasets")
    X, y = datasets.load_diabetes(return_X_y=True, scaled=False)
    net = nn.MLP([10, 32, 1], rng=np.random.default_rng(0))
    optimizer = optim.GD(net.parameters(), lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        loss = tl.mean_squared_error(net(X), y.reshape(-1, 1))
        loss.backward()
        optimizer.step()
    assert loss.item() == pytest.approx(y.var(), rel=1e-9)


def test_equal_scores_and_embeddings_cost_the_margin():
    row, equal = wrong_when("stuck at the margin"), np.full((4, 3), 2.0)
    for name in ("triplet", "multiclass_hinge", "weston_watkins", "(C-1) times", "ln(2N-1)"):
        assert name in row
    margin = 0.7
    assert tl.triplet(equal, equal, equal, margin=margin) == pytest.approx(margin)
    assert tl.multiclass_hinge(equal, [0, 1, 2, 0], margin=margin) == pytest.approx(margin)
    summed = tl.multiclass_hinge(equal, [0, 1, 2, 0], margin=margin, kind="weston_watkins")
    assert summed == pytest.approx((3 - 1) * margin)
    assert tl.nt_xent(equal, equal) == pytest.approx(math.log(2 * 4 - 1))


def test_softmax_twice_has_a_floor():
    value, classes = re.search(r"([\d.]+) with (\d+)", wrong_when("stuck at 1.461")).groups()
    certain_and_right = np.eye(int(classes))
    with pytest.warns(UserWarning, match="applies softmax itself"):
        floor = tl.cross_entropy(certain_and_right, np.arange(int(classes)))
    assert f"{floor:.3f}" == value
    assert floor == pytest.approx(math.log(1 + (int(classes) - 1) / math.e))


def test_a_discriminator_that_cannot_tell_costs_2_ln_2():
    value = re.search(r"stuck at ([\d.]+) = 2 ln 2", wrong_when("stuck at 1.386")).group(1)
    assert f"{tl.discriminator(np.zeros(3), np.zeros(4)):.3f}" == value == f"{2 * math.log(2):.3f}"


def test_only_these_losses_are_ever_negative():
    row = wrong_when("negative").partition(" may be")[0]
    may_be = set(re.findall(r"`(\w+)`", row)) | {"wasserstein_critic", "wasserstein_generator"}
    assert "the Wasserstein losses" in row
    assert {name for name, *_ in LOSS_ROWS} | {"gradient_penalty"} == set(losses.__all__)
    negative = set()
    for name, draws, _, options in LOSS_ROWS:
        for scale in (0, 1e-3, 1, 30, 1e4):
            rng = np.random.default_rng(0)
            for _ in range(20):
                inputs = [
                    draw(rng) * (scale if draw.__name__ in ("real", "column") else 1)
                    for draw in draws
                ]
                with np.errstate(over="ignore"):
                    loss = getattr(tl, name)(*inputs, **{**options, "reduction": "none"})
                if (loss < 0).any():
                    negative.add(name)
    for slope in (0.0, 1.0, 3.0):
        w, points = np.full((2, 1), slope), np.ones((4, 2))
        penalty = tl.gradient_penalty(lambda x, w=w: x @ w, points, 2 * points, rng=rng)
        assert penalty.item() >= 0
    assert negative == may_be


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("cross_entropy", ([[0.0, 2.0]], [2])),
        ("cross_entropy", ([[0.0, 2.0]], [[-0.5, 1.5]])),
        ("cross_entropy_from_probs", ([[0.5, 1.5]], [1])),
        ("binary_cross_entropy", ([0.5], [2])),
        ("binary_cross_entropy_with_logits", ([3.0], [2])),
        ("binary_focal", ([3.0], [-1])),
        ("kl_divergence", ([[-1.0, -1.0]], [[0.5, 0.5]])),
        ("poisson_nll", ([0.0], [-1])),
        ("hinge", ([0.0], [0])),
    ],
)
def test_targets_that_would_make_a_loss_negative_are_refused(name, inputs):
    assert "which this library refuses" in wrong_when("negative")
    with pytest.raises(ValueError, match=f"^{name}: "):
        getattr(tl, name)(*inputs)


def test_where_nan_comes_from():
    row = wrong_when("NaN")
    assert "a weight of 0" in row
    assert "subtracted from another" in row
    large = np.array([[3e38, -3e38], [1.0, 0.0]], np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        found = [
            tl.mean_squared_error([np.nan, 1.0], [0.0, 1.0]),
            tl.mean_squared_error([0.0, 1.0], [np.nan, 1.0]),
            tl.cross_entropy(large, [1, 0], weight=[1.0, 0.0]),
            tl.cross_entropy(large, [1, 0], sample_weight=[0.0, 1.0]),
            tl.focal(large, [1, 0], alpha=[1.0, 0.0]),
            tl.wasserstein_critic([1e308, 1e308], [1e308, 1e308]),
        ]
        assert np.isnan(found).all()
        assert tl.cross_entropy(large, [1, 0]) == np.inf


# For each row of "Which loss for what": the losses, what they take, and what they refuse.
N, C, D = 4, 3, 2
FLAT, COLUMN, LOGITS, POINTS = np.zeros(N), np.zeros((N, 1)), np.zeros((N, C)), np.eye(N, D)
PROBS, CLASSES, SIGNS = np.full((N, C), 1 / C), np.array([0, 1, 2, 0]), np.array([-1, 1, 1, -1])
BITS = np.array([0, 1, 1, 0])
GUIDE = {
    "a number": {"mean_squared_error": ((COLUMN, COLUMN), [(COLUMN, FLAT)])},
    "a number, targets with outliers": {
        name: ((COLUMN, COLUMN), [(COLUMN, FLAT)])
        for name in ("huber", "mean_absolute_error", "log_cosh")
    },
    "a quantile, an interval": {"pinball": ((FLAT, FLAT), [(COLUMN, FLAT)])},
    "a number, and how sure": {
        "gaussian_nll": ((FLAT, FLAT, FLAT), [(COLUMN, COLUMN, FLAT), (COLUMN, FLAT, COLUMN)]),
    },
    "a count": {"poisson_nll": ((FLAT, BITS), [(FLAT, BITS + 0.5), (FLAT, BITS - 1)])},
    "one of C classes": {
        "cross_entropy": (
            (LOGITS, CLASSES), [(LOGITS, CLASSES + 1), (LOGITS, CLASSES.astype(float))],
        ),
    },
    "one of C, soft or distilled labels": {
        "cross_entropy": ((LOGITS, PROBS), [(LOGITS, 2 * PROBS)]),
        "kl_divergence": ((np.log(PROBS), PROBS), [(LOGITS, PROBS), (np.log(PROBS), CLASSES)]),
    },
    "yes or no; several labels at once": {
        "binary_cross_entropy_with_logits": ((FLAT, BITS), [(FLAT, SIGNS), (COLUMN, BITS)]),
    },
    "rare classes": {
        "focal": ((LOGITS, CLASSES), [(LOGITS, PROBS), (LOGITS, CLASSES + 1)]),
        "binary_focal": ((FLAT, BITS), [(FLAT, SIGNS), (COLUMN, BITS)]),
    },
    "a decision with a margin (SVM)": {
        name: ((FLAT, SIGNS), [(FLAT, BITS), (COLUMN, SIGNS)])
        for name in ("hinge", "squared_hinge")
    },
    "the same, C classes": {
        "multiclass_hinge": ((LOGITS, CLASSES), [(LOGITS, PROBS), (LOGITS, CLASSES + 1)]),
    },
    "pairs, similar or not": {
        "contrastive": ((POINTS, POINTS, BITS), [(POINTS, POINTS, SIGNS)]),
        "cosine_embedding": ((POINTS, POINTS, SIGNS), [(POINTS, POINTS, BITS)]),
    },
    "nearer to this than to that": {
        "triplet": ((POINTS, POINTS, POINTS), [(POINTS, POINTS, POINTS[:2])]),
    },
    "no labels, two views of each sample": {
        "nt_xent": ((POINTS, POINTS), [(POINTS, POINTS[:2]), (POINTS[:1], POINTS[:1])]),
    },
    "samples like these": {
        "discriminator": ((COLUMN, FLAT), []),
        "generator_non_saturating": ((COLUMN,), []),
        "wasserstein_critic": ((COLUMN, FLAT), []),
        "gradient_penalty": ((lambda x: x @ np.ones((D, 1)), POINTS, POINTS), []),
        "wasserstein_generator": ((COLUMN,), []),
    },
    "probabilities from elsewhere": {
        "cross_entropy_from_probs": ((PROBS, CLASSES), [(LOGITS, CLASSES), (PROBS, CLASSES + 1)]),
        "binary_cross_entropy": ((FLAT, BITS), [(FLAT + 2, BITS), (FLAT, SIGNS)]),
    },
}  # fmt: skip
OPTIONS = {"pinball": {"quantile": 0.9}, "gradient_penalty": {"rng": np.random.default_rng(0)}}


@pytest.mark.parametrize("task", GUIDE)
def test_the_guide_to_losses(task):
    _, said, _, _ = table("task")[task]
    assert set(re.findall(r"`(\w+)", said)) & set(losses.__all__) == set(GUIDE[task])
    for name, (good, bad) in GUIDE[task].items():
        f, options = getattr(tl, name), OPTIONS.get(name, {})
        assert math.isfinite(tl.Tensor(0.0) + f(*good, **options))
        for inputs in bad:
            with pytest.raises(ValueError, match=f"^{name}: "):
                f(*inputs, **options)


def test_the_guide_has_no_other_rows():
    assert list(table("task")) == list(GUIDE)


def test_what_the_guide_says_to_watch_for():
    notes = {task: cells[-1] for task, cells in table("task").items()}
    rng = np.random.default_rng(0)
    e = rng.standard_normal(50)

    assert "`delta` is in units of the target" in notes["a number, targets with outliers"]
    scaled = tl.huber(1000 * e, np.zeros(50), delta=700.0)
    assert scaled == pytest.approx(1000**2 * tl.huber(e, np.zeros(50), delta=0.7))

    assert "a density may exceed 1" in notes["a number, and how sure"]
    assert tl.gaussian_nll([0.0], [math.log(0.01)], [0.0]) < 0

    assert "its exponential is the rate" in notes["a count"]
    costs = [tl.poisson_nll([math.log(rate)], [7]) for rate in (6.9, 7.0, 7.1)]
    assert min(costs) == costs[1]

    assert "stops at the entropy of the target" in notes["one of C, soft or distilled labels"]
    p = rng.dirichlet(np.ones(3), 5)
    assert tl.cross_entropy(np.log(p), p) == pytest.approx(-(p * np.log(p)).sum(axis=1).mean())
    assert tl.kl_divergence(np.log(p), p) == pytest.approx(0, abs=1e-15)

    assert "`alpha=0.25` weights positives *down*" in notes["rare classes"]
    positive, negative = tl.binary_focal([0.0, 0.0], [1, 0], alpha=0.25, reduction="none")
    assert positive == pytest.approx(negative / 3)

    assert "labels 0 and 1 are refused: `2*y - 1`" in notes["a decision with a margin (SVM)"]
    with pytest.raises(ValueError, match=r"2\*y - 1"):
        tl.hinge(FLAT, BITS)

    assert "labels that start at 1; a softmax of your own" in notes["one of C classes"]
    with pytest.raises(ValueError, match="Labels that start at 1"):
        tl.cross_entropy(LOGITS, CLASSES + 1)
    with pytest.warns(UserWarning, match="pass what went into yours"):
        tl.cross_entropy(PROBS, CLASSES)

    assert "collapse to a point" in notes["nearer to this than to that"]
    same = tl.Tensor(np.ones((4, 2)), requires_grad=True)
    tl.triplet(same, same, same).backward()
    assert not same.grad.any()
