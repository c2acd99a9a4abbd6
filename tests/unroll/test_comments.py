"""The comments in the source are true: where each part comes from, and what each line computes."""

import copy
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest

from tinygrad_loss import Tensor, cross_entropy, exp, mean_squared_error, nn, optim, tanh, unroll
from tinygrad_loss.regularizers import dropout, l2

from .agreement import batch, mlp
from .programs import Program, optimizer_for


class Cell(nn.Module):
    def __init__(self, rng):
        self.W = Tensor(rng.standard_normal((2, 3)), requires_grad=True, name="W")
        self.U = Tensor(rng.standard_normal((3, 3)), requires_grad=True, name="U")

    def forward(self, x, h):
        z = x @ self.W + h @ self.U
        return tanh(z)


class Recurrent(nn.Module):
    def __init__(self, rng):
        self.cell = Cell(rng)
        self.out = nn.Linear(3, 1, rng=rng)

    def forward(self, x):
        h = np.zeros((len(x), 3))
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
        return self.out(h)


def headers(source):
    return re.findall(r"# (forward|backward|update)(?::| of|$) ?(.*)", source, re.MULTILINE)


def test_lines_modules_and_time_steps():
    model = Recurrent(np.random.default_rng(0))
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    def loss(x, y):
        prediction = model(x)
        return mean_squared_error(
            prediction,
            y,
        )

    step = unroll(loss, np.ones((4, 3, 2)), np.ones((4, 1)), optimizer=optimizer)
    cell, n = "model.cell (Cell): ", 3
    forward = []
    for t in range(1, n + 1):
        forward += [
            f"model (Recurrent): h = self.cell(x[:, t], h), step {t} of {n}",
            f"{cell}z = x @ self.W + h @ self.U, step {t} of {n}",
            f"{cell}tanh(z), step {t} of {n}",
        ]
    forward += ["model.out (Linear)", "mean_squared_error(prediction, y)"]
    found = headers(step.source)
    assert [place for phase, place in found if phase == "forward"] == forward
    backward = [place for phase, place in found if phase == "backward"]
    assert backward == [place for place in forward[::-1] if "x[:, t]" not in place]
    assert found[-1] == ("update", "SGD")
    # What a time step adds to a gradient stands under that time step.
    for t in (1, 2):
        part = step.source.partition(f"# backward of {cell}z = x @ self.W + h @ self.U, step {t} ")[
            2
        ]
        part = part.partition("    # ")[0]
        assert [part.count(f"np.add(d_{name}, ") for name in ("W0", "U")] == [1, 1]


def test_loops_are_told_from_lines_that_call_several_times():
    w = Tensor([0.5, 0.2], requires_grad=True, name="w")

    def square(x):
        return x * x

    def f(x):
        y = exp(x * w) + exp(w) * exp(-x)  # several calls, one line
        for _ in range(2):
            y = exp(-y)
        total = sum(exp(y * k) for k in (1.0, 2.0, 3.0))
        y = total + square(y)
        y = square(y)
        return (y * y).sum()

    places = [place for phase, place in headers(unroll(f, np.ones(2), wrt=[w]).source)]
    assert places.count("y = exp(x * w) + exp(w) * exp(-x)") >= 2  # forward, and backward
    assert not any(place.startswith("y = exp(x * w)") and "step" in place for place in places)
    assert {"y = exp(-y), step 1 of 2", "y = exp(-y), step 2 of 2"} <= {*places}
    loop = "total = sum(exp(y * k) for k in (1.0, 2.0, 3.0))"
    assert {f"{loop}, step {i} of 3" for i in (1, 2, 3)} <= {*places}
    assert {"x * x, step 1 of 2", "x * x, step 2 of 2"} <= {*places}


def test_lines_and_lambdas_that_share_a_line():
    acts = [lambda h: tanh(h), lambda h: exp(h)]

    def f(x):
        h = W * x; h = acts[1](h)  # fmt: skip  # noqa: E702
        return (h + tanh(h)).sum()

    places = [place for phase, place in headers(unroll(f, np.ones(2), wrt=[W]).source)]
    exact = {"h = W * x", "exp(h)", "(h + tanh(h)).sum()"}
    assert not exact - {*places} or sys.version_info < (3, 11)


def test_layers_are_numbered_as_they_stand_and_activations_are_modules():
    model = nn.MLP([2, 3, 3, 1], activation="relu", rng=np.random.default_rng(0))
    model.layers[0].weight.requires_grad = False  # it is found later than the others
    step = unroll(lambda x: model(x).sum(), np.ones((4, 2)), wrt=model.parameters())
    for i in range(3):
        assert re.search(rf"dot\(W{i}, .*\n +np.add\(\w+, b{i},", step.source)
    assert ("forward", "model.layers[1] (ReLU)") in headers(step.source)


def test_without_source_the_name_and_the_line_are_said():
    namespace = {}
    exec("def f(x):\n    y = exp(w * x)\n    return y.sum()", {"w": W, "exp": exp}, namespace)
    step = unroll(namespace["f"], np.ones(2), wrt=[W])
    assert ("forward", "f, line 2") in headers(step.source)


W = Tensor([1.0, 2.0], requires_grad=True, name="W")


def test_a_function_of_the_library_needs_no_line():
    step = unroll(mean_squared_error, W, np.ones(2), wrt=[W])
    assert headers(step.source) == [("forward", "")]  # the gradient is the difference itself


def test_nothing_is_kept_of_the_frames_that_were_looked_at():
    class Big:
        alive = 0

        def __init__(self):
            Big.alive += 1

        def __del__(self):
            Big.alive -= 1

    def f(x):
        held = Big()
        assert held.alive
        return (W * x).sum()

    step = unroll(f, np.ones(2), wrt=[W])
    assert Big.alive == 0
    step(np.ones(2))


def examples():
    """By name: a function, inputs, and how it is unrolled."""
    model = mlp(2, 3, 2, activation="tanh")
    x, y = batch(n_in=2, n_classes=2, n=4)
    parameters = model.parameters()
    adam = optim.Adam(parameters, weight_decay=0.1)
    sgd = optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1, l1=0.01)
    f = lambda x, y: cross_entropy(model(x), y)  # noqa: E731
    yield "sgd", (f, (x, y), {"optimizer": sgd})
    yield "adam", (lambda x, y: f(x, y) + l2(parameters, 0.1), (x, y), {"optimizer": adam})
    cubes = lambda x, y: (model(x) ** 3).sum() * 0.3 + y.sum()  # noqa: E731
    yield "wrt", (cubes, (x, y), {"wrt": parameters})
    for seed in range(0, 100, 4):
        g = Program(seed)
        optimizer = optimizer_for(g, (optim.GD, optim.SGD, optim.Adam)[seed // 4 % 3], seed)
        yield f"program {seed}", (g, g.batch(0), {"optimizer": optimizer})


EXAMPLES = dict(examples())


def arguments_of(step, *inputs):
    """What the written function is given: found by a call that is looked at."""
    program, given = step._program, []
    run = program._scope["_run"]
    program._scope["_run"] = lambda *xs: given.append(copy.deepcopy(xs)) or run(*xs)
    step(*inputs)
    program._scope["_run"] = run
    return given[0]


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_formula_is_what_its_line_computes(name):
    """Each statement is run alone; before it, the formula in its comment is computed."""
    f, inputs, options = EXAMPLES[name]
    step = unroll(f, *inputs, **options)
    before, _, body = step.source.partition("def step(")
    head, _, body = body.partition("):\n")
    names = re.findall(r"\w+", head)
    given = arguments_of(step, *inputs)
    scope = dict(zip(names, given, strict=True))
    exec(before, scope)
    checked, within = 0, ""
    for line in body.splitlines():
        statement = line.strip().partition("  #")[0]
        if not statement or statement[0] == "#" or statement.startswith("return"):
            continue
        if statement.startswith("with "):
            within = statement
            continue
        formula = re.search(r"  # (\w+) = (.*)", line)
        if formula is not None:
            expected = eval(formula[2], scope)
        nested = within and line.startswith(" " * 8)
        exec(f"{within} {statement}" if nested else statement, scope)
        if formula is not None:
            found = scope[formula[1]]
            assert np.shape(expected) == np.shape(found), line
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-12, err_msg=line)
            checked += 1
    assert checked >= 1


@pytest.mark.parametrize("name", EXAMPLES)
def test_without_comments_it_is_the_same_program(name):
    f, inputs, options = EXAMPLES[name]
    step = unroll(f, *inputs, **options)
    bare = unroll(f, *inputs, **options, comments=False).source
    assert "#" not in bare
    lines = [line for line in step.source.splitlines() if line.lstrip()[:1] != "#"]
    assert [re.sub("  # .*", "", line) for line in lines] == bare.splitlines()


RUN = """
import sys, pickle
given, expected = pickle.load(open(sys.argv[1], "rb"))
for each in expected:
    found = step(*given)
    found, each = (x if isinstance(x, tuple) else (x, ()) for x in (found, each))
    assert abs(found[0] - each[0]) <= 1e-12 * abs(each[0]), (found, each)
    assert len(found[1]) == len(each[1])
    for a, b in zip(found[1], each[1]):
        assert a.shape == b.shape and (abs(a - b) <= 1e-12 * abs(b).max()).all()
assert not any("tinygrad_loss" in name for name in sys.modules), "NumPy alone"
print("ran alone")
"""


def alone(step, inputs, tmp_path, calls=2):
    """Run the printed source as a file of its own, and compare what it returns."""
    given = arguments_of(step, *inputs)
    ours = copy.deepcopy(given)
    expected = [copy.deepcopy(step._program.step(*ours)) for _ in range(calls)]
    file, data = tmp_path / "file.py", tmp_path / "data.pickle"
    file.write_text(step.source + RUN, "utf-8")
    with data.open("wb") as stream:
        pickle.dump((given, expected), stream)
    done = subprocess.run(
        [sys.executable, file.name, data.name], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ran alone\n"


@pytest.mark.parametrize("name", ["sgd", "wrt", "program 0", "program 8", "program 36"])
def test_the_file_runs_on_its_own(name, tmp_path):
    f, inputs, options = EXAMPLES[name]
    alone(unroll(f, *inputs, **options), inputs, tmp_path)


def test_what_cannot_be_written_is_an_argument(tmp_path):
    """A generator of random numbers, and an array of more than a few numbers."""
    rng, table = np.random.default_rng(3), np.random.default_rng(0).standard_normal((4, 5))
    w = Tensor(np.ones((2, 5)), requires_grad=True, name="w")
    f = lambda x: (dropout(x @ w, 0.5, rng=rng) * table).sum()  # noqa: E731
    step = unroll(f, np.ones((4, 2)), optimizer=optim.GD([w], lr=0.1))
    assert re.search(r"def step\(x, w, lr, (rng, c|c, rng)\):", step.source)
    alone(step, [np.ones((4, 2))], tmp_path)


def test_the_numbers_of_describe():
    model = mlp(2, 3, 2)
    x, y = batch(n_in=2, n_classes=2, n=4)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    f = lambda x, y: cross_entropy(model(x), y)  # noqa: E731
    step = unroll(f, x, y, optimizer=optimizer, comments=False)
    text = step.describe()
    calls = dict(re.findall(r"(forward|backward|update) (\d+)", text))
    body = step.source.partition("def step(")[2]
    written = [
        line for line in body.splitlines()[1:] if "with " not in line and "return" not in line
    ]
    # A division of the sum, and the view of a column, are written where they are read.
    assert sum(map(int, calls.values())) == len(written) + 1
    memory = r"(\d+) results share (\d+) buffers of ([\d,]+) bytes"
    results, buffers, size = re.search(memory, text).groups()
    assert int(buffers) == step.source.count("np.empty(")
    arrays = {id(x.base if x.base is not None else x): x for x in memory_of(step)}
    assert int(size.replace(",", "")) == sum(x.nbytes for x in arrays.values())
    assert int(results) > int(buffers)


def memory_of(step):
    """The buffers: what the source allocates."""
    namespace = {}
    exec(step.source, namespace)
    return [
        x
        for x in namespace.values()
        if isinstance(x, np.ndarray)
        and x.flags.owndata
        and not isinstance(x, np.generic)
        and x is not None
        and is_buffer(x, namespace)
    ]


def is_buffer(x, namespace):
    name = next(name for name, each in namespace.items() if each is x)
    return name not in ("zero", "half", "one", "two", "rows", "c") and not name.startswith("ones")


def test_numbers_of_the_update_stand_before_the_first_parameter():
    model = mlp(2, 3, 2)
    x, y = batch(n_in=2, n_classes=2, n=4)
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    step = unroll(lambda x, y: cross_entropy(model(x), y), x, y, optimizer=optimizer)
    _, _, update = step.source.partition("    # update: Adam\n")
    numbers, _, rest = update.partition("    # update of ")
    assert [line.split("[")[0].strip() for line in numbers.splitlines()] == ["scale", "rate"]
    assert "[...] =" not in rest
