"""A published number: its text, where to find it, and how far it may move."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Number(NamedTuple):
    """A published number: its text, where to find it among the results, and its range."""

    text: str
    find: Callable[[Any], float]
    low: float
    high: float

    @property
    def value(self) -> float:
        return float(self.text.replace(",", ""))

    def printed(self, value: float) -> str:
        """A value with as many digits as the published one shows."""
        mantissa, _, exponent = self.text.partition("e")
        places = len(mantissa.partition(".")[2])
        return f"{value:,.{places}{'e' if exponent else 'f'}}"

    def moved(self, value: float) -> bool:
        """Whether other digits would be printed for this value."""
        return float(self.printed(value).replace(",", "")) != self.value


def number(
    text: str, find: Callable[[Any], float], low: float | None = None, high: float | None = None
) -> Number:
    """A published number. Without a range, its last digit may move by one."""
    mantissa, _, exponent = text.replace(",", "").partition("e")
    unit = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    value = float(text.replace(",", ""))
    return Number(
        text,
        find,
        value - 1.5 * unit if low is None else low,
        value + 1.5 * unit if high is None else high,
    )


def over_seeds(texts: str, find: Callable[[Any], Any], share: float = 0.0) -> list[Number]:
    """The median, the smallest and the largest of several values, which may move by a share."""

    def one(text: str, of: Callable[[Any], Any]) -> Number:
        n = number(text, lambda r: of(find(r)))
        room = share * abs(n.value)
        return n._replace(low=min(n.low, n.value - room), high=max(n.high, n.value + room))

    return [one(*pair) for pair in zip(texts.split(), (np.median, np.min, np.max), strict=True)]
