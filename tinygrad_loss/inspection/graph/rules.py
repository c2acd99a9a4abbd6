"""The text of a rule, found from the code that runs, and why it is so: what the page shows.

The code of a rule knows its file and line. Of the functions that start on that line, the rule is
the one that compiles to the same code. So no text is ever shown that is not the rule's own.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from types import CodeType
from typing import TYPE_CHECKING, Any

import numpy as np

from ...engine import ops, products
from ...engine.ops import Op
from . import text
from .text import clean, in_brackets

if TYPE_CHECKING:
    from .trace import Use

# Which inputs are broadcast, where that is not all inputs of a ufunc and none of another op.
BROADCASTING = {"where": "ab", "matmul": ""}


def argument_names(op: Op, count: int) -> list[str]:
    """The names of the op's inputs in its definition, or else in a rule."""
    taken = list(_parameters(next(filter(None, op.rules), None)).values())[2:]
    named = [p.name for p in taken if p.kind is p.POSITIONAL_OR_KEYWORD]
    names = op.arguments.inputs or named
    return names[:count] if len(names) >= count else [f"x{i}" for i in range(count)]


def rule_text(rule: Callable[..., Any]) -> str | None:
    """The code of the rule: the last line is the gradient, the lines before it what it needs.

    None where there is no source, as for a function typed into a bare interpreter.

    >>> from tinygrad_loss import multiply
    >>> [rule_text(rule) for rule in multiply.rules]
    ['g * b', 'g * a']
    """
    body = _body(rule)
    return None if body is None else "\n".join(map(ast.unparse, body))


def forward_text(op: Op, names: list[str]) -> str | None:
    """What the op computes of arguments with these names; None where it is more than one line."""
    name = getattr(op.forward, "__name__", "")
    if name and getattr(np, name, None) is op.forward:
        return f"np.{name}({', '.join(names)})"
    body = _body(op.forward)
    named = written(op.forward, dict(zip(_parameters(op.forward), names, strict=False)))
    return named or (ast.unparse(body[0]) if body is not None and len(body) == 1 else None)


def written(rule: Callable[..., Any], texts: dict[str, str]) -> str | None:
    """The rule with texts for its variables; None where it needs a helper, or more than these.

    >>> from tinygrad_loss import multiply
    >>> written(multiply.rules[0], {"g": "2", "b": "-3"})
    '2 * (-3)'
    """
    body, own = _body(rule), str(getattr(rule, "__module__", "")).startswith(ops.__package__)
    known = _names(rule) & set(_parameters(rule)) <= set(texts)
    if not own or body is None or len(body) != 1 or not known:  # of a user's one sees the source
        return None
    around = getattr(rule, "__globals__", {})
    expression = _Written(texts, around).visit(ast.parse(ast.unparse(body[0]), mode="eval"))
    names = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
    if any(callable(around.get(name)) for name in names - set(texts.values())):
        return None
    return ast.unparse(expression)


class _Written(ast.NodeTransformer):
    """Puts texts in the places of names, and works out what then is a number: ``b ** 1`` is b."""

    def __init__(self, texts: dict[str, str], around: dict[str, Any]) -> None:
        self.texts = texts
        self.around = around

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(in_brackets(self.texts.get(node.id, node.id)))

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = ast.unparse(node.func)
        with suppress(ValueError, SyntaxError):  # an argument is no number
            if name.startswith("_"):
                inputs = [ast.literal_eval(ast.unparse(x)) for x in node.args]
                return ast.Name(f"{self.around[name](*inputs):.12g}")
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        is_power_1 = isinstance(node.op, ast.Pow) and ast.unparse(node.right) == "1"
        return node.left if is_power_1 else node


def arithmetic(rule: Callable[..., Any], given: list[Any], options: Any, result: Any) -> str | None:
    """The rule on numbers: ``83.3 * 2 = 166.6``; None where it reads arrays, or hands g on.

    With so many digits that what is written is true to the digits of the result; if these are not
    all of it, the sign is "≈". tanh(6) needs eight, as 1 - 1 * 1 is 0.
    """
    body = _body(rule)
    for digits in range(4, 18):
        cut = [_cut(x, digits) for x in given]
        numbers = {k: x for k, x in read(rule, *cut, **options).items() if _is_number(x)}
        line = written(
            rule, {k: text.number(np.asarray(x)[()], digits) for k, x in numbers.items()}
        )
        if line is None or (body and isinstance(body[0], ast.Name)):
            return None
        with np.errstate(all="ignore"):
            found = np.asarray(rule(*cut, **options))
        shown = text.summary(found)
        if shown == text.summary(result):
            exact = found.ndim or str(found) == "nan" or found.dtype.type(shown) == found
            return f"{line} {'=' if exact else '≈'} {shown}"
    return None


def _is_number(x: Any) -> bool:
    return isinstance(x, int | float | np.generic | np.ndarray) and not np.ndim(x)


def _cut(x: Any, digits: int) -> Any:
    """A floating number with only so many digits; anything else as it is."""
    if not _is_number(x) or np.asarray(x).dtype.kind != "f":
        return x
    cut = float(f"{float(x):.{digits}g}")
    return cut if isinstance(x, float) else np.asarray(cut, x.dtype)


def read(rule: Callable[..., Any], *given: Any, **options: Any) -> dict[str, Any]:
    """What the rule's text mentions of a call's arguments and defaults, by its names for them."""
    if not (names := _names(rule)):
        return {}
    bound = inspect.signature(rule, follow_wrapped=False).bind(*given, **options)
    bound.apply_defaults()
    return {name: x for name, x in bound.arguments.items() if name in names}


def helpers(rule: Callable[..., Any]) -> dict[str, str]:
    """The functions in the rule's module that its text calls, with their docstrings."""
    around = getattr(rule, "__globals__", {})  # which a partial, a ufunc or an object has not
    called = ((name, around.get(name)) for name in sorted(_names(rule)))
    told = ((name, first_paragraph(x.__doc__)) for name, x in called if inspect.isfunction(x))
    return {name: does for name, does in told if does}


def first_paragraph(doc: str | None) -> str:
    """The first paragraph of a docstring as one line."""
    return inspect.cleandoc(doc or "").split("\n\n")[0].replace("\n", " ")


def derivative(op: Op, argument: str) -> str | None:
    """The sentence after "Derivative: ", or "Derivative by x: ", in the docstring of an op.

    >>> derivative(ops.divide, "a")
    'The quotient is a times 1 / b, so the slope is 1 / b.'
    """
    # matmul and concatenate are functions that call an op of the same name.
    public = (getattr(module, op.name, None) for module in (ops, products))
    for doc in (op.__doc__, *(function.__doc__ for function in public)):
        text = " ".join((doc or "").split())
        found = dict(re.findall(r"Derivative(?: by (\w+))?: (.*?)(?= Derivative| >>> |$)", text))
        if sentence := found.get(argument) or found.get(""):
            return str(sentence[0].upper() + sentence[1:])
    return None


def reason(use: Use) -> str:
    """Why a gradient is what it is, and that it was summed where the input had been broadcast."""
    op, argument = use.op.op, use.op.argument_names[use.position]
    text = derivative(op, argument) or f"{clean(op.name)} gives no reason for this rule."
    source, output = use.source.value.shape, use.op.output.value.shape
    elementwise = isinstance(op.forward, np.ufunc)
    if source != output and argument in BROADCASTING.get(op.name, argument if elementwise else ()):
        why = "an element was used in many places, and receives the sum of their gradients."
        text += f" {clean(use.source.name)} was broadcast from {source} to {output}: {why}"
    return text


def _parameters(function: Any) -> Mapping[str, inspect.Parameter]:
    """The parameters of a function; none where it is written in C and has no signature."""
    with suppress(TypeError, ValueError):
        return inspect.signature(function).parameters
    return {}


def _names(function: Callable[..., Any]) -> set[str]:
    """The names that the text of a function mentions."""
    nodes = (node for part in _body(function) or [] for node in ast.walk(part))
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def _body(function: Callable[..., Any]) -> list[ast.AST] | None:
    code = getattr(function, "__code__", None)
    return None if code is None else _body_of(code)


@cache
def _body_of(code: CodeType) -> list[ast.AST] | None:
    """The statements of the function that compiles to this code; the last without its return."""
    file, start = code.co_filename, (code.co_firstlineno, code.co_name)
    nodes, codes = _compiled("".join(linecache.getlines(file)), file)
    nodes = [x for x in nodes if _start(x) == start]
    codes = [x for x in codes if (x.co_firstlineno, x.co_name) == start]
    if len(codes) < len(nodes):  # Python 3.10 compiles equal functions on a line once
        nodes = list({ast.dump(node): node for node in nodes}.values())
    node = next((node for node, x in zip(nodes, codes, strict=False) if x == code), None)
    if not isinstance(node, ast.FunctionDef):
        return [node.body] if node else None
    body: list[ast.AST] = list(node.body[ast.get_docstring(node) is not None :])
    if isinstance(body[-1], ast.Return) and body[-1].value is not None:
        body[-1] = body[-1].value
    return body


@cache
def _compiled(source: str, file: str) -> tuple[list[Any], list[CodeType]]:
    """The functions of a file as syntax and as code, both in the order of the text."""
    tree = ast.parse(source)
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda | ast.FunctionDef)]
    nodes.sort(key=lambda node: (node.lineno, node.col_offset))
    return nodes, list(_inside(compile(tree, file, "exec", dont_inherit=True)))


def _inside(code: CodeType) -> Iterator[CodeType]:
    for x in code.co_consts:
        if isinstance(x, CodeType):
            yield x
            yield from _inside(x)


def _start(node: Any) -> tuple[int, str]:
    lines = [node.lineno, *(x.lineno for x in getattr(node, "decorator_list", ()))]
    return min(lines), getattr(node, "name", "<lambda>")
