"""The lessons are scripts beside the modules that they share, found by path as in a notebook."""

import sys
from pathlib import Path

LESSONS = Path(__file__).parents[2] / "examples" / "lessons"

if str(LESSONS) not in sys.path:
    sys.path.insert(0, str(LESSONS))
