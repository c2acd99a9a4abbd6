"""Fixtures of the engine's tests."""

import gc

import pytest

from tinygrad_loss.engine.mode import Mode, mode


@pytest.fixture
def no_block_left_behind():
    yield
    gc.collect()  # a generator that an error kept alive still has its block
    left = mode.get().blocks
    mode.set(Mode())
    assert left == ()
