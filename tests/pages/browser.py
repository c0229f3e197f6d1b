"""A headless Chromium that looks at the pages of an exporter, and what is wrong with what it sees."""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDTHS = (400, 768, 1280, 1920)
THEMES = ("light", "dark")
# Of axe's impacts, those that keep a reader out.
SERIOUS = ("serious", "critical")


class Browser:
    """Chromium, as a context. `faults` is what pages reported of themselves: errors of scripts, and what the policy forbade."""

    def __init__(self, axe):
        self.axe = Path(axe).read_text(encoding="utf-8")
        self.faults = []

    def __enter__(self):
        self.playwright = sync_playwright().start()
        try:
            self.chromium = self.playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        except BaseException:
            self.playwright.stop()
            raise
        return self

    def __exit__(self, *_):
        self.chromium.close()
        self.playwright.stop()

    def page(self, address, width=1280, theme="light", script=True):
        """A page in a context of its own: no cache and no state of another."""
        context = self.chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, java_script_enabled=script
        )
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", self.heard)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("dialog", lambda dialog: (self.faults.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(address)
        return page

    def heard(self, said):
        """Keeps an error. What Chromium itself says of a page that was answered with another status than 200 is none."""
        of_the_page = said.location.get("url") == said.page.url and "server responded with a status of" in said.text
        if said.type == "error" and not of_the_page:
            self.faults.append(said.text)

    def judged(self, page):
        """What axe finds serious, one line each."""
        # By the protocol of the browser's own tools, which the page's policy does not bind.
        found = page.evaluate(self.axe + "; axe.run().then((found) => found.violations)")
        return [
            f"{one['id']} ({one['impact']}): {node['target']} {node['failureSummary']}"
            for one in found
            if one["impact"] in SERIOUS
            for node in one["nodes"]
        ]


def overflow(page):
    """By how many pixels the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
