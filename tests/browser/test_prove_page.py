# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a proof in a real Chromium: it loads nothing, fits every screen, and keeps nobody out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._prove import html
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.document import document
from conftest import PHONE, WIDE, Window
from proofs import captured, prove_results
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from test_accessibility import violations
from test_audit_page import CONTRAST_OF_TEXT, CONTRASTS, LEAST_TARGET_PIXELS, all_of, texts

NARROW = (320, 640)  # WCAG 2.2, success criterion 1.4.10: nothing may have to be scrolled both ways
LEAST_TEXT_PIXELS = 10  # of a figure in a chart, on any screen
EVIL = "</title></script><script>document.title = 'hit'</script><img src=x onerror=\"document.title='hit'\">"
SCREENS = pytest.mark.parametrize("size", [WIDE, PHONE, NARROW], ids=["wide", "phone", "narrow"])
COLOURS = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])

Shown = Callable[..., WebDriver]


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of several targets: one that was compared, one weak, one without a contract, one that failed."""
    path = tmp_path_factory.mktemp("prove") / "siptune-prove.html"
    path.write_text(html.render(prove_results.proof()), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a real comparison."""
    path = tmp_path_factory.mktemp("real") / "siptune-prove.html"
    path.write_text(html.render(captured()), encoding="utf-8")
    return path


@pytest.fixture
def shown(window: Window, page: Path) -> Shown:
    """Show it, or another one, in a window of this size and colour scheme, with its tables open if asked to."""

    def show(
        size: tuple[int, int] = WIDE, dark: bool = False, tables: bool = False, other: Path | None = None
    ) -> WebDriver:
        driver = window(0, size, dark, other or page)
        if tables:
            driver.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
        return driver

    return show


def test_it_loads_without_an_error_a_script_or_the_network(shown: Shown) -> None:
    driver = shown()
    assert driver.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    sent = [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]
    assert [url[:5] for url in sent if not url.startswith("data:")] == ["file:"]
    assert all_of(driver, "script") == []


def test_what_a_host_calls_itself_is_text(window: Window, tmp_path: Path) -> None:
    reason = {**prove_results.FULL, "what": EVIL, "detail": EVIL, "help": EVIL}
    bad = prove_results.step(40, False, 9, reasons=[reason], losses={EVIL: 3})
    registered = prove_results.target("x", prove_results.run("as_is", None, [bad]), daemon=EVIL, warnings=[EVIL])
    path = tmp_path / "page.html"
    path.write_text(html.render(document({EVIL: registered}, prove_results.GENERATED_AT, "0.1.0")), encoding="utf-8")
    driver = window(0, path=path)
    assert driver.title == "siptune prove"
    assert texts(driver, "h2")[0].startswith(EVIL)
    assert all_of(driver, "script, img") == []


def test_the_verdicts_come_first(shown: Shown) -> None:
    driver = shown()
    assert texts(driver, "main > section:first-child tbody th") == ["edge1", "edge2", "pbx1", "gone"]
    badges = ["holds", "does not hold", "no contract", "not proved"]
    assert texts(driver, "main > section:first-child .badge") == badges
    assert texts(driver, ".said")[0] == "The contract's 400 calls per second hold, with 75 % of headroom."


def test_every_step_is_in_every_chart(shown: Shown) -> None:
    driver = shown()
    charts = all_of(driver, ".target:nth-of-type(2) svg.chart")
    assert len(charts) == 8  # before and after: times, losses, counters, processors
    before, after = (len(run["steps"]) for run in prove_results.proof()["targets"][0]["runs"])
    marks = [len(one.find_elements(By.CSS_SELECTOR, ".s1 circle, .s1 path")) for one in charts]
    assert marks == [before, after] * 4


def test_before_and_after_stand_side_by_side_on_a_wide_screen_and_below_each_other_on_a_phone(shown: Shown) -> None:
    for size, beside in ((WIDE, True), (PHONE, False)):
        first, second = all_of(shown(size), ".target .panels.of2 figure")[:2]
        assert (first.location["y"] == second.location["y"]) is beside
        assert first.size == second.size


@COLOURS
@SCREENS
def test_it_fits_and_can_be_read(shown: Shown, size: tuple[int, int], dark: bool) -> None:
    driver = shown(size, dark, tables=True)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= size[0]
    ratio, where = driver.execute_script(CONTRASTS)
    assert ratio >= CONTRAST_OF_TEXT, where
    heights = (
        "return Math.min(...[...document.querySelectorAll('svg text')].map(t => t.getBoundingClientRect().height))"
    )
    assert driver.execute_script(heights) >= LEAST_TEXT_PIXELS
    _keep_picture(driver, f"{size[0]}-{'dark' if dark else 'light'}")


@SCREENS
def test_a_real_comparison_can_be_read(shown: Shown, real: Path, size: tuple[int, int]) -> None:
    driver = shown(size, tables=True, other=real)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= size[0]
    said = "Tuning: from 389 to at least 1,200 messages per second (+208% or more)."
    assert texts(driver, ".said")[1] == said
    # What goes beyond its chart is cut off, and what touches its edge is hard to read.
    beyond = """
        const found = [];
        for (const chart of document.querySelectorAll("svg.chart")) for (const one of chart.querySelectorAll("text")) {
          const [inner, outer] = [one.getBoundingClientRect(), chart.getBoundingClientRect()];
          if (inner.left < outer.left + 3 || inner.right > outer.right - 3) found.push(one.textContent);
        }
        return found;
    """
    assert driver.execute_script(beyond) == []
    # A number that is broken over two lines is two numbers.
    broken = """
        const figures = [...document.querySelectorAll(".steps td")].filter((one) => /^[0-9,.]+$/.test(one.textContent));
        return figures.filter((one) => {
          const range = document.createRange();
          range.selectNodeContents(one);
          return range.getClientRects().length > 1;
        }).map((one) => one.textContent);
    """
    assert driver.execute_script(broken) == []
    _keep_picture(driver, f"real-{size[0]}")


@COLOURS
@SCREENS
def test_nobody_is_kept_out(shown: Shown, size: tuple[int, int], dark: bool) -> None:
    assert violations(shown(size, dark)) == []
    assert violations(shown(size, dark, tables=True)) == []


def test_figures_of_a_chart_do_not_lie_on_each_other(shown: Shown) -> None:
    overlaps = """
        const found = [];
        for (const chart of document.querySelectorAll("svg.chart")) {
          const boxes = [...chart.querySelectorAll(".grid text")].map((one) => one.getBoundingClientRect());
          for (const [i, a] of boxes.entries()) for (const b of boxes.slice(i + 1))
            if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 4 && b.top < a.bottom - 4)
              found.push(chart.getAttribute("aria-label").slice(0, 60));
        }
        return found;
    """
    for size in (WIDE, PHONE, NARROW):
        assert shown(size).execute_script(overlaps) == []


def test_a_chart_says_in_words_what_it_shows(shown: Shown) -> None:
    chart = all_of(shown(), "svg.chart")[0]
    assert chart.aria_role in ("image", "img")
    assert chart.accessible_name.startswith("Response time, before tuning; p50: ")
    assert "at 40/s" in chart.accessible_name


def test_it_can_be_worked_by_keyboard_alone(shown: Shown) -> None:
    driver = shown()
    body = driver.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    assert driver.switch_to.active_element.text == "Skip to the targets"
    driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert driver.switch_to.active_element.get_attribute("id") == "targets"
    reached = []
    for _ in range(40):
        driver.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(driver.switch_to.active_element.tag_name)
        if reached[-1] == "summary":
            break
    assert reached[-1] == "summary"
    driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert all_of(driver, "details")[0].get_attribute("open") is not None
    driver.switch_to.active_element.send_keys(Keys.TAB)  # into the table, which scrolls by the arrow keys
    table = driver.switch_to.active_element
    assert table.get_attribute("role") == "region"
    table.send_keys(*[Keys.ARROW_RIGHT] * 5)
    driver.execute_async_script("setTimeout(arguments[0], 400)")
    assert driver.execute_script("return arguments[0].scrollLeft", table) > 0


def test_a_finger_can_hit_what_opens(shown: Shown) -> None:
    assert [one.text for one in all_of(shown(PHONE), "summary") if one.size["height"] < LEAST_TARGET_PIXELS] == []


def _keep_picture(driver: WebDriver, name: str) -> None:
    """Where SIPTUNE_PICTURES names a directory, leave a picture there for people to look at."""
    directory = os.environ.get("SIPTUNE_PICTURES")
    if directory:
        driver.save_screenshot(os.path.join(directory, f"prove-{name}.png"))
