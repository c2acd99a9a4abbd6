"""A page that is open in a real browser, as the tests see it."""

import json


class Page:
    """A page that is open in the browser."""

    def __init__(self, browser, path):
        self.browser = browser
        self.path = path
        self.browser.get("about:blank")
        self.problems()  # of what was open before
        self.open()

    def open(self, address=""):
        self.browser.get("about:blank")
        self.browser.get(self.path.as_uri() + address)

    def js(self, script, *arguments):
        return self.browser.execute_script(f"return {script}", *arguments)

    def show(self, step):
        self.js("go(arguments[0])", step)

    def press(self, *keys):
        from selenium.webdriver import ActionChains  # where selenium is missing, nobody gets here

        for key in keys:
            ActionChains(self.browser).send_keys(key).perform()

    @property
    def step(self):
        return self.js("current")

    @property
    def count(self):
        return self.js("steps.length")

    def lines(self, node):
        """What a box says, in the picture."""
        texts = "document.getElementById(arguments[0]).querySelectorAll('text')"
        script = f"[...{texts}].map(x => x.textContent)"
        return self.js(script, node)

    def state(self):
        """The whole document; what the user typed or scrolled is not part of it."""
        return self.js("document.documentElement.outerHTML")

    def panel(self):
        return self.js("document.getElementById('panel').textContent")

    def problems(self):
        """What the console holds, and requests other than for the page itself."""
        console = [entry["message"] for entry in self.browser.get_log("browser")]
        events = [
            json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")
        ]
        urls = [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return console + [url for url in urls if not url.startswith(("file:", "data:", "about:"))]
