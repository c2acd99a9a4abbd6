"""The gallery's two pages as tests read them: sections, commands, numbers."""

import re
from pathlib import Path
from typing import NamedTuple

EXAMPLES = Path(__file__).parents[2] / "examples"
PAGES = {name: (EXAMPLES / name).read_text("utf-8") for name in ("README.md", "README.ja.md")}
SCRIPTS = {path.stem for path in EXAMPLES.glob("*.py") if not path.stem.startswith("_")}
NUMBER = re.compile(r"(?<![\w.])-?(?:\d[\d,]*)?\.\d+(?:e-?\d+)?|(?<![\w.])-?\d+e-?\d+")


class Section(NamedTuple):
    """A heading, the text below it, and the scripts whose commands stand there."""

    heading: str
    text: str
    scripts: list[str]

    @property
    def rows(self) -> list[str]:
        """The rows of its tables."""
        return re.findall(r"^\|.*\|$", self.text, flags=re.MULTILINE)


def sections(page: str) -> list[Section]:
    """The sections of a page, in order."""
    _, *parts = re.split(r"^(#+ .*)$", page, flags=re.MULTILINE)
    return [
        Section(heading, text, re.findall(r"^    python examples/(\w+)\.py$", text, re.MULTILINE))
        for heading, text in zip(parts[::2], parts[1::2], strict=True)
    ]


def numbers(text: str) -> list[str]:
    """The decimal numbers of a text, and the whole ones of two digits or more."""
    return decimals(text) + re.findall(r"(?<![\w.,-])\d{2,}(?!\w|[.,]\d)", text)


def decimals(text: str) -> list[str]:
    """The decimal numbers of a text as they stand. (One language writes "five", the other 5.)"""
    return NUMBER.findall(text)
