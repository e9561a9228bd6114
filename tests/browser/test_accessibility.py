# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody is kept out of the page by what axe-core can find: contrast, names, roles, order, keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import PHONE, WIDE, Window
from selenium.webdriver.common.by import By

AXE = Path(__file__).resolve().parents[2] / ".build" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(driver: Any) -> list[str]:
    """What axe-core has against the page as it is shown now: rule, and the first element."""
    if not AXE.exists():
        pytest.skip("there is no axe-core; make .build/axe.min.js fetches it")
    driver.execute_script(AXE.read_text(encoding="utf-8"))
    found = driver.execute_async_script("axe.run({runOnly: arguments[0]}).then(r => arguments[1](r.violations))", RULES)
    return [f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}" for one in found]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_page(window: Window, size: tuple[int, int], dark: bool) -> None:
    assert violations(window(20, size, dark)) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_host_that_is_open(window: Window, dark: bool) -> None:
    driver = window(5, WIDE, dark)
    driver.find_element(By.CSS_SELECTOR, "#matrix .host .open").click()
    assert violations(driver) == []


def test_a_page_that_keeps_people_out_is_found(window: Window, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<title>x</title><main><h1>x</h1><img src='x.png'><button></button></main>", encoding="utf-8")
    rules = {line.split(":")[0] for line in violations(window(path=page))}
    assert {"image-alt", "button-name", "html-has-lang"} <= rules
