"""The example that writes the pages."""

import importlib
import json
import re
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_backprop_page(monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("sklearn")
    monkeypatch.setattr(sys, "path", [str(EXAMPLES), *sys.path])
    example = importlib.import_module("backprop_page")
    monkeypatch.setattr(example, "OUTPUT", tmp_path)
    # The gradient at the logits is (softmax - one_hot) / n, to rounding.
    assert example.main(quick=True) < 1e-15
    steps = {}
    for path in tmp_path.glob("*.html"):
        page = path.read_text(encoding="utf-8")
        block = re.search(r'<script type="application/json".*?>(.*?)</script>', page, re.S)[1]
        steps[path.name] = len(json.loads(block)["steps"])
    # Of 25, 6, 7 and 5 ops: start, each op forward, seed, each op backward, end, update.
    quiz = {"quiz.html": 14}
    assert steps == {"expression.html": 54, "mlp.html": 16, "digits.html": 18} | quiz
    assert "layers.0.weight" in (tmp_path / "mlp.svg").read_text(encoding="utf-8")
