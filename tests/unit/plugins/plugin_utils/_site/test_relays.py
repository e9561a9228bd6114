# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a relay forwards, in words, and what the audit warns of."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._site.relays import (
    COST,
    ENOUGH_PACKETS,
    relay_lines,
    relay_name,
    relay_records,
)
from hypothesis import given
from hypothesis import strategies as st
from socket_results import relay

NEWER = {"newest_kernel": "6.1.0-45-amd64", "newest_has_module": False}
NOT_LOADED = {"loaded": False, "in_use": False, "rule": None}
NOWHERE = {**NOT_LOADED, "module": None, "kernel_has_module": False, "newest_has_module": False}
KERNEL = "forwards in the kernel, by xt_RTPENGINE and table 0"
USER = "forwards in user space: "


def record(**fields: Any) -> dict[str, Any]:
    (found,) = relay_records({"rtpengine": [relay(**fields)]})
    return found


@pytest.mark.parametrize(
    ("fields", "forwards", "summary", "warned"),
    [
        pytest.param({}, "kernel", f"{KERNEL}: 96.7 % of 125,123 packets", [], id="as it should be"),
        pytest.param({"user": None, "kernel": None}, "kernel", KERNEL, [], id="that counts no packets"),
        pytest.param({"user": 0, "kernel": 0}, "kernel", KERNEL, [], id="without a call so far"),
        pytest.param(
            NOWHERE,
            "user",
            f"{USER}the running kernel 6.1.0-44-amd64 has no module nft_rtpengine or xt_RTPENGINE",
            ["install rtpengine-kernel-dkms (ngcp-rtpengine-kernel-dkms of Sipwise) and the headers of 6.1.0-44-amd64"],
            id="no module anywhere",
        ),
        pytest.param(
            {**NOT_LOADED, "kernel_has_module": False},
            "user",
            f"{USER}the running kernel 6.1.0-44-amd64 has no module xt_RTPENGINE",
            ["install rtpengine-kernel-dkms"],
            id="built for the newest kernel only",
        ),
        pytest.param(
            NOT_LOADED,
            "user",
            f"{USER}the module xt_RTPENGINE is there for the running kernel 6.1.0-44-amd64, but is not loaded",
            ["modprobe xt_RTPENGINE"],
            id="not loaded",
        ),
        pytest.param(
            {"in_use": False},
            "user",
            f"{USER}xt_RTPENGINE is loaded, but table 0 is not in use",
            ["restart the daemon once it has no calls"],
            id="the daemon was there first",
        ),
        pytest.param(
            {"rule": False},
            "user",
            f"{USER}no firewall rule hands packets to xt_RTPENGINE",
            ["rtpengine --nftables-start"],
            id="a firewall that was loaded anew",
        ),
        pytest.param(
            {"user": ENOUGH_PACKETS, "kernel": 0},
            "kernel",
            f"{KERNEL}: 0 % of 10,000 packets",
            ["only 0 % of 10,000 packets go through the kernel"],
            id="a rule in a chain that packets do not reach",
        ),
        pytest.param({"user": 900, "kernel": 100}, "kernel", f"{KERNEL}: 10 % of 1,000 packets", [], id="first calls"),
        pytest.param(
            NEWER,
            "kernel",
            f"{KERNEL}: 96.7 % of 125,123 packets",
            ["the newest installed kernel 6.1.0-45-amd64 has no module xt_RTPENGINE on the disk: once that is booted"],
            id="a newer kernel without it",
        ),
        pytest.param(
            {**NEWER, "no_fallback": True},
            "kernel",
            f"{KERNEL}: 96.7 % of 125,123 packets",
            ["once that is booted, the daemon does not start, as it has no-fallback"],
            id="a newer kernel on which it does not start",
        ),
        pytest.param(
            {"kernel_has_module": False, "newest_has_module": False},
            "kernel",
            f"{KERNEL}: 96.7 % of 125,123 packets",
            ["the running kernel, the newest that is installed, 6.1.0-44-amd64 has no module xt_RTPENGINE on the disk"],
            id="loaded, and gone from the disk",
        ),
        pytest.param(
            {**NOWHERE, **NEWER},
            "user",
            f"{USER}the running kernel 6.1.0-44-amd64 has no module nft_rtpengine or xt_RTPENGINE",
            ["headers of 6.1.0-44-amd64", "the newest installed kernel 6.1.0-45-amd64 has no module"],
            id="neither now nor then",
        ),
        pytest.param(
            {**NOWHERE, **NEWER, "table": -1},
            "off",
            "forwards in user space, as its configuration names no table of the kernel",
            [],
            id="the operator's choice",
        ),
        pytest.param(
            {**NOT_LOADED, "module": None, "kernel_has_module": None, "newest_kernel": None, "newest_has_module": None},
            "user",
            f"{USER}no module nft_rtpengine or xt_RTPENGINE is loaded, and whether the kernel 6.1.0-44-amd64 has one "
            "cannot be seen from here",
            [],
            id="in a container",
        ),
        pytest.param(
            {"table": None, "table_reason": "/x cannot be read", "in_use": None},
            "unknown",
            "does not show whether it forwards in the kernel: /x cannot be read",
            [],
            id="an unknown table",
        ),
        pytest.param(
            {"table": None, "table_reason": "/x cannot be read", **NOT_LOADED, "in_use": None},
            "user",
            f"{USER}no module xt_RTPENGINE is loaded, and whether it is to use one is not known: /x cannot be read",
            [],
            id="an unknown table, and no module",
        ),
        pytest.param(
            {"rule": None, "user": 1, "kernel": 0},
            "unknown",
            "does not show whether it forwards in the kernel: the files of the module cannot be read",
            [],
            id="files that cannot be read",
        ),
        pytest.param(
            {"rule": None, "in_use": None}, "kernel", f"{KERNEL}: 96.7 % of 125,123 packets", [], id="packets tell"
        ),
    ],
)
def test_how_a_relay_forwards(fields: dict[str, Any], forwards: str, summary: str, warned: list[str]) -> None:
    found = record(**fields)
    assert (found["forwards"], found["summary"], len(found["warnings"])) == (forwards, summary, len(warned))
    assert [part for part, warning in zip(warned, found["warnings"], strict=True) if part not in warning] == []


def test_what_is_said_of_a_relay_is_said_once() -> None:
    found = record(**NOT_LOADED, **NEWER)
    now, then = found["warnings"]
    assert now.startswith(f"{found['summary']}; {COST}: ")
    assert relay_lines(found) == [now, then]
    assert relay_lines(record(**NEWER)) == [record()["summary"], then]
    assert relay_lines(record()) == [record()["summary"]]


def test_names_and_no_relay() -> None:
    assert relay_name(record()) == "rtpengine-daemon.service"
    assert relay_name(record(unit=None)) == "rtpengine, process 812"
    assert relay_records(None) == relay_records({}) == relay_records({"rtpengine": []}) == []


@given(
    st.sampled_from([{}, NEWER, NOT_LOADED, NOWHERE, {"in_use": False}, {"rule": False}, {"table": -1}]),
    st.fixed_dictionaries({}, optional={name: st.none() for name in relay() if name != "pid"}),
)
def test_a_field_that_is_not_known_never_breaks_the_report(fields: dict[str, Any], unknown: dict[str, None]) -> None:
    (found,) = relay_records({"rtpengine": [{**relay(), **fields, **unknown}]})
    assert relay_lines(found)
    assert "None" not in " ".join([relay_name(found), *relay_lines(found)])
