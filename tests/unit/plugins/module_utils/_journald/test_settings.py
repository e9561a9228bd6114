# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._journald.settings import (
    HEADING,
    JournaldError,
    Request,
    build_request,
    render,
    same_size,
)


def params(**given: Any) -> dict[str, Any]:
    return {"max_use": None, "why": None, "state": "present", **given}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("1G", "1G"),
        (" 1G  512M ", "1G 512M"),
        ("1.5G", "1.5G"),
        (1073741824, "1073741824"),
        ("16M", "16M"),
        (None, ""),
        ("", ""),
        ({}, ""),  # what a layer that goes back gives
    ],
)
def test_a_size(given: object, text: str) -> None:
    assert build_request(params(max_use=given)).max_use == text


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("much", "must be a size in bytes, with K, M, G, T, P or E for powers of 1024, not much"),
        ("1G\nStorage=none", "must be a size"),
        ("10%", "must be a size"),
        ("infinity", "must be a size"),
        ("-1", "must be a size"),
        (True, "must be a size"),
        ("0", "0 is no limit at all: give 16M or more, or null to leave it alone"),
        ("4K", "4K leaves no room for messages"),
        ("999999E", "is beyond 64 bits"),
    ],
)
def test_what_is_no_size(given: object, reason: str) -> None:
    for state in ("present", "absent"):
        with pytest.raises(JournaldError) as caught:
            build_request(params(max_use=given, state=state))
        assert caught.value.item == "journald SystemMaxUse"
        assert reason in caught.value.reason


def test_going_back_asks_for_nothing() -> None:
    assert build_request(params(max_use="1G", state="absent")).max_use == ""


def test_a_reason_cannot_end_its_comment() -> None:
    assert build_request(params(max_use="1G", why="a\n[Journal]\nStorage=none")).why == "a [Journal] Storage=none"


def test_the_file() -> None:
    assert render(Request("1G", "The disk is for calls.")) == (
        HEADING + "\n[Journal]\n# The disk is for calls.\nSystemMaxUse=1G\n"
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("1G", "1024M", True), ("1G", "1G", True), ("1G", "2G", False), ("1G", None, False), ("1G", "x", False)],
)
def test_sizes(one: str, other: str | None, same: bool) -> None:
    assert same_size(one, other) is same
