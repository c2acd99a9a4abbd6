"""What the tests of the lessons read: the scripts' cells, in pairs of texts and as code."""

import re
from pathlib import Path

import pytest

jupytext = pytest.importorskip("jupytext")

JAPANESE = r"[ぁ-ゖァ-ヺー一-鿿々]"

LESSONS = Path(__file__).parents[2] / "examples" / "lessons"
SCRIPTS = sorted(LESSONS.glob("[0-9][0-9]_*.py"))
FIRST_HOUR = LESSONS / "first_hour.py"
each_lesson = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
each_script = pytest.mark.parametrize(
    "script", [*SCRIPTS, FIRST_HOUR], ids=lambda script: script.stem
)


def cells(script):
    return jupytext.read(script, fmt="py:percent").cells


def tags(cell):
    return cell.metadata.get("tags", [])


def code(script, *, solutions=True):
    """The code cells of a lesson, with or without those of the solutions."""
    return [
        cell
        for cell in cells(script)
        if cell.cell_type == "code" and (solutions or "solution" not in tags(cell))
    ]


def pairs(script):
    """Each text of a lesson in English, with the text beside it in Japanese."""
    texts = [cell for cell in cells(script) if cell.cell_type == "markdown"]
    assert len(texts) % 2 == 0
    return list(zip(texts[::2], texts[1::2], strict=True))


def checked(cell):
    """The exercises that a cell checks: ["3.1"], or ["3 a", "3 b", "3 c"]."""
    return re.findall(r'check\("([^"]+)"', cell.source)
