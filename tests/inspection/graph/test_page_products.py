"""Products and sums that one can read: each cell lights what it is made of, and says how."""

import re

import numpy as np
import pytest

from tests.inspection.graph.test_page_looking import digits
from tinygrad_loss import Op, Tensor, linear, square

By = pytest.importorskip("selenium.webdriver.common.by").By
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys

# What the step says of its products and sums: for each cell of the last array, which cells are lit
# in each of the arrays, and what is written below. The cells are looked at as a pointer would.
WORKED = """(() => {
  const grids = (figure) => figure.querySelector('[tabindex]:not(figure)') ?? figure.children[1];
  const cellsOf = (figure) => [...grids(figure).querySelectorAll('td, span')];
  return [...document.querySelectorAll('#details :is(.product, .sum)')].flatMap((box) => {
    const figures = [...box.querySelectorAll('figure')];
    const made = figures.at(-1);
    if (!made.querySelector('.readout')) return [];
    return [{
      kind: box.className,
      captions: figures.map((x) => x.querySelector('figcaption').textContent),
      cells: cellsOf(made).map((cell) => {
        cell.dispatchEvent(new Event(arguments[0], {bubbles: true}));
        const lit = figures.map((figure) =>
          cellsOf(figure).flatMap((x, i) => x.classList.contains('lit') ? [i] : []));
        const said = [...made.querySelectorAll('.readout')].map((x) => x.textContent).join('');
        return {lit, said, all: document.querySelectorAll('.lit').length};
      }),
    }];
  });
})()"""


def worked(page, event="pointerover"):
    return page.js(WORKED, event)


def leaf(name, *shape, seed=0):
    rng = np.random.default_rng([seed, *map(ord, name)])
    return Tensor(rng.normal(size=shape), requires_grad=True, name=name)


def step_of(page, kind, op):
    """The step, forward or backward, of the op that makes a Tensor of this name."""
    wanted = "(x) => x.kind === arguments[0] && tensors[x.output].name === arguments[1]"
    return page.js(f"steps.findIndex({wanted})", kind, op)


def check_product(found, left, right, names):
    """Rows and columns are lit, and the sums of products are those of NumPy."""
    shown = [
        f"{name} {x.shape}" for name, x in zip(names, (left, right, left @ right), strict=True)
    ]
    assert found["kind"] == "product"
    assert found["captions"] == [shown[1], shown[0], shown[2]]  # as on paper: one above the other
    (rows, inner), columns = left.shape, right.shape[1]
    assert len(found["cells"]) == rows * columns
    for cell, (i, j) in zip(found["cells"], np.ndindex(rows, columns), strict=True):
        row = [i * inner + k for k in range(inner)]
        column = [k * columns + j for k in range(inner)]
        assert cell["lit"] == [column, row, [i * columns + j]]
        assert cell["all"] == 2 * inner + 1
        written, value = re.split(" [=≈] ", cell["said"])
        factors = re.findall(r"\(?(\S+?)\)? \* \(?(\S+?)\)?(?: \+ |$)", written)
        exact = np.stack([left[i], right[:, j]], axis=1)
        np.testing.assert_allclose(np.array(factors, float), exact, rtol=1e-3)
        np.testing.assert_allclose(float(value), left[i] @ right[:, j], rtol=1e-3, atol=1e-12)


# --- products ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 3, 2), (1, 4, 3), (3, 1, 2), (5, 2, 1), (1, 1, 1)])
@pytest.mark.parametrize("kind", ["matmul", "linear", "own"])
def test_a_cell_of_a_product_lights_its_row_and_its_column(opened, kind, shape):
    rows, inner, columns = shape
    x, W, b = leaf("x", rows, inner), leaf("W", inner, columns), leaf("b", columns)
    own = Op(lambda a, b: a @ b, lambda g, y, a, b: g @ b.T, lambda g, y, a, b: a.T @ g, name="own")
    made = {"matmul": x @ W, "linear": linear(x, W, b), "own": own(x, W)}[kind]
    weights = np.random.default_rng(1).normal(size=made.shape)
    page = opened((made * weights).sum())
    page.show(step_of(page, "forward", f"{kind}1"))
    caption = "their product" if kind == "linear" else f"{kind}1"
    (found,) = worked(page)
    check_product(found, x.data, W.data, ["x", "W", caption])
    page.show(step_of(page, "backward", f"{kind}1"))
    to_x, to_W = worked(page)[:2]
    check_product(to_x, weights, W.data.T, ["g", "W.T", "sent"])
    check_product(to_W, x.data.T, weights, ["x.T", "g", "sent"])
    assert page.problems() == []


def test_the_factors_lie_to_the_left_of_the_product_and_above_it(opened):
    page = opened((leaf("x", 2, 3) @ leaf("W", 3, 4)).sum())
    page.show(1)
    boxes = page.js(
        "[...document.querySelectorAll('#details .product table')].map((x) => "
        "(({left, right, top, bottom}) => ({left, right, top, bottom}))(x.getBoundingClientRect()))"
    )
    above, left, made = boxes
    assert above["bottom"] < made["top"]
    assert above["left"] == pytest.approx(made["left"], abs=1)
    assert left["right"] < made["left"]
    assert left["top"] == pytest.approx(made["top"], abs=1)


def test_the_line_is_true_to_the_last_digit_that_is_written(opened):
    """pictures.md, 3: with as many digits as make it true, and "≈" where it is rounded."""
    x, W, b = leaf("x", 3, 4), leaf("W", 4, 3), leaf("b", 3)
    page = opened((linear(x, W, b) * leaf("h", 3, 3)).sum())
    lines = []
    for step in range(page.count):
        page.show(step)
        lines += [cell["said"] for found in worked(page) for cell in found["cells"]]
    assert len(lines) > 30
    for line in (line for line in lines if "..." not in line):
        written, sign, value = re.split(" ([=≈]) ", line)
        assert float(f"{eval(written):.4g}") == float(value), line
        if sign == "=":
            assert eval(written) == pytest.approx(float(value), rel=1e-12), line


@pytest.mark.parametrize(
    ("own", "left", "right"),
    [
        (lambda a, b, c: a @ b @ c, lambda a, b, c: a @ b, lambda a, b, c: c),
        (lambda a, b, c: a @ (b @ c), lambda a, b, c: a, lambda a, b, c: b @ c),
        (lambda a, b, c: a @ b + np.exp(c) @ b, lambda a, b, c: np.exp(c), lambda a, b, c: b),
    ],
)
def test_of_several_products_the_factors_have_their_own_names(opened, own, left, right):
    """What is no Tensor of the graph does not get the name of one."""
    tensors = leaf("A", 3, 3), leaf("B", 3, 3), leaf("C", 3, 3)
    arrays = [x.data for x in tensors]
    op = Op(own, None, None, lambda g, y, a, b, c: g, name="own")
    page = opened(op(*tensors).sum())
    page.show(1)
    (found,) = worked(page)
    named = {x.name: x.data for x in tensors}
    for caption, exact in zip(found["captions"][:2], (right(*arrays), left(*arrays)), strict=True):
        name = caption.rpartition(" (")[0]
        if name in named:
            np.testing.assert_array_equal(named[name], exact, err_msg=caption)


def test_a_tensor_called_g_is_not_taken_for_the_gradient(opened):
    page = opened((leaf("g", 2, 2) @ leaf("W", 2, 2)).sum())
    page.show(step_of(page, "backward", "matmul1"))
    captions = [found["captions"] for found in worked(page)]
    assert captions == [
        ["W.T (2, 2)", "grad (2, 2)", "sent (2, 2)"],
        ["grad (2, 2)", "g.T (2, 2)", "sent (2, 2)"],
    ]


CAPTIONS = "[...document.querySelectorAll('#details figcaption')].map((x) => x.textContent)"


def test_arrays_of_equal_numbers_keep_their_own_names(opened):
    """They are in the file only once."""
    a, b, k = (Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, name=x) for x in "abk")
    page = opened((a * b).sum())
    page.show(step_of(page, "backward", "multiply1"))
    shown = ["b (2, 2)", "sent (2, 2)", "a (2, 2)", "sent (2, 2)"]
    assert page.js(CAPTIONS)[1:] == shown
    affine = Op(lambda a, w, k: a @ w + k, None, None, lambda g, y, a, w, k: g, name="affine")
    page = opened(affine(a, leaf("W", 2, 2), k).sum())
    page.show(1)
    assert "k (2, 2)" in page.js(CAPTIONS)


def test_hostile_names_stay_text(opened):
    hostile = "<img src=x onerror=alert(1)>$& {0}"
    page = opened((leaf(hostile, 2, 2) @ leaf("W", 2, 2)).sum())
    for step in range(page.count):
        page.show(step)
        worked(page)
        assert page.js("document.querySelectorAll('#panel img').length") == 0
    page.show(1)
    assert worked(page)[0]["captions"][1].startswith("<img src=x")
    assert page.problems() == []


def test_what_has_no_product_and_no_sum_has_no_layout(opened):
    x = leaf("x", 2, 3)
    page = opened(square(x.tanh() * 2).mean())
    for step in range(page.count - 1):
        page.show(step)
        assert worked(page) == [], step


def test_a_stack_of_products_is_shown_as_arrays(opened):
    page = opened((leaf("S", 2, 2, 3) @ leaf("T", 2, 3, 2)).sum())
    page.show(1)
    assert worked(page) == []
    assert page.js(CAPTIONS) == ["S (2, 2, 3)", "T (2, 3, 2)", "matmul1 (2, 2, 2)"]


# --- large ones ----------------------------------------------------------------------------------


def test_a_large_product_is_read_in_heat_maps(opened):
    x, W = leaf("x", 40, 50), leaf("W", 50, 33)
    page = opened((x @ W).sum())
    page.show(1)
    (found,) = worked(page)
    cells = found["cells"]
    assert len(cells) == 32 * 32  # the first corner
    for i, j in ((0, 0), (0, 31), (31, 0), (17, 5)):
        column, row, made = cells[32 * i + j]["lit"]
        assert column == [32 * k + j for k in range(32)]
        assert row == [32 * i + k for k in range(32)]
        assert made == [32 * i + j]
        written, value = re.split(" [=≈] ", cells[32 * i + j]["said"])
        assert written.endswith("... (50 terms)")
        assert float(value) == pytest.approx(x.data[i] @ W.data[:, j], rel=1e-3)
        first = np.array([x.data[i, :5], W.data[:5, j]]).T
        factors = re.findall(r"\(?([-\d.e]+)\)? \* \(?([-\d.e]+)\)?", written)
        np.testing.assert_allclose(np.array(factors, float), first, rtol=1e-3)


def test_products_fit_in_the_panel(opened):
    page = opened(digits())
    metrics = {"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    seen = 0
    for step in range(page.count):
        page.show(step)
        edges = page.js(
            "[document.getElementById('details'), ...document.querySelectorAll('.product figure')]"
            ".map((x) => x.getBoundingClientRect().right)"
        )
        seen += len(edges) - 1
        assert max(edges) <= edges[0] + 1, step
    page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert seen == 15


# --- sums ----------------------------------------------------------------------------------------


def check_sum(found, terms, made):
    """``made`` says of each element of ``terms`` to which sum it is added."""
    assert found["kind"] == "sum"
    for k, cell in enumerate(found["cells"]):
        owned = np.flatnonzero(made.ravel() == k)
        assert cell["lit"] == [owned.tolist(), [k]]
        assert cell["all"] == len(owned) + 1
        exact = terms.ravel()[owned]
        written, value = re.split(" [=≈] ", cell["said"])
        numbers = [float(x.strip("()")) for x in written.split(" + ") if not x.startswith("...")]
        assert len(numbers) == (len(owned) if len(owned) <= 6 else 5)
        np.testing.assert_allclose(numbers, exact[: len(numbers)], rtol=1e-3)
        np.testing.assert_allclose(float(value), exact.sum(), rtol=1e-3, atol=1e-12)


AXES = [
    ((3, 2), 0), ((3, 2), -1), ((3, 2), None), ((4,), 0), ((2, 3, 4), (0, 2)), ((2, 3, 2), 1),
    ((2, 3, 2), (-1, 0)), ((1, 3), 0), ((3, 1), 0), ((7, 5), 0),
]  # fmt: skip


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(("shape", "axis"), AXES)
def test_a_cell_of_a_sum_lights_what_is_added_up(opened, shape, axis, keepdims):
    x = leaf("x", *shape)
    page = opened((x.sum(axis=axis, keepdims=keepdims) * 2).sum())
    page.show(step_of(page, "forward", "sum1"))
    made = x.data.sum(axis=axis, keepdims=True)
    owner = np.broadcast_to(np.arange(made.size).reshape(made.shape), shape)
    (found,) = worked(page)
    check_sum(found, x.data, owner)
    assert found["captions"][1].split(" (")[0] == "sum1"
    assert len(found["cells"]) == made.size


@pytest.mark.parametrize("shape", [(), (1,), (3,), (1, 3), (2, 1), (1, 1), (1, 2, 1)])
def test_what_was_broadcast_is_summed_over_its_copies(opened, shape):
    """Also without a call of sum in the rule: the engine adds up what the copies send."""
    x, y = leaf("x", *shape), leaf("y", 2, 3)
    if len(shape) == 3:
        y = leaf("y", 2, 2, 3)
    weights = np.random.default_rng(1).normal(size=y.shape)
    page = opened((x * y * weights).sum())
    page.show(step_of(page, "backward", "multiply1"))
    (found,) = worked(page)
    owner = np.broadcast_to(np.arange(x.size).reshape(shape), y.shape)
    check_sum(found, y.data * weights, owner)
    assert found["captions"][0].startswith("g * y (")
    assert found["captions"][1].split(" (")[0] == "sent"


def test_the_bias_receives_the_sum_over_the_batch(opened):
    b = Tensor([1.0, 2.0], requires_grad=True, name="b")
    x = np.arange(6.0).reshape(3, 2)
    page = opened((linear(np.ones((3, 1)), np.ones((1, 2)), b) * x).sum())
    page.show(step_of(page, "backward", "linear1"))
    (found,) = worked(page)
    check_sum(found, x, np.array([[0, 1]] * 3))
    assert [cell["said"] for cell in found["cells"]] == ["0 + 2 + 4 = 6", "1 + 3 + 5 = 9"]
    assert "already there" not in page.panel()


def test_a_product_that_is_not_the_last_use_is_added_to_what_was_there(opened):
    W = leaf("W", 2, 2)
    page = opened((W @ W).sum())
    page.show(step_of(page, "backward", "matmul1"))
    to_left, to_right = worked(page)
    check_product(to_left, np.ones((2, 2)), W.data.T, ["g", "W.T", "sent"])
    check_product(to_right, W.data.T, np.ones((2, 2)), ["W.T", "g", "sent"])
    assert page.panel().count("already there (2, 2)") == 1
    assert page.panel().count("total so far (2, 2)") == 1


# --- hands and eyes ------------------------------------------------------------------------------

SAID = "[...document.activeElement.parentElement.querySelectorAll('.readout')].map((x) => x.textContent).join('')"  # noqa: E501


def by_hand(opened):
    x = Tensor([[1.0, -2.0, 3.0], [4.0, 5.0, 6.0]], name="x")
    W = Tensor([[1.0, 2.0], [3.0, 4.0], [-5.0, 6.0]], requires_grad=True, name="W")
    page = opened((x @ W).sum())
    page.show(1)
    return page


WAY = ["right"] * 2 + ["down"] * 2 + ["left"] * 3 + ["up"] * 2 + ["right", "down"]


def test_arrow_keys_go_from_cell_to_cell(opened):
    page = by_hand(opened)
    page.js("void document.querySelector('.product figure:last-child [tabindex]').focus()")
    lines = {
        (0, 0): "1 * 1 + (-2) * 3 + 3 * (-5) = -20",
        (0, 1): "1 * 2 + (-2) * 4 + 3 * 6 = 12",
        (1, 0): "4 * 1 + 5 * 3 + 6 * (-5) = -11",
        (1, 1): "4 * 2 + 5 * 4 + 6 * 6 = 64",
    }
    assert page.js(SAID) == lines[0, 0]  # the focus itself reads
    i = j = 0
    for way in WAY:
        page.press(getattr(Keys, f"ARROW_{way.upper()}"))
        i = min(max(i + {"up": -1, "down": 1}.get(way, 0), 0), 1)  # at the edge it stays
        j = min(max(j + {"left": -1, "right": 1}.get(way, 0), 0), 1)
        assert page.js(SAID) == lines[i, j]
        assert page.js("document.querySelectorAll('.lit').length") == 7
        assert page.step == 1
    page.js("void document.activeElement.blur()")
    page.press(Keys.ARROW_RIGHT)
    assert page.step == 2  # elsewhere they go from step to step


def test_the_keys_go_on_from_where_the_pointer_was(opened):
    page = by_hand(opened)
    grid = "document.querySelector('.product figure:last-child [tabindex]')"
    page.browser.find_elements(By.CSS_SELECTOR, ".product figure:last-child td")[3].click()
    page.js(f"void {grid}.focus()")
    assert page.js(SAID) == "4 * 2 + 5 * 4 + 6 * 6 = 64"
    page.press(Keys.ARROW_UP)
    assert page.js(SAID) == "1 * 2 + (-2) * 4 + 3 * 6 = 12"


@pytest.mark.parametrize("event", ["click", "pointerover"])
def test_a_tap_reads_as_the_pointer_does(opened, event):
    (found,) = worked(by_hand(opened), event)
    assert found["cells"][2]["said"] == "4 * 1 + 5 * 3 + 6 * (-5) = -11"
    assert found["cells"][2]["lit"] == [[0, 2, 4], [3, 4, 5], [2]]


def test_a_heat_map_is_read_by_keys(opened):
    numbers = np.arange(60.0).reshape(6, 10) / 7
    page = opened(Tensor(numbers, requires_grad=True, name="x").tanh().sum())
    page.show(1)
    page.js("void document.querySelector('#details .heat').focus()")
    assert page.js(SAID) == "[0, 0] 0"
    page.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_RIGHT)
    assert page.js(SAID) == "[2, 1] 3"
    page.press(*[Keys.ARROW_DOWN] * 9, *[Keys.ARROW_RIGHT] * 12)
    assert page.js(SAID) == f"[5, 9] {59 / 7:.4g}"
    assert page.js("document.querySelectorAll('.lit').length") == 1
    assert page.js("document.activeElement.ariaLabel").endswith("go from number to number.")
    assert page.step == 1


def test_reading_is_announced_and_reached_by_tab(opened):
    page = by_hand(opened)
    grid = "document.querySelector('.product figure:last-child [tabindex]')"
    assert page.js(f"{grid}.tabIndex") == 0
    assert page.js(f"{grid}.ariaLabel").startswith("product. Arrow keys")
    live = "document.querySelector('.product figure:last-child .readout').ariaLive"
    assert page.js(live) == "polite"


def test_products_follow_other_numbers(opened):
    page = opened((leaf("x", 2, 2) @ leaf("W", 2, 2)).sum())
    x, W = leaf("x", 2, 2).data, leaf("W", 2, 2).data
    page.show(1)
    page.js("void setLeaf(parameters.find((x) => x.name === 'W'), 2, 7.5)")
    W[1, 0] = 7.5
    check_product(worked(page)[0], x, W, ["x", "W", "matmul1"])
    page.show(step_of(page, "backward", "matmul1"))
    check_product(worked(page)[0], np.ones((2, 2)), W.T, ["g", "W.T", "sent"])


# --- what is rare --------------------------------------------------------------------------------

RARE = {
    "no columns": lambda: (leaf("x", 2, 0) @ leaf("W", 0, 3)).sum(),
    "no rows": lambda: (leaf("x", 0, 2) @ leaf("W", 2, 3)).sum(),
    "a sum of nothing": lambda: leaf("x", 0, 3).sum(axis=0).sum(),
    "a bias of no batch": lambda: linear(np.ones((0, 2)), leaf("W", 2, 3), leaf("b", 3)).sum(),
    "NaN and inf": lambda: (
        Tensor([[np.nan, -np.inf]], requires_grad=True) @ np.array([[1.0], [0.0]])
    ).sum(),
}  # fmt: skip


@pytest.mark.parametrize("name", RARE)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_rare_arrays_are_looked_at_without_an_error(opened, name):
    page = opened(RARE[name]())
    for step in range(page.count):
        page.show(step)
        page.js("document.querySelectorAll('#details [tabindex]').forEach((x) => x.focus())")
        worked(page)
    assert page.problems() == []


def test_a_page_that_is_read_only_shows_its_products_all_the_same(opened):
    root = Op(np.cbrt, lambda g, y, x: g / (3 * y * y), name="root")
    x, W = leaf("x", 2, 3), leaf("W", 3, 2)
    page = opened(root(square(x) @ square(W)).sum())
    assert page.js("fixed") != ""
    page.show(step_of(page, "forward", "matmul1"))
    check_product(worked(page)[0], x.data**2, W.data**2, ["square1", "square2", "matmul1"])


def test_of_values_that_have_changed_since_no_product_is_made(opened):
    x, W = leaf("x", 2, 2), leaf("W", 2, 2)
    loss = (x @ W).sum()
    loss.backward()
    W.data -= 0.1
    page = opened(loss)
    for step in range(page.count):
        page.show(step)
        assert "NaN" not in page.panel()
        worked(page)
    assert page.problems() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [3, 20])
def test_axe_finds_nothing_while_a_product_is_read(opened, axe_core, size, scheme):
    page = opened(linear(leaf("x", size, size), leaf("W", size, size), leaf("b", size)).sum())
    features = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
    found = []
    page.browser.execute_script(axe_core)
    for kind in ("forward", "backward"):
        page.show(step_of(page, kind, "linear1"))
        page.js("void document.querySelector('.product figure:last-child [tabindex]').focus()")
        ran = page.browser.execute_async_script("axe.run(document).then(arguments[0])")
        found += [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in ran["violations"]]
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert found == []
