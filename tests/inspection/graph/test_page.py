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
    passes = ["start", *["forward"] * 25, "seed", *["backward"] * 25]
    assert kinds == [*passes, "end", "update"]


def test_rules_of_the_expression(page):
    """Each is the text of a program, in which the page puts the names and the numbers."""
    data = data_of(page)
    sends = [send for step in data["steps"] for send in step.get("sends", ())]
    texts = {data["programs"][send["program"]]["text"] for send in sends}
    assert {
        "{0}",
        "{0} * {3}",
        "{0} * ({1} != 0)",
        "{0} * (2 * {2})",
        "-{0} * {1} / {2}",
    } <= texts
    assert data["fixed"] == ""
    assert len(data["programs"]) == len({str(program) for program in data["programs"]})


def test_what_was_sent_adds_up_to_the_gradients(page):
    data = data_of(page)
    numbers = [array["numbers"] for array in data["arrays"]]
    totals = Counter()
    for step in data["steps"]:
        if step["kind"] == "seed":
            totals[step["output"]] += numbers[step["seed"]][0]
        for send in step.get("sends", ()):
            totals[send["tensor"]] += numbers[send["gives"]][0]
    for key, tensor in data["tensors"].items():
        assert totals[key] == numbers[tensor["gradient"]][0]


def test_arrays():
    small = array_data(np.array([[1.0, np.nan], [np.inf, 1 / 3]]))
    assert small["numbers"] == [1.0, "NaN", "inf", 1 / 3]
    assert small["shape"] == (2, 2)
    ones = np.ones((40, 50), np.float32)
    corner = array_data(ones)  # of a page that computes nothing
    assert (len(corner["numbers"]), corner["corner"]) == (32 * 32, (32, 32))
    assert (corner["shape"], corner["grid"]) == ((40, 50), (40, 50))
    assert array_data(np.ones((2, 3, 40)))["grid"] == (6, 40)
    assert array_data(np.zeros((0, 3)))["numbers"] == []
    assert array_data(np.array([True, False])) == {
        "text": "[True, False]",
        "shape": (2,),
        "kind": "b",
        "numbers": [True, False],
    }
    assert array_data(np.arange(3))["numbers"] == [0, 1, 2]


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        (np.linspace(-1, 1, 100), "f8"),
        (np.linspace(-1, 1, 100).astype(np.float32), "f4"),
        (np.linspace(-1, 1, 100).astype(np.float32).astype(np.float64), "f4"),  # none is lost
        (np.arange(100), "i4"),
        (np.arange(100) > 50, "i4"),
        (np.linspace(-1, 1, 100).reshape(4, 25).T, "f8"),  # not in the order of C
    ],
)
def test_a_leaf_travels_with_all_its_digits(numbers, kind):
    told = array_data(numbers, leaf=True)
    assert told["type"] == kind
    read = np.frombuffer(base64.b64decode(told["base64"]), f"<{kind}")
    np.testing.assert_array_equal(read.reshape(numbers.shape), numbers)


def test_a_computed_array_is_only_checked():
    x = np.linspace(-3, 1, 100)
    told = array_data(x, brief=True)
    assert told.keys() == {"text", "shape", "check"}
    assert told["check"] == [pytest.approx(x @ np.cos(np.arange(100))), 3.0]


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
    assert frame.endswith('width="100%" height="300" style="border: 0"></iframe>')
