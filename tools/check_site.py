#!/usr/bin/env python3
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the links of a built site: tools/check_site.py DIRECTORY

Every link inside of it leads to a file and, with #, to an element that is there. No page fetches a script, a style or a
picture from elsewhere, so that the site works offline.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

FETCHED = {(tag, "src") for tag in ("script", "img", "iframe", "source")} | {("link", "href"), ("object", "data")}
NOT_FETCHED = {"canonical", "search", "next", "prev", "index", "author", "copyright", "top"}  # of <link rel=...>


class Page(NamedTuple):
    """What a page links to, what it fetches, and the elements that links may lead to."""

    links: list[str]
    fetched: list[str]
    anchors: set[str]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page([], [], set())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.page.anchors.update(value for name in ("id", "name") if (value := given.get(name)))
        for name in ("href", "src", "data"):
            address = given.get(name)
            if address is None or (name == "data" and tag != "object"):
                continue
            fetched = (tag, name) in FETCHED and given.get("rel") not in NOT_FETCHED
            (self.page.fetched if fetched else self.page.links).append(address)


def read(text: str) -> Page:
    """A page's links and anchors."""
    reader = _Reader()
    reader.feed(text)
    return reader.page


def faults(root: Path) -> Iterator[str]:
    """Each link that leads nowhere, and each thing that is fetched from elsewhere."""
    pages = {path.resolve(): read(path.read_text(encoding="utf-8")) for path in sorted(root.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(root.resolve())
        for address in page.fetched:
            if urlsplit(address).netloc:
                yield f"{name}: fetches {address}"
        for address in dict.fromkeys([*page.links, *page.fetched]):
            if reason := _broken(path, address, pages):
                yield f"{name}: {address}: {reason}"


def _broken(path: Path, address: str, pages: dict[Path, Page]) -> str:
    """Why a link leads nowhere, or nothing."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return ""
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return "no such file"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors:
        return "no such heading"
    return ""


def main() -> int:
    """Print the faults; returns the exit status."""
    root = Path(sys.argv[1])
    found = list(faults(root))
    print("\n".join(found) or f"The links of {sum(1 for _ in root.rglob('*.html'))} pages hold.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
