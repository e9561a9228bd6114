# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements, and texts that stay texts."""

from __future__ import annotations

from html.parser import HTMLParser

from ansible_collections.siptune.linux.plugins.module_utils._core.text import printable
from ansible_collections.siptune.linux.plugins.plugin_utils._reports.markup import Markup, element, together
from hypothesis import given
from hypothesis import strategies as st


class Reader(HTMLParser):
    """All elements with their attributes, and all text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_elements() -> None:
    made = element("p", "a < b", element("b", 1.5), None, class_="x", aria_label='"', title=None)
    assert made == '<p class="x" aria-label="&quot;">a &lt; b<b>1.5</b></p>'


def test_only_what_was_made_here_is_markup() -> None:
    assert together("<i>", element("i"), None, "&") == "&lt;i&gt;<i></i>&amp;"
    assert isinstance(together(), Markup)
    assert not isinstance(element("i") + "<script>", Markup)  # put together by other means it is a text again


@given(st.text(), st.text())
def test_any_text_stays_what_it_is(text: str, attribute: str) -> None:
    read = Reader(element("p", text, title=attribute))
    assert read.elements == [("p", {"title": printable(attribute)})]
    assert read.text == printable(text)
