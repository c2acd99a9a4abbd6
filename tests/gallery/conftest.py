"""Examples are run by the tests as ``python examples/NAME.py --quick`` runs them."""

import importlib
import sys

import pytest

from .pages import EXAMPLES


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Run an example with --quick; return its numbers. It must save its pictures."""
    for package in ("matplotlib", "matplotlib_fontja", "sklearn", "tqdm"):
        pytest.importorskip(package)
    monkeypatch.setattr(sys, "path", [str(EXAMPLES), *sys.path])

    def run(name, *pictures):
        monkeypatch.setattr(importlib.import_module("_common"), "OUTPUT", tmp_path)
        results = importlib.import_module(name).main(quick=True)
        for picture in pictures or (name,):
            for file in (f"{picture}.png", f"{picture}.ja.png"):
                assert (tmp_path / file).stat().st_size > 3000, file
        return results

    return run
