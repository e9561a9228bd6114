# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A handful of things that the modern profile stands for, in plain figures."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import MACHINES_OWN, Record

INTERFACES = ("all", "default", "lo", "eth0", "eth0.100")


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize("interface", INTERFACES)
def test_no_interface_takes_redirects(live: dict[str, str], family: str, interface: str) -> None:
    assert live[f"net/{family}/conf/{interface}/accept_redirects"] == "0"


def test_source_routes_are_closed(live: dict[str, str]) -> None:
    # all and the interface must both allow them, so this one is enough.
    assert live["net/ipv4/conf/all/accept_source_route"] == "0"


@pytest.mark.parametrize(("key", "value"), [("tcp_sack", "1"), ("tcp_window_scaling", "1"), ("tcp_syncookies", "1")])
def test_tcp_keeps_what_loss_recovery_needs(live: dict[str, str], key: str, value: str) -> None:
    assert live[f"net/ipv4/{key}"] == value


def test_listeners_have_room(live: dict[str, str]) -> None:
    assert int(live["net/core/somaxconn"]) >= 4096


def test_rtp_ports_are_not_given_away(live: dict[str, str]) -> None:
    reserved = [tuple(map(int, part.split("-"))) for part in live["net/ipv4/ip_local_reserved_ports"].split(",")]
    assert any(ports[0] <= 5060 <= ports[-1] for ports in reserved)


def test_no_capacity_was_lowered(converge: Record) -> None:
    floors = [item for item in converge.items if str(item["wanted"]).startswith("at least")]
    assert floors
    lowered = [
        item["item"]
        for item in floors
        if item["before"] is not None
        and item["item"] != "net.ipv4.ip_local_reserved_ports"
        and any(int(new) < int(old) for old, new in zip(item["before"].split(), item["after"].split(), strict=True))
    ]
    assert lowered == []


@pytest.mark.parametrize("tree", MACHINES_OWN)
def test_the_machines_own_keys_are_left_alone(host: Any, converge: Record, again: Record, tree: str) -> None:
    for record in (converge, again):
        items = [item for path, item in record.by_path.items() if path.startswith(tree)]
        assert {item["state"] for item in items} <= {"readonly", "absent", "kept", "ok"}
        assert "readonly" in {item["state"] for item in items}
        assert [item for item in items if item["before"] != item["after"]] == []
    # What was not announced was not written either: the kernel refuses it.
    options = host.check_output("findmnt --noheadings --output VFS-OPTIONS %s", f"/proc/sys/{tree.rstrip('/')}")
    assert "ro" in options.split(",")


def test_what_breaks_callers_behind_nat_is_never_written(host: Any) -> None:
    assert host.run("grep -rs '^[^#]*tcp_tw_recycle' /etc/sysctl.d").stdout == ""
