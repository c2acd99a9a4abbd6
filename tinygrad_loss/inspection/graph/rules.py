"""The text of a rule, found from the code that runs: what the page shows is what was computed.

The code of a rule knows its file and line. Of the functions that start on that line, the rule is
the one that compiles to the same code. So no text is ever shown that is not the rule's own.
"""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Callable
from functools import cache
from types import CodeType
from typing import Any

import numpy as np

from ...engine.ops import Op

SYMBOLS = {
    "add": "a + b",
    "subtract": "a - b",
    "multiply": "a * b",
    "divide": "a / b",
    "power": "a ** b",
    "negative": "-x",
    "matmul": "a @ b",
}


def argument_names(op: Op, count: int) -> list[str]:
    """The names of the op's arguments in its rules, or else in its forward function."""
    for function, skipped in [*((rule, 2) for rule in op.rules if rule), (op.forward, 0)]:
        try:
            parameters = list(inspect.signature(function).parameters.values())[skipped:]
        except (TypeError, ValueError):  # a function written in C may have no signature
            continue
        names = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        if len(names) >= count:
            return names[:count]
    return [f"x{i}" for i in range(count)]


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
    """The code of what the op computes; None where it is more than one line."""
    if op.name in SYMBOLS:
        return SYMBOLS[op.name]
    if isinstance(op.forward, np.ufunc) or not hasattr(op.forward, "__code__"):
        return f"np.{op.forward.__name__}({', '.join(names)})"
    body = _body(op.forward)
    return ast.unparse(body[0]) if body is not None and len(body) == 1 else None


def with_numbers(rule: Callable[..., Any], numbers: dict[str, str]) -> str | None:
    """The rule's text with numbers for its variables; None where it needs more, or returns just g.

    >>> from tinygrad_loss import multiply
    >>> with_numbers(multiply.rules[0], {"g": "2", "b": "-3"})
    '2 * (-3)'
    """
    body = _body(rule)
    if body is None or len(body) != 1:
        return None
    variables = set(inspect.signature(rule).parameters)
    used = {node.id for node in ast.walk(body[0]) if isinstance(node, ast.Name)} & variables
    asks_for_more = any(
        isinstance(node, ast.Attribute | ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id in variables
        for node in ast.walk(body[0])
    )
    if asks_for_more or not used <= set(numbers) or isinstance(body[0], ast.Name):
        return None
    expression = ast.parse(ast.unparse(body[0]), mode="eval")
    for node in ast.walk(expression):
        if isinstance(node, ast.Name) and node.id in variables:
            text = numbers[node.id]
            node.id = f"({text})" if text.startswith("-") else text
    return ast.unparse(expression)


def variables_used(rule: Callable[..., Any]) -> set[str]:
    """The names of the rule's arguments that its text mentions."""
    body = _body(rule) or []
    used = {node.id for part in body for node in ast.walk(part) if isinstance(node, ast.Name)}
    return used & set(inspect.signature(rule).parameters)


def helpers(rule: Callable[..., Any]) -> dict[str, str]:
    """The functions in the rule's module that its text calls, with their docstrings."""
    names = {x.id for part in _body(rule) or [] for x in ast.walk(part) if isinstance(x, ast.Name)}
    found = {name: rule.__globals__[name] for name in sorted(names & set(rule.__globals__))}
    return {
        name: inspect.cleandoc(function.__doc__).split("\n\n")[0].replace("\n", " ")
        for name, function in found.items()
        if inspect.isfunction(function) and function.__doc__
    }


def defaults(rule: Callable[..., Any]) -> dict[str, Any]:
    """The default values of the rule's options."""
    parameters = inspect.signature(rule).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def _body(function: Callable[..., Any]) -> list[ast.AST] | None:
    code = getattr(function, "__code__", None)
    return None if code is None else _body_of(code)


@cache
def _body_of(code: CodeType) -> list[ast.AST] | None:
    """The statements of the function that compiles to this code; the last without its return."""
    tree = _parsed("".join(linecache.getlines(code.co_filename)))
    for node in _functions(tree):
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        if (first, _name(node)) == (code.co_firstlineno, code.co_name) and _same(
            _compiled(node, tree, code), code
        ):
            if isinstance(node, ast.Lambda):
                return [node.body]
            body: list[ast.AST] = list(node.body[ast.get_docstring(node) is not None :])
            if isinstance(body[-1], ast.Return) and body[-1].value is not None:
                body[-1] = body[-1].value
            return body
    return None


@cache
def _parsed(source: str) -> ast.Module:
    return ast.parse(source)


@cache
def _functions(tree: ast.Module) -> list[ast.Lambda | ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Lambda | ast.FunctionDef)]


def _name(node: ast.Lambda | ast.FunctionDef) -> str:
    return "<lambda>" if isinstance(node, ast.Lambda) else node.name


def _compiled(node: ast.Lambda | ast.FunctionDef, tree: ast.Module, code: CodeType) -> CodeType:
    """The code that the function compiles to, given the module's imports and its free variables."""
    imports = [x for x in tree.body if isinstance(x, ast.Import | ast.ImportFrom)]
    around = ast.parse(f"def around({', '.join(code.co_freevars)}): pass").body[0]
    around.body = [ast.Return(node) if isinstance(node, ast.Lambda) else node]  # type: ignore[attr-defined]
    module = ast.fix_missing_locations(ast.Module([*imports, around], type_ignores=[]))
    compiled = compile(module, code.co_filename, "exec", dont_inherit=True)
    for name in ("around", code.co_name):
        inner = (c for c in compiled.co_consts if isinstance(c, CodeType) and c.co_name == name)
        compiled = next(inner)
    return compiled


def _same(a: CodeType, b: CodeType) -> bool:
    """Whether two code objects are the same, wherever they were written."""
    if (a.co_code, a.co_names, a.co_varnames) != (b.co_code, b.co_names, b.co_varnames):
        return False
    if len(a.co_consts) != len(b.co_consts):
        return False
    return all(
        _same(x, y)
        if isinstance(x, CodeType) and isinstance(y, CodeType)
        else (type(x), x) == (type(y), y)
        for x, y in zip(a.co_consts, b.co_consts, strict=True)
    )
