"""The page that computes: in a real browser, its numbers are those of Python, also for others."""

import json
import re

import numpy as np
import pytest

from tests.inspection.graph.browser import Page
from tests.inspection.graph.random_graphs import random_loss
from tests.op_cases import CASES
from tinygrad_loss import Op, Tensor, draw, linear, mean_squared_error, nn, optim, where

By = pytest.importorskip("selenium.webdriver.common.by").By
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys

# In floating point a sum depends on its order, and the browser's exp, tanh and so on on its
# library: both differ from NumPy's in the last digit or two. A graph of some dozens of ops makes
# hundreds of such errors of 2e-16 each, so 1e-12 of its largest number is room for them, and for
# nothing else: a wrong rule differs in the first digits.
ROUNDING = 1e-12

# Sets the leaves to the numbers of each change, and returns what the page then computes.
CHANGED = """
return arguments[0].map((change) => {
  set(Object.entries(change).map(([name, numbers]) => {
    const tensor = parameters.find((x) => x.name === name);
    return [tensor, array(tensor.array.shape, Float64Array.from(numbers))];
  }));
  const sizes = all.flatMap((x) => [x.array, x.total].filter(Boolean).map(largest));
  return {
    value: String(tensors[data.output].array.data[0]),
    gradients: Object.fromEntries(
      learned.map((x) => [x.name, Array.from(x.total.data, String)])),
    scale: Math.max(...sizes),
  };
});
"""


def open_quickly(browser, path, output):
    """Without a look at the console of each of many pages."""
    draw(output, rankdir="TB").save(path)
    browser.get(path.as_uri())


def numbers(shown):
    return np.array([float(x.replace("Infinity", "inf")) for x in shown])


def check(found, loss, leaves, what):
    """What the page computed is what Python computes, for all leaves that have a gradient."""
    loss.backward()
    expected = {x.name: x.grad.ravel() for x in leaves if x.grad is not None}
    assert found["gradients"].keys() == expected.keys(), what
    tolerance = {"rtol": 0, "atol": ROUNDING * found["scale"]}
    np.testing.assert_allclose(numbers([found["value"]])[0], loss.item(), **tolerance, err_msg=what)
    for name, exact in expected.items():
        made = numbers(found["gradients"][name])
        np.testing.assert_allclose(made, exact, **tolerance, err_msg=f"{what}, {name}")


def text(page, selector):
    return page.browser.find_element(By.CSS_SELECTOR, selector).text


def click(page, selector):
    page.browser.find_element(By.CSS_SELECTOR, selector).click()


def loss_shown(page):
    return float(page.js("document.getElementById('loss').dataset.number"))


def values_of(page):
    return page.js("Object.fromEntries(parameters.map((x) => [x.name, [...x.array.data]]))")


# --- the same numbers as Python's ----------------------------------------------------------------


@pytest.mark.parametrize("part", range(10))
def test_other_numbers_give_the_gradients_of_python(chromium, tmp_path, part):
    """200 random graphs, each with 5 changes of its leaves: of all, or of a single number."""
    for seed in range(20 * part, 20 * part + 20):
        loss, leaves = random_loss(seed)
        open_quickly(chromium, tmp_path / "random.html", loss)
        assert chromium.execute_script("return fixed") == "", seed
        names = chromium.execute_script("return parameters.map((x) => x.name)")
        arrays = {x.name: x.data.copy() for x in leaves if x.name in names}
        rng = np.random.default_rng(seed)
        changes = []
        for i in range(5):
            if i % 2:  # a single number, as if it had been typed
                x = arrays[names[rng.integers(len(names))]]
                x.flat[rng.integers(x.size)] = rng.normal()
            else:
                arrays = {name: rng.normal(size=x.shape) for name, x in arrays.items()}
            changes.append({name: x.copy() for name, x in arrays.items()})
        sent = [{name: x.ravel().tolist() for name, x in change.items()} for change in changes]
        found = chromium.execute_script(CHANGED, sent)
        for change, made in zip(changes, found, strict=True):
            other = {x.name: change.get(x.name, x.data) for x in leaves}
            check(made, *random_loss(seed, other), f"graph {seed}")


CHUNK = 40
LEFT_OUT = {"astype"}  # their pages: below


@pytest.mark.parametrize("start", range(0, len(CASES), CHUNK))
def test_every_case_of_the_table_of_ops_is_live(chromium, tmp_path, start):
    """Many in one graph. All leaves are scaled alike, so that what Python decided stays right."""
    cases = [case for case in CASES[start : start + CHUNK] if case.name not in LEFT_OUT]

    def loss_of(scale):
        rng = np.random.default_rng(0)
        leaves, total = [], Tensor(0.0)
        for i, case in enumerate(cases):
            inputs = [scale * x for x in case.inputs()]
            variables = [
                Tensor(x, requires_grad=True, name=f"{case.name}{start + i}_{j}")
                for j, x in enumerate(inputs)
            ]
            y = case.f(*variables)
            weights = rng.normal(size=y.shape)
            total = total + (y * (weights if y.ndim else float(weights))).sum()
            leaves += variables
        return total, leaves

    loss, leaves = loss_of(1.0)
    open_quickly(chromium, tmp_path / "cases.html", loss)
    assert chromium.execute_script("return fixed") == ""
    changes = [{x.name: (scale * x.data).ravel().tolist() for x in leaves} for scale in (1, 1.125)]
    found = chromium.execute_script(CHANGED, changes)
    check(found[0], loss, leaves, "the same numbers")
    check(found[1], *loss_of(1.125), "other numbers")


def test_a_constant_of_no_axes_is_live(opened):
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    page = opened(x.sum() * np.array(3.0))
    assert page.js("fixed") == ""
    page.js("setLeaf(tensors.t0, 0, 9)")
    assert loss_shown(page) == 33


@pytest.mark.parametrize("dtype", [np.float64, np.float32, "float64"])
def test_an_option_that_is_a_type_has_a_page(opened, dtype):
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    assert opened(x.astype(dtype).sum()).js("fixed") == ""


def test_a_graph_in_float32_is_live(opened):
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=shape).astype(np.float32) for shape in ((4, 3), (4, 2)))
    arrays = {name: rng.normal(size=n).astype(np.float32) for name, n in (("W", (3, 2)), ("b", 2))}

    def loss_of(arrays):
        W, b = (Tensor(a, requires_grad=True, name=name) for name, a in arrays.items())
        return mean_squared_error(linear(Tensor(x), W, b).tanh(), y), [W, b]

    loss, _ = loss_of(arrays)
    assert loss.dtype == np.float32
    page = opened(loss)
    assert page.js("fixed") == ""
    arrays = {name: a * 0.5 for name, a in arrays.items()}
    sent = {name: a.ravel().tolist() for name, a in arrays.items()}
    (found,) = page.browser.execute_script(CHANGED, [sent])
    loss, leaves = loss_of(arrays)
    loss.backward()
    for leaf in leaves:  # Python's numbers are the rounded ones here
        np.testing.assert_allclose(
            numbers(found["gradients"][leaf.name]), leaf.grad.ravel(), rtol=1e-4, atol=1e-6
        )


# --- the update ----------------------------------------------------------------------------------


def xor(seed=1):
    model = nn.MLP([2, 3, 1], activation="tanh", rng=np.random.default_rng(seed))
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    return model, lambda: mean_squared_error(model(X), np.array([[0.0], [1.0], [1.0], [0.0]]))


def parabola(x=3.0):
    return (Tensor(x, requires_grad=True, name="x") - 1) ** 2


def set_rate(page, rate):
    field = page.browser.find_element(By.ID, "learning-rate")
    field.clear()
    field.send_keys(str(rate))


def test_a_hundred_steps_are_those_of_gradient_descent(opened):
    model, loss = xor()
    page = opened(loss())
    before = values_of(page)
    losses = [loss_shown(page)]
    page.js("Array.from({length: 100}, () => document.getElementById('take-step').click()).length")
    optimizer = optim.GD(model.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
    found = values_of(page)
    expected = {name: x.data.ravel() for name, x in model.named_parameters()}
    assert found.keys() == expected.keys()
    largest = max(np.abs(x).max() for x in expected.values())
    for name, exact in expected.items():
        np.testing.assert_allclose(found[name], exact, rtol=0, atol=ROUNDING * largest)
    assert loss_shown(page) == pytest.approx(loss().item(), abs=ROUNDING * largest)
    assert loss_shown(page) < losses[0]
    assert text(page, "#taken") == "after 100 steps"
    click(page, "#reset")
    assert values_of(page) == before
    assert loss_shown(page) == losses[0]
    assert text(page, "#taken") == ""
    assert not page.browser.find_element(By.ID, "reset").is_enabled()
    assert page.problems() == []


def test_the_step_is_written_with_its_numbers(opened):
    page = opened(parabola())
    page.show(page.count - 1)
    assert "3 - 0.1 * 4 = 2.6" in page.panel()
    set_rate(page, 0.25)
    assert "3 - 0.25 * 4 = 2" in page.panel()
    click(page, "#take-step")
    assert values_of(page) == {"x": [2.0]}
    assert loss_shown(page) == 1.0
    assert "2 - 0.25 * 2 = 1.5" in page.panel()
    assert text(page, "#taken") == "after 1 step"
    assert page.lines("t0")[1:] == ["value 2", "grad 2"]


def test_run_starts_and_stops(opened):
    page = opened(parabola())
    page.js("(window.setInterval = (f) => { window.tick = f; return 1; }, 0)")
    click(page, "#run")
    assert text(page, "#run") == "Pause"
    page.js("(window.tick(), window.tick(), window.tick(), 0)")
    assert values_of(page)["x"] == [pytest.approx(1 + 2 * 0.8**3)]
    assert text(page, "#taken") == "after 3 steps"
    label = page.browser.find_element(By.ID, "curve").get_attribute("aria-label")
    assert label == "loss, from 4 to 1.049"  # 4 * .8^6
    click(page, "#run")
    assert text(page, "#run") == "Run"
    click(page, "#run")
    click(page, "#reset")
    assert text(page, "#run") == "Run"
    assert values_of(page) == {"x": [3.0]}


def test_divergence_is_said_and_ends_the_run(opened):
    page = opened(parabola())
    set_rate(page, 1e9)
    page.js("(window.setInterval = (f) => { window.tick = f; return 1; }, 0)")
    click(page, "#run")
    page.js("(() => { for (let i = 0; i < 60; i++) window.tick(); })()")
    assert text(page, "#run") == "Run"
    assert text(page, "#taken").endswith(": it diverged")
    assert int(re.search(r"\d+", text(page, "#taken"))[0]) < 60
    assert float(page.js("document.getElementById('loss').dataset.number")) > 4e6
    click(page, "#reset")
    assert loss_shown(page) == 4.0
    assert page.problems() == []


def test_inputs_are_no_parameters_and_stay(opened):
    x = Tensor([1.0, 2.0], name="x")
    w = Tensor([3.0, 4.0], requires_grad=True, name="w")
    page = opened((x * w).sum())
    click(page, "#take-step")
    assert values_of(page) == {"w": [pytest.approx(2.9), pytest.approx(3.8)]}
    click(page, 'g.node[data-tensor="x"]')
    assert page.js("document.querySelectorAll('#card input').length") == 0


# --- pages that take no other numbers ------------------------------------------------------------


def is_read_only(page, *words):
    said = text(page, "#read-only")
    assert all(word in said for word in words), said
    assert not page.browser.find_element(By.ID, "update").is_displayed()
    assert page.js("steps.at(-1).kind") == "end"
    for node in page.js("nodes.map((x) => x.id).filter((id) => tensors[id])"):
        page.js("look(arguments[0])", node)
        assert page.js("document.querySelectorAll('#card input').length") == 0
    for step in range(page.count):
        page.show(step)
    assert page.problems() == []


def flip(x):
    return x * 2 if x.sum() > 0 else -x


def test_an_op_that_decides_by_values_makes_the_page_read_only(opened):
    op = Op(flip, lambda g, y, x: g * 2 if x.sum() > 0 else -g, name="flip")
    page = opened(op(Tensor([1.0, 2.0], requires_grad=True, name="x")).sum())
    is_read_only(page, "flip1", "condition")
    assert page.lines("t0") == ["x (2,)", "value [1, 2]", "grad [2, 2]"]


def test_a_rule_that_decides_by_values_makes_the_page_read_only(opened):
    op = Op(lambda x: x * 2, lambda g, y, x: g * 2 if x.sum() > 0 else -g, name="odd")
    is_read_only(opened(op(Tensor([1.0, 2.0], requires_grad=True)).sum()), "odd1", "condition")


def test_what_the_page_cannot_compute_makes_it_read_only(opened):
    root = Op(np.cbrt, lambda g, y, x: g / (3 * y * y), name="root")
    page = opened(root(Tensor([1.0, 8.0], requires_grad=True, name="x")).sum())
    is_read_only(page, "root1 = root(x)", "it calls cbrt, which the page does not know")


def test_values_that_have_changed_since_make_the_page_read_only(opened):
    w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    loss = (w * w).sum()
    loss.backward()
    optim.GD([w], lr=0.1).step()
    is_read_only(opened(loss), "w", "changed")


@pytest.mark.parametrize("what", ["leaf", "value", "gradient", "rule"])
def test_a_page_that_computes_something_else_is_read_only(opened, what):
    a, b = (Tensor(x, requires_grad=True, name=name) for name, x in (("a", 2.0), ("b", 5.0)))
    page = opened((a * b).tanh() * a)
    found = re.search(r'(<script type="application/json".*?>)(.*?)(</script>)', read(page), re.S)
    data = json.loads(found[2])
    by_name = {tensor["name"]: tensor for tensor in data["tensors"].values()}
    wanted = {
        "leaf": ("value", by_name["b"]),
        "value": ("value", by_name["multiply1"]),
        "gradient": ("gradient", by_name["b"]),
    }
    if what == "rule":
        programs = [x for x in data["programs"] if x["text"] == "{0} * (1 - {1} * {1})"]
        programs[0]["calls"][1][0] = "add"
    else:
        kind, tensor = wanted[what]
        data["arrays"][tensor[kind]]["numbers"] = [0.5]
    changed = read(page).replace(found[2], json.dumps(data))
    page.path.write_text(changed, encoding="utf-8")
    page.open()
    name = {"leaf": "b", "value": "multiply1", "gradient": "b"}.get(what, "tanh1")
    is_read_only(page, "otherwise than Python", name)


def read(page):
    return page.path.read_text(encoding="utf-8")


# --- through the fields of the card --------------------------------------------------------------


def type_into(page, index, wanted):
    field = page.browser.find_element(By.CSS_SELECTOR, f'#card input[data-index="{index}"]')
    field.click()
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(wanted, Keys.ENTER)


def gradient_shown(page):
    cells = "[...document.querySelectorAll('#card [data-gradient]')]"
    pairs = page.js(f"{cells}.map((x) => [x.dataset.gradient, x.dataset.number])")
    return {place: float(number) for place, number in pairs}


def test_a_number_typed_into_the_card_changes_both_passes(opened):
    arrays = {"W": np.array([[1.0, -2.0], [0.5, 3.0]]), "b": np.array(0.25)}

    def loss_of():
        W, b = (Tensor(a.copy(), requires_grad=True, name=name) for name, a in arrays.items())
        return ((np.array([[1.0, 2.0]]) @ W + b).tanh() * W.sum()).sum(), W, b

    page = opened(loss_of()[0])
    for name, index, wanted in (("W", "1,0", 0.1), ("b", "", -1.5), ("W", "0,1", 1e-3)):
        click(page, f'g.node[data-tensor="{name}"]')
        type_into(page, index, repr(wanted))
        arrays[name][tuple(int(i) for i in index.split(",") if i)] = wanted
        loss, W, b = loss_of()
        loss.backward()
        assert loss_shown(page) == pytest.approx(loss.item(), rel=1e-12)
        grad = {"W": W, "b": b}[name].grad
        expected = {",".join(map(str, at)): x for at, x in np.ndenumerate(grad)}
        assert gradient_shown(page) == pytest.approx(expected, rel=1e-12)
    page.press(Keys.ESCAPE, "e")
    assert page.lines(page.js("data.output"))[1] == f"value {loss.item():.4g}"
    assert f"{loss.item():.4g}" in page.js("document.querySelector('pre').textContent")
    assert page.problems() == []


@pytest.mark.parametrize("wanted", ["three", "", "1e999", "1,5", "NaN"])
def test_what_is_no_number_is_refused(opened, wanted):
    page = opened(parabola())
    click(page, 'g.node[data-tensor="x"]')
    field = page.browser.find_element(By.CSS_SELECTOR, "#card input")
    field.click()
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(*([wanted] if wanted else [Keys.BACKSPACE]), Keys.ENTER)
    assert values_of(page) == {"x": [3.0]}
    assert "is no number: x keeps 3" in text(page, "#status")
    page.js("document.activeElement.blur()")
    shown = "(x => x.value || x.placeholder)(document.querySelector('#card input'))"
    assert page.js(shown) == "3"


def test_what_python_decided_is_said_after_a_change(opened):
    a, b = (
        Tensor(x, requires_grad=True, name=n) for n, x in (("a", [1.0, 4.0]), ("b", [2.0, 3.0]))
    )
    page = opened(where(a > b, a, b).sum())
    assert text(page, "#frozen") == ""
    page.js("setLeaf(tensors.t0, 0, 9)")
    said = text(page, "#frozen")
    assert said.startswith("What Python decided stays decided")
    assert loss_shown(page) == 6  # b was chosen, and still is
    click(page, "#reset")
    assert text(page, "#frozen") == ""
    page = opened(parabola())
    page.js("setLeaf(tensors.t0, 0, 9)")
    assert text(page, "#frozen") == ""


# --- what is written -----------------------------------------------------------------------------


def panels(page):
    said = []
    for step in range(page.count):
        page.show(step)
        said.append(page.panel())
    return "\n".join(said)


def test_the_written_arithmetic_is_true(opened):
    """pictures.md, 3: it said 1 * (1 - 1 * 1) = 2.458e-05."""
    page = opened(Tensor(6.0, requires_grad=True, name="x").tanh())
    assert "1 * (1 - 0.99998771 * 0.99998771) ≈ 2.458e-05" in panels(page)


def test_ties_are_rounded_as_in_python(opened):
    """The page takes over from a picture that Python wrote."""
    page = opened(parabola())
    for x in (870.25, 12345.0, 0.0312525, 1.0005, 2.5, 1e22):
        assert page.js("number(arguments[0])", x) == f"{x:.4g}"


@pytest.mark.parametrize("x", [-7.0, -0.3, 1e-4, 0.1, 1.2345678, 29.5])
def test_every_line_of_arithmetic_is_true_of_other_numbers(opened, x):
    v = Tensor(2.0, requires_grad=True, name="v")
    page = opened(((v.tanh() * v + v.sigmoid()) ** 2 / (v * v + 1) - v).exp())
    page.js("setLeaf(tensors.t0, 0, arguments[0])", x)
    lines = []
    for step in range(page.count - 2):
        page.show(step)
        lines += page.js("[...document.querySelectorAll('#details .numbers')]"
                         ".map((x) => x.textContent).filter((x) => / [=≈] /.test(x))")  # fmt: skip
    names = {name: getattr(np, name) for name in ("tanh", "exp", "where", "absolute")}
    written = [re.split(" [=≈] ", line) for line in lines]
    assert len(written) > 10
    for left, right in (pair for pair in written if "\n" not in pair[0]):
        with np.errstate(all="ignore"):
            assert float(f"{eval(left, names):.4g}") == float(right), left


def test_rules_are_written_with_the_names_of_the_picture(opened):
    _, loss = xor()
    said = panels(opened(loss()))
    assert "g @ layers.2.weight.T" in said
    assert "sum(g, axis 0)" in said
    a, b = (Tensor(x, requires_grad=True, name=n) for n, x in (("a", 2.0), ("b", 5.0)))
    said = panels(opened((a - b) ** 2 * a))
    assert "g * (2 * subtract1)" in said
    assert "_one_less" not in said
    assert "6 * (2 * (-3))" not in said
    assert "2 * (2 * (-3)) = -12" in said


def test_a_page_without_parameters_that_were_reached_has_no_update(chromium, tmp_path):
    page = Page(
        chromium, draw(Tensor([1.0, 2.0], requires_grad=True) * 2).save(tmp_path / "x.html")
    )
    assert not page.browser.find_element(By.ID, "update").is_displayed()
