# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module beside sockets that really run over: what it says is what the kernel has counted."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
import sandbox
from ansible_collections.siptune.linux.plugins.module_utils._host.driver_statistics import driver_statistics
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.modules import sip_counters_info
from calls import call
from sandbox import become_nobody, difference, dump
from stand_ins import held_in_a_stall, running

SIP_PORT = 5060
DATAGRAMS = 60
BURST = 1000  # small datagrams, more than a stock socket holds
SMALL_BUFFER_BYTES = 4608
SIP_MESSAGE = b"OPTIONS sip:a@127.0.0.1 SIP/2.0\r\n" * 20


def module(check: bool = False, **parameters: Any) -> dict[str, Any]:
    """The result of sip_counters_info, its counters by name."""
    result = call(sip_counters_info, check, **parameters)
    return {**result, "counters": {one["name"]: one for one in result.get("counters", [])}}


def meanwhile(delay_seconds: float, act: Callable[[], object]) -> None:
    """Do something in a moment, by a signal, while the module waits."""
    signal.signal(signal.SIGALRM, lambda *_: act())
    signal.setitimer(signal.ITIMER_REAL, delay_seconds)


def deaf_socket(family: socket.AddressFamily, address: str) -> socket.socket:
    """A UDP socket with a small buffer that nobody reads, as of a daemon whose workers are all busy."""
    bound = socket.socket(family, socket.SOCK_DGRAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
    bound.bind((address, SIP_PORT))
    return bound


def flood(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        for _ in range(DATAGRAMS):
            sender.sendto(SIP_MESSAGE, (address, SIP_PORT))


def drain(bound: socket.socket) -> int:
    """How many datagrams a socket holds."""
    bound.setblocking(False)
    received = 0
    with contextlib.suppress(BlockingIOError):
        while bound.recv(65536):
            received += 1
    return received


def nstat(name: str) -> int:
    """The counter as iproute2 reads it."""
    shown = subprocess.run(["nstat", "-asz", name], capture_output=True, text=True, check=True).stdout
    found = re.search(rf"^{name}\s+([0-9]+)", shown, re.MULTILINE)
    assert found, shown
    return int(found.group(1))


def test_what_a_full_socket_loses_is_seen_while_it_happens() -> None:
    with deaf_socket(socket.AF_INET, "127.0.0.1") as four, deaf_socket(socket.AF_INET6, "::1") as six:
        flood(socket.AF_INET, "127.0.0.1")  # long before
        before = nstat("UdpRcvbufErrors")
        assert before == DATAGRAMS - drain(four)
        meanwhile(0.3, lambda: (flood(socket.AF_INET, "127.0.0.1"), flood(socket.AF_INET6, "::1")))
        result = module(seconds=1)
        lost, lost6 = DATAGRAMS - drain(four), DATAGRAMS - drain(six)
        assert lost > 0
        assert lost6 > 0
        counters = result["counters"]
        assert (counters["UdpRcvbufErrors"]["value"], counters["UdpRcvbufErrors"]["total"]) == (lost, before + lost)
        assert (counters["Udp6RcvbufErrors"]["value"], counters["Udp6RcvbufErrors"]["total"]) == (lost6, lost6)
        assert {part["part"]: part["value"] for part in counters["UdpSocketDrops"]["parts"]} == {
            f"127.0.0.1:{SIP_PORT}": lost,
            f"[::1]:{SIP_PORT}": lost6,
        }
    assert not result["since_boot"]
    assert 1 <= result["seconds"] < 10
    assert nstat("UdpRcvbufErrors") == before + lost


def test_a_full_accept_queue_is_seen() -> None:
    clients: list[socket.socket] = []

    def connect() -> None:
        for _ in range(8):
            client = socket.socket()
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect(("127.0.0.1", SIP_PORT))
            clients.append(client)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", SIP_PORT))
        listener.listen(1)
        meanwhile(0.3, connect)
        counters = module(seconds=2)["counters"]
        for client in clients:
            client.close()
    assert counters["ListenOverflows"]["value"] > 0
    assert counters["ListenDrops"]["value"] >= counters["ListenOverflows"]["value"]
    assert counters["UdpRcvbufErrors"]["value"] == 0


def test_a_queueing_discipline_that_drops_is_seen() -> None:
    """What the root drops counts, and what lies below it is not counted twice."""
    subprocess.run(["tc", "qdisc", "add", "dev", "sip0", "root", "pfifo", "limit", "0"], check=True)
    sandbox.ip("neigh", "add", "192.0.2.9", "lladdr", "02:00:00:00:00:09", "dev", "sip0")
    flood(socket.AF_INET, "192.0.2.9")  # long before
    meanwhile(0.3, lambda: flood(socket.AF_INET, "192.0.2.9"))
    counter = module(seconds=1)["counters"]["QdiscDrops"]
    assert counter["value"] >= DATAGRAMS  # and what IPv6 says of itself
    assert counter["total"] >= counter["value"] + DATAGRAMS
    assert [(part["part"], part["value"]) for part in counter["parts"]] == [("sip0", counter["value"])]
    shown = subprocess.run(["tc", "-s", "qdisc", "show", "dev", "sip0"], capture_output=True, text=True, check=True)
    dropped = re.search(r"\(dropped ([0-9]+),", shown.stdout)
    assert dropped, shown.stdout
    assert counter["total"] <= int(dropped.group(1)) <= counter["total"] + 5


def test_what_drivers_count_is_read_by_their_own_names() -> None:
    """A virtual cable counts for each of its queues, and nothing of it is a full ring."""
    counted = dict(driver_statistics(Host(), "sip0"))
    assert {"peer_ifindex", "rx_queue_0_xdp_packets"} <= set(counted)
    assert counted["peer_ifindex"] == socket.if_nametoindex("sip0.100")
    assert driver_statistics(Host(), "lo") == []
    assert driver_statistics(Host(), "nosuch0") == []
    counter = module()["counters"]["NicRxNoBuffer"]
    assert (counter["value"], counter["parts"], counter["reason"]) == (0, [], "")


def test_since_boot_it_says_what_nstat_says() -> None:
    with deaf_socket(socket.AF_INET, "127.0.0.1"):
        flood(socket.AF_INET, "127.0.0.1")
        result = module()
    assert result["since_boot"]
    # The first process is in another network namespace, so that nobody can tell when this one was made.
    assert (result["since"], result["seconds"]) == ("namespace", None)
    assert result["uptime_seconds"] > 0
    assert result["counters"]["UdpRcvbufErrors"]["value"] == nstat("UdpRcvbufErrors") > 0
    assert result["counters"]["SoftnetDropped"]["value"] is not None
    assert result["counters"]["NicRxMissed"]["value"] == 0


@pytest.mark.own_processes
def test_open_files_of_a_daemon() -> None:
    """A process that is called kamailio has 200 files open of the 256 that it may."""
    held = "import resource,time; resource.setrlimit(resource.RLIMIT_NOFILE,(256,256));"
    held += "open('/proc/self/comm','w').write('kamailio');"
    held += "kept=[open('/dev/null') for _ in range(200)]; print('ready',flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", held], stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == "ready\n"
        open_now = len(os.listdir(f"/proc/{daemon.pid}/fd"))
        gauge = module()["counters"]["Descriptors"]
        daemon.kill()
    assert open_now > 200
    assert {"value": open_now, "limit": 256}.items() <= gauge.items()
    (part,) = [part for part in gauge["parts"] if f"process {daemon.pid}" in part["note"]]
    assert (part["value"], part["limit"]) == (open_now, 256)


def test_it_changes_nothing_in_check_mode_or_out_of_it() -> None:
    start = dump()
    assert module(check=True)["changed"] is False
    assert module()["changed"] is False
    assert difference(start, dump()) == {}


def test_an_ordinary_user_gets_what_he_may_see() -> None:
    become_nobody()
    counters = module()["counters"]
    assert counters["UdpRcvbufErrors"]["value"] == 0
    assert counters["ListenOverflows"]["value"] == 0


def test_a_while_without_sense_is_refused() -> None:
    for seconds in (-1, 3601):
        began = time.monotonic()
        result = module(seconds=seconds)
        assert result["failed"]
        assert result["msg"] == f"seconds: must be from 0 to 3600, not {seconds}. Nothing was changed."
        assert time.monotonic() - began < 1


@pytest.mark.own_processes
def test_which_daemon_has_lost_how_much_and_what_it_holds() -> None:
    with running("kamailio", [f"127.0.0.1 {SIP_PORT}", "::1 5061"]) as daemon:
        answered = held_in_a_stall(daemon, ("127.0.0.1", SIP_PORT), BURST)
        result = module()
    found = {one["socket"]: one for one in result["sip_sockets"]}
    assert {"daemon": "kamailio", "drops_total": BURST - answered}.items() <= found[f"127.0.0.1:{SIP_PORT}"].items()
    assert found["[::1]:5061"]["drops_total"] == 0
    for one in found.values():
        assert one["holds_messages"] == one["buffer_bytes"] // 2304
        assert one["holds_small_messages"] == one["buffer_bytes"] // 1280
    assert result["counters"]["UdpRcvbufErrors"]["total"] == BURST - answered > 0
