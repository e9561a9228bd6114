# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the audit makes of an item, and that every report says the same of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import STATES
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.document import document
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.html import pack
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.prometheus import render as render_prometheus
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.text import render_host
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.verdict import (
    SHOWN,
    TROUBLES,
    VERDICTS,
    meets,
    shown,
    verdict,
    worst,
)

from .test_document import counters, host, item

FLOOR = "at least 65536"
ITEMS: dict[str, tuple[str, Any, Any, str]] = {
    # state, wanted, live value, verdict
    "ok": ("ok", "2", "1", "ok"),  # its module has compared it: `after a boot` alone, or a text of another form
    "drift": ("changed", "2", "1", "drift"),
    "shadowed": ("shadowed", "2", "2", "shadowed"),
    "pending": ("pending", FLOOR, "70000", "pending"),
    "refused": ("refused", "2", "1", "refused"),
    "absent": ("absent", "2", None, "absent"),
    "kept": ("kept", FLOOR, "70000", "ok"),
    "kept by a process": ("kept", FLOOR, "1024:524288", "unmet"),
    "kept, not comparable": ("kept", "at least max", "a lot", "ok"),
    "no longer wanted, kept": ("kept", None, "5", "ok"),
    "read-only, as wanted": ("readonly", FLOOR, "65536", "ok"),
    "read-only, more": ("readonly", FLOOR, "infinity", "ok"),
    "read-only, less": ("readonly", FLOOR, "1024", "unmet"),
    "read-only, another word": ("readonly", "bbr", "cubic", "unmet"),
    "read-only, the same words": ("readonly", "4096 131072  6291456", "4096\t131072\t6291456", "ok"),
    "read-only, unknown": ("readonly", FLOOR, None, "unmet"),
}


@pytest.mark.parametrize(("state", "wanted", "live", "expected"), ITEMS.values(), ids=ITEMS.keys())
def test_verdicts(state: str, wanted: Any, live: Any, expected: str) -> None:
    assert verdict(item("a", state, wanted=wanted, before=live)) == expected


@pytest.mark.parametrize(
    ("why", "expected"),
    [("set in the inventory", "unmet"), ("set in siptune_network_sysctl__edge", "unmet"), ("room", "absent")],
)
def test_an_absent_key_of_the_users_own_may_be_misspelt(why: str, expected: str) -> None:
    assert verdict(item("net.core.rmem_mxa", "absent", before=None, why=why)) == expected


@pytest.mark.parametrize(
    ("wanted", "value", "expected"),
    [
        ("at least 5", "5", True),
        ("at least 5", "4", False),
        ("at most 10", "10", True),
        ("at most 10", "60", False),
        ("at least 1 5 9", "1 6 9", True),
        ("at least 1 5 9", "2 4 9", False),
        ("at least 5", "9, 4", False),
        ("at least 5", "9:unlimited", True),
        ("at least 256 (limit 4096)", "512", True),
        ("at least 256 (limit 4096)", "128", False),
        ("5", "5", True),
        ("5", "6", False),
        ("-5", "-5:-4", False),
        ("at least 1 5 9", "7 7", None),
        ("at least 5", "off", None),
        ("on", "off", False),
        (True, True, True),
        (7, "7", True),
        (None, "7", True),
        ("7", None, None),
    ],
)
def test_whether_a_value_is_as_wanted(wanted: Any, value: Any, expected: bool | None) -> None:
    assert meets(wanted, value) is expected


def test_the_worst_of_several() -> None:
    assert worst([]) == "ok"
    assert worst(["absent", "ok"]) == "ok"
    assert worst(["ok", "unmet", "pending"]) == "pending"
    assert worst(reversed(VERDICTS)) == "refused"


# --- the same in every report ----------------------------------------------------------------


@pytest.mark.parametrize(("state", "wanted", "live", "expected"), ITEMS.values(), ids=ITEMS.keys())
def test_every_report_says_the_same_of_an_item(state: str, wanted: Any, live: Any, expected: str) -> None:
    one = item("net.a", state, wanted=wanted, before=live, reason="a reason")
    result = {"changed": state == "changed", "items": [one]}
    audit = document({"sbc1": host(counters(), network=[result])}, "2026-11-24T03:15:00+00:00", 0, "0.1.0")
    (record,) = json.loads(json.dumps(audit))["hosts"]
    (layer,) = record["layers"]
    assert [one["verdict"] for one in (record["items"][0], layer, record)] == [expected] * 3
    trouble = expected in TROUBLES
    assert [layer[word] for word in TROUBLES] == [int(word == expected) for word in TROUBLES]

    lines = render_host(record)
    assert any(line.split()[:2] == [expected, "net.a:"] for line in lines) is trouble
    (row,) = [line for line in lines if line.startswith("  network")]
    columns = dict(zip(lines[1].split(), row.split()[1:], strict=True))
    assert {word for word, cell in columns.items() if cell == "1"} == {expected} - {"absent"}

    packed = pack(audit)
    (number,) = packed["hosts"][0][4]
    word = packed["states"][packed["conditions"][number][0]]
    assert word == shown(expected, state)
    assert (word in packed["troubles"]) is trouble

    metrics = render_prometheus(audit)
    assert f'siptune_audit_verdicts{{host="sbc1",layer="network",verdict="{expected}"}} 1\n' in metrics
    assert metrics.count("siptune_audit_verdicts{") == 1


def test_a_file_that_would_be_rewritten_is_drift_in_every_report() -> None:
    results = {
        "network": [
            {
                "changed": True,
                "items": [item("net.a", "ok")],
                "files": [{"path": "/etc/a.conf", "change": "rewritten"}, {"path": "/etc/b.conf", "change": "removed"}],
            }
        ],
        "fs": [{"changed": False, "items": [item("fs.a", "ok")]}],
        "services": [{"changed": True, "items": [item("a.service LimitNOFILE", "pending")]}],
        "memory": [{"changed": True, "items": [item("vm.a", "changed")]}],
    }
    audit = document({"sbc1": host(counters(), **results)}, "2026-11-24T03:15:00+00:00", 0, "0.1.0")
    (record,) = audit["hosts"]
    found = {layer["name"]: (layer["verdict"], layer["would_rewrite"]) for layer in record["layers"]}
    assert found == {
        "network": ("drift", True),
        "fs": ("ok", False),
        "services": ("drift", True),
        "memory": ("drift", False),
    }
    assert [line for line in render_host(record) if "rewrite" in line] == [
        "  drift     network: a run would rewrite /etc/a.conf, /etc/b.conf",
        "  drift     services: a run would rewrite its files",
    ]
    packed = pack(audit)
    assert [(number, packed["strings"][text]) for number, text in packed["hosts"][0][6]] == [
        (0, "a run would rewrite /etc/a.conf, /etc/b.conf"),
        (2, "a run would rewrite its files"),
    ]
    metrics = render_prometheus(audit)
    for layer, number in (("network", 1), ("fs", 0), ("services", 1), ("memory", 0)):
        assert f'siptune_audit_rewrites{{host="sbc1",layer="{layer}"}} {number}\n' in metrics


def test_what_is_shown_is_a_state_or_unmet() -> None:
    assert set(SHOWN) == {*STATES, "unmet"}
    assert {shown(word, "readonly") for word in VERDICTS} == {"readonly", "unmet"}
