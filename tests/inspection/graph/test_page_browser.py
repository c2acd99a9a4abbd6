"""The page in a real browser: chromium, driven by selenium. Skipped where either is missing."""

from io import BytesIO
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from tests.inspection.graph.browser import Page
from tests.inspection.graph.graphs import losses, micrograd
from tests.inspection.graph.test_pictures import CLEANED, HOSTILE, use
from tinygrad_loss import Tensor, gradients, losses as loss_functions, nn
from tinygrad_loss.inspection.graph import draw

Keys = pytest.importorskip("selenium.webdriver").Keys
Image = pytest.importorskip("PIL.Image")
film = pytest.importorskip("tests.inspection.graph.film")


def mlp_loss():
    rng = np.random.default_rng(0)
    model = nn.MLP([12, 16, 3], activation="relu", rng=rng)
    return loss_functions.cross_entropy(model(rng.normal(size=(9, 12))), rng.integers(0, 3, 9))


def test_every_step_of_both_passes_without_a_word_on_the_console(expression):
    # Start, 25 ops forward, the seed, 25 ops backward, the end, the update.
    assert expression.count == 1 + 25 + 1 + 25 + 1 + 1
    for step in range(expression.count):
        expression.show(step)
        assert expression.step == step
    assert expression.problems() == []


def test_the_picture_shows_only_what_has_been_computed(expression):
    assert expression.lines("t0") == ["a", "value -4", "grad -"]
    made = expression.js("steps[1].output")
    assert expression.lines(made)[1:] == ["value -", "grad -", "= a + b"]
    expression.show(1)
    assert expression.lines(made)[1:] == ["value -2", "grad -", "= a + b"]
    expression.show(expression.count - 1)
    assert expression.lines("t0") == ["a", "value -4", "grad 138.8"]


def test_a_fork_shows_no_total_before_all_parts_are_there(expression):
    seen = []
    for step in range(expression.count):
        expression.show(step)
        line = expression.lines("t0")[2]
        if not seen or seen[-1] != line:
            seen.append(line)
    parts = [f"grad {i} of 5 parts" for i in range(1, 5)]
    assert seen == ["grad -", *parts, "grad 138.8"]


def test_the_backward_panel_shows_rule_arithmetic_reason_and_running_total(opened):
    x = Tensor(3.0, requires_grad=True, name="x")
    page = opened(x * x)
    page.show(3)
    panel = page.panel()
    for part in (
        "g * x",
        "1 * 3 = 3",
        "Each factor receives",
        "already there",
        "total so far",
    ):
        assert part in panel
    assert (
        "x is used 2 times, so its gradient is the sum of 2: all have arrived, and it is complete."
        in panel
    )
    shown = "'#details h3 ~ figure, #details .sum'"
    cells = page.js(f"[...document.querySelectorAll({shown})].map(x => x.textContent)")
    assert [x for x in cells if x[0] != "x"] == ["sent3", "already there3+this3=total so far6"]


def test_the_panel_explains_a_broadcast_bias(opened):
    b = Tensor([1.0, 2.0], requires_grad=True, name="b")
    page = opened(((np.ones((3, 2)) + b) ** 2).sum())
    page.press("e", Keys.ARROW_LEFT)
    assert "b was broadcast from (2,) to (3, 2)" in page.panel()
    assert "input1 is not differentiated" in page.panel()


def test_back_undoes_forward(opened):
    page = opened(mlp_loss())
    states = []
    for step in range(page.count):
        page.show(step)
        states.append(page.state())
    for step in reversed(range(page.count)):
        page.show(step)
        assert page.state() == states[step], f"step {step}"


def test_keys(expression):
    last = expression.count - 1  # the update
    end = last - 1
    expression.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert expression.step == 2
    expression.press(Keys.ARROW_LEFT)
    assert expression.step == 1
    expression.press(Keys.END)
    assert expression.step == last
    expression.press(Keys.ARROW_RIGHT)
    assert expression.step == last
    expression.press(Keys.HOME)
    assert expression.step == 0
    expression.press(Keys.ARROW_LEFT)
    assert expression.step == 0
    for key, step in {"b": 26, "f": 1, "e": end, "B": 26, "F": 1, "E": end}.items():
        expression.press(key)
        assert expression.step == step, key
    expression.press("/")
    assert expression.js("document.activeElement.id") == "find"
    expression.press("b")  # is typed, and does not jump
    assert expression.step == end
    assert expression.js("document.getElementById('find').value") == "b"


def test_play_goes_on_by_itself_and_stops_at_the_end(opened):
    page = opened(Tensor(3.0, requires_grad=True) * 2)
    page.js("(window.setInterval = (f) => { window.tick = f; return 1; }, 0)")
    page.press(" ")
    assert page.js("document.getElementById('play').getAttribute('aria-pressed')") == "true"
    for step in range(1, page.count):
        page.js("window.tick()")
        assert page.step == step
    assert page.js("document.getElementById('play').getAttribute('aria-pressed')") == "false"
    page.press(" ")  # from the start again
    assert page.step == 0
    page.press(" ")
    assert page.js("document.getElementById('play').textContent") == "Play"


def test_buttons_and_slider(expression):
    find = expression.browser.find_element
    find("id", "next").click()
    find("id", "next").click()
    find("id", "back").click()
    assert expression.step == 1
    find("id", "last").click()
    assert expression.step == expression.count - 1
    assert not find("id", "next").is_enabled()
    find("id", "first").click()
    assert not find("id", "back").is_enabled()
    expression.js(
        "(slider => { slider.value = 7; slider.dispatchEvent(new Event('input')); })"
        "(document.getElementById('slider'))"
    )
    assert expression.step == 7


def test_find(expression):
    expression.press("/", *"mul", Keys.ENTER)
    assert expression.js("document.getElementById('matches').textContent") == "6 found"
    found = expression.js("document.querySelector('.found').id")
    expression.press(Keys.ENTER)
    assert expression.js("document.querySelector('.found').id") != found
    expression.press(Keys.ESCAPE)
    assert expression.js("document.activeElement.tagName") == "BODY"


def test_the_address_holds_the_step(expression):
    expression.open("#step=9")
    assert expression.step == 9
    expression.press(Keys.ARROW_RIGHT)
    assert expression.browser.current_url.endswith("#step=10")
    expression.js("void (location.hash = '#step=3')")
    expression.js("new Promise(done => setTimeout(done, 50))")
    assert expression.step == 3
    for odd, step in {"#step=9999": expression.count - 1, "#step=-1": 0, "#step=x": 0}.items():
        expression.open(odd)
        assert expression.step == step
    assert expression.problems() == []


def test_the_active_node_is_in_view(opened):
    x = Tensor(1.0, requires_grad=True, name="x")
    y = x
    for _ in range(40):
        y = y + 1
    page = opened(y)
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [REDUCED_MOTION]})
    for step in (1, 20, 41, 60, page.count - 3):
        page.show(step)
        visible = page.js(
            "((a, b) => a.top >= b.top && a.bottom <= b.bottom && a.left >= b.left && "
            "a.right <= b.right)("
            "document.querySelector('.node.active').getBoundingClientRect(),"
            "document.getElementById('picture').getBoundingClientRect())"
        )
        assert visible, step
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


REDUCED_MOTION = {"name": "prefers-reduced-motion", "value": "reduce"}


@pytest.mark.parametrize("renderer", ["dot", "pygraphviz"])
def test_arrows_point_where_things_flow(opened, renderer, monkeypatch):
    use(renderer, monkeypatch)
    page = opened(micrograd()[2], rankdir="LR")
    heads = "[...document.querySelectorAll('#e0 polygon')].map(x => getComputedStyle(x).display)"
    page.show(1)
    assert page.js(heads) == ["none", "inline"]
    page.show(page.count - 1)
    assert page.js(heads) == ["inline", "none"]
    points = page.js("[...document.querySelectorAll('#e0 polygon')].map(x => x.points[0].x)")
    assert points[0] < points[1]  # whatever the version of Graphviz, the first is at the tail


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        *((name, name) for name in HOSTILE.values()),
        *CLEANED.values(),
        ("x" * 10_000, "x" * 19 + "..." + "x" * 18),
    ],
    ids=[*HOSTILE, *CLEANED, "long"],
)
def test_hostile_names_are_inert_and_unchanged(opened, name, shown):
    x = Tensor(1.0, requires_grad=True, name=name)
    y = x * x
    y.name = name
    page = opened(y)
    page.js("window.alert = () => { throw 'alert' }, 0")
    assert page.js("tensors.t0.name") == shown
    assert page.lines("t0")[0] == shown
    assert page.js("document.getElementById('t0').getAttribute('aria-label')").startswith(shown)
    assert page.browser.title == f"Backprop of {shown}, step by step" or " " in shown
    for step in range(page.count):
        page.show(step)
    page.press("e")
    assert f"gradient of {shown}" in page.panel()
    assert page.js("document.scripts.length") == 2
    assert page.js("document.querySelectorAll('b, record, td > *').length") == 0
    assert page.problems() == []


def test_the_policy_holds(expression):
    expression.js("window.attacked = 0, 0")
    expression.js(
        "(() => { const s = document.createElement('script');"
        "s.textContent = 'window.attacked = 1';"
        "document.body.append(s); const b = document.createElement('button'); b.id = 'attack';"
        "b.setAttribute('onclick', 'window.attacked = 2'); document.body.append(b); b.click();"
        "const i = document.createElement('img'); i.src = 'https://example.org/x.png';"
        "document.body.append(i); const d = document.createElement('p'); d.id = 'styled';"
        "d.setAttribute('style', 'color: red'); document.body.append(d); })()"
    )
    assert expression.js("window.attacked") == 0
    assert (
        expression.js("getComputedStyle(document.getElementById('styled')).color")
        != "rgb(255, 0, 0)"
    )
    refused = [line for line in expression.problems() if "Content Security Policy" in line]
    assert len(refused) >= 4
    source = expression.path.read_text(encoding="utf-8")
    assert "unsafe-inline" not in source
    assert "unsafe-eval" not in source


def test_dark_mode(expression):
    background = "getComputedStyle(document.body).backgroundColor"
    box = "getComputedStyle(document.querySelector('.parameter polygon')).fill"
    light = expression.js(background), expression.js(box)
    features = {"features": [{"name": "prefers-color-scheme", "value": "dark"}, REDUCED_MOTION]}
    expression.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
    dark = expression.js(background), expression.js(box)
    expression.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert light == ("rgb(255, 255, 255)", "rgb(214, 230, 245)")
    assert dark == ("rgb(22, 25, 29)", "rgb(16, 50, 74)")


def test_reduced_motion(expression):
    moves = "getComputedStyle(document.querySelector('.node polygon')).transitionDuration"
    assert expression.js(moves) == "0.2s"
    features = {"features": [REDUCED_MOTION]}
    expression.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
    assert expression.js(moves) == "0s"
    expression.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_narrow_window_shows_picture_above_panel(expression):
    metrics = {"width": 420, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    expression.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    box = "document.querySelector('{}').getBoundingClientRect()"
    header, picture, panel = (
        expression.js(f"(b => [b.top + scrollY, b.bottom + scrollY])({box.format(part)})")
        for part in ("header", "#picture", "#panel")
    )
    wider = expression.js("document.documentElement.scrollWidth - innerWidth")
    expression.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert 0 == header[0] < header[1] <= picture[0] < picture[1] <= panel[0] < panel[1]
    assert wider <= 0


def test_print_shows_the_picture_and_the_step(expression):
    expression.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    display = "getComputedStyle(document.querySelector('{}')).display"
    assert expression.js(display.format("nav")) == "none"
    assert expression.js(display.format("#picture svg")) != "none"
    width = expression.js("document.querySelector('#picture svg').getBoundingClientRect().width")
    assert width <= expression.js("document.documentElement.clientWidth")
    expression.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_without_javascript_the_end_is_shown(expression):
    switch = "Emulation.setScriptExecutionDisabled"
    expression.browser.execute_cdp_cmd(switch, {"value": True})
    expression.open()
    body = expression.browser.find_element("tag name", "body").text
    expression.browser.execute_cdp_cmd(switch, {"value": False})
    assert "Stepping through needs JavaScript" in body
    assert "grad 138.8" in body


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["start", "forward", "seed", "backward", "end"])
def test_axe_finds_nothing(opened, axe_core, kind, scheme):
    page = opened(mlp_loss())
    features = {"features": [{"name": "prefers-color-scheme", "value": scheme}, REDUCED_MOTION]}
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
    kinds = page.js("steps.map(step => step.kind)")
    page.show(kinds.index(kind) + kinds.count(kind) // 2)
    page.browser.execute_script(axe_core)
    found = page.browser.execute_async_script("axe.run(document).then(arguments[0])")
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found["violations"]] == []


def test_nodes_can_be_reached_in_topological_order(expression):
    order = expression.js("[...document.querySelectorAll('[tabindex=\"0\"].node')].map(x => x.id)")
    assert len(order) == 27  # 2 leaves, and 25 values, each with its op
    place = {node: i for i, node in enumerate(order)}
    for step in expression.js("steps.filter(step => step.kind == 'forward')"):
        assert step["node"] == step["output"]
        assert all(place[used] < place[step["node"]] for used in step["inputs"])
    status = "document.getElementById('status').textContent"
    expression.show(26)
    assert expression.js(status).startswith("Step 26: The backward pass starts with 1 at add13")


def test_tables_and_heat_maps(opened):
    numbers = np.linspace(-1.0, 2.0, 9 * 40).reshape(9, 40)
    page = opened((Tensor([[1.0, -2.5e-7]], requires_grad=True) * Tensor(numbers[:, :1])).sum())
    page.press("f")
    assert page.js("[...document.querySelectorAll('table')][0].textContent") == "1-2.5e-07"
    page = opened((Tensor(numbers, requires_grad=True, name="x") * 2).sum())
    page.press("f")
    cells = page.js(
        "[...document.querySelector('.heat').children].map(x => "
        "[x.textContent, Number(x.title), getComputedStyle(x).backgroundColor])"
    )
    assert len(cells) == 9 * 32  # of 40 columns
    assert "shown: the first 32 of 40 columns" in page.panel()
    blue, orange = "0, 114, 178", "213, 94, 0"
    for (sign, value, color), exact in zip(cells, numbers[:, :32].ravel(), strict=True):
        assert value == pytest.approx(exact, rel=6e-4)
        assert sign == ("+" if exact > 0 else "\u2212")
        assert (blue if exact > 0 else orange) in color


def test_nan_is_loud_only_once_it_is_there(opened):
    x = Tensor(0.0, requires_grad=True, name="x")
    with np.errstate(invalid="ignore", divide="ignore"):
        y = (x * 2).log() * 0.0
    page = opened(y)
    assert page.js("document.querySelectorAll('.notfinite').length") == 0
    page.press("e")
    assert page.js("document.querySelectorAll('.node.notfinite').length") > 0
    assert page.lines("t0")[2] == "grad NaN"
    assert page.js("document.querySelector('#panel .wrong') !== null")


def test_a_gradient_penalty_has_a_page(opened):
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    (g,) = gradients((x**3).sum(), [x], create_graph=True)
    page = opened((g.norm() - 1) ** 2)
    page.press("e")
    assert page.problems() == []


def test_the_graph_of_the_gradients_has_a_page(opened):
    x = Tensor(3.0, requires_grad=True, name="x")
    page = opened(x**3, backward=True)
    for step in range(page.count):
        page.show(step)
    assert "gradient of x" in page.state()
    assert page.problems() == []


def test_a_page_of_a_graph_that_is_folded(opened):
    parameters = [Tensor(0.1 * i, requires_grad=True, name=f"p{i}") for i in range(6)]
    y = parameters[0]
    for i in range(300):
        y = (y * parameters[i % 6]).tanh()
    page = opened(y)
    assert page.js("document.querySelectorAll('.folded').length") > 1
    assert page.count == 1 + 600 + 1 + 600 + 2  # every op has its steps all the same
    for step in (1, 300, 600, 602, 900, 1201):
        page.show(step)
        assert page.js("document.querySelector('.node.active.folded') !== null")
    page.press("e")
    assert page.lines("t0")[2].startswith("grad ")
    assert "parts" not in page.lines("t0")[2]
    assert page.problems() == []


def test_the_mask_of_causal_attention_is_not_red_but_a_nan_is(opened):
    """faults.md F7: its -inf is there by design."""
    scores = Tensor(np.ones((3, 3)), requires_grad=True, name="scores")
    masked = scores + np.where(np.tril(np.ones((3, 3))) > 0, 0, -np.inf)
    page = opened((masked.softmax(axis=-1) * np.arange(9.0).reshape(3, 3)).sum())
    page.press("e")
    assert page.js("document.querySelectorAll('.node.notfinite').length") == 0
    page = opened(Tensor([np.nan, 1.0], requires_grad=True).sum())
    page.press("e")
    assert page.js("document.querySelectorAll('.node.notfinite').length") == 2


def test_a_vector_has_a_page_without_a_backward_pass(opened):
    page = opened(Tensor([1.0, 2.0, 3.0], requires_grad=True) * 2)
    assert page.count == 3
    page.press("e")
    assert "There was no backward pass" in page.panel()


def test_the_page_works_in_a_sandboxed_frame_of_a_notebook(chromium, tmp_path):
    path = tmp_path / "notebook.html"
    frame = draw(micrograd()[2]).frame()._repr_html_()
    path.write_text(f"<!doctype html><title>notebook</title>{frame}", encoding="utf-8")
    page = Page(chromium, path)
    page.browser.switch_to.frame(page.browser.find_element("tag name", "iframe"))
    page.press("e")
    page.browser.find_element("id", "last").click()
    assert page.lines("t0") == ["a", "value -4", "grad 138.8"]
    page.browser.switch_to.default_content()
    assert page.problems() == []


@pytest.mark.parametrize("system", ["light", "dark"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_picture_and_a_frame_follow_the_notebook(chromium, tmp_path, theme, system):
    """JupyterLab 4.3 and newer sets color-scheme on the body; an SVG is shown as an image."""
    graph = draw(Tensor(2.0, requires_grad=True, name="a") * 3.0)
    picture = f'<img src="data:image/svg+xml,{quote(graph.svg())}">{graph.frame()._repr_html_()}'
    path = tmp_path / "notebook.html"
    path.write_text(f'<!doctype html><body style="color-scheme: {theme}">{picture}', "utf-8")
    feature = {"features": [{"name": "prefers-color-scheme", "value": system}]}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    try:
        page = Page(chromium, path)
        shown = chromium.find_element("tag name", "img").screenshot_as_png
        frame = chromium.find_element("tag name", "iframe")
        assert page.js("arguments[0].getBoundingClientRect().right", frame) <= page.js("innerWidth")
        chromium.switch_to.frame(frame)
        color = page.js("getComputedStyle(document.body).backgroundColor")
        chromium.switch_to.default_content()
    finally:
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    ground = Image.open(BytesIO(shown)).convert("L").getpixel((2, 2))
    assert (ground < 100) == (theme == "dark")
    assert (color != "rgb(255, 255, 255)") == (theme == "dark")


def test_the_film_of_the_readme_has_a_picture_of_each_step(chromium, tmp_path):
    film.save(film.frames(film.expression(), chromium), tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as made, Image.open(film.FILM) as committed:
        assert made.n_frames == committed.n_frames == 1 + 4 + 1 + 4 + 1 + 1  # as above, for 4 ops
        assert committed.size == film.WINDOW


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(losses())
def test_the_end_shows_the_gradients_of_a_real_backward(chromium, folder, made):
    loss, leaves = made
    page = Page(chromium, draw(loss).save(folder / "random.html"))
    page.press("e")
    shown = page.js("parameters.map(({total}) => [...total.data])")
    loss.backward()
    expected = [leaf.grad.ravel() for leaf in leaves if leaf.grad is not None]
    largest = max(np.abs(x).max(initial=0) for x in expected)
    # The browser adds up in another order: what it computes may differ in the last digits.
    for found, exact in zip(shown, expected, strict=True):
        np.testing.assert_allclose(found, exact, rtol=0, atol=1e-12 * largest)
    cells = page.js("[...document.querySelectorAll('td')].map(x => x.textContent)")
    exact = np.concatenate(expected)
    np.testing.assert_allclose([float(x) for x in cells], exact, rtol=6e-4, atol=1e-12 * largest)
    assert page.problems() == []
