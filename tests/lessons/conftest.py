"""The lessons are scripts beside the modules that they share, found by path as in a notebook."""

import sys
from pathlib import Path

import numpy as np
import pytest

LESSONS = Path(__file__).parents[2] / "examples" / "lessons"

if str(LESSONS) not in sys.path:
    sys.path.insert(0, str(LESSONS))


@pytest.fixture(autouse=True)
def printed_as_before():
    """Some lessons set how NumPy prints, which other tests in this process are not to see."""
    with np.printoptions():
        yield
