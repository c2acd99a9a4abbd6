"""Film README's expression on the page, step by step: ``python -m tests.inspection.graph.film``.

It writes ``examples/pictures/backprop.gif`` with the browser that the tests use. Each step stays
for two seconds, the last one for five.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from selenium import webdriver

import tinygrad_loss as tl

FILM = Path(__file__).parents[3] / "examples" / "pictures" / "backprop.gif"
WINDOW = (820, 640)
SECONDS, AT_THE_END = 2, 5


def expression() -> tl.Tensor:
    a = tl.Tensor(2.0, requires_grad=True, name="a")
    b = tl.Tensor(-3.0, requires_grad=True, name="b")
    loss = tl.tanh(a * b + 5.5) ** 2
    loss.name = "loss"
    return loss


def frames(loss: tl.Tensor, browser: webdriver.Chrome) -> list[Image.Image]:
    """A screenshot of each step of the page."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        browser.get(tl.draw(loss).save(Path(folder) / "page.html").as_uri())
        for step in range(browser.execute_script("return steps.length")):
            browser.execute_script("go(arguments[0])", step)
            picture = Image.open(io.BytesIO(browser.get_screenshot_as_png()))
            found.append(picture.convert("RGB"))
    return found


def save(pictures: list[Image.Image], path: Path) -> None:
    """A film in the colors of the last backward step, which has them all."""
    palette = pictures[-3].quantize(64, dither=Image.Dither.NONE)
    first, *others = [x.quantize(palette=palette, dither=Image.Dither.NONE) for x in pictures]
    times = [1000 * SECONDS] * len(others) + [1000 * AT_THE_END]
    first.save(path, save_all=True, append_images=others, duration=times, loop=0, optimize=True)


def main() -> int:
    options = webdriver.ChromeOptions()
    steady = "--force-prefers-reduced-motion"
    for option in ("--headless=new", "--no-sandbox", "--hide-scrollbars", steady):
        options.add_argument(option)
    options.add_argument(f"--window-size={WINDOW[0]},{WINDOW[1]}")
    with webdriver.Chrome(options=options) as browser:
        width, height = WINDOW
        browser.set_window_size(width, 2 * height - browser.execute_script("return innerHeight"))
        pictures = frames(expression(), browser)
    save(pictures, FILM)
    print(f"{FILM}: {len(pictures)} frames, {FILM.stat().st_size // 1000} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
