"""Minibatches are a partition of the rows; the ring of Gaussians is where it says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_loss.data import minibatches, ring_of_gaussians


def rng(seed=0):
    return np.random.default_rng(seed)


@settings(max_examples=50, deadline=None)
@given(n=st.integers(1, 40), batch_size=st.integers(1, 50), drop_last=st.booleans())
def test_minibatches_partition_the_rows_and_keep_pairs_together(n, batch_size, drop_last):
    X, y = np.arange(2 * n).reshape(n, 2), np.arange(n)
    batches = list(minibatches(X, y, batch_size, rng=rng(), drop_last=drop_last))
    sizes = [len(rows) for rows, _ in batches]
    assert sizes == [batch_size] * (n // batch_size) + (
        [] if drop_last or n % batch_size == 0 else [n % batch_size]
    )
    for rows, labels in batches:
        np.testing.assert_array_equal(rows[:, 0], 2 * labels)
    seen = [label for _, labels in batches for label in labels]
    assert len(set(seen)) == len(seen) == sum(sizes)


def test_each_pass_has_an_order_of_its_own_that_the_seed_determines():
    X = y = np.arange(50)
    generator = rng()
    first, second = (
        np.concatenate([rows for rows, _ in minibatches(X, y, 8, rng=generator)]) for _ in range(2)
    )
    again = np.concatenate([rows for rows, _ in minibatches(X, y, 8, rng=rng())])
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, again)


def test_every_order_is_equally_likely():
    generator, y = rng(), np.arange(3)
    counts = {}
    for _ in range(6000):
        order = tuple(int(labels[0]) for _, labels in minibatches(y, y, 1, rng=generator))
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6
    chi_squared = sum((c - 1000) ** 2 / 1000 for c in counts.values())
    assert chi_squared < 20.5  # 99.9 % of chi-squared with 5 degrees of freedom


def test_batches_keep_their_dtype_and_are_copies():
    X = np.ones((4, 2), np.float32)
    for rows, labels in minibatches(X, np.arange(4, dtype=np.uint8), 2, rng=rng()):
        assert (rows.dtype, labels.dtype) == (np.float32, np.uint8)
        rows[:] = 0
    assert (X == 1).all()


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((np.ones(3), np.ones(4), 2), {}, ValueError, "X has 3 rows and y has 4"),
        ((np.ones(0), np.ones(0), 2), {}, ValueError, "no rows"),
        ((np.ones(3), np.ones(3), 0), {}, ValueError, "batch_size is 0"),
        ((np.ones(3), np.ones(3), 1.5), {}, TypeError, r"batch_size is 1\.5"),
        ((np.ones(3), np.ones(3), 2), {"rng": 0}, TypeError, "rng is 0"),
    ],
)
def test_errors_come_at_the_call(arguments, options, error, message):
    with pytest.raises(error, match=message):
        minibatches(*arguments, **({"rng": rng()} | options))


def test_the_ring_is_a_mixture_of_equally_likely_gaussians():
    points, mode = ring_of_gaussians(40_000, modes=5, radius=3.0, std=0.1, rng=rng())
    assert points.shape == (40_000, 2)
    np.testing.assert_allclose(np.bincount(mode), 8000, rtol=0.05)
    for k in range(5):
        of_mode = points[mode == k]
        angle = 2 * np.pi * k / 5
        np.testing.assert_allclose(
            of_mode.mean(axis=0), [3 * np.cos(angle), 3 * np.sin(angle)], atol=0.006
        )
        np.testing.assert_allclose(np.cov(of_mode.T), 0.01 * np.eye(2), atol=0.0006)


def test_the_ring_refuses_what_makes_no_sense():
    with pytest.raises(ValueError, match="std is -1"):
        ring_of_gaussians(3, std=-1, rng=rng())
    with pytest.raises(ValueError, match="modes"):
        ring_of_gaussians(3, modes=0, rng=rng())
    with pytest.raises(TypeError, match="rng is 1"):
        ring_of_gaussians(3, rng=1)
