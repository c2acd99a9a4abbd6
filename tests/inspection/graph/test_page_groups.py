"""A folded group opens to a picture of its own, and everything works there as in the whole."""

import numpy as np
import pytest

from tests.inspection.graph.graphs import micrograd
from tests.inspection.graph.test_page_looking import INSIDE
from tinygrad_loss import Tensor, nn, scope

By = pytest.importorskip("selenium.webdriver.common.by").By
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
Chains = pytest.importorskip("selenium.webdriver").ActionChains


class Block(nn.Module):
    def __init__(self, n, rng):
        self.a, self.b = nn.Linear(n, n, rng=rng), nn.Linear(n, n, rng=rng)

    def forward(self, x):
        return x + self.b(self.a(x).relu())


def blocks():
    rng = np.random.default_rng(0)
    inner = (Block(8, rng) for _ in range(4))
    model = nn.Sequential(nn.Linear(4, 8, rng=rng), *inner, nn.Linear(8, 3, rng=rng))
    return (model(rng.normal(size=(5, 4))) ** 2).mean()


def scoped():
    """Three parts that share a parameter."""
    x = y = Tensor(0.5, requires_grad=True, name="x")
    for i in range(3):
        with scope(f"part{i}"):
            for _ in range(5):
                y = (y * 0.9 + x).tanh()
    return y


GRAPHS = {
    "blocks": (blocks, 30),
    "scoped": (scoped, 12),
    "stretches": (lambda: micrograd()[2], 20),
    "all in one": (lambda: micrograd()[2], 2),
}


@pytest.fixture(params=GRAPHS)
def folded(request, opened):
    made, most = GRAPHS[request.param]
    return opened(made(), max_nodes=most)


@pytest.fixture
def deep(opened):
    return opened(blocks(), max_nodes=30)


def groups(page):
    return page.js("[...pictures[0].querySelectorAll('g.node.folded')].map((x) => x.dataset.id)")


def shown(page):
    """The group whose picture is shown; None for the whole. Only one picture is."""
    visible = "pictures.filter((x) => getComputedStyle(x).display !== 'none')"
    (group,) = page.js(f"{visible}.map((x) => x.dataset.group ?? null)")
    assert page.browser.find_element(By.ID, "whole").is_displayed() is (group is not None)
    return group


def click_on(page, node):
    """Click where the box is in the picture that is shown."""
    script = "nodes.find((x) => idOf(x) === arguments[0])"
    page.js(f"reveal({script})", node)
    Chains(page.browser).click(page.js(script, node)).perform()


def active(page):
    return page.js("nodes.filter((x) => x.classList.contains('active')).map(idOf)")


def lines(page, node):
    """What a box says in the picture that is shown."""
    box = "nodes.find((x) => idOf(x) === arguments[0])"
    return page.js(f"[...{box}.querySelectorAll('text')].map((x) => x.textContent)", node)


# --- opening and closing -------------------------------------------------------------------------


def test_a_group_opens_by_a_click_and_closes_by_the_button(folded):
    assert shown(folded) is None
    ids = groups(folded)
    assert ids == [f"g{i}" for i in range(len(ids))]
    for group in ids:
        click_on(folded, group)
        assert shown(folded) == group
        assert folded.js("document.activeElement.id") == "picture"
        folded.browser.find_element(By.ID, "whole").click()
        assert shown(folded) is None
        assert folded.js("document.activeElement.dataset.id") == group
    assert folded.problems() == []


def test_a_group_opens_and_closes_by_keys(folded):
    for group in groups(folded):
        for key in (Keys.ENTER, Keys.SPACE):
            folded.js("void document.getElementById(arguments[0]).focus()", group)
            folded.press(key)
            assert shown(folded) == group
            assert folded.js("timer") is None  # the space bar did not play
            folded.press(Keys.ESCAPE)
            assert shown(folded) is None
            assert folded.js("document.activeElement.dataset.id") == group
    folded.press(Keys.ESCAPE)
    assert shown(folded) is None
    assert folded.problems() == []


def test_a_group_shows_its_ops_and_what_they_use(folded):
    """And all ops are to be seen: in the whole, or in one of the groups."""
    made = {}
    for step in folded.js("steps.filter((x) => x.kind === 'forward')"):
        made.setdefault(step["node"], []).append(step)
    for node, steps in made.items():
        if node not in groups(folded):
            assert [node] == [step["output"] for step in steps]
            continue
        folded.js("enter(arguments[0])", node)
        expected = {x for step in steps for x in (*step["inputs"], step["output"])}
        found = folded.js("nodes.map(idOf)")
        assert len(found) == len(set(found))
        assert set(found) == expected
        edges = folded.js("edges.map(idOf)")
        assert len(edges) == sum(len(step["inputs"]) for step in steps)
        place = {x: i for i, x in enumerate(found)}
        for step in steps:  # Tab goes through them in topological order
            assert all(place[x] < place[step["output"]] for x in step["inputs"])


def test_ids_are_unique_and_pictures_have_labels(folded):
    ids = folded.js("[...document.querySelectorAll('[id]')].map((x) => x.id)")
    assert len(ids) == len(set(ids))
    labels = folded.js("pictures.map((x) => x.getAttribute('aria-label'))")
    boxes = folded.js(
        "arguments[0].map((x) => document.getElementById(x).ariaLabel)", groups(folded)
    )
    assert labels[1:] == boxes
    assert len(labels) == len(set(labels)) == folded.js("pictures.length")


def test_the_note_says_what_was_folded(deep):
    text = deep.js("[...pictures[0].querySelectorAll('text')].map((x) => x.textContent).join(' ')")
    assert "Folded: 18 of 20 ops" in text
    assert "A click opens one." in text
    assert "Block + 3 more" in text


def test_what_fits_is_not_folded(opened):
    page = opened(blocks())
    assert page.js("pictures.length") == 1
    assert groups(page) == []
    assert shown(page) is None


# --- the steps -----------------------------------------------------------------------------------


STEPPED = """steps.map(({node = null, output, kind}, i) => {
  enter(arguments[0]);
  const seed = kind === "seed" && nodes.some((x) => idOf(x) === output);
  const inside = node === arguments[0] || seed;
  show(i);
  const lit = nodes.filter((x) => x.classList.contains('active'));
  const [outer, ...inner] = [picture, ...lit].map((x) => x.getBoundingClientRect());
  return {node, output, inside, active: lit.map(idOf), group: svg.dataset.group ?? null,
    seen: inner.some((x) => x.left >= outer.left - 1 && x.right <= outer.right + 1 &&
      x.top >= outer.top - 1 && x.bottom <= outer.bottom + 1)};
})"""


def test_steps_light_the_boxes_of_the_picture_that_is_shown(folded):
    """Stepping to what is not in it goes back to the whole."""
    for group in groups(folded):
        found = folded.js(STEPPED, group)
        for step in found:
            if step["node"] is None:  # the start and the end, which are nowhere
                assert (step["group"], step["active"]) == (group, [])
            elif step["inside"]:
                assert (step["group"], step["active"]) == (group, [step["output"]])
                assert step["seen"]
            else:
                assert step["group"] is None
                assert step["node"] in step["active"]
                assert set(step["active"]) <= {step["node"], step["output"]}
                assert step["seen"]
        left = any(step["group"] is None for step in found)
        assert left or len(groups(folded)) == 1  # which then holds all ops
        folded.show(folded.count - 1)
    assert folded.problems() == []


def test_edges_are_lit_and_carry_the_numbers_that_are_sent(deep):
    sent = "[...document.querySelectorAll('.sent')].map((x) => x.textContent)"
    steps = deep.js("steps")
    seen = 0
    for i, step in enumerate(steps):
        if step["kind"] != "backward" or step["node"] != "g1":
            continue
        deep.js("enter('g1')")
        deep.show(i)
        numbers = deep.js("steps[current].sends.map(({array, ...x}) => short(array, x))")
        assert deep.js(sent) == numbers
        edges = deep.js("edges.filter((x) => x.classList.contains('active')).map(idOf)")
        drawn = set(deep.js("edges.map(idOf)"))
        assert set(edges) == {x for send in step["sends"] for x in send["edges"]} & drawn
        seen += len(edges)
    assert seen == 8 * 3 + 4 * 1 + 4 * 2  # linear, relu, add


BOXES = """nodes.map((x) => ({
  isBorn: born[idOf(x)] <= current,
  waits: x.classList.contains('waiting'),
  value: x.querySelectorAll('text')[1].textContent,
  gradient: x.querySelectorAll('text')[2].textContent,
  parts: tensors[idOf(x)].parts.map((part) => part.step),
}))"""


def test_values_and_gradients_are_there_from_their_steps_on(deep):
    for i in range(deep.count):
        deep.show(i)
        deep.js("enter('g1')")
        for box in deep.js(BOXES):
            assert box["waits"] is not box["isBorn"]
            assert (box["value"] == "value -") is box["waits"]
            arrived = sum(step <= i for step in box["parts"])
            assert (box["gradient"] == "grad -") is (arrived == 0)
            assert box["gradient"].endswith(" parts") is (0 < arrived < len(box["parts"]))


def test_back_undoes_forward_inside_a_group(deep):
    deep.js("enter('g1')")
    states = {}
    for i in range(2, 16):
        deep.show(i)
        states[i] = deep.js("svg.outerHTML")
    for i in reversed(range(2, 16)):
        deep.show(i)
        assert deep.js("svg.outerHTML") == states[i]
    assert shown(deep) == "g1"


# --- what else one does there --------------------------------------------------------------------


def test_cards_open_inside_and_give_the_focus_back(folded):
    for group in groups(folded):
        for node in folded.js("(enter(arguments[0]), nodes.map(idOf).slice(0, 5))", group):
            folded.js("void nodes.find((x) => idOf(x) === arguments[0]).focus()", node)
            folded.press(Keys.ENTER)
            assert folded.js("card") == node
            assert folded.js("document.activeElement.id") == "close"
            opened = "[...document.querySelectorAll('.node.opened')].filter((x) => svg.contains(x))"
            assert folded.js(f"{opened}.map(idOf)") == [node]
            folded.press(Keys.ESCAPE)
            assert folded.js("card") is None
            assert shown(folded) == group  # the first Escape closes the card, the second the group
            assert folded.js("idOf(document.activeElement)") == node
            assert folded.js("svg.contains(document.activeElement)")
    assert folded.problems() == []


def test_a_card_of_what_is_hidden_in_the_whole_can_be_closed_there(deep):
    deep.js("enter('g1')")
    weight = deep.js("nodes.map(idOf).find((x) => tensors[x].name === 'layers.2.a.weight')")
    click_on(deep, weight)
    deep.show(deep.js("steps.findIndex((x) => x.kind === 'seed')"))
    assert shown(deep) is None
    card = deep.browser.find_element(By.ID, "card")
    assert card.text.startswith("Close\nlayers.2.a.weight")
    deep.browser.find_element(By.ID, "close").click()
    assert not card.is_displayed()
    assert deep.problems() == []


def test_numbers_follow_in_both_pictures(opened):
    """A number is changed inside a group; what is shown are the numbers of Python then."""

    def loss(w):
        W = Tensor([[w, -1.0], [0.5, 2.0]], requires_grad=True, name="W")
        h = Tensor([[1.0, 2.0]])
        for i in range(3):
            with scope(f"part{i}"):
                h = (h @ W).tanh() * 0.5 + 0.1
        return (h * h).sum(), W

    page = opened(loss(0.25)[0], max_nodes=14)
    page.show(page.js("steps.findIndex((x) => x.kind === 'end')"))
    assert len(groups(page)) == 3
    weight = page.js(
        "parameters.map((x) => Object.keys(tensors).find((id) => tensors[id] === x))[0]"
    )
    click_on(page, "g1")
    click_on(page, weight)
    field = page.browser.find_element(By.CSS_SELECTOR, '#card [data-index="0,0"]')
    field.clear()
    field.send_keys("-1.5", Keys.ENTER)
    assert shown(page) == "g1"
    changed, W = loss(-1.5)
    changed.backward()
    assert float(page.js("document.getElementById('loss').dataset.number")) == pytest.approx(
        changed.item(), abs=1e-14
    )
    largest = f"grad mean {W.grad.mean():.3g}, max abs {np.abs(W.grad).max():.3g}"
    seen = []
    for group in (None, *groups(page)):
        page.js("enter(arguments[0])", group)
        seen.append([lines(page, x) for x in page.js("nodes.map(idOf)") if x == weight])
        for node in page.js("nodes.map(idOf).filter((x) => tensors[x])"):
            told = page.js("summary(tensors[arguments[0]].array)", node)
            assert lines(page, node)[1] == f"value {told}"
            label = page.js("nodes.find((x) => idOf(x) === arguments[0]).ariaLabel", node)
            assert f"value {told}, grad " in label
    assert seen == [[["W (2, 2)", "value mean 0, max abs 2", largest]]] * 4
    page.browser.find_element(By.ID, "reset").click()
    first, W = loss(0.25)
    first.backward()
    assert f"max abs {np.abs(W.grad).max():.3g}" in lines(page, weight)[2]


def test_nan_inside_is_said_while_it_is_there(opened):
    """Its box follows other numbers as those of Tensors do."""
    x = y = Tensor(2.0, requires_grad=True, name="x")
    with scope("inner"):
        y = y.sqrt().log() * 0.5
    with scope("outer"):
        y = y.tanh() + 1
    page = opened(y * 2 + x, max_nodes=7)
    page.show(page.count - 1)
    group = page.js("steps.find((x) => x.title.includes('sqrt'))")["node"]
    assert group in groups(page)
    is_wrong = "document.getElementById(arguments[0]).classList.contains('notfinite')"
    assert not page.js(is_wrong, group)
    page.js("setLeaf(parameters[0], 0, -1)")
    assert page.js(is_wrong, group)
    page.js("setLeaf(parameters[0], 0, 3)")
    assert not page.js(is_wrong, group)


def test_find_looks_in_the_picture_that_is_shown(deep):
    def find(text):
        deep.js("void (document.getElementById('find').value = arguments[0])", text)
        deep.js("void document.getElementById('finder').requestSubmit()")
        matches = deep.js("document.getElementById('matches').textContent")
        return int(matches.removesuffix(" found")), deep.js(
            "nodes.filter((x) => x.classList.contains('found')).map(idOf)"
        )

    assert find("Block") == (1, ["g1"])  # a group is found by what it says
    assert find("mean1")[0] == 1
    deep.js("enter('g1')")
    count, first = find("relu")
    assert count == 8  # four, and what is made of them
    assert find("relu")[1] != first  # the next one
    for _ in range(7):
        _, node = find("relu")
        assert len(node) == 1
        assert deep.js(INSIDE, "#picture svg:not([hidden]) .node.found")
    assert find("mean1") == (0, [])


def test_zoom_fit_and_map_are_those_of_the_group(deep):
    whole = deep.js("[natural.width, natural.height]")
    click_on(deep, "g1")
    inner = deep.js("[natural.width, natural.height]")
    assert inner[1] > 2 * whole[1]
    size = "(x => [x.width, x.height])(svg.getBoundingClientRect())"
    zoom = deep.js("zoom")
    assert deep.js(size) == pytest.approx([zoom * x for x in inner], abs=1)
    assert not deep.js("map.hidden")
    assert deep.js("Math.max(map.width, map.height)") == pytest.approx(160, abs=1)
    assert deep.js("map.width / map.height") == pytest.approx(inner[0] / inner[1], rel=0.05)
    deep.browser.find_element(By.ID, "zoom-in").click()
    assert deep.js("zoom") == pytest.approx(1.25 * zoom)
    deep.browser.find_element(By.ID, "fit").click()
    assert deep.js(INSIDE, "#picture svg:not([hidden]) .node")
    assert deep.js("map.hidden")
    deep.press(Keys.ESCAPE)
    assert deep.js("[natural.width, natural.height]") == whole
    assert deep.js(INSIDE, "#picture svg:not([hidden]) .node")


def test_a_click_on_the_map_goes_there(deep):
    click_on(deep, "g1")
    deep.js("void picture.scrollTo(0, 0)")
    small = deep.browser.find_element(By.ID, "map")
    height = small.size["height"]
    Chains(deep.browser).move_to_element_with_offset(small, 0, height // 3).click().perform()
    assert deep.js("picture.scrollTop") > 300
    assert shown(deep) == "g1"


def test_a_link_and_the_address_lead_to_the_whole(deep):
    deep.open("#step=5")
    assert shown(deep) is None
    assert active(deep) == ["g1"]
    deep.js("enter('g1')")
    inside = active(deep)
    assert len(inside) == 1
    assert inside[0].startswith("t")
    deep.js("void (location.hash = '#step=1')")
    deep.js("new Promise((done) => setTimeout(done, 30))")
    assert deep.step == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_an_opened_group(deep, axe_core, scheme):
    features = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    deep.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
    deep.show(30)
    deep.js("enter('g1')")
    deep.js("void look(nodes.map(idOf).at(-3))")
    deep.browser.execute_script(axe_core)
    found = deep.browser.execute_async_script("axe.run(document).then(arguments[0])")
    deep.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found["violations"]] == []


def test_hostile_names_in_a_group_are_inert(opened):
    hostile = '"><img src=x onerror=alert(1)>'
    x = y = Tensor(1.0, requires_grad=True, name=hostile)
    with scope(hostile):
        for _ in range(12):
            y = (y * 0.5 + x).tanh()
    page = opened(y * 2, max_nodes=10)
    assert groups(page) == ["g0"]
    click_on(page, "g0")
    assert shown(page) == "g0"
    assert page.js("document.querySelectorAll('img').length") == 0
    assert any(hostile in text for text in page.js("nodes.map((x) => x.dataset.tensor)"))
    assert page.problems() == []
