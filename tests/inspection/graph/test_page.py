"""The page as a file: it is whole, its policy admits its own code only, and data stays data."""

import base64
import hashlib
import json
import re
from collections import Counter

import numpy as np
import pytest

from tests.inspection.graph.graphs import micrograd
from tinygrad_loss import Tensor
from tinygrad_loss.inspection.graph import draw
from tinygrad_loss.inspection.graph.page import array_data


@pytest.fixture(scope="module")
def page():
    return draw(micrograd()[2]).html()


def data_of(page):
    return json.loads(
        re.search(r'<script type="application/json".*?>(.*?)</script>', page, re.S)[1]
    )


def test_the_policy_admits_the_pages_own_script_and_style_only(page):
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', page)[1]
    assert policy.startswith("default-src 'none'; ")
    allowed = set(re.findall(r"'sha256-(.*?)'", policy))
    inline = re.findall(r"<script>(.*?)</script>|<style>(.*?)</style>", page, re.S)
    digests = (hashlib.sha256("".join(code).encode()).digest() for code in inline)
    assert allowed == {base64.b64encode(digest).decode() for digest in digests}
    assert len(inline) == 2
    assert not re.search(
        r"\s(style|on\w+)=", re.sub(r"<(script|style).*?</\1>", "", page, flags=re.S)
    )


def test_nothing_is_loaded(page):
    markup = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.S)
    assert set(re.findall(r'(?:src|href)="(.*?)"', markup)) == {"data:,"}
    assert "@import" not in page
    assert "url(" not in page


def test_data_cannot_leave_its_block():
    x = Tensor(1.0, requires_grad=True, name="</script><!--<script>&amp;\u2028é")
    page = draw(x * 2).html()
    block = re.search(r'<script type="application/json".*?>(.*?)</script>', page, re.S)[1]
    assert not set("<>&\u2028é") & set(block)
    assert data_of(page)["tensors"]["t0"]["name"] == r"</script><!--<script>&amp;\u2028é"


def test_steps(page):
    kinds = [step["kind"] for step in data_of(page)["steps"]]
    assert kinds == ["start", *["forward"] * 25, "seed", *["backward"] * 25, "end"]


def test_rules_and_arithmetic_of_the_expression(page):
    rules = {
        (send["rule"], send["numbers"])
        for step in data_of(page)["steps"]
        for send in step.get("sends", ())
    }
    assert ("g * b", "83.3 * 2 = 166.6") in rules
    assert ("g * (relu2 != 0)", "6.942 * (6 != 0) = 6.942") in rules
    assert ("g * (2 * subtract2)", "0.49584 * (2 * (-7)) ≈ -6.942") in rules
    assert ("-g * divide2 / power2", "-1 * 0.2041 / 49 ≈ -0.004165") in rules
    assert ("g", None) in rules


def test_running_totals_add_up(page):
    data = data_of(page)
    numbers = [array["numbers"] for array in data["arrays"]]
    arrived = Counter(step["node"] for step in data["steps"] if step["kind"] == "seed")
    for step in data["steps"]:
        for send in step.get("sends", ()):
            arrived[send["tensor"]] += 1
            assert arrived[send["tensor"]] == send["arrived"]
            before = 0.0 if send["before"] is None else numbers[send["before"]][0]
            assert numbers[send["total"]][0] == before + numbers[send["gives"]][0]
    for key, tensor in data["tensors"].items():
        assert len(tensor["gradients"]) == arrived[key]


def test_arrays():
    small = array_data(np.array([[1.0, np.nan], [np.inf, 1 / 3]]))
    assert small["numbers"] == [1.0, "NaN", "inf", 1 / 3]
    assert (small["columns"], small["notfinite"]) == (2, True)
    assert "heat" not in small
    large = array_data(np.ones((40, 50), np.float32))
    assert (len(large["numbers"]), large["columns"], large["heat"]) == (32 * 32, 32, True)
    assert large["cut"] == "the first 32 of 40 rows, 32 of 50 columns"
    assert array_data(np.ones((2, 3, 4)))["columns"] == 4
    assert array_data(np.zeros((0, 3)))["numbers"] == []
    assert array_data(np.array([True, False]))["numbers"] == ["True", "False"]
    assert array_data(np.arange(3))["numbers"] == [0, 1, 2]


def test_too_many_ops_to_step_through():
    y = Tensor(1.0, requires_grad=True)
    for _ in range(5001):
        y = y + 1
    with pytest.raises(ValueError, match=r"5,001 ops; the most for a page is 5,000"):
        draw(y).html()


def test_a_frame_is_sandboxed_and_quoted():
    frame = draw(Tensor(1.0, requires_grad=True, name='"><b>') * 2).frame(300)._repr_html_()
    assert frame.startswith(
        '<iframe title="Backprop, step by step" sandbox="allow-scripts" srcdoc="'
    )
    assert re.fullmatch(r"<iframe [^<>]*></iframe>", frame)
    assert 'height="300"' in frame
