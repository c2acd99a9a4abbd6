"""The numbers of the gallery, each with the run that it comes from, and how far it may move.

``MEASURED`` has, for each script, the numbers that the gallery publishes of it. Each is written as
it stands on the page, with a function that finds it in what ``main()`` of the script returned. It
may move by one unit of its last digit; where machines move it further, the smallest and the largest
value stand beside it. ``GIVEN`` are the other decimal numbers in the tables: references, settings,
and closed forms.

``python -m tests.gallery`` runs the scripts in full and compares.
"""

from collections.abc import Callable
from typing import Any, NamedTuple


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


MEASURED = {
    "linear_regression": [
        number("1.1563", lambda r: r["losses"][9]),
        number("1.1322", lambda r: r["losses"][19]),
        number("1.1188", lambda r: r["losses"][29]),
        number("1.1108", lambda r: r["losses"][39]),
        number("1.1059", lambda r: r["losses"][49]),
        number("3.3912", lambda r: r["line"][0]),
        number("3.6315", lambda r: r["line"][1]),
        number("4.22215108", lambda r: r["lines"][0][1]),
        number("2.96846751", lambda r: r["lines"][0][0]),
        number("0.99243865", lambda r: r["mse"]),
        number("99.24386487", lambda r: r["sse"]),
    ],
}

GIVEN: dict[str, str] = {}
