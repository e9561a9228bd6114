# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page as text: what it holds, and that nothing inside it gets out of its place. tests/browser runs it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

from ansible_collections.siptune.linux.plugins.plugin_utils._audit.document import document
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.html import pack, render

from .test_document import GONE, counter, counters, host, item

EVIL = "</script><script>alert(1)</script><!--<script>\u2028&amp;@SCRIPT@"


class Reader(HTMLParser):
    """The elements of a page, the text of its scripts and styles, and every attribute that loads something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inside: tuple[str, dict[str, Any]] = ("", {})
        self.texts: list[tuple[str, dict[str, Any], str]] = []
        self.loads: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = (tag, dict(attrs))
        self.loads += [str(value) for name, value in attrs if name in ("src", "href", "action", "srcset")]

    def handle_endtag(self, tag: str) -> None:
        self.inside = ("", {})

    def handle_data(self, data: str) -> None:
        tag, attributes = self.inside
        if tag in ("script", "style"):
            self.texts.append((tag, attributes, data))


def audit(name: str = "sbc1", **item_fields: Any) -> dict[str, Any]:
    layers = {"network": [{"changed": True, "items": [item("net.core.rmem_max", "changed", **item_fields)]}]}
    counted = counters(counter("UdpRcvbufErrors", 3), counter("UdpMemErrors", 0))
    results = host(counted, **layers)
    hosts = {name: results, "sbc2": results, "gone": host(network=[GONE])}
    return document(hosts, "2026-11-24T03:15:00+00:00", 0, "0.1.0")


def data_of(page: str) -> dict[str, Any]:
    (text,) = [text for tag, attributes, text in Reader(page).texts if attributes.get("id") == "data"]
    return json.loads(text)


def test_the_page_loads_nothing() -> None:
    page = render(audit())
    assert set(Reader(page).loads) == {"#hosts", "data:,"}
    assert not re.search(r"@import|url\(", page)
    assert 'http-equiv="Content-Security-Policy" content="default-src \'none\';' in page


def test_the_policy_lets_just_this_style_and_this_script_through() -> None:
    page = render(audit())
    for tag, attributes, text in Reader(page).texts:
        if attributes.get("type") != "application/json":
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert f"{tag}-src 'sha256-{digest}'" in page


def test_no_text_gets_out_of_the_data() -> None:
    page = render(audit(EVIL, reason=EVIL, why=EVIL, before=EVIL))
    assert len(re.findall(r"<script", page)) == 2
    data = data_of(page)
    assert data["hosts"][0][0] == EVIL
    assert EVIL in data["strings"]


def test_what_hosts_share_is_named_once() -> None:
    packed = pack(audit())
    assert len(packed["sequences"]) == 2  # of the host that is gone, and of the others
    assert len(packed["settings"]) == len(packed["conditions"]) == 1
    assert packed["hosts"][0][3:5] == packed["hosts"][1][3:5]
    assert [name for name, *_ in packed["counters"]] == ["UdpRcvbufErrors"]  # zeros are not shown


def test_numbers_lead_back_to_texts() -> None:
    packed = pack(audit(before="1048576", at_boot="2", at_boot_before="1"))
    name, status, message, sequence, conditions, layers, rewrites, period, *_ = packed["hosts"][0]
    strings = packed["strings"]
    layer, item_name, wanted, why = packed["settings"][packed["sequences"][sequence][0]]
    state, live, planned, boot, boot_planned, reason = packed["conditions"][conditions[0]]
    assert (name, status, strings[message], layers) == ("sbc1", "audited", None, ["audited"])
    assert (packed["layers"][layer], strings[item_name], strings[wanted]) == ("network", "net.core.rmem_max", "2")
    assert packed["states"][state] == "changed"
    assert [strings[number] for number in (live, planned, boot, boot_planned)] == ["1048576", "2", "1", "2"]
    assert (rewrites, strings[period]) == ([], "in 60 seconds")
    assert (strings[why], strings[reason]) == ("w", "")
