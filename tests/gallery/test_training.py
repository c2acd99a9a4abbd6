"""The experiments on embeddings, generators and what goes wrong in training hold their claims."""

import math
import warnings

import numpy as np
import pytest


def test_losses_on_pairs_and_triplets_beat_linear_maps(quick):
    found = quick("embeddings")
    # scikit-learn 1.9; LDA depends on the solver
    linear = {"PCA, 2 numbers": 0.618, "LDA, 2 numbers": 0.687, "LDA shrunk, 2 numbers": 0.662}
    for name, reference in {**linear, "the 64 pixels": 0.98}.items():
        assert found[name] == pytest.approx([reference], abs=0.005), name
    for name in ("contrastive, 2 numbers", "triplet, 2 numbers"):  # .92 after 10 times the steps
        assert min(found[name]) > max(linear.values()) + 0.05, name
    assert min(found["triplet, 8 numbers"]) > 0.92


def test_depth_activations_and_dead_relus(quick):
    found = quick("vanishing_gradients", "vanishing_gradients", "dying_relus")
    linear, relu, logistic = found["moons"].T
    np.testing.assert_allclose(linear, logistic, atol=0.01)
    assert all(relu > 0.97)
    shares = found["shares"]
    for depth in (2, 20):  # a layer of sigmoids leaves 1/4 at most, times its weights
        assert max(shares["sigmoid", depth]) < 0.3 ** (depth - 2)
        for activation in ("tanh", "relu"):
            assert all((shares[activation, depth] > 0.3) & (shares[activation, depth] < 3))
    # the dead in percent: few, in between, nearly all; it takes no training if biases are negative
    assert found["rate"][0.1].max() < 20 < found["rate"][1][:, 0].min()
    assert found["rate"][1][:, 0].max() < found["rate"][10].min()
    assert found["rate"][10].min() > 90
    first_layer = np.array([percent[:, 0] for percent in found["bias"].values()])
    assert (np.diff(first_layer, axis=0) >= 0).all()  # whatever is off at a bias stays off below it
    assert found["bias"][0.0].max() < 20
    assert found["bias"][-3.0].min() == 100
    first, _, second, relus, _ = found["died"]
    assert relus.dead == 1
    assert first.weight_gradient == second.weight_gradient == 0
    (why,) = found["why"]
    assert why.startswith("No gradient at layers.0")
    assert ".data" in why


def test_the_noise_of_a_batch_follows_the_formula(quick):
    found = quick("sgd_noise")
    np.testing.assert_allclose(found["ratios"], 1, atol=0.12)
    measured = found["noise"][:, :, 1]
    falls = np.sqrt([1 - 1 / 320, 1 / 16 - 1 / 320, 1 / 256 - 1 / 320])  # sqrt(1/B - 1/n)
    for i in (1, 2):
        np.testing.assert_allclose(measured[:, i] / measured[:, 0], falls[i] / falls[0], rtol=0.2)
    # nearly the same loss after as many updates, and a smaller one after as many samples
    updates, samples = np.moveaxis(list(found["losses"].values()), 2, 0)
    np.testing.assert_allclose(updates[1], updates[0], rtol=0.05)
    np.testing.assert_allclose(updates[2], updates[0], rtol=0.3)
    assert (samples[2] < 0.7 * samples[1]).all()
    assert (samples[1] < 0.97 * samples[0]).all()


def test_the_test_loss_turns_and_accuracy_does_not(quick):
    found = quick("overfitting")
    lowest, last, with_l2 = found["lowest"], found["last"], found["with L2"]
    assert (lowest[:, 0] < 100).all()
    assert (last[:, 1] < 0.1 * lowest[:, 1]).all()  # the training loss goes on falling
    assert (last[:, 2] > 1.02 * lowest[:, 2]).all()  # the test loss does not
    assert (found["after its lowest test loss"] > -0.5).all()
    assert (with_l2[:, 2] < last[:, 2]).all()
    assert (abs(found["by L2"]) < 2.5).all()


def test_mistakes_are_no_longer_silent(quick):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the example records its warning itself
        found = quick("silent_mistakes")
    floor = math.log(1 + 9 / math.e)
    assert floor == pytest.approx(1.461, abs=5e-4)
    assert min(min(run["curve"]) for run in found["twice"]) > floor
    assert max(run["curve"][-1] for run in found["once"]) < 0.5
    (warning,) = found["warnings"]
    assert "applies softmax itself" in warning
    assert "shape (442, 1) but target has shape (442,)" in found["refused"]
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
    sigmoid = 1 / (1 + np.exp(-np.array(found["at"])))
    np.testing.assert_allclose(found["gradients"]["saturating"], -sigmoid, rtol=1e-9)
    np.testing.assert_allclose(found["gradients"]["non-saturating"], sigmoid - 1, rtol=1e-9)
    assert found["gradients"]["saturating"][0] == pytest.approx(-4.5e-5, rel=0.01)
    assert found["gradients"]["non-saturating"][0] == pytest.approx(-0.99995, abs=1e-5)
    for name, steps in found["steps"].items():
        assert steps == pytest.approx(found["expected"][name], rel=0.02, abs=2), name
    assert found["steps"]["saturating"] > 50 * found["steps"]["non-saturating"]
