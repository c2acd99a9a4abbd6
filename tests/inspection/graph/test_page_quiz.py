"""The quiz: each number that is sent backward is asked for before it can be seen anywhere."""

import re

import numpy as np
import pytest

from tests.inspection.graph.browser import Page
from tests.inspection.graph.graphs import micrograd
from tests.inspection.graph.test_page_looking import mlp_on_four_points
from tinygrad_loss import Op, Tensor, draw

By = pytest.importorskip("selenium.webdriver.common.by").By
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys

# All that is written on the page in text nodes, attributes and fields, but for where things are, at
# every step that one can go to, in every card here and at the start, and in every picture. (The
# data of the page, its styles and scripts are not written on it.)
SEEN = """
const places = new Set(["d", "points", "x", "y", "cx", "cy", "rx", "ry", "transform", "viewBox"]);
const numbers = {}; // and what they were read in
function look_around() {
  const found = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_ALL);
  for (let node = found.nextNode(); node; node = found.nextNode()) {
    if (node.closest?.("script, style") || node.parentElement.closest("script, style")) continue;
    const texts = node.attributes
      ? [...node.attributes].filter((x) => !places.has(x.name)).map((x) => x.value)
      : [node.data];
    for (const text of [...texts, String(node.value ?? "")])
      for (const [number] of text.matchAll(/\\d+\\.?\\d*(e[+-]?\\d+)?/g))
        numbers[number] ??= `step ${current}, ${(node.parentElement ?? node).tagName}: ${text}`;
  }
}
const here = current;
for (let step = 0; step < steps.length; step++) {
  show(step);
  if (step === current) look_around();
}
for (const step of [0, here]) {
  show(step);
  for (const id in tensors) {
    look(id);
    look_around();
  }
  look(null);
}
for (const { dataset } of pictures.slice(1)) {
  enter(dataset.group);
  look_around();
  enter(null);
}
return numbers;
"""


def written(page):
    """All numbers on the page, and the text that each was read in."""
    return {float(x): text for x, text in page.browser.execute_script(SEEN).items()}


def numbers_of(array):
    """The size of all that can be written of an array: elements and mean."""
    found = abs(np.append(np.ravel(array), np.mean(array)))
    return set(found[np.isfinite(found)])


def as_written(numbers):
    return {float(f"{x:.{digits}g}") for x in numbers for digits in (3, 4, 6, 17)}


def secrets(trace, count):
    """What has not been answered, but for what can be read elsewhere: values, and what was."""
    known = [x.value for x in trace.tensors] + [trace.outputs[0].gradient]
    known += [x for op in trace.ops for x in op.arguments if isinstance(x, float)]
    known += [np.array(1 / max(x.value.size, 1)) for x in trace.tensors]  # in a rule, of a mean
    open_uses = set(trace.sent[count:])
    hidden = [use.gradient for use in open_uses]
    for node in trace.tensors:
        parts = [use.gradient for use in trace.sent if use.source is node and use not in open_uses]
        known += [*parts, *(sum(parts[:i]) for i in range(2, len(parts) + 1))]
        if node.gradient is not None:
            waits = any(use in open_uses for use in node.uses)
            (hidden if waits else known).append(node.gradient)
    read = set().union(*map(numbers_of, known))
    unseen = set().union(*map(numbers_of, hidden)) if hidden else set()
    return {x for x in unseen if not as_written([x]) & as_written(read) and x != np.rint(x)}


def largest(array):
    """The place of the element that is asked for, and the element."""
    at = np.unravel_index(np.nanargmax(abs(array)), array.shape) if array.ndim else ()
    return at, array[at].item()


def typed(x):
    return f"{x:.3g}"


@pytest.fixture
def quiz(chromium, tmp_path):
    def open_page(output, **options):
        return Page(chromium, draw(output, **options).save(tmp_path / "quiz.html", quiz=True))

    return open_page


def text(page, name):
    return page.js("document.getElementById(arguments[0])?.textContent", name)


def ask(page):
    """Go to the question that is next; what it asks for, or None."""
    page.js("go(steps.length - 1)")
    return page.js("document.querySelector('#details label')?.textContent")


def answer(page, wanted):
    """Type an answer; what is said to it."""
    page.js("document.getElementById('answer').value = arguments[0]", wanted)
    page.js("document.querySelector('#details form').requestSubmit()")
    if (said := text(page, "verdict")) and not is_right(page):
        return said
    return text(page, "status")


def is_right(page):
    return text(page, "status").startswith("Right: ")


def leaf(x, name):
    return Tensor(x, requires_grad=True, name=name)


def forks():
    rng = np.random.default_rng(3)
    a, b = leaf(0.7312, "a"), leaf(-1.3771, "b")
    M, c = leaf(rng.normal(size=(2, 3)), "M"), leaf(rng.normal(size=3), "c")
    product = (M @ c).exp()
    return ((a * b).tanh() + product.sum() * a / b - (product * product).mean()) ** 2 * a


def folded():
    parameters = [leaf(0.7 + 0.131 * i, f"p{i}") for i in range(3)]
    y = parameters[0]
    for i in range(9):
        y = (y * parameters[i % 3]).tanh()
    return y


def doubled(x):
    return x * 2.173 if x.sum() > 0 else -x


def read_only():
    x = leaf([1.317, 2.771], "x")
    own = Op(doubled, lambda g, y, x: g * 2.173, name="own")
    return (own(x) * x).sum() * 0.719


GRAPHS = {
    "forks": (forks, {}),
    "mlp": (mlp_on_four_points, {}),
    "folded": (folded, {"max_nodes": 6}),
    "read-only": (read_only, {}),
}


# --- nothing is seen before it is asked for ------------------------------------------------------


@pytest.mark.parametrize(("made", "options"), GRAPHS.values(), ids=GRAPHS)
def test_no_number_is_written_anywhere_before_it_is_answered(quiz, made, options):
    output = made()
    trace = draw(output).trace
    page = quiz(output, **options)
    counts = []
    for i, use in enumerate(trace.sent):
        at, right = largest(use.gradient)
        place = f"[{', '.join(map(str, at))}]" if at else ""
        assert ask(page) == f"Sent to {use.source.name}{place}: "
        hidden = secrets(trace, i)
        counts.append(len(hidden))
        found = written(page)
        assert {x: found[x] for x in found.keys() & as_written(hidden)} == {}, f"question {i}"
        said = answer(page, typed(right))
        assert is_right(page), (said, right)
    assert counts[0] >= 3  # there was something to be seen
    assert ask(page) is None
    found = written(page).keys()  # as a check of the check: now all is there
    assert all(as_written([abs(largest(use.gradient)[1])]) & found for use in trace.sent)
    assert page.problems() == []


def test_what_can_be_seen_of_a_long_graph(quiz):
    """Boxes, edges and table say "?" or "-" for what was not answered, and how many parts were."""
    output = micrograd()[2]
    page = quiz(output)
    sent = [use.source.name for use in draw(output).trace.sent]
    last = len(sent) - sent[::-1].index("a")
    lines = set()
    for _ in sent[:last]:
        assert ask(page)
        lines.add(page.lines("t0")[2])
        assert "?" in page.js("[...document.querySelectorAll('.sent')].map((x) => x.textContent)")
        assert "?" in text(page, "status")
        assert text(page, "heading").startswith("Backward")
        row = page.js("document.querySelector('pre [data-gradient=t0]').textContent")
        assert row.strip() == "?"
        page.js("void look('t0')")
        assert "gradient in the whole pass: still to be asked for" in text(page, "card")
        assert page.js("document.querySelectorAll('#card [data-gradient]').length") == 0
        page.js("document.getElementById('give-up').click()")
        assert text(page, "status").startswith("It is ")
    parts = {f"grad {i} of 5 parts" for i in range(1, 5)}
    assert lines == {"grad -", *parts}
    assert page.lines("t0")[2] == "grad 138.8"
    assert (
        page.js("document.querySelector('pre [data-gradient=t0]').textContent").strip() == "138.8"
    )
    assert "138.8" in text(page, "card")


def test_one_cannot_go_beyond_the_question(quiz):
    page = quiz(forks())
    first = page.js("furthest()")
    for go_on in (
        lambda: page.press(Keys.END),
        lambda: page.press("e"),
        lambda: page.js("go(steps.length - 1)"),
        lambda: page.js("document.getElementById('last').click()"),
        lambda: page.js(
            "(x => { x.value = 999; x.oninput(); })(document.getElementById('slider'))"
        ),
        lambda: page.open(f"#step={page.count - 1}"),
        lambda: page.press(Keys.ARROW_RIGHT),
    ):
        go_on()
        assert page.step == first
    for button in ("next", "last"):
        assert page.js("document.getElementById(arguments[0]).disabled", button)
    assert page.js("document.getElementById('slider').value") == str(first)
    page.js("(window.setInterval = (f) => { window.tick = f; return 1; }, 0)")
    page.press(Keys.ESCAPE)  # out of the field
    page.press(Keys.HOME)
    page.js("play(true)")
    page.js("Array.from({length: 99}, () => window.tick()).length")
    assert page.step == first
    assert text(page, "play") == "Play"
    page.press(Keys.ESCAPE)
    page.press(Keys.HOME)
    assert page.step == 0  # but back


def test_there_is_neither_update_nor_field(quiz):
    page = quiz(chain())
    for _ in range(7):  # before each of six questions, and after them
        assert page.js("document.getElementById('update').hidden")
        assert page.js("steps.at(-1).kind") == "end"
        for node in page.js("Object.keys(tensors)"):
            page.js("void look(arguments[0])", node)
            assert page.js("document.querySelectorAll('#card input').length") == 0
        if ask(page):
            page.js("document.getElementById('give-up').click()")
    assert ask(page) is None
    assert page.step == page.count - 1


def test_nothing_is_stored(quiz):
    page = quiz(forks())
    question = ask(page)
    page.js("document.getElementById('give-up').click()")
    assert ask(page) != question
    assert page.js("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    page.browser.refresh()
    assert ask(page) == question


# --- the end -------------------------------------------------------------------------------------


def end_of(page):
    """All that the page says at the end, but for the fields."""
    page.show(page.js("firstOf('end')"))
    said = [
        page.panel(),
        text(page, "status"),
        page.js("document.querySelector('pre').textContent"),
    ]
    said += [page.lines(node) for node in page.js("nodes.map((x) => x.id)")]
    said += page.js("nodes.map((x) => x.getAttribute('aria-label'))")
    said += page.js("[...nodes, ...edges].map((x) => x.getAttribute('class'))")
    parts = "'#card > :is(h2, ul, p), #card [data-gradient]'"
    for node in page.js("Object.keys(tensors)"):
        page.js("void look(arguments[0])", node)
        said += page.js(f"[...document.querySelectorAll({parts})].map((x) => x.outerHTML)")
    page.js("void look(null)")
    for step in range(page.js("firstOf('seed')"), page.step):
        page.show(step)
        said += [page.panel(), text(page, "status")]
    return said


@pytest.mark.parametrize(("made", "options"), GRAPHS.values(), ids=GRAPHS)
def test_the_end_is_that_of_the_page_without_questions(quiz, opened, made, options):
    page = quiz(made(), **options)
    while ask(page):
        page.js("document.getElementById('give-up').click()")
    found = end_of(page)
    assert found == end_of(opened(made(), **options))


def test_a_graph_without_ops_asks_nothing(quiz):
    page = quiz(leaf(2.0, "c"))
    assert ask(page) is None
    assert page.lines("t0") == ["c", "value 2", "grad 1"]


# --- answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "slope",
    [0.25, -3.14159, 1e-300, -2.5e-17, 6.02e23, 99950.0, 0.0, -0.0, np.inf, -np.inf, np.nan],
)
def test_a_right_answer_is_accepted_and_a_wrong_one_is_not(quiz, slope):
    scaled = Op(lambda x: x * 1.0, lambda g, y, x: g * slope, name="scaled")
    page = quiz(scaled(leaf(2.0, "x")))
    ask(page)
    wrong = [7.77, -7.77, *((1.02 * slope, 0.98 * slope) if np.isfinite(slope) and slope else ())]
    for x in [*wrong, *(np.inf, -np.inf)[: 2 if np.isfinite(slope) else 0]]:
        answer(page, repr(x))
        assert not is_right(page), x
    for nothing in ("", "  ", "three", "1,5"):
        assert answer(page, nothing) == "Type a number, such as -0.25."
    answer(page, typed(slope))
    assert is_right(page)
    assert page.problems() == []


def test_an_answer_by_keyboard(quiz):
    page = quiz(leaf(3.0, "x") ** 2 * 5.0)
    ask(page)
    field = page.browser.find_element(By.ID, "answer")
    field.send_keys("-5", Keys.ENTER)
    assert text(page, "verdict") == "The sign is wrong."
    assert page.js("document.activeElement.id") == "answer"
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("5", Keys.ENTER)
    assert text(page, "status") == "Right: 5 to power1."
    assert page.js("document.activeElement.id") == "next"
    page.press(Keys.ENTER)
    assert page.js("document.querySelector('#details label').textContent") == "Sent to x: "


def test_the_rounding_error_of_a_zero_is_answered_by_zero(quiz):
    x = leaf([0.1, 0.2, 0.7], "x")
    output = ((x - x.mean()) ** 2).sum()
    (use,) = (use for use in draw(output).trace.sent if use.rounding and not use.gradient.ndim)
    assert use.gradient != 0
    page = quiz(output)
    while ask(page) != f"Sent to {use.source.name}: ":
        page.js("document.getElementById('give-up').click()")
    answer(page, "0.1")
    assert not is_right(page)
    answer(page, "0")
    assert is_right(page)


def test_nothing_is_asked_of_an_empty_array(quiz):
    page = quiz(leaf(np.zeros(0), "x").sum() * 1.0 + leaf(2.0, "c"))
    questions = []
    while question := ask(page):
        questions.append(question)
        page.js("document.getElementById('give-up').click()")
    assert questions
    assert not any(question.startswith("Sent to x") for question in questions)


# --- known slips ---------------------------------------------------------------------------------


def chain():
    a, b = leaf(2.0, "a"), leaf(-3.0, "b")
    return ((a * b + a) * 0.5) ** 2


def paths():
    a, b = leaf(0.5, "a"), leaf(2.0, "b")
    c = a * b
    return c * 3 + c**2


def rows():
    return (leaf(np.arange(6.0).reshape(2, 3), "x").mean(axis=1) * np.array([2.0, 5.0])).sum()


SLIPS = [
    (chain, "multiply2", "4", "The sign is wrong"),
    (chain, "add1", "2", "The sign is wrong"),
    (chain, "add1", "0.5", "That is the slope alone"),
    (chain, "add1", "-4", "That is the gradient that came in"),
    (chain, "a", "-4", "That is what is sent to b: it takes the other factor"),
    (chain, "a", "-3", "That is the slope alone"),
    (chain, "a", "4", "That is the total so far"),
    (chain, "b", "6", "That is what is sent to a: it takes the other factor"),
    (chain, "b", "4", "The sign is wrong"),
    (chain, "b", "123", "That is not it. Put the numbers into the rule"),
    (paths, "a", "6", "That is one path of 2"),
    (paths, "a", "4", "That is one path of 2"),
    (paths, "b", "1.5", "That is one path of 2"),
    (rows, "x", "5", "1/N is missing, N = 3"),
    (rows, "x", "0.556", "1/N counts only once, N = 3"),
    (lambda: leaf([1.0, 2.0, 4.0], "x").mean() * 6, "x", "6", "1/N is missing, N = 3"),
    (lambda: leaf([1.0, 2.0, 4.0], "x").sum() * 6, "x", "2", "There is no 1/N here, N = 3"),
]


@pytest.mark.parametrize(("made", "name", "wrong", "said"), SLIPS)
def test_a_known_slip_is_named(quiz, made, name, wrong, said):
    output = made()
    page = quiz(output)
    uses = [use for use in draw(output).trace.sent if use.source.name == name]
    waits = len(uses)  # of several, the last is meant
    while waits := waits - bool(re.match(rf"Sent to {name}(\[|:)", question := ask(page))):
        page.js("document.getElementById('give-up').click()")
    assert answer(page, wrong).startswith(said)
    assert not is_right(page)
    assert ask(page) == question  # it is still asked


def test_a_sum_misses_no_divisor(quiz):
    page = quiz(leaf([1.0, 2.0, 4.0], "x").sum() * 6)
    ask(page)
    page.js("document.getElementById('give-up').click()")
    ask(page)
    assert "1/N is missing" not in answer(page, "18")


# --- in Python -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["svg", "png", "pdf", "dot", "txt", "HTM", "x"])
def test_a_quiz_is_a_page(tmp_path, ending):
    with pytest.raises(ValueError, match=rf"save: 'q.{ending}' ends in .*; expected one of .html$"):
        draw(chain()).save(tmp_path / f"q.{ending}", quiz=True)
    assert list(tmp_path.iterdir()) == []


WITHOUT = {
    "a vector": lambda: draw(leaf([1.0, 2.0], "x") * 2),
    "several": lambda: draw([chain(), paths()]),
    "data": lambda: draw(Tensor(2.0) * 3),
    "the graph of gradients": lambda: draw(chain(), backward=True),
}


@pytest.mark.parametrize("made", WITHOUT.values(), ids=WITHOUT)
def test_a_quiz_needs_a_backward_pass(tmp_path, made):
    graph = made()
    for write in (graph.html, graph.frame, lambda quiz: graph.save(tmp_path / "q.html", quiz)):
        with pytest.raises(ValueError, match=r"^html: quiz=True asks for gradients, and this"):
            write(quiz=True)
    assert list(tmp_path.iterdir()) == []
    graph.html()


def test_a_gradient_to_start_from_makes_a_quiz_of_a_vector(chromium, tmp_path):
    graph = draw(leaf([1.0, 2.0], "x") * 2, grad=np.array([3.0, -5.0]))
    page = Page(chromium, graph.save(tmp_path / "q.html", quiz=True))
    assert ask(page) == "Sent to x[1]: "
    answer(page, "-10")
    assert is_right(page)


def test_html_and_frame_ask_too(tmp_path):
    graph = draw(chain())
    assert graph.save(tmp_path / "q.html", quiz=True).read_text("utf-8") == graph.html(quiz=True)
    assert "&quot;quiz&quot;:true" in graph.frame(quiz=True)._repr_html_()
    assert '"quiz":false' in graph.html()
    assert graph.html() == draw(chain()).html()
