"""The experiments on the learning rate and on what the first layer learns hold their claims."""

import importlib

import numpy as np
import pytest


def test_the_largest_eigenvalue_sets_the_limit_of_the_rate(quick):
    found = quick("learning_rates")
    np.testing.assert_allclose(found["hessian"], found["by hand"], rtol=1e-12)
    limit = 2 / np.linalg.eigvalsh(found["hessian"])[-1]
    assert limit == pytest.approx(0.44965, abs=5e-6)  # lesson 8: 2 / 4.44792
    for rate, losses in found["excess"].items():
        assert losses[300] == pytest.approx(found["expected"][rate], rel=1e-6, abs=1e-13)
        falls = losses[300] < losses[100] < losses[0]
        assert falls == (rate < limit), rate
    end = {rate: losses[300] for rate, losses in found["excess"].items()}
    assert end[0.1] < 1e-6 < end[0.03] < 1e-2 < end[0.003]  # the smaller, the slower
    assert end[0.449] > 1  # and just below the limit it is slow again

    # Rates that fall end lower than a constant rate, each from its best one; but not from
    # a rate that is too small
    for schedule in ("steps", "linear", "cosine", "warm-up"):
        assert found["best"][schedule] >= found["best"]["constant"]
        assert found["lower"][schedule] == 2
        assert np.all(found["ends"][schedule][0] < found["ends"]["constant"][0])
        assert np.all(found["from 0.05"][schedule] > found["from 0.05"]["constant"])


def test_schedules_are_those_of_the_lesson(quick):
    schedules = importlib.import_module("learning_rates").SCHEDULES
    share = np.arange(100) / 100
    expected = {
        "constant": np.ones(100),
        "steps": np.select([share < 0.5, share < 0.75], [1, 0.1], 0.01),
        "linear": 1 - share,
        "cosine": (1 + np.cos(np.pi * share)) / 2,
        "warm-up": np.where(share < 0.1, 10 * share, (1 + np.cos(np.pi * (share - 0.1) / 0.9)) / 2),
    }
    for name, rates in expected.items():
        measured = [schedules[name](k, 100, 3.0) for k in range(100)]
        np.testing.assert_allclose(measured, 3 * rates, atol=1e-12, err_msg=name)


def test_weights_at_blank_pixels_follow_the_penalty_alone(quick):
    from sklearn.datasets import load_digits

    found = quick("first_layer")
    always = np.flatnonzero(np.all(load_digits().data == 0, axis=0))
    rates = found["rates"]
    for start, end, blank, _ in found["runs"]["no penalty"]:
        assert blank[always].all()
        assert not blank.all()
        np.testing.assert_array_equal(end[blank], start[blank])
        assert np.mean(end[~blank] != start[~blank]) > 0.9
    for start, end, blank, _ in found["runs"]["L2"]:
        left = np.prod(1 - 2 * rates * 2e-3)
        np.testing.assert_allclose(end[blank], left * start[blank], rtol=1e-12)
    for start, end, blank, _ in found["runs"]["L1"]:
        left = np.maximum(np.abs(start[blank]) - np.sum(rates) * 1e-3, 0)
        np.testing.assert_allclose(end[blank], np.sign(start[blank]) * left, atol=1e-14)
        assert np.mean(end == 0) > 0
    looks = found["found"]
    assert looks["random start"]["roughness"] == pytest.approx([1, 1], abs=0.1)
    for what in ("correlation", "roughness"):
        assert np.all(np.less(looks["L2"][what], looks["no penalty"][what])), what
    assert np.all(np.greater(looks["L2"]["likeness"], looks["no penalty"]["likeness"]))
    assert max(looks["L2"]["likeness"]) < 0.75
