"""The sheet of derivatives is what its script makes, has every op, and its slopes are slopes."""

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_loss as tl
from tinygrad_loss.engine import ops

EXAMPLES = Path(__file__).parents[1] / "examples"
ROWS = re.compile(r"^\| `(\w+)` \| (.+) \| (.+) \| (.+) \|$", flags=re.MULTILINE)


@pytest.fixture
def derivatives(monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(sys, "path", [str(EXAMPLES), *sys.path])
    return importlib.import_module("derivatives")


def page():
    return (EXAMPLES / "derivatives.md").read_text("utf-8")


def test_the_sheet_is_up_to_date(derivatives):
    assert derivatives.sheet() == page()


def test_it_is_written_with_its_picture(derivatives, monkeypatch, tmp_path):
    monkeypatch.setattr(derivatives, "SHEET", tmp_path / "sheet.md")
    monkeypatch.setattr(derivatives, "PICTURE", tmp_path / "picture.png")
    drawn = derivatives.main(quick=True)
    assert (tmp_path / "sheet.md").read_text("utf-8") == page()
    assert (tmp_path / "picture.png").stat().st_size > 20_000
    assert {"exp(x)", "divide(1, x)", "where(x > 0, x, 1)"} < set(drawn)


def test_the_curves_are_the_function_and_its_slope(derivatives):
    """x^2 and 2 x; e^x twice; sin and cos."""
    figure = derivatives.draw()
    drawn = {panel.get_title(loc="left"): panel.lines[-2:] for panel in figure.axes}
    derivatives.plt.close(figure)
    for title, curve, slope in (
        ("square(x)", np.square, lambda x: 2 * x),
        ("exp(x)", np.exp, np.exp),
        ("sin(x)", np.sin, np.cos),
    ):
        for line, expected in zip(drawn[title], (curve, slope), strict=True):
            x, y = line.get_data()
            np.testing.assert_allclose(y, expected(x), rtol=1e-12, atol=1e-12)


def test_every_op_has_a_row_with_as_many_rules_as_differ():
    """Also those that have no public name, as the product of matrices."""
    all_ops = {f.name: f for f in vars(ops).values() if isinstance(f, ops.Op)}
    rows = {name: cells for name, *cells in ROWS.findall(page())}
    # made for each call, as their rules depend on the number of inputs
    assert set(rows) - set(all_ops) == {"concatenate"}
    assert set(all_ops) <= set(rows)
    for name, op in all_ops.items():
        formula, rules, words = rows[name]
        assert formula
        assert words[0].isupper(), name
        assert words[-1] == ".", name
        count = rules.count("<br>") + 1
        assert count == len(op.rules) or (name == "add" and rules == "`g`"), name


def test_a_rule_on_the_sheet_is_the_one_that_runs(derivatives):
    """Evaluated as it stands there, it gives what the rule of the op gives."""
    rows = {name: rules for name, _, rules, _ in ROWS.findall(page())}
    rng = np.random.default_rng(0)
    for name in derivatives.curves():
        op = getattr(tl, name)
        inputs = dict(zip(op.arguments.inputs, rng.uniform(0.1, 2, (3, 5)), strict=False))
        if name == "where":
            inputs["condition"] = np.arange(5) > 2
        options = dict.fromkeys(op.arguments.defaults, 0.5)
        if name == "clip":
            options = {"min": 0.2, "max": 1.5}
        y, g = op(*inputs.values(), **options), rng.normal(size=5)
        texts = [text.strip("`").replace("\\|", "|") for text in rows[name].split("<br>")]
        for rule, text in zip(op.rules, texts, strict=name != "add"):
            if rule is None:
                assert text == "none"
                continue
            known = vars(ops) | inputs | options | {"g": g, "y": y}
            np.testing.assert_array_equal(
                np.broadcast_to(eval(text, known), 5),
                np.broadcast_to(rule(g, y, *inputs.values(), **options), 5),
                err_msg=name,
            )


def test_a_helper_that_is_called_is_explained():
    sheet, _, helpers = page().partition("## Helpers")
    explained = set(re.findall(r"^\| `(\w+)\(", helpers, flags=re.MULTILINE))
    called = set(re.findall(r"(?<![.\w])(_\w+)\(", sheet))
    assert called - explained == {"_cumsum"}  # an op with a row of its own
    assert {"_won", "_arctan_slope", "spread"} <= explained


def test_slopes_are_slopes(derivatives):
    """Central differences of the curve, at places that lie on no kink."""
    for name, call in derivatives.curves().items():
        low, high = derivatives.DOMAINS.get(name, (-3, 3))
        at = low + (high - low) * np.array([0.237, 0.411, 0.583, 0.871])
        x = tl.Tensor(at, requires_grad=True)
        eval(call, vars(tl) | {"x": x}).backward(np.ones(4))
        up, down = (eval(call, vars(tl) | {"x": at + h}) for h in (1e-6, -1e-6))
        np.testing.assert_allclose(x.grad, (up - down) / 2e-6, rtol=1e-7, atol=1e-9, err_msg=call)
