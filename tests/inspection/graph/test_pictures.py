"""DOT, text, SVG, PNG, PDF: what they say, names that mean only themselves, and renderers."""

import os
import re
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.inspection.graph.graphs import micrograd
from tinygrad_loss import Tensor, nn, scope
from tinygrad_loss.inspection.graph import draw
from tinygrad_loss.inspection.graph.dot import render
from tinygrad_loss.inspection.graph.text import clean, summary

SVG = "{http://www.w3.org/2000/svg}"

HOSTILE = {
    "quotes": "\"'`",
    "backslashes": "\\N\\n\\\\l\\",
    "script": "</script><script>alert(1)</script>",
    "HTML": "<b onclick='x'>&amp;&lt;</b>",
    "label": "<<table><tr><td>x</td></tr></table>>",
    "record": "{a|<p>b|c}",
    "attribute": '"]; t0 -> t0; x [label="',
    "comment": "<!-- --> ]]> /* // #",
    "template": "<!--data--> {{x}} ${x}",
    "unicode": "重み ∂L/∂w é",
}
CLEANED = {
    "newline": ("a\nb\r\t\0", r"a\nb\r\t\x00"),
    "bidi": ("\u202eabc\u2066", r"\u202eabc\u2066"),
    "surrogate": ("\ud800x", r"\ud800x"),
    "zero width": ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
    "separator": ("a\u2028b", r"a\u2028b"),
}


def texts(svg):
    return [
        "".join(element.itertext()).strip()
        for element in ElementTree.fromstring(svg).iter(f"{SVG}text")
    ]


def statements(dot):
    nodes = re.findall(r"^\s*(\w+) \[label=", dot, re.MULTILINE)
    edges = re.findall(r"^\s*(\w+) -> (\w+)", dot, re.MULTILINE)
    return nodes, edges


def test_a_box_for_a_tensor_an_ellipse_for_an_op_an_edge_for_a_use():
    x = Tensor(3.0, requires_grad=True, name="x")
    nodes, edges = statements(draw(x * x).dot())
    assert nodes == ["t0", "t1", "op0"]
    assert sorted(edges) == [("op0", "t1"), ("t0", "op0"), ("t0", "op0")]


def test_what_the_boxes_say():
    _, _, g = micrograd()
    found = texts(draw(g).svg())
    at = found.index("a")
    assert found[at : at + 3] == ["a", "value -4", "grad 138.8"]
    assert "value 24.7" in found
    assert found.count("-13.88") == 3  # on both edges of c + c, and on the next


def test_no_gradient_is_not_zero():
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    found = texts(draw((x * [3.0, 4.0]).sum()).svg())
    at = found.index("input1 (2,)")
    assert found[at + 2] == "grad -"


def test_dtype_is_named_unless_it_is_float64():
    x = Tensor([1.0], requires_grad=True, name="x", dtype=np.float32)
    assert "x (1,) float32" in texts(draw(x * 2).svg())


def test_summaries():
    assert summary(np.array(1.23456)) == "1.235"
    assert summary(np.array([1.0, 2.5, -3.0])) == "[1, 2.5, -3]"
    assert summary(np.arange(4.0)) == "mean 1.5, max abs 3"
    assert summary(np.zeros((0, 3))) == "empty"
    assert summary(np.array([0.1, 0.2, -0.3, 1e-18])) == "mean 0, max abs 0.3"  # rounding
    assert summary(np.array([1e-18, 0.0, 1e-18, 0.0])) == "mean 5e-19, max abs 1e-18"
    assert summary(np.array([1.0, np.nan])) == "[1, NaN]"
    assert summary(np.array([1.0, np.inf, np.nan, -np.inf, np.nan])) == (
        "2 of 5 NaN, 1 of 5 inf, 1 of 5 -inf"
    )
    assert (
        summary(np.array([60000, 60000, 60000, 60000], np.float16)) == "mean 6e+04, max abs 6e+04"
    )
    assert summary(np.array([True, False, True, True])) == "mean 0.75, max abs 1"


def test_nan_is_loud():
    x = Tensor(np.nan, requires_grad=True, name="x")
    dot = draw(x * 2).dot()
    assert "value NaN" in dot
    assert dot.count('color="#D00000"') == 2
    assert 'class="parameter notfinite"' in dot
    assert 'color="#D00000"' not in draw(Tensor(1.0, requires_grad=True) * 2).dot()


def test_colors_have_a_second_cue():
    x = Tensor(1.0, requires_grad=True, name="x")
    lines = {
        line.split()[0]: line
        for line in draw(x * np.ones(2), [1, 1]).dot().splitlines()
        if "[" in line and "->" not in line
    }
    assert "penwidth=2" in lines["t0"]
    assert "dashed" in lines["t1"]
    assert "peripheries=2" in lines["t2"]
    assert "shape=ellipse" in lines["op0"]


def test_wide_or_deep_pictures_go_downwards():
    x = y = Tensor(1.0, requires_grad=True, name="x")
    for _ in range(14):
        y = y + 1
    assert "rankdir=LR" in draw(y).dot()
    assert "rankdir=TB" in draw(y + 1).dot()
    assert "rankdir=LR" in draw(y + 1, rankdir="LR").dot()
    assert "rankdir=TB" in draw(x + 1, rankdir="TB").dot()
    wide = Tensor(np.ones((2, 4)) * np.pi, requires_grad=True)
    for _ in range(9):
        wide = wide * np.e
    assert "rankdir=TB" in draw(wide.sum()).dot()


def test_modules_are_clusters():
    model = nn.MLP([2, 3, 1], activation="tanh", rng=np.random.default_rng(0))
    dot = draw(model(np.ones((4, 2))).sum()).dot()
    assert (
        dot.count("subgraph cluster_") == 4
    )  # the MLP, two layers and the activation between them
    assert "layers.0: Linear" in dot


def test_the_backward_graph_is_dashed():
    w = Tensor(2.0, requires_grad=True, name="w")
    graph = draw(w**2, backward=True)
    assert "class=backward" in graph.dot()
    assert "gradient of w" in graph.text()
    assert "grad -" not in graph.dot()  # gradients are boxes of their own there


def test_text_has_a_line_for_every_leaf_and_op():
    _, _, g = micrograd()
    lines = draw(g).text().splitlines()
    assert len(lines) == 1 + 2 + 25
    assert lines[0].split() == ["name", "made", "by", "shape", "value", "gradient"]
    assert lines[1].split() == ["a", "parameter", "()", "-4", "138.8"]
    assert lines[-1].split() == ["add13", "add(divide1,", "divide2)", "()", "24.7", "1"]


def test_text_shows_options_and_constants():
    x = Tensor(np.ones((2, 3)), requires_grad=True, name="x")
    text = draw(x[:, 0:2].sum(axis=1).reshape(2, 1)[[0, 1, 1]].max()).text()
    assert "getitem(x, index=(:, 0:2))" in text
    assert "sum(getitem1, axis=1)" in text
    assert "reshape(sum1, shape=(2, 1))" in text


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("renderer", ["dot", "pygraphviz"])
def test_hostile_names_are_shown_as_they_are(name, renderer, monkeypatch):
    use(renderer, monkeypatch)
    x = Tensor(1.0, requires_grad=True, name=name)
    graph = draw(x * x)
    svg = graph.svg()
    # Runs of blanks are one blank in SVG, and Graphviz writes them as no-break spaces.
    assert name in [text.replace("\u00a0", " ") for text in texts(svg)]
    nodes, edges = statements(graph.dot())
    assert (len(nodes), len(edges)) == (3, 3)
    tags = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(svg).iter()}
    assert tags <= {"svg", "style", "title", "g", "polygon", "path", "ellipse", "text"}
    assert name in graph.text()
    assert render(graph.dot(), "png").startswith(b"\x89PNG")


@pytest.mark.parametrize(("name", "shown"), CLEANED.values(), ids=CLEANED)
def test_characters_that_do_not_show_are_written_as_escapes(name, shown):
    graph = draw(Tensor(1.0, requires_grad=True, name=name) * 2)
    assert shown in texts(graph.svg())
    assert shown in graph.text()
    assert name not in graph.dot()
    assert render(graph.dot(), "png").startswith(b"\x89PNG")


def test_long_names_are_cut():
    graph = draw(Tensor(1.0, requires_grad=True, name="x" * 10_000) * 2)
    assert "x" * 19 + "..." + "x" * 18 in texts(graph.svg())  # ends tell long names apart
    assert len(graph.dot()) < 4000
    assert max(map(len, graph.text().splitlines())) < 200
    assert clean("x" * 40) == "x" * 40


def test_hostile_op_and_module_names():
    from tinygrad_loss import Op

    op = Op(lambda x: x * 2, lambda g, y, x: g * 2, name='"]<b>\n')
    svg = draw(op(Tensor(1.0, requires_grad=True))).svg()
    assert '"]<b>\\n' in texts(svg)
    with scope("<b>bold</b>"):  # the whole label of a cluster looks like HTML
        svg = draw(Tensor(1.0, requires_grad=True) * 2).svg()
    assert "<b>bold</b>" in texts(svg)


def test_files(tmp_path):
    graph = draw(micrograd()[2])
    starts = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF", "dot": b"digraph", "txt": b"name"}
    for ending, start in starts.items():
        path = graph.save(tmp_path / f"graph.{ending}")
        assert path.read_bytes().startswith(start)
    assert graph.save(str(tmp_path / "GRAPH.SVG")).exists()
    with pytest.raises(ValueError, match=r"ends in '\.gif'; expected one of \.svg, \.png"):
        graph.save(tmp_path / "graph.gif")


def test_jupyter_shows_the_picture():
    bundle = draw(micrograd()[2])._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "image/svg+xml"}
    assert bundle["image/svg+xml"].startswith("<svg")


def test_pictures_are_deterministic():
    assert draw(micrograd()[2]).svg() == draw(micrograd()[2]).svg()


def test_svg_is_one_described_image_that_follows_dark_mode():
    root = ElementTree.fromstring(draw(micrograd()[2]).svg())
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title").text == "Computation of add13 by 25 ops"
    assert "prefers-color-scheme: dark" in root.find(f"{SVG}style").text
    titles = {element.text for element in root.iter(f"{SVG}title")}
    assert "a, value -4, grad 138.8" in titles


def use(renderer, monkeypatch):
    """Draw with the program dot, or with pygraphviz and no dot to be found."""
    if renderer == "dot":
        if shutil.which("dot") is None:
            pytest.skip("the program dot is not installed")
        monkeypatch.setitem(sys.modules, "pygraphviz", None)
    else:
        pytest.importorskip("pygraphviz")
        monkeypatch.setenv("PATH", "")


def test_with_dot_and_with_pygraphviz_the_picture_is_the_same(monkeypatch):
    def boxes():
        root = ElementTree.fromstring(draw(micrograd()[2]).svg())
        return {
            group.get("id"): "".join(group.itertext())
            for group in root.iter(f"{SVG}g")
            if group.get("class", "").startswith(("node", "edge"))
        }

    with monkeypatch.context() as patch:
        use("dot", patch)
        by_dot = boxes()
    with monkeypatch.context() as patch:
        use("pygraphviz", patch)
        by_pygraphviz = boxes()
    strip = {key: re.sub(r"\s+", "", value) for key, value in by_dot.items()}
    assert strip == {key: re.sub(r"\s+", "", value) for key, value in by_pygraphviz.items()}


def test_without_any_renderer_one_error_names_both_ways_out(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    graph = draw(micrograd()[2])
    with pytest.raises(RuntimeError, match="needs Graphviz") as error:
        graph.save(tmp_path / "graph.svg")
    assert "apt install graphviz" in str(error.value)
    assert "pip install 'pygraphviz" in str(error.value)
    with pytest.raises(RuntimeError, match="needs Graphviz"):
        graph.html()
    assert graph.dot().startswith("digraph")
    assert graph.save(tmp_path / "graph.dot").exists()
    assert "add13" in graph.text()
    (shown,) = graph._repr_mimebundle_().values()  # of a notebook: a table, and why
    assert shown.startswith(f"{graph.text()}\n\nA table, because drawing as svg needs Graphviz")


def test_importing_the_library_does_not_import_graphviz():
    script = "import sys, tinygrad_loss; print('graphviz' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=os.environ
    )
    assert run.stdout.strip() == "False"
