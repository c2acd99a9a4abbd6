"""Verdicts on answers: right, not yet, or which well-known slip an answer looks like.

An exercise knows its truth (finite differences or a closed form), the inputs at which functions
are compared, and its slips: what one gets who forgets the sign, the 1/N, one path of two. The judge
says nothing in words: it returns a Verdict, and the texts of a language make a sentence of it.
"""

import contextlib
import copy
import io
import re
import textwrap
import unicodedata
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Exercise:
    """A question with its answer.

    truth : the right answer, or for a question that asks for a function the right function.
    at : for such a question the inputs to compare at, each a tuple of arguments; else None.
    slips : name of a slip -> the answer (or the function) that one gets by it.
    choices : of a question with choices the letters; truth is one, slips maps texts to the others.
    via : makes of the reader's function the one to compare, as of an operation its derivative.
    """

    truth: Any
    at: tuple[tuple, ...] | None = None
    slips: Mapping[str, Any] = field(default_factory=dict)
    choices: str = ""
    via: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Verdict:
    """What is to be said: the key of a text, and what stands in its gaps."""

    key: str
    gaps: Mapping[str, Any] = field(default_factory=dict)


class Slip(Exception):
    """Raised by a `via` for an answer that shows its slip before it gives any numbers."""


NO_NUMBERS = (str, bool, np.bool_, complex, np.datetime64, np.timedelta64)
# What is worked out by hand may be rounded, but a whole number needs no rounding (998 is not 999);
# what a function returns may not.
BY_HAND, WHOLE, COMPUTED = 2e-3, 1e-4, 1e-6


def judge(exercise: Exercise, answer: Any) -> Verdict:
    """Judge an answer of any kind; nothing that a reader writes raises here."""
    if answer is ...:
        return Verdict("open")
    if exercise.choices:
        return _judge_choice(exercise, answer)
    if exercise.at is None:
        return _judge_value(exercise, answer)
    return _judge_function(exercise, answer)


def _judge_choice(exercise, answer):
    letter = _plain(answer).lower() if isinstance(answer, str) else ""
    if letter not in list(exercise.choices):
        return Verdict(
            "choose", {"letters": ", ".join(f'"{x}"' for x in exercise.choices)}
        )
    if letter == exercise.truth:
        return Verdict("right")
    return Verdict(
        next(text for text, wrong in exercise.slips.items() if wrong == letter)
    )


def _plain(text):
    """Letters and digits as ASCII has them: Japanese keyboards give full-width ones, too."""
    return unicodedata.normalize("NFKC", text).strip()


def _judge_value(exercise, answer):
    if callable(answer):
        return Verdict("a function for a value")
    if answer is None:
        return Verdict("nothing")
    truth = exercise.truth
    wrong_kind = _wrong_kind(answer, truth)
    if wrong_kind:
        return wrong_kind
    if _equal(answer, truth, BY_HAND):
        return Verdict("right")
    for name, slip in exercise.slips.items():
        if _equal(answer, slip, BY_HAND):
            return Verdict(name)
    return (
        _not_finite(answer)
        or _wrong_shape(answer, truth)
        or (_rounded(answer, truth) and Verdict("more digits"))
        or _partly_right(answer, truth)
        or Verdict("wrong value")
    )


def _judge_function(exercise, answer):
    if not callable(answer):
        return Verdict("a value for a function", {"kind": type(answer).__name__})
    if exercise.via is not None:
        answer = exercise.via(answer)
    answers, truths = [], []
    for inputs in exercise.at:
        truths.append(exercise.truth(*copy.deepcopy(inputs)))
        value = _value_of(answer, inputs, truths[-1])
        if isinstance(value, Verdict):
            return value
        answers.append(value)
    wrong = [not _equal(*pair, COMPUTED) for pair in zip(answers, truths, strict=True)]
    if not any(wrong):
        return Verdict("right")
    for name, slip in exercise.slips.items():
        slipped = [_quietly(slip, inputs) for inputs in exercise.at]
        if all(_equal(*pair, COMPUTED) for pair in zip(answers, slipped, strict=True)):
            return Verdict(name)
    close = all(_equal(*pair, 1e-3) for pair in zip(answers, truths, strict=True))
    first = wrong.index(True)
    value, truth = answers[first], truths[first]
    gaps = {"inputs": _listed(exercise.at[first])}
    return (
        _not_finite(value)
        or _wrong_shape(value, truth, _listed(exercise.at[first], short=True))
        or (close and Verdict("close"))
        or Verdict(
            "wrong at", gaps | {"yours": _written(value), "truth": _written(truth)}
        )
    )


def _value_of(answer, inputs, truth):
    """What a reader's function gives for some inputs, or the verdict if it is nothing to compare."""
    try:
        value = _quietly(answer, inputs)
    except Slip as slip:
        return Verdict(str(slip))
    except (Exception, SystemExit) as error:
        return _raised(error, {"inputs": _listed(inputs, short=True)})
    if value is ...:
        return Verdict("open")
    if value is None:
        return Verdict("no return")
    return _wrong_kind(value, truth) or value


def _quietly(f, inputs):
    """Call a function with copies of its inputs: what it prints, and red warnings, are not shown."""
    nowhere = io.StringIO()
    with (
        np.errstate(all="ignore"),
        warnings.catch_warnings(),
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        warnings.simplefilter("ignore")
        return f(*copy.deepcopy(inputs))


def _raised(error, gaps):
    name = type(error).__name__
    try:
        first_line = next(iter(str(error).splitlines()), "")
        text = textwrap.shorten(first_line, 100, placeholder=" ...")
    except Exception:
        text = ""
    if "ellipsis" in text:
        return Verdict("open before")
    if "truth value of an array" in text:
        return Verdict("if on an array")
    return Verdict("it raised", gaps | {"error": f"{name}: {text}" if text else name})


def _wrong_kind(answer, truth):
    """The verdict on what is no number and no array of numbers (or, if asked for, True or False)."""
    gaps = {"kind": type(answer).__name__}
    if isinstance(truth, bool):
        said = isinstance(answer, (bool, np.bool_))
        return None if said else Verdict("true or false", gaps)
    try:
        if np.shape(truth) == () and isinstance(answer, (tuple, list)):
            return Verdict("several for one", gaps | {"count": len(answer)})
        for x in _leaves(answer):
            if x is ...:
                return Verdict("open")
            if hasattr(x, "grad"):
                return Verdict("a node for a number", {"kind": type(x).__name__})
            if x is None or isinstance(x, NO_NUMBERS):
                return Verdict("not a number", {"kind": type(x).__name__})
        np.asarray(answer).astype(float)
    except Exception:  # objects may raise anything when they are asked what they are
        return _unreadable(answer, truth)
    return None


def _unreadable(answer, truth):
    """The verdict on what makes no array: rows of different lengths, or what is no number."""
    odd = [x for x in _leaves(answer) if not isinstance(x, (int, float, np.number))]
    if isinstance(answer, (tuple, list)) and np.ndim(truth) > 0 and not odd:
        return Verdict("ragged")
    return Verdict("not a number", {"kind": type((odd or [answer])[0]).__name__})


def _leaves(x):
    """What stands in a list, a tuple or an array, however deep."""
    if isinstance(x, (list, tuple)) or (isinstance(x, np.ndarray) and x.ndim > 0):
        for y in x:
            yield from _leaves(y)
    else:
        yield x


def _not_finite(answer):
    finite = np.isfinite(np.asarray(answer).astype(float)).all()
    return None if finite else Verdict("not finite")


def _wrong_shape(answer, truth, inputs=""):
    given, expected = np.shape(answer), np.shape(truth)
    if given == expected:
        return None
    gaps = {"given": given, "expected": expected}
    return (
        Verdict("wrong shape at", gaps | {"inputs": inputs})
        if inputs
        else Verdict("wrong shape", gaps)
    )


def _rounded(answer, truth):
    """Whether each number is right, or the truth with too few digits."""
    pairs = zip(np.ravel(answer), np.ravel(truth), strict=True)
    return all(
        _equal(x, y, BY_HAND) or _is_rounding(float(x), float(y)) for x, y in pairs
    )


def _is_rounding(x, truth):
    """Whether x is the truth with two or three digits; of a whole number, what was rounded before."""
    if _whole(truth):  # 7.99 may be 8; 38 is not 39
        return not _whole(x) and abs(x - truth) <= BY_HAND * abs(truth)
    for digits in (2, 3):
        unit = 10.0 ** (np.floor(np.log10(abs(truth))) - digits + 1)
        multiple = abs(x / unit - round(x / unit)) < 1e-6
        if multiple and abs(x - truth) <= 0.5 * unit * (1 + 1e-6):
            return True
    return False


def _partly_right(answer, truth):
    right = sum(
        _equal(x, y, BY_HAND)
        for x, y in zip(np.ravel(answer), np.ravel(truth), strict=True)
    )
    return right and Verdict("partly right", {"right": right, "count": np.size(truth)})


def _equal(answer, truth, rtol):
    answer, truth = (np.asarray(x).astype(float) for x in (answer, truth))
    if answer.shape != truth.shape:
        return False
    # What is rounding beside the largest number may be any rounding.
    atol = 1e-9 * max(np.abs(truth[np.isfinite(truth)]).max(initial=0), 1e-12)
    rtol = np.where(_whole(truth), min(rtol, WHOLE), rtol)
    return np.allclose(answer, truth, rtol=rtol, atol=atol, equal_nan=True)


def _whole(x):
    """Whether numbers are whole, but for rounding: truths are differences, too."""
    return np.isclose(x, np.round(x), rtol=1e-9, atol=1e-12)


def _listed(inputs, *, short=False):
    return ", ".join(_written(x, short) for x in inputs)


def _written(x, short=False):
    if isinstance(x, (int, float, np.number)) and not isinstance(x, bool):
        return f"{x:.6g}"
    if isinstance(x, (np.ndarray, list)) and np.asarray(x).dtype.kind in "iufO":
        x = np.asarray(x).astype(float) + 0.0  # no -0.
        if short and x.size > 4:
            return f"shape {x.shape}"
        return np.array2string(x, precision=4, separator=", ").replace("\n", "")
    return getattr(x, "__name__", None) or " ".join(repr(x).split())


def slope(f: Callable[..., Any], *at: float, argument: int = 0) -> float:
    """df/dx for one argument, by differences of order h^4: right to about 10 digits."""
    h = 1e-3 * max(1.0, abs(at[argument]))

    def moved(steps):
        return f(*at[:argument], at[argument] + steps * h, *at[argument + 1 :])

    return (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * h)


def numerical_gradient(f: Callable[[Any], float], x: Any) -> np.ndarray:
    """The gradient of a function of one array, number by number, by the same differences."""
    x = np.array(x, dtype=float)
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):

        def along(value, i=i):
            moved = x.copy()
            moved[i] = value
            return float(f(moved))

        gradient[i] = slope(along, float(x[i]))
    return gradient


def checker(texts: Mapping[str, str], exercises: Mapping[str, Exercise]) -> Callable:
    """``check`` in one language: it prints the verdict on an answer."""

    def check(name: str, answer: Any) -> None:
        name = re.sub(r"(\d) *([a-c])$", r"\1 \2", _plain(str(name)).lower())
        if name not in exercises:
            lesson = re.match(r"\d*", name).group()
            names = [
                other
                for other in exercises
                if re.match(r"\d*", other).group() == lesson
            ]
            print(
                texts["no such exercise"].format(
                    name=name, names=", ".join(names or exercises)
                )
            )
            return
        verdict = judge(exercises[name], answer)
        print(f"{name}  {texts[verdict.key].format(**verdict.gaps)}")

    return check
