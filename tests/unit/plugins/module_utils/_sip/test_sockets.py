# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sockets of a tree's daemons count."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._sip.sockets import (
    MOST_DESCRIPTORS,
    Running,
    parse_port_range,
    sip_sockets,
)
from sip_trees import ANY, LOOPBACK, OTHER_NETWORK, bind, make, place, start


@pytest.fixture(name="root")
def root_with_tables(tmp_path: Path) -> Path:
    return make(tmp_path)


def found(root: Path, *daemons: str) -> dict[str, list[str]]:
    """The ends of each copy's sockets, by daemon and process."""
    return {f"{one.daemon} {one.pid}": [each.socket.end for each in one.sockets] for one in running(root, *daemons)}


def running(root: Path, *daemons: str) -> list[Running]:
    return sip_sockets(Host(str(root)), daemons)


def test_the_sockets_of_daemons_sip_first(root: Path) -> None:
    bind(root, (LOOPBACK, 4000, 11), (LOOPBACK, 5060, 12), (LOOPBACK, 5070, 13), (LOOPBACK, 53, 14))
    start(root, 50, "kamailio", [11, 12])
    start(root, 60, "opensips", [13])
    start(root, 70, "dnsmasq", [14])
    assert found(root) == {
        "kamailio 50": ["127.0.0.1:5060", "127.0.0.1:4000"],
        "opensips 60": ["127.0.0.1:5070"],
    }
    assert found(root, "opensips") == {"opensips 60": ["127.0.0.1:5070"]}
    (one,) = running(root, "opensips")
    (socket,) = one.sockets
    assert (socket.place, socket.start) == ((60, 3, 13, 5070), 6000)


def test_workers_count_where_they_have_sockets_of_their_own(root: Path) -> None:
    bind(root, (LOOPBACK, 5060, 11), (LOOPBACK, 5060, 12), (LOOPBACK, 5060, 13), (LOOPBACK, 9, 99))
    start(root, 50, "kamailio", [11])
    start(root, 51, "kamailio", [11, 12], parent=50)
    start(root, 52, "kamailio", [11, 13], parent=51)
    assert found(root) == {"kamailio 50": ["127.0.0.1:5060"] * 3}
    (one,) = running(root)
    assert [each.place.pid for each in one.sockets] == [50, 51, 52]


def test_a_first_process_without_sockets_leaves_it_to_its_workers(root: Path) -> None:
    bind(root, (LOOPBACK, 5060, 11))
    start(root, 50, "opensips")
    start(root, 51, "opensips", [11], parent=50)
    assert found(root) == {"opensips 50": ["127.0.0.1:5060"]}


def test_ports_of_media_and_of_the_kernel_are_left_out(root: Path) -> None:
    bind(
        root,
        *((LOOPBACK, port, port) for port in (2223, 30000, 40000, 40001, 50000, 5060)),
        (ANY, 50001, 50001),
        (LOOPBACK, 50002, 50002),
    )
    start(root, 50, "rtpengine", [2223, 30000, 40000, 40001, 50000, 50001], command_line="rtpengine\0-m\x0030000\0")
    start(root, 60, "kamailio", [50001, 50002])
    assert found(root) == {"rtpengine 50": ["127.0.0.1:2223"], "kamailio 60": ["127.0.0.1:50002"]}


def test_a_sip_port_within_the_media_ports_is_sips(root: Path) -> None:
    place(root / "etc/asterisk/rtp.conf", "[general]\n")  # 5000 to 31000
    bind(root, (LOOPBACK, 5060, 11), (LOOPBACK, 5062, 12))
    start(root, 50, "asterisk", [11, 12])
    assert found(root) == {"asterisk 50": ["127.0.0.1:5060"]}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"nspid": "50\t7"}, "process 50 runs in a container: tune it there"),
        ({"network": OTHER_NETWORK}, "process 50 is in a network namespace of its own: tune it there"),
    ],
)
def test_a_daemon_elsewhere_says_so(root: Path, fields: dict, reason: str) -> None:
    bind(root, (LOOPBACK, 5060, 11))
    start(root, 50, "kamailio", [11], **fields)
    (one,) = running(root)
    assert (one.elsewhere, one.sockets) == (reason, ())


@pytest.mark.parametrize(
    ("systemd", "uid", "cgroup", "ours"),
    [
        (False, 1000, "/", False),
        (False, 0, "/", True),
        (True, 0, "/", True),
        (True, 112, "/system.slice/freepbx.service", True),
        (True, 1001, "/system.slice/kamailio.service", True),
        (True, 1000, "/system.slice/cron.service", False),
        (True, 1000, "/user.slice/user-1000.slice/session-1.scope", False),
        (True, 1000, "/user.slice/user-1000.slice/user@1000.service/app.slice/kamailio.service", False),
        (True, 112, "/user.slice/user-0.slice/session-1.scope", False),
        (True, 0, "/user.slice/user-0.slice/session-1.scope", True),
    ],
)
def test_who_has_started_it(root: Path, systemd: bool, uid: int, cgroup: str, ours: bool) -> None:
    if systemd:
        (root / "run/systemd/system").mkdir(parents=True)
    bind(root, (LOOPBACK, 5060, 11))
    start(root, 50, "kamailio", [11], uid=uid, cgroup=cgroup)
    (one,) = running(root)
    assert bool(one.sockets) == ours
    assert one.elsewhere == ("" if ours else f"process 50 is one that user {uid} has started, and no service")


def test_a_few_of_a_users_processes_are_named(root: Path) -> None:
    for pid in range(50, 60):
        start(root, pid, "kamailio", uid=65534)
    assert [one.pid for one in running(root)] == [50, 51, 52]


def test_the_unit_of_a_daemon(root: Path) -> None:
    start(root, 50, "kamailio", cgroup="/system.slice/system-kamailio.slice/kamailio@edge.service")
    (one,) = running(root)
    assert one.unit == "kamailio@edge.service"


def test_a_process_that_has_ended_hides_nothing(root: Path) -> None:
    bind(root, (LOOPBACK, 5060, 11))
    start(root, 40, "kamailio", command_line="")
    start(root, 50, "kamailio", [11])
    assert found(root) == {"kamailio 50": ["127.0.0.1:5060"]}


def test_descriptors_that_cannot_be_read_are_no_empty_answer(root: Path) -> None:
    bind(root, (LOOPBACK, 5060, 11))
    start(root, 50, "kamailio")
    (root / "proc/50/fd/0").unlink()
    place(root / "proc/50/fd/0", "")  # a link that cannot be followed reads like a file that is none
    (one,) = running(root)
    assert one.hidden == "its descriptors cannot be read, which requires CAP_SYS_PTRACE"


def test_thousands_of_descriptors_are_bounded(root: Path) -> None:
    bind(root, (LOOPBACK, 2223, 11), (LOOPBACK, 2224, 12))
    start(root, 50, "rtpengine", [11])
    for number in range(10, MOST_DESCRIPTORS + 8):
        os.symlink("/dev/null", root / f"proc/50/fd/{number}")
    (one,) = running(root)
    assert ([each.socket.end for each in one.sockets], one.cut) == (["127.0.0.1:2223"], False)
    os.symlink("socket:[12]", root / "proc/50/fd/99999")
    (one,) = running(root)
    assert ([each.socket.end for each in one.sockets], one.cut) == (["127.0.0.1:2223"], True)


def test_the_range_of_ports() -> None:
    assert parse_port_range("32768\t60999\n") == range(32768, 61000)
    assert not parse_port_range("")
    assert not parse_port_range("x y")
