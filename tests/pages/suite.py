"""The pages in a headless Chromium, the real exporter and the lab behind them.

    python3 -m tests.pages.suite AXE                  axe on two pages
    python3 -m tests.pages.suite AXE --all [FOLDER]   everything; pictures go to FOLDER

AXE is the script of axe-core.
"""

import re
import sys
import time
from pathlib import Path
from urllib.parse import quote

from tests.lib.processes import Processes, Server, override, wait
from tests.pages.browser import THEMES, WIDTHS, Browser, overflow

DETAILS = "explain: { details: true }\n"
SWEEP = {"interval": "10s", "timeout": "1s"}
SCENARIOS = ("healthy", "never_polled", "stopped", "blocked", "not_downloading", "clock_skew", "login_refused", "no_targets")
# Names and errors as an attacker would choose them.
HOSTILE = ('"><IMG SRC=X ONERROR=ALERT(1)>', "</TABLE><SCRIPT>ALERT(2)</SCRIPT>", "JAVASCRIPT:ALERT(3)")
CHECKS = []


def check(function):
    """A check of the long part: a function of the site and the browser."""
    CHECKS.append(function)
    return function


class Site(Processes):
    """Labs with their exporters."""

    def __init__(self):
        super().__init__("msx-pages-")

    def start(self, name, *lab, more=""):
        """A lab and its exporter, with `more` in its configuration; answers both."""
        master = self.lab(name, *lab)
        instance = self.exporter(name, master.address, SWEEP, [override(".*", master.port)], more)
        wait(f"the exporter of {name} has read", lambda: b"\nmsx_up 1\n" in (Server(instance).read("metrics") or b""), 60)
        return master, f"http://{instance}/"


def names(page):
    return page.locator('#targets th[scope="row"] a').all_inner_texts()


def arrive(page, action):
    """Does what leads to another page, and waits for it."""
    with page.expect_navigation():
        action()


def refreshed(page, shown, what):
    """Lets the page refresh itself until it shows something."""
    deadline = time.monotonic() + 90
    while not shown():
        assert time.monotonic() < deadline, f"{what} never came"
        with page.expect_response(page.url):
            page.clock.run_for(16_000)


def axe(site, browser, address):
    for path in ("", "target?name=SQL03"):
        page = browser.page(address + path)
        found = browser.judged(page)
        assert not found, "\n".join([f"/{path}:", *found])


@check
def every_width_and_theme(site, browser, address):
    """No page is wider than its window, and axe finds nothing serious in either theme."""
    longest = f"target?name=SQL-{'X' * 124}"
    for path in ("", "?by=cause", "target?name=SQL03", longest, "target?name=NOBODY", "jobs", "history", "doctor", "a/b"):
        for theme in THEMES:
            for width in WIDTHS:
                page = browser.page(address + path, width, theme)
                if site.pictures:
                    shown = re.sub(r"\W+", "-", path)[:40] or "fleet"
                    page.screenshot(path=site.pictures / f"{shown}-{width}-{theme}.png")
                assert overflow(page) <= 0, f"/{path} at {width}: {overflow(page)} pixels too wide"
                if width in (400, 1280):
                    found = browser.judged(page)
                    assert not found, "\n".join([f"/{path} at {width}, {theme}:", *found])
                page.context.close()


@check
def one_line_for_each_target(site, browser, address):
    page = browser.page(address)
    heights = page.evaluate("[...document.querySelectorAll('#targets tbody tr')].map((row) => row.offsetHeight)")
    assert len(heights) > 20 and max(heights) <= 36, heights


@check
def filters_and_order_are_links(site, browser, address):
    page = browser.page(address)
    unfiltered = names(page)
    arrive(page, lambda: page.get_by_role("link", name="Stopped polling").click())
    assert "state=stopped_polling" in page.url and 0 < len(names(page)) < len(unfiltered)
    shown = names(page)
    assert names(browser.page(page.url)) == shown, "a link can be sent"
    page.get_by_role("searchbox").fill(shown[0])
    arrive(page, lambda: page.get_by_role("button", name="Show").click())
    assert "state=stopped_polling" in page.url and names(page) == shown[:1]
    arrive(page, lambda: page.get_by_role("link", name="all", exact=True).click())
    arrive(page, lambda: page.get_by_role("link", name="Target", exact=True).click())
    assert names(page) == sorted(unfiltered), names(page)
    page.get_by_label("by cause").check()
    arrive(page, lambda: page.get_by_role("button", name="Show").click())
    assert page.locator("tr.group").count() > 5 and len(names(page)) == len(unfiltered)


@check
def the_history_is_filtered_in_its_address(site, browser, address):
    events = ".story li"
    page = browser.page(address + "history")
    shown = page.locator(events).count()
    assert shown > 3
    page.locator("select[name=state]").select_option("stopped_polling")
    page.locator("select[name=kind]").select_option(label="cause changed")
    page.locator("input[name=since]").fill("2020-01-01T00:00")
    arrive(page, lambda: page.get_by_role("button", name="Show").click())
    assert "state=stopped_polling" in page.url and 0 < page.locator(events).count() < shown
    first = page.locator(".story .time").first
    arrive(page, first.click)
    assert "since=" in page.url and page.locator(events).count() == shown, "what happened within five minutes of it"
    arrive(page, lambda: page.get_by_role("link", name="all", exact=True).click())
    assert page.url == address + "history"


@check
def by_the_keyboard_alone(site, browser, address):
    page = browser.page(address)
    first, reached = names(page)[0], []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent || document.activeElement.name"))
        if reached[-1] == first:
            break
    assert reached[0] == "To the content" and reached[-1] == first, reached
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", "focus is visible"
    arrive(page, lambda: page.keyboard.press("Enter"))
    assert "/target?name=" in page.url


@check
def it_refreshes_in_place_while_its_tab_is_visible(site, browser, address):
    master, address = site.start("refreshed", "--scenario", "healthy")
    page = browser.page(address)
    page.clock.install()
    page.reload()
    page.locator('a:text-is("SQL03")').focus()
    page.evaluate("document.querySelector('main').dataset.same = 'yes'")
    master.do("skew SQL03 12", "advance 2m")
    refreshed(page, lambda: "Clock off" in page.locator("#targets").inner_text(), "the change")
    assert page.evaluate("document.querySelector('main').dataset.same") == "yes", "in place"
    assert page.evaluate("document.activeElement.textContent") == "SQL03", "the focus stays"
    site.stop("exporter-refreshed")
    page.clock.run_for(16_000)
    page.get_by_role("alert").filter(has_text="This page is not refreshed").wait_for()
    assert "SQL03" in names(page), "the last reading stays"
    page.context.close()
    # What the browser itself says of the exporter that ended is no fault of the page.
    browser.faults = [fault for fault in browser.faults if "ERR_CONNECTION_REFUSED" not in fault]


@check
def a_selection_is_not_taken_away_and_then_what_came_is_shown(site, browser, address):
    master, address = site.start("selected", "--scenario", "healthy", "--speed", "0")
    page = browser.page(address + "target?name=SQL03")
    page.clock.install()
    page.reload()
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#known'))")
    selected = page.evaluate("getSelection().toString()")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if request.url == page.url else None)
    master.do("stop SQL03", "advance 20m")
    page.clock.run_for(50_000)
    assert selected and page.evaluate("getSelection().toString()") == selected and not asked, asked
    assert "It waits while text is selected." in page.locator("#old").inner_text()
    page.evaluate("getSelection().removeAllRanges()")
    refreshed(page, lambda: page.locator("#batches pre").count() > 0, "what to paste")
    text, button = page.locator("#on-target pre"), page.locator("#on-target button.copy")
    button.focus()
    before = text.inner_text()
    master.do("advance 20m")
    refreshed(page, lambda: text.inner_text() != before, "how long it is silent now")
    assert button.evaluate("(button) => button === document.activeElement"), "the focus stays, among buttons that are alike"


@check
def a_target_that_leaves_and_a_master_that_is_lost_are_shown_in_place(site, browser, address):
    master, address = site.start("leaves", "--scenario", "healthy", "--speed", "0")
    pages = {path: browser.page(address + path) for path in ("", "target?name=SQL03", "target?name=SQL02")}
    for page in pages.values():
        page.clock.install()
        page.reload()
    main = {path: page.locator("main") for path, page in pages.items()}
    master.do("delete SQL03")
    refreshed(pages["target?name=SQL03"], lambda: "No such target" in main["target?name=SQL03"].inner_text(), "that it left")
    site.stop("lab-leaves")
    for path, said in (("", "cannot be read"), ("target?name=SQL02", "The master cannot be read")):
        refreshed(pages[path], lambda: said in main[path].inner_text(), said)
        assert overflow(pages[path]) <= 0 and not browser.judged(pages[path]), path
    # One page that says what is missing gives way to another.
    gone = "target?name=SQL03"
    refreshed(pages[gone], lambda: "The master cannot be read" in main[gone].inner_text(), "the loss where a target had left")
    assert "No such target" not in main[gone].inner_text()


@check
def a_request_gives_way_to_the_loss_of_its_master_and_comes_back(site, browser, address):
    healthy = ("--scenario", "healthy", "--speed", "0")
    master, address = site.start("request", *healthy, more=DETAILS)
    page = browser.page(address + "doctor", 400)
    page.clock.install()
    page.reload()
    main, request = page.locator("main"), page.locator("#request")
    assert "all that is required" in request.inner_text() or "required and not" in request.inner_text()
    site.stop("lab-request")
    refreshed(page, lambda: "The master cannot be read" in main.inner_text(), "the loss")
    assert request.count() == 0 and "cannot be read" in page.title() and page.locator("#refresh-failed").is_hidden()
    assert overflow(page) <= 0 and not browser.judged(page)
    site.lab("request", *healthy, address=master.address)
    refreshed(page, lambda: request.count() == 1, "the request")
    assert "cannot be read" not in main.inner_text() and "Firewall request" in page.title()
    assert page.locator("main").count() == 1 and page.locator("#age").count() == 1


@check
def what_is_to_be_pasted_elsewhere_is_copied_with_and_without_a_clipboard(site, browser, address):
    page = browser.page(address + "target?name=SQL03")
    text, button = page.locator("#on-master pre"), page.locator("#on-master button.copy")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for clipboard in (True, False):
        if not clipboard:
            page.evaluate("navigator.clipboard.writeText('') && delete Navigator.prototype.clipboard")
        button.focus()
        page.keyboard.press("Enter")
        page.get_by_role("status").filter(has_text="Copied").wait_for()
        page.keyboard.press("Tab")
        page.locator("#copied").filter(has_not_text="Copied").wait_for(state="attached")
        assert pasted(page) == text.inner_text().strip(), clipboard
    assert page.evaluate("getSelection().isCollapsed"), "the page refreshes again"
    assert text.evaluate("(pre) => pre.scrollWidth <= pre.clientWidth"), "long lines wrap"
    assert browser.page(page.url, script=False).locator("button.copy").count() == 0


def pasted(page):
    """What is pasted into a field of another page."""
    other = page.context.new_page()
    other.set_content("<textarea></textarea>")
    other.locator("textarea").focus()
    other.keyboard.press("Control+V")
    text = other.locator("textarea").input_value()
    other.close()
    return text.strip()


@check
def names_without_room_open_and_stay_open(site, browser, address):
    master, address = site.start("many", "--targets", "60", "--speed", "0")
    stopped = names(browser.page(address + "?sort=name"))[:40]
    page = browser.page(address + "history", 400)
    page.clock.install()
    page.reload()
    master.do(*(f"stop {name}" for name in stopped), "advance 5m")
    refreshed(page, lambda: page.locator(".story summary").count() == 1, "that they fell silent")
    last = page.locator(".story a", has_text=stopped[-1])
    assert not last.is_visible()
    page.emulate_media(media="print")
    assert last.is_visible(), "what is printed cannot be opened"
    page.emulate_media(media="screen")
    page.get_by_text("and 20 more").click()
    assert last.is_visible() and overflow(page) <= 0 and not browser.judged(page)
    master.do("agent off", "operator off")
    refreshed(page, lambda: "master's Agent stopped" in page.locator("#history").inner_text(), "the next change")
    assert last.is_visible() and "operator MSXOperator lost" in page.locator("#history").inner_text()


@check
def a_missing_right_says_what_it_costs(site, browser, address):
    master, address = site.start("rights", "--scenario", "healthy")
    master.do("revoke sysdownloadlist", "revoke VIEW SERVER SECURITY STATE")
    page = browser.page(address, 400)
    page.clock.install()
    page.reload()
    refreshed(page, lambda: page.get_by_role("link", name="what to grant").count() == 1, "the missing rights")
    assert "instructions that wait or failed" in page.locator(".strip").inner_text()
    assert "GRANT SELECT ON dbo.sysdownloadlist" in page.locator("#rights").inner_text()
    assert overflow(page) <= 0 and not browser.judged(page)
    if site.pictures:
        page.screenshot(path=site.pictures / "rights-400-light.png", full_page=True)


@check
def it_works_without_script(site, browser, address):
    page = browser.page(address + "?sort=name", script=False)
    shown = names(page)
    arrive(page, lambda: page.get_by_role("link", name="Refresh").click())
    assert names(page) == shown and "sort=name" in page.url


@check
def texts_do_nothing(site, browser, address):
    master, address = site.start("hostile", "--scenario", "healthy")
    for name in HOSTILE:
        master.do(f"enlist {name}", f"fail {name.split()[0]} {HOSTILE[1]}" if " " not in name else f"fail SQL01 {name}")
    shown = wait("they are enlisted", lambda: [one for one in names(browser.page(address)) if one in HOSTILE], 60)
    assert sorted(shown) == sorted(HOSTILE), shown
    for path in ("", *(f"target?name={quote(name)}" for name in HOSTILE), "?q=" + quote(HOSTILE[0])):
        page = browser.page(address + path)
        assert page.locator("img, table script").count() == 0, path
    assert browser.page(address + "?q=" + quote(HOSTILE[0])).get_by_role("searchbox").input_value() == HOSTILE[0]


@check
def what_there_is_not_has_a_page_too(site, browser, address):
    bad = (("target?name=NOBODY", 404), ("?state=fine", 400), ("?page=99", 404), ("target", 400), ("history?kind=x", 400), ("a/b/c", 404))
    for path, status in bad:
        page = browser.page("about:blank")
        answer = page.goto(address + path)
        assert answer.status == status and page.locator("main h1").count() == 1, path
        arrive(page, lambda: page.get_by_role("link", name="Fleet").click())
        assert page.url == address and names(page), path
    page = browser.page(address + "target?name=SQL0")
    arrive(page, lambda: page.get_by_role("link", name="Search for SQL0").click())
    assert "SQL03" in names(page) and "q=SQL0" in page.url


@check
def every_scenario_has_a_page(site, browser, address):
    for scenario in SCENARIOS:
        _, address = site.start(scenario, "--scenario", scenario)
        page = browser.page(address)
        assert page.locator("h1").inner_text().startswith("MSX"), scenario
        found = browser.judged(page)
        assert not found, "\n".join([scenario, *found])
        page.context.close()
        site.stop(f"exporter-{scenario}")


@check
def five_thousand_targets_in_under_a_second(site, browser, address):
    _, address = site.start("large", "--targets", "5000")
    page = browser.page(address + "?sort=name&page=10")
    assert len(names(page)) == 500
    # Of the exporter alone: how long Chromium lays out 500 lines is the machine's affair.
    server = Server(address.removeprefix("http://").rstrip("/"))
    began = time.monotonic()
    assert server.read("", sort="last_poll", page=10)
    took = time.monotonic() - began
    assert took < 1.0, took
    print(f"      500 lines of 5,000 targets in {took:.2f} s")


def main():
    arguments = sys.argv[1:]
    everything = "--all" in arguments
    failed = 0
    with Site() as site, Browser(arguments[0]) as browser:
        site.pictures = Path(arguments[2]) if len(arguments) > 2 else None
        _, address = site.start("everything", "--scenario", "everything", more=DETAILS)
        for one in [axe, *(CHECKS if everything else [])]:
            try:
                one(site, browser, address)
                assert not browser.faults, "\n".join(browser.faults)
                print(f"ok    {one.__name__.replace('_', ' ')}", flush=True)
            except Exception as error:
                failed += 1
                browser.faults = []
                print(f"FAIL  {one.__name__.replace('_', ' ')}: {error}", flush=True)
    total = 1 + (len(CHECKS) if everything else 0)
    print(f"{total - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
