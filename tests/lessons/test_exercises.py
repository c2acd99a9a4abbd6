"""Exercises and their judge: solutions pass, slips are told apart, any answer gets a sentence."""

import contextlib
import functools
import io
import re
import string
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tinygrad_loss as tl

from .reading import JAPANESE, LESSONS, SCRIPTS, checked, code, each_lesson, tags

pyplot = pytest.importorskip("matplotlib.pyplot")

from course import array_engine, scalar_engine
from course.exercises import EXERCISES
from course.judge import Exercise, Verdict, checker, judge, numerical_gradient, slope
from course.texts import en, ja

TEXTS = {"en": en.TEXTS, "ja": ja.TEXTS}
JUDGES_OWN = {
    *("open", "right", "wrong value", "wrong at", "more digits", "choose", "it raised"),
    *("a function for a value", "a value for a function", "no return", "a node for a number"),
    *("not a number", "several for one", "not finite", "wrong shape", "no such exercise"),
    *(
        "wrong shape at",
        "ragged",
        "nothing",
        "open before",
        "true or false",
        "close",
        "partly right",
        "if on an array",
    ),
}
SOURCES = sorted((LESSONS / "course" / "exercises").glob("*.py"))
RAISED = {
    key for path in SOURCES for key in re.findall(r'Slip\("([^"]+)"\)', path.read_text("utf-8"))
}
each_exercise = pytest.mark.parametrize("name", EXERCISES)


def gaps(text):
    return {gap for _, gap, _, _ in string.Formatter().parse(text) if gap is not None}


def said(name, answer, language="en"):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        checker(TEXTS[language], EXERCISES)(name, answer)
    return printed.getvalue()


def test_both_languages_have_the_same_texts_with_the_same_gaps():
    assert list(TEXTS["en"]) == list(TEXTS["ja"])
    assert not any(re.search(JAPANESE, text) for text in TEXTS["en"].values())
    assert all(re.search(JAPANESE, text) for text in TEXTS["ja"].values())
    for key, text in TEXTS["en"].items():
        assert gaps(text) == gaps(TEXTS["ja"][key]), key
    for language in TEXTS.values():
        assert len(set(language.values())) == len(language)


def test_every_text_is_used_and_none_is_missing():
    used = JUDGES_OWN | RAISED
    used |= {slip for exercise in EXERCISES.values() for slip in exercise.slips}
    assert used == set(TEXTS["en"])
    for key in used:
        exercise = re.match(r"(\d+(?:\.\d+| [abc])) ", key)
        assert exercise is None or exercise.group(1) in EXERCISES, key


def test_every_exercise_is_asked_in_its_lesson():
    asked = [name for script in SCRIPTS for cell in code(script) for name in checked(cell)]
    assert set(asked) == set(EXERCISES)


@each_lesson
@pytest.mark.parametrize("language", TEXTS)
def test_unanswered_it_says_so_and_the_solutions_pass(script, language, monkeypatch, capsys):
    monkeypatch.setattr(sys, "path", [str(LESSONS / language), *sys.path])
    monkeypatch.setitem(sys.modules, "check", None)  # taken out again at the end, whatever happens
    del sys.modules["check"]
    namespace = {"__name__": "lesson"}
    for cell in code(script):
        exec(compile(cell.source, script.name, "exec"), namespace)
        printed = capsys.readouterr()
        assert printed.err == ""
        key = "right" if "solution" in tags(cell) else "open"
        for name in checked(cell):
            assert f"{name}  {TEXTS[language][key]}\n" in printed.out, printed.out
    pyplot.close("all")


@each_exercise
def test_the_truth_is_right_and_every_slip_is_told_by_its_name(name):
    """If a slip agreed with the truth or with another slip, one of them could not be told."""
    exercise = EXERCISES[name]
    assert judge(_by_value(exercise), exercise.truth) == Verdict("right")
    assert exercise.slips, "an exercise without a known slip teaches too little"
    for slip, answer in exercise.slips.items():
        assert judge(_by_value(exercise), answer) == Verdict(slip), slip


def _by_value(exercise):
    """The exercise without `via`: truth and slips are already what an answer becomes by it."""
    return Exercise(exercise.truth, exercise.at, exercise.slips, exercise.choices)


@each_exercise
def test_choices_cover_all_letters(name):
    exercise = EXERCISES[name]
    if exercise.choices:
        assert sorted([exercise.truth, *exercise.slips.values()]) == list(exercise.choices)


def test_the_right_letters_are_not_always_the_same():
    for script in SCRIPTS:
        number = str(int(script.stem[:2]))
        assert len({EXERCISES[f"{number} {x}"].truth for x in "abc"}) > 1


def raises(*_):
    raise ZeroDivisionError("division by zero")


BEGINNERS = {
    "a tuple": (1.0, 2.0, 3.0),
    "a list": [1.0],
    "a string": "-1.0",
    "a bool": True,
    "None": None,
    "nothing given": float("nan"),
    "infinite": np.inf,
    "an array of another shape": np.ones((2, 7, 1)),
    "complex": 1 + 2j,
    "a dict": {"x": 1.0},
    "a set": {1.0},
    "an array of objects": np.array([None, "x"], dtype=object),
    "ragged": [[1.0], [1.0, 2.0]],
    "a node": scalar_engine.Value(1.0),
    "a node of arrays": array_engine.Tensor([1.0, 2.0]),
    "the class": scalar_engine.Value,
    "a function that raises": raises,
    "a function without return": lambda *_: None,
    "a function of nothing": lambda: 1.0,
    "a function that returns a string": lambda *_: "1.0",
    "a function that returns a tuple": lambda *_: (1.0, 2.0),
    "a function that returns a node": lambda *_: scalar_engine.Value(1.0),
    "a function that returns a shape": lambda *_: np.ones((2, 7, 1)),
    "a function that returns nan": lambda *_: np.nan,
    "a far number": 123456.789,
}


@each_exercise
@pytest.mark.parametrize("language", TEXTS)
def test_typical_wrong_answers_get_a_sentence(name, language):
    exercise = EXERCISES[name]
    sentences = {kind: said(name, answer, language) for kind, answer in BEGINNERS.items()}
    for kind, sentence in sentences.items():
        assert sentence.startswith(f"{name}  "), kind
        assert sentence.count("\n") == 1, kind
        assert sentence.rstrip()[-1] in ".?。？:)" or "raised" in sentence or "例外" in sentence
        assert TEXTS[language]["right"] not in sentence, kind
        assert TEXTS[language]["open"] not in sentence, kind
    if not exercise.choices:
        gap = "a function that raises"
        assert "ZeroDivisionError" in sentences[gap] or exercise.at is None


@each_exercise
@pytest.mark.parametrize("gap", [..., lambda *_: ...], ids=["value", "function"])
def test_a_gap_left_open_is_no_mistake(name, gap):
    exercise = EXERCISES[name]
    if (exercise.at is not None) == callable(gap):
        assert said(name, gap) == f"{name}  {TEXTS['en']['open']}\n"


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.complex_numbers()
    | st.sampled_from([object(), len, int, np.float32(2.5), np.array([[1.0, 2.0]])]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


@given(answer=anything, name=st.sampled_from(sorted(EXERCISES)))
def test_no_answer_raises(answer, name):
    assert said(name, answer).startswith(f"{name}  ")
    assert said(name, lambda *_: answer).startswith(f"{name}  ")


def test_a_name_that_is_none_is_answered_with_those_there_are():
    assert "1.1, 1.2" in said("99.1", 3.0)
    assert "2.1, 2.2" in said("2.9", 3.0)
    assert "1.1, " not in said("2.9", 3.0)
    assert said(1.1, 330) == said("1.1", 330)
    assert said("１．１ ", 330) == said("1.1", 330)  # full-width, as Japanese keyboards give
    assert said("7A", " ａ") == said("7 a", "a")


def test_by_hand_may_be_rounded_and_a_rough_number_asks_for_digits():
    exercise = Exercise(truth=0.3566749)
    assert judge(exercise, 0.357) == Verdict("right")
    assert judge(exercise, 0.36) == Verdict("more digits")
    assert judge(exercise, 0.35) == Verdict("wrong value")
    assert judge(exercise, 0.4) == Verdict("wrong value")
    for answer, key in {1.87: "more digits", 1.88: "more digits", 1.86: "wrong value"}.items():
        assert judge(Exercise(truth=1.875 - 1e-12), answer) == Verdict(key)
    several = Exercise(truth=np.array([0.125, 0.375, 0.5]))
    assert judge(several, [0.13, 0.375, 0.5]) == Verdict("more digits")
    assert judge(several, [0.13, 0.4, 0.5]).key == "partly right"
    assert judge(exercise, np.float32(0.35667)) == Verdict("right")
    for answer, key in {38: "wrong value", 38.95: "more digits", 39.001: "right"}.items():
        assert judge(Exercise(truth=39.0 + 1e-9), answer) == Verdict(key)
    for answer in (998, 1000):  # within the tolerance of rounding, and yet other numbers
        assert judge(Exercise(truth=999.0), answer) == Verdict("wrong value")


def test_of_several_numbers_it_says_how_many_are_right():
    exercise = Exercise(truth=np.array([[3.0, 6.0], [3.0, -4.0]]))
    assert judge(exercise, [[3, 6], [3, 4]]) == Verdict("partly right", {"right": 3, "count": 4})
    assert judge(exercise, [[0, 0], [0, 0]]) == Verdict("wrong value")
    assert judge(exercise, np.array([[3, 6], [3, -4]], dtype=np.float32)) == Verdict("right")


@pytest.mark.parametrize("name", [n for n in EXERCISES if EXERCISES[n].at is not None])
def test_what_agrees_at_some_inputs_only_is_not_right(name):
    """The value of the first input everywhere, and the truth but for a small part of it."""
    exercise = _by_value(EXERCISES[name])
    first = exercise.truth(*exercise.at[0])
    assert judge(exercise, lambda *_: first).key != "right"
    if isinstance(first, bool):
        return

    def nearly(*inputs):
        return exercise.truth(*inputs) * (1 + 1e-4)

    assert judge(exercise, nearly).key == "close"


def test_a_question_of_true_or_false_is_answered_in_these_words():
    exercise = Exercise(lambda x: x > 2, at=((1.0,), (3.0,)))
    assert judge(exercise, lambda x: np.bool_(x > 2)) == Verdict("right")
    gaps = {"inputs": "1", "yours": "True", "truth": "False"}
    assert judge(exercise, lambda x: True) == Verdict("wrong at", gaps)
    assert judge(exercise, lambda x: 1.0).key == "true or false"


def test_a_function_of_an_earlier_exercise_that_is_still_open_is_named_as_the_cause():
    exercise = Exercise(lambda x: 2 * x, at=((1.0,),))
    assert judge(exercise, lambda x: (lambda y: ...)(x) - 1.0) == Verdict("open before")


def unspeakable(*_):
    class Silent(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    raise Silent


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (lambda x: [][0], "IndexError: list index out of range"),
        (lambda x: exec("raise ValueError('one\\ntwo')"), "ValueError: one"),
        (lambda x: exec("raise ValueError"), "ValueError"),
        (lambda x: exec("raise KeyError('{x}')"), "KeyError: '{x}'"),
        (unspeakable, "Silent"),
    ],
)
def test_an_error_becomes_one_line(function, error):
    verdict = judge(Exercise(lambda x: x, at=((1.0,),)), function)
    assert verdict == Verdict("it raised", {"inputs": "1", "error": error})


def test_nothing_red_comes_from_a_readers_function(capfd):
    def noisy(x):
        print("here", x)
        print("there", x, file=sys.stderr)
        np.seterr(all="warn")
        warnings.warn("careful", stacklevel=1)
        return np.log(x - 1.0) + np.mean([])

    settings = np.geterr()
    assert judge(Exercise(lambda x: x, at=((1.0,),)), noisy).key == "not finite"
    assert capfd.readouterr() == ("", "")
    assert np.geterr() == settings  # nor does it change what NumPy warns of


class Contrary:
    def __array__(self, *_, **__):
        raise RuntimeError("no array")

    def __getattr__(self, name):
        raise RuntimeError(name)


@pytest.mark.parametrize("name", ["1.1", "3.1"])
def test_strange_answers_are_no_numbers(name):
    day = np.datetime64("2020-01-01")
    for answer in (Contrary(), 10**400, ["18", "12", "6"], [18 + 5j, 12, 6], [None, 1.0, 6.0], day):
        assert judge(EXERCISES[name], answer).key in ("not a number", "several for one")


def test_what_stands_in_a_list_is_looked_at():
    """The template with its gaps, nodes, and rows of different lengths."""
    assert judge(EXERCISES["5.1"], [[..., ...], [..., ...]]) == Verdict("open")
    nodes = [scalar_engine.Value(18.0), 12, 6]
    assert judge(EXERCISES["3.1"], nodes) == Verdict("a node for a number", {"kind": "Value"})
    assert judge(EXERCISES["5.1"], [[3, 6], [3]]) == Verdict("ragged")
    classes = [np.float16, np.float32, 3.0]
    assert judge(EXERCISES["3.1"], classes) == Verdict("not a number", {"kind": "type"})
    ours = [tl.Tensor([3.0, 6.0], requires_grad=True)]
    assert judge(EXERCISES["5.1"], ours) == Verdict("a node for a number", {"kind": "Tensor"})


def test_an_operation_may_be_written_with_the_engine_of_the_notebook():
    """Not the modules' classes: those that the cell of the lesson defines."""
    for name, text in {
        "3.4": "def answer(z): return (1 + z.exp()).log()",
        "5.7": "def answer(x): return x * Tensor(x.data > 0)",
    }.items():
        engine = "scalar_engine" if name == "3.4" else "array_engine"
        namespace = {}
        exec((LESSONS / "course" / f"{engine}.py").read_text("utf-8") + text, namespace)
        assert judge(EXERCISES[name], namespace["answer"]) == Verdict("right")


@pytest.mark.parametrize(
    ("name", "answer", "slip"),
    [
        ("3.4", lambda z: (np.log(1 + np.exp(z.data)), 0.5), "3.4 number"),
        ("3.4", lambda z: scalar_engine.Value(z.data, (z, 0.5)), "3.4 pairs"),
        ("3.4", lambda z: scalar_engine.Value(z.data, [(z, z)]), "3.4 node"),
        ("3.4", lambda z: scalar_engine.Value(z.data, [(0.5, z)]), "3.4 pairs"),
        ("3.4", lambda z: scalar_engine.Value(z, [(z, 0.5)]), "3.4 data"),
        ("5.7", lambda x: array_engine.Tensor(x.data, lambda g: g), "5.7 pairs"),
        ("5.7", lambda x: array_engine.Tensor(x.data, [(x, lambda g: 1)]), "5.7 no array"),
        ("5.7", lambda x: np.maximum(x.data, 0), "5.7 no node"),
        ("5.7", lambda x: x.sum(), "5.7 shape"),
        ("5.7", lambda x: array_engine.Tensor(x.data, (x, lambda g: g)), "5.7 pairs"),
        ("5.7", lambda x: array_engine.Tensor(x.data, [(x, x.data)]), "5.7 rule"),
        (
            "5.7",
            lambda x: x + array_engine.Tensor(np.maximum(x.data, 0, out=x.data)),
            "5.7 changed",
        ),
        ("9.3", np.tanh, "9.3 others"),
        ("9.3", tl.tanh, "9.3 others"),
        ("9.3", lambda z: (lambda v: 1 - 2 / (np.exp(2 * v) + 1))(z), "9.3 others"),
        ("9.7", lambda X, W, b: (np.maximum(X @ W + b, 0) == 0).all(axis=0), "9.7 each"),
        ("9.7", lambda X, W, b: bool(np.all(X @ W + b <= 0)), "9.7 all at once"),
        ("12.2", lambda output: {output}, "12.2 set"),
        ("12.2", lambda output: output, "12.2 no list"),
        ("12.2", lambda output: [output.stamp], "12.2 no nodes"),
        ("12.2", lambda output: [output, output], "12.2 twice"),
        ("12.5", lambda g, y, x: float(g) * y * np.log(2), "12.5 constant"),
        ("12.5", lambda g, y, x: (g * y * np.log(2)).item(), "12.5 constant"),
    ],
)
def test_answers_that_are_refused_before_they_are_compared_are_told_why(name, answer, slip):
    assert judge(EXERCISES[name], answer) == Verdict(slip)


def test_tanh_may_be_written_with_sigmoid_in_any_way():
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    def tanh(z):
        return 2 * sigmoid(2 * z) - 1

    for answer in (tanh, np.vectorize(tanh), functools.partial(tanh), lambda z: tanh(z)):
        assert judge(EXERCISES["9.3"], answer) == Verdict("right")


@pytest.mark.parametrize("wrong", [lambda x: max(x, 0 * x), lambda x: x if x > 0 else -x])
def test_an_if_on_an_array_is_explained(wrong):
    exercise = Exercise(np.abs, at=((np.array([1.0, -2.0]),),))
    assert judge(exercise, wrong) == Verdict("if on an array")


def test_close_is_what_is_close_at_all_inputs():
    exercise = Exercise(lambda x: x, at=((1.0,), (2.0,)))
    assert judge(exercise, lambda x: x + 1e-4).key == "close"
    assert judge(exercise, lambda x: x + 1e-4 * (x == 1) + (x == 2)).key == "wrong at"


def test_a_wrong_function_is_shown_where_it_differs():
    exercise = Exercise(lambda x: x**2, at=((2.0,), (3.0,)))
    verdict = judge(exercise, lambda x: 2 * x)
    assert verdict == Verdict("wrong at", {"inputs": "3", "yours": "6", "truth": "9"})
    several = Exercise(lambda x: -x, at=((np.array([0.0, 1.0]),),))
    gaps = judge(several, lambda x: x - 2).gaps
    assert (gaps["yours"], gaps["truth"]) == ("[-2., -1.]", "[ 0., -1.]")  # not -0.


def test_a_function_cannot_change_what_it_is_compared_at():
    at = ((np.array([1.0, 2.0]),),)

    def changes_its_input(x):
        x *= 0
        return x

    exercise = Exercise(lambda x: x * 0 + 1, at=at)
    assert judge(exercise, changes_its_input).key == "wrong at"
    np.testing.assert_array_equal(at[0][0], [1.0, 2.0])


def test_differences_measure_slopes_to_ten_digits():
    """Closed forms: the derivative of exp is exp, and of sum(x**3) it is 3 x**2."""
    assert slope(np.exp, 0.5) == pytest.approx(np.exp(0.5), rel=1e-10)
    assert slope(lambda a, b: a * b**2, 3.0, 5.0, argument=1) == pytest.approx(30.0, rel=1e-10)
    x = np.array([[1.0, -2.0], [0.5, 3.0]])
    np.testing.assert_allclose(numerical_gradient(lambda x: (x**3).sum(), x), 3 * x**2, rtol=1e-9)
