"""What a hostile reader of the page that computes found: every graph has one, and none is wrong."""

import numpy as np
import pytest

from tinygrad_loss import Op, Tensor, draw, erf, nn, square

By = pytest.importorskip("selenium.webdriver.common.by").By
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys

MASK = np.array([True, False, True])


def x(data=(1.0, 2.0, 3.0)):
    return Tensor(data, requires_grad=True, name="x")


def own(forward, rule):
    return Op(forward, rule, name="own")


def deep(a):
    for _ in range(300):
        a = a * 0.5 + 1
    return a


LIVE = {
    "empty": lambda: (x(np.zeros((0, 10))) * 2).sum(),
    "integers": lambda: Tensor([1, 2, 3]),
    "an array without axes": lambda: Op(
        lambda a, k: a * k, lambda g, y, a, k: g * k, None, name="scale"
    )(x(), np.array(2)).sum(),
    "no backward pass": lambda: x() ** 2,
}
READ_ONLY = {
    "deep": (lambda: own(deep, lambda g, y, a: g)(x(1.0)), "own1 = own(x)"),
    "axis of none": (
        lambda: own(
            lambda a: np.concatenate([a, a], axis=None), lambda g, y, a: g[:3] + g[3:]
        )(x()).sum(),
        "own1 = own(x)",
    ),
    # Its mean is that of all, so that no comparison on loading could see the mask.
    "mean of some": (
        lambda: own(lambda a: np.mean(a, where=MASK), lambda g, y, a: g * MASK / 2)(x()),
        "it calls mean",
    ),
    # True + True is True.
    "sum of booleans": (
        lambda: own(lambda a: a * ((a > 0) + (a > 9)), lambda g, y, a: g)(x()).sum(),
        "it calls add",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LIVE)
def test_a_page_that_computes(opened, name):
    page = opened(LIVE[name]())
    assert page.js("fixed") == ""
    for step in range(page.count):
        page.show(step)
    assert page.problems() == []


@pytest.mark.parametrize("name", READ_ONLY)
def test_a_page_that_says_why_it_does_not(opened, name):
    made, why = READ_ONLY[name]
    page = opened(made())
    assert why in page.js("fixed")
    assert why in page.panel()
    for step in range(page.count):
        page.show(step)
    assert page.problems() == []


def test_without_a_backward_pass_values_follow_all_the_same(opened):
    page = opened(x() ** 2)
    page.js("void look('t0')")
    field = page.browser.find_element(By.CSS_SELECTOR, '#card input[data-index="1"]')
    field.clear()
    field.send_keys("5", Keys.ENTER)
    assert page.js("tensors[data.output].array.data[1]") == 25
    assert not page.browser.find_element(By.ID, "update").is_displayed()


def test_constants_of_the_rule_have_as_many_digits_as_it_takes(opened):
    page = opened(erf(x(-0.2743)))
    page.show(3)
    assert "1 * 1.1284 * exp(-square(clip(-0.2743, -28, 28))) ≈ 1.047" in page.panel()


@pytest.mark.parametrize(
    ("w", "factor", "line"),
    [
        (1e-9, -0.25, "1e-09 - 0.1 * (-0.25) ≈ 0.025"),
        (-0.1372, -1.0, "-0.1372 - 0.1 * (-1) ≈ -0.0372"),
        (1.0, 2.0, "1 - 0.1 * 2 = 0.8"),
    ],
)
def test_the_line_of_the_update_is_true(opened, w, factor, line):
    page = opened(x(w) * factor)
    page.press("e", Keys.ARROW_RIGHT)
    assert line in page.panel()


def test_tab_goes_from_field_to_field_and_a_click_where_it_points(opened):
    page = opened(square(x()).sum())
    page.js("void look('t0')")
    find = page.browser.find_element
    find(By.CSS_SELECTOR, '#card input[data-index="0"]').click()
    page.js("void document.activeElement.select()")
    page.press("7", Keys.TAB)
    assert page.js("document.activeElement.dataset.index") == "1"
    page.js("void document.activeElement.select()")
    page.press("8")
    find(By.CSS_SELECTOR, '#card input[data-index="2"]').click()
    assert page.js("document.activeElement.dataset.index") == "2"
    assert page.js("[...tensors.t0.array.data]") == [7, 8, 3]


def test_a_field_that_is_typed_into_stops_what_runs(opened):
    page = opened(square(x()).sum())
    page.js("void look('t0')")
    page.js("[play(true), keepOn(true)]")
    page.js("document.querySelector('#card input').focus()")
    assert page.js("[timer, running]") == [None, None]


def test_a_learning_rate_that_is_no_number_takes_no_step(opened):
    page = opened(square(x(3.0)))
    page.js("void (document.getElementById('learning-rate').value = '')")
    page.browser.find_element(By.ID, "take-step").click()
    assert page.browser.find_element(By.ID, "taken").text == "The learning rate is no number."
    assert page.js("tensors.t0.array.data[0]") == 3


def test_saving_never_raises_for_what_can_be_drawn():
    for made in [*LIVE.values(), *(made for made, _ in READ_ONLY.values())]:
        assert draw(made()).html().startswith("<!doctype html>")


def test_data_of_many_numbers_is_not_computed_with(opened):
    page = opened(nn.Linear(400, 300, rng=np.random.default_rng(0))(np.ones((1, 400))).sum())
    assert "too many for a page that computes" in page.js("fixed")


def test_an_index_that_is_computed_from_numbers_is_not_frozen(opened):
    pick = own(lambda a: a[np.argsort(a)], lambda g, y, a: g[np.argsort(np.argsort(a))])
    page = opened(pick(x((3.0, 1.0, 2.0))).sum())
    assert page.js("fixed").startswith("own1 = own(x) is not for the browser")


def test_large_arrays_are_compared_too(opened):
    """Their numbers are not in the file; a projection of them is."""
    page = opened(square(x(np.linspace(-1, 2, 400).reshape(20, 20))).sum())
    assert page.js("fixed") == ""
    held = "((sent, made) => [differs(sent, made, 1), differs(sent, { ...made, data: made.data.map((n, i) => n + (i === 7) * 1e-6) }, 1)])"  # noqa: E501
    pair = "(arrays[tensors.t1.value], functions.square(tensors.t0.array))"
    assert page.js(held + pair) == [False, True]
