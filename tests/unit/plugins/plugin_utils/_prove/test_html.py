# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page as text: what it holds, and that nothing inside it gets out of its place. tests/browser shows it."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from typing import Any

import pytest
from _reports.test_markup import Reader
from ansible_collections.siptune.linux.plugins.module_utils._core.text import printable
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.document import document
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.html import render
from hypothesis import given, settings
from hypothesis import strategies as st
from prove_results import AFTER, BEFORE, FULL, GENERATED_AT, proof, run, step, target

EVIL = "</script></style><script>alert(1)</script><!-- \"'><img src=x onerror=alert(1)>&amp;@STYLE@"
PLACES = ("name", "generator", "address", "daemon", "warning", "error", "counter", "socket", "status", "reason", "help")


def hostile(text: str, **fields: Any) -> dict[str, Any]:
    """A proof that says this wherever a host or an inventory has a word."""
    reason = {**FULL, "what": text, "detail": text, "help": text}
    lossy = step(
        40,
        False,
        9,
        reasons=[reason],
        losses={text: 5},
        sockets=[{"name": text, "drops": 5}],
        statuses={text: 3},
        generator_losses={text: 2},
    )
    contract = {"rate": 100.0, "unit": text, "from": text}
    words = {"generator": text, "address": text, "daemon": text, "warnings": [text], "contract": contract, **fields}
    return document({text: target("x", run("as_is", None, [lossy]), **words)}, GENERATED_AT, "0.1.0")


@pytest.mark.parametrize("error", [None, EVIL])
def test_no_text_gets_out_of_its_place(error: str | None) -> None:
    read = Reader(render(hostile(EVIL, error=error)))
    tags = {tag for tag, _attributes in read.elements}
    assert not tags & {"script", "img", "iframe", "object", "form", "base"}
    names = {name for _tag, attributes in read.elements for name in attributes}
    assert not [name for name in names if name.startswith("on") or name == "style"]
    assert read.text.count(EVIL) >= (4 if error else 10)


def shape(page: str) -> list[tuple[str, list[str]]]:
    return [(tag, sorted(attributes)) for tag, attributes in Reader(page).elements]


LINE_ENDS = set("\n\r\v\f\x1c\x1d\x1e\x85")  # which make a name invalid
ORDINARY = shape(render(hostile("ordinary")))


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=60).filter(lambda text: text.strip() and not set(text) & LINE_ENDS))
def test_a_page_has_the_same_elements_whatever_a_host_says(text: str) -> None:
    page = render(hostile(text))
    assert shape(page) == ORDINARY
    assert printable(text) in Reader(page).text or not text.isprintable()


def test_it_loads_nothing_and_runs_nothing() -> None:
    page = render(proof())
    for tag, attributes in Reader(page).elements:
        assert tag != "script"
        for name in ("src", "href", "action", "srcset", "data", "poster"):
            assert str(attributes.get(name, "#")).startswith(("#", "data:,"))
    assert not re.search(r"@import|url\(|https?:", page)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    assert policy.group(1).endswith(f"style-src 'sha256-{digest}'; script-src 'none'")
    assert policy.group(1).startswith("default-src 'none'; ")


def test_every_figure_of_the_charts_is_in_a_table() -> None:
    page = render(proof())
    assert page.count("<details>") == 4  # one for each run
    assert page.count("<tr>") == 4 + 1 + sum(len(run["steps"]) + 1 for one in proof()["targets"] for run in one["runs"])


def test_runs_stand_side_by_side_on_the_same_axes() -> None:
    page = render(document({"a": target("a", BEFORE, AFTER)}, GENERATED_AT, "0.1.0"))
    charts = re.findall(r'<g class="grid">.*?</g>', page)
    assert len(charts) == 8
    assert charts[0::2] == charts[1::2]
    assert page.count('class="panels of2"') == 5  # the results, and four charts


def test_a_target_without_losses_says_so() -> None:
    page = render(document({"a": target("a", run("as_is", 400.0, [step(400)]))}, GENERATED_AT, "0.1.0"))
    assert "None of the target&#x27;s counters of losses has grown." in page


def test_headings_go_down_by_one() -> None:
    levels = [int(tag[1]) for tag, _ in Reader(render(proof())).elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in itertools.pairwise(levels))
