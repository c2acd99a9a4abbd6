"""The unrolled step with its update beside the loop that it stands for."""

import numpy as np

from tinygrad_loss import unroll


def eager_step(f, optimizer, *inputs):
    """One turn of the loop that everybody writes; the loss before the update."""
    loss = f(*inputs)
    value = loss.data.copy()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return value


def assert_close(actual, expected, tolerance=1e-12):
    """Equal relative to the largest number; in shape and dtype in any case."""
    if isinstance(expected, list | tuple):
        assert type(actual) is type(expected)
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            assert_close(one, other, tolerance)
    elif isinstance(expected, dict):
        assert actual.keys() == expected.keys()
        assert_close(list(actual.values()), list(expected.values()), tolerance)
    elif isinstance(expected, np.ndarray | np.generic):  # eagerly, a - b of numbers is no array
        assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
        atol = tolerance * np.abs(expected).max(initial=0)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=atol)
    elif isinstance(expected, float):
        assert isinstance(actual, float)
        np.testing.assert_allclose(actual, expected, rtol=tolerance)
    else:
        assert (type(actual), actual) == (type(expected), expected)


def assert_same_state(optimizer, twin, tolerance=1e-12):
    """Parameters, settings and buffers of two optimizers."""
    data, twin_data = ([p.data for p in each.params] for each in (optimizer, twin))
    assert_close(data, twin_data, tolerance)
    assert_close(optimizer.state_dict(), twin.state_dict(), tolerance)


def assert_same_loss(actual, expected, tolerance=1e-12):
    assert (np.shape(actual), actual.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def assert_same_training(make, *batches, tolerance=1e-12, steps=20, before=None):
    """``make()`` returns a function and an optimizer; ``before(k, optimizer)`` is for schedules.

    Of two made, one is trained by the loop and one by the step, on the batches in turn.
    """
    (f, optimizer), (twin, twin_optimizer) = make(), make()
    step = unroll(f, optimizer=optimizer)
    for k in range(steps):
        batch = batches[k % len(batches)] if batches else ()
        for each in (optimizer, twin_optimizer):
            if before is not None:
                before(k, each)
        expected = eager_step(twin, twin_optimizer, *batch)
        assert np.isfinite(expected)
        assert_same_loss(step(*batch), expected, tolerance)
        assert_same_state(optimizer, twin_optimizer, tolerance)
    return step
