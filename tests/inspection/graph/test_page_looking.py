"""Looking at the page: the picture holds still, a click opens a card, zooming keeps its place."""

import re
import shutil

import numpy as np
import pytest

from tests.inspection.graph.graphs import micrograd
from tinygrad_loss import Tensor, cross_entropy, draw, mean_squared_error, nn, tanh

By = pytest.importorskip("selenium.webdriver.common.by").By
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
Chains = pytest.importorskip("selenium.webdriver").ActionChains

SIZES = {"desk": (1280, 800), "phone": (390, 844), "frame": (900, 640)}
INSIDE = """(() => {
  const nodes = [picture, ...document.querySelectorAll(arguments[0])];
  const [outer, ...inner] = nodes.map((node) => node.getBoundingClientRect());
  const [right, bottom] = [outer.left + picture.clientWidth, outer.top + picture.clientHeight];
  return inner.every((x) => x.left >= outer.left - 1 && x.right <= right + 1 &&
    x.top >= outer.top - 1 && x.bottom <= bottom + 1);
})()"""
WHEEL = "new WheelEvent('wheel', {{deltaY: -100, ctrlKey: {}, cancelable: true}})"


def mlp_on_four_points():
    model = nn.MLP([2, 3, 1], activation="tanh", rng=np.random.default_rng(1))
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    return mean_squared_error(model(X), np.array([[0.0], [1.0], [1.0], [0.0]]))


def digits():
    rng = np.random.default_rng(0)
    model = nn.MLP([64, 32, 10], activation="relu", rng=rng)
    return cross_entropy(model(rng.random((64, 64))), rng.integers(0, 10, 64))


def recurrent(steps=5):
    rng = np.random.default_rng(0)
    shapes = {"W": (3, 4), "U": (4, 4), "b": (4,)}
    W, U, b = (Tensor(rng.normal(size=s), requires_grad=True, name=n) for n, s in shapes.items())
    h = np.zeros((2, 4))
    for _ in range(steps):
        h = tanh(rng.normal(size=(2, 3)) @ W + h @ U + b)
    return (h**2).mean()


GRAPHS = {
    "micrograd": lambda: micrograd()[2],
    "mlp": mlp_on_four_points,
    "digits": digits,
    "recurrent": recurrent,
}


@pytest.fixture
def seen(opened, chromium):
    """Open the page of a graph in a window of a size."""

    def open_page(name, size="desk", address=""):
        width, height = SIZES[size]
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        page = opened(GRAPHS[name]())
        if address:
            page.open(address)
        return page

    yield open_page
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def text_height(page):
    return page.js("document.querySelector('#picture .node text').getBoundingClientRect().height")


# --- the picture holds still ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["micrograd", "mlp", "digits"])
def test_the_whole_picture_is_in_view_and_holds_still(seen, name):
    """pictures.md, 1: in 1280 x 800 with text of 7 px or more, and no step moves it."""
    page = seen(name)
    assert page.js(INSIDE, ".node, .edge")
    assert page.js("zoom") * 10 * 4 / 3 >= 7  # the font has 10 points
    assert text_height(page) >= 7
    places = set()
    for step in range(page.count):
        page.show(step)
        box = "picture.querySelector('svg').getBoundingClientRect()"
        places.add(tuple(page.js(f"(x => [x.left, x.top, x.width])({box})")))
    assert len(places) == 1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", GRAPHS)
def test_the_active_box_is_in_view_also_on_load(seen, name, size):
    page = seen(name, size, "#step=7")
    for step in (7, page.count // 2, page.count - 2):
        page.show(step)
        assert page.js(INSIDE, ".node.active"), step
    page.open(f"#step={page.count // 2}")
    assert page.js(INSIDE, ".node.active")
    assert page.js("scrollY") == 0


@pytest.mark.parametrize("size", ["phone", "frame"])
def test_the_buttons_stay_in_sight(seen, size):
    page = seen("mlp", size)
    page.show(page.count - 1)
    if size == "phone":
        page.js("void scrollTo(0, 10000)")
    height = SIZES[size][1]
    for button in ("first", "back", "play", "next", "last", "slider", "zoom-in", "zoom-out", "fit"):
        top, bottom = page.js(
            f"(x => [x.top, x.bottom])(document.getElementById('{button}').getBoundingClientRect())"
        )
        assert 0 <= top < bottom <= height, button
    assert page.js("document.documentElement.scrollWidth <= innerWidth")


# --- zoom ----------------------------------------------------------------------------------------


def test_zoom_by_buttons_keys_and_the_wheel_with_control(seen):
    page = seen("micrograd")
    whole = page.js("zoom")
    find = page.browser.find_element
    find(By.ID, "zoom-in").click()
    assert page.js("zoom") == pytest.approx(1.25 * whole)
    assert page.js("!map.hidden")
    page.js("void picture.focus()")
    page.press("+")
    assert page.js("zoom") == pytest.approx(1.25**2 * whole)
    page.press("-", "-", "-")
    assert page.js("zoom") == pytest.approx(whole / 1.25)
    find(By.ID, "fit").click()
    assert page.js("zoom") == pytest.approx(page.js("whole()"))
    assert page.js("map.hidden")
    wheel = f"picture.dispatchEvent({WHEEL})"
    assert page.js(wheel.format("false"))  # a bare wheel scrolls
    assert page.js("zoom") == pytest.approx(page.js("whole()"))
    assert not page.js(wheel.format("true"))
    assert page.js("zoom") > 1.2 * whole
    page.js("void picture.dispatchEvent(new MouseEvent('dblclick', {bubbles: true}))")
    assert page.js("zoom") == pytest.approx(page.js("whole()"))
    page.js("void document.activeElement.blur()")
    page.press("+")  # elsewhere it is no key of the page
    assert page.js("zoom") == pytest.approx(page.js("whole()"))


def test_keys_of_one_letter_can_be_switched_off(seen):
    page = seen("mlp")
    page.js("void document.getElementById('single-keys').click()")
    page.press("e", "b", "f")
    assert page.step == 0
    page.press(Keys.END, Keys.ARROW_LEFT)
    assert page.step == page.count - 2
    page.js("void document.getElementById('single-keys').click()")
    page.press("e")
    assert page.step == page.count - 2  # the end; after it, the update


def test_what_is_under_the_pointer_stays_there(seen):
    page = seen("recurrent")
    page.js("void picture.scrollTo(100, 300)")
    place = "[(picture.scrollLeft + 200) / zoom, (picture.scrollTop + 150) / zoom]"
    before = page.js(place)
    page.js("void setZoom(zoom * 2, 200, 150)")
    np.testing.assert_allclose(page.js(place), before, atol=2)


def test_dragging_moves_the_picture_and_opens_nothing(seen):
    page = seen("recurrent")
    before = page.js("picture.scrollTop")
    box = page.browser.find_element(By.CSS_SELECTOR, ".node.input")
    Chains(page.browser).click_and_hold(box).move_by_offset(0, -60).release().perform()
    assert page.js("picture.scrollTop") == pytest.approx(before + 60, abs=2)
    assert page.js("card") is None
    box = page.browser.find_element(By.CSS_SELECTOR, ".node[data-tensor=tanh1]")
    Chains(page.browser).click(box).perform()
    assert page.js("tensors[card].name") == "tanh1"


def test_a_click_on_the_map_goes_there(seen):
    page = seen("recurrent")
    assert page.js("picture.scrollTop") == 0
    small = page.browser.find_element(By.ID, "map")
    height = small.size["height"]
    Chains(page.browser).move_to_element_with_offset(small, 0, height // 3).click().perform()
    assert page.js("picture.scrollTop") > 300


# --- the card ------------------------------------------------------------------------------------


def test_a_click_looks_and_goes_nowhere(seen):
    """pictures.md, 4: a click on a leaf threw one to step 0."""
    page = seen("micrograd", address="#step=39")
    a = page.browser.find_element(By.CSS_SELECTOR, "g.node[data-tensor=a]")
    a.click()
    assert page.step == 39
    card = page.browser.find_element(By.ID, "card")
    said = card.text
    assert card.find_element(By.CSS_SELECTOR, "[data-index]").get_property("value") == "-4"
    for part in ("parameter", "value\n", "so far, 2 of 5 parts\n-6.942", "whole pass\n138.8"):
        assert part in said
    parts = [x.text for x in card.find_elements(By.TAG_NAME, "li")]
    assert [float(part.partition(" ")[0]) for part in parts] == [-6.942, 0, 6.942, 166.6, -27.77]
    assert sum([-6.942, 0, 6.942, 166.6, -27.77]) == pytest.approx(138.8, abs=0.05)
    card.find_elements(By.CSS_SELECTOR, "li button")[3].click()
    assert page.step == 50  # where that part was sent
    assert "multiply1 = a * b" in page.panel()
    assert "so far, 4 of 5 parts" in card.text
    page.show(page.count - 1)
    assert "so far" not in card.text  # all have arrived
    page.press(Keys.ESCAPE)
    assert not card.is_displayed()


def test_the_card_by_keyboard_gives_the_focus_back(seen):
    page = seen("mlp")
    page.js("void document.querySelector('[data-tensor=\"layers.2.bias\"]').focus()")
    page.press(Keys.ENTER)
    card = page.browser.find_element(By.ID, "card")
    assert card.text.startswith("Close\nlayers.2.bias\nparameter, in layers.2: Linear")
    assert page.js("document.activeElement.id") == "close"
    page.press(Keys.ENTER)
    assert not card.is_displayed()
    assert page.js("document.activeElement.dataset.tensor") == "layers.2.bias"
    page.js("void document.querySelector('[data-tensor=linear1]').focus()")
    page.press(Keys.SPACE)
    assert "= input1 @ layers.0.weight + layers.0.bias, in layers.0: Linear" in card.text
    assert "value, still to be computed (4, 3)" in card.text
    card.find_element(By.CSS_SELECTOR, "p button").click()
    assert page.js("steps[current].output === card")
    page.js("void look(document.querySelector('[data-tensor=input1]').id)")
    assert "It has no gradient" in card.text  # the data


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_beside_an_open_card(seen, axe_core, size, scheme):
    page = seen("mlp", size, "#step=11")
    features = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
    page.js("void look('t2')")
    page.browser.execute_script(axe_core)
    found = page.browser.execute_async_script("axe.run(document).then(arguments[0])")
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found["violations"]] == []


# --- what is written in the picture --------------------------------------------------------------


def test_the_number_on_an_edge_stands_there_while_it_is_sent(seen):
    page = seen("micrograd")
    sent = "[...document.querySelectorAll('.sent')].map(x => x.textContent)"
    page.show(26)
    assert page.js(sent) == []
    page.show(50)  # multiply1 = a * b receives 83.3
    assert page.js(sent) == ["166.6", "-333.2"]
    page.show(page.count - 1)
    assert page.js(sent) == []


def test_ops_are_written_with_their_symbols_and_the_names_of_the_picture():
    a, b = (Tensor(x, requires_grad=True, name=n) for n, x in (("a", 2.0), ("b", 3.0)))
    page = draw(-a * b**2 + (a - b) / a).html()
    for formula in ("= -a", "= b ** 2", "= negative1 * power1", "= a - b", "= subtract1 / a"):
        assert formula in page
    assert "= x @ W + b" in draw(linear_by_hand()).html()


def linear_by_hand():
    from tinygrad_loss import linear

    rng = np.random.default_rng(0)
    x, W, b = (Tensor(rng.normal(size=s), requires_grad=True) for s in ((2, 3), (3, 4), (4,)))
    x.name, W.name, b.name = "x", "W", "b"
    return linear(x, W, b).sum()


def test_the_direction_is_the_one_that_shows_more():
    if shutil.which("dot") is None:
        pytest.importorskip("pygraphviz")
    x = Tensor(1.0, requires_grad=True, name="x")
    y = x
    for _ in range(12):
        y = y + 1

    def size(page):
        picture = page[page.index('<section id="picture"') :]
        return [int(re.search(rf' {x}="(\d+)', picture)[1]) for x in ("width", "height")]

    width, height = size(draw(y).html())
    assert width > height  # long and thin
    width, height = size(draw(y, rankdir="TB").html())
    assert height > width


# --- what a hostile reader found -----------------------------------------------------------------


def test_the_card_is_seen_and_keeps_the_focus(seen):
    page = seen("digits", address="#step=14")
    page.js("void (document.getElementById('panel').scrollTop = 1e6)")
    box = page.browser.find_element(By.CSS_SELECTOR, '[data-tensor="layers.0.weight"]')
    box.click()
    place = "(x => [x.top, x.bottom])(document.getElementById('{}').getBoundingClientRect())"
    top, bottom = page.js(place.format("card"))
    assert 0 <= top < bottom <= 800
    assert page.js(place.format("heading"))[1] <= 800  # the step below it, too
    page.js("void document.getElementById('close').focus()")
    page.press(Keys.ARROW_RIGHT)
    page.js("new Promise(done => setTimeout(done, 20))")
    assert page.js("document.activeElement.id") == "close"


def test_ops_are_found_by_name_and_symbol(seen):
    page = seen("micrograd")
    for wanted, found in (("power", 2), ("**", 2), ("relu", 4), ("b ** 3", 1)):
        page.js("void (document.getElementById('find').value = arguments[0])", wanted)
        page.js("void document.getElementById('finder').requestSubmit()")
        text = page.js("document.getElementById('matches').textContent")
        assert int(text.partition(" ")[0]) >= found, wanted
    for nothing in ("undefined", "138.8", "grad"):  # neither numbers nor what is no name
        page.js("void (document.getElementById('find').value = arguments[0])", nothing)
        page.js("void document.getElementById('finder').requestSubmit()")
        assert page.js("document.getElementById('matches').textContent") == "0 found"


def test_whole_numbers_in_tables_keep_their_digits(opened):
    page = opened((Tensor([1.0, 2.0], requires_grad=True) * np.array([50257, 12345])).sum())
    page.show(1)
    cells = page.js("[...document.querySelectorAll('#details td')].map(x => x.textContent)")
    assert {"50257", "12345"} <= set(cells)
