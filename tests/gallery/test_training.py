"""The experiments on embeddings, generators and what goes wrong in training hold their claims."""

import math
import warnings

import numpy as np
import pytest


def test_losses_on_pairs_and_triplets_beat_linear_maps(quick):
    # references: PCA .618 and LDA .662 in two dimensions; pixels .98 (scikit-learn 1.9)
    scores = quick("embeddings")
    assert scores["PCA, 2 numbers"] == pytest.approx(0.618, abs=0.005)
    assert scores["the 64 pixels"] == pytest.approx(0.98, abs=0.005)
    linear = max(scores["PCA, 2 numbers"], scores["LDA, 2 numbers"])
    assert scores["contrastive, 2 numbers"] > linear + 0.15
    assert scores["triplet, 2 numbers"] > linear + 0.15
    assert scores["triplet, 8 numbers"] > 0.95


def test_depth_activations_and_dead_relus(quick):
    found = quick("vanishing_gradients", "vanishing_gradients", "dying_relus")
    accuracy = found["accuracy"]
    assert accuracy["linear"] == pytest.approx(accuracy["logistic"], abs=0.01)
    assert accuracy["relu"] > accuracy["linear"] + 0.05
    shares = found["shares"]
    assert shares["sigmoid", 20] < 1e-9 < shares["sigmoid", 10] < 1e-4
    for activation in ("tanh", "relu"):
        assert all(0.1 < shares[activation, depth] < 10 for depth in (2, 5, 10, 20))
    assert max(found["rate"][0.1]) < 0.2
    assert min(found["rate"][10]) == 1.0
    first_layer = [share for share, _ in found["bias"].values()]
    assert first_layer == sorted(first_layer)
    assert first_layer[-1] == 1.0
    (why,) = found["why"]
    assert why.startswith("No gradient at layers.0")
    assert ".data" in why


def test_the_noise_of_a_batch_follows_the_formula(quick):
    found = quick("sgd_noise")
    for size, (measured, formula) in found["noise"].items():
        assert measured == pytest.approx(formula, rel=0.12), size
    # for the same price, small batches have learned more; for the same updates, hardly less
    assert found["after_one_pass"][8] < found["after_one_pass"][64] < found["after_one_pass"][1347]
    assert found["after_updates"][8] == pytest.approx(found["after_updates"][1347], rel=0.3)


def test_the_test_loss_turns_and_accuracy_does_not(quick):
    found = quick("overfitting")
    (_, lowest, accuracy), (train_loss, test_loss, last_accuracy) = found["lowest"], found["last"]
    assert train_loss < 1e-3
    assert test_loss > 1.1 * lowest
    assert last_accuracy >= accuracy
    assert found["penalized"][1] < lowest


def test_mistakes_are_no_longer_silent(quick):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the example records its warning itself
        found = quick("silent_mistakes")
    floor = math.log(1 + 9 / math.e)
    assert floor == pytest.approx(1.461, abs=5e-4)
    assert found["twice"] > floor > 1.0 > found["once"]
    (warning,) = found["warnings"]
    assert "applies softmax itself" in warning
    assert "shape (442, 1) but target has shape (442,)" in found["message"]
    # Var(y) = 5929.88 and R2 = 0 where shapes were broadcast; least squares else (scikit-learn 1.9)
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import LinearRegression

    X, y = load_diabetes(return_X_y=True)
    residual = y - LinearRegression().fit(X, y).predict(X)
    assert found["loss"] == pytest.approx((np.mean(residual**2), np.var(y)), rel=1e-3)
    assert found["loss"][1] == pytest.approx(5929.88, abs=0.01)
    assert found["r2"][1] == pytest.approx(0, abs=1e-9)
    assert found["largest_coefficient"] < 1e-6


def test_the_saturating_loss_has_no_gradient_when_the_discriminator_wins(quick):
    found = quick("saturating_generator")
    assert found["gradients"]["saturating"] == pytest.approx(-4.5e-5, rel=0.01)
    assert found["gradients"]["non-saturating"] == pytest.approx(-0.99995, abs=1e-5)
    for name, steps in found["steps"].items():
        assert steps == pytest.approx(found["expected"][name], rel=0.02, abs=2), name
    assert found["steps"]["saturating"] > 50 * found["steps"]["non-saturating"]
