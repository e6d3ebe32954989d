"""The page in a real browser, as somebody sees and uses it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainshed import Workspace

SERIOUS = """
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ['violations'] }).then((found) => done(found.violations
  .filter((each) => ['serious', 'critical'].includes(each.impact))
  .map((each) => `${each.id}: ${each.nodes.slice(0, 3).map((node) => node.html).join(' | ')}`)));
"""


class Page:
    """The page in the browser.

    Args:
        browser: the browser.
        workspace: whose page it is.
        pictures: folder of pictures.
    """

    def __init__(self, browser: Any, workspace: Workspace, pictures: Path) -> None:
        self.browser, self.workspace, self.pictures = browser, workspace, pictures
        self.base = workspace.page_url("/")

    @classmethod
    @contextmanager
    def of(cls, browser: Any, workspace: Workspace, pictures: Path) -> Iterator[Page]:
        """Return the page, in a browser that all tests of a process share: it begins and ends with nothing open."""
        made = cls(browser, workspace, pictures)
        made.leave()  # else what another test left open is still at work, and its errors count here
        yield made
        made.leave()

    def leave(self) -> None:
        """Close what is open, which else goes on asking, and forget what it reported."""
        self.browser.get("about:blank")
        self.browser.get_log("browser")

    def open(self, path: str) -> None:
        """Load an address, and wait until it is shown."""
        self.browser.get(self.base + path)
        self.until("return document.documentElement.dataset.ready")

    def until(self, script: str, *args: Any) -> Any:
        """Wait until a script returns something true, and return it."""
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.browser, 20, 0.05).until(lambda driver: driver.execute_script(script, *args))

    def shows(self, *texts: str) -> None:
        """Wait until the page shows these texts."""
        for text in texts:
            self.until("return document.querySelector('main').innerText.includes(arguments[0])", text)

    def press(self, keys: str) -> None:
        """Press keys, as somebody who is not in a field."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.browser).send_keys(keys).perform()

    def size(self, width: int, height: int, theme: str = "light") -> None:
        """Be a screen of another size, and of another theme."""
        facts = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", facts)
        features = [
            {"name": "prefers-color-scheme", "value": theme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def picture(self, name: str) -> None:
        """Keep a picture."""
        self.browser.save_screenshot(str(self.pictures / f"{name}.png"))

    def check(self) -> None:
        """Assert that people can use it who do not see, or not well, and that nothing has gone wrong."""
        lines = [line["message"] for line in self.browser.get_log("browser") if line["level"] == "SEVERE"]
        serious = [line for line in lines if "401 (Unauthorized)" not in line]
        assert not serious, serious
        wider = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert self.browser.execute_script(wider) <= 0, "wider than the window"
        found = importlib.util.find_spec("axe_playwright_python")  # not imported: Playwright is not here
        if found is not None and found.origin is not None:
            script = Path(found.origin).with_name("axe.min.js").read_text()
            self.browser.execute_cdp_cmd("Runtime.evaluate", {"expression": script})
            found_by_axe = self.browser.execute_async_script(SERIOUS)
            assert not found_by_axe, found_by_axe
            self.browser.get_log("browser")  # axe-core tries to add styles, which the policy does not let it
