# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""The sheet of all derivatives: each op's formula, its rules as they run, its curve and its slope.

Everything on the sheet is read off the table itself, `tinygrad_loss/engine/ops.py`: the formula and
the derivative in words from the docstrings, the rules from the decorators, the helpers of the rules
from their definitions, the curves by calling the ops and differentiating them. Nothing is written
twice, so that the sheet cannot go stale: a test compares it with what this script makes now.

Run it with

    python examples/derivatives.py

It takes some seconds, and writes examples/derivatives.md and the picture that it shows.
"""

import ast
import inspect
import io
import re
from pathlib import Path

import numpy as np
from _common import plt, run
from matplotlib.ticker import MaxNLocator
from PIL import Image

import tinygrad_loss as tl
from tinygrad_loss.engine import ops

SHEET = Path(__file__).parent / "derivatives.md"
PICTURE = Path(__file__).parent / "pictures" / "derivatives.png"
HEAD = """# All derivatives

Made by `python examples/derivatives.py` from the table in
[`engine/ops.py`](../tinygrad_loss/engine/ops.py). A rule turns g, the gradient of the loss at the
output y, into its gradient at an input. It is shown as it runs, one for each input, in their order
(of equal ones the first). Where an input was broadcast, the engine sums its gradient afterwards.
All other functions are made of these ops, and have no rules of their own.

![Each elementwise function with its slope](pictures/derivatives.png)

Solid: the function, computed by its op. Dashed: the slope, computed by its rule. A function of
several inputs is drawn against one of them, x, with the numbers in its title for the others. An
upright stroke is a jump.
"""
HELPERS = """
## Helpers

Functions that the rules call by a name of their own; those that branch are not written out. All
else is Python's, NumPy's, or an op of this page (`_cumsum` is `cumsum`).

| helper | computes | in words |
|---|---|---|"""

# Where a curve is drawn: where its function is defined, and not too steep for a panel.
DOMAINS = {
    **dict.fromkeys(["log", "log2", "log10", "sqrt"], (0.02, 4)),
    **dict.fromkeys(["exp", "expm1", "sinh", "cosh"], (-2, 2)),
    "log1p": (-0.98, 3),
    "square": (-1.5, 1.5),
    "tan": (-1.3, 1.3),
    "divide": (0.2, 3),
    "power": (-1.4, 1.4),
}
# What stands beside x, if not 1 for each further input.
INPUTS = {
    **dict.fromkeys(["subtract", "divide"], "1, x"),
    "multiply": "x, 2",
    "power": "x, 3",
    "clip": "x, -1, 1",
    "leaky_relu": "x, 0.2",
    "where": "x > 0, x, 1",
}


def table():
    """The table in its order: a section's name, or the node of a row in the syntax tree."""
    source = inspect.getsource(ops)
    found = {
        source[: match.start()].count("\n") + 1: match.group(1)
        for match in re.finditer(r"^# --- (.+?) -+$", source, flags=re.MULTILINE)
    }
    for node in ast.parse(source).body:
        if rules_of(node):
            found[node.lineno] = node
    return [found[line] for line in sorted(found)]


def rules_of(node):
    """The rules of a row, as nodes: in `@op(...)`, in `Op(forward, ...)`, or given in its body."""
    if isinstance(node, ast.FunctionDef):
        calls = [x for x in node.decorator_list if isinstance(x, ast.Call)]
        if [ast.unparse(x.func) for x in calls] == ["op"]:
            return calls[0].args
        rules = [x.value for x in node.body if ast.unparse(x).startswith("rules = ")]
        return [rule.elt for rule in rules]
    if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("Op("):
        return node.value.args[1:]
    return []


def name_of(node):
    name = node.name if isinstance(node, ast.FunctionDef) else ast.unparse(node.targets[0])
    return name.lstrip("_")


def rule_text(rule):
    """A rule as it runs; one that has a name as a call with the op's inputs."""
    if isinstance(rule, ast.Lambda):
        return ast.unparse(rule.body)
    if isinstance(rule, ast.Constant):  # None
        return "none"
    return f"{rule.id}({', '.join(inspect.signature(getattr(ops, rule.id)).parameters)})"


def described(node):
    """The formula of a row, and its derivative in words, from its docstring."""
    doc = ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else None
    text = " ".join((doc or getattr(tl, name_of(node)).__doc__).split(">>>")[0].split())
    formula, *parts = re.split(r"\bDerivative(?=:| by)", text)
    words = " ".join(part.removeprefix(":").strip() for part in parts)
    return formula.strip().removesuffix("."), capitalized(words)


def capitalized(text):
    """Each sentence that began with "Derivative" begins with a capital now."""
    return re.sub(r"(^|(?<=\. ))by (?=\w:)", "By ", text[:1].upper() + text[1:])


def helpers(texts):
    """The functions beside the ops that rules call, and those that these call in turn."""
    found, texts = [], list(texts)
    while texts:
        for name in re.findall(r"\b(?<!\.)[a-zA-Z_]+(?=\()", texts.pop(0)):
            function = vars(ops).get(name)
            if inspect.isfunction(function) and name not in found:
                found.append(name)
                texts.append(computed(function))
    return found


def computed(function):
    """The body of a helper in one line, without its docstring; "" if it holds an `if`."""
    body = ast.parse(inspect.getsource(function)).body[0].body[1:]
    if not all(isinstance(part, ast.Assign | ast.Return) for part in body):
        return ""
    return "; ".join(ast.unparse(part).removeprefix("return ") for part in body)


def row(*cells):
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def code(*texts):
    return "<br>".join(f"`{text}`" for text in dict.fromkeys(texts) if text)


def sheet():
    """The page in Markdown."""
    lines, rules = [HEAD], []
    for found in table():
        if isinstance(found, str):
            lines += [f"\n## {found[0].upper() + found[1:]}\n"]
            lines += ["| op | formula | rules | in words |", "|---|---|---|---|"]
            continue
        texts = [rule_text(rule) for rule in rules_of(found)]
        formula, words = described(found)
        lines.append(row(code(name_of(found)), formula, code(*texts), words))
        rules += texts
    lines.append(HELPERS)
    for name in helpers(rules):
        function = getattr(ops, name)
        words = " ".join(inspect.getdoc(function).split("\n\n")[0].split())
        lines.append(row(code(f"{name}{bare(function)}"), code(computed(function)), words))
    return "\n".join(lines) + "\n"


def bare(function):
    """The signature of a function without annotations."""
    parameters = inspect.signature(function).parameters.values()
    return f"({', '.join(str(x.replace(annotation=x.empty)) for x in parameters)})"


def curves():
    """The elementwise functions, each as it is called: `exp(x)`, `maximum(x, 1)`."""
    section, calls = "", {}
    for found in table():
        if isinstance(found, str):
            section = found.split(":")[0]
        elif section in ("arithmetic", "elementary functions", "choosing"):
            name, others = name_of(found), ", 1" * (len(rules_of(found)) - 1)
            calls[name] = f"{name}({INPUTS.get(name, f'x{others}')})"
    return calls


def draw():
    """The picture: each curve with its slope, which the rule computes."""
    calls = curves()
    figure, panels = plt.subplots(-(-len(calls) // 5), 5, figsize=(8.3, 9.6))
    for panel in panels.flat:
        panel.axis("off")
    for panel, (name, call) in zip(panels.flat, calls.items(), strict=False):
        x = tl.Tensor(np.linspace(*DOMAINS.get(name, (-3, 3)), 401), requires_grad=True)
        with np.errstate(all="ignore"):  # a slope may be infinite, a function undefined
            y = eval(call, vars(tl) | {"x": x})
            y.backward(np.ones(x.shape))
        panel.axis("on")
        panel.axhline(0, color="0.85", lw=0.8)
        panel.axvline(0, color="0.85", lw=0.8)
        panel.plot(x.data, y.data, color="black", ls="-")
        panel.plot(x.data, x.grad, color="tab:orange", ls="--")
        panel.set_title(call)
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        panel.set_ylim(*np.clip(panel.get_ylim(), -4, 4))
    return figure


def main(quick=False):
    """Write the sheet and its picture; return what is drawn."""
    figure, drawn = draw(), io.BytesIO()
    figure.savefig(drawn, dpi=100)
    plt.close(figure)
    Image.open(drawn).convert("RGB").quantize(64, dither=0).save(PICTURE, optimize=True)
    SHEET.write_text(sheet(), encoding="utf-8")
    print(f"saved {SHEET} and {PICTURE}")
    return list(curves().values())


if __name__ == "__main__":
    run(main, __doc__)
