# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What would cut a host off is refused, on the real kernel: routers, addresses and connections of IPv6."""

from __future__ import annotations

import json
import socket
import struct
import time
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError, UndoLog, all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._host.network import advertised_default_routes
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.apply import apply as apply_plan
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import SysctlError
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.plan import plan
from calls import apply, predict, put_back, request, write_file
from controller import HERE, playbook
from sandbox import ip, read, write

OFF = {"net.ipv6.conf.all.disable_ipv6": 1}
ON = {"net.ipv6.conf.all.forwarding": 1}
SECONDS = 10  # for duplicate address detection, and for a router to be believed
LIFETIME_SECONDS = 1800


def wait_for(what: str, true: object) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"{what}: {Path('/proc/net/ipv6_route').read_text(encoding='ascii')}"
        time.sleep(0.05)


def advertise() -> None:
    """Have the other end of sip0's cable advertise itself as the default router."""
    write("net/ipv6/conf/sip0/accept_ra_from_local", 1)  # both ends of the cable are ours
    wait_for("the addresses", lambda: _link_local("sip0") and _link_local("sip0.100"))
    # RFC 4861, section 4.2: type, code, checksum (the kernel's), hop limit, flags, lifetime, reachable, retransmit.
    message = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, LIFETIME_SECONDS, 0, 0)
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as router:
        router.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        router.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"sip0.100")
        router.bind((_link_local("sip0.100"), 0, 0, socket.if_nametoindex("sip0.100")))
        router.sendto(message, ("ff02::1", 0, 0, socket.if_nametoindex("sip0.100")))
    wait_for("the router's route", lambda: advertised_default_routes(Host()))


def _link_local(interface: str) -> str:
    for line in Path("/proc/net/if_inet6").read_text(encoding="ascii").splitlines():
        digits, _index, _length, scope, flags, name = line.split()
        if (name, scope) == (interface, "20") and not int(flags, 16) & 0x40:  # IFA_F_TENTATIVE
            return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits))
    return ""


def test_a_router_that_the_host_depends_on_is_not_lost_by_forwarding() -> None:
    advertise()
    for key in ("all", "default", "sip0"):
        with pytest.raises(SysctlError, match=r"default route of sip0 comes from router.*accept_ra to 2"):
            apply({f"net.ipv6.conf.{key}.forwarding": 1})
    assert apply({**ON, "net.ipv6.conf.sip0.accept_ra": 2}).states() == dict.fromkeys(
        ("net.ipv6.conf.all.forwarding", "net.ipv6.conf.sip0.accept_ra"), "changed"
    )
    assert advertised_default_routes(Host()) == ["sip0"]
    put_back()
    assert advertised_default_routes(Host()) == ["sip0"]
    assert (read("net/ipv6/conf/all/forwarding"), read("net/ipv6/conf/sip0/accept_ra")) == ("0", "1")


def test_forwarding_drops_the_route_if_nobody_objects() -> None:
    """What the refusal is for: the kernel really does this."""
    advertise()
    write("net/ipv6/conf/all/forwarding", 1)
    assert advertised_default_routes(Host()) == []


def test_a_global_address_is_a_reason_to_keep_ipv6() -> None:
    ip("address", "add", "fd00:5::1/64", "dev", "rtp0", "nodad")
    with pytest.raises(SysctlError, match=r"the host has the global address fd00:5::1/64 on rtp0"):
        apply(OFF)
    ip("address", "del", "fd00:5::1/64", "dev", "rtp0")
    assert apply(OFF).states() == dict.fromkeys(OFF, "changed")
    put_back()


def test_a_connection_between_link_local_addresses_is_a_reason_to_keep_ipv6() -> None:
    wait_for("the addresses", lambda: _link_local("sip0") and _link_local("rtp0"))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as server:
        server.connect(("fe80::99", 5060, 0, socket.if_nametoindex("sip0")))
        with pytest.raises(SysctlError, match=r"there is a connection of \[fe80:.*with \[fe80::99\]:5060"):
            predict(OFF)
    assert predict(OFF).changed


@pytest.mark.parametrize("module", ["sysctl_bulk", "transaction", "tune"])
def test_what_could_not_see_its_connection_is_refused(module: str) -> None:
    task = {f"siptune.linux.{module}": {}, "async": 10, "poll": 1}
    write_file("/run/async.yml", json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
    run = playbook("/run/async.yml", {"here": HERE})
    assert run.status != 0
    assert "does not support async" in run.output


def test_an_undo_names_the_addresses_that_do_not_come_back() -> None:
    ip("address", "add", "fe80::5/64", "dev", "sip0", "nodad")
    host, wanted = Host(), request({**OFF, "net.core.somaxconn": 9000})
    observed = observe(host, wanted)
    planned = plan(wanted, observed)

    def run_and_fail(log: UndoLog) -> None:
        apply_plan(host, wanted, observed, planned, log)
        raise HostError("the next call", "failed")

    with pytest.raises(RefusedError) as caught:
        all_or_nothing(run_and_fail)
    (lost,) = caught.value.not_undone
    assert "without the addresses fe80::5/64 on sip0" in lost
    assert "net.core.somaxconn" in caught.value.undone
    assert read("net/ipv6/conf/all/disable_ipv6") == "0"
