# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Chromium without a window, or a loud word that nothing was tested."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import checkout  # noqa: F401 - before anything that imports the collection
import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._audit import html
from fleet import fleet
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
DRIVER = ("chromedriver", "/usr/lib/chromium/chromedriver")
WIDE, PHONE = (1440, 900), (390, 844)
ITEMS = 150
PAGE_LOAD_SECONDS = 60

Window = Callable[..., webdriver.Chrome]


def _program(names: tuple[str, ...]) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[webdriver.Chrome]:
    """Chromium, started once."""
    program, driver = _program(CHROMIUM), _program(DRIVER)
    if not program or not driver:
        packages = "chromium and chromium-driver (Debian packages of these names)"
        pytest.exit(f"THE BROWSER TESTS DID NOT RUN. They take {packages}; tools/test-packages.sh installs them.", 2)
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium's own sandbox does not work for root
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(driver))
    started.set_page_load_timeout(PAGE_LOAD_SECONDS)
    started.set_script_timeout(PAGE_LOAD_SECONDS)
    yield started
    started.quit()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """The page of a fleet of so many hosts, made once."""
    made: dict[int, Path] = {}

    def page(hosts: int) -> Path:
        if hosts not in made:
            made[hosts] = tmp_path_factory.mktemp("page") / f"{hosts}.html"
            made[hosts].write_text(html.render(fleet(hosts, ITEMS)), encoding="utf-8")
        return made[hosts]

    return page


@pytest.fixture
def window(browser: webdriver.Chrome, pages: Callable[[int], Path]) -> Window:
    """Open the page of a fleet in a window of this size and colour scheme."""

    def opened(
        hosts: int = 50, size: tuple[int, int] = WIDE, dark: bool = False, path: Path | None = None, view: str = ""
    ) -> webdriver.Chrome:
        metrics: dict[str, Any] = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        browser.get("about:blank")
        for kind in ("browser", "performance"):
            browser.get_log(kind)
        browser.get((path or pages(hosts)).as_uri() + view)
        return browser

    return opened
