# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packets of rtpengines: real answers over a socket of this host, and trees for the rest."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._counters.reading import read
from ansible_collections.siptune.linux.plugins.module_utils._counters.relays import (
    Relayed,
    relay_results,
    relayed,
    running_relays,
)
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from sip_trees import make, place, start

# Of rtpengine 12.5, shortened.
ANSWER = (
    b"d10:statisticsd17:currentstatisticsd11:sessionsowni1ee15:totalstatisticsd19:relayedpackets_useri%de"
    b"21:relayedpackets_kerneli%deee6:result2:oke"
)
PID = 2**22 + 1  # no process has this id


@contextlib.contextmanager
def rtpengine(body: bytes) -> Iterator[int]:
    """The port of something that answers every question by its cookie and this."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]

        def answer() -> None:
            while True:
                request, sender = bound.recvfrom(4096)
                if request == b"end":
                    return
                bound.sendto(request.partition(b" ")[0] + b" " + body, sender)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield port
        finally:
            bound.sendto(b"end", ("127.0.0.1", port))
            thread.join()


def run(root: Path, pid: int = PID, port: int = 1, nspid: str = "", *more: str) -> None:
    words = ["/usr/bin/rtpengine", "--table=0", f"--listen-ng=127.0.0.1:{port}", *more]
    start(root, pid, "rtpengine", command_line="\0".join(words) + "\0", nspid=nspid)


def all_relayed(root: Path) -> dict[int, Relayed]:
    host = Host(str(root))
    return relayed(host, running_relays(host))


def test_a_relay_that_answers(tmp_path: Path) -> None:
    make(tmp_path)
    with rtpengine(ANSWER % (200, 9800)) as port:
        run(tmp_path, port=port)
        assert all_relayed(tmp_path) == {PID: Relayed({"user": 200, "kernel": 9800})}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"d6:result2:oke", "its answer does not tell user space and the kernel apart"),
        (b"nonsense", "its answer does not tell user space and the kernel apart"),
    ],
)
def test_an_answer_that_does_not_say_it(tmp_path: Path, body: bytes, reason: str) -> None:
    make(tmp_path)
    with rtpengine(body) as port:
        run(tmp_path, port=port)
        (one,) = all_relayed(tmp_path).values()
    assert one.packets is None
    assert reason in one.reason


def test_relays_that_cannot_be_asked(tmp_path: Path) -> None:
    make(tmp_path)
    start(tmp_path, PID, "rtpengine", command_line="/usr/bin/rtpengine\0--config-file=none\0")
    run(tmp_path, PID + 1, nspid=f"{PID + 1}\t1")
    first, second = all_relayed(tmp_path).values()
    assert first.reason == "rtpengine: no address of listen-ng on its command line or in none"
    assert second.reason == "it runs in a container, whose control interface is not ours"


Counts = dict  # of a process to its packets in user space and in the kernel, None where they are not known


def results(root: Path, before: Counts | None, after: Counts) -> list[dict[str, Any]]:
    def sample(counts: Counts) -> dict[int, Relayed]:
        return {
            pid: Relayed(None, "no answer") if pair is None else Relayed(dict(zip(("user", "kernel"), pair)))
            for pid, pair in counts.items()
        }

    return relay_results(running_relays(Host(str(root))), None if before is None else sample(before), sample(after))


@pytest.mark.parametrize(
    ("before", "after", "packets", "totals", "reason"),
    [
        pytest.param(None, (5, 95), (5, 95), (5, 95), "", id="since its start"),
        pytest.param({PID: (4, 50)}, (5, 95), (1, 45), (5, 95), "", id="in a window"),
        pytest.param({PID: (40, 500)}, (5, 95), (5, 95), (5, 95), "", id="numbers that began again"),
        pytest.param({}, (5, 95), (5, 95), (5, 95), "", id="started in the window"),
        pytest.param(
            {PID: None}, (5, 95), (None, None), (5, 95), "it was not known how many there were before", id="mute before"
        ),
        pytest.param({PID: (4, 50)}, None, (None, None), (None, None), "no answer", id="mute now"),
    ],
)
def test_packets(
    tmp_path: Path, before: Any, after: Any, packets: tuple[Any, ...], totals: tuple[Any, ...], reason: str
) -> None:
    make(tmp_path)
    run(tmp_path)
    (one,) = results(tmp_path, before, {PID: after})
    assert (one["user_packets"], one["kernel_packets"]) == packets
    assert (one["user_packets_total"], one["kernel_packets_total"]) == totals
    assert (one["pid"], one["table"], one["reason"]) == (PID, 0, reason)


def test_a_container_has_no_kernels_of_its_own(tmp_path: Path) -> None:
    make(tmp_path)
    run(tmp_path)
    place(tmp_path / "proc/sys/kernel/osrelease", "6.1.0-44-amd64\n")
    place(tmp_path / "lib/modules/6.1.0-44-amd64/modules.dep", "updates/dkms/xt_RTPENGINE.ko:\n")
    (one,) = results(tmp_path, None, {PID: (1, 2)})
    assert one["kernel_has_module"] is True
    place(tmp_path / "run/systemd/container", "lxc\n")
    (one,) = results(tmp_path, None, {PID: (1, 2)})
    assert one["kernel_has_module"] is None


def test_a_host_without_relays(tmp_path: Path) -> None:
    make(tmp_path)
    start(tmp_path, PID, "kamailio")
    assert all_relayed(tmp_path) == {}
    assert results(tmp_path, None, {}) == []


def test_one_that_has_ended_since_is_left_out(tmp_path: Path) -> None:
    make(tmp_path)
    assert results(tmp_path, None, {os.getpid(): (1, 2)}) == []
    assert relayed(Host(str(tmp_path)), [{"pid": PID}]) == {}


@pytest.mark.parametrize(("seconds", "looks"), [(0, 0), (1, 1)])
def test_relays_that_are_known_are_looked_for_after_a_wait_only(tmp_path: Path, seconds: int, looks: int) -> None:
    make(tmp_path)
    start(tmp_path, PID, "rtpengine", command_line="/usr/bin/rtpengine\0--config-file=none\0")
    known = running_relays(Host(str(tmp_path)))
    listed: list[str] = []

    class Watched(Host):
        def list_directory(self, path: str) -> list[str]:
            listed.append(path)
            return super().list_directory(path)

    readings = read(Watched(str(tmp_path)), seconds, sleep=lambda _: None, relays=known)
    assert [relay["pid"] for relay in readings.relays] == [PID]
    assert listed.count("/proc") == looks
